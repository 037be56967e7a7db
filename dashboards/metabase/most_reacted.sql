-- Messages with most reactions
-- Chart: table
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s.sender_name, s.group_subject, s.sent_at, s.kind, s.reactions, s.message_id
FROM wa.stat_most_reacted({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]], "limit" => 50) AS s
ORDER BY s.reactions DESC
