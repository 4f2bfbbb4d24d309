"""Runs a command with a proxy in front of the server that adds a tenant header to every request.

    proxy.py SERVER_URL HEADER VALUE COMMAND [ARGUMENT …]

The conformance suite cannot send such a header. `{url}` in the arguments becomes the proxy's URL (a free port of
127.0.0.1, the path of SERVER_URL). The proxy ends with the command, with its exit code.

The server must see requests as if there were no proxy. So Host and Origin pass unchanged, except that the proxy's own
address in them becomes the server's: a foreign host or origin stays foreign.
"""

import http.client
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 60
# Hop-by-hop headers (RFC 9110, section 7.6.1). `http.client` and the code below set their own.
HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
    "upgrade", "content-length",
}  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """Forwards the requests of one connection, and the responses back."""

    protocol_version = "HTTP/1.1"
    server_host: str
    server_port: int
    own_port: int
    tenant_header: tuple[str, str]

    def forward(self) -> None:
        """Forwards one request and its response. A response of unknown length is streamed, and ends the connection."""
        upstream = http.client.HTTPConnection(self.server_host, self.server_port, timeout=TIMEOUT_SECONDS)
        try:
            self.send_upstream(upstream)
            response = upstream.getresponse()
            self.send_response_only(response.status, response.reason)
            for name, value in response.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            if response.length is None:
                self.close_connection = True
                self.send_header("Connection", "close")
            else:
                self.send_header("Content-Length", str(response.length))
            self.end_headers()
            while chunk := response.read1(65536):
                self.wfile.write(chunk)
        except (ConnectionError, TimeoutError, http.client.HTTPException) as error:
            # A partial response cannot be withdrawn: closing the connection marks it as incomplete.
            self.close_connection = True
            self.log_error("%s %s: %r", self.command, self.path, error)
        finally:
            upstream.close()

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = do_OPTIONS = forward

    def send_upstream(self, upstream: http.client.HTTPConnection) -> None:
        """Sends the request unchanged, with the tenant header; it replaces a header of that name."""
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() in ("host", "origin"):
                value = self.rewrite_own_address(value)
            if name.lower() not in HOP_BY_HOP and name.lower() != self.tenant_header[0].lower():
                upstream.putheader(name, value)
        upstream.putheader(*self.tenant_header)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if body or self.command in ("POST", "PUT", "PATCH"):
            upstream.putheader("Content-Length", str(len(body)))
        upstream.endheaders(body)

    def rewrite_own_address(self, host_or_origin: str) -> str:
        """`localhost:PROXY` and the like become `localhost:SERVER`."""
        host, colon, port = host_or_origin.rpartition(":")
        ours = host.removeprefix("http://") in ("localhost", "127.0.0.1", "[::1]")
        return f"{host}{colon}{self.server_port}" if ours and port == str(self.own_port) else host_or_origin

    def log_message(self, format: str, *args: object) -> None:
        """Logs errors to standard error; requests are not logged, because `send_response_only` does not."""
        print("proxy:", format % args, file=sys.stderr)


def main() -> int:
    """Serves until the command ends."""
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
