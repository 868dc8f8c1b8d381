"""A server with TLS on the loopback that answers by the path: /200, /long, /cut, /302/<address>, /<status>."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CERTIFICATE = Path(__file__).parents[1] / "client" / "localhost.pem"
PNG = b"\x89PNG" * 1000


class Handler(BaseHTTPRequestHandler):
    """Answer by the path."""

    seen: list[tuple[str, dict[str, str]]]

    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]
        status, _, rest = self.path.lstrip("/").partition("/")
        body = {"200": PNG, "long": PNG * 100}.get(status, b"no")
        self.send_response(int(status) if status.isdigit() else 200)
        if status == "302":
            self.send_header("Location", rest.replace("_", ":"))
        if status != "untyped":
            self.send_header("Content-Type", "image/png")
        length = len(body) + 5 if status == "cut" else len(body)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


class Server(ThreadingHTTPServer):
    """A server with TLS that remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, dict[str, str]]] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet: a client may go away."""


@contextmanager
def serving() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
