-- Outages of bots and their reasons
-- Chart: table
-- Variables: from and to (Date, required); bot (Text: number or name)
SELECT s.bot_name, s.began, s.ended, extract(epoch FROM s.lasted) / 60 AS minutes, s.status, s.reason, s.code, s.detail, s.hint, s.bot_id
FROM wa.stat_bot_outages({{from}}::timestamptz, {{to}}::timestamptz [[, bot => {{bot}}]]) AS s
ORDER BY s.began DESC
