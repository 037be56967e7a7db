-- Groups side by side
-- Chart: table with mini bars on members
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s.group_subject, s.members, s.joins, s.leaves, s.net, s.percent_growth, s.percent_churn, s.percent_kept_7, s.percent_inferred, s.admins, s.bots, s.last_change, s.complete, s.group_id
FROM wa.stat_group_board({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s.members DESC
