"""How items are read for a page: what is rendered, what is left as it was written, and without the extra."""

import subprocess
import sys
from typing import Any

from django.template.loader import render_to_string

from django_chatkit.admin import rendering
from django_chatkit.models import ChatThreadItem
from django_chatkit.services.bubbles import Reading, describe
from django_chatkit.services.parts import Text

from .conftest import BEGIN


def item(text: str, type: str = "chatkit.assistant_message", **fields: Any) -> ChatThreadItem:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    payload = {"content": content, **fields}
    return ChatThreadItem(id="cti_1", position=1, type=type, payload=payload, created_at=BEGIN)


def shown(item: ChatThreadItem, how: Reading) -> str:
    return render_to_string("admin/django_chatkit/includes/bubble.html", {"bubble": describe(item, how)})


def is_rendered(item: ChatThreadItem, how: Reading) -> bool:
    (text,) = describe(item, how).parts
    assert isinstance(text, Text)
    return text.html is not None


def test_the_assistants_words_are_rendered() -> None:
    html = shown(item("**Noon** <b>sharp</b>"), rendering.of_a_page())
    assert "<strong>Noon</strong> &lt;b&gt;sharp&lt;/b&gt;" in html
    assert "<strong>Noon</strong>" in shown(
        item("**Noon**", "message", role="assistant"), rendering.of_one_item()
    )


def test_the_end_users_words_are_as_they_were_written() -> None:
    for said in (item("**Noon**", "chatkit.user_message"), item("**Noon**", "message", role="user")):
        assert "**Noon**" in shown(said, rendering.of_a_page())


def test_a_cut_message_is_rendered_and_says_by_how_much_it_is_cut() -> None:
    html = shown(item("*a* " * 2_000 + "rest."), rendering.of_a_page())
    assert "<em>a</em>" in html
    assert "5 more characters" in html


def test_many_parts_are_cut_in_the_conversation_which_says_so() -> None:
    said = item("")
    said.payload = {"content": [{"type": "output_text", "text": "Noon"}] * 51}
    steps = item("", "chatkit.task_group", tasks=[{"heading": "Noon"}] * 51)
    for each in (said, steps):
        html = shown(each, rendering.of_a_page())
        assert (html.count("Noon"), html.count("… more parts")) == (50, 1)
        html = shown(each, rendering.of_one_item())
        assert (html.count("Noon"), html.count("… more parts")) == (51, 0)


def test_a_page_renders_a_bounded_number_of_characters() -> None:
    how = rendering.of_a_page()
    long, short = item("x" * 8_000), item("x")
    fit = rendering.MOST_ON_A_PAGE // 8_000
    assert [is_rendered(long, how) for _ in range(fit + 2)] == [True] * fit + [False] * 2
    assert is_rendered(short, how)


def test_a_very_long_message_is_whole_on_its_page_and_as_it_was_written() -> None:
    text = "**a** " * 20_000 + "FINALE"
    html = shown(item(text), rendering.of_one_item())
    assert "**a** **a**" in html
    assert "FINALE" in html


WITHOUT = """
import sys
sys.modules["{missing}"] = None  # as if it were not installed
import django
django.setup()
from tests.admin.test_rendering import item, rendering, shown
print(shown(item("**Noon** <b>sharp</b>"), rendering.of_a_page()))
"""


def test_without_the_extra_the_words_are_as_they_were_written() -> None:
    for missing in ("nh3", "markdown_it"):
        command = [sys.executable, "-c", WITHOUT.format(missing=missing)]
        html = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
        assert "**Noon** &lt;b&gt;sharp&lt;/b&gt;" in html
        assert "<strong>" not in html
