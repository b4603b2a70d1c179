#!/usr/bin/env bash
# The crash matrix: the real server, killed at every point of every flow, its books held against the
# PG's. Prints flow × point × PG, ends with totals, fails if anything was wrong. Needs Rust only.
#
#   PAYMUX_CRASH_FLOWS=toss/card_paid,portone ./tests/crash.sh   only these flows, PGs or both; none: no flow
#   PAYMUX_CRASH_RANDOM=20 ./tests/crash.sh                      so many runs killed at random, for each PG (5)
#   PAYMUX_CRASH_SEED=7 ./tests/crash.sh                         their first seed (1)
#   PAYMUX_CRASH_LANES=2 ./tests/crash.sh                        so many runs at once (4)
#   PAYMUX_CRASH_TWICE=0 ./tests/crash.sh                        no second deaths: a third fewer runs
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --locked --package tests --bins
exec "${CARGO_TARGET_DIR:-target}/debug/crash-matrix"
