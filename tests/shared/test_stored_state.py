"""Fields are read one by one: what cannot be read is noted, and the others are there."""

from __future__ import annotations

from pydantic import BaseModel

from shared.stored_state import UnreadableField, sound


class Number(BaseModel):
    n: int


def read(name: bytes, value: bytes) -> tuple[str, int]:
    return name.decode(), Number.model_validate_json(value).n


def test_what_cannot_be_read_is_noted_and_stops_nothing_else():
    unreadable: list[UnreadableField] = []
    fields = {b"a": b'{"n":1}', b"b": b'{"n":"0470123456x"}', b"\xff": b'{"n":2}', b"c": b'{"n":3}'}
    assert list(sound("hash", fields.items(), read, unreadable)) == [("a", 1), ("c", 3)]
    assert [(one.key, one.field, one.value) for one in unreadable] == [
        ("hash", b"b", fields[b"b"]),
        ("hash", b"\xff", fields[b"\xff"]),
    ]
    assert [one.why for one in unreadable] == ["n: int_parsing", "UnicodeDecodeError"]
