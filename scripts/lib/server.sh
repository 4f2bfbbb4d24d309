# shellcheck shell=bash
# The server's commands: migrate, seed, serve.

server_pid=
server_pid_file=$run_dir/server.pid

# server_run_admin COMMAND…: runs `zava-mcp-server COMMAND…` (migrate, seed) with the admin login.
server_run_admin() (
  cd "$repo_root" || exit 1
  # shellcheck disable=SC2086 # names are words
  settings_export $query_settings $admin_settings
  exec "$(server_binary)" "$@"
)

# server_migrate: creates or updates roles, schemas and policies. Prints the output only on failure,
# because most starts change nothing. Servers of the previous release may use an external database.
server_migrate() {
  local log=$log_dir/migrate.log contract=--contract
  if database_is_external; then contract=; fi
  if ! run_step quiet server_run_admin migrate ${contract:+"$contract"} > "$log" 2>&1; then
    sed 's/^/    /' "$log" >&2
    die_if_disk_full
    die "the database could not be migrated; the reason is above."
  fi
}

# server_seed full|small: loads the sample data unless it is loaded. A marker file beside the data
# records the loaded scale, or the scale that was being loaded when the last run was killed.
server_seed() {
  local scale=$1 marker=$cluster_dir/loaded loaded=
  if ! database_is_external && [ -r "$marker" ]; then IFS= read -r loaded < "$marker" || true; fi
  set -- seed --scale "$scale"
  case $loaded in
    "$scale"|"loading $scale"|'') ;;
    loading*) set -- "$@" --replace ;; # a load of another scale did not finish; replaces what it loaded
    *)
      note "the database has the $loaded sample data, which is kept; to load the $scale data, add --fresh"
      return 0 ;;
  esac
  if [ "$loaded" != "$scale" ]; then
    step "Loading the $scale sample data (existing data is kept)"
    database_is_external || printf 'loading %s\n' "$scale" > "$marker" || die_unwritable "$marker"
  fi
  if ! run_step loud server_run_admin "$@" >&2; then
    die_if_disk_full
    die "the sample data could not be loaded; the reason is above." "Run this again to load it."
  fi
  database_is_external || printf '%s\n' "$scale" > "$marker" || die_unwritable "$marker"
}

# server_start HOST:PORT: starts `serve` in its own process group and sets server_pid. The only
# password that the server gets is that of the query login. It inherits this script's output.
server_start() {
  set -m
  (
    cd "$repo_root" || exit 1
    # shellcheck disable=SC2086 # names are words
    settings_export $query_settings
    export ZAVA_LISTEN="$1"
    unset POSTGRES_ADMIN_USER POSTGRES_ADMIN_PASSWORD POSTGRES_SUPERUSER_PASSWORD POSTGRES_INDEXER_PASSWORD
    exec "$(server_binary)" serve
  ) </dev/null &
  server_pid=$!
  set +m
  write_pid "$server_pid_file" "$server_pid" || die_unwritable "$server_pid_file"
}

# server_wait_ready HOST PORT PID SECONDS: waits until the server is ready. Fails if PID has ended
# or the time is over. PID is the server, or the process that owns it.
server_wait_ready() {
  local deadline=$((SECONDS + $4))
  until [ "$(http_status "$1" "$2" /health/ready)" = 200 ]; do
    kill -0 "$3" 2>/dev/null || return 1
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.05
  done
}

# server_stop: stops the server that the pid file names, including one that a killed `up` left
# running. A process that is not this server is left alone.
server_stop() {
  local pid
  if pid=$(pid_from "$server_pid_file" "zava-mcp-server serve"); then
    # The timeout allows for the server's graceful shutdown, which waits for running requests.
    stop_process "$pid" "zava-mcp-server serve" 30 ||
      die "cannot stop process $pid: it belongs to another user." "Run this as that user."
  fi
  rm -f "$server_pid_file"
}
