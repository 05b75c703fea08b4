"""What months and years come to: the KPIs of their sums."""

from __future__ import annotations

from datetime import date

import pytest

from domain import kpi
from domain.site_kpis import first_month, site_kpis
from shared.config.model import ALL_QUEUES
from shared.contract.kpis import Kpi
from tests.support.report_city import CITY, calls, overflow

SITE = CITY.site("lier")


def test_a_total_is_over_the_queues_that_have_the_kpi_and_nothing_is_no_value() -> None:
    made = site_kpis(CITY, SITE, {"onthaal": calls(8, missed=2), "omgeving": calls(2, missed=8)})
    read = {(queue, name): reading for queue, name, reading in made.values}
    assert read[ALL_QUEUES, Kpi.MISSED_RATIO] == kpi.KpiValue(0.5, 20, 10)
    assert read["onthaal", Kpi.MISSED_RATIO] == kpi.KpiValue(0.2, 10, 2)
    assert read["loket-a", Kpi.VISIT_WAIT_MEAN] == kpi.KpiValue(None, 0)
    assert ("loket-a", Kpi.MISSED_RATIO) not in read
    assert not made.empty
    assert site_kpis(CITY, SITE, {}).empty


def test_a_total_counts_callers_and_a_queue_its_entries() -> None:
    read = {(queue, name): reading for queue, name, reading in site_kpis(CITY, SITE, overflow()).values}
    assert read[ALL_QUEUES, Kpi.MISSED_RATIO] == kpi.KpiValue(0.1, 100, 10)
    assert read["onthaal", Kpi.MISSED_RATIO] == kpi.KpiValue(0.4, 100, 40)
    assert read[ALL_QUEUES, Kpi.CALL_WAIT_MEAN] == kpi.KpiValue(1050 / 90, 90)


def test_shares_are_shown_only_of_queues_that_answered() -> None:
    made = site_kpis(
        CITY, SITE, {"onthaal": calls(4, waits_s=[5, 5, 30, 500]), "omgeving": calls(0, missed=3)}
    )
    shown = {(queue, category): share for queue, category, share in made.shares if share}
    assert {queue for queue, *_ in made.shares} == {"onthaal", ALL_QUEUES}
    assert shown["onthaal", "0-20"] == shown[ALL_QUEUES, "0-20"] == 0.5
    assert shown["onthaal", ">180"] == 0.25


@pytest.mark.parametrize(
    ("today", "oldest"),
    [
        (date(2026, 11, 23), "2024-11"),
        (date(2026, 12, 31), "2024-12"),
        (date(2027, 1, 1), "2025-01"),
        (date(2026, 1, 31), "2024-01"),
    ],
)
def test_the_oldest_month_that_is_shown_is_the_same_one_two_years_ago(today: date, oldest: str) -> None:
    assert first_month(today).name == oldest
