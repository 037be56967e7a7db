# A server that misbehaves: each kind ends in a status with its reason, the bot
# comes back when the server is well again, and another bot does not notice.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use Test::More;

my $victim = '4915100001';
my $simulator = simulator();
my $node = wa_node('main', $simulator,
	'wa_collector.iq_timeout' => '2s',
	'wa_collector.keepalive_interval' => '1s');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION wa_collector');
link_bot($node, $simulator, 'victim', $victim);
link_bot($node, $simulator, 'witness', '4915100002');
my $group = $simulator->ask({
	do => 'group_create', by => '4915100005', subject => 'Garden', addressing => 'lid',
	members => [ $victim, '4915100002' ] })->{group};
same_rosters($node, $simulator, $group, 'people of the group');
my $pid = worker_pid($node);

sub log_position
{
	return $node->safe_psql('postgres', 'SELECT coalesce(max(log_id), 0) FROM wa.bot_status_log');
}

# meets(NAME, REASONS, FAULT...): deals the fault, waits for one of the reasons
# (a regular expression) in the victim's log, then cures the server.
sub meets
{
	my ($name, $reasons, %fault) = @_;
	my $position = log_position();
	my $reconnect = delete $fault{reconnect};
	$simulator->ask({ do => 'fault', %fault });
	$simulator->ask({ do => 'fault', kind => 'cut', number => $victim }) if $reconnect;
	wait_for($node, <<"SQL", "$name: a status with the reason");
SELECT EXISTS (SELECT FROM wa.bot_status_log AS l JOIN wa.bots AS b USING (bot_id)
	WHERE b.name = 'victim' AND l.log_id > $position AND l.reason ~ '^($reasons)\$')
SQL
	diag("$name: " . $node->safe_psql('postgres', "SELECT string_agg(concat_ws(' ', l.status, l.reason, l.code, l.detail), ' > ' ORDER BY log_id) FROM wa.bot_status_log AS l WHERE log_id > $position"))
		if !Test::More->builder->is_passing;
	$simulator->ask({ do => 'faults_clear' });
	$node->safe_psql('postgres', "SELECT wa.login('victim')");
	wait_for($node, "SELECT status = 'online' FROM wa.bots WHERE name = 'victim'", "$name: online when the server is well again");
	return;
}

# a close at each step of the handshake and after it
meets("closed at $_", 'connection_lost|connection_failed|handshake_failed|stream_end', kind => 'close_at', step => $_, reconnect => 1)
	for qw(accept prologue hello server_hello finish);
meets('closed after success', 'connection_lost|stream_end', kind => 'close_at', step => 'success', number => $victim, reconnect => 1);

# every wrong certificate
meets("certificate: $_", 'certificate|handshake_failed', kind => 'cert_defect', defect => $_, reconnect => 1)
	for qw(bad_root_signature bad_leaf_signature other_key bad_issuer expired truncated);

meets('version refused', 'client_outdated', kind => 'refuse_version', below => 2147483647, reconnect => 1);
meets('login failure 503', 'service_unavailable', kind => 'failure', reason => 503, number => $victim, reconnect => 1);
meets('temporary ban', 'temporary_ban', kind => 'failure', reason => 402, code => 101, expire => 3600, number => $victim, reconnect => 1);
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.bot_status_log WHERE reason = 'temporary_ban' AND status = 'banned'"), '1',
	'a ban is a status of its own');
meets('stream error 503', 'service_unavailable|server_error', kind => 'stream_error', code => 503, number => $victim);
meets('replaced', 'replaced', kind => 'stream_error', conflict => 'replaced', number => $victim);

# input nobody should have to read
meets('garbage', 'protocol_error|connection_lost', kind => 'garbage', number => $victim);
meets('half a frame', 'protocol_error|connection_lost|stream_end', kind => 'half_frame', number => $victim);
meets('1000 nodes deep', 'protocol_error|overflow', kind => 'deep_node', number => $victim);
meets('compressed bomb', 'protocol_error|overflow', kind => 'bomb', number => $victim);
meets('silent server', 'timeout|deaf|connection_lost', kind => 'silent', number => $victim, reconnect => 1);
meets('no answer to any question', 'timeout', kind => 'no_iq_answer', number => $victim, reconnect => 1);

# what a bot can live with: it stays online and what comes next is stored
for my $fault ([ 'a frame of 16 MB', kind => 'big_frame' ], [ 'NUL and invalid UTF-8 in a subject', kind => 'bad_text' ])
{
	my ($name, %fault) = @$fault;
	$simulator->ask({ do => 'fault', %fault, number => $victim });
	$simulator->ask({ do => 'group_subject', group => $group, by => '4915100005', text => "after $fault{kind}" });
	wait_for($node, "SELECT subject = 'after $fault{kind}' FROM wa.groups WHERE jid = '$group'", "$name: what comes next is stored");
	wait_for($node, "SELECT status = 'online' FROM wa.bots WHERE name = 'victim'", "$name: online");
}

# slowly and in pieces is not wrong
my $own_group = $simulator->ask({
	do => 'group_create', by => '4915100005', subject => 'Choir', addressing => 'pn', members => [$victim] })->{group};
same_rosters($node, $simulator, $own_group, 'people of a group with the victim alone');
$simulator->ask({ do => 'fault', kind => 'split', number => $victim });
$simulator->ask({ do => 'fault', kind => 'cut', number => $victim });
wait_connected($simulator, $victim, 'byte by byte: logged in');
$simulator->ask({ do => 'group_add', group => $own_group, by => '4915100005', members => ['4915100006'] });
same_rosters($node, $simulator, $own_group, 'byte by byte: people');
$simulator->ask({ do => 'faults_clear' });

is($node->safe_psql('postgres', "SELECT coalesce(string_agg(concat_ws(' ', l.status, l.reason, l.detail), ', '), 'none') FROM wa.bot_status_log AS l JOIN wa.bots AS b USING (bot_id) WHERE b.name = 'witness' AND l.status NOT IN ('connecting', 'qr', 'online', 'offline')"),
	'none', 'errors of the other bot');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa.bot_status_log AS l JOIN wa.bots AS b USING (bot_id) WHERE b.name = 'witness' AND l.status = 'online'"),
	'1', 'and never had to come back');
is(worker_pid($node), $pid, 'all in one worker process');

# the end of the link
$simulator->ask({ do => 'fault', kind => 'stream_error', conflict => 'device_removed', number => $victim });
wait_for($node, "SELECT status = 'logged_out' AND status_hint IS NOT NULL FROM wa.bots WHERE name = 'victim'", 'unlinked by the phone: logged_out, with a hint');
wait_for($node, "SELECT count(*) > 0 FROM wa.memberships WHERE left_at IS NULL", 'what was collected stays');
link_bot($node, $simulator, 'victim', $victim);

# a server that answers pings and says nothing else: not the socket counts, but what comes
$node->append_conf('postgresql.conf', "wa_collector.deaf_after = '4s'");
$node->restart;
wait_for($node, "SELECT bool_and(status = 'online' AND status_since > pg_postmaster_start_time()) FROM wa.bots", 'both are online after a restart');
meets('answers pings and nothing else', 'deaf', kind => 'deaf', number => $victim);

$node->stop('fast');
done_testing();
