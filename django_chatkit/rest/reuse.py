"""Answers that whoever holds them may show again, once we have said that they still are what they were."""

from functools import partial
from hashlib import blake2b

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags, quote_etag
from rest_framework.response import Response

# Kept by the asker alone, and shown again only after it was asked here, where who asks is looked at anew.
REUSABLE = "private, no-cache"
_OF_A_304 = ("Cache-Control", "ETag", "Vary", "x-request-id")


def make_reusable(response: Response, request: HttpRequest) -> None:
    """Give an answer an ``ETag`` once it is written, and say just that it has not changed to who has it already."""
    response["Cache-Control"] = REUSABLE
    patch_vary_headers(response, ["Authorization", "Cookie"])
    response.add_post_render_callback(partial(_unless_known, request))


def _unless_known(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    etag = response["ETag"] = quote_etag(blake2b(response.content, digest_size=16).hexdigest())
    known = [each.removeprefix("W/") for each in parse_etags(request.headers.get("If-None-Match", ""))]
    if etag not in known and "*" not in known:
        return response
    return HttpResponseNotModified(headers={name: response[name] for name in _OF_A_304})
