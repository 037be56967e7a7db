# What is set on the phone is in the tables: names of the address book, pins,
# mutes, archive, labels; fetched once, then only what is new; and no trouble
# with it costs more than its own collection.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use Test::More;

my $bot = '4915100009';
my $simulator = simulator();
my $node = wa_node('main', $simulator);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION wa_collector');

sub set_on_phone
{
	my ($action, $index, $value, %more) = @_;
	return $simulator->ask({ do => 'app_set', number => $bot, action => $action, index => $index, value => $value, %more });
}

sub jid { return "$_[0]\@s.whatsapp.net"; }

sub truth { return $simulator->ask({ do => 'app_state', number => $bot }); }

sub name_of
{
	my ($phone) = @_;
	return "(SELECT name FROM wa.people WHERE phone = '$phone')";
}

sub chat_of
{
	my ($phone) = @_;
	return "(SELECT c FROM wa.chats AS c JOIN wa.people AS p USING (user_id) WHERE p.phone = '$phone')";
}

# Until the bot has answered everything, and what it fetched is stored.
sub settled
{
	my ($what) = @_;
	wait_acknowledged($simulator, $bot, "$what: acknowledged");
	return wait_for($node, "SELECT count(*) = 0 FROM wa_private.records WHERE kind = 9 AND number = 1", "$what: fetched");
}

# ---- the first time: all of it

$simulator->ask({ do => 'group_create', by => '4915100001', subject => 'Garden', members => [ $bot, map { "49151000$_" } '02' .. '06' ] });
set_on_phone('contact', [ jid('4915100002') ], { full_name => 'Ann from work', first_name => 'Ann' });
set_on_phone('contact', [ jid('4915100003') ], { full_name => 'Ben' });
set_on_phone('pin', [ jid('4915100002') ], { pinned => JSON::PP::true });
set_on_phone('mute', [ jid('4915100002') ], { muted => JSON::PP::true, until => -1 });
set_on_phone('archive', [ jid('4915100003') ], { archived => JSON::PP::true });
set_on_phone('label', ['7'], { name => 'Customers', color => 3 });
set_on_phone('chat_label', [ '7', jid('4915100003') ], { labeled => JSON::PP::true });
link_bot($node, $simulator, 'one', $bot);

wait_for($node, "SELECT count(*) = 5 FROM wa_private.records WHERE kind = 9 AND number = 0", 'all collections are fetched');
is($node->safe_psql('postgres', "SELECT @{[ name_of('4915100002') ]}, @{[ name_of('4915100003') ]}"), 'Ann from work|Ben',
	'names of the address book are names of people');
is($node->safe_psql('postgres', "SELECT (c).pinned, (c).muted_until, (c).archived FROM @{[ chat_of('4915100002') ]} AS x (c)"),
	't|infinity|', 'pinned and muted for ever');
is($node->safe_psql('postgres', "SELECT (c).archived FROM @{[ chat_of('4915100003') ]} AS x (c)"), 't', 'archived');
is($node->safe_psql('postgres', 'SELECT label_id, name, color, deleted_at IS NULL FROM wa.labels'), '7|Customers|3|t', 'the label');
is($node->safe_psql('postgres', "SELECT l.is_on, p.phone FROM wa.chat_labels AS l JOIN wa.chats AS c USING (chat_id) JOIN wa.people AS p USING (user_id)"),
	't|4915100003', 'and the chat that has it');

# ---- then: what is new

my $asked = truth()->{queries};
set_on_phone('contact', [ jid('4915100002') ], { full_name => 'Ann Smith', first_name => 'Ann' });
set_on_phone('contact', [ jid('4915100003') ], {}, remove => JSON::PP::true);
set_on_phone('pin', [ jid('4915100002') ], { pinned => JSON::PP::false });
set_on_phone('mute', [ jid('4915100002') ], { muted => JSON::PP::false });
set_on_phone('chat_label', [ '7', jid('4915100003') ], { labeled => JSON::PP::false });
set_on_phone('label', ['7'], { name => 'Customers', color => 3, deleted => JSON::PP::true });
wait_for($node, "SELECT @{[ name_of('4915100002') ]} = 'Ann Smith'", 'a new name');
wait_for($node, "SELECT @{[ name_of('4915100003') ]} IS DISTINCT FROM 'Ben'", 'a contact that is gone has no such name any more');
wait_for($node, "SELECT removed_at IS NOT NULL FROM wa.contacts JOIN wa.people AS p USING (user_id) WHERE p.phone = '4915100003'",
	'and the tables say that it is gone');
wait_for($node, "SELECT NOT (c).pinned AND (c).muted_until IS NULL FROM @{[ chat_of('4915100002') ]} AS x (c)", 'neither pinned nor muted');
wait_for($node, 'SELECT NOT is_on FROM wa.chat_labels', 'the label is taken off');
wait_for($node, 'SELECT deleted_at IS NOT NULL FROM wa.labels', 'and gone');
settled('the news');
cmp_ok(truth()->{queries}, '<=', $asked + 12, 'with few questions');

# ---- a restart asks nothing; what happened meanwhile is a difference

$asked = truth()->{queries};
$node->restart;
wait_for($node, "SELECT status = 'online' FROM wa.bots", 'online again');
wait_connected($simulator, $bot, 'caught up');
settled('after the restart');
is(truth()->{queries}, $asked, 'a restart asks nothing');

$node->stop('fast');
set_on_phone('contact', [ jid('4915100004') ], { full_name => 'Cleo' });
$node->start;
wait_for($node, "SELECT @{[ name_of('4915100004') ]} = 'Cleo'", 'what was set while the bot was away');
settled('the difference');
is(truth()->{queries}, $asked + 1, 'with one question');

# the process may die at any time
for my $round (1 .. 3)
{
	set_on_phone('contact', [ jid('4915100004') ], { full_name => "Cleo $round" });
	kill 'KILL', worker_pid($node);
	wait_for($node, "SELECT status = 'online' FROM wa.bots WHERE (SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'wa_collector worker')",
		"killed, $round: online again");
	wait_for($node, "SELECT @{[ name_of('4915100004') ]} = 'Cleo $round'", "killed, $round: the name is there");
}

# ---- a large address book: a patch that has to be downloaded, in one unit

$simulator->ask({ do => 'app_set', number => $bot, mutations => [
	map { { action => 'contact', index => [ jid("49152000$_") ], value => { full_name => "Person $_" } } } '001' .. '500' ] });
wait_for($node, "SELECT count(*) = 500 FROM wa.people WHERE name = 'Person ' || right(phone, 3)", 'a large address book');
settled('the large patch');

# ---- wrong data: all of it once more, and it is right again

for my $effect (qw(patch_mac snapshot_mac lost_patch))
{
	$node->safe_psql('postgres', "SELECT wa.pause_bot('one')");
	wait_for($node, "SELECT status = 'offline' FROM wa.bots", "$effect: offline");
	my $before = truth()->{queries};
	$simulator->ask({ do => 'fault', kind => 'app_state', effect => $effect, collection => 'critical_unblock_low', times => 1 });
	set_on_phone('contact', [ jid('4915100005') ], { full_name => "$_ $effect" }) for qw(before after);
	$node->safe_psql('postgres', "SELECT wa.resume_bot('one')");
	wait_for($node, "SELECT @{[ name_of('4915100005') ]} = 'after $effect'", "$effect: the name is there all the same");
	settled($effect);
	is(truth()->{queries}, $before + 2, "$effect: asked once more");
}

# the service has lost the first snapshot of another bot: it makes a new one
$simulator->ask({ do => 'app_set', number => '4915100008', action => 'contact', index => [ jid('4915100007') ], value => { full_name => 'Emil' } });
$simulator->ask({ do => 'fault', kind => 'app_state', effect => 'no_snapshot', number => '4915100008', times => 1 });
link_bot($node, $simulator, 'two', '4915100008');
wait_for($node, "SELECT @{[ name_of('4915100007') ]} = 'Emil'", 'a snapshot that was gone is asked for again');
$node->safe_psql('postgres', "SELECT wa.remove_bot('two')");

# ---- a key that nobody shared blocks its collection, not the others, until it comes

my $requests = truth()->{key_requests};
$simulator->ask({ do => 'app_key', number => $bot, share => JSON::PP::false, withhold => JSON::PP::true });
set_on_phone('contact', [ jid('4915100006') ], { full_name => 'Dora' });
wait_for($node, "SELECT count(*) = 1 FROM wa_private.records WHERE kind = 9 AND number = 1", 'the collection waits for its key');
my $asked_for = "SELECT count(*) FROM wa_private.records WHERE kind = 8 AND get_byte(data, 0) = 2";
wait_for($node, "SELECT ($asked_for) = 1", 'which the phone is asked for');
is($node->safe_psql('postgres', 'SELECT status FROM wa.bots'), 'online', 'the bot is online');
$node->restart;
wait_for($node, "SELECT status = 'online' FROM wa.bots", 'and after a restart');
wait_connected($simulator, $bot, 'caught up once more');
is(truth()->{key_requests}, $requests + 1, 'once');
$simulator->ask({ do => 'app_share', number => $bot });
wait_for($node, "SELECT @{[ name_of('4915100006') ]} = 'Dora'", 'the key comes, and the name with it');
settled('the blocked collection');

is(truth()->{uploads}, 0, 'nothing was ever uploaded');
is($node->safe_psql('postgres', 'SELECT count(*) FROM wa.rejected'), '0', 'and nothing rejected');
$node->stop('fast');
done_testing();
