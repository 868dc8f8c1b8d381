"""Sessions: opened and cancelled upstream, listed from the ledger."""

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request
from rest_framework.response import Response

from .. import conf, wiring
from ..models import ChatSession
from ..services import sessions
from . import documents, opening
from .identity import state_variables_of
from .pagination import Listing, paginate
from .surface import Surface
from .throttling import refuse_too_many
from .windows import Window, user_asked

SESSIONS = Listing(
    noun="Chatkit Session",
    model=ChatSession,
    rows=lambda parent: ChatSession.objects.all(),
    key=("created_at", "id"),
    columns=("status",),
)


class SessionViewSet(Surface):
    """Open, list, show and cancel sessions."""

    noun = SESSIONS.noun

    # An error report of Django's shows no variable of these, nor of anything that they call: neither the client secret
    # of a session nor, on the way to upstream, our key.
    @sensitive_variables()
    def create(self, request: Request) -> Response:
        """Open a session for the asker: the only answer with a client secret."""
        settings = conf.read()
        order = opening.order(
            settings=settings,
            end_user=self.scope.own(),
            body=request.data,
            state_variables=state_variables_of(request),
        )
        refuse_too_many(request, self.scope)
        with opening.blame(request.data):
            opened = sessions.open(
                client=wiring.connect_for_request(),
                now=timezone.now(),
                owner=self.scope.owner,
                interval=settings.sync_interval,
                **order,
            )
        return Response(
            documents.opened(opened.session, opened.client_secret),
            headers={"Cache-Control": "no-store", "Pragma": "no-cache"},
        )

    def list(self, request: Request) -> Response:
        """List the ledger."""
        user, window = user_asked(request.query_params), Window.asked(request.query_params)
        page = paginate(SESSIONS, window, owners=self.scope.owners(ChatSession, user=user))
        texts = (documents.session(stored, status) for _, stored, status in page.rows)
        return Response(documents.page(page.ids, texts, has_more=page.has_more))

    def retrieve(self, request: Request, id: str) -> Response:
        """Show one session as the ledger has it."""
        return Response(documents.settled(self.scope.find(ChatSession.objects.all(), id, noun=self.noun)))

    @sensitive_variables()
    def cancel(self, request: Request, id: str) -> Response:
        """Cancel one session, upstream and in the ledger."""
        session = self.scope.find_to("change", ChatSession.objects.all(), id, noun=self.noun)
        cancelled = sessions.cancel(client=wiring.connect_for_request(), now=timezone.now(), session=session)
        return Response(documents.cancelled(cancelled))
