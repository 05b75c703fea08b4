"""The boards are what Grafana 12.3 understands; and the schemas see a slip of the pen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.grafana.examples import board, both, target
from tests.deploy.grafana.files import JsonObject, read_boards
from tests.deploy.grafana.finding import listed
from tests.deploy.grafana.lint import unexcused
from tests.deploy.grafana.schema import check, names, panel_types

Break = Callable[[JsonObject], object]


def test_the_boards_are_what_grafana_understands() -> None:
    boards = read_boards()
    found = unexcused([finding for one in boards for finding in check(one)])
    assert boards, "there are no boards"
    assert not found, f"{len(found)} findings:\n{listed(found)}"


def test_the_small_board_is_what_grafana_understands() -> None:
    found = [finding for one in both() for finding in check(one)]
    assert not found, listed(found)


def panel(body: JsonObject, number: int) -> Any:
    return next(one for one in body["panels"] if one["id"] == number)


def options(number: int, **changed: object) -> Break:
    return lambda body: panel(body, number)["options"].update(changed)


def defaults(number: int, **changed: object) -> Break:
    return lambda body: panel(body, number)["fieldConfig"]["defaults"].update(changed)


def overriding(name: str, value: object, matcher: str = "byName") -> Break:
    def broken(body: JsonObject) -> None:
        override = {"matcher": {"id": matcher, "options": "x"}, "properties": [{"id": name, "value": value}]}
        panel(body, 3)["fieldConfig"]["overrides"].append(override)

    return broken


def transformed(name: str) -> Break:
    return lambda body: panel(body, 3).update(transformations=[{"id": name, "options": {}}])


COLOURLESS = {"mode": "absolute", "steps": [{"value": None}]}

BROKEN: list[tuple[str, str, Break]] = [
    ("schema", "an option in British", options(1, colourMode="value")),
    ("schema", "an option inside an option", options(3, legend={"showLegnd": True})),
    ("schema", "an option with a value it cannot have", options(1, graphMode="bars")),
    ("schema", "an option of another panel", options(2, orientation="auto")),
    ("schema", "a custom setting that is not there", defaults(3, custom={"lineWith": 2})),
    ("schema", "a custom setting where there are none", defaults(1, custom={"lineWidth": 2})),
    ("schema", "a field setting that is not there", defaults(1, units="s")),
    ("schema", "a colour mode that is not there", defaults(1, color={"mode": "okabe-ito"})),
    ("schema", "a threshold without a colour", defaults(1, thresholds=COLOURLESS)),
    ("schema", "a mapping of no kind", defaults(2, mappings=[{"type": "values", "options": {}}])),
    ("schema", "an override of a custom setting that is not there", overriding("custom.lineWith", 2)),
    ("schema", "an override with a value it cannot have", overriding("custom.lineWidth", "2")),
    ("schema", "an override deep inside", overriding("custom.thresholdsStyle", {"mode": "dotted"})),
    ("override", "an override of nothing known", overriding("legend", "x")),
    ("matcher", "a matcher that is not there", overriding("unit", "s", matcher="byLabel")),
    ("schema", "a key of a panel", lambda b: panel(b, 1).update(desription="x")),
    ("schema", "a key of the board", lambda b: b.update(timeZone="utc")),
    ("schema", "a tooltip that is not a number", lambda b: b.update(graphTooltip="shared")),
    ("schema", "a variable of no kind", lambda b: b["templating"]["list"][0].update(type="data source")),
    ("schema", "a key of a query", lambda b: panel(b, 1)["targets"][0].update(legend="x")),
    ("schema", "both instant and range", lambda b: panel(b, 1)["targets"][0].update(range=True)),
    ("schema", "a query without an expression", lambda b: panel(b, 1)["targets"][0].update(expr="")),
    ("schema", "an annotation's query", lambda b: b["annotations"]["list"][0]["target"].update(query="x")),
    ("schema", "a link of a panel", lambda b: panel(b, 1).update(links=[{"title": "x", "uri": "/d/x"}])),
    ("ref-id", "two queries with one name", lambda b: panel(b, 3)["targets"].append(target("up", "A"))),
    ("transformation", "one that Grafana does not have", transformed("renameFields")),
    ("reducer", "a calculation that is not there", options(1, reduceOptions={"calcs": ["lastNotNul"]})),
    ("id", "a number in the place of null", lambda b: b.update(id=7)),
    ("schema-version", "an old one", lambda b: b.update(schemaVersion=39)),
    ("uid-length", "too long", lambda b: b.update(uid="wachtpost-" + "x" * 31)),
    ("plugin-version", "none", lambda b: panel(b, 1).pop("pluginVersion")),
    ("panel-type", "the graph of Grafana 6", lambda b: panel(b, 1).update(type="graph")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "story", "broken"), BROKEN, ids=[f"{r}: {s}" for r, s, _ in BROKEN])
def test_a_slip_of_the_pen_goes_red(rule: str, story: str, broken: Break) -> None:
    one = board()
    broken(one.body)
    found = list(check(one))
    assert {finding.rule for finding in found} == {rule}, f"{story}: {listed(found)}"


def test_a_panel_in_a_row_is_judged_too() -> None:
    one = board()
    inner = one.body["panels"].pop(0)
    inner["options"]["colourMode"] = "value"
    one.body["panels"].append({"type": "row", "id": 8, "title": "x", "collapsed": True, "panels": [inner]})
    assert [(finding.rule, finding.panel.id if finding.panel else None) for finding in check(one)] == [
        ("schema", 1)
    ]


def test_a_failure_says_what_was_not_expected() -> None:
    one = board()
    options(1, colourMode="value")(one.body)
    told = listed(check(one))
    assert 'nl/live panel 1 "Gemiddelde wachttijd": schema: options' in told
    assert "'colourMode' was unexpected" in told


def test_there_is_a_schema_for_every_panel_that_a_board_may_need() -> None:
    wanted = (
        "barchart bargauge gauge heatmap histogram piechart stat state-timeline status-history table text"
    )
    assert {*wanted.split(), "timeseries"} <= set(panel_types())


@pytest.mark.parametrize(
    ("kind", "some"),
    [
        ("transformations", {"organize", "merge", "joinByField", "configFromData", "calculateField"}),
        ("reducers", {"lastNotNull", "mean", "sum", "p95"}),
        ("matchers", {"byName", "byRegexp", "byFrameRefID"}),
        ("units", {"s", "percentunit", "short", "none", "dateTimeFromNow", "reqps"}),
    ],
)
def test_the_names_are_grafanas_own(kind: str, some: set[str]) -> None:
    assert some <= names(kind)
