#!/usr/bin/env bash
# Runs all tests of the workspace, with cargo-nextest where it is installed. Arguments go to cargo. The runner's
# summary is the last thing printed.
set -euo pipefail

cargo=${CARGO:-cargo}

if "$cargo" nextest --version >/dev/null 2>&1; then
    exec "$cargo" nextest run --workspace --no-fail-fast "$@"
fi
echo "cargo-nextest is not installed, using cargo test" >&2
exec "$cargo" test --workspace --no-fail-fast "$@"
