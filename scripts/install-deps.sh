#!/usr/bin/env bash
# Installs what a Debian machine with Rust lacks, and nothing that is already there.
#   scripts/install-deps.sh demo   what `make demo` needs: a C compiler and certificates
#   scripts/install-deps.sh test   that, a PostgreSQL server and an Alertmanager for the tests, and cargo tools
set -euo pipefail

CARGO_DENY_VERSION=0.20.2
CARGO_NEXTEST_VERSION=0.9.151

cargo=${CARGO:-cargo}
missing=()

say() {
    echo "install-deps: $*" >&2
}

need() { # package, command that succeeds when it is not needed
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}

has_certificates() {
    [[ -n "${SSL_CERT_FILE:-}" || -s /etc/ssl/certs/ca-certificates.crt || -s /etc/ssl/cert.pem ]]
}

# Debian keeps the server's programs out of PATH.
has_postgres() {
    command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb'
}

has_alertmanager() {
    command -v prometheus-alertmanager || command -v alertmanager
}

as_root() {
    if [[ $(id -u) -eq 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "not root and no sudo; install these yourself: ${missing[*]}"
        exit 1
    fi
}

# Packages may start a service of their own (PostgreSQL, Alertmanager). Whether that works does not matter: tests
# start their own processes on free ports.
install_packages() {
    if [[ ${#missing[@]} -eq 0 ]]; then
        return
    fi
    if ! command -v apt-get >/dev/null; then
        say "no apt-get here; install what these Debian packages hold: ${missing[*]}"
        exit 1
    fi
    say "installing ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

has_cargo_tool() {
    "$cargo" "$1" --version >/dev/null 2>&1
}

install_cargo_tools() {
    if ! has_cargo_tool deny; then
        say "building cargo-deny $CARGO_DENY_VERSION (about three minutes, once)"
        "$cargo" install --quiet --locked "cargo-deny@$CARGO_DENY_VERSION" >&2
    fi
    if ! has_cargo_tool nextest; then
        say "building cargo-nextest $CARGO_NEXTEST_VERSION (some minutes, once)"
        "$cargo" install --quiet --locked "cargo-nextest@$CARGO_NEXTEST_VERSION" >&2 ||
            say "cargo-nextest could not be built; tests will run with cargo test"
    fi
}

require_rust() {
    if ! command -v "$cargo" >/dev/null; then
        say "cargo is not installed; get Rust from https://rustup.rs"
        exit 1
    fi
}

main() {
    case "${1:-}" in
    demo | test) ;;
    *)
        echo "usage: $0 demo|test" >&2
        exit 2
        ;;
    esac
    require_rust
    need build-essential command -v cc
    need ca-certificates has_certificates
    if [[ $1 == test ]]; then
        need git command -v git
        need postgresql has_postgres
        need prometheus-alertmanager has_alertmanager
    fi
    install_packages
    if [[ $1 == test ]]; then
        install_cargo_tools
        command -v kubectl >/dev/null || say "kubectl is not installed; the tests that use it will say that they were skipped"
    fi
}

main "$@"
