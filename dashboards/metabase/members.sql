-- Members over time
-- Chart: line; x: day, y: members, members_low, members_high
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s."time" AS day, s.members, s.members_low, s.members_high
FROM wa.stat_members({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s."time"
