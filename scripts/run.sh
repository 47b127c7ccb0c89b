#!/bin/sh
# Starts the server with ./data and, unless LOCAL_AGENT=0, an agent for this machine.
set -eu
cd "$(dirname "$0")/.."
: "${CARGO_TARGET_DIR:=${XDG_CACHE_HOME:-$HOME/.cache}/pulse/target}"
: "${PULSE_DATA_DIR:=./data}" "${FRONTEND_PORT:=7655}" "${LOCAL_AGENT:=1}" "${BIND_ADDRESS:=0.0.0.0}"
export PULSE_DATA_DIR FRONTEND_PORT
mkdir -p "$PULSE_DATA_DIR"
chmod 700 "$PULSE_DATA_DIR"
token="$PULSE_DATA_DIR/local-agent.token"
url="http://127.0.0.1:$FRONTEND_PORT"
[ "$BIND_ADDRESS" = 0.0.0.0 ] || [ "$BIND_ADDRESS" = 127.0.0.1 ] || url="http://$BIND_ADDRESS:$FRONTEND_PORT"

if [ "$LOCAL_AGENT" = 0 ]; then
    LOG_FORMAT=${LOG_FORMAT:-text} "$CARGO_TARGET_DIR/release/pulse" "$@" &
else
    LOG_FORMAT=${LOG_FORMAT:-text} "$CARGO_TARGET_DIR/release/pulse" --local-agent-token "$token" "$@" &
fi
server=$!
agent=
trap 'kill $server $agent 2>/dev/null || true; wait 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

tries=0
until curl -sf -o /dev/null "$url/api/health" 2>/dev/null ||
    wget -q -O /dev/null "$url/api/health" 2>/dev/null; do
    kill -0 $server 2>/dev/null || exit 1
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { echo "the server does not answer on $url" >&2; exit 1; }
    sleep 0.1
done

if [ "$LOCAL_AGENT" != 0 ]; then
    PULSE_STATE_DIR="$PULSE_DATA_DIR" "$CARGO_TARGET_DIR/agent/pulse-agent" \
        --url "$url" --token-file "$token" --health-addr= --log-level warn &
    agent=$!
fi

echo
echo "  Pulse is at  $url"
if [ -f "$PULSE_DATA_DIR/.bootstrap_token" ]; then
    echo "  Set-up token $(cat "$PULSE_DATA_DIR/.bootstrap_token")"
fi
echo "  Data is in   $PULSE_DATA_DIR, Ctrl-C stops"
echo
wait $server
