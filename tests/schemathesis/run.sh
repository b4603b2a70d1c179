#!/usr/bin/env bash
# Generated requests against every operation of a running demo, judged by the published document:
# no server error, no undocumented status, header or content type, no schema that is not kept,
# no invalid request that is taken, no key that is not asked for.
#
# Needs python3 with venv. The environment is made under target/ and kept for the next run.
#
#   PAYMUX_EXAMPLES=50   generated requests for each operation (default 15)
#   PAYMUX_SEED=7        another choice of them (default 1)
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
target="${CARGO_TARGET_DIR:-$root/target}"

venv="$target/schemathesis"
if ! cmp -s "$here/requirements.txt" "$venv/installed.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/installed.txt"
fi

# With the tests' package, so that every dependency has the features it was built with for them.
cargo build --quiet --locked --manifest-path "$root/Cargo.toml" -p paymux-server -p tests --bin paymux

work="$(mktemp -d)"
server=""
# shellcheck disable=SC2329 # the trap calls it
cleanup() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap cleanup EXIT

cd "$work"
# Nothing a person has configured for another server counts here.
for name in $(compgen -e PAYMUX__ || true) PAYMUX_LOG PAYMUX_LOG_FORMAT PAYMUX_CONFIG; do unset "$name"; done
PAYMUX__SERVER__LISTEN=127.0.0.1:0 \
    PAYMUX__SERVER__ADMIN_LISTEN=127.0.0.1:0 \
    PAYMUX__DATABASE__URL="sqlite:$work/data/paymux.db" \
    env -u PAYMUX_EXAMPLES -u PAYMUX_SEED "$target/debug/paymux" demo >"$work/banner" 2>"$work/log" &
server=$!

# The line that says where it is, or the end of the process.
address=""
for _ in $(seq 200); do
    address="$(sed -n 's/.*paymux is ready.*address=\([0-9.]*:[0-9]*\).*/\1/p' "$work/log")"
    if [ -n "$address" ] || ! kill -0 "$server" 2>/dev/null; then break; fi
    sleep 0.05
done
if [ -z "$address" ]; then
    echo "the server did not start:"
    cat "$work/log"
    exit 1
fi

# Valid by the specification itself, before anything is judged by it.
"$venv/bin/openapi-spec-validator" "$root/openapi/openapi.json"

result=0
SCHEMATHESIS_HOOKS="$here/hooks.py" PAYMUX_KEY=sk_test_demo \
    "$venv/bin/st" --config-file "$here/schemathesis.toml" run "http://$address/openapi.json" \
    --checks all \
    --max-examples "${PAYMUX_EXAMPLES:-15}" \
    --seed "${PAYMUX_SEED:-1}" \
    --workers 1 \
    --no-color || result=$?

# A run in which no payment came about has tested only refusals.
registered="$("$venv/bin/python" "$here/registered.py" "http://$address")"
echo "$registered payments were registered"
[ "$registered" -gt 0 ] || result=1

if grep -E 'ERROR|panicked' "$work/log"; then
    echo "the server logged errors (above)"
    result=1
fi
exit "$result"
