"""Decides how items are read for a page: how much of each is shown, and how much Markdown is rendered."""

from django.utils.safestring import SafeString

from ..services.bubbles import Reading, Render, as_written

try:
    from .markdown import render
except ModuleNotFoundError:  # the extra `markdown` is not installed: everything is shown as it was written
    render: Render = as_written  # type: ignore[no-redef]

# Characters of Markdown that a page renders, message after message; what comes then is shown as it was written. Text
# made to keep a renderer busy takes some hundred times as long as prose, so it is the page that has to be bounded.
MOST_ON_A_PAGE = 100_000
MOST_OF_ONE = 20_000


class _Budget:
    """Render until so many characters were rendered."""

    def __init__(self, characters: int) -> None:
        self.left = characters

    def __call__(self, text: str) -> SafeString | None:
        if len(text) > self.left:
            return None
        self.left -= len(text)
        return render(text)


def of_a_page() -> Reading:
    """Return how the items of one page of a conversation are read, each part cut where it is very long."""
    return Reading(render=_Budget(MOST_ON_A_PAGE))


def of_one_item() -> Reading:
    """Return how one item is read on its own page: whole."""
    return Reading(limit=None, render=_Budget(MOST_OF_ONE))
