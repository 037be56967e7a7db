# What the dashboards ask: every query of Grafana's dashboards and Metabase's
# questions, as a role that may only read, on nothing and on a small community
# with hostile names; and what that role cannot do.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use PostgreSQL::Test::Utils;
use Test::More;
use JSON::PP;

my $node = wa_node('main', undef, 'wa_collector.databases' => 'template1');
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION wa_collector;
SELECT wa.create_storage();
CREATE ROLE wa_grafana LOGIN;
SELECT wa.grant_reader('wa_grafana');
SQL

sub owner
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

# As wa_grafana: (rows, error).
sub reader
{
	my ($sql) = @_;
	my ($out, $err) = ('', '');
	$node->psql('postgres', $sql, stdout => \$out, stderr => \$err, extra_params => [ '-U', 'wa_grafana' ]);
	return ($out, $err);
}

sub rows_of
{
	my ($sql, $what) = @_;
	my ($out, $err) = reader($sql);
	is($err, '', "$what: no error");
	return $out;
}

# ---------------------------------------------------------------- what is asked is what is in the files

my (%asked, %chart);
my $panels = 0;
for my $file (glob 'dashboards/grafana/*.json')
{
	my $dashboard = decode_json(slurp_file($file));
	my @variables = @{ $dashboard->{templating}{list} };
	my ($step) = map { $_->{current}{value} } grep { $_->{name} eq 'step' } @variables;
	my @panels = @{ $dashboard->{panels} };
	for my $sql ((map { $_->{query} } grep { $_->{type} eq 'query' } @variables), (map { $_->{target}{rawSql} } @{ $dashboard->{annotations}{list} }),
		(map { $_->{rawSql} } map { @{ $_->{targets} } } @panels))
	{
		$sql =~ s/\$\{step:sqlstring\}/'$step'/g;
		utf8::encode($sql);
		$asked{$sql}++;
		$chart{grafana}{$_}++ for $sql =~ /wa\.(stat_\w+)/g;
	}
	$panels += @panels;
}
for my $file (glob 'dashboards/metabase/*.sql')
{
	my $sql = slurp_file($file) =~ s/^--.*\n//mgr =~ s/\s+\z//r;
	$asked{$sql}++;
	$chart{metabase}{$_}++ for $sql =~ /wa\.(stat_\w+)/g;
}
my %installed;
$installed{ pack 'H*', $_ }++ for split /\n/, owner("SELECT encode(convert_to(sql, 'UTF8'), 'hex') FROM wa_private.dashboard_queries()");
is_deeply(\%installed, \%asked, 'the queries that are run are those of the files');
cmp_ok($panels, '>', 60, "there are $panels panels");
my $statistics = owner("SELECT string_agg(DISTINCT proname, ' ' ORDER BY proname) FROM pg_proc WHERE pronamespace = 'wa'::regnamespace AND proname LIKE 'stat\\_%'");
is(join(' ', sort keys %{ $chart{$_} }), $statistics, "$_ shows every statistic") for 'grafana', 'metabase';
my $queries = 0;
$queries += $_ for values %asked;

# ---------------------------------------------------------------- on nothing

my $failed = "SELECT dashboard, panel, query, variant, error FROM wa.bi_selftest() WHERE error IS NOT NULL";
is(rows_of($failed, 'nothing yet'), '', 'every query runs on an empty storage');
is(rows_of('SELECT count(*) FROM wa.bi_selftest()', 'nothing yet'), $queries, 'each once: there is nothing to choose');
is(rows_of(<<'SQL', 'nothing yet'), "Bots: Problems\nLink a phone: Scan with the phone", 'of the panels only those two have rows, which say what is missing; the others have a text for that');
SELECT dashboard || ': ' || panel FROM wa.bi_selftest()
WHERE "rows" > 0 AND dashboard <> 'Metabase' AND panel NOT IN ('bot', 'group') ORDER BY 1
SQL

# ---------------------------------------------------------------- on a small community

owner(<<'SQL');
SET client_min_messages = warning;
SELECT wa.add_bot('one'), wa.add_bot('bot ''two'' "<b>$__timeTo()');
UPDATE wa.bots SET status = 'online', desired = 'online', linked_at = now() - interval '30 days' WHERE name = 'one';
INSERT INTO wa.bot_status_log (bot_id, at, status, previous_status, reason)
SELECT b.bot_id, now() - x.ago, x.status, 'offline', x.reason
FROM wa.bots AS b, (VALUES (interval '25 days', 'online', NULL), ('9 days', 'error', 'connection_lost'), ('8 days', 'online', NULL), ('5 hours', 'error', 'replaced'), ('4 hours', 'online', NULL)) AS x (ago, status, reason);
INSERT INTO wa.groups (group_id, jid, subject, watch_level, size, roster_at, roster_complete, listed_since) OVERRIDING SYSTEM VALUE
SELECT g, g || '@g.us', (ARRAY[E'Gardeners \U0001F33B', $$'; DROP TABLE wa.bots; --$$, '<script>alert(1)</script>', '$__timeFrom()', '${group:sqlstring} {{from}} [[', 'All groups', 'Twice', 'Twice', NULL])[g],
	CASE g WHEN 9 THEN 'counts' ELSE 'messages' END, 50, now() - interval '25 days', g <> 3, now() - interval '25 days'
FROM generate_series(1, 9) AS g;
INSERT INTO wa.group_counts (group_id, counted_at, members, source) VALUES (9, now() - interval '20 days', 40, 'list'), (9, now() - interval '2 days', 50, 'list');
INSERT INTO wa.bot_groups (bot_id, group_id, first_seen_at, last_seen_at) SELECT b.bot_id, g, now() - interval '25 days', now() FROM wa.bots AS b, generate_series(1, 9) AS g;
INSERT INTO wa.users (user_id, push_name, masked_phone, first_seen_at, last_seen_at) OVERRIDING SYSTEM VALUE
SELECT n, CASE n % 3 WHEN 0 THEN '"><img src=x onerror=alert(1)> ' || n WHEN 1 THEN 'O''Hara ' || n END, CASE WHEN n % 10 = 5 THEN '+49∙∙∙∙42' END, now(), now() FROM generate_series(1, 400) AS n;
INSERT INTO wa.user_ids (kind, value, user_id, source, first_seen_at, last_seen_at)
SELECT 'pn', CASE n % 2 WHEN 0 THEN '49151' ELSE '1202555' END || lpad(n::text, 6, '0'), n, 'group', now(), now() FROM generate_series(1, 200) AS n;
SELECT wa_private.make_partition(t.name, now() - make_interval(days => d)) FROM unnest('{group_events,messages}'::text[]) AS t (name), generate_series(0, 60, 15) AS d;
INSERT INTO wa.group_events (event_id, group_id, occurred_at, at_precision, source, kind, action, how, target, actor, received_at) OVERRIDING SYSTEM VALUE
SELECT n, 1 + n % 8, now() - interval '150 minutes' * n, CASE n % 4 WHEN 0 THEN interval '2 days' ELSE '0' END, (ARRAY['snapshot', 'live', 'live', 'history'])[1 + n % 4],
	'join', 'add', (ARRAY['link', 'added', 'approved'])[1 + n % 3], n, CASE WHEN n % 3 > 0 THEN 1 + n % 5 END, now() FROM generate_series(1, 400) AS n;
INSERT INTO wa.group_events (event_id, group_id, occurred_at, at_precision, source, kind, action, how, target, received_at) OVERRIDING SYSTEM VALUE
SELECT 1000 + n, 1 + n % 8, now() - interval '150 minutes' * n + interval '1 hour' * (n % 90), CASE n % 4 WHEN 0 THEN interval '1 day' ELSE '0' END, CASE n % 4 WHEN 0 THEN 'snapshot' ELSE 'live' END,
	'leave', 'remove', CASE n % 2 WHEN 0 THEN 'left' ELSE 'removed' END, n, now() FROM generate_series(60, 400, 4) AS n;
INSERT INTO wa.memberships (group_id, user_id, role, joined_at, joined_precision, join_kind, join_source, inviter, join_event_id, left_at, left_precision, leave_kind, leave_source, leave_event_id)
SELECT e.group_id, e.target, CASE WHEN e.target < 9 THEN 'admin' ELSE 'member' END, e.occurred_at, e.at_precision, e.how, e.source, e.actor, e.event_id,
	l.occurred_at, l.at_precision, l.how, l.source, l.event_id
FROM wa.group_events AS e LEFT JOIN wa.group_events AS l ON l.kind = 'leave' AND l.target = e.target WHERE e.kind = 'join';
-- people in two groups
INSERT INTO wa.memberships (group_id, user_id, role, joined_at, joined_precision, join_kind, join_source)
SELECT 1 + (n + 1) % 8, n, 'member', now() - interval '25 days', NULL, 'unknown', 'snapshot' FROM generate_series(1, 50) AS n;
INSERT INTO wa.invite_links (group_id, code, valid_from, made_by) SELECT g, 'secretcode' || g, now() - interval '25 days', 1 FROM generate_series(1, 8) AS g;
INSERT INTO wa.join_requests (group_id, user_id, requested_at, method, decided_at, decision, decided_by)
SELECT 1 + n % 8, n, now() - interval '5 hours' * n, CASE n % 2 WHEN 0 THEN 'invite_link' ELSE 'non_admin_add' END, CASE WHEN n % 5 > 0 THEN now() - interval '5 hours' * n + interval '40 minutes' END,
	CASE WHEN n % 5 > 0 THEN (ARRAY['approved', 'rejected', 'withdrawn', 'joined'])[n % 5] END, CASE WHEN n % 5 > 0 THEN 1 END FROM generate_series(1, 60) AS n;
INSERT INTO wa.chats (chat_id, kind, group_id, jid) OVERRIDING SYSTEM VALUE SELECT g, 'group', g, g || '@g.us' FROM generate_series(1, 8) AS g;
INSERT INTO wa.chats (chat_id, kind, bot_id, user_id, jid) OVERRIDING SYSTEM VALUE SELECT 100 + u, 'direct', (SELECT min(bot_id) FROM wa.bots), u, u || '@lid' FROM generate_series(300, 310) AS u;
INSERT INTO wa.messages (message_id, sent_at, received_at, chat_id, sender, bot_id, from_me, wa_id, kind, state, origin, body) OVERRIDING SYSTEM VALUE
SELECT n, now() - interval '37 minutes' * n, now() - interval '37 minutes' * n + interval '1 second', 1 + n % 8, 1 + n * n % 97, (SELECT min(bot_id) FROM wa.bots) + n % 2, false, n::text,
	CASE WHEN n % 50 = 7 THEN NULL ELSE (ARRAY['text', 'text', 'image', 'voice', 'poll'])[1 + n % 5] END, CASE WHEN n % 50 = 7 THEN 'pending' ELSE 'stored' END, CASE n % 9 WHEN 0 THEN 'retry' ELSE 'live' END, CASE WHEN n % 50 <> 7 THEN 'secret words' END FROM generate_series(1, 900) AS n;
UPDATE wa.messages SET trouble = 'no_session', attempts = 1 WHERE state = 'pending';
INSERT INTO wa.messages (message_id, sent_at, received_at, chat_id, sender, bot_id, from_me, wa_id, kind, state, origin) OVERRIDING SYSTEM VALUE
SELECT 2000 + n, now() - interval '3 hours' * n, now() - interval '3 hours' * n, 400 + n % 11, CASE WHEN n % 2 = 1 THEN 300 + n % 11 END, (SELECT min(bot_id) FROM wa.bots), n % 2 = 0, 'd' || n, 'text', 'stored', 'live' FROM generate_series(1, 150) AS n;
INSERT INTO wa.reactions (message_id, message_sent_at, chat_id, wa_id, target_sender, user_id, from_me, emoji, reacted_at, received_at)
SELECT m.message_id, m.sent_at, m.chat_id, m.wa_id, m.sender, u, false, E'\U0001F44D', m.sent_at, now() FROM wa.messages AS m, generate_series(1, 3) AS u WHERE m.message_id % 6 = 0 AND m.chat_id < 9 AND m.state = 'stored';
INSERT INTO wa.poll_votes (message_id, chat_id, wa_id, target_sender, user_id, from_me, options, hashes, voted_at, received_at)
SELECT m.message_id, m.chat_id, m.wa_id, m.sender, u, false, '{yes}', '{}', m.sent_at, now() FROM wa.messages AS m, generate_series(1, 5) AS u WHERE m.kind = 'poll';
INSERT INTO wa.rejected (bot_id, rejected_at, reason, sqlstate, stanza) SELECT bot_id, now(), 'secret reason', '22P02', '\x00' FROM wa.bots;
SELECT wa.rebuild_rollups();
SQL
is(rows_of($failed, 'a community'), '', 'every query runs, of all and of one group and bot');
is(rows_of("SELECT dashboard || ': ' || panel FROM wa.bi_selftest(now() - interval '50 days') WHERE variant = 'all' AND \"rows\" = 0 ORDER BY 1", 'a community'),
	"Bots: History of the phones\nBots: Workers", 'every panel and question has rows, but for the history that no phone offered and the workers that do not run');
is(rows_of("SELECT string_agg(DISTINCT variant, '; ' ORDER BY variant) FROM wa.bi_selftest()", 'a community'), 'all; group 1, bot 1', 'of all, and of one group and bot');
cmp_ok(rows_of("SELECT count(*) FROM wa.bi_selftest() WHERE variant <> 'all'", 'a community'), '>', $queries * 0.8, 'nearly every query can be about one');
my $options = owner("SELECT sql FROM wa_private.dashboard_queries() WHERE dashboard = 'Growth' AND kind = 'variable' AND panel = 'group'");
is(rows_of("SELECT count(*), count(DISTINCT __text), count(DISTINCT __value), count(*) FILTER (WHERE __value = '') FROM ($options) AS v", 'options'),
	'10|10|10|1', 'Grafana drops options of the same text: there are none, whatever groups are called');

# ---------------------------------------------------------------- hostile values of variables

# Anybody who may see a dashboard may write anything into its address.
my $hostile = owner(<<'SQL');
DO $do$
DECLARE
	q record;
	hostile text;
	statement text;
BEGIN
	FOR q IN SELECT * FROM wa_private.dashboard_queries() LOOP
		FOREACH hostile IN ARRAY ARRAY[$$x'; DROP TABLE wa.bots; --$$, $$' OR true --$$, '$__timeFrom()', '${bot:sqlstring}', '{{from}}', E'\\'' OR true --', '\1', '$__timeFilter(1) OR true --'] LOOP
			statement := wa_private.dashboard_expand(q.kind, q.sql, now() - interval '9 days', now(), hostile, hostile);
			BEGIN
				EXECUTE 'SELECT count(*) FROM (' || statement || ') AS x';
			EXCEPTION
				WHEN undefined_object THEN
					-- no such group or bot
					NULL;
				WHEN syntax_error THEN
					-- Grafana replaces macros last: a time in quotes ends the value's own
					IF hostile !~ '\$__' OR q.kind = 'question' THEN
						RAISE;
					END IF;
			END;
		END LOOP;
	END LOOP;
END
$do$;
SELECT count(*) FROM wa.bots;
SQL
is($hostile, 2, 'a hostile value of a variable is a value, of no such group or bot, or no SQL');

# ---------------------------------------------------------------- what is wrong is told

owner(<<'SQL');
CREATE OR REPLACE FUNCTION wa_private.dashboard_queries()
RETURNS TABLE (dashboard text, range interval, kind text, panel text, query text, needs text[], sql text) LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
	SELECT 'Wrong', interval '1 day', x.kind, x.panel, 'A', x.needs::text[], x.sql
	FROM (VALUES ('panel', 'syntax', '{}', 'SELECT FROM FROM'), ('panel', 'good', '{}', 'SELECT generate_series(1, 3)'),
		('panel', 'secret', '{}', 'SELECT body FROM wa.messages'), ('panel', 'keys', '{}', 'SELECT * FROM wa_private.devices'),
		('panel', 'division', '{}', 'SELECT 1 / (x - 500) FROM generate_series(1, 1000) AS x'),
		('panel', 'no time', '{time}', 'SELECT 1 AS n'), ('panel', 'two', '{}', 'SELECT 1; SELECT 2'),
		('panel', 'writes', '{}', 'WITH x AS (DELETE FROM wa.bots RETURNING 1) SELECT * FROM x'),
		('panel', 'macro', '{}', 'SELECT $__timeGroup(x, 1)'), ('question', 'last', '{}', 'SELECT {{from}}::date [[, {{bot}}]]')) AS x (kind, panel, needs, sql);
END;
SQL
is(rows_of("SELECT panel, \"rows\", left(error, 5), milliseconds >= 0 FROM wa.bi_selftest() WHERE variant = 'all'", 'wrong ones'), <<'ROWS' =~ s/\n\z//r, 'each error is told, with its SQLSTATE, and the others run');
syntax||42601|t
good|3||t
secret||42501|t
keys||42501|t
division||22012|t
no time|1|it do|t
two||42P11|t
writes||0A000|t
macro||42601|t
last|1||t
ROWS
is(owner("SELECT left(error, 5) FROM wa.bi_selftest() WHERE panel = 'writes'"), '0A000', 'nor could it write with the rights of the owner');
is(owner('SELECT count(*) FROM wa.bots'), 2, 'nothing was written');
owner(<<'SQL');
CREATE OR REPLACE FUNCTION wa_private.dashboard_queries()
RETURNS TABLE (dashboard text, range interval, kind text, panel text, query text, needs text[], sql text) LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
	SELECT 'Wrong', interval '1 day', 'panel', 'slow', 'A', '{}'::text[], 'SELECT count(*) FROM generate_series(1, 1000000) AS x, generate_series(1, 1000000) AS y';
END;
SQL
like((reader("SET statement_timeout = '300ms'; SELECT * FROM wa.bi_selftest()"))[1], qr/canceling statement due to statement timeout/, 'statement_timeout ends it');
like((reader("SELECT * FROM wa.bi_selftest(now(), now() - interval '1 day')"))[1], qr/must not start after its end/, 'a range that is none is refused');

# ---------------------------------------------------------------- what wa_grafana cannot do

# Everything is tried, whatever the catalog says of rights.
my $try = <<'SQL';
SET default_transaction_read_only = off;
CREATE TEMPORARY TABLE tried (kind text, what text, state text);
DO $do$
DECLARE
	one record;
BEGIN
	FOR one IN
		SELECT 'table' AS kind, x.statement
		FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		CROSS JOIN LATERAL (SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attidentity = '' AND NOT a.attisdropped ORDER BY a.attnum LIMIT 1) AS a
		CROSS JOIN LATERAL (VALUES ('INSERT INTO %1$I.%2$I (%3$I) VALUES (NULL)'), ('DELETE FROM %1$I.%2$I'), ('UPDATE %1$I.%2$I SET %3$I = NULL'), ('TRUNCATE %1$I.%2$I'),
			('LOCK %1$I.%2$I IN EXCLUSIVE MODE'), ('DROP TABLE %1$I.%2$I'), ('ALTER TABLE %1$I.%2$I ADD COLUMN mine integer'),
			('CREATE TRIGGER t BEFORE INSERT ON %1$I.%2$I FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()')) AS y (pattern)
		CROSS JOIN LATERAL (SELECT format(y.pattern, n.nspname, c.relname, a.attname)) AS x (statement)
		WHERE n.nspname IN ('wa', 'wa_private') AND c.relkind IN ('r', 'p')
		UNION ALL
		SELECT 'function', format('SELECT %I.%I(%s)', n.nspname, p.proname, (SELECT string_agg('NULL::' || format_type(t.type, NULL), ', ' ORDER BY t.place)
			FROM unnest(p.proargtypes) WITH ORDINALITY AS t (type, place)))
		FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
		WHERE n.nspname IN ('wa', 'wa_private') AND p.provolatile = 'v' AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
		UNION ALL
		SELECT 'secret', format('SELECT %I FROM %s', s.name, v.relation)
		FROM (VALUES ('wa.messages', '{body,meta,raw,mentions}'), ('wa.message_edits', '{body}'), ('wa.reactions', '{emoji}'), ('wa.poll_votes', '{options}'),
			('wa.poll_options', '{name}'), ('wa.media', '{content,thumbnail}'), ('wa.contacts', '{full_name}'), ('wa.rejected', '{stanza,reason,content}'),
			('wa.invite_links', '{code}'), ('wa.message_feed', '{body}'), ('wa.inbox', '{last_text}'), ('wa.unknown_stanzas', '{node}')) AS v (relation, columns)
		CROSS JOIN LATERAL unnest(v.columns::text[]) AS s (name)
		UNION ALL
		SELECT 'secret', format('SELECT * FROM wa_private.%I', c.relname) FROM pg_class AS c
		WHERE c.relnamespace = 'wa_private'::regnamespace AND c.relkind IN ('r', 'p', 'v')
		UNION ALL
		SELECT 'secret', format('SELECT wa.%I(''one'')', p.name) FROM unnest('{qr_content,qr_html,qr_png,qr_svg,qr_text}'::text[]) AS p (name)
		UNION ALL
		SELECT 'other', unnest(ARRAY['CREATE TABLE wa.mine (x integer)', 'CREATE TABLE wa_private.mine (x integer)', 'CREATE FUNCTION wa.mine() RETURNS integer LANGUAGE sql RETURN 1',
			'DROP EXTENSION wa_collector', 'DROP VIEW wa.people', 'DROP SCHEMA wa CASCADE', 'COPY wa.bots TO PROGRAM ''true'''])
	LOOP
		BEGIN
			EXECUTE one.statement;
			INSERT INTO tried VALUES (one.kind, one.statement, 'done');
		EXCEPTION WHEN OTHERS THEN
			INSERT INTO tried VALUES (one.kind, one.statement, SQLSTATE);
		END;
	END LOOP;
END
$do$;
SQL
is(rows_of("$try SELECT what, state FROM tried WHERE state <> '42501' ORDER BY what", 'trying'), <<'ROWS' =~ s/\n\z//r, 'it can write, lock, send, change and read secrets nowhere; it may ask for counts, numbers of changes, and what the server does now');
SELECT * FROM wa_private.arrival_days_now|done
SELECT * FROM wa_private.event_days_now|done
SELECT * FROM wa_private.feed_batches|done
SELECT * FROM wa_private.member_days_now|done
SELECT * FROM wa_private.message_hours_now|done
SELECT * FROM wa_private.people_days_now|done
SELECT * FROM wa_private.reacted|done
SELECT * FROM wa_private.reaction_days_now|done
SELECT * FROM wa_private.rollup_zone|done
SELECT * FROM wa_private.said|done
SELECT * FROM wa_private.speaker_days_now|done
SELECT * FROM wa_private.stay_days_now|done
SELECT wa.health()|done
SELECT wa.version()|done
SELECT wa_private.running_version()|done
SELECT wa_private.worker_trouble()|done
SELECT wa_private.workers()|done
ROWS
is(rows_of(<<"SQL", 'trying'), 'function|t|8 table|t|0 secret|t|0 other|t|0', 'and it tried: tables, functions that change or send, texts, keys');
$try SELECT string_agg(concat_ws('|', kind, many, named), ' ' ORDER BY named DESC, kind = 'table' DESC, kind = 'secret' DESC)
FROM (SELECT kind, count(*) >= CASE kind WHEN 'table' THEN 300 WHEN 'function' THEN 60 WHEN 'secret' THEN 30 ELSE 7 END AS many,
	count(DISTINCT substring(what FROM '^SELECT (wa\\.(?:add_bot|login|logout|watch_group|remove_bot|pair_code|fetch_media|create_storage))\\(')) AS named
	FROM tried GROUP BY kind) AS t
SQL
is(owner("SELECT count(*) FROM wa.bots WHERE name = 'one' AND desired = 'online'"), 1, 'all is as it was');
like((reader("SELECT wa.grant_link_viewer('wa_grafana')"))[1], qr/permission denied/, 'it cannot give itself more');
is(rows_of("SELECT count(*) FROM wa.link_codes() WHERE hint ~ 'grant_link_viewer' AND qr IS NULL", 'codes'), 1, 'codes that link a phone are shown to those only who were let');
done_testing();
