# A bot is linked by the code that a person types on the phone.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $simulator = simulator();
my $node = wa_node('main', $simulator);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION wa_collector');
add_bot($node, 'one');

my $code = $node->safe_psql('postgres', "SELECT wa.pair_code('one', '+49 151 00001')");
like($code, qr/^[1-9A-HJ-NP-TV-Z]{4}-?[1-9A-HJ-NP-TV-Z]{4}$/, 'a code of eight characters');

my $refused = $simulator->try_ask({ do => 'enter_code', number => '4915100001', code => 'AAAAAAAA' });
ok(!$refused->{ok}, 'a wrong code links nothing');
isnt(bot_status($node, 'one'), 'online', 'and the bot is not online');

$code = $node->safe_psql('postgres', "SELECT wa.pair_code('one', '4915100001')");
my $answer = $simulator->ask({ do => 'enter_code', number => '4915100001', code => $code });
like($answer->{jid}, qr/^4915100001/, 'the phone linked it');
wait_for($node, "SELECT status = 'online' AND phone = '4915100001' FROM wa.bots WHERE name = 'one'", 'the bot is online');
is($node->safe_psql('postgres', 'SELECT count(*) FROM wa_private.links'), '0', 'no code is left behind');

like(sql_error($node, "SELECT wa.pair_code('one', '4915100001')"), qr/55000/, 'a linked bot gets no code');
add_bot($node, 'two');
like(sql_error($node, "SELECT wa.pair_code('two', 'not a number')"), qr/22023/, 'a phone is made of digits');
like(sql_error($node, "SELECT wa.pair_code('nobody', '4915100001')"), qr/42704/, 'an unknown bot is named');

unlike(slurp_file($node->logfile), qr/$code/, 'the code is not in the log');
$node->stop('fast');
done_testing();
