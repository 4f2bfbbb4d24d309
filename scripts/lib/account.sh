# shellcheck shell=bash
# PostgreSQL refuses to run as root. If root runs the scripts, PostgreSQL runs as an unprivileged
# user, in folders that this user can access.

postgres_account=                # empty: not root, PostgreSQL runs as the current user

# account_choose: sets postgres_account: the owner of an existing cluster; otherwise the system user
# zava-postgres, which is created if it does not exist; or nobody, if users cannot be created.
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
    note "created the system user zava-postgres, because PostgreSQL must not run as root"
    postgres_account=zava-postgres
  else
    postgres_account=nobody
  fi
  as_account true ||
    die "PostgreSQL must not run as root, and no command can be run as $postgres_account (the reason is above)." \
      "Run this as a user other than root."
}

# as_account COMMAND…: runs a command as PostgreSQL's user. All its paths must be absolute: the
# working directory is /, because that user may have no access to the caller's.
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
  echo "setpriv, runuser or sudo is required to start PostgreSQL as a user other than root" >&2
  exit 1
)

account_uid() { case $postgres_account in *[!0-9]*) id -u "$postgres_account" ;; *) echo "$postgres_account" ;; esac; }

# account_owns PATH…: makes PostgreSQL's user the owner of the paths. Does nothing if that is the
# current user.
account_owns() {
  [ -z "$postgres_account" ] || chown "$(account_uid)" "$@"
}

# account_place LINK: ensures that LINK (a path in the state folder) is a folder that PostgreSQL's
# user can access. If the checkout is inside a private folder (/root, a home directory), LINK
# becomes a symbolic link to a folder below /var/lib/zava-postgres. The folder's name depends on
# LINK's path, so that a copy of the checkout gets a folder of its own.
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
    die "PostgreSQL's user ($postgres_account) cannot access $parent, and $outside could not be created for it." \
      "Move the checkout to a folder that every user can enter (for example below /srv or /opt), or run this as a user other than root."
  note "the user $postgres_account cannot access $parent: $(basename "$link") is in $outside"
  if [ -d "$link" ]; then # created while the parent folder was still accessible
    rm -rf "$outside" && mv "$link" "$outside" || die_unwritable "$outside"
  fi
  ln -s "$outside" "$link"
}

# account_reaches FOLDER: succeeds if PostgreSQL's user can enter the folder by this path.
account_reaches() { as_account test -x "$1/." 2>/dev/null; }
