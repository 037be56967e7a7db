#!/usr/bin/env perl
#
# dashboard_queries.pl
#	Prints the SQL of wa_private.dashboard_queries(): every query of the
#	dashboards and questions that are named on the command line, for
#	wa.bi_selftest().  `make` runs it, so what is tested is what is installed.
#
# usage: scripts/dashboard_queries.pl dashboards/grafana/*.json dashboards/metabase/*.sql
#
# Of Grafana's macros $__timeFrom(), $__timeTo() and $__timeFilter(column) may be
# used, of variables ${group:sqlstring} and ${bot:sqlstring}, which
# wa.bi_selftest() knows; others must be lists of constants, of which the
# default is taken here.  Metabase's questions may have {{from}}, {{to}} and,
# between [[ and ]], {{group}} and {{bot}}.  Anything else is an error.
#
use strict;
use warnings;
use JSON::PP;

my @rows;
for my $file (@ARGV)
{
	open my $in, '<:raw', $file or die "$file: $!\n";
	my $text = do { local $/; <$in> };
	$file =~ /\.json$/ ? grafana($file, $text) : metabase($file, $text);
}
die "usage: $0 FILE...\n" if !@rows;

sub grafana
{
	my ($file, $text) = @_;
	my $dashboard = eval { JSON::PP->new->utf8->decode($text) } or die "$file: $@";
	my ($n, $unit) = $dashboard->{time}{from} =~ /^now-(\d+)([mhd])$/ or die "$file: has a range by default other than now-<number><m, h or d>\n";
	my $range = "$n " . { m => 'minutes', h => 'hours', d => 'days' }->{$unit};
	my %default;
	for my $variable (@{ $dashboard->{templating}{list} })
	{
		if ($variable->{type} eq 'query')
		{
			add($file, $dashboard->{title}, $range, 'variable', $variable->{name}, 'query', $variable->{query}, ['__text', '__value']);
		}
		else
		{
			$default{ $variable->{name} } = $variable->{current}{value};
		}
	}
	for my $annotation (@{ $dashboard->{annotations}{list} })
	{
		my $target = $annotation->{target};
		add($file, $dashboard->{title}, $range, 'annotation', $annotation->{name}, $target->{refId}, constants($target->{rawSql}, \%default), ['time', 'text']);
	}
	for my $panel (map { ($_, @{ $_->{panels} // [] }) } @{ $dashboard->{panels} })
	{
		add($file, $dashboard->{title}, $range, 'panel', $panel->{title}, $_->{refId}, constants($_->{rawSql}, \%default), $_->{format} eq 'time_series' ? ['time'] : [])
			for @{ $panel->{targets} // [] };
	}
	return;
}

sub constants
{
	my ($sql, $default) = @_;
	$sql =~ s/\$\{(\w+):sqlstring\}/exists $default->{$1} ? "'" . $default->{$1} =~ s{'}{''}gr . "'" : $&/ge;
	return $sql;
}

sub metabase
{
	my ($file, $text) = @_;
	utf8::decode($text) or die "$file: is not UTF-8\n";
	my ($title) = $text =~ /\A-- (.+)\n/ or die "$file: begins with no line \"-- title\"\n";
	$text =~ s/^--.*\n//mg;
	$text =~ s/;\s*\z|\s+\z//;
	add($file, 'Metabase', '30 days', 'question', $title, ($file =~ m{([^/]+)\.sql$})[0], $text, []);
	return;
}

sub add
{
	my ($file, $dashboard, $range, $kind, $panel, $query, $sql, $needs) = @_;
	my $left = $sql =~ s/\$__(?:timeFrom|timeTo)\(\)|\$__timeFilter\([\w.]+\)|\$\{(?:group|bot):sqlstring\}//gr;
	$left = $sql =~ s/\[\[[^][]*\{\{(?:group|bot)\}\}[^][]*\]\]|\{\{(?:from|to)\}\}//gr if $kind eq 'question';
	die "$file: $panel: cannot expand \"$1\"\n" if $left =~ /(\$[\w{][^\s,)]*|\{\{.*|\[\[.*)/;
	push @rows, [$dashboard, $range, $kind, $panel, $query, "{" . join(',', @$needs) . "}", $sql];
	return;
}

sub literal
{
	my ($text) = @_;
	return "'" . $text =~ s/'/''/gr . "'" if $text !~ /\\/;
	return " E'" . $text =~ s/(['\\])/\\$1/gr . "'";
}

binmode STDOUT, ':encoding(UTF-8)';
print <<'SQL';
/* Written by scripts/dashboard_queries.pl from the files in dashboards. */
CREATE FUNCTION wa_private.dashboard_queries()
RETURNS TABLE (dashboard text, range interval, kind text, panel text, query text, needs text[], sql text) LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
	SELECT v.dashboard, v.range::interval, v.kind, v.panel, v.query, v.needs::text[], v.sql
	FROM (VALUES
SQL
print join(",\n", map { '(' . join(', ', map { literal($_) } @$_) . ')' } @rows), "\n";
print <<'SQL';
	) AS v (dashboard, range, kind, panel, query, needs, sql);
END;
COMMENT ON FUNCTION wa_private.dashboard_queries() IS
'the queries of the dashboards and questions: range it has by default; kind panel, variable, annotation or question; needs: columns without which it is useless';
SQL
