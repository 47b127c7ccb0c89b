#!/bin/sh
# All measurements, one after the other. Takes about half an hour; run it with nothing else running.
set -eu
cd "$(dirname "$0")/.."
node bench/bench.mjs --fleet L --agents 50 --browsers 5 --minutes "${MINUTES:-10}"
node bench/bench.mjs --fleet L --agents 0 --browsers 0 --minutes 3 --label alone
node bench/bench.mjs --fleet XL --agents 0 --browsers 5 --minutes 3
node bench/first-load.mjs --fleet L --times 10
node bench/starts.mjs --fleet L --times "${STARTS:-100}"
node bench/agent.mjs --minutes 3
