"""How an asker shows who it is: session cookie, bearer token, and whatever the host's REST settings add."""

from typing import Any

from django.apps import apps
from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.settings import api_settings

from ..models.fields import is_storable


class BearerAuthentication(TokenAuthentication):
    """Take the tokens of ``rest_framework.authtoken`` as OpenAI's SDK sends its key."""

    keyword = "Bearer"

    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[object, object] | None:
        """Return the account and the token, or None where there is none; an error report shows no token."""
        credentials: tuple[object, object] | None = super().authenticate(request)
        return credentials

    def authenticate_credentials(self, key: str) -> tuple[object, object]:
        """Return the account and the token, and refuse without a look-up what no database can hold."""
        if not is_storable(key):
            raise AuthenticationFailed("Invalid token.")
        credentials: tuple[object, object] = super().authenticate_credentials(key)
        return credentials


def authenticators() -> list[BaseAuthentication]:
    """Return the host's default authenticators, then ours.

    Read at each request, so that the settings of the moment hold. The host's come first: where it has bearer tokens
    of its own, they are the ones that count.
    """
    defaults: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES  # classes by now; the stubs say paths
    classes: list[type[BaseAuthentication]] = [*defaults, SessionAuthentication]
    if apps.is_installed("rest_framework.authtoken"):
        classes.append(BearerAuthentication)
    return [each() for each in dict.fromkeys(classes)]


def refuse_forged(request: Request) -> None:
    """Check the CSRF token of an asker whom no authenticator knows.

    A visitor whom ``USER_ID`` recognizes is recognized by a cookie, which a foreign page's request carries too.

    Raises:
        PermissionDenied: when a request that changes something has no good token.
    """
    if request.successful_authenticator is None:
        SessionAuthentication().enforce_csrf(request)
