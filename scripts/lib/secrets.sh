# shellcheck shell=bash
# Generated passwords and the signing key: generated once, with 256 random bits each, in a file that
# only its owner can read. The file consists of NAME=value lines; it is parsed, never executed.

# secrets_ensure FILE NAME…: generates the secrets that the file lacks, and keeps the others. The
# file is replaced atomically, so a killed run leaves the old or the new one. ZAVA_SIGNING_KEY has
# its own format (key id, colon, base64); the others are 64 hexadecimal digits, which never need
# quoting.
secrets_ensure() {
  local file=$1 name missing=
  shift
  for name in "$@"; do
    secret "$file" "$name" >/dev/null || missing="$missing $name"
  done
  [ -n "$missing" ] || return 0
  # shellcheck disable=SC2086 # names contain no spaces
  python3 - "$file" $missing <<'PYTHON' || die_unwritable "$file"
import base64, os, secrets, sys
path, names = sys.argv[1], sys.argv[2:]
lines = []
if os.path.exists(path):
    with open(path) as old:
        lines = [line.rstrip("\n") for line in old if line.strip()]
for name in names:
    if name == "ZAVA_SIGNING_KEY":
        value = "1:" + base64.b64encode(secrets.token_bytes(32)).decode()
    else:
        value = secrets.token_hex(32)
    lines = [line for line in lines if not line.startswith(name + "=")] + [name + "=" + value]
os.makedirs(os.path.dirname(path), exist_ok=True)
temporary = "%s.%d" % (path, os.getpid())
with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as new:
    new.write("\n".join(lines) + "\n")
    new.flush()
    os.fsync(new.fileno())
os.replace(temporary, path)
PYTHON
}

# secret FILE NAME: prints a secret, or fails. (`IFS== read` would drop a trailing '=' of the
# value.)
secret() {
  local line
  [ -r "$1" ] || return 1
  while IFS= read -r line || [ -n "$line" ]; do
    if [ "${line%%=*}" = "$2" ] && [ -n "${line#*=}" ]; then
      printf '%s\n' "${line#*=}"
      return 0
    fi
  done < "$1"
  return 1
}
