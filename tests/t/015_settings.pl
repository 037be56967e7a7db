# docs/settings.md says what the running server says.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = wa_node('main', undef, 'wa_collector.endpoint' => undef, 'wa_collector.databases' => undef);
# the defaults as they are; no extension is created, so no worker has a bot to connect
$node->append_conf('postgresql.conf', "wa_collector.endpoint = 'ws://127.0.0.1:9/ws/chat'");
$node->start;

my %page;
for (split /\n/, slurp_file('docs/settings.md'))
{
	next if !/^\|\s*`(wa_collector\.\w+)`\s*\|\s*(.*?)\s*\|\s*(.*?)\s*\|\s*(.*?)\s*\|/;
	my ($name, $facts) = ($1, "$2|$3|$4");
	$page{$name} = $facts =~ s/`//gr;
}
my $rows = $node->safe_psql('postgres', <<'SQL');
SELECT name || '=' || concat_ws('|', coalesce(nullif(boot_val, ''), '(empty)'), coalesce(unit, '–'),
	CASE context WHEN 'postmaster' THEN 'restart' WHEN 'sighup' THEN 'reload' WHEN 'superuser' THEN 'superuser' ELSE 'anyone' END)
FROM pg_settings WHERE name LIKE 'wa\_collector.%' ORDER BY name
SQL
my %server = map { split /=/, $_, 2 } split /\n/, $rows;
cmp_ok(scalar(keys %server), '>', 10, 'the server has the settings');
is($page{$_} // 'not there', $server{$_}, "$_: default, unit, context") for sort keys %server;
is(join(',', grep { !exists $server{$_} } sort keys %page), '', 'the page describes nothing that is not there');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_settings WHERE name LIKE 'wa\\_collector.%' AND short_desc = ''"), '0',
	'each says what it is');
$node->stop('fast');
done_testing();
