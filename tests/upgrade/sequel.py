"""What becomes of the state that was left at 10:00: the same story, whichever release goes on from there."""

from __future__ import annotations

import csv
import json
import re
import shutil
from typing import Any, Final

from tests.support import redis_dump
from tests.upgrade.house import BEFORE, RECEIVERS, Figures, House, moment

Sequel = dict[str, Any]

COUNTS: Final = (
    *("_total", "_count", "_sum", "_gcount", "_gsum", "_samples", "_unfinished", "_state"),
    *("_offered", "_answered", "_missed", "_visits", "_booked", "_while_closed"),
)
"""How metrics end that tell what was counted, and where rules stand."""


async def played(house: House, exposition: Figures) -> Sequel:
    """Put the state into the house's Redis, go on from it until the afternoon, and return what came of it.

    ``exposition``: the evaluator's figures before it was killed, which are to be reached again.
    """
    _put(house)
    told = await _commands(house)
    _put(house)  # now, with a lease that has just been left
    on_its_way = house.names("notifier:outbox")
    house.start("evaluator", "notifier")
    taken_over = await house.until_exposed(exposition)
    await house.until_told(unheard=1)
    await house.until(lambda: not house.client.exists("{p0}:notifier:annotations"))
    await house.until_delivered()
    notifier = await house.exposition("notifier")
    regions = [_region(one) for one in house.grafana.annotations]
    house.start("ingest")
    for clock in ("10:01", "10:11"):
        await house.jump(clock)
        await house.until_delivered()
    await house.jump("10:21")
    await _news(house)
    await house.jump("14:05")
    await house.until_delivered()
    await house.until(lambda: not house.client.exists("{p0}:notifier:annotations"))
    afterwards = await house.exposition()
    bodies = [one for name in RECEIVERS for one in house.told(name)]
    return {
        "evaluator": taken_over,
        "notifier": notifier,
        "commands": told,
        "regions": sorted(regions),
        "told": {name: [_in_short(one) for one in house.told(name)] for name in RECEIVERS},
        "judged": sorted([one["id"], one.get("worst")] for one in house.changes()),
        "keys": [one["key"] for one in bodies],
        "carried": [one["breaches"] for one in bodies if one["key"] in on_its_way],
        "tries": await _lines(house, "log", "--receiver", "unreachable"),
        "mails": [[*one.recipients, str(one.message["subject"])] for one in house.mail.mails],
        "afterwards": {name: figures for name, figures in afterwards.items() if name.endswith(COUNTS)},
    }


LOOKS_BACK: Final = re.compile(r"(?<=[(,]) ?(laatste|last) (\d+ )?\w+(?=\))")
"""What a headline says that it looks back over; the release before did not."""


def _put(house: House) -> None:
    house.client.flushall()
    redis_dump.put(house.client, redis_dump.read(BEFORE / "state.json"))
    shutil.copy(BEFORE / "queue_log", house.folder / "queue_log")
    house.set_clock("10:00")


async def _commands(house: House) -> dict[str, Any]:
    """What the commands read, without their words."""
    log = json.loads((await house.command("history", "log", "--json")).stdout)
    replaced = [await house.command("history", "log", one["id"], "--json") for one in log]
    days = csv.DictReader((await house.command("history", "export")).stdout.splitlines())
    breaches = (await house.command("breaches")).stdout.split("\n\n")
    return {
        "breaches": {
            one.rpartition("id: ")[2].strip(): re.findall(r"\d+", LOOKS_BACK.sub("", one, count=1))
            for one in breaches
        },
        "silences": len((await house.command("silence", "list")).stdout.splitlines()),
        "days": [{name: cell for name, cell in row.items() if cell not in {"", "0"}} for row in days],
        "history": [*log, *(json.loads(one.stdout) for one in replaced)],
        "notifications": await _lines(house, "log", "--count", "1000"),
        "dead": await _lines(house, "dead"),
        "report_sent_before": (await house.command("reporter", "--now", "2026-10", status=1)).exit_code == 1,
    }


async def _lines(house: House, *what: str) -> list[dict[str, Any]]:
    lines = (await house.command("notifications", *what, "--json")).stdout
    return [json.loads(line) for line in lines.splitlines()]


async def _news(house: House) -> None:
    """Calls that were waiting are answered, breaches end, and what was known already comes once more."""
    sent_at = moment("09:57").isoformat()
    again = {"kind": "call.answered", "queue": "over", "at": sent_at}
    await house.send("desk", [{**again, "wait_ms": 23_456, "id": "counted"}])
    await house.send("desk", [{**again, "wait_ms": 12_345, "id": "left-out"}])
    await house.send("bib-pbx", [{"kind": "source.restarted"}])
    for queue in ("lasting", "taken"):
        await house.calls(queue, answered=15)
    last_line = (BEFORE / "queue_log").read_text().splitlines()[-1]
    same_second = last_line.replace("NONE|600", "another|600", 1)
    entered, now = int(moment("09:50").timestamp()), int(moment("10:21").timestamp())
    answered = f"{now}|{entered}.1|600|NONE|CONNECT|1860||2", f"{now}|of-a-dialplan|600|NONE|CONNECT|"
    await house.log(same_second, *answered)
    await house.until_told(lasting=2, taken=1, bib=2, slow=2)
    await house.until_counted()
    await house.until_delivered()


def _in_short(body: dict[str, Any]) -> str:
    """A message as its receiver knows it again."""
    said = f"{body['at'][11:16]} {body['kind']} {body['number']}"
    return f"{said}: {' '.join(breach['id'] for breach in body['breaches'])}"


def _region(annotation: dict[str, Any]) -> str:
    """Which breach Grafana shows from when until when, in epoch ms."""
    breach = next(tag for tag in annotation["tags"] if tag.startswith("breach:"))
    return f"{breach} {annotation['time']} {annotation['timeEnd']}"
