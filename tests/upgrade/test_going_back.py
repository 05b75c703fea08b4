"""What is written bears the names that the release before reads: going back tells nothing twice.

But for the measure of a no-data rule, which has another name now (see the changelog).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.notifier.delivery_log import LINE, encode
from services.notifier.model import Delivery
from services.notifier.state import Record, decode_record, whole
from services.notifier.state import encode as written
from tests.support.redis_dump import read
from tests.upgrade.fields import without_new_fields

BEFORE: dict[str, Any] = read(Path(__file__).with_name("before") / "state.json")


def stored(value: object) -> bytes:
    return json.dumps(value).replace('"silence"', '"no_data"').encode()


def part(name: str) -> dict[str, Any]:
    held = BEFORE[f"{{p0}}:notifier:{name}"]
    found = held.get("fields") or {key: entry["__data__"] for key, entry in held["entries"].items()}
    assert found
    return found


def names(value: object) -> object:
    """The names in a JSON value, at any depth."""
    match value:
        case dict():
            return {name: names(inner) for name, inner in value.items()}
        case list():
            return [names(inner) for inner in value]
        case _:
            return None


def test_records_are_written_under_the_names_they_had():
    before = part("records")
    records: dict[str, Record] = {key: decode_record(key, stored(value)) for key, value in before.items()}
    after = {key: json.loads(record) for key, record in written(whole(records)).items()}
    assert names(after) == names(before)


def test_deliveries_under_way_are_written_under_the_names_they_had():
    before = part("outbox")
    after = {
        key: json.loads(Delivery.model_validate_json(stored(value)).encode()) for key, value in before.items()
    }
    assert names(without_new_fields(after)) == names(before)


@pytest.mark.parametrize("log", ["log", "dead"])
def test_lines_of_the_delivery_log_are_written_under_the_names_they_had(log: str):
    before = part(log)
    lines = {key: LINE.validate_json(stored(value)) for key, value in before.items()}
    assert names({key: json.loads(encode(line)) for key, line in lines.items()}) == names(before)
