#!/usr/bin/env bash
# Every test of Paymux: the workspace's own, then generated requests against every operation of
# the published API. The last line counts what passed and what failed.
#
# Needs Rust and a C compiler. What else is needed is installed where this runs as root on Debian;
# elsewhere the part that needs it is skipped by name. With CI set, a skip is a failure.
#
#   PAYMUX_EXAMPLES=50 ./tests/run.sh      more generated requests for each operation (default 15)
#   PROPTEST_RNG_SEED=7 ./tests/run.sh     other cases of the property tests (default 1, so that a change is
#                                          judged by what it changed)
set -euo pipefail
cd "$(dirname "$0")/.."

passed=0
failed=0

step() { printf '\n== %s\n' "$1"; }

# Runs a part, counts it and says how long it took; a part that fails does not keep the others from running.
part() {
    local name="$1" began=$SECONDS
    shift
    step "$name"
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: $name"
    fi
    echo "$name: $((SECONDS - began)) s"
}

skip() {
    echo "skipped: $1 (missing: $2)"
    if [ -n "${CI:-}" ]; then failed=$((failed + 1)); fi
}

# Installs Debian packages; fails where that cannot be done.
install() {
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 1
    echo "installing: $*"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
}

has_compiler() { command -v cc >/dev/null; }
has_venv() { command -v python3 >/dev/null && python3 -c 'import ensurepip, venv' 2>/dev/null; }

finish() {
    printf '\n%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ]
    exit
}

if ! command -v cargo >/dev/null; then
    echo "missing: cargo (https://rustup.rs)"
    failed=1
    finish
fi
if ! has_compiler && ! install gcc libc6-dev; then
    echo "missing: a C compiler (Debian: gcc libc6-dev)"
    failed=1
    finish
fi

export PROPTEST_RNG_SEED="${PROPTEST_RNG_SEED:-1}"
# Most tests wait for something: a process that starts, the disk, a PG that answers late.
export RUST_TEST_THREADS="${RUST_TEST_THREADS:-$((2 * $(nproc)))}"
part "building the tests" cargo test --workspace --locked --no-run
part "workspace tests" cargo test --workspace --locked --no-fail-fast

if has_venv || { install python3 python3-venv && has_venv; }; then
    part "generated requests against the published API" tests/schemathesis/run.sh
else
    skip "generated requests against the published API" "python3 python3-venv"
fi

finish
