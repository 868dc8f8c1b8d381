"""Reads a widget as an outline of its parts, whatever its vocabulary."""

from dataclasses import replace
from typing import Any

from .parts import Node, Tree
from .visible import one_line, visible

# What a conversation shows of a widget, beside its characters: parts, characters of one value, details of one part.
MOST_NODES = 300
LONGEST_TEXT = 2_000
MOST_FACTS = 30

# Where widgets keep what a person reads, in the order in which it is looked for.
_SPOKEN = ("value", "text", "label", "title", "heading", "caption", "placeholder", "alt", "name")

_Task = tuple[int, str, Any]


def outline(widget: Any, *, limit: int | None) -> Tree:
    """Walk a widget from its root, a node for each part; stop after ``limit`` characters, with None at its end."""
    nodes: list[Node] = []
    size, is_cut = 0, False
    # A stack of our own: how deep outside data is nested must not decide whether it can be read.
    tasks: list[_Task] = [(0, "", widget)]
    while tasks and (limit is None or (size < limit and len(nodes) < MOST_NODES)):
        depth, key, value = tasks.pop()
        if isinstance(value, dict):
            node, inner = _element(depth, key, value)
            tasks.extend(reversed(inner))
        elif isinstance(value, list):
            tasks.extend((depth, key, element) for element in reversed(value))
            continue
        else:
            node = Node(depth=depth, label=one_line(key), text=_scalar(value))
        shown = node if limit is None else _cut(node)
        nodes.append(shown)
        is_cut = is_cut or shown != node
        size += len(shown.label) + len(shown.text) + sum(len(name) + len(word) for name, word in shown.facts)
    return Tree(nodes=tuple(nodes), is_cut=is_cut or bool(tasks))


def _cut(node: Node) -> Node:
    text = node.text if len(node.text) <= LONGEST_TEXT else node.text[: LONGEST_TEXT - 1] + "…"
    return replace(node, text=text, facts=node.facts[:MOST_FACTS])


def _element(depth: int, key: str, value: dict[str, Any]) -> tuple[Node, list[_Task]]:
    scalars = {
        name: part for name, part in value.items() if not isinstance(part, dict | list) and part is not None
    }
    type_ = scalars.pop("type", None)
    label = " · ".join(str(word) for word in (key if key != "children" else "", type_) if word)
    spoken = next((name for name in _SPOKEN if name in scalars), None)
    text = _scalar(scalars.pop(spoken)) if spoken is not None else ""
    facts = tuple((one_line(name), one_line(_scalar(part))) for name, part in scalars.items())
    inner = [(depth + 1, name, part) for name, part in value.items() if isinstance(part, dict | list)]
    return Node(depth=depth, label=one_line(label), text=text, facts=facts), inner


def _scalar(value: Any) -> str:
    # JSON's words for JSON's values: a reader of widgets knows `true`, not `True`.
    text = str(value).lower() if isinstance(value, bool) or value is None else str(value)
    return visible(text)
