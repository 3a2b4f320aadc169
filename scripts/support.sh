#!/bin/sh
# Write docs/wires/README.md: the first table of every page about a wire, as
# one. With --check it only says whether that is fresh.
set -eu
out=docs/wires/README.md
made=$(mktemp)
trap 'rm -f "$made"' EXIT
{
	echo "# Wires: what is supported"
	echo
	echo "Made of the pages in this folder by scripts/support.sh; change those. What was"
	echo "tried on hardware says so; everything else was tried with the programs named."
	echo
	echo "The channels that the pages show belong into the whole text: \`thalamus export >"
	echo "ward.yaml\`, add them, look at \`thalamus diff ward.yaml\`, then \`thalamus apply"
	echo "ward.yaml --reason …\`. What the text leaves out is removed."
	for page in docs/wires/*.md; do
		[ "$page" = "$out" ] && continue
		echo
		echo "## [$(sed -n '1s/^# //p' "$page")]($(basename "$page"))"
		echo
		awk '/^\|/ {print; seen = 1; next} seen {exit}' "$page"
	done
} >"$made"
if [ "${1:-}" = --check ]; then
	cmp -s "$made" "$out" || {
		echo "$out is not what the pages say; run: make generate"
		exit 1
	}
else
	cp "$made" "$out"
fi
