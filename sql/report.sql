-- The report: well-formed, with nothing of anybody's in it that is not escaped.
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT wa.create_storage();
-- before there is anything, each of the seven parts says what is missing
BEGIN;
TRUNCATE wa.groups, wa.bots CASCADE;
SELECT xmlparse(DOCUMENT wa.report_html()) IS DOCUMENT AS well_formed;
SELECT m[1] AS missing FROM regexp_matches(wa.report_html(), '<h2>([^<]*)</h2>\n<p class="missing">', 'g') AS m;
ROLLBACK;

SELECT wa.add_bot('shop') AS shop \gset
UPDATE wa.bots SET status = 'error', status_reason = '<i>reason</i>' WHERE bot_id = :shop;
INSERT INTO wa.bot_status_log (bot_id, at, status, previous_status, reason)
VALUES (:shop, '2020-03-01 06:00', 'online', 'offline', NULL), (:shop, '2020-03-02 06:00', 'error', 'online', '"><script>alert(1)</script>'),
	(:shop, '2020-03-02 18:00', 'online', 'error', NULL);
INSERT INTO wa.groups (group_id, jid, subject, watch_level, size, roster_at, roster_complete) OVERRIDING SYSTEM VALUE
VALUES (901, 'a@g.us', E'</table><script src="http://evil/">alert(''1'')</script>&amp;\U0001F600', 'members', 2, '2020-03-01', true),
	(902, 'b@g.us', E'\u202E\u0645\u062C\u0645\u0648\u0639\u0629 & Co', 'members', 1, NULL, NULL),
	(903, 'c@g.us', E'bell \u0007 ]]> --> \uFFFE', 'messages', 1, '2020-03-01', true);
INSERT INTO wa.bot_groups (bot_id, group_id, first_seen_at, last_seen_at)
SELECT :shop, g, '2020-03-01', '2020-03-01' FROM generate_series(901, 903) AS g;
INSERT INTO wa.users (user_id, push_name, first_seen_at, last_seen_at) OVERRIDING SYSTEM VALUE
SELECT 900 + n, '<b>never shown</b>', '2020-03-01', '2020-03-01' FROM generate_series(1, 3) AS n;
SELECT wa_private.make_partition('2020-03-01');
-- 1 was there, 2 comes on the 3rd and stays, 3 came between the 2nd and the 4th
INSERT INTO wa.group_events (event_id, group_id, occurred_at, at_precision, source, kind, action, how, target, received_at) OVERRIDING SYSTEM VALUE
VALUES (9001, 901, '2020-03-03 10:00', '0', 'live', 'join', 'add', 'link', 902, '2020-03-03 10:00'),
	(9002, 901, '2020-03-04 10:00', '2 days', 'snapshot', 'join', 'add', 'unknown', 903, '2020-03-04 10:00');
INSERT INTO wa.memberships (group_id, user_id, role, joined_at, joined_precision, join_kind, join_source, join_event_id)
VALUES (901, 901, 'admin', '2020-03-01', NULL, 'unknown', 'snapshot', NULL), (901, 902, 'member', '2020-03-03 10:00', '0', 'link', 'live', 9001),
	(901, 903, 'member', '2020-03-04 10:00', '2 days', 'unknown', 'snapshot', 9002);
INSERT INTO wa.chats (chat_id, kind, group_id, jid) OVERRIDING SYSTEM VALUE VALUES (910, 'group', 903, 'c@g.us');
SELECT wa_private.make_partition('messages', '2020-03-03');
INSERT INTO wa.messages (sent_at, received_at, chat_id, sender, bot_id, from_me, wa_id, kind, state, origin, body)
SELECT '2020-03-03 21:15', '2020-03-03 21:15', 910, 901, :shop, false, 'id' || n, 'text', 'stored', 'live', 'secret text' FROM generate_series(1, 7) AS n;

SELECT wa.report_html('2020-03-01', '2020-03-08') AS page \gset
SELECT xmlparse(DOCUMENT :'page') IS DOCUMENT AS well_formed, :'page' ~ 'secret text|never shown' AS tells,
	strpos(:'page', E'<bdi>&lt;/table&gt;&lt;script src=&quot;http://evil/&quot;&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;\U0001F600</bdi>') > 0 AS escaped,
	strpos(:'page', E'<bdi>\u202E\u0645\u062C\u0645\u0648\u0639\u0629 &amp; Co</bdi>') > 0 AS isolated, strpos(:'page', '<bdi>bell  ]]&gt; --&gt; </bdi>') > 0 AS without_control,
	strpos(:'page', '&quot;&gt;&lt;script&gt;alert(1)') > 0 AS reason, strpos(:'page', '&lt;i&gt;reason&lt;/i&gt;') > 0 AS status_reason;
-- the elements and attributes that are there: none that runs or fetches anything
SELECT string_agg(DISTINCT x.name, ' ' ORDER BY x.name) AS elements
FROM xmltable('//*' PASSING xmlparse(DOCUMENT replace(:'page', '<!DOCTYPE html>', '')) COLUMNS name text PATH 'name()') AS x;
SELECT string_agg(DISTINCT x.name, ' ' ORDER BY x.name) AS attributes
FROM xmltable('//@*' PASSING xmlparse(DOCUMENT replace(:'page', '<!DOCTYPE html>', '')) COLUMNS name text PATH 'name()') AS x;
SELECT :'page' ~ 'url\(|@import' AS fetches;
-- the numbers: what the page shows is what the statistics say
SELECT x.title FROM xmltable(xmlnamespaces('http://www.w3.org/1999/xhtml' AS h, 'http://www.w3.org/2000/svg' AS s), '//s:g[s:rect[@class="in"]]/s:title'
	PASSING xmlparse(DOCUMENT replace(:'page', '<!DOCTYPE html>', '')) COLUMNS title text PATH '.') AS x;
SELECT x.label, x.value FROM xmltable(xmlnamespaces('http://www.w3.org/1999/xhtml' AS h), '//h:div[@class="tile"]'
	PASSING xmlparse(DOCUMENT replace(:'page', '<!DOCTYPE html>', '')) COLUMNS label text PATH 'h:div[1]', value text PATH 'h:div[2]') AS x;
SELECT strpos(:'page', '<title>Tue 21:00: 7</title>') > 0 AS evening, strpos(:'page', '<title>Tue 22:00: 0</title>') > 0 AS night;
SELECT strpos(:'page', '12&#160;h 0&#160;min') > 0 AS outage_lasted, strpos(:'page', 'no list of members yet') > 0 AS why_not_complete;
-- scales have a few round marks; a share that is not known is a dash, one that is has a decimal
SELECT string_agg(n || ': ' || wa_private.report_unit(n), ', ') AS units FROM unnest('{0,1,5,6,22,198,1000001}'::numeric[]) AS n;
SELECT m[1] AS marks FROM regexp_matches(:'page', '<div class="ends">(.*?)</div><svg', 'g') AS m;
SELECT string_agg(wa_private.report_percent(n), ', ') AS shares FROM unnest('{NULL,0,0.04,12,99.95,100,1234.5}'::numeric[]) AS n;
SELECT wa_private.report_why('error', 'connection_<lost>', 401), wa_private.report_why(NULL, NULL) = '' AS empty;
-- steps are as long as a range demands
SELECT r.range, (regexp_match(wa.report_html('2020-03-03 11:00'::timestamptz - r.range, '2020-03-03 11:00'), 'Joins and leaves per ([a-z]*)'))[1] AS step
FROM unnest('{1 hour,3 days,73 hours,100 days,101 days,750 days,751 days,20 years}'::interval[]) WITH ORDINALITY AS r (range, no) ORDER BY r.no;
-- days begin in the time zone of reports
SET wa_collector.report_timezone = 'Asia/Kolkata';
SELECT strpos(wa.report_html('2020-03-01', '2020-03-08'), '<title>Wed 2:00: 7</title>') > 0 AS in_kolkata;
RESET wa_collector.report_timezone;
-- of one group, of one bot, of nothing long, of ten years
SELECT xmlparse(DOCUMENT p.page) IS DOCUMENT AS well_formed, (regexp_match(p.page, '\), ([^\n]*)</p>'))[1] AS scope
FROM unnest(ARRAY[wa.report_html('2020-03-01', '2020-03-08', '902'), wa.report_html('2020-03-01', '2020-03-08', bot => 'shop'),
	wa.report_html('2020-03-03', '2020-03-03', '901', 'shop'), wa.report_html('2012-01-01', '2022-01-01')]) AS p (page);

-- wrong arguments
SELECT public.try($$SELECT wa.report_html('2020-03-02', '2020-03-01')$$);
SELECT public.try($$SELECT wa.report_html(NULL)$$);
SELECT public.try($$SELECT wa.report_html("group" => 'no such')$$);
SELECT public.try($$SELECT wa.report_html(bot => 'no such')$$);
-- a reader may ask, a stranger may not
CREATE ROLE regress_wa_report;
SET ROLE regress_wa_report;
SELECT wa.report_html();
RESET ROLE;
SELECT wa.grant_reader('regress_wa_report');
SET ROLE regress_wa_report;
SELECT regexp_replace(wa.report_html('2020-03-01', '2020-03-08'), '<footer>.*', '') = regexp_replace(:'page', '<footer>.*', '') AS the_same;
RESET ROLE;
DROP OWNED BY regress_wa_report;
DROP ROLE regress_wa_report;

-- others find the tables as they were
DELETE FROM wa.messages WHERE chat_id = 910;
DELETE FROM wa.chats WHERE chat_id = 910;
DELETE FROM wa.memberships WHERE group_id BETWEEN 901 AND 903;
DELETE FROM wa.group_events WHERE group_id BETWEEN 901 AND 903;
DELETE FROM wa.bot_groups WHERE bot_id = :shop;
DELETE FROM wa.groups WHERE group_id BETWEEN 901 AND 903;
DELETE FROM wa.users WHERE user_id BETWEEN 901 AND 903;
DELETE FROM wa.bot_status_log WHERE bot_id = :shop;
DELETE FROM wa.bots WHERE bot_id = :shop;
