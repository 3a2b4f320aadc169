#!/bin/sh
# Make the generated files; with --check fail when that changes anything.
set -eu
go=${GO:-go}
if [ "${1:-}" = --check ]; then
	before=$(git ls-files -m -o --exclude-standard | xargs -r cat 2>/dev/null | sha256sum)
fi
if ls internal/web/*.templ internal/web/*/*.templ >/dev/null 2>&1; then
	$go tool -modfile=tools/go.mod templ generate -path internal/web -log-level error
fi
$go run ./cmd/thalamus reference --out docs/reference
if [ "${1:-}" = --check ]; then
	after=$(git ls-files -m -o --exclude-standard | xargs -r cat 2>/dev/null | sha256sum)
	[ "$before" = "$after" ] || { git status --short; echo "generated files are stale: run make generate and commit"; exit 1; }
fi
