# shellcheck shell=bash
# The settings that the server reads. The caller's environment wins over .env, which wins over what the scripts
# generate; an empty value counts as absent. The server reads .env by itself, from the repository root.

env_file=$repo_root/.env
query_settings='POSTGRES_DB_HOST POSTGRES_DB_PORT POSTGRES_DB POSTGRES_USER POSTGRES_PASSWORD
  ZAVA_SIGNING_KEY ZAVA_EMBEDDING_MODEL_DIR'
admin_settings='POSTGRES_ADMIN_USER POSTGRES_ADMIN_PASSWORD'

# setting NAME: prints what the caller's environment or .env says, or fails.
setting() {
  if [ -n "${!1:-}" ]; then
    printf '%s\n' "${!1}"
  else
    dotenv_value "$1"
  fi
}

# dotenv_value NAME: prints the value that .env gives it, or fails. Like the server's own reader: the first
# assignment wins, `export` is allowed, quotes are taken off, an unquoted value ends at " #".
dotenv_value() {
  local line value
  [ -r "$env_file" ] || return 1
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line%$'\r'}
    line="${line#"${line%%[![:space:]]*}"}"
    case $line in export[[:space:]]*) line=${line#export}; line="${line#"${line%%[![:space:]]*}"}" ;; esac
    case $line in "$1"=*|"$1"[[:space:]]*=*) ;; *) continue ;; esac
    value=${line#*=}
    value="${value#"${value%%[![:space:]]*}"}"
    case $value in
      \"*) value=${value#\"}; value=${value%%\"*} ;;
      \'*) value=${value#\'}; value=${value%%\'*} ;;
      \#*) value= ;;
      *) value=${value%%[[:space:]]#*}; value="${value%"${value##*[![:space:]]}"}" ;;
    esac
    [ -n "$value" ] || return 1
    printf '%s\n' "$value"
    return 0
  done < "$env_file"
  return 1
}

# database_is_external: the caller (or .env) names a PostgreSQL server; ours stays out of it. Decided once, since
# settings_export sets that very variable.
if setting POSTGRES_DB_HOST >/dev/null; then external_database=yes; else external_database=; fi
database_is_external() { [ -n "$external_database" ]; }

# generated NAME: prints what the scripts themselves would use for the cluster chosen by cluster_use; fails when
# they have nothing to say. With a foreign server they know neither its passwords nor whether its key is this one.
generated() {
  case $1 in
    POSTGRES_DB) echo zava ;;
    POSTGRES_USER) echo zava_query ;;
    ZAVA_LISTEN) echo 127.0.0.1:8000 ;;
    ZAVA_EMBEDDING_MODEL_DIR) printf '%s\n' "$tools_dir/embedding-model" ;;
    ZAVA_SIGNING_KEY) secret "$cluster_secrets" "$1" ;;
    POSTGRES_DB_PORT) if database_is_external; then echo 5432; else printf '%s\n' "$cluster_port"; fi ;;
    *)
      ! database_is_external || return 1
      case $1 in
        POSTGRES_DB_HOST) echo 127.0.0.1 ;;
        POSTGRES_ADMIN_USER) echo zava_admin ;;
        *) secret "$cluster_secrets" "$1" ;;
      esac ;;
  esac
}

# effective NAME: prints the value that counts (environment, .env, generated), or fails.
effective() { setting "$1" || generated "$1"; }

# settings_export NAME…: exports a generated value for each name that neither the environment nor .env sets.
# Call it in the subshell that becomes the command which needs them.
settings_export() {
  local name value
  for name in "$@"; do
    if [ -n "${!name:-}" ]; then continue; fi
    unset "$name" # set but empty: absent, and it must not hide .env
    if dotenv_value "$name" >/dev/null; then continue; fi
    if value=$(generated "$name"); then export "$name=$value"; fi
  done
}

# settings_ignore_caller: from here on only generated values count, whatever the environment and .env say: for
# tests, which must not depend on a developer's settings. (The server itself still reads .env in its working
# folder: run it in another one.)
settings_ignore_caller() {
  local name
  for name in ${!POSTGRES_@} ${!ZAVA_@}; do unset "$name"; done
  external_database='' env_file=/dev/null
}

# settings_print: the running database's settings as `export` lines: the server's own variables, then those of
# PostgreSQL's tools (as the admin, who sees the data after SET ROLE zava_owner), and the folder that holds psql.
settings_print() {
  local name value
  for name in $query_settings $admin_settings; do
    if value=$(effective "$name"); then export_line "$name" "$value"; fi
  done
  export_line PGHOST "$(effective POSTGRES_DB_HOST)"
  export_line PGPORT "$(effective POSTGRES_DB_PORT)"
  export_line PGDATABASE "$(effective POSTGRES_DB)"
  if value=$(effective POSTGRES_ADMIN_USER); then
    export_line PGUSER "$value"
    export_line PGPASSWORD "$(effective POSTGRES_ADMIN_PASSWORD || true)"
  else
    export_line PGUSER "$(effective POSTGRES_USER)"
    export_line PGPASSWORD "$(effective POSTGRES_PASSWORD || true)"
  fi
  # shellcheck disable=SC2016 # $PATH is for the shell that reads this line
  [ ! -d "$postgres_bin" ] || printf 'export PATH=%q:"$PATH"\n' "$postgres_bin"
}

# export_line NAME VALUE, quoted for a shell.
export_line() { printf 'export %s=%q\n' "$1" "$2"; }

# listen_split ADDRESS: sets listen_host (an address one can connect to) and listen_port.
listen_split() {
  listen_port=${1##*:}
  listen_host=${1%:*}
  listen_host=${listen_host#[}
  listen_host=${listen_host%]}
  case $listen_host in ''|0.0.0.0|::) listen_host=127.0.0.1 ;; esac
}
