-- Active members of the day, the week and the month
-- Chart: line; x: day, y: daily, weekly, monthly
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s."time" AS day, s.daily, s.weekly, s.monthly, s.percent_sticky
FROM wa.stat_active_members({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s."time"
