#!/bin/sh
# Fails when a page's Go code is not what its template says: somebody changed
# one and not the other.
set -eu
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
cp -R internal/web "$fresh/web"
${GO:-go} tool -modfile=tools/go.mod templ generate -path "$fresh/web" >/dev/null 2>&1 || {
	echo "a template in internal/web is wrong; run: make generate"
	exit 1
}
stale=$(diff -rq internal/web "$fresh/web" || true)
if [ -n "$stale" ]; then
	echo "$stale"
	echo "run: make generate, and commit the result"
	exit 1
fi
