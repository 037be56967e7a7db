# pg_ctl stop -m fast takes seconds whatever the bots are doing, and leaves no
# process behind.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use Test::More;
use Time::HiRes ();

my ($simulator, $node) = linked_node('main', '4915100001');
# a bot that waits for a phone, one that waits for a silent server
add_bot($node, 'waits');
$node->safe_psql('postgres', "SELECT wa.qr_content('waits')");
link_bot($node, $simulator, 'hangs', '4915100002');
$simulator->ask({ do => 'fault', kind => 'silent', number => '4915100002' });
$simulator->ask({ do => 'cut', number => '4915100002' }) if $simulator->try_ask({ do => 'fault', kind => 'cut', number => '4915100002' })->{ok} == 0;
$simulator->ask({
	do => 'churn', groups => 5, members => 20, rate => 100, seed => 1, addressing => 'lid', bots => ['4915100001'] });
wait_for($node, 'SELECT count(*) > 50 FROM wa.group_events', 'events flow');

for my $mode (qw(fast immediate))
{
	my $pid = worker_pid($node);
	my $started = Time::HiRes::time();
	$node->stop($mode);
	my $took = Time::HiRes::time() - $started;
	cmp_ok($took, '<', 5, sprintf 'stop -m %s takes seconds (%.1f s)', $mode, $took);
	process_gone($pid, 'no worker is left');
	$node->start;
	wait_for($node, "SELECT status = 'online' FROM wa.bots WHERE name = 'one'", 'online again');
}
$simulator->ask({ do => 'churn_stop' });
$node->stop('fast');
done_testing();
