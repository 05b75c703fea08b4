"""Which labels the answer to a query has, and what in the query can never work because of labels.

Like types in a program: told from the text alone, before there is any data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.deploy.grafana.promql import (
    SET_OPERATORS,
    Aggregation,
    Binary,
    Call,
    Matching,
    Number,
    Query,
    Selector,
    Subquery,
    Text,
    selectors,
)
from tests.deploy.grafana.series import Catalogue

UNKNOWN_LABELS: Final = frozenset({"absent", "absent_over_time", "info"})
SCALARS: Final = frozenset({"time", "scalar", "pi"})
NEW_LABEL: Final = frozenset({"label_replace", "label_join"})


@dataclass(frozen=True)
class Answer:
    """What is known of the labels of an answer."""

    labels: frozenset[str] | None = None
    """Those that its series may have; nothing: unknown."""
    exact: bool = False
    """Every series has all of them."""
    scalar: bool = False

    def lacks(self, wanted: tuple[str, ...]) -> list[str]:
        """Return which labels are certainly missing."""
        return [] if self.labels is None else sorted(set(wanted) - self.labels)


def infer(query: Query, catalogue: Catalogue) -> Answer:
    """Return which labels the answer to a query has."""
    match query:
        case Selector(name=name):
            labels = catalogue.labels(name)
            return Answer(labels, exact=labels is not None)
        case Subquery(inner):
            return infer(inner, catalogue)
        case Number() | Text():
            return Answer(frozenset(), exact=True, scalar=True)
        case Aggregation():
            return _aggregated(query, infer(query.inner, catalogue))
        case Call():
            return _called(query, catalogue)
        case Binary():
            return _combined(query, infer(query.left, catalogue), infer(query.right, catalogue))


def mistakes(query: Query, catalogue: Catalogue) -> Iterator[str]:
    """Yield what is wrong with the labels of a query, each as a sentence."""
    for selector in selectors(query):
        yield from _unknown_matchers(selector, catalogue)
    yield from _mistakes_within(query, catalogue)


def _unknown_matchers(selector: Selector, catalogue: Catalogue) -> Iterator[str]:
    known = catalogue.labels(selector.name)
    if known is not None:
        for matcher in selector.matchers:
            if matcher.label not in known:
                yield f"{selector.name} has no label {matcher.label!r}; it has {_listed(known)}"


def _mistakes_within(query: Query, catalogue: Catalogue) -> Iterator[str]:
    match query:
        case Subquery(inner):
            yield from _mistakes_within(inner, catalogue)
        case Call(_, arguments):
            for argument in arguments:
                yield from _mistakes_within(argument, catalogue)
        case Aggregation():
            yield from _mistakes_within(query.inner, catalogue)
            added_up = infer(query.inner, catalogue)
            missing = added_up.lacks(query.labels or ())
            if missing:
                word = "without" if query.without else "by"
                has = _listed(added_up.labels or ())
                yield f"{query.operator} {word} {_listed(missing)}: what is added up has {has}"
        case Binary():
            yield from _mistakes_within(query.left, catalogue)
            yield from _mistakes_within(query.right, catalogue)
            yield from _mismatch(query, infer(query.left, catalogue), infer(query.right, catalogue))


def _aggregated(query: Aggregation, inner: Answer) -> Answer:
    if query.operator in {"topk", "bottomk", "limitk", "limit_ratio"}:
        return inner
    extra = (
        {query.parameter.text}
        if query.operator == "count_values" and isinstance(query.parameter, Text)
        else set()
    )
    if query.without:
        labels = None if inner.labels is None else inner.labels - set(query.labels or ()) | extra
        return Answer(labels, inner.exact)
    return Answer(frozenset(query.labels or ()) | extra, exact=inner.exact)


def _called(query: Call, catalogue: Catalogue) -> Answer:
    if query.function in SCALARS:
        return Answer(frozenset(), exact=True, scalar=True)
    if query.function in UNKNOWN_LABELS:
        return Answer()
    answers = [infer(argument, catalogue) for argument in query.arguments]
    inner = next((answer for answer in answers if not answer.scalar), Answer(frozenset(), exact=True))
    if inner.labels is None:
        return inner
    if query.function == "histogram_quantile":
        return Answer(inner.labels - {"le"}, inner.exact)
    if query.function in NEW_LABEL and isinstance(query.arguments[1], Text):
        return Answer(inner.labels | {query.arguments[1].text}, exact=False)
    return inner


def _combined(query: Binary, left: Answer, right: Answer) -> Answer:
    if left.scalar or right.scalar:
        vector = right if left.scalar else left
        return Answer(vector.labels, vector.exact, scalar=left.scalar and right.scalar)
    if query.operator == "or":
        if left.labels is None or right.labels is None:
            return Answer()
        return Answer(left.labels | right.labels, left.exact and left.labels == right.labels and right.exact)
    if query.operator in SET_OPERATORS or query.matching is None:
        return left
    return _matched(query.matching, left, right)


def _matched(matching: Matching, left: Answer, right: Answer) -> Answer:
    match matching.group:
        case "group_left":
            return _with(left, matching.include)
        case "group_right":
            return _with(right, matching.include)
    if matching.on:
        return Answer(frozenset(matching.labels), left.exact)
    return Answer(None if left.labels is None else left.labels - set(matching.labels), left.exact)


def _with(many: Answer, include: tuple[str, ...]) -> Answer:
    return many if many.labels is None else Answer(many.labels | set(include), exact=False)


def _mismatch(query: Binary, left: Answer, right: Answer) -> Iterator[str]:
    if left.scalar or right.scalar:
        return
    matching = query.matching
    if matching is not None and matching.on:
        for side, answer in (("left", left), ("right", right)):
            missing = answer.lacks(matching.labels)
            if missing:
                has = _listed(answer.labels or ())
                yield f"{query.operator} on {_listed(missing)}: the {side} side has {has}"
    elif query.operator != "or":
        ignored = set(matching.labels) if matching else set()
        yield from _never_equal(query, left, right, ignored)
    if matching is not None and matching.group:
        one = right if matching.group == "group_left" else left
        missing = one.lacks(matching.include)
        if missing:
            yield f"{matching.group} {_listed(missing)}: that side has {_listed(one.labels or ())}"


def _never_equal(query: Binary, left: Answer, right: Answer, ignored: set[str]) -> Iterator[str]:
    if left.labels is None or right.labels is None or not (left.exact and right.exact):
        return
    differ = (left.labels - ignored) ^ (right.labels - ignored)
    if differ:
        yield (
            f"the sides of {query.operator} never match: only one of them has {_listed(differ)}; "
            f"say on(...) or aggregate both the same way"
        )


def _listed(labels: frozenset[str] | set[str] | list[str] | tuple[str, ...]) -> str:
    return ", ".join(sorted(labels)) or "none"
