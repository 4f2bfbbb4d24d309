# shellcheck shell=bash
# The server's settings. The caller's environment overrides .env, which overrides the values that
# the scripts generate; an empty value counts as absent. The server itself also reads .env, from the
# repository root.

env_file=$repo_root/.env
query_settings='POSTGRES_DB_HOST POSTGRES_DB_PORT POSTGRES_DB POSTGRES_USER POSTGRES_PASSWORD
  ZAVA_SIGNING_KEY ZAVA_EMBEDDING_MODEL_DIR'
admin_settings='POSTGRES_ADMIN_USER POSTGRES_ADMIN_PASSWORD POSTGRES_INDEXER_PASSWORD'

# setting NAME: prints the value in the caller's environment or .env, or fails.
setting() {
  if [ -n "${!1:-}" ]; then
    printf '%s\n' "${!1}"
  else
    dotenv_value "$1"
  fi
}

# dotenv_value NAME: prints the value in .env, or fails. Call dotenv_load first.
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

# dotenv_load: parses .env into dotenv_names and dotenv_values, and its errors into dotenv_errors.
# The format is that of src/settings/dot_env.rs, where it is documented: one assignment per line,
# with literal values.
dotenv_load() {
  local LC_ALL=C line name number=0
  dotenv_names=() dotenv_values=() dotenv_lines=() dotenv_errors=()
  [ -r "$env_file" ] || return 0
  if [ "$(tr -cd '\000' < "$env_file" | wc -c)" -ne 0 ]; then
    dotenv_errors+=("it is not UTF-8 text; save it as UTF-8 (UTF-16 is not supported)")
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

# dotenv_assign NAME REST: parses REST, the part of a line after the name, and adds the setting.
dotenv_assign() {
  local at value after quote
  for ((at = 0; at < ${#dotenv_names[@]}; at++)); do
    [ "${dotenv_names[at]}" != "$1" ] ||
      { dotenv_error "$1" "is already set in line ${dotenv_lines[at]}; keep only one"; return; }
  done
  trim "$2"
  value=$trimmed
  case $value in
    *[!$'\t\f\r'\ -~]*)
      printf '%s' "$value" | python3 -c 'import sys; sys.stdin.buffer.read().decode()' 2>/dev/null ||
        { dotenv_error "$1" "is not valid UTF-8; save the file as UTF-8"; return; } ;;
  esac
  case $value in =*) ;; *) dotenv_error "$1" "is not followed by \`=\`; write NAME=value"; return ;; esac
  trim "${value#=}"
  value=$trimmed quote=${trimmed:0:1}
  case $quote in
    \"|\')
      value=${value:1}
      case $value in *"$quote"*) ;; *)
        dotenv_error "$1" "has no closing quote in the same line"; return ;;
      esac
      trim "${value#*"$quote"}"
      after=$trimmed value=${value%%"$quote"*}
      case $after in ''|\#*) ;; *)
        dotenv_error "$1" "has text after the closing quote; quote the whole value with the other kind of quotes"; return ;;
      esac ;;
    \#) value= ;;
    *) trim "${value%%["$blanks"]#*}"; value=$trimmed ;;
  esac
  dotenv_names+=("$1") dotenv_values+=("$value") dotenv_lines+=("$number")
}

dotenv_error() { dotenv_errors+=("line $number: $1 $2"); }

# trim TEXT: sets trimmed to the text without surrounding white space.
blanks=$' \t\r\f'
trim() {
  trimmed=${1#"${1%%[!"$blanks"]*}"}
  trimmed=${trimmed%"${trimmed##*[!"$blanks"]}"}
}

# is_setting NAME: succeeds if the server reads the variable, or would reject it as misspelled.
# tests/it/dot_env.rs compares this list with the server's.
is_setting() {
  case $1 in
    ZAVA_*|POSTGRES_DB_HOST|POSTGRES_DB_PORT|POSTGRES_DB|POSTGRES_SSLMODE|POSTGRES_SSLROOTCERT|POSTGRES_POOL_MODE|POSTGRES_READ_HOSTS|POSTGRES_MAX_REPLICA_LAG|\
    POSTGRES_USER|POSTGRES_PASSWORD|POSTGRES_APPLICATION_NAME|POSTGRES_ADMIN_USER|POSTGRES_ADMIN_PASSWORD|\
    POSTGRES_INDEXER_USER|POSTGRES_INDEXER_PASSWORD|POSTGRES_INDEXER_ENTRA_OBJECT_ID|\
    POSTGRES_AUTH|POSTGRES_ENTRA_OBJECT_ID|POSTGRES_ENTRA_SCOPE|AZURE_CLIENT_ID|AZURE_TENANT_ID|\
    AZURE_OPENAI_ENDPOINT|AZURE_OPENAI_API_VERSION|AZURE_OPENAI_SCOPE|EMBEDDING_MODEL_DEPLOYMENT_NAME|\
    AZURE_CLIENT_SECRET|AZURE_FEDERATED_TOKEN_FILE|AZURE_AUTHORITY_HOST|IDENTITY_ENDPOINT|IDENTITY_HEADER|\
    APPLICATIONINSIGHTS_CONNECTION_STRING|APPLICATIONINSIGHTS_AUTHENTICATION_STRING|\
    OTEL_EXPORTER_OTLP_ENDPOINT|OTEL_EXPORTER_OTLP_PROTOCOL|OTEL_EXPORTER_OTLP_HEADERS|OTEL_SERVICE_NAME|OTEL_METRIC_EXPORT_INTERVAL|\
    WEBSITE_AUTH_ENABLED|FUNCTIONS_CUSTOMHANDLER_PORT|WEBSITE_SITE_NAME|CONTAINER_APP_NAME) ;;
    *) return 1 ;;
  esac
}

# settings_check: ends the script if .env is malformed, with the same messages as the server.
settings_check() {
  [ ${#dotenv_errors[@]} -eq 0 ] || die "the file .env is malformed:" "${dotenv_errors[@]}"
}

dotenv_load

# database_is_external: succeeds if the caller or .env names a PostgreSQL server, so that the
# scripts start none. Decided once at the beginning, because settings_export sets POSTGRES_DB_HOST.
if setting POSTGRES_DB_HOST >/dev/null; then external_database=yes; else external_database=; fi
database_is_external() { [ -n "$external_database" ]; }

# generated NAME: prints the scripts' own value for the cluster that cluster_use selected, or fails
# if there is none. For an external server, the scripts know neither its passwords nor whether it
# accepts the generated signing key.
generated() {
  case $1 in
    POSTGRES_DB) echo zava ;;
    POSTGRES_USER) echo zava_query ;;
    ZAVA_LISTEN) echo 127.0.0.1:8000 ;;
    ZAVA_EMBEDDING_MODEL_DIR)
      # Not beside another source of embeddings, which would be an error.
      ! setting AZURE_OPENAI_ENDPOINT >/dev/null && ! setting ZAVA_EMBEDDING_URL >/dev/null || return 1
      printf '%s\n' "$tools_dir/embedding-model" ;;
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

# effective NAME: prints the effective value (environment, .env, generated), or fails.
effective() { setting "$1" || generated "$1"; }

# settings_export NAME…: exports the generated value of each name that neither the environment nor
# .env sets. Call it in the subshell that then executes the command.
settings_export() {
  local name value
  for name in "$@"; do
    if [ -n "${!name:-}" ]; then continue; fi
    unset "$name" # an empty variable counts as absent and must not hide .env
    if dotenv_value "$name" >/dev/null; then continue; fi
    if value=$(generated "$name"); then export "$name=$value"; fi
  done
}

# settings_ignore_dotenv: ignores .env from now on.
settings_ignore_dotenv() {
  env_file=/dev/null
  dotenv_load
}

# settings_ignore_caller: uses only generated values from now on and ignores the environment and
# .env, for tests, which must not depend on a developer's settings. (The server itself still reads
# .env in its working directory: run it in another one.)
settings_ignore_caller() {
  local name
  for name in ${!POSTGRES_@} ${!ZAVA_@} ${!AZURE_OPENAI_@}; do unset "$name"; done
  external_database=''
  settings_ignore_dotenv
}

# settings_print: prints the running database's settings as `export` lines: the server's variables,
# then those of PostgreSQL's tools (for the admin, who sees the data after SET ROLE zava_owner), and
# the path of psql.
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

# export_line NAME VALUE: prints an `export` line, quoted for a shell.
export_line() { printf 'export %s=%q\n' "$1" "$2"; }

# listen_split ADDRESS: sets listen_host (an address to connect to) and listen_port.
listen_split() {
  listen_port=${1##*:}
  listen_host=${1%:*}
  listen_host=${listen_host#[}
  listen_host=${listen_host%]}
  case $listen_host in ''|0.0.0.0|::) listen_host=127.0.0.1 ;; esac
}
