#!/usr/bin/env bash
# The seeded simulation, many times over: two replicas of the gateway over one store, two PGs, and everything that
# goes wrong. Prints the totals; fails, with the seed and what happened step by step, if anything was
# wrong. Needs Rust and a C compiler.
#
#   ./tests/simulate.sh 100000                        so many worlds (20,000)
#   PAYMUX_FIRST_SEED=5000 ./tests/simulate.sh 100    from this seed on (0)
#   PAYMUX_SEED=123 ./tests/simulate.sh               this one, step by step
set -euo pipefail
cd "$(dirname "$0")/.."
export PAYMUX_RUNS="${1:-20000}"
exec cargo test --release --locked --package simulation --test worlds -- --nocapture \
    whatever_goes_wrong_paymux_and_the_pgs_agree_in_the_end
