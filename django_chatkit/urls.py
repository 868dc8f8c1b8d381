"""The REST surface, to include under a prefix of the host."""

from django.urls import path, re_path

from .rest.nowhere import NowhereViewSet
from .rest.sessions import SessionViewSet
from .rest.threads import ThreadViewSet

app_name = "django_chatkit"
urlpatterns = [
    path("chatkit/sessions", SessionViewSet.as_view({"get": "list", "post": "create"}), name="session-list"),
    path("chatkit/sessions/<str:id>", SessionViewSet.as_view({"get": "retrieve"}), name="session-detail"),
    path(
        "chatkit/sessions/<str:id>/cancel", SessionViewSet.as_view({"post": "cancel"}), name="session-cancel"
    ),
    path("chatkit/threads", ThreadViewSet.as_view({"get": "list"}), name="thread-list"),
    path(
        "chatkit/threads/<str:id>",
        ThreadViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="thread-detail",
    ),
    path("chatkit/threads/<str:id>/items", ThreadViewSet.as_view({"get": "items"}), name="thread-items"),
    path("chatkit/threads/<str:id>/sync", ThreadViewSet.as_view({"post": "sync"}), name="thread-sync"),
    re_path(
        r"^chatkit(?:/[\s\S]*)?\Z",
        NowhereViewSet.as_view(dict.fromkeys(["get", "post", "put", "patch", "delete"], "refuse")),
    ),
]
