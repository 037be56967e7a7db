-- Who writes most
-- Chart: row chart; x: messages, y: name
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s.name, s.messages, s.percent, s.groups, s.active_days, s.last_at, s.user_id
FROM wa.stat_speakers({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]], "limit" => 50) AS s
ORDER BY s.messages DESC
