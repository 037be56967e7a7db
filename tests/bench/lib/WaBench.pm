#
# WaBench.pm
#	What the benchmarks share: a private cluster with synchronous_commit = on, a
#	simulated service, many linked bots, and looks at processes through /proc.
#
# Everything lives in a folder of its own and is gone at the end.  A benchmark
# prints name, value, unit and what to compare it with, and never fails a build:
# what goes wrong is told on standard error.  Works as root, then the server
# runs as the user postgres.
#
# Environment: BOTS (1000), BENCH_SECONDS (900, the limit of one benchmark),
# BENCH_KEEP (1: keep the folder), TMPDIR, PG_CONFIG, BUILD.
#
package WaBench;

use strict;
use warnings;

use Exporter 'import';
use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use IO::Select;
use JSON::PP ();
use POSIX ();
use Time::HiRes ();

our @EXPORT = qw(bots_wanted show note now percentile cpu_seconds resident machine);

$| = 1;
my $json = JSON::PP->new->canonical;
my $owner = $$;
my @open;
my $limited = 0;

# ---------------------------------------------------------------- small things

sub bots_wanted { return $ENV{BOTS} // 1000; }

sub now { return Time::HiRes::clock_gettime(Time::HiRes::CLOCK_REALTIME()); }

sub show
{
	my ($name, $value, $unit, $reference) = @_;
	print join("\t", $name, $value, $unit, $reference // ''), "\n";
	return;
}

sub note
{
	print STDERR "# @_\n";
	return;
}

# Of a sorted list.
sub percentile
{
	my ($share, @sorted) = @_;
	my $at = int($share * @sorted);
	return $sorted[ $at < @sorted ? $at : -1 ];
}

sub slurp
{
	my ($path) = @_;
	open my $in, '<', $path or return '';
	local $/;
	return scalar(<$in>) // '';
}

# Processor time of a process so far.
sub cpu_seconds
{
	my ($pid) = @_;
	# nanoseconds where the kernel counts them, else ticks
	my ($run) = slurp("/proc/$pid/schedstat") =~ /^(\d+) /;
	return $run / 1e9 if $run;
	my @field = split ' ', slurp("/proc/$pid/stat") =~ s/^.*\) //r;
	return ($field[11] + $field[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# Anonymous memory of a process in kB: what it does not share.
sub resident
{
	my ($pid) = @_;
	my ($kb) = slurp("/proc/$pid/status") =~ /^RssAnon:\s*(\d+)/m;
	return $kb;
}

# What else the machine did, for whoever reads the figures.
sub machine
{
	my ($load) = slurp('/proc/loadavg') =~ /^(\S+)/;
	my $cores = () = slurp('/proc/cpuinfo') =~ /^processor/mg;
	note("load $load on $cores cores");
	return;
}

# ---------------------------------------------------------------- the place

# start(ARGUMENT => VALUE ...): tls => 1; simulator => 0: none; dir => a folder
# that stays, and whose cluster is taken when it has one; everything else is a
# setting of the server.
sub start
{
	my ($class, %setting) = @_;
	my $tls = delete $setting{tls};
	my $simulator = delete $setting{simulator} // 1;
	my $kept = delete $setting{dir};
	my $self = bless {}, $class;
	push @open, $self;
	$SIG{ALRM} = sub { die "the time limit (BENCH_SECONDS) is over\n" };
	$SIG{$_} = sub { die "interrupted\n" } for qw(INT TERM HUP PIPE);
	alarm($ENV{BENCH_SECONDS} // 900) if !$limited++;

	my $config = $ENV{PG_CONFIG} // 'pg_config';
	chomp($self->{bin} = `$config --bindir`);
	die "no PostgreSQL: $config\n" if !-x "$self->{bin}/initdb";
	mkdir $kept if defined $kept;
	$self->{stays} = defined $kept;
	$self->{dir} = $kept // File::Temp::tempdir('wa_bench.XXXXXX', TMPDIR => 1);
	$self->{as} = $> == 0 ? [ 'runuser', '-u', 'postgres', '--' ] : [];
	run('chown', 'postgres', $self->{dir}) if $> == 0;

	$self->start_simulator($tls) if $simulator;
	$self->init;
	my %conf = (
		'shared_preload_libraries' => 'wa_collector',
		'wa_collector.databases' => 'postgres',
		$simulator ? ('wa_collector.endpoint' => $self->{ready}{endpoint}, 'wa_collector.noise_root_key' => $self->{ready}{root_key},
			'wa_collector.tls_ca_file' => $tls ? "$self->{dir}/cert.pem" : '') : (),
		'listen_addresses' => '',
		'unix_socket_directories' => $self->{dir},
		'fsync' => 'on',
		'synchronous_commit' => 'on',
		'shared_buffers' => '256MB',
		'max_wal_size' => '4GB',
		'checkpoint_timeout' => '1h',
		'max_locks_per_transaction' => 256,
		'log_checkpoints' => 'off',
		%setting);
	$self->configure(%conf);
	$self->start_server;
	# a cluster that is there already may have functions of another build
	$self->sql('DROP EXTENSION IF EXISTS wa_collector');
	$self->sql('CREATE EXTENSION wa_collector');
	$self->sql('SELECT wa.create_storage()');
	return $self;
}

sub run
{
	my (@command) = @_;
	my $log = File::Temp->new;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		open STDOUT, '>&', $log;
		open STDERR, '>&', $log;
		open STDIN, '<', '/dev/null';
		exec @command or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	die "@command failed: " . slurp($log->filename) . "\n" if $? != 0;
	return;
}

# What the server's user runs, from a folder that it may enter.
sub as_owner
{
	my ($self, @command) = @_;
	run('sh', '-c', 'cd "$0" && exec "$@"', $self->{dir}, @{ $self->{as} }, @command);
	return;
}

# The cluster, and where it finds the extension: installed into the folder if this PostgreSQL can use that.
sub init
{
	my ($self) = @_;
	my $config = $ENV{PG_CONFIG} // 'pg_config';
	my $conf = $ENV{WA_INSTALL_CONF} ? slurp($ENV{WA_INSTALL_CONF}) : '';
	if ($conf eq '')
	{
		$conf = `PG_CONFIG=$config PG_BIN=$self->{bin} bash -c '. scripts/machine.sh; install_conf "$self->{dir}/inst"'`;
		if ($? == 0)
		{
			run('env', '-u', 'MAKEFLAGS', '-u', 'MFLAGS', '-u', 'MAKELEVEL', 'make', '-s', 'install',
				"DESTDIR=$self->{dir}/inst", "PG_CONFIG=$config");
		}
		else
		{
			note('taking the installed extension: run "make install" first');
			$conf = '';
		}
	}
	$self->as_owner("$self->{bin}/initdb", '-D', "$self->{dir}/data", '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--no-locale')
		if !-e "$self->{dir}/data/PG_VERSION";
	open my $out, '>>', "$self->{dir}/data/postgresql.conf" or die "postgresql.conf: $!";
	print $out $conf;
	return;
}

# Appends settings; the last word counts.
sub configure
{
	my ($self, %conf) = @_;
	open my $out, '>>', "$self->{dir}/data/postgresql.conf" or die "postgresql.conf: $!";
	print $out map { "$_ = '$conf{$_}'\n" } sort keys %conf;
	return;
}

sub start_server
{
	my ($self) = @_;
	$self->{running} = 1;
	$self->as_owner("$self->{bin}/pg_ctl", '-D', "$self->{dir}/data", '-l', "$self->{dir}/server.log", '-w', '-t', 60, 'start');
	return;
}

sub stop_server
{
	my ($self, $mode) = @_;
	delete $self->{sql};
	$self->as_owner("$self->{bin}/pg_ctl", '-D', "$self->{dir}/data", '-m', $mode, '-w', '-t', 60, 'stop') if $self->{running};
	$self->{running} = 0;
	return;
}

sub stop
{
	my ($self) = @_;
	eval { $self->stop_server($self->{stays} ? 'fast' : 'immediate'); 1 } or note($@);
	if ($self->{simulator})
	{
		kill 'KILL', $self->{simulator};
		waitpid $self->{simulator}, 0;
		$self->{simulator} = 0;
	}
	note("kept: $self->{dir}") if $ENV{BENCH_KEEP} || $self->{stays};
	run('rm', '-rf', $self->{dir}) if $self->{dir} && !$ENV{BENCH_KEEP} && !$self->{stays};
	@open = grep { $_ != $self } @open;
	return;
}

END
{
	if ($$ == $owner)
	{
		my $status = $?;
		$_->stop for @open;
		$? = $status;
	}
}

# ---------------------------------------------------------------- the service

sub start_simulator
{
	my ($self, $tls) = @_;
	my @arguments = ('--listen', $tls ? 'localhost:0' : '127.0.0.1:0', '--control', '127.0.0.1:0');
	if ($tls)
	{
		my ($key, $cert) = map { "$self->{dir}/$_.pem" } qw(key cert);
		run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', $key,
			'-out', $cert, '-days', 2, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1');
		@arguments[1] = '127.0.0.1:0';
		push @arguments, '--tls-cert', $cert, '--tls-key', $key;
		run('chmod', 'a+r', $cert);
	}
	pipe(my $reader, my $writer) or die "pipe: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		open STDIN, '<', '/dev/null';
		open STDOUT, '>&', $writer;
		open STDERR, '>', "$self->{dir}/simulator.log";
		exec './wa_simulator', @arguments or POSIX::_exit(127);
	}
	close $writer;
	$self->{simulator} = $pid;
	my $line = <$reader> // die 'the simulator does not start: ' . slurp("$self->{dir}/simulator.log") . "\n";
	$self->{ready} = $json->decode($line);
	$self->{reader} = $reader;
	return;
}

# ask_all(REQUEST ...): many at once over connections of their own; the answers, in order.
sub ask_all
{
	my ($self, @requests) = @_;
	my $pool = $self->{pool} //= [];
	my @answers;
	while (@requests)
	{
		my @some = splice @requests, 0, 50;
		for my $i (0 .. $#some)
		{
			$pool->[$i] //= IO::Socket::INET->new(PeerAddr => $self->{ready}{control}, Proto => 'tcp') // die "simulator: $!";
			$pool->[$i]->print($json->encode($some[$i]) . "\n");
			$pool->[$i]->flush;
		}
		for my $i (0 .. $#some)
		{
			my $line = $pool->[$i]->getline // die "the simulator hung up\n";
			my $answer = $json->decode($line);
			die 'the simulator refused ' . $json->encode($some[$i]) . ": $answer->{error}\n" if !$answer->{ok};
			push @answers, $answer;
		}
	}
	return @answers;
}

sub ask
{
	my ($self, $request) = @_;
	return ($self->ask_all($request))[0];
}

# ---------------------------------------------------------------- bots

# Not among the numbers of the people that the simulator makes up.
sub number { return 4917000000000 + $_[0]; }

# Adds and links this many bots, through SQL and the simulator's phones, as people would.
sub link_bots
{
	my ($self, $count) = @_;
	my $done = $self->{bots} // 0;
	while ($done < $count)
	{
		my $n = $count - $done < 50 ? $count - $done : 50;
		my ($first, $last) = ($done + 1, $done + $n);
		$self->sql("SELECT wa.add_bot('bot' || n) FROM generate_series($first, $last) AS n");
		$self->sql("SELECT wa.login('bot' || n) FROM generate_series($first, $last) AS n");
		my $rows;
		$self->await(60, 'codes of the new bots', sub {
			$rows = $self->sql("SELECT b.name, l.qr_content FROM wa_private.links AS l JOIN wa.bots AS b USING (bot_id)
				WHERE l.qr_valid_until > clock_timestamp() AND b.name IN (SELECT 'bot' || n FROM generate_series($first, $last) AS n)");
			return @$rows == $n;
		});
		$self->ask_all(map { { do => 'scan', number => '' . number($_->[0] =~ s/bot//r), qr => $_->[1] } } @$rows);
		$done += $n;
		$self->{bots} = $done;
	}
	$self->await_online(120);
	return;
}

# make_group(NUMBER, PEOPLE, BOT ...): of so many people, four of whom talk, and bots; its JID.
sub make_group
{
	my ($self, $n, $people, @bots) = @_;
	my @numbers = map { '' . (4916000000000 + $n * 1000 + $_) } 0 .. $people - 1;
	my $by = shift @numbers;
	return $self->ask({ do => 'group_create', by => $by, subject => "Bench $n", members => [ @numbers, map { '' . number($_) } @bots ] })->{group};
}

# Lets people say this many messages in the groups and waits for the last one.
sub say_messages
{
	my ($self, $count, $rate, $size, @groups) = @_;
	my $first = $self->ask({ do => 'talk', groups => \@groups, rate => $rate, size => $size, seed => 1, events => 0 + $count })->{first};
	$self->await(300, 'end of the talk', sub { return $self->ask({ do => 'info' })->{said} >= $first + $count });
	my $done = $self->ask({ do => 'talk_stop' });
	note("$done->{refused} messages were refused") if $done->{refused};
	return $first;
}

# What the workers stored so far: messages (once for every bot that brought them) and transactions.
sub stored
{
	my ($self) = @_;
	return @{ $self->sql('SELECT sum(messages), sum(batches) FROM wa.workers')->[0] };
}

sub await
{
	my ($self, $seconds, $what, $condition) = @_;
	my $until = now() + $seconds;
	while (!$condition->())
	{
		die "no $what within $seconds s\n" if now() > $until;
		Time::HiRes::usleep(20_000);
	}
	return;
}

sub await_online
{
	my ($self, $seconds) = @_;
	$self->await($seconds, "sign of all $self->{bots} bots being online", sub {
		return $self->value("SELECT count(*) FILTER (WHERE status = 'online' AND status_since > pg_postmaster_start_time()) FROM wa.bots") == $self->{bots};
	});
	return;
}

# Until the worker has nothing left to do: its processor time stands still for
# some seconds, in which it also gives freed memory back.
sub await_calm
{
	my ($self) = @_;
	my $pid = $self->worker_pid;
	my $spent = cpu_seconds($pid);
	my $calm = 0;
	for (1 .. 60)
	{
		sleep 1;
		my $more = cpu_seconds($pid);
		$calm = $more - $spent < 0.02 ? $calm + 1 : 0;
		return if $calm == 4;
		$spent = $more;
	}
	return;
}

sub worker_pid
{
	my ($self) = @_;
	my $pid;
	$self->await(30, 'worker', sub { $pid = $self->value("SELECT pid FROM wa.workers WHERE pid IS NOT NULL LIMIT 1") });
	return $pid;
}

# ---------------------------------------------------------------- SQL

# One connection for all small questions.
sub sql
{
	my ($self, $query) = @_;
	$self->{sql} //= WaBench::Connection->open("$self->{dir}/.s.PGSQL.5432");
	return $self->{sql}->query($query);
}

sub value
{
	my ($self, $query) = @_;
	return $self->sql($query)->[0][0];
}

sub connection
{
	my ($self) = @_;
	return WaBench::Connection->open("$self->{dir}/.s.PGSQL.5432");
}

# ---------------------------------------------------------------- Connection

# The few messages of PostgreSQL's protocol that a benchmark needs: unlike psql
# it hears a notification when it comes.
package WaBench::Connection;

use strict;
use warnings;

sub open
{
	my ($class, $path) = @_;
	my $socket = IO::Socket::UNIX->new(Peer => $path) // die "$path: $!\n";
	my $self = bless { socket => $socket, input => '', heard => [] }, $class;
	my $body = pack('N', 196608) . join("\0", 'user', 'postgres', 'database', 'postgres', 'application_name', 'bench', '', '');
	syswrite $socket, pack('N', 4 + length $body) . $body;
	$self->read_until_ready;
	return $self;
}

# The next message as (type, body); waits for it at most that long.
sub message
{
	my ($self, $seconds) = @_;
	my $until = defined $seconds ? WaBench::now() + $seconds : undef;
	while (1)
	{
		if (length $self->{input} >= 5)
		{
			my ($type, $len) = unpack 'aN', $self->{input};
			if (length $self->{input} > $len)
			{
				my $body = substr $self->{input}, 5, $len - 4;
				substr($self->{input}, 0, $len + 1) = '';
				if ($type eq 'A')
				{
					my (undef, $channel, $payload) = unpack 'NZ*Z*', $body;
					push @{ $self->{heard} }, [ $self->{read_at}, $channel, $payload ];
				}
				return ($type, $body);
			}
		}
		if (defined $until)
		{
			my $left = $until - WaBench::now();
			return if $left <= 0 || !IO::Select->new($self->{socket})->can_read($left);
		}
		sysread($self->{socket}, $self->{input}, 65536, length $self->{input}) or die "the server closed the connection\n";
		$self->{read_at} = WaBench::now();
	}
}

sub read_until_ready
{
	my ($self) = @_;
	my (@rows, $error);
	while (my ($type, $body) = $self->message)
	{
		if ($type eq 'D')
		{
			my $count = unpack 'n', $body;
			my $at = 2;
			my @row;
			for (1 .. $count)
			{
				my $len = unpack 'l>', substr $body, $at, 4;
				push @row, $len < 0 ? undef : substr $body, $at + 4, $len;
				$at += 4 + ($len < 0 ? 0 : $len);
			}
			push @rows, \@row;
		}
		$error //= $body if $type eq 'E';
		last if $type eq 'Z' || ($type eq 'E' && $body =~ /FATAL/);
	}
	die 'the server says: ' . ($error =~ /\0M([^\0]*)/)[0] . "\n" if defined $error;
	return \@rows;
}

sub query
{
	my ($self, $query) = @_;
	syswrite $self->{socket}, 'Q' . pack('N', 5 + length $query) . "$query\0";
	return $self->read_until_ready;
}

# What was heard on LISTENed channels: [time, channel, payload] each; waits that long for the first.
sub heard
{
	my ($self, $seconds) = @_;
	$self->message($seconds) if !@{ $self->{heard} };
	my $heard = $self->{heard};
	$self->{heard} = [];
	return @$heard;
}

1;
