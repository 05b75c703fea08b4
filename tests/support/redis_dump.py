"""A whole Redis as a JSON file that people can read and compare: written from one server, put into another.

A key has its ``type`` and one of ``value``, ``fields`` or ``entries``; a stream also how far its ids have
come. A text that is compact JSON stands there as the JSON that it is, and goes back to the very same bytes.
Names of calls that are done (``…:once:…``) run out within minutes by themselves and are left out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, cast

import redis

Dump = dict[str, dict[str, Any]]

PASSING: Final = ":once:"


def dumped(client: redis.Redis) -> Dump:
    """Return all that a server holds. Raises ``ValueError`` for what is no text, or of another type."""
    keys = sorted(key.decode() for key in client.scan_iter(count=1000) if PASSING not in key.decode())
    return {key: _key(client, key) for key in keys}


def put(client: redis.Redis, dump: Dump) -> None:
    """Write a dump into an empty server; streams get the same ids, leases run as long as they had left."""
    for key, held in dump.items():
        match held["type"]:
            case "string":
                client.set(key, _text(held["value"]), px=held.get("expires_ms"))
            case "hash":
                client.hset(key, mapping={name: _text(value) for name, value in held["fields"].items()})
            case "stream":
                for entry, fields in held["entries"].items():
                    client.xadd(key, {name: _text(value) for name, value in fields.items()}, id=entry)
                where = ("ENTRIESADDED", held["added"], "MAXDELETEDID", held["deleted_up_to"])
                client.execute_command("XSETID", key, held["last_id"], *where)


def read(path: Path) -> Any:
    """Return what a JSON file holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def write(path: Path, content: object) -> None:
    """Write JSON in the order it has, with a line for each field and entry."""
    path.write_text(_lines(content, 3) + "\n", encoding="utf-8")


def _lines(content: object, deep: int, indent: str = "") -> str:
    if not deep or not isinstance(content, dict):
        return json.dumps(content, ensure_ascii=False)
    inner = indent + " "
    rows = (f"{inner}{json.dumps(name)}: {_lines(value, deep - 1, inner)}" for name, value in content.items())
    return "{\n" + ",\n".join(rows) + f"\n{indent}}}"


def _key(client: redis.Redis, key: str) -> dict[str, Any]:
    kind = cast("bytes", client.type(key)).decode()
    match kind:
        case "string":
            expires = client.pttl(key)
            value = _json(cast("bytes", client.get(key)))
            return {"type": kind, "value": value, **({"expires_ms": expires} if expires > 0 else {})}
        case "hash":
            return {"type": kind, "fields": _fields(cast("dict[bytes, bytes]", client.hgetall(key)))}
        case "stream":
            told = client.xinfo_stream(key)
            entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", client.xrange(key))
            return {
                "type": kind,
                "last_id": told["last-generated-id"].decode(),
                "added": told["entries-added"],
                "deleted_up_to": told["max-deleted-entry-id"].decode(),
                "entries": {entry.decode(): _fields(fields) for entry, fields in entries},
            }
    raise ValueError(f"{key} is a {kind}, which Wachtpost does not use")


def _fields(fields: dict[bytes, bytes]) -> dict[str, Any]:
    return {name.decode(): _json(value) for name, value in sorted(fields.items())}


def _json(value: bytes) -> object:
    """A text, or the object or list that it is the compact JSON of."""
    text = value.decode()
    if text.startswith(("{", "[")):
        try:
            read = json.loads(text)
        except ValueError:
            return text
        if _text(read) == text:
            return read
    return text


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
