-- Minutes until the first answer in direct chats
-- Chart: line; x: day, y: median_minutes, percentile_90_minutes
-- Variables: from and to (Date, required); bot (Text: number or name)
SELECT s."time" AS day, s.asked, s.answered, s.percent_answered, extract(epoch FROM s.median) / 60 AS median_minutes, extract(epoch FROM s.percentile_90) / 60 AS percentile_90_minutes
FROM wa.stat_first_response({{from}}::timestamptz, {{to}}::timestamptz [[, bot => {{bot}}]]) AS s
ORDER BY s."time"
