"""A rolling figure comes with what it is made of, where it may lie, and what that says of the target."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from domain.aggregator import Aggregator, StreamEvent
from domain.counts import ms_of
from domain.how_sure import wilson
from domain.windows import Windows
from services.evaluator.rolling_metrics import RollingFigures
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.contract.events import CallAnswered, CallEnded, CallMissed, Event, Outcome, VisitCalled
from shared.process.metrics_server import Drops

AT: Final = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
CALL: Final = {"source": "pbx", "site": "huis", "queue": "onthaal"}
VISIT: Final = {"source": "desk", "site": "huis", "queue": "loket"}


def city(**live: object) -> CityFile:
    """A phone queue without targets of its own, and a counter with one."""
    return CityFile.model_validate(
        {
            "city": {"name": "Proefstad"},
            "live": {"windows": ["1h"], **live},
            "sites": [
                {
                    "id": "huis",
                    "queues": [{"id": "onthaal", "kind": "phone"}, {"id": "loket", "kind": "counter"}],
                }
            ],
            "targets": [
                {"kpi": "missed_ratio", "limit": 0.2, "period": "year"},
                {"kpi": "call_wait_mean", "limit": 45},
                {"kpi": "visit_wait_mean", "queue": "loket", "limit": 60},
            ],
        }
    )


def calls(*waits_s: int, missed: int = 0, every: timedelta = timedelta(seconds=30)) -> list[Event]:
    """Calls that were answered after so long, then missed ones, one by one."""
    answered = [
        CallAnswered(id=f"a{n}", at=AT + n * every, wait_ms=1000 * wait, **CALL)
        for n, wait in enumerate(waits_s)
    ]
    lost = [
        CallMissed(
            id=f"m{n}", at=AT + (len(waits_s) + n) * every, outcome=Outcome.ABANDONED, wait_ms=9000, **CALL
        )
        for n in range(missed)
    ]
    return [*answered, *lost]


def shown(
    city: CityFile, *events: Event, now: datetime = AT + timedelta(minutes=59), window: str = "1h"
) -> dict[str, float]:
    """The samples of a window by ``metric kpi queue``."""
    aggregator = Aggregator(city, Calendar(city), city.sites)
    aggregator.record(StreamEvent(f"{n}-0", ms_of(event.at), event) for n, event in enumerate(events))
    drops = Drops()
    figures = RollingFigures(city)
    figures.add(city.sites[0], Windows(city, aggregator, ms_of(AT + timedelta(minutes=59))), drops)
    found = {
        " ".join(
            filter(
                None,
                (
                    sample.name.removeprefix("wachtpost_"),
                    sample.labels.get("kpi"),
                    sample.labels.get("category"),
                    sample.labels["queue"],
                ),
            )
        ): sample.value
        for family in figures.families()
        for sample in family.samples
        if sample.labels["window"] == window
    }
    assert drops.count == 0
    return found


def begins(found: dict[str, float], kpi: str, queue: str) -> datetime:
    return datetime.fromtimestamp(found[f"kpi_window_start_timestamp_seconds {kpi} {queue}"], UTC)


def test_a_ratio_on_few_contacts_has_its_counts_its_range_and_is_not_yet_to_say() -> None:
    found = shown(city(), *calls(*[10] * 14, missed=6))
    range_of_6 = wilson(6, 20)
    for queue in ("onthaal", "all"):
        assert found[f"missed_ratio {queue}"] == 0.3
        assert found[f"kpi_part missed_ratio {queue}"] == 6
        assert found[f"kpi_samples missed_ratio {queue}"] == 20
        assert found[f"kpi_low missed_ratio {queue}"] == range_of_6.low
        assert found[f"kpi_high missed_ratio {queue}"] == range_of_6.high
        assert found[f"kpi_verdict missed_ratio {queue}"] == 1


@pytest.mark.parametrize(
    ("story", "answered", "missed", "verdict"),
    [
        ("the first call of the day was answered", 1, 0, 1),
        ("the first three were missed", 0, 3, 1),
        ("nine of twenty", 11, 9, 2),
        ("one of thirty-one", 30, 1, 0),
        ("a fifth of sixty, exactly the target", 48, 12, 0),
        ("thirteen of sixty", 47, 13, 2),
    ],
)
def test_the_verdict_is_that_of_the_range(story: str, answered: int, missed: int, verdict: int) -> None:
    found = shown(city(), *calls(*[10] * answered, missed=missed))
    assert found["kpi_verdict missed_ratio onthaal"] == verdict, story
    few = answered + missed < 60
    assert ("kpi_low missed_ratio onthaal" in found) is few, story
    assert ("kpi_high missed_ratio onthaal" in found) is few, story


def test_a_mean_has_a_range_and_a_verdict_and_is_made_of_no_part() -> None:
    found = shown(city(), *calls(30, 50, 40, 60, 55))
    assert found["call_wait_mean_seconds onthaal"] == 47
    assert "kpi_part call_wait_mean onthaal" not in found
    assert found["kpi_low call_wait_mean onthaal"] < 45 < found["kpi_high call_wait_mean onthaal"]
    assert found["kpi_verdict call_wait_mean onthaal"] == 1
    assert shown(city(), *calls(*[60] * 5, 61))["kpi_verdict call_wait_mean onthaal"] == 2
    assert shown(city(), *calls(*[30] * 5, 31))["kpi_verdict call_wait_mean onthaal"] == 0


def test_a_total_has_a_verdict_on_the_targets_of_totals_alone() -> None:
    visits = [
        VisitCalled(
            id=f"v{n}",
            at=AT + timedelta(minutes=n),
            arrived_at=AT + timedelta(minutes=n - 9),
            appointment_at=AT + timedelta(minutes=n - 2),
            **VISIT,
        )
        for n in range(8)
    ]
    found = shown(city(), *visits)
    assert found["visit_wait_mean_seconds loket"] == found["visit_wait_mean_seconds all"] == 120
    assert found["kpi_verdict visit_wait_mean loket"] == 2
    assert "kpi_verdict visit_wait_mean all" not in found


def test_without_contacts_or_a_target_there_is_no_verdict() -> None:
    found = shown(city(), CallEnded(id="e", at=AT, talk_ms=60_000, **CALL))
    assert found["kpi_samples missed_ratio onthaal"] == 0
    assert found["handle_time_mean_seconds onthaal"] == 60
    assert not [name for name in found if name.startswith(("kpi_verdict", "kpi_part", "kpi_low"))]


def test_a_city_that_asks_for_so_many_is_shown_no_figure_before_and_nothing_of_it() -> None:
    few = shown(city(min_samples=10), *calls(*[10] * 9))
    assert few["kpi_samples missed_ratio onthaal"] == 9
    assert [name for name in few if name.endswith("onthaal") and not name.startswith("kpi_samples")] == []
    enough = shown(city(min_samples=10), *calls(*[10] * 10))
    assert enough["missed_ratio onthaal"] == 0
    assert enough["speed_category_ratio 0-20 onthaal"] == 1


def test_a_window_of_the_latest_contacts_counts_those_of_each_kpi_and_says_where_it_begins() -> None:
    """One call a minute: eight answered, then seven missed, and nine answered again."""
    minute = timedelta(minutes=1)
    first = calls(*[100] * 8, missed=7, every=minute)
    again = [CallAnswered(id=f"b{n}", at=AT + (15 + n) * minute, wait_ms=10_000, **CALL) for n in range(9)]
    found = shown(city(windows=["last 10"]), *first, *again, window="last 10")
    for queue in ("onthaal", "all"):
        assert found[f"kpi_samples missed_ratio {queue}"] == 10
        assert found[f"kpi_part missed_ratio {queue}"] == 1  # the last of the seven
        assert (
            found[f"kpi_window_start_timestamp_seconds missed_ratio {queue}"]
            == ms_of(AT + 14 * minute) / 1000
        )
        assert found[f"kpi_samples call_wait_mean {queue}"] == 10
        assert (
            found[f"call_wait_mean_seconds {queue}"] == 19
        )  # nine of 10 s, and over all that was missed one of 100
        assert (
            found[f"kpi_window_start_timestamp_seconds call_wait_mean {queue}"]
            == ms_of(AT + 7 * minute) / 1000
        )
        assert found[f"speed_category_ratio 0-20 {queue}"] == 0.9
        assert found[f"kpi_verdict missed_ratio {queue}"] == 1
    assert "kpi_window_start_timestamp_seconds missed_ratio onthaal" not in shown(city(), *first)


def test_a_window_of_the_latest_contacts_holds_no_more_than_the_day_has() -> None:
    found = shown(city(windows=["last 10"]), *calls(*[100] * 3), window="last 10")
    assert found["kpi_samples call_wait_mean onthaal"] == 3
    assert begins(found, "call_wait_mean", "onthaal") <= AT
    assert shown(city(windows=["last 10"]), window="last 10")["kpi_samples missed_ratio all"] == 0
