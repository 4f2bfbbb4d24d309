# shellcheck shell=bash
# Ports, and the smallest HTTP client that can ask "are you ready?". Needs no curl: bash opens the sockets.

# port_taken HOST PORT: something answers there.
port_taken() {
  (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}

# free_port: prints a TCP port of 127.0.0.1 that nobody uses now.
free_port() {
  python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# port_owner PORT: prints who listens there, as far as this user may know; may print nothing.
port_owner() {
  if command -v lsof >/dev/null 2>&1; then
    lsof -nP -iTCP:"$1" -sTCP:LISTEN 2>/dev/null |
      awk 'NR > 1 && !seen[$2]++ { printf "%s%s (pid %s)", separator, $1, $2; separator = ", " }'
  elif command -v ss >/dev/null 2>&1; then
    ss -Hltnp "sport = :$1" 2>/dev/null |
      sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (pid \2)/p' | head -n 1
  fi || true
}

# http_status HOST PORT PATH: prints the status code of a GET, or fails when nothing answers within two seconds.
http_status() {
  (
    exec 2>/dev/null
    exec 3<>"/dev/tcp/$1/$2" || exit 1
    printf 'GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n' "$3" "$1" "$2" >&3 || exit 1
    IFS=' ' read -r -t 2 _ status _ <&3 || exit 1
    printf '%s\n' "${status%%[!0-9]*}"
  )
}
