"""Looks whether the site can have its port, before anything is prepared."""

import socket

from .processes import Failed


def check(port: int) -> None:
    """Raise `Failed`, with the remedy, unless the site can listen on this port of loopback; 0 picks a free one."""
    if not 0 <= port <= 65535:
        raise Failed(f"--port {port}: a port is a number from 0 to 65535.")
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise Failed(
            f"--port {port}: {error.strerror}. Give another port, or 0 to pick a free one."
        ) from error
