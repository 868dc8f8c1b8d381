"""Every word that people read can be translated, and is there in German: in the source and in what is shipped."""

import ast
import gettext
import io
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po
from django.utils.translation import gettext as translate
from django.utils.translation import override
from django.utils.translation.template import templatize

from . import tree

FOLDER = Path("django_chatkit/locale/de/LC_MESSAGES")
KEYWORDS = {**DEFAULT_KEYWORDS, "gettext_lazy": None, "gettext_noop": None, "ngettext_lazy": (1, 2)}

TEMPLATES = tree.under("django_chatkit", ".html")
# Where words for people are made: the rest speaks to programs and to operators, in English.
MODULES = [
    path
    for path in tree.under("django_chatkit", ".py")
    if path.parts[1] in {"admin", "models", "apps.py", "templatetags"}
    or path.stem in {"bubbles", "parts", "person_pages", "pretty", "widgets"}
]

Message = str | tuple[str, ...]

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


@cache
def marked() -> frozenset[Message]:
    """Return the messages that are marked in the package."""
    found: set[Message] = set()
    for path in tree.under("django_chatkit", ".py"):
        found |= _extracted(tree.source(path))
    for path in TEMPLATES:
        # What a template marks, as Django hands it to gettext; its indentation is nobody's.
        lines = templatize(tree.source(path)).splitlines()
        found |= _extracted("\n".join(line.strip() for line in lines))
    return frozenset(found)


def _extracted(source: str) -> set[Message]:
    return {message for _line, message, *_rest in extract("python", io.BytesIO(source.encode()), KEYWORDS)}


@cache
def german() -> Catalog:
    """Return what stands in the file that people edit."""
    with (tree.ROOT / FOLDER / "django.po").open("rb") as file:
        return read_po(file, locale="de")


def words(message: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    """Return the forms of a message, one or two."""
    return (message or "",) if isinstance(message, str | None) else tuple(message)


def test_german_has_every_message_and_no_other() -> None:
    known = {words(message.id) for message in german() if message.id}

    assert {words(message) for message in marked()} - known == set()
    assert known - {words(message) for message in marked()} == set()
    assert german().obsolete == {}


def test_german_is_complete() -> None:
    entries = [message for message in german() if message.id]

    assert [message.id for message in entries if message.fuzzy or not all(words(message.string))] == []


def test_german_says_what_is_filled_in() -> None:
    forms = [
        (id, form)
        for message in german()
        for id, form in zip(words(message.id), words(message.string), strict=True)
        if id
    ]

    assert [
        form for id, form in forms if set(PLACEHOLDER.findall(form)) != set(PLACEHOLDER.findall(id))
    ] == []


def test_what_is_shipped_is_what_is_written() -> None:
    with (tree.ROOT / FOLDER / "django.mo").open("rb") as file:
        shipped = gettext.GNUTranslations(file)

    for message in german():
        one, *more = words(message.id)
        if more:
            assert tuple(shipped.ngettext(one, more[0], number) for number in (1, 2)) == words(message.string)
        elif one:
            assert shipped.gettext(one) == message.string


def test_django_finds_the_words() -> None:
    with override("de"):
        assert translate("end user") == "Endnutzer"


# What is not marked


@pytest.mark.parametrize("path", TEMPLATES, ids=str)
def test_a_template_says_nothing_that_is_not_marked(path: Path) -> None:
    assert Spoken(tree.source(path)).words == []


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_module_says_nothing_that_is_not_marked(path: Path) -> None:
    assert [ast.unparse(node) for each in tree.nodes(path) for node in _said(each) if _is_bare(node)] == []


def test_no_message_is_marked_within_an_f_string() -> None:
    """Gettext doesn't look there, nor does Python's own tokenizer before 3.12."""
    strings = [
        node
        for path in tree.under("django_chatkit", ".py")
        for node in tree.nodes(path)
        if isinstance(node, ast.JoinedStr)
    ]
    calls = [each for string in strings for each in ast.walk(string) if isinstance(each, ast.Call)]

    assert [ast.unparse(call) for call in calls if ast.unparse(call.func) in {"_", *KEYWORDS}] == []


def test_what_is_not_marked_is_found() -> None:
    template = '<p title="Look here">{{ x }} Hello{# no #}</p>{% translate "Yes" %}<code>manage.py</code>'
    module = (
        'class F:\n    title = "state"\nf(description="Name", name=f"a {b}")\nmessages.error(r, f"No {x}")\n'
    )
    nodes = ast.walk(ast.parse(module))

    assert Spoken(template).words == ["Look here", "Hello"]
    assert len([node for each in nodes for node in _said(each) if _is_bare(node)]) == 3


class Spoken(HTMLParser):
    """Collect the words of a template that are there whatever the language."""

    # Marked messages, then whatever the engine fills in or leaves out.
    ENGINE = re.compile(
        r"{%\s*blocktrans(late)?\b.*?{%\s*endblocktrans(late)?\s*%}|{%\s*comment\b.*?{%\s*endcomment\s*%}"
        r"|{%\s*block bodyclass\b.*?{%\s*endblock\b.*?%}|{%.*?%}|{{.*?}}|{#.*?#}",
        re.DOTALL,
    )
    # Keys, commands and data are the same in every language.
    PLAIN = frozenset({"code", "kbd", "script"})
    READ = frozenset({"title", "aria-label", "aria-description", "alt", "placeholder"})

    def __init__(self, source: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self._inside: list[str] = []
        self.feed(self.ENGINE.sub("", source))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read what a pointer or a screen reader shows."""
        self._inside += [tag] * (tag in self.PLAIN)
        for name, value in attrs:
            if name in self.READ:
                self.handle_data(value or "")

    def handle_endtag(self, tag: str) -> None:
        """Leave what is plain."""
        if self._inside[-1:] == [tag]:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        """Read text."""
        if not self._inside and re.search(r"[^\W\d_]", data):
            self.words.append(data.strip())


# The names under which Django takes words for people.
_NAMES = frozenset(
    {"description", "short_description", "verbose_name", "verbose_name_plural", "label", "help_text", "title"}
    | {"search_help_text", "heading", "subtitle", "empty_value_display", "did"}
)


def _said(node: ast.AST) -> Iterator[ast.expr]:
    """Return what a node says to people."""
    match node:
        case ast.keyword(arg=str() as name, value=value) if name in _NAMES:
            yield value
        # An app's label is what programs call it.
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in _NAMES - {"label"}:
            yield value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if name in _NAMES:
            yield value
        case ast.Dict(keys=keys, values=values):
            yield from (
                value
                for key, value in zip(keys, values, strict=True)
                if isinstance(key, ast.Constant) and key.value in _NAMES
            )
        case ast.Call(func=ast.Attribute(value=ast.Name(id="models"), attr=name), args=[first, *_]) if (
            name.endswith("Field")
        ):
            yield first
        case ast.Call(func=ast.Attribute(value=ast.Name(id="messages")), args=[_, said, *_]):
            yield said


def _is_bare(node: ast.expr) -> bool:
    """Tell whether an expression is text in letters that went through no translation."""
    match node:
        case ast.Constant(value=str() as text):
            return re.search(r"[^\W\d_]", text) is not None
        case ast.JoinedStr():
            return any(isinstance(part, ast.Constant) and _is_bare(part) for part in node.values)
    return False
