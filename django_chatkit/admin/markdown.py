"""Renders Markdown, for sites with the extra of that name: markdown-it-py writes the HTML, nh3 lets a short list through.

What is rendered was written by a model that reads what strangers write. So nothing of it is loaded, nothing acts, and
nothing that was said is swallowed: HTML stays text, an image stays the link to it, and a link says where it leads.
"""

from collections.abc import Sequence
from typing import Any

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe  # noqa: TID251 -- what the sanitizer let through, here alone
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from ..services.addresses import leads_to
from .visible import visible

# How deep quotes, lists and emphasis may stand in each other. It bounds the time, too: each character may be looked at
# once a level.
_DEEPEST = 20
# The rank of a heading in a bubble, whose own is the third.
_FIRST_RANK = 4

_INLINE = {"a", "br", "code", "em", "s", "span", "strong"}
_BLOCKS = {"blockquote", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "ul"}
_TABLES = {"div", "table", "tbody", "td", "th", "thead", "tr"}
_DIRECTED = _BLOCKS - {"hr", "li", "pre"} | {"table"}


def render(text: str) -> SafeString | None:
    """Return Markdown as HTML, None where it is nested too deep: beyond that the renderer would leave out words."""
    tokens = _markdown.parse(text)
    if any(token.level >= _DEEPEST - 1 for token in tokens):
        return None
    html = _markdown.renderer.render(tokens, _markdown.options, {})
    # Once more visible: `&#x202e;` was harmless as it was written.
    return mark_safe(visible(_cleaner.clean(html)))  # noqa: S308


class _Renderer(RendererHTML):
    """Write what the house wants to be told about links, tables and code."""

    def link_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Say behind a link where it leads, or in it where it has no words of its own."""
        start = next(each for each in reversed(range(idx)) if tokens[each].type == "link_open")
        host = f'<span class="ck-host">{escape(leads_to(str(tokens[start].attrs["href"])))}</span>'
        words = "".join(each.content for each in tokens[start:idx]).strip()
        return f"</a> {host}" if words else f"{host}</a>"

    def table_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Let a wide table scroll by itself."""
        return f'<div class="ck-scroll"><table{self.renderAttrs(tokens[idx])}>'

    def table_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Close what was opened."""
        return "</table></div>"

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Write code, and above it what it says of itself: its language."""
        label = tokens[idx].info.strip()
        head = f'<p><span class="ck-label">{escape(label)}</span></p>' if label else ""
        return f"{head}<pre><code>{escape(tokens[idx].content)}</code></pre>"


class _Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:
        """Let only those addresses become links that can be told by where they lead; the others stay text."""
        return bool(leads_to(url))


def _ranked(state: StateCore) -> None:
    """Give headings ranks below the bubble's, each at most one below the heading before it."""
    above: list[int] = []
    for token in state.tokens:
        if token.type == "heading_open":
            rank = int(token.tag[1:])
            above = [*(each for each in above if each < rank), rank]
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(_FIRST_RANK - 1 + len(above), 6)}"


def _directed(state: StateCore) -> None:
    """Let each block find its own direction: an Arabic list stands in an English answer as it should.

    What stands in a block has none of its own, for a browser finds the block's in text that has none.
    """
    for token in state.tokens:
        if token.nesting == 1 and token.level == 0:
            token.attrSet("dir", "auto")


def _made() -> MarkdownIt:
    # `js-default` has tables and strikethrough, and no HTML. An image becomes the mark `!` and a link. References are
    # off, for a definition that nothing refers to would not be shown. Lines end where they were ended.
    options = {"maxNesting": _DEEPEST, "breaks": True}
    markdown = _Markdown("js-default", options, renderer_cls=_Renderer)
    markdown.disable(["image", "reference"])
    markdown.core.ruler.push("ranked", _ranked)
    markdown.core.ruler.push("directed", _directed)
    return markdown


_markdown = _made()
_cleaner = nh3.Cleaner(
    tags=_INLINE | _BLOCKS | _TABLES,
    attributes={"a": {"href"}, **{tag: {"dir"} for tag in _DIRECTED}, "ol": {"dir", "start"}},
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener noreferrer nofollow",
    allowed_classes={"div": {"ck-scroll"}, "span": {"ck-host", "ck-label"}},
    # What scrolls can be reached by key.
    set_tag_attribute_values={"div": {"tabindex": "0"}, "pre": {"dir": "ltr", "tabindex": "0"}},
)
