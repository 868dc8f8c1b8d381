"""Who sees what, and who may do what to whom."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_chatkit.testing import Emulator
from tests.rest.conftest import Configure
from tests.rest.world import allow, bearer, items_of, session_of, signed_in, thread_of

pytestmark = pytest.mark.django_db

ASKERS: dict[str, tuple[str, ...] | None] = {
    "owner": None,
    "stranger": None,
    "staff": (),
    "viewer": ("view_chatthread", "view_chatsession"),
    "reader": ("view_chatthread", "view_transcript"),
    "blind": ("view_transcript", "sync_chatthread", "delete_chatthread", "change_chatsession"),
    "manager": (
        "view_chatthread",
        "view_chatsession",
        "view_transcript",
        "sync_chatthread",
        "delete_chatthread",
        "change_chatsession",
    ),
}

# What each asker gets from each call on the owner's things, in the order of ASKERS, nobody last.
MATRIX = {
    "GET sessions/cksess_1": [200, 404, 404, 200, 404, 404, 200, 401],
    "POST sessions/cksess_1/cancel": [200, 404, 404, 403, 404, 404, 200, 401],
    "GET threads/cthr_1": [200, 404, 404, 200, 200, 404, 200, 401],
    "GET threads/cthr_1/items": [200, 404, 404, 403, 200, 404, 200, 401],
    "DELETE threads/cthr_1": [200, 404, 404, 403, 403, 404, 200, 401],
    "POST threads/cthr_1/sync": [202, 404, 404, 403, 403, 404, 202, 401],
    "GET threads": [200, 200, 200, 200, 200, 200, 200, 401],
    "GET sessions": [200, 200, 200, 200, 200, 200, 200, 401],
    "POST sessions": [200, 200, 200, 200, 200, 200, 200, 401],
}


@pytest.fixture
def world(chatkit_emulator: Emulator, ada: User) -> User:
    """Give ada a session and a thread with an item, here and upstream."""
    chatkit_emulator.add_thread(id="cthr_1", user=str(ada.pk))
    items_of(thread_of(ada, "cthr_1"), "cti_1")
    session_of(ada, "cksess_1", expires_at=timezone.now() + timedelta(minutes=5))
    return ada


@pytest.fixture
def ask_as(world: User, ben: User, staff: User) -> Callable[[str], Client]:
    """Return the way in of one of ASKERS, or of nobody."""

    def way_in(name: str) -> Client:
        if name == "nobody":
            return Client()
        user = {"owner": world, "stranger": ben}.get(name, staff)
        return bearer(allow(user, *(ASKERS[name] or ())))

    return way_in


def call(asker: Client, line: str) -> Any:
    method, _, path = line.partition(" ")
    return asker.generic(method, f"/api/chatkit/{path}")


@pytest.mark.parametrize(
    ("line", "asker", "status"),
    [
        pytest.param(line, asker, status, id=f"{asker}: {line}")
        for line, statuses in MATRIX.items()
        for asker, status in zip([*ASKERS, "nobody"], statuses, strict=True)
    ],
)
def test_each_asker_gets_what_is_its_own(
    ask_as: Callable[[str], Client], line: str, asker: str, status: int
) -> None:
    assert call(ask_as(asker), line).status_code == status


def statements(queries: CaptureQueriesContext) -> list[str]:
    """Return what was asked of the database, whatever the time."""
    return [re.sub(r"'\d{4}-\d\d-\d\d [^']*'", "'now'", each["sql"]) for each in queries]


NAMING = [line for line in MATRIX if "_1" in line] + [
    "GET threads/cthr_1/items?after=cti_1&limit=5",
    "GET threads?after=cthr_1",
    "GET threads?before=cthr_1&order=asc",
    "GET sessions?after=cksess_1",
]


@pytest.mark.parametrize("line", NAMING)
@pytest.mark.parametrize("asker", ["stranger", "staff"])
def test_a_strangers_id_is_answered_as_a_missing_one_and_costs_the_same(
    ask_as: Callable[[str], Client], line: str, asker: str
) -> None:
    way_in = ask_as(asker)

    with CaptureQueriesContext(connection) as of_strange:
        strange = call(way_in, line)
    with CaptureQueriesContext(connection) as of_missing:
        missing = call(way_in, line.replace("_1", "_0"))

    assert strange.status_code == missing.status_code == 404
    assert strange.content == missing.content.replace(b"_0", b"_1")
    assert strange.headers.keys() == missing.headers.keys()
    assert statements(of_strange) == [each.replace("_0", "_1") for each in statements(of_missing)]


@pytest.mark.parametrize(
    ("asker", "user", "ids"),
    [
        pytest.param("owner", None, ["cthr_1"], id="an asker sees its own"),
        pytest.param("owner", "own", ["cthr_1"], id="an asker may name itself"),
        pytest.param("owner", "foreign", [], id="an asker sees nothing of others"),
        pytest.param("stranger", "own", [], id="a stranger sees nothing of the owner"),
        pytest.param("viewer", None, ["cthr_2", "cthr_1"], id="staff sees all"),
        pytest.param("viewer", "own", ["cthr_1"], id="staff may filter"),
        pytest.param("viewer", "unheard", [], id="staff finds nobody unheard of"),
        pytest.param("blind", "own", [], id="staff without the permission sees nothing"),
    ],
)
@pytest.mark.parametrize("noun", ["threads", "sessions"])
def test_lists_are_of_the_asker_or_of_whom_staff_asks_for(
    ask_as: Callable[[str], Client],
    world: User,
    noun: str,
    asker: str,
    user: str | None,
    ids: list[str],
) -> None:
    later = timezone.now()
    thread_of("foreign", "cthr_2", created_at=later)
    session_of("foreign", "cksess_2", created_at=later)
    query = {} if user is None else {"user": str(world.pk) if user == "own" else user}

    answer = ask_as(asker).get(f"/api/chatkit/{noun}", query).json()

    prefix = {"threads": "cthr_", "sessions": "cksess_"}[noun]
    assert [each["id"] for each in answer["data"]] == [id.replace("cthr_", prefix) for id in ids]


def test_a_strangers_cursor_tells_nothing(ask_as: Callable[[str], Client]) -> None:
    response = call(ask_as("stranger"), "GET threads?after=cthr_1")

    assert response.status_code == 404


def test_an_account_without_an_end_user_is_forbidden(configure: Configure, ada: User) -> None:
    configure(USER_ID=lambda request: None)

    response = bearer(ada).get("/api/chatkit/threads")

    assert response.status_code == 403
    assert response.json()["error"]["code"] == "permission_denied"


def test_staff_without_an_end_user_sees_nothing_of_its_own_and_all_by_permission(
    configure: Configure, world: User, staff: User
) -> None:
    configure(USER_ID=lambda request: None)
    before = bearer(staff).get("/api/chatkit/threads").json()["data"]
    allow(staff, "view_chatthread")

    after = bearer(staff).get("/api/chatkit/threads").json()["data"]

    assert (len(before), len(after)) == (0, 1)


def test_staff_without_the_permission_for_transcripts_is_told_so(
    ask_as: Callable[[str], Client],
) -> None:
    asker = ask_as("viewer")

    with CaptureQueriesContext(connection) as queries:
        refused = call(asker, "GET threads/cthr_1/items")

    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (403, "permission_denied")
    assert "no permission to read what was said" in error["message"]
    assert len(queries) <= 4
    assert call(asker, "GET threads/cthr_1/items?after=cti_0").status_code == 403
    assert call(asker, "GET threads/cthr_0/items").json()["error"]["param"] == "thread_id"


def test_where_content_is_hidden_staff_reads_none_but_its_own_and_end_users_read_theirs(
    configure: Configure, ask_as: Callable[[str], Client], staff: User
) -> None:
    items_of(thread_of(staff, "cthr_of_staff"), "cti_of_staff")
    staff.is_superuser = True
    staff.save()
    configure(HIDE_CONTENT=True)

    assert call(ask_as("reader"), "GET threads/cthr_1/items").status_code == 403
    assert call(ask_as("reader"), "GET threads/cthr_of_staff/items").status_code == 200
    assert call(ask_as("reader"), "GET threads/cthr_1").status_code == 200
    assert call(ask_as("owner"), "GET threads/cthr_1/items").status_code == 200


def test_staff_reads_its_own_threads_without_any_permission(
    ask_as: Callable[[str], Client], staff: User
) -> None:
    items_of(thread_of(staff, "cthr_2"), "cti_2")

    for name in ("staff", "viewer"):
        asker = ask_as(name)
        with CaptureQueriesContext(connection) as queries:
            answer = call(asker, "GET threads/cthr_2/items")
        assert [each["id"] for each in answer.json()["data"]] == ["cti_2"]
        assert len(queries) <= 4


def test_a_permission_without_the_staff_flag_opens_nothing(world: User, ben: User) -> None:
    response = signed_in(allow(ben, "view_chatthread")).get("/api/chatkit/threads")

    assert response.json()["data"] == []
