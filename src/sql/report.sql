/*
 * report.sql
 *		What the pages of wa.report_html are made of: text, numbers, charts.
 *
 * A page is XHTML that is also HTML: every name goes through report_text, every
 * element is closed.  Charts are SVG stretched to the width there is, so what is
 * written beside them is HTML and stays readable.
 */

/* A text of anybody's as HTML, without the characters that XML cannot have. */
CREATE FUNCTION wa_private.report_text(value text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
	pg_catalog.regexp_replace(value, '[\u0001-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]', '', 'g'),
	'&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;');
COMMENT ON FUNCTION wa_private.report_text(text) IS 'a text escaped for HTML and XML';

/* The same on its own: a name written from right to left turns nothing around. */
CREATE FUNCTION wa_private.report_name(value text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '<bdi>' || coalesce(wa_private.report_text(pg_catalog.left(value, 200)), '–') || '</bdi>';
COMMENT ON FUNCTION wa_private.report_name(text) IS 'a name as HTML';

CREATE FUNCTION wa_private.report_number(value numeric)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(pg_catalog.to_char(value, CASE WHEN value = pg_catalog.trunc(value) THEN 'FM999,999,999,999,990' ELSE 'FM999,999,999,990.0' END), '–');
COMMENT ON FUNCTION wa_private.report_number(numeric) IS 'a number for people; a dash when it is not known';

CREATE FUNCTION wa_private.report_percent(value numeric)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value IS NULL THEN '–' WHEN value IN (0, 100) THEN pg_catalog.trunc(value) || '&#160;%'
	ELSE pg_catalog.to_char(value, 'FM999,999,999,990.0') || '&#160;%' END;
COMMENT ON FUNCTION wa_private.report_percent(numeric) IS 'a share for people; a dash when it is not known';

/* "between 3 and 5" where the bounds differ, else nothing. */
CREATE FUNCTION wa_private.report_bounds(low numeric, high numeric)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN low <> high THEN 'between ' || wa_private.report_number(low) || ' and ' || wa_private.report_number(high) ELSE '' END;
COMMENT ON FUNCTION wa_private.report_bounds(numeric, numeric) IS 'bounds of a number in words, nothing when they are the number';

/* A time in the time zone of reports; precise: with hour and minute. */
CREATE FUNCTION wa_private.report_time(at timestamptz, pattern text DEFAULT 'YYYY-MM-DD HH24:MI')
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN coalesce(to_char(at AT TIME ZONE wa_private.stat_timezone(), pattern), '–');
END
$$;
COMMENT ON FUNCTION wa_private.report_time(timestamptz, text) IS 'a time in the time zone of reports';

/* The same in a table, where only the time may go to a line of its own. */
CREATE FUNCTION wa_private.report_moment(at timestamptz)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN CASE WHEN at IS NULL THEN '–' ELSE format('<span class="keep">%s</span> %s', wa_private.report_time(at, 'YYYY-MM-DD'),
		wa_private.report_time(at, 'HH24:MI')) END;
END
$$;
COMMENT ON FUNCTION wa_private.report_moment(timestamptz) IS 'a time in a table of a report';

/* The two largest units of how long something lasted. */
CREATE FUNCTION wa_private.report_interval(value interval)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT CASE
		WHEN s.n >= 172800 THEN pg_catalog.floor(s.n / 86400) || '&#160;d ' || pg_catalog.floor(s.n % 86400 / 3600) || '&#160;h'
		WHEN s.n >= 3600 THEN pg_catalog.floor(s.n / 3600) || '&#160;h ' || pg_catalog.floor(s.n % 3600 / 60) || '&#160;min'
		WHEN s.n >= 60 THEN pg_catalog.floor(s.n / 60) || '&#160;min'
		ELSE pg_catalog.floor(s.n) || '&#160;s' END
	FROM (SELECT EXTRACT(epoch FROM value) AS n) AS s);
COMMENT ON FUNCTION wa_private.report_interval(interval) IS 'how long something lasted, for people';

/* A status with its reason, which is a word for programs: connection_lost. */
CREATE FUNCTION wa_private.report_why(status text, reason text, code integer DEFAULT NULL)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN wa_private.report_text(pg_catalog.replace(pg_catalog.concat_ws(': ', status, nullif(pg_catalog.concat_ws(' ', reason, code), '')), '_', ' '));
COMMENT ON FUNCTION wa_private.report_why(text, text, integer) IS 'a status and its reason for people';

/* One number in the row at the top; note is HTML. */
CREATE FUNCTION wa_private.report_tile(label text, value text, note text DEFAULT '')
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '<div class="tile"><div class="soft">' || label || '</div><div class="big">' || value || '</div><div class="soft">' || note || '</div></div>';
COMMENT ON FUNCTION wa_private.report_tile(text, text, text) IS 'one large number';

CREATE FUNCTION wa_private.report_section(title text, content text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN E'<section>\n<h2>' || title || E'</h2>\n' || content || E'\n</section>\n';
COMMENT ON FUNCTION wa_private.report_section(text, text) IS 'one part of a page';

/* In the place of a part of which there are no rows; content says what would bring them. */
CREATE FUNCTION wa_private.report_missing(content text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '<p class="missing">' || content || '</p>';
COMMENT ON FUNCTION wa_private.report_missing(text) IS 'says what is missing';

/* The distance of the marks of a scale: 1, 2, 5, 10, ..., at most five of which span the values. */
CREATE FUNCTION wa_private.report_unit(span numeric)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT pg_catalog.trim_scale(pg_catalog.min(m.n * pg_catalog.power(10::numeric, e.n))) FROM (VALUES (1), (2), (5)) AS m (n)
	CROSS JOIN pg_catalog.generate_series(0, 15) AS e (n) WHERE 5 * m.n * pg_catalog.power(10::numeric, e.n) >= span);
COMMENT ON FUNCTION wa_private.report_unit(numeric) IS 'the distance of the marks of a scale';

/*
 * A chart: shapes in a box of 1000 by 100, with a line across for each mark,
 * which are evenly spaced from the upper end to the lower, and words below.
 * label says in words what can be seen.
 */
CREATE FUNCTION wa_private.report_chart(shapes text, label text, marks text[], below text[])
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '<div class="chart"><div class="ends"><span>' || pg_catalog.array_to_string(marks, '</span><span>') || '</span></div>'
	|| '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label="' || label || '">'
	|| (SELECT pg_catalog.string_agg(pg_catalog.format('<line class="grid" x1="0" x2="1000" y1="%1$s" y2="%1$s"/>', pg_catalog.round(100.0 * m.n / (pg_catalog.cardinality(marks) - 1), 2)), '')
		FROM pg_catalog.generate_series(0, pg_catalog.cardinality(marks) - 1) AS m (n))
	|| shapes || '</svg><div class="below"><span>' || pg_catalog.array_to_string(below, '</span><span>') || E'</span></div></div>\n';
COMMENT ON FUNCTION wa_private.report_chart(text, text, text[], text[]) IS 'a chart with what is written around it';

/* How wide the steps of a report are: at most about a hundred of them. */
CREATE FUNCTION wa_private.report_step("from" timestamptz, "to" timestamptz)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN "to" - "from" <= interval '3 days' THEN 'hour' WHEN "to" - "from" <= interval '100 days' THEN 'day' WHEN "to" - "from" <= interval '750 days' THEN 'week'
	WHEN "to" - "from" <= interval '5000 days' THEN 'month' ELSE 'year' END;
COMMENT ON FUNCTION wa_private.report_step(timestamptz, timestamptz) IS 'the steps of time of a report';

/* How a step of time is written. */
CREATE FUNCTION wa_private.report_step_pattern(step text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE step WHEN 'year' THEN 'YYYY' WHEN 'month' THEN 'YYYY-MM' WHEN 'hour' THEN 'MM-DD HH24:MI' ELSE 'YYYY-MM-DD' END;
COMMENT ON FUNCTION wa_private.report_step_pattern(text) IS 'how a step of time is written';

/* First, middle and last of some times, to be written below a chart. */
CREATE FUNCTION wa_private.report_below(times timestamptz[], step text)
RETURNS text[] LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ARRAY(SELECT wa_private.report_time(times[p.n], wa_private.report_step_pattern(step))
		FROM (SELECT DISTINCT unnest(ARRAY[1, CASE WHEN cardinality(times) > 4 THEN (cardinality(times) + 1) / 2 ELSE 1 END, cardinality(times)]) AS n) AS p
		ORDER BY p.n);
END
$$;
COMMENT ON FUNCTION wa_private.report_below(timestamptz[], text) IS 'what is written below a chart over time';

/* The look of a page. */
CREATE FUNCTION wa_private.report_style()
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN $css$
:root { color-scheme: light dark; --page: #ffffff; --card: #f4f6f8; --text: #18212b; --soft: #51606e; --line: #cfd6dd; --a: #1264c8; --b: #b34b06; --good: #17702f; --bad: #b8232c; }
@media (prefers-color-scheme: dark) { :root { --page: #10151a; --card: #1a2128; --text: #e8edf2; --soft: #a9b5c1; --line: #3a4652; --a: #6cb2ff; --b: #ffa564; --good: #62d381; --bad: #ff9089; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; background: var(--page); color: var(--text); font: 16px/1.45 system-ui, sans-serif; overflow-wrap: break-word; }
bdi { overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.15rem; margin: 0 0 .6rem; }
p { margin: .4rem 0; }
code { font-size: .9em; }
.soft, footer { color: var(--soft); font-size: .875rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin: 1rem 0; }
.tile, section { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; min-width: 0; }
.big { font-size: 1.6rem; font-weight: 600; line-height: 1.3; }
main { display: grid; grid-template-columns: minmax(0, 1fr); gap: .75rem; }
.chart { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .4rem .5rem; margin-top: .8rem; font-size: .8rem; line-height: 1.3; color: var(--soft); font-variant-numeric: tabular-nums; }
.chart svg { display: block; width: 100%; height: 11rem; overflow: visible; }
.ends { display: flex; flex-direction: column; justify-content: space-between; text-align: right; min-width: 2rem; margin: -.65em 0; }
.below { grid-column: 2; display: flex; justify-content: space-between; gap: .5rem; }
.hours { align-items: stretch; }
.hours svg { height: 12rem; }
.hours .ends { justify-content: space-around; margin: 0; }
.strip { margin-top: .3rem; }
.strip svg { height: .8rem; }
.line { fill: none; stroke: var(--a); stroke-width: 2; vector-effect: non-scaling-stroke; }
.band { fill: var(--a); fill-opacity: .22; }
.grid { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke; }
.hover { fill: transparent; }
.zero { stroke: var(--soft); stroke-width: 1; vector-effect: non-scaling-stroke; }
.in { fill: var(--a); }
.out { fill: var(--b); }
.up { fill: var(--good); }
.down { fill: var(--bad); }
.none { fill: var(--line); }
.range { stroke: var(--text); stroke-width: 2; vector-effect: non-scaling-stroke; }
.key { display: inline-block; width: .8em; height: .8em; border-radius: .15em; margin-right: .3em; }
.key.in { background: var(--a); }
.key.out { background: var(--b); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .35rem .4rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
td:first-child { min-width: 6rem; }
th:first-child, td:first-child, .words { text-align: left; }
tr:last-child td { border-bottom: 0; }
table + table { margin-top: .75rem; }
.keep { white-space: nowrap; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.missing { border-left: .25rem solid var(--line); padding-left: .75rem; color: var(--soft); }
footer { margin: 1rem 0; }
@media (max-width: 45rem) { .wide { display: none; } body { padding: .6rem; } th, td { padding: .3rem .15rem; font-size: .8rem; } td:first-child { min-width: 4rem; } td .soft { font-size: .7rem; } }
@media (min-width: 62rem) { main { grid-template-columns: repeat(2, minmax(0, 1fr)); } .whole { grid-column: 1 / -1; } }
$css$;
COMMENT ON FUNCTION wa_private.report_style() IS 'the look of a page';
