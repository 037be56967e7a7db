#
# WaTest.pm
#	What the TAP tests share: a simulated WhatsApp service, a PostgreSQL node
#	that talks to it, linking a bot, and waiting for a condition.
#
# Every wait has a bound (WaTest::timeout) and says at its end what it saw.
# Nothing here may reach anything but loopback.
#
package WaTest;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

our @EXPORT = qw(simulator wa_node wait_for add_bot link_bot linked_node bot_status roster truth_roster
	same_rosters truth_messages messages same_messages worker_pid process_gone sql_error
	wait_until wait_connected wait_acknowledged);

our $timeout = $ENV{PG_TEST_TIMEOUT_DEFAULT} // 60;
$PostgreSQL::Test::Utils::timeout_default = $timeout;

# ---------------------------------------------------------------- the simulator

my @simulators;

# simulator(ARGUMENTS...): starts one, returns it; it ends with the test.
sub simulator
{
	my (@arguments) = @_;
	my $self = WaTest::Simulator->start(@arguments);
	push @simulators, $self;
	return $self;
}

END
{
	my $status = $?;
	$_->stop for @simulators;
	$? = $status;
}

# ---------------------------------------------------------------- the node

# wa_node(NAME, SIMULATOR, SETTING => VALUE, ...): an initialised node, not
# started.  allows_streaming => 1 goes to init.  A setting of undef is left out.
sub wa_node
{
	my ($name, $simulator, %settings) = @_;
	my $streaming = delete $settings{allows_streaming};
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init($streaming ? (allows_streaming => 1) : ());
	my %conf = (
		'shared_preload_libraries' => 'wa_collector',
		'wa_collector.databases' => 'postgres',
		'log_min_messages' => 'info',
		'max_worker_processes' => 16,
		'restart_after_crash' => 'on',
		# what the log says is ours to judge: keep the tests' own statements out of it
		'log_statement' => 'none',
		'log_min_error_statement' => 'panic',
		%settings);
	if ($simulator)
	{
		$conf{'wa_collector.endpoint'} //= $simulator->endpoint;
		$conf{'wa_collector.noise_root_key'} //= $simulator->root_key;
	}
	else
	{
		# port 9 of loopback answers nobody
		$conf{'wa_collector.endpoint'} //= 'ws://127.0.0.1:9/ws/chat';
	}
	$node->append_conf('postgresql.conf', "$_ = '$conf{$_}'") for grep { defined $conf{$_} } sort keys %conf;
	$node->append_conf('postgresql.conf', slurp_file($ENV{WA_INSTALL_CONF})) if $ENV{WA_INSTALL_CONF};
	return $node;
}

# linked_node(NAME, NUMBER, SETTINGS...): simulator and started node with the
# extension and one online bot "one"; returns (simulator, node).
sub linked_node
{
	my ($name, $number, %settings) = @_;
	my $simulator = simulator();
	my $node = wa_node($name, $simulator, %settings);
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION wa_collector');
	link_bot($node, $simulator, 'one', $number);
	return ($simulator, $node);
}

# wait_for(NODE, SQL, WHAT): until the query gives t; a test of its own.
sub wait_for
{
	my ($node, $sql, $what, %option) = @_;
	my $database = $option{database} // 'postgres';
	my $until = Time::HiRes::time() + ($option{timeout} // $timeout);
	my ($out, $err) = ('', '');
	do
	{
		# while the server starts anew, psql may lose its server at any point
		eval { (undef, $out, $err) = $node->psql($database, $sql); 1 } or $err = $@;
		if (defined $out && $out eq 't')
		{
			pass($what);
			return 1;
		}
		Time::HiRes::usleep(50_000);
	} while (Time::HiRes::time() < $until);
	fail($what);
	diag("waited in vain for: $sql\nlast answer: " . ($out // '') . ' ' . ($err // ''));
	(undef, $out) = $node->psql($database, 'SELECT name, status, status_reason, status_code, status_detail, next_attempt_at FROM wa.bots');
	diag("bots:\n" . ($out // ''));
	(undef, $out) = $node->psql($database, 'SELECT * FROM wa.workers');
	diag("workers:\n" . ($out // ''));
	return 0;
}

# wait_until(CONDITION, WHAT): until the code returns something true; a test of its own.
sub wait_until
{
	my ($condition, $what, %option) = @_;
	my $until = Time::HiRes::time() + ($option{timeout} // $timeout);
	my $value;
	while (!($value = $condition->()) && Time::HiRes::time() < $until)
	{
		Time::HiRes::usleep(($option{pause_ms} // 50) * 1000);
	}
	ok($value, $what);
	return $value;
}

sub quote
{
	my ($text) = @_;
	return "'" . ($text =~ s/'/''/gr) . "'";
}

sub add_bot
{
	my ($node, $name, %option) = @_;
	return $node->safe_psql($option{database} // 'postgres', 'SELECT wa.add_bot(' . quote($name) . ')');
}

# Adds the bot when it is not there, shows its QR, has the phone scan it, and
# waits until it is online.  Returns what the simulator answered: jid, lid.
sub link_bot
{
	my ($node, $simulator, $name, $number, %option) = @_;
	my $database = $option{database} // 'postgres';
	my $quoted = quote($name);
	add_bot($node, $name, %option)
		if $node->safe_psql($database, "SELECT to_regclass('wa.bots') IS NOT NULL") ne 't'
		|| $node->safe_psql($database, "SELECT count(*) FROM wa.bots WHERE name = $quoted") eq '0';
	my $qr = $node->safe_psql($database, "SELECT wa.qr_content($quoted)");
	my $answer = $simulator->ask({ do => 'scan', number => $number, qr => $qr });
	wait_for($node, "SELECT status = 'online' FROM wa.bots WHERE name = $quoted", "bot \"$name\" is linked and online", %option);
	return $answer;
}

sub bot_status
{
	my ($node, $name, %option) = @_;
	return $node->safe_psql($option{database} // 'postgres',
		'SELECT concat_ws(\' \', status, status_reason) FROM wa.bots WHERE name = ' . quote($name));
}

# The people in a group as the tables have them: lines "phone lid role", sorted.
sub roster
{
	my ($node, $group, %option) = @_;
	return $node->safe_psql($option{database} // 'postgres', <<"SQL");
SELECT coalesce(string_agg(line, E'\\n' ORDER BY line COLLATE "C"), '')
FROM (
	SELECT concat_ws(' ',
		(SELECT split_part(i.value, '\@', 1) FROM wa.user_ids AS i WHERE i.user_id = m.user_id AND i.kind = 'pn' AND i.current),
		(SELECT split_part(i.value, '\@', 1) FROM wa.user_ids AS i WHERE i.user_id = m.user_id AND i.kind = 'lid' AND i.current),
		m.role) AS line
	FROM wa.memberships AS m
	JOIN wa.groups AS g USING (group_id)
	WHERE g.jid = @{[ quote($group) ]} AND m.left_at IS NULL) AS people
SQL
}

# The same from the simulator's truth.
sub truth_roster
{
	my ($simulator, $group) = @_;
	my $truth = $simulator->ask({ do => 'truth', group => $group });
	my @lines = map { "$_->{pn} $_->{lid} $_->{role}" } @{ $truth->{groups}[0]{members} };
	return join "\n", sort @lines;
}

# same_rosters(NODE, SIMULATOR, GROUP, WHAT): waits until both are equal.
sub same_rosters
{
	my ($node, $simulator, $group, $what, %option) = @_;
	my $until = Time::HiRes::time() + $timeout;
	my ($have, $want);
	do
	{
		$want = truth_roster($simulator, $group);
		eval { $have = roster($node, $group, %option); 1 } or $have = "no answer: $@";
		if ($have eq $want)
		{
			pass($what);
			return 1;
		}
		Time::HiRes::usleep(100_000);
	} while (Time::HiRes::time() < $until);
	is($have, $want, $what);
	return 0;
}

# Texts of a group as the tables have them: lines "wa_id lid text", sorted.
sub messages
{
	my ($node, $group, %option) = @_;
	return $node->safe_psql($option{database} // 'postgres', <<"SQL");
SELECT coalesce(string_agg(line, E'\\n' ORDER BY line COLLATE "C"), '')
FROM (
	SELECT concat_ws(' ', m.wa_id,
		(SELECT split_part(i.value, '\@', 1) FROM wa.user_ids AS i WHERE i.user_id = m.sender AND i.kind = 'lid' AND i.current),
		m.body) AS line
	FROM wa.messages AS m
	JOIN wa.chats AS c USING (chat_id)
	WHERE c.jid = @{[ quote($group) ]} AND m.kind = 'text') AS texts
SQL
}

# The same from the simulator: what was said, which reads like a text.
sub truth_messages
{
	my ($simulator, $group, %option) = @_;
	my @lines;
	my $after = $option{after} // -1;
	while (defined $after)
	{
		my $page = $simulator->ask({ do => 'said', chat => $group, after => $after });
		push @lines, map { "$_->{id} " . ($_->{from_lid} =~ s/\@.*//r) . " $_->{text}" } grep { $_->{kind} eq 'text' } @{ $page->{messages} };
		$after = $page->{next};
	}
	return join "\n", sort @lines;
}

# same_messages(NODE, SIMULATOR, GROUP, WHAT): waits until both are equal.
sub same_messages
{
	my ($node, $simulator, $group, $what, %option) = @_;
	my $until = Time::HiRes::time() + $timeout;
	my $want = truth_messages($simulator, $group, %option);
	my $have;
	do
	{
		eval { $have = messages($node, $group, %option); 1 } or $have = "no answer: $@";
		if ($have eq $want)
		{
			pass($what);
			return 1;
		}
		Time::HiRes::usleep(100_000);
	} while (Time::HiRes::time() < $until);
	my %have = map { $_ => 1 } split /\n/, $have;
	my %want = map { $_ => 1 } split /\n/, $want;
	my @missing = grep { !$have{$_} } sort keys %want;
	my @extra = grep { !$want{$_} } sort keys %have;
	fail($what);
	diag(scalar(@missing) . " missing, the first: " . ($missing[0] // '') . "\n"
			. scalar(@extra) . " too many, the first: " . ($extra[0] // ''));
	return 0;
}

# wait_connected(SIMULATOR, NUMBER, WHAT): until the simulator has that account's
# companion on the line and has delivered what waited for it.
sub wait_connected
{
	my ($simulator, $number, $what) = @_;
	my $until = Time::HiRes::time() + $timeout;
	my $client;
	do
	{
		($client) = grep { $_->{number} eq $number && !$_->{removed} } @{ $simulator->ask({ do => 'clients' })->{clients} };
		if ($client && $client->{connected} && $client->{caught_up})
		{
			pass($what);
			return 1;
		}
		Time::HiRes::usleep(50_000);
	} while (Time::HiRes::time() < $until);
	fail($what);
	diag(explain $client);
	return 0;
}

# wait_acknowledged(SIMULATOR, NUMBER, WHAT): until that account's companion owes
# the simulator no answer.
sub wait_acknowledged
{
	my ($simulator, $number, $what) = @_;
	my $until = Time::HiRes::time() + $timeout;
	my $client;
	do
	{
		($client) = grep { !$_->{removed} } @{ $simulator->ask({ do => 'clients', number => $number })->{clients} };
		if ($client && $client->{unacked} == 0 && $client->{queued} == 0)
		{
			pass($what);
			return 1;
		}
		Time::HiRes::usleep(50_000);
	} while (Time::HiRes::time() < $until);
	fail($what);
	diag(explain $client);
	return 0;
}

# The process of worker 0 of a database; empty when it is not running.
sub worker_pid
{
	my ($node, $database) = @_;
	$database //= 'postgres';
	return $node->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'wa_collector worker%' AND datname = '$database' ORDER BY pid LIMIT 1");
}

# Waits until a process is gone, with the usual bound.
sub process_gone
{
	my ($pid, $what) = @_;
	my $until = Time::HiRes::time() + $timeout;
	while (kill(0, $pid) && Time::HiRes::time() < $until)
	{
		Time::HiRes::usleep(20_000);
	}
	return ok(!kill(0, $pid), $what);
}

# Runs SQL that must fail; returns its message, detail and hint.
sub sql_error
{
	my ($node, $sql, %option) = @_;
	my ($status, undef, $err) = $node->psql($option{database} // 'postgres', "\\set VERBOSITY verbose\n$sql");
	return $status == 0 ? 'no error' : $err;
}

# ---------------------------------------------------------------- Simulator

package WaTest::Simulator;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use PostgreSQL::Test::Utils ();
use Time::HiRes ();

# Texts are bytes of UTF-8 on both sides, as psql wants them.
my $json = JSON::PP->new->canonical;

sub start
{
	my ($class, @arguments) = @_;
	my $binary = $ENV{WA_SIMULATOR} // './wa_simulator';
	my $log = "$PostgreSQL::Test::Utils::log_path/simulator.log";
	pipe(my $reader, my $writer) or die "pipe: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		open STDIN, '<', '/dev/null';
		open STDOUT, '>&', $writer;
		open STDERR, '>>', $log;
		close $reader;
		exec $binary, '--listen', '127.0.0.1:0', '--control', '127.0.0.1:0', @arguments;
		die "cannot run $binary: $!";
	}
	close $writer;
	my $self = bless { pid => $pid }, $class;
	my $line = '';
	my $until = Time::HiRes::time() + $WaTest::timeout;
	while ($line !~ /\n/)
	{
		my $left = $until - Time::HiRes::time();
		die "the simulator did not say that it is ready; see $log" if $left <= 0;
		next if !IO::Select->new($reader)->can_read($left);
		sysread($reader, $line, 4096, length $line) or die "the simulator ended; see $log";
	}
	$self->{ready} = $json->decode($line);
	$self->{reader} = $reader;
	return $self;
}

sub endpoint { return $_[0]{ready}{endpoint}; }
sub root_key { return $_[0]{ready}{root_key}; }
sub control { return $_[0]{ready}{control}; }

# ask(REQUEST): the answer, ok or not.
sub try_ask
{
	my ($self, $request) = @_;
	my $socket = $self->{socket} //= IO::Socket::INET->new(PeerAddr => $self->control, Proto => 'tcp')
		// die "cannot reach the simulator at " . $self->control . ": $!";
	my $text = $json->encode($request) . "\n";
	$socket->syswrite($text) == length $text or die "cannot write to the simulator: $!";
	my $until = Time::HiRes::time() + $WaTest::timeout;
	my $answer = '';
	while ($answer !~ /\n/)
	{
		my $left = $until - Time::HiRes::time();
		die "the simulator did not answer $text" if $left <= 0;
		next if !IO::Select->new($socket)->can_read($left);
		$socket->sysread($answer, 1 << 20, length $answer) or die "the simulator closed the control connection at $text";
	}
	return $json->decode($answer);
}

# ask(REQUEST): dies when the answer is not ok.
sub ask
{
	my ($self, $request) = @_;
	my $answer = $self->try_ask($request);
	die "the simulator refused " . $json->encode($request) . ": $answer->{error}" if !$answer->{ok};
	return $answer;
}

sub stop
{
	my ($self) = @_;
	return if !$self->{pid};
	kill 'TERM', $self->{pid};
	my $until = Time::HiRes::time() + 10;
	while (waitpid($self->{pid}, 1) == 0)
	{
		if (Time::HiRes::time() > $until)
		{
			kill 'KILL', $self->{pid};
			waitpid($self->{pid}, 0);
			last;
		}
		Time::HiRes::usleep(20_000);
	}
	$self->{pid} = 0;
	return;
}

1;
