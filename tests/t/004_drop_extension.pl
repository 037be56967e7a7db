# A plain DROP EXTENSION keeps every row; a later CREATE EXTENSION adopts them
# and the bot goes on without being linked again.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use Test::More;
use Time::HiRes ();

my ($simulator, $node) = linked_node('main', '4915100009');
my $group = $simulator->ask({
	do => 'group_create', by => '4915100001', subject => 'Garden', addressing => 'lid',
	members => [ '4915100009', '4915100002' ] })->{group};
same_rosters($node, $simulator, $group, 'people before');

# a user's own index, trigger and view are theirs to keep
$node->safe_psql('postgres', <<'SQL');
CREATE INDEX my_index ON wa.memberships (join_kind, group_id);
CREATE VIEW public.my_view AS SELECT count(*) AS people FROM wa.memberships WHERE left_at IS NULL;
SQL

my $counts = 'SELECT concat_ws(\' \', (SELECT count(*) FROM wa.bots), (SELECT count(*) FROM wa_private.devices),
	(SELECT count(*) FROM wa.memberships), (SELECT count(*) FROM wa.group_events))';
my $before = $node->safe_psql('postgres', $counts);

my $started = Time::HiRes::time();
$node->safe_psql('postgres', 'DROP EXTENSION wa_collector');
my $took = Time::HiRes::time() - $started;
cmp_ok($took, '<', 5, sprintf 'DROP EXTENSION does not hang (%.1f s)', $took);
is($node->safe_psql('postgres', $counts), $before, 'every row is still there');
is($node->safe_psql('postgres', 'SELECT people FROM public.my_view'), '3', 'a view of somebody\'s still works');
is($node->safe_psql('postgres', "SELECT string_agg(p.oid::regprocedure::text, ' ' ORDER BY proname) FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE nspname IN ('wa', 'wa_private')"),
	'wa_private.roll_up_group_events() wa_private.roll_up_memberships() wa_private.roll_up_messages() wa_private.roll_up_reactions()', 'all functions are gone but those of the tables\' triggers');
# what somebody changes is counted all the same
$node->safe_psql('postgres', "INSERT INTO wa.group_events (group_id, occurred_at, at_precision, source, kind, action, received_at) SELECT group_id, now(), '0', 'live', 'leave', 'remove', now() FROM wa.groups");
is($node->safe_psql('postgres', "SELECT sum(events) > 0 FROM wa_private.event_days_now WHERE kind = 'leave'"), 't', 'roll-ups go on without the extension');
$node->safe_psql('postgres', "DELETE FROM wa.group_events WHERE kind = 'leave'");

# nothing is collected meanwhile, and the phone is offline to the service
my $until = Time::HiRes::time() + $WaTest::timeout;
my $connected = 1;
while ($connected && Time::HiRes::time() < $until)
{
	$connected = grep { $_->{connected} // 1 } @{ $simulator->ask({ do => 'clients' })->{clients} };
}
is($connected, 0, 'the bot let go of its connection');
$simulator->ask({ do => 'group_add', group => $group, by => '4915100001', members => ['4915100003'] });

$node->safe_psql('postgres', 'CREATE EXTENSION wa_collector');
$node->safe_psql('postgres', 'SELECT wa.create_storage()');
wait_for($node, "SELECT status = 'online' FROM wa.bots", 'the adopted bot is online without a new link');
same_rosters($node, $simulator, $group, 'people, with what happened meanwhile');
is($node->safe_psql('postgres', 'SELECT count(*) FROM wa.check_rollups()'), '0', 'roll-ups are equal to the rows');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_indexes WHERE indexname = 'my_index'"), '1', 'the index of somebody\'s is there');

# CASCADE takes no data either
$node->safe_psql('postgres', 'DROP EXTENSION wa_collector CASCADE');
like($node->safe_psql('postgres', $counts), qr/^1 1 4 /, 'DROP EXTENSION CASCADE keeps the rows too');

# a rolled back drop changes nothing
$node->safe_psql('postgres', 'CREATE EXTENSION wa_collector');
$node->safe_psql('postgres', 'SELECT wa.create_storage()');
wait_for($node, "SELECT status = 'online' FROM wa.bots", 'online once more');
$node->safe_psql('postgres', 'BEGIN; DROP EXTENSION wa_collector; ROLLBACK');
$simulator->ask({ do => 'group_leave', group => $group, number => '4915100003' });
same_rosters($node, $simulator, $group, 'collecting goes on after a rolled back drop');

$node->stop('fast');
done_testing();
