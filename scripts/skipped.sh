#!/bin/sh
# The end of make test, when nothing failed: count what ran; name what was
# skipped and why, and what was unsteady (gotest.sh).
log=$1
passed=$(grep -cE '^ *--- PASS' "$log")
skipped=$(grep -cE '^ *--- SKIP' "$log")
grep -A1 -E '^ *--- SKIP' "$log" | grep -vE '^(--|=== )' | head -40
cat "$(dirname "$log")"/*.unsteady 2>/dev/null
echo "$passed passed, 0 failed, $skipped skipped"
