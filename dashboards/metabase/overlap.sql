-- Groups that share members
-- Chart: table with conditional colours on jaccard
-- Variables: group (Text: number, JID or name); bot (Text: number or name)
SELECT s.subject_a, s.subject_b, s.shared, s.members_a, s.members_b, s.percent_of_a, s.percent_of_b, s.jaccard, s.group_a, s.group_b
FROM wa.stat_overlap("limit" => 100 [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s.shared DESC
