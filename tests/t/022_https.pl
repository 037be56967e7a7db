# Over TLS: the service and its media hosts must both show a certificate that is
# trusted, or nothing is taken from them.
use strict;
use warnings;
use lib 'tests/t/lib';
use JSON::PP ();
use PostgreSQL::Test::Utils;
use WaTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;

# A certificate of its own issuer for loopback; the files of certificate and key.
sub certificate
{
	my ($name) = @_;
	my ($cert, $key) = map { "$dir/$name.$_" } qw(pem key);
	system_or_bail('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', $key,
		'-out', $cert, '-days', 2, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1');
	return ($cert, $key);
}

sub node_with
{
	my ($name, $ca, @arguments) = @_;
	my $simulator = simulator(@arguments);
	like($simulator->endpoint, qr/^wss:/, "$name: the service talks TLS");
	my $node = wa_node($name, $simulator,
		'wa_collector.watch_default' => 'messages',
		'wa_collector.tls_ca_file' => $ca);
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION wa_collector');
	link_bot($node, $simulator, 'one', '4915100001');
	$simulator->ask({ do => 'history', number => '4915100001', chats => 3, messages => 300, inline_first => JSON::PP::false, seed => 1 });
	return ($simulator, $node);
}

my ($cert, $key) = certificate('service');
my ($simulator, $node) = node_with('trusted', $cert, '--tls-cert', $cert, '--tls-key', $key);
my $truth;
wait_until(
	sub {
		return 0 if !$simulator->ask({ do => 'history_state', number => '4915100001' })->{runs}[0]{done};
		$truth = $simulator->ask({ do => 'history_truth', number => '4915100001' })->{messages};
	},
	'the phone has told all');
wait_for($node, "SELECT count(*) = $truth FROM wa.messages", 'all messages came over https');
is($node->safe_psql('postgres', "SELECT count(*) FROM wa_private.history_chunks WHERE state = 'failed'"), '0', 'nothing failed');
$node->stop('fast');

# The media host shows a certificate of somebody else.
my ($other_cert, $other_key) = certificate('other');
($simulator, $node) = node_with('distrusted', $cert, '--tls-cert', $cert, '--tls-key', $key,
	'--media-tls-cert', $other_cert, '--media-tls-key', $other_key);
wait_for($node, "SELECT bool_or(state = 'wanted' AND error = 'certificate') FROM wa_private.history_chunks",
	'nothing is taken from a host with another certificate');
is($node->safe_psql('postgres', 'SELECT count(*) FROM wa.messages'), '0', 'not a single message');
is($simulator->ask({ do => 'media_state' })->{downloads}, 0, 'it was not even asked');
$node->stop('fast');
done_testing();
