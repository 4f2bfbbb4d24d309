# shellcheck shell=bash
# The server's commands: migrate, seed, serve.

server_pid=
server_pid_file=$run_dir/server.pid

# server_run_admin COMMAND…: runs `zava-mcp-server COMMAND…` as the admin (migrate, seed).
server_run_admin() (
  cd "$repo_root" || exit 1
  # shellcheck disable=SC2086 # names are words
  settings_export $query_settings $admin_settings
  exec "$(server_binary)" "$@"
)

# server_migrate: roles, schemas, policies. Its output appears only when it fails: most starts change nothing.
server_migrate() {
  local log=$log_dir/migrate.log
  if ! run_step quiet server_run_admin migrate > "$log" 2>&1; then
    sed 's/^/    /' "$log" >&2
    die_if_disk_full
    die "migrating the database failed; the reason is above."
  fi
}

# server_seed full|small: loads the sample data unless it is there. A file beside the data says what is loaded,
# or what was being loaded when the last run was killed.
server_seed() {
  local scale=$1 marker=$cluster_dir/loaded loaded=
  if ! database_is_external && [ -r "$marker" ]; then IFS= read -r loaded < "$marker" || true; fi
  set -- seed --scale "$scale"
  case $loaded in
    "$scale"|"loading $scale"|'') ;;
    loading*) set -- "$@" --replace ;; # the load of another scale did not end; how far it got does not matter
    *)
      note "the database holds the $loaded sample data, and keeps it; to replace it by the $scale data, add --fresh"
      return 0 ;;
  esac
  if [ "$loaded" != "$scale" ]; then
    step "Loading the $scale sample data (nothing is loaded where data is already)"
    database_is_external || printf 'loading %s\n' "$scale" > "$marker" || die_unwritable "$marker"
  fi
  if ! run_step loud server_run_admin "$@" >&2; then
    die_if_disk_full
    die "loading the sample data failed; the reason is above." "Run this again to load it."
  fi
  database_is_external || printf '%s\n' "$scale" > "$marker" || die_unwritable "$marker"
}

# server_start HOST:PORT: starts `serve` in a process group of its own and sets server_pid. It gets no password
# but that of the login that only queries. What it prints goes to this script's output.
server_start() {
  set -m
  (
    cd "$repo_root" || exit 1
    # shellcheck disable=SC2086 # names are words
    settings_export $query_settings
    export ZAVA_LISTEN="$1"
    unset POSTGRES_ADMIN_USER POSTGRES_ADMIN_PASSWORD POSTGRES_SUPERUSER_PASSWORD
    exec "$(server_binary)" serve
  ) </dev/null &
  server_pid=$!
  set +m
  write_pid "$server_pid_file" "$server_pid" || die_unwritable "$server_pid_file"
}

# server_wait_ready HOST PORT PID SECONDS: true when it answers that it is ready, false when PID has gone or time
# is up. PID is the server, or the process that owns it.
server_wait_ready() {
  local deadline=$((SECONDS + $4))
  until [ "$(http_status "$1" "$2" /health/ready)" = 200 ]; do
    kill -0 "$3" 2>/dev/null || return 1
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.05
  done
}

# server_stop: ends the server that the pid file names, if it still is one of ours. Also for a server that a
# killed `up` left behind.
server_stop() {
  local pid
  if pid=$(pid_from "$server_pid_file" "zava-mcp-server serve"); then
    # The server lets running requests end first.
    stop_process "$pid" "zava-mcp-server serve" 30 ||
      die "may not stop process $pid: it belongs to another user. Run this as that user."
  fi
  rm -f "$server_pid_file"
}
