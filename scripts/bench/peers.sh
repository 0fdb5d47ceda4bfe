#!/bin/sh
# Fetches the peers that come as Rust crates into the bench's cache folder, with cargo.
# The others are packages of the system: apt-get install wrk nginx-light iperf3 curl socat haproxy
set -eu

cache=${ARP_BENCH_CACHE:-${HOME:?}/.cache/arp-bench}

if ! command -v cargo >/dev/null 2>&1; then
  echo "cargo is not installed: get a Rust toolchain first" >&2
  exit 1
fi

# One at a time: a crate that does not build must not keep the other away.
failed=0
for crate in rathole bore-cli; do
  cargo install --locked --root "$cache/cargo" "$crate" || {
    echo "$crate could not be installed" >&2
    failed=1
  }
done
exit "$failed"
