"""Transcripts written out: as upstream sent them, or for the eye, and then as nothing but text."""

import csv
import io
import json
import re
import tracemalloc
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser
from django_chatkit.services import markdown, transcript_rows
from django_chatkit.services.markdown import escape
from django_chatkit.services.transcripts import FORMATS, cell, moment
from django_chatkit.testing import Emulator
from tests.nested import nested, with_little_left

BEGIN = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
ANNOTATIONS = [
    {"source": {"type": "url", "title": "News", "url": "http://x.example"}},
    {"source": {"type": "file", "filename": "b.md"}},
    {"source": {"url": 1}},
    "odd",
]
HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![picture](https://evil.example/x.png)",
    "# heading",
    "Setext\n===",
    "    indented\n\n\tcode",
    "```\nfence\n```",
    "~~~",
    "> quote",
    "1. one\n2) two\n- three\n+ four\n* five",
    "***",
    "| a | b |\n|---|---|",
    "[ref]: https://evil.example",
    "https://evil.example www.evil.example a@evil.example",
    "&lt;b&gt; &#60;b&#62; \\<b>",
    "line\x1b[31m \u202egnp.exe\u2066 \x00",
    "a\r\n\r\n# b\u2028# c",
    "<!-- comment",
    "<https://evil.example>",
    "`code` **bold** _it_ ~~gone~~ $x$",
)


def keep(id: str, *, items: int = 0, using: str = "default", **fields: Any) -> ChatThread:
    """Keep a thread with plain items."""
    end_user, _ = EndUser.objects.using(using).get_or_create(id="user_42")
    payload = {"id": id, "object": "chatkit.thread", "user": "user_42", "created_at": int(BEGIN.timestamp())}
    values: dict[str, Any] = {"payload": payload, "created_at": BEGIN, **fields}
    thread = ChatThread.objects.using(using).create(id=id, end_user=end_user, **values)
    ChatThreadItem.objects.using(using).bulk_create(item(thread, number) for number in range(items))
    return thread


def item(thread: ChatThread, position: int, **fields: Any) -> ChatThreadItem:
    """Return an item as upstream's message of the end user, unless told otherwise."""
    id, text = f"{thread.pk}_cti_{position}", fields.pop("text", f"Message {position}")
    payload = {
        "id": id,
        "type": "chatkit.user_message",
        "created_at": int(BEGIN.timestamp()),
        "content": [{"type": "input_text", "text": text}],
    }
    values = {"type": "chatkit.user_message", "payload": payload, "created_at": BEGIN, **fields}
    return ChatThreadItem(id=id, thread=thread, position=position, text=text, **values)


def said(thread: ChatThread, type: str, payload: Any, text: str = "") -> None:
    """Keep one more item of a type."""
    position = thread.items.count()
    item(thread, position, type=type, payload=payload, text=text).save()


def export(name: str, using: str = "default") -> str:
    """Export all threads."""
    threads = ChatThread.objects.using(using).all()
    return "".join(FORMATS[name].write(transcript_rows.walk(threads)))


class Tags(HTMLParser):
    """Collect the tags and links of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags = set[str]()
        self.attributes = list[tuple[str, str | None]]()
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def rendered(text: str) -> Tags:
    """Render as a reader does who allows HTML, tables and whatever else there is."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return Tags(reader.render(text))


# JSON


@pytest.mark.django_db
def test_json_holds_upstreams_objects_and_the_emulator_loads_it(chatkit_emulator: Emulator) -> None:
    thread = keep("cthr_1", items=2)
    keep("cthr_2")

    document = json.loads(export("json"))

    assert [each["id"] for each in document["threads"]] == ["cthr_1", "cthr_2"]
    assert document["threads"][0] == {
        **thread.payload,
        "items": [each.payload for each in thread.items.in_order()],
    }
    chatkit_emulator.load(document)
    assert len(chatkit_emulator.threads()) == 2


@pytest.mark.django_db
def test_json_keeps_every_character(database: str) -> None:
    payload = {"id": "x", "content": "\x00 \ud800 \u2028 \U0001f600 مرحبا", "zero": 0.10}
    thread = keep("cthr_1", using=database)
    item(thread, 1, payload=payload).save(using=database)

    lines = export("jsonl", database).split("\n")

    assert json.loads(export("json", database))["threads"][0]["items"] == [payload]
    assert json.loads(lines[0])["item"] == payload
    assert lines[1:] == [""]


@pytest.mark.django_db
def test_what_is_gone_is_told_beside_upstreams_objects() -> None:
    thread = keep("cthr_1", items=1, gone_at=BEGIN)
    item(thread, 1, gone_at=BEGIN + timedelta(hours=1)).save()

    (told,) = json.loads(export("json"))["threads"]
    lines = [json.loads(line) for line in export("jsonl").splitlines()]

    assert told["gone"] == {"at": "2026-11-03T09:00:00Z", "items": {"cthr_1_cti_1": "2026-11-03T10:00:00Z"}}
    assert len(told["items"]) == 2
    assert [line["gone_at"] for line in lines] == [None, "2026-11-03T10:00:00Z"]
    assert {(line["thread_id"], line["user"]) for line in lines} == {("cthr_1", "user_42")}


@pytest.mark.django_db
@pytest.mark.parametrize("payload", [{}, [], {"items": {"object": "list"}}])
def test_an_odd_payload_of_a_thread_still_makes_a_document(payload: Any) -> None:
    keep("cthr_1", items=1, payload=payload)

    (told,) = json.loads(export("json"))["threads"]

    assert told["id"] == "cthr_1"
    assert [each["id"] for each in told["items"]] == ["cthr_1_cti_0"]


@pytest.mark.django_db
def test_what_is_nested_deep_is_exported_however_little_is_left_of_the_stack() -> None:
    thread = keep("cthr_1")
    item(thread, 1, payload={"content": "It is on its way.", "deep": nested(900)}).save()

    assert "on its way" in with_little_left(250, lambda: export("markdown"))


@pytest.mark.django_db
def test_what_is_nested_too_deep_to_be_read_stops_no_export() -> None:
    deep = '{"type":"odd","deep":' + "[" * 100_000 + "]" * 100_000 + "}"
    thread = keep("cthr_1", items=1)
    keep("cthr_2", items=1)
    with connections["default"].cursor() as cursor:
        cursor.execute("UPDATE django_chatkit_chatthread SET payload = %s WHERE id = 'cthr_1'", [deep])
        cursor.execute(
            "UPDATE django_chatkit_chatthreaditem SET payload = %s WHERE thread_id = 'cthr_1'", [deep]
        )

    assert export("json").startswith('{"threads":[\n{"id":"cthr_1","items":[')
    assert thread.pk in export("csv")
    assert "Message 0" in export("markdown")


def test_what_is_nested_too_deep_to_be_written_is_said_so() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    assert "too deep" in markdown._fence(deep)


# CSV


@pytest.mark.django_db
def test_csv_has_a_row_for_each_item() -> None:
    keep("cthr_1", items=2, title="Where?")

    written = export("csv")
    rows = list(csv.DictReader(io.StringIO(written.removeprefix("\ufeff"))))

    assert written.startswith("\ufeff")
    assert [row["text"] for row in rows] == ["Message 0", "Message 1"]
    assert rows[1] == {
        "thread": "cthr_1",
        "title": "Where?",
        "end_user": "user_42",
        "position": "1",
        "item": "cthr_1_cti_1",
        "type": "chatkit.user_message",
        "created_at": "2026-11-03T09:00:00Z",
        "gone_at": "",
        "text": "Message 1",
    }


@pytest.mark.parametrize(
    "text",
    [
        *('=HYPERLINK("https://evil.example")', "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "\r\n=1"),
        *("＝1", "＋1", "－1", "＠x", "  =1", "\u00a0=1", "\u3000=1", "\ufeff=1", "\u200b=1"),
    ],
)
def test_a_cell_is_never_a_formula(text: str) -> None:
    assert cell(text).startswith("'")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("blank", ["", "  ", "\u00a0", "\u3000", "\u200b"])
@pytest.mark.parametrize("sign", "=+-@＝＋－＠")
def test_no_cell_is_a_formula_whatever_parts_the_cells(separator: str, blank: str, sign: str) -> None:
    """A spreadsheet parts by what its country writes, and then a quote within a row is a letter like any other."""
    bait = f"{blank}{sign}1"
    for text in (bait, *(f"Hello{cut}{bait}{cut}" for cut in (";", "\t", "\n", "\r\n", '";', '"\n'))):
        written = f'"cthr_1","{cell(text).replace(chr(34), chr(34) * 2)}","end"'
        for line in [written] if separator == "," else written.splitlines():
            for row in csv.reader(io.StringIO(line, newline=""), delimiter=separator):
                assert not [each for each in row if each.lstrip(" \u00a0\u3000\u200b").startswith(sign)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("a list:\n- one\n\n- two", "a list:\n'- one\n\n'- two", id="list"),
        pytest.param("so; -1", "so;' -1", id="semicolon"),
        pytest.param("\n\n=1", "'\n\n'=1", id="line ends before"),
        pytest.param("well ;-)", "well ;'-)", id="smile"),
    ],
)
def test_what_would_be_cut_off_is_defused_where_it_begins(text: str, shown: str) -> None:
    assert cell(text) == shown


@pytest.mark.parametrize("text", ["plain", "", "1+1=2", "a-b", "'=1", "مرحبا", "a; b", "two\nlines", "a\tb"])
def test_a_plain_cell_stays_as_it_is(text: str) -> None:
    assert cell(text) == text


@pytest.mark.django_db
def test_csv_defuses_every_column_and_spells_out_what_hides() -> None:
    thread = keep("=cthr", title="@title")
    item(thread, 1, type="+type", text="-1\x1b[2J\u202e").save()

    (row,) = csv.DictReader(io.StringIO(export("csv").removeprefix("\ufeff")))

    assert (row["thread"], row["title"], row["type"]) == ("'=cthr", "'@title", "'+type")
    assert row["item"] == "'=cthr_cti_1"
    assert row["text"] == "'-1␛[2J⟨U+202E⟩"


def test_a_moment_is_told_in_utc() -> None:
    berlin = datetime.fromisoformat("2026-11-03T10:00:00+01:00")

    assert (moment(berlin), moment(None)) == ("2026-11-03T09:00:00Z", "")


# Markdown


@pytest.mark.django_db
def test_markdown_reads_as_a_conversation() -> None:
    thread = keep("cthr_1", items=1, title="Where?", last_activity_at=BEGIN)
    answer = {
        "content": [
            {"type": "output_text", "text": "Here.\nThere.", "annotations": ANNOTATIONS},
            {"type": "quoted_text", "text": "a\nb"},
            {"type": "picture"},
            "bare",
        ],
        "attachments": [{"name": "a.pdf", "mime_type": "application/pdf"}, "odd one"],
    }
    said(thread, "chatkit.assistant_message", answer)
    call = {"name": "look", "status": "completed", "arguments": '{"a": "<`"}', "output": "no json"}
    said(thread, "chatkit.client_tool_call", call)
    said(thread, "chatkit.client_tool_call", {"name": "wait", "arguments": {"a": 1}})
    said(thread, "chatkit.client_tool_call", {"name": 7})
    said(thread, "chatkit.task", {"heading": "Thinking", "summary": "Well"})
    said(thread, "chatkit.widget", {"widget": '{"type":"Text","value":"Hi"}'})
    said(thread, "message", {"role": "assistant", "content": "Old dialect"})
    said(thread, "message", {"content": "Whose?"})
    said(thread, "odd", {"odd": 1})
    said(thread, "", ["odd"])

    written = export("markdown")

    assert written.startswith(
        "# Where?\n\n- Thread: cthr\\_1\n- End user: user\\_42\n- Status: active\n"
        "- Created: 2026-11-03 09:00:00 UTC\n- Last activity: 2026-11-03 09:00:00 UTC\n"
        "\n## End user · 2026-11-03 09:00:00 UTC\n\ncthr\\_1\\_cti\\_0\n\nMessage 0\n"
    )
    headings = [line.partition(" · ")[0] for line in written.splitlines() if line.startswith("## ")]
    assert headings == [
        "## End user",
        "## Assistant",
        "## Tool call",
        "## Tool call",
        "## Tool call",
        "## Task",
        "## Widget",
        "## Assistant",
        "## message",
        "## odd",
        "## Unknown item",
    ]
    assert "Here.  \nThere.\n" in written
    assert "> a  \n> b\n" in written
    assert "**look** (completed)\n" in written
    assert "**wait**\n" in written
    assert "**–**\n" in written
    assert "\nSource: News, http:\\//x.example\n" in written
    assert "\nSource: b.md\n" in written
    assert "\nAttachment: a.pdf, application/pdf\n" in written
    assert '```json\n{\n  "a": "\\u003c\\u0060"\n}\n```' in written
    assert '```json\n"no json"\n```' in written
    assert "Thinking  \nWell" in written
    for words in (
        "bare",
        "odd one",
        '"url": 1',
        "Hi",
        "Old dialect",
        "Whose?",
        '"odd": 1',
        '"type": "picture"',
    ):
        assert words in written


@pytest.mark.django_db
def test_markdown_says_what_is_gone_and_names_what_has_no_title() -> None:
    first = keep("cthr_1", gone_at=BEGIN)
    item(first, 1, gone_at=BEGIN).save()
    keep("cthr_2")

    written = export("markdown")

    assert written.count("# Untitled\n") == 2
    assert "- Gone upstream: 2026-11-03 09:00:00 UTC\n" in written
    assert "cthr\\_1\\_cti\\_1 · gone upstream 2026-11-03 09:00:00 UTC\n" in written


@pytest.mark.django_db
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_become_no_structure(text: str) -> None:
    thread = keep("cthr_1", title=text.replace("\x00", ""))
    stored = text.replace("\x00", "")
    said(thread, "chatkit.user_message", {"content": [{"type": "input_text", "text": text}]}, stored)
    said(thread, "chatkit.user_message", {"content": [{"type": "quoted_text", "text": text}]}, stored)
    said(thread, stored, {"content": text}, stored)
    said(
        thread, "chatkit.client_tool_call", {"name": text, "status": text, "arguments": text, "output": text}
    )

    page = rendered(export("markdown"))

    ours = {"h1", "h2", "p", "ul", "li", "br", "blockquote", "pre", "code", "strong"}
    assert page.tags <= ours
    assert {value for _, value in page.attributes} <= {"language-json"}
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page.text)


@given(st.text(alphabet=st.sampled_from("ab1 \t\n#-+=*_`~<>&[]()!|\\:/.)@\"'$w{}"), max_size=60))
def test_escaped_text_is_paragraphs_and_reads_as_before(text: str) -> None:
    page = rendered(escape(text))

    assert page.tags <= {"p", "br"}
    assert "".join(page.text.split()) == "".join(text.split())


# What an export costs


@pytest.mark.django_db
def test_queries_follow_the_pages_and_not_the_threads(database: str) -> None:
    for number in range(transcript_rows.THREADS_AT_ONCE):
        keep(f"cthr_{number:03}", items=1, using=database)

    with CaptureQueriesContext(connections[database]) as queries:
        written = export("jsonl", database)

    # A page of threads, that no more follow, and a page of items.
    assert len(queries) == 3
    assert written.count("\n") == transcript_rows.THREADS_AT_ONCE


@pytest.mark.django_db
def test_long_and_short_threads_come_whole_and_in_order(database: str) -> None:
    sizes = {"cthr_A": 450, "cthr_a": 0, "cthr_b": 3, "cthr_B": 200, "cthr_c": 1, "cthr_d": 199, "cthr_é": 2}
    for id, size in sizes.items():
        keep(id, items=size, using=database)

    with CaptureQueriesContext(connections[database]) as queries:
        lines = [json.loads(line) for line in export("jsonl", database).splitlines()]

    assert [line["position"] for line in lines if line["thread_id"] == "cthr_A"] == list(range(450))
    assert {id: sum(line["thread_id"] == id for line in lines) for id in sizes} == sizes
    assert len(queries) <= 1 + sum(sizes.values()) // transcript_rows.ITEMS_AT_ONCE + 4


@pytest.mark.django_db
@pytest.mark.parametrize("size", [199, 200, 201, 400])
def test_a_thread_of_any_length_comes_whole(size: int) -> None:
    keep("cthr_1", items=size)

    assert export("jsonl").count("\n") == size


@pytest.mark.django_db
@pytest.mark.parametrize("name", FORMATS)
def test_memory_stays_flat(name: str) -> None:
    thread, words = keep("cthr_1"), "word " * 2_000
    payload = {"content": [{"type": "input_text", "text": words}]}
    ChatThreadItem.objects.bulk_create(
        item(thread, number, payload=payload, text=words) for number in range(2_000)
    )
    written = 0

    tracemalloc.start()
    for piece in FORMATS[name].write(transcript_rows.walk(ChatThread.objects.all())):
        written += len(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert written > 20_000_000
    assert peak < written / 2


@pytest.mark.django_db
def test_an_export_names_each_page_of_threads_before_its_words_are_read() -> None:
    for number in range(transcript_rows.THREADS_AT_ONCE + 1):
        keep(f"cthr_{number:03}")
    told: list[int] = []
    walk = transcript_rows.walk(ChatThread.objects.order_by("-pk"), on_page=lambda ids: told.append(len(ids)))

    first = next(walk)[0]
    seen = list(told)
    rest = [thread.id for thread, _ in walk]

    assert (first.id, seen) == ("cthr_000", [transcript_rows.THREADS_AT_ONCE])
    assert rest == [f"cthr_{number:03}" for number in range(1, transcript_rows.THREADS_AT_ONCE + 1)]
    assert told == [transcript_rows.THREADS_AT_ONCE, 1]
