#
# Chaos.pm
#	What the chaos tests share: PostgreSQL's test library without the prove
#	around it, the processes of a node, and ways to end them.
#
# $out is the real standard output: the test library takes the usual one away.
#
package Chaos;

use strict;
use warnings;

use Exporter 'import';
use IO::Handle;
use Time::HiRes ();

our @EXPORT = qw($out workers kill_worker kill_postmaster cut_power);
our $out;

BEGIN
{
	open $out, '>&', \*STDOUT or die "cannot keep the standard output: $!";
	$out->autoflush(1);
	my $pg_config = $ENV{PG_CONFIG} // 'pg_config';
	chomp(my $bindir = `$pg_config --bindir`);
	chomp(my $pgxs = `$pg_config --pgxs`);
	die "PostgreSQL refuses to run as root; use: KILLS=500 ./run_tests chaos\n" if $> == 0 && !$^C;
	$ENV{PATH} = "$bindir:$ENV{PATH}";
	$ENV{TESTDIR} //= 'build/chaos';
	$ENV{TESTDATADIR} //= "$ENV{TESTDIR}/tmp_check";
	$ENV{TESTLOGDIR} //= "$ENV{TESTDIR}/tmp_check/log";
	# what the last run left would be in the way
	system('rm', '-rf', $ENV{TESTDATADIR}) if !$^C;
	system('mkdir', '-p', $ENV{TESTDIR}, $ENV{TESTLOGDIR});
	($ENV{PG_REGRESS} = $pgxs) =~ s{/makefiles/pgxs\.mk$}{/test/regress/pg_regress};
	$pgxs =~ s{/makefiles/pgxs\.mk$}{/test/perl};
	unshift @INC, $pgxs, 'tests/t/lib';
}

# The processes below a node's postmaster, and it itself; without asking the server, which may be starting.
sub processes
{
	my ($node) = @_;
	my $pid = $node->{_pid} or return ();
	return ($pid, split ' ', `cat /proc/$pid/task/$pid/children 2>/dev/null`);
}

sub workers
{
	my ($node) = @_;
	my @found;
	for my $child (processes($node))
	{
		open my $in, '<', "/proc/$child/cmdline" or next;
		my $title = <$in> // '';
		push @found, $child if $title =~ /wa_collector worker/;
	}
	return @found;
}

# It may just be between two lives: then waits for the next one.
sub kill_worker
{
	my ($node) = @_;
	my $bound = Time::HiRes::time() + 60;
	my @victims;
	Time::HiRes::usleep(2000) while !(@victims = workers($node)) && Time::HiRes::time() < $bound;
	die "no worker came back within 60 s\n" if !@victims;
	kill 'KILL', $victims[ rand @victims ];
	return;
}

# Until none of the processes is left: before that nobody may start anew.
sub wait_gone
{
	my (@pids) = @_;
	my $bound = Time::HiRes::time() + 60;
	Time::HiRes::usleep(5000) while (grep { kill(0, $_) } @pids) && Time::HiRes::time() < $bound;
	return;
}

sub start_again
{
	my ($node) = @_;
	my $bound = Time::HiRes::time() + 60;
	while (!$node->start(fail_ok => 1))
	{
		die "the server did not start within 60 s after its end\n" if Time::HiRes::time() > $bound;
		Time::HiRes::usleep(100_000);
	}
	return;
}

sub kill_postmaster
{
	my ($node) = @_;
	my $pid = $node->{_pid};
	$node->kill9;
	wait_gone($pid);
	start_again($node);
	return;
}

# As after a power cut: all processes stand still in the middle of what they do,
# the files as they are at that moment are copied, the processes end without
# another step, and the server starts from the copy.
sub cut_power
{
	my ($node) = @_;
	my @pids = processes($node);
	# a process that is just being born is caught by the second look
	for (1 .. 2)
	{
		kill 'STOP', @pids;
		@pids = processes($node);
	}
	kill 'STOP', @pids;
	my $data = $node->data_dir;
	system('cp', '-a', '--reflink=auto', $data, "$data.copy") == 0 or die "cannot copy $data\n";
	kill 'KILL', @pids;
	$node->{_pid} = undef;
	wait_gone(@pids);
	system('rm', '-rf', $data);
	rename "$data.copy", $data or die "cannot move $data.copy: $!\n";
	unlink "$data/postmaster.pid";
	start_again($node);
	return;
}

1;
