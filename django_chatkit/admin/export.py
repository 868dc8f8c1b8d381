"""Exports of threads: one from its page, or all that a list's search and filters find, streamed."""

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from ..models import ChatThread
from ..services import transcripts
from ..services.transcript_rows import walk
from .audit import record
from .columns import list_address
from .readonly import ReadOnlyAdmin, may_view_transcripts

Piece = TypeVar("Piece", str, bytes)

# Characters of a piece of an answer: big enough that their number costs little, small enough to be nothing in memory.
_PIECE = 32_768

# What of an id stands in the name of a file.
UNFIT = re.compile(r"[^A-Za-z0-9_-]+")

# What of a list's address says how it is shown, not what it shows. `e` is the admin's word about a bad address.
_SHOWN = ("p", "o", "e", "all")


class ExportingAdmin(ReadOnlyAdmin):
    """Let those who may read and export transcripts take them along."""

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Tell whether the asker may export: whoever may read what was said, and has the permission beside."""
        return may_view_transcripts(request) and self._may(request, "export")

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of the exports."""
        view = self.admin_site.admin_view
        return [
            path("export/<str:name>/", view(self.export_list_view), name=f"{_base(self)}_export_list"),
            path("<path:object_id>/export/<str:name>/", view(self.export_view), name=f"{_base(self)}_export"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Offer to export what the list shows, with the search and the filters that it shows it by."""
        query = request.GET.copy()
        for name in _SHOWN:
            query.pop(name, None)
        exports = self._addresses(request, "export_list", query=query.urlencode())
        return super().changelist_view(request, {**(extra_context or {}), "exports": exports})

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Offer to export the row."""
        exports = self._addresses(request, "export", quote(row.pk))
        return {**super().page_context(request, row), "exports": exports}

    def _addresses(
        self, request: HttpRequest, view: str, *args: str, query: str = ""
    ) -> list[tuple[str, str]]:
        if not self.has_export_permission(request):
            return []
        name = f"{self.admin_site.name}:{_base(self)}_{view}"
        tail = f"?{query}" if query else ""
        return [
            (format.label, reverse(name, args=[*args, key]) + tail)
            for key, format in transcripts.FORMATS.items()
        ]

    def export_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponseBase:
        """Export one thread."""
        self._check(request, name)
        thread = self.get_object(request, unquote(object_id))
        if thread is None:
            raise Http404
        rows = ChatThread.objects.filter(pk=thread.pk)
        return _download(request, rows, name, stem=f"thread-{UNFIT.sub('-', str(thread.pk))[:80]}")

    def export_list_view(self, request: HttpRequest, name: str) -> HttpResponseBase:
        """Export all threads that the list with this query string has, however many."""
        self._check(request, name)
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:  # as the list itself does
            return HttpResponseRedirect(f"{list_address(self.admin_site, self.model)}?e=1")
        return _download(request, rows, name, stem=f"threads-{timezone.now():%Y-%m-%d-%H%M%S}")

    def _check(self, request: HttpRequest, name: str) -> None:
        if not (self.has_view_permission(request) and self.has_export_permission(request)):
            raise PermissionDenied
        if name not in transcripts.FORMATS:
            raise Http404


def _download(
    request: HttpRequest, rows: QuerySet[ChatThread], name: str, *, stem: str
) -> StreamingHttpResponse:
    format = transcripts.FORMATS[name]
    did = _("Exported as %(format)s") % {"format": format.label}

    def note(ids: Sequence[str]) -> None:
        record(request, ChatThread, ids, did)

    return download(
        request,
        _in_pieces(format.write(walk(rows, on_page=note))),
        name=f"chatkit-{stem}.{format.extension}",
        content_type=f"{format.media_type}; charset=utf-8",
    )


def download(
    request: HttpRequest, pieces: Iterator[Piece], *, name: str, content_type: str
) -> StreamingHttpResponse:
    """Stream a file to be kept, and by nobody on the way."""
    return StreamingHttpResponse(
        _awaited(pieces) if isinstance(request, ASGIRequest) else pieces,
        content_type=content_type,
        headers={
            "Content-Disposition": content_disposition_header(True, name),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _in_pieces(texts: Iterable[str]) -> Iterator[str]:
    """Join small texts, so that each piece that goes out is worth sending."""
    held, size = list[str](), 0
    for text in texts:
        held.append(text)
        size += len(text)
        if size >= _PIECE:
            yield "".join(held)
            held, size = [], 0
    yield "".join(held)


async def _awaited(pieces: Iterator[Piece]) -> AsyncIterator[Piece]:
    """Give the pieces one by one to an asynchronous server, for which Django would gather them all first."""
    following = sync_to_async(lambda: next(pieces, None))
    while (piece := await following()) is not None:
        yield piece


def _base(model_admin: ReadOnlyAdmin) -> str:
    return f"{model_admin.opts.app_label}_{model_admin.opts.model_name}"
