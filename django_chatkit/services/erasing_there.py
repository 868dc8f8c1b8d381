"""The half of an erasure that is done upstream: a thread deleted, and asked for once more."""

from functools import partial

from ..client import ChatKit, NotFoundError
from .crew import Job
from .gone import is_gone
from .threads import NotDeleted


def delete(client: ChatKit, id: str) -> Job:
    """Delete a thread upstream, and go on only once upstream said that it does not have it.

    Raises:
        APIError: what upstream answered, other than a 404 that names the thread.
        NotDeleted: it answered that it did not, or has the thread still.
    """
    try:
        answer = (yield partial(client.threads.delete, id)).result()
        if answer.deleted is False:
            raise NotDeleted(f"upstream says that it did not delete {id}")
        (yield partial(client.threads.retrieve, id)).result()
    except NotFoundError as error:
        if is_gone(error, id):
            return
        raise
    raise NotDeleted(f"upstream says that it deleted {id}, and still has it")
