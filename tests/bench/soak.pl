#!/usr/bin/env perl
#
# soak.pl
#	Half an hour of people talking to a thousand bots: does anything grow?  A
#	line a minute, then the beginning beside the end.  See lib/WaBench.pm.
#
# SOAK_SECONDS (1800), SOAK_RATE (500 messages a second), BOTS (1000): two in
# every group.  Some messages are edits, reactions, or damaged on the way and
# sent again (SOAK_DAMAGE, 1 percent).  One in fifty is a direct one to one of two
# bots: their sessions with everybody make the records grow in the first minutes.
# Each damaged message makes its sender begin a session anew, and the last few of a
# pair are kept (SIGNAL_MAX_ARCHIVED): that much records grow, and what bots hold.
#
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use WaBench;

my $bots = bots_wanted();
my $seconds = $ENV{SOAK_SECONDS} // 1800;
my $rate = 0 + ($ENV{SOAK_RATE} // 500);
$ENV{BENCH_SECONDS} //= $seconds + 1800;

my $snapshot_query = "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - a.xact_start)), 0)
	FROM pg_stat_activity AS a WHERE a.backend_type LIKE 'wa\\_collector%' AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL)";
# of a table with its partitions
my $table_query = "SELECT count(*), sum(pg_table_size(s.relid)), sum(pg_indexes_size(s.relid)), sum(s.n_live_tup), sum(s.n_dead_tup), sum(s.autovacuum_count)
	FROM pg_stat_all_tables AS s WHERE s.relid = '%1\$s'::regclass OR s.relid IN (SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = '%1\$s'::regclass)";

sub look_at
{
	my ($bench, $table) = @_;
	my %seen;
	@seen{qw(relations heap indexes live dead vacuums)} = map { $_ // 0 } @{ $bench->sql(sprintf $table_query, $table)->[0] };
	return \%seen;
}

# Stanzas that the service has and the bots have not acknowledged.
sub waiting
{
	my ($bench) = @_;
	return $bench->ask({ do => 'clients', summary => \1 })->{queued};
}

# Everything that must not grow, and what may.
sub look
{
	my ($bench, $pid) = @_;
	my ($stored, $batches) = $bench->stored;
	return {
		at => now(),
		stored => $stored,
		batches => $batches,
		cpu => cpu_seconds($pid),
		rss => resident($pid) / 1024,
		contexts => $bench->value('SELECT sum(memory_bytes) FROM wa.workers') / 1048576,
		process => $bench->value('SELECT pid FROM wa.workers LIMIT 1') // 0,
		records => look_at($bench, 'wa_private.records'),
		messages => look_at($bench, 'wa.messages'),
		queued => waiting($bench),
	};
}

sub say_line
{
	my ($n, $was, $is, $snapshot) = @_;
	my $took = $is->{at} - $was->{at};
	my $records = $is->{records};
	show('soak_minute', $n, 'min', join(', ',
		sprintf('rss %.1f MB', $is->{rss}),
		sprintf('contexts %.1f MB', $is->{contexts}),
		sprintf('oldest snapshot %.2f s', $snapshot),
		sprintf('records %.0f live %.0f dead %.1f+%.1f MB', $records->{live}, $records->{dead}, $records->{heap} / 1048576, $records->{indexes} / 1048576),
		sprintf('autovacuums of them %d', $records->{vacuums}),
		sprintf('messages %.1f+%.1f MB', $is->{messages}{heap} / 1048576, $is->{messages}{indexes} / 1048576),
		sprintf('%.0f stored/s in %.0f transactions/s', ($is->{stored} - $was->{stored}) / $took, ($is->{batches} - $was->{batches}) / $took),
		sprintf('cpu %.0f%%', ($is->{cpu} - $was->{cpu}) / $took * 100),
		"queued $is->{queued}"));
	return;
}

machine();
my $bench = WaBench->start('wa_collector.watch_default' => 'messages', 'wa_collector.prekey_batch' => 30, 'wa_collector.connects_per_second' => 500);
$bench->ask({ do => 'options', keep_said => 'hash' });
$bench->link_bots($bots);
my @groups = map { $bench->make_group($_, 8, 2 * $_ - 1, 2 * $_) } 1 .. int($bots / 2);
# everybody has talked once: what is made for each person and group is there
$bench->say_messages(8 * @groups, $rate, 60, @groups);
$bench->await(300, 'end of the first messages', sub { return waiting($bench) == 0 });
$bench->await_calm;

my $pid = $bench->worker_pid;
my %talk = (groups => \@groups, rate => $rate, size => 60, seed => 2, direct => 2, edits => 2, reactions => 2, damage => 0 + ($ENV{SOAK_DAMAGE} // 1),
	direct_bots => [ map { '' . WaBench::number($_) } 1, 2 ]);
my $before = look($bench, $pid);
$bench->ask({ do => 'talk', %talk });
my ($began, $n, $longest, $snapshot, $most_dead, $first) = (now(), 0, 0, 0, 0);
my $was = $before;
while (now() < $began + $seconds)
{
	my $until = $began + 60 * ($n + 1);
	$until = $began + $seconds if $until > $began + $seconds;
	$snapshot = 0;
	while (now() < $until)
	{
		my $age = $bench->value($snapshot_query);
		$snapshot = $age if $age > $snapshot;
		select undef, undef, undef, 0.2;
	}
	my $is = look($bench, $pid);
	die "the worker ended\n" if $is->{process} != $pid;
	say_line(++$n, $was, $is, $snapshot);
	$longest = $snapshot if $snapshot > $longest;
	$most_dead = $is->{records}{dead} if $is->{records}{dead} > $most_dead;
	$first //= $is;
	$was = $is;
}
my $sent = $bench->ask({ do => 'talk_stop' });
note("$sent->{refused} messages were refused") if $sent->{refused};
eval { $bench->await(120, 'end of the queue', sub { return waiting($bench) == 0 }); 1 } or note($@);
$bench->await_calm;

my $rows = $bench->sql("SELECT count(*), count(*) FILTER (WHERE state <> 'stored'), count(*) - count(DISTINCT (chat_id, wa_id, sender)) FROM wa.messages")->[0];
show('soak_rss', sprintf('%.1f', $was->{rss}), 'MB at the end', sprintf('%.1f after the first minute; flat is wanted', $first->{rss}));
show('soak_contexts', sprintf('%.1f', $was->{contexts}), 'MB at the end', sprintf('%.1f after the first minute', $first->{contexts}));
show('soak_snapshot', sprintf('%.2f', $longest), 's', 'the oldest that was seen; target 1');
show('soak_dead_rows', $most_dead, 'rows of wa_private.records', sprintf('at most, beside %d live ones; %d autovacuums', $was->{records}{live}, $was->{records}{vacuums}));
show('soak_records', sprintf('%.1f', ($was->{records}{heap} + $was->{records}{indexes}) / 1048576), 'MB at the end',
	sprintf('%.1f after the first minute', ($first->{records}{heap} + $first->{records}{indexes}) / 1048576));
show('soak_rate', sprintf('%.0f', ($was->{stored} - $before->{stored}) / ($was->{at} - $before->{at})), 'decrypted/s', sprintf('%d people\'s messages a second to %d bots', $rate, $bots));
show('soak_cpu', sprintf('%.0f', ($was->{cpu} - $before->{cpu}) * 1e6 / (($was->{stored} - $before->{stored}) || 1)), 'us per decrypted message', 'keep-alives of all bots included');
show('soak_rows', $rows->[0], 'messages', "$rows->[1] not readable, $rows->[2] doubled");
machine();
