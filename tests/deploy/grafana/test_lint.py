"""The boards follow the rules; and each rule goes red on a board that is broken in one place."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.grafana import lint_queries
from tests.deploy.grafana.examples import both, copied, target
from tests.deploy.grafana.exceptions import EXCEPTIONS, Excepted
from tests.deploy.grafana.files import LANGUAGES, Board, JsonObject, read_boards
from tests.deploy.grafana.finding import listed
from tests.deploy.grafana.lint import lint, stale, unexcused
from tests.deploy.grafana.series import Catalogue, catalogue

NAMES = ("appointments", "breaches", "counters", "live", "pipeline", "policy")
NO_PROMTOOL = "promtool is not installed (apt install prometheus): PromQL was not checked"

Break = Callable[[JsonObject], object]


@pytest.fixture(scope="module")
def series() -> Catalogue:
    return catalogue()


@pytest.fixture(scope="module")
def boards() -> list[Board]:
    return read_boards()


def promtool() -> str:
    found = lint_queries.find_promtool()
    if found is None:
        pytest.skip(NO_PROMTOOL)
    return found


def test_every_board_is_there_in_both_languages(boards: list[Board]) -> None:
    assert [str(board) for board in boards] == [f"{lang}/{name}" for lang in LANGUAGES for name in NAMES]


def test_the_boards_follow_the_rules(boards: list[Board], series: Catalogue) -> None:
    found = unexcused(lint(boards, series))
    assert not found, f"{len(found)} findings:\n{listed(found)}"


def test_prometheus_own_parser_reads_every_query(boards: list[Board]) -> None:
    found = unexcused(list(lint_queries.parses(boards, promtool())))
    assert not found, f"{len(found)} findings:\n{listed(found)}"


def test_no_exception_outlives_its_reason(boards: list[Board], series: Catalogue) -> None:
    assert stale(lint(boards, series)) == []
    assert all(len(reason) > 20 for reason in EXCEPTIONS.values()), "a reason is a sentence"


def test_the_small_board_follows_every_rule(series: Catalogue) -> None:
    found = lint(both(), series)
    assert not found, listed(found)


# --- One place broken at a time ---------------------------------------------------------------------------


def panel(body: JsonObject, number: int) -> Any:
    return next(one for one in body["panels"] if one["id"] == number)


def defaults(body: JsonObject, number: int) -> Any:
    return panel(body, number)["fieldConfig"]["defaults"]


def asks(number: int, expr: str, *, instant: bool = False, legend: str = "") -> Break:
    """Another query in the place of a panel's first."""

    def broken(body: JsonObject) -> None:
        panel(body, number)["targets"][0] = target(expr, instant=instant, legend=legend)

    return broken


def says(number: int, **settings: object) -> Break:
    """Other field defaults of a panel; ``None`` takes one away."""

    def broken(body: JsonObject) -> None:
        for key, value in settings.items():
            if value is None:
                defaults(body, number).pop(key)
            else:
                defaults(body, number)[key] = value

    return broken


def steps(*values: float | None, colour: str = "#0072B2") -> JsonObject:
    return {"mode": "absolute", "steps": [{"color": colour, "value": value} for value in values]}


def variable(body: JsonObject, name: str) -> Any:
    return next(one for one in body["templating"]["list"] if one["name"] == name)


RATE = "sum(rate(wachtpost_calls_offered_total[5m]))"
BUCKETS = "sum by (le) (rate(wachtpost_call_wait_seconds_bucket[$__rate_interval]))"
RANGE_MAPPING = [{"type": "range", "options": {"from": 45, "to": None, "result": {"text": "over"}}}]
COLOUR_MAPPING = [{"type": "value", "options": {"1": {"color": "#E69F00"}, "0": {"text": "nee"}}}]


def renaming(name: str, word: str = "doel") -> Break:
    """A table of what the third panel asks, one field under another name; an override is for ``doel``."""
    organized = {"id": "organize", "options": {"renameByName": {name: word}}}
    return lambda body: panel(body, 3).update(type="table", options={}, transformations=[organized])


CONFIG_FROM_DATA = {"id": "configFromData", "options": {"mappings": [{"handlerKey": "threshold1"}]}}


def link(url: str) -> Break:
    return says(3, links=[{"title": "x", "url": url}])


BROKEN: list[tuple[str, str, Break]] = [
    ("template-datasource", "no variable for the data source", lambda b: b["templating"]["list"].pop(0)),
    (
        "template-datasource",
        "a variable for Loki",
        lambda b: variable(b, "datasource").update(query="loki"),
    ),
    (
        "panel-datasource",
        "a panel with a data source of its own",
        lambda b: panel(b, 1).update(datasource={"type": "prometheus", "uid": "abc"}),
    ),
    (
        "panel-datasource",
        "a target without a data source",
        lambda b: panel(b, 1)["targets"][0].pop("datasource"),
    ),
    ("panel-datasource", "a variable without one", lambda b: variable(b, "queue").pop("datasource")),
    (
        "panel-datasource",
        "an annotation with another",
        lambda b: b["annotations"]["list"][0].update(datasource={"type": "loki", "uid": "x"}),
    ),
    ("panel-no-targets", "a panel without a query", lambda b: panel(b, 1).update(targets=[])),
    ("rate-interval", "a fixed range over time", asks(3, RATE)),
    (
        "rate-interval",
        "$__interval, which may be shorter than a scrape",
        asks(3, RATE.replace("5m", "$__interval")),
    ),
    (
        "rate-interval",
        "a maximum over $__rate_interval",
        asks(3, "max_over_time(wachtpost_calls_waiting[$__rate_interval])"),
    ),
    ("quantile", "a histogram without its empty buckets", asks(3, f"histogram_quantile(0.5, {BUCKETS} > 0)")),
    ("known-metric", "a series that is not documented", asks(3, "wachtpost_calls_wating")),
    ("known-metric", "a gauge as if it were a histogram", asks(3, "wachtpost_calls_waiting_bucket")),
    ("known-label", "a matcher on a label it lacks", asks(3, 'wachtpost_calls_waiting{window="15m"}')),
    ("known-label", "added up by a label it lacks", asks(3, "sum by (outcome) (wachtpost_calls_waiting)")),
    ("known-label", "two sides that never match", asks(3, "wachtpost_missed_ratio > wachtpost_kpi_target")),
    (
        "known-label",
        "a join on what one side lost",
        asks(3, "sum(wachtpost_calls_waiting) * on (queue) group_left (name) wachtpost_queue_info"),
    ),
    (
        "known-label",
        "a join that brings what is not there",
        asks(3, "wachtpost_calls_waiting * on (queue) group_left (title) wachtpost_queue_info"),
    ),
    (
        "known-label",
        "a variable over a label it lacks",
        lambda b: variable(b, "queue").update(query="label_values(wachtpost_calls_waiting, name)"),
    ),
    (
        "legend-label",
        "a legend of what was added up",
        asks(3, "sum(wachtpost_calls_waiting)", legend="{{queue}}"),
    ),
    ("field-name", "a column that is not there", renaming("nam")),
    ("field-name", "the value of which query", renaming("Value")),
    ("field-name", "an override of what is not there", renaming("name", "wachtrij")),
    ("target-job", "how many processes are up, of whatever job", asks(3, "sum(up)")),
    ("target-instance", "pinned to one process", asks(3, 'wachtpost_lease_owner{instance="a:8002"}')),
    ("hard-coded-target", "compared with 45 seconds", asks(3, "wachtpost_call_wait_mean_seconds > 45")),
    ("hard-coded-target", "compared with 20 percent", asks(3, "0.2 < bool wachtpost_missed_ratio")),
    (
        "hard-coded-target",
        "a threshold at 45",
        says(1, thresholds=steps(None, 45), mappings=[{"type": "value", "options": {"0": {"text": "-"}}}]),
    ),
    (
        "hard-coded-target",
        "a threshold in an override",
        lambda b: panel(b, 3)["fieldConfig"]["overrides"][0]["properties"].append(
            {"id": "thresholds", "value": steps(None, 0.2)}
        ),
    ),
    ("hard-coded-target", "a mapping from 45", says(1, mappings=RANGE_MAPPING)),
    (
        "known-variable",
        "a variable that is not there",
        asks(3, 'wachtpost_calls_waiting{queue=~"$wachtrij"}'),
    ),
    (
        "known-variable",
        "a variable that nothing uses",
        lambda b: b["templating"]["list"].append({"name": "spare", "type": "textbox"}),
    ),
    (
        "queue-variable",
        "a second one",
        lambda b: b["templating"]["list"].append({**variable(b, "queue"), "name": "queue2"}),
    ),
    ("queue-variable", "all is an empty text", lambda b: variable(b, "queue").update(allValue="")),
    ("title-description", "no title", lambda b: panel(b, 1).update(title=" ")),
    ("title-description", "no description", lambda b: panel(b, 1).pop("description")),
    ("title-description", "a board without a description", lambda b: b.pop("description")),
    ("unit", "no unit", says(1, unit=None)),
    ("unit", "a unit that Grafana does not know", says(1, unit="seconds")),
    (
        "unit",
        "an override with one that it does not know",
        lambda b: panel(b, 3)["fieldConfig"]["overrides"][1]["properties"][0].update(value="werkdagen"),
    ),
    ("no-value", "nothing said for no figure", says(1, noValue=None)),
    ("state-mapping", "0 and 1 left to the reader", says(2, mappings=None)),
    (
        "state-mapping",
        "a state times the name of its queue",
        asks(
            1,
            "wachtpost_kpi_breached * on (site, queue) group_left (name) wachtpost_queue_info",
            instant=True,
        ),
    ),
    ("colour-only", "two colours and no word", says(1, thresholds=steps(None, 1))),
    (
        "colour-only",
        "a colour from the target and no word",
        lambda b: panel(b, 1).update(transformations=[CONFIG_FROM_DATA]),
    ),
    ("colour-only", "a mapping with a colour and no text", says(2, mappings=COLOUR_MAPPING)),
    ("palette", "green by name", says(3, color={"mode": "fixed", "fixedColor": "green"})),
    ("palette", "a red of its own", says(1, thresholds=steps(None, colour="#F2495C"))),
    ("palette", "Grafana's palette", says(3, color={"mode": "palette-classic"})),
    ("palette", "from green to red", says(3, color={"mode": "continuous-GrYlRd"})),
    ("palette", "left to Grafana", says(3, color=None)),
    ("palette", "thresholds left to Grafana", says(1, thresholds=None)),
    (
        "palette",
        "an annotation in red",
        lambda b: b["annotations"]["list"][0].update(iconColor="red"),
    ),
    (
        "palette",
        "a rainbow",
        lambda b: panel(b, 3).update(
            type="heatmap", options={"color": {"mode": "scheme", "scheme": "Turbo"}}
        ),
    ),
    ("uid", "another uid than links use", lambda b: b.update(uid="wachtpost-live-2")),
    ("uneditable", "editable", lambda b: b.update(editable=True)),
    ("uneditable", "editable unless said otherwise", lambda b: b.pop("editable")),
    ("panel-id", "two panels with one id", lambda b: b["panels"].append(dict(panel(b, 1)))),
    ("panel-id", "no id", lambda b: panel(b, 1).pop("id")),
    ("grid", "out of the grid", lambda b: panel(b, 2)["gridPos"].update(x=9)),
    ("grid", "on top of another", lambda b: panel(b, 2)["gridPos"].update(x=7)),
    ("grid", "nowhere", lambda b: panel(b, 2).pop("gridPos")),
    ("fits-1080p", "one row too many", lambda b: panel(b, 3)["gridPos"].update(h=21)),
    ("link", "to a board that is not there", link("/d/wachtpost-gone")),
    ("link", "to another language", link("/d/wachtpost-live-en")),
    ("link", "to another machine", link("https://grafana.example/d/wachtpost-live")),
    ("link", "to no board", link("/dashboards")),
    ("link", "with a variable that is not there", link("/d/wachtpost-live?var-counter=a")),
    (
        "link",
        "to a tag that is not there",
        lambda b: b["links"].append({"type": "dashboards", "tags": ["wacht"]}),
    ),
    ("both-languages", "another query in one", asks(3, "wachtpost_visits_waiting")),
    ("both-languages", "one panel more", lambda b: b["panels"].append({**panel(b, 1), "id": 9})),
    (
        "both-languages",
        "not translated",
        lambda b: panel(b, 1).update(description="Mean wait of answered calls."),
    ),
]


@pytest.mark.parametrize(("rule", "story", "broken"), BROKEN, ids=[f"{r}: {s}" for r, s, _ in BROKEN])
def test_a_broken_board_goes_red(rule: str, story: str, broken: Break, series: Catalogue) -> None:
    dutch, english = (copied(board) for board in both())
    broken(dutch.body)
    found = lint([dutch, english], series)
    assert rule in {finding.rule for finding in found}, f"{story}: {listed(found)}"


def test_a_table_that_renames_what_it_has_is_left_alone(series: Catalogue) -> None:
    dutch, english = both()
    renaming("name")(dutch.body)
    renaming("name", "target")(english.body)
    found = {finding.rule for finding in lint([dutch, english], series)}
    assert "field-name" not in found


def test_a_board_in_one_language_only_goes_red(series: Catalogue) -> None:
    assert {finding.rule for finding in lint(both()[:1], series)} == {"both-languages"}


def test_two_boards_with_one_uid_go_red(series: Catalogue) -> None:
    dutch, english = both()
    english.body["uid"] = dutch.uid
    assert "uid" in {finding.rule for finding in lint([dutch, english], series)}


@pytest.mark.parametrize("expr", ["sum(rate(up[5m])", "rate(up)", "sum by (up", "up{job=~}", "1 +"])
def test_what_is_not_promql_goes_red(expr: str) -> None:
    dutch = both()[0]
    panel(dutch.body, 3)["targets"][0]["expr"] = expr
    found = list(lint_queries.parses([dutch], promtool()))
    assert {(finding.rule, finding.panel.id if finding.panel else None) for finding in found} == {
        ("promql", 3)
    }


def test_an_exception_silences_its_rule_on_its_panel_and_nothing_else(series: Catalogue) -> None:
    dutch, english = both()
    for board in (dutch, english):
        for number in (1, 3):
            defaults(board.body, number).pop("unit")
    excepted: dict[Excepted, str] = {("live", 1, "unit"): "for this test"}
    left = unexcused(lint([dutch, english], series), excepted)
    assert {(finding.rule, finding.panel.id if finding.panel else None) for finding in left} == {("unit", 3)}
    assert stale(lint(both(), series), excepted) == [("live", 1, "unit")]


def test_every_rule_has_a_board_that_breaks_it() -> None:
    sources = Path(__file__).parent.glob("lint_*.py")
    rules = {
        rule for source in sources for rule in re.findall(r'Finding\([^"]*"([a-z0-9-]+)"', source.read_text())
    }
    assert rules - {rule for rule, _, _ in BROKEN} == {"promql"}, "promql has a test of its own"
    assert {rule for rule, _, _ in BROKEN} <= rules


def test_a_finding_says_where_what_and_what_would_be_right(series: Catalogue) -> None:
    dutch, english = both()
    asks(3, RATE)(dutch.body)
    asks(3, RATE)(english.body)
    told = listed(unexcused(lint([dutch, english], series)))
    assert 'nl/live panel 3 "Oproepen": rate-interval' in told
    assert "right: [$__rate_interval]" in told
