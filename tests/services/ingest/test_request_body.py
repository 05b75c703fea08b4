"""A request's body becomes items, whatever is in it."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.admission import RefusedItem
from services.ingest.request_body import TooManyItemsError, UnreadableBodyError, items
from shared.contract.dead_letters import DeadLetterReason
from shared.contract.events import EVENT
from tests.support.ingest_desk import PHONE, answered

LIMIT = 100
GOOD = json.dumps(answered())
OTHER = json.dumps(answered(2))


def told(body: str | bytes) -> list[str]:
    """One word per item: ``ok`` or the reason."""
    raw = body.encode() if isinstance(body, str) else body
    return [one.reason.value if isinstance(one, RefusedItem) else "ok" for one in items(raw, LIMIT)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (GOOD, ["ok"]),
        (f"  \r\n{GOOD}\n", ["ok"]),
        ("\ufeff" + GOOD, ["ok"]),
        (json.dumps(answered(), indent=2), ["ok"]),  # one object over many lines
        (f"{GOOD}\n{OTHER}", ["ok", "ok"]),
        (f"{GOOD}\r\n\r\n{OTHER}\r\n", ["ok", "ok"]),
        (f"[{GOOD},{OTHER}]", ["ok", "ok"]),
        (f"[{GOOD},\n{OTHER}\n]", ["ok", "ok"]),
        ("[]", []),
        (f"{GOOD}\ngarbage\n{OTHER}", ["ok", "unreadable", "ok"]),
        (f"{GOOD}\n{GOOD[:40]}", ["ok", "unreadable"]),
        (GOOD.encode() + b"\n\xff\xfe\x00\n" + OTHER.encode(), ["ok", "unreadable", "ok"]),
        (f"{GOOD},{OTHER}\n{GOOD}", ["unreadable", "ok"]),  # two on one line are no line of JSON
        (f"[{GOOD},5,null,[],{OTHER}]", ["ok", "invalid", "invalid", "invalid", "ok"]),
        ("12", ["invalid"]),
        ('{"kind": "call.answered"}', ["invalid"]),
        ('{"kind": "call.vanished"}', ["invalid"]),
        ("{}", ["invalid"]),
        ("{" * 5 + "\n" + GOOD, ["unreadable", "ok"]),
    ],
)
def test_items(body: str | bytes, expected: list[str]):
    assert told(body) == expected


@pytest.mark.parametrize(
    ("body", "byte"),
    [
        (b"", 0),
        (b"  \n ", 4),
        (b"\x00\x01\x02", 0),
        (b"hello", 0),
        (b"[1, 2", 4),
        (b'  {"a": x}', 8),
        (b'\n[\n{"a": 1},\n oops]', 14),
        (GOOD.encode()[:50], 49),
    ],
)
def test_no_json_at_all(body: bytes, byte: int):
    with pytest.raises(UnreadableBodyError) as caught:
        items(body, LIMIT)
    assert caught.value.byte == byte


@pytest.mark.parametrize(
    "body",
    [
        "\n".join([GOOD] * (LIMIT + 1)),
        "\n" * (2 * LIMIT + 2) + "{\n" + "\n" * (2 * LIMIT + 2),
        "[" + ",".join([GOOD] * (LIMIT + 1)) + "]",
        "[" + ",".join(["{}"] * (LIMIT + 1)) + "]",
        "[" + ",".join(["1"] * 100_000) + "]",
    ],
)
def test_too_many(body: str):
    with pytest.raises(TooManyItemsError):
        told(body)


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ({"wait_ms": "long"}, "wait_ms", "wait_ms: Input should be a valid integer"),
        ({"wait_ms": -1}, "wait_ms", "greater than or equal to 0"),
        ({"at": "2026-03-02T10:00:00"}, "at", "timezone"),
        ({"at": "yesterday"}, "at", "at: Input should be a valid datetime"),
        ({"queue": "Onthaal Balie"}, "queue", "queue: String should match pattern"),
        ({"kind": "call.vanished"}, "kind", "kind must be one of call.queued, call.answered"),
        ({"caller": PHONE}, "caller", "does not know"),
    ],
)
def test_words_for_the_sender(changes: dict[str, object], name: str, words: str):
    (refusal,) = items(json.dumps(answered(**changes)).encode(), LIMIT)
    assert isinstance(refusal, RefusedItem)
    assert (refusal.reason, refusal.name) == (DeadLetterReason.INVALID, name)
    assert words in refusal.detail


@pytest.mark.parametrize(
    "changes",
    [
        {"caller": PHONE},
        {PHONE: 1},
        {"wait_ms": PHONE},
        {"kind": PHONE},
        {"queue": PHONE},
        {"contact": PHONE, "wait_ms": -1},
        {"contact": ["Jan", PHONE]},
        {"wait_ms": "0470000000"},
        {"at": PHONE},
    ],
)
def test_nothing_a_sender_said_in_free_form_is_kept(changes: dict[str, object]):
    (refusal,) = items(json.dumps(answered(**changes)).encode(), LIMIT)
    assert isinstance(refusal, RefusedItem)
    assert dict(refusal.kept) == ({} if "kind" in changes else {"kind": "call.answered"})
    assert "470" not in refusal.detail
    assert "Jan" not in refusal.detail


@given(st.binary(max_size=200))
def test_any_bytes_are_answered(body: bytes):
    byte = None
    with suppress(TooManyItemsError):
        try:
            items(body, LIMIT)
        except UnreadableBodyError as error:
            byte = error.byte
    assert byte is None or 0 <= byte <= len(body)


@given(
    st.lists(
        st.sampled_from([GOOD, OTHER, "{}", '{"kind":"call.queued"}', "[]", "3"]), min_size=1, max_size=8
    )
)
def test_lines_and_array_say_the_same(lines: list[str]):
    array = told(f"[{','.join(lines)}]")
    assert array == [word for line in lines for word in told(f"[{line}]")]
    if not lines[0].startswith("["):
        assert told("\n".join(lines)) == array


@given(st.integers(0, len(GOOD) - 1))
def test_a_truncated_neighbour_harms_nobody(cut: int):
    words = told(f"{GOOD}\n{GOOD[:cut]}\n{OTHER}")
    assert words[0] == words[-1] == "ok"
    assert list(items(GOOD.encode(), LIMIT)) == [EVENT.validate_json(GOOD)]
