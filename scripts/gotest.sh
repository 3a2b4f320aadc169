#!/bin/sh
# go test -v into a log; on the screen one line a package, and what failed.
log=$1
shift
${GO:-go} test -timeout 20m -v "$@" >"$log" 2>&1
code=$?
grep -E '^(ok|FAIL|panic:|--- FAIL)' "$log"
if [ $code -ne 0 ]; then
	grep -nE '^\s+(--- FAIL|[a-z_0-9]+\.go:[0-9]+:)' "$log" | tail -60
	echo "the whole log is in $log"
fi
exit $code
