# pg_dump and pg_restore carry data, sessions and what users built on the
# tables; the restored copy goes on where the original stopped.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($simulator, $node) = linked_node('main', '4915100009', 'wa_collector.databases' => 'postgres, restored');
my $group = $simulator->ask({
	do => 'group_create', by => '4915100001', subject => 'Garden', addressing => 'lid',
	members => [ '4915100009', '4915100002' ] })->{group};
same_rosters($node, $simulator, $group, 'people before');
$node->safe_psql('postgres', <<'SQL');
CREATE INDEX my_index ON wa.memberships (join_kind);
CREATE VIEW public.my_view AS SELECT count(*) AS people FROM wa.memberships WHERE left_at IS NULL;
SQL

my $dump = "$PostgreSQL::Test::Utils::tmp_check/wa.dump";
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'pg_dump');

my %counted;
for my $table (qw(wa.bots wa.users wa.user_ids wa.groups wa.memberships wa.group_events wa_private.devices wa_private.prekeys))
{
	$counted{$table} = $node->safe_psql('postgres', "SELECT count(*) FROM $table");
}

# the original stops collecting: two databases must not use the same keys
$node->safe_psql('postgres', "SELECT wa.pause_bot('one')");
wait_for($node, "SELECT status = 'offline' FROM wa.bots", 'the original is paused');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ], 'pg_restore');

is($node->safe_psql('restored', "SELECT count(*) FROM $_"), $counted{$_}, "rows of $_") for sort keys %counted;
is($node->safe_psql('restored', 'SELECT people FROM public.my_view'), '3', 'the user\'s view');
is($node->safe_psql('restored', "SELECT count(*) FROM pg_indexes WHERE indexname = 'my_index'"), '1', 'the user\'s index');
cmp_ok($node->safe_psql('restored', 'SELECT max(membership_id) FROM wa.memberships'), '<',
	$node->safe_psql('restored', "SELECT nextval(pg_get_serial_sequence('wa.memberships', 'membership_id'))"),
	'sequences go on behind the restored rows');
like($node->safe_psql('restored', 'SELECT wa.health()::text'), qr/\{/, 'health can be asked for');
$node->stop('fast');
done_testing();
