"""The rows behind the states in which a page can be."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from django_chatkit.models import (
    ChatSession,
    ChatThread,
    DailyCount,
    EndUser,
    ErasedThread,
    Erasure,
    Hold,
    SyncRun,
    Tag,
    ThreadNote,
    ThreadReview,
)
from django_chatkit.models.fields import storable
from tests.admin.conftest import BEGIN, make_item, make_session, make_thread

from .words import HOSTILE, Change, conversation

RIGHT_TO_LEFT = [
    "מתי מגיעה החבילה שלי? הזמנתי ב־3 בנובמבר, מספר 42.",
    "החבילה **יצאה מלייפציג** בשעה 6:40 ותגיע היום.\n\n1. להיות בבית\n2. להכין את הקוד `4471`",
    "شكراً! هل يمكنني تغيير العنوان إلى Hauptstraße 5؟",
    "نعم، تم تغيير العنوان. 🎉 ✅",
]
FAR_EAST = ["我的包裹在哪里？👩‍👩‍👧‍👦", "包裹已于6:40离开莱比锡，今天送达。荷物は本日届きます。"]

REASON = "APIStatusError: GET /v1/chatkit/threads answered 500: server_error (request id req_7f3a)"


def end_user(id: str = "user_42", name: str = "mia.chen", **fields: Any) -> EndUser:
    """Keep an end user with an owner."""
    owner, _is_new = User.objects.get_or_create(username=name)
    values = {"owner": owner, "looked_at": BEGIN, **fields}
    return EndUser.objects.get_or_create(id=id, defaults=values)[0]


def thread_of_every_type(
    change: Change = str, id: str = "cthr_1", owner: EndUser | None = None
) -> ChatThread:
    """Keep a thread with an item of each kind, one of them gone."""
    thread = make_thread(
        owner or end_user(),
        id,
        title=storable(change("Where is my parcel?")),
        payload={
            "title": change("Where is my parcel?"),
            "status": {"type": "active", "reason": change("none")},
        },
    )
    for position, (kind, payload) in enumerate(conversation(change), start=1):
        make_item(
            thread,
            position,
            storable(kind),
            id=f"cti_{id}_{position}",
            payload=payload,
            text=storable(change("Where is my parcel?")),
            settled=payload.get("status") != "in_progress",
            gone_at=BEGIN if position == 2 else None,
            created_at=BEGIN + timedelta(minutes=position),
        )
    return thread


def talk(thread: ChatThread, lines: list[str]) -> None:
    """Let the end user and the assistant say these lines in turn."""
    for position, line in enumerate(lines, start=1):
        if position % 2:
            kind, block = "chatkit.user_message", dict[str, Any](type="input_text", text=line)
        else:
            kind, block = (
                "chatkit.assistant_message",
                {"type": "output_text", "text": line, "annotations": []},
            )
        make_item(
            thread,
            position,
            kind,
            id=f"cti_{thread.pk}_{position}",
            payload={"content": [block]},
            text=line,
            created_at=BEGIN + timedelta(minutes=40 * position),
        )


def long_thread() -> ChatThread:
    """Keep a thread of several pages and days, with one very long message."""
    thread = make_thread(end_user(), "cthr_long", title="A long talk about parcels, addresses and everything")
    lines = [
        f"This is line {number} of a long talk. " + "It goes on. " * (number % 9) for number in range(130)
    ]
    lines[40] = "The parcel came at last, and the parcel was empty. " * 9
    lines[117] = "A very long message. " * 5_000
    lines[120] = "w" * 400
    talk(thread, lines)
    return thread


def noted(thread: ChatThread, change: Change = str) -> None:
    """Let staff say something about a thread."""
    author, _is_new = User.objects.get_or_create(username=storable(change("ada"))[:150])
    text = storable(change("Called back, all is well."))
    ThreadNote.objects.create(thread=thread, author=author, text=text, created_at=BEGIN)
    review = ThreadReview.objects.create(thread=thread, rating=1, reviewer=author, reviewed_at=BEGIN)
    names = {storable(change(word))[:50] for word in ("parcel", "late")}
    review.tags.set([Tag.objects.create(name=name) for name in names])


def sessions(owner: EndUser) -> None:
    """Keep a session of each state."""
    now = timezone.now()
    make_session(
        owner, "cksess_active", created_at=now, expires_at=now + timedelta(hours=2), workflow_id="wf_1"
    )
    make_session(owner, "cksess_expired", workflow_id="wf_1")
    make_session(owner, "cksess_cancelled", status=ChatSession.Status.CANCELLED, workflow_id="wf_1")
    make_session(owner, "cksess_failing", failures=3, last_error=REASON, retry_at=now, workflow_id="wf_1")


def runs(owner: EndUser) -> None:
    """Keep a run of each state."""
    now = timezone.now()
    counts: dict[str, Any] = {
        "threads": 12,
        "threads_new": 1,
        "items_new": 1480,
        "items_unchanged": 12_000,
        "requests": 77,
    }
    run(started_at=BEGIN, took=timedelta(minutes=4), paused=12.5, **counts)
    run("user", owner.pk, started_at=BEGIN + timedelta(hours=1), errors=2, last_error=REASON, **counts)
    run("thread", "cthr_1", started_at=BEGIN + timedelta(hours=2), stopped=True, errors=1, last_error=REASON)
    run("due", started_at=BEGIN + timedelta(hours=3), ended_at=None)
    run("reconcile", started_at=now, noted_at=now + timedelta(hours=2), ended_at=None, **counts)


def run(kind: str = "reconcile", subject: str = "", *, started_at: datetime, **fields: Any) -> SyncRun:
    """Keep a run."""
    end = started_at + fields.pop("took", timedelta(seconds=2))
    return SyncRun.objects.create(
        **{
            "kind": kind,
            "subject": subject,
            "started_at": started_at,
            "noted_at": end,
            "ended_at": end,
            **fields,
        }
    )


def days(number: int = 90) -> None:
    """Keep the counts of some days up to today."""
    chance, today = Random(5), timezone.now().astimezone(UTC).date()
    rows = [row for ago in range(number) for row in _counts(today - timedelta(days=ago), chance)]
    DailyCount.objects.bulk_create(rows)


def _counts(day: date, chance: Random) -> list[DailyCount]:
    metric, busy = DailyCount.Metric, 1 if day.weekday() < 5 else 0.3
    most = {
        (metric.SESSIONS, ""): 90,
        (metric.THREADS, ""): 70,
        (metric.END_USERS, ""): 60,
        (metric.UNANSWERED, ""): 5,
        (metric.TOOLS_FAILED, ""): 3,
        (metric.RUNS, ""): 24,
        (metric.REQUESTS, ""): 1_900,
        (metric.FAILURES, ""): 4,
        (metric.LAG, ""): 700,
        (metric.ITEMS, "user_message"): 400,
        (metric.ITEMS, "assistant_message"): 420,
        (metric.ITEMS, "client_tool_call"): 90,
        (metric.ITEMS, "widget"): 40,
        (metric.ITEMS, "task"): 60,
        (metric.ITEMS, "task_group"): 20,
        (metric.ITEMS, "other"): 9,
        (metric.TURNS, "2"): 30,
        (metric.TURNS, "5"): 25,
        (metric.COUNTED, DailyCount.WHOLE): 24,
    }
    return [
        DailyCount(
            day=day,
            metric=name,
            type=type,
            value=int(chance.random() * top * busy) + 1,
            counted_at=timezone.now(),
        )
        for (name, type), top in most.items()
    ]


def everything() -> None:
    """Keep many threads of many end users, well-meant and hostile, in several scripts."""
    owner = end_user()
    for number in range(60):
        moment = BEGIN - timedelta(hours=7 * number)
        make_thread(
            owner,
            f"cthr_{number:03}",
            title=f"Parcel {number} has not arrived and nobody answers the phone" if number % 5 else "",
            status=("active", "locked", "closed")[number % 3],
            last_activity_at=moment,
            synced_at=None if number == 4 else moment,
            gone_at=moment if number == 6 else None,
        )
    hostile()
    right_to_left()
    sessions(owner)
    runs(owner)


def hostile() -> None:
    """Keep an end user and a thread, with an item of every type, for each thing that means no good."""
    for name, words in HOSTILE.items():
        change = always(words)
        owner = end_user(
            f"{storable(words)} {name}", name=storable(words)[:150], last_error=change(name), failures=1
        )
        thread = thread_of_every_type(change, f"cthr_{name}", owner)
        ChatThread.objects.filter(pk=thread.pk).update(last_activity_at=BEGIN + timedelta(hours=1))


def always(words: str) -> Change:
    """Put these words in place of all others."""
    return lambda _word: words


def right_to_left() -> ChatThread:
    """Keep a thread in Hebrew, Arabic, Chinese and Japanese."""
    thread = make_thread(end_user("לקוח_7", name="נועה"), "cthr_rtl", title=RIGHT_TO_LEFT[0])
    talk(thread, [*RIGHT_TO_LEFT, *FAR_EAST])
    return thread


def held() -> EndUser:
    """Keep an end user who is held."""
    row = end_user()
    Hold.objects.create(end_user=row, reason=f"A lawsuit {HOSTILE['script']}", held_as="grace", held_at=BEGIN)
    return row


def erasures() -> None:
    """Keep an erasure that is done, one that fails, and one that nobody began."""
    asked = {"asked_as": "grace", "asked_at": BEGIN}
    Erasure.objects.create(end_user="user_7", finished_at=BEGIN, threads=12, items=340, **asked)
    Erasure.objects.create(end_user="user_8", finished_at=BEGIN, here_only=True, threads=2, items=9, **asked)
    row = Erasure.objects.create(
        end_user="user_42",
        pending_for="user_42",
        failures=2,
        retry_at=BEGIN,
        last_error=REASON,
        threads=3,
        **asked,
    )
    for number in range(3):
        ErasedThread.objects.create(id=f"cthr_refused_{number}", erasure=row, last_error=REASON)
    Erasure.objects.create(end_user=HOSTILE["script"][:200], **asked)
