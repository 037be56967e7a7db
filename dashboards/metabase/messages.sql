-- Messages and people who wrote
-- Chart: line; x: day, y: messages, people
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s."time" AS day, s.messages, s.people, s.groups, s.from_bots
FROM wa.stat_messages({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s."time"
