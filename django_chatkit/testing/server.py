"""The emulator over HTTP on 127.0.0.1: the standard library's threading server, with connections kept alive."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, cast

from .emulator import Emulator
from .wsgi import Hangup, application

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

HOST = "127.0.0.1"
LARGEST_BODY = 64 * 1024 * 1024


@contextmanager
def serve(emulator: Emulator, port: int = 0) -> Iterator[EmulatorServer]:
    """Serve an emulator on 127.0.0.1 while the block runs; 0 picks a port. OSError where the port is in use."""
    server = EmulatorServer(emulator, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.hang_up()
        server.server_close()
        thread.join()


class EmulatorServer(ThreadingHTTPServer):
    """Run the WSGI application, one thread a connection. `base_url` is what a client is given."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, emulator: Emulator, port: int = 0) -> None:
        self.emulator = emulator
        self.application: WSGIApplication = application(emulator)
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._connections_lock = threading.Lock()
        super().__init__((HOST, port), _Handler)

    @property
    def origin(self) -> str:
        """Return scheme, host and port."""
        return f"http://{HOST}:{self.server_port}"

    @property
    def base_url(self) -> str:
        """Return the address of the API."""
        return f"{self.origin}/v1"

    def server_bind(self) -> None:
        """Bind without HTTPServer's look-up of the host's name, which may ask a name server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection and remember it meanwhile, so that it can be ended."""
        with self._connections_lock:
            self._connections[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._connections_lock:
                self._connections.pop(request, None)

    def hang_up(self) -> None:
        """End the connections that are kept alive and give their threads a moment."""
        with self._connections_lock:
            connections = list(self._connections.items())
        for connection, _ in connections:
            # The client, or its thread, may have closed it first.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for _, thread in connections:
            thread.join(timeout=1)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet: a client that went away is no news here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __getattr__(self, name: str) -> Callable[[], None]:
        # Any method is the application's to judge: it says 405, where BaseHTTPRequestHandler would say 501.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

    def _serve(self) -> None:
        length = self.headers.get("content-length") or "0"
        if "transfer-encoding" in self.headers or not length.isdecimal() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self.send_error(411, explain="Send the body with its Content-Length.")
            return
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            started[:] = [status, dict(headers)]

        server = cast(EmulatorServer, self.server)
        try:
            body = server.application(self._environ(length), start_response)
        except Hangup:
            self._reset()
            return
        self._answer(started[0], started[1], body)

    def _environ(self, length: str) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        environ = {
            "REQUEST_METHOD": self.command,
            "REQUEST_URI": self.path,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_LENGTH": length,
            "CONTENT_TYPE": self.headers.get("content-type", ""),
            "SERVER_NAME": HOST,
            "SERVER_PORT": str(cast(EmulatorServer, self.server).server_port),
            "SERVER_PROTOCOL": self.request_version,
            "wsgi.input": self.rfile,
        }
        for name, value in self.headers.items():
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        return environ

    def _answer(self, status: str, headers: dict[str, str], body: Iterable[bytes]) -> None:
        chunked = "content-length" not in headers and not status.startswith("204")
        if chunked and self.request_version == "HTTP/1.0":
            self.close_connection, chunked = True, False
        if chunked:
            headers["transfer-encoding"] = "chunked"
        if self.close_connection:
            headers["connection"] = "close"
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items())]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if self.command == "HEAD":
            self.wfile.write(head)
        elif chunked:
            self._send_chunks(head, body)
        else:
            self._send_whole(head, body, int(headers.get("content-length", 0)))

    def _send_whole(self, head: bytes, body: Iterable[bytes], promised: int) -> None:
        sent = 0
        for piece in body:
            # One write for head and body: two would wait for each other's acknowledgement.
            self.wfile.write(head + piece)
            sent, head = sent + len(piece), b""
        self.wfile.write(head)
        if sent != promised:
            self.close_connection = True

    def _send_chunks(self, head: bytes, body: Iterable[bytes]) -> None:
        self.wfile.write(head)
        for piece in body:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def _reset(self) -> None:
        # Closed with no linger, the connection ends in a reset instead of an orderly end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True
