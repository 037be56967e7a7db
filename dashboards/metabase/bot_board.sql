-- Bots side by side
-- Chart: table
-- Variables: from and to (Date, required); bot (Text: number or name)
SELECT s.bot_name, s.status, s.percent_online, s.outages, s.groups, s.people, s.people_only_here, s.joins, s.leaves, s.net, s.last_online_at, s.bot_id
FROM wa.stat_bot_board({{from}}::timestamptz, {{to}}::timestamptz [[, bot => {{bot}}]]) AS s
ORDER BY s.people DESC
