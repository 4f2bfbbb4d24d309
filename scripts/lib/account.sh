# shellcheck shell=bash
# PostgreSQL refuses to run as root. When root calls, it runs as an unprivileged user, and lives where that user
# can reach it.

postgres_account=                # empty: we are not root, PostgreSQL runs as we do

# account_choose: sets postgres_account. An existing cluster keeps its owner; otherwise it is the system user
# zava-postgres, made now if need be; where users cannot be made it is nobody.
account_choose() {
  postgres_account=
  [ "$(id -u)" -eq 0 ] || return 0
  local owner=
  [ ! -d "$cluster_dir/data" ] || owner=$(owner_id "$cluster_dir/data/")
  if [ -n "$owner" ] && [ "$owner" -ne 0 ]; then
    postgres_account=$(id -un "$owner" 2>/dev/null) || postgres_account=$owner
  elif id zava-postgres >/dev/null 2>&1; then
    postgres_account=zava-postgres
  elif command -v useradd >/dev/null 2>&1 &&
       useradd --system --no-create-home --home-dir /nonexistent --shell /bin/false zava-postgres 2>/dev/null; then
    note "made the system user zava-postgres: PostgreSQL must not run as root"
    postgres_account=zava-postgres
  else
    postgres_account=nobody
  fi
  as_account true ||
    die "PostgreSQL must not run as root, and nothing can be run as $postgres_account (the reason is above)." \
      "Run this as a user that is not root."
}

# as_account COMMAND…: runs it as PostgreSQL's user, with absolute paths only: the working folder is /, because
# the caller's may be closed to that user.
as_account() (
  cd / || exit 1
  export LC_ALL=C
  [ -n "$postgres_account" ] || exec "$@"
  uid=$(account_uid)
  gid=$(id -g "$postgres_account" 2>/dev/null) || gid=$uid
  if command -v setpriv >/dev/null 2>&1; then
    exec setpriv --reuid "$uid" --regid "$gid" --clear-groups -- "$@"
  elif command -v runuser >/dev/null 2>&1; then
    exec runuser -u "$(id -un "$postgres_account")" -- "$@"
  elif command -v sudo >/dev/null 2>&1; then
    exec sudo -n -u "#$uid" -- "$@"
  fi
  echo "none of setpriv, runuser, sudo is there to start PostgreSQL as another user than root" >&2
  exit 1
)

account_uid() { case $postgres_account in *[!0-9]*) id -u "$postgres_account" ;; *) echo "$postgres_account" ;; esac; }

# account_owns PATH…: gives the paths to PostgreSQL's user (nothing to do when that is us).
account_owns() {
  [ -z "$postgres_account" ] || chown "$(account_uid)" "$@"
}

# account_place LINK: makes sure that LINK (a path in the state folder) is a folder that PostgreSQL's user can
# reach. Where the checkout lies behind a closed folder (/root, a private home), LINK becomes a symbolic link to
# a folder below /var/lib/zava-postgres, whose name depends on LINK's path: a copy of the checkout gets its own.
account_place() {
  local link=$1 parent outside
  parent=$(dirname "$link")
  mkdir -p "$parent" || die_unwritable "$parent"
  outside=/var/lib/zava-postgres/$(printf '%s' "$link" | cksum | awk '{ print $1 }')-$(basename "$link")
  if [ -L "$link" ]; then
    if [ "$(readlink "$link")" = "$outside" ] && account_reaches "$outside"; then return 0; fi
    rm -f "$link"
  fi
  if [ -z "$postgres_account" ] || account_reaches "$parent"; then
    mkdir -p "$link" || die_unwritable "$link"
    return 0
  fi
  { [ -d "$outside" ] || { mkdir -p "$outside" 2>/dev/null && chmod 755 /var/lib/zava-postgres "$outside"; }; } &&
    account_reaches "$outside" ||
    die "PostgreSQL's user ($postgres_account) cannot reach $parent, and $outside cannot be made for it." \
      "Move the checkout to a folder that every user may enter (below /srv or /opt, say), or run as a user that is not root."
  note "$parent is closed to the user $postgres_account: $(basename "$link") lives in $outside"
  if [ -d "$link" ]; then # from before the folder was closed
    rm -rf "$outside" && mv "$link" "$outside" || die_unwritable "$outside"
  fi
  ln -s "$outside" "$link"
}

# account_reaches FOLDER: that user can enter it, by just this path.
account_reaches() { as_account test -x "$1/." 2>/dev/null; }
