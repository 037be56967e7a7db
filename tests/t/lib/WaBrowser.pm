#
# WaBrowser.pm
#	A page in headless Chromium: what the browser complains about, whether the
#	page fits and can be read, a picture of it, and the QR code in the picture.
#
# A page is shown in a frame, which has the width that we want (a window has a
# least one) and may be asked what came of it.  WA_PICTURES, a folder, keeps the
# pictures that have a name: those of the README are made this way.
#
package WaBrowser;

use strict;
use warnings;

use Exporter 'import';
use File::Copy ();
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use WaTest;

our @EXPORT = qw(need_browser need_qr_reader looks_well picture keep_picture read_qr);

my $folder;
my $pages = 0;

sub find_program
{
	my (@names) = @_;
	my ($found) = grep { -x } map { my $dir = $_; map { "$dir/$_" } @names } split /:/, $ENV{PATH};
	return $found;
}

my $browser = find_program(qw(chromium chromium-browser));
my $qr_reader = find_program('zbarimg');

# Ubuntu has Chromium as a snap only; elsewhere run_tests installs both.
sub need_browser { plan skip_all => 'there is no Chromium (Debian package chromium)' if !$browser; return; }
sub need_qr_reader { plan skip_all => 'there is no zbarimg (Debian package zbar-tools)' if !$qr_reader; return; }

# chromium(THEME, OPTION...): (what it prints, what its console says)
sub chromium
{
	my ($theme, @options) = @_;
	my $profile = PostgreSQL::Test::Utils::tempdir();
	my ($out, $err) = ('', '');
	IPC::Run::run([ $browser, qw(--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
			--disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars --enable-logging=stderr),
			'--blink-settings=preferredColorScheme=' . ($theme eq 'dark' ? 0 : 1), "--user-data-dir=$profile", @options ],
		'<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout($WaTest::timeout))
		or diag("chromium: $err");
	return ($out, join("\n", grep { /CONSOLE/ } split /\n/, $err));
}

# The page in a frame, as a file.  What is found goes below the frame.
sub frame
{
	my ($page, $width, $height, $theme) = @_;
	my $escaped = $page =~ s/&/&amp;/gr =~ s/"/&quot;/gr;
	$folder //= PostgreSQL::Test::Utils::tempdir();
	my $file = "$folder/" . $pages++ . '.html';
	open my $out, '>', $file or die "$file: $!";
	print $out <<"HTML";
<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">
<iframe id="frame" style="color-scheme: $theme; display: block; border: 0; width: ${width}px; height: ${height}px" srcdoc="$escaped"></iframe>
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
	// what is written must stay in the box that is drawn around it
	const boxes = [...page.querySelectorAll('section, .tile, .cell')];
	found.textContent = JSON.stringify({
		width: view.innerWidth, needs: page.documentElement.scrollWidth, height: Math.ceil(page.body.getBoundingClientRect().bottom),
		beyond: all.filter(e => e.getBoundingClientRect().right > view.innerWidth + 0.5).length,
		spilt: boxes.filter(b => b.scrollWidth > b.clientWidth).length,
		dark: light(view.getComputedStyle(page.body).backgroundColor) < 0.2,
		texts: written.length, contrast: Math.min(...contrast), sections: page.querySelectorAll('section').length,
		elements: [...new Set(all.map(e => e.localName))].sort().join(' '),
		smallest: Math.min(...written.map(e => parseFloat(view.getComputedStyle(e).fontSize))) });
};
</script></body>
HTML
	close $out;
	return $file;
}

# looks_well(NAME, PAGE, WIDTH, THEME): tests of the page; returns what was found.
sub looks_well
{
	my ($name, $page, $width, $theme) = @_;
	my $case = "$name, $width pixels, $theme";
	my ($dom, $console) = chromium($theme, '--dump-dom', 'file://' . frame($page, $width, 4000, $theme));
	is($console, '', "$case: nothing on the console");
	my ($json) = $dom =~ m{<pre id="found">(.+?)</pre>};
	my $found = decode_json($json // '{}');
	diag(substr($dom, -2000)) if !$json;
	is($found->{width}, $width, "$case: the width is right");
	cmp_ok($found->{needs} // 99999, '<=', $width, "$case: no part is wider than the page");
	is($found->{beyond}, 0, "$case: nothing sticks out");
	is($found->{spilt}, 0, "$case: nothing leaves its box");
	is($found->{dark} ? 'dark' : 'light', $theme, "$case: the theme is the system's");
	cmp_ok($found->{contrast} // 0, '>=', 4.5, "$case: " . ($found->{texts} // 0) . ' texts stand out');
	cmp_ok($found->{smallest} // 0, '>=', 11, "$case: none is tiny");
	return $found;
}

# picture(PAGE, WIDTH, HEIGHT, THEME): a PNG file of the page, up to that height.
sub picture
{
	my ($page, $width, $height, $theme) = @_;
	my $file = frame($page, $width, $height, $theme);
	my $png = $file =~ s/html$/png/r;
	chromium($theme, "--window-size=$width,$height", "--screenshot=$png", "file://$file");
	return $png;
}

# keep_picture(PNG, NAME): for the README, where somebody asked for it.
sub keep_picture
{
	my ($png, $name) = @_;
	return if !$ENV{WA_PICTURES};
	File::Copy::copy($png, "$ENV{WA_PICTURES}/$name.png") or die "cannot copy $png to $ENV{WA_PICTURES}: $!";
	return;
}

# read_qr(FILE): what the QR codes in a picture say, a line each.
sub read_qr
{
	my ($file) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ $qr_reader, qw(--quiet --raw -Sdisable -Sqrcode.enable), $file ],
		'<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout($WaTest::timeout))
		or diag("zbarimg: $err");
	chomp $out;
	return $out;
}

1;
