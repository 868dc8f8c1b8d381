"""Reads a search box: several words, "quoted phrases", each a term that must be found."""

import re
from dataclasses import dataclass

from ..models.fields import storable

LONGEST_QUERY = 500
MOST_TERMS = 8
# Words of so many letters are found by their beginning, shorter ones only whole.
SHORTEST_BEGINNING = 3

_TERM = re.compile(r'"([^"]+)"?|([^\s"]+)')
_WORD = re.compile(r"[^\W_]+")
# Scripts whose words stand apart, and no combining marks: what every database's index takes for the same words. Chinese,
# Japanese, Thai and others write without blanks; to an index a sentence of theirs is one word.
_APART = re.compile(
    r"[\x00-\u02ff\u0370-\u0482\u048a-\u0590\u05be\u05d0-\u060f\u061b-\u064a\u0660-\u066f\u1e00-\u2fff]*"
)


@dataclass(frozen=True, slots=True)
class Term:
    """What is looked for: text, and its words in order where an index can find them.

    A phrase was quoted: its last word is found whole only.
    """

    text: str
    is_phrase: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """Return the words that an index knows, none where it doesn't cut the text as we do."""
        return tuple(_WORD.findall(self.text)) if _APART.fullmatch(self.text) else ()

    @property
    def is_open(self) -> bool:
        """Tell whether the last word may go on."""
        return not self.is_phrase and len(self.words[-1]) >= SHORTEST_BEGINNING


def parse(query: str) -> list[Term]:
    """Return the terms of a query; what is beyond all measure is left off."""
    found = _TERM.findall(storable(query[:LONGEST_QUERY]))
    terms = [Term(quoted.strip(), is_phrase=True) if quoted else Term(bare) for quoted, bare in found]
    return [term for term in dict.fromkeys(terms) if term.text][:MOST_TERMS]


def pattern(terms: list[Term]) -> re.Pattern[str]:
    """Return a pattern of the places in a text where one of some terms stands."""
    return re.compile("|".join(place(term) for term in terms), re.IGNORECASE)


def place(term: Term) -> str:
    """Return the pattern of the places where one term stands, whatever the case of its letters."""
    if not term.words:
        return re.escape(term.text)
    end = "" if term.is_open else r"(?![^\W_])"
    return r"(?<![^\W_])" + r"[\W_]{1,99}".join(map(re.escape, term.words)) + end
