"""What is known of an exchange's clock, and what moment its lines mean. Seconds here."""

from __future__ import annotations

import pytest

from services.ingest.sources.queue_log.clock import ExchangeClock
from shared.config.model import PipelineConfig

PIPELINE = PipelineConfig()
"""Tolerates two minutes."""

BOOTED = 1000
"""What the monotonic clock tells when ours tells 0."""


def after(*readings: float, every: float = 150) -> ExchangeClock:
    """What is known after lines that were so far ahead, one every two and a half minutes."""
    clock = ExchangeClock()
    for number, ahead in enumerate(readings):
        at = number * every
        clock = clock.read(round((at + ahead) * 1000), round(at * 1000), round((BOOTED + at) * 1000))
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


@pytest.mark.parametrize(("every", "ahead"), [(1, 0), (7, 0), (8, 180)])
def test_forty_lines_make_sure_of_a_clock_when_they_agree_for_five_minutes(every: float, ahead: int):
    assert after(*[180] * 40, every=every).ahead_ms == ahead * 1000
    assert after(180, 180, every=600).ahead_ms == 0  # two lines are too few


def test_a_clock_that_was_set_right_is_believed_at_once():
    clock, known = after(180, 180, 180), []
    for at_ms in (450_000, 451_000, 452_000):
        clock = clock.read(at_ms, at_ms, BOOTED * 1000 + at_ms)
        known.append(clock.ahead_ms)
    assert known == [180_000, 180_000, 0]


def test_our_own_clock_behind_for_a_moment_is_not_the_exchanges_ahead():
    """Two hours behind for less than two seconds, in which nine lines were read that are right."""
    clock = after(0, 0, 0)
    for tenth in range(1, 10):
        told = 300_000 + tenth * 200
        clock = clock.read(told, told - 7_200_000, BOOTED * 1000 + told)
        assert clock.ahead_ms == 0
        assert clock.moment(told, told - 7_200_000, PIPELINE) == told
    back = clock.read(302_000, 302_000, BOOTED * 1000 + 302_000)
    assert not back.is_as_before(clock)
    assert back.ahead_ms == 0


def test_what_was_measured_by_a_clock_that_was_wrong_is_forgotten():
    """Ours was two hours behind from the beginning, and is set right; the exchange's was right."""
    clock = after(7200, 7200, 7200)
    told = 301_000 + 7_200_000
    known = clock.read(told, told, BOOTED * 1000 + 301_000)
    assert (clock.ahead_ms, known.ahead_ms) == (7_200_000, 0)


def test_another_process_knows_the_clock_and_measures_anew():
    kept = after(180, 180, 180).model_dump_json()
    again = ExchangeClock.model_validate_json(kept)
    assert again == ExchangeClock(ahead_ms=180_000)
    assert again.read(500_000, 500_000, 7).ahead_ms == 180_000


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
