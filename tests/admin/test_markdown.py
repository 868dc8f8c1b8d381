"""The assistant's Markdown as HTML: what is said stays, what acts does not."""

import re
import sys
from collections import Counter
from html.parser import HTMLParser
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.admin.markdown import render
from django_chatkit.admin.visible import visible

REL = 'rel="noopener noreferrer nofollow"'


def rendered(text: str) -> str:
    """Render text as the transcript does, on one line; less what every block has, in an order that changes."""
    html = render(visible(text))
    assert html is not None
    return re.sub(r'\n| dir="\w+"| tabindex="0"', "", html)


def link(href: str, words: str, host: str) -> str:
    return f'<p><a href="{href}" {REL}>{words}</a> <span class="ck-host">{host}</span></p>'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        pytest.param(
            "**a** *b* `c` ~~d~~", "<p><strong>a</strong> <em>b</em> <code>c</code> <s>d</s></p>", id="words"
        ),
        pytest.param("a\nb", "<p>a<br>b</p>", id="lines"),
        pytest.param("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>', id="numbers"),
        pytest.param("- a\n  - b", "<ul><li>a<ul><li>b</li></ul></li></ul>", id="points"),
        pytest.param("> a", "<blockquote><p>a</p></blockquote>", id="quote"),
        pytest.param("a\n\n---", "<p>a</p><hr>", id="rule"),
        pytest.param(
            "|a|\n|:-:|\n|b|",
            '<div class="ck-scroll"><table><thead><tr><th>a</th></tr></thead>'
            "<tbody><tr><td>b</td></tr></tbody></table></div>",
            id="table",
        ),
        pytest.param(
            "```py\na < b\n```",
            '<p><span class="ck-label">py</span></p><pre><code>a &lt; b</code></pre>',
            id="code-says-its-language",
        ),
        pytest.param("```\na\n```", "<pre><code>a</code></pre>", id="code-of-no-language"),
    ],
)
def test_markdown_is_rendered(text: str, html: str) -> None:
    assert rendered(text) == html


def test_what_scrolls_is_reached_by_key() -> None:
    html = render("```\na\n```\n\n|a|\n|-|") or ""
    assert [(tag, attrs.get("tabindex")) for tag, attrs in Tags(html).found if tag in ("pre", "div")] == [
        ("pre", "0"),
        ("div", "0"),
    ]


def test_each_block_finds_its_own_direction_and_what_stands_in_it_has_none() -> None:
    html = render("a\n\n- \u0645\n\n  \u0645\n\n> b\n\n|a|\n|-|\n|\u0645|\n\n# \u0645") or ""
    directed = [tag for tag, attrs in Tags(html).found if attrs.get("dir") == "auto"]
    assert directed == ["p", "ul", "blockquote", "table", "h4"]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        pytest.param("[a](https://b.example/c)", link("https://b.example/c", "a", "b.example"), id="web"),
        pytest.param(
            "[bank.example](https://bank.example@evil.example)",
            link("https://bank.example@evil.example", "bank.example", "evil.example"),
            id="the-host-that-it-leads-to",
        ),
        pytest.param("[a](mailto:m@b.example)", link("mailto:m@b.example", "a", "m@b.example"), id="mailbox"),
        pytest.param(
            "<https://b.example/%E2%80%AE>",
            link("https://b.example/%E2%80%AE", "https://b.example/⟨U+202E⟩", "b.example"),
            id="an-address-by-itself",
        ),
        pytest.param(
            "[](https://b.example)",
            f'<p><a href="https://b.example" {REL}><span class="ck-host">b.example</span></a></p>',
            id="without-words",
        ),
        pytest.param(
            "![a](https://b.example/p.png)",
            link("https://b.example/p.png", "a", "b.example").replace("<p>", "<p>!"),
            id="an-image-is-a-link",
        ),
    ],
)
def test_a_link_says_where_it_leads(text: str, html: str) -> None:
    assert rendered(text) == html


@pytest.mark.parametrize(
    "text",
    [
        "[a](javascript:alert(1))",
        "[a](JaVaScRiPt:alert(1))",
        "[a](&#106;avascript:alert(1))",
        "[a](data:text/html,x)",
        "![a](data:image/png;base64,x)",
        "[a](ftp://b.example)",
        "[a](/admin/logout/)",
        "[a](//b.example)",
        "[a](?next=x)",
        "<javascript:alert(1)>",
        "<script>alert(1)</script>",
        "<a href='https://b.example'>a</a>",
        "<img src=x onerror=alert(1)>",
        "<!-- a -->",
        "[a]: https://b.example",
    ],
)
def test_what_is_no_markdown_of_ours_stays_text(text: str) -> None:
    html = rendered(text)
    assert re.findall("<[^>]*>", html) == ["<p>", "</p>"]


def test_what_entities_hide_is_spelt_out() -> None:
    assert rendered("&#x202e;a&#x2066;b&#0;c") == "<p>⟨U+202E⟩a⟨U+2066⟩b\ufffdc</p>"


@pytest.mark.parametrize(
    ("ranks", "shown"),
    [
        pytest.param([1, 2, 3, 4], [4, 5, 6, 6], id="one-by-one"),
        pytest.param([3, 3, 1], [4, 4, 4], id="from-the-middle"),
        pytest.param([1, 4, 2, 6], [4, 5, 5, 6], id="with-leaps"),
    ],
)
def test_headings_stand_below_the_bubbles_and_leap_no_rank(ranks: list[int], shown: list[int]) -> None:
    html = rendered("\n\n".join(f"{'#' * rank} a" for rank in ranks))
    assert re.findall(r"<h(\d)>a</h\1>", html) == [str(rank) for rank in shown]


@pytest.mark.parametrize("mark", [">", "- ", "> - "])
def test_what_is_nested_too_deep_is_left_to_plain_text(mark: str) -> None:
    assert render(mark * 200 + "last words") is None
    shallow = render(mark * 5 + "last words")
    assert shallow is not None
    assert "last words" in shallow


_words = st.sampled_from(["alpha", "beta", "gamma", "delta"])
_MARKS = "* ** _ ` ~~ [ ] ( ) ]( ! < > = \\ ``` ~~~ \" ' : https://a.example/ <!-- --> <b> ---"
_BLANKS = ("> ", "- ", "1. ", "# ", "\n", "\n\n", " ", "    ", "\t")
_marks = st.sampled_from([*_MARKS.split(" "), *_BLANKS])


@given(st.lists(_words | _marks, max_size=40).map("".join))
def test_no_word_is_swallowed(text: str) -> None:
    html = render(text)
    said, shown = (Counter(re.findall("alpha|beta|gamma|delta", each)) for each in (text, html or text))
    assert said <= shown, html


class Tags(HTMLParser):
    """Collect what a browser would find."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


_BAITS = (
    "<script> </p> javascript: &#106; &lt; | https://a.example/ mailto:a@b.example &quot; onclick= style="
)
_HIDDEN = ("<img src=x onerror=y>", "|-|\n", "\u202e", "\x00", "\x1b", "\ud800")
_baits = st.sampled_from([*_BAITS.split(" "), *_HIDDEN])
TAGS = {
    "a",
    "blockquote",
    "br",
    "code",
    "div",
    "em",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "span",
}
TAGS |= {"strong", "table", "tbody", "td", "th", "thead", "tr", "ul"}


@given(st.lists(_words | _marks | _baits | st.text(max_size=3), max_size=30).map("".join))
def test_whatever_is_said_nothing_acts(text: str) -> None:
    html = render(visible(text)) or ""
    for tag, attrs in Tags(html).found:
        assert tag in TAGS
        assert attrs.keys() <= {"class", "dir", "href", "rel", "start", "tabindex", "title"}
        if tag == "a":
            assert re.match("https?://[^/]|mailto:.", attrs["href"] or "", re.IGNORECASE)
            assert attrs["rel"] == "noopener noreferrer nofollow"
    assert not re.search("[\x00\x1b\u202a-\u202e\u2066-\u2069\ud800-\udfff]", html)


def calls_of(text: str) -> int:
    """Count the calls that rendering makes: its time, as far as no clock is asked."""
    count = 0

    def note(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        render(text)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    "shape",
    [
        "*[",
        "[",
        "]",
        "[a](",
        "![",
        "*a **b ",
        "**a*",
        "_a__ ",
        "`",
        "<",
        "<!--",
        "&#",
        "\\",
        "~~",
        "- ",
        "> ",
        "1. ",
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "a\n\n"], ids=["in-a-row", "in-lines", "in-paragraphs"])
def test_what_keeps_a_renderer_busy_takes_time_in_proportion_to_its_length(shape: str, end: str) -> None:
    calls_of(shape)
    once, twice = (calls_of((shape + end) * (length // len(shape + end))) for length in (1_000, 2_000))
    assert twice < 2.5 * once + 1_000
