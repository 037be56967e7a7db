#!/usr/bin/env perl
#
# rollups.pl
#	What the roll-ups cost while facts are stored: the same stream through
#	wa_private.apply() with their triggers and without, in turn, in CPU time of
#	the session.  What is settled later (wa_private.settle_rollups()) counts too.
#	See lib/WaBench.pm.
#
# Environment: ROUNDS (6), each of them 40 calls of 50 facts and 100 calls of 100
# messages either way.
#
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use WaBench;

my $rounds = $ENV{ROUNDS} // 6;

machine();
my $bench = WaBench->start(simulator => 0, 'wa_collector.databases' => '');
# the same people and groups as apply.sql and messages.sql have: 20 groups of 500, who join and leave, and write
$bench->sql("SELECT wa.add_bot('one', default_watch => 'messages')");
$bench->sql(<<'SQL');
SELECT count(*) FROM wa_private.apply(
	(SELECT array_agg(1) FROM generate_series(1, 20))::bigint[],
	(SELECT array_agg(jsonb_build_object('fact', 'group', 'received_at', 1795456000, 'asked_at', 1795456000, 'source', 'list',
		'group', jsonb_build_object('jid', 'bench' || g || '@g.us', 'subject', 'Bench ' || g, 'version', 1000, 'complete', true,
			'participants', (SELECT jsonb_agg(jsonb_build_object('lid', g * 1000 + p || '@lid', 'pn', '49' || (g * 1000 + p) || '@s.whatsapp.net',
				'role', CASE p WHEN 1 THEN 'superadmin' ELSE 'member' END)) FROM generate_series(1, 500) AS p))))
	 FROM generate_series(1, 20) AS g));
ANALYZE;
CREATE TEMP SEQUENCE fact_no MINVALUE 0;
CREATE TEMP SEQUENCE message_no MINVALUE 0;
-- milliseconds of CPU of this backend
CREATE FUNCTION pg_temp.cpu() RETURNS numeric LANGUAGE sql AS $$
	SELECT split_part(pg_read_file('/proc/self/schedstat', 0, 100), ' ', 1)::numeric / 1000000
$$;
CREATE FUNCTION pg_temp.next_fact() RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('fact', 'group_change', 'received_at', 1795460000 + s.i / 50.0, 'group', 'bench' || s.g || '@g.us',
		'notification', 'n' || s.i, 'ordinal', 0, 'kind', CASE s.turn % 2 WHEN 0 THEN 'remove' ELSE 'add' END, 'known', true,
		'at', 1795460000 + s.i / 50, 'offline', false,
		'actor', jsonb_build_object('lid', s.g * 1000 + 1 || '@lid', 'push_name', 'Admin ' || s.g),
		'version_before', 1000 + s.turn, 'version_after', 1001 + s.turn,
		'targets', jsonb_build_array(jsonb_build_object('lid', s.who || '@lid', 'pn', '49' || s.who || '@s.whatsapp.net', 'role', 'member')),
		'raw', jsonb_build_object('tag', 'add', 'attrs', jsonb_build_object('v_id', 1001 + s.turn, 'prev_v_id', 1000 + s.turn)))
	FROM (SELECT n.i, n.i % 20 + 1 AS g, n.i / 20 AS turn, (n.i % 20 + 1) * 1000 + 2 + (n.i / 40) % 400 AS who
		  FROM (SELECT nextval('fact_no') AS i) AS n) AS s
$$;
CREATE PROCEDURE pg_temp.facts(calls integer, size integer, INOUT spent numeric DEFAULT 0) LANGUAGE plpgsql AS $$
DECLARE
	batch jsonb[];
	began numeric;
BEGIN
	FOR i IN 1..calls LOOP
		batch := ARRAY(SELECT pg_temp.next_fact() FROM generate_series(1, size));
		began := pg_temp.cpu();
		PERFORM wa_private.apply(array_fill(1::bigint, ARRAY[size]), batch);
		COMMIT;
		spent := spent + pg_temp.cpu() - began;
	END LOOP;
END
$$;
CREATE PROCEDURE pg_temp.messages(calls integer, size integer, INOUT spent numeric DEFAULT 0) LANGUAGE plpgsql AS $$
DECLARE
	m record;
	began numeric;
BEGIN
	FOR i IN 1..calls LOOP
		SELECT array_agg('bench' || 1 + n % 20 || '@g.us') AS chats, array_agg((1 + n % 20) * 1000 + 1 + n % 37 || '@lid') AS lids,
			array_agg('49' || (1 + n % 20) * 1000 + 1 + n % 37 || '@s.whatsapp.net') AS pns, array_agg('3EB0' || upper(substr(md5(n::text), 1, 18))) AS ids,
			array_agg(to_timestamp(1795460000 + n / 50)) AS at, array_agg('Message ' || n || ': ' || repeat('lorem ipsum ', 7)) AS bodies
		INTO m
		FROM (SELECT nextval('message_no') AS n FROM generate_series(1, size)) AS x;
		began := pg_temp.cpu();
		PERFORM wa_private.apply('{}', '{}', array_fill(1::bigint, ARRAY[size]), m.chats, m.lids, m.pns, array_fill(NULL::text, ARRAY[size]), m.ids,
			m.at, m.at, array_fill('text'::text, ARRAY[size]), m.bodies, array_fill(0, ARRAY[size]), array_fill('stored'::text, ARRAY[size]),
			array_fill('live'::text, ARRAY[size]), array_fill(NULL::jsonb, ARRAY[size]), array_fill(NULL::bytea, ARRAY[size]),
			array_fill(NULL::bytea, ARRAY[size]));
		COMMIT;
		spent := spent + pg_temp.cpu() - began;
	END LOOP;
END
$$
SQL

my @triggers = @{ $bench->sql("SELECT t.tgrelid::regclass::text, quote_ident(t.tgname) FROM pg_trigger AS t
	WHERE NOT t.tgisinternal AND t.tgname LIKE 'roll\\_up\\_%' AND t.tgparentid = 0") };
die "no triggers of roll-ups\n" if !@triggers;

sub switch_rollups
{
	my ($on) = @_;
	$bench->sql("ALTER TABLE $_->[0] " . ($on ? 'ENABLE' : 'DISABLE') . " TRIGGER $_->[1]") for @triggers;
	return;
}

# Milliseconds of CPU of one part of a round, and of the settling that it leaves behind.
sub part
{
	my ($what, $calls, $size) = @_;
	my $spent = $bench->value("CALL pg_temp.$what($calls, $size)");
	my $before = $bench->value('SELECT pg_temp.cpu()');
	$bench->sql('SELECT wa_private.settle_rollups(2147483647)');
	return ($spent, $bench->value('SELECT pg_temp.cpu()') - $before);
}

my %of = (facts => [ 40, 50 ], messages => [ 100, 100 ]);
# plans and caches first
part($_, 10, $of{$_}[1]) for sort keys %of;
my (%spent, %settled);
for my $round (1 .. $rounds)
{
	# who begins takes turns: what is stored makes the rest a little slower
	for my $on ($round % 2 ? (1, 0) : (0, 1))
	{
		switch_rollups($on);
		for my $what (sort keys %of)
		{
			my ($stored, $settled) = part($what, @{ $of{$what} });
			$spent{$what}[$on] += $stored;
			$settled{$what} += $settled if $on;
		}
	}
	$bench->sql('VACUUM');
}
my @mixed = (0, 0, 0);
for my $what (sort keys %of)
{
	my $n = $rounds * $of{$what}[0] * $of{$what}[1];
	my ($without, $with, $later) = map { $_ * 1000 / $n } $spent{$what}[0], $spent{$what}[1], $settled{$what};
	show("rollups_${what}_without", sprintf('%.1f', $without), 'us each');
	show("rollups_${what}_with", sprintf('%.1f', $with), 'us each', sprintf('%.1f more to settle', $later));
	# a community has about ten messages to a join or leave
	my $weight = $what eq 'messages' ? 10 : 1;
	$mixed[$_] += $weight * ($without, $with, $later)[$_] for 0 .. 2;
	show("rollups_${what}_cost", sprintf('%.1f', 100 * ($with - $without) / $without), 'percent', sprintf('aim 15; %.1f with settling', 100 * ($with + $later - $without) / $without));
}
show('rollups_cost', sprintf('%.1f', 100 * ($mixed[1] - $mixed[0]) / $mixed[0]), 'percent',
	sprintf('aim 15; %.1f with settling; ten messages to each join or leave', 100 * ($mixed[1] + $mixed[2] - $mixed[0]) / $mixed[0]));
# rounds without triggers are missing in the roll-ups, and mended they are right again
$bench->sql('SELECT wa.rebuild_rollups()');
switch_rollups(1);
show('rollups_differences', $bench->value('SELECT count(*) FROM wa.check_rollups()'), 'rows', '0');
machine();
