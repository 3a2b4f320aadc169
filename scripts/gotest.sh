#!/bin/sh
# go test -v into a log; on the screen one line a package, and what failed.
# A test that fails runs twice more, alone. When it passes both times it
# is unsteady: it is named here and at the end of make test, for somebody to
# mend, and does not fail the whole. A data race, a panic or a time limit that
# is reached is never forgiven (docs/decisions/0207-unsteady-tests.md).
#
#   gotest.sh LOG [FLAG…] -- PACKAGE…
set -f
log=$1
shift
flags=
while [ "$1" != -- ]; do
	flags="$flags $1"
	shift
done
shift

# again runs each test that failed twice more. It fails when that cannot
# be forgiven.
again() {
	grep -qE '^(WARNING: DATA RACE|panic:|fatal error:)' "$log" && return 1
	awk -F '\t' '
		/^--- FAIL: / { split($0, word, " "); failed = failed (failed == "" ? "" : "|") word[3] }
		/^ok  \t/ { failed = "" }
		/^FAIL\t/ { split($2, word, " "); print word[1], failed; failed = "" }
	' "$log" >"$log.failed"
	[ -s "$log.failed" ] || return 1
	: >"$log.unsteady"
	while read -r package tests; do
		[ -n "$tests" ] || return 1 # it does not even build
		${GO:-go} test -timeout 40m -v $flags -count=2 -run "^($tests)\$" "$package" >"$log.again" 2>&1 </dev/null || return 1
		echo "unsteady: $package $tests failed once and passed twice alone: mend it" >>"$log.unsteady"
	done <"$log.failed"
}

rm -f "$log.unsteady"
${GO:-go} test -timeout 20m -v $flags "$@" >"$log" 2>&1
code=$?
if [ $code -eq 0 ] || again; then
	grep -E '^ok' "$log"
	cat "$log.unsteady" 2>/dev/null
	exit 0
fi
grep -E '^(ok|FAIL|panic:|--- FAIL)' "$log"
grep -nE '^\s+(--- FAIL|[a-z_0-9]+\.go:[0-9]+:)' "$log" | tail -60
echo "the whole log is in $log"
exit $code
