"""Staff's own words on a thread's page: notes, tags and a rating, in plain forms. The thread itself stays as it is."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from ..models import ChatThread, ThreadNote, ThreadReview
from ..services import annotations as services
from ..services import holds
from .annotation_filters import OfTag, may, may_view_reviews
from .audit import record
from .columns import address, list_address
from .readonly import ReadOnlyAdmin
from .visible import one_line, visible

# Notes on a page, the newest; an address that says so shows all.
MOST_NOTES = 100
_NOTES = "notes"

_RATINGS = [(str(value), capfirst(label)) for value, label in ThreadReview.Rating.choices]


class WordsField(forms.CharField):
    """Take words with line ends as a browser counts them: one character, where it sends two."""

    def to_python(self, value: Any) -> Any:
        """Return the words."""
        return super().to_python(value.replace("\r\n", "\n") if isinstance(value, str) else value)


class NoteForm(forms.Form):
    """Take a note."""

    text = WordsField(
        label=gettext_lazy("New note"),
        max_length=services.LONGEST_NOTE,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ReviewForm(forms.Form):
    """Take a rating and tags."""

    rating = forms.ChoiceField(
        label=gettext_lazy("Rating"), choices=[("", gettext_lazy("Not rated")), *_RATINGS], required=False
    )
    tags = forms.CharField(label=gettext_lazy("Tags, separated by commas"), required=False, max_length=2_000)

    def clean_tags(self) -> list[str]:
        """Return the tags one by one."""
        names = services.tag_names(self.cleaned_data["tags"])
        if len(names) > services.MOST_TAGS:
            most = ngettext("At most %(count)d tag.", "At most %(count)d tags.", services.MOST_TAGS)
            raise forms.ValidationError(most % {"count": services.MOST_TAGS})
        for name in names:
            if len(name) > services.LONGEST_TAG:
                says = _("A tag may have at most %(most)d characters; %(tag)s has %(count)d.")
                shown = {"most": services.LONGEST_TAG, "tag": one_line(name, limit=60), "count": len(name)}
                raise forms.ValidationError(says % shown)
        return names


class AnnotatedAdmin(ReadOnlyAdmin):
    """Let staff write on a thread's page what they make of it."""

    def get_urls(self) -> list[URLPattern]:
        """Add the address that takes notes and reviews."""
        view = self.admin_site.admin_view(require_POST(self.annotate_view))
        name = f"{self.opts.app_label}_{self.opts.model_name}_annotate"
        return [path("<path:object_id>/annotate/", view, name=name), *super().get_urls()]

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Add staff's own words, as far as the asker may see them, and the forms that the asker may fill in."""
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_annotate"
        notes, all_notes = _notes(request, row) if may(request, "view_threadnote") else (None, "")
        return {
            **super().page_context(request, row),
            "annotations": {
                "address": reverse(name, args=[quote(row.pk)]),
                "review": self._review(request, row),
                "notes": notes,
                "most_notes": MOST_NOTES,
                "all_notes": all_notes,
                "note_form": NoteForm(prefix="note") if may(request, "add_threadnote") else None,
            },
        }

    def annotate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take a note, a note back, or a review, and return to the page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        thread = self.get_object(request, unquote(object_id))
        deed = _DEEDS.get(request.POST.get("deed", ""))
        if thread is None or deed is None:
            raise Http404
        did, wrong = deed(request, thread)
        if wrong:
            messages.error(request, wrong)
        else:
            record(request, ChatThread, [thread.pk], did)
            messages.success(request, did)
        return HttpResponseRedirect(f"{address(self.admin_site, thread)}#staff")

    def _review(self, request: HttpRequest, thread: ChatThread) -> dict[str, Any] | None:
        if not may_view_reviews(request):
            return None
        row = ThreadReview.objects.filter(thread=thread).prefetch_related("tags").first()
        tags = sorted(tag.name for tag in row.tags.all()) if row else []
        rating = row.rating if row else None
        form = None
        if may(request, "change_threadreview"):
            initial = {"rating": "" if rating is None else str(rating), "tags": ", ".join(tags)}
            form = ReviewForm(prefix="review", initial=initial)
        found = list_address(self.admin_site, self.model)
        return {
            "rating": "" if row is None or rating is None else row.get_rating_display(),
            "look": _LOOKS.get(rating, ""),
            "tags": [(one_line(tag), f"{found}?{urlencode({OfTag.parameter_name: tag})}") for tag in tags],
            "form": form,
        }


# What was done, and what is wrong with what was sent.
Outcome = tuple[str, str]


def _take_note(request: HttpRequest, thread: ChatThread) -> Outcome:
    _check(may(request, "add_threadnote"))
    form = NoteForm(request.POST, prefix="note")
    if form.is_valid():
        services.note(
            thread_id=thread.pk, text=form.cleaned_data["text"], author=request.user, now=timezone.now()
        )
    return _("Added a note"), _wrong(form)


def _take_back(request: HttpRequest, thread: ChatThread) -> Outcome:
    number = request.POST.get("note", "")
    note = ThreadNote.objects.of(thread.pk).filter(pk=int(number) if number.isdecimal() else 0).first()
    if note is None:
        return "", _("This note is no longer here.")
    _check(_may_take_back(request, note))
    try:
        services.take_back(note=note)
    except holds.Held:
        return "", _("This end user is on hold: no note of theirs can be removed.")
    return _("Removed a note"), ""


def _take_review(request: HttpRequest, thread: ChatThread) -> Outcome:
    _check(may(request, "change_threadreview"))
    form = ReviewForm(request.POST, prefix="review")
    try:
        _keep_review(request, thread, form)
    except holds.Held:
        return "", _("This end user is on hold: rating and tags can't be changed.")
    return _("Changed rating and tags"), _wrong(form)


def _keep_review(request: HttpRequest, thread: ChatThread, form: ReviewForm) -> None:
    if form.is_valid():
        rating = form.cleaned_data["rating"]
        services.review(
            thread_id=thread.pk,
            rating=int(rating) if rating else None,
            tags=form.cleaned_data["tags"],
            reviewer=request.user,
            now=timezone.now(),
        )


_DEEDS: dict[str, Callable[[HttpRequest, ChatThread], Outcome]] = {
    "note": _take_note,
    "take-back": _take_back,
    "review": _take_review,
}


def _check(allowed: bool) -> None:
    if not allowed:
        raise PermissionDenied


def _may_take_back(request: HttpRequest, note: ThreadNote) -> bool:
    """Tell whether the asker may remove a note: its author, as long as it may write such, or who may remove any."""
    is_own = note.author_id is not None and note.author_id == request.user.pk
    return may(request, "delete_threadnote") or (is_own and may(request, "add_threadnote"))


def _wrong(form: forms.Form) -> str:
    return " ".join(
        f"{form.fields[name].label}: {' '.join(map(str, errors))}" for name, errors in form.errors.items()
    )


_LOOKS: dict[int | None, str] = {1: "good", 0: "waiting", -1: "bad"}


def _notes(request: HttpRequest, thread: ChatThread) -> tuple[list[dict[str, Any]], str]:
    """Return the newest notes, or all where the address asks for them; and the address of all, where there are more."""
    rows = ThreadNote.objects.of(thread.pk).select_related("author").order_by("-created_at", "-pk")
    if request.GET.get(_NOTES) == "all":
        return [_note(request, note) for note in rows], ""
    found = list(rows[: MOST_NOTES + 1])
    shown = [_note(request, note) for note in found[:MOST_NOTES]]
    if len(found) <= MOST_NOTES:
        return shown, ""
    query = request.GET.copy()
    query[_NOTES] = "all"
    return shown, f"?{query.urlencode()}#staff"


def _note(request: HttpRequest, note: ThreadNote) -> dict[str, Any]:
    return {
        "id": note.pk,
        "text": visible(note.text),
        "author": one_line(str(note.author or _("somebody who left"))),
        "created_at": note.created_at,
        "may_take_back": _may_take_back(request, note),
    }
