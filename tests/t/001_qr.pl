# A bot is linked by QR; the groups it sits in, their people, and what happens
# there from then on are in the tables.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $simulator = simulator();
my $node = wa_node('main', $simulator);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION wa_collector');

# two groups exist before the bot does
my $lid_group = $simulator->ask({
	do => 'group_create', by => '4915100001', subject => 'Garden', addressing => 'lid',
	members => [ '4915100009', '4915100002', '4915100003' ] })->{group};
my $pn_group = $simulator->ask({
	do => 'group_create', by => '4915100002', subject => 'Choir', addressing => 'pn',
	members => [ '4915100009', '4915100003' ] })->{group};
my $foreign = $simulator->ask({
	do => 'group_create', by => '4915100002', subject => 'Not ours', addressing => 'pn',
	members => ['4915100003'] })->{group};

# the three statements of the README, in autocommit
my $bot_id = $node->safe_psql('postgres', "SELECT wa.add_bot('support')");
like($bot_id, qr/^\d+$/, 'add_bot returns the bot\'s number');
my $terminal = $node->safe_psql('postgres', "SELECT wa.qr_text('support')");
like($terminal, qr/[█▀▄]/, 'the QR is drawn with blocks');
# psql's tables show control characters as text, which makes a QR that no phone reads
unlike($terminal, qr/[^\n -\x7e\x80-\xff]/, 'and nothing that a table of psql would show as an escape sequence');
my ($quiet) = $terminal =~ /^([^\n]*\n[^\n]*)\n/;
like($quiet, qr/^(?:█)+\n(?:█)+$/, 'its quiet zone is white on a terminal with dark background');
like($node->safe_psql('postgres', "SELECT wa.qr_text('support', 'light')"), qr/^ +\n +\n    █▀▀▀▀▀█ /, 'and on one with light background');
like($node->safe_psql('postgres', "SELECT wa.qr_text('support', 'color')"), qr/^\e\[30;107m +\e\[0m\n/, 'or coloured');

is($node->safe_psql('postgres', "SELECT encode(substr(wa.qr_png('support', 400), 1, 8), 'hex')"), '89504e470d0a1a0a', 'the PNG is one');
like($node->safe_psql('postgres', "SELECT wa.qr_svg('support')"), qr/<svg/, 'the SVG is one');
like($node->safe_psql('postgres', "SELECT wa.qr_html('support', 200)"), qr{<img[^>]+src="data:image/}, 'the HTML carries its picture');

my $answer = link_bot($node, $simulator, 'support', '4915100009');
like($answer->{jid}, qr/^4915100009/, 'the phone linked the right account');

wait_for($node, 'SELECT count(*) = 2 FROM wa.bot_groups WHERE left_at IS NULL', 'both groups are there');
same_rosters($node, $simulator, $lid_group, 'people of the LID-addressed group');
same_rosters($node, $simulator, $pn_group, 'people of the number-addressed group');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.groups WHERE jid = '$foreign'"), '0', 'a group without the bot is unknown');
is($node->safe_psql('postgres', "SELECT string_agg(subject, ',' ORDER BY subject) FROM wa.groups"), 'Choir,Garden', 'their subjects');

# a QR that was used is not shown again
like(sql_error($node, "SELECT wa.qr_text('support')"), qr/55000/, 'a linked bot has no QR');

# life of the group
$simulator->ask({ do => 'group_add', group => $lid_group, by => '4915100001', members => ['4915100004'] });
$simulator->ask({ do => 'group_remove', group => $lid_group, by => '4915100001', members => ['4915100002'] });
$simulator->ask({ do => 'group_promote', group => $lid_group, by => '4915100001', members => ['4915100003'] });
$simulator->ask({ do => 'group_join', group => $lid_group, number => '4915100005', via => 'link' });
$simulator->ask({ do => 'group_leave', group => $lid_group, number => '4915100004' });
$simulator->ask({ do => 'group_subject', group => $lid_group, by => '4915100001', text => 'Garden ☘' });
same_rosters($node, $simulator, $lid_group, 'people after some life');
wait_for($node, "SELECT subject = 'Garden ☘' FROM wa.groups WHERE jid = '$lid_group'", 'the new subject');

my $phone = "(SELECT split_part(value, '\@', 1) FROM wa.user_ids AS i WHERE i.user_id = %s AND kind = 'pn' AND current)";
my $how = "SELECT string_agg(line, ';' ORDER BY line) FROM (SELECT concat_ws(' ', "
	. sprintf($phone, 'm.user_id') . ", m.join_kind, m.join_source, m.leave_kind, " . sprintf($phone, 'm.remover')
	. ") AS line FROM wa.memberships AS m JOIN wa.groups AS g USING (group_id) WHERE g.jid = '$lid_group'"
	. " AND (m.left_at IS NOT NULL OR m.join_source = 'live')) AS q";
is($node->safe_psql('postgres', $how),
	'4915100002 unknown snapshot removed 4915100001;4915100004 added live left;4915100005 link live',
	'who came and went, how, and by whom');

# nothing secret reached the server's log
my $log = slurp_file($node->logfile);
unlike($log, qr/2\@|Garden|Choir|4915100009/, 'no QR, subject or number in the log');

$node->stop('fast');
done_testing();
