"""What may travel as it is, and what becomes a pseudonym under the key of its day."""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from services.ingest.pseudonyms import Pseudonyms, day_of, is_exchanges_own
from services.ingest.sources.queue_log.translate import (
    MOST_CALLS,
    QueueLogTranslator,
    SkippedLine,
    TranslatorRules,
    TranslatorState,
)
from shared.contract.events import CallQueued, Event, Outcome
from tests.support.ingest_desk import PSEUDONYMS, stored

NOW: Final = 1_772_532_000
CHANGE: Final = datetime(2026, 3, 3, 3, tzinfo=UTC)
"""When one day's key follows the other's."""

OTHER_KEY: Final = Pseudonyms(b"another key of at least 32 characters")


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("1772532000.0", True),
        ("1772531000.1957", True),
        ("1772532000.999999", True),
        ("pbx1-1772532000.17", True),
        ("1772618400.1", True),  # a day ahead: a clock that was set
        ("1772445600.1", True),
        ("1772445599.1", False),
        ("1772618401.1", False),
        ("1470123456.78", False),
        ("0470123456.1", False),
        ("32470123456.12", False),
        ("0032470123456.1", False),
        ("1772532000.0470123456", False),
        ("1772532000.0470", False),
        ("1772532000.1234567", False),
        ("1772532000", False),
        ("1772532000.", False),
        ("1772532000.1 ", False),
        ("1772532000.1\n", False),
        ("1772532000.1.0470123456", False),
        ("pbx2-1772532000.17", False),
        ("PBX1-1772532000.17", False),
        ("An-Peeters-1772532000.17", False),
        ("p04.70.12.34.56-1772532000.17", False),
        ("pbx1-0470123456-1772532000.17", False),
        ("-1772532000.17", False),
        ("١٧٧٢٥٣٢٠٠٠.1", False),  # digits, and none of ours
        ("", False),
    ],
)
def test_only_what_is_surely_an_exchanges_own_travels_as_it_is(text: str, own: bool) -> None:
    assert is_exchanges_own(text.encode(), NOW, ("pbx1",)) is own


def test_a_pseudonym_has_128_bits_and_needs_the_key() -> None:
    here = PSEUDONYMS.of(b"0470123456", day_of(NOW))
    assert len(bytes.fromhex(here)) == 16
    assert here == PSEUDONYMS.of(b"0470123456", day_of(NOW))
    assert here != OTHER_KEY.of(b"0470123456", day_of(NOW))
    assert here != PSEUDONYMS.of(b"0470123456", day_of(NOW) + 1)
    assert here != PSEUDONYMS.seal(b"0470123456")


@pytest.mark.parametrize("text", [b"", b"0470123456", b"x" * 1_000])
def test_a_pseudonym_is_the_beginning_of_an_hmac_sha_256(text: bytes) -> None:
    key = hmac.digest(b"k" * 64, b"day 7", "sha256")
    assert Pseudonyms(b"k" * 64).of(text, 7) == hmac.digest(key, text, "sha256").hex()[:32]


def test_derived_keys_are_not_hoarded() -> None:
    days = [PSEUDONYMS.of(b"x", day) for day in range(1_000)]
    assert len(PSEUDONYMS._days) < 100
    assert [PSEUDONYMS.of(b"x", day) for day in range(1_000)] == days
    assert len(set(days)) == 1_000


@pytest.mark.parametrize("secret", [b"", b"x" * 31])
def test_a_short_key_is_refused_without_showing_it(secret: bytes) -> None:
    with pytest.raises(ValueError, match=r"^shorter than 32 characters$"):
        Pseudonyms(secret)


# By HTTP ---------------------------------------------------------------------------------------------


def event(kind: str, at: datetime, **fields: object) -> dict[str, object]:
    common = {"kind": kind, "id": f"{kind}-An-Peeters", "source": "pbx", "site": "lier", "queue": "onthaal"}
    return {**common, "at": at, "contact": "An-Peeters", **fields}


def test_an_event_sent_again_has_the_same_id_and_no_name_in_it() -> None:
    first, again = (stored(event("call.queued", CHANGE)) for _ in range(2))
    assert first == again
    assert "Peeters" not in first.model_dump_json()


def test_an_exchanges_own_id_stays() -> None:
    call = f"{int(CHANGE.timestamp())}.7"
    assert stored(event("call.queued", CHANGE, contact=call, id=call)).model_dump(
        include={"id", "contact"}
    ) == {
        "id": call,
        "contact": call,
    }


@pytest.mark.parametrize("entered", [CHANGE - timedelta(seconds=90), CHANGE - timedelta(seconds=1), CHANGE])
def test_all_events_of_a_wait_over_the_change_of_keys_name_one_contact(entered: datetime) -> None:
    wait = timedelta(minutes=3)
    told = [
        stored(event("call.queued", entered)),
        stored(event("call.answered", entered + wait, wait_ms=180_000)),
        stored(event("call.missed", entered + wait, wait_ms=180_000, outcome="abandoned")),
        stored(event("visit.arrived", entered)),
        stored(event("visit.called", entered + wait, arrived_at=entered)),
        stored(event("visit.served", entered + wait, service_ms=180_000)),
    ]
    assert len({one.contact for one in told if hasattr(one, "contact")}) == 1


def test_an_appointment_has_one_pseudonym_however_long_it_lasts_and_none_that_a_contact_has() -> None:
    later = CHANGE + timedelta(days=9)
    told = [
        stored(
            event("appointment.booked", CHANGE, booked_at=CHANGE, starts_at=later, appointment="An-Peeters")
        ),
        stored(event("appointment.moved", later, starts_at=later, appointment="An-Peeters")),
        stored(event("appointment.cancelled", later, appointment="An-Peeters")),
    ]
    (pseudonym,) = {one.appointment for one in told if hasattr(one, "appointment")}
    assert re.fullmatch("[0-9a-f]{32}", str(pseudonym))
    assert pseudonym not in {PSEUDONYMS.seal(b"An-Peeters"), PSEUDONYMS.of(b"An-Peeters", day_of(NOW))}
    assert "Peeters" not in "".join(one.model_dump_json() for one in told)


# In a queue_log --------------------------------------------------------------------------------------

RULES: Final = TranslatorRules("pbx", "lier", {}, Outcome.LEFT_BY_KEY)
NUMBER: Final = "0470123456"


def line(seconds: float, rest: str, queue: str = "onthaal", call: str = NUMBER) -> bytes:
    """A line so long after the change of keys."""
    verb, _, told = rest.partition("|")
    return f"{int(CHANGE.timestamp() + seconds)}|{call}|{queue}|NONE|{verb}|{told}".encode()


A_CALL: Final = [
    line(-40, "ENTERQUEUE||x|1"),
    line(-20, "EXITWITHTIMEOUT|1|1|20"),
    line(-20, "ENTERQUEUE||x|1", queue="tweede"),
    line(15, "CONNECT|35|x|5", queue="tweede"),
    line(300, "COMPLETECALLER|35|285|1", queue="tweede"),
    line(301, "ENTERQUEUE||x|1", queue="derde"),
    line(400, "ABANDON|1|1|99", queue="derde"),
]
"""From queue to queue, over the change."""


def said(translator: QueueLogTranslator, lines: list[bytes]) -> list[Event]:
    return [fact for fact in map(translator.translate, lines) if not isinstance(fact, SkippedLine)]


@pytest.mark.parametrize("restart", range(len(A_CALL) + 1))
def test_a_call_over_the_change_of_keys_keeps_its_contact_also_over_a_restart(restart: int) -> None:
    first = QueueLogTranslator(RULES, PSEUDONYMS)
    before = said(first, A_CALL[:restart])
    memory = TranslatorState.model_validate_json(first.memory().model_dump_json())
    events = before + said(QueueLogTranslator(RULES, PSEUDONYMS, memory), A_CALL[restart:])
    assert events == said(QueueLogTranslator(RULES, PSEUDONYMS), A_CALL)
    assert len({getattr(fact, "contact", None) for fact in events}) == 1
    assert len({fact.id for fact in events}) == len(A_CALL)


def test_a_clock_that_is_set_back_over_the_change_gives_no_other_contact() -> None:
    lines = [line(60, "ENTERQUEUE||x|1"), line(-7_000, "CONNECT|5|x|5")]
    assert (
        len({getattr(fact, "contact", None) for fact in said(QueueLogTranslator(RULES, PSEUDONYMS), lines)})
        == 1
    )


def test_a_caller_of_another_day_is_another_contact() -> None:
    lines = [line(hours * 3600, "ENTERQUEUE||x|1") for hours in (-10, 10, 34)]
    assert (
        len({getattr(fact, "contact", None) for fact in said(QueueLogTranslator(RULES, PSEUDONYMS), lines)})
        == 3
    )


def test_pseudonyms_are_forgotten_hours_after_a_call_and_never_too_many() -> None:
    log = QueueLogTranslator(RULES, PSEUDONYMS)
    said(log, [line(0, "ENTERQUEUE||x|1", call=f"04700{number:05}") for number in range(MOST_CALLS + 50)])
    assert len(log.memory().pseudonyms) == MOST_CALLS
    said(log, [line(7 * 3600, "ENTERQUEUE||x|1")])
    assert len(log.memory().pseudonyms) == 1


@pytest.mark.parametrize("place", ["call", "queue"])
def test_what_is_kept_of_a_line_depends_on_the_key_wherever_a_number_stands(place: str) -> None:
    """Else all numbers could be tried against it."""
    kept = []
    for pseudonyms in (PSEUDONYMS, OTHER_KEY):
        log = QueueLogTranslator(RULES, pseudonyms)
        (fact,) = said(
            log, [line(0, "ENTERQUEUE||x|1", **{"call": f"{int(CHANGE.timestamp())}.1", place: NUMBER})]
        )
        assert isinstance(fact, CallQueued)
        memory = log.memory()
        assert NUMBER not in memory.model_dump_json()
        kept.append({fact.id, *memory.entered, *memory.pseudonyms})
    assert kept[0].isdisjoint(kept[1])
