"""Serves the stand-in for upstream's web component."""

from __future__ import annotations

from importlib import resources

from .answers import Response
from .calls import Call
from .store import Store


def serve_script(store: Store, call: Call) -> Response:
    """Answer with chatkit.js."""
    body = resources.files(__package__).joinpath("chatkit.js").read_bytes()
    headers = {"content-type": "text/javascript; charset=utf-8", "cache-control": "no-cache"}
    return Response(200, headers, body)
