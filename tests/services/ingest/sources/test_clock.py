"""What is known of an exchange's clock, and what moment its lines mean. Seconds here."""

from __future__ import annotations

import pytest

from services.ingest.sources.queue_log.clock import AGREE, ExchangeClock
from shared.config.model import PipelineConfig

PIPELINE = PipelineConfig()
"""Tolerates two minutes."""


def after(*readings: float) -> ExchangeClock:
    clock = ExchangeClock()
    for number, ahead in enumerate(readings):
        clock = clock.read(round((number * 60 + ahead) * 1000), number * 60_000)
    return clock


@pytest.mark.parametrize(
    ("story", "readings", "ahead", "put_back"),
    [
        ("not sure yet", (180, 180), 0, 0),
        ("three agree", (179.5, 180, 179), 180, 180),
        ("one garbled line", (0, 9000, 0), 0, 0),
        ("one garbled line on a clock that is ahead", (180, 180, 180, 9000, 180), 180, 180),
        ("a log that comes late", (0, -60, -240), 0, 0),
        ("ahead, and then late", (180, 180, 180, -90, 20), 180, 180),
        ("ahead, and then set right", (180, 180, 180, -0.5, -1, 0), 0, 0),
        ("ahead by little", (30, 30, 30), 30, 0),
        ("two hours: somebody took local time for UTC", (7200, 7200, 7199), 7200, 7200),
        ("behind", (-300, -300, -300), 0, 0),
    ],
)
def test_what_readings_say(story: str, readings: tuple[float, ...], ahead: float, put_back: float):
    clock = after(*readings)
    assert (clock.ahead_ms, clock.corrected_by(PIPELINE)) == (ahead * 1000, put_back * 1000), story
    assert len(clock.readings) <= AGREE


@pytest.mark.parametrize(
    ("story", "readings", "told", "meant"),
    [
        ("the past", (), -9, -9),
        ("ahead by what is tolerated", (), 120, 120),
        ("more: it has happened all the same", (), 121, 0),
        ("too far to be a clock", (), 901, 901),
        ("a known clock", (180, 180, 180), 180, 0),
        ("a known clock, and ingest was away", (180, 180, 180), -3600, -3780),
        ("a known clock, within what is tolerated", (180, 180, 180), 190, 10),
        ("a known clock, a line further ahead", (180, 180, 180), 400, 0),
        ("a known clock, a garbled line", (180, 180, 180), 9000, 8820),
    ],
)
def test_what_moment_a_line_means(story: str, readings: tuple[float, ...], told: float, meant: float):
    assert after(*readings).moment(round(told * 1000), 0, PIPELINE) == meant * 1000, story
