# Tables that refuse: what is wrong with one stanza puts that one aside, what is
# wrong with the database is waited out, keys that cannot be stored stop the bot
# and nothing else; and whatever runs in the worker runs as the owner.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use Test::More;

my $number = '4915100016';
my $simulator = simulator();
my $node = wa_node('main', $simulator);
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION wa_collector;
CREATE TABLE public.ran_as (who name, login name);
-- a list of the group may tell the same subject, as an inference: that one is taken
CREATE FUNCTION public.refuse_subject() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.kind = 'subject' AND NEW.source = 'live' THEN
		RAISE EXCEPTION 'not this one';
	END IF;
	RETURN NEW;
END $$;
CREATE FUNCTION public.note_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.ran_as VALUES (current_user, session_user);
	RETURN NEW;
END $$;
CREATE FUNCTION public.climb() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RESET ROLE;
	RETURN NEW;
END $$;
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'no keys today';
END $$;
SQL
link_bot($node, $simulator, 'one', $number);
link_bot($node, $simulator, 'witness', '4915100017');
my $group = $simulator->ask({
	do => 'group_create', by => '4915100001', subject => 'Garden', addressing => 'lid', members => [$number] })->{group};
same_rosters($node, $simulator, $group, 'people of the group');
my $pid = worker_pid($node);

sub set_subject
{
	my ($text) = @_;
	return $simulator->ask({ do => 'group_subject', group => $group, by => '4915100001', text => $text });
}

# one stanza that the tables refuse, others around it that they take
$node->safe_psql('postgres', <<'SQL');
CREATE TRIGGER refuse_subject BEFORE INSERT ON wa.group_events FOR EACH ROW EXECUTE FUNCTION public.refuse_subject();
CREATE CONSTRAINT TRIGGER note_user AFTER INSERT ON wa.group_events DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION public.note_user();
SQL
my $position = -s $node->logfile;
for my $i (1 .. 3)
{
	set_subject("refused $i");
	$simulator->ask({ do => 'group_add', group => $group, by => '4915100001', members => ["491510002$i"] });
}
same_rosters($node, $simulator, $group, 'what surrounds a refused stanza is stored');
wait_for($node, 'SELECT count(*) = 3 FROM wa.rejected', 'the refused stanzas are put aside');
is($node->safe_psql('postgres', "SELECT DISTINCT concat_ws(' ', reason, sqlstate, length(stanza) > 50) FROM wa.rejected"),
	'not this one P0001 t', 'with reason, SQLSTATE and the raw bytes');
wait_acknowledged($simulator, $number, 'they are acknowledged');
$simulator->ask({ do => 'fault', kind => 'cut', number => $number });
wait_connected($simulator, $number, 'after a new login');
$simulator->ask({ do => 'group_add', group => $group, by => '4915100001', members => ['4915100029'] });
same_rosters($node, $simulator, $group, 'what came after them is stored');
is($node->safe_psql('postgres', 'SELECT count(*) FROM wa.rejected'), '3', 'and the server did not send them again');
my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile, $position);
is(scalar(() = $log =~ /a stanza of bot \d+ could not be stored/g), 1, 'one line in the log, not one for each');
unlike($log, qr/not this one|refused 1/, 'without anything of the contents');
is($node->safe_psql('postgres', 'SELECT DISTINCT who FROM public.ran_as'),
	$node->safe_psql('postgres', "SELECT tableowner FROM pg_tables WHERE schemaname = 'wa' AND tablename = 'bots'"),
	'a deferred trigger of the user runs, as the owner of the tables');

# a trigger cannot become the role that the worker logged in as
$node->safe_psql('postgres', <<'SQL');
DROP TRIGGER refuse_subject ON wa.group_events;
DROP TRIGGER note_user ON wa.group_events;
CREATE TRIGGER climb BEFORE INSERT ON wa.group_events FOR EACH ROW EXECUTE FUNCTION public.climb();
SQL
set_subject('climbing');
wait_for($node, "SELECT detail ~ '42501' FROM wa.workers", 'RESET ROLE in a trigger is refused, and shown');
$node->safe_psql('postgres', 'DROP TRIGGER climb ON wa.group_events');
wait_for($node, "SELECT subject = 'climbing' FROM wa.groups", 'and the stanza is stored when the trigger is gone');

# a lock that somebody holds
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN');
$locker->query_safe('LOCK TABLE wa.group_events IN ACCESS EXCLUSIVE MODE');
set_subject('behind the lock');
wait_for($node, "SELECT detail ~ '55P03' FROM wa.workers", 'a lock is waited out, and shown');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.rejected"), '3', 'nothing is put aside for it');
$locker->query_safe('COMMIT');
$locker->quit;
wait_for($node, "SELECT subject = 'behind the lock' FROM wa.groups", 'stored when the lock is gone');
wait_for($node, 'SELECT detail IS NULL FROM wa.workers', 'and the trouble is not shown any longer');

# a table that is gone for a while
$node->safe_psql('postgres', 'ALTER TABLE wa.group_events RENAME TO mislaid');
set_subject('without a table');
wait_for($node, "SELECT detail ~ '42P01' FROM wa.workers", 'a missing table is waited out, and shown');
$node->safe_psql('postgres', 'ALTER TABLE wa.mislaid RENAME TO group_events');
wait_for($node, "SELECT subject = 'without a table' FROM wa.groups", 'stored when it is back');

# keys that cannot be stored
add_bot($node, 'keyless');
$node->safe_psql('postgres', 'CREATE TRIGGER refuse BEFORE INSERT ON wa_private.prekeys FOR EACH ROW EXECUTE FUNCTION public.refuse()');
my $qr = $node->safe_psql('postgres', "SELECT wa.qr_content('keyless')");
$simulator->ask({ do => 'scan', number => '4915100018', qr => $qr });
wait_for($node, "SELECT status = 'error' AND status_reason = 'storage' AND status_hint IS NOT NULL FROM wa.bots WHERE name = 'keyless'",
	'keys that cannot be stored: the bot stops, with a hint');
$node->safe_psql('postgres', 'DROP TRIGGER refuse ON wa_private.prekeys');
$node->safe_psql('postgres', "SELECT wa.login('keyless')");
wait_for($node, "SELECT status = 'online' FROM wa.bots WHERE name = 'keyless'", 'and comes back with the keys it was linked with');
is($node->safe_psql('postgres', "SELECT jid FROM wa.bots WHERE name = 'keyless'"), '4915100018@s.whatsapp.net', 'still the same account');

# all of this happened to one process, which holds nothing while it waits
is(worker_pid($node), $pid, 'the worker lived through all of it');
wait_for($node, "SELECT backend_xmin IS NULL AND state = 'idle' FROM pg_stat_activity WHERE pid = $pid", 'idle, it holds no snapshot');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE pid = $pid AND locktype NOT IN ('advisory')"), '0',
	'and no lock but those of its bots');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
set_subject('after a cancel');
wait_for($node, "SELECT subject = 'after a cancel' FROM wa.groups", 'a cancel request does not hurt it');
is(worker_pid($node), $pid, 'nor end it');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.bot_status_log AS l JOIN wa.bots AS b USING (bot_id) WHERE b.name = 'witness' AND l.status = 'error'"),
	'0', 'the other bot did not notice');

$node->stop('fast');
done_testing();
