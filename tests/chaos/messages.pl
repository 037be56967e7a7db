#!/usr/bin/env perl
#
# messages.pl
#	Kills workers and the postmaster, cuts sockets and the power at random
#	moments while simulated people write encrypted messages in many groups at
#	once, and compares wa.messages with what was said, message for message.
#
# usage: messages.pl [--kills 500] [--bots 200] [--groups 50] [--rate 200] [--members 20] [--power 10] [--seed N]
#
#	--power PERCENT	of the damage stops all processes at once, copies the data
#		directory as it is then, and starts the server from the copy
#	SIGUSR1 ends the damage early; the comparison follows.
#
# Meanwhile the service doubles and disorders stanzas, and every fiftieth commit
# that stores messages fails.  At the end everybody writes once more: a ratchet
# that broke would show.
#
# Ends with one line:
#	kills=… sent=… stored=… lost=… doubled=… pending=… retried=…
# sent: messages that were said; stored: those that are there with the right
# text and sender; lost: those that are not; doubled: surplus rows; pending:
# rows without content and stanzas without answer; retried: messages that had to
# be sent again because they could not be read.
# Exit code 0 when sent = stored and the rest is 0.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Chaos;

use Getopt::Long;
use JSON::PP ();
use Time::HiRes ();
use WaTest;
use Test::More;

my %option = (kills => 500, bots => 200, groups => 50, rate => 200, members => 20, power => 10, seed => $$ ^ time);
GetOptions(\%option, map { "$_=i" } keys %option) or die "see the head of $0\n";
srand($option{seed});
print $out "seed $option{seed}\n";

my $simulator = simulator('--seed', $option{seed});
my $node = wa_node('messages', $simulator, 'wa_collector.connects_per_second' => 1000, 'wa_collector.watch_default' => 'messages',
	'wa_collector.prekey_batch' => 50, 'restart_after_crash' => 'on', 'synchronous_commit' => 'on',
	'max_wal_size' => '4GB', 'max_locks_per_transaction' => 256);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION wa_collector');
my @numbers = map { '' . (4915100000 + $_) } 1 .. $option{bots};
link_bot($node, $simulator, "bot$_", $_) for @numbers;

# each group has some bots, as many as there are for it
my @groups;
for my $n (1 .. $option{groups})
{
	my @people = map { '' . (4915200000 + $n * 1000 + $_) } 1 .. $option{members};
	$simulator->ask({ do => 'phone', number => $_, name => "Person $_" }) for @people;
	my @bots = @numbers[ grep { $_ % $option{groups} == $n % $option{groups} || ($_ + 1) % $option{groups} == $n % $option{groups} } 0 .. $#numbers ];
	push @groups, $simulator->ask({ do => 'group_create', by => $people[0], subject => "Group $n",
		members => [ @people[ 1 .. $#people ], @bots ], addressing => $n % 4 == 0 ? 'pn' : 'lid' })->{group};
}
wait_for($node, "SELECT count(*) = $option{groups} FROM wa.groups WHERE roster_at IS NOT NULL", 'all groups are known');
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION fail_now_and_then() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF random() < 0.02 THEN
		RAISE EXCEPTION 'this commit fails' USING ERRCODE = 'disk_full';
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER fail_now_and_then AFTER INSERT ON wa.messages FOR EACH STATEMENT EXECUTE FUNCTION fail_now_and_then();
SQL
$simulator->ask({ do => 'fault', kind => $_, percent => 5 }) for qw(duplicate reorder);

sub talk
{
	my (%more) = @_;
	return $simulator->ask({ do => 'talk', groups => \@groups, rate => $option{rate}, size => 60, seed => $option{seed}, %more });
}

sub said_so_far
{
	return $simulator->ask({ do => 'info' })->{said};
}

# ---------------------------------------------------------------- the damage

my $enough = 0;
$SIG{USR1} = sub { $enough = 1; };

# A random moment of up to two seconds of talk: long enough for bots to be back
# at work now and then.
sub random_moment
{
	my $until = said_so_far() + 1 + int rand(2 * $option{rate});
	my $bound = Time::HiRes::time() + 30;
	Time::HiRes::usleep(1 + rand 2000) while said_so_far() < $until && Time::HiRes::time() < $bound && !$enough;
	return;
}

talk();
my %done = (worker => 0, postmaster => 0, cut => 0, power => 0);
my $reported = Time::HiRes::time();
my $begun = $reported;
for my $n (1 .. $option{kills})
{
	random_moment();
	last if $enough;
	if (rand(100) < $option{power})
	{
		cut_power($node);
		$done{power}++;
	}
	elsif ((my $choice = rand) < 0.2)
	{
		kill_postmaster($node);
		$done{postmaster}++;
	}
	elsif ($choice < 0.75)
	{
		kill_worker($node);
		$done{worker}++;
	}
	else
	{
		$simulator->try_ask({ do => 'fault', kind => 'cut' });
		$done{cut}++;
	}
	if (Time::HiRes::time() > $reported + 20)
	{
		$reported = Time::HiRes::time();
		print $out "$n of $option{kills}: ", join(', ', map { "$done{$_} $_" } sort keys %done), ', ', said_so_far(), " said\n";
	}
}
$simulator->ask({ do => 'talk_stop' });
$simulator->ask({ do => 'faults_clear' });

# ---------------------------------------------------------------- the comparison

# until every bot is online and owes no answer, and no row waits for its content
sub wait_quiet
{
	my ($pending, $looks, $bound) = (-1, 1, Time::HiRes::time() + 900);
	while (Time::HiRes::time() < $bound)
	{
		my $sum = $simulator->ask({ do => 'clients', summary => JSON::PP::true() });
		my ($rows) = map { $_ // '' } eval { $node->safe_psql('postgres', "SELECT count(*) FROM wa.messages WHERE state = 'pending'") };
		if (defined $rows && $rows =~ /^\d+$/)
		{
			$pending = $sum->{queued} + $rows;
			return 0 if $pending == 0 && $sum->{connected} >= $option{bots};
		}
		$looks++ % 50 or print $out "waiting: $pending unanswered or without content, $sum->{connected} of $option{bots} connected\n";
		Time::HiRes::usleep(200_000);
	}
	return $pending;
}

my $pending = wait_quiet();
# broken ratchets show now: everybody writes again, and nothing disturbs
$node->safe_psql('postgres', 'DROP TRIGGER fail_now_and_then ON wa.messages');
talk(events => 20 * $option{groups});
Time::HiRes::usleep(50_000) while $simulator->ask({ do => 'info' })->{talk};
$pending += wait_quiet();

sub retried
{
	return $node->safe_psql('postgres', "SELECT count(*) FROM wa.messages WHERE attempts > 0 OR origin <> 'live'");
}

my (%sent, $sent, $after);
do
{
	my $page = $simulator->ask({ do => 'said', after => $after // -1, limit => 20000 });
	for my $message (@{ $page->{messages} })
	{
		next if $message->{kind} ne 'text';
		$sent{"$message->{chat}|$message->{id}"} = "$message->{from}|$message->{text}";
		$sent++;
	}
	$after = $page->{next};
} while (defined $after);

my ($stored, $doubled, $wrong, @examples) = (0, 0, 0);
my $rows = $node->safe_psql('postgres', <<'SQL');
SELECT g.jid || '|' || m.wa_id, split_part(i.value, '@', 1) || '|' || m.body
FROM wa.messages AS m JOIN wa.chats AS c USING (chat_id) JOIN wa.groups AS g USING (group_id)
LEFT JOIN wa.user_ids AS i ON i.user_id = m.sender AND i.kind = 'pn' AND i.current
WHERE m.state = 'stored'
SQL
my %seen;
for my $line (split /\n/, $rows)
{
	my ($key, $value) = $line =~ /^([^|]*\|[^|]*)\|(.*)$/s;
	my $want = $sent{$key};
	if ($seen{$key}++)
	{
		$doubled++;
		push @examples, "doubled: $key";
	}
	elsif (!defined $want || $want ne $value)
	{
		$wrong++;
		push @examples, "wrong: $key: $value, not " . ($want // 'anything');
	}
	else
	{
		$stored++;
	}
}
my $lost = grep { !$seen{$_} } keys %sent;
push @examples, map { "lost: $_" } grep { !$seen{$_} } keys %sent;
$lost += $wrong;
my $retried = retried();
my $rejected = $node->safe_psql('postgres', 'SELECT count(*) FROM wa.rejected');
my $differences = $node->safe_psql('postgres', 'SELECT count(*) FROM wa.check_rollups()');

print $out map { "$_\n" } splice @examples, 0, 20;
printf $out "%s seconds=%d rejected=$rejected rollup_differences=$differences\n", join(' ', map { "$_=$done{$_}" } sort keys %done), Time::HiRes::time() - $begun;
my $kills = 0;
$kills += $_ for values %done;
print $out "kills=$kills sent=$sent stored=$stored lost=$lost doubled=$doubled pending=$pending retried=$retried\n";
$node->stop('fast');
ok($sent > 0 && $sent == $stored && $lost == 0 && $doubled == 0 && $pending == 0 && $retried == 0 && $rejected == 0 && $differences == 0,
	'every message is there once, no ratchet broke, and all are counted');
done_testing();
