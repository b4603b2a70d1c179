#!/usr/bin/env bash
# Shows that the proofs can fail: breaks one promise at a time (tests/breaks/*.patch) in a copy of the tree, and runs the
# world, the flow or the test that its head names. Prints what went red and what it said. Fails if one stays green, cannot be
# built, names no test or no longer applies. Needs Rust, a C compiler and patch; about forty minutes on two cores.
#
#   ./tests/breaks.sh                          every break
#   ./tests/breaks.sh i05 f12                  those whose names begin so
#   PAYMUX_RUNS=20000 ./tests/breaks.sh i05    in so many worlds (2,000)
set -euo pipefail
cd "$(dirname "$0")/.."
command -v patch >/dev/null || { echo "missing: patch (Debian: patch)"; exit 1; }

scratch="$PWD/target/breaks"
# A world is five times as fast when it is optimized a little.
export CARGO_TARGET_DIR="$scratch/target" CARGO_PROFILE_DEV_DEBUG=false CARGO_PROFILE_DEV_OPT_LEVEL=1
export PAYMUX_RUNS="${PAYMUX_RUNS:-2000}"
mkdir -p "$scratch/tree"
red=0
wrong=0

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
    find "$scratch/tree" -type f -printf '%P\n' | while read -r file; do
        [ -e "$file" ] || rm "$scratch/tree/$file"
    done
}

wanted() {
    local name="$1" prefix
    shift
    [ $# -eq 0 ] && return 0
    for prefix in "$@"; do [[ "$name" == "$prefix"* ]] && return 0; done
    return 1
}

# Runs what a break's head names: the simulation, a flow of the workspace tests, or a test of a package.
shown_by() {
    case "$1" in
        simulation) package=(simulation --test worlds) test=whatever_goes_wrong_paymux_and_the_pgs_agree_in_the_end ;;
        "tests "*) package=(tests --test it) test="${1#* }" ;;
        *) package=("${1%% *}" --lib) test="${1#* }" ;;
    esac
}

failed() {
    echo "$1: $2"
    [ $# -lt 3 ] || tail -n 20 <<<"$3"
    wrong=$((wrong + 1))
}

for break in tests/breaks/*.patch; do
    name=$(basename "$break" .patch)
    wanted "$name" "$@" || continue
    fresh
    if ! patch -d "$scratch/tree" -p1 -s --no-backup-if-mismatch < "$break"; then
        failed "$name" "does not apply"
        # The next one begins with what this one left.
        rm -rf "$scratch/tree" && mkdir -p "$scratch/tree"
        continue
    fi
    shown_by "$(sed -n 's/^Shown by: //p' "$break")"
    build=(cargo test -q --locked --package "${package[@]}")
    if ! said=$(cd "$scratch/tree" && "${build[@]}" --no-run 2>&1); then
        failed "$name" "cannot be built" "$said"
    elif said=$(cd "$scratch/tree" && "${build[@]}" -- --nocapture --exact "$test" 2>&1); then
        if grep -q '^running 0 tests' <<<"$said"; then
            failed "$name" "there is no test $test"
        else
            failed "$name" "STAYED GREEN ($test)"
        fi
    else
        red=$((red + 1))
        seed=$(grep -E '^seed [0-9]+: ' <<<"$said" | tail -n 1 || true)
        echo "$name: ${seed:-$test}"
    fi
done
printf '\n%d red as they should be, %d not\n' "$red" "$wrong"
[ "$wrong" -eq 0 ]
