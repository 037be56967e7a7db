-- Messages that could be read, and that could not
-- Chart: stacked bar; x: day, y: stored, pending, lost, unavailable, rejected
-- Variables: from and to (Date, required); bot (Text: number or name)
SELECT s."time" AS day, s.bot_name, s.bot_id, s.messages, s.stored, s.recovered, s.pending, s.lost, s.unavailable, s.rejected, s.percent_unreadable, extract(epoch FROM s.mean_delay) AS mean_delay_seconds
FROM wa.stat_pipeline({{from}}::timestamptz, {{to}}::timestamptz [[, bot => {{bot}}]]) AS s
ORDER BY s."time", s.bot_name
