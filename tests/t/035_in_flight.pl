# A worker that stops, is cut off or is killed while a question about a message
# is under way: whoever can answer it is asked, once, and nothing waits for ever.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaContent;
use WaTest;
use Test::More;

my ($bot, $ann, $bob) = ('4915100037', '4915100001', '4915100002');
my ($simulator, $node) = linked_node('main', $bot, 'wa_collector.watch_default' => 'messages');
my $group = $simulator->ask({
	do => 'group_create', by => $ann, subject => 'Garden', addressing => 'lid', members => [ $bot, $bob ] })->{group};
same_rosters($node, $simulator, $group, 'people of the group');

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

sub phone { my ($number, %what) = @_; $simulator->ask({ do => 'phone', number => $number, %what }); return; }

sub kill_worker
{
	my ($what) = @_;
	my $pid = worker_pid($node);
	kill 'KILL', $pid;
	process_gone($pid, "killed: $what");
	return;
}

# How often the own phone was asked for a message: what it heard of its companion.
sub questions
{
	my $heard = $simulator->ask({ do => 'heard', number => $bot })->{heard};
	return scalar grep { $_->{peer} } @$heard;
}

my $hello = say(text => 'hello');
wait_for($node, of_message($hello, "state = 'stored'"), 'a message');

# the sender is asked, and the answer finds another worker
for my $try (1 .. 3)
{
	my $id = say(text => "try $try", damage => $try == 2 ? 'no_skdm' : 'mac', number => $try == 3 ? $bob : $ann);
	wait_for($node, of_message($id, "state = 'pending' OR body = 'try $try'"), 'a message that cannot be read');
	kill_worker('the sender is asked');
	wait_for($node, of_message($id, "body = 'try $try'"), 'and answers');
}

# he does not answer, and whoever would have asked the phone is gone
phone($ann, retries => JSON::PP::false);
phone($bot, online => JSON::PP::false);
wait_connected($simulator, $bot, 'the bot is back');
my $silent = say(text => 'from the phone', damage => 'mac');
wait_for($node, of_message($silent, "state = 'pending' AND attempts = 1 AND phone_asked IS NOT TRUE"), 'the sender does not answer');
kill_worker('the phone is to be asked');
wait_for($node, of_message($silent, 'phone_asked'), 'the phone is asked all the same');
kill_worker('the phone is asked');
wait_connected($simulator, $bot, 'the bot is back');
phone($bot, online => JSON::PP::true);
wait_for($node, of_message($silent, "body = 'from the phone' AND origin = 'phone'"), 'and its answer is understood');
cmp_ok(questions(), '<=', 1, 'it was asked once');

# many at once: more than a chat may cause questions about
my @many = map { say(text => "one of many $_", damage => 'mac') } 1 .. 22;
wait_for($node, "SELECT count(*) >= 20 FROM wa.messages WHERE attempts = 1 AND (state = 'pending' OR body LIKE 'one of many%')", 'a chat may cause twenty questions');
kill_worker('some are not asked for yet');
wait_for($node, "SELECT count(*) > 0 FROM wa_private.records WHERE name = 'ask'", 'what is to be asked for is in the tables');
phone($ann, retries => JSON::PP::true);

# a process that stands still, and a socket that is gone meanwhile
my $pid;
wait_until(sub { $pid = eval { worker_pid($node) } }, 'there is a worker');
wait_connected($simulator, $bot, 'the bot is back');
kill 'STOP', $pid;
my @missed = map { say(text => "unheard $_", number => $_ % 2 ? $ann : $bob, damage => $_ % 5 ? () : 'mac') } 1 .. 20;
$simulator->ask({ do => 'fault', kind => 'cut', number => $bot });
push @missed, map { say(text => "unheard $_") } 21 .. 25;
kill 'CONT', $pid;
wait_for($node, "SELECT count(*) = 25 FROM wa.messages WHERE body LIKE 'unheard %' AND wa_id IN ('@{[ join q(','), @missed ]}')", 'what was said meanwhile is there, once', timeout => 2 * $WaTest::timeout);

# a group's words while workers are killed at random
$simulator->ask({ do => 'talk', groups => [$group], rate => 100, size => 60, seed => 9, damage => 1, events => 500 });
my $n = $node->safe_psql('postgres', 'SELECT count(*) FROM wa.messages');
for my $try (1 .. 4)
{
	wait_for($node, "SELECT count(*) > $n + 40 FROM wa.messages", 'talk goes on');
	kill_worker("while people talk ($try)");
	wait_for($node, "SELECT status = 'online' FROM wa.bots", 'online again');
	$n = $node->safe_psql('postgres', 'SELECT count(*) FROM wa.messages');
}
wait_until(sub { !$simulator->ask({ do => 'info' })->{talk} }, 'people fall silent');
wait_for($node, "SELECT count(*) = 0 FROM wa.messages WHERE state <> 'stored'", 'nothing waits for ever', timeout => 4 * $WaTest::timeout);
same_messages($node, $simulator, $group, 'every text is there, once');
wait_acknowledged($simulator, $bot, 'all is acknowledged');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa_private.records WHERE kind = 7 AND name <> 'ask' AND chat <> 'phone'"), '0', 'no attempt is left over');
is($node->safe_psql('postgres', 'SELECT count(*) FROM wa.rejected'), '0', 'nothing was put aside');
done_testing();
