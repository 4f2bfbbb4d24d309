# shellcheck shell=bash
# Processes, pid files and the lock. A pid is used only after checking the process's command line,
# because the system may have reused the pid.

# process_is PID TEXT: succeeds if the process runs (a zombie does not) and its command line
# contains TEXT.
process_is() {
  case $1 in ''|*[!0-9]*) return 1 ;; esac
  local state_and_command
  state_and_command=$(ps -ww -o stat= -o args= -p "$1" 2>/dev/null) || return 1
  case $state_and_command in
    Z*) return 1 ;;
    *"$2"*) return 0 ;;
    *) return 1 ;;
  esac
}

# pid_from FILE TEXT: prints the pid in the file's first line if that process runs and its command
# line contains TEXT.
pid_from() {
  local pid=
  [ -r "$1" ] || return 1
  IFS= read -r pid < "$1" || [ -n "$pid" ] || return 1
  process_is "$pid" "$2" || return 1
  printf '%s\n' "$pid"
}

# write_pid FILE PID: replaces the file atomically.
write_pid() {
  printf '%s\n' "$2" > "$1.$$" && mv -f "$1.$$" "$1"
}

# stop_process PID TEXT SECONDS: sends SIGTERM, waits for that many seconds, then sends SIGKILL.
# Returns 1 if the process belongs to another user and cannot be signaled.
stop_process() {
  local deadline=$((SECONDS + $3))
  process_is "$1" "$2" || return 0
  if ! kill -TERM "$1" 2>/dev/null; then
    process_is "$1" "$2" || return 0
    return 1
  fi
  while process_is "$1" "$2"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      note "process $1 did not stop within $3 s: sending SIGKILL"
      kill -KILL "$1" 2>/dev/null || true
      sleep 0.2
      return 0
    fi
    sleep 0.05
  done
}

# The lock allows one `up` per checkout. Its file contains the pid of the script that owns the
# server and the database.
lock_file=$run_dir/up.pid
lock_text=scripts/up             # part of the owner's command line
lock_held=

# lock_take: takes the lock; fails if another process has it. A hard link is created atomically, so
# a lock file always contains its pid. A lock with a dead owner is replaced under a second lock,
# after checking again: otherwise two scripts that find the same dead owner could both take the
# lock.
lock_take() {
  local mine=$lock_file.$$ guard=$lock_file.takeover attempt
  printf '%s\n' "$$" > "$mine" || die_unwritable "$mine"
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    if ln "$mine" "$lock_file" 2>/dev/null; then
      lock_held=yes
    elif lock_owner >/dev/null; then
      break
    elif ln "$mine" "$guard" 2>/dev/null; then
      if ! lock_owner >/dev/null && mv -f "$mine" "$lock_file"; then lock_held=yes; fi
      rm -f "$guard"
      [ -n "$lock_held" ] || break
    elif [ "$attempt" -gt 5 ] && ! pid_from "$guard" "$lock_text" >/dev/null; then
      rm -f "$guard" # its owner was killed while it held the second lock
    else
      sleep 0.05
    fi
    [ -z "$lock_held" ] || break
  done
  rm -f "$mine"
  [ -n "$lock_held" ]
}

# lock_owner: prints the pid of the lock's owner, or fails.
lock_owner() { pid_from "$lock_file" "$lock_text"; }

# lock_give PID: transfers the lock to another process (the background part of `up`).
lock_give() { write_pid "$lock_file" "$1"; lock_held=; }

lock_release() {
  [ -n "$lock_held" ] || return 0
  lock_held=
  rm -f "$lock_file"
}
