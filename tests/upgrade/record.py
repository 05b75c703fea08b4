"""``python -m tests.upgrade.record``: what this checkout's services leave in Redis, and what becomes of it.

Writes ``before/state.json`` (all of Redis when everything was killed at 10:00 in the middle of its work),
``before/queue_log`` (the exchange's log until then) and ``before/sequel.json`` (what these same services made
of it afterwards, by the same story as in the tests). Run it in a checkout of a release before the next one is
made, and keep what it wrote. Ids that Redis or chance gives differ each time; nothing else does.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.support import redis_dump
from tests.support.breach_stage import redis_server
from tests.support.receivers import Reply
from tests.upgrade.house import BEFORE, House, moment, raised
from tests.upgrade.sequel import played

MONDAY: Final = "2026-10-12T08:00:00Z"
"""A day of history, in opening hours."""

TOO_OLD: Final = "2026-11-20T08:00:00Z"


def main() -> None:
    """Make the files anew."""
    with tempfile.TemporaryDirectory() as name, redis_server("redis", Path(name)) as server:
        asyncio.run(_record(House(server, Path(name))))


async def _record(house: House) -> None:
    async with raised(house):
        await _until_nine(house)
        await _morning(house)
        await _last_minutes(house)
        exposition = await house.exposition()
        house.kill()
        _leave_out_an_entry(house)
        _forget_what_was_heard(house)
        redis_dump.write(BEFORE / "state.json", redis_dump.dumped(house.client))
        shutil.copy(house.folder / "queue_log", BEFORE / "queue_log")
    with tempfile.TemporaryDirectory() as name:
        again = House(house.server, Path(name))
        async with raised(again):
            redis_dump.write(BEFORE / "sequel.json", await played(again, exposition))


async def _until_nine(house: House) -> None:
    """What is counted, what is refused, what cannot be read, and history that was worked out anew."""
    house.client.hset("{p0}:day:huis:centrale", "2026-11-20", "no bucket")
    house.client.hset("{p0}:notifier:records", "breach/of-another-version", '{"version":2}')
    house.client.set("{p0}:checkpoint:pbx", "no position")
    house.set_clock("09:00")
    await house.log(*_calls_of_the_exchange())
    house.mail.refuses["archive@proefstad.example"] = "451 later"
    house.webhooks["unreachable"].chokes_on = b"{"
    house.webhooks["refusing"].will(Reply(410))
    house.start("ingest", "evaluator", "notifier")
    await house.send("bib-pbx", [{"kind": "source.heartbeat"}])
    await house.send("desk", _visits())
    arrived = int(moment("09:00").timestamp() * 1000)
    house.client.xadd("{p0}:events", {"__data__": '{"kind":"of another release"}'}, id=f"{arrived}-*")
    await house.until(
        lambda: house.states("lead-time-month", "all") and house.states("counter-today", "loket")
    )
    await house.until(lambda: len(house.stream("dead")) == 5)
    for missed in (9, 12):
        lines = house.folder / f"history-{missed}.ndjson"
        lines.write_text("".join(json.dumps(one) + "\n" for one in _history(missed)))
        why = ("--by", "chief", "--why", "counted anew", "--allow-fewer")
        await house.command("history", "import", str(lines), *why)
    house.start("reporter")
    await house.until(lambda: house.mail.mails)
    house.kill("reporter")


async def _morning(house: House) -> None:
    """Each queue's story, by its name."""
    house.set_clock("09:04")
    for queue, lasts in (("silenced", "5h"), ("silenced-briefly", "66m"), ("unheard", "1h")):
        why = ("--by", "chief", "--why", f"{queue} on purpose")
        await house.command("silence", "create", "--for", lasts, "--queue", queue, *why)
    for name in house.names("notifier:records"):
        if "unheard on purpose" in house.field("notifier:records", name):
            await house.command("silence", "expire", name.removeprefix("silence/"))
    house.set_clock("09:05")
    house.grafana.stop()
    queues = (
        "lasting",
        "taken",
        "over",
        "unreachable",
        "refusing",
        "silenced",
        "silenced-briefly",
        "group-a",
        "quiet",
    )
    for queue in queues:
        await _fires(house, queue)
    await house.until(lambda: len(house.told("refusing")) == 1)
    await house.jump("09:06")
    await _fires(house, "group-b")
    await house.command("ack", "missed:limit:huis:taken", "--by", "chief")
    await house.jump("09:10")
    await _is_over(house, "over", answered=15)
    await _is_over(house, "unreachable", answered=15)
    await house.jump("09:20")
    await house.until(lambda: house.states("bib-no-data", "bib-pbx"))
    await house.calls("slow", answered=4, wait_s=25)
    await house.until(lambda: house.states("swift", "slow"))
    await house.jump("09:25")
    await _fires(house, "balie")
    await house.jump("09:36")
    await house.until(lambda: len(house.told("lasting")) == 2)
    await house.jump("09:40")
    await _fires(house, "flapping")
    await house.jump("09:42")
    await _is_over(house, "flapping", answered=15)


async def _last_minutes(house: House) -> None:
    """What the kill finds in the middle of it."""
    await house.jump("09:50")
    at = int(moment("09:50").timestamp())
    entered, refused = (f"{at}|{at}.{n}|600|NONE|ENTERQUEUE|||1" for n in (1, 2)), f"{at}|NONE|600|NONE|FULL"
    await house.log(*entered, f"{at}|of-a-dialplan|600|NONE|ENTERQUEUE|||1", refused)
    await house.send("desk", [{"kind": "visit.arrived", "queue": "loket", "contact": "waits"}])
    await _fires(house, "flapping", answered=0)
    await house.calls("slow", answered=12, wait_s=10)
    await house.until(lambda: house.states("swift", "slow")[-1] == "clearing")
    await house.calls("slow", answered=2, wait_s=600)
    await house.until(lambda: house.states("waits", "slow")[-2:] == ["pending", "pending"])
    await house.jump("09:56")
    await _is_over(house, "flapping", answered=20)
    await _fires(house, "flapping", answered=0, missed=10)
    await _is_over(house, "group-a", answered=15)
    await house.until(lambda: house.told("group")[-1]["kind"] == "resolved")
    await house.jump("09:57")
    await _is_over(house, "flapping", answered=40)
    await _fires(house, "flapping", answered=0, missed=15)
    await _is_over(house, "group-b", answered=15)
    once = {"kind": "call.answered", "queue": "over"}
    await house.send("desk", [{**once, "wait_ms": 12_345, "id": "left-out"}])
    for _ in range(2):
        await house.send("desk", [{**once, "wait_ms": 23_456, "id": "counted"}])
    await house.until_counted()
    house.kill("notifier")
    await house.jump("09:59")
    await _fires(house, "unheard")
    await house.jump("10:00")


async def _fires(house: House, queue: str, answered: int = 5, missed: int = 5) -> None:
    before = len(house.states("missed", queue))
    await house.calls(queue, answered=answered, missed=missed)
    await house.until(lambda: house.states("missed", queue)[before:] == ["pending", "firing"])
    await house.until_counted()


async def _is_over(house: House, queue: str, answered: int) -> None:
    await house.calls(queue, answered=answered)
    await house.until(lambda: house.states("missed", queue)[-1] == "ok")
    await house.until_counted()


def _leave_out_an_entry(house: House) -> None:
    """As after a fault of the evaluator's own code: as if that entry had never come."""
    entry = next(entry for entry, body in house.entries("events") if b'"wait_ms":12345' in body)
    house.client.hset("{p0}:state", "aside", entry)


def _forget_what_was_heard(house: House) -> None:
    """As the evaluator does when there is more of it."""
    house.client.xtrim("{p0}:breaches", minid=house.field("notifier:state", "offset"), approximate=False)


def _calls_of_the_exchange() -> list[str]:
    """Lines of a queue_log, of which two are none. Nobody's number is in them."""

    def call(clock: str, *verbs: str) -> list[str]:
        at = int(moment(clock).timestamp())
        contact = f"{at}.{clock[-1]}"
        return [f"{at + n * 30}|{contact}|600|NONE|{verb}" for n, verb in enumerate(verbs)]

    entered, restarted = "ENTERQUEUE|||1", int(moment("08:46").timestamp())
    return [
        *call("08:20", entered, "ABANDON|1|1|30"),
        *call("08:30", entered, "CONNECT|30||2", "COMPLETEAGENT|30|30|1"),
        *call("08:31", entered, "ABANDON|1|1|30"),
        *call("08:32", entered, "EXITWITHTIMEOUT|1|1|30"),
        *call("08:33", entered, "EXITEMPTY|1|1|30"),
        *call("08:34", entered, "EXITWITHKEY|1|1|30"),
        *call("08:35", "FULL"),
        *call("08:45", entered),
        f"{restarted}|NONE|NONE|NONE|QUEUESTART|",
        "no line of a queue_log",
        f"{int(moment('08:56').timestamp())}|NONE|999|NONE|FULL",
    ]


def _visits() -> list[Mapping[str, object]]:
    """A morning at the counter: waits, an early one, one who left, appointments, staff."""

    def at(clock: str) -> str:
        return moment(clock).isoformat()

    called: Mapping[str, object] = {"kind": "visit.called", "queue": "loket", "arrived_at": at("08:40")}
    booked: Mapping[str, object] = {"kind": "appointment.booked", "queue": "loket", "booked_at": at("09:00")}
    first_free = "2026-12-01T09:00:00Z"
    return [
        *({**called, "appointment_at": at(f"08:5{n}")} for n in range(4)),
        {**called, "appointment_at": at("09:30")},
        called,
        {"kind": "visit.left", "queue": "loket"},
        *({**booked, "starts_at": "2026-12-09T09:00:00Z", "channel": "web"} for _ in range(4)),
        {"kind": "appointment.offer", "queue": "loket", "first_free_at": first_free},
        {"kind": "staff.changed", "queue": "centrale", "available": 3, "paused": 1, "busy": 2},
        {"kind": "staff.changed", "queue": "loket", "available": 2},
        {"kind": "call.ended", "queue": "centrale", "talk_ms": 90_000},
        {"kind": "call.answered", "queue": "nowhere", "wait_ms": 0},
        {"kind": "call.answered", "queue": "over", "wait_ms": 0, "at": TOO_OLD},
    ]


def _history(missed: int) -> list[dict[str, object]]:
    given = {"at": MONDAY, "source": "desk", "site": "huis", "queue": "centrale", "wait_ms": 20_000}
    ends = [{"kind": "call.answered"}] * (40 - missed)
    ends += [{"kind": "call.missed", "outcome": "timed_out"}] * missed
    return [{"id": f"history-{n}", **given, **end} for n, end in enumerate(ends)]


if __name__ == "__main__":
    main()
