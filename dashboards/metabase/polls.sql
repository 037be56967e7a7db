-- Turnout of polls
-- Chart: table, or bar; x: sent_at, y: percent_turnout
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s.group_subject, s.sender_name, s.sent_at, s.members, s.voters, s.percent_turnout, s.message_id
FROM wa.stat_polls({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s.sent_at DESC
