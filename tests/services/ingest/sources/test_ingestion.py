"""A batch of a queue_log's lines, on one of which our own code fails."""

from __future__ import annotations

import pytest

from services.ingest.sources.queue_log.ingestion import tell
from services.ingest.sources.queue_log.reader import NOWHERE, Lines
from services.ingest.sources.queue_log.translate import QueueLogTranslator, TranslatorRules
from shared.contract.dead_letters import DeadLetterReason
from shared.contract.events import Event, Outcome
from tests.support.ingest_desk import NOW, PHONE, PSEUDONYMS

RULES = TranslatorRules("pbx", "lier", {}, Outcome.ABANDONED)


def line(number: int) -> bytes:
    return (
        f"{1_772_445_600 + number}|{1_772_445_600 + number}.{number}|onthaal|NONE|ENTERQUEUE|||1\n".encode()
    )


def test_the_line_is_a_dead_letter_that_says_where_and_the_others_are_told(monkeypatch: pytest.MonkeyPatch):
    works = QueueLogTranslator.translate

    def translate(log: QueueLogTranslator, text: bytes) -> object:
        if text == line(1):
            raise ZeroDivisionError(PHONE)
        return works(log, text)

    monkeypatch.setattr(QueueLogTranslator, "translate", translate)
    lines = Lines(tuple(map(line, range(3))), (0, 40, 80), NOWHERE)
    told = tell(lines, QueueLogTranslator(RULES, PSEUDONYMS), frozenset({"onthaal"}), "pbx", NOW)
    assert [moment(event) for event in told.events] == [0, 2]
    (letter,) = told.letters
    assert (letter.reason, letter.where) == (DeadLetterReason.INTERNAL_ERROR, "byte 40")
    assert "ZeroDivisionError at tests.services.ingest.sources.test_ingestion:" in letter.detail
    assert PHONE not in str(letter)
    assert list(told.failures) == [40]


def moment(event: Event) -> int:
    return int(event.at.timestamp()) - 1_772_445_600
