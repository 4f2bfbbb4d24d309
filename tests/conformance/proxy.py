"""Runs a command with a proxy before the server that puts a tenant header on every request.

    proxy.py SERVER_URL HEADER VALUE COMMAND [ARGUMENT …]

For the conformance suite, which cannot send such a header. In the arguments `{url}` becomes the proxy's own URL (a
free port of 127.0.0.1, the path of SERVER_URL). Ends with the command, with its exit code.

The server must judge a request as if the proxy were not there. So Host and Origin pass as they came, except that the
proxy's own address in them becomes the server's: a foreign one stays foreign.
"""

import http.client
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 60
# RFC 9110 section 7.6.1: these are about one connection. `http.client` and the code below make their own.
HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
    "upgrade", "content-length",
}  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """Passes one connection's requests on, and the answers back."""

    protocol_version = "HTTP/1.1"
    server_host: str
    server_port: int
    own_port: int
    tenant_header: tuple[str, str]

    def pass_on(self) -> None:
        """One request, one answer. An answer of unknown length is passed on as it comes, and ends the connection."""
        upstream = http.client.HTTPConnection(self.server_host, self.server_port, timeout=TIMEOUT_SECONDS)
        try:
            self.send_upstream(upstream)
            answer = upstream.getresponse()
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            if answer.length is None:
                self.close_connection = True
                self.send_header("Connection", "close")
            else:
                self.send_header("Content-Length", str(answer.length))
            self.end_headers()
            while chunk := answer.read1(65536):
                self.wfile.write(chunk)
        except (ConnectionError, TimeoutError, http.client.HTTPException) as error:
            # Half an answer cannot be taken back: closing says that it is not whole.
            self.close_connection = True
            self.log_error("%s %s: %r", self.command, self.path, error)
        finally:
            upstream.close()

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = do_OPTIONS = pass_on

    def send_upstream(self, upstream: http.client.HTTPConnection) -> None:
        """The request as it came, with the tenant header; an own header of that name is replaced."""
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() in ("host", "origin"):
                value = self.as_server(value)
            if name.lower() not in HOP_BY_HOP and name.lower() != self.tenant_header[0].lower():
                upstream.putheader(name, value)
        upstream.putheader(*self.tenant_header)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if body or self.command in ("POST", "PUT", "PATCH"):
            upstream.putheader("Content-Length", str(len(body)))
        upstream.endheaders(body)

    def as_server(self, host_or_origin: str) -> str:
        """`localhost:PROXY` and the like become `localhost:SERVER`."""
        host, colon, port = host_or_origin.rpartition(":")
        ours = host.removeprefix("http://") in ("localhost", "127.0.0.1", "[::1]")
        return f"{host}{colon}{self.server_port}" if ours and port == str(self.own_port) else host_or_origin

    def log_message(self, format: str, *args: object) -> None:
        """Errors go to standard error; there is no line per request, because `send_response_only` writes none."""
        print("proxy:", format % args, file=sys.stderr)


def main() -> int:
    """Serves while the command runs."""
    url, name, value, *command = sys.argv[1:]
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        sys.exit("proxy.py: SERVER_URL must be http://HOST[:PORT]/PATH")
    Handler.server_host, Handler.server_port = parts.hostname, parts.port or 80
    Handler.tenant_header = (name, value)
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Handler.own_port = proxy.server_port
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    own_url = f"http://127.0.0.1:{proxy.server_port}{parts.path}"
    return subprocess.run([argument.replace("{url}", own_url) for argument in command], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
