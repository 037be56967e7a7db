#!/usr/bin/env perl
#
# chaos.pl
#	Kills workers and the postmaster and cuts sockets at random moments while
#	simulated groups churn, then compares the tables with the simulator's own
#	truth, row for row.
#
# usage: chaos.pl [--kills 500] [--drop 0] [--groups 20] [--rate 200] [--members 30] [--bots N] [--seed N]
#
# With --drop PERCENT the service loses that share of what it sends to each bot
# for ever, doubles some of it and puts some out of order.  Then lost counts
# what no bot ever saw, which is no failure: the rosters must be equal after a
# comparison, and each join that was lost must be there as an inferred event
# whose range of time holds the true one.
#
# Ends with one line:
#	kills=… sent=… stored=… lost=… doubled=… pending=… groups_equal=yes|no
# sent: events that the service sent; stored: those that are there, seen live;
# lost: those that are not; doubled: surplus rows; pending: not acknowledged.
# Exit code 0 when nothing was lost, doubled or left pending and all is equal.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Chaos;

use Getopt::Long;
use Time::HiRes ();
use WaTest;
use Test::More;

my %option = (kills => 500, drop => 0, groups => 20, rate => 200, members => 30, seed => $$ ^ time);
GetOptions(\%option, map { "$_=i" } keys %option, 'bots') or die "see the head of $0\n";
# what one bot misses another may see
$option{bots} //= $option{drop} > 0 ? 1 : 2;
srand($option{seed});
print $out "seed $option{seed}\n";

my $simulator = simulator('--seed', $option{seed});
my $node = wa_node('chaos', $simulator, 'wa_collector.connects_per_second' => 100, 'restart_after_crash' => 'on',
	'max_wal_size' => '4GB', 'checkpoint_timeout' => '1h');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION wa_collector');
my @numbers = map { 4915100000 + $_ } 1 .. $option{bots};
link_bot($node, $simulator, "bot$_", "$_") for @numbers;

my $groups = $simulator->ask({
	do => 'churn', groups => $option{groups}, members => $option{members}, rate => $option{rate},
	seed => $option{seed}, bots => [ map { "$_" } @numbers ] })->{groups};

# ---------------------------------------------------------------- the damage

if ($option{drop} > 0)
{
	# of a group that is not known yet nobody's join can be inferred
	wait_for($node, "SELECT count(roster_at) = $option{groups} FROM wa.groups", 'all groups are known');
	$simulator->ask({ do => 'fault', kind => 'drop', percent => $option{drop} });
	$simulator->ask({ do => 'fault', kind => $_, percent => 5 }) for qw(duplicate reorder);
}

sub events_so_far
{
	return $simulator->ask({ do => 'info' })->{events};
}

# A random moment, told by what happened meanwhile, not by the clock.
sub random_moment
{
	my $until = events_so_far() + int rand($option{rate} / 2);
	my $bound = Time::HiRes::time() + 30;
	Time::HiRes::usleep(1 + rand 2000) while events_so_far() < $until && Time::HiRes::time() < $bound;
	return;
}

my %done = (worker => 0, postmaster => 0, cut => 0);
my $reported = Time::HiRes::time();
my $begun = $reported;
for my $n (1 .. $option{kills})
{
	random_moment();
	my $choice = rand;
	if ($choice < 0.15)
	{
		kill_postmaster($node);
		$done{postmaster}++;
	}
	elsif ($choice < 0.65)
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
		print $out "$n of $option{kills}: $done{worker} workers, $done{postmaster} postmasters, $done{cut} cuts, ", events_so_far(), " events\n";
	}
}
# what waited for a bot that was away is to be lost like the rest
if ($option{drop} > 0)
{
	wait_connected($simulator, "$_", "bot$_ is back while the service still loses") for @numbers;
}
$simulator->ask({ do => 'churn_stop' });
$simulator->ask({ do => 'faults_clear' });

# ---------------------------------------------------------------- the comparison

# until every bot is online and owes no acknowledgement
my ($pending, $bound) = (-1, Time::HiRes::time() + 180);
while (Time::HiRes::time() < $bound)
{
	my $clients = $simulator->ask({ do => 'clients' })->{clients};
	my @live = grep { !$_->{removed} } @$clients;
	$pending = 0;
	$pending += $_->{unacked} + $_->{queued} for @live;
	last if $pending == 0 && @live == $option{bots} && !grep { !$_->{connected} } @live;
	Time::HiRes::usleep(200_000);
}

my $truth = $simulator->ask({ do => 'truth' })->{groups};
my @unequal = differences();
if ($option{drop} > 0)
{
	$node->safe_psql('postgres', "SELECT wa.refresh_groups('bot$_')") for @numbers;
	$bound = Time::HiRes::time() + 120;
	Time::HiRes::usleep(200_000) while (@unequal = differences()) && Time::HiRes::time() < $bound;
}
my (%sent, %stored, $sent);
for my $group (@$truth)
{
	for my $event (@{ $group->{events} })
	{
		next if !defined $event->{notification};
		$sent{ join '|', $group->{group}, $event->{notification}, $event->{target} // '' }++;
		$sent++;
	}
}
# a change of a group without a target may be several rows of one notification
my $rows = $node->safe_psql('postgres', <<'SQL');
SELECT g.jid || '|' || e.notification_id || '|' || coalesce(
	(SELECT split_part(i.value, '@', 1) FROM wa.user_ids AS i WHERE i.user_id = e.target AND i.kind = 'pn' AND i.current), ''), count(*)
FROM wa.group_events AS e JOIN wa.groups AS g USING (group_id)
WHERE e.source = 'live' AND e.notification_id IS NOT NULL AND e.kind <> 'create'
GROUP BY 1
SQL
for my $line (split /\n/, $rows)
{
	my ($key, $count) = $line =~ /^(.*)\|(\d+)$/;
	$stored{$key} = $count;
}
my ($found, $lost, $doubled) = (0, 0, 0);
my @examples;
for my $key (keys %sent)
{
	my $have = $stored{$key} // 0;
	$found += $have < $sent{$key} ? $have : $sent{$key};
	if ($have < $sent{$key})
	{
		$lost += $sent{$key} - $have;
		push @examples, "lost: $key";
	}
	if ($have > $sent{$key})
	{
		$doubled += $have - $sent{$key};
		push @examples, "doubled: $key";
	}
}
for my $key (grep { !exists $sent{$_} } keys %stored)
{
	$doubled += $stored{$key};
	push @examples, "never sent: $key";
}

# What is not as in truth: people and settings of groups.
sub differences
{
	my @found;
	for my $group (grep { !$_->{deleted} } @$truth)
	{
		my $want = join "\n", sort map { "$_->{pn} $_->{lid} $_->{role}" } @{ $group->{members} };
		my $have = roster($node, $group->{group});
		my $subject = $node->safe_psql('postgres', "SELECT concat_ws('|', announce, locked, ephemeral_seconds, subject) FROM wa.groups WHERE jid = '$group->{group}'");
		my $settings = $group->{settings};
		my $wanted = join '|', (map { $_ ? 't' : 'f' } @$settings{qw(announce locked)}), $settings->{ephemeral_seconds}, $group->{subject};
		push @found, "group $group->{group}: have \"$subject\", want \"$wanted\"" if $subject ne $wanted;
		push @found, "group $group->{group}: other people" if $have ne $want;
	}
	return @found;
}

# Those who joined unseen and are still in: how many, and for whom no inferred
# event has a range of time that holds the true one.
sub lost_joins
{
	my %joined;
	for my $group (grep { !$_->{deleted} } @$truth)
	{
		my %member = map { $_->{pn} => 1 } @{ $group->{members} };
		my %left_unseen;
		for my $event (@{ $group->{events} })
		{
			next if !defined $event->{target} || !$member{ $event->{target} };
			my $unseen = !$stored{ join '|', $group->{group}, $event->{notification} // '', $event->{target} };
			# who left and came back unseen was never away as far as a list can tell
			$joined{"$group->{group}|$event->{target}"} = $unseen && !$left_unseen{ $event->{target} } ? $event->{at} : undef
				if $event->{kind} =~ /^(added|approved|joined_)/;
			$left_unseen{ $event->{target} } = $unseen if $event->{kind} =~ /^(removed|left)$/;
		}
	}
	delete @joined{ grep { !defined $joined{$_} } keys %joined };
	my %inferred = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', join "\nUNION ALL\n", map {
		my ($jid, $pn) = split /\|/;
		"SELECT '$_' FROM wa.group_events AS e JOIN wa.groups AS g USING (group_id) JOIN wa.user_ids AS i ON i.user_id = e.target"
			. " WHERE g.jid = '$jid' AND split_part(i.value, '\@', 1) = '$pn' AND e.kind = 'join' AND e.source = 'snapshot'"
			. " AND to_timestamp($joined{$_}) BETWEEN coalesce(e.occurred_at - e.at_precision - interval '1 s', '-infinity') AND e.occurred_at + interval '1 s'"
	} keys %joined) if %joined;
	return (scalar keys %joined, map { "join of $_ is nowhere" } grep { !$inferred{$_} } keys %joined);
}

my $snapshot = $node->safe_psql('postgres', "SELECT count(*) FROM wa.group_events WHERE source = 'snapshot'");
my $rejected = $node->safe_psql('postgres', 'SELECT count(*) FROM wa.rejected');
my $differences = $node->safe_psql('postgres', 'SELECT count(*) FROM wa.check_rollups()');

push @examples, @unequal;
my ($unseen_joins, @nowhere) = lost_joins();
push @examples, @nowhere;
my $equal = @unequal ? 'no' : 'yes';

print $out map { "$_\n" } splice @examples, 0, 20;
printf $out "workers=$done{worker} postmasters=$done{postmaster} cuts=$done{cut} seconds=%d snapshot_events=$snapshot unseen_joins=$unseen_joins rejected=$rejected rollup_differences=$differences\n", Time::HiRes::time() - $begun;
print $out "kills=$option{kills} sent=$sent stored=$found lost=$lost doubled=$doubled pending=$pending groups_equal=$equal\n";
$node->stop('fast');
my $well = $doubled == 0 && $pending == 0 && $equal eq 'yes' && $rejected == 0 && $differences == 0 && !@nowhere;
$well &&= $option{drop} > 0 ? $unseen_joins > 0 && $lost > 0 : $lost == 0;
ok($well, $option{drop} > 0 ? 'what was never seen is inferred, and nothing is doubled' : 'nothing was lost or doubled and all is equal');
done_testing();
