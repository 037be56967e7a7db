#
# WaContent.pm
#	What people write, as bytes: Message protobufs for the simulator's `say`,
#	and add-ons encrypted with a message's secret.  Sheet 2 sections 3.10, 3.11.
#
package WaContent;

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 sha256);
use Exporter 'import';
use Math::BigInt;
use MIME::Base64 qw(encode_base64);

our @EXPORT = qw(pb message secret_addon message_key);

sub varint
{
	my ($n) = @_;
	my $out = '';
	while ($n > 127)
	{
		$out .= chr($n & 127 | 128);
		$n >>= 7;
	}
	return $out . chr $n;
}

# pb(NUMBER => VALUE, ...): a protobuf message; a reference to a number is a
# varint, everything else bytes.
sub pb
{
	my (@fields) = @_;
	my $out = '';
	while (my ($number, $value) = splice @fields, 0, 2)
	{
		$out .= ref $value ? varint($number << 3) . varint($$value) : varint($number << 3 | 2) . varint(length $value) . $value;
	}
	return $out;
}

# message(NUMBER => VALUE, ...): the same in base64, as `say` takes it.
sub message
{
	return encode_base64(pb(@_), '');
}

sub message_key
{
	my (%key) = @_;
	return pb(1 => $key{chat}, 2 => \($key{from_me} ? 1 : 0), 3 => $key{id}, defined $key{by} ? (4 => $key{by}) : ());
}

# AES of whole blocks, by pgcrypto of the node.
sub aes
{
	my ($node, $key, $blocks) = @_;
	return pack 'H*', $node->safe_psql('postgres', sprintf(
		"SELECT encode(encrypt('\\x%s', '\\x%s', 'aes-ecb/pad:none'), 'hex')", unpack('H*', $blocks), unpack('H*', $key)));
}

# Multiplication in GF(2^128) as GCM has it.
sub gf_multiply
{
	my ($x, $y) = @_;
	my $r = Math::BigInt->from_hex('0xe1' . '0' x 30);
	my $z = Math::BigInt->new(0);
	my $v = $y->copy;
	for my $bit (split //, unpack 'B128', pack 'H32', substr('0' x 32 . substr($x->as_hex, 2), -32))
	{
		$z->bxor($v) if $bit;
		my $odd = $v->is_odd;
		$v->brsft(1);
		$v->bxor($r) if $odd;
	}
	return $z;
}

sub gcm
{
	my ($node, $key, $iv, $aad, $plain) = @_;
	my $blocks = int((length($plain) + 15) / 16);
	my $stream = aes($node, $key, "\0" x 16 . join '', map { $iv . pack 'N', $_ } 1 .. $blocks + 1);
	my $h = Math::BigInt->from_hex('0x' . unpack 'H*', substr $stream, 0, 16);
	my $cipher = $plain ^ substr($stream, 32, length $plain);
	my $pad = sub { $_[0] . "\0" x (-length($_[0]) % 16) };
	my $y = Math::BigInt->new(0);
	for my $block (unpack '(a16)*', $pad->($aad) . $pad->($cipher) . pack('NNNN', 0, 8 * length $aad, 0, 8 * length $cipher))
	{
		$y->bxor(Math::BigInt->from_hex('0x' . unpack 'H*', $block));
		$y = gf_multiply($y, $h);
	}
	my $tag = pack('H32', substr('0' x 32 . substr($y->as_hex, 2), -32)) ^ substr($stream, 16, 16);
	return $cipher . $tag;
}

# secret_addon(NODE, SECRET, USE, ID, AUTHOR, SENDER, PLAIN): (payload, iv) of
# an add-on to message ID of AUTHOR; both people are bare JIDs.
sub secret_addon
{
	my ($node, $secret, $use, $id, $author, $sender, $plain) = @_;
	my $key = hmac_sha256("$id$author$sender$use\x01", hmac_sha256($secret, "\0" x 32));
	my $iv = substr sha256($plain . $sender), 0, 12;
	my $aad = $use =~ /^(Poll Vote|Event Response)$/ ? "$id\0$sender" : '';
	return (gcm($node, $key, $iv, $aad, $plain), $iv);
}

1;
