-- Reactions to messages
-- Chart: line; x: day, y: percent_reacted, per_message
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s."time" AS day, s.messages, s.reacted, s.reactions, s.percent_reacted, s.per_message
FROM wa.stat_reactions({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s."time"
