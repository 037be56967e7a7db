-- Share of the time each bot was online
-- Chart: line; x: day, y: percent, series: bot_name
-- Variables: from and to (Date, required); bot (Text: number or name)
SELECT s."time" AS day, s.bot_name, s.bot_id, s.percent, s.seconds_online, s.seconds_offline, s.seconds_unknown
FROM wa.stat_bot_uptime({{from}}::timestamptz, {{to}}::timestamptz [[, bot => {{bot}}]]) AS s
ORDER BY s."time", s.bot_name
