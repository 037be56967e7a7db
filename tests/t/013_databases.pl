# Several databases and several workers: each bot is held by exactly one.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use Test::More;

my $simulator = simulator();
my $node = wa_node('main', $simulator, 'wa_collector.databases' => 'postgres, shop', 'wa_collector.workers' => 2);
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql($_, 'CREATE EXTENSION wa_collector') for qw(postgres shop);
link_bot($node, $simulator, "bot$_", "491510000$_") for 1 .. 4;
link_bot($node, $simulator, 'shop', '4915100009', database => 'shop');

is($node->safe_psql('postgres', "SELECT string_agg(datname || ' ' || n, ', ' ORDER BY datname) FROM (SELECT datname, count(*) AS n FROM pg_stat_activity WHERE backend_type = 'wa_collector worker' GROUP BY 1) AS w"),
	'postgres 2, shop 2', 'two workers in each database');
is($node->safe_psql('postgres', 'SELECT count(DISTINCT worker) FROM wa.bots'), '2', 'the bots are shared out');
is($node->safe_psql('postgres', 'SELECT bool_and(worker = bot_id % 2) FROM wa.bots'), 't', 'by their number');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_locks WHERE locktype = \'advisory\' AND classid = 22337 AND granted AND database = (SELECT oid FROM pg_database WHERE datname = \'postgres\')'),
	'4', 'each is guarded by its lock');

# both bots of one group: one group, one event, two sightings
my $group = $simulator->ask({
	do => 'group_create', by => '4915200001', subject => 'Shared', addressing => 'lid',
	members => [ '4915100001', '4915100002' ] })->{group};
same_rosters($node, $simulator, $group, 'people of a group with two bots');
$simulator->ask({ do => 'group_add', group => $group, by => '4915200001', members => ['4915200002'] });
same_rosters($node, $simulator, $group, 'after a change');
wait_for($node, <<"SQL", 'one event, seen by two');
SELECT count(DISTINCT e.event_id) = 1 AND count(*) = 2
FROM wa.group_events AS e JOIN wa.event_sightings AS s USING (event_id)
JOIN wa.groups AS g ON g.group_id = e.group_id
WHERE g.jid = '$group' AND e.how = 'added' AND e.source = 'live'
	AND e.target = (SELECT user_id FROM wa.user_ids WHERE kind = 'pn' AND current AND value LIKE '4915200002%')
SQL

# somebody else holds a bot's lock: it is not logged in twice
my $holder = $node->background_psql('postgres');
my $id = $node->safe_psql('postgres', 'SELECT max(bot_id) + 1 FROM wa.bots');
$holder->query_safe("SELECT pg_advisory_lock(22337, $id)");
is(add_bot($node, 'held'), $id, 'a bot whose lock somebody has');
$node->safe_psql('postgres', "SELECT wa.login('held')");
wait_for($node, "SELECT status NOT IN ('online', 'qr') FROM wa.bots WHERE name = 'held'", 'a bot that another process holds is left alone');
$holder->quit;
link_bot($node, $simulator, 'held', '4915100008');
$node->stop('fast');
done_testing();
