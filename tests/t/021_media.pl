# Files of messages: fetched when somebody asks, checked, and refused when they
# are not what was announced.
use strict;
use warnings;
use lib 'tests/t/lib';
use JSON::PP ();
use MIME::Base64;
use WaTest;
use Test::More;

my $number = '4915100001';
my $friend = '4915100002';
my ($simulator, $node) = linked_node('main', $number,
	'wa_collector.watch_default' => 'messages',
	'wa_collector.media_max_size' => '200kB',
	'wa_collector.iq_timeout' => '2s');
my $group = $simulator->ask({
	do => 'group_create', by => $friend, subject => 'Garden', addressing => 'lid', members => [$number] })->{group};
wait_for($node, "SELECT count(*) = 1 FROM wa.groups WHERE subject = 'Garden'", 'the group is known');

# ---------------------------------------------------------------- messages with files

sub varint
{
	my ($n) = @_;
	my $out = '';
	while ($n >= 128)
	{
		$out .= chr($n & 127 | 128);
		$n >>= 7;
	}
	return $out . chr $n;
}

sub bytes { my ($field, $value) = @_; return varint($field << 3 | 2) . varint(length $value) . $value; }
sub number { my ($field, $value) = @_; return varint($field << 3) . varint($value); }

# An ImageMessage for what media_put answered.
sub image
{
	my ($file, %other) = @_;
	my $image = bytes(2, 'image/jpeg') . bytes(3, $other{caption} // 'a picture') .
		bytes(4, pack('H*', $other{sha256} // $file->{sha256})) . number(5, $file->{size}) . number(6, 48) . number(7, 64) .
		bytes(8, pack('H*', $file->{key})) . bytes(9, pack('H*', $file->{enc_sha256})) . bytes(11, $file->{direct_path});
	return encode_base64(bytes(3, $image), '');
}

# Has the friend say it; the message's number in the tables.
sub receive
{
	my ($file, %other) = @_;
	my $id = $simulator->ask({ do => 'say', number => $friend, to => $group, message => image($file, %other) })->{id};
	wait_for($node, "SELECT count(*) = 1 FROM wa.messages WHERE wa_id = '$id' AND state = 'stored' AND kind = 'image'", "message $id is stored");
	return $node->safe_psql('postgres', "SELECT message_id FROM wa.messages WHERE wa_id = '$id'");
}

sub state_of
{
	my ($message) = @_;
	return $node->safe_psql('postgres', "SELECT concat_ws(' ', state, error) FROM wa.media WHERE message_id = $message");
}

sub downloads
{
	my ($file) = @_;
	return $simulator->ask({ do => 'media_state', direct_path => $file->{direct_path} })->{downloads};
}

sub fetch
{
	my ($message, $what) = @_;
	is($node->safe_psql('postgres', "SELECT wa.fetch_media($message)"), 'wanted', "$what: asked for");
	wait_for($node, "SELECT state IN ('stored', 'failed') FROM wa.media WHERE message_id = $message", "$what: finished");
	return state_of($message);
}

my $jpeg = $simulator->ask({ do => 'media_put', kind => 'image', size => 150_000, seed => 1 });
my $first = receive($jpeg);
is(state_of($first), 'remote', 'nothing is fetched unasked');
is(downloads($jpeg), 0, 'not even looked at');
is(fetch($first, 'a picture'), 'stored', 'it is there');
is($node->safe_psql('postgres', "SELECT length(content) || ' ' || encode(sha256(content), 'hex') FROM wa.media WHERE message_id = $first"),
	"150000 $jpeg->{sha256}", 'and is what was sent');
is($node->safe_psql('postgres', "SELECT wa.fetch_media($first)"), 'stored', 'it is not fetched again');

my $passed_on = receive($jpeg, caption => 'again');
is(fetch($passed_on, 'a picture that came before'), 'stored', 'its bytes are known');
is(downloads($jpeg), 1, 'without a second download');
wait_for($node, "SELECT array_agg(m.message_id ORDER BY m.message_id) = ARRAY[$first, $passed_on]::bigint[] FROM wa.feed() AS f
	JOIN wa.media AS m ON m.media_id = f.id WHERE f.kind = 'media' AND f.change = 'stored'", 'the feed tells of both');

# ---------------------------------------------------------------- what cannot be had

my $expired = $simulator->ask({ do => 'media_put', kind => 'image', size => 5000, seed => 10 });
my $message = receive($expired);
$simulator->ask({ do => 'media_gone', direct_path => $expired->{direct_path}, code => 404 });
is(fetch($message, 'a file that only the phone has'), 'stored', 'the phone uploads it again');
is($node->safe_psql('postgres', "SELECT encode(sha256(content), 'hex') FROM wa.media WHERE message_id = $message"), $expired->{sha256},
	'and it is the same');
isnt($node->safe_psql('postgres', "SELECT direct_path FROM wa_private.media_keys JOIN wa.media USING (media_id) WHERE message_id = $message"),
	$expired->{direct_path}, 'at another place');

my $gone = $simulator->ask({ do => 'media_put', kind => 'image', size => 1000, seed => 2 });
$message = receive($gone);
$simulator->ask({ do => 'media_gone', direct_path => $gone->{direct_path}, code => 410, lost => JSON::PP::true });
is(fetch($message, 'a file that is gone'), 'failed neither the media service nor the phone has it any more', 'the reason is told');

my $wrong = $simulator->ask({ do => 'media_put', kind => 'image', size => 70_000, seed => 3 });
$message = receive($wrong);
$simulator->ask({ do => 'fault', kind => 'media', effect => 'wrong', bytes => 40_000, direct_path => $wrong->{direct_path} });
is(fetch($message, 'a damaged file'), 'failed not the file that was announced', 'is refused');
$simulator->ask({ do => 'faults_clear', kind => 'media' });
is(fetch($message, 'asked for again'), 'stored', 'and taken when it is whole');

my $other = $simulator->ask({ do => 'media_put', kind => 'image', size => 500, seed => 4 });
$message = receive($other, sha256 => '00' x 32);
is(fetch($message, 'a file with another content'), 'failed not the file that was announced', 'is refused');

my $large = $simulator->ask({ do => 'media_put', kind => 'image', size => 300_000, seed => 5 });
$message = receive($large);
is(fetch($message, 'a large file'), 'failed larger than allowed', 'the limit holds');

# a host that lies about the size: it never ends
my $endless = $simulator->ask({ do => 'media_put', kind => 'image', size => 2000, seed => 6 });
$message = receive($endless);
$simulator->ask({ do => 'fault', kind => 'media', effect => 'endless', direct_path => $endless->{direct_path} });
$node->safe_psql('postgres', "SELECT wa.fetch_media($message)");
wait_for($node, "SELECT state IN ('wanted', 'failed') AND error IS NOT NULL FROM wa.media WHERE message_id = $message", 'an endless answer ends');
$simulator->ask({ do => 'faults_clear', kind => 'media' });

# ---------------------------------------------------------------- hosts that are no good

my $stalls = $simulator->ask({ do => 'media_put', kind => 'image', size => 100_000, seed => 7 });
$message = receive($stalls);
$simulator->ask({ do => 'media_hosts', hosts => [ '127.0.0.1:9', 'self', 'self' ] });
$node->restart; # the hosts are asked for again
wait_for($node, "SELECT status = 'online' FROM wa.bots", 'online after a restart');
$simulator->ask({ do => 'fault', kind => 'media', effect => 'stall', bytes => 50_000, times => 1 });
is(fetch($message, 'a host that falls silent'), 'stored', 'the next one has it');

my $elsewhere = $simulator->ask({ do => 'media_put', kind => 'image', size => 1000, seed => 8 });
$message = receive($elsewhere);
$simulator->ask({ do => 'fault', kind => 'media', effect => 'redirect', to => 'http://127.0.0.1:9/' });
$node->safe_psql('postgres', "SELECT wa.fetch_media($message)");
wait_for($node, "SELECT state = 'wanted' AND error = 'the media host sends elsewhere' FROM wa.media WHERE message_id = $message",
	'a redirect is not followed');
$simulator->ask({ do => 'faults_clear', kind => 'media' });

# ---------------------------------------------------------------- who may ask

$node->safe_psql('postgres', 'CREATE ROLE reader; CREATE ROLE operator');
$node->safe_psql('postgres', "SELECT wa.grant_reader('reader'), wa.grant_operator('operator')");
like(sql_error($node, "SET ROLE reader; SELECT wa.fetch_media($message)"), qr/42501/, 'a reader may not');
is($node->safe_psql('postgres', "SET ROLE operator; SELECT wa.fetch_media($message)"), 'wanted', 'an operator may');
wait_for($node, "SELECT state = 'stored' FROM wa.media WHERE message_id = $message", 'and it is fetched');
like(sql_error($node, 'SET ROLE operator; SELECT content FROM wa.media'), qr/42501/, 'but not read by the operator');
like(sql_error($node, 'SELECT wa.fetch_media(0)'), qr/42704: message 0 has no file.*HINT/s, 'a message without a file');

# ---------------------------------------------------------------- a worker that is killed on the way

sub temporary_files { return map { glob "$_/*" } grep { -d } $node->data_dir . '/base/pgsql_tmp'; }

my $long = $simulator->ask({ do => 'media_put', kind => 'image', size => 150_000, seed => 9 });
my $picture = receive($long);
$simulator->ask({ do => 'fault', kind => 'media', effect => 'slow', bytes => 5000, direct_path => $long->{direct_path} });
$node->safe_psql('postgres', "SELECT wa.fetch_media($picture)");
for my $kill (1 .. 2)
{
	wait_until(sub { return downloads($long) == $kill && grep { -s } temporary_files() }, "kill $kill: some of it is here");
	is(state_of($picture), 'loading', "kill $kill: but not all");
	my $pid = worker_pid($node);
	kill 'KILL', $pid;
	process_gone($pid, "kill $kill: the worker is gone");
	wait_for($node, "SELECT status = 'online' FROM wa.bots", "kill $kill: online again");
	is(scalar(temporary_files()), 0, "kill $kill: no temporary file stays");
	is($node->safe_psql('postgres', "SELECT concat_ws(' ', state, attempts, content IS NULL, error IS NULL) FROM wa.media WHERE message_id = $picture"),
		"loading $kill t t", "kill $kill: it is still to be fetched");
	$simulator->ask({ do => 'faults_clear', kind => 'media' }) if $kill == 2;
	# the pause after a try that went wrong
	$node->safe_psql('postgres', "UPDATE wa.media SET claimed_at = claimed_at - interval '1 minute' WHERE message_id = $picture");
}
wait_for($node, "SELECT state = 'stored' FROM wa.media WHERE message_id = $picture", 'another worker fetches it');
is($node->safe_psql('postgres', "SELECT concat_ws(' ', attempts, error IS NULL, encode(sha256(content), 'hex')) FROM wa.media WHERE message_id = $picture"),
	"3 t $long->{sha256}", 'and it is what was sent');
is(downloads($long), 3, 'each try was one download');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.feed() AS f JOIN wa.media AS m ON m.media_id = f.id WHERE f.kind = 'media' AND m.message_id = $picture"),
	'1', 'it is told once');
is(scalar(temporary_files()), 0, 'no temporary file stays');

my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
unlike($log, qr/PANIC|TRAP/, 'nothing else went wrong');
is(() = $log =~ /was terminated by signal/g, 2, 'and no worker died but those that were killed');
$node->stop('fast');
done_testing();
