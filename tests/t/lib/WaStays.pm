#
# WaStays.pm
#	Compares the memberships that a told past comes to with what the simulator
#	made up (docs/simulator.md).  Shared by a test and a benchmark.
#
# The simulated phone tells joins and leaves at random: a join of who is in, or
# a leave of who is out, means that a change before it was not told.  Such a one
# has no time of its own; how many stays there are, and all that was told of
# them, is compared.
#
package WaStays;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(stays_script);

# One script for a session: its only row is "N of M memberships differ".  ask is
# what asks the simulator.
sub stays_script
{
	my ($ask, $number) = @_;
	my @told;
	for (my $from = 0; defined $from;)
	{
		my $page = $ask->({ do => 'history_truth', number => $number, what => 'events', from => $from, limit => 50_000 });
		for my $event (grep { $_->{kind} =~ /^(?:add|remove)$/ } @{ $page->{events} })
		{
			my $joins = $event->{kind} eq 'add';
			for my $who (@{ $event->{targets} })
			{
				my $alone = @{ $event->{targets} } == 1 && ($event->{actor} // '') eq $who;
				push @told, [ $event->{chat}, $who, $event->{at}, $joins ? ('true', $alone ? 'link' : 'added') : ('false', $alone ? 'left' : 'removed') ];
			}
		}
		$from = $page->{next};
	}
	for my $leaver (@{ $ask->({ do => 'history_truth', number => $number, what => 'past_participants' })->{past_participants} })
	{
		push @told, [ $leaver->{chat}, $leaver->{who}, $leaver->{at}, 'false', $leaver->{removed} ? 'removed' : 'left' ];
	}
	my $script = "CREATE TEMPORARY TABLE told (chat text, who text, at bigint, joins boolean, how text);\n";
	while (my @some = splice @told, 0, 1000)
	{
		$script .= 'INSERT INTO told VALUES ' . join(', ', map { sprintf "('%s', '%s', %d, %s, '%s')", @$_ } @some) . ";\n";
	}
	return $script . <<'SQL';
WITH known AS (
	-- two of one direction at nearly the same time are one
	SELECT x.* FROM (SELECT t.*, lag(t.joins) OVER w = t.joins AND t.at - lag(t.at) OVER w <= 2 AS again
		FROM told AS t WINDOW w AS (PARTITION BY t.chat, t.who ORDER BY t.at, t.joins)) AS x
	WHERE x.again IS NOT TRUE
), steps AS (
	SELECT k.*, lag(k.joins) OVER w AS was_in, lead(k.joins) OVER w AS joins_next, lead(k.at) OVER w AS next_at, lead(k.how) OVER w AS next_how
	FROM known AS k WINDOW w AS (PARTITION BY k.chat, k.who ORDER BY k.at, k.joins)
), truth AS (
	SELECT s.chat, s.who, s.at AS joined, s.how AS join_kind, CASE WHEN NOT s.joins_next THEN s.next_at END AS left_at,
		CASE WHEN NOT s.joins_next THEN s.next_how END AS leave_kind, s.joins_next IS NULL AS still_in
	FROM steps AS s WHERE s.joins
	UNION ALL
	SELECT s.chat, s.who, NULL, NULL, s.at, s.how, false FROM steps AS s WHERE NOT s.joins AND s.was_in IS NOT TRUE
), stored AS (
	SELECT g.jid, p.lid || '@lid', CASE WHEN m.joined_precision = interval '0' THEN extract(epoch FROM m.joined_at)::bigint END,
		CASE WHEN m.joined_precision = interval '0' THEN m.join_kind END,
		CASE WHEN m.left_precision = interval '0' THEN extract(epoch FROM m.left_at)::bigint END,
		CASE WHEN m.left_precision = interval '0' THEN m.leave_kind END, m.left_at IS NULL
	FROM wa.memberships AS m
	JOIN wa.groups AS g USING (group_id)
	JOIN wa.people AS p USING (user_id)
	WHERE g.jid IN (SELECT t.chat FROM told AS t)
)
SELECT format('%s of %s memberships differ', count(*), (SELECT count(*) FROM truth))
FROM ((TABLE truth EXCEPT ALL TABLE stored) UNION ALL (TABLE stored EXCEPT ALL TABLE truth)) AS x
SQL
}

1;
