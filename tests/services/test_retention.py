"""Whose time has come: by kind, by age, by workflow."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_chatkit.client import ChatKit
from django_chatkit.models import ChatSession, ChatThread, ChatThreadItem, EndUser, PrunedThread, SyncRun
from django_chatkit.services import cleanup, retention
from django_chatkit.services.reports import CleanupReport

from .conftest import Clock, World

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def clean(chatkit: ChatKit, clock: Clock, world: World) -> Any:
    def run(given: Any, **options: Any) -> CleanupReport:
        return cleanup.run(client=chatkit, clock=clock, retention=given, using=world.database, **options)

    return run


def settle(world: World, clock: Clock, user: str, workflow: str, *, age: float) -> ChatSession:
    """Enter a session in the ledger that was opened so many days ago and is over."""
    at = clock.now - age * DAY
    EndUser.objects.using(world.database).get_or_create(pk=user)
    return ChatSession.objects.using(world.database).create(
        id=f"cksess_{user}_{workflow}_{age}",
        end_user_id=user,
        workflow_id=workflow,
        status="expired",
        created_at=at,
        expires_at=at + timedelta(minutes=10),
    )


def thread(
    world: World, clock: Clock, user: str, *, age: float, minutes: float = 1, **fields: Any
) -> ChatThread:
    """Hold a thread that was created so many minutes after a session of that age was opened, with two items."""
    at = clock.now - age * DAY + timedelta(minutes=minutes)
    EndUser.objects.using(world.database).get_or_create(pk=user)
    row = ChatThread.objects.using(world.database).create(
        id=f"cthr_{user}_{age}_{minutes}",
        end_user_id=user,
        **{"created_at": at, "last_activity_at": at, "synced_at": at, "items_as_of": at, **fields},
    )
    ChatThreadItem.objects.using(world.database).bulk_create(
        ChatThreadItem(
            id=f"{row.pk}_{n}", thread=row, position=n, created_at=at, text="words", type="message"
        )
        for n in range(2)
    )
    return row


def due(world: World, clock: Clock, given: Any, *, upstream: bool = True) -> set[str]:
    rows = retention.threads(given, upstream=upstream, now=clock.now, using=world.database)
    return set(rows.values_list("pk", flat=True))


def test_each_workflow_has_its_own_term(world: World, clock: Clock) -> None:
    for user, workflow in (("ada", "wf_short"), ("bob", "wf_long"), ("cyd", "wf_ever"), ("dee", "wf_usual")):
        settle(world, clock, user, workflow, age=50)
    rows = {user: thread(world, clock, user, age=50).pk for user in ("ada", "bob", "cyd", "dee", "eve")}
    given = {"threads": 60 * DAY, "workflows": {"wf_short": {"threads": 30 * DAY}}}
    others = {"wf_long": {"threads": 90 * DAY}, "wf_ever": {"threads": None}, "wf_usual": {"content": DAY}}

    assert due(world, clock, given) == {rows["ada"]}
    assert due(world, clock, {"threads": 40 * DAY, "workflows": others}) == {
        rows["ada"],
        rows["dee"],
        rows["eve"],
    }


@pytest.mark.parametrize(
    ("minutes", "workflow"),
    [
        pytest.param(-1, "", id="before-the-first"),
        pytest.param(-0.01, "wf_1", id="in-its-second"),
        pytest.param(3, "wf_1", id="in-the-first"),
        pytest.param(7, "wf_2", id="in-both"),
        pytest.param(12, "wf_2", id="in-the-second"),
        pytest.param(16, "", id="after-both"),
    ],
)
def test_a_thread_is_of_the_session_that_was_opened_last_before_it(
    world: World, clock: Clock, minutes: float, workflow: str
) -> None:
    sessions = [
        settle(world, clock, "ada", "wf_1", age=2),
        settle(world, clock, "ada", "wf_2", age=2 - 5 / 1440),
        settle(world, clock, "bob", "wf_3", age=2),
    ]
    row = thread(world, clock, "ada", age=2, minutes=minutes)

    kept = retention.keep_workflows([each.pk for each in sessions], using=world.database)

    assert kept == bool(workflow)
    row.refresh_from_db(using=world.database)
    assert row.workflow_id == workflow


def test_only_threads_of_the_sessions_that_go_are_written(world: World, clock: Clock, clean: Any) -> None:
    first, second = (settle(world, clock, "ada", f"wf_{age}", age=age) for age in (5, 3))
    for minutes in (-30, 5, 30):  # before, in and after each
        for age in (5, 3):
            thread(world, clock, "ada", age=age, minutes=minutes)

    assert retention.keep_workflows([first.pk], using=world.database) == 1
    assert retention.keep_workflows([first.pk], using=world.database) == 0
    assert retention.keep_workflows([second.pk], using=world.database) == 1
    explained = ChatThread.objects.using(world.database).exclude(workflow_id="")
    assert set(explained.values_list("pk", "workflow_id")) == {
        ("cthr_ada_5_5", "wf_5"),
        ("cthr_ada_3_5", "wf_3"),
    }


def test_the_workflow_outlives_the_ledger(world: World, clock: Clock, clean: Any) -> None:
    settle(world, clock, "ada", "wf_long", age=50)
    kept = thread(world, clock, "ada", age=50)

    clean({"sessions": DAY})

    assert not ChatSession.objects.using(world.database).exists()
    kept.refresh_from_db(using=world.database)
    assert kept.workflow_id == "wf_long"
    assert due(world, clock, {"threads": DAY, "workflows": {"wf_long": {"threads": None}}}) == set()
    assert due(world, clock, {"workflows": {"wf_long": {"threads": DAY}}}) == {kept.pk}


def test_sessions_have_a_term_for_each_workflow_too(world: World, clock: Clock, clean: Any) -> None:
    for workflow in ("wf_1", "wf_2"):
        settle(world, clock, "ada", workflow, age=5)

    report = clean({"sessions": DAY, "workflows": {"wf_2": {"sessions": 10 * DAY}}})

    assert report.sessions_deleted == 1
    assert ChatSession.objects.using(world.database).get().workflow_id == "wf_2"


def test_one_workflows_threads_go_here_alone_and_anothers_on_both_sides(world: World, clock: Clock) -> None:
    for user, workflow in (("ada", "wf_here"), ("bob", "wf_both")):
        settle(world, clock, user, workflow, age=50)
    here, both, other = (thread(world, clock, user, age=50).pk for user in ("ada", "bob", "cyd"))
    alone = {"days": DAY, "upstream": False}
    given = {"threads": DAY, "workflows": {"wf_here": {"threads": alone}}}

    assert due(world, clock, given) == {both, other}
    assert due(world, clock, given, upstream=False) == {here}
    given = {"threads": alone, "workflows": {"wf_both": {"threads": DAY}}}
    assert due(world, clock, given) == {both}
    assert due(world, clock, given, upstream=False) == {here, other}


TERMS = st.none() | st.sampled_from([10, 30, 60]).map(lambda days: timedelta(days=days))
OF_THREADS = TERMS | st.sampled_from([10, 30, 60]).map(
    lambda days: {"days": timedelta(days=days), "upstream": False}
)
OF_WORKFLOWS = st.fixed_dictionaries(
    {}, optional={"sessions": TERMS, "content": TERMS, "threads": OF_THREADS}
)
RETENTIONS = st.fixed_dictionaries(
    {},
    optional={
        "sessions": TERMS,
        "content": TERMS,
        "threads": OF_THREADS,
        "runs": TERMS,
        "workflows": st.dictionaries(st.sampled_from(["wf_1", "wf_2"]), OF_WORKFLOWS),
    },
)
PAST = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from(["wf_1", "wf_2", "wf_3"]), st.sampled_from([5, 20, 40, 70])
    ),
    max_size=6,
    unique=True,
)
CHOICES = st.fixed_dictionaries({kind: st.booleans() for kind in ("sessions", "threads", "content", "runs")})


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(given=RETENTIONS, past=PAST, choice=CHOICES, batch_size=st.integers(1, 4))
def test_what_a_dry_run_tells_is_what_then_goes(
    world: World, clock: Clock, clean: Any, given: Any, past: Any, choice: Any, batch_size: int
) -> None:
    _begin_anew(world)
    for user, workflow, age in past:
        settle(world, clock, user, workflow, age=age)
        row = thread(world, clock, user, age=age, minutes=len(workflow) + int(workflow[-1]) / 10)
        world.thread("words", user=user, id=row.pk, created_at=int(row.created_at.timestamp()))
        world.emulator.remove_thread(row.pk)  # so that a last look upstream ends there
        SyncRun.objects.using(world.database).create(
            kind="due", started_at=row.created_at, noted_at=row.created_at
        )
    told: list[tuple[str, str, int]] = []
    before = _held(world)

    dry = clean(given, dry_run=True, batch_size=batch_size, on_due=lambda *due: told.append(due), **choice)
    assert _held(world) == before
    real = clean(given, batch_size=batch_size, **choice)

    after = _held(world)
    # Of a thread that went whole nobody tells that its words went.
    before["words"] &= after["thread"]
    gone = [(noun, id) for noun, ids in before.items() for id in ids - after[noun]]
    assert sorted(gone) == sorted((noun, id) for noun, id, _ in told)
    assert {**dry.as_dict(), "dry_run": False} == real.as_dict()
    assert sum(count for noun, _, count in told if noun == "words") == dry.items_emptied


def _held(world: World) -> dict[str, set[str]]:
    threads = ChatThread.objects.using(world.database)
    full = ChatThreadItem.objects.using(world.database).exclude(text="")
    held = set(threads.values_list("pk", flat=True))
    return {
        "session": set(ChatSession.objects.using(world.database).values_list("pk", flat=True)),
        "thread": held,
        "words": set(full.values_list("thread_id", flat=True)),
        "sync run": {
            str(pk)
            for pk in SyncRun.objects.using(world.database).filter(kind="due").values_list("pk", flat=True)
        },
    }


def _begin_anew(world: World) -> None:
    for model in (ChatSession, ChatThread, SyncRun, PrunedThread, EndUser):
        model.objects.using(world.database).all().delete()
