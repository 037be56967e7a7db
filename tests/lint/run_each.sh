#!/bin/sh
# Runs each program given, prints one line for each, and the output of those
# that fail.  Usage: run_each.sh KIND PROGRAM...  VALGRIND: a prefix command.
kind=$1
shift
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for program in "$@"
do
	name=$(basename "$program")
	if timeout "${TEST_TIMEOUT:-300}" $VALGRIND "$program" >"$log" 2>&1 </dev/null
	then
		echo "ok $kind $name"
	else
		echo "not ok $kind $name (exit $?)"
		cat "$log"
		failed=1
	fi
done
exit $failed
