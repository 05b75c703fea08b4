"""A row in the table of KPIs shows what is missing: whoever lacks something for it fails by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import get_args

import pytest

from deploy.grafana import words as board_words
from domain import kpi as arithmetic
from domain.bucket import Bucket
from domain.kpi_words import KPI_WORDS
from services.notifier.grafana.annotations import SAID_OF
from shared.config.alerting import BudgetRule
from shared.contract.kpis import KPIS, UNITS, Contacts, Kpi, Measure, QueueKind, Unit, kpis_of
from tests.deploy.grafana.series import documented
from tests.support.notifications import city

CITY = city()
METRICS = {metric.name for metric in documented()}
WEBHOOK = Path("docs/webhook.md").read_text(encoding="utf-8")
CITY_FILE = Path("examples/lier/city.toml").read_text(encoding="utf-8")
HEADLINE = Path("services/notifier/messages/templates/headline.txt").read_text(encoding="utf-8")

CONSUMERS: dict[str, tuple[Iterable[str], Callable[[str], object]]] = {
    "the table": (Kpi, KPIS.__contains__),
    "what a rule can be about": (Kpi, list(Measure).__contains__),
    "units": (Measure, UNITS.__contains__),
    "arithmetic": (Kpi, lambda kpi: arithmetic.read(Kpi(kpi), Bucket(), CITY)),
    "metrics of windows": (Kpi, lambda kpi: f"wachtpost_{KPIS[kpi].metric}" in METRICS),
    "metrics of periods": (Kpi, lambda kpi: f"wachtpost_indicator_{KPIS[kpi].metric}" in METRICS),
    "docs/webhook.md": (set(Measure) - set(Kpi), lambda measure: f"`{measure}`" in WEBHOOK),
    "examples/lier/city.toml": (set(Measure) - set(Kpi), CITY_FILE.__contains__),
    "boards": (Measure, board_words.KPIS.__contains__),
    "boards' contacts": (Contacts, board_words.CONTACTS.__contains__),
    "words": (Kpi, KPI_WORDS.__contains__),
    "messages": (set(Measure) - set(Kpi), lambda measure: f'"{measure}": gettext(' in HEADLINE),
    "annotations": (Measure, SAID_OF.__contains__),
}
"""Who needs something for each of which, and what tells whether it is there."""


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_everybody_who_needs_something_for_a_kpi_or_a_measure_has_it(consumer: str) -> None:
    every, has = CONSUMERS[consumer]
    assert [one for one in every if not has(one)] == []


def test_a_rule_can_watch_the_budget_of_every_kpi_that_has_one() -> None:
    assert set(get_args(BudgetRule.model_fields["kpi"].annotation)) == {
        kpi for kpi in Kpi if KPIS[kpi].budgeted
    }


def test_a_ratio_ends_at_1_and_nothing_else_does() -> None:
    assert {kpi for kpi in Kpi if KPIS[kpi].highest == 1} == {
        kpi for kpi in Kpi if KPIS[kpi].unit is Unit.RATIO
    }


def test_no_two_kpis_have_the_same_metric_and_every_kind_of_queue_has_some() -> None:
    assert len({events.metric for events in KPIS.values()}) == len(Kpi)
    assert kpis_of(QueueKind) == tuple(Kpi)
    assert kpis_of([QueueKind.COUNTER]) == (Kpi.VISIT_WAIT_MEAN, Kpi.LEAD_TIME_MEAN)


def test_what_releases_before_called_otherwise_is_read_as_what_it_is_called_today() -> None:
    assert Measure("silence") is Measure.NO_DATA
    assert Measure("calls_waiting") is Measure.WAITING
