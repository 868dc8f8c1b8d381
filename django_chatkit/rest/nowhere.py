"""Addresses below ours that are none."""

from typing import NoReturn

from rest_framework.request import Request

from .errors import Refusal
from .surface import Surface


class NowhereViewSet(Surface):
    """Answer what no route knows as upstream does, with its envelope instead of the host's page."""

    def check_permissions(self, request: Request) -> None:
        """Let everybody in: there is nothing to see."""

    def refuse(self, request: Request) -> NoReturn:
        """Refuse, whatever is asked."""
        raise Refusal(404, f"There is nothing at {request.method} {request.path}.", code="not_found")
