#!/usr/bin/env perl
#
# history.pl
#	How fast the past that a phone tells a new bot gets into the tables, and
#	what memory that takes.  MESSAGES (1000000) in CHATS (200).  See
#	lib/WaBench.pm.
#
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../t/lib";
use Time::HiRes ();
use WaBench;
use WaStays qw(stays_script);

my $messages = 0 + ($ENV{MESSAGES} // 1_000_000);
my $chats = 0 + ($ENV{CHATS} // 200);
$ENV{BENCH_SECONDS} //= 3600;

machine();
my $bench = WaBench->start('wa_collector.prekey_batch' => 30, 'wa_collector.watch_default' => 'messages');
$bench->link_bots(1);
$bench->await_calm;
my $pid = $bench->worker_pid;
my $idle = resident($pid);
my $peak = $idle;
my $cpu = cpu_seconds($pid);
my $began = now();
my $number = '' . WaBench::number(1);
$bench->ask({ do => 'history', number => $number, chats => $chats, messages => $messages, seed => 1 });

my $until = now() + $ENV{BENCH_SECONDS};
my $state = { done => 0 };
my $open = 1;
my $tenth; # peak by the time that a tenth was stored
while ($open)
{
	die "history is not done in time\n" if now() > $until;
	Time::HiRes::usleep(100_000);
	my $now = resident($pid) // die "the worker is gone\n";
	$peak = $now if $now > $peak;
	($state) = @{ $bench->ask({ do => 'history_state', number => $number })->{runs} } if !$state->{done};
	my ($finished, $so_far) = @{ $bench->sql("SELECT count(*) FILTER (WHERE state IN ('done', 'failed')), coalesce(sum(n_messages), 0)
		FROM wa_private.history_chunks")->[0] };
	$tenth = $peak if !$tenth && $so_far >= $messages / 10;
	$open = !$state->{done} || $finished < @{ $state->{chunks} };
}
my $took = now() - $began;
$cpu = cpu_seconds($pid) - $cpu;
my $stored = $bench->value('SELECT count(*) FROM wa.messages');
my $failed = $bench->value("SELECT count(*) FROM wa_private.history_chunks WHERE state = 'failed'");
my $truth = $bench->ask({ do => 'history_truth', number => $number });
note(sprintf '%d of %d messages stored, %d events, %d pieces failed', $stored, $truth->{messages}, $truth->{events}, $failed);
note($bench->value(stays_script(sub { $bench->ask(@_) }, $number)));

# What the tables alone can take: the rows again, in transactions of 500, without anything that makes them.
my $floor = $bench->value(<<'SQL');
CREATE TABLE wa_floor (LIKE wa.messages INCLUDING DEFAULTS INCLUDING INDEXES);
SELECT 0
SQL
$bench->sql('ALTER TABLE wa_floor SET (autovacuum_enabled = off)');
my $copied = 0;
my $began_floor = now();
my ($first, $last) = @{ $bench->sql('SELECT min(message_id), max(message_id) FROM wa.messages')->[0] };
for (my $at = $first; $at <= $last && now() - $began_floor < 30; $at += 500)
{
	$bench->sql("INSERT INTO wa_floor SELECT * FROM wa.messages WHERE message_id BETWEEN $at AND $at + 499");
	$copied += 500;
}
my $floor_rate = $copied / (now() - $began_floor);

show('history_messages', sprintf('%.0f', $stored / $took), 'messages/s', sprintf('%.0f by INSERT SELECT of the same rows in transactions of 500', $floor_rate));
show('history_memory', sprintf('%.1f', ($peak - $idle) / 1024), 'MB over idle at the peak', 'target 32');
show('history_memory_growth', sprintf('%.1f', ($peak - ($tenth // $peak)) / 1024), 'MB from the peak of the first tenth to that of all', '0: flat');
show('history_seconds', sprintf('%.1f', $took), 's', sprintf('%d messages in %d chats', $stored, $chats));
show('history_cpu', sprintf('%.1f', $cpu * 1e6 / $stored), 'us per message', '');
machine();
