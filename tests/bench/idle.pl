#!/usr/bin/env perl
#
# idle.pl
#	What a linked bot costs that does nothing: memory and processor time of the
#	worker, over ws and wss, and what linking them took.  See lib/WaBench.pm.
#
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use WaBench;

my $seconds = $ENV{IDLE_SECONDS} // 60;
my %figure = (
	ws => { target => 24, rivals => 'whatsmeow 150, zapo and Baileys 750' },
	wss => { target => 64, rivals => 'TLS socket alone 29-32' });

sub bench_net
{
	my ($count) = @_;
	my $build = $ENV{BUILD} // 'build';
	my %floor;
	for (`$build/bench_net $count 2>/dev/null`)
	{
		$floor{$1} = $2 if /^net_(\w+)_idle_rss\t(\S+)/;
	}
	return \%floor;
}

sub measure
{
	my ($kind, $floor, %setting) = @_;
	my $bots = bots_wanted();
	my $about = $figure{$kind};
	my $bench = WaBench->start(tls => $kind eq 'wss', 'wa_collector.connects_per_second' => 500, %setting);

	# the first bot pays for what all share: plans, caches, the TLS context
	$bench->link_bots(1);
	$bench->stop_server('fast');
	$bench->start_server;
	$bench->await_online(60);
	$bench->await_calm;
	my $pid = $bench->worker_pid;
	my $before = resident($pid);
	my $memory_before = $bench->value('SELECT memory_bytes FROM wa.workers');

	my ($began, $cpu) = (now(), cpu_seconds($pid));
	my $sim_cpu = cpu_seconds($bench->{simulator});
	$bench->link_bots($bots);
	my $took = now() - $began;
	$cpu = cpu_seconds($pid) - $cpu;
	my $keys = $bench->value('SHOW wa_collector.prekey_batch');
	$bench->await_calm;
	show("idle_${kind}_link_seconds", sprintf('%.1f', $took), 's', "$bots bots with $keys prekeys each");
	show("idle_${kind}_link_cpu", sprintf('%.1f', $cpu * 1000 / ($bots - 1)), 'ms per bot', sprintf('simulator %.1f in the same time',
		(cpu_seconds($bench->{simulator}) - $sim_cpu) * 1000 / ($bots - 1)));
	show("idle_${kind}_memory_after_link", sprintf('%.1f', (resident($pid) - $before) / ($bots - 1)), 'kB per bot', "target $about->{target}");

	$bench->stop_server('fast');
	$bench->start_server;
	$bench->await_online(300);
	$bench->await_calm;
	$pid = $bench->worker_pid;
	my $reference = "target $about->{target}, a connection alone $floor->{$kind}, $about->{rivals}";
	show("idle_${kind}_memory", sprintf('%.1f', (resident($pid) - $before) / ($bots - 1)), 'kB per bot', $reference);
	show("idle_${kind}_memory_contexts", sprintf('%.1f', ($bench->value('SELECT memory_bytes FROM wa.workers') - $memory_before) / 1024 / ($bots - 1)),
		'kB per bot', 'of it in PostgreSQL memory contexts');
	show("idle_${kind}_memory_worker", sprintf('%.1f', resident($pid) / 1024), 'MB', sprintf('%.1f with one bot', $before / 1024));

	my $pings = $bench->ask({ do => 'clients' })->{clients};
	my $pinged = 0;
	$pinged -= $_->{pings} for @$pings;
	($began, $cpu) = (now(), cpu_seconds($pid));
	sleep $seconds;
	$took = now() - $began;
	$cpu = cpu_seconds($pid) - $cpu;
	$pings = $bench->ask({ do => 'clients' })->{clients};
	$pinged += $_->{pings} for @$pings;
	show("idle_${kind}_cpu", sprintf('%.3f', $cpu / $took * 100), '% of a core', sprintf('%d bots, %.1f pings/s', $bots, $pinged / $took));
	show("idle_${kind}_cpu_per_ping", sprintf('%.0f', $cpu * 1e6 / ($pinged || 1)), 'us', '');
	show("idle_${kind}_backends", $bench->value("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'wa_collector%'"),
		'processes', 'one launcher, one worker; rivals one process or one thread per bot');
	$bench->stop;
	return;
}

machine();
my $floor = bench_net(bots_wanted());
measure('ws', $floor);
measure('wss', $floor, 'wa_collector.prekey_batch' => 30);
machine();
