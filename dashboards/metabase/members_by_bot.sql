-- People seen by each bot over time
-- Chart: line; x: day, y: members, series: bot_name
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s."time" AS day, s.label AS bot_name, s.id AS bot_id, s.members, s.members_low, s.members_high
FROM wa.stat_members({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]], step => 'week', by => 'bot') AS s
ORDER BY s."time", s.label, s.id
