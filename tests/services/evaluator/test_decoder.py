"""Stream entries become facts; poison becomes a dead letter with the reason and takes nothing with it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.aggregator import StreamEvent
from services.evaluator.decoder import parse
from shared.contract.dead_letters import DeadLetter, DeadLetterReason
from shared.contract.events import CallAnswered, encode
from shared.redis.stream_entries import Batch
from tests.chaos.load import NUMBER, POISON

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
GOOD = encode(CallAnswered(id="a", at=AT, source="pbx", site="lier", queue="onthaal", wait_ms=1))
MANY = b'{"pad":"' + b"x" * 10_000_000 + b'"}'
TOLD_AT = b"2026-03-02T10:00:00Z"
HALVES = [
    b'{"pad":[{}',
    b'{}],"kind":"source.heartbeat","id":"h","at":0,"source":"p","site":"s"}',
    GOOD + b"," + GOOD,
    GOOD[:-5],
    b'"}',
]
"""Pieces that would make sense together: an entry is read by itself."""


def test_an_entry_whose_id_is_beyond_all_time_arrived_at_the_end_of_it():
    (refused,) = parse(Batch(["18446744073709551615-1"], [None]))
    assert isinstance(refused, DeadLetter)
    assert refused.at.year == 2100


def _parsed(*bodies: bytes | None) -> list[StreamEvent | DeadLetter]:
    return parse(Batch([f"{1000 + n}-{n}" for n in range(len(bodies))], bodies))


@pytest.mark.parametrize(("body", "reason"), POISON)
def test_poison_is_refused_with_a_reason_and_its_neighbours_are_not(body: bytes | None, reason: str):
    before, letter, after = _parsed(GOOD, body, GOOD)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.where) == (DeadLetterReason(reason), "1001-1")
    assert isinstance(before, StreamEvent)
    assert isinstance(after, StreamEvent)
    assert (after.entry, after.arrived) == ("1002-2", 1002)


def _good(field: bytes, as_told: bytes) -> bytes:
    return GOOD.replace(field, as_told)


@pytest.mark.parametrize(
    ("story", "body", "reason", "detail"),
    [
        ("absent", None, "unreadable", "no data field"),
        ("cut off", GOOD[:-9], "unreadable", "not JSON"),
        ("10 MB", MANY, "invalid", "kind"),
        ("words", _good(b":1}", b':"soon"}'), "invalid", "call.answered.wait_ms: int_type"),
        ("infinite", _good(b":1}", b":1e999}"), "invalid", "call.answered.wait_ms"),
        ("no wait", _good(b',"wait_ms":1', b""), "invalid", "call.answered.wait_ms: missing"),
        ("no zone", _good(b":00Z", b":00"), "invalid", "call.answered.at: timezone_aware"),
        (
            "first year",
            _good(TOLD_AT, b"0001-01-01T00:00:00+01:00"),
            "invalid",
            "equal 2000-01-01",
        ),
        ("last year", _good(TOLD_AT, b"9999-12-31T23:59:59-01:00"), "invalid", "less_than 2100-01-01"),
        ("no name", _good(b"lier", b"L" * 99), "invalid", "call.answered.site: string_pattern_mismatch"),
        ("no kind", _good(b"call.answered", b"call.rumoured"), "invalid", "kind: union_tag_invalid"),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_a_dead_letter_says_what_is_wrong(story: str, body: bytes | None, reason: str, detail: str):
    (letter,) = _parsed(body)
    assert isinstance(letter, DeadLetter), story
    assert letter.reason.value == reason
    assert detail in letter.detail


@given(st.binary(max_size=40), st.text(max_size=20))
def test_what_was_sent_is_not_quoted(garbage: bytes, word: str):
    marked = GOOD.replace(b'"wait_ms":1', b'"wait_ms":"' + NUMBER.encode() + b'"')
    bodies = [NUMBER.encode() + garbage, marked, b'{"kind":"' + NUMBER.encode() + b'"}']
    for letter in _parsed(*bodies):
        assert isinstance(letter, DeadLetter)
        assert NUMBER.encode() not in letter.encode()


@example(HALVES[:3])
@given(st.lists(st.sampled_from([GOOD, *HALVES, *(body for body, _ in POISON)]), max_size=6))
def test_a_batch_is_read_as_its_entries_would_be_one_by_one(bodies: list[bytes | None]):
    ids = [f"{1000 + n}-{n}" for n in range(len(bodies))]
    alone = [parse(Batch([entry], [body]))[0] for entry, body in zip(ids, bodies, strict=True)]
    assert parse(Batch(ids, bodies)) == alone


def test_no_entries_no_facts():
    assert parse(Batch([], [])) == []


def test_unknown_fields_are_passed_over():
    (arrival,) = _parsed(GOOD[:-1] + b',"caller":"' + NUMBER.encode() + b'"}')
    assert isinstance(arrival, StreamEvent)
    assert NUMBER not in repr(arrival)
