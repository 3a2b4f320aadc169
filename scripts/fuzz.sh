#!/bin/sh
# Run every fuzz target, one on each processor at a time: what reads bytes of
# strangers first (HL7 v2, MLLP, FHIR, configuration) for the given time, the
# others for a sixth of it.
set -u
time=$1
short=$(echo "$time" | sed -E 's/^([0-9]+)s$/\1/' | awk '/^[0-9]+$/ {print int(($1+5)/6) "s"; next} {print $0}')
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# one PACKAGE TARGET runs a target and writes what became of it.
cat >"$dir/one" <<'EOF'
out=$1/$(echo "$2/$3" | tr / .) package=$2 target=$3
case $package in
internal/codec/hl7v2* | internal/codec/mllpframe | internal/codec/fhir | internal/conf) ;;
*) time=$short ;;
esac
run() { ${GO:-go} test "./$package" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -parallel 1 >"$out" 2>&1; }
run
code=$?
# The fuzzer itself sometimes ends so at its time limit, with no input that
# fails; then the target runs once more.
if [ $code -ne 0 ] && ! grep -q 'Failing input' "$out" && grep -q 'context deadline exceeded' "$out"; then
	run
	code=$?
fi
if [ $code -eq 0 ]; then
	echo "ok   $target $(grep -aoE 'execs: [0-9]+' "$out" | tail -1)"
else
	tail -40 "$out"
	echo "FAIL $target"
	exit 1
fi
EOF
export time short
grep -roE '^func Fuzz[A-Za-z0-9_]*' --include=*_test.go internal client | sort |
	sed -E 's|^(.*)/[^/]*:func (Fuzz.*)$|\1 \2|' >"$dir/targets"
xargs -P "$(nproc 2>/dev/null || echo 2)" -n 2 sh "$dir/one" "$dir" <"$dir/targets"
code=$?
echo "$(wc -l <"$dir/targets") fuzz targets, $time or $short each"
[ $code -eq 0 ]
