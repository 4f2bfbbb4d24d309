# shellcheck shell=bash
# PgBouncer, which the tests run between the server and PostgreSQL: the installed one, or Debian's
# packages unpacked below .zava/tools, which does not require root. Source this after load.sh.

pooler_tool=$tools_dir/pgbouncer

# pooler_ensure: ensures that pooler_run finds a PgBouncer that runs here. Call account_choose
# first.
pooler_ensure() {
  ! pooler_program >/dev/null || return 0
  command -v apt-get >/dev/null 2>&1 && command -v dpkg-deb >/dev/null 2>&1 ||
    die "pgbouncer was not found; the tests need it." "$(pooler_advice)"
  account_place "$pooler_tool"
  local work
  work=$(mktemp -d "$tools_dir/.fetch.XXXXXX") || die "could not create a folder in $tools_dir."
  step "Fetching PgBouncer (Debian's package, 1 MB)"
  if ! (cd "$work" && pooler_download) > "$log_dir/pgbouncer.log" 2>&1; then
    tail -n 5 "$log_dir/pgbouncer.log" | sed 's/^/    /' >&2
    die_if_disk_full "$work"
    rm -rf "$work"
    die "apt-get could not download pgbouncer; its last lines are above." "$(pooler_advice)"
  fi
  mv "$work/content" "$(resolved "$pooler_tool")/content" || die_unwritable "$pooler_tool"
  rm -rf "$work"
  # shellcheck disable=SC2046 # word splitting is intended: env, NAME=value, the program
  as_account $(pooler_command) --version >/dev/null ||
    die "the unpacked PgBouncer does not run here (its message is above)." "$(pooler_advice)"
}

# Downloads into the working directory PgBouncer and the libraries that most systems lack, whose
# package names differ between releases.
pooler_download() {
  local packages
  packages=$(apt-cache depends pgbouncer 2>/dev/null | awk '$1 == "Depends:" && $2 ~ /^lib(event|c-?ares)/ { print $2 }')
  if [ -z "$packages" ] && [ "$(id -u)" -eq 0 ]; then
    apt-get update || return 1
    packages=$(apt-cache depends pgbouncer | awk '$1 == "Depends:" && $2 ~ /^lib(event|c-?ares)/ { print $2 }')
  fi
  # shellcheck disable=SC2086 # one word per package
  run_step quiet apt-get download pgbouncer $packages || return 1
  local package
  for package in ./*.deb; do dpkg-deb -x "$package" content || return 1; done
  chmod 755 content
}

# pooler_program: prints the path of PgBouncer, or fails.
pooler_program() {
  local path
  for path in "$(command -v pgbouncer || true)" /usr/sbin/pgbouncer "$(resolved "$pooler_tool")/content/usr/sbin/pgbouncer"; do
    if [ -n "$path" ] && [ -x "$path" ]; then printf '%s\n' "$path" && return 0; fi
  done
  return 1
}

# pooler_command: prints the command that starts PgBouncer, with the path of its unpacked libraries.
pooler_command() {
  local path folder libraries=
  path=$(pooler_program) || return 1
  case $path in
    */content/usr/sbin/pgbouncer)
      for folder in "${path%/usr/sbin/pgbouncer}"/usr/lib/*-linux-*; do libraries=${libraries:+$libraries:}$folder; done
      printf 'env LD_LIBRARY_PATH=%s %s\n' "$libraries" "$path" ;;
    *) printf '%s\n' "$path" ;;
  esac
}

# pooler_run FOLDER: runs PgBouncer with FOLDER/pgbouncer.ini until standard input is closed, so
# that it never outlives the process that started it. PostgreSQL's user becomes the owner of FOLDER,
# because PgBouncer refuses to run as root too.
pooler_run() {
  local pid command
  command=$(pooler_command) || die "pgbouncer was not found." "$(pooler_advice)"
  account_owns "$1" "$1"/*
  set -m # a process group of its own, to end all of it
  # shellcheck disable=SC2086 # word splitting is intended
  as_account $command -q "$1/pgbouncer.ini" </dev/null &
  pid=$!
  set +m
  # shellcheck disable=SC2064 # $pid must be expanded now
  trap "kill -KILL -- -$pid 2>/dev/null || true" EXIT
  cat >/dev/null
}

pooler_advice() {
  case $(uname -s) in
    Darwin) echo "Install it: brew install pgbouncer" ;;
    *) echo "Install it with your system's package manager, for example: sudo apt-get install pgbouncer" ;;
  esac
}
