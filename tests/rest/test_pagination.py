"""Pages of the mirror beside those of upstream, and what they cost."""

import json
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from django_chatkit.models import ChatThread
from django_chatkit.rest.errors import Refusal
from django_chatkit.rest.pagination import paginate
from django_chatkit.rest.threads import ITEMS, THREADS
from django_chatkit.rest.windows import Window
from django_chatkit.testing import Emulator
from tests.rest.conftest import Configure
from tests.rest.world import (
    NOW,
    allow,
    bearer,
    items_of,
    session_of,
    signed_in,
    sync_everything,
    thread_of,
)

ADDRESS = "/api/chatkit/threads"

# Upstream's list: seconds of creation with many ties, and two end users.
WORLD: list[dict[str, Any]] = [
    {"id": f"cthr_{name}", "user": user, "created_at": 1_700_000_000 + second}
    for name, user, second in [
        ("m", "1", 0),
        ("a", "1", 0),
        ("A", "2", 0),
        ("z", "1", 0),
        ("B", "1", 1),
        ("b", "2", 1),
        ("c", "1", 2),
        ("y", "2", 2),
        ("x", "1", 2),
        ("k", "1", 3),
    ]
]
THREAD = "cthr_m"
SAID = [f"cti_{name}" for name in "dAabzcyx"]
NEWER = ["cti_0", "cti_Z"]
GONE = ["cti_cut", "cthr_gone"]
IDS = st.sampled_from([each["id"] for each in WORLD] + SAID + NEWER + GONE + ["cthr_unknown"])
PATHS = st.sampled_from(["threads", f"threads/{THREAD}/items", "threads/cthr_gone/items"])
QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "order": st.sampled_from(["asc", "desc"]),
        "limit": st.integers(0, 12).map(str),
        "after": IDS,
        "before": IDS,
        "user": st.sampled_from(["1", "2", "3"]),
    },
)
READING = settings(deadline=None, max_examples=100)


def upstream(emulator: Emulator, path: str, query: dict[str, str]) -> tuple[int, Any]:
    """Return what upstream answers to the same question."""
    response = emulator.handle("GET", f"/v1/chatkit/{path}", query, {"Authorization": "Bearer sk"})
    assert isinstance(response.body, bytes)
    return response.status, json.loads(response.body)


def live_through(emulator: Emulator, *, using: str) -> None:
    """Give upstream a history, synced twice: new, and after things were added, changed, cut and deleted."""
    for each in WORLD:
        emulator.add_thread(**each)
    emulator.add_thread(id="cthr_gone", user="1", created_at=1_700_000_001)
    for id in [*SAID, "cti_cut", "cti_cut_too"]:
        emulator.add_item(THREAD, id=id, created_at=1_700_000_000)
    sync_everything(emulator, using=using)
    emulator.cut_items(THREAD, after=SAID[-1])
    emulator.remove_thread("cthr_gone")
    emulator.change_thread("cthr_a", title="Changed", status="locked")
    for id in NEWER:
        emulator.add_item(THREAD, id=id, created_at=1_700_000_001)
    emulator.add_thread(id="cthr_late", user="2", created_at=1_700_000_003)
    sync_everything(emulator, using=using)


@pytest.mark.django_db
@pytest.mark.parametrize("asker", ["staff", "1"])  # the long thread is of 1
def test_any_page_is_upstreams_page(
    chatkit_emulator: Emulator, configure: Configure, ada: User, admin_user: User, asker: str
) -> None:
    live_through(chatkit_emulator, using="default")
    configure(USER_ID=lambda request: asker)
    way_in = bearer(admin_user if asker == "staff" else ada)

    @READING
    @given(path=PATHS, query=QUERIES)
    def is_upstreams(path: str, query: dict[str, str]) -> None:
        response = way_in.get(f"/api/chatkit/{path}", query)
        if asker != "staff":  # what we know without being told, upstream must be asked for
            query = {**query, "user": asker if query.get("user", asker) == asker else "nobody"}
        status, answer = upstream(chatkit_emulator, path, query)

        assert response.status_code == status
        if status == 200:
            assert response.json() == answer
        else:
            assert response.json()["error"]["message"] == answer["error"]["message"]

    is_upstreams()


def test_pages_are_alike_on_every_database(chatkit_emulator: Emulator, database: str) -> None:
    live_through(chatkit_emulator, using=database)
    lists = {"threads": (THREADS, ""), f"threads/{THREAD}/items": (ITEMS, THREAD)}

    @READING
    @given(path=st.sampled_from(sorted(lists)), query=QUERIES)
    def is_upstreams(path: str, query: dict[str, str]) -> None:
        listing, parent = lists[path]
        owners = (query["user"],) if "user" in query and path == "threads" else ()
        status, answer = upstream(chatkit_emulator, path, query)
        refusal: AbstractContextManager[object] = (
            nullcontext() if status == 200 else pytest.raises(Refusal, match=answer["error"]["message"])
        )
        with refusal:
            page = paginate(listing, Window.asked(query), owners=owners, parent=parent, using=database)
            assert [json.loads(stored) for _, stored in page.rows] == answer["data"]
            assert page.has_more == answer["has_more"]

    is_upstreams()


@pytest.mark.django_db
def test_walking_the_ledger_meets_every_session_once(ada: User) -> None:
    for number in range(7):
        session_of(ada, f"cksess_{number}", created_at=NOW + timedelta(seconds=number // 3))
    asker = bearer(ada)
    met: list[str] = []
    query: dict[str, Any] = {"limit": 2, "order": "asc"}

    while True:
        page = asker.get("/api/chatkit/sessions", query).json()
        met += [each["id"] for each in page["data"]]
        if not page["has_more"]:
            break
        query["after"] = page["last_id"]

    assert met == [f"cksess_{number}" for number in range(7)]


BAD = [
    pytest.param("limit=-1", "limit", id="limit below zero"),
    pytest.param("limit=101", "limit", id="limit above a hundred"),
    pytest.param("limit=1e9", "limit", id="limit with an exponent"),
    pytest.param("limit=" + "9" * 5000, "limit", id="limit of five thousand digits"),
    pytest.param("limit=", "limit", id="limit of nothing"),
    pytest.param("limit=%D9%A3", "limit", id="limit in Arabic digits"),
    pytest.param("limit=5%00", "limit", id="limit with NUL"),
    pytest.param("order=up", "order", id="unknown order"),
    pytest.param("order=", "order", id="empty order"),
    pytest.param("user=", "user", id="empty user"),
    pytest.param("user=" + "u" * 513, "user", id="user too long"),
    pytest.param("user=a%00b", "user", id="user with NUL"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("query", "param"), BAD)
def test_a_bad_parameter_is_named(ada: User, query: str, param: str) -> None:
    response = bearer(ada).get(f"{ADDRESS}?{query}")

    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, param)
    assert error["type"] == "invalid_request_error"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [
        pytest.param("after=a%00b", id="NUL"),
        pytest.param("after=cthr_1&before=%00", id="a good and a bad one"),
        pytest.param("after=", id="nothing"),
        pytest.param("after=" + "x" * 3000, id="very long"),
        pytest.param("after=CTHR_1", id="another case"),
    ],
)
def test_a_cursor_that_names_nothing_is_a_404(ada: User, query: str) -> None:
    thread_of(ada, "cthr_1")

    response = bearer(ada).get(f"{ADDRESS}?{query}")

    assert response.status_code == 404
    assert response.json()["error"]["param"] in ("after", "before")


@pytest.mark.django_db
def test_what_upstream_does_not_know_is_ignored(ada: User) -> None:
    assert bearer(ada).get(f"{ADDRESS}?page=7&format=html&colour=red").status_code == 200


# What Django itself asks about the asker: the account by its token, or the session and the account by its cookie, and
# a permission of staff that is no superuser.
WAYS_IN = {
    "token": 1,
    "cookie": 2,
    "superuser with a cookie": 2,
    "staff with a token": 2,
    "staff with a cookie": 3,
    "staff that reads no transcripts": 3,
    "staff without a permission": 3,
}
LISTS = ["threads", "threads/cthr_1/items", "threads/cthr_own/items", "threads/cthr_0/items", "sessions"]
WINDOWS = [
    "",
    "limit=0",
    "limit=1",
    "after={0}5&limit=2",
    "before={0}5&limit=2&order=asc",
    "after={0}8&before={0}2",
    "after={0}2&before={0}8",  # nothing lies there
    "after={0}0&limit=5",  # nor after the last
    "before={0}0&order=asc",
    "after={0}unknown",
    "after={0}5&before={0}unknown",
    "after=%00",
    "user=nobody",
]


@pytest.mark.django_db
@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("way_in", WAYS_IN)
def test_a_list_costs_one_statement_beside_who_is_asking_whatever_it_answers(
    ada: User,
    staff: User,
    admin_user: User,
    django_assert_num_queries: DjangoAssertNumQueries,
    way_in: str,
    path: str,
) -> None:
    for number in range(1, 10):
        thread_of(ada, f"cthr_{number}", created_at=NOW + timedelta(seconds=number))
    for number in range(10):
        session_of(ada, f"cksess_{number}", created_at=NOW + timedelta(seconds=number))
    items_of(ChatThread.objects.get(pk="cthr_1"), *(f"cti_{number}" for number in range(10)))
    thread_of(staff, "cthr_own")
    sees_all = ["view_chatthread", "view_chatsession"]
    asker = {
        "token": lambda: bearer(ada),
        "cookie": lambda: signed_in(ada),
        "superuser with a cookie": lambda: signed_in(admin_user),
        "staff with a token": lambda: bearer(allow(staff, *sees_all, "view_transcript")),
        "staff with a cookie": lambda: signed_in(allow(staff, *sees_all, "view_transcript")),
        "staff that reads no transcripts": lambda: signed_in(allow(staff, *sees_all)),
        "staff without a permission": lambda: signed_in(staff),
    }[way_in]()
    prefix = {"threads": "cthr_", "sessions": "cksess_"}.get(path, "cti_")

    for window in WINDOWS:
        with django_assert_num_queries(WAYS_IN[way_in] + 1):
            response = asker.get(f"/api/chatkit/{path}?{window.format(prefix)}")
        assert response.status_code in (200, 403, 404)


@pytest.mark.django_db
def test_a_list_of_the_asker_is_one_statement_beside_the_askers_own(
    ada: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    items_of(thread_of(ada, "cthr_1"), *(f"cti_{number}" for number in range(50)))
    asker = bearer(ada)

    with django_assert_num_queries(2):
        assert len(asker.get(f"{ADDRESS}/cthr_1/items?limit=30&before=cti_3").json()["data"]) == 30
