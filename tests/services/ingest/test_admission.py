"""The rules of the HTTP door."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.ingest.admission import AdmissionRules, admit, looks_like_phone_number
from shared.config.model import HttpSource, PipelineConfig
from shared.contract.dead_letters import DeadLetterReason
from shared.contract.events import EVENT
from tests.support.ingest_desk import NOW, PHONE, answered, city

CITY = city()
HTTP = {source.id: source for source in CITY.sources if isinstance(source, HttpSource)}
DOORS = {name: AdmissionRules.of(CITY, source) for name, source in HTTP.items()}
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("changes", "reason", "name"),
    [
        ({}, None, None),
        ({"queue": "wonen"}, DeadLetterReason.WRONG_KIND, "queue"),  # a call at a counter
        ({"source": "kiosk"}, DeadLetterReason.NOT_ALLOWED, "source"),
        ({"queue": "burgerzaken"}, DeadLetterReason.UNKNOWN_QUEUE, "queue"),
        ({"queue": "balie"}, DeadLetterReason.UNKNOWN_QUEUE, "queue"),  # exists, at another site
        ({"site": "nergens"}, DeadLetterReason.UNKNOWN_QUEUE, "site"),
        ({"site": "elders", "queue": "balie"}, DeadLetterReason.NOT_ALLOWED, "site"),
        ({"id": PHONE}, DeadLetterReason.PERSONAL, "id"),
        ({"contact": "0470-00.00.00"}, DeadLetterReason.PERSONAL, "contact"),
        ({"at": NOW + timedelta(minutes=2)}, None, None),
        ({"at": NOW + timedelta(minutes=2) + SECOND}, DeadLetterReason.FUTURE, "at"),
        ({"at": NOW + timedelta(days=3 * 365)}, DeadLetterReason.FUTURE, "at"),
        ({"at": NOW - timedelta(hours=24)}, None, None),
        ({"at": NOW - timedelta(hours=24) - SECOND}, DeadLetterReason.LATE, "at"),
        ({"at": NOW - timedelta(days=3 * 365)}, DeadLetterReason.LATE, "at"),
    ],
)
def test_who_may_come_in(changes: dict[str, object], reason: DeadLetterReason | None, name: str | None):
    refusal = admit(EVENT.validate_python(answered(**changes)), DOORS["pbx"], NOW)
    assert (refusal.reason, refusal.name) == (reason, name) if refusal else reason is None


VISIT = {"kind": "visit.called", "arrived_at": NOW - timedelta(minutes=9)}
ARRIVAL = {"kind": "visit.arrived", "contact": "w1"}
BOOKING = {"kind": "appointment.booked", "booked_at": NOW, "starts_at": NOW + timedelta(days=9)}
MOVE = {"kind": "appointment.moved", "starts_at": NOW + timedelta(days=9)}
OFFER = {"kind": "appointment.offer", "first_free_at": NOW + timedelta(days=9)}


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        (VISIT, None),
        (VISIT | {"arrived_at": NOW}, None),
        (VISIT | {"arrived_at": NOW + timedelta(minutes=2)}, None),  # two clocks
        (
            VISIT | {"arrived_at": NOW + timedelta(minutes=2, seconds=1)},
            "arrived_at",
        ),  # called before coming in
        (VISIT | {"arrived_at": NOW - timedelta(days=3)}, None),  # Friday's ticket, called on Monday
        (VISIT | {"arrived_at": NOW - timedelta(days=32)}, "arrived_at"),
        ({"kind": "visit.served", "service_ms": 540_000}, None),
        ({"kind": "visit.no_show"}, None),
        (MOVE, None),
        (MOVE | {"starts_at": NOW - timedelta(days=9)}, None),  # written down afterwards
        (MOVE | {"starts_at": NOW + timedelta(days=3 * 365)}, "starts_at"),
        ({"kind": "appointment.cancelled", "appointment": "A-17"}, None),
        (VISIT | {"arrived_at": NOW - timedelta(days=3 * 365)}, "arrived_at"),
        (BOOKING, None),
        (BOOKING | {"booked_at": NOW - timedelta(days=3 * 365)}, "booked_at"),
        (BOOKING | {"starts_at": NOW - timedelta(hours=1)}, "starts_at"),
        (BOOKING | {"starts_at": NOW + timedelta(days=3 * 365)}, "starts_at"),
        (OFFER, None),
        (OFFER | {"first_free_at": NOW + timedelta(days=3 * 365)}, "first_free_at"),
        (OFFER | {"first_free_at": NOW - timedelta(days=3)}, "first_free_at"),
        (VISIT | {"appointment_at": NOW - timedelta(days=3 * 365)}, "appointment_at"),
        (ARRIVAL, None),
        (ARRIVAL | {"appointment_at": NOW + timedelta(days=3 * 365)}, "appointment_at"),
    ],
)
def test_a_second_clock_that_is_years_off_ruins_no_mean(fields: dict[str, object], name: str | None):
    event = {"id": "e1", "at": NOW, "source": "pbx", "site": "lier", "queue": "wonen", **fields}
    refusal = admit(EVENT.validate_python(event), DOORS["pbx"], NOW)
    assert (refusal.reason, refusal.name) == (DeadLetterReason.INVALID, name) if refusal else name is None


@pytest.mark.parametrize(("tolerance", "admitted"), [("0s", False), ("2m", False), ("5m", True)])
def test_how_far_two_clocks_of_a_counter_lie_apart_is_the_citys_to_say(tolerance: str, admitted: bool):
    lier = CITY.model_copy(update={"pipeline": PipelineConfig.model_validate({"clock_tolerance": tolerance})})
    visit = VISIT | {"arrived_at": NOW + timedelta(minutes=4)}
    called = EVENT.validate_python(
        {"id": "e1", "at": NOW, "source": "pbx", "site": "lier", "queue": "wonen", **visit}
    )
    for door in (AdmissionRules.of(lier, HTTP["pbx"]), AdmissionRules.of_files(lier)):
        assert (admit(called, door, NOW) is None) is admitted


@pytest.mark.parametrize("kind", ["appointment.booked", "appointment.moved", "appointment.cancelled"])
def test_an_appointment_is_never_called_by_a_phone_number(kind: str):
    times = {"booked_at": NOW, "starts_at": NOW + timedelta(days=9)}
    event = {"kind": kind, "id": "e1", "at": NOW, "source": "pbx", "site": "lier", "queue": "wonen", **times}
    refusal = admit(EVENT.validate_python({**event, "appointment": PHONE}), DOORS["pbx"], NOW)
    assert refusal is not None
    assert (refusal.reason, refusal.name) == (DeadLetterReason.PERSONAL, "appointment")
    assert PHONE not in str(refusal.letter(NOW, "pbx", "item 0"))
    named = EVENT.validate_python({**event, "appointment": "An-Peeters", "queue": "nergens"})
    elsewhere = admit(named, DOORS["pbx"], NOW)
    assert elsewhere is not None
    assert "Peeters" not in str(elsewhere.letter(NOW, "pbx", "item 0"))


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"queue": "wonen"}, "call.answered is of a phone queue; those of lier: onthaal"),
        (VISIT | {"queue": "onthaal"}, "visit.called is of a counter queue; those of lier: wonen"),
        (VISIT | {"site": "elders", "queue": "sales"}, "known queues of elders: balie"),
        ({"site": "elders", "queue": "balie"}, "call.answered is of a phone queue; those of elders: none"),
    ],
)
def test_a_sender_is_told_at_once_which_queues_take_it(changes: dict[str, object], detail: str):
    refusal = admit(EVENT.validate_python(answered(**changes)), AdmissionRules.of_files(CITY), NOW)
    assert refusal is not None
    assert refusal.detail == detail


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("sales", True),
        ("603", True),
        ("q.603-b_2", True),
        ("80123", True),
        ("0470000000", False),
        ("4800555", False),
        ("0470-00.00", False),
        ("q-480055", False),
    ],
)
def test_what_was_refused_is_named_unless_it_may_be_a_phone_number(name: str, kept: bool):
    for changes in ({"queue": name}, {"site": name}, {"source": name}):
        refusal = admit(EVENT.validate_python(answered(**changes)), DOORS["pbx"], NOW)
        assert refusal is not None
        (of,) = changes
        assert (refusal.letter(NOW, "pbx", "item 0").item.get(of) == name) is kept


def test_a_heartbeat_needs_no_queue():
    beat = {"kind": "source.heartbeat", "id": "b1", "at": NOW, "source": "kiosk", "site": "lier"}
    assert admit(EVENT.validate_python(beat), DOORS["kiosk"], NOW) is None


@pytest.mark.parametrize("name", ["id", "contact", "source", "site", "queue", "at"])
def test_the_refused_value_is_forgotten(name: str):
    wrong = {
        "id": PHONE,
        "contact": PHONE,
        "source": "vreemd",
        "site": "vreemd",
        "queue": "vreemd",
        "at": NOW - 9 * 365 * DAY,
    }
    refusal = admit(EVENT.validate_python(answered(**{name: wrong[name]})), DOORS["pbx"], NOW)
    assert refusal is not None
    letter = refusal.letter(NOW, "pbx", "item 0")
    assert letter.item.keys().isdisjoint({name, "id", "contact"} - {"source", "site", "queue"})
    assert letter.item["wait_ms"] == 12_000
    assert str(wrong[name]) not in letter.detail


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("+32 470 00 00 00", True),
        ("0032470000000", True),
        ("0470/00.00.00", True),
        ("(03) 000 00 00", True),
        ("03 000 00 00", True),
        ("tel:+32470000000", True),
        ("tel:0470000000", True),
        ("call-+32 470 00 00 00-17", True),
        ("line\n+32470000000", True),
        ("2026-03-02T10:00:00+01:00", False),
        ("call-0470000000", False),  # or a serial number; who could tell
        ("sip:+32470000000@pbx.example", True),
        ("1772445600.17", False),  # Asterisk's uniqueid
        ("pbx-1772445600.17", False),
        ("000123", False),
        ("01", False),
        ("A012", False),
        ("2026-03-02", False),
        ("", False),
        (12, False),
        (None, False),
    ],
)
def test_what_looks_like_a_phone_number(text: str | int | None, looks: bool):
    assert looks_like_phone_number(text) is looks
