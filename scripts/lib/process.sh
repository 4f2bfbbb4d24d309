# shellcheck shell=bash
# Pid files that survive being wrong: a number counts only when the process with that number is the one meant.

# process_is PID TEXT: it runs (a zombie does not) and its command line contains TEXT.
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

# pid_from FILE TEXT: prints the pid in the file's first line if that process still is what TEXT says.
pid_from() {
  local pid=
  [ -r "$1" ] || return 1
  IFS= read -r pid < "$1" || [ -n "$pid" ] || return 1
  process_is "$pid" "$2" || return 1
  printf '%s\n' "$pid"
}

# write_pid FILE PID: replaces the file in one step.
write_pid() {
  printf '%s\n' "$2" > "$1.$$" && mv -f "$1.$$" "$1"
}

# stop_process PID TEXT SECONDS: asks it to end, waits so long, then ends it the hard way. Returns 1 when it may
# not be signalled (another user's).
stop_process() {
  local deadline=$((SECONDS + $3))
  process_is "$1" "$2" || return 0
  if ! kill -TERM "$1" 2>/dev/null; then
    process_is "$1" "$2" || return 0
    return 1
  fi
  while process_is "$1" "$2"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      note "process $1 did not end within $3 s: ending it the hard way"
      kill -KILL "$1" 2>/dev/null || true
      sleep 0.2
      return 0
    fi
    sleep 0.05
  done
}

# The lock: one `up` per checkout. The file holds the pid of the script that owns the server and the database.
lock_file=$run_dir/up.pid
lock_text=scripts/up             # what that process's command line contains
lock_held=

# lock_take: true when this process now owns the lock. A hard link appears whole or not at all, so a lock is never
# seen without its pid. A lock whose owner is gone is replaced under a second lock, and only after a second look:
# otherwise two scripts that find the same dead owner could both believe they replaced it.
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
      rm -f "$guard" # its owner was killed in that very moment
    else
      sleep 0.05
    fi
    [ -z "$lock_held" ] || break
  done
  rm -f "$mine"
  [ -n "$lock_held" ]
}

# lock_owner: prints the pid of the running `up`, or fails.
lock_owner() { pid_from "$lock_file" "$lock_text"; }

# lock_give PID: hands the lock to another process (the background part of `up`).
lock_give() { write_pid "$lock_file" "$1"; lock_held=; }

lock_release() {
  [ -n "$lock_held" ] || return 0
  lock_held=
  rm -f "$lock_file"
}
