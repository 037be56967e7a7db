# What a person is told who forgot to preload the library, works in a database
# that no worker serves, or has no room for workers.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = wa_node('main', undef, shared_preload_libraries => undef);
$node->start;

# not preloaded: one clear message, with the way out
my ($status, undef, $err) = $node->psql('postgres', 'CREATE EXTENSION wa_collector');
if ($status == 0)
{
	for my $sql ("SELECT wa.add_bot('one')", 'SELECT * FROM wa.workers')
	{
		my $error = sql_error($node, $sql);
		like($error, qr/55000.*wa_collector must be loaded via "?shared_preload_libraries/s, "not preloaded: $sql");
		like($error, qr/HINT:.*shared_preload_libraries/s, 'with a hint');
	}
}
else
{
	like($err, qr/wa_collector must be loaded via "?shared_preload_libraries/, 'CREATE EXTENSION says that it must be preloaded');
}
like(sql_error($node, "LOAD 'wa_collector'"), qr/no error|shared_preload_libraries/, 'LOAD does no harm');

# preloaded, but no worker serves this database
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'wa_collector'");
$node->restart;
$node->safe_psql('postgres', 'CREATE DATABASE elsewhere');
$node->safe_psql('elsewhere', 'CREATE EXTENSION wa_collector');
$node->safe_psql('elsewhere', "SELECT wa.add_bot('one')");
for my $sql ("SELECT wa.qr_text('one')", "SELECT wa.pair_code('one', '4915100001')")
{
	my $error = sql_error($node, $sql, database => 'elsewhere');
	like($error, qr/55000/, "no worker: $sql");
	like($error, qr/HINT:.*wa_collector\.databases/s, 'the hint names the setting');
}

# the server does not answer: the reason, not a stack of attempts
$node->safe_psql('postgres', 'CREATE EXTENSION IF NOT EXISTS wa_collector');
add_bot($node, 'two');
my $error = sql_error($node, "SELECT wa.qr_text('two')");
like($error, qr/connection_failed|could not connect|refused/i, 'an unreachable server is named as the reason');
wait_for($node, "SELECT status = 'connecting' AND next_attempt_at > now() - interval '1 minute' FROM wa.bots WHERE name = 'two'",
	'and the bot says when it tries again');

# no worker slots
$node->append_conf('postgresql.conf', "max_worker_processes = 1");
$node->restart;
wait_for($node, "SELECT count(*) >= 0 FROM wa.workers", 'the server runs without room for workers');
ok($node->wait_for_log(qr/max_worker_processes/), 'and the log says which setting to raise');
$node->stop('fast');
done_testing();
