"""Work that lost a deadlock is done again."""

import pytest
from django.db import InterfaceError, OperationalError, connections, transaction

from django_chatkit.models import EndUser
from django_chatkit.services.transactions import WAITS, atomically, persistently

from .backends import end_backend

AT_ONCE = [0.0] * len(WAITS)
TRIES = len(WAITS) + 1


class Contended:
    """Work that gives way to other writers a number of times."""

    def __init__(self, times: int) -> None:
        self.times, self.tries = times, 0

    def __call__(self) -> str:
        self.tries += 1
        EndUser.objects.create(id=f"try {self.tries}")
        if self.tries <= self.times:
            raise OperationalError("deadlock detected")
        return "done"


@pytest.mark.django_db(transaction=True)
def test_work_that_gave_way_is_done_again_and_only_the_last_try_stays() -> None:
    work = Contended(times=2)

    assert atomically(work, using="default", waits=AT_ONCE) == "done"
    assert [each.id for each in EndUser.objects.all()] == ["try 3"]


@pytest.mark.django_db(transaction=True)
def test_work_that_always_gives_way_fails_in_the_end() -> None:
    work = Contended(times=TRIES)

    with pytest.raises(OperationalError, match="deadlock"):
        atomically(work, using="default", waits=AT_ONCE)

    assert work.tries == TRIES
    assert not EndUser.objects.exists()


@pytest.mark.django_db
def test_within_a_callers_transaction_work_is_done_once() -> None:
    work = Contended(times=1)

    with pytest.raises(OperationalError), transaction.atomic():
        atomically(work, using="default")

    assert work.tries == 1


class Lost:
    """Work that loses its connection a number of times: the server ends it, or it is closed here."""

    def __init__(self, database: str, *, times: int) -> None:
        self.database, self.times, self.tries = database, times, 0

    def __call__(self) -> bool:
        self.tries += 1
        if self.tries <= self.times:
            end_backend(self.database)
        return EndUser.objects.using(self.database).exists()


@pytest.mark.django_db(transaction=True)
def test_work_that_lost_its_connection_is_done_again_on_a_fresh_one(database: str) -> None:
    if connections[database].vendor == "sqlite":
        pytest.skip("a file has no server that could end a connection")
    work = Lost(database, times=2)
    within = Lost(database, times=2)

    assert persistently(work, using=database, waits=AT_ONCE) is False
    assert atomically(within, using=database, waits=AT_ONCE) is False
    assert (work.tries, within.tries) == (3, 3)


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_closed_here_counts_as_lost() -> None:
    tries: list[int] = []

    def work() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise InterfaceError("connection already closed")
        return "done"

    assert persistently(work, using="default", waits=AT_ONCE) == "done"
