-- Joins by invite link
-- Chart: table, or bar; x: valid_from, y: joins
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s.group_subject, s.joins, s.still_in, s.percent_still_in, s.valid_from, s.valid_until, s.made_by_name, s.link_id
FROM wa.stat_invite_links({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s.joins DESC
