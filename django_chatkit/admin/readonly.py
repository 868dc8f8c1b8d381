"""The base of all our admins: rows can be read and acted on, never edited, for upstream owns them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_permission_codename, get_user_model
from django.core.paginator import Paginator
from django.db.models import ForeignObjectRel, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise, cached_property
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .. import conf
from ..models.fields import PayloadField
from .days import begin_of, day_of
from .visible import one_line

if TYPE_CHECKING:  # the stubs' classes are generic, Django's own are not
    ModelAdmin = admin.ModelAdmin[Any]
    RowPaginator = Paginator[Any]
else:
    ModelAdmin, RowPaginator = admin.ModelAdmin, Paginator

Word = str | Promise


class CappedPaginator(RowPaginator):
    """Count no further than anybody pages, so that a list of millions opens like one of hundreds."""

    ceiling = 10_000

    def page(self, number: Any) -> Any:
        """Return a page, found by its ids first: what is joined and told of a row is read for its rows alone.

        In one query SQLite begins with a table that is joined, and sorts all that comes of it.
        """
        page = super().page(number)
        rows = cast("QuerySet[Any]", self.object_list)
        ids = [*cast("QuerySet[Any]", page.object_list).values_list("pk", flat=True)]
        page.object_list = rows.filter(pk__in=ids)
        return page

    @cached_property
    def count(self) -> int:
        """Return the number of rows, or the ceiling where there are more."""
        rows = cast("QuerySet[Any]", self.object_list)
        return rows.order_by().values("pk")[: self.ceiling].count()

    @property
    def is_capped(self) -> bool:
        """Tell whether there may be more rows than the count says."""
        return self.count >= self.ceiling


class ReadOnlyAdmin(ModelAdmin):
    """Show rows to whoever may view them; let nobody add, change or delete them here.

    Acting has permissions of its own: ``sync_chatthread``, ``change`` to cancel, ``delete`` to delete upstream. They are
    asked for by actions alone, so that holding them makes no page editable.
    """

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    empty_value_display = "–"
    # The column that a date in the search box is compared with, and where else to look for people.
    day_field = "created_at"
    owner_path = ""
    # What can be done with one row from its own page: the action's name and the button's word.
    page_actions: dict[str, Word] = {}

    class Media:
        """Name the one stylesheet."""

        css = {"all": ["django_chatkit/admin.css"]}

    # Permissions

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: rows come from upstream."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a change here would be undone by the next sync."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: what is deleted here alone would come back."""
        return False

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Tell whether the asker may cancel: the model's change permission."""
        return self._may(request, "change")

    def has_sync_permission(self, request: HttpRequest) -> bool:
        """Tell whether the asker may sync, be it a thread or all of an end user's."""
        return request.user.has_perm("django_chatkit.sync_chatthread")

    def has_delete_upstream_permission(self, request: HttpRequest) -> bool:
        """Tell whether the asker may delete upstream: the model's delete permission."""
        return self._may(request, "delete")

    def _may(self, request: HttpRequest, verb: str) -> bool:
        codename = get_permission_codename(verb, self.opts)
        return request.user.has_perm(f"{self.opts.app_label}.{codename}")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Let an address ask for a row's own columns, less its payload, and not for what other rows say of it.

        Django would let whoever may see a list probe both, and so items that the asker may not read.
        """
        fields = {field.name: field for field in self.opts.get_fields()}
        field = fields.get(lookup.partition("__")[0])
        is_probe = isinstance(field, ForeignObjectRel | PayloadField)
        return not is_probe and super().lookup_allowed(lookup, value, request)

    # Search

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Add the owners' names, in whichever fields the site's user model has them."""
        fields = [str(field) for field in super().get_search_fields(request)]
        return fields + [f"{self.owner_path}{name}" for name in _name_fields()]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Understand a date (2026-11-03) as that whole day, in the current time zone; anything else as Django does."""
        day = day_of(search_term)
        if day is None:
            return super().get_search_results(request, queryset, search_term)
        begin, end = begin_of(day), begin_of(day + timedelta(days=1))
        return queryset.filter(**{f"{self.day_field}__gte": begin, f"{self.day_field}__lt": end}), False

    # Pages

    def action_checkbox(self, obj: Any) -> SafeString:
        """Offer to select a row, named by visible text: a screen reader says the name."""
        return super().action_checkbox(_Named(one_line(self.name_of(obj)), obj.pk))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show one row: named by visible text only, with the buttons that the asker may press."""
        row = kwargs["obj"]
        context["subtitle"] = one_line(self.name_of(row))
        context.update(self.page_context(request, row))
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show what was done with a row: named by visible text only."""
        row = self.get_object(request, unquote(object_id))
        named = row and _Named(one_line(self.name_of(row)), row.pk)
        context = {"title": gettext("Change history: %s") % named, "object": named, **(extra_context or {})}
        return super().history_view(request, object_id, context)

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return what the row's page shows beside its fields. Whoever asks may view the row."""
        allowed = self.get_actions(request)
        return {
            "page_actions": [
                (name, word)
                for name, word in self.page_actions.items()
                if name in allowed and self.makes_sense(name, row)
            ],
            "changelist_address": reverse(
                f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_changelist"
            ),
        }

    def makes_sense(self, action: str, row: Any) -> bool:
        """Tell whether an action can still do something for a row."""
        return True

    def name_of(self, row: Any) -> str:
        """Return what a row is called."""
        return str(row)

    @admin.display(description=_("id"), ordering="pk")
    def id_word(self, row: Any) -> str:
        """Show the id: upstream's, but for an end user's, which may be anything."""
        return one_line(str(row.pk), limit=600)


@dataclass(frozen=True, slots=True)
class _Named:
    """Stand for a row that is called something else."""

    name: str
    pk: Any

    def __str__(self) -> str:
        return self.name


def _name_fields() -> list[str]:
    """Return the fields of the site's user model that hold a name, as it has them."""
    model = get_user_model()
    wanted = (model.USERNAME_FIELD, model.get_email_field_name(), "first_name", "last_name")
    present = {field.name for field in model._meta.fields}
    return [name for name in dict.fromkeys(wanted) if name in present]


def may_view_transcripts(request: HttpRequest) -> bool:
    """Tell whether the asker may view what was said, besides that and when; nobody may where the settings hide it."""
    return not conf.hides_content() and request.user.has_perm("django_chatkit.view_transcript")


def may_view(site: admin.AdminSite, request: HttpRequest, model: type[Model]) -> bool:
    """Tell whether the asker may view a model's rows on this site."""
    model_admin = site._registry.get(model)
    return model_admin is not None and model_admin.has_view_permission(request)
