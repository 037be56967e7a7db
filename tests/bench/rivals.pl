#!/usr/bin/env perl
#
# rivals.pl
#	The same encrypted group messages taken in by this extension and by
#	unmodified Baileys 7 with one INSERT for each, into the same PostgreSQL, one
#	after the other.  All of them wait in the service when the clock starts.
#	See lib/WaBench.pm.
#
# Installs Baileys and pg from npm into $BUILD/rivals.
# RIVALS_MESSAGES (3000): how many wait.
#
use strict;
use warnings;
use File::Copy ();
use FindBin;
use IPC::Open2 ();
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use WaBench;

my $messages = 0 + ($ENV{RIVALS_MESSAGES} // 3000);
my $build = $ENV{BUILD} // 'build';
my $folder = "$build/rivals";
my $number = '' . WaBench::number(2);

# Node.js does not look for modules beside a link: everything is copied to where npm puts them.
sub install
{
	mkdir $folder;
	for my $file ("$FindBin::Bin/rivals/package.json", "$FindBin::Bin/rivals/package-lock.json", "$FindBin::Bin/rivals/baileys.mjs",
		map { "$FindBin::Bin/../interop/$_.mjs" } qw(client simulator root_key_loader))
	{
		File::Copy::copy($file, $folder) or die "$file: $!\n";
	}
	return if system("cd $folder && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >npm.log 2>&1 </dev/null") == 0;
	die "npm could not install Baileys; see $folder/npm.log\n";
}

sub answer
{
	my ($from) = @_;
	my $line = <$from> // die "Baileys ended\n";
	return JSON::PP::decode_json($line);
}

install();
machine();
my $bench = WaBench->start('wa_collector.watch_default' => 'messages');
$bench->sql('CREATE SCHEMA baileys');
$bench->sql('CREATE TABLE baileys.messages (id text, chat text, sender text, sent_at timestamptz, push_name text, body text, PRIMARY KEY (chat, id, sender))');
$bench->ask({ do => 'options', offline_gate => 'never' });
$bench->link_bots(1);
$bench->ask({ do => 'phone', number => $number });
@ENV{qw(ENDPOINT CONTROL ROOT_KEY NUMBER PGHOST)} = (@{ $bench->{ready} }{qw(endpoint control root_key)}, $number, $bench->{dir});
my $node = IPC::Open2::open2(my $from, my $to, 'sh', '-c', "cd $folder && exec node baileys.mjs");
answer($from);

# people, groups and keys are known to both when it begins
my @groups = map { $bench->make_group($_, 8, 1, 2) } 1 .. 20;
$bench->say_messages(400, 100, 100, @groups);
$bench->await(60, 'first messages', sub { return ($bench->stored)[0] >= 400 });
$bench->await(60, 'first messages of Baileys', sub { return $bench->value('SELECT count(*) FROM baileys.messages') >= 400 });
$bench->sql("SELECT wa.pause_bot('bot1')");
print $to "off\n";
answer($from);
$bench->await(60, 'pause', sub { return $bench->value("SELECT status FROM wa.bots") eq 'offline' });
$bench->say_messages($messages, 100000, 100, @groups);
$bench->sql('CHECKPOINT');
$bench->await_calm;

my $pid = $bench->worker_pid;
my ($before) = $bench->stored;
my ($began, $cpu) = (now(), cpu_seconds($pid));
$bench->sql("SELECT wa.resume_bot('bot1')");
$bench->await(600, 'end', sub { return ($bench->stored)[0] - $before >= $messages });
my $ours = $messages / (now() - $began);
$cpu = (cpu_seconds($pid) - $cpu) * 1e6 / $messages;
$bench->await_calm;

print $to "on $messages\n";
my $theirs = answer($from);
close $to;
waitpid $node, 0;
my $rate = $theirs->{inserted} / $theirs->{seconds};
my $stored = $bench->value('SELECT count(*) FROM wa.messages');
note("ours: $stored rows of @{[$messages + 400]} messages") if $stored != $messages + 400;
note("Baileys stored $theirs->{inserted} of $messages messages") if $theirs->{inserted} != $messages;
show('rivals_ours', sprintf('%.0f', $ours), 'messages/s', sprintf('Baileys 7: %.0f in the same run; %d messages each', $rate, $messages));
show('rivals_baileys7', sprintf('%.0f', $rate), 'messages/s', 'keys in memory, one INSERT a message');
show('rivals_ours_cpu', sprintf('%.0f', $cpu), 'us per message', sprintf('Baileys 7: %.0f, without its PostgreSQL backends', $theirs->{cpu_us} / ($theirs->{inserted} || 1)));
show('rivals_factor', sprintf('%.1f', $ours / ($rate || 1)), 'x', 'ours over Baileys 7');
machine();
