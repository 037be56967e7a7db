/*
 * report_parts.sql
 *		The parts of a report and wa.report_html, which puts them together.
 *
 * Each part is one call of a function wa.stat_*, drawn; it shows the bounds where
 * there are any, and what is missing where there are no rows.
 */

CREATE FUNCTION wa_private.report_members("from" timestamptz, "to" timestamptz, "group" text, bot text, step text)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m record;
	unit numeric;
	base numeric;
	top numeric;
BEGIN
	-- of a group that is only counted, there are numbers per group
	SELECT array_agg(s."time" ORDER BY s."time") AS times, array_agg(s.members ORDER BY s."time") AS members,
		array_agg(s.members_low ORDER BY s."time") AS low, array_agg(s.members_high ORDER BY s."time") AS high,
		count(*) AS n, min(s.members_low) AS least, max(s.members_high) AS most INTO m
	FROM wa.stat_members("from", "to", "group", bot, step, CASE WHEN "group" IS NULL THEN 'total' ELSE 'group' END) AS s
	WHERE s.members IS NOT NULL;
	IF coalesce(m.most, 0) = 0 THEN
		RETURN wa_private.report_section('Members', wa_private.report_missing(
			'No members are known up to the end of this range. A bot that is in a group brings its list: '
			'<code>SELECT wa.add_bot(&#39;one&#39;)</code>, <code>SELECT wa.qr_text(&#39;one&#39;)</code>.'));
	END IF;
	base := CASE WHEN m.least < m.most / 2.0 THEN 0 ELSE m.least END;
	unit := wa_private.report_unit(m.most - base);
	-- numbers that never change are a line in the middle
	base := greatest(floor(base / unit) * unit - CASE m.most WHEN m.least THEN unit ELSE 0 END, 0);
	top := ceil(m.most / unit) * unit + CASE m.most WHEN m.least THEN unit ELSE 0 END;
	RETURN (
		WITH points AS (
			-- a single one is a line from end to end
			SELECT p.i, round(1000.0 * p.i / greatest(m.n - 1, 1), 1) AS x, round(100 * (top - m.members[q.i]) / (top - base), 1) AS y,
				round(100 * (top - m.low[q.i]) / (top - base), 1) AS y_low, round(100 * (top - m.high[q.i]) / (top - base), 1) AS y_high,
				-- what a mouse finds there
				format('<rect class="hover" x="%s" y="0" width="%s" height="100"><title>%s: %s%s</title></rect>',
					round(1000 * h.since / greatest(m.n - 1, 1), 1), round(1000 * (h.until - h.since) / greatest(m.n - 1, 1), 1),
					wa_private.report_time(m.times[q.i], wa_private.report_step_pattern(step)), wa_private.report_number(m.members[q.i]),
					coalesce(', ' || nullif(wa_private.report_bounds(m.low[q.i], m.high[q.i]), ''), '')) AS hover
			FROM generate_series(0, greatest(m.n - 1, 1)) AS p (i)
			CROSS JOIN LATERAL (SELECT least(p.i + 1, m.n) AS i) AS q
			CROSS JOIN LATERAL (SELECT greatest(p.i - 0.5, 0) AS since, least(p.i + 0.5, greatest(m.n - 1, 1)) AS until) AS h
		)
		SELECT wa_private.report_section('Members',
			wa_private.report_chart(
				format('<polygon class="band" points="%s %s"/><polyline class="line" points="%s"/>%s',
					string_agg(p.x || ',' || p.y_high, ' ' ORDER BY p.i), string_agg(p.x || ',' || p.y_low, ' ' ORDER BY p.i DESC),
					string_agg(p.x || ',' || p.y, ' ' ORDER BY p.i), string_agg(p.hover, '' ORDER BY p.i)),
				format('members from %s to %s', wa_private.report_number(m.members[1]), wa_private.report_number(m.members[m.n])),
				ARRAY(SELECT wa_private.report_number(v) FROM generate_series(top, base, -unit) AS v), wa_private.report_below(m.times, step))
			|| format('<p class="soft">At the end of each %s%s.%s%s</p>', step,
				CASE WHEN "group" IS NULL THEN ', every person once' ELSE '' END,
				CASE WHEN base > 0 THEN ' The scale does not begin at 0.' ELSE '' END,
				CASE WHEN m.low <> m.high THEN ' The band reaches from who must have been there to who may have been.' ELSE '' END))
		FROM points AS p);
END
$$;
COMMENT ON FUNCTION wa_private.report_members(timestamptz, timestamptz, text, text, text) IS 'part of a report: members over time';

CREATE FUNCTION wa_private.report_growth("from" timestamptz, "to" timestamptz, "group" text, bot text, step text)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	g record;
	mark numeric;
	top numeric;
	bottom numeric;
	unit numeric;
	zero numeric;
	width numeric;
	thick numeric;
BEGIN
	SELECT array_agg(s."time" ORDER BY s."time") AS times, array_agg(s.joins ORDER BY s."time") AS joins,
		array_agg(s.joins_low ORDER BY s."time") AS joins_low, array_agg(s.joins_high ORDER BY s."time") AS joins_high,
		array_agg(s.leaves ORDER BY s."time") AS leaves, array_agg(s.leaves_low ORDER BY s."time") AS leaves_low,
		array_agg(s.leaves_high ORDER BY s."time") AS leaves_high, count(*)::integer AS n, max(s.joins_high) AS up, max(s.leaves_high) AS down,
		sum(s.joins) AS all_joins, sum(s.leaves) AS all_leaves, sum(s.inferred) AS inferred INTO g
	FROM wa.stat_growth("from", "to", "group", bot, step) AS s;
	IF g.up + g.down = 0 THEN
		RETURN wa_private.report_section('Joins and leaves', wa_private.report_missing('Nobody joined or left in this range, as far as is known.'));
	END IF;
	mark := wa_private.report_unit(g.up + g.down);
	top := ceil(g.up / mark) * mark;
	bottom := ceil(g.down / mark) * mark;
	unit := 100.0 / (top + bottom);
	zero := round(top * unit, 2);
	width := 1000.0 / g.n;
	-- a bar or two are no walls
	thick := round(least(width * 0.7, 80), 1);
	RETURN (
		SELECT wa_private.report_section('Joins and leaves per ' || step,
			wa_private.report_chart(
				string_agg(format('<g><title>%s: %s in, %s out</title><rect class="in" x="%s" y="%s" width="%s" height="%s"/><rect class="out" x="%s" y="%s" width="%s" height="%s"/>%s%s</g>',
					wa_private.report_time(g.times[i], wa_private.report_step_pattern(step)), g.joins[i], g.leaves[i],
					round(x.x - thick / 2, 1), round(zero - g.joins[i] * unit, 2), thick, round(g.joins[i] * unit, 2),
					round(x.x - thick / 2, 1), zero, thick, round(g.leaves[i] * unit, 2),
					CASE WHEN g.joins_low[i] <> g.joins_high[i] THEN format('<line class="range" x1="%1$s" x2="%1$s" y1="%2$s" y2="%3$s"/>', round(x.x, 1),
						round(zero - g.joins_low[i] * unit, 2), round(zero - g.joins_high[i] * unit, 2)) END,
					CASE WHEN g.leaves_low[i] <> g.leaves_high[i] THEN format('<line class="range" x1="%1$s" x2="%1$s" y1="%2$s" y2="%3$s"/>', round(x.x, 1),
						round(zero + g.leaves_low[i] * unit, 2), round(zero + g.leaves_high[i] * unit, 2)) END), '' ORDER BY i)
				|| format('<line class="zero" x1="0" x2="1000" y1="%1$s" y2="%1$s"/>', zero),
				format('%s joined and %s left', g.all_joins, g.all_leaves),
				ARRAY(SELECT wa_private.report_number(abs(v)) FROM generate_series(top, -bottom, -mark) AS v), wa_private.report_below(g.times, step))
			|| format('<p class="soft"><span class="key in"></span>joined &#160; <span class="key out"></span>left. Counted in whole steps: the first %s may begin before the range.%s</p>',
				step, CASE WHEN g.inferred > 0 THEN format(' Without an exact time: %s; a line shows between which numbers the truth lies.',
					wa_private.report_number(g.inferred)) END))
		FROM generate_series(1, g.n) AS i
		CROSS JOIN LATERAL (SELECT width * (i - 0.5) AS x) AS x);
END
$$;
COMMENT ON FUNCTION wa_private.report_growth(timestamptz, timestamptz, text, text, text) IS 'part of a report: joins and leaves';

CREATE FUNCTION wa_private.report_retention("from" timestamptz, "to" timestamptz, "group" text, bot text, step text)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	cohort text := CASE step WHEN 'hour' THEN 'day' WHEN 'day' THEN 'week' WHEN 'week' THEN 'month' ELSE 'year' END;
	lines text;
BEGIN
	SELECT string_agg(format('<tr><td>%s</td><td>%s</td>%s</tr>', wa_private.report_time(c."time", wa_private.report_step_pattern(cohort)),
			wa_private.report_number(c.joiners), c.cells), E'\n' ORDER BY c."time") INTO lines
	FROM (SELECT r."time", max(r.joiners) AS joiners, string_agg(format('<td>%s<div class="soft">%s</div></td>',
				CASE WHEN r.due > 0 THEN wa_private.report_percent(r.percent) ELSE '<span class="soft">too early</span>' END,
				CASE WHEN r.due > 0 THEN format('<span class="keep">%s of %s</span>', r.kept, r.due) || CASE WHEN r.kept_low <> r.kept_high THEN format(' (%s–%s)', r.kept_low, r.kept_high) ELSE '' END END),
				'' ORDER BY r.after_days) AS cells
		  FROM wa.stat_retention("from", "to", "group", bot, cohort) AS r
		  GROUP BY r."time"
		  HAVING max(r.joiners) > 0) AS c;
	RETURN wa_private.report_section('Retention', coalesce(
		'<table><tr><th>joined ' || CASE cohort WHEN 'day' THEN 'on' ELSE 'in the ' || cohort || ' of' END || '</th><th>people</th><th>1 day later</th><th>7 days</th><th>30 days</th></tr>' || lines || '</table>'
			|| '<p class="soft">Of those who joined that long ago, while somebody watched, how many were still there. The first step may begin before the range.</p>',
		wa_private.report_missing('Nobody joined in this range, as far as is known.')));
END
$$;
COMMENT ON FUNCTION wa_private.report_retention(timestamptz, timestamptz, text, text, text) IS 'part of a report: who stayed';

CREATE FUNCTION wa_private.report_activity("from" timestamptz, "to" timestamptz, "group" text, bot text)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	names CONSTANT text[] := '{Mon,Tue,Wed,Thu,Fri,Sat,Sun}';
	cells text;
	messages bigint;
	most bigint;
BEGIN
	SELECT string_agg(format('<rect class="%s" x="%s" y="%s" width="40" height="13"%s><title>%s %s:00: %s</title></rect>',
			CASE WHEN h.messages > 0 THEN 'in' ELSE 'none' END, round(h.hour * 1000 / 24.0 + 0.8, 1), round((h.weekday - 1) * 100 / 7.0 + 0.6, 1),
			-- empty hours stay visible, and one message differs from none
			CASE WHEN h.messages > 0 THEN format(' fill-opacity="%s"', round(0.2 + 0.8 * h.messages / h.most, 2)) ELSE ' fill-opacity="0.45"' END,
			names[h.weekday], h.hour, h.messages), '' ORDER BY h.weekday, h.hour), sum(h.messages), max(h.messages) INTO cells, messages, most
	FROM (SELECT a.weekday, a.hour, a.messages, max(a.messages) OVER () AS most
		FROM wa.stat_activity("from", "to", "group", bot) AS a) AS h;
	IF coalesce(messages, 0) = 0 THEN
		RETURN wa_private.report_section('Activity by hour and weekday', wa_private.report_missing(
			'No messages of groups are stored in this range. They are where a group is watched for them: '
			'<code>SELECT wa.watch_group(group_id, &#39;messages&#39;) FROM wa.groups</code>.'));
	END IF;
	RETURN wa_private.report_section('Activity by hour and weekday',
		format('<div class="chart hours"><div class="ends"><span>%s</span></div><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 100" '
			'preserveAspectRatio="none" role="img" aria-label="messages by hour and weekday">%s</svg>'
			'<div class="below"><span>0:00</span><span>6:00</span><span>12:00</span><span>18:00</span><span>24:00</span></div></div>',
			array_to_string(names, '</span><span>'), cells)
		|| format('<p class="soft">%s messages in groups, at most %s in an hour of the week (the strongest colour).</p>',
			wa_private.report_number(messages), wa_private.report_number(most)));
END
$$;
COMMENT ON FUNCTION wa_private.report_activity(timestamptz, timestamptz, text, text) IS 'part of a report: heat map of messages';

CREATE FUNCTION wa_private.report_groups("from" timestamptz, "to" timestamptz, "group" text, bot text)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	shown CONSTANT integer := 15;
	lines text;
	groups bigint;
BEGIN
	SELECT string_agg(format('<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td class="wide">%s</td><td class="wide">%s</td><td class="wide">%s</td><td class="wide">%s</td></tr>',
			wa_private.report_name(b.group_subject), wa_private.report_number(b.members), wa_private.report_number(b.joins),
			wa_private.report_number(b.leaves), wa_private.report_percent(b.percent_growth), wa_private.report_percent(b.percent_churn),
			wa_private.report_percent(b.percent_kept_7), wa_private.report_percent(b.percent_inferred)), E'\n' ORDER BY b.place)
		FILTER (WHERE b.place <= shown), count(*) INTO lines, groups
	FROM (SELECT s.*, row_number() OVER (ORDER BY s.members DESC NULLS LAST, s.group_subject, s.group_id) AS place
		  FROM wa.stat_group_board("from", "to", "group", bot) AS s) AS b;
	RETURN wa_private.report_section('Top groups', coalesce(
		'<table><tr><th>group</th><th>members now</th><th>joined</th><th>left</th><th class="wide">growth</th><th class="wide">churn</th>'
			'<th class="wide">stayed 7 days</th><th class="wide">inferred</th></tr>' || lines || '</table>'
			|| CASE WHEN groups > shown THEN format('<p class="soft">And %s more.</p>', wa_private.report_number(groups - shown)) ELSE '' END,
		wa_private.report_missing('No group is known. They come with a bot that is in some.')));
END
$$;
COMMENT ON FUNCTION wa_private.report_groups(timestamptz, timestamptz, text, text) IS 'part of a report: the largest groups';

/* With a group, the bots that are in it or were since the range began. */
CREATE FUNCTION wa_private.report_bots("from" timestamptz, "to" timestamptz, "group" text, bot text, step text)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	shown CONSTANT integer := 15;
	these bigint[];
	lines text;
	outages text;
	bots bigint;
	interruptions bigint;
BEGIN
	these := ARRAY(SELECT DISTINCT s.id FROM wa_private.stat_series("group", bot, 'bot', "from") AS s WHERE "group" IS NOT NULL
		UNION SELECT b.bot_id FROM wa.bots AS b WHERE "group" IS NULL AND (bot IS NULL OR b.bot_id = wa_private.stat_bot(bot)));
	SELECT string_agg(format('<tr><td>%s%s</td><td class="words %s">%s%s</td><td>%s</td><td>%s</td><td class="wide">%s</td><td class="wide">%s</td></tr>',
			wa_private.report_name(x.bot_name), x.strip, CASE x.status WHEN 'online' THEN 'good' WHEN 'error' THEN 'bad' ELSE '' END,
			wa_private.report_why(x.status, NULL), '<div class="soft">' || wa_private.report_why(NULL, x.status_reason) || '</div>',
			wa_private.report_percent(x.percent_online), wa_private.report_number(x.outages), wa_private.report_number(x.groups),
			wa_private.report_moment(x.last_online_at)), E'\n' ORDER BY x.place) FILTER (WHERE x.place <= shown), count(*) INTO lines, bots
	FROM (SELECT b.*, t.status_reason, u.strip, row_number() OVER (ORDER BY b.status = 'online', b.percent_online NULLS FIRST, b.bot_name) AS place
		  FROM wa_private.stat_bots("from", "to", bot) AS b
		  JOIN wa.bots AS t ON t.bot_id = b.bot_id
		  LEFT JOIN (SELECT s.bot_id, format('<div class="strip chart"><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 100" preserveAspectRatio="none" '
					'role="img" aria-label="online per %s">%s</svg></div>', step,
					string_agg(format('<g><title>%s: %s</title><rect class="%s" x="%s" y="%s" width="%s" height="%s"/></g>',
						wa_private.report_time(s."time", wa_private.report_step_pattern(step)), wa_private.report_percent(s.percent),
						CASE WHEN s.percent IS NULL THEN 'none' ELSE 'down' END, round((s.n - 1) * 1000.0 / s.many, 1), 0, s.thick, 100)
						|| CASE WHEN s.percent > 0 THEN format('<rect class="up" x="%s" y="%s" width="%s" height="%s"/>', round((s.n - 1) * 1000.0 / s.many, 1),
							100 - s.percent, s.thick, s.percent) ELSE '' END, '' ORDER BY s.n)) AS strip
				FROM (SELECT p.*, row_number() OVER (PARTITION BY p.bot_id ORDER BY p."time") AS n, count(*) OVER (PARTITION BY p.bot_id) AS many,
						-- gaps between many bars would be all that is seen
						round(CASE WHEN count(*) OVER (PARTITION BY p.bot_id) > 40 THEN 1000 ELSE 900 END / (count(*) OVER (PARTITION BY p.bot_id))::numeric, 1) AS thick
					  FROM wa.stat_bot_uptime("from", "to", bot, step) AS p) AS s
				GROUP BY s.bot_id) AS u ON u.bot_id = b.bot_id
		  WHERE b.bot_id = ANY (these)) AS x;
	IF lines IS NULL THEN
		RETURN wa_private.report_section('Bots', wa_private.report_missing(
			'There is no bot. <code>SELECT wa.add_bot(&#39;one&#39;)</code> makes one, <code>SELECT wa.qr_text(&#39;one&#39;)</code> shows what its phone scans.'));
	END IF;
	SELECT string_agg(format('<tr><td>%s</td><td>%s</td><td>%s</td><td class="words">%s</td></tr>', wa_private.report_name(o.bot_name),
			wa_private.report_moment(o.began), CASE WHEN o.ended IS NULL THEN 'not over, ' ELSE '' END || wa_private.report_interval(o.lasted),
			wa_private.report_why(o.status, o.reason, o.code)), E'\n' ORDER BY o.place) FILTER (WHERE o.place <= shown), count(*)
		INTO outages, interruptions
	FROM (SELECT s.*, row_number() OVER (ORDER BY s.began DESC, s.bot_name) AS place
		  FROM wa.stat_bot_outages("from", "to", bot) AS s
		  WHERE s.bot_id = ANY (these)) AS o;
	RETURN wa_private.report_section('Bots',
		'<table><tr><th>bot</th><th class="words">status now</th><th>online</th><th>outages</th><th class="wide">groups</th><th class="wide">last online</th></tr>' || lines || '</table>'
		|| CASE WHEN bots > shown THEN format('<p class="soft">And %s more; those that are not online come first.</p>', wa_private.report_number(bots - shown)) ELSE '' END
		|| format('<p class="soft">Online: share of the time that is known; each bar is %s, green online, grey not known.</p>',
			CASE step WHEN 'hour' THEN 'an hour' ELSE 'a ' || step END)
		|| coalesce('<table><tr><th>outage of</th><th>began</th><th>lasted</th><th class="words">why</th></tr>' || outages || '</table>'
			|| CASE WHEN interruptions > shown THEN format('<p class="soft">And %s before.</p>', wa_private.report_number(interruptions - shown)) ELSE '' END,
			'<p>No outage in this range.</p>'));
END
$$;
COMMENT ON FUNCTION wa_private.report_bots(timestamptz, timestamptz, text, text, text) IS 'part of a report: status, uptime and outages of bots';

CREATE FUNCTION wa_private.report_quality("from" timestamptz, "to" timestamptz, "group" text, bot text)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	shown CONSTANT integer := 15;
	q record;
BEGIN
	SELECT count(*) AS groups, count(*) FILTER (WHERE s.complete) AS complete, sum(s.events) AS events, sum(s.live) AS live,
		sum(s.from_lists) AS from_lists, sum(s.from_history) AS from_history,
		wa_private.stat_percent(sum(s.percent_inferred * s.events / 100), sum(s.events)) AS inferred,
		wa_private.stat_percent(sum(s.percent_with_phone * s.members / 100), sum(s.members)) AS phones,
		wa_private.stat_percent(sum(s.percent_join_known * s.members / 100), sum(s.members)) AS joins_known,
		string_agg(format('<tr><td>%s</td><td class="words">%s</td><td>%s</td></tr>', wa_private.report_name(s.group_subject),
			wa_private.report_text(s.why_not), wa_private.report_time(s.watched_since, 'YYYY-MM-DD')), E'\n' ORDER BY s.place)
			FILTER (WHERE NOT s.complete AND s.place <= shown) AS lines INTO q
	FROM (SELECT x.*, row_number() OVER (ORDER BY x.complete, x.members DESC, x.group_subject, x.group_id) AS place
		  FROM wa.stat_quality("from", "to", "group", bot) AS x) AS s;
	IF q.groups = 0 THEN
		RETURN wa_private.report_section('Data quality', wa_private.report_missing('There is nothing to judge without a group.'));
	END IF;
	RETURN wa_private.report_section('Data quality',
		'<table>'
		|| format('<tr><td>groups whose list of members is complete</td><td>%s of %s</td></tr>', wa_private.report_number(q.complete), wa_private.report_number(q.groups))
		|| format('<tr><td>joins and leaves without an exact time</td><td>%s</td></tr>',
			wa_private.report_percent(q.inferred) || CASE WHEN q.events > 0 THEN ' of ' || wa_private.report_number(q.events) ELSE '' END)
		|| format('<tr><td>joins and leaves seen live</td><td>%s</td></tr><tr><td>from phones&#39; history</td><td>%s</td></tr>'
			'<tr><td>from comparing lists of members</td><td>%s</td></tr>', wa_private.report_number(q.live),
			wa_private.report_number(q.from_history), wa_private.report_number(q.from_lists))
		|| format('<tr><td>members whose phone number is known</td><td>%s</td></tr>', wa_private.report_percent(q.phones))
		|| format('<tr><td>members of whom it is known when they joined</td><td>%s</td></tr></table>', wa_private.report_percent(q.joins_known))
		|| coalesce('<table><tr><th>not complete</th><th class="words">why</th><th>watched since</th></tr>' || q.lines || '</table>'
			|| CASE WHEN q.groups - q.complete > shown THEN format('<p class="soft">And %s more.</p>', wa_private.report_number(q.groups - q.complete - shown)) ELSE '' END, ''));
END
$$;
COMMENT ON FUNCTION wa_private.report_quality(timestamptz, timestamptz, text, text) IS 'part of a report: how far the numbers can be trusted';

CREATE FUNCTION wa_private.report_head("from" timestamptz, "to" timestamptz, "group" text, bot text)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m record;
	g record;
	b record;
BEGIN
	SELECT s.members, s.members_low, s.members_high INTO m
	FROM wa.stat_members(now(), now(), "group", bot, 'day', CASE WHEN "group" IS NULL THEN 'total' ELSE 'group' END) AS s;
	SELECT coalesce(sum(k.events) FILTER (WHERE k.direction = 'join'), 0) AS joins, coalesce(sum(k.events) FILTER (WHERE k.direction = 'leave'), 0) AS leaves,
		(SELECT count(*) FROM wa_private.stat_series("group", bot, 'total', "from")) AS groups INTO g
	FROM wa.stat_kinds("from", "to", "group", bot) AS k;
	SELECT count(*) AS bots, count(*) FILTER (WHERE x.status = 'online') AS online INTO b
	FROM wa.bots AS x
	WHERE (bot IS NULL OR x.bot_id = wa_private.stat_bot(bot))
		AND ("group" IS NULL OR x.bot_id IN (SELECT s.id FROM wa_private.stat_series("group", bot, 'bot', "from") AS s));
	RETURN '<div class="tiles">'
		|| wa_private.report_tile('Members now', wa_private.report_number(m.members), wa_private.report_bounds(m.members_low, m.members_high))
		|| wa_private.report_tile('Joined', wa_private.report_number(g.joins))
		|| wa_private.report_tile('Left', wa_private.report_number(g.leaves))
		|| wa_private.report_tile('Net', CASE WHEN g.joins > g.leaves THEN '+' ELSE '' END || wa_private.report_number(g.joins - g.leaves))
		|| wa_private.report_tile('Groups', wa_private.report_number(g.groups))
		|| wa_private.report_tile('Bots online', wa_private.report_number(b.online) || ' of ' || wa_private.report_number(b.bots))
		|| E'</div>\n';
END
$$;
COMMENT ON FUNCTION wa_private.report_head(timestamptz, timestamptz, text, text) IS 'part of a report: the numbers at the top';

CREATE FUNCTION wa.report_html("from" timestamptz DEFAULT now() - interval '7 days', "to" timestamptz DEFAULT now(),
	"group" text DEFAULT NULL, bot text DEFAULT NULL)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
	step text;
	scope text;
BEGIN
	PERFORM wa_private.stat_check("from", "to");
	step := wa_private.report_step("from", "to");
	scope := concat_ws(', ',
		CASE WHEN "group" IS NOT NULL THEN 'group ' || wa_private.report_name((SELECT coalesce(g.subject, g.jid) FROM wa.groups AS g
			WHERE g.group_id = wa_private.stat_group("group"))) END,
		CASE WHEN bot IS NOT NULL THEN 'bot ' || wa_private.report_name((SELECT b.name FROM wa.bots AS b
			WHERE b.bot_id = wa_private.stat_bot(report_html.bot))) END);
	RETURN E'<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml" lang="en">\n<head>\n<meta charset="utf-8"/>\n'
		'<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
		'<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;"/>\n'
		'<title>Report of WhatsApp groups</title>\n<style>' || wa_private.report_style() || E'</style>\n</head>\n<body>\n'
		|| format(E'<h1>Report of WhatsApp groups</h1>\n<p class="soft">%s to %s (time zone %s), %s</p>\n',
			wa_private.report_time("from"), wa_private.report_time("to"), wa_private.report_text(wa_private.stat_timezone()), coalesce(nullif(scope, ''), 'all groups and bots'))
		|| wa_private.report_head("from", "to", "group", bot)
		|| E'<main>\n'
		|| wa_private.report_members("from", "to", "group", bot, step)
		|| wa_private.report_growth("from", "to", "group", bot, step)
		|| wa_private.report_activity("from", "to", "group", bot)
		|| wa_private.report_retention("from", "to", "group", bot, step)
		|| replace(wa_private.report_groups("from", "to", "group", bot), '<section>', '<section class="whole">')
		|| wa_private.report_bots("from", "to", "group", bot, step)
		|| wa_private.report_quality("from", "to", "group", bot)
		|| format(E'</main>\n<footer>Made by wa_collector at %s. Inferred: two lists of members differ, so it happened in between.</footer>\n</body>\n</html>\n',
			wa_private.report_time(now()));
END
$$;
COMMENT ON FUNCTION wa.report_html(timestamptz, timestamptz, text, text) IS
'a report as one HTML page without scripts, for a browser or a mail: members, joins and leaves, activity, retention, groups, bots, data quality';
