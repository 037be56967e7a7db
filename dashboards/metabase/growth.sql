-- Joins, leaves and net per day
-- Chart: bar; x: day, y: joins, left; or line with net, net_low, net_high
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s."time" AS day, s.joins, -s.leaves AS "left", s.net, s.net_low, s.net_high, s.inferred
FROM wa.stat_growth({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s."time"
