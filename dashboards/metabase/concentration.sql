-- How evenly people speak, by group
-- Chart: table
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s.label AS group_subject, s.messages, s.speakers, s.top_messages, s.percent_top, s.gini, s.id AS group_id
FROM wa.stat_concentration({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]], by => 'group') AS s
ORDER BY s.messages DESC
