"""Clocks that settings ask for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.process.clock import SimulatedClock, parse_clock, system_clock

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_no_words_are_this_machines_clock():
    assert parse_clock("") is system_clock


def test_a_simulated_clock_reads_back():
    clock = SimulatedClock(NOON, NOON + timedelta(days=1), 60)
    assert parse_clock(str(clock)) == clock


@pytest.mark.parametrize("text", ["noon", "2026-11-24T12:00:00/2026-11-24T12:00:00/1", "a/b/1"])
def test_anything_else_is_refused(text: str):
    with pytest.raises(ValueError, match=r"simulated clock|isoformat"):
        parse_clock(text)


def test_a_clock_in_a_file_jumps_when_the_file_does(tmp_path: Path):
    file = tmp_path / "clock"
    clock = parse_clock(f"@{file}")
    for shown in (NOON, NOON + timedelta(hours=2), NOON):
        file.write_text(str(SimulatedClock(NOON, shown, 0)))
        assert clock() == shown
