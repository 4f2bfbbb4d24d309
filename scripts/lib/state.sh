# shellcheck shell=bash
# Paths, messages, and steps with progress.
# Messages go to stderr, so that a script's stdout contains only its result.

repo_root=$(cd "$lib_dir/../.." && pwd -P)
state_dir=$repo_root/.zava       # everything the scripts create; git-ignored; safe to delete if stopped
tools_dir=$state_dir/tools       # unpacked wheels
log_dir=$state_dir/log
run_dir=$state_dir/run           # pid files and markers

child_pid=                       # the process of the current step; stop_children ends it
ticker_pid=

say()  { printf '%s\n' "$*" >&2; }
step() { printf '==> %s\n' "$*" >&2; }
note() { printf '    %s\n' "$*" >&2; }

# die MESSAGE [HINT…]: prints what is wrong and how to fix it, and exits with 1.
die() {
  printf 'error: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
  exit 1
}

# usage_error MESSAGE: prints what is wrong with the arguments, and exits with 64, as the server
# does for invalid settings.
usage_error() {
  printf 'error: %s\nTry %s --help\n' "$1" "$0" >&2
  exit 64
}

# print_help FILE: prints the file's header comment, from its second line to the end of the comment.
print_help() {
  awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$1"
}

# state_prepare: creates the state folder and checks that it is writable.
state_prepare() {
  if ! mkdir -p "$tools_dir" "$log_dir" "$run_dir" 2>/dev/null ||
     ! { printf '*\n' > "$state_dir/.gitignore"; } 2>/dev/null; then
    state_explain_unwritable
  fi
  local folder
  for folder in "$state_dir" "$tools_dir" "$log_dir" "$run_dir"; do
    [ -w "$folder" ] || state_explain_unwritable
  done
}

state_explain_unwritable() {
  die_if_disk_full
  local owner
  owner=$(owner_id "$state_dir" || owner_id "$repo_root")
  [ "$owner" != "$(id -u)" ] || die "cannot write to $state_dir." "Is it on a read-only file system?"
  die "cannot write to $state_dir: it belongs to user id $owner." \
    "Run this as that user, or change the owner: sudo chown -R $(id -u) '$state_dir'"
}

# owner_id PATH: prints the numeric user id of the owner.
owner_id() {
  # shellcheck disable=SC2012 # stat's options differ between Linux and macOS, ls -n does not
  ls -ldn "$1" 2>/dev/null | awk '{ print $3; found = 1 } END { exit !found }'
}

# free_kb PATH: prints the free kilobytes on the file system of the nearest existing parent folder.
free_kb() {
  local path=$1
  while [ ! -e "$path" ]; do path=$(dirname "$path"); done
  df -Pk "$path" | awk 'NR == 2 { print $4 }'
}

# need_space PATH MEGABYTES PURPOSE: ends the script if the disk has less free space.
need_space() {
  local free
  free=$(free_kb "$1")
  [ "$free" -ge $(($2 * 1024)) ] ||
    die "not enough disk space for $3: $((free / 1024)) MB are free at $1, about $2 MB are required." \
      "Free some space and run this again; it continues where it stopped."
}

# shellcheck disable=SC2120 # called with arguments in packages.sh and postgres.sh
# die_if_disk_full [PATH…]: call after a failure. Ends the script with a specific message if the
# disk is full, otherwise returns. Deletes the given leftovers of the failure after measuring free
# space.
die_if_disk_full() {
  local path free full=
  for path in "$state_dir" "$(target_dir)" "$(resolved "${cluster_dir:-$state_dir}")"; do
    free=$(free_kb "$path")
    [ "$free" -ge 30720 ] || full="$((free / 1024)) MB are free at $path"
  done
  [ $# -eq 0 ] || rm -rf "$@"
  [ -z "$full" ] || die "the disk is full: $full." \
    "Free some space (a few hundred MB) and run this again; it repairs unfinished steps."
}

# die_unwritable PATH: ends the script after a failed write.
die_unwritable() {
  die_if_disk_full
  die "could not write $1; the reason is above."
}

# resolved FOLDER: prints its path without symbolic links, or the given path if it does not exist.
resolved() {
  (cd "$1" 2>/dev/null && pwd -P) || printf '%s\n' "$1"
}

# run_step quiet|loud COMMAND…: runs a command in its own process group, so that Ctrl-C or SIGTERM
# to this script ends all its processes, and returns its exit code. A quiet command prints no
# progress, so a counter of seconds is shown. A loud one shows its own progress on a terminal.
run_step() {
  local kind=$1 code=0
  shift
  ticker_start "$kind"
  set -m
  "$@" </dev/null &
  child_pid=$!
  set +m
  wait "$child_pid" 2>/dev/null || code=$?
  child_pid=
  ticker_stop
  return "$code"
}

ticker_start() {
  local every=10 format='    … still running (%d s)\n'
  if [ -t 2 ]; then
    [ "$1" = quiet ] || return 0
    every=1 format='\r    … %d s '
  fi
  set -m # its own process group, so that its `sleep` ends with it and keeps no pipe open
  (
    seconds=0
    while sleep 1 && kill -0 $$ 2>/dev/null; do # ends when the script ($$) was killed
      seconds=$((seconds + 1))
      # shellcheck disable=SC2059 # the format is one of the two above
      [ $((seconds % every)) -ne 0 ] || printf "$format" "$seconds" >&2
    done
  ) </dev/null >/dev/null &
  ticker_pid=$!
  set +m
}

ticker_stop() {
  [ -n "$ticker_pid" ] || return 0
  kill -- "-$ticker_pid" 2>/dev/null || true
  wait "$ticker_pid" 2>/dev/null || true
  ticker_pid=
  [ ! -t 2 ] || printf '\r\033[K' >&2
}

# stop_children: ends the running step, if any, with all its processes.
stop_children() {
  ticker_stop
  [ -n "$child_pid" ] || return 0
  kill -TERM -- "-$child_pid" 2>/dev/null || true
  wait "$child_pid" 2>/dev/null || true
  child_pid=
}

# keep_log_small FILE: renames a log of more than 10 MB to FILE.old, replacing an older one.
keep_log_small() {
  [ -f "$1" ] || return 0
  [ "$(wc -c < "$1")" -lt 10485760 ] || mv -f "$1" "$1.old"
}
