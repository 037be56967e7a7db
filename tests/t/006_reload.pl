# SIGHUP: settings reach the running worker; a wrong value changes nothing.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use Test::More;

my $simulator = simulator();
my $other = simulator();
my $node = wa_node('main', $simulator);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION wa_collector');
link_bot($node, $simulator, 'one', '4915100001');
my $pid = worker_pid($node);

# another database is served, without a restart
$node->safe_psql('postgres', 'CREATE DATABASE later');
$node->append_conf('postgresql.conf', "wa_collector.databases = 'postgres, later'");
$node->reload;
wait_for($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'wa_collector worker' AND datname = 'later'",
	'a database added to the list is served after a reload');
is(worker_pid($node), $pid, 'and the running worker was left alone');

$node->append_conf('postgresql.conf', "wa_collector.databases = 'postgres'");
$node->reload;
wait_for($node, "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'wa_collector worker' AND datname = 'later'",
	'a database taken off the list is let go');

# a value nobody could use is refused and the old one stays
$node->append_conf('postgresql.conf', "wa_collector.endpoint = 'http://nonsense'");
$node->reload;
wait_for($node, "SELECT count(*) > 0 FROM pg_file_settings WHERE name = 'wa_collector.endpoint' AND error IS NOT NULL",
	'a wrong URL is reported');
is($node->safe_psql('postgres', 'SHOW wa_collector.endpoint'), $simulator->endpoint, 'the old one stays');

# a new endpoint is used for new connections
$node->append_conf('postgresql.conf',
	"wa_collector.endpoint = '" . $other->endpoint . "'\nwa_collector.noise_root_key = '" . $other->root_key . "'");
$node->reload;
link_bot($node, $other, 'two', '4915100002');
is(bot_status($node, 'one'), 'online', 'a bot that is online stays where it is');
$node->stop('fast');
done_testing();
