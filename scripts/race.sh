#!/bin/sh
# The packages with goroutines of their own, under the race detector. Tests
# that need other programs ran before without it.
set -u
packages=$(grep -rlE '\bgo func|\.Go\(|sync\.|atomic\.' --include=*.go internal | xargs -n1 dirname | sort -u | grep -vE '/(bench|browser|powercut)$' | sed 's|^|./|')
exec ${GO:-go} test -race -short -timeout 15m $packages
