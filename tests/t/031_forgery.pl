# Nobody speaks for somebody else: edits, deletions and votes count from whom
# they may come, keys and history from the own phone alone, a sender key only in
# its group.  What is forged leaves a trace at most.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaContent;
use WaTest;
use MIME::Base64 qw(encode_base64);
use Test::More;

my ($bot, $ann, $bob, $eve) = ('4915100031', '4915100001', '4915100002', '4915100003');
my ($simulator, $node) = linked_node('main', $bot, 'wa_collector.watch_default' => 'messages');
$node->safe_psql('postgres', 'CREATE EXTENSION pgcrypto');
my ($group, $other) = map { $simulator->ask({
	do => 'group_create', by => $ann, subject => $_, addressing => 'lid', members => [ $bot, $bob, $eve ] })->{group} } 'Garden', 'Meadow';
same_rosters($node, $simulator, $_, 'people of a group') for $group, $other;

sub say
{
	my (%what) = @_;
	return $simulator->ask({ do => 'say', number => $ann, to => $group, %what })->{id};
}

sub of_message
{
	my ($id, $expression) = @_;
	return "SELECT $expression FROM wa.messages AS m WHERE m.wa_id = '$id'";
}

sub lid { return "1$_[0]\@lid"; }

# Eve's next words: when they are stored, what she did before has been judged.
my $turn = 0;
sub judged
{
	my ($what, @to) = @_;
	for my $to (@to ? @to : ($group, $other, $bot))
	{
		my $id = say(number => $eve, to => $to, text => 'turn ' . ++$turn);
		wait_for($node, of_message($id, "state = 'stored' AND origin = 'live'"), "$what ($turn)");
	}
	return;
}

my $hello = say(text => 'Hello');
my $mine = say(number => $bot, text => 'I am the bot');
my $private = say(to => $bot, text => 'between us');
my $answer = say(number => $bot, to => $ann, text => 'indeed');
wait_for($node, of_message($_, "state = 'stored'"), 'somebody said something') for $hello, $mine, $private, $answer;
judged('Eve has spoken');
my $words = "SELECT string_agg(concat_ws(' ', wa_id, sender, from_me, body, kind, edited_at, revoked_at), '|' ORDER BY message_id) FROM wa.messages WHERE wa_id IN ('$hello', '$mine', '$private', '$answer')";
my $before = $node->safe_psql('postgres', $words);

# edits and deletions of what others wrote, whoever the key names, with and without an admin's attribute
for my $target ([ $hello, $ann, $group ], [ $mine, $bot, $group ], [ $private, $ann, $bot ], [ $answer, $bot, $bot ])
{
	my ($id, $author, $to) = @$target;
	for my $key (message_key(chat => $group, id => $id, by => lid($author)), message_key(chat => $group, id => $id, from_me => 1),
		message_key(chat => $group, id => $id), message_key(chat => $group, id => $id, by => lid($eve)))
	{
		say(number => $eve, to => $to, edit => '1', message => message(12 => pb(1 => $key, 2 => \14, 14 => pb(1 => 'changed by Eve'), 15 => \(time * 1000))));
		say(number => $eve, to => $to, edit => '7', message => message(12 => pb(1 => $key, 2 => \0)));
		say(number => $eve, to => $to, edit => '8', message => message(12 => pb(1 => $key, 2 => \0)));
	}
}
judged('edits and deletions are judged');
is($node->safe_psql('postgres', $words), $before, 'nobody changes or deletes what others wrote');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.message_edits WHERE state = 'applied'"), '0', 'no edit is applied');
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM wa.message_edits WHERE state = 'refused'"), '>', 0, 'those that found a message are kept as refused');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.messages WHERE body LIKE 'changed%'"), '0', 'and are no messages');

# the author and an admin may
say(edit => '1', message => message(12 => pb(1 => message_key(chat => $group, id => $hello, from_me => 1), 2 => \14, 14 => pb(1 => 'Hello all'), 15 => \(time * 1000))));
wait_for($node, of_message($hello, "body = 'Hello all'"), 'the author edits');
my $spam = say(number => $eve, text => 'buy my roses');
say(edit => '8', message => message(12 => pb(1 => message_key(chat => $group, id => $spam, by => lid($eve)), 2 => \0)));
wait_for($node, of_message($spam, "revoked_at IS NOT NULL AND revoked_by <> sender"), 'an admin deletes');

# votes and reactions: for the chat they are in, by the one who sends them
my $secret = 'S' x 32;
my $poll = say(message => message(49 => pb(2 => 'When?', 3 => pb(1 => 'now'), 3 => pb(1 => 'later'), 4 => \1), 35 => pb(3 => $secret)));
wait_for($node, of_message($poll, "kind = 'poll'"), 'a poll');
sub vote
{
	my ($as, $to) = @_;
	my ($payload, $iv) = secret_addon($node, $secret, 'Poll Vote', $poll, lid($ann), lid($as), pb(1 => Digest::SHA::sha256('now')));
	return say(number => $eve, to => $to, message => message(50 => pb(1 => message_key(chat => $group, id => $poll, by => lid($ann)), 2 => pb(1 => $payload, 2 => $iv))));
}
vote($bob, $group);
vote($eve, $other);
say(number => $eve, to => $other, message => message(46 => pb(1 => message_key(chat => $group, id => $poll, by => lid($ann)), 2 => 'X')));
judged('votes and reactions are judged');
is($node->safe_psql('postgres', 'SELECT count(*) FROM wa.poll_votes'), '0', 'no vote in another\'s name or in another chat');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.reactions WHERE message_id IS NOT NULL"), '0', 'no reaction in another chat');
is($node->safe_psql('postgres', "SELECT string_agg(c.jid, ' ') FROM wa.reactions JOIN wa.chats AS c USING (chat_id)"), $other, 'it is kept where it was made');
vote($eve, $group);
wait_for($node, "SELECT count(*) = 1 FROM wa.poll_votes AS v WHERE v.options = '{now}' AND v.message_id IS NOT NULL", 'her own vote counts');

# what only own devices may say
my $records = "SELECT string_agg(kind || ' ' || n, ', ' ORDER BY kind) FROM (SELECT kind, count(*) AS n FROM wa_private.records WHERE kind IN (8, 9, 10) GROUP BY 1) AS x";
my $keys = $node->safe_psql('postgres', $records);
my $people = "SELECT string_agg(concat_ws(' ', i.user_id, i.kind, i.value), ',' ORDER BY i.user_id, i.kind, i.value) FROM wa.user_ids AS i WHERE i.value LIKE '%$bot' OR i.value LIKE '%$ann'";
my $known = $node->safe_psql('postgres', $people);
my %only_own = (
	history => pb(2 => \5, 6 => pb(3 => 'k' x 32, 4 => 'e' x 32, 5 => '/v/evil', 6 => \2, 7 => \1)),
	keys => pb(2 => \6, 7 => pb(1 => pb(1 => pb(1 => "\0\0\0\1\2\3"), 2 => pb(1 => 'k' x 32, 3 => \1)))),
	key_request => pb(2 => \7, 8 => pb(1 => pb(1 => "\0\0\0\1"))),
	phone_request => pb(2 => \16, 16 => pb(1 => \4)),
	phone_answer => pb(2 => \17, 17 => pb(1 => \4, 2 => '3EB0', 3 => pb(4 => pb(1 => pb(1 => message_key(chat => $group, id => $hello, by => lid($ann)), 2 => pb(1 => 'forged')))))),
	mapping => pb(2 => \22, 23 => pb(1 => pb(1 => pb(1 => \$bot, 2 => \"1$ann", 3 => \"1$ann")))),
);
for my $what (sort keys %only_own)
{
	my $message = pb(12 => $only_own{$what});
	for my $to ($group, $bot)
	{
		say(number => $eve, to => $to, message => encode_base64($message, ''));
		say(number => $eve, to => $to, message => message(31 => pb(1 => lid($bot), 2 => $message)));
		say(number => $eve, to => $to, message => message(31 => pb(1 => lid($ann), 2 => pb(31 => pb(1 => lid($ann), 2 => $message)))));
	}
}
say(number => $eve, to => $_, message => message(31 => pb(1 => lid($ann), 2 => pb(1 => 'the bot said this')))) for $group, $bot;
judged('what only own devices may say is judged');
is($node->safe_psql('postgres', 'SELECT count(*) FROM wa_private.history_chunks'), '0', 'no history is fetched for a stranger');
is($node->safe_psql('postgres', $records), $keys, 'no key of app state is taken of a stranger');
is($node->safe_psql('postgres', $people), $known, 'no stranger says who is who');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.messages WHERE body ~ 'forged|the bot said' OR (from_me AND wa_id NOT IN ('$mine', '$answer'))"), '0', 'and none speaks as the bot');
is($node->safe_psql('postgres', "SELECT string_agg(DISTINCT meta ->> 'refusal', ', ' ORDER BY meta ->> 'refusal') FROM wa.messages WHERE kind = 'unknown'"),
	'device-sent message of another account, protocol message that only own devices may send', 'each leaves a row that says so');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.messages WHERE meta ? 'refusal'"), 38, 'every one of them');

# sender keys: Eve's are filed where they came from, and for her alone
sub sender_key { return pb(1 => $_[0], 2 => "\x33" . pb(1 => \4711, 2 => \0, 3 => 'c' x 32, 4 => "\x05" . 'p' x 32)); }
my $filed = "SELECT string_agg(concat_ws(' ', chat, name, number, md5(data)), ',' ORDER BY chat, name, number) FROM wa_private.records WHERE kind = 3 AND name NOT LIKE '1$eve%'";
judged('before the sender keys');
say(text => 'Ann'), say(number => $bob, text => 'Bob');
my $then = say(to => $other, text => 'Ann'), say(number => $bob, to => $other, text => 'Bob');
wait_for($node, of_message($then, "state = 'stored'"), 'others have keys');
wait_acknowledged($simulator, $bot, 'all is acknowledged');
$before = $node->safe_psql('postgres', $filed);
for my $named ($group, $other, '', 'x' x 1000, "0\@g.us", lid($ann))
{
	say(number => $eve, to => $bot, message => message(2 => sender_key($named)));
	say(number => $eve, to => $bot, message => message(1 => 'with a key', 2 => sender_key($named)));
	say(number => $eve, to => $other, message => message(1 => 'with a key', 2 => sender_key($named))) if $named ne $other && $named ne '';
}
judged('sender keys from elsewhere do no harm', $group, $other, $bot);
is($node->safe_psql('postgres', $filed), $before, 'nobody else\'s sender key changes');
for my $to ($group, $other)
{
	say(number => $_, to => $to, text => 'still heard') for $ann, $bob;
}
wait_for($node, "SELECT count(*) = 4 FROM wa.messages WHERE body = 'still heard' AND origin = 'live'", 'everybody else is read at once');
# one that replaces her own costs her a retry, no more
say(number => $eve, to => $group, message => message(1 => 'a key of my own', 2 => sender_key($group)));
my $retried = say(number => $eve, to => $group, text => 'in spite of it');
wait_for($node, of_message($retried, "body = 'in spite of it'"), 'she is read again after a retry');

# the same id in two mouths, and in two chats
say(id => 'SAME', number => $_, text => "by $_") for $ann, $bob, $eve;
say(id => 'SAME', number => $_, to => $other, text => "there by $_") for $ann, $eve;
say(id => 'SAME', number => $_, to => $bot, text => "directly by $_") for $ann, $bob;
wait_for($node, of_message('SAME', 'count(*) = 7 AND count(DISTINCT body) = 7'), 'one id, seven messages');
say(id => 'SAME', number => $eve, text => 'once more');
judged('said twice');
is($node->safe_psql('postgres', of_message('SAME', 'count(*)')), '7', 'and said twice by one is one');
say(number => $eve, edit => '1', message => message(12 => pb(1 => message_key(chat => $group, id => 'SAME', from_me => 1), 2 => \14, 14 => pb(1 => 'edited by Eve'), 15 => \(time * 1000))));
wait_for($node, "SELECT string_agg(body, '|' ORDER BY body) LIKE '%by 4915100001|by 4915100002|%edited by Eve|%' FROM wa.messages WHERE wa_id = 'SAME'", 'an edit finds the one of its author');

is($node->safe_psql('postgres', 'SELECT count(*) FROM wa.rejected'), '0', 'nothing had to be put aside');
is(bot_status($node, 'one'), 'online', 'the bot stays online');
done_testing();
