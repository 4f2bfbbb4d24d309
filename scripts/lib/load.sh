# shellcheck shell=bash
# Loads the whole library: `. "$(dirname "$0")/lib/load.sh"`. Sourcing defines variables and functions and
# changes nothing on the machine; every function's comment says what it does and what it sets.
#
# Works in bash 3.2, which is what macOS ships: no associative arrays, no mapfile, no ${name,,}.
# Shell variables are never exported with a ZAVA_ prefix: the server refuses settings that it does not know.

lib_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

# shellcheck source=state.sh
. "$lib_dir/state.sh"       # paths, messages, steps with visible progress
# shellcheck source=process.sh
. "$lib_dir/process.sh"     # pid files, the lock, stopping a process
# shellcheck source=network.sh
. "$lib_dir/network.sh"     # ports, a tiny HTTP client
# shellcheck source=secrets.sh
. "$lib_dir/secrets.sh"     # generated passwords and the signing key
# shellcheck source=settings.sh
. "$lib_dir/settings.sh"    # environment before .env before generated values
# shellcheck source=packages.sh
. "$lib_dir/packages.sh"    # pinned wheels: download, verify, unpack
# shellcheck source=toolchain.sh
. "$lib_dir/toolchain.sh"   # Rust, C compiler, libclang, building the server
# shellcheck source=account.sh
. "$lib_dir/account.sh"     # the unprivileged user that runs PostgreSQL for root
# shellcheck source=postgres.sh
. "$lib_dir/postgres.sh"    # a PostgreSQL cluster's life: make, start, stop, remove
# shellcheck source=server.sh
. "$lib_dir/server.sh"      # migrate, seed, serve
