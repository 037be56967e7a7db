# DROP DATABASE, CREATE DATABASE ... TEMPLATE and ALTER DATABASE ... RENAME work
# on a database that a worker serves, from any database, within seconds.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use Test::More;
use Time::HiRes ();

my $simulator = simulator();
my $node = wa_node('main', $simulator, 'wa_collector.databases' => 'postgres, shop, renamed');
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql($_, 'CREATE EXTENSION wa_collector') for qw(postgres shop);
link_bot($node, $simulator, 'main', '4915100001');
link_bot($node, $simulator, 'shop', '4915100002', database => 'shop');

sub in_time
{
	my ($sql, $what) = @_;
	my $started = Time::HiRes::time();
	my ($status, undef, $err) = $node->psql('postgres', $sql);
	my $took = Time::HiRes::time() - $started;
	is($status, 0, "$what: $err");
	cmp_ok($took, '<', 5, sprintf '%s within seconds (%.1f s)', $what, $took);
	return;
}

in_time('CREATE DATABASE copy TEMPLATE shop', 'CREATE DATABASE ... TEMPLATE');
wait_for($node, "SELECT status = 'online' FROM wa.bots", 'the original\'s bot is online again', database => 'shop');
is($node->safe_psql('copy', 'SELECT count(*) FROM wa_private.devices'), '1', 'the copy has the rows');
in_time('DROP DATABASE copy', 'DROP DATABASE of the copy');

in_time('ALTER DATABASE shop RENAME TO renamed', 'ALTER DATABASE ... RENAME');
wait_for($node, "SELECT status = 'online' FROM wa.bots", 'its bot is online under the new name', database => 'renamed');

# a command that fails gives the worker back
my ($status) = $node->psql('postgres', 'ALTER DATABASE renamed RENAME TO postgres');
isnt($status, 0, 'renaming to a name that is taken fails');
wait_for($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'wa_collector worker' AND datname = 'renamed'",
	'and the worker is back');
wait_for($node, "SELECT status = 'online' FROM wa.bots", 'with its bot', database => 'renamed');

in_time('DROP DATABASE renamed', 'DROP DATABASE');
is(bot_status($node, 'main'), 'online', 'the bot of the other database did not notice');
$node->safe_psql('postgres', 'CREATE DATABASE shop');
wait_for($node, "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'wa_collector worker' AND datname = 'renamed'",
	'nobody serves what is gone');
in_time('DROP DATABASE shop WITH (FORCE)', 'DROP DATABASE ... WITH (FORCE)');
is(bot_status($node, 'main'), 'online', 'and still the other bot is online');
$node->stop('fast');
done_testing();
