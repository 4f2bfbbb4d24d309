# shellcheck shell=bash
# Ports, and a minimal HTTP client for the health endpoints. Uses bash's sockets instead of curl.

# port_taken HOST PORT: succeeds if a process listens there.
port_taken() {
  (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}

# free_port: prints a free TCP port of 127.0.0.1.
free_port() {
  python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# port_owner PORT: prints the process that listens there; prints nothing if this user may not see
# it.
port_owner() {
  if command -v lsof >/dev/null 2>&1; then
    lsof -nP -iTCP:"$1" -sTCP:LISTEN 2>/dev/null |
      awk 'NR > 1 && !seen[$2]++ { printf "%s%s (pid %s)", separator, $1, $2; separator = ", " }'
  elif command -v ss >/dev/null 2>&1; then
    ss -Hltnp "sport = :$1" 2>/dev/null |
      sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (pid \2)/p' | head -n 1
  fi || true
}

# http_status HOST PORT PATH: prints the status code of a GET; fails without an answer within two
# seconds.
http_status() {
  (
    exec 2>/dev/null
    exec 3<>"/dev/tcp/$1/$2" || exit 1
    printf 'GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n' "$3" "$1" "$2" >&3 || exit 1
    IFS=' ' read -r -t 2 _ status _ <&3 || exit 1
    printf '%s\n' "${status%%[!0-9]*}"
  )
}
