# A copy of the server must not log in with the original's keys.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use Test::More;

my $simulator = simulator();
my $node = wa_node('main', $simulator, allows_streaming => 1, 'wa_collector.databases' => 'postgres, copy', 'wa_collector.node_id' => 'a');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION wa_collector');
link_bot($node, $simulator, 'one', '4915100009');

# a copy of the database inside the same server
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE postgres');
wait_for($node, "SELECT status = 'online' FROM wa.bots", 'the original is online again');
wait_for($node, "SELECT status <> 'online' AND status_reason IS NOT NULL AND status_hint IS NOT NULL FROM wa.bots",
	'the copy of the database says why it does not log in', database => 'copy');

like(sql_error($node, "SELECT wa.add_bot('new');\nSELECT wa.qr_text('new')", database => 'copy'), qr/HINT:.*adopt_node/,
	'and tells it to whoever wants to link a new bot there');
like($node->safe_psql('copy', 'SELECT wa.health()'), qr/a worker does less than it should/, 'and its health tells it');

# a copy of the whole server under another node_id
$node->backup('clone');
my $clone = PostgreSQL::Test::Cluster->new('clone');
$clone->init_from_backup($node, 'clone');
$clone->append_conf('postgresql.conf', "wa_collector.node_id = 'b'");
$clone->start;
wait_for($clone, "SELECT status <> 'online' AND status_reason IS NOT NULL AND status_hint IS NOT NULL FROM wa.bots",
	'the copy of the server says why it does not log in');
is(bot_status($clone, 'one'), 'error fenced', 'it is fenced off');
is(bot_status($node, 'one'), 'online', 'the original never noticed');
my $clients = $simulator->ask({ do => 'clients' })->{clients};
is(scalar(grep { $_->{connected} // 1 } @$clients), 1, 'there was one connection all along');

# the original is gone for good: the copy takes over when told to
$node->stop('immediate');
$clone->safe_psql('postgres', 'SELECT wa.adopt_node()');
wait_for($clone, "SELECT status = 'online' FROM wa.bots", 'an adopted copy logs in');
$clone->stop('fast');
done_testing();
