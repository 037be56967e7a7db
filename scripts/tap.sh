#!/bin/sh
# tap.sh
#	Runs one TAP test by itself, so that its end is not the end of the others.
#	Prints what `make installcheck` would, or the end of all its logs when it
#	fails.  Usage: tap.sh DIR tests/t/NAME.pl; DIR/NAME gets clusters and logs.
#	Needs PG_CONFIG in the environment.
dir=$1
file=$2
name=$(basename "$file" .pl)
pgxs=$("$PG_CONFIG" --pgxs)
src=${pgxs%/makefiles/pgxs.mk}
export TESTDIR="$dir/$name" TESTDATADIR="$dir/$name/tmp_check" TESTLOGDIR="$dir/$name/tmp_check/log"
export PG_REGRESS="$src/test/regress/pg_regress" PATH="$("$PG_CONFIG" --bindir):$PATH" PGPORT=65432
rm -rf "$TESTDIR"
mkdir -p "$TESTLOGDIR"
started=$(date +%s)
# who asks for a larger flood (tests/t/030_flood.pl) waits longer for it
timeout "${TAP_TIMEOUT:-$((400 + ${WA_FLOOD:-0} / 25))}" perl -I "$src/test/perl" -I . -I tests/t/lib "$file" >"$TESTDIR/output" 2>&1 </dev/null
status=$?
if [ $status = 0 ]
then
	echo "ok tap $name ($(grep -c '^ok ' "$TESTDIR/output") tests, $(($(date +%s) - started)) s)"
	rm -rf "$TESTDATADIR"/t_* "$TESTDATADIR"/*_data
	exit 0
fi
{
	echo "not ok tap $name (exit $status, $(($(date +%s) - started)) s)"
	grep -v '^ok ' "$TESTDIR/output" | head -60 | cut -c1-1000
	for log in "$TESTLOGDIR"/*.log
	do
		echo "-- $log"
		grep -v -E 'checkpoint|listening on|database system' "$log" | tail -25 | cut -c1-400
	done
} >"$TESTDIR/report"
cat "$TESTDIR/report"
exit 1
