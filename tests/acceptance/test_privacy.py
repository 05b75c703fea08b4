"""No phone number and no name gets past the door: planted in all that comes in, looked for everywhere."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import httpx
import redis
import redis.asyncio

from services.ingest.auth import sha256
from tests.support.eventually import WITHIN, eventually_async
from tests.support.receivers import http_receiver
from tests.support.service_process import PSEUDONYM_KEY, Services

KEY: Final = "wachtpost_" + "q" * 43
EPOCH: Final = 1_772_532_000
NOW: Final = "2026-03-03T10:05:00+00:00"

SPELLINGS: Final = (
    *("0470123456", "470123456", "+32470123456", "0032470123456", "0470 12 34 56", "0470-12-34-56"),
    *("04.70.12.34.56", "0470/12.34.56", "(0470)123456", "p04.70.12.34.56", "tel:0470123456"),
    *("x0470123456", "An-Peeters", "An Peeters 0470123456", "an.peeters@lier.example", "Peeters"),
)
"""A caller's number and name. All made up."""

NOWHERE: Final = ("470123", "12.34.56", "peeters", "janneke", "sip/4711")
"""What would give one of them, or an agent, away; looked for without regard to case and separators."""

CALL_IDS: Final = (
    *SPELLINGS,
    *(f"{one}-{EPOCH}.7" for one in SPELLINGS),
    *(f"{EPOCH}.{one}" for one in SPELLINGS),
    *("0470123456.1", "1470123456.78", "32470123456.12"),
)
"""As a dialplan of somebody's own may call a call; none is surely the exchange's."""

LINES: Final = (
    "1|ENTERQUEUE||0470123456|1|Janneke de Proef",
    "1|CONNECT|5|Local/janneke@agents|2",
    "1|COMPLETECALLER|5|60|1",
    "2|ENTERQUEUE||+32470123456|1",
    "2|ABANDON|1|1|30",
    "3|ENTERQUEUE||0470 12 34 56|1",
    "3|CONNECT|five|SIP/4711|2",  # a wait that cannot be
    "5|ENTERQUEUE||Janneke|4711|1",  # a name with a bar in it, and her extension where the place should be
    "4|NOSUCHVERB|0470123456|janneke",
    "4|RINGNOANSWER|SIP/4711|5000",
)
AGENTS: Final = {"CONNECT": "Janneke", "COMPLETECALLER": "SIP/4711", "RINGNOANSWER": "janneke"}

CITY: Final = """
[city]
name = "Proefstad"

[live]
min_samples = 1

[[sites]]
id = "site"
queues = [{{ id = "desk", kind = "phone" }}]

[[rules]]
id = "missed"
kpi = "missed_ratio"
limit = 0.1
min_samples = 1

[[receivers]]
id = "team"
channels = [{{ kind = "webhook", url = "{url}" }}]

[[routes]]
receivers = ["team"]

[[sources]]
kind = "queue_log"
id = "asterisk"
site = "site"
path = "{log}"

[[sources]]
kind = "http"
id = "balie"
site = "site"
key_sha256 = ["{key}"]
"""


def queue_log() -> str:
    lines = []
    for number, line in enumerate(LINES):
        call, verb, *rest = line.split("|")
        agent = AGENTS.get(verb, "NONE")
        lines.append("|".join([str(EPOCH + number), f"{EPOCH}.{call}", "desk", agent, verb, *rest]))
    for call in CALL_IDS:
        lines += [
            f"{EPOCH + 5}|{call}|desk|NONE|ENTERQUEUE||0470123456|1",
            f"{EPOCH + 6}|{call}|desk|NONE|ABANDON|1|1|1",
        ]
    for place in SPELLINGS:
        lines += [
            f"{EPOCH + 7}|{EPOCH}.8|{place}|NONE|ENTERQUEUE||x|1",
            f"{EPOCH + 7}|{EPOCH}.8|desk|{place}|CONNECT|{place}|x|1",
            f"{EPOCH + 7}|{EPOCH}.8|desk|NONE|{place}|1",
            f"{place}|{EPOCH}.8|desk|NONE|ABANDON|1|1|1",
        ]
    lines += ["0470123456|janneke|a line that is none", f"{EPOCH + 9}|{LAST}|desk|NONE|ABANDON|1|1|1", ""]
    return "\n".join(lines)


LAST: Final = f"{EPOCH}.99"
"""The exchange's own id of the last call in the log."""


def everywhere(missed: dict[str, object]) -> Iterator[str]:
    """The event, with each of its fields in turn saying who called."""
    for number, one in enumerate((*SPELLINGS, *CALL_IDS)):
        for name in (*missed, "id", "contact"):
            if name != "at" or not one.startswith(str(EPOCH)):  # a moment of today, with a long fraction
                yield json.dumps({**missed, "id": f"n{number}", name: one})
        yield json.dumps({**missed, "id": f"n{number}-{one}", "contact": one, "wait_ms": -1})
        yield json.dumps({**missed, "id": f"late-{one}", "contact": one, "at": "2020-03-03T10:05:00Z"})
        yield json.dumps({**missed, "id": f"m{number}", "outcome": [one], one: one})


def appointments(common: Mapping[str, object]) -> Iterator[str]:
    """Appointments that are called by who made them."""
    times = {"booked_at": NOW, "starts_at": "2026-03-09T10:00:00+01:00"}
    for number, one in enumerate((*SPELLINGS, *CALL_IDS)):
        for kind in ("booked", "moved", "cancelled"):
            needs = {name: at for name, at in times.items() if kind == "booked" or name == "starts_at"}
            told = {**common, **(needs if kind != "cancelled" else {}), "kind": f"appointment.{kind}"}
            yield json.dumps({**told, "id": f"{kind}-{number}", "appointment": one})


def sent() -> list[str]:
    common = {"kind": "call.missed", "at": NOW, "source": "balie", "site": "site", "queue": "desk"}
    missed = {**common, "outcome": "abandoned", "wait_ms": 1000}
    return [
        json.dumps({**missed, "id": "one"}),
        json.dumps({**missed, "id": "two", "caller": "0470123456"}),
        json.dumps({**missed, "id": "+32470123456"}),
        json.dumps({**missed, "id": "three", "contact": "0470 12 34 56"}),
        json.dumps({**missed, "id": "four", "wait_ms": "janneke"}),
        json.dumps({**missed, "id": "five", "queue": "0470123456"}),
        '{"caller": "0470123456", "agent": "janneke"',
        "\n".join(everywhere(missed)),
        "\n".join(appointments(common)),
    ]


async def everything_in(url: str, last: str) -> str:
    """Whatever Redis holds, as text, once ``last`` is there."""
    found = ""

    async def there() -> bool:
        nonlocal found
        found = await _everything_in(url)
        return last in found

    await eventually_async(there)
    return found


async def _everything_in(url: str) -> str:
    found = []
    async with redis.asyncio.Redis.from_url(url) as client:
        async for key in client.scan_iter():
            found.append(key)
            match await client.type(key):
                case b"string":
                    found.append(await client.get(key) or b"")
                case b"hash":
                    found += [part for pair in (await client.hgetall(key)).items() for part in pair]
                case b"stream":
                    entries = await client.xrange(key) or []
                    found += [part for _, entry in entries for pair in (entry or {}).items() for part in pair]
                case kind:
                    raise AssertionError(f"look into keys of type {kind!r} as well")
    return b"\n".join(found).decode()


async def test_what_is_planted_in_the_input_is_found_nowhere(redis_url: str, tmp_path: Path) -> None:
    log = tmp_path / "queue_log"
    log.write_text(queue_log())
    recording = tmp_path / "An-Peeters-0470123456.wav"
    async with http_receiver() as receiver:
        city = CITY.format(url=f"{receiver.url}/in", log=log, key=sha256(KEY))
        (tmp_path / "city.toml").write_text(city)
        with Services(
            tmp_path,
            city_file=tmp_path / "city.toml",
            redis_url=redis_url,
            clock=f"{NOW}/{NOW}/0",
            log_level="debug",
        ) as services:
            ingest, *_ = [services.start(name) for name in ("ingest", "evaluator", "notifier")]
            door = f"{ingest.url}/v1/events"
            headers = {"Authorization": f"Bearer {KEY}", "content-type": "application/x-ndjson"}
            answers = []
            async with httpx.AsyncClient(timeout=WITHIN, headers=headers) as http:
                answers += [(await http.post(door, content=one)).text for one in sent()]
                recording.write_text("")
                for planted in SPELLINGS:
                    await http.post(
                        door, content="{}", params={"from": planted}, headers={"User-Agent": planted}
                    )
                    await http.get(f"{ingest.url}/{planted}")
                # The abandoned calls of the log and of the sender: enough for a message about them.
                await eventually_async(lambda: len(receiver.requests) > 0)
                metrics = [(await http.get(f"{service.url}/metrics")).text for service in services]
            stored = await everything_in(redis_url, LAST)
        messages = [request.body.decode() for request in receiver.requests]
    logs = [service.log.read_text() for service in services]
    assert '"call.answered"' in stored
    assert '"unreadable"' in stored
    assert '"personal"' in stored
    assert '"appointment.booked"' in stored
    assert messages
    # A field's own name goes back to the sender who made it up, and nowhere else.
    to_senders = re.sub(r'"field":"[^"]*"', "", "\n".join(answers))
    for where, text in {
        "Redis": stored,
        "the answers to senders": to_senders,
        "metrics": "\n".join(metrics),
        "logs": "\n".join(logs),
        "messages": "\n".join(messages),
    }.items():
        bare = re.sub(r"[\s().-]", "", text.replace("\\/", "/")).casefold()
        for planted in NOWHERE:
            assert planted not in text.casefold(), f"{planted} stands in {where}"
            assert planted not in bare, f"{planted} stands in {where}"
        assert PSEUDONYM_KEY.read_text().strip() not in text, f"the key stands in {where}"
    for planted in (*SPELLINGS, *CALL_IDS):
        for digest in plain_hashes(planted):
            assert digest not in stored, f"a plain hash of {planted} stands in Redis"


def plain_hashes(text: str) -> Iterator[str]:
    """Beginnings of all hashes that need no key."""
    raw = text.encode()
    yield f"{zlib.crc32(raw):08x}"
    yield from (
        hashlib.new(name, raw).hexdigest()[:16] for name in ("md5", "sha1", "sha256", "sha512", "sha3_256")
    )
    yield from (hashlib.blake2b(raw, digest_size=size).hexdigest()[:16] for size in (8, 12, 16, 20, 32, 64))
    yield from (hashlib.blake2s(raw, digest_size=size).hexdigest()[:16] for size in (8, 12, 16, 32))


async def test_every_hash_in_redis_needs_the_key(redis_url: str, tmp_path: Path) -> None:
    """The same input under another key leaves no hash that is the same: nothing to try numbers against."""
    log = tmp_path / "queue_log"
    log.write_text(queue_log())
    (tmp_path / "city.toml").write_text(CITY.format(url="http://127.0.0.1:1/", log=log, key=sha256(KEY)))
    found = []
    for number in range(2):
        key = tmp_path / f"key-{number}"
        key.write_text(f"{number}" * 64)
        with Services(tmp_path, city_file=tmp_path / "city.toml", clock=f"{NOW}/{NOW}/0") as services:
            ingest = services.start("ingest", redis_url=redis_url, pseudonym_key_file=key)
            headers = {"Authorization": f"Bearer {KEY}"}
            async with httpx.AsyncClient(timeout=WITHIN, headers=headers) as http:
                for one in sent():
                    await http.post(f"{ingest.url}/v1/events", content=one)
            stored = await everything_in(redis_url, LAST)
        found.append(set(re.findall(r"[0-9a-f]{16,}", stored)))
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            await client.flushall()
    assert all(len(hashes) > len(CALL_IDS) for hashes in found)
    assert found[0].isdisjoint(found[1])
