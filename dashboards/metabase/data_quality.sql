-- How far the numbers of each group can be trusted
-- Chart: table with conditional colours on complete and percent_inferred
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s.group_subject, s.watch_level, s.complete, s.why_not, s.members, s.server_size, s.percent_with_phone, s.percent_join_known, s.events, s.live, s.from_lists, s.from_history, s.percent_inferred, s.watched_since, s.history_since, s.group_id
FROM wa.stat_quality({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s.complete, s.members DESC
