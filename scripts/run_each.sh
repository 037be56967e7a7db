#!/bin/sh
# run_each.sh
#	Runs each test program given, prints one line for each with the number of
#	its tests, and the output of those that fail.
#	Usage: run_each.sh KIND PROGRAM...  VALGRIND: a prefix command.
kind=$1
shift
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for program in "$@"
do
	name=$(basename "$program")
	timeout "${TEST_TIMEOUT:-300}" $VALGRIND "$program" >"$log" 2>&1 </dev/null
	status=$?
	passed=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log" | tail -1)
	if [ $status = 0 ] && [ "${passed:-0}" -gt 0 ]
	then
		echo "ok $kind $name ($passed tests)"
	else
		echo "not ok $kind $name (exit $status, ${passed:-0} tests passed)"
		cat "$log"
		failed=1
	fi
done
exit $failed
