"""What a bubble of the transcript is made of: small frozen descriptions that a template shows as they are.

Every string in them is `visible` already. ``kind`` is what the template asks for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.safestring import SafeString

from .visible import visible

# How deep the lists of a widget's parts stand in each other: deeper ones would leave no room for words.
DEEPEST_LIST = 8
# Characters of an item, and parts of it, that the conversation shows: fifty items stand on one page of it.
MOST_OF_AN_ITEM = 30_000
MOST_PARTS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A stretch of text, cut where it is very long; ``left`` tells how many characters are not shown."""

    text: str
    left: int = 0

    def __bool__(self) -> bool:
        return bool(self.text or self.left)


def passage(text: str, *, limit: int | None) -> Passage:
    """Make a passage of at most ``limit`` characters of the text; all of it for None."""
    if limit is None or len(text) <= limit:
        return Passage(text=visible(text))
    return Passage(text=visible(text[:limit]), left=len(text) - limit)


@dataclass(slots=True)
class Room:
    """Hold how much of an item is shown: characters of one part and, as far as they are not taken yet, of all.

    None for all of it, however long.
    """

    part: int | None = None
    left: int = MOST_OF_AN_ITEM

    @property
    def parts(self) -> int | None:
        """Return how many parts, and steps of a task group, are shown."""
        return None if self.part is None else MOST_PARTS

    @property
    def next(self) -> int | None:
        """Return how many characters of the next part are shown."""
        return None if self.part is None else min(self.part, self.left)

    def passage(self, text: str) -> Passage:
        """Make a passage of the next part."""
        shown = passage(text, limit=self.next)
        self.left -= len(text) - shown.left if self.part is not None else 0
        return shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Json:
    """Show what we don't know better as JSON."""

    kind: ClassVar[str] = "json"
    passage: Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Show what somebody said: as ``html`` where it was rendered, else as it was written."""

    kind: ClassVar[str] = "text"
    passage: Passage
    html: SafeString | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Show what somebody quoted."""

    kind: ClassVar[str] = "quote"
    passage: Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Name a file that was sent along. It is never loaded."""

    kind: ClassVar[str] = "attachment"
    name: str
    media_type: str
    is_image: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Name a source of an answer. ``href`` is empty unless the address is a plain one of the web."""

    kind: ClassVar[str] = "source"
    label: str
    host: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """State a detail: the model that was asked for, the tool that was chosen."""

    kind: ClassVar[str] = "fact"
    name: str | Promise
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Show a call of a tool in the browser with its result. ``output`` is empty while nothing came back."""

    kind: ClassVar[str] = "call"
    name: str
    call_id: str
    status: str
    is_finished: bool
    arguments: Passage
    output: Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Show a task: a step of the work, or a thought."""

    kind: ClassVar[str] = "step"
    is_thought: bool
    heading: Passage
    summary: Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Show the steps of a task group, in their order; ``is_cut`` where it has more than are shown."""

    kind: ClassVar[str] = "group"
    steps: tuple[Step | Json, ...]
    is_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Describe one part of a widget; ``depth`` counts from 0."""

    depth: int
    label: str
    text: str
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Show a widget as the outline of its parts; ``is_cut`` where it has more than are shown."""

    kind: ClassVar[str] = "tree"
    nodes: tuple[Node, ...]
    is_cut: bool = False

    @property
    def lines(self) -> Iterator[tuple[Node, bool, range]]:
        """Yield each node, whether a list of its parts begins below it, and a count of the lists that end with it.

        The lists stand at most `DEEPEST_LIST` deep in each other, however deep the widget is.
        """
        depths = [min(node.depth, DEEPEST_LIST) for node in self.nodes]
        for node, (depth, following) in zip(self.nodes, pairwise([*depths, 0]), strict=True):
            yield node, following > depth, range(depth - following)


Part = Text | Quote | Attachment | Source | Fact | Call | Step | Group | Tree | Json
