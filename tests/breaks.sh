#!/usr/bin/env bash
# Shows that the simulation can fail: breaks one promise at a time (tests/breaks/*.patch) in a copy of the tree and prints
# the first seed that goes red and what it says. Fails if a break stays green in 2,000 worlds, or a patch no longer applies.
# Needs Rust, a C compiler and patch; takes about a minute for each break on two cores.
#
#   ./tests/breaks.sh             every break
#   ./tests/breaks.sh 05c 10      those whose names begin so
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
        echo "$name: STAYED GREEN"
        green=1
    elif found=$(grep -E '^seed [0-9]+: ' <<<"$said" | tail -n 1) && [ -n "$found" ]; then
        echo "$name: $found"
    else
        echo "$name: cannot be built or run"
        tail -n 20 <<<"$said"
        exit 1
    fi
done
exit $green
