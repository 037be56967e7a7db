# Another backend crashes: PostgreSQL starts all its processes anew, the bots
# come back and nothing is lost or doubled.
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

my $worker = worker_pid($node);
my $victim = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $victim->query('SELECT pg_backend_pid()');
like($pid, qr/^\d+$/, 'a backend to crash');
kill 'KILL', $pid;
process_gone($worker, 'the crash took the worker down as well');
eval { $victim->quit };
$simulator->ask({ do => 'group_add', group => $group, by => '4915100001', members => ['4915100003'] });

wait_for($node, "SELECT status = 'online' FROM wa.bots", 'the bot is online again');
same_rosters($node, $simulator, $group, 'people after the crash');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.memberships WHERE left_at IS NULL"), '4', 'nobody is doubled');
$node->stop('fast');
done_testing();
