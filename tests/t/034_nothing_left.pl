# What nobody chose to have stored is nowhere, and what is deleted is gone: levels
# change while people talk, direct chats are switched off, messages disappear, a
# bot is removed with all it collected.  And the log knows no names and no words,
# however much it is asked to tell.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaContent;
use WaTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($bot, $other, $ann, $bob) = ('4915100035', '4915100036', '4915100001', '4915100002');
my ($simulator, $node) = linked_node('main', $bot, 'wa_collector.watch_default' => 'messages', 'log_min_messages' => 'debug1');
$simulator->ask({ do => 'phone', number => $ann, name => 'Annabella Quince' });
$simulator->ask({ do => 'phone', number => $bob, name => 'Bobadil Yarrow' });
my ($garden, $meadow) = map { $simulator->ask({
	do => 'group_create', by => $ann, subject => $_, addressing => 'lid', members => [ $bot, $bob ] })->{group} } 'Garden', 'Meadow';
same_rosters($node, $simulator, $_, 'people of a group') for $garden, $meadow;

sub say
{
	my (%what) = @_;
	return $simulator->ask({ do => 'say', number => $ann, to => $garden, %what })->{id};
}

sub of_message
{
	my ($id, $expression) = @_;
	return "SELECT $expression FROM wa.messages AS m WHERE m.wa_id = '$id'";
}

# everything that the database holds, as pg_dump tells it
sub everything
{
	my ($out) = run_command([ 'pg_dump', '--data-only', '-n', 'wa', '-n', 'wa_private', '-d', $node->connstr('postgres') ]);
	return $out;
}

# found(WORD...): which of them are somewhere, bytea included
sub found
{
	my (@words) = @_;
	my $all = everything();
	return join ' ', grep { my $hex = unpack 'H*', $_; $all =~ /\Q$_\E|$hex/ } @words;
}

sub level
{
	my ($level, $group) = @_;
	$node->safe_psql('postgres', "SELECT wa.watch_group(group_id, '$level') FROM wa.groups WHERE jid = '$group'");
	return;
}

# levels change while people talk
$simulator->ask({ do => 'talk', groups => [$meadow], rate => 100, size => 60, seed => 3 });
my $count = "SELECT count(*) FROM wa.messages AS m JOIN wa.chats AS c USING (chat_id) WHERE c.jid = '$meadow'";
for my $level ('members', 'counts', 'none')
{
	my $n = $node->safe_psql('postgres', $count);
	wait_for($node, "SELECT ($count) > $n + 30", 'talk is stored');
	level($level, $meadow);
	$n = $node->safe_psql('postgres', $count);
	my $said = $simulator->ask({ do => 'info' })->{said};
	wait_until(sub { $simulator->ask({ do => 'info' })->{said} > $said + 50 }, 'people talk on');
	wait_acknowledged($simulator, $bot, 'it is acknowledged') if $level eq 'none';
	is($node->safe_psql('postgres', $count), $n, "nothing is stored at the level $level");
	level('messages', $meadow);
}
my $n = $node->safe_psql('postgres', $count);
wait_for($node, "SELECT ($count) > $n + 30", 'talk is stored again');
$simulator->ask({ do => 'talk_stop' });
wait_acknowledged($simulator, $bot, 'all is acknowledged');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.messages WHERE state <> 'stored' OR origin <> 'live'"), '0', 'and all of it could be read at once');
my %said = map { $_ => 1 } split /\n/, truth_messages($simulator, $meadow);
is(scalar(grep { !$said{$_} } split /\n/, messages($node, $meadow)), 0, 'nothing is stored that was not said');

# what cannot be stored is kept aside, but not the words of those who are not listened to
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no records today'; END $$;
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON wa_private.records FOR EACH ROW EXECUTE FUNCTION public.refuse();
SQL
level('members', $meadow);
my @unheard = ('zwetschgenkuchen', 'mirabellenmus', 'rhabarbersaft');
say(to => $meadow, text => $unheard[0]);
wait_for($node, "SELECT status = 'error' AND status_reason = 'storage' FROM wa.bots", 'records that cannot be stored stop the bot');
is($node->safe_psql('postgres', 'SELECT count(*), count(content) FROM wa.rejected'), '1|0', 'the stanza is kept without its content');
$node->safe_psql('postgres', "DROP TRIGGER refuse ON wa_private.records; DELETE FROM wa.rejected; SELECT wa.login('one')");
wait_connected($simulator, $bot, 'the bot is back');

# direct chats
my $kept = say(to => $bot, text => 'between us');
wait_for($node, of_message($kept, "body = 'between us'"), 'a direct message');
$node->safe_psql('postgres', "SELECT wa.watch_chat('$ann', 'none')");
say(to => $bot, text => $unheard[1]);
$node->safe_psql('postgres', "SELECT wa.update_bot('one', watch_direct => false)");
say(number => $bob, to => $bot, text => $unheard[2]);
say(number => $bob, to => $bot, message => message(46 => pb(1 => message_key(chat => $bot, id => $kept), 2 => 'zuckerguss')));
my $next = say(text => 'heard again');
wait_for($node, of_message($next, "state = 'stored'"), 'somebody says something else');
is(found('between us', $ann, 'Annabella'), "between us $ann Annabella", 'what is watched is there');
is(found(@unheard, 'zuckerguss'), '', 'and what is not is nowhere');

# disappearing
my $brief = say(message => message(6 => pb(1 => 'stachelbeertorte', 17 => pb(25 => \2))));
wait_for($node, of_message($brief, 'expires_at IS NOT NULL'), 'a disappearing message');
say(number => $bob, target => $brief, reaction => 'kirschkompott');
wait_for($node, "SELECT count(*) = 1 FROM wa.reactions WHERE emoji = 'kirschkompott' AND message_id IS NOT NULL", 'with a reaction');
wait_for($node, "SELECT wa_private.housekeeping() IS NOT NULL AND count(*) = 0 FROM wa.messages WHERE wa_id = '$brief'", 'it is gone when its time has come');
say(id => $brief, message => message(6 => pb(1 => 'stachelbeertorte', 17 => pb(25 => \2))));
say(number => $bob, target => $brief, reaction => 'kirschkompott');
say(number => $ann, message => message(12 => pb(1 => message_key(chat => $garden, id => $brief, from_me => 1), 2 => \14, 14 => pb(1 => 'stachelbeertorte'))), edit => '1');
$simulator->ask({ do => 'stanza', number => $bot, stanza => { tag => 'receipt', attrs => { from => $garden, participant => "1$bob\@lid", id => $brief, type => 'read', t => '' . time } } });
$next = say(text => 'what was it');
wait_for($node, of_message($next, "state = 'stored'"), 'somebody says something else');
is(found('stachelbeertorte', 'kirschkompott', $brief), '', 'it does not come back, nor does what is said about it');

# revoked, where its words are not to be kept
$node->safe_psql('postgres', 'ALTER SYSTEM SET wa_collector.keep_revoked = off');
$node->reload;
wait_for($node, "SELECT current_setting('wa_collector.keep_revoked') = 'off'", 'what is deleted for everybody shall not be kept');
$simulator->ask({ do => 'phone', number => $ann, retries => JSON::PP::false });
my $late = say(message => message(3 => pb(1 => 'https://mmg.whatsapp.net/v/t62', 2 => 'image/jpeg', 3 => 'pflaumenmus', 4 => 'h' x 32, 8 => 'k' x 32, 9 => 'e' x 32, 11 => '/v/t62/quittenbrot')), damage => 'mac');
wait_for($node, of_message($late, "state = 'pending'"), 'a message that cannot be read yet');
say(target => $late);
wait_for($node, of_message($late, "state = 'stored' AND revoked_at IS NOT NULL"), 'is deleted and then read');
$simulator->ask({ do => 'phone', number => $ann, retries => JSON::PP::true });
is(found('pflaumenmus', 'quittenbrot'), '', 'its words do not stay, nor does its file');

# the feed and its listeners have numbers only, and the log has no names and no words
my $log = slurp_file($node->logfile);
my %word = map { $_ => 1 } grep { length > 4 } 'heard again', 'what was it', 'between us', @unheard, 'zuckerguss', 'kirschkompott', 'pflaumenmus', 'quittenbrot',
	$ann, $bob, 'Annabella', 'Yarrow', map { /^\S+ \S+ (.{8,20})/ ? $1 : () } split /\n/, truth_messages($simulator, $meadow);
is(join(' ', grep { index($log, $_) >= 0 } sort keys %word), '', 'the log has no number, no name and no word of what was said');

# a person who was everywhere and left is erased while others talk on
$simulator->ask({ do => 'talk', groups => [ $garden, $meadow ], rate => 100, size => 60, seed => 5 });
wait_for($node, "SELECT count(*) > 20 FROM wa.messages WHERE sender = wa.resolve('$bob')", 'he talks, too');
my $card = say(text => "his number is $bob");
say(target => say(number => $bob, text => 'holunderwein'), reaction => 'U+1F377');
wait_for($node, "SELECT count(*) = 1 FROM wa.reactions WHERE emoji = 'U+1F377' AND message_id IS NOT NULL", 'somebody reacts to him');
same_rosters($node, $simulator, $_, 'people of a group that is watched again') for $garden, $meadow;
like(sql_error($node, "SELECT wa.erase_user('$bob')"), qr/55006.*Groups: "Garden", "Meadow"/s, 'a member is not erased');
$simulator->ask({ do => 'group_leave', group => $_, number => $bob }) for $garden, $meadow;
wait_for($node, "SELECT count(*) = 0 FROM wa.group_members WHERE user_id = wa.resolve('$bob')", 'he leaves');
my $figures = "SELECT string_agg(concat_ws(' ', label, joins, leaves, inferred), ', ' ORDER BY label) FROM wa.stat_growth(now() - interval '2 days', now() + interval '1 day', step => 'week', by => 'group')";
my ($growth, $keys) = split /\n/, $node->safe_psql('postgres', "$figures; SELECT count(*) FROM wa_private.records WHERE name LIKE '1$bob\@%'");
isnt(found($bob, 'Bobadil Yarrow', 'holunderwein'), '', 'he is in the tables');
cmp_ok($keys, '>', 0, 'and so are his keys');
$n = $node->safe_psql('postgres', "SELECT max(message_id) FROM wa.messages");
wait_for($node, "SELECT max(message_id) > $n + 20 FROM wa.messages", 'others talk on');
is($node->safe_psql('postgres', qq{SELECT sum(deleted) > 40 FROM wa.erase_user('$bob')}), 't', 'he is erased');
$n = $node->safe_psql('postgres', "SELECT max(message_id) FROM wa.messages");
wait_for($node, "SELECT max(message_id) > $n + 20 FROM wa.messages", 'while others talk');
is(found($bob, 'Bobadil Yarrow', 'holunderwein', 'U+1F377'), '', 'nothing leads to him');
is($node->safe_psql('postgres', $figures), $growth, 'the figures of the groups are the same');
is($node->safe_psql('postgres', of_message($card, 'body')), 'his number is …', 'nor does what others said about him');
is($node->safe_psql('postgres', 'SELECT count(*) FROM wa.check_rollups()'), '0', 'the roll-ups are right');
wait_for($node, "SELECT bool_or(kind = 'person' AND change = 'erased') FROM wa.feed()", 'the feed tells of it');
$simulator->ask({ do => 'talk_stop' });
wait_acknowledged($simulator, $bot, 'all is acknowledged');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.messages WHERE state <> 'stored'"), '0', 'nobody else became unreadable');
# whoever writes again is somebody new, and read
$simulator->ask({ do => 'group_add', group => $garden, by => $ann, members => [$bob] });
my $again = say(number => $bob, text => 'I am back');
wait_for($node, of_message($again, "state = 'stored' AND body = 'I am back'"), 'he comes back and is read');

# a bot that goes takes along what only it collected, while people talk
link_bot($node, $simulator, 'two', $other);
my $shared = $simulator->ask({ do => 'group_create', by => '4915100009', subject => 'Shared', addressing => 'lid', members => [ $bot, $other ] })->{group};
same_rosters($node, $simulator, $shared, 'people of a shared group');
$simulator->ask({ do => 'say', number => '4915100009', to => $shared, text => 'both hear this' });
wait_for($node, "SELECT count(*) = 1 FROM wa.messages WHERE body = 'both hear this'", 'a message in the shared group');
level('messages', $meadow);
$simulator->ask({ do => 'talk', groups => [ $garden, $meadow ], rate => 100, size => 60, seed => 4, reactions => 30, edits => 20 });
$n = $node->safe_psql('postgres', $count);
wait_for($node, "SELECT ($count) > $n + 30", 'people talk');
$node->safe_psql('postgres', "SELECT wa.remove_bot('one', purge => true)");
wait_for($node, 'SELECT sum(bots) = 1 FROM wa.workers', 'the worker lets go of the bot');
$simulator->ask({ do => 'talk_stop' });
is($node->safe_psql('postgres', 'SELECT string_agg(body, chr(10)) FROM wa.messages'), 'both hear this', 'what the other bot has heard stays');
is(found($ann, $bob, 'Annabella', 'Yarrow', $garden, $meadow, 'between us', 'heard again', 'what was it'), '', 'everything else is gone');
done_testing();
