#!/bin/sh
# Makes sure that the browser of the browser tests is there.
set -eu
chromium=${CHROMIUM:-/usr/bin/chromium}
[ -x "$chromium" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing chromium for the browser tests"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends chromium >/dev/null
    exit 0
fi
echo "The browser tests need Chromium at $chromium. Install it (Debian: apt-get install chromium)," >&2
echo "or set CHROMIUM to another Chromium, then run make test again." >&2
exit 1
