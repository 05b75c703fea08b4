"""Reads PromQL as far as a lint needs it: which series a query asks for, and which labels its answer has.

Not a judge of syntax (that is promtool's part): what is valid is understood, Grafana's variables included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias


class UnreadableError(ValueError):
    """Not PromQL, as far as this reader goes; says where."""


@dataclass(frozen=True)
class Number:
    """A number, or a variable that stands for one."""

    text: str


@dataclass(frozen=True)
class Text:
    """A string, without its quotes."""

    text: str


@dataclass(frozen=True)
class Matcher:
    label: str
    operator: str
    value: str


@dataclass(frozen=True)
class Selector:
    """``name{matchers}[range]``; ``range`` is as written, or empty."""

    name: str
    matchers: tuple[Matcher, ...] = ()
    range: str = ""


@dataclass(frozen=True)
class Subquery:
    """``inner[range:step]``."""

    inner: Query
    range: str


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple[Query, ...]


@dataclass(frozen=True)
class Aggregation:
    """``operator by (labels) (parameter, inner)``; ``without`` turns the labels round."""

    operator: str
    labels: tuple[str, ...] | None
    without: bool
    parameter: Query | None
    inner: Query


@dataclass(frozen=True)
class Matching:
    """How the two sides of a binary operator find each other."""

    on: bool
    labels: tuple[str, ...]
    group: str = ""
    """``group_left`` or ``group_right``."""
    include: tuple[str, ...] = ()


@dataclass(frozen=True)
class Binary:
    operator: str
    left: Query
    right: Query
    matching: Matching | None
    returns_bool: bool


Query: TypeAlias = Number | Text | Selector | Subquery | Call | Aggregation | Binary

COMPARISONS: Final = ("==", "!=", ">", "<", ">=", "<=")
SET_OPERATORS: Final = ("and", "or", "unless")
AGGREGATIONS: Final = frozenset(
    [
        "sum",
        "min",
        "max",
        "avg",
        "group",
        "stddev",
        "stdvar",
        "count",
        "count_values",
        "bottomk",
        "topk",
        "quantile",
        "limitk",
        "limit_ratio",
    ]
)
_PARAMETRIC: Final = frozenset({"count_values", "bottomk", "topk", "quantile", "limitk", "limit_ratio"})
_LEVELS: Final = (
    ("or",),
    ("and", "unless"),
    COMPARISONS,
    ("+", "-"),
    ("*", "/", "%", "atan2"),
)
"""Operators, the loosest first; ``^`` binds tighter than a sign does."""

_TOKEN: Final = re.compile(
    r"""
    (?P<space>\s+|\#[^\n]*)
  | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
  | (?P<variable>\$\{[^}]*\}|\$\w+|\[\[\w+\]\])
  | (?P<range>\[[^\]]*\])
  | (?P<number>0[xX][0-9a-fA-F]+|(?:\d+(?:ms|[smhdwy]))+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<word>[a-zA-Z_:][\w:]*)
  | (?P<sign>=~|!~|==|!=|>=|<=|[-+*/%^(){},=<>@])
    """,
    re.VERBOSE,
)


def parse(text: str) -> Query:
    """Return what a query says. Raises ``UnreadableError``."""
    reader = _Reader(text)
    query = reader.query()
    reader.expect_end()
    return query


def walk(query: Query) -> Iterator[Query]:
    """Yield a query and everything in it."""
    yield query
    for child in _children(query):
        yield from walk(child)


def selectors(query: Query) -> Iterator[Selector]:
    """Yield every selector in a query."""
    return (one for one in walk(query) if isinstance(one, Selector))


def _children(query: Query) -> tuple[Query, ...]:
    match query:
        case Subquery(inner):
            return (inner,)
        case Call(_, arguments):
            return arguments
        case Aggregation(parameter=None, inner=inner):
            return (inner,)
        case Aggregation(parameter=Number() | Text(), inner=inner):
            return (inner,)
        case Aggregation(parameter=parameter, inner=inner) if parameter is not None:
            return (parameter, inner)
        case Binary(_, left, right):
            return (left, right)
    return ()


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


class _Reader:
    """Recursive descent, one method per rule."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._next = 0

    def query(self, level: int = 0) -> Query:
        if level == len(_LEVELS):
            return self._signed()
        left = self.query(level + 1)
        while (operator := self._peek().text.lower()) in _LEVELS[level] and self._peek().kind in {
            "word",
            "sign",
        }:
            self._take()
            returns_bool = self._took("bool")
            matching = self._matching()
            left = Binary(operator, left, self.query(level + 1), matching, returns_bool)
        return left

    def expect_end(self) -> None:
        if self._peek().kind != "end":
            raise self._unexpected()

    def _signed(self) -> Query:
        if self._peek().text in {"+", "-"}:
            sign = self._take().text
            inner = self._signed()
            if isinstance(inner, Number):
                return Number(f"{sign}{inner.text}" if sign == "-" else inner.text)
            return inner if sign == "+" else Binary("*", Number("-1"), inner, None, False)
        base = self._modified()
        if self._took("^"):
            matching = self._matching()
            return Binary("^", base, self._signed(), matching, False)
        return base

    def _modified(self) -> Query:
        """An atom with its range, offset and moment."""
        query = self._atom()
        while True:
            token = self._peek()
            if token.kind == "range":
                query = _ranged(query, self._take().text[1:-1])
            elif token.text.lower() == "offset":
                self._take()
                self._took("-")
                self._take()
            elif token.text == "@":
                self._take()
                self._atom()
            else:
                return query

    def _atom(self) -> Query:
        token = self._peek()
        match token.kind, token.text:
            case "sign", "(":
                self._take()
                inner = self.query()
                self._expect(")")
                return inner
            case "sign", "{":
                return self._selector("")
            case (("number" | "variable"), _):
                return Number(self._take().text)
            case "string", _:
                return Text(self._string())
            case "word", word if word.lower() in {"inf", "nan"}:
                return Number(self._take().text)
            case "word", word if (
                word.lower() in AGGREGATIONS and self._peek(1).text.lower() in _AFTER_AGGREGATION
            ):
                return self._aggregation()
            case "word", _ if self._peek(1).text == "(":
                return Call(self._take().text, self._arguments())
            case "word", _:
                return self._selector(self._take().text)
        raise self._unexpected()

    def _aggregation(self) -> Aggregation:
        operator = self._take().text.lower()
        grouping = self._grouping()
        arguments = self._arguments()
        grouping = grouping or self._grouping()
        wanted = 2 if operator in _PARAMETRIC else 1
        if len(arguments) != wanted:
            raise UnreadableError(f"{operator} takes {wanted} arguments, not {len(arguments)}: {self._text}")
        without, labels = grouping or (False, None)
        parameter = arguments[0] if wanted == 2 else None
        return Aggregation(operator, labels, without, parameter, arguments[-1])

    def _grouping(self) -> tuple[bool, tuple[str, ...]] | None:
        word = self._peek().text.lower()
        if word not in {"by", "without"}:
            return None
        self._take()
        return word == "without", self._labels()

    def _matching(self) -> Matching | None:
        word = self._peek().text.lower()
        if word not in {"on", "ignoring"}:
            return None
        self._take()
        labels = self._labels()
        side = self._peek().text.lower()
        if side not in {"group_left", "group_right"}:
            return Matching(word == "on", labels)
        self._take()
        return Matching(word == "on", labels, side, self._labels() if self._peek().text == "(" else ())

    def _labels(self) -> tuple[str, ...]:
        self._expect("(")
        labels: list[str] = []
        while not self._took(")"):
            if self._peek().kind != "word":
                raise self._unexpected()
            labels.append(self._take().text)
            self._took(",")
        return tuple(labels)

    def _arguments(self) -> tuple[Query, ...]:
        self._expect("(")
        arguments: list[Query] = []
        while not self._took(")"):
            arguments.append(self.query())
            if not self._took(",") and self._peek().text != ")":
                raise self._unexpected()
        return tuple(arguments)

    def _selector(self, name: str) -> Selector:
        matchers: list[Matcher] = []
        if self._took("{"):
            while not self._took("}"):
                if self._peek().kind == "string":
                    name = self._string()
                else:
                    matchers.append(Matcher(self._take().text, self._take().text, self._string()))
                self._took(",")
        named = next((one.value for one in matchers if one.label == "__name__" and one.operator == "="), "")
        return Selector(name or named, tuple(one for one in matchers if one.label != "__name__"))

    def _string(self) -> str:
        token = self._take()
        if token.kind != "string":
            raise UnreadableError(f"a string was expected at {token.at}, not {token.text!r}: {self._text}")
        return token.text[1:-1]

    def _peek(self, ahead: int = 0) -> _Token:
        place = self._next + ahead
        return self._tokens[place] if place < len(self._tokens) else _Token("end", "", len(self._text))

    def _take(self) -> _Token:
        token = self._peek()
        if token.kind == "end":
            raise self._unexpected()
        self._next += 1
        return token

    def _took(self, text: str) -> bool:
        if self._peek().kind in {"sign", "word"} and self._peek().text.lower() == text:
            self._next += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._took(text):
            raise self._unexpected()

    def _unexpected(self) -> UnreadableError:
        token = self._peek()
        what = "the end" if token.kind == "end" else repr(token.text)
        return UnreadableError(f"unexpected {what} at {token.at}: {self._text}")


_AFTER_AGGREGATION: Final = frozenset({"(", "by", "without"})


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise UnreadableError(f"unexpected {text[at]!r} at {at}: {text}")
        if found.lastgroup and found.lastgroup != "space":
            yield _Token(found.lastgroup, found.group(), at)
        at = found.end()


def _ranged(query: Query, inside: str) -> Query:
    if isinstance(query, Selector) and ":" not in inside and not query.range:
        return Selector(query.name, query.matchers, inside.strip())
    return Subquery(query, inside.partition(":")[0].strip())
