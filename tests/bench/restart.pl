#!/usr/bin/env perl
#
# restart.pl
#	How long a server that starts takes until all its bots are online again,
#	and what that costs the worker.  See lib/WaBench.pm.
#
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use WaBench;

my $bots = bots_wanted();

machine();
my $bench = WaBench->start('wa_collector.prekey_batch' => 30, 'wa_collector.connects_per_second' => 500);
$bench->link_bots($bots);
$bench->await_calm;
my $default = $bench->value("SELECT boot_val FROM pg_settings WHERE name = 'wa_collector.connects_per_second'");
for my $rate ($default, 1000)
{
	$bench->configure('wa_collector.connects_per_second' => $rate);
	$bench->stop_server('fast');
	my $began = now();
	$bench->start_server;
	my $up = now();
	$bench->await_online(300);
	my $took = now() - $began;
	my $pid = $bench->worker_pid;
	# the last answers are still being stored
	$bench->await_calm if $rate == 1000;
	my $cpu = cpu_seconds($pid);
	my $name = $rate == 1000 ? 'restart_fast' : 'restart';
	show("${name}_seconds", sprintf('%.1f', $took), 's', sprintf('%d bots at %d connects/s, server up after %.1f; target 60 for 1000', $bots, $rate, $up - $began));
	show("${name}_cpu", sprintf('%.2f', $cpu * 1000 / $bots), 'ms per bot', 'target 2 without TLS, whatsmeow 1.8');
}
machine();
