# What people write in groups and to the bot is in the tables: texts, replies,
# mentions, edits, reactions, revocations, attachments, polls with their votes;
# at the levels that people chose, and no longer than they may be kept.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaContent;
use WaTest;
use Test::More;

my ($bot, $ann, $bob) = ('4915100020', '4915100001', '4915100002');
my ($simulator, $node) = linked_node('main', $bot, 'wa_collector.watch_default' => 'messages');
$node->safe_psql('postgres', 'CREATE EXTENSION pgcrypto');
my $group = $simulator->ask({
	do => 'group_create', by => $ann, subject => 'Garden', addressing => 'lid', members => [ $bot, $bob ] })->{group};
same_rosters($node, $simulator, $group, 'people of the group');

sub say
{
	my (%what) = @_;
	return $simulator->ask({ do => 'say', number => $ann, to => $group, %what })->{id};
}

sub lid { return "1$_[0]\@lid"; }

# The value of an expression over wa.messages AS m for one message.
sub of_message
{
	my ($id, $expression) = @_;
	return "SELECT $expression FROM wa.messages AS m WHERE m.wa_id = '$id'";
}

my $who = "(SELECT i.value FROM wa.user_ids AS i WHERE i.user_id = %s AND i.kind = 'lid' AND i.current)";

# texts
my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN wa_events');
my $hello = say(text => 'Hello, garden');
say(number => $bob, text => "Gr\xC3\xBC\xC3\x9Fe \xF0\x9F\x8C\xB1");
say(text => 'x' x 100);
same_messages($node, $simulator, $group, 'texts of a group');
is($node->safe_psql('postgres', of_message($hello,
	"concat_ws(' ', state, origin, from_me, abs(extract(epoch FROM received_at - sent_at)) < 10, edited_at, revoked_at)")),
	'stored live f t', 'read as they happened');
my $told = $listener->query_safe('SELECT 1');
like($told, qr/"messages":\s*\[\d+/, 'LISTEN wa_events tells their numbers');
unlike($told, qr/garden/, 'and nothing of what they say');
$listener->quit;

# replies and mentions
my $reply = say(message => message(6 => pb(1 => 'I agree', 17 => pb(
	1 => $hello, 2 => lid($ann), 15 => lid($bob), 15 => lid($bot)))));
wait_for($node, of_message($reply, "body = 'I agree'"), 'a reply');
is($node->safe_psql('postgres', of_message($reply, "(SELECT body FROM wa.messages AS q WHERE q.message_id = m.quoted_message_id)")),
	'Hello, garden', 'knows what it answers');
is($node->safe_psql('postgres', of_message($reply, "(SELECT string_agg(split_part(i.value, '\@', 1), ' ' ORDER BY i.value)
	FROM wa.user_ids AS i WHERE i.user_id = ANY (m.mentions) AND i.kind = 'lid' AND i.current)")),
	"1$bob 1$bot", 'and whom it mentions');

# edits, reactions, revocations
say(target => $hello, text => 'Hello, gardeners');
wait_for($node, of_message($hello, "body = 'Hello, gardeners' AND edited_at IS NOT NULL"), 'an edit changes the text');
is($node->safe_psql('postgres', "SELECT string_agg(e.body, '|' ORDER BY e.edited_at, e.edit_id) FROM wa.message_edits AS e WHERE e.wa_id = '$hello'"),
	'Hello, garden|Hello, gardeners', 'and the first version is kept');
say(number => $bob, target => $hello, reaction => "\xF0\x9F\x91\x8D");
wait_for($node, "SELECT r.emoji = U&'\\+01F44D' AND r.message_id IS NOT NULL FROM wa.reactions AS r WHERE r.wa_id = '$hello'", 'a reaction');
say(number => $bob, target => $hello, reaction => '');
wait_for($node, "SELECT r.emoji IS NULL FROM wa.reactions AS r WHERE r.wa_id = '$hello'", 'taken back');
my $oops = say(text => 'oops');
wait_for($node, of_message($oops, "body = 'oops'"), 'a text');
say(target => $oops);
wait_for($node, of_message($oops, 'revoked_at IS NOT NULL AND revoked_by = sender'), 'deleted for everybody by its author');

# attachments
my $image = say(message => message(3 => pb(
	1 => 'https://mmg.whatsapp.net/v/t62', 2 => 'image/jpeg', 3 => 'my roses', 4 => 'h' x 32, 5 => \4711, 6 => \600, 7 => \800,
	8 => 'k' x 32, 9 => 'e' x 32, 11 => '/v/t62/roses', 16 => "\xff\xd8\xff")));
wait_for($node, of_message($image, "kind = 'image' AND body = 'my roses'"), 'an image with its caption');
is($node->safe_psql('postgres', "SELECT concat_ws(' ', f.kind, f.mimetype, f.file_size, f.width, f.height, encode(f.thumbnail, 'hex'))
	FROM wa.media AS f JOIN wa.messages AS m USING (message_id) WHERE m.wa_id = '$image'"),
	'image image/jpeg 4711 800 600 ffd8ff', 'and what is needed to fetch it');

# a poll, a vote after it, and one whose poll comes later
my $secret = 'S' x 32;
my @poll = (49 => pb(2 => 'When?', 3 => pb(1 => 'now'), 3 => pb(1 => 'later'), 4 => \1), 35 => pb(3 => $secret));

sub vote
{
	my ($poll, $option) = @_;
	my ($payload, $iv) = secret_addon($node, $secret, 'Poll Vote', $poll, lid($ann), lid($bob), pb(1 => Digest::SHA::sha256($option)));
	return say(number => $bob, message => message(50 => pb(
		1 => message_key(chat => $group, id => $poll, by => lid($ann)), 2 => pb(1 => $payload, 2 => $iv), 4 => \(time * 1000))));
}
my $voted = "SELECT v.options = ARRAY['%s'] AND v.message_id IS NOT NULL AND v.user_id = (SELECT x.user_id FROM wa.user_ids AS x
	WHERE x.value = '1$bob' AND x.kind = 'lid' AND x.current) FROM wa.poll_votes AS v WHERE v.wa_id = '%s'";
my $poll = say(message => message(@poll));
wait_for($node, of_message($poll, "kind = 'poll' AND body = 'When?'"), 'a poll');
vote($poll, 'later');
wait_for($node, sprintf($voted, 'later', $poll), 'an encrypted vote is read');
vote($poll, 'now');
wait_for($node, sprintf($voted, 'now', $poll), 'and the next one of the same person replaces it');
vote('3EB0LATEPOLL', 'now');
wait_for($node, 'SELECT count(*) = 1 FROM wa_private.pending_addons', 'a vote without its poll waits');
say(id => '3EB0LATEPOLL', message => message(@poll));
wait_for($node, sprintf($voted, 'now', '3EB0LATEPOLL'), 'until the poll comes');
wait_for($node, 'SELECT count(*) = 0 FROM wa_private.pending_addons', 'then nothing waits');

# the same as simulated people write it
my $file = $simulator->ask({ do => 'media_put', kind => 'image', base64 => 'iVBORw0KGgo=' });
my $drawing = say(image => $file->{direct_path}, text => 'a drawing', reply => $hello, expires => 86400);
wait_for($node, of_message($drawing, "kind = 'image' AND body = 'a drawing' AND expires_at = sent_at + interval '1 day' AND quoted_wa_id = '$hello'
	AND (SELECT encode(f.sha256, 'hex') = '$file->{sha256}' FROM wa.media AS f WHERE f.message_id = m.message_id)"),
	'a picture that answers and disappears');
my $choice = say(text => 'Where?', poll => [ 'here', 'there' ]);
say(number => $bob, target => $choice, vote => [ 'there' ]);
wait_for($node, sprintf($voted, 'there', $choice), 'a poll with a vote');
my $words = say(text => 'I agree, too', reply => $choice, number => $bob);
wait_for($node, of_message($words, "body = 'I agree, too' AND quoted_message_id = (SELECT q.message_id FROM wa.messages AS q WHERE q.wa_id = '$choice')"),
	'an answer');
my $refused = $simulator->try_ask({ do => 'say', number => $bob, to => $group, target => $words, vote => [ 'x' ] });
ok(!$refused->{ok}, 'nobody votes in what is no poll');

# direct messages, both ways
my $private = say(to => $bot, text => 'between us');
my $answer = $simulator->ask({ do => 'say', number => $bot, to => $ann, text => 'from my phone' })->{id};
wait_for($node, of_message($private, "body = 'between us' AND NOT from_me"), 'a direct message');
wait_for($node, of_message($answer, "body = 'from my phone' AND from_me"), 'and one that the account wrote on its phone');
is($node->safe_psql('postgres', "SELECT count(DISTINCT chat_id) FROM wa.messages WHERE wa_id IN ('$private', '$answer')"), '1',
	'are one chat');
is($node->safe_psql('postgres', "SELECT concat_ws(' ', c.kind, @{[ sprintf $who, 'c.user_id' ]}) FROM wa.chats AS c
	JOIN wa.messages AS m USING (chat_id) WHERE m.wa_id = '$answer'"), "direct 1$ann", 'with the other side');

# what is not to be kept
my $brief = say(message => message(6 => pb(1 => 'soon gone', 17 => pb(25 => \1))));
wait_for($node, of_message($brief, 'expires_at IS NOT NULL'), 'a disappearing message');
wait_for($node, 'SELECT wa_private.housekeeping() IS NULL OR true', 'cleaning up');
wait_for($node, "SELECT wa_private.housekeeping()::text IS NOT NULL AND count(*) = 0 FROM wa.messages WHERE wa_id = '$brief'",
	'it is gone when its time has come');
is($node->safe_psql('postgres', of_message($hello, 'count(*)')), '1', 'the others stay');

# levels
$node->safe_psql('postgres', "SELECT wa.watch_group(group_id, 'members') FROM wa.groups WHERE jid = '$group'");
my $unheard = say(text => 'not for the tables');
$node->safe_psql('postgres', "SELECT wa.watch_group(group_id, 'messages') FROM wa.groups WHERE jid = '$group'");
my $heard = say(text => 'this one is');
wait_for($node, of_message($heard, "body = 'this one is'"), 'stored at the level messages');
is($node->safe_psql('postgres', of_message($unheard, 'count(*)')), '0', 'and not at a lower one');
wait_acknowledged($simulator, $bot, 'all are acknowledged');

# the bytes themselves, on demand
is($node->safe_psql('postgres', of_message($heard, 'raw IS NULL')), 't', 'no raw content unless it is asked for');
$node->append_conf('postgresql.conf', "wa_collector.keep_raw = on");
$node->reload;
my $raw = '';
for my $try (1 .. 50)
{
	my $id = say(text => "raw $try");
	wait_for($node, of_message($id, 'true'), "message $try") or last;
	$raw = $node->safe_psql('postgres', of_message($id, "raw IS NOT NULL AND position('raw $try'::bytea IN raw) > 0"));
	last if $raw eq 't';
}
is($raw, 't', 'with keep_raw the content is kept, too');

is($node->safe_psql('postgres', 'SELECT count(*) FROM wa.rejected'), '0', 'nothing was put aside');
is($node->safe_psql('postgres', 'SELECT count(*) FROM wa_private.records WHERE data IS NULL OR length(data) = 0'), '0', 'no record is empty');
is($node->safe_psql('postgres', "SELECT messages > 10 AND pending = 0 AND batches > 10 FROM wa.workers"), 't', 'wa.workers counts them');
done_testing();
