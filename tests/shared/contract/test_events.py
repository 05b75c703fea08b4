"""The wire contract stays what others were promised."""

from __future__ import annotations

import copy
import json
from datetime import timedelta

import pytest
from pydantic import BaseModel, ValidationError

from shared.contract.events import EVENT, EVENTS, CallAnswered, encode
from tests.shared.contract.evolution import EXAMPLES, SCHEMAS, Schema, breaks, kinds, read, schema_of

KINDS = sorted(kinds())


def _field(schema: Schema, name: str, content: Schema) -> None:
    fields = schema["properties"]
    assert isinstance(fields, dict)
    fields[name] = content


def _required_skill(schema: Schema) -> None:
    _field(schema, "skill", {"type": "string"})
    schema["required"] = [*schema["required"], "skill"]  # type: ignore[misc]


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_schema_is_the_models_schema(kind: str) -> None:
    assert read(SCHEMAS / f"{kind}.json") == schema_of(kinds()[kind]), "run `make schemas`"


def test_no_schema_is_left_behind() -> None:
    assert sorted(path.stem for path in SCHEMAS.glob("*.json")) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_an_example_that_survives_the_wire(kind: str) -> None:
    text = (EXAMPLES / f"{kind}.json").read_bytes()
    event = EVENT.validate_json(text, extra="forbid")
    assert event.kind == kind
    assert json.loads(encode(event)) == json.loads(text)
    assert EVENTS.validate_json(b"[" + encode(event) + b"]") == [event]


def test_instants_keep_their_milliseconds() -> None:
    event = _example("call.answered")
    assert isinstance(event, CallAnswered)
    moved = event.model_copy(update={"at": event.at + timedelta(milliseconds=7)})
    assert EVENT.validate_json(encode(moved)) == moved


@pytest.mark.parametrize(
    ("story", "change", "said"),
    [
        ("an optional field is free", lambda s: _field(s, "skill", {"type": "string"}), []),
        (
            "a new required field is not",
            _required_skill,
            ["skill is new and required: readers of old events lack it"],
        ),
        ("nor is taking one away", lambda s: s["properties"].pop("wait_ms"), ["wait_ms has gone"]),
        (
            "nor a new meaning",
            lambda s: _field(s, "wait_ms", {"type": "number"}),
            ["wait_ms means something else now"],
        ),
        (
            "nor relaxing a field",
            lambda s: s["required"].remove("wait_ms"),
            ["wait_ms was required and is optional now"],
        ),
        (
            "nor one more outcome",
            lambda s: s["$defs"]["Outcome"]["enum"].append("vanished"),
            ["outcome means something else now"],
        ),
        (
            "nor other years",
            lambda s: s["properties"]["at"].update(formatMinimum="2010-01-01T00:00:00Z"),
            ["at means something else now"],
        ),
        ("better words are free", lambda s: s["properties"]["at"].update(description="other words"), []),
    ],
)
def test_only_an_optional_field_may_be_added(story, change, said) -> None:
    old = schema_of(kinds()["call.missed"])
    new = copy.deepcopy(old)
    change(new)
    assert breaks(old, new) == said, story


@pytest.mark.parametrize(
    ("story", "change"),
    [
        ("a naive instant", {"at": "2026-03-12T08:00:00"}),
        ("a negative wait", {"wait_ms": -1}),
        ("half a millisecond", {"wait_ms": 0.5}),
        ("an unknown kind", {"kind": "call.lost"}),
        ("a queue name that would break a key", {"queue": "p0}:events"}),
        ("no id", {"id": ""}),
    ],
)
def test_what_is_no_event_is_refused(story, change) -> None:
    good = json.loads((EXAMPLES / "call.answered.json").read_text())
    with pytest.raises(ValidationError):
        EVENT.validate_python({**good, **change})


def test_consumers_ignore_fields_they_do_not_know_and_the_door_refuses_them() -> None:
    text = json.dumps({**json.loads((EXAMPLES / "call.answered.json").read_text()), "phone": "0000000000"})
    assert b"phone" not in encode(EVENT.validate_json(text))
    with pytest.raises(ValidationError):
        EVENT.validate_json(text, extra="forbid")


def _example(kind: str) -> BaseModel:
    return EVENT.validate_json((EXAMPLES / f"{kind}.json").read_bytes())


INSTANTS = [
    (kind, name)
    for kind in KINDS
    for name in kinds()[kind].model_fields
    if name == "at" or name.endswith("_at")
]


@pytest.mark.parametrize(("kind", "name"), INSTANTS)
@pytest.mark.parametrize(
    "odd",
    [
        "0001-01-01T00:00:00+01:00",  # has no moment of UTC that Python knows
        "0001-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "1999-12-31T23:59:59.999999Z",
        "2000-01-01T00:59:59+01:00",
        "2099-12-31T23:30:00-01:00",
        "2100-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999-23:59",
        0,
        -62135596800,
        253402300799,
        1e300,
        float("inf"),
        float("-inf"),
        float("nan"),
        10**30,
        "2026-03-02",
        "2026-03-02T10:00",
        True,
        "",
        [],
    ],
)
def test_every_instant_is_one_that_can_be_meant(kind: str, name: str, odd: object) -> None:
    good = json.loads((EXAMPLES / f"{kind}.json").read_text())
    with pytest.raises(ValidationError) as refused:
        EVENT.validate_json(json.dumps({**good, name: odd}))
    assert refused.value.errors()[0]["loc"][:2] == (kind, name)


@pytest.mark.parametrize(("kind", "name"), INSTANTS)
def test_the_first_and_the_last_instant_are_taken(kind: str, name: str) -> None:
    good = json.loads((EXAMPLES / f"{kind}.json").read_text())
    for at in ("2000-01-01T00:00:00Z", "2000-01-01T01:00:00+01:00", "2099-12-31T23:59:59.999999Z"):
        assert EVENT.validate_python({**good, name: at}).kind == kind
