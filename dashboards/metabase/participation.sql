-- Members who wrote and who are silent
-- Chart: table, or stacked bar; x: group_subject, y: wrote, silent
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s.group_subject, s.members, s.wrote, s.silent, s.percent_silent, s.group_id
FROM wa.stat_participation({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s.members DESC
