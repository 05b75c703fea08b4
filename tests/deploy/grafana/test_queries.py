"""Every query of every board is put to a real Prometheus that watches a city at work, and brings something.

``python -m pytest tests/deploy/grafana/test_queries.py -s`` prints how many were asked.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.grafana import rules
from tests.deploy.grafana.files import Board, boards_looking_back, read_boards
from tests.deploy.grafana.queries import (
    MAY_BE_EMPTY,
    Answered,
    Prometheus,
    as_grafana_opens,
    ask_everything,
    chosen_by_regex,
    empties,
    failures,
    left_out,
    unknown_labels,
    without_a_word,
)
from tests.deploy.grafana.stage import (
    PROMETHEUS_FILE,
    WINDOWS,
    WatchedCity,
    scrape_config,
)

pytestmark = pytest.mark.slow


def excused(one: Answered) -> bool:
    number = one.asked.panel.id if one.asked.panel else None
    return any(
        (board, panel) == (one.asked.board.name, number) and one.asked.where in refs
        for board, panel, refs in MAY_BE_EMPTY
    )


def told(answers: list[Answered]) -> str:
    return "\n".join(f"  {one.asked}\n      {' '.join(one.query.split())}" for one in answers)


def test_every_query_of_every_board_brings_something(stage: WatchedCity, prometheus: Prometheus) -> None:
    boards = read_boards()
    answers = ask_everything(boards, prometheus)
    empty, absent = empties(answers, stage.jobs)
    unexcused = [one for one in empty if not excused(one)]
    print(f"\n{len(answers)} queries of {len(boards)} boards, {prometheus.executed} different ones asked:")
    brought = sum(one.series > 0 for one in answers)
    print(f"{brought} brought something, {len(empty) - len(unexcused)} brought nothing and may")
    print(f"about a job that is not installed here: {told(absent) or 'none'}")
    # Another day they may well be empty: somebody should only look whether the reason still holds.
    surprising = [one for one in answers if excused(one) and one.series]
    print(f"{len(surprising)} that may be empty were not: {'; '.join(str(one.asked) for one in surprising)}")
    assert len(answers) > 100, "the boards ask more than that"
    assert not failures(answers), "\n".join(failures(answers))
    assert not left_out(answers), left_out(answers)
    assert not unexcused, f"{len(unexcused)} queries brought nothing:\n{told(unexcused)}"


@pytest.mark.parametrize("windows", WINDOWS, ids=", ".join)
def test_so_does_every_query_of_a_city_that_looks_back_otherwise(
    stage: WatchedCity, prometheus: Prometheus, windows: tuple[str, ...]
) -> None:
    boards = [board for board in boards_looking_back(*windows) if board.language == "nl"]
    answers = ask_everything(boards, prometheus)
    empty = [one for one in empties(answers, stage.jobs)[0] if not excused(one)]
    assert not failures(answers), "\n".join(failures(answers))
    assert not empty, f"{len(empty)} queries brought nothing:\n{told(empty)}"
    assert list(unknown_labels(answers)) == []


def test_legends_and_tables_name_what_the_answers_have(prometheus: Prometheus) -> None:
    assert list(unknown_labels(ask_everything(read_boards(), prometheus))) == []


def test_a_legend_of_what_was_added_up_goes_red(prometheus: Prometheus) -> None:
    one = asking("sum(wachtpost_calls_waiting)")
    one.body["panels"][0]["targets"][0]["legendFormat"] = "{{queue}}"
    assert "queue" in next(unknown_labels(ask_everything([one], prometheus)))


@pytest.mark.parametrize(
    ("story", "broken"),
    [
        ("a column that is not there", {"renameByName": {"nam": "Naam"}}),
        ("the value of which query", {"indexByName": {"Value": 1}}),
    ],
)
def test_a_column_that_no_answer_has_goes_red(
    prometheus: Prometheus, story: str, broken: dict[str, object]
) -> None:
    one = of_name("counters")
    one.body["panels"] = [panel.body for panel in one.panels if panel.type == "table"]
    assert list(unknown_labels(ask_everything([one], prometheus))) == []
    one.panels[0].transformations[-1]["options"].update(broken)
    assert list(unknown_labels(ask_everything([one], prometheus))), story


def test_every_state_that_occurs_has_a_word(prometheus: Prometheus) -> None:
    answers = ask_everything(read_boards(), prometheus)
    assert without_a_word(answers) == []


def test_a_state_without_a_word_goes_red(prometheus: Prometheus) -> None:
    one = of_name("live")
    one.body["panels"] = [panel.body for panel in one.panels if panel.type == "state-timeline"]
    one.panels[0].targets[0]["expr"] = "max(wachtpost_kpi_breached) + 9"
    assert [text.rpartition(" ")[2] for text in without_a_word(ask_everything([one], prometheus))] == ["10"]


def test_what_may_be_empty_exists_and_has_a_reason() -> None:
    for (name, number, refs), reason in MAY_BE_EMPTY.items():
        panel = rules.panel(of_name(name), number)
        assert set(refs) <= {one["refId"] for one in panel.targets}, f"{name} {panel.title!r}: {refs}"
        assert len(reason) > 20, f"a reason is a sentence, not {reason!r}"


def of_name(name: str) -> Board:
    return next(board for board in read_boards() if board.name == name)


def asking(expr: str, *, instant: bool = False) -> Board:
    one = of_name("live")
    one.body["panels"] = one.body["panels"][:1]
    one.body["panels"][0]["targets"][0].update(expr=expr, instant=instant, range=not instant)
    return one


def answer(prometheus: Prometheus, expr: str, *, instant: bool = False) -> Answered:
    return next(one for one in ask_everything([asking(expr, instant=instant)], prometheus) if one.asked.panel)


@pytest.mark.parametrize("instant", [True, False])
def test_a_query_that_prometheus_refuses_fails(prometheus: Prometheus, instant: bool) -> None:
    refused = answer(prometheus, "wachtpost_queue_info * on (site) wachtpost_queue_info", instant=instant)
    assert "many-to-many" in failures([refused])[0]


@pytest.mark.parametrize(
    ("story", "expr"),
    [
        ("a series that is not there", "wachtpost_calls_wating"),
        ("a label value that is not there", 'wachtpost_missed_ratio{window="7m"}'),
        ("sides that never match", "wachtpost_missed_ratio > wachtpost_kpi_target"),
        ("nothing but NaN", "0 * (wachtpost_calls_waiting * 0) / 0"),
        ("a variable that is not there", 'wachtpost_calls_waiting{queue="$wachtrij"}'),
    ],
)
@pytest.mark.parametrize("instant", [True, False])
def test_a_query_that_brings_nothing_fails(
    stage: WatchedCity, prometheus: Prometheus, story: str, expr: str, instant: bool
) -> None:
    nothing = answer(prometheus, expr, instant=instant)
    assert empties([nothing], stage.jobs) == ([nothing], []), story


def test_a_variable_that_is_not_there_is_told(prometheus: Prometheus) -> None:
    assert "$wachtrij" in left_out([answer(prometheus, 'up{job="$wachtrij"}')])[0]


def test_a_query_about_a_job_that_is_not_installed_is_no_failure(prometheus: Prometheus) -> None:
    nothing = answer(prometheus, "sum(grafana_there_is_none)")
    assert empties([nothing], {"grafana": False}) == ([], [nothing])
    assert empties([nothing], {"grafana": True}) == ([nothing], [])
    both_sides = answer(prometheus, "grafana_there_is_none or wachtpost_there_is_none")
    assert empties([both_sides], {"grafana": False}) == ([both_sides], []), "ours could have answered"


# --- Without a server -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ({"current": {"value": ["$__all"]}}, r"(a|loket-b\\.c)"),
        ({}, "a"),
    ],
)
def test_a_variable_is_what_grafana_opens_it_with(variable: dict[str, Any], value: str) -> None:
    assert as_grafana_opens(variable, ["a", "loket-b.c"]) == value


@pytest.mark.parametrize(
    ("regex", "found"),
    [
        ('/name="(?<text>[^"]+)"|queue="(?<value>[^"]+)"/g', ["a", "b"]),
        ('/queue="(?<value>c)"/', []),
    ],
)
def test_a_variables_regex_takes_what_grafana_takes(regex: str, found: list[str]) -> None:
    assert chosen_by_regex(['info{name="A",queue="a"}', 'info{name="B",queue="b"}'], regex) == found


def test_the_scrape_config_keeps_jobs_and_relabelling_and_changes_addresses() -> None:
    text = PROMETHEUS_FILE.read_text(encoding="utf-8")
    config = scrape_config(text, {"evaluator": "http://127.0.0.1:18002"}, PROMETHEUS_FILE.parent)
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    assert jobs["evaluator"]["static_configs"] == [{"targets": ["127.0.0.1:18002"]}]
    assert jobs["evaluator"]["metric_relabel_configs"][0]["replacement"] == "wachtpost"
    assert not any(
        key.endswith("_sd_configs") and key != "static_configs" for job in jobs.values() for key in job
    )
    assert "alerting" not in config
