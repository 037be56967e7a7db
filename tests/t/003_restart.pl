# A restart of the server and a killed worker: the bot comes back by itself and
# what happened meanwhile is in the tables, once.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use Test::More;

my ($simulator, $node) = linked_node('main', '4915100009');
my $group = $simulator->ask({
	do => 'group_create', by => '4915100001', subject => 'Garden', addressing => 'lid',
	members => [ '4915100009', '4915100002' ] })->{group};
same_rosters($node, $simulator, $group, 'people before');

my $sql = "SELECT count(*) FROM wa.group_events WHERE kind = 'join'";

$node->stop('fast');
$simulator->ask({ do => 'group_add', group => $group, by => '4915100001', members => ['4915100003'] });
$simulator->ask({ do => 'group_remove', group => $group, by => '4915100001', members => ['4915100002'] });
$node->start;
wait_for($node, "SELECT status = 'online' FROM wa.bots", 'online again after a restart');
same_rosters($node, $simulator, $group, 'people after the restart');

# what waited in the offline queue was seen as it happened, not inferred
is($node->safe_psql('postgres', "SELECT string_agg(DISTINCT join_source, ',') FROM wa.memberships WHERE join_kind = 'added'"),
	'live', 'what waited in the queue is an event, not an inference');

# kill -9 of a process of PostgreSQL makes all others start anew
my $before = worker_pid($node);
like($before, qr/^\d+$/, 'the worker has a process');
kill 'KILL', $before;
process_gone($before, 'the worker is gone');
$simulator->ask({ do => 'group_add', group => $group, by => '4915100001', members => [ '4915100004', '4915100005' ] });
wait_for($node, "SELECT status = 'online' FROM wa.bots", 'online again after kill -9');
isnt(worker_pid($node), $before, 'in a new process');
same_rosters($node, $simulator, $group, 'people after kill -9');

# pg_terminate_backend is polite and brings only the worker down
$before = worker_pid($node);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($before)");
process_gone($before, 'the worker ended when asked');
wait_for($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'wa_collector worker' AND pid <> $before",
	'and the launcher started another');
wait_for($node, "SELECT status = 'online' FROM wa.bots", 'online again');
$simulator->ask({ do => 'group_leave', group => $group, number => '4915100004' });
same_rosters($node, $simulator, $group, 'people after pg_terminate_backend');

is($node->safe_psql('postgres', <<'SQL'), '0', 'no event of the group is stored twice');
SELECT count(*) FROM (
	SELECT FROM wa.group_events WHERE source = 'live'
	GROUP BY group_id, notification_id, ordinal, target_no HAVING count(*) > 1) AS doubled
SQL

# The service forgets what waited too long: after such an absence the rosters
# are compared, though the queue says that it is complete.
sub group_queries
{
	my ($client) = @{ $simulator->ask({ do => 'clients', number => '4915100009' })->{clients} };
	return $client->{group_queries};
}

my $queries = group_queries();
my $listed = $node->safe_psql('postgres', 'SELECT roster_at FROM wa.groups');
$node->restart;
wait_for($node, "SELECT status = 'online' FROM wa.bots", 'online after a short absence');
is(group_queries(), $queries, 'no list is asked for when the queue covers the absence');
$node->safe_psql('postgres', "SELECT wa.pause_bot('one')");
wait_for($node, "SELECT status = 'offline' FROM wa.bots", 'paused');
$node->safe_psql('postgres', "UPDATE wa.bots SET last_online_at = now() - interval '11 days', last_stanza_at = NULL");
$node->restart;
$node->safe_psql('postgres', "SELECT wa.resume_bot('one')");
wait_for($node, "SELECT status = 'online' FROM wa.bots", 'online after a long absence');
wait_for($node, "SELECT roster_at > '$listed' FROM wa.groups", 'the rosters are compared after a long absence');
is(group_queries(), $queries + 1, 'with one question');
$node->stop('fast');
done_testing();
