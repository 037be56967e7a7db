-- Retention of those who joined, by week
-- Chart: pivot table; rows: week, columns: after_days, value: percent, with conditional colours
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s."time" AS week, s.after_days, s.joiners, s.due, s.kept, s.kept_low, s.kept_high, s.percent
FROM wa.stat_retention({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]], days => '{1,7,30}') AS s
ORDER BY s."time", s.after_days
