"""Items by their words: each database asked through its own index, and one plain way for all others.

The indexes come with the migration ``0002_search``. docs/decisions/0017 tells what they save and what they cost.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connections
from django.db.models import F, Lookup, Q

from .terms import Term, place

_INDEX = "chatkit_item_words"
# What parts words on PostgreSQL beside white space, to the letter as in the migration: the index is on this expression.
_MARKS = "-/.@_:+~&?=#<>"
_VECTOR = f"to_tsvector('simple', translate(left({{}}, 100000), '{_MARKS}', '{' ' * len(_MARKS)}'))"

# What stands between the words of a phrase, as PostgreSQL and MariaDB write it.
_BETWEEN = "[^[:alnum:]]+"

_IS_THERE = {
    "postgresql": "SELECT to_regclass(%s) IS NOT NULL",
    # The three triggers: without them the table of words would tell yesterday's.
    "sqlite": "SELECT COUNT(*) = 3 FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s || '%%'",
    "mysql": "SELECT COUNT(*) > 0 FROM information_schema.statistics"
    " WHERE table_schema = database() AND index_name = %s",
}

# What InnoDB leaves out of its indexes: short words, very long ones, and these.
_SHORTEST, _LONGEST = 3, 84
_STOPWORDS = frozenset(
    [
        "about",
        "are",
        "com",
        "for",
        "from",
        "how",
        "that",
        "the",
        "this",
        "was",
        "what",
        "when",
        "where",
        "who",
        "will",
        "with",
        "und",
        "www",
    ]
)


def is_indexed(*, using: str) -> bool:
    """Tell whether a database has an index of words that we can ask."""
    connection = connections[using]
    question = _IS_THERE.get(connection.vendor)
    return question is not None and _answer(connection, question)


def _answer(connection: Any, question: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question, [_INDEX])
        return bool(cursor.fetchone()[0])


def saying(terms: Sequence[Term], *, most: int | None = None) -> Any:
    """Return the condition that an item says all of some terms, as the database's index tells it.

    With ``most`` the index brings the items, at least so many of them where there are as many. Without, it is a question
    to rows that come in an order of their own, as where a list is walked until a page is full. Ask `is_indexed` first, and
    only for terms that have words.
    """
    return _Saying(F("text"), (tuple(terms), most))


def saying_plainly(term: Term) -> Q:
    """Return the condition that an item's text holds a term, as every database tells it: row by row."""
    return Q(text__icontains=term.text)


class _Saying(Lookup):
    """The condition in each database's words.

    A lookup, for of any other condition Django asks MySQL and MariaDB whether it `= 1`, and then they leave the index aside.
    """

    prepare_rhs = False

    @property
    def terms(self) -> tuple[Term, ...]:
        """Return what is looked for."""
        return self.rhs[0]  # type: ignore[no-any-return]

    @property
    def most(self) -> int | None:
        """Return how many items the index shall bring; None where they come by themselves."""
        return self.rhs[1]  # type: ignore[no-any-return]

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list[Any]]:
        """Ask the vector of words; of rows that come by themselves, only where the text holds the words anyhow.

        To take a text apart costs thirty times what it costs to look for a word in it. A CASE keeps the order, and keeps
        the planner from guessing how many rows there will be. The index knows no order of words: what it brings for a
        phrase comes by itself too.
        """
        text = self._text(compiler)
        says = f"{_VECTOR.format(text)} @@ to_tsquery('simple', %s)"
        phrases = [term for term in self.terms if len(term.words) > 1]
        words, order = (_asked(self.terms, sign) for sign in (" & ", " <-> "))
        if self.most is not None and not phrases:
            return f"({says})", [words]
        held = " AND ".join(f"{text} {'~*' if term in phrases else 'ILIKE'} %s" for term in self.terms)
        looked_at = f"(CASE WHEN {held} THEN {says} ELSE false END)"
        likely = [_BETWEEN.join(term.words) if term in phrases else _held(term) for term in self.terms]
        if self.most is None:
            return looked_at, [*likely, order]
        # Once more beside the CASE, so that a planner that reads all rows looks for the words first.
        return f"({says} AND {held} AND {looked_at})", [words, *likely, *likely, order]

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[str, ...]]:
        """Ask the table of words; rows that come by themselves are read, for the table gives all of a word or nothing."""
        if self.most is None:
            asks, asked = _read_on_sqlite(self.terms, self._text(compiler))
            return f"({' AND '.join(asks)})", tuple(asked)
        rows = connection.ops.quote_name(self.lhs.alias)
        words = (f'"{word}"' for term in self.terms for word in term.words[:-1])
        last = (f'"{term.words[-1]}"{"*" * term.is_open}' for term in self.terms)
        # The table knows no order of words: of phrases it brings all that may be one, and each is looked at.
        phrases = [term for term in self.terms if len(term.words) > 1]
        limit = "" if phrases else f" LIMIT {self.most:d}"
        found = f"SELECT rowid FROM {_INDEX} WHERE {_INDEX} MATCH %s{limit}"  # noqa: S608 - our own names
        asks, asked = _read_on_sqlite(phrases, self._text(compiler))
        known = f"{rows}.rowid IN ({found})"
        return f"({' AND '.join([known, *asks])})", (" AND ".join([*words, *last]), *asked)

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list[Any]]:
        """Ask the index for the words that it knows, and look once more at what it brings."""
        text = self._text(compiler)
        known = " ".join(f"+{word}*" for term in self.terms for word in _known(term) if self.most is not None)
        by_index = [f"MATCH ({text}) AGAINST (%s IN BOOLEAN MODE)"] if known else []
        held, there = [f"{text} LIKE %s"] * len(self.terms), [f"{text} REGEXP %s"] * len(self.terms)
        asked = [known] if known else []
        return f"({' AND '.join([*by_index, *held, *there])})", [
            *asked,
            *map(_held, self.terms),
            *map(_place_on_mysql, self.terms),
        ]

    def _text(self, compiler: Any) -> str:
        sql, _parameters = compiler.compile(self.lhs)
        return str(sql)


def _held(term: Term) -> str:
    """Return the pattern of LIKE that a text with the term meets."""
    return f"%{'%'.join(term.words)}%"


def _asked(terms: Sequence[Term], sign: str) -> str:
    """Return what PostgreSQL is asked for: all terms, and of each the words, joined by a sign of its queries."""
    return " & ".join(f"({sign.join(term.words)}{':*' * term.is_open})" for term in terms)


def _read_on_sqlite(terms: Sequence[Term], text: str) -> tuple[list[str], list[str]]:
    # LIKE spares most rows Django's REGEXP, which is Python's, but knows the case of ASCII's letters only.
    likely = [held for held in map(_held, terms) if held.isascii()]
    asks = [f"{text} LIKE %s"] * len(likely) + [f"{text} REGEXP %s"] * len(terms)
    return asks, [*likely, *(f"(?i){place(term)}" for term in terms)]


def _place_on_mysql(term: Term) -> str:
    end = "" if term.is_open else "(?![[:alnum:]])"
    return "(?<![[:alnum:]])" + _BETWEEN.join(term.words) + end


def _known(term: Term) -> list[str]:
    """Return the words of a term that InnoDB's index knows; `don't` and `a_b` are one to it, found by its beginning."""
    words = term.words[:1] if set("'_") & set(term.text) else term.words
    return [word for word in words if _SHORTEST <= len(word) <= _LONGEST and word.lower() not in _STOPWORDS]
