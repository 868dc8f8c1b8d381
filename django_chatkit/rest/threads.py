"""Threads and their items: read from the mirror, deleted upstream."""

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request
from rest_framework.response import Response

from .. import queue, wiring
from ..models import ChatThread, ChatThreadItem
from ..services import end_users, threads
from . import documents
from .errors import Refusal
from .pagination import Listing, Page, paginate
from .surface import Surface
from .windows import Window, user_asked

THREADS = Listing(
    noun="Thread",
    model=ChatThread,
    rows=lambda parent: ChatThread.objects.present(),
    key=("created_at", "tie", "id"),
)
ITEMS = Listing(
    noun="Item",
    model=ChatThreadItem,
    rows=lambda parent: ChatThreadItem.objects.of(parent).present(),
    key=("position",),
    parent=THREADS,
)


class ThreadViewSet(Surface):
    """List, show, delete and sync threads."""

    noun = THREADS.noun
    is_reusable = True

    def list(self, request: Request) -> Response:
        """List the threads that the asker may see."""
        user, window = user_asked(request.query_params), Window.asked(request.query_params)
        return _listed(paginate(THREADS, window, owners=self.scope.owners(ChatThread, user=user)))

    def retrieve(self, request: Request, id: str) -> Response:
        """Show one thread as upstream sent it."""
        return Response(self.scope.find(ChatThread.objects.present(), id, noun=self.noun).payload)

    def items(self, request: Request, id: str) -> Response:
        """List the items of one thread."""
        window, owners = Window.asked(request.query_params), self.scope.owners(ChatThread)
        # Who sees everybody's threads may not yet read what was said in them.
        return _listed(paginate(ITEMS, window, owners=owners, readers=self.scope.readers(), parent=id))

    @sensitive_variables()  # our key, on the way to upstream
    def destroy(self, request: Request, id: str) -> Response:
        """Delete one thread, upstream and then in the mirror."""
        thread = self.scope.find_to("delete", ChatThread.objects.present(), id, noun=self.noun)
        threads.delete(client=wiring.connect_for_request(), now=timezone.now(), thread=thread)
        return Response(documents.deleted(id))

    def sync(self, request: Request, id: str) -> Response:
        """Ask for a sync of one thread: the browser's nudge."""
        try:
            self.scope.find_to("sync", ChatThread.objects.present(), id, noun=self.noun)
        except Refusal:
            self._discover()
            raise
        return Response(documents.nudged(id, queued=queue.sync_thread(id)), status=202)

    def _discover(self) -> None:
        """Have the asker's threads looked for: one that the mirror lacks may have been opened a moment ago."""
        end_user = self.scope.end_user
        if end_user is not None and end_users.make_due(now=timezone.now(), user=end_user):
            queue.sync_due_users()


def _listed(page: Page) -> Response:
    texts = (stored for _, stored in page.rows)
    return Response(documents.page(page.ids, texts, has_more=page.has_more))
