-- Ways of joining and leaving
-- Chart: row chart; x: events, y: how, series: direction
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s.direction, s.how, s.events, s.percent, s.inferred
FROM wa.stat_kinds({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s.direction, s.events DESC
