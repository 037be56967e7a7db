# Messages when things go wrong: what cannot be read is asked for again, what
# cannot be stored is put aside with its content, a killed worker loses nothing,
# doubles nothing and breaks no ratchet.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use Test::More;

my ($bot, $ann, $bob) = ('4915100021', '4915100001', '4915100002');
my ($simulator, $node) = linked_node('main', $bot, 'wa_collector.watch_default' => 'messages');
my $group = $simulator->ask({
	do => 'group_create', by => $ann, subject => 'Garden', addressing => 'lid', members => [ $bot, $bob ] })->{group};
same_rosters($node, $simulator, $group, 'people of the group');

sub say
{
	my (%what) = @_;
	return $simulator->ask({ do => 'say', number => $ann, to => $group, %what })->{id};
}

sub of_message
{
	my ($id, $expression) = @_;
	return "SELECT $expression FROM wa.messages AS m WHERE m.wa_id = '$id'";
}

# what cannot be read at first
my @damaged = map { say(text => "damaged by $_", damage => $_) } qw(mac no_skdm);
push @damaged, say(to => $bot, text => 'damaged by no_session', damage => 'no_session');
wait_for($node, of_message($_, "state = 'stored' AND origin = 'retry' AND body LIKE 'damaged by %'"), 'sent again on our request')
	for @damaged;
$simulator->ask({ do => 'phone', number => $ann, retries => JSON::PP::false });
push @damaged, say(text => 'only the phone has it', damage => 'mac');
wait_for($node, of_message($damaged[-1], "state = 'pending' AND attempts > 0 AND trouble IS NOT NULL"), 'a sender who does not answer');
wait_for($node, of_message($damaged[-1], "state = 'stored' AND origin = 'phone' AND body = 'only the phone has it'"),
	'then the own phone tells what it said');
$simulator->ask({ do => 'phone', number => $ann, retries => JSON::PP::true });
my $once = say(text => 'to look at once', damage => 'unavailable');
wait_for($node, of_message($once, "state = 'unavailable' AND trouble = 'view_once' AND body IS NULL"), 'what only the phone may show');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.messages WHERE wa_id IN ('@{[ join q(','), @damaged, $once ]}')"), '5',
	'each of them once');

my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
like($log, qr/bot \d+ got \d+ messages that it cannot read yet/, 'the log says that there were some');
unlike($log, qr/damaged by|only the phone/, 'and nothing of what they say');

# what the tables refuse
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.body LIKE 'poison%' THEN
		RAISE EXCEPTION 'not this one';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON wa.messages FOR EACH ROW EXECUTE FUNCTION public.refuse();
SQL
my $position = -s $node->logfile;
my (@good, @bad);
for my $i (1 .. 5)
{
	push @bad, say(text => "poison $i", number => $i % 2 ? $ann : $bob);
	push @good, map { say(text => "good $i $_", number => $_ % 2 ? $ann : $bob) } 1 .. 4;
}
wait_for($node, of_message($_, "body LIKE 'good%'"), 'what surrounds a refused message is stored') for $good[-1], $good[0];
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.messages WHERE body LIKE 'good%'"), scalar @good, 'all of it');
wait_for($node, 'SELECT count(*) = 5 FROM wa.rejected', 'the refused messages are put aside');
is($node->safe_psql('postgres', "SELECT string_agg(substring(convert_from(content, 'SQL_ASCII') FROM 'poison [0-9]'), ' ' ORDER BY rejected_id) FROM wa.rejected"),
	'poison 1 poison 2 poison 3 poison 4 poison 5', 'with what was decrypted of them');
is($node->safe_psql('postgres', "SELECT DISTINCT concat_ws(' ', reason, sqlstate, length(stanza) > 50) FROM wa.rejected"),
	'not this one P0001 t', 'reason, SQLSTATE and the raw bytes');
wait_acknowledged($simulator, $bot, 'they are acknowledged');
is(bot_status($node, 'one'), 'online', 'the bot stays online');
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile, $position), qr/poison|good \d/, 'the log has nothing of the contents');
$node->safe_psql('postgres', 'DROP TRIGGER refuse ON wa.messages');
my $next = say(text => 'after the poison', number => $_) for $ann, $bob;
wait_for($node, "SELECT count(*) = 2 FROM wa.messages WHERE body = 'after the poison'", 'their ratchets went on');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.messages WHERE trouble IS NOT NULL AND wa_id NOT IN ('@{[ join q(','), @damaged, $once ]}')"),
	'0', 'nothing but the damaged ones was ever unreadable');

# records that cannot be stored: the bot starts again from the tables
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION public.refuse_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'no records today';
END $$;
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON wa_private.records FOR EACH ROW EXECUTE FUNCTION public.refuse_record();
SQL
say(text => 'without a ratchet');
wait_for($node, "SELECT status = 'error' AND status_reason = 'storage' FROM wa.bots", 'records that cannot be stored stop the bot');
$node->safe_psql('postgres', "DROP TRIGGER refuse ON wa_private.records; DELETE FROM wa.rejected");
$node->safe_psql('postgres', "SELECT wa.login('one')");
wait_connected($simulator, $bot, 'it comes back when they can');
wait_for($node, "SELECT count(*) = 1 FROM wa.messages WHERE body = 'without a ratchet'", 'and the message is sent again and stored');

# a table that is gone for a while
$node->safe_psql('postgres', 'ALTER TABLE wa.message_edits RENAME TO mislaid');
my $edited = say(text => 'first version');
say(target => $edited, text => 'second version');
wait_for($node, "SELECT detail ~ '42P01' FROM wa.workers", 'a missing table is waited out, and shown');
$node->safe_psql('postgres', 'ALTER TABLE wa.mislaid RENAME TO message_edits');
wait_for($node, of_message($edited, "body = 'second version'"), 'stored when it is back');

# the extension is gone for a while, and what is known of the ratchets with it
$node->safe_psql('postgres', 'DROP EXTENSION wa_collector');
my @absent = map { say(text => "nobody listens $_", number => $_ % 2 ? $ann : $bob) } 1 .. 4;
$node->safe_psql('postgres', 'CREATE EXTENSION wa_collector');
wait_for($node, of_message($_, "state = 'stored' AND body LIKE 'nobody listens%'"), 'read when it is back') for @absent;

# kill -9 while people talk
my $meadow = $simulator->ask({
	do => 'group_create', by => $ann, subject => 'Meadow', addressing => 'lid', members => [ $bot, $bob ] })->{group};
same_rosters($node, $simulator, $meadow, 'people of the other group');
$simulator->ask({ do => 'talk', groups => [$meadow], rate => 200, size => 60, seed => 7, events => 1500, damage => 1 });
for my $kill (1 .. 4)
{
	my $before = $node->safe_psql('postgres', 'SELECT count(*) FROM wa.messages');
	wait_for($node, "SELECT count(*) > $before + 50 FROM wa.messages", "talk goes on ($kill)");
	my $pid = worker_pid($node);
	kill 'KILL', $pid;
	process_gone($pid, "worker killed ($kill)");
	wait_for($node, "SELECT status = 'online' FROM wa.bots", "online again ($kill)");
}
wait_for($node, "SELECT count(*) >= 1500 FROM wa.messages AS m JOIN wa.chats AS c USING (chat_id) WHERE c.jid = '$meadow'", 'people fall silent');
same_messages($node, $simulator, $meadow, 'after four kills every text is there, once, and nothing else');
wait_for($node, "SELECT count(*) = 0 FROM wa.messages WHERE state <> 'stored' AND wa_id <> '$once'", 'and none stays unreadable');
is($node->safe_psql('postgres', <<'SQL'), '0', 'none is doubled');
SELECT count(*) FROM (SELECT FROM wa.messages GROUP BY chat_id, wa_id, sender HAVING count(*) > 1) AS doubled
SQL
is($node->safe_psql('postgres', 'SELECT count(*) FROM wa.rejected'), '0', 'and none was put aside');
done_testing();
