"""A batch of a followed log's lines at the door."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

import pytest

from domain.counts import ms_of
from domain.known_queues import KnownQueues
from services.ingest.admission import FOLLOWED, AdmissionRules, Speaker
from services.ingest.sources.queue_log.batch import IngestedLines, LeftOut, tell
from services.ingest.sources.queue_log.clock import ExchangeClock
from services.ingest.sources.queue_log.translate import LinePlace, QueueLogTranslator, TranslatorRules
from shared.config.model import PipelineConfig
from shared.contract.dead_letters import DeadLetterReason
from shared.contract.events import Event, Outcome
from shared.contract.kpis import QueueKind
from tests.support.ingest_desk import NOW, PHONE, PSEUDONYMS

RULES = TranslatorRules("pbx", "lier", {}, Outcome.ABANDONED)
PIPELINE = PipelineConfig()
QUEUES = frozenset({"onthaal", "q-----"})
KNOWN = KnownQueues({"lier": dict.fromkeys(QUEUES, QueueKind.PHONE) | {"loket": QueueKind.COUNTER}})
DOOR = AdmissionRules(PIPELINE.future_tolerance, FOLLOWED, KNOWN, Speaker("pbx", "lier", QUEUES))
SECOND = timedelta(seconds=1)


def line(at: datetime, number: int = 1, verb: str = "ENTERQUEUE|||1", queue: str = "onthaal") -> bytes:
    second = int(at.timestamp())
    return f"{second}|{second}.{number}|{queue}|NONE|{verb}\n".encode()


def told_of(lines: Sequence[bytes], now: datetime = NOW, clock: ExchangeClock | None = None) -> IngestedLines:
    moment = partial((clock or ExchangeClock()).moment, now_ms=ms_of(now), pipeline=PIPELINE)
    translator = QueueLogTranslator(RULES, PSEUDONYMS)
    places = [LinePlace(40 * n, "queue_log", n + 1) for n in range(len(lines))]
    return tell(lines, places, translator, DOOR, now, moment)


def moments(events: Iterable[Event]) -> list[float]:
    return [(event.at - NOW).total_seconds() for event in events]


def test_the_line_that_our_code_fails_on_is_a_dead_letter_and_the_others_are_told(
    monkeypatch: pytest.MonkeyPatch,
):
    works = QueueLogTranslator.translate
    lines = [line(NOW - n * SECOND) for n in range(3)]

    def translate(log: QueueLogTranslator, text: bytes) -> object:
        if text == lines[1]:
            raise ZeroDivisionError(PHONE)
        return works(log, text)

    monkeypatch.setattr(QueueLogTranslator, "translate", translate)
    told = told_of(lines)
    assert moments(told.events) == [0, -2]
    (letter,) = told.letters
    assert (letter.reason, letter.where) == (DeadLetterReason.INTERNAL_ERROR, "byte 40")
    assert "ZeroDivisionError at tests.services.ingest.sources.test_batch:" in letter.detail
    assert PHONE not in str(letter)
    assert list(told.failures) == [40]


def test_a_weekend_away_loses_nothing():
    friday = NOW - timedelta(days=3)
    told = told_of([line(friday + n * timedelta(minutes=10)) for n in range(300)])
    assert (len(told.events), told.letters, told.left) == (300, [], LeftOut())


def test_what_is_older_than_a_month_is_left_out_without_a_dead_letter():
    old = NOW - FOLLOWED - SECOND
    lines = [line(old), line(old, verb="CONNECT|5|x|1"), line(old, 2, "FULL"), line(NOW)]
    told = told_of(lines)
    assert (moments(told.events), told.letters, told.left) == ([0], [], LeftOut(lines=3, calls=2))


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=400)])
def test_a_line_from_the_future_is_refused_alone(ahead: timedelta):
    restart = f"{int((NOW + ahead).timestamp())}|NONE|NONE|NONE|QUEUESTART|\n".encode()
    told = told_of(
        [line(NOW - 9 * SECOND), restart, line(NOW + ahead, 2), line(NOW - 9 * SECOND, verb="ABANDON")]
    )
    assert [letter.reason for letter in told.letters] == [DeadLetterReason.FUTURE] * 2
    assert moments(told.events) == [-9, -9]
    assert told.unusable_waits == 0  # the restart did not make the translator forget who waits


@pytest.mark.parametrize("every", [SECOND / 10, 7 * SECOND, 9 * SECOND])
def test_a_clock_three_minutes_ahead_costs_no_line(every: timedelta):
    """Lines have happened just now, until it is known by how much to put them back: a backlog stays so."""
    ahead, clock, said = timedelta(minutes=3), ExchangeClock(), []
    for number in range(40):
        now = NOW + number * every
        read_at = now + SECOND / 2
        clock = clock.read(ms_of(now + ahead), ms_of(read_at), ms_of(read_at) - ms_of(NOW))
        told = told_of([line(now + ahead, number)], read_at, clock)
        assert told.letters == []
        said += [(event.at - now).total_seconds() for event in told.events]
    assert len(said) == 40
    assert all(-0.5 <= late <= 0.5 for late in said)


def test_two_names_that_would_be_one_queue_are_not_mixed():
    told = told_of([line(NOW, queue="Каса"), line(NOW, queue="Бюро")])
    (letter,) = told.letters
    assert len(told.events) == 1
    assert (letter.reason, letter.where) == (DeadLetterReason.UNKNOWN_QUEUE, "byte 40")
    assert "q-----" in letter.detail


def test_a_log_in_another_dress_is_one_dead_letter_a_batch():
    syslog = [b"Mar  2 10:00:00 pbx asterisk[1]: " + line(NOW, number) for number in range(400)]
    (letter,) = told_of(syslog).letters
    assert (letter.reason, letter.where) == (DeadLetterReason.UNREADABLE, "byte 0")
    assert letter.detail.startswith("not one of 400 lines can be read; the first: field 1 (epoch)")
    assert len(told_of([*syslog, line(NOW)]).letters) == 400
