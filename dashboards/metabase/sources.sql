-- Where joins and leaves come from
-- Chart: pie; x: source, y: events
-- Variables: from and to (Date, required); group (Text: number, JID or name); bot (Text: number or name)
SELECT s.source, s.events, s.percent, s.inferred
FROM wa.stat_sources({{from}}::timestamptz, {{to}}::timestamptz [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s.events DESC
