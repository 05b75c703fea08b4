"""What the lint reads in a query."""

from __future__ import annotations

import pytest

from tests.deploy.grafana.labels import infer, mistakes
from tests.deploy.grafana.promql import (
    Aggregation,
    Binary,
    Call,
    Number,
    Selector,
    UnreadableError,
    parse,
    selectors,
)
from tests.deploy.grafana.series import Catalogue, catalogue, documented, exported_labels

SERIES = Catalogue(
    {
        "calls": frozenset({"job", "site", "queue", "outcome"}),
        "target": frozenset({"job", "site", "queue", "kpi"}),
        "info": frozenset({"job", "site", "queue", "name"}),
        "wait_bucket": frozenset({"job", "queue", "le"}),
    },
    frozenset({"job:calls:sum"}),
)


def test_multiplying_binds_tighter_than_adding_and_comparing_is_looser() -> None:
    query = parse("a + b * c > 1 or d")
    assert isinstance(query, Binary)
    assert query.operator == "or"
    assert isinstance(query.left, Binary)
    assert query.left.operator == ">"
    assert isinstance(query.left.left, Binary)
    assert query.left.left.operator == "+"


@pytest.mark.parametrize("text", ["sum by (q) (a)", "sum(a) by (q)", "SUM by(q,)(a)"])
def test_by_may_stand_before_or_after(text: str) -> None:
    assert parse(text) == Aggregation("sum", ("q",), False, None, Selector("a"))


@pytest.mark.parametrize(
    ("text", "range_"),
    [
        ("rate(a[5m])", "5m"),
        ("rate(a[$__rate_interval])", "$__rate_interval"),
        ("rate(a[5m] offset 1d)", "5m"),
    ],
)
def test_a_range_is_kept_as_it_was_written(text: str, range_: str) -> None:
    assert parse(text) == Call("rate", (Selector("a", (), range_),))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('a{b="c,}"} / on (x) group_left (y) d', ["a", "d"]),
        ("max_over_time(rate(a[5m])[1h:1m])", ["a"]),
        ('{__name__="a", b=~"$queue"}', ["a"]),
        ("histogram_quantile(0.9, sum by (le) (rate(a_bucket[5m])))", ["a_bucket"]),
        ("topk($limit, a) unless -b ^ 2", ["a", "b"]),
        ("a @ end() - a offset -1h # so far", ["a", "a"]),
        ("time() - a:b:c", ["a:b:c"]),
        ("by + sum(sum)", ["by", "sum"]),
    ],
)
def test_every_series_is_found(text: str, names: list[str]) -> None:
    assert [selector.name for selector in selectors(parse(text))] == names


@pytest.mark.parametrize("text", ["", "a +", "(a", "sum by (a", "a{b}", "a b", "rate(a", "a ¤ b", "topk(a)"])
def test_what_is_no_query_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError):
        parse(text)


def test_a_signed_number_is_a_number() -> None:
    assert parse("-1.5e3") == Number("-1.5e3")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("sum by (queue) (calls)", {"queue"}),
        ("sum without (job, outcome) (calls)", {"site", "queue"}),
        ("sum(calls)", set()),
        ("topk(3, sum by (queue) (calls))", {"queue"}),
        ("histogram_quantile(0.9, wait_bucket)", {"job", "queue"}),
        ("calls * on (site, queue) group_left (name) info", {"job", "site", "queue", "outcome", "name"}),
        ("sum by (queue) (calls) / on (queue) sum by (queue) (target)", {"queue"}),
        ('label_replace(sum(calls), "what", "x", "", "")', {"what"}),
        ("time() - max by (queue) (calls)", {"queue"}),
        ('count_values("value", calls)', {"value"}),
        ("sum by (site) (calls) or sum by (queue) (calls)", {"site", "queue"}),
    ],
)
def test_the_labels_of_an_answer(text: str, labels: set[str]) -> None:
    assert set(infer(parse(text), SERIES).labels or ()) == labels


@pytest.mark.parametrize("text", ["up", "job:calls:sum", "absent(calls)", "sum without (a) (up)"])
def test_what_is_not_known_is_not_guessed(text: str) -> None:
    assert infer(parse(text), SERIES).labels is None
    assert not list(mistakes(parse(f"sum by (whatever) ({text})"), SERIES))


@pytest.mark.parametrize(
    "text",
    [
        "calls / ignoring (outcome, kpi) group_left target",
        "sum by (queue) (calls) > on (queue) group_left () sum by (queue) (target)",
        "calls and on (queue) target",
        "calls or target",
        "calls > bool 0",
        "sum by (site, queue) (calls) == sum by (queue, site) (target)",
    ],
)
def test_sides_that_can_match_are_left_alone(text: str) -> None:
    assert list(mistakes(parse(text), SERIES)) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("calls / target", "never match"),
        ("calls unless target", "never match"),
        ("calls / ignoring (outcome) target", "only one of them has kpi"),
        ("sum(calls) / on (queue) target", "the left side has none"),
        ("calls * on (queue) group_left (title) info", "group_left title"),
        ("sum by (que) (calls)", "sum by que"),
        ('calls{kpi="x"}', "calls has no label 'kpi'"),
        ("rate(sum by (que) (calls)[5m:1m])", "sum by que"),
    ],
)
def test_what_can_never_work_is_told(text: str, told: str) -> None:
    assert told in "; ".join(mistakes(parse(text), SERIES))


def test_every_documented_metric_is_exported_with_known_labels() -> None:
    names = {one.name for one in documented() if one.name.startswith("wachtpost_")}
    exported = {name for name in exported_labels() if name.startswith("wachtpost_")}
    assert names == exported
    bucket = catalogue().labels("wachtpost_call_wait_seconds_bucket")
    assert bucket == frozenset({"job", "instance", "site", "queue", "le"})
