#!/bin/sh
# The packages with goroutines of their own, under the race detector. Of the
# stores only what happens at once: SQLite is Go code too, and all of it under
# the detector takes a quarter of an hour.
set -u
packages=$(grep -rlE '\bgo func|\.Go\(|sync\.|atomic\.' --include=*.go internal client | xargs -n1 dirname | sort -u | grep -vE '/(bench|browser|powercut|store/.*)$' | sed 's|^|./|')
${GO:-go} test -race -short -timeout 15m $packages
code=$?
${GO:-go} test -race -short -timeout 15m -run 'TestSuite/.*/(empty|order|wait|repeats)' ./internal/store/sqlite/recorddb || code=$?
exit $code
