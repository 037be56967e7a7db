# The past that a phone tells a new bot is in the tables, once, whatever happens
# on the way: kills, pieces that come twice, are cut short, damaged or gone, and
# hosts that do not answer.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaStays qw(stays_script);
use WaTest;
use Test::More;

my $number = '4915100001';
my ($simulator, $node) = linked_node('main', $number,
	'wa_collector.watch_default' => 'messages',
	'wa_collector.iq_timeout' => '2s');

# The same sum as the simulator makes of what the phone told (docs/simulator.md).
my $sum = <<'SQL';
SELECT concat_ws(' ', count(*), sum(CASE WHEN n < 0 THEN n::numeric + 18446744073709551616 ELSE n END) % 18446744073709551616)
FROM (
	SELECT ('x' || left(md5(concat_ws('|', m.wa_id,
			CASE c.kind WHEN 'group' THEN g.jid ELSE other.lid || '@lid' END, author.lid || '@lid',
			extract(epoch FROM m.sent_at)::bigint, coalesce(m.body, ''))), 16))::bit(64)::bigint AS n
	FROM wa.messages AS m
	JOIN wa.chats AS c USING (chat_id)
	JOIN wa.bots AS b ON b.bot_id = m.bot_id
	LEFT JOIN wa.groups AS g ON g.group_id = c.group_id
	LEFT JOIN wa.people AS other ON other.user_id = c.user_id
	LEFT JOIN wa.people AS author ON author.user_id = m.sender
	WHERE b.name = 'BOT') AS x
SQL

my $finished = q{SELECT coalesce(bool_and(state IN ('done', 'failed')), false) FROM wa_private.history_chunks};

# Until the phone has told all and the worker has taken it.
sub wait_history
{
	my ($who, $what) = @_;
	my $run;
	wait_until(
		sub {
			($run) = @{ $simulator->ask({ do => 'history_state', number => $who })->{runs} };
			return $run && $run->{done};
		},
		"$what: the phone has told all", timeout => 2 * $WaTest::timeout);
	my $pieces = @{ $run->{chunks} };
	wait_for($node, "SELECT count(*) >= $pieces FROM wa_private.history_chunks AS h JOIN wa.bots AS b USING (bot_id) WHERE b.phone = '$who'",
		"$what: all pieces are noticed");
	wait_for($node, $finished, "$what: all pieces are finished", timeout => 2 * $WaTest::timeout);
	return $run;
}

sub truth
{
	my ($who) = @_;
	my $truth = $simulator->ask({ do => 'history_truth', number => $who });
	return "$truth->{messages} $truth->{checksum}";
}

# ---------------------------------------------------------------- all of it, with kills in between

$simulator->ask({ do => 'history', number => $number, chats => 20, messages => 6000, chunk_messages => 1500, days => 90, seed => 3,
	faults => [ { chunk => 4, kind => 'repeated' } ] });
my $before = 0;
for my $kill (1 .. 3)
{
	# in the middle: some of a piece is stored and more is to come
	my $pid;
	wait_until(
		sub {
			my $events;
			($events, $pid) = split /\|/, eval { $node->safe_psql('postgres', <<'SQL') } // '';
SELECT sum(n_events), (SELECT w.pid FROM wa.workers AS w WHERE w.pid IS NOT NULL)
FROM wa_private.history_chunks WHERE EXISTS (SELECT FROM wa_private.history_chunks WHERE state = 'loading' AND n_events > 0)
SQL
			return 0 if !$pid || $events <= $before;
			$before = $events;
			return 1;
		},
		"kill $kill: some of a piece is stored", timeout => 2 * $WaTest::timeout, pause_ms => 5);
	kill 'KILL', $pid;
	process_gone($pid, "kill $kill: the worker is gone");
}
wait_for($node, "SELECT status = 'online' FROM wa.bots", 'online again after the kills');
my $run = wait_history($number, 'the whole past');
is($node->safe_psql('postgres', "SELECT string_agg(DISTINCT state, ',') FROM wa_private.history_chunks"), 'done', 'every piece is done');
is($node->safe_psql('postgres', $sum =~ s/BOT/one/r), truth($number), 'the messages are those that the phone told, each of them once');
is($node->safe_psql('postgres', 'SELECT count(*) FROM (SELECT FROM wa.messages GROUP BY chat_id, wa_id, sender HAVING count(*) > 1) AS d'),
	'0', 'no message is there twice');
like($node->safe_psql('postgres', stays_script(sub { $simulator->ask(@_) }, $number)), qr/^0 of [1-9]\d\d memberships differ/,
	'the memberships are those that follow from what was told');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.messages WHERE origin <> 'history'"), '0', 'all say where they are from');
is($node->safe_psql('postgres', 'SELECT count(*) FROM wa.rejected'), '0', 'nothing was put aside');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa_private.history_chunks WHERE notice ? 'media' OR notice ? 'payload'"), '0',
	'no key of a finished piece is kept');

# ---------------------------------------------------------------- pieces that are no good

$before = $node->safe_psql('postgres', 'SELECT max(chunk_id) FROM wa_private.history_chunks');
my $other = '4915100002';
link_bot($node, $simulator, 'two', $other);
$simulator->ask({ do => 'history', number => $other, chats => 5, messages => 3000, chunk_messages => 300, seed => 4,
	faults => [ { chunk => 3, kind => 'truncated' }, { chunk => 4, kind => 'bad_deflate' }, { chunk => 5, kind => 'corrupt' },
		{ chunk => 6, kind => 'gone' } ] });
$run = wait_history($other, 'with bad pieces');
is($node->safe_psql('postgres', <<"SQL"), <<'TEXT' =~ s/\n\z//r, 'each bad piece says why, and no other one suffers');
SELECT state, coalesce(error, '-'), count(*) FROM wa_private.history_chunks
WHERE chunk_id > $before GROUP BY 1, 2 HAVING state = 'failed' ORDER BY 2
SQL
failed|it ends in the middle of an entry|1
failed|not the file that was announced|1
failed|the compressed data ends too early|1
failed|the media service does not have it any more; the phone was asked to upload it again|1
TEXT
wait_for($node, <<"SQL", 'the piece that was gone comes again');
SELECT count(*) = 1 FROM wa_private.history_chunks WHERE chunk_id > $before AND notice ? 'original_id' AND state = 'done' AND n_messages > 0
SQL
# what was not in the bad ones is here
my %bad = map { $_->{id} => 1 } grep { ($_->{fault} // '') =~ /^(?:truncated|bad_deflate|corrupt|gone)$/ } @{ $run->{chunks} };
is(scalar(keys %bad), 4, 'four pieces were bad');
my $good = 0;
$good += $_->{messages} for grep { !$bad{ $_->{id} } } @{ $run->{chunks} };
my $stored = $node->safe_psql('postgres', <<"SQL");
SELECT count(*) FROM wa.messages AS m JOIN wa.bots AS b USING (bot_id) WHERE b.name = 'two'
SQL
cmp_ok($stored, '>', $good * 0.8, 'what the good pieces tell is stored');

my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
is(() = $log =~ /a piece of history of bot \d+ could not be stored/g, 4, 'the log has one line for each bad piece');
unlike($log, qr/PANIC|TRAP|wa_collector worker.*exited with exit code 1/, 'and nothing else went wrong');

# ---------------------------------------------------------------- hosts that are no good

my $third = '4915100003';
link_bot($node, $simulator, 'three', $third);
# nobody listens at the first; the second one begins and falls silent, then is well
$simulator->ask({ do => 'media_hosts', hosts => [ '127.0.0.1:9', 'self', 'self' ] });
$simulator->ask({ do => 'fault', kind => 'media', effect => 'stall', bytes => 100, times => 1 });
$simulator->ask({ do => 'history', number => $third, chats => 4, messages => 500, seed => 5 });
wait_history($third, 'with bad hosts');
is($node->safe_psql('postgres', $sum =~ s/BOT/three/r), truth($third), 'bad hosts cost nothing but time');

# An outage is waited out, with the reason to be seen meanwhile.
my $fourth = '4915100004';
link_bot($node, $simulator, 'four', $fourth);
$simulator->ask({ do => 'fault', kind => 'media', effect => 'status', code => 503 });
$simulator->ask({ do => 'history', number => $fourth, chats => 2, messages => 100, seed => 6 });
wait_for($node, "SELECT bool_or(error = 'the media host has trouble' AND state = 'wanted' AND next_at > now()) FROM wa_private.history_chunks",
	'a piece that cannot be had now is wanted later');
$simulator->ask({ do => 'faults_clear', kind => 'media' });
$node->safe_psql('postgres', "UPDATE wa_private.history_chunks SET next_at = now() WHERE state = 'wanted'");
wait_history($fourth, 'after an outage');
is($node->safe_psql('postgres', $sum =~ s/BOT/four/r), truth($fourth), 'nothing is missing after an outage');

# ---------------------------------------------------------------- a bot that is removed meanwhile

$simulator->ask({ do => 'fault', kind => 'media', effect => 'slow', bytes => 2000 });
my $fifth = '4915100005';
link_bot($node, $simulator, 'five', $fifth);
$simulator->ask({ do => 'history', number => $fifth, chats => 2, messages => 2000, seed => 7 });
wait_for($node, "SELECT bool_or(h.state = 'loading') FROM wa_private.history_chunks AS h JOIN wa.bots AS b USING (bot_id) WHERE b.name = 'five'",
	'a download has begun');
$node->safe_psql('postgres', "SELECT wa.remove_bot('five', true)");
$simulator->ask({ do => 'faults_clear', kind => 'media' });
wait_for($node, "SELECT NOT EXISTS (SELECT FROM wa_private.history_chunks WHERE state IN ('wanted', 'loading'))", 'its pieces went with it');
my $sixth = '4915100006';
link_bot($node, $simulator, 'six', $sixth);
$simulator->ask({ do => 'history', number => $sixth, chats => 2, messages => 50, seed => 8 });
wait_history($sixth, 'and the next bot');
is($node->safe_psql('postgres', $sum =~ s/BOT/six/r), truth($sixth), 'has its past');

# ---------------------------------------------------------------- what no table takes

my $seventh = '4915100007';
link_bot($node, $simulator, 'seven', $seventh);
my ($heard, $unheard) = map { $simulator->ask({
	do => 'group_create', by => '4915100008', subject => $_, addressing => 'lid', members => [$seventh] })->{group} } 'Heard', 'Unheard';
wait_for($node, "SELECT count(*) = 2 FROM wa.groups WHERE jid IN ('$heard', '$unheard')", 'two groups are known');
$node->safe_psql('postgres', <<"SQL");
SELECT wa.watch_group('$unheard', 'members');
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN RAISE EXCEPTION 'no past today'; END \$\$;
CREATE TRIGGER refuse BEFORE INSERT ON wa.group_events FOR EACH ROW WHEN (NEW.source = 'history') EXECUTE FUNCTION public.refuse();
SQL
$simulator->ask({ do => 'history', number => $seventh, groups => [ $heard, $unheard ], messages => 100, stubs => 40, duplicates => 0, past_participants => 2, seed => 9 });
wait_history($seventh, 'with what is refused');
my %refused;
for my $event (@{ $simulator->ask({ do => 'history_truth', number => $seventh, what => 'items', limit => 1000 })->{events} })
{
	$refused{ $event->{chat} }++;
}
cmp_ok($refused{$_}, '>', 5, 'the phone tells of both groups') for $heard, $unheard;
my ($all, $with, $elsewhere) = split /\|/, $node->safe_psql('postgres', <<"SQL");
SELECT count(*), count(content), count(*) FILTER (WHERE convert_from(content, 'UTF8')::jsonb ->> 'group' <> '$heard') FROM wa.rejected WHERE reason = 'no past today'
SQL
cmp_ok($with, '>', 5, 'what is refused is kept with its content');
cmp_ok($all - $with, '>', 5, 'and without it from the group whose messages are not stored');
is($elsewhere, '0', 'nothing of that group is kept');

$node->stop('fast');
done_testing();
