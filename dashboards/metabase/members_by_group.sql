-- Members of each group over time
-- Chart: line; x: day, y: members, series: group_subject
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s."time" AS day, s.label AS group_subject, s.id AS group_id, s.members, s.members_low, s.members_high
FROM wa.stat_members({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]], step => 'week', by => 'group') AS s
ORDER BY s."time", s.label, s.id
