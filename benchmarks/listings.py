"""The ways to list the items of a thread that `benchmarks/rest.py` compares: Django REST framework's own, and ours.

All of them find out who asks by the same token. Only ours also asks whose thread it is.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import scratch  # noqa: F401 -- REST framework wants Django's settings
from django.urls import include, path
from rest_framework import generics, serializers
from rest_framework.authentication import TokenAuthentication
from rest_framework.pagination import CursorPagination, LimitOffsetPagination
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_chatkit.models import ChatThreadItem

THREAD = "cthr_long"
PAGE = 100


class OneDatabase:
    """Send every query to one database."""

    alias = ""

    def db_for_read(self, model: object, **hints: object) -> str:
        return self.alias

    db_for_write = db_for_read


class Bearer(TokenAuthentication):
    keyword = "Bearer"


class Item(serializers.ModelSerializer):
    payload = serializers.JSONField()

    class Meta:
        model = ChatThreadItem
        fields = ["id", "thread", "type", "position", "text", "settled", "payload", "created_at", "gone_at"]


class Guarded:
    authentication_classes = (Bearer,)
    permission_classes = (IsAuthenticated,)


class Listing(Guarded, generics.ListAPIView):
    serializer_class = Item

    def get_queryset(self) -> Any:
        return ChatThreadItem.objects.of(THREAD).present().order_by("position")


class Offset(Listing):
    class pagination_class(LimitOffsetPagination):
        default_limit = PAGE


class Cursor(Listing):
    class pagination_class(CursorPagination):
        page_size = PAGE
        ordering = "position"


class Keyset(Listing):
    def list(self, request: Request) -> Response:
        rows = self.get_queryset().filter(position__gt=int(request.query_params["after"]))[:PAGE]
        return Response(self.get_serializer(rows, many=True).data)


class Constant(Guarded, APIView):
    def get(self, request: Request) -> Response:
        return Response({"object": "list", "data": []})


urlpatterns = [
    path("offset", Offset.as_view()),
    path("cursor", Cursor.as_view()),
    path("keyset", Keyset.as_view()),
    path("constant", Constant.as_view()),
    path("api/", include("django_chatkit.urls")),
]


@dataclass(frozen=True)
class Contestant:
    """Say how one way is asked for its first page, and for the page that begins behind so many items."""

    name: str
    first: str
    deep: str

    def address(self, place: int) -> str:
        if not place:
            return self.first
        cursor = base64.urlsafe_b64encode(f"p={place - 1}".encode()).decode()
        return self.deep.format(place=place, last=place - 1, cursor=cursor)


_OURS = f"/api/chatkit/threads/{THREAD}/items?limit={PAGE}&order=asc"
BASELINE = Contestant("keyset + ModelSerializer", "/keyset?after=-1", "/keyset?after={last}")
FLOOR = Contestant("a view that answers a constant", "/constant", "/constant")
CONTESTANTS = [
    Contestant("LimitOffsetPagination + ModelSerializer", "/offset", "/offset?offset={place}"),
    Contestant("CursorPagination + ModelSerializer", "/cursor", "/cursor?cursor={cursor}"),
    BASELINE,
    FLOOR,
    Contestant("**ours: scope, permissions, envelope**", _OURS, f"{_OURS}&after=cti_{{last}}"),
]
