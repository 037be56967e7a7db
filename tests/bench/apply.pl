#!/usr/bin/env perl
#
# apply.pl
#	Runs apply.sql, facts into tables without a network, in a private cluster.
#
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use WaBench;

machine();
my $bench = WaBench->start;
open my $in, '<', "$FindBin::Bin/apply.sql" or die "apply.sql: $!";
open my $psql, '|-', "$bench->{bin}/psql", '-X', '-q', '-h', $bench->{dir}, '-U', 'postgres', '-d', 'postgres' or die "psql: $!";
print $psql $_ while <$in>;
close $psql or note("psql ended with $?");
