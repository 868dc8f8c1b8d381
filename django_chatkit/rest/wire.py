"""How bytes come in and go out: JSON, whatever the host's REST settings and the Accept header say."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import IO, Any, NoReturn

from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from ..models.fields import dumps
from .documents import Written

# The closing boundary and nothing before it.
_EMPTY_FORM = re.compile(rb"--[^\r\n]{1,200}--\r?\n?")


class WireRenderer(JSONRenderer):
    """Write an answer; stored JSON goes out as it is."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return the bytes of an answer: UTF-8, lone surrogates escaped."""
        return (data.text if isinstance(data, Written) else dumps(data)).encode()


class WireParser(JSONParser):
    """Read a body: strict JSON in UTF-8."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return what a body says.

        Raises:
            ParseError: for what is not JSON, and for JSON nested too deep to be read.
            RequestDataTooBig: beyond ``DATA_UPLOAD_MAX_MEMORY_SIZE``, which only Django's own reading heeds.
        """
        assert parser_context is not None
        body: bytes = parser_context["request"].body
        try:
            return json.loads(body.decode(), parse_constant=_no_json)
        except (ValueError, RecursionError) as error:
            raise ParseError("The body of the request is not valid JSON.") from error


class EmptyFormParser(BaseParser):
    """Take a form without a field for no body at all: that is how many clients post nothing."""

    media_type = "multipart/form-data"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return an empty body.

        Raises:
            UnsupportedMediaType: for a form that says something.
        """
        assert parser_context is not None
        if not _EMPTY_FORM.fullmatch(parser_context["request"].body):
            raise UnsupportedMediaType(media_type or self.media_type)
        return {}


class WireNegotiation(DefaultContentNegotiation):
    """Answer JSON to everybody: upstream has nothing else to offer."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the one renderer there is."""
        (renderer,) = renderers
        return renderer, str(renderer.media_type)


def _no_json(constant: str) -> NoReturn:
    raise ValueError(constant)
