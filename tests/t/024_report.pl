# The report in a browser, as a phone and a desk show it, in light and dark: it
# fits, can be read, and the browser has nothing to complain about.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use WaBrowser;
use PostgreSQL::Test::Utils;
use Test::More;

need_browser();

my $node = wa_node('main', undef, 'wa_collector.databases' => 'template1');
$node->start;
for my $database (qw(nothing community strange))
{
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION wa_collector; SELECT wa.create_storage()');
}

# report(DATABASE, ARGUMENTS): the page
sub report
{
	my ($database, $arguments) = @_;
	return $node->safe_psql($database, 'SELECT wa.report_html(' . ($arguments // '') . ')');
}

# everywhere(NAME, PAGE, WIDTH => HEIGHT, ...): as both devices show it; where a
# height is given in both themes and with a picture, which the README may have.
sub everywhere
{
	my ($name, $page, %keep) = @_;
	for my $width (360, 1400)
	{
		for my $theme ($keep{$width} ? ('light', 'dark') : $width == 360 ? 'dark' : 'light')
		{
			my $found = looks_well($name, $page, $width, $theme);
			is($found->{sections}, 7, "$name, $width pixels, $theme: seven parts");
			next if !$keep{$width};
			my $png = picture($page, $width, $keep{$width}, $theme);
			cmp_ok(-s $png // 0, '>', 20_000, "$name, $width pixels, $theme: there is a picture");
			keep_picture($png, "report-" . ($width < 700 ? 'phone' : 'desk') . "-$theme");
		}
	}
	return;
}

everywhere('nothing yet', report('nothing'));

$node->psql('community', slurp_file('tests/t/lib/community.sql'), on_error_die => 1);
everywhere('four weeks', report('community', "now() - interval '28 days'"), 360 => 1500, 1400 => 1340);
everywhere('an hour', report('community', "now() - interval '1 hour'"));
everywhere('ten years', report('community', "now() - interval '10 years'"));
everywhere('three days of a group', report('community', q{now() - interval '3 days', now(), 'Book club "Tuesday"', 'south'}));

# names that nobody expects, one that never joined anybody, one change
$node->safe_psql('strange', <<'SQL');
SELECT wa.add_bot('a bot with a long name'), wa.add_bot('<i>"quoted" & ''so''</i>');
UPDATE wa.bots SET status = 'error', status_reason = 'client_outdated_and_some_more' WHERE name LIKE '<%';
INSERT INTO wa.bot_status_log (bot_id, at, status, previous_status, reason)
SELECT b.bot_id, now() - x.ago, x.status, 'offline', x.reason
FROM wa.bots AS b, (VALUES (interval '6 days', 'online', NULL), ('3 days', 'error', 'connection_lost'), ('2 days', 'online', NULL),
	('1 day', 'error', 'client_outdated_and_some_more')) AS x (ago, status, reason);
INSERT INTO wa.groups (group_id, jid, subject, watch_level, size, roster_at, roster_complete) OVERRIDING SYSTEM VALUE
SELECT g, g || '@g.us', (ARRAY[E'</td><b>\u202E\u0645\u062C\u0645\u0648\u0639\u0629', '"O''Hara" & Co', repeat('longwithoutspaces', 6), E'\U0001F469\u200D\U0001F469\u200D\U0001F467'])[g],
	'members', 1, now(), g <> 2
FROM generate_series(1, 4) AS g;
INSERT INTO wa.bot_groups (bot_id, group_id, first_seen_at, last_seen_at) SELECT b.bot_id, g, now(), now() FROM wa.bots AS b, generate_series(1, 4) AS g;
INSERT INTO wa.users (user_id, first_seen_at, last_seen_at) OVERRIDING SYSTEM VALUE VALUES (1, now(), now()), (2, now(), now());
SELECT wa_private.make_partition(now() - interval '1 day');
INSERT INTO wa.memberships (group_id, user_id, joined_at, join_kind, join_source)
VALUES (1, 1, now() - interval '5 days', 'unknown', 'snapshot'), (2, 1, now() - interval '5 days', 'unknown', 'snapshot');
INSERT INTO wa.group_events (event_id, group_id, occurred_at, at_precision, source, kind, action, how, target, received_at) OVERRIDING SYSTEM VALUE
VALUES (1, 2, now() - interval '1 day', '9 hours', 'snapshot', 'join', 'add', 'unknown', 2, now());
INSERT INTO wa.memberships (group_id, user_id, joined_at, joined_precision, join_kind, join_source, join_event_id)
VALUES (2, 2, now() - interval '1 day', '9 hours', 'unknown', 'snapshot', 1);
SQL
everywhere('strange names', report('strange'));
everywhere('a group of one', report('strange', q{"group" => '1'}));
everywhere('one change', report('strange', q{"group" => '2'}));
done_testing();
