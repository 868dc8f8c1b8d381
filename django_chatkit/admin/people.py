"""What can be done with all of one end user: taken along, erased, held. Each asks for a permission of its own."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .. import queue
from ..models import ChatThread, EndUser, Erasure
from ..services import erasures, holds, people, person_archive
from . import actions, columns, notices
from .audit import record
from .export import UNFIT, download
from .notices import Notice
from .readonly import ReadOnlyAdmin, Word, may_view_transcripts
from .visible import one_line, visible

LONGEST_REASON = 2_000


class PersonAdmin(ReadOnlyAdmin):
    """Let those who may export, erase and hold end users do so."""

    def has_erase_permission(self, request: HttpRequest) -> bool:
        """Tell whether the asker may have end users erased, upstream and here."""
        return self._may(request, "erase")

    def has_hold_permission(self, request: HttpRequest) -> bool:
        """Tell whether the asker may hold end users, and lift holds."""
        return self._may(request, "hold")

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Tell whether the asker may take all of an end user along: whoever may read what was said, and has this beside."""
        return may_view_transcripts(request) and self._may(request, "export")

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the export."""
        view = self.admin_site.admin_view(self.archive_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_archive"
        return [path("<path:object_id>/archive/", view, name=name), *super().get_urls()]

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Offer the export to those who may have it."""
        exports = []
        if self.has_export_permission(request):
            name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_archive"
            exports = [(_("everything, as a zip"), reverse(name, args=[quote(row.pk)]))]
        context = super().page_context(request, row)
        idle = {"hold", "erase"} if hasattr(row, "hold") else {"lift"}
        if row.is_being_erased:
            idle.add("erase")
        offered = [(action, word) for action, word in context["page_actions"] if action not in idle]
        return {**context, "page_actions": offered, "exports": exports}

    def archive_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Stream all of an end user as one archive."""
        if not (self.has_view_permission(request) and self.has_export_permission(request)):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        did = gettext("Exported everything")

        def note(ids: Sequence[str]) -> None:
            record(request, ChatThread, ids, did)

        record(request, EndUser, [row.pk], did)
        pieces = person_archive.write(user=row.pk, now=timezone.now(), on_page=note)
        stem = f"chatkit-{UNFIT.sub('-', row.pk)[:80]}-{timezone.now():%Y-%m-%d}.zip"
        return download(request, pieces, name=stem, content_type="application/zip")

    # Actions

    @admin.action(description=_("Erase selected end users, upstream and here"), permissions=["erase"])
    def erase(self, request: HttpRequest, queryset: QuerySet[EndUser]) -> HttpResponse | None:
        """Have workers erase each end user, once it was confirmed."""
        if "confirmed" not in request.POST:
            return self._confirm(request, queryset, "erase")

        def ask(row: EndUser) -> bool:
            erasures.ask(user=row.pk, by=request.user, as_=request.user.get_username(), now=timezone.now())
            return self._begin(row.pk)

        return actions.here(self, request, queryset, ask=ask, did=_("Asked to be erased"))

    @admin.action(description=_("Hold selected end users"), permissions=["hold"])
    def hold(self, request: HttpRequest, queryset: QuerySet[EndUser]) -> HttpResponse | None:
        """Hold each end user, once it was confirmed."""
        if "confirmed" not in request.POST:
            return self._confirm(request, queryset, "hold")
        reason = request.POST.get("reason", "")[:LONGEST_REASON]

        def ask(row: EndUser) -> bool:
            name = request.user.get_username()
            holds.hold(user=row.pk, reason=reason, by=request.user, as_=name, now=timezone.now())
            return True

        return actions.here(self, request, queryset.filter(hold=None), ask=ask, did=_("Held"))

    @admin.action(description=_("Lift the hold on selected end users"), permissions=["hold"])
    def lift(self, request: HttpRequest, queryset: QuerySet[EndUser]) -> HttpResponse | None:
        """Lift each hold, once it was confirmed."""
        if "confirmed" not in request.POST:
            return self._confirm(request, queryset, "lift")
        held = queryset.filter(hold__isnull=False)
        return actions.here(
            self, request, held, ask=lambda row: holds.lift(user=row.pk), did=_("Hold lifted")
        )

    def _begin(self, user: str) -> bool:
        try:
            return queue.erase(user)
        except queue.Unavailable:  # it is noted, and beat's next tick begins with it
            return False

    def _confirm(self, request: HttpRequest, queryset: QuerySet[EndUser], action: str) -> HttpResponse:
        chosen = list(queryset.order_by("pk")[: actions.MOST_AT_ONCE + 1])
        is_too_many = len(chosen) > actions.MOST_AT_ONCE
        now = timezone.now()
        context = {
            **self.admin_site.each_context(request),
            **_WORDS[action],
            "subtitle": None,
            "opts": self.opts,
            "media": self.media,
            "action": action,
            "is_deletion": action == "erase",
            "ids": [row.pk for row in chosen],
            "people": [] if is_too_many else [_told(row, now) for row in chosen],
            "is_too_many": is_too_many,
            "too_many": actions.too_many(),
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
            "from_page": actions.FROM_PAGE in request.POST,
            "longest_reason": LONGEST_REASON if action == "hold" else 0,
            "back": request.get_full_path(),
        }
        return TemplateResponse(request, "admin/django_chatkit/person.html", context)


def _told(row: EndUser, now: datetime) -> dict[str, Any]:
    facts = people.facts(user=row.pk, now=now)
    return {"name": one_line(row.pk, limit=600), "facts": facts}


_WORDS: dict[str, dict[str, Word]] = {
    "erase": {
        "title": _("Erase, upstream and here?"),
        "says": _(
            "Everything of them is deleted at OpenAI and here: sessions, threads with their items, notes, tags and ratings. "
            "It can't be undone. A row that says who asked, when, and how much went remains."
        ),
        "beside": _(
            "What upstream has beside what is counted here goes too. Workers do it, and try again what upstream refuses. "
            "Who is held is not erased."
        ),
        "yes": _("Yes, erase"),
    },
    "hold": {
        "title": _("Hold?"),
        "says": _("Nothing of them is erased or pruned, by anyone, until the hold is lifted."),
        "beside": _("Whoever tries is told so: staff, the end users themselves, and the commands."),
        "yes": _("Yes, hold"),
    },
    "lift": {
        "title": _("Lift the hold?"),
        "says": _("From then on they can be erased, and are pruned as the settings say."),
        "beside": _("An erasure that waited for this begins at once."),
        "yes": _("Yes, lift the hold"),
    },
}


def notices_of(row: Any) -> Iterator[Notice]:
    """Say that an end user is held, or is being erased, and how that stands."""
    yield from notices.of_hold(row)
    erasure = Erasure.objects.pending().of(row.pk).first() if row.is_being_erased else None
    if erasure is not None:
        asked = {"moment": columns.moment(erasure.asked_at)}
        if hasattr(row, "hold"):
            says = gettext("Asked for at %(moment)s; it waits until the hold is lifted.") % asked
        else:
            says = (
                gettext("Asked for at %(moment)s; workers go on with it and try again what failed.") % asked
            )
        look = "bad" if erasure.failures else "calm"
        yield Notice(look, gettext("Being erased."), says, visible(erasure.last_error))
