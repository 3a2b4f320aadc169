#!/bin/sh
# Install the real programs that the tests talk to: Debian packages where we
# are root, node modules where there is npm. What is missing is named; the
# tests that need it skip, and fail where CI=true.
set -u
dir=$1
missing=""
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
find_missing() { missing=""; need mllp_send python3-hl7; need mosquitto mosquitto; need mosquitto_pub mosquitto-clients; need socat socat; need curl curl; need chromium chromium; need node nodejs; need npm npm; need mkfs.ext4 e2fsprogs; need losetup mount; need sshd openssh-server; need ser2net ser2net; need save2gdf biosig-tools; need cc gcc; need dbus-daemon dbus; /usr/bin/python3 -c 'import dbusmock' 2>/dev/null || missing="$missing python3-dbusmock"; [ -f /usr/include/edflib.h ] || missing="$missing libedf-dev libc6-dev"; }

find_missing
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing:$missing"
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
	find_missing
fi
if command -v npm >/dev/null 2>&1; then
	mkdir -p "$dir"
	if ! cmp -s test/peers/package.json "$dir/package.json" || [ ! -f "$dir/.installed" ]; then
		rm -f "$dir/.installed"
		cp test/peers/package.json "$dir/package.json"
		npm install --prefix "$dir" --no-package-lock --no-audit --no-fund --loglevel=error && touch "$dir/.installed" || missing="$missing node-modules"
	fi
fi
if [ -n "$missing" ]; then
	echo "peers missing:$missing (their tests are skipped)"
	[ "${CI:-}" = true ] && exit 1
fi
exit 0
