# The report in a browser, as a phone and a desk show it, in light and dark: it
# fits, can be read, and the browser has nothing to complain about.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use PostgreSQL::Test::Utils;
use Test::More;
use JSON::PP;

my ($browser) = grep { -x } map { ("$_/chromium", "$_/chromium-browser") } split /:/, $ENV{PATH};
plan skip_all => 'there is no Chromium (Debian package chromium)' if !$browser;

my $node = wa_node('main', undef, 'wa_collector.databases' => 'template1');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION wa_collector; SELECT wa.create_storage()');
my $folder = PostgreSQL::Test::Utils::tempdir();

# chromium(OPTION...): (what it prints, what its console says)
sub chromium
{
	my (@options) = @_;
	my $profile = PostgreSQL::Test::Utils::tempdir();
	my ($out, $err) = ('', '');
	IPC::Run::run([ $browser, qw(--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
			--disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars --enable-logging=stderr),
			"--user-data-dir=$profile", @options ],
		'<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout($WaTest::timeout))
		or diag("chromium: $err");
	return ($out, join("\n", grep { /CONSOLE/ } split /\n/, $err));
}

# In a frame a page has the width that we want, and we may ask what came of it.
sub frame
{
	my ($page, $width, $theme) = @_;
	my $escaped = $page =~ s/&/&amp;/gr =~ s/"/&quot;/gr;
	my $file = "$folder/$width-$theme.html";
	open my $out, '>', $file or die "$file: $!";
	print $out <<"HTML";
<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">
<iframe id="frame" style="color-scheme: $theme; border: 0; width: ${width}px; height: 4000px" srcdoc="$escaped"></iframe>
<pre id="found"></pre>
<script>
function light(colour) {
	const [r, g, b] = colour.match(/[0-9.]+/g).slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
onload = () => {
	const view = frame.contentWindow, page = frame.contentDocument, all = [...page.querySelectorAll('body *')];
	const written = all.filter(e => e.namespaceURI.endsWith('xhtml') && [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim()));
	const contrast = written.map(e => {
		let behind = e;
		while (view.getComputedStyle(behind).backgroundColor == 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
		const two = [light(view.getComputedStyle(e).color), light(view.getComputedStyle(behind).backgroundColor)].sort((a, b) => b - a);
		return (two[0] + 0.05) / (two[1] + 0.05);
	});
	found.textContent = JSON.stringify({
		width: view.innerWidth, needs: page.documentElement.scrollWidth,
		beyond: all.filter(e => e.getBoundingClientRect().right > view.innerWidth + 0.5).length,
		dark: light(view.getComputedStyle(page.body).backgroundColor) < 0.2,
		texts: written.length, contrast: Math.min(...contrast), sections: page.querySelectorAll('section').length,
		smallest: Math.min(...written.map(e => parseFloat(view.getComputedStyle(e).fontSize))) });
};
</script></body>
HTML
	close $out;
	return $file;
}

sub looks_well
{
	my ($name, $page) = @_;
	for my $width (360, 1400)
	{
		for my $theme ('light', 'dark')
		{
			my $case = "$name, $width pixels, $theme";
			my $file = frame($page, $width, $theme);
			my $scheme = '--blink-settings=preferredColorScheme=' . ($theme eq 'dark' ? 0 : 1);
			my ($dom, $console) = chromium($scheme, '--dump-dom', "file://$file");
			is($console, '', "$case: nothing on the console");
			my ($json) = $dom =~ m{<pre id="found">(.+?)</pre>};
			my $found = decode_json($json // '{}');
			is($found->{sections}, 7, "$case: seven parts") or diag(substr($dom, -2000));
			is($found->{width}, $width, "$case: the width is right");
			cmp_ok($found->{needs} // 99999, '<=', $width, "$case: no part is wider than the page");
			is($found->{beyond}, 0, "$case: nothing sticks out");
			is($found->{dark} ? 'dark' : 'light', $theme, "$case: the theme is the system's");
			cmp_ok($found->{contrast} // 0, '>=', 4.5, "$case: $found->{texts} texts stand out");
			cmp_ok($found->{smallest} // 0, '>=', 11, "$case: none is tiny");
			my $picture = "$folder/$width-$theme.png";
			chromium($scheme, "--window-size=1400,2000", "--screenshot=$picture", "file://$file");
			cmp_ok(-s $picture // 0, '>', 20_000, "$case: there is a picture");
		}
	}
	return;
}

looks_well('nothing yet', $node->safe_psql('postgres', 'SELECT wa.report_html()'));

$node->safe_psql('postgres', <<'SQL');
SELECT wa.add_bot('north'), wa.add_bot('a bot with a long name');
UPDATE wa.bots SET status = 'error', status_reason = 'replaced' WHERE name = 'north';
INSERT INTO wa.bot_status_log (bot_id, at, status, previous_status, reason)
SELECT b.bot_id, now() - x.ago, x.status, 'offline', x.reason
FROM wa.bots AS b, (VALUES (interval '20 days', 'online', NULL), ('9 days', 'error', 'connection_lost'), ('8 days', 'online', NULL), ('1 day', 'error', 'replaced')) AS x (ago, status, reason);
INSERT INTO wa.groups (group_id, jid, subject, watch_level, size, roster_at, roster_complete) OVERRIDING SYSTEM VALUE
SELECT g, g || '@g.us', (ARRAY[E'Gardeners \U0001F33B', E'\u0645\u062C\u0645\u0648\u0639\u0629 <b>', '"O''Hara" & Co', repeat('longwithoutspaces', 6)])[g], 'messages', 50, now(), g <> 2
FROM generate_series(1, 4) AS g;
INSERT INTO wa.bot_groups (bot_id, group_id, first_seen_at, last_seen_at) SELECT b.bot_id, g, now(), now() FROM wa.bots AS b, generate_series(1, 4) AS g;
INSERT INTO wa.users (user_id, first_seen_at, last_seen_at) OVERRIDING SYSTEM VALUE SELECT n, now(), now() FROM generate_series(1, 400) AS n;
SELECT wa_private.make_partition(t.name, now() - make_interval(days => d)) FROM unnest('{group_events,messages}'::text[]) AS t (name), unnest('{0,28,29,30}'::int[]) AS d;
INSERT INTO wa.group_events (event_id, group_id, occurred_at, at_precision, source, kind, action, how, target, received_at) OVERRIDING SYSTEM VALUE
SELECT n, 1 + n % 4, now() - interval '100 minutes' * n, CASE n % 4 WHEN 0 THEN interval '2 days' ELSE '0' END, CASE n % 4 WHEN 0 THEN 'snapshot' ELSE 'live' END,
	'join', 'add', 'link', n, now() FROM generate_series(1, 400) AS n;
INSERT INTO wa.memberships (group_id, user_id, role, joined_at, joined_precision, join_kind, join_source, join_event_id)
SELECT e.group_id, e.target, 'member', e.occurred_at, e.at_precision, 'link', e.source, e.event_id FROM wa.group_events AS e;
INSERT INTO wa.chats (chat_id, kind, group_id, jid) OVERRIDING SYSTEM VALUE SELECT g, 'group', g, g || '@g.us' FROM generate_series(1, 4) AS g;
INSERT INTO wa.messages (sent_at, received_at, chat_id, sender, bot_id, from_me, wa_id, kind, state, origin)
SELECT now() - interval '37 minutes' * n, now(), 1 + n % 4, 1 + n % 400, 1, false, n::text, 'text', 'stored', 'live' FROM generate_series(1, 900) AS n;
SQL
looks_well('four weeks', $node->safe_psql('postgres', "SELECT wa.report_html(now() - interval '28 days')"));
done_testing();
