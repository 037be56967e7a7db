-- Churn per month
-- Chart: line; x: month, y: percent, percent_low, percent_high
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s."time" AS month, s.members, s.leaves, s.percent, s.percent_low, s.percent_high
FROM wa.stat_churn({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s."time"
