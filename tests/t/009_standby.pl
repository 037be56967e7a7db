# A standby is silent; promoted, it takes over the bots.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use Test::More;

my $simulator = simulator();
my $primary = wa_node('primary', $simulator, allows_streaming => 1);
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION wa_collector');
link_bot($primary, $simulator, 'one', '4915100009');
my $group = $simulator->ask({
	do => 'group_create', by => '4915100001', subject => 'Garden', addressing => 'lid',
	members => [ '4915100009', '4915100002' ] })->{group};
same_rosters($primary, $simulator, $group, 'people on the primary');

$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);
is(roster($standby, $group), truth_roster($simulator, $group), 'the standby can be read');
is($standby->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'wa_collector worker'"), '0',
	'no worker runs on the standby');
like(sql_error($standby, "SELECT wa.add_bot('two')"), qr/25006|55000/, 'nothing can be added there');
# a dashboard may ask it for the codes of the primary
add_bot($primary, 'two');
my $content = $primary->safe_psql('postgres', "SELECT wa.qr_content('two')");
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT qr_content FROM wa_private.links'), $content, 'the standby has the code that the primary shows');
is($standby->safe_psql('postgres', 'SELECT bot_name, expires_at > now(), qr FROM wa.link_codes()'),
	$primary->safe_psql('postgres', 'SELECT bot_name, true, qr FROM wa.link_codes()'), 'and shows it');
$primary->safe_psql('postgres', "SELECT wa.remove_bot('two')");
my $clients = $simulator->ask({ do => 'clients' })->{clients};
is(scalar(grep { $_->{connected} // 1 } @$clients), 1, 'one connection: the primary\'s');

$primary->stop('immediate');
$simulator->ask({ do => 'group_add', group => $group, by => '4915100001', members => ['4915100003'] });
$standby->promote;
wait_for($standby, "SELECT status = 'online' FROM wa.bots", 'the promoted standby brings the bot online');
same_rosters($standby, $simulator, $group, 'and collects');
$standby->stop('fast');
done_testing();
