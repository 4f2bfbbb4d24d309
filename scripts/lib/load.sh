# shellcheck shell=bash
# Loads the library: `. "$(dirname "$0")/lib/load.sh"`. Sourcing it only defines variables and
# functions and changes nothing on the machine. The comment of each function says what it does and
# which variables it sets.
#
# Must work in bash 3.2, the version of macOS: no associative arrays, no mapfile, no ${name,,}.
# Never export a shell variable with the prefix ZAVA_: the server rejects unknown settings.

lib_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

# shellcheck source=state.sh
. "$lib_dir/state.sh"       # paths, messages, steps with progress
# shellcheck source=process.sh
. "$lib_dir/process.sh"     # pid files, the lock, stopping processes
# shellcheck source=network.sh
. "$lib_dir/network.sh"     # ports, a minimal HTTP client
# shellcheck source=secrets.sh
. "$lib_dir/secrets.sh"     # generated passwords and the signing key
# shellcheck source=settings.sh
. "$lib_dir/settings.sh"    # settings: environment, then .env, then generated values
# shellcheck source=packages.sh
. "$lib_dir/packages.sh"    # pinned Python wheels: download, verify, unpack
# shellcheck source=toolchain.sh
. "$lib_dir/toolchain.sh"   # Rust, C compiler, libclang, building the server
# shellcheck source=account.sh
. "$lib_dir/account.sh"     # the unprivileged user that runs PostgreSQL for root
# shellcheck source=postgres.sh
. "$lib_dir/postgres.sh"    # PostgreSQL clusters: create, start, stop, remove
# shellcheck source=server.sh
. "$lib_dir/server.sh"      # migrate, seed, serve
