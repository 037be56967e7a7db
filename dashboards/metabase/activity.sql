-- Messages by weekday and hour
-- Chart: pivot table; rows: weekday, columns: hour, value: messages, with conditional colours
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s.weekday, s.hour, s.messages, s.percent
FROM wa.stat_activity({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s.weekday, s.hour
