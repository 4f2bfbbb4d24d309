# shellcheck shell=bash
# Paths, messages, and steps whose progress is visible.
# Messages go to stderr, so that a script's stdout holds only what it was asked for.

repo_root=$(cd "$lib_dir/../.." && pwd -P)
state_dir=$repo_root/.zava       # everything these scripts make; git-ignored; safe to delete when nothing runs
tools_dir=$state_dir/tools       # unpacked wheels
log_dir=$state_dir/log
run_dir=$state_dir/run           # pid files and markers

child_pid=                       # the step that runs now; stop_children ends it
ticker_pid=

say()  { printf '%s\n' "$*" >&2; }
step() { printf '==> %s\n' "$*" >&2; }
note() { printf '    %s\n' "$*" >&2; }

# die "what happened" ["what to do" …]
die() {
  printf 'error: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
  exit 1
}

# usage_error "what is wrong with the arguments": exit code 64, as for bad configuration of the server.
usage_error() {
  printf 'error: %s\nTry %s --help\n' "$1" "$0" >&2
  exit 64
}

# print_help FILE: prints the file's header comment, from its second line to the first line that is no comment.
print_help() {
  awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$1"
}

# Makes the state folder and checks that we may write there.
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
  [ "$owner" != "$(id -u)" ] || die "cannot write to $state_dir: is it on a read-only file system?"
  die "cannot write to $state_dir: it belongs to user id $owner." \
    "Run this as that user, or take the folder over: sudo chown -R $(id -u) '$state_dir'"
}

# owner_id PATH: the numeric user id that owns it.
owner_id() {
  # shellcheck disable=SC2012 # stat's options differ between Linux and macOS, ls -n does not
  ls -ldn "$1" 2>/dev/null | awk '{ print $3; found = 1 } END { exit !found }'
}

# free_kb PATH: free kilobytes on the file system of the nearest existing parent folder.
free_kb() {
  local path=$1
  while [ ! -e "$path" ]; do path=$(dirname "$path"); done
  df -Pk "$path" | awk 'NR == 2 { print $4 }'
}

# need_space PATH MEGABYTES WHAT_FOR
need_space() {
  local free
  free=$(free_kb "$1")
  [ "$free" -ge $(($2 * 1024)) ] ||
    die "the disk is too full for $3: $((free / 1024)) MB are free at $1, about $2 MB are needed." \
      "Free some space, then run this again: it goes on where it stopped."
}

# shellcheck disable=SC2120 # called with arguments in packages.sh and postgres.sh
# die_if_disk_full [LEFT_OVER…]: after a failure. Ends with the right message when a full disk explains it, returns
# otherwise. Removes what the failure left over, but looks at the disk first.
die_if_disk_full() {
  local path free full=
  for path in "$state_dir" "$(target_dir)" "$(resolved "${cluster_dir:-$state_dir}")"; do
    free=$(free_kb "$path")
    [ "$free" -ge 30720 ] || full="$((free / 1024)) MB are free at $path"
  done
  [ $# -eq 0 ] || rm -rf "$@"
  [ -z "$full" ] || die "the disk is full: $full." \
    "Free some space (a few hundred MB), then run this again: it repairs what was left half-way."
}

# die_unwritable PATH: after something could not be written there.
die_unwritable() {
  die_if_disk_full
  die "could not write $1; the reason is above."
}

# resolved FOLDER: its path without symbolic links, or the path as given when it does not exist.
resolved() {
  (cd "$1" 2>/dev/null && pwd -P) || printf '%s\n' "$1"
}

# run_step quiet|loud COMMAND…: runs it in a process group of its own (so that Ctrl-C or SIGTERM to this script
# can end all of it at once) and returns its exit code. A quiet command prints nothing for a while: a counter
# shows that it is alive. A loud one shows its own progress on a terminal.
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
  local every=10 format='    … still at it (%d s)\n'
  if [ -t 2 ]; then
    [ "$1" = quiet ] || return 0
    every=1 format='\r    … %d s '
  fi
  set -m # a process group of its own, so that its `sleep` ends with it and holds no pipe open
  (
    seconds=0
    while sleep 1 && kill -0 $$ 2>/dev/null; do # $$ is the script: nobody to report for when that was killed
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

# Ends the running step, if there is one, with everything that it started.
stop_children() {
  ticker_stop
  [ -n "$child_pid" ] || return 0
  kill -TERM -- "-$child_pid" 2>/dev/null || true
  wait "$child_pid" 2>/dev/null || true
  child_pid=
}

# keep_log_small FILE: moves a log of more than 10 MB aside (one older copy is kept).
keep_log_small() {
  [ -f "$1" ] || return 0
  [ "$(wc -c < "$1")" -lt 10485760 ] || mv -f "$1" "$1.old"
}
