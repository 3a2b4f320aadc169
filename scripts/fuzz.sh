#!/bin/sh
# Run every fuzz target for the given time.
set -u
time=$1
failed=0
for file in $(grep -rlE '^func Fuzz' --include=*_test.go internal); do
	for target in $(grep -oE '^func Fuzz[A-Za-z0-9_]*' "$file" | cut -d' ' -f2); do
		run() { ${GO:-go} test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "$time" 2>&1; }
		out=$(run); code=$?
		# The fuzzer itself sometimes ends so at its time limit, with no input
		# that fails; then the target runs once more.
		case $code$out in
		0*) ;;
		*"Failing input"*) ;;
		*"context deadline exceeded"*) out=$(run); code=$? ;;
		esac
		if [ $code -eq 0 ]; then
			echo "ok   $target $(echo "$out" | grep -oE 'execs: [0-9]+' | tail -1)"
		else
			echo "$out" | tail -40
			echo "FAIL $target"
			failed=1
		fi
	done
done
exit $failed
