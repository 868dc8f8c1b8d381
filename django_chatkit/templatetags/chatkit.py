"""The template tag that puts ChatKit on a page: ``{% load chatkit %}{% chatkit %}``."""

import json
from collections.abc import Mapping
from typing import Any

from django import template
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.serializers.json import DjangoJSONEncoder
from django.template import Context
from django.urls import NoReverseMatch, reverse

from .. import conf

register = template.Library()

# Stands in the address of a thread's sync where the script puts the thread's id.
THREAD_ID = "thread-id"


@register.inclusion_tag("django_chatkit/chatkit.html", takes_context=True)
def chatkit(
    context: Context,
    options: Mapping[str, Any] | None = None,
    *,
    id: str = "chatkit",
    css_class: str = "",
    patience: int = 10,
) -> dict[str, Any]:
    """Put the chat on the page, with everything that it needs to talk to this site.

    `options` are ChatKit's own (``theme``, ``startScreen``, ``composer``, ``locale`` ...), less ``api``, which is ours.
    `id` and `css_class` go to the element around it, `patience` is how many seconds upstream's script may take to
    arrive. Raises `ImproperlyConfigured` where the addresses of ``django_chatkit.urls`` are not included, ValueError
    for options that can't be used.
    """
    return {
        "id": id,
        "css_class": css_class,
        "patience": patience,
        "options": _as_json(options or {}),
        "script_url": conf.read().script_url,
        "sessions_url": _reverse("session-list"),
        "sync_url": _reverse("thread-sync", THREAD_ID),
        "thread_id": THREAD_ID,
        "nonce": context.get("csp_nonce"),
        **_csrf(context),
    }


def _csrf(context: Context) -> dict[str, Any]:
    """Return where the script finds the CSRF token: in the cookie if it may read it, else in the page.

    The cookie is the better place, because it stays right when the person signs in again in another tab. To render the
    token is also what makes Django set the cookie.
    """
    hidden = django_settings.CSRF_USE_SESSIONS or django_settings.CSRF_COOKIE_HTTPONLY
    return {
        "csrf_cookie": "" if hidden else django_settings.CSRF_COOKIE_NAME,
        "csrf_header": django_settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-"),
        "csrf_token": context.get("csrf_token", ""),
    }


def _as_json(options: Mapping[str, Any]) -> str:
    if not isinstance(options, Mapping):
        raise ValueError(f"{{% chatkit %}} takes its options as a dict, not as {type(options).__name__}.")
    if "api" in options:
        raise ValueError("{% chatkit %} sets the option 'api' by itself: remove it from the options.")
    return json.dumps(options, cls=DjangoJSONEncoder)


def _reverse(name: str, *args: str) -> str:
    try:
        return reverse(f"django_chatkit:{name}", args=args)
    except NoReverseMatch as error:
        raise ImproperlyConfigured(
            "{% chatkit %} needs the REST addresses: add path('api/', include('django_chatkit.urls')) to the URLs."
        ) from error
