#!/usr/bin/env perl
#
# statistics.pl
#	How long each statistic and each query of a dashboard takes on the data of a
#	large community: see community.sql for how those are made.
#
# Environment, or arguments of make (bash keeps GROUPS for itself): GROUPS
# (10000), PEOPLE (2000000), EVENTS (10000000), MESSAGES (100000000), BOTS (200),
# DAYS (365): sizes; SESSIONS (cores of the machine): how many work side by side;
# BENCH_DIR: a folder in which the cluster stays, so that what was made is made
# once, and goes on where it was interrupted; SHARED_BUFFERS (a quarter of the
# memory) and WORK_MEM (64MB) of the server; BENCH_SECONDS (six hours).
#
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Time::HiRes ();
use WaBench;

$ENV{BENCH_SECONDS} //= 6 * 3600;
my %size = (GROUPS => 10_000, PEOPLE => 2_000_000, EVENTS => 10_000_000, MESSAGES => 100_000_000, BOTS => 200, DAYS => 365);
$size{$_} = $ENV{$_} // $size{$_} for keys %size;
$size{$_} =~ /^[1-9]\d*$/ or die "$_ must be a number\n" for keys %size;

my $aim = 300;		# ms

chomp(my $cores = `nproc`);
my $sessions = $ENV{SESSIONS} // $cores;
my ($memory) = map { /^MemTotal:\s*(\d+)/ ? int($1 / 1024) : () } split /\n/, `cat /proc/meminfo`;
my $bench;

# ---------------------------------------------------------------- making it

# One job in a child with a connection of its own: it is done with its row in bench.job, in one transaction.
sub job
{
	my ($name, $sql, $plain) = @_;
	my $pid = fork() // die "fork: $!";
	return $pid if $pid;
	my $ok = eval {
		my $began = now();
		my $connection = $bench->connection;
		# as a load of a replica: no triggers, no look at foreign keys
		$connection->query("SET session_replication_role = 'replica'; SET synchronous_commit = off; SET jit = off; "
			. "SET work_mem = '512MB'; SET maintenance_work_mem = '1GB'; SET max_parallel_workers_per_gather = 0");
		$connection->query($sql) if $plain;
		my $rows = $connection->query($plain ? "INSERT INTO bench.job VALUES ('$name', NULL, 0) RETURNING rows"
			: "INSERT INTO bench.job SELECT '$name', $sql RETURNING rows")->[0][0];
		my $took = now() - $began;
		$connection->query(sprintf "UPDATE bench.job SET seconds = %.1f WHERE name = '$name'", $took);
		note(sprintf '%-32s %7.1f s%s', $name, $took, $rows ? sprintf(' %11d rows, %d/s', $rows, $rows / $took) : '') if $took > 0.5;
		1;
	};
	print STDERR "# $name: $@" if !$ok;
	POSIX::_exit($ok ? 0 : 1);
}

# Jobs that do not need each other: as many at once as there are sessions.
sub all_of
{
	my (@jobs) = @_;
	my %done = map { $_->[0] => 1 } @{ $bench->sql('SELECT name FROM bench.job') };
	my (%running, $failed);
	@jobs = grep { !$done{ $_->[0] } } @jobs;
	while (@jobs || %running)
	{
		if (@jobs && !$failed && keys %running < $sessions)
		{
			my $next = shift @jobs;
			$running{ job(@$next) } = $next->[0];
			next;
		}
		last if !%running;
		my $pid = waitpid -1, 0;
		my $name = delete $running{$pid} // next;
		$failed //= $name if $?;
	}
	die "$failed failed" . ($ENV{BENCH_DIR} ? "; run it again to go on from here\n" : "\n") if defined $failed;
	return;
}

sub disk
{
	my ($kilobytes) = `du -sk $bench->{dir}/data` =~ /^(\d+)/;
	return $kilobytes / 1048576;
}

sub make_community
{
	my $began = now();
	if (!$bench->value("SELECT to_regclass('bench.job')"))
	{
		my $all = '';
		for my $file (qw(community.sql community_messages.sql))
		{
			open my $in, '<', "$FindBin::Bin/$file" or die "$file: $!";
			$all .= do { local $/; <$in> };
		}
		$bench->sql($all);
	}
	my @sizes = map { "$size{$_}::bigint" } qw(GROUPS PEOPLE EVENTS MESSAGES BOTS);
	note("makes $size{GROUPS} groups, $size{PEOPLE} people, about $size{EVENTS} events, $size{MESSAGES} messages of $size{DAYS} days; $sessions sessions");
	my $parts = 2 * $sessions * (1 + int($size{EVENTS} / 4_000_000));

	all_of([ 'size', 'bench.set_size(' . join(', ', @sizes, $size{DAYS}) . ')' ]);
	my $made = $bench->sql('SELECT groups, people, events, messages, bots, days FROM bench.size')->[0];
	die "$ENV{BENCH_DIR} has other sizes: @$made\n" if "@$made" ne join ' ', @size{qw(GROUPS PEOPLE EVENTS MESSAGES BOTS DAYS)};
	all_of([ 'partitions', 'bench.take_out()' ]);
	all_of([ 'bots and groups', 'bench.make_places()' ]);
	my @months = map { $_->[0] } @{ $bench->sql('SELECT name FROM bench.month ORDER BY begins') };
	all_of(map { [ "stays $_ of $parts", "bench.make_stays(" . ($_ - 1) . ", $parts)" ] } 1 .. $parts);
	all_of([ 'count of events', 'bench.count_events()' ]);
	all_of(map { [ "events $_", "bench.make_events('$_')" ] } @months);
	all_of([ 'count of ends', 'bench.count_ends()' ]);
	all_of([ 'people', 'bench.make_people()' ], (map { [ "memberships $_", "bench.make_memberships('$_')" ] } @months),
		[ 'requests and links', 'bench.make_requests_and_links()' ], [ 'lists of groups', 'bench.finish_groups()' ]);
	all_of([ 'speakers', 'bench.make_speakers()' ]);
	all_of(map { [ "messages $_", "bench.make_messages('$_')" ] } @months);
	all_of(map { [ "responses $_", "bench.make_responses('$_')" ] } @months);
	# the largest first
	my @tables = map { $_->[0] } @{ $bench->sql('SELECT rel FROM bench.index GROUP BY 1 ORDER BY pg_relation_size(rel::regclass) DESC') };
	all_of(map { [ "indexes of $_", "bench.make_indexes('$_')" ] } @tables);
	all_of([ 'end of work', 'bench.drop_work()' ]);
	for my $parent (qw(group_events messages))
	{
		# one after another: they lock the parent
		all_of([ "$parent $_ in place", "bench.put_back('$parent', '$_')" ]) for @months;
	}
	my @all = map { $_->[0] } @{ $bench->sql("SELECT c.oid::regclass::text FROM pg_class AS c
		WHERE c.relkind = 'r' AND c.relnamespace IN ('wa'::regnamespace, 'wa_private'::regnamespace) ORDER BY pg_relation_size(c.oid) DESC") };
	all_of(map { [ "vacuum of $_", "VACUUM (ANALYZE) $_", 1 ] } @all);
	all_of([ "statistics of $_", "ANALYZE wa.$_", 1 ]) for qw(group_events messages);
	my ($wrong, $every) = (0, int($size{GROUPS} / 100) || 1);
	for my $rule (@{ $bench->sql("SELECT rule, wrong FROM bench.check($every)") })
	{
		note("NOT SO, $rule->[1] times: $rule->[0]") if $rule->[1] > 0;
		$wrong += $rule->[1];
	}
	my $spent = $bench->value('SELECT sum(seconds) FROM bench.job');
	for my $table (qw(wa.group_events wa.memberships wa.messages wa.reactions wa.poll_votes))
	{
		show("made $table", $bench->value("SELECT count(*) FROM $table"), 'rows');
	}
	show('made_disk', sprintf('%.1f', disk()), 'GB');
	show('made_work', sprintf('%.0f', $spent), 's', sprintf('of one session; this time %.0f s passed', now() - $began));
	show('made_wrong', $wrong, 'rows that break a rule', '0');
	die "what was made is nonsense\n" if $wrong;
	return;
}

# ---------------------------------------------------------------- timing it

# Milliseconds and rows of the second of two runs; in place of them what went wrong.
sub timed
{
	my ($connection, $sql) = @_;
	my ($took, $rows);
	my $ok = eval {
		for (1 .. 2)
		{
			my $began = now();
			$rows = $connection->query($sql)->[0][0];
			$took = (now() - $began) * 1000;
		}
		1;
	};
	return $ok ? ($took, $rows) : (undef, $@ =~ s/\s+/ /gr);
}

my (@slow, $timed);
sub show_time
{
	my ($name, $connection, $sql) = @_;
	my ($took, $rows) = timed($connection, $sql);
	$timed++;
	push @slow, $name if !defined $took || $took > $aim;
	show($name, defined $took ? sprintf('%.0f', $took) : '-', 'ms', "aim $aim; " . (defined $took ? "$rows rows" : $rows));
	return;
}

sub time_statistics
{
	my $connection = $bench->connection;
	$connection->query("SET statement_timeout = '300s'");
	my $group = $bench->value("SELECT g.group_id FROM wa.groups AS g WHERE g.watch_level = 'messages' ORDER BY g.size DESC NULLS LAST, g.group_id LIMIT 1");
	my $bot = $bench->value('SELECT b.bot_id FROM wa.bot_groups AS b GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1');
	my $functions = $bench->sql("SELECT p.proname, coalesce(array_to_string(p.proargnames, ','), '') FROM pg_proc AS p
		WHERE p.pronamespace = 'wa'::regnamespace AND p.proname LIKE 'stat\\_%' ORDER BY 1");
	for my $function (@$functions)
	{
		my ($name, $arguments) = @$function;
		my %takes = map { $_ => 1 } split /,/, $arguments;
		my @scopes = ([ 'all', '' ], $takes{group} ? [ 'group', "\"group\" => '$group'" ] : (), $takes{bot} ? [ 'bot', "bot => '$bot'" ] : ());
		push @scopes, map { [ "by $_", "by => '$_'" ] } qw(bots countries) if $name eq 'stat_distribution';
		show_time("$name $_->[0]", $connection, "SELECT count(*) FROM wa.$name($_->[1])") for @scopes;
	}
	show_time('report_html', $connection, 'SELECT length(wa.report_html())');
	show_time('report_html group', $connection, "SELECT length(wa.report_html(\"group\" => '$group'))");
	if ($bench->value("SELECT to_regproc('wa.bi_selftest')"))
	{
		my $selftest = 'SELECT dashboard, panel, query, variant, rows, milliseconds, error FROM wa.bi_selftest()';
		my $rows = eval {
			$connection->query("SET statement_timeout = '1h'");
			$connection->query($selftest);
			$connection->query($selftest);
		};
		note("wa.bi_selftest(): $@") if !$rows;
		for my $row (@{ $rows // [] })
		{
			my ($dashboard, $panel, $query, $variant, $n, $took, $error) = map { $_ // '' } @$row;
			my $name = join ' / ', grep { $_ ne '' } $dashboard, $panel, $query, $variant;
			$timed++;
			push @slow, $name if $error ne '' || $took > $aim;
			show($name, $error eq '' ? sprintf('%.0f', $took) : '-', 'ms', "aim $aim; " . ($error eq '' ? "$n rows" : $error));
		}
	}
	show('over_aim', scalar @slow, "of $timed queries", '0');
	return;
}

# From the rows, then wa.rebuild_rollups() of a week finds nothing to mend.
sub make_rollups
{
	return if !$bench->value("SELECT to_regproc('wa.rebuild_rollups')");
	my $rollups = $bench->sql('SELECT name, of_table FROM wa_private.rollups()');
	my @months = map { $_->[0] } @{ $bench->sql('SELECT name FROM bench.month ORDER BY begins') };
	my @names = map { $_->[0] } @$rollups;
	my @changes = map { $_->[0] } @{ $bench->sql('SELECT DISTINCT changes FROM wa_private.rollups()') };
	all_of([ 'roll-ups: none', 'bench.empty_rollups()' ]);
	all_of(map {
		my ($name, $table) = @$_;
		map { [ "roll-up $name of $_", "bench.make_rollup('$name', 'wa.$_')" ] } $table =~ /^(group_events|messages)$/ ? map { "${table}_$_" } @months : ($table)
	} @$rollups);
	all_of(map { [ "indexes of wa_private.$_", "bench.make_indexes('wa_private.$_')" ] } @names);
	all_of([ 'vacuum of roll-ups', 'VACUUM (ANALYZE) ' . join(', ', map { "wa_private.$_" } @names, @changes), 1 ]);
	all_of([ 'roll-ups of a week', "wa.rebuild_rollups((SELECT s.ends - interval '7 days' FROM bench.size AS s), (SELECT s.ends FROM bench.size AS s))" ]);
	show("rollup $_", $bench->value("SELECT count(*) FROM wa_private.$_"), 'rows') for @names;
	show('made_rollups', $bench->value("SELECT sum(seconds) FROM bench.job WHERE name ~ '^roll-up |^indexes of wa_private.(" . join('|', @names) . ")'"), 's', 'of one session');
	show('rebuild_rollups_week', $bench->value("SELECT seconds FROM bench.job WHERE name = 'roll-ups of a week'"), 's',
		$bench->value("SELECT rows FROM bench.job WHERE name = 'roll-ups of a week'") . ' mended, 0 expected');
	show('made_disk_with_rollups', sprintf('%.1f', disk()), 'GB');
	return;
}

# Last, because it reads everything once more.
sub check_rollups
{
	return if !$bench->value("SELECT to_regproc('wa.check_rollups')");
	all_of([ 'check of roll-ups', '(SELECT count(*) FROM wa.check_rollups())' ]);
	show('check_rollups', $bench->value("SELECT rows FROM bench.job WHERE name = 'check of roll-ups'"), 'differences', '0');
	return;
}

machine();
my ($free) = (`df -Pk @{[ $ENV{BENCH_DIR} && -d $ENV{BENCH_DIR} ? $ENV{BENCH_DIR} : $ENV{TMPDIR} // '/tmp' ]}` =~ /\n\S+\s+\d+\s+\d+\s+(\d+)/);
# counted: 480 bytes a message and 1200 an event, with what belongs to them; and the log
my $needed = 8 * 2**30 + 480 * $size{MESSAGES} + 1200 * $size{EVENTS} + 600 * $size{PEOPLE};
note(sprintf 'takes about %.1f GB of disk, %.1f GB are free', $needed / 2**30, $free / 2**20);
die "not enough disk: take smaller sizes or another TMPDIR\n" if $needed > $free * 1024 && !($ENV{BENCH_DIR} && -d "$ENV{BENCH_DIR}/data");
$bench = WaBench->start(
	simulator => 0,
	$ENV{BENCH_DIR} ? (dir => $ENV{BENCH_DIR}) : (),
	# nobody logs in; a crash of the machine costs the data, which can be made again
	'wa_collector.databases' => '',
	'fsync' => 'off',
	'full_page_writes' => 'off',
	'wal_level' => 'minimal',
	'max_wal_senders' => 0,
	'max_wal_size' => '6GB',
	'autovacuum' => 'off',
	'shared_buffers' => $ENV{SHARED_BUFFERS} // int($memory / 4) . 'MB',
	'effective_cache_size' => int($memory * 0.6) . 'MB',
	'work_mem' => $ENV{WORK_MEM} // '64MB',
	'random_page_cost' => 1.1,
	'max_parallel_workers_per_gather' => $cores);
make_community();
make_rollups();
time_statistics();
check_rollups();
machine();
