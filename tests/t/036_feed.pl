# Whoever reads wa.feed() in small steps sees every message once: with two
# workers that are killed, and transactions that commit late or never.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use Test::More;
use Time::HiRes ();

my ($one, $two, $ann, $bob) = ('4915100038', '4915100039', '4915100001', '4915100002');
my $simulator = simulator();
my $node = wa_node('main', $simulator, 'wa_collector.watch_default' => 'messages', 'wa_collector.workers' => 2);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION wa_collector');
link_bot($node, $simulator, 'one', $one);
link_bot($node, $simulator, 'two', $two);
wait_for($node, 'SELECT count(*) = 2 FROM wa.workers WHERE bots = 1', 'two workers have a bot each');
my @groups = map { $simulator->ask({
	do => 'group_create', by => $ann, subject => $_, addressing => 'lid', members => [ $bob, @{ { Shared => [ $one, $two ], One => [$one], Two => [$two] }->{$_} } ] })->{group} }
	qw(Shared One Two);
same_rosters($node, $simulator, $_, 'people of a group') for @groups;

# what the reader has seen: number of the entry by message
my (%seen, %times, $cursor, $steps);
sub read_on
{
	my $from = defined $cursor ? "'$cursor'" : 'NULL';
	# a server that starts anew is asked again
	my ($status, $rows) = eval { $node->psql('postgres', "SELECT cursor, kind, change, id FROM wa.feed($from, 7)") };
	return 0 if $status || !$rows;
	$steps++;
	for my $row (split /\n/, $rows)
	{
		($cursor, my ($kind, $change, $id)) = split /\|/, $row;
		$times{$id}++ if $kind eq 'message' && $change eq 'new';
		$seen{"$kind $change"}++;
	}
	return 1;
}

# A message of somebody else's making, in a transaction that stays open.
sub insert
{
	my ($id) = @_;
	return <<"SQL";
SELECT wa_private.apply('{}', '{}', ARRAY[b.bot_id], ARRAY[g.jid], '{1$ann\@lid}', '{NULL}', '{NULL}', '{$id}', ARRAY[now()], ARRAY[now()], '{text}', '{late}', '{0}',
	'{stored}', '{live}', '{NULL}', '{NULL}', '{NULL}') FROM wa.bots AS b, wa.groups AS g WHERE b.name = 'one' AND g.subject = 'One'
SQL
}

$simulator->ask({ do => 'talk', groups => \@groups, rate => 150, size => 60, seed => 6, damage => 2, reactions => 5, events => 2000 });
my $late;
my $round = 0;
while ($simulator->ask({ do => 'info' })->{talk})
{
	read_on();
	$round++;
	if ($round % 20 == 5)
	{
		$late = $node->background_psql('postgres');
		$late->query_safe('BEGIN; SET LOCAL client_min_messages = error');
		$late->query_safe(insert("LATE$round"));
	}
	elsif ($round % 20 == 15 && $late)
	{
		$late->query_safe($round % 40 == 15 ? 'COMMIT' : 'ROLLBACK');
		$late->quit;
		undef $late;
	}
	elsif ($round % 30 == 25)
	{
		my $pid = eval { worker_pid($node) };
		kill 'KILL', $pid if $pid;
	}
}
if ($late)
{
	$late->query_safe('COMMIT');
	$late->quit;
}
wait_for($node, "SELECT bool_and(status = 'online') FROM wa.bots", 'the bots are online');
wait_acknowledged($simulator, $_, 'all is acknowledged') for $one, $two;
wait_for($node, "SELECT count(*) = 0 FROM wa.messages WHERE state <> 'stored'", 'nothing is unreadable', timeout => 2 * $WaTest::timeout);
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM wa.messages WHERE wa_id LIKE 'LATE%'"), '>', 0, 'some transactions committed late');
my $until = Time::HiRes::time() + $WaTest::timeout;
my $expected = $node->safe_psql('postgres', 'SELECT count(*) FROM wa.messages');
while (keys %times < $expected && Time::HiRes::time() < $until) { read_on(); }
while (read_on()) { }
cmp_ok($steps, '>', 100, 'the reader took small steps');
my @ids = split /\n/, $node->safe_psql('postgres', 'SELECT message_id FROM wa.messages');
is(scalar(grep { !$times{$_} } @ids), 0, 'it has seen every message');
is(scalar(grep { $_ > 1 } values %times), 0, 'each of them once');
is(scalar(keys %times), scalar(@ids), 'and none that is not there');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.feed(NULL, 2147483647) WHERE kind = 'message' AND change = 'new'"), scalar(@ids), 'all at once it reads the same');
cmp_ok($seen{'reaction changed'} // 0, '>', 0, 'reactions are told, too');
same_messages($node, $simulator, $_, 'every text is in the tables') for @groups[ 0, 2 ];
done_testing();
