"""What people write stands in payloads and words, sealed, and nowhere else: no log, error, task or audit row has it."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from celery.signals import before_task_publish, task_prerun
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.http import HttpRequest
from django.test import Client

from django_chatkit.models import ChatSession, ChatThread, ChatThreadItem, EndUser, SyncRun, ThreadNote
from django_chatkit.testing import Emulator
from tests.keys import FIRST, SECOND, dump, use

WORD = "canary"
ADMIN = "/admin/django_chatkit/chatthread/"
ITEMS: list[dict[str, Any]] = [
    {"text": f"{WORD} asked"},
    {"type": "chatkit.assistant_message", "text": f"{WORD} answered"},
    {
        "type": "chatkit.client_tool_call",
        "name": WORD,
        "call_id": WORD,
        "arguments": f'{{"a":"{WORD}"}}',
        "output": WORD,
        "status": "completed",
    },
    {"type": "chatkit.task", "task_type": "custom", "heading": WORD, "summary": WORD},
    {"type": "chatkit.widget", "widget": f'{{"type":"Text","value":"{WORD}"}}'},
]


def variables(request: HttpRequest) -> dict[str, Any]:
    return {"mood": WORD}


def careless(type: str, payload: dict[str, Any]) -> dict[str, Any]:
    raise ValueError(f"What do I do with {payload}?")


@pytest.fixture
def handed_over() -> Iterator[list[str]]:
    """Note what each task is given, on its way to a worker and in it."""
    noted = list[str]()

    def publish(body: Any = None, headers: Any = None, **_: Any) -> None:
        noted.append(f"{body} {headers}")

    def run(args: Any = None, kwargs: Any = None, task: Any = None, **_: Any) -> None:
        noted.append(f"{task.name} {args} {kwargs}")

    before_task_publish.connect(publish)
    task_prerun.connect(run)
    yield noted
    before_task_publish.disconnect(publish)
    task_prerun.disconnect(run)


@pytest.fixture
def upstream(chatkit_emulator: Emulator, settings: Any) -> Emulator:
    settings.CHATKIT = {**settings.CHATKIT, "MAX_RETRIES": 0, "STATE_VARIABLES": f"{__name__}.variables"}
    return chatkit_emulator


def command(*arguments: str) -> str:
    """Run a command, and return all that it said, however it ended."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=err)
    except CommandError as error:
        err.write(f"{error!r} {error.__cause__!r}")
    return out.getvalue() + err.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize("keys", [[], [FIRST]])
def test_a_word_in_every_field_is_in_no_log_error_task_or_audit_row(
    upstream: Emulator,
    settings: Any,
    admin_client: Client,
    admin_user: User,
    handed_over: list[str],
    caplog: pytest.LogCaptureFixture,
    keys: list[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    use(settings, *keys)
    end_user, said = str(admin_user.pk), list[str]()

    # The page: a session, the nudge, the lists.
    assert admin_client.post("/api/chatkit/sessions", {}, "application/json").status_code == 200
    for number in (1, 2):
        status = {"type": "locked", "reason": WORD}
        upstream.add_thread(
            user=end_user, id=f"cthr_{number}", title=f"{WORD} {number}", status=status, items=ITEMS
        )
    said.append(command("chatkit_sync", "--user", end_user))
    admin_client.post("/api/chatkit/threads/cthr_1/sync", {}, "application/json")
    assert WORD in admin_client.get("/api/chatkit/threads").content.decode()
    assert WORD in admin_client.get("/api/chatkit/threads/cthr_1/items").content.decode()

    # The staff: reads, notes, exports, syncs, deletes.
    assert WORD in admin_client.get(f"{ADMIN}cthr_5F1/change/").content.decode()
    admin_client.get(ADMIN, {"q": WORD})
    admin_client.post(f"{ADMIN}cthr_5F1/annotate/", {"deed": "note", "note-text": f"{WORD}!"})
    admin_client.post(
        f"{ADMIN}cthr_5F1/annotate/", {"deed": "review", "review-rating": "1", "review-tags": "bird"}
    )
    b"".join(admin_client.get(f"{ADMIN}export/markdown/"))
    chosen = {"_selected_action": ["cthr_1"], "index": "0"}
    admin_client.post(ADMIN, {"action": "sync_now", **chosen})
    admin_client.post(ADMIN, {"action": "delete_upstream", "confirmed": "yes", **chosen})

    # The operator: everything, once well and once with whatever can go wrong.
    for arguments in (
        "chatkit_sync --full",
        "chatkit_sync --full --verify",
        "chatkit_cleanup",
        "chatkit_rotate",
    ):
        said.append(command(*arguments.split()))
    upstream.fail("list_items", status=500, times=1)
    said.append(command("chatkit_sync", "--thread", "cthr_2"))
    settings.CHATKIT = {**settings.CHATKIT, "REDACT": careless}
    said += [
        command("chatkit_sync", "--full", "--deep"),
        command("chatkit_sync", "--full", "--verify", "--json"),
    ]
    settings.CHATKIT = {**settings.CHATKIT, "REDACT": ""}
    ChatThreadItem.objects.filter(thread="cthr_2").update(payload={"changed": WORD})
    said.append(command("chatkit_sync", "--full", "--verify"))
    if keys:
        use(settings, SECOND)
        said += [command("chatkit_sync", "--thread", "cthr_2", "--deep"), command("chatkit_rotate")]
        use(settings, FIRST)

    records = [f"{record.getMessage()} {record.args} {record.exc_text}" for record in caplog.records]
    audit = [*map(str, LogEntry.objects.values()), *map(str, SyncRun.objects.values())]
    errors = [
        str(row.last_error)
        for model in (EndUser, ChatSession, SyncRun)
        for row in model._default_manager.all()
    ]
    for what, found in {
        "logs": [*records, caplog.text],
        "output": said,
        "tasks": handed_over,
        "audit": audit,
        "errors": errors,
    }.items():
        assert [each for each in found if WORD in each.lower()] == [], what
    assert len(handed_over) >= 2
    assert len(LogEntry.objects.all()) >= 4
    assert any("the function of REDACT failed: ValueError" in each for each in said)
    assert any(errors)
    assert ThreadNote.objects.get().text == f"{WORD}!"
    in_clear = {value for value in dump("default", index=False) if WORD in value.lower()}
    assert bool(in_clear) is not bool(keys), in_clear
    assert ChatThread.objects.count() == 2
    assert apps.is_installed("django.contrib.admin")
