-- People by number of groups
-- Chart: bar; x: value, y: people. Instead of groups: bots, countries
-- Variables: group (Text: number, JID or name); bot (Text: number or name)
SELECT s.value, s.people, s.percent
FROM wa.stat_distribution(by => 'groups' [[, "group" => {{group}}]] [[, bot => {{bot}}]]) AS s
ORDER BY s.place
