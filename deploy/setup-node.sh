#!/bin/sh
# Lets Pulse watch this Proxmox server: makes an account that may only read, gives it a token, and
# tells Pulse. Run as root on the node; run with --remove to take the account away again.
set -eu

KIND=@KIND@ # pve or pbs
PULSE_URL=@PULSE_URL@
NODE_URL=@NODE_URL@
BACKUPS=@BACKUPS@ # yes: may also list backup files
TOKEN="${PULSE_SETUP_TOKEN:-@TOKEN@}"

say() { printf '%s\n' "$*"; }
fail() {
    printf 'pulse: %s\n' "$*" >&2
    exit 1
}
field() { printf '%s' "$1" | tr -d '\n' | sed -n "s/.*\"$2\"[[:space:]]*:[[:space:]]*\"\([^\"]*\)\".*/\1/p"; }

case "$KIND" in
pve) ACCOUNT="pulse-monitor@pam" TOOL=pveum ;;
pbs) ACCOUNT="pulse-monitor@pbs" TOOL=proxmox-backup-manager ;;
*) fail "unknown kind of server: $KIND" ;;
esac
[ "$(id -u)" = 0 ] || fail "run this as root"
command -v "$TOOL" >/dev/null 2>&1 || fail "$TOOL was not found: this is not a Proxmox server of this kind"
command -v curl >/dev/null 2>&1 || fail "curl was not found; install it with: apt install curl"

if [ "${1:-}" = "--remove" ]; then
    if [ "$KIND" = pve ]; then
        pveum user delete "$ACCOUNT" || fail "$ACCOUNT could not be removed"
        pveum role delete PulseMonitor 2>/dev/null || true
    else
        proxmox-backup-manager user remove "$ACCOUNT" || fail "$ACCOUNT could not be removed"
    fi
    say "Removed $ACCOUNT with its tokens. Delete the entry in Pulse, too: Settings, Proxmox."
    exit 0
fi

case "$NODE_URL" in
http://* | https://*) ;;
*) fail "Pulse did not say under which address it reaches this node; make the command again with the address" ;;
esac
[ -n "$TOKEN" ] || fail "the set-up token is missing; make the command again in Pulse"

NAME="pulse-$(printf '%s' "${PULSE_URL#*://}" | sed 's/[^A-Za-z0-9]/-/g')-$(date +%s)"

if [ "$KIND" = pve ]; then
    pveum user add "$ACCOUNT" --comment "Pulse monitoring, may only read" 2>/dev/null || true
    say "User    $ACCOUNT"
    pveum acl modify / --users "$ACCOUNT" --roles PVEAuditor
    # Asking guest agents needs a privilege that has another name since Proxmox VE 9.
    for more in VM.GuestAgent.Audit VM.Monitor; do
        if pveum role modify PulseMonitor --privs "Sys.Audit,$more" 2>/dev/null ||
            pveum role add PulseMonitor --privs "Sys.Audit,$more" 2>/dev/null; then
            pveum acl modify / --users "$ACCOUNT" --roles PulseMonitor
            say "Role    PulseMonitor (Sys.Audit, $more)"
            break
        fi
    done
    if [ "$BACKUPS" = yes ]; then
        pveum acl modify /storage --users "$ACCOUNT" --roles PVEDatastoreAdmin
        say "Backups PVEDatastoreAdmin on /storage: Proxmox shows backup files to no lesser role"
    fi
    MADE=$(pveum user token add "$ACCOUNT" "$NAME" --privsep 0 --output-format json) || fail "no token was made"
    TOKEN_ID=$(field "$MADE" full-tokenid)
else
    proxmox-backup-manager user create "$ACCOUNT" --comment "Pulse monitoring, may only read" 2>/dev/null || true
    say "User    $ACCOUNT"
    MADE=$(proxmox-backup-manager user generate-token "$ACCOUNT" "$NAME") || fail "no token was made"
    TOKEN_ID=$(field "$MADE" tokenid)
    proxmox-backup-manager acl update / Audit --auth-id "$ACCOUNT"
    proxmox-backup-manager acl update / Audit --auth-id "$TOKEN_ID"
fi
SECRET=$(field "$MADE" value)
if [ -z "$TOKEN_ID" ] || [ -z "$SECRET" ]; then
    fail "the answer about the new token could not be read"
fi
say "Token   $TOKEN_ID"

# The secret goes over standard input, not into the list of processes.
ANSWER=$(printf '{"type":"%s","host":"%s","serverName":"%s","tokenId":"%s","tokenValue":"%s","authToken":"%s","source":"script"}' \
    "$KIND" "$NODE_URL" "$(uname -n)" "$TOKEN_ID" "$SECRET" "$TOKEN" |
    curl -sS --max-time 30 -X POST -H 'Content-Type: application/json' --data-binary @- "$PULSE_URL/api/auto-register") ||
    fail "Pulse at $PULSE_URL did not answer"
case "$ANSWER" in
*success*) say "Pulse watches this server from now on." ;;
*) fail "Pulse refused: $ANSWER" ;;
esac
