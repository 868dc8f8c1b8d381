"""The content security policy of the example: everything comes from this site, the widget aside.

Django 6 brings the middleware; `ContentSecurityPolicy` does the same for Django 5.2, from the same setting.
"""

from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse

Policy = dict[str, list[str]]

MIDDLEWARE = (
    "django.middleware.csp.ContentSecurityPolicyMiddleware"
    if django.VERSION >= (6, 0)
    else "example_project.csp.ContentSecurityPolicy"
)


def policy(script_url: str, *, connect: Iterable[str] = ()) -> Policy:
    """Return a strict policy that lets the widget of `script_url` in: its script, and the frame that it opens.

    `connect` are further origins that the page itself may talk to; OpenAI's widget talks from within its frame.
    """
    parts = urlsplit(script_url)
    upstream = f"{parts.scheme}://{parts.netloc}"
    return {
        "default-src": ["'self'"],
        "script-src": ["'self'", upstream],
        "frame-src": [upstream],
        "connect-src": ["'self'", *connect],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }


class ContentSecurityPolicy:
    """Send ``settings.SECURE_CSP`` with every answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add the header."""
        response = self.get_response(request)
        directives = (" ".join([name, *sources]) for name, sources in settings.SECURE_CSP.items())
        response.headers["Content-Security-Policy"] = "; ".join(directives)
        return response
