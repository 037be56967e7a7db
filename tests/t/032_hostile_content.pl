# What people write may be anything: nested, huge, empty, of wrong types, of
# another age, under ids that are no ids.  Each of it ends as a row or as a
# refusal that is counted; the bot stays online, and what comes next is stored.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaContent;
use WaTest;
use MIME::Base64 qw(encode_base64);
use Test::More;

my ($bot, $ann, $bob) = ('4915100032', '4915100001', '4915100002');
my ($simulator, $node) = linked_node('main', $bot, 'wa_collector.watch_default' => 'messages');
my $group = $simulator->ask({
	do => 'group_create', by => $ann, subject => 'Garden', addressing => 'lid', members => [ $bot, $bob ] })->{group};
my $other = $simulator->ask({
	do => 'group_create', by => $ann, subject => 'Meadow', addressing => 'lid', members => [ $bot, $bob ] })->{group};
same_rosters($node, $simulator, $_, 'people of the groups') for $group, $other;
my $log = -s $node->logfile;

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

# raw(BYTES): the same as base64 for `say`
sub raw { return encode_base64($_[0], ''); }

# How deep, how large, how wrong.
sub nested { my ($n, $wrapper, $inside) = @_; $inside = pb($wrapper => pb(1 => $inside)) for 1 .. $n; return $inside; }
my $text = pb(1 => 'inside');
my $max = 4294967295;
my %odd = (
	'wrapped eight times' => nested(8, 40, $text),
	'wrapped a hundred times' => nested(100, 40, $text),
	'wrapped ten thousand times' => nested(10_000, 37, $text),
	'an edit of an edit' => do { my $e = $text; $e = pb(12 => pb(1 => pb(3 => 'X'), 2 => \14, 14 => $e)) for 1 .. 50; $e },
	'a comment on a comment' => do { my $e = $text; $e = pb(77 => pb(1 => $e, 2 => pb(3 => 'X'))) for 1 .. 50; $e },
	'device-sent in device-sent' => do { my $e = $text; $e = pb(31 => pb(1 => "1$bot\@lid", 2 => $e)) for 1 .. 50; $e },
	'text as a number' => pb(1 => \7),
	'an image as a number' => pb(3 => \7),
	'an image that is no message' => pb(3 => "\xff\xff\xff\xff"),
	'an image without anything' => pb(3 => ''),
	'an image of absurd numbers' => pb(3 => pb(1 => 'x' x 100_000, 2 => 'y' x 100_000, 4 => 'short', 5 => \(2**63 - 1), 6 => \$max, 7 => \$max, 8 => 'k' x 1000, 9 => '', 11 => "\0\xff" x 5000, 16 => 't' x 300_000)),
	'a video of absurd numbers' => pb(9 => pb(1 => 'x', 2 => "\xff\0", 5 => \$max, 6 => \$max, 9 => \$max, 10 => \$max)),
	'a document of absurd numbers' => pb(7 => pb(1 => "\0", 2 => 'm' x 70_000, 3 => 't' x 70_000, 6 => \$max, 8 => "../../etc/passwd\0")),
	'a voice message of absurd numbers' => pb(8 => pb(5 => \$max, 6 => \1, 19 => 'w' x 100_000)),
	'a place on another planet' => pb(5 => pb(3 => 'x' x 100_000, 4 => "\xff")),
	'an empty poll' => pb(49 => ''),
	'a poll of 5000 options' => pb(49 => pb(2 => 'q', (map { (3 => pb(1 => "option $_")) } 1 .. 5000), 4 => \$max)),
	'a poll with the same option twice' => pb(49 => pb(2 => 'q', 3 => pb(1 => 'same'), 3 => pb(1 => 'same'))),
	'an event in the year 300 000' => pb(75 => pb(3 => 'party', 5 => \9_000_000_000_000, 6 => \(2**62))),
	'3000 mentions of strangers' => pb(6 => pb(1 => 'hi', 17 => pb(map { (15 => sprintf '9%09d@lid', $_) } 1 .. 3000))),
	'mentions of no one' => pb(6 => pb(1 => 'hi', 17 => pb(15 => '', 15 => '@', 15 => '@lid', 15 => "\xff\@lid", 15 => 'x' x 9000, 15 => 'status@broadcast', 15 => "a\0b\@lid"))),
	'an answer to a very long id' => pb(6 => pb(1 => 'hi', 17 => pb(1 => join('', map { chr 33 + $_ * 7 % 90 } 1 .. 9000), 2 => 'nobody'))),
	'an answer to an id with a NUL' => pb(6 => pb(1 => 'hi', 17 => pb(1 => "a\0b", 2 => "1$ann\@lid"))),
	'forwarded too often, expiring in 136 years' => pb(6 => pb(1 => 'hi', 17 => pb(21 => \$max, 22 => \1, 25 => \$max))),
	'a reaction of 100 kB' => pb(46 => pb(1 => message_key(chat => $group, id => 'nothing', by => "1$ann\@lid"), 2 => 'r' x 100_000, 4 => \(2**63 - 1))),
	'a reaction to an id of 10 kB' => pb(46 => pb(1 => message_key(chat => $group, id => 'i' x 10_000, by => "1$ann\@lid"), 2 => 'r')),
	'a reaction to nothing' => pb(46 => pb(2 => 'r')),
	'a vote for nothing' => pb(50 => ''),
	'a vote that cannot be opened' => pb(50 => pb(1 => message_key(chat => $group, id => 'nothing', by => "1$ann\@lid"), 2 => pb(1 => 'p' x 100_000, 2 => 'i'), 4 => \(2**63 - 1))),
	'an edit of nothing' => pb(12 => pb(2 => \14, 14 => $text)),
	'a revoke of nothing' => pb(12 => pb(2 => \0)),
	'a protocol message of type 2^31-1' => pb(12 => pb(2 => \(2**31 - 1))),
	'a protocol message of type -1' => pb(12 => pb(2 => \$max)),
	'a timer of 136 years' => pb(12 => pb(2 => \3, 4 => \$max, 5 => \(2**63 - 1))),
	'a label of 100 kB' => pb(12 => pb(2 => \30, 31 => pb(1 => 'l' x 100_000, 2 => \(2**62)))),
	'a contact of 500 kB' => pb(4 => pb(1 => 'Eve', 16 => 'v' x 500_000)),
	'1000 contacts' => pb(13 => pb(1 => 'many', map { (2 => pb(1 => "c $_", 16 => 'v' x 100)) } 1 .. 1000)),
	'a kind that nobody knows' => pb(4711 => 'future'),
	'a secret of the wrong length' => pb(1 => 'secretive', 35 => pb(3 => 'short')),
	'a sender key that is none' => pb(1 => 'keyed', 2 => pb(1 => $group, 2 => 'garbage')),
	'a sender key of nothing' => pb(1 => 'keyed', 2 => ''),
	'an empty text' => pb(1 => ''),
	'NUL' => pb(1 => "a\0b"),
	'invalid UTF-8' => pb(1 => "a\xff\xc0\xafb\xed\xa0\x80c"),
	'bidirectional text' => pb(1 => "\xE2\x80\xAE\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D\xE2\x80\xAC\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9"),
	'a text of 1 MB' => pb(1 => 'M' x 1_000_000),
	'quotes and backslashes' => pb(1 => q{'; DROP TABLE wa.messages; --\\x00 " {} $1 %s E'\\''}),
);
# What is no message of its own, or speaks of nothing, is no row.
my %no_row = map { $_ => 1 } 'a label of 100 kB', 'a reaction of 100 kB', 'a reaction to an id of 10 kB', 'a reaction to nothing', 'a revoke of nothing',
	'a timer of 136 years', 'a vote for nothing', 'a vote that cannot be opened', 'an edit of nothing';
my %id = map { $_ => say(message => raw($odd{$_})) } sort keys %odd;
my $last = say(text => 'after all that');
wait_for($node, of_message($last, "body = 'after all that'"), 'what comes after all that is stored');
my %rows = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', "SELECT wa_id FROM wa.messages WHERE state = 'stored' AND kind IS NOT NULL");
ok(!$rows{ $id{$_} } == !!$no_row{$_}, $no_row{$_} ? "$_: nothing" : "$_: a row") for sort keys %odd;
is($node->safe_psql('postgres', of_message($id{'wrapped eight times'}, "concat_ws(' ', kind, body)")), 'text inside', 'what is wrapped eight times is found');
is($node->safe_psql('postgres', of_message($id{$_}, 'kind')), 'unknown', "$_: not read") for 'wrapped a hundred times', 'an edit of an edit', 'an image that is no message';
is($node->safe_psql('postgres', of_message($id{'NUL'}, 'body')), "a\xEF\xBF\xBDb", 'NUL is replaced');
is($node->safe_psql('postgres', of_message($id{'bidirectional text'}, "encode(convert_to(body, 'UTF8'), 'hex')")), unpack('H*', substr $odd{'bidirectional text'}, 2), 'other scripts are kept as they are');
is($node->safe_psql('postgres', of_message($id{'a text of 1 MB'}, 'length(body)')), '262144', 'a huge text is cut');
is($node->safe_psql('postgres', of_message($id{'quotes and backslashes'}, 'body')), substr($odd{'quotes and backslashes'}, 2), 'quotes are text');
is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM wa.messages WHERE length(meta::text) > 1100000), (SELECT count(*) FROM wa.poll_options WHERE length(name) > 5000)'),
	'0|0', 'nothing is larger than it may be');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM wa.users'), '<', 100, 'one message does not make a thousand people');
my $expiry = $node->safe_psql('postgres', of_message($id{'forwarded too often, expiring in 136 years'}, 'extract(year FROM expires_at)'));
cmp_ok($expiry, '>', 2100, 'a message may expire in 136 years');

# ids are any bytes, and times any time
for my $name ("quote'\"\\;--", "tab\tnewline\nbell\a", "\x7f\x01", "\xC3\xBC\xF0\x9F\x8C\xB1", 'x' x 63, ' ', '%s%n', '$1')
{
	$simulator->try_ask({ do => 'say', number => $ann, to => $group, id => $name, text => 'odd id' });
}
my $t = time();
my $n = 0;
for my $attrs ({ t => '99999999999999' }, { t => '-1' }, { t => 'yesterday' }, { t => '' }, { t => $t + 10 * 365 * 86400 }, {},
	{ participant => '' }, { participant => 'nobody' }, { participant => "1$ann\@lid\@lid" }, { participant => $group },
	{ from => "x\@g.us" }, { from => 'status@broadcast' }, { from => 'server@g.us' }, { id => 'y' x 63 }, { id => "a\nb" },
	{ type => 'x' x 1000 }, { notify => "\xff\0" . 'n' x 100_000 }, { edit => '99999999999999999999' }, { offline => 'many' }, { recipient => "1$bob\@lid" })
{
	$simulator->try_ask({ do => 'stanza', number => $bot, stanza => { tag => 'message', attrs => {
		from => $group, participant => "1$ann\@lid", id => 'ODD' . ++$n, t => "$t", type => 'text', addressing_mode => 'lid', %$attrs },
		children => [ { tag => 'enc', attrs => { v => '2', type => 'skmsg' }, base64 => raw("\x33" . 'garbage' x 20) } ] } });
}
for my $children ([], [ { tag => 'enc', attrs => {} } ], [ { tag => 'enc', attrs => { v => '99999999999', type => 'skmsg' }, base64 => '' } ],
	[ map { { tag => 'enc', attrs => { v => '2', type => 'skmsg' }, base64 => raw("\x33$_") } } 1 .. 200 ], [ { tag => 'unavailable', attrs => {} } ],
	[ { tag => 'enc', attrs => { v => '2', type => 'pkmsg' }, base64 => raw("\x33" . "\x08\xff\xff\xff\xff\x0f" x 50) } ], [ { tag => 'plaintext', attrs => {}, base64 => raw('x') } ])
{
	$simulator->ask({ do => 'stanza', number => $bot, stanza => { tag => 'message', children => $children, attrs => {
		from => $group, participant => "1$bob\@lid", id => 'ODD' . ++$n, t => "$t", type => 'text' } } });
}
$last = say(text => 'after the odd stanzas');
wait_for($node, of_message($last, "state = 'stored'"), 'what comes after odd stanzas is stored');
wait_acknowledged($simulator, $bot, 'all is answered');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.messages WHERE sent_at > now() + interval '2 days' OR sent_at < now() - interval '1 day'"), '0', 'no message is from another age');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.messages WHERE wa_id !~ '^[ -~]+\$' OR length(wa_id) > 256"), '0', 'no id is what no id can be');
is(bot_status($node, 'one'), 'online', 'the bot stays online');
is($node->safe_psql('postgres', 'SELECT count(*) FROM wa.rejected'), '0', 'nothing had to be put aside');
my $told = PostgreSQL::Test::Utils::slurp_file($node->logfile, $log);
unlike($told, qr/inside|garbage|DROP TABLE|odd id|after all/, 'the log has nothing of the contents');
cmp_ok(scalar(grep { /LOG: / && !/checkpoint/ } split /\n/, $told), '<=', 2, 'and hardly anything else') or diag($told);
done_testing();
