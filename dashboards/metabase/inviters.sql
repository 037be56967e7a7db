-- Top inviters and how many of theirs stayed
-- Chart: table
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s.name, s.brought, s.still_in, s.percent_7, s.percent_30, s.user_id
FROM wa.stat_inviters({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]], "limit" => 50) AS s
ORDER BY s.brought DESC
