# What administrators do to the tables while messages stream in through two
# workers: a refusing trigger, a dropped partition, locks, new indexes, odd
# defaults, DROP EXTENSION, dump and restore.  Every message is there, once.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($one, $two, $ann, $bob, $cem) = ('4915100033', '4915100034', '4915100001', '4915100002', '4915100003');
my $simulator = simulator();
my %settings = ('wa_collector.watch_default' => 'messages', 'wa_collector.workers' => 2);
my $node = wa_node('main', $simulator, %settings);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION wa_collector');
link_bot($node, $simulator, 'one', $one);
link_bot($node, $simulator, 'two', $two);
wait_for($node, "SELECT count(*) = 2 FROM wa.workers WHERE bots = 1", 'two workers have a bot each');
my @groups = map { $simulator->ask({
	do => 'group_create', by => $ann, subject => $_, addressing => $_ eq 'Garden' ? 'lid' : 'pn', members => [ $one, $two, $bob, $cem ] })->{group} }
	'Garden', 'Meadow';
same_rosters($node, $simulator, $_, 'people of a group') for @groups;

sub talk
{
	my (%what) = @_;
	$simulator->ask({ do => 'talk', groups => \@groups, rate => 150, size => 60, seed => 5, damage => 2, reactions => 5, %what });
	return;
}

sub counted { return $node->safe_psql('postgres', 'SELECT count(*) FROM wa.messages'); }

# goes_on(WHAT): some more messages come and are stored.
sub goes_on
{
	my ($what) = @_;
	my $n = counted();
	wait_for($node, "SELECT count(*) > $n + 60 FROM wa.messages", "messages go on $what");
	return;
}

sub all_there
{
	my ($server, $what, $after) = @_;
	same_messages($server, $simulator, $_, "$what: every text", after => $after) for @groups;
	wait_for($server, "SELECT count(*) = 0 FROM wa.messages WHERE state <> 'stored'", "$what: none is unreadable");
	is($server->safe_psql('postgres', 'SELECT count(*) FROM (SELECT FROM wa.messages GROUP BY chat_id, wa_id, sender HAVING count(*) > 1) AS doubled'), '0', "$what: none is doubled");
	return;
}

# what a trigger refuses is put aside by each bot that brings it, and nothing else is
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF hashtext(NEW.body) % 50 = 0 THEN
		RAISE EXCEPTION 'not this one';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON wa.messages FOR EACH ROW EXECUTE FUNCTION public.refuse();
SQL
my $before = counted();
talk(rate => 400, events => 1500, damage => 0, reactions => 0);
wait_until(sub { !$simulator->ask({ do => 'info' })->{talk} }, 'people fall silent');
wait_acknowledged($simulator, $_, 'all is acknowledged') for $one, $two;
my $refused = $node->safe_psql('postgres', 'SELECT count(DISTINCT content) FROM wa.rejected');
cmp_ok($refused, '>', 3, 'a trigger refuses some messages');
is($node->safe_psql('postgres', 'SELECT count(*) FROM wa.rejected'), 2 * $refused, 'both bots keep each of them');
is($node->safe_psql('postgres', 'SELECT count(*) FROM wa.rejected WHERE content IS NULL OR length(stanza) < 50'), '0', 'with its content');
is(counted(), $before + 1500 - $refused, 'all others are stored');
$node->safe_psql('postgres', 'DROP TRIGGER refuse ON wa.messages; DELETE FROM wa.rejected');

# a partition that somebody drops: its messages are gone, and it is made again
my $start = $simulator->ask({ do => 'said', limit => 1 })->{last};
$node->safe_psql('postgres', "DROP TABLE $_") for split /\n/, $node->safe_psql('postgres', 'SELECT DISTINCT tableoid::regclass FROM wa.messages');
is(counted(), '0', 'a partition is dropped with what is in it');
talk();
goes_on('after a partition was dropped');

# locks and maintenance
my $person = $node->background_psql('postgres', on_error_stop => 0);
for my $lock ('LOCK TABLE wa.messages IN ACCESS EXCLUSIVE MODE', 'LOCK TABLE wa_private.records IN SHARE MODE', 'LOCK TABLE wa_private.message_keys IN EXCLUSIVE MODE',
	'LOCK TABLE wa.bots IN ACCESS EXCLUSIVE MODE', 'SELECT wa_private.lock_people(true)')
{
	$person->query_safe("BEGIN; SET LOCAL client_min_messages = error; $lock");
	wait_for($node, "SELECT count(DISTINCT pid) = 2 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND backend_type LIKE 'wa_collector worker%'", 'both workers wait');
	$person->query_safe('ROLLBACK');
	goes_on("after $lock");
}
$person->quit;
$node->safe_psql('postgres', $_), goes_on("after $_")
	for 'CREATE INDEX ON wa.messages (length(body))', 'VACUUM FULL wa.messages', 'ALTER TABLE wa.messages ADD COLUMN note text', 'ALTER TABLE wa.messages DROP COLUMN note',
	'REINDEX SCHEMA wa_private', 'CLUSTER wa_private.records USING records_pkey', 'ANALYZE';

# defaults that somebody chose for everybody; this test's own sessions have their own
my @odd = ([ 'statement_timeout', '1', '0' ], [ 'lock_timeout', '1', '0' ], [ 'default_transaction_deferrable', 'on', 'off' ], [ 'datestyle', 'SQL, DMY', 'ISO' ],
	[ 'timezone', 'Asia/Kathmandu', 'UTC' ], [ 'bytea_output', 'escape', 'hex' ], [ 'intervalstyle', 'iso_8601', 'postgres' ], [ 'array_nulls', 'off', 'on' ],
	[ 'transform_null_equals', 'on', 'off' ], [ 'plpgsql.extra_errors', 'all', 'none' ], [ 'plpgsql.variable_conflict', 'use_variable', 'error' ],
	[ 'idle_in_transaction_session_timeout', '1', '0' ], [ 'session_replication_role', 'replica', 'origin' ], [ 'row_security', 'off', 'on' ],
	[ 'work_mem', '64kB', '4MB' ], [ 'client_encoding', 'SQL_ASCII', 'UTF8' ], [ 'search_path', 'nowhere', 'public' ],
	[ 'default_transaction_isolation', 'serializable', 'read\ committed' ], [ 'default_transaction_read_only', 'on', 'off' ]);
$ENV{PGOPTIONS} = join ' ', map { "-c $_->[0]=$_->[2]" } @odd;
my $read_only = pop @odd;
$node->safe_psql('postgres', "ALTER SYSTEM SET $_->[0] = '$_->[1]'") for @odd;
$node->reload;
goes_on('with odd defaults');
$node->safe_psql('postgres', 'ALTER SYSTEM SET default_transaction_read_only = on');
$node->reload;
wait_for($node, "SELECT bool_and(detail ~ '25006') FROM wa.workers", 'that nothing shall be written is respected, and shown');
$node->safe_psql('postgres', "ALTER SYSTEM RESET $_->[0]") for @odd, $read_only;
$node->reload;
delete $ENV{PGOPTIONS};
goes_on('when the defaults are back');

# the extension comes and goes
for my $time (1 .. 3)
{
	$node->safe_psql('postgres', 'DROP EXTENSION wa_collector');
	my $said = $simulator->ask({ do => 'info' })->{said};
	wait_until(sub { $simulator->ask({ do => 'info' })->{said} > $said + 60 }, 'people do not care');
	$node->safe_psql('postgres', 'CREATE EXTENSION wa_collector');
	goes_on("after the extension was gone ($time)");
}
$simulator->ask({ do => 'talk_stop' });
all_there($node, 'after all that', $start);
is($node->safe_psql('postgres', 'SELECT count(*) FROM wa.rejected'), '0', 'nothing was put aside');
unlike(slurp_file($node->logfile), qr/deadlock|PANIC|was terminated by signal|TRAP/, 'the log knows no deadlock and no crash');

# dumped here, restored there, with the sessions
my $dump = "$PostgreSQL::Test::Utils::tmp_check/moved.dump";
$node->safe_psql('postgres', "SELECT wa.pause_bot(bot_id) FROM wa.bots");
wait_for($node, "SELECT bool_and(status = 'offline') FROM wa.bots", 'the bots rest');
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'pg_dump');
$node->stop('fast');
talk(events => 300, damage => 0);
wait_until(sub { !$simulator->ask({ do => 'info' })->{talk} }, 'people talk while nobody listens');
my $other = wa_node('other', $simulator, %settings);
$other->start;
command_ok([ 'pg_restore', '--exit-on-error', '-d', $other->connstr('postgres'), $dump ], 'pg_restore');
$other->safe_psql('postgres', 'SELECT wa.adopt_node(); SELECT wa.resume_bot(bot_id) FROM wa.bots');
my $moved = $other->safe_psql('postgres', 'SELECT now()');
wait_connected($simulator, $_, 'the bots are back') for $one, $two;
talk(events => 100, damage => 0);
wait_until(sub { !$simulator->ask({ do => 'info' })->{talk} }, 'and people talk on');
$simulator->ask({ do => 'talk_stop' });
all_there($other, 'on the other server', $start);
is($other->safe_psql('postgres', "SELECT count(*) FROM wa.messages WHERE origin <> 'live' AND received_at > '$moved'"), '0', 'no ratchet was broken by the move');
$other->stop('fast');
done_testing();
