# Whoever floods a group and the bot's direct chat with what nobody can read
# gets rows and a few answers for it: the memory of the worker stays flat, the
# log short, the account online, and others are heard meanwhile.
# WA_FLOOD: how many messages (3000); with it the figures are told.
use strict;
use warnings;
use lib 'tests/t/lib';
use POSIX ();
use WaTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

# Every wait has time for its share of the flood, and a bound all the same: a
# worker that reads fewer than fifty a second has come to a stop, and whoever
# waits for it shall hear so.
my $size = 0 + ($ENV{WA_FLOOD} // 3000);
my $patience = 240 + $size / 50;
$WaTest::timeout += $size / 500;

my ($bot, $ann, $bob, $eve) = ('4915100030', '4915100001', '4915100002', '4915100003');
my ($simulator, $node) = linked_node('main', $bot, 'wa_collector.watch_default' => 'messages');
my $group = $simulator->ask({
	do => 'group_create', by => $ann, subject => 'Flooded', addressing => 'lid', members => [ $bot, $bob, $eve ] })->{group};
my $quiet = $simulator->ask({
	do => 'group_create', by => $ann, subject => 'Quiet', addressing => 'lid', members => [ $bot, $bob ] })->{group};
same_rosters($node, $simulator, $_, 'people of a group') for $group, $quiet;

sub memory
{
	my ($status) = slurp_file('/proc/' . worker_pid($node) . '/status');
	return $status =~ /^RssAnon:\s+(\d+)/m ? $1 : 0;
}

# seconds
sub cpu
{
	my (undef, $stat) = slurp_file('/proc/' . worker_pid($node) . '/stat') =~ /^(.*\)) (.*)/s;
	my @fields = split / /, $stat;
	return ($fields[11] + $fields[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# Nobody who floods answers: it is no accident.
my ($log, $cpu) = (-s $node->logfile, cpu());
my $unread = "FROM wa.messages AS m JOIN wa.chats AS c USING (chat_id) WHERE m.body IS NULL AND m.state = 'pending'";
$simulator->ask({ do => 'phone', number => $_, retries => JSON::PP::false }) for $ann, $bob, $eve;
my $started = Time::HiRes::time();
$simulator->ask({ do => 'talk', groups => [$group], rate => 400, size => 60, seed => 1, damage => 100, events => $size });
wait_for($node, "SELECT count(*) > $size / 3 $unread", 'unreadable messages are rows', timeout => $patience);
my $before = memory();
my (@heard, $direct);
wait_until(sub
{
	push @heard, $simulator->ask({ do => 'say', number => $ann, to => $quiet, text => 'can you hear me' })->{id};
	for (1 .. 20)
	{
		$direct++;
		$simulator->ask({ do => 'say', number => $eve, to => $bot, text => 'unreadable', damage => $direct % 2 ? 'mac' : 'no_session' });
	}
	diag memory() if $ENV{WA_FLOOD} && @heard % 20 == 0;
	return !$simulator->ask({ do => 'info' })->{talk};
}, 'the flood ends', timeout => $patience);
wait_for($node, "SELECT count(*) = @{[ scalar @heard ]} FROM wa.messages WHERE wa_id IN ('@{[ join q(','), @heard ]}') AND origin = 'live' AND body IS NOT NULL",
	'others were heard meanwhile');
wait_acknowledged($simulator, $bot, 'all is acknowledged');
my $after = memory();
my $minutes = (Time::HiRes::time() - $started) / 60;
cmp_ok($after - $before, '<', 8000, "the memory of the worker stays flat ($before kB, then $after kB)");
is(bot_status($node, 'one'), 'online', 'the bot stays online');
wait_for($node, "SELECT count(*) = @{[ $size + $direct ]} FROM wa.messages WHERE body IS DISTINCT FROM 'can you hear me'", 'each one is a row');

# a chat's budget: 20 and ten a minute, for its sender and the own phone together
my $asked = $node->safe_psql('postgres', "SELECT coalesce(max(n), 0) FROM (SELECT sum(m.attempts + coalesce(m.phone_asked, false)::int) AS n
	FROM wa.messages AS m WHERE m.attempts > 0 GROUP BY m.chat_id) AS x");
cmp_ok($asked, '>=', 20, 'some are asked for again');
cmp_ok($asked, '<=', 20 + 10 * $minutes + 1, 'no more than a chat\'s budget allows');
my @lines = grep { /LOG: / && !/checkpoint/ } split /\n/, slurp_file($node->logfile, $log);
cmp_ok(scalar @lines, '<=', 1 + $minutes, 'the log has a line a minute') or diag(join "\n", @lines);
diag(sprintf "%d of a group and %d direct in %.0f s, %.0f s of the worker's CPU; its memory %d kB, then %d kB; %d asked for again; %d lines in the log",
	$size, $direct, 60 * $minutes, cpu() - $cpu, $before, $after, $asked, scalar @lines) if $ENV{WA_FLOOD};

# the same people are read again when they write what can be read
my %said = map { my $to = $_; ($to => $simulator->ask({ do => 'say', number => $eve, to => $to, text => 'I am sorry' })->{id}) } $group, $bot;
wait_for($node, "SELECT count(*) = 1 FROM wa.messages WHERE wa_id = '$said{$_}' AND body = 'I am sorry' AND origin = 'live'",
	'what can be read is read') for $group, $bot;
done_testing();
