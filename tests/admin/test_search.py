"""What was said is found by its words, at once, by whoever may read it, and shown in its line."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_chatkit.admin import fulltext
from django_chatkit.admin.search import Words
from django_chatkit.admin.snippets import snippet
from django_chatkit.admin.terms import MOST_TERMS, Term, parse
from django_chatkit.models import ChatThread, ChatThreadItem, EndUser

from .conftest import BEGIN, Reader, make_item, make_thread

THREADS = "/admin/django_chatkit/chatthread/"
ITEMS = "/admin/django_chatkit/chatthreaditem/"


def rows(client: Client, address: str, **query: str) -> list[str]:
    """Return the ids of a list's rows, in its order."""
    answer = client.get(address, query)
    assert answer.status_code == 200, answer.status_code
    return [row.pk for row in answer.context["cl"].result_list]


def page(client: Client, address: str, **query: str) -> str:
    return client.get(address, query).content.decode()


# What is typed


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param('  "" " " ', [], id="blank"),
        pytest.param("lost parcel", [Term("lost"), Term("parcel")], id="words"),
        pytest.param(
            'my "lost parcel" now', [Term("my"), Term("lost parcel", True), Term("now")], id="phrase"
        ),
        pytest.param('"lost parcel', [Term("lost parcel", True)], id="open quote"),
        pytest.param("twice twice", [Term("twice")], id="twice"),
        pytest.param("a\x00b", [Term("a\ufffdb")], id="nul"),
    ],
)
def test_a_query_is_words_and_phrases(query: str, terms: list[Term]) -> None:
    assert parse(query) == terms


def test_a_query_beyond_all_measure_is_cut() -> None:
    assert len(parse(" ".join(map(str, range(1_000))))) == MOST_TERMS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("order-1234", ("order", "1234"), id="marks part words"),
        pytest.param("Größe", ("Größe",), id="umlauts"),
        pytest.param("привет", ("привет",), id="cyrillic"),
        pytest.param("荷物", (), id="no blanks between words"),
        pytest.param("cafe\u0301", (), id="combining marks"),
        pytest.param("!!!", (), id="signs"),
    ],
)
def test_an_index_is_asked_only_for_words_that_it_knows(text: str, words: tuple[str, ...]) -> None:
    assert Term(text).words == words


# On every database, by its index and without

SAID = {
    "cti_parcel": "Where is my parcel?",
    "cti_order": "Order-1234: don't forget the blue_one",
    "cti_late": "It left our house on Monday",
    "cti_mail": "Write to mia@example.org or see https://x.example/a/b?c=1",
    "cti_cjk": "私は荷物を待っています",
}


@pytest.fixture
def said(database: str) -> str:
    """Keep what was said in one thread each. MariaDB's index tells only what is committed."""
    EndUser.objects.using(database).create(id="ada")
    for number, (id, text) in enumerate(SAID.items()):
        moment = BEGIN + timedelta(minutes=number)
        thread = ChatThread.objects.using(database).create(
            id=id.replace("cti", "cthr"), end_user_id="ada", created_at=moment
        )
        ChatThreadItem.objects.using(database).create(
            id=id, thread=thread, position=1, text=text, created_at=moment
        )
    return database


ALIKE = [
    pytest.param("parcel", ["parcel"], id="word"),
    pytest.param("PARCEL", ["parcel"], id="case"),
    pytest.param("parc", ["parcel"], id="beginning"),
    pytest.param("1234", ["order"], id="word after a mark"),
    pytest.param("order-1234", ["order"], id="words and a mark"),
    pytest.param("don't", ["order"], id="apostrophe"),
    pytest.param("blue_one", ["order"], id="underscore"),
    pytest.param("house left", ["late"], id="two words in any order"),
    pytest.param('"our house on"', ["late"], id="phrase"),
    pytest.param('"house our"', [], id="phrase in another order"),
    pytest.param('"our house on" "it left"', ["late"], id="two phrases"),
    pytest.param('"house on" monday', ["late"], id="phrase and word"),
    pytest.param('"HOUSE on"', ["late"], id="phrase in another case"),
    pytest.param('"left house"', [], id="phrase with a word between"),
    pytest.param("parcel house", [], id="words of two items"),
    pytest.param("mia@example.org", ["mail"], id="address"),
    pytest.param("x.example", ["mail"], id="host"),
    pytest.param("荷物", ["cjk"], id="chinese letters"),
    pytest.param("parcel 荷物", [], id="word and chinese letters"),
    pytest.param("待 荷物", ["cjk"], id="chinese letters twice"),
    pytest.param("mail quokka", [], id="word and missing"),
    pytest.param("quokka", [], id="missing"),
    pytest.param("a*b NEAR(x) AND -parcel", [], id="what an index means something by"),
    pytest.param("% _ \\ '", [], id="what LIKE and SQL mean something by"),
]


@pytest.mark.django_db(transaction=True)
def test_every_database_finds_the_same_by_its_index_by_a_walk_and_plainly(said: str) -> None:
    for case in ALIKE:
        query, ids = case.values
        terms = parse(str(query))
        for words in _ways(said):
            assert found_by(words, str(query)) == ids, (case.id, words)
            for term in terms[:1] if ids else ():
                threads = ChatThread.objects.using(said).filter(words.in_threads(term))
                assert f"cthr_{ids[0]}" in threads.values_list("pk", flat=True), (case.id, words)


@pytest.mark.django_db(transaction=True)
def test_an_index_finds_short_words_whole_and_long_ones_by_their_beginning(said: str) -> None:
    for words in _ways(said)[:2]:
        assert found_by(words, "on") == ["late"]
        assert found_by(words, "arcel") == []
        assert found_by(words, '"my parc"') == []


@pytest.mark.django_db(transaction=True)
def test_an_accent_counts(said: str) -> None:
    ChatThreadItem.objects.using(said).create(
        id="cti_café", thread_id="cthr_late", position=2, text="Un café", created_at=BEGIN
    )
    for words in _ways(said)[:2]:
        assert found_by(words, "café") == ["café"]
        assert found_by(words, "cafe") == []


def found_by(words: Words, query: str) -> list[str]:
    """Return which items a query finds, without their prefix."""
    rows = ChatThreadItem.objects.using(words.using).filter(words.in_items(parse(query)))
    return sorted(row.pk.removeprefix("cti_") for row in rows)


def _ways(database: str) -> list[Words]:
    """Return each way to ask: by known ids, by a walk, and plainly."""
    ways = [Words(using=database), Words(using=database, most_known=0)]
    plain = Words(using=database)
    plain.is_indexed = False
    return [*ways, plain]


@pytest.mark.django_db(transaction=True)
def test_an_index_follows_what_is_changed_and_deleted(said: str) -> None:
    items = ChatThreadItem.objects.using(said)
    items.filter(pk="cti_parcel").update(text="Where is my letter?")
    items.filter(pk="cti_order").update(settled=False)
    items.filter(pk="cti_late").delete()

    words = Words(using=said)
    assert found_by(words, "parcel") == []
    assert found_by(words, "letter") == ["parcel"]
    assert found_by(words, "1234") == ["order"]
    assert found_by(words, "Monday") == []


@pytest.mark.django_db(transaction=True)
def test_sqlites_index_survives_a_vacuum(said: str) -> None:
    if connections[said].vendor == "sqlite":
        ChatThreadItem.objects.using(said).filter(pk="cti_parcel").delete()
        with connections[said].cursor() as cursor:
            cursor.execute("VACUUM")
        assert found_by(Words(using=said), "Monday") == ["late"]
        assert found_by(Words(using=said), "1234") == ["order"]


@pytest.mark.django_db
def test_postgresql_is_asked_by_the_index_that_the_migration_made(said: str) -> None:
    if connections[said].vendor != "postgresql":
        return
    rows = ChatThreadItem.objects.using(said).filter(fulltext.saying([Term("parcel")], most=5))
    with connections[said].cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "chatkit_item_words" in rows.order_by().explain()


@pytest.mark.django_db(transaction=True)
def test_mariadb_is_asked_by_the_index_that_the_migration_made(said: str) -> None:
    if connections[said].vendor != "mysql":
        return
    rows = ChatThreadItem.objects.using(said).filter(fulltext.saying([Term("parcel")], most=5)).order_by()
    assert str(rows.explain(format="traditional")).count("fulltext") == 1


@pytest.mark.django_db(transaction=True)
def test_no_text_is_taken_apart_for_a_phrase_whose_words_stand_apart(said: str) -> None:
    """Common words make common candidates, and on PostgreSQL each would cost as much as thirty looks."""
    if connections[said].vendor != "postgresql":
        return
    phrase = parse('"left house"')
    for most in (5_001, None):
        rows = ChatThreadItem.objects.using(said).filter(fulltext.saying(phrase, most=most))
        with CaptureQueriesContext(connections[said]) as queries:
            assert list(rows) == []
        (sql,) = [query["sql"] for query in queries]
        assert "CASE WHEN" in sql
        assert "~* 'left[^[:alnum:]]+house'" in sql
        assert sql.index("~*") < sql.index("left <-> house")


@pytest.mark.django_db
def test_an_item_longer_than_an_index_takes_is_kept_and_found_by_its_beginning(said: str) -> None:
    many = " ".join(chr(0x10400 + n % 40) + str(n) for n in range(120_000))
    ChatThreadItem.objects.using(said).create(
        id="cti_long", thread_id="cthr_parcel", position=2, text=f"prologue {many}", created_at=BEGIN
    )
    if connections[said].vendor != "mysql":  # which tells only what is committed
        assert found_by(Words(using=said), "prologue") == ["long"]


@pytest.mark.django_db(transaction=True)
def test_without_the_index_the_search_is_a_plain_one(said: str) -> None:
    try:
        call_command("migrate", "django_chatkit", "0001", database=said, verbosity=0)
        is_indexed = fulltext.is_indexed(using=said)
    finally:
        call_command("migrate", "django_chatkit", database=said, verbosity=0)
    assert is_indexed is False
    assert fulltext.is_indexed(using=said) is True


@pytest.mark.django_db
def test_where_no_index_helps_the_newest_items_are_read(said: str) -> None:
    words = Words(using=said, most_read=2)
    assert found_by(words, "荷物") == ["cjk"]
    assert words.leaves_out(parse("荷物 parcel")) is True
    assert words.leaves_out(parse("parcel")) is False
    assert Words(using=said, most_read=1).leaves_out(parse("!!!")) is True
    assert Words(using=said).leaves_out(parse("!!!")) is False
    assert found_by(Words(using=said, most_read=0), "荷物") == []


# In the lists


@pytest.fixture
def talk(thread: ChatThread) -> ChatThread:
    """Keep a thread of an owner in which a few things were said, and another of somebody else."""
    make_item(thread, 1, id="cti_first", text="Hello, is somebody there?")
    make_item(thread, 2, id="cti_ask", text="The blue umbrella that I ordered is broken")
    make_item(thread, 3, id="cti_answer", text="We send another umbrella")
    other = make_thread(EndUser.objects.create(id="user_43"), "cthr_other", title="Opening hours")
    make_item(other, 1, id="cti_other", text="When do you open?")
    return thread


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("umbrella", ["cthr_1"], id="said"),
        pytest.param("umbrella hello", ["cthr_1"], id="said in two items"),
        pytest.param("umbrella mia.chen", ["cthr_1"], id="said and owner"),
        pytest.param("parcel broken", ["cthr_1"], id="title and said"),
        pytest.param("umbrella user_43", [], id="said and of another"),
        pytest.param('"blue umbrella"', ["cthr_1"], id="phrase"),
        pytest.param('"umbrella blue"', [], id="another phrase"),
        pytest.param("cthr_other", ["cthr_other"], id="thread's id"),
        pytest.param("cti_other", ["cthr_other"], id="item's id"),
        pytest.param("user_4", ["cthr_other", "cthr_1"], id="end users"),
        pytest.param('""', ["cthr_other", "cthr_1"], id="nothing"),
    ],
)
def test_threads_are_found_by_what_was_said_and_of_whom(
    staff: Client, talk: ChatThread, query: str, found: list[str]
) -> None:
    assert rows(staff, THREADS, q=query) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("umbrella", ["cti_answer", "cti_ask"], id="word"),
        pytest.param("umbrella blue", ["cti_ask"], id="two words"),
        pytest.param("cti_ask", ["cti_ask"], id="id"),
        pytest.param("cthr_other", ["cti_other"], id="thread's id"),
        pytest.param("user_43", ["cti_other"], id="end user's id"),
        pytest.param("2026-11-03", ["cti_answer", "cti_ask", "cti_other", "cti_first"], id="day"),
        pytest.param("2026-11-04", [], id="another day"),
    ],
)
def test_items_are_found_by_their_words_and_by_ids(
    staff: Client, talk: ChatThread, query: str, found: list[str]
) -> None:
    assert rows(staff, ITEMS, q=query) == found


def test_a_found_line_leads_to_its_place_with_the_words_marked(staff: Client, talk: ChatThread) -> None:
    shown = page(staff, THREADS, q="umbrella blue")
    assert "?item=cti_ask#p2" in shown
    assert "The <mark>blue</mark> <mark>umbrella</mark> that I ordered is broken" in shown
    assert "?item=cti_answer#p3" in page(staff, THREADS, q="umbrella mia")
    assert "?item=cti_first#p1" in page(staff, THREADS, q="cti_first")
    assert "Where is my <mark>parcel</mark>?" in page(staff, THREADS, q="parcel")
    assert "We send another <mark>umbrella</mark>" in page(staff, ITEMS, q="umbrella")


def test_an_item_without_words_is_named_by_its_type_or_not_at_all(staff: Client, talk: ChatThread) -> None:
    make_item(talk, 4, "chatkit.widget", id="cti_mute", text="")
    make_item(talk, 5, "", id="cti_nameless", text="")
    assert re.search(r'item=cti_mute#p4">Widget<', page(staff, THREADS, q="cti_mute"))
    assert re.search(r'item=cti_nameless#p5">–<', page(staff, THREADS, q="cti_nameless"))
    assert ">Widget</a>" in page(staff, ITEMS, q="cti_mute")


def test_a_found_line_stands_below_its_title_each_with_its_own_way(staff: Client, talk: ChatThread) -> None:
    cell = re.compile(r'<td class="field-name">(.*?)</td>', re.DOTALL)
    (said,) = cell.findall(page(staff, THREADS, q="umbrella"))
    (told,) = cell.findall(page(staff, THREADS, q="opening"))

    assert re.findall(r'href="([^"]+)"', said) == [
        f"{THREADS}cthr_5F1/change/",
        f"{THREADS}cthr_5F1/change/?item=cti_answer#p3",
    ]
    assert said.index("Where is my parcel?") < said.index('class="ck-second"') < said.index("We send another")
    assert re.findall(r'href="([^"]+)"', told) == [f"{THREADS}cthr_5Fother/change/"]
    assert "ck-second" not in told
    assert "ck-second" not in page(staff, THREADS)


def test_where_nothing_is_found_the_list_says_what_it_looked_for_and_how(
    staff: Client, reader: Reader, talk: ChatThread, settings: Any
) -> None:
    def told(client: Client, address: str, **query: str) -> str:
        found = re.search(r'<div class="ck-empty">(.*?)</div>', page(client, address, **query), re.DOTALL)
        return found[1] if found else ""

    words = told(staff, ITEMS, q="quokka")
    assert "Nothing was found.</strong> Search words, &quot;a phrase&quot;, the id of an item" in words
    assert "Every word must be there." in words
    assert "search without them" not in words
    assert 'href="?q=quokka">search without them' in told(staff, THREADS, q="quokka", status="active")
    metadata = told(reader("view_chatthread"), THREADS, q="quokka")
    assert "Search title, end user, owner and id" in metadata
    assert "Every word" not in metadata
    assert told(staff, THREADS, q="umbrella") == told(staff, THREADS, status="closed") == ""
    assert "No run matches." in told(staff, "/admin/django_chatkit/syncrun/", q="quokka")


def test_the_thread_of_an_item_stands_below_its_words(staff: Client, talk: ChatThread) -> None:
    for query in ("umbrella blue", "cti_ask"):
        (cell,) = re.findall(r'<td class="field-words">(.*?)</td>', page(staff, ITEMS, q=query), re.DOTALL)
        assert re.findall(r'href="([^"]+)"', cell) == [
            f"{ITEMS}cti_5Fask/change/",
            f"{THREADS}cthr_5F1/change/?item=cti_ask#p2",
        ]


@pytest.mark.parametrize(
    ("type", "word"),
    [
        pytest.param("chatkit.client_tool_call", "Tool call", id="known"),
        pytest.param("chatkit.other", "chatkit.other", id="called as a choice of the filter is"),
        pytest.param("message", "message", id="documentation's"),
        pytest.param("", "–", id="none"),
    ],
)
def test_the_items_list_calls_a_type_as_its_filter_does(
    staff: Client, thread: ChatThread, type: str, word: str
) -> None:
    make_item(thread, 1, type, id="cti_typed")
    own = "" if word in {type, "–"} else f'<span class="ck-second">{type}</span>'

    assert f'<td class="field-type_word">{word}</td>' in page(staff, ITEMS)
    assert f'<div class="readonly">{word}{own}</div>' in page(staff, f"{ITEMS}cti_5Ftyped/change/")


def test_what_was_said_is_found_only_by_those_who_may_read_it(reader: Reader, talk: ChatThread) -> None:
    client = reader("view_chatthread", "view_chatthreaditem")
    assert rows(client, THREADS, q="umbrella") == []
    assert rows(client, THREADS, q="cti_ask") == []
    assert rows(client, THREADS, q="parcel") == ["cthr_1"]
    shown = page(client, THREADS, q="parcel")
    assert "ck-found" not in shown
    assert "umbrella" not in shown
    assert client.get(ITEMS, {"q": "umbrella"}).status_code == 403


def test_a_setting_that_hides_content_hides_it_from_the_search(
    staff: Client, talk: ChatThread, settings: Any
) -> None:
    settings.CHATKIT = {**settings.CHATKIT, "HIDE_CONTENT": True}
    assert rows(staff, THREADS, q="umbrella") == []


def test_a_search_costs_the_same_with_one_hit_and_with_fifty(staff: Client, talk: ChatThread) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert rows(staff, THREADS, q="umbrella blue")
        return len(queries)

    cost()
    few = cost()
    for number in range(60):
        make_item(
            make_thread(talk.end_user, f"cthr_more{number}"), 1, id=f"cti_more{number}", text="umbrella, blue"
        )
    assert len(rows(staff, THREADS, q="umbrella blue")) == 50
    assert cost() <= few + 1  # of more than a page the ids are asked for first
    assert few <= 18


def test_a_search_counts_no_further_than_anybody_reads(staff: Client, talk: ChatThread) -> None:
    ChatThreadItem.objects.bulk_create(
        ChatThreadItem(id=f"cti_many{n}", thread=talk, position=n, text="umbrella", created_at=BEGIN)
        for n in range(10, 5_100)
    )
    answer = staff.get(ITEMS, {"q": "umbrella"})
    assert answer.context["cl"].result_count == 1_000
    assert "The list ends after 1,000 rows" in answer.content.decode().replace("1000", "1,000")
    assert rows(staff, THREADS, q="umbrella") == ["cthr_1"]


# Filters


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param({"has": "user_message"}, ["cthr_other", "cthr_1"], id="messages"),
        pytest.param({"has": "assistant_message"}, [], id="no message of the assistant"),
        pytest.param({"has": "client_tool_call"}, ["cthr_1"], id="tool call"),
        pytest.param({"has": "widget"}, [], id="no widget"),
        pytest.param({"has": "other"}, [], id="nothing else"),
        pytest.param({"has": "nonsense"}, ["cthr_other", "cthr_1"], id="nonsense"),
        pytest.param({"trouble": "tool"}, ["cthr_1"], id="tool failure"),
        pytest.param({"trouble": "sync"}, ["cthr_other"], id="unsynced"),
        pytest.param({"owned": "yes"}, ["cthr_1"], id="owned"),
        pytest.param({"owned": "no"}, ["cthr_other"], id="ownerless"),
        pytest.param({"owner": "0"}, [], id="no owner"),
        pytest.param({"owner": "mia"}, [], id="no account's id"),
        pytest.param({"owner": "9" * 40}, [], id="a very large id"),
        pytest.param({"has": "client_tool_call", "q": "umbrella"}, ["cthr_1"], id="filter and search"),
    ],
)
def test_threads_are_filtered_by_what_is_in_them(
    staff: Client, talk: ChatThread, query: dict[str, str], found: list[str]
) -> None:
    late = timezone.now() - timedelta(days=2)
    make_item(talk, 4, "chatkit.client_tool_call", settled=False, created_at=late)
    ChatThread.objects.filter(pk="cthr_other").update(synced_at=None)
    assert rows(staff, THREADS, **query) == found


def test_a_young_tool_call_and_one_with_an_answer_have_not_failed(staff: Client, talk: ChatThread) -> None:
    make_item(talk, 4, "chatkit.client_tool_call", settled=False, created_at=timezone.now())
    make_item(talk, 5, "chatkit.client_tool_call", created_at=timezone.now() - timedelta(days=2))
    assert rows(staff, THREADS, trouble="tool") == []


def test_a_sync_that_fails_marks_its_threads(staff: Client, talk: ChatThread) -> None:
    EndUser.objects.filter(pk="user_42").update(failures=1)
    assert rows(staff, THREADS, trouble="sync") == ["cthr_1"]


def test_threads_of_an_owner_are_listed_by_the_accounts_id(staff: Client, talk: ChatThread) -> None:
    link = re.search(r'href="([^"]*)">mia.chen<', page(staff, THREADS))
    assert link
    assert rows(staff, link[1]) == ["cthr_1"]
    assert [user.pk for user in User.objects.filter(username="mia.chen")] == [int(link[1].partition("=")[2])]


# Lines


@pytest.mark.parametrize(
    ("text", "query", "line"),
    [
        pytest.param("<b>bold</b>", "bold", "&lt;b&gt;<mark>bold</mark>&lt;/b&gt;", id="escaped"),
        pytest.param("<mark>x", "<mark>", "&lt;<mark>mark</mark>&gt;x", id="a mark that was said"),
        pytest.param("Hello\nParcel", "parc", "Hello <mark>Parc</mark>el", id="two lines"),
        pytest.param("our, parcel", '"our parcel"', "<mark>our, parcel</mark>", id="phrase"),
        pytest.param("\u202eparcel", "parcel", "⟨U+202E⟩<mark>parcel</mark>", id="bidi override"),
        pytest.param("parcels", '"parcel"', "parcels", id="quoted words are whole"),
        pytest.param("荷物を", "荷物", "<mark>荷物</mark>を", id="chinese letters"),
        pytest.param("", "parcel", "", id="empty"),
    ],
)
def test_a_line_shows_the_words_marked_and_everything_escaped(text: str, query: str, line: str) -> None:
    assert snippet(text, parse(query)) == line


def test_a_long_text_is_cut_around_the_words() -> None:
    line = snippet("a " * 500 + "parcel " + "b " * 500, parse("parcel"))
    assert re.fullmatch(r"…(a |a| a)+<mark>parcel</mark>[ b]+…", line)
    assert len(line) < 220
