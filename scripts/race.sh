#!/bin/sh
# The packages with goroutines of their own, under the race detector. Of the
# stores only what happens at once: SQLite is Go code too, and all of it under
# the detector takes a quarter of an hour.
set -u
log=$1
packages=$(grep -rlE '\bgo func|\.Go\(|sync\.|atomic\.' --include=*.go internal client | xargs -n1 dirname | sort -u | grep -vE '/(bench|browser|powercut|store/.*)$' | sed 's|^|./|')
sh scripts/gotest.sh "$log" -race -short -- $packages
code=$?
sh scripts/gotest.sh "$log.store" -race -short -run 'TestSuite/.*/(empty|order|wait|repeats)' -- ./internal/store/sqlite/recorddb || code=$?
exit $code
