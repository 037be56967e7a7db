#!/usr/bin/env perl
#
# ingest.pl
#	Encrypted group messages from the socket to the committed row: what one
#	worker takes in when many of them wait.  See lib/WaBench.pm.
#
# The bots are paused while people talk, so everything is encrypted and queued
# before the clock starts.  People have talked before: the bots have their keys.
#
# INGEST_MESSAGES (30000): how many wait.  INGEST_BOTS ("1 4").  INGEST_PERF: files for perf's samples of the worker
# begin with this.  INGEST_STATEMENTS (1): shows the time of each statement, nested ones too; this costs some.
#
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use WaBench;

my $messages = 0 + ($ENV{INGEST_MESSAGES} // 30000);
my %setting;
%setting = ('shared_preload_libraries' => 'wa_collector,pg_stat_statements', 'pg_stat_statements.track' => 'all') if $ENV{INGEST_STATEMENTS};

# Microseconds of CPU a message, measured beside: libsignal's part with the frame, and the INSERTs.
sub floors
{
	my ($bench) = @_;
	my $build = $ENV{BUILD} // 'build';
	my %floor;
	for (`$build/bench_signal 10000 100 400`)
	{
		$floor{crypto} += $1 if /^signal_(?:group_decrypt|frame_open)\t(\S+)/;
	}
	my $out = `$bench->{bin}/psql -X -q -h $bench->{dir} -U postgres -d postgres -v count=20000 -f $FindBin::Bin/insert_floor.sql`;
	($floor{insert}) = $out =~ /^([\d.]+)$/m;
	return \%floor;
}

# The mean of what was measured before and after: the machine's speed is not the same all the time.
sub mean_floor
{
	my ($before, $after) = @_;
	return { map { $_ => ($before->{$_} + $after->{$_}) / 2 } keys %$before };
}

# Nothing but the bots' work is left: people have said so many messages, and the bots are offline.
sub fill_queues
{
	my ($bench, $bots) = @_;
	my @groups = map { $bench->make_group($_, 8, 1 .. $bots) } 1 .. 20;
	$bench->say_messages(400, 400, 100, @groups);
	$bench->await(60, 'first messages', sub { return ($bench->stored)[0] >= 400 * $bots });
	$bench->sql("SELECT wa.pause_bot('bot' || n) FROM generate_series(1, $bots) AS n");
	$bench->await(60, 'pause', sub { return $bench->value("SELECT count(*) FROM wa.bots WHERE status = 'offline'") == $bots });
	$bench->say_messages($messages, 100000, 100, @groups);
	$bench->sql('VACUUM ANALYZE');
	$bench->sql('CHECKPOINT');
	$bench->await_calm;
	return;
}

sub measure
{
	my ($bots) = @_;
	my $name = $bots == 1 ? 'ingest' : "ingest_${bots}_bots";
	my $bench = WaBench->start('wa_collector.watch_default' => 'messages', %setting);
	$bench->ask({ do => 'options', offline_gate => 'never', keep_said => 'hash' });
	$bench->link_bots($bots);
	$bench->sql('CREATE EXTENSION pg_stat_statements') if %setting;
	fill_queues($bench, $bots);
	my $pid = $bench->worker_pid;
	my $before = floors($bench);
	my $tracer = start_perf($pid, $bots);
	$bench->sql('SELECT pg_stat_statements_reset()') if %setting;

	my ($stored, $batches) = $bench->stored;
	my $expected = $messages * $bots;
	my ($began, $cpu, $sim_cpu) = (now(), cpu_seconds($pid), cpu_seconds($bench->{simulator}));
	$bench->sql("SELECT wa.resume_bot('bot' || n) FROM generate_series(1, $bots) AS n");
	$bench->await(300, 'end', sub { return ($bench->stored)[0] - $stored >= $expected });
	my $took = now() - $began;
	$cpu = (cpu_seconds($pid) - $cpu) * 1e6 / $expected;
	$sim_cpu = (cpu_seconds($bench->{simulator}) - $sim_cpu) * 1e6 / $expected;
	$batches = ($bench->stored)[1] - $batches;

	stop_perf($tracer);
	show_statements($bench) if %setting;
	my $floor = mean_floor($before, floors($bench));
	my $rows = $bench->value('SELECT count(*) FROM wa.messages');
	note("$name: $rows rows of @{[$messages + 400]} messages") if $rows != $messages + 400;
	# of several bots the first brings the row, each decrypts for itself
	my $least = $floor->{crypto} + $floor->{insert} / $bots;
	show("${name}_wall", sprintf('%.0f', $expected / $took), 'messages/s',
		sprintf('%d decrypted, %d rows, %d to a transaction; simulator %.0f us each', $expected, $rows, $expected / $batches, $sim_cpu));
	show("${name}_cpu", sprintf('%.1f', $cpu), 'us per message',
		sprintf('floor %.1f: decryption and frame %.1f, INSERTs %.1f', $least, $floor->{crypto}, $floor->{insert} / $bots));
	show("${name}_core", sprintf('%.0f', 1e6 / $cpu), 'messages/s of a core', sprintf('floor %.0f; target 6000', 1e6 / $least));
	show("${name}_ratio", sprintf('%.2f', $cpu / $least), 'x floor', 'target 1.5');
	$bench->stop;
	return;
}

# ---- where the time goes ----

sub start_perf
{
	my ($pid, $bots) = @_;
	return if !$ENV{INGEST_PERF};
	my $tracer = fork() // die "fork: $!";
	if ($tracer == 0)
	{
		exec 'perf', 'record', '-q', '-g', '-o', "$ENV{INGEST_PERF}.$bots", '-p', $pid or exit 1;
	}
	sleep 1;
	return $tracer;
}

sub stop_perf
{
	my ($tracer) = @_;
	return if !$tracer;
	kill 'INT', $tracer;
	waitpid $tracer, 0;
	return;
}

sub show_statements
{
	my ($bench) = @_;
	my $rows = $bench->sql("SELECT calls, round(total_exec_time::numeric, 1), rows, regexp_replace(left(query, 150), '\\s+', ' ', 'g')
		FROM pg_stat_statements WHERE query !~ 'wa.workers' ORDER BY total_exec_time DESC LIMIT 40");
	note(sprintf('%7d calls %9.1f ms %8d rows  %s', @$_)) for @$rows;
	return;
}

machine();
measure($_) for split ' ', $ENV{INGEST_BOTS} // '1 4';
machine();
