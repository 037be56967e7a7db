# The panel that links a phone, as a dashboard shows it: it says what is missing,
# its QR code is read from a picture of the page, again when it is another one,
# and links the bot.  So is the code in every other form that it comes in.
use strict;
use warnings;
use lib 'tests/t/lib';
use WaTest;
use WaBrowser;
use PostgreSQL::Test::Utils;
use Test::More;
use JSON::PP;
use MIME::Base64;

need_browser();
need_qr_reader();

my $simulator = simulator();
my $node = wa_node('main', $simulator);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION wa_collector; SELECT wa.create_storage()');
$node->safe_psql('postgres', "CREATE ROLE wa_link LOGIN; CREATE ROLE wa_reader LOGIN; SELECT wa.grant_link_viewer('wa_link'), wa.grant_reader('wa_reader')");

# link_codes(ROLE, ARGUMENTS): the rows as a dashboard's role gets them
sub link_codes
{
	my ($role, $arguments) = @_;
	$arguments //= '';
	my $rows = $node->safe_psql('postgres', <<"SQL", extra_params => [ '-U', $role ]);
SET default_transaction_read_only = on;
SELECT json_agg(c) FROM wa.link_codes($arguments) AS c
SQL
	# bytes of UTF-8, as a file has them
	return @{ JSON::PP->new->decode($rows) };
}

# The only row has no code; returns its hint.
sub hint
{
	my (@arguments) = @_;
	my @rows = link_codes('wa_link', @arguments);
	return scalar(@rows) . ' rows' if @rows != 1;
	return 'a code' if defined $rows[0]{qr} || defined $rows[0]{expires_at};
	return $rows[0]{hint};
}

sub wait_hint
{
	my ($like, $what, @arguments) = @_;
	my $hint;
	wait_until(sub { ($hint = hint(@arguments)) =~ $like }, $what) or diag("the last one: $hint");
	return $hint;
}

# with_code(FUNCTION): what it returns and the code that was valid all the while;
# codes change every 20 seconds
sub with_code
{
	my ($function) = @_;
	for (1 .. 5)
	{
		my $before = $node->safe_psql('postgres', "SELECT wa.qr_content('support')");
		my $value = $function->();
		return ($value, $before) if $node->safe_psql('postgres', "SELECT wa.qr_content('support')") eq $before;
	}
	die 'the code never stays the same';
}

# The panel: a table whose cells are text, and one that takes HTML, in a page of
# a dashboard that brings its colours and leaves the phone 338 pixels for a cell.
sub panel
{
	my ($theme, @rows) = @_;
	my ($page, $card, $text, $line) = $theme eq 'dark' ? ('#111217', '#181b1f', '#ccccdc', '#34373d') : ('#f4f5f5', '#ffffff', '#24292e', '#d8dadc');
	my $lines = '';
	for my $row (@rows)
	{
		my @texts = map { ($_ // '') =~ s/&/&amp;/gr =~ s/</&lt;/gr } @{$row}{qw(bot_name status hint)};
		$lines .= '<div class="row">' . join('', map { "<div class=\"cell\">$_</div>" } @texts, $row->{qr} // '') . '</div>';
	}
	return <<"HTML";
<!DOCTYPE html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>
* { box-sizing: border-box; }
body { margin: 0; padding: 4px; background: $page; color: $text; font: 14px/1.57 Inter, Helvetica, Arial, sans-serif; }
section { background: $card; border: 1px solid $line; border-radius: 2px; }
h2 { font-size: 14px; font-weight: 500; margin: 8px; }
img { max-width: 100%; height: auto; }
.row { display: flex; flex-wrap: wrap; border-top: 1px solid $line; }
.cell { padding: 6px; min-width: 6rem; }
.cell:nth-child(3) { flex: 1 1 10rem; }
</style></head><body><section><h2>Link a phone</h2>$lines</section></body></html>
HTML
}

# everywhere(NAME, CHECK, GET): on a phone and a desk; in both themes where there is more to check
sub everywhere
{
	my ($name, $check, $get) = @_;
	for my $width (360, 1400)
	{
		for my $theme ($check ? ('light', 'dark') : $width == 360 ? 'dark' : 'light')
		{
			my ($rows, $content) = $get->();
			my $page = panel($theme, @$rows);
			looks_well($name, $page, $width, $theme);
			$check->($page, $width, $theme, $content) if $check;
		}
	}
	return;
}

# ---------------------------------------------------------------- what is missing

is(hint(), "There is no bot yet: SELECT wa.add_bot('one'), then SELECT wa.login('one').", 'no bot');
add_bot($node, 'support');
my $hint = wait_hint(qr/^Nobody asked/, 'nobody asked for a code');
everywhere('nobody asked', undef, sub { return [ link_codes('wa_link') ] });

# what the panel says is what helps
my ($statement) = $hint =~ /(SELECT .*)\.$/;
is($statement, "SELECT wa.login('support')", 'it says what to do');
$node->safe_psql('postgres', $statement);
wait_until(sub { defined((link_codes('wa_link'))[0]{qr}) }, 'then there is a code');

my ($reader) = link_codes('wa_reader');
is($reader->{qr}, undef, 'a reader sees none');
is($reader->{expires_at}, undef, 'nor until when it is valid');
is($reader->{hint}, q{Role "wa_reader" may not see codes; the owner of the tables can let it: SELECT wa.grant_link_viewer('wa_reader').}, 'and why');
everywhere('a reader', undef, sub { return [$reader] });

# ---------------------------------------------------------------- the code in the panel

my ($row) = link_codes('wa_link', q{'support'});
is($row->{hint}, 'On the phone: Settings > Linked devices > Link a device.', 'it says where to scan it');
is($row->{status}, 'qr', 'the bot waits');
# what dashboards let through: no style, no script, nothing from elsewhere
is(join(' ', sort(keys %{ { map { $_ => 1 } $row->{qr} =~ /<(\w+)/g } })), 'br div img', 'its elements');
is(join(' ', $row->{qr} =~ / (\w+)="/g), 'width height alt src', 'its attributes');
like($row->{qr}, qr{ width="320" height="320" .* src="data:image/png;base64,[A-Za-z0-9+/=]+">}, 'a picture of 320 pixels, in the page itself');

my $shown;
everywhere('a code',
	sub {
		my ($page, $width, $theme, $content) = @_;
		is(read_qr(picture($page, $width, 520, $theme)), $content, "the code is read from the picture, $width pixels, $theme");
		keep_picture(picture($page, 760, 400, $theme), "link-panel-$theme") if $width == 1400;
		$shown = $content;
	},
	sub { return with_code(sub { return [ link_codes('wa_link') ] }) });

# ---------------------------------------------------------------- all other forms

# in_page(HTML): what a QR reader makes of a picture of it, on a dark page
sub in_page { return read_qr(picture('<!DOCTYPE html><html><body style="background: #111217; color: #ccccdc">' . $_[0] . '</body></html>', 600, 600, 'dark')); }

sub file_of
{
	my ($name, $bytes) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . "/$name";
	open my $out, '>:raw', $file or die "$file: $!";
	print $out $bytes;
	close $out;
	return $file;
}

# The blocks of a terminal as a picture: two modules above one another each, 4 by
# 4 pixels; a block is white on a terminal with dark background.
sub drawn
{
	my ($text, $block) = @_;
	my @lines = grep { length && !/^Phone:/ } split /\n/, $text;
	my %halves = ("\xe2\x96\x88" => [ 1, 1 ], "\xe2\x96\x80" => [ 1, 0 ], "\xe2\x96\x84" => [ 0, 1 ], ' ' => [ 0, 0 ]);
	my @rows;
	for my $line (@lines)
	{
		my @cells = map { $halves{$_} } $line =~ /(\xe2\x96.| )/g;
		push @rows, map { my $half = $_; join '', map { ($_->[$half] ? $block : "\xff" ^ $block) x 4 } @cells } 0, 1;
	}
	my ($width, $height) = (length $rows[0], 4 * @rows);
	return file_of('text.pgm', "P5 $width $height 255\n" . join('', map { ($_) x 4 } @rows));
}

for my $form (
	[ html => "SELECT wa.qr_html('support')", \&in_page ],
	[ 'small html' => "SELECT wa.qr_html('support', 200)", \&in_page ],
	[ svg => "SELECT wa.qr_svg('support')", sub { return in_page("<div style=\"width: 320px\">$_[0]</div>") } ],
	[ png => "SELECT translate(encode(wa.qr_png('support'), 'base64'), E'\\n', '')", sub { return read_qr(file_of('qr.png', decode_base64($_[0]))) } ],
	[ 'smallest png' => "SELECT translate(encode(wa.qr_png('support', 160), 'base64'), E'\\n', '')", sub { return read_qr(file_of('qr.png', decode_base64($_[0]))) } ],
	[ 'text for a dark terminal' => "SELECT wa.qr_text('support')", sub { return read_qr(drawn($_[0], "\xff")) } ],
	[ 'text for a light terminal' => "SELECT wa.qr_text('support', 'light')", sub { return read_qr(drawn($_[0], "\0")) } ])
{
	my ($name, $sql, $read) = @$form;
	my ($value, $content) = with_code(sub { return $node->safe_psql('postgres', $sql) });
	is($read->($value), $content, "the code is read: $name");
}

# ---------------------------------------------------------------- the next code

# the first lives for a minute
wait_for($node, "SELECT qr_content <> '$shown' FROM wa_private.links", 'another code follows', timeout => 90);
my ($rows, $next) = with_code(sub { return [ link_codes('wa_link') ] });
isnt($next, $shown, 'it is another one');
my $read = read_qr(picture(panel('dark', @$rows), 360, 520, 'dark'));
is($read, $next, 'which is read from the picture too');

# what was read links the bot
$simulator->ask({ do => 'scan', number => '4915100009', qr => $read });
wait_for($node, "SELECT status = 'online' FROM wa.bots", 'what was read from the picture links the bot');
is(hint(), q{The only bot is linked. SELECT wa.add_bot('another') adds one.}, 'nobody waits any more');
is(hint(q{'support'}), q{Linked to +4915100009. SELECT wa.logout('support') comes first if it shall be linked to another phone.}, 'and the bot says so');
like(sql_error($node, "SELECT * FROM wa.link_codes('nobody')"), qr/42704.*does not exist/s, 'an unknown bot is an error');

# ---------------------------------------------------------------- nobody scans, nobody works

$node->append_conf('postgresql.conf', "wa_collector.link_timeout = '5s'");
$node->reload;
add_bot($node, q{o'neil <b>});
$node->safe_psql('postgres', q{SELECT wa.login('o''neil <b>')});
wait_hint(qr/^Nobody scanned the QR in time/, 'it is given up in time');
everywhere('given up', undef, sub { return [ link_codes('wa_link') ] });

# an account that asks for more than a scan
$simulator->ask({ do => 'fault', kind => 'passkey' });
$simulator->try_ask({ do => 'scan', number => '4915100008', qr => $node->safe_psql('postgres', q{SELECT wa.qr_content('o''neil <b>')}) });
wait_hint(qr/^The account asks for a passkey/, 'it says that a passkey is asked for');
$simulator->ask({ do => 'faults_clear' });

$node->append_conf('postgresql.conf', "wa_collector.databases = 'template1'");
$node->reload;
wait_hint(qr/^No worker runs in this database/, 'and says when no worker runs');

unlike(slurp_file($node->logfile), qr/\Q$shown\E|\Q$next\E/, 'no code is in the log');
$node->stop('fast');
done_testing();
