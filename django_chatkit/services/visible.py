"""Text of other people, made safe for the eye: nothing invisible may change how the rest reads."""

import re
import unicodedata

# Escaping is the templates' work. This is about what escaping leaves: controls (NUL, ANSI's escape), the bidi
# embeddings, overrides and isolates, which reorder what stands around them, and lone surrogates, which no encoder
# takes. Left-to-right and right-to-left marks, joiners and line breaks stay: scripts and emoji need them.
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]",
)
# Formats (zero-width characters, marks of direction), blanks, and letters that are drawn as nothing.
_INKLESS = frozenset({"Cf", "Zs"})
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029]")


def visible(text: str) -> str:
    """Return the text with each character that hides or reorders others spelt out, such as ``⟨U+202E⟩``."""
    if text.isascii() and text.isprintable():  # most ids and many lines: ten times faster than to search them
        return text
    return _HIDDEN.sub(lambda found: _name(found[0]), _LINE_ENDS.sub("\n", text))


def one_line(text: str, *, limit: int = 80) -> str:
    """Return visible text on one line, cut with an ellipsis after ``limit`` characters.

    Of text that has no ink each character is spelt out: it may be the name of a link, or an id.
    """
    # Cut before and after: no pattern runs over a megabyte of which eighty characters are shown.
    line = " ".join(visible(text[: 4 * limit]).split())
    if not any(map(_has_ink, line)):
        line = "".join(map(_name, line))
    return line if len(line) <= limit and len(text) <= 4 * limit else line[: limit - 1].rstrip() + "…"


def _has_ink(character: str) -> bool:
    return unicodedata.category(character) not in _INKLESS and character not in _FILLERS


def _name(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)  # Unicode's own pictures of the controls: ␀ ␛
    return f"⟨U+{code:04X}⟩"
