#!/bin/sh
# Runs each fuzz target for FUZZ_SECONDS (default 60).
set -eu
cd "$(dirname "$0")/.."
command -v cargo-fuzz >/dev/null || { echo "install cargo-fuzz and a nightly toolchain first" >&2; exit 1; }
for target in $(cargo +nightly fuzz list); do
    cargo +nightly fuzz run "$target" -- -max_total_time="${FUZZ_SECONDS:-60}"
done
