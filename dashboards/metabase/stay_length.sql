-- How long stays last
-- Chart: bar; x: lasted, y: ended, still_in
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s.label AS lasted, s.ended, s.percent, s.still_in
FROM wa.stat_stay_length({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s.class
