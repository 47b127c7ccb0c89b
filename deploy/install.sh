#!/bin/sh
# Installs pulse-agent as a systemd service on Linux, or takes it away again.
#
#   curl -fsSL http://pulse:7655/install.sh | sh -s -- --url http://pulse:7655 --token TOKEN
#   sh install.sh --uninstall
#
# Options: --url URL, --token TOKEN or --token-file FILE, --interval SPAN, --insecure (accept any
# certificate), --uninstall. The token is kept in a file that only root can read, never in the
# service's command line.
set -eu

url= token= token_file= interval=10s insecure= uninstall=
bin=/usr/local/bin/pulse-agent
state=/var/lib/pulse-agent
unit=/etc/systemd/system/pulse-agent.service

fail() { echo "pulse-agent: $*" >&2; exit 1; }
while [ $# -gt 0 ]; do
    case $1 in
        --url) url=${2:?}; shift ;;
        --token) token=${2:?}; shift ;;
        --token-file) token_file=${2:?}; shift ;;
        --interval) interval=${2:?}; shift ;;
        --insecure) insecure=1 ;;
        --uninstall) uninstall=1 ;;
        --enable-host) ;;
        --enable-*|--disable-*) echo "pulse-agent: $1 is not supported by this version and has no effect" >&2 ;;
        *) fail "unknown option $1" ;;
    esac
    shift
done
[ "$(uname -s)" = Linux ] || fail "this version has an agent for Linux only"
[ "$(id -u)" = 0 ] || fail "run this as root"
command -v systemctl >/dev/null 2>&1 || fail "systemd was not found; download $url/download/pulse-agent and start it yourself: pulse-agent --url $url --token-file FILE"

if [ -n "$uninstall" ]; then
    systemctl disable --now pulse-agent 2>/dev/null || true
    rm -f "$unit" "$bin"
    rm -rf "$state"
    systemctl daemon-reload
    echo "pulse-agent is removed; its host is shown as offline until it is removed in Pulse"
    exit 0
fi

[ -n "$url" ] || fail "--url is missing: the address of Pulse"
url=${url%/}
if [ -z "$token" ] && [ -n "$token_file" ]; then token=$(cat "$token_file"); fi
[ -n "$token" ] || fail "--token is missing: create one in Settings, Hosts"
case $(uname -m) in
    x86_64|amd64) arch=linux-amd64 ;;
    aarch64|arm64) arch=linux-arm64 ;;
    armv7*) arch=linux-armv7 ;;
    *) fail "no agent for $(uname -m)" ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
from="$url/download/pulse-agent?arch=$arch"
if command -v curl >/dev/null 2>&1; then
    curl -fsS ${insecure:+-k} -D "$work/head" -o "$work/pulse-agent" "$from" || fail "$from could not be downloaded"
else
    wget -q ${insecure:+--no-check-certificate} -S -O "$work/pulse-agent" "$from" 2>"$work/head" || fail "$from could not be downloaded"
fi
want=$(tr -d '\r' <"$work/head" | sed -n 's/^ *[Xx]-[Cc]hecksum-[Ss]ha256: *//p' | tail -n 1)
have=$(sha256sum "$work/pulse-agent" | cut -d' ' -f1)
[ -n "$want" ] || fail "the server sent no checksum"
[ "$want" = "$have" ] || fail "the download is damaged: $have instead of $want"

install -d -m 700 "$state"
(umask 077; printf '%s\n' "$token" >"$state/token")
systemctl stop pulse-agent 2>/dev/null || true
install -m 755 "$work/pulse-agent" "$bin"
cat >"$unit" <<UNIT
[Unit]
Description=Pulse agent
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=$bin --url $url --token-file $state/token --interval $interval${insecure:+ --insecure}
Environment=PULSE_STATE_DIR=$state
Restart=always
RestartSec=5
NoNewPrivileges=yes
ProtectHome=read-only
ProtectSystem=full
MemoryMax=64M

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now pulse-agent
echo "pulse-agent reports to $url every $interval"
