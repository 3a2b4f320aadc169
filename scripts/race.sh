#!/bin/sh
# The packages with goroutines of their own, under the race detector. Of the
# stores only what happens at once: SQLite is Go code too, and all of it under
# the detector takes a quarter of an hour.
set -u
log=$1
many=$(($(nproc 2>/dev/null || echo 2) + 1)) # they wait much
packages=$(grep -rlE '\bgo func|\.Go\(|sync\.|atomic\.' --include=*.go internal client | xargs -n1 dirname | sort -u | grep -vE '/(bench|browser|powercut|store/.*)$' |
	while read -r dir; do echo "$(cat "$dir"/*_test.go 2>/dev/null | wc -c) ./$dir"; done | sort -rn | cut -d ' ' -f 2) # what has most tests first: the last ones must not run alone
sh scripts/gotest.sh "$log" -race -short -p $many -- $packages
code=$?
sh scripts/gotest.sh "$log.store" -race -short -run 'TestSuite/.*/(empty|order|wait|repeats)' -- ./internal/store/sqlite/recorddb || code=$?
exit $code
