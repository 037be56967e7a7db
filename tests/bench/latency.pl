#!/usr/bin/env perl
#
# latency.pl
#	From the service sending a group notification, or a person saying something,
#	to another session hearing of the committed row, while all the other bots of
#	the worker idle: notifications at an idle rate and at 200 a second, encrypted
#	messages at 1000 a second.  See lib/WaBench.pm.
#
# Both ends are this machine's real-time clock: the simulator's time of the
# event, in microseconds, and the moment the NOTIFY arrives, which PostgreSQL
# sends after the commit.  A message is said before the simulator encrypts it.
#
use strict;
use warnings;
use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use WaBench;

my $bots = bots_wanted();
my $seconds = $ENV{LATENCY_SECONDS} // 30;

# Commits of one row, one after the other, on the same disk: the floor.
sub commit_floor
{
	my ($bench) = @_;
	my $session = $bench->connection;
	my @times;
	$session->query('DROP TABLE IF EXISTS bench_commits');
	$session->query('CREATE TABLE bench_commits (id bigint PRIMARY KEY, body text)');
	for my $i (1 .. 1000)
	{
		my $began = now();
		$session->query("INSERT INTO bench_commits VALUES ($i, 'one row of a hundred bytes or so, as a rival would store it, and no more than that')");
		push @times, (now() - $began) * 1000;
	}
	@times = sort { $a <=> $b } @times;
	show('latency_commit_p50', sprintf('%.2f', percentile(0.5, @times)), 'ms', 'one INSERT and its commit, the floor');
	show('latency_commit_p99', sprintf('%.2f', percentile(0.99, @times)), 'ms', '');
	return;
}

sub measure
{
	my ($bench, $name, $rate, $target) = @_;
	my $session = $bench->connection;
	my $pid = $bench->worker_pid;
	$session->query('LISTEN wa_events');
	my $groups = $bench->ask({ do => 'churn', groups => 20, members => 50, rate => $rate, seed => 1,
			bots => [ map { '' . WaBench::number($_) } 1, 2 ] })->{groups};
	# the groups themselves first
	my %seen;
	my $until = now() + 10;
	$session->heard(0.2) while now() < $until && $bench->value("SELECT count(*) FROM wa.groups WHERE roster_at IS NOT NULL AND jid = ANY ('{"
			. join(',', @$groups) . "}')") < @$groups;
	my ($began, $cpu) = (now(), cpu_seconds($pid));
	$until = $began + $seconds;
	while (now() < $until)
	{
		for my $heard ($session->heard($until - now()))
		{
			my $payload = JSON::PP::decode_json($heard->[2]);
			$seen{$_} //= $heard->[0] for @{ $payload->{events} // [] };
		}
	}
	$cpu = cpu_seconds($pid) - $cpu;
	my $took = now() - $began;
	$bench->ask({ do => 'churn_stop' });

	my %sent;
	for my $group (@$groups)
	{
		my $truth = $bench->ask({ do => 'truth', group => $group })->{groups}[0];
		$sent{"$group|$_->{notification}"} //= $_->{at} for grep { defined $_->{notification} } @{ $truth->{events} };
	}
	my $rows = $bench->sql("SELECT e.event_id, g.jid || '|' || e.notification_id, e.kind FROM wa.group_events AS e JOIN wa.groups AS g USING (group_id)
		WHERE e.source = 'live'");
	my @times;
	for my $row (@$rows)
	{
		my ($id, $key, $kind) = @$row;
		next if !defined $seen{$id} || !defined $key || !defined $sent{$key} || $sent{$key} < $began;
		push @times, ($seen{$id} - $sent{$key}) * 1000;
	}
	@times = sort { $a <=> $b } @times;
	if (!@times)
	{
		note("$name: no event was heard of");
		return;
	}
	show("${name}_p50", sprintf('%.2f', percentile(0.5, @times)), 'ms', sprintf('%d events, %.0f/s, two bots in every group', scalar @times, @times / $took));
	show("${name}_p99", sprintf('%.2f', percentile(0.99, @times)), 'ms', $target);
	show("${name}_max", sprintf('%.2f', $times[-1]), 'ms', '');
	show("${name}_cpu", sprintf('%.0f', $cpu * 1e6 / @times), 'us per event', "worker, beside @{[$bots - 2]} idle bots");
	return;
}

# What was said from this place on: {id => time}.
sub said_from
{
	my ($bench, $after) = @_;
	my %said;
	while (defined $after)
	{
		my $page = $bench->ask({ do => 'said', after => $after, limit => 5000 });
		$said{ $_->{id} } = $_->{at} for @{ $page->{messages} };
		$after = $page->{next};
	}
	return \%said;
}

sub measure_messages
{
	my ($bench, $name, $rate, $target) = @_;
	my $session = $bench->connection;
	my $pid = $bench->worker_pid;
	my @groups = map { $bench->make_group($_, 50, 1, 2) } 1 .. 20;
	# the groups, people and keys themselves first
	$bench->say_messages(400, 200, 100, @groups);
	$bench->await(30, 'first messages', sub { return $bench->value('SELECT count(*) FROM wa.messages') >= 400 });
	$bench->await_calm;

	$session->query('LISTEN wa_events');
	my ($batches) = ($bench->stored)[1];
	my ($began, $cpu, $sim_cpu) = (now(), cpu_seconds($pid), cpu_seconds($bench->{simulator}));
	my $first = $bench->ask({ do => 'talk', groups => \@groups, rate => $rate, size => 100, seed => 1 })->{first};
	my (%seen, $untold);
	my $until = $began + $seconds;
	while (now() < $until)
	{
		for my $heard ($session->heard($until - now()))
		{
			my $payload = JSON::PP::decode_json($heard->[2]);
			$seen{$_} //= $heard->[0] for @{ $payload->{messages} // [] };
			$untold += $payload->{message_count} // 0 if !$payload->{messages};
		}
	}
	$cpu = cpu_seconds($pid) - $cpu;
	$sim_cpu = cpu_seconds($bench->{simulator}) - $sim_cpu;
	my $took = now() - $began;
	$batches = ($bench->stored)[1] - $batches;
	$bench->ask({ do => 'talk_stop' });
	my $said = said_from($bench, $first - 1);
	my $rows = $bench->sql('SELECT message_id, wa_id FROM wa.messages');
	my @times = sort { $a <=> $b } map { ($seen{ $_->[0] } - $said->{ $_->[1] }) * 1000 } grep { defined $seen{ $_->[0] } && defined $said->{ $_->[1] } } @$rows;
	if (!@times)
	{
		note("$name: no message was heard of");
		return;
	}
	note("$name: $untold messages were told without their numbers") if $untold;
	show("${name}_p50", sprintf('%.2f', percentile(0.5, @times)), 'ms',
		sprintf('%d messages, %.0f/s, two bots in every group, %.1f to a transaction', scalar @times, @times / $took, 2 * @times / $batches));
	show("${name}_p99", sprintf('%.2f', percentile(0.99, @times)), 'ms', $target);
	show("${name}_max", sprintf('%.2f', $times[-1]), 'ms', '');
	show("${name}_cpu", sprintf('%.0f', $cpu * 1e6 / @times), 'us per message', sprintf('worker, each decrypted twice, beside %d idle bots; it was busy for %.0f%% of the time, the simulator for %.0f%%',
		$bots - 2, $cpu / $took * 100, $sim_cpu / $took * 100));
	return;
}

machine();
my $bench = WaBench->start('wa_collector.watch_default' => 'messages', 'wa_collector.prekey_batch' => 30, 'wa_collector.connects_per_second' => 500);
$bench->link_bots($bots);
$bench->await_calm;
commit_floor($bench);
if (!$ENV{LATENCY_ONLY_MESSAGES})
{
	measure($bench, 'latency_idle', 10, 'target 20');
	measure($bench, 'latency_200', 200, 'target 20');
}
measure_messages($bench, 'latency_messages', 1000, 'target 20');
commit_floor($bench);
machine();
