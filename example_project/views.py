"""The one page of the example project."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _


@login_required
def chat(request: HttpRequest) -> HttpResponse:
    """Show the chat of the person who is signed in."""
    options = {
        "startScreen": {
            "greeting": _("What would you like to talk about?"),
            "prompts": [
                {"label": _("Make a plan"), "prompt": _("Make a plan for my week")},
                {"label": _("Show a widget"), "prompt": _("Show me a widget")},
                {"label": _("Think aloud"), "prompt": _("Think about the sea")},
            ],
        },
        "composer": {"placeholder": _("Write a message")},
        "history": {"enabled": True},
    }
    return render(request, "example_project/chat.html", {"options": options})
