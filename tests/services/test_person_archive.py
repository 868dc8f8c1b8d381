"""The archive of one end user: everything of theirs, for a person to read, in flat memory."""

import io
import json
import re
import tracemalloc
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from django_chatkit.models import ChatSession, ChatThread, ChatThreadItem, EndUser
from django_chatkit.services import annotations, person_archive
from django_chatkit.services.holds import UnknownEndUser, hold
from django_chatkit.services.person_pages import ITEMS_ON_A_PAGE, file_of
from django_chatkit.services.transcripts import moment
from django_chatkit.testing import Emulator

from .conftest import Clock

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert('x')</script><img src=http://evil.invalid/x.png> \u202ethgir NUL \x00 \ud800 & é 🎉"


@pytest.fixture
def ada(database: str, clock: Clock) -> str:
    """Keep Ada: two sessions, two threads, a note and a review; and Ben's thread beside."""
    rows = EndUser.objects.using(database)
    rows.create(id="ada")
    rows.create(id="ben")
    for number in range(2):
        ChatSession.objects.using(database).create(
            id=f"cksess_{number}",
            end_user_id="ada",
            status="expired",
            expires_at=clock.now,
            created_at=clock.now,
            payload={"id": f"cksess_{number}", "odd": HOSTILE},
        )
    thread(database, clock, "cthr_1", items=3)
    thread(database, clock, "cthr_2", items=1, title="Second", later=60)
    thread(database, clock, "cthr_ben", items=1, user="ben", title="Not hers")
    annotations.note(thread_id="cthr_1", text=f"Angry {HOSTILE}", author=None, now=clock.now, using=database)
    annotations.review(
        thread_id="cthr_1", rating=-1, tags=["parcel"], reviewer=None, now=clock.now, using=database
    )
    return database


def thread(
    database: str,
    clock: Clock,
    id: str,
    *,
    items: int,
    user: str = "ada",
    title: str = "",
    later: int = 0,
    text: str = HOSTILE,
) -> None:
    at = clock.now + timedelta(seconds=later)
    row = ChatThread.objects.using(database).create(
        id=id, end_user_id=user, title=title, created_at=at, payload={"id": id, "title": title, "user": user}
    )
    ChatThreadItem.objects.using(database).bulk_create(
        (
            ChatThreadItem(
                id=f"cti_{id}_{position}",
                thread=row,
                type="chatkit.user_message",
                position=position,
                created_at=at,
                payload={
                    "type": "chatkit.user_message",
                    "content": [{"type": "input_text", "text": f"{text} {position}"}],
                },
            )
            for position in range(items)
        ),
        batch_size=500,
    )


def archive(database: str, clock: Clock, user: str = "ada", **options: Any) -> ZipFile:
    pieces = person_archive.write(user=user, now=clock.now, using=database, **options)
    file = ZipFile(io.BytesIO(b"".join(pieces)))
    assert file.testzip() is None
    return file


def texts(file: ZipFile) -> dict[str, str]:
    return {name: file.read(name).decode() for name in file.namelist()}


def test_it_has_an_index_a_transcript_for_each_thread_and_json(ada: str, clock: Clock) -> None:
    assert archive(ada, clock).namelist() == [
        "index.html",
        f"transcripts/{file_of('cthr_1')}",
        f"transcripts/{file_of('cthr_2')}",
        "threads.json",
        "person.json",
    ]


def test_the_index_leads_to_every_transcript_in_their_order(ada: str, clock: Clock) -> None:
    file = archive(ada, clock)
    index = file.read("index.html").decode()

    links = re.findall(r'href="(transcripts/[^"]+)"', index)

    assert links == [f"transcripts/{file_of(id)}" for id in ("cthr_1", "cthr_2")]
    assert set(links) <= set(file.namelist())
    assert "Untitled" in index
    assert "cksess_1" in index


def test_the_json_of_the_threads_is_what_the_emulator_loads(ada: str, clock: Clock) -> None:
    emulator = Emulator()

    emulator.load(json.loads(archive(ada, clock).read("threads.json")))

    assert [each["id"] for each in emulator.threads()] == ["cthr_1", "cthr_2"]
    said = emulator.items("cthr_1")[0]["content"][0]["text"]
    assert said == f"{HOSTILE} 0"


def test_sessions_and_staffs_words_are_in_the_other(ada: str, clock: Clock) -> None:
    person = json.loads(archive(ada, clock).read("person.json"))

    assert (person["end_user"], person["owner"]) == ("ada", None)
    assert [each["session"]["odd"] for each in person["sessions"]] == [HOSTILE, HOSTILE]
    assert [each["thread_id"] for each in person["notes"]] == ["cthr_1"]
    assert person["reviews"][0]["tags"] == ["parcel"]
    assert person["reviews"][0]["rating"] == -1


def test_it_says_as_of_when_it_speaks_and_what_it_lacks(ada: str, clock: Clock) -> None:
    at = clock.now
    EndUser.objects.using(ada).filter(pk="ada").update(looked_at=at, last_error="")
    ChatThread.objects.using(ada).filter(pk="cthr_2").update(synced_at=at, words_dropped_at=at)

    file = archive(ada, clock)

    person = json.loads(file.read("person.json"))
    assert person["as_of"] == moment(at)
    assert (person["not_copied_whole"], person["words_dropped"]) == (["cthr_1"], ["cthr_2"])
    first, second = re.findall(r"<tr>.*transcripts/.*</tr>", file.read("index.html").decode())
    assert ("not copied whole" in first, "words dropped" in first) == (True, False)
    assert ("not copied whole" in second, "words dropped" in second) == (False, True)


def test_nobody_elses_words_no_hold_and_no_name_of_the_staff_is_in_it(ada: str, clock: Clock) -> None:
    grace = User(username="grace hopper")
    grace.save(using=ada)
    annotations.note(thread_id="cthr_2", text="Also", author=grace, now=clock.now, using=ada)
    hold(user="ada", reason="a secret matter", by=grace, as_="grace hopper", now=clock.now, using=ada)

    whole = "".join(texts(archive(ada, clock)).values())

    assert "Also" in whole
    for word in ("grace", "secret matter", "Not hers", "cthr_ben"):
        assert word not in whole


class _Tags(HTMLParser):
    """Collect what a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            assert name != "style", tag
            if name in ("href", "src", "action", "data"):
                self.addresses.append(str(value))


def test_a_page_runs_nothing_loads_nothing_and_shows_what_was_said(ada: str, clock: Clock) -> None:
    pages = {name: text for name, text in texts(archive(ada, clock)).items() if name.endswith(".html")}

    for text in pages.values():
        tags = _Tags()
        tags.feed(text)
        assert tags.found.isdisjoint({"script", "img", "link", "iframe", "object", "form", "base"})
        assert not [address for address in tags.addresses if "://" in address]
        assert "default-src 'none'; style-src 'sha256-" in text
        assert "\u202e" not in text
        assert "\x00" not in text
    said = pages[f"transcripts/{file_of('cthr_1')}"]
    assert said.count("&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;") == 4  # three items and a note
    assert "⟨U+202E⟩" in said
    assert "parcel" in said
    assert "bad" in said


def test_a_long_transcript_has_pages_that_lead_to_each_other(ada: str, clock: Clock) -> None:
    thread(ada, clock, "cthr_long", items=2 * ITEMS_ON_A_PAGE + 1, text="line")

    pages = texts(archive(ada, clock))

    for number, (count, neighbours) in enumerate(
        [(ITEMS_ON_A_PAGE, [2]), (ITEMS_ON_A_PAGE, [1, 3]), (1, [2])], start=1
    ):
        text = pages[f"transcripts/{file_of('cthr_long', number)}"]
        assert text.count("<article ") == count
        links = re.findall(r'href="([^"]+)"', text)
        assert links == ["../index.html", *(file_of("cthr_long", each) for each in neighbours)]


@pytest.mark.parametrize("items", [0, 1, ITEMS_ON_A_PAGE])
def test_a_page_that_is_just_full_has_none_after_it(ada: str, clock: Clock, items: int) -> None:
    thread(ada, clock, "cthr_full", items=items, text="line")

    names = [name for name in archive(ada, clock).namelist() if "cthr_full" in name]

    assert names == [f"transcripts/{file_of('cthr_full')}"]


def test_an_item_that_nobody_can_read_stops_no_other(ada: str, clock: Clock) -> None:
    deep = "[" * 200_000 + "]" * 200_000
    with connections[ada].cursor() as cursor:
        cursor.execute(
            "UPDATE django_chatkit_chatthreaditem SET payload = %s, text = 'its words' WHERE id = 'cti_cthr_1_1'",
            [deep],
        )

    said = archive(ada, clock).read(f"transcripts/{file_of('cthr_1')}").decode()

    assert said.count("<article ") == 3
    assert "its words" in said


def test_ids_that_a_file_system_would_mix_up_have_files_of_their_own() -> None:
    ids = ["cthr_a", "cthr_A", "cthr/a", "../cthr_a", "x" * 255, "x" * 254, "\ud800", ""]

    names = [file_of(id) for id in ids]

    assert len({name.lower() for name in names}) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+\.html", name) and len(name) < 70 for name in names)


def test_who_is_unknown_has_none(database: str, clock: Clock) -> None:
    with pytest.raises(UnknownEndUser):
        person_archive.write(user="nobody", now=clock.now, using=database)


def test_it_speaks_the_readers_language(ada: str, clock: Clock) -> None:
    with translation.override("he"):
        assert 'lang="he" dir="rtl"' in archive(ada, clock).read("index.html").decode()


def test_who_listens_hears_of_each_thread_before_a_word_of_it(ada: str, clock: Clock) -> None:
    heard: list[str] = []

    archive(ada, clock, on_page=heard.extend)

    assert heard == ["cthr_1", "cthr_2"]


def test_queries_follow_the_pages_and_not_the_items(ada: str, clock: Clock) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connections[ada]) as captured:
            archive(ada, clock)
        return len(captured)

    few = queries()
    thread(ada, clock, "cthr_3", items=150, text="line")

    assert queries() == few + 2  # whether staff said anything of one more thread


def test_many_threads_are_listed_page_by_page(ada: str, clock: Clock) -> None:
    now = clock.now
    ChatThread.objects.using(ada).bulk_create(
        ChatThread(id=f"cthr_many_{number:03}", end_user_id="ada", created_at=now, tie=number // 2)
        for number in range(450)
    )
    ChatSession.objects.using(ada).bulk_create(
        ChatSession(id=f"cksess_many_{number:03}", end_user_id="ada", expires_at=now, created_at=now)
        for number in range(450)
    )

    index = archive(ada, clock).read("index.html").decode()

    assert len(set(re.findall(r"cthr_many_\d+-", index))) == 450
    assert len(re.findall(r"cksess_many_\d+", index)) == 450


@pytest.mark.slow
def test_memory_is_flat_however_many_items_there_are(clock: Clock) -> None:
    database = "default"
    EndUser.objects.using(database).create(id="ada")
    peaks = []
    for items in (1_000, 10_000):
        thread(database, clock, f"cthr_{items}", items=items, text="a line of some words")
        tracemalloc.start()
        size = sum(map(len, person_archive.write(user="ada", now=clock.now, using=database)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert size

    assert peaks[1] < peaks[0] + 1_000_000
