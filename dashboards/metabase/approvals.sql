-- What became of requests to join
-- Chart: table, or funnel of requests, approved
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s.method, s.requests, s.approved, s.rejected, s.withdrawn, s.joined_otherwise, s.open, s.percent_approved, extract(epoch FROM s.median_wait) / 3600 AS median_hours
FROM wa.stat_approvals({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s.requests DESC
