"""Boards ask for what is documented and exported; whatever is measured about people is on one, or there is a
reason why not."""

from __future__ import annotations

import re
from itertools import chain

import pytest

from tests.deploy.grafana.files import asked, boards_looking_back, boards_promising_everything, read_boards
from tests.deploy.grafana.series import Documented, documented, exported

ABOUT_PEOPLE = ("Evaluator: contacts", "Evaluator: rolling figures", "Evaluator: right now")
"""Headings of ``docs/metrics.md``."""

RAW = "the boards show its means and shares, exact and per window; this is for questions of one's own"

TERMINAL = "the terminal and the page make the sentence of a message of it: 6 of 20"

NOT_SHOWN: dict[str, str] = {
    "wachtpost_calls_offered": "its parts are shown: answered, and missed by outcome",
    "wachtpost_visits_served": "how long serving takes is shown, with the queues that tell it",
    "wachtpost_calls_by_wait_seconds": RAW,
    "wachtpost_visits_by_wait_seconds": RAW,
    "wachtpost_walk_ins_by_wait_seconds": RAW,
    "wachtpost_kpi_reading_samples": TERMINAL,
    "wachtpost_kpi_reading_part": TERMINAL,
}
"""Metrics that no board shows, and why."""


@pytest.fixture(scope="module")
def shown() -> set[str]:
    looking_back = (boards_looking_back("15m", "1h"), boards_looking_back("last 20", "1h"))
    boards = chain(read_boards(), *looking_back, boards_promising_everything())
    queries = (one.expr for board in boards for one in asked(board))
    return {name for query in queries for name in re.findall(r"\bwachtpost_\w+", query)}


def about_people() -> list[Documented]:
    return [one for one in documented() if one.section in ABOUT_PEOPLE]


def test_every_documented_metric_is_exported() -> None:
    assert {one.name for one in documented()} == {
        name for name in exported() if name.startswith("wachtpost_")
    }


def test_every_series_on_a_board_is_documented(shown: set[str]) -> None:
    assert shown - {name for one in documented() for name in one.samples} == set()


def is_shown(one: Documented, shown: set[str]) -> bool:
    return not one.samples.isdisjoint(shown)


def test_the_headings_are_those_of_the_documentation() -> None:
    assert set(ABOUT_PEOPLE) <= {one.section for one in documented()}
    assert len(about_people()) > 20


@pytest.mark.parametrize("one", about_people(), ids=lambda one: one.name)
def test_a_metric_about_people_is_on_a_board_or_has_a_reason_not_to(one: Documented, shown: set[str]) -> None:
    if one.name in NOT_SHOWN:
        assert not is_shown(one, shown), "it is shown after all: take it off the list"
        assert len(NOT_SHOWN[one.name]) > 20, "a reason is a sentence"
    else:
        assert is_shown(one, shown), (
            f"no board shows {one.name}; show it, or list it in NOT_SHOWN with a reason"
        )


def test_the_list_names_metrics_that_exist() -> None:
    assert NOT_SHOWN.keys() <= {one.name for one in about_people()}


def test_a_metric_on_no_board_goes_red() -> None:
    waits = Documented("wachtpost_calls_by_wait_seconds", "gauge histogram", "")
    assert not is_shown(waits, {"wachtpost_calls_waiting"})
    assert is_shown(waits, {"wachtpost_calls_by_wait_seconds_gsum"})
