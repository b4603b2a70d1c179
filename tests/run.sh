#!/usr/bin/env bash
# Every test of Paymux: the workspace's own, then generated requests against every operation of
# the published API. Ends with a line that counts both.
#
# Needs Rust and a C compiler. What else is needed is installed where this runs as root on Debian;
# elsewhere the part that needs it is skipped by name. With CI set, a skip is a failure.
#
#   PAYMUX_EXAMPLES=50 ./tests/run.sh    more generated requests for each operation (default 15)
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
skipped=()

step() { printf '\n== %s\n' "$1"; }

# Installs Debian packages, or names those that are missing and fails.
need() {
    local missing=()
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        echo "installing: ${missing[*]}"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
        return
    fi
    echo "missing: ${missing[*]}"
    return 1
}

command -v cargo >/dev/null || { echo "missing: cargo (https://rustup.rs)"; exit 1; }
command -v cc >/dev/null || need gcc libc6-dev || { echo "missing: a C compiler"; exit 1; }

step "workspace tests"
cargo test --workspace --locked || failed=$((failed + 1))

step "generated requests against the published API"
if command -v python3 >/dev/null || need python3; then
    if python3 -c 'import ensurepip, venv' 2>/dev/null || need python3-venv; then
        tests/schemathesis/run.sh || failed=$((failed + 1))
    else
        skipped+=("generated requests (python3-venv)")
    fi
else
    skipped+=("generated requests (python3)")
fi

step "summary"
for part in "${skipped[@]}"; do echo "skipped: $part"; done
if [ ${#skipped[@]} -gt 0 ] && [ -n "${CI:-}" ]; then
    failed=$((failed + ${#skipped[@]}))
fi
echo "$((2 - failed - ${#skipped[@]} * (failed == 0))) passed, $failed failed, ${#skipped[@]} skipped"
[ "$failed" -eq 0 ]
