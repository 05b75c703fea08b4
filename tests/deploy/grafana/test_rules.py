"""The boards follow the rules; and each rule goes red on a board that is broken in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deploy.grafana.every import BOARDS
from shared.translation import languages
from tests.deploy.grafana import rules
from tests.deploy.grafana.files import Board, read_boards
from tests.deploy.grafana.rules import find_promtool, findings, panel, promtool_faults

Break = Callable[[Board], object]

needs_promtool = pytest.mark.skipif(
    find_promtool() is None, reason="promtool is not installed (apt install prometheus): no PromQL was read"
)

WAITING, STATES, COURSE = 1, 11, 12
"""Panels of the wall board: a number, a state over time, and a line with its target."""


def test_the_boards_follow_the_rules() -> None:
    boards = read_boards()
    assert len(boards) == len(BOARDS) * len(languages())
    assert findings(boards) == []


@pytest.mark.parametrize("rule", rules.RULES_OF_ALL, ids=lambda rule: rule.__name__)
def test_the_boards_follow_the_rules_about_all_of_them(rule: rules.RuleOfAll) -> None:
    assert list(rule(read_boards())) == []


@needs_promtool
def test_prometheus_own_parser_reads_every_query() -> None:
    assert promtool_faults(read_boards()) == []


# --- One place broken at a time ---------------------------------------------------------------------------


def boards_of_the_wall() -> list[Board]:
    """The wall board in every language, Dutch first."""
    boards = [board for board in read_boards() if board.name == "live"]
    return sorted(boards, key=lambda board: board.language != "nl")


def asks(number: int, expr: str) -> Break:
    """Another query in the place of a panel's first."""
    return lambda board: panel(board, number).targets[0].update(expr=expr)


def says(number: int, **settings: object) -> Break:
    """Other field defaults of a panel."""
    return lambda board: panel(board, number).defaults.update(settings)


def sets(number: int, **settings: object) -> Break:
    return lambda board: panel(board, number).body.update(settings)


def overrides(name: str, value: object) -> Break:
    setting = {"matcher": {"id": "byName", "options": "x"}, "properties": [{"id": name, "value": value}]}
    return lambda board: panel(board, COURSE).body["fieldConfig"]["overrides"].append(setting)


def moves(number: int, **place: int) -> Break:
    return lambda board: panel(board, number).body["gridPos"].update(place)


def mapping(kind: str, **options: Any) -> list[dict[str, Any]]:
    return [{"type": kind, "options": options}]


def thresholds(value: float | None, colour: str = "text") -> dict[str, Any]:
    return {"mode": "absolute", "steps": [{"color": colour, "value": value}]}


BUCKETS = "sum by (le) (rate(wachtpost_commit_seconds_bucket[$__rate_interval]))"
SPARE = {"name": "spare", "type": "textbox", "label": "Spare"}

BROKEN: list[tuple[rules.Rule, str, Break]] = [
    (rules.typed, "a key of the board", lambda b: b.body.update(timeZone="utc")),
    (rules.typed, "a key of a panel", sets(WAITING, desription="x")),
    (rules.typed, "an option in British", lambda b: panel(b, WAITING).options.update(colourMode="value")),
    (rules.typed, "an option of another panel", lambda b: panel(b, STATES).options.update(colorMode="value")),
    (rules.typed, "a field setting that is not there", says(WAITING, units="s")),
    (rules.typed, "a custom setting that is not there", says(COURSE, custom={"lineWith": 2})),
    (rules.typed, "a key of a query", lambda b: panel(b, WAITING).targets[0].update(legend="x")),
    (rules.typed, "an override of what is not there", overrides("units", "s")),
    (rules.typed, "an override of a custom setting that is not there", overrides("custom.lineWith", 2)),
    (rules.typed, "an override deep inside", overrides("custom.lineStyle", {"fil": "dash"})),
    (rules.units, "one that Grafana does not know", says(WAITING, unit="seconds")),
    (rules.units, "an override with one that it does not know", overrides("unit", "werkdagen")),
    (rules.identity, "another uid than links use", lambda b: b.body.update(uid="wachtpost-live-2")),
    (rules.identity, "editable", lambda b: b.body.pop("editable")),
    (rules.identity, "two panels with one number", sets(STATES, id=WAITING)),
    (rules.data_sources, "a panel with one of its own", sets(WAITING, datasource={"uid": "abc"})),
    (rules.data_sources, "a query without one", lambda b: panel(b, 1).targets[0].pop("datasource")),
    (rules.data_sources, "a variable without one", lambda b: b.variables[1].pop("datasource")),
    (rules.data_sources, "an annotation with another", lambda b: b.annotations[0].update(datasource="loki")),
    (rules.data_sources, "a panel without a query", sets(WAITING, targets=[])),
    (rules.rate_intervals, "a fixed range over time", asks(COURSE, "sum(rate(wachtpost_late_total[5m]))")),
    (rules.rate_intervals, "less than a scrape", asks(COURSE, "rate(wachtpost_late_total[$__interval])")),
    (rules.rate_intervals, "no rate", asks(COURSE, "max_over_time(wachtpost_late_total[$__rate_interval])")),
    (rules.rates_of_what_rises, "a sum", asks(COURSE, "increase(wachtpost_visits[$__rate_interval])")),
    (rules.rates_of_what_rises, "a counter", asks(COURSE, "delta(wachtpost_late_total[$__rate_interval])")),
    (rules.whole_histograms, "no empty buckets", asks(COURSE, f"histogram_quantile(0.5, {BUCKETS} > 0)")),
    (rules.targets_of_the_city, "45 seconds", asks(WAITING, "wachtpost_call_wait_mean_seconds > 45")),
    (rules.targets_of_the_city, "20 percent", asks(WAITING, "0.2 < bool wachtpost_missed_ratio")),
    (rules.targets_of_the_city, "a threshold at 45", says(WAITING, thresholds=thresholds(45))),
    (rules.targets_of_the_city, "an override with one", overrides("thresholds", thresholds(0.2))),
    (rules.targets_of_the_city, "a range", says(WAITING, mappings=mapping("range", result={"text": "over"}))),
    (rules.jobs, "how many are up, of whatever job", asks(WAITING, "sum(up)")),
    (rules.jobs, "pinned to one process", asks(WAITING, 'wachtpost_lease_owner{instance="a:8002"}')),
    (rules.known_variables, "one that is not there", asks(WAITING, 'wachtpost_staff{queue=~"$wachtrij"}')),
    (rules.known_variables, "one that nothing uses", lambda b: b.body["templating"]["list"].append(SPARE)),
    (rules.explained, "no title", sets(WAITING, title=" ")),
    (rules.explained, "a title twice", sets(WAITING, title="Overschrijdingen")),
    (rules.explained, "no description", sets(WAITING, description="")),
    (rules.explained, "a board without a description", lambda b: b.body.pop("description")),
    (rules.explained, "nothing said for no figure", says(WAITING, noValue="")),
    (rules.states_in_words, "0 and 1 left to the reader", says(STATES, mappings=[])),
    (rules.states_in_words, "a state with its queue", asks(WAITING, "wachtpost_kpi_breached * on (site) x")),
    (rules.states_in_words, "a colour only", says(STATES, mappings=mapping("value", x={"color": "text"}))),
    (rules.palette, "green by name", says(COURSE, color={"mode": "fixed", "fixedColor": "green"})),
    (rules.palette, "a red of its own", says(WAITING, thresholds=thresholds(None, "#F2495C"))),
    (rules.palette, "Grafana's palette", says(COURSE, color={"mode": "palette-classic"})),
    (rules.palette, "left to Grafana", lambda b: panel(b, COURSE).defaults.pop("color")),
    (rules.palette, "an annotation in red", lambda b: b.annotations[0].update(iconColor="red")),
    (rules.palette, "a rainbow", lambda b: panel(b, 1).options.update(color={"scheme": "Turbo"})),
    (rules.grid, "out of the grid", moves(STATES, x=1)),
    (rules.grid, "on top of another", moves(COURSE, y=0)),
    (rules.grid, "a gap", moves(WAITING, h=1)),
    (rules.grid, "one row too many for a television", lambda b: [moves(n, h=6)(b) for n in (11, 12, 13, 14)]),
]


@pytest.mark.parametrize(("rule", "story", "broken"), BROKEN, ids=lambda one: getattr(one, "__name__", one))
def test_a_broken_board_goes_red(rule: rules.Rule, story: str, broken: Break) -> None:
    dutch = boards_of_the_wall()[0]
    assert list(rule(dutch)) == []
    broken(dutch)
    assert list(rule(dutch)), story


def test_a_panel_that_a_screen_on_the_wall_shows_in_part_goes_red() -> None:
    (counters,) = (board for board in read_boards() if str(board) == "nl/counters")
    assert list(rules.grid(counters)) == []
    end = rules.ROWS_WITHOUT_CONTROLS
    for place in (one.body["gridPos"] for one in counters.panels):
        place["h"] += place["y"] + place["h"] == end
        place["y"] += place["y"] >= end
    assert "ends below" in next(rules.grid(counters))


def test_every_rule_has_a_board_that_breaks_it() -> None:
    assert {rule for rule, _, _ in BROKEN} == set(rules.RULES)


@pytest.mark.parametrize(
    "url",
    [
        "/d/wachtpost-gone",
        "/d/wachtpost-live-en",
        "https://grafana.example/d/wachtpost-live",
        "/dashboards",
        "/d/wachtpost-live?var-counter=a",
        "/d/wachtpost-pipeline${__url.params:include:kiosk,var-site}",
    ],
)
def test_a_link_that_leads_astray_goes_red(url: str) -> None:
    boards = read_boards()
    dutch = next(board for board in boards if str(board) == "nl/live")
    dutch.body["links"][0]["url"] = url
    assert len(list(rules.links(boards))) == 1


@pytest.mark.parametrize(
    ("story", "broken"),
    [
        ("another query in one", asks(WAITING, "wachtpost_visits_waiting")),
        ("another matcher in one", asks(WAITING, 'wachtpost_visits_waiting{queue="a"}')),
        ("another panel in one", sets(WAITING, type="gauge")),
    ],
)
def test_a_board_that_is_another_in_one_language_goes_red(story: str, broken: Break) -> None:
    boards = boards_of_the_wall()
    broken(boards[0])
    assert list(rules.same_in_every_language(boards)), story


def test_a_board_in_one_language_only_goes_red() -> None:
    assert list(rules.same_in_every_language(boards_of_the_wall()[:1]))


@needs_promtool
@pytest.mark.parametrize("expr", ["sum(rate(up[5m])", "rate(up)", "sum by (up", "up{job=~}", "1 +"])
def test_what_is_not_promql_goes_red(expr: str) -> None:
    dutch = boards_of_the_wall()[0]
    asks(COURSE, expr)(dutch)
    (fault,) = promtool_faults([dutch])
    assert 'nl/live panel 12 "Gemiddelde wachttijd, verloop" A' in fault


def test_a_finding_says_where_and_what_would_be_right() -> None:
    dutch = boards_of_the_wall()[0]
    says(WAITING, unit="seconds")(dutch)
    (found,) = findings([dutch])
    assert found.startswith("nl/live: units: 'Wachtenden nu': ")
    assert "suffix:" in found
