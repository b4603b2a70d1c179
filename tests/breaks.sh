#!/usr/bin/env bash
# Shows that the proofs can fail: breaks one promise at a time (tests/breaks/*.patch) in a copy of the tree and prints the
# first seed of the simulation that goes red and what it says. What stays green in 2,000 worlds is shown to the core's own tests.
# Fails if both stay green, or a patch no longer applies. Needs Rust, a C compiler and patch; six minutes on two cores.
#
#   ./tests/breaks.sh                          every break
#   ./tests/breaks.sh 05c 10                   those whose names begin so
#   PAYMUX_RUNS=20000 ./tests/breaks.sh 05c    in so many worlds
set -euo pipefail
cd "$(dirname "$0")/.."
command -v patch >/dev/null || { echo "missing: patch (Debian: patch)"; exit 1; }

scratch="$PWD/target/breaks"
export CARGO_TARGET_DIR="$scratch/target" CARGO_PROFILE_DEV_DEBUG=false
mkdir -p "$scratch/tree"
green=0

# Only what changed is copied and touched, so that only it is built anew.
fresh() {
    local file
    find . -path ./target -prune -o -path ./.git -prune -o -path ./data -prune -o -type f -print | while read -r file; do
        if ! cmp -s "$file" "$scratch/tree/$file"; then
            mkdir -p "$scratch/tree/$(dirname "$file")"
            cp "$file" "$scratch/tree/$file"
            touch "$scratch/tree/$file"
        fi
    done
}

wanted() {
    local name="$1" prefix
    shift
    [ $# -eq 0 ] && return 0
    for prefix in "$@"; do [[ "$name" == "$prefix"* ]] && return 0; done
    return 1
}

for break in tests/breaks/*.patch; do
    name=$(basename "$break" .patch)
    wanted "$name" "$@" || continue
    fresh
    patch -d "$scratch/tree" -p1 -s --no-backup-if-mismatch < "$break"
    if said=$(cd "$scratch/tree" && cargo test -q --locked --package tests --test it -- --nocapture \
        simulation::whatever_goes_wrong_paymux_and_the_pgs_agree_in_the_end 2>&1); then
        if said=$(cd "$scratch/tree" && cargo test -q --locked --package gateway-core --lib 2>&1); then
            echo "$name: STAYED GREEN"
            green=1
        else
            caught=$(grep -cE '^    gateway::tests::' <<<"$said" || true)
            echo "$name: green in the simulation, $caught of the core's own tests red"
        fi
    elif found=$(grep -E '^seed [0-9]+: ' <<<"$said" | tail -n 1) && [ -n "$found" ]; then
        echo "$name: $found"
    else
        echo "$name: cannot be built or run"
        tail -n 20 <<<"$said"
        exit 1
    fi
done
exit $green
