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

# dotenv_value NAME: prints the value that .env gives it, or fails. dotenv_load has read the file.
dotenv_value() {
  local at
  for ((at = 0; at < ${#dotenv_names[@]}; at++)); do
    if [ "${dotenv_names[at]}" = "$1" ]; then
      [ -n "${dotenv_values[at]}" ] || return 1
      printf '%s\n' "${dotenv_values[at]}"
      return 0
    fi
  done
  return 1
}

# dotenv_load: reads .env into dotenv_names and dotenv_values, and what is wrong with it into
# dotenv_errors. The format is that of src/settings/dot_env.rs, which says more: each line for
# itself, values exactly as they stand there.
dotenv_load() {
  local LC_ALL=C line name number=0
  dotenv_names=() dotenv_values=() dotenv_lines=() dotenv_errors=()
  [ -r "$env_file" ] || return 0
  if [ "$(tr -cd '\000' < "$env_file" | wc -c)" -ne 0 ]; then
    dotenv_errors+=("it is not text in UTF-8; save it in that encoding (UTF-16 cannot be read)")
    return 0
  fi
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    [ $number -gt 1 ] || line=${line#$'\xEF\xBB\xBF'}
    trim "$line"
    case $trimmed in export["$blanks"]*) trim "${trimmed#export}" ;; esac
    name=${trimmed%%[!A-Za-z0-9_]*}
    ! is_setting "$name" || dotenv_assign "$name" "${trimmed#"$name"}"
  done < "$env_file"
}

# dotenv_assign NAME REST: takes up a line, of which REST follows the name.
dotenv_assign() {
  local at value after quote
  for ((at = 0; at < ${#dotenv_names[@]}; at++)); do
    [ "${dotenv_names[at]}" != "$1" ] ||
      { dotenv_refuse "$1" "stands in line ${dotenv_lines[at]} already; keep one of the two"; return; }
  done
  trim "$2"
  value=$trimmed
  case $value in
    *[!$'\t\f\r'\ -~]*)
      printf '%s' "$value" | python3 -c 'import sys; sys.stdin.buffer.read().decode()' 2>/dev/null ||
        { dotenv_refuse "$1" "has a value that is not UTF-8; save the file in that encoding"; return; } ;;
  esac
  case $value in =*) ;; *) dotenv_refuse "$1" "is not followed by =; write NAME=value"; return ;; esac
  trim "${value#=}"
  value=$trimmed quote=${trimmed:0:1}
  case $quote in
    \"|\')
      value=${value:1}
      case $value in *"$quote"*) ;; *)
        dotenv_refuse "$1" "has an opening quote without a closing one in the same line"; return ;;
      esac
      trim "${value#*"$quote"}"
      after=$trimmed value=${value%%"$quote"*}
      case $after in ''|\#*) ;; *)
        dotenv_refuse "$1" "has text behind the closing quote; put the whole value into quotes of the other kind"; return ;;
      esac ;;
    \#) value= ;;
    *) trim "${value%%["$blanks"]#*}"; value=$trimmed ;;
  esac
  dotenv_names+=("$1") dotenv_values+=("$value") dotenv_lines+=("$number")
}

dotenv_refuse() { dotenv_errors+=("line $number: $1 $2"); }

# trim TEXT: sets trimmed to it without white space around.
blanks=$' \t\r\f'
trim() {
  trimmed=${1#"${1%%[!"$blanks"]*}"}
  trimmed=${trimmed%"${trimmed##*[!"$blanks"]}"}
}

# is_setting NAME: the server reads it, or would refuse it as misspelt; tests/it/dot_env.rs compares
# this list.
is_setting() {
  case $1 in
    ZAVA_*|POSTGRES_DB_HOST|POSTGRES_DB_PORT|POSTGRES_DB|POSTGRES_SSLMODE|POSTGRES_SSLROOTCERT|POSTGRES_POOL_MODE|\
    POSTGRES_USER|POSTGRES_PASSWORD|POSTGRES_APPLICATION_NAME|POSTGRES_ADMIN_USER|POSTGRES_ADMIN_PASSWORD|\
    WEBSITE_AUTH_ENABLED|FUNCTIONS_CUSTOMHANDLER_PORT|WEBSITE_SITE_NAME|CONTAINER_APP_NAME) ;;
    *) return 1 ;;
  esac
}

# settings_check: ends the script when .env cannot be used, with what the server itself would say.
settings_check() {
  [ ${#dotenv_errors[@]} -eq 0 ] || die "the file .env cannot be used:" "${dotenv_errors[@]}"
}

dotenv_load

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

# settings_ignore_dotenv: from here on .env does not count.
settings_ignore_dotenv() {
  env_file=/dev/null
  dotenv_load
}

# settings_ignore_caller: from here on only generated values count, whatever the environment and .env say: for
# tests, which must not depend on a developer's settings. (The server itself still reads .env in its working
# folder: run it in another one.)
settings_ignore_caller() {
  local name
  for name in ${!POSTGRES_@} ${!ZAVA_@}; do unset "$name"; done
  external_database=''
  settings_ignore_dotenv
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
