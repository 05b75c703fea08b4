"""What may change in the wire contract: an optional field may be added. Anything else is a new kind.

``make schemas`` writes the schemas anew, and refuses a change that would break somebody who reads
or writes the old ones.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, JsonValue

from shared.contract.events import Event

HERE = Path(__file__).parent
SCHEMAS = HERE / "schemas"
EXAMPLES = HERE / "examples"

Schema = dict[str, JsonValue]


def kinds() -> dict[str, type[BaseModel]]:
    """Return every kind of event with its model."""
    union, _ = get_args(Event)
    return {model.model_fields["kind"].default: model for model in get_args(union)}


def schema_of(model: type[BaseModel]) -> Schema:
    """Return the JSON Schema of a kind as it is on the wire."""
    return model.model_json_schema(mode="validation")


def breaks(old: Schema, new: Schema) -> list[str]:
    """Return what in ``new`` would break a reader or a writer of ``old``, in words."""
    before, after = _fields(old), _fields(new)
    wrong = [f"{name} has gone" for name in before.keys() - after.keys()]
    wrong += [
        f"{name} means something else now"
        for name in before.keys() & after.keys()
        if _resolved(before[name], old) != _resolved(after[name], new)
    ]
    needed_before, needed = _required(old), _required(new)
    wrong += [f"{name} was optional and is required now" for name in needed & before.keys() - needed_before]
    wrong += [f"{name} was required and is optional now" for name in needed_before & after.keys() - needed]
    wrong += [f"{name} is new and required: readers of old events lack it" for name in needed - before.keys()]
    return sorted(wrong)


def _fields(schema: Schema) -> dict[str, JsonValue]:
    fields = schema["properties"]
    assert isinstance(fields, dict)
    return fields


def _required(schema: Schema) -> set[str]:
    required = schema.get("required", [])
    assert isinstance(required, list)
    # `kind` has a default in the model, but tells the kinds apart: everybody must send it.
    return {str(name) for name in required} | {"kind"}


def _resolved(value: JsonValue, schema: Schema) -> JsonValue:
    """Return a sub-schema with references followed and words for people left out."""
    if isinstance(value, list):
        return [_resolved(item, schema) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(reference := value.get("$ref"), str):
        definitions = schema["$defs"]
        assert isinstance(definitions, dict)
        return _resolved(definitions[reference.rpartition("/")[2]], schema)
    return {
        name: _resolved(item, schema) for name, item in value.items() if name not in {"description", "title"}
    }


def read(path: Path) -> Schema:
    """Read a schema file."""
    schema = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(schema, dict)
    return schema


def write() -> int:
    """Write the schemas anew; returns 1, with the reasons on stderr, when that would break somebody."""
    wrong: list[str] = []
    for kind, model in kinds().items():
        path = SCHEMAS / f"{kind}.json"
        schema = schema_of(model)
        if path.exists():
            wrong += [f"{kind}: {what}" for what in breaks(read(path), schema)]
        if not wrong:
            path.write_text(json.dumps(schema, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    for what in wrong:
        print(f"{what}. Make it a new, versioned kind.", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(write())
