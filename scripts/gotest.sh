#!/bin/sh
# go test -v into a log; on the screen one line a package, and what failed.
# A test that fails runs twice more, alone. When it passes both times it
# is unsteady: it is named here and at the end of make test, for somebody to
# mend, and does not fail the whole. A data race, a panic or a time limit that
# is reached is never forgiven (docs/decisions/0207-unsteady-tests.md). The
# browser's test repeats its own pages and errands, in the same words. What vet
# says, make check has said.
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
	grep -qE '^(WARNING: DATA RACE|panic:|fatal error:)|: failed again, alone$' "$log" && return 1
	awk -F '\t' '
		/^--- FAIL: / { split($0, word, " "); failed = failed (failed == "" ? "" : "|") word[3] }
		/^ok  \t/ { failed = "" }
		/^FAIL\t/ { split($2, word, " "); print word[1], failed; failed = "" }
	' "$log" >"$log.failed"
	[ -s "$log.failed" ] || return 1
	: >"$log.unsteady"
	while read -r package tests; do
		[ -n "$tests" ] || return 1 # it does not even build
		${GO:-go} test -timeout 40m -vet=off -v $flags -count=2 -run "^($tests)\$" "$package" >"$log.again" 2>&1 </dev/null || return 1
		echo "unsteady: $package $tests failed once and passed twice alone: mend it" >>"$log.unsteady"
	done <"$log.failed"
}

# wrong says of each test that failed in a log what it said, its last lines.
wrong() {
	awk '
		/^=== (RUN|NAME|CONT) / { name = $3; next }
		/^ *--- FAIL: / {
			print "FAILED " $3
			for (i = lines[$3] > 25 ? lines[$3] - 25 : 0; i < lines[$3]; i++) print substr(said[$3, i], 1, 400)
			lines[$3] = 0
			next
		}
		/^(ok  |FAIL|\?   )\t/ { delete said; delete lines; name = ""; next }
		/^ *--- / { next }
		{ said[name, lines[name]++] = $0 }
	' "$1" | tail -120
}

rm -f "$log.unsteady" "$log.again"
${GO:-go} test -timeout 20m -vet=off -v $flags "$@" >"$log" 2>&1
code=$?
if [ $code -eq 0 ] || again; then
	grep -E '^ok' "$log"
	grep -oE 'unsteady: .*' "$log" >>"$log.unsteady"
	cat "$log.unsteady"
	exit 0
fi
grep -E '^(ok|FAIL|panic:|--- FAIL)' "$log"
wrong "$log"
if [ -s "$log.again" ]; then
	echo "and again, alone:"
	wrong "$log.again"
fi
echo "the whole log is in $log"
exit $code
