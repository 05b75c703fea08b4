"""No phone number and no name gets past the door: planted in all that comes in, looked for everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import httpx
import redis
import redis.asyncio

from services.ingest.keys import sha256
from tests.eventually import WITHIN, eventually_async
from tests.receivers import http_receiver
from tests.service_process import ServiceProcess

KEY: Final = "wachtpost_" + "q" * 43
EPOCH: Final = 1_772_532_000
NOW: Final = "2026-03-03T10:05:00+00:00"

PLANTED: Final = ("0470123456", "+32470123456", "0470 12 34 56", "janneke", "SIP/4711")
"""A caller's number in three spellings, an agent's name, an agent's extension. All made up."""

LINES: Final = (
    "1|ENTERQUEUE||0470123456|1|Janneke de Proef",
    "1|CONNECT|5|Local/janneke@agents|2",
    "1|COMPLETECALLER|5|60|1",
    "2|ENTERQUEUE||+32470123456|1",
    "2|ABANDON|1|1|30",
    "3|ENTERQUEUE||0470 12 34 56|1",
    "3|CONNECT|five|SIP/4711|2",  # unreadable
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
    return "\n".join([*lines, "0470123456|janneke|a line that is none", ""])


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
    ]


async def everything_in(url: str) -> str:
    """Whatever Redis holds, as text."""
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
    async with http_receiver() as receiver:
        city = CITY.format(url=f"{receiver.url}/in", log=log, key=sha256(KEY))
        (tmp_path / "city.toml").write_text(city)
        settings = {
            "city_file": tmp_path / "city.toml",
            "redis_url": redis_url,
            "clock": f"{NOW}/{NOW}/0",
            "log_level": "debug",
        }
        services = {
            room: ServiceProcess(f"services.{room}", tmp_path / f"{room}.log", **settings)
            for room in ("ingest", "evaluator", "notifier")
        }
        for service in services.values():
            service.start()
        try:
            door = f"{services['ingest'].url}/v1/events"
            headers = {"Authorization": f"Bearer {KEY}", "content-type": "application/x-ndjson"}
            answers = []
            async with httpx.AsyncClient(timeout=WITHIN, headers=headers) as http:
                answers += [(await http.post(door, content=one)).text for one in sent()]
                # The abandoned calls of the log and of the sender: enough for a message about them.
                await eventually_async(lambda: len(receiver.requests) > 0)
                metrics = [(await http.get(f"{service.url}/metrics")).text for service in services.values()]
            stored = await everything_in(redis_url)
        finally:
            for service in services.values():
                service.kill()
        messages = [request.body.decode() for request in receiver.requests]
    logs = [service.log.read_text() for service in services.values()]
    assert '"call.answered"' in stored
    assert '"unreadable"' in stored
    assert '"personal"' in stored
    assert messages
    for where, text in {
        "Redis": stored,
        "the answers to senders": "\n".join(answers),
        "metrics": "\n".join(metrics),
        "logs": "\n".join(logs),
        "messages": "\n".join(messages),
    }.items():
        for planted in PLANTED:
            assert planted.casefold() not in text.casefold(), f"{planted} stands in {where}"
