-- Members who wrote nothing
-- Chart: table
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s.name, s.group_subject, s.role, s.joined_at, s.user_id, s.group_id
FROM wa.stat_silent_members({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]], "limit" => 500) AS s
