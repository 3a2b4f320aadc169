#!/bin/sh
# Fails when a page's Go code is not what its template says: somebody changed
# one and not the other. Where the template was generated from (FileName) does
# not count.
set -eu
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
cp -R internal/web "$fresh/web"
${GO:-go} tool -modfile=tools/go.mod templ generate -path "$fresh/web" >/dev/null 2>&1 || {
	echo "a template in internal/web is wrong; run: make generate"
	exit 1
}
stale=0
for template in $(find internal/web -name '*.templ'); do
	made=${template%.templ}_templ.go
	sed 's/FileName: `[^`]*`//' "$made" >"$fresh/is" 2>/dev/null || true
	sed 's/FileName: `[^`]*`//' "$fresh/web/${made#internal/web/}" >"$fresh/should"
	cmp -s "$fresh/is" "$fresh/should" || {
		echo "$template and what is generated from it differ"
		stale=1
	}
done
[ "$stale" = 0 ] || {
	echo "run: make generate, and commit the result"
	exit 1
}
