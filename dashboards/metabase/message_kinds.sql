-- Kinds of messages
-- Chart: bar; x: kind, y: messages
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s.kind, s.messages, s.percent, s.forwarded, s.edited, s.deleted
FROM wa.stat_message_kinds({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s.messages DESC
