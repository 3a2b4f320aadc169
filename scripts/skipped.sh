#!/bin/sh
# Count what ran; name what was skipped and why.
log=$1
passed=$(grep -cE '^ *--- PASS' "$log")
failed=$(grep -cE '^ *--- FAIL' "$log")
skipped=$(grep -cE '^ *--- SKIP' "$log")
grep -A1 -E '^ *--- SKIP' "$log" | grep -vE '^(--|=== )' | head -40
echo "$passed passed, $failed failed, $skipped skipped"
