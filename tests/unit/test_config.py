"""The model of the city file: what it takes, what it makes of it, what its defaults are."""

from __future__ import annotations

import tomllib
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.config import (
    CityFile,
    Kpi,
    QueueKind,
    QueueLogSource,
    Span,
    load,
)
from shared.config_names import ALL_QUEUES, KIND_OF_KPI
from shared.config_types import on_histogram_edge

SHIPPED = Path(__file__).parents[2] / "deploy" / "wachtpost.toml"

PLAIN = """
[city]
name = "Lier"
[[sites]]
id = "lier"
queues = [{ id = "onthaal", kind = "phone" }]
"""


def city(text: str = "") -> CityFile:
    return CityFile.model_validate(tomllib.loads(text + PLAIN))


def test_the_shipped_file_makes_the_promises_of_lier() -> None:
    lier = load(SHIPPED)
    assert [(t.kpi.value, t.queue, t.limit, t.period) for t in lier.targets] == [
        ("missed_ratio", "all", 0.20, "year"),
        ("call_wait_mean", "all", 45, "month"),
        ("lead_time_mean", "all", 5, "month"),
        ("visit_wait_mean", "loket-burgerzaken", 60, "month"),
        ("visit_wait_mean", "loket-energie", 300, "month"),
        ("visit_wait_mean", "loket-mobiliteit", 120, "month"),
        ("visit_wait_mean", "loket-ocmw", 600, "month"),
        ("visit_wait_mean", "loket-omgeving", 300, "month"),
        ("visit_wait_mean", "loket-wonen", 300, "month"),
    ]
    assert lier.live_definition.id == "lier-1"
    assert [d.short_abandon for d in lier.missed_definitions] == [timedelta(0), timedelta(seconds=10)]
    assert [len(lier.site("lier").of_kind(kind)) for kind in QueueKind] == [3, 6]


def test_the_shipped_example_sources_are_good_once_their_comment_signs_are_gone() -> None:
    lines = SHIPPED.read_text(encoding="utf-8").split("\n")
    starts = [number for number, line in enumerate(lines) if line == "# [[sources]]"]
    assert len(starts) == 2
    for start in starts:
        while lines[start].startswith("# "):
            lines[start] = lines[start].removeprefix("# ")
            start += 1
    lier = CityFile.model_validate(tomllib.loads("\n".join(lines)))
    assert [source.kind for source in lier.sources] == ["queue_log", "http"]


def test_a_plain_file_gets_the_defaults_that_the_shipped_file_spells_out() -> None:
    plain, shipped = city(), load(SHIPPED)
    assert plain.missed_definitions == shipped.missed_definitions[:1]
    for section in ("speed_categories", "service_level", "live", "pipeline"):
        assert getattr(plain, section) == getattr(shipped, section), section
    assert plain.calendar.public_holidays == shipped.calendar.public_holidays


def test_dates_and_times_may_be_toml_values_or_text() -> None:
    both = city(
        "[calendar]\nclosing_days = [{ on = 2026-05-15, closes_at = 12:00:00 }, "
        '{ on = "2026-05-15", closes_at = "12:00" }]\n'
    ).calendar.closing_days
    assert [(day.on, day.closes_at) for day in both] == [(date(2026, 5, 15), time(12))] * 2


def test_opening_hours_are_read_as_minutes_of_the_wall_clock() -> None:
    hours = city('[hours.h]\nmonday = ["18:00-24:00", " 00:00 - 08:30 "]\n').hours["h"]
    assert [(span.start_minute, span.end_minute) for span in hours.monday] == [(1080, 1440), (0, 510)]
    assert hours.by_weekday[0] == hours.monday
    assert hours.by_weekday[1:] == ((),) * 6
    assert Span(start_minute=0, end_minute=510) == hours.monday[1]


def test_a_source_may_speak_for_some_queues_or_for_all() -> None:
    key = "0" * 64
    text = f'[[sources]]\nkind = "http"\nid = "{{}}"\nsite = "lier"\nkey_sha256 = ["{key}"]\n'
    every, some = city(text.format("a") + text.format("b") + 'queues = ["onthaal"]\n').sources
    assert (every.queues, some.queues) == ("*", ("onthaal",))


def test_a_changed_copy_is_not_served_what_the_original_worked_out() -> None:
    brussels = city().city
    assert brussels.zone.key == "Europe/Brussels"
    assert brussels.model_copy(update={"time_zone": "UTC"}).zone.key == "UTC"


def test_a_good_file_survives_being_written_as_json() -> None:
    lier = load(SHIPPED)
    assert CityFile.model_validate(lier.model_dump()) == lier


def test_the_model_refuses_all_names_that_do_not_meet_in_one_error() -> None:
    with pytest.raises(ValidationError) as refused:
        city('[live]\nmissed_definition = "x"\n[[targets]]\nkpi = "missed_ratio"\nlimit = 0.2\nqueue = "y"\n')
    assert "live.missed_definition: name_unknown x (known: lier-1)" in str(refused.value)
    assert "targets.0.queue: name_unknown y (known: all, onthaal)" in str(refused.value)


def test_a_target_is_found_by_kpi_site_and_queue() -> None:
    lier = load(SHIPPED)
    target = lier.target(Kpi.MISSED_RATIO, "lier", ALL_QUEUES)
    assert target is not None
    assert target.limit == 0.20
    assert lier.target(Kpi.SERVICE_LEVEL, "lier", ALL_QUEUES) is None
    assert lier.target(Kpi.MISSED_RATIO, "lier", "onthaal") is None


def test_every_kpi_has_a_kind_of_queue() -> None:
    assert set(KIND_OF_KPI) == set(Kpi)
    assert set(KIND_OF_KPI.values()) == set(QueueKind)


@given(st.integers(0, 5 * 3600), st.integers(0, 999))
def test_histogram_edges_are_whole_seconds_and_coarser_further_out(seconds: int, ms: int) -> None:
    step = 1 if seconds <= 600 else 10 if seconds <= 3600 else 60
    edge = seconds % step == 0 and ms == 0 and seconds <= 4 * 3600
    assert on_histogram_edge(timedelta(seconds=seconds, milliseconds=ms)) is edge


def test_a_queue_log_source_uses_the_pbx_names_unless_told() -> None:
    source = QueueLogSource.model_validate({"id": "pbx", "site": "lier", "path": "/x"})
    assert source.queues == {}
