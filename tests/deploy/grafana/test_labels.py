"""Figures and words in labels, asked of Prometheus' own engine (promtool)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from deploy.grafana import labels
from deploy.grafana.words import Edition
from shared.contract.kpis import Unit
from shared.translation import Translator, languages, translator
from tests.deploy.grafana.test_builder import ENGLISH

FIGURES = (
    *(0, 0.04, 0.05, 0.29, 0.5, 1, 4, 4.2, 9.95, 12, 45.4, 59.5, 60, 202, 999.9, 1000, 3599, 3600, 3723),
    *(12345.678, 36000, 86399, 999_999.96, 1_000_000, 1_234_567.5, -3.7, -1234),
)
"""What a figure can be; below zero an error budget that is spent."""
WAITS = tuple(figure for figure in FIGURES if figure >= 0)

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (apt install prometheus)"
)


@dataclass(frozen=True)
class Way:
    """A way to write a figure: as a label, and as a message does it."""

    query: Callable[[Edition, str], str]
    message: Callable[[Translator, float], str]
    figures: tuple[float, ...] = FIGURES


def by_case(unit: Unit, digits: int = 1) -> Callable[[Edition, str], str]:
    return lambda say, query: labels.value(say, "text", unit, query, "case", digits)


def limit_by_case(unit: Unit) -> Callable[[Edition, str], str]:
    return lambda say, query: labels.limit(say, "text", unit, query, "case")


def in_days(say: Translator, number: str) -> str:
    return f"{number} {say.gettext('working days')}"


WAYS: Mapping[str, Way] = {
    "clock": Way(by_case(Unit.SECONDS), lambda say, figure: say.clock(figure), WAITS),
    "percent": Way(by_case(Unit.RATIO), lambda say, figure: say.ratio(figure)),
    "whole percent": Way(by_case(Unit.RATIO, 0), lambda say, figure: say.ratio(figure, digits=0)),
    "working days": Way(by_case(Unit.WORKDAYS), lambda say, figure: in_days(say, say.days(figure))),
    "two decimals": Way(by_case(Unit.WORKDAYS, 2), lambda say, figure: in_days(say, say.number(figure, 2))),
    "people": Way(by_case(Unit.PEOPLE), lambda say, figure: say.number(figure)),
    "times": Way(by_case(Unit.TIMES), lambda say, figure: f"{say.days(figure)}×"),
    "a limit of seconds": Way(
        limit_by_case(Unit.SECONDS), lambda say, figure: say.limit(Unit.SECONDS, figure), (0, 45, 3600)
    ),
    "a limit of a share": Way(limit_by_case(Unit.RATIO), lambda say, figure: say.ratio_limit(figure)),
    "a limit of days": Way(
        limit_by_case(Unit.WORKDAYS), lambda say, figure: in_days(say, say.days_limit(figure))
    ),
}


def asked(name: str, way: Way, language: str) -> Iterator[dict[str, object]]:
    say = translator(language)
    told = [
        {"labels": f'{{case="{case}", text="{way.message(say, figure)}"}}', "value": 1}
        for case, figure in enumerate(way.figures)
    ]
    query = way.query(Edition(ENGLISH.city, language), f'figure{{way="{name}"}}')
    yield {"expr": query, "eval_time": "0m", "exp_samples": told}


def complaints(tests: Sequence[Mapping[str, object]], page: Mapping[str, float], folder: Path) -> str:
    """Let promtool answer; return what it finds wrong."""
    series = [{"series": name, "values": repr(value)} for name, value in page.items()]
    told = {"tests": [{"input_series": series, "promql_expr_test": list(tests)}]}
    (folder / "asked.yml").write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    command = ["promtool", "test", "rules", str(folder / "asked.yml")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if ran.returncode == 0 else ran.stdout + ran.stderr


@needs_promtool
@pytest.mark.parametrize("language", languages())
def test_a_figure_in_a_label_is_written_as_in_a_message(language: str, tmp_path: Path) -> None:
    page = {
        f'figure{{way="{name}", case="{case}"}}': figure
        for name, way in WAYS.items()
        for case, figure in enumerate(way.figures)
    }
    tests = [test for name, way in WAYS.items() for test in asked(name, way, language)]
    assert complaints(tests, page, tmp_path) == ""


@needs_promtool
def test_an_id_becomes_its_word_and_another_stays(tmp_path: Path) -> None:
    words = {"call_wait.mean": 'wait over "$1"', "a|b": "either", "none": "no"}
    asked = labels.worded("told", "what", words, "kpi")
    page = {
        f'told{{what="?", kpi="{kpi}"}}': 1.0 for kpi in ("call_wait.mean", "call_wait-mean", "a", "none")
    }
    expected = {"call_wait.mean": 'wait over \\"$1\\"', "call_wait-mean": "?", "a": "?", "none": "no"}
    told = [{"labels": f'told{{what="{word}", kpi="{kpi}"}}', "value": 1.0} for kpi, word in expected.items()]
    assert complaints([{"expr": asked, "eval_time": "0m", "exp_samples": told}], page, tmp_path) == ""


@needs_promtool
def test_each_place_has_its_own_figure_beside_what_it_is_joined_to(tmp_path: Path) -> None:
    queries = f"longest * on (site, queue) group_left (wait) {labels.clock('wait', 'longest')}"
    page = {f'longest{{site="lier", queue="{queue}"}}': wait for queue, wait in (("a", 202), ("b", 202))}
    told = [{"labels": f'{{site="lier", queue="{queue}", wait="3:22"}}', "value": 202} for queue in "ab"]
    assert complaints([{"expr": queries, "eval_time": "0m", "exp_samples": told}], page, tmp_path) == ""


@needs_promtool
@pytest.mark.parametrize(
    ("story", "page", "expected"),
    [
        ("something", {"breaches_open": 1}, {"{}": 1}),
        ("nothing", {"up": 1}, {'{what="none"}': 1}),
        ("nothing of it, but of another", {"others": 1}, {}),
    ],
)
def test_where_there_is_nothing_one_answer_says_so(
    tmp_path: Path, story: str, page: Mapping[str, float], expected: Mapping[str, float]
) -> None:
    said = labels.or_said("breaches_open", "what", "none", "others")
    counted = f"count by (what) ({said})"  # no NaN is equal to another
    told = [{"labels": text, "value": value} for text, value in expected.items()]
    assert complaints([{"expr": counted, "eval_time": "0m", "exp_samples": told}], page, tmp_path) == "", (
        story
    )
