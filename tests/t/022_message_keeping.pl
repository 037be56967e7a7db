# How long messages are kept is what the settings say; and whoever reads the feed
# goes on where they were after a dump and restore on another server.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use PostgreSQL::Test::Utils;
use Test::More;

# nobody but this test writes: the bot is never linked
my $node = wa_node('main', undef, 'wa_collector.watch_default' => 'messages');
$node->start;
$node->safe_psql('postgres', "CREATE EXTENSION wa_collector; SELECT wa.add_bot('one')");
my $at = time() - 100;
my $time = "to_timestamp($at)";

sub say
{
	my ($server, $id, $body, $extra) = @_;
	my $json = defined $extra ? "'$extra'" : 'NULL';
	$server->safe_psql('postgres', <<"SQL");
SELECT wa_private.apply('{}', '{}', ARRAY[b.bot_id], '{g\@g.us}', '{1\@lid}', '{NULL}', '{NULL}', '{$id}', ARRAY[$time], ARRAY[$time], '{text}', '{$body}', '{0}',
	'{stored}', '{live}', ARRAY[$json]::jsonb[], '{NULL}', '{NULL}') FROM wa.bots AS b
SQL
	return;
}

sub fact
{
	my ($kind, $id, $more) = @_;
	$node->safe_psql('postgres', <<"SQL");
SELECT wa_private.apply(ARRAY[b.bot_id], ARRAY[jsonb_build_object('fact', '$kind', 'chat', 'g\@g.us', 'at', $at, 'received_at', $at, 'id', '$kind' || '$id',
	'target', '{"id": "$id"}'::jsonb, 'from', '{"lid": "1\@lid"}'::jsonb) || '$more']) FROM wa.bots AS b
SQL
	return;
}

sub set
{
	my ($setting, $value) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET wa_collector.$setting = '$value'; SELECT pg_reload_conf()");
	wait_for($node, "SELECT current_setting('wa_collector.$setting') = '$value'", "$setting is $value");
	return;
}

# deleted for everybody
say($node, 'K1', 'kept words');
fact('revoke', 'K1', '{}');
set('keep_revoked', 'off');
say($node, 'K2', 'first words', '{"media": {"kind": "image", "key": "00"}}');
fact('edit', 'K2', '{"kind": "text", "body": "other words"}');
fact('revoke', 'K2', '{}');
is($node->safe_psql('postgres', <<'SQL'), "K1|kept words|t|0|1\nK2||t|0|0", 'words of what was deleted go only where the setting says so');
SELECT m.wa_id, m.body, m.revoked_at IS NOT NULL, (SELECT count(*) FROM wa.media AS f WHERE f.message_id = m.message_id),
	(SELECT count(*) FROM wa.message_edits AS e WHERE e.message_id = m.message_id AND (e.body IS NOT NULL OR e.action = 'revoke' AND m.body IS NOT NULL))
FROM wa.messages AS m WHERE m.wa_id LIKE 'K_' ORDER BY 1
SQL
is($node->safe_psql('postgres', 'SELECT count(*) FROM wa_private.media_keys'), '0', 'nor does the key of its file stay');

# disappearing
set('delete_expired', 'off');
say($node, 'X1', 'for a second', '{"expires_in": 1}');
is($node->safe_psql('postgres', "SELECT wa_private.housekeeping() IS NOT NULL, wa_private.delete_expired(1000), (SELECT count(*) FROM wa.messages WHERE wa_id = 'X1' AND expires_at < now())"),
	't|0|1', 'what disappears stays where somebody wants that');
set('delete_expired', 'on');
is($node->safe_psql('postgres', "SELECT wa_private.delete_expired(1000) > 0 OR NOT EXISTS (SELECT FROM wa.messages WHERE wa_id = 'X1')"), 't', 'and goes where not');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.messages WHERE wa_id = 'X1'"), '0', 'it is gone');

# the feed is kept for as long as the setting says
my $first = $node->safe_psql('postgres', 'SELECT cursor FROM wa.feed(NULL, 1)');
$node->safe_psql('postgres', "UPDATE wa_private.feed_batches SET at = at - interval '2 hours' WHERE batch_id = (SELECT min(batch_id) FROM wa_private.feed_batches)");
is($node->safe_psql('postgres', 'SELECT wa_private.prune_feed(1000)'), '0', 'entries of two hours ago are kept');
set('feed_retention', '1h');
wait_for($node, "SELECT feed_pruned IS NOT NULL OR wa_private.prune_feed(1000) > 0 FROM wa_private.storage", 'until the setting says otherwise');
my ($status, $out, $err) = $node->psql('postgres', "SELECT wa.feed('1.1.0.0')");
isnt($status, 0, 'an older position is an error');
like($err, qr/older than what the feed keeps.*HINT/s, 'that says what to do');

# Transactions of another server have smaller numbers.
$node->safe_psql('postgres', 'SELECT pg_current_xact_id()') for 1 .. 200;
say($node, 'F1', 'before the dump');
my $last = $node->safe_psql('postgres', 'SELECT cursor FROM wa.feed(NULL, 100000) OFFSET (SELECT count(*) - 1 FROM wa.feed(NULL, 100000))');
like($last, qr/^\d+\.\d+\.\d+\.\d+$/, 'a position at the end');
my $dump = "$PostgreSQL::Test::Utils::tmp_check/feed.dump";
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'pg_dump');
my $messages = $node->safe_psql('postgres', 'SELECT count(*) FROM wa.messages');
$node->stop('fast');

my $other = wa_node('other', undef, 'wa_collector.watch_default' => 'messages');
$other->start;
command_ok([ 'pg_restore', '--exit-on-error', '-d', $other->connstr('postgres'), $dump ], 'pg_restore');
cmp_ok($other->safe_psql('postgres', 'SELECT pg_current_xact_id()'), '>', 0, 'another server');
is($other->safe_psql('postgres', 'SELECT count(*) FROM wa.messages'), $messages, 'has the messages');
$other->safe_psql('postgres', 'SELECT wa.adopt_node()');
wait_for($other, "SELECT feed_epoch > split_part('$last', '.', 1)::integer FROM wa_private.storage", 'claims the database in a new epoch');
is($other->safe_psql('postgres', "SELECT count(*) FROM wa.feed('$last')"), '0', 'nothing happened since');
say($other, 'F2', 'after the restore');
wait_for($other, "SELECT string_agg(m.wa_id, ' ') = 'F2' FROM wa.feed('$last') AS f JOIN wa.messages AS m ON f.kind = 'message' AND m.message_id = f.id",
	'a reader goes on where they were');
say($other, 'F1', 'before the dump');
is($other->safe_psql('postgres', "SELECT count(*) FROM wa.messages WHERE wa_id = 'F1'"), '1', 'and what was there is known again');
$other->stop('fast');
done_testing();
