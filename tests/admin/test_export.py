"""Exports from the admin: who may take what along, in which headers, and that it is what the list shows."""

import json
import re
from collections.abc import Iterable
from typing import Any, cast

import pytest
from asgiref.sync import async_to_sync
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext

from django_chatkit.models import ChatThread, EndUser
from django_chatkit.services.transcripts import FORMATS

from .conftest import BEGIN, Reader, make_item, make_thread
from .test_pages import assert_tame, list_of, page_of, text_of

ALLOWED = ("view_chatthread", "view_transcript", "export_chatthread")
LIST = list_of("chatthread")


def export_of(id: str, name: str) -> str:
    return f"{LIST}{quote(id)}/export/{name}/"


def body(answer: Any) -> str:
    """Return all that was streamed."""
    assert answer.status_code == 200
    return b"".join(answer).decode()


def exported(client: Client, query: str = "") -> list[str]:
    """Return the ids of the threads that an export of the list has."""
    answer = client.get(f"{LIST}export/json/{query}")
    return [thread["id"] for thread in json.loads(body(answer))["threads"]]


# What comes out


@pytest.mark.parametrize(
    ("name", "extension", "media_type"),
    [
        ("markdown", "md", "text/markdown"),
        ("json", "json", "application/json"),
        ("jsonl", "jsonl", "application/x-ndjson"),
        ("csv", "csv", "text/csv"),
    ],
)
def test_a_thread_is_exported_in_each_format(
    staff: Client, thread: ChatThread, end_user: EndUser, name: str, extension: str, media_type: str
) -> None:
    make_item(thread, 1, text="I lost my key")
    make_item(make_thread(end_user, "cthr_2"), 2, text="Another")

    answer = staff.get(export_of(thread.pk, name))
    written = body(answer)

    assert answer.headers["Content-Type"] == f"{media_type}; charset=utf-8"
    assert (
        answer.headers["Content-Disposition"] == f'attachment; filename="chatkit-thread-cthr_1.{extension}"'
    )
    assert answer.headers["Cache-Control"].startswith("no-store")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Message 1" in written or "I lost my key" in written
    assert "cthr_2" not in written


def test_every_format_of_the_service_is_offered_on_the_page_and_on_the_list(
    staff: Client, thread: ChatThread
) -> None:
    page, rows = text_of(staff, page_of("chatthread", thread.pk)), text_of(staff, LIST)

    for name in FORMATS:
        assert f'href="{export_of(thread.pk, name)}"' in page
        assert f'href="{LIST}export/{name}/"' in rows
    assert_tame(page)
    assert_tame(rows)


def test_an_id_of_any_kind_makes_a_plain_file_name(staff: Client, end_user: EndUser) -> None:
    thread = make_thread(end_user, '../"a"\u202e;\u00e9 b' + "x" * 100)

    disposition = staff.get(export_of(thread.pk, "csv")).headers["Content-Disposition"]

    assert re.fullmatch(r'attachment; filename="chatkit-thread-[A-Za-z0-9_-]{80}\.csv"', disposition)


def test_what_is_exported_is_what_the_list_shows(staff: Client, end_user: EndUser) -> None:
    other = EndUser.objects.create(id="user_43")
    make_thread(end_user, "cthr_1", title="Parcel")
    make_thread(end_user, "cthr_2", title="Parcel", gone_at=BEGIN)
    make_thread(other, "cthr_3", title="Parcel")
    make_thread(end_user, "cthr_4", title="Key", status="locked")

    assert exported(staff) == ["cthr_1", "cthr_2", "cthr_3", "cthr_4"]
    assert exported(staff, "?q=parcel") == ["cthr_1", "cthr_2", "cthr_3"]
    assert exported(staff, "?q=parcel&end_user=user_42&upstream=present") == ["cthr_1"]
    assert exported(staff, "?status=locked&o=-1&p=7") == ["cthr_4"]
    assert exported(staff, "?q=nothing") == []


def test_the_links_keep_search_and_filters_and_forget_the_page(staff: Client, end_user: EndUser) -> None:
    for number in range(60):
        make_thread(end_user, f"cthr_{number}", title="Parcel")

    page = text_of(staff, f"{LIST}?q=parcel&upstream=present&p=2&o=1")

    assert f'href="{LIST}export/csv/?q=parcel&amp;upstream=present"' in page
    assert len(exported(staff, "?q=parcel&upstream=present")) == 60


def test_an_address_that_the_list_refuses_is_refused_alike(staff: Client) -> None:
    answer = staff.get(f"{LIST}export/csv/?last_activity_at__gte=nonsense")

    assert answer.headers["Location"] == f"{LIST}?e=1"


def test_a_long_export_goes_out_in_pieces(staff: Client, thread: ChatThread) -> None:
    for position in range(4):
        make_item(thread, position, text="word " * 8_000)

    pieces = list(cast("Iterable[bytes]", staff.get(export_of(thread.pk, "csv"))))

    assert len(pieces) > 4
    assert b"".join(pieces).count(b"word") == 32_000


def test_an_asynchronous_server_gets_it_in_pieces_too(admin_user: User, thread: ChatThread) -> None:
    for position in range(4):
        make_item(thread, position, text="word " * 8_000)

    async def read() -> list[bytes]:
        client = AsyncClient()
        await client.aforce_login(admin_user)
        answer: Any = await client.get(export_of(thread.pk, "csv"))
        assert answer.is_async
        return [piece async for piece in answer]

    pieces = async_to_sync(read)()

    assert len(pieces) > 4
    assert b"".join(pieces).count(b"word") == 32_000


def test_an_export_of_many_threads_costs_a_query_more_for_a_page_and_none_for_a_thread(
    staff: Client, end_user: EndUser
) -> None:
    def cost(first: int, last: int) -> int:
        for number in range(first, last):
            make_item(make_thread(end_user, f"cthr_{number}"), 1, id=f"cti_{number}")
        with CaptureQueriesContext(connection) as queries:
            assert len(exported(staff)) == last
        return len(queries)

    cost(0, 1)  # content types are read once
    few = cost(1, 2)

    assert cost(2, 60) <= few + 1  # a list of more than a page asks for the page's ids first
    # Two for who asks, one for the permissions' groups and one for their own, the list's count, a page of threads,
    # their entry in the log (in a transaction) and a page of items.
    assert few <= 10


# Who may


@pytest.mark.parametrize("lacking", ALLOWED)
def test_each_of_the_three_permissions_is_needed(reader: Reader, thread: ChatThread, lacking: str) -> None:
    client = reader(*(name for name in ALLOWED if name != lacking))

    assert client.get(export_of(thread.pk, "json")).status_code == 403
    assert client.get(f"{LIST}export/json/").status_code == 403
    if lacking != "view_chatthread":
        assert "/export/" not in text_of(client, LIST)
        assert "/export/" not in text_of(client, page_of("chatthread", thread.pk))
    assert not LogEntry.objects.filter(change_message__startswith="Exported").exists()


def test_the_three_permissions_suffice(reader: Reader, thread: ChatThread) -> None:
    assert exported(reader(*ALLOWED)) == [thread.pk]


def test_where_content_is_hidden_nobody_exports(
    settings: Any, admin_client: Client, thread: ChatThread
) -> None:
    settings.CHATKIT = {**settings.CHATKIT, "HIDE_CONTENT": True}

    assert admin_client.get(export_of(thread.pk, "json")).status_code == 403
    assert admin_client.get(f"{LIST}export/json/").status_code == 403
    assert "/export/" not in text_of(admin_client, LIST)


def test_a_visitor_is_sent_to_the_login(client: Client, thread: ChatThread) -> None:
    answer = client.get(export_of(thread.pk, "json"))

    assert "/admin/login/" in answer.headers["Location"]


@pytest.mark.parametrize("address", [export_of("cthr_none", "json"), export_of("cthr_1", "pdf")])
def test_an_unknown_thread_or_format_is_not_found(staff: Client, thread: ChatThread, address: str) -> None:
    assert staff.get(address).status_code == 404
