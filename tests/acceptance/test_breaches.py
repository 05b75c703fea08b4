"""Breaches told by real processes: from a call on the events stream to a webhook, a mail and Grafana.

One stage for all stories of a module, on each flavour of Redis; every story has a queue of its own. A
simulated minute takes a second.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx
import pytest
import pytest_asyncio

from tests.breach_stage import Stage, raised, until_up
from tests.eventually import eventually_async
from tests.redis_servers import FLAVOURS, DebianRedis

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("breaches")]

QUEUES = ("told", "quiet", "flapping", "grafana", "hushed")
FLAP_WINDOW = timedelta(minutes=30)
CALM = FLAP_WINDOW / 6


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=sorted(FLAVOURS))
async def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    if FLAVOURS[request.param] is DebianRedis and DebianRedis.binary() is None:
        pytest.skip("redis-server is not installed (apt install redis-server); embedded Valkey is tested")
    directory = tmp_path_factory.mktemp("breaches")
    server = FLAVOURS[request.param](directory / "redis")
    server.start()
    try:
        async with raised(
            server,
            directory,
            QUEUES,
            notify='group_wait = "0s"\nreminder = "1h"\nflap_window = "30m"\n',
            mails={"told": ["balie@proefstad.example"]},
        ) as stage:
            await until_up(stage.evaluator(), stage.notifier())
            yield stage
    finally:
        server.kill()


def region(stage: Stage, queue: str) -> tuple[datetime, datetime, set[str]]:
    """The one annotation of a queue: from, to, and its tags."""
    (one,) = stage.regions(queue)
    start, end, tags = one["time"], one["timeEnd"], one["tags"]
    assert isinstance(start, int)
    assert isinstance(end, int)
    assert isinstance(tags, list)
    zone = stage.clock().tzinfo
    return datetime.fromtimestamp(start / 1000, zone), datetime.fromtimestamp(end / 1000, zone), set(tags)


async def test_a_breach_is_told_once_by_every_channel_and_so_is_its_end(stage: Stage):
    stage.calls("told", answered=2, missed=3)
    (firing,) = await stage.until_told("told", "firing")
    await eventually_async(lambda: stage.mail.mails)
    await eventually_async(lambda: stage.regions("told"))
    stage.calls("told", answered=20)
    _, resolved = await stage.until_told("told", "firing", "resolved")
    await eventually_async(lambda: len(stage.mail.mails) == 2)
    assert firing.breaches == resolved.breaches == (stage.changes("told")[0].breach,)
    assert firing.key != resolved.key
    assert [mail.recipients for mail in stage.mail.mails] == [("balie@proefstad.example",)] * 2
    begun, ended = (mail.message for mail in stage.mail.mails)
    assert "60,0 %" in begun["Subject"]
    assert begun["References"] == ended["References"]
    assert begun["Message-ID"] != ended["Message-ID"]
    opened, closed = stage.changes("told")[0], stage.changes("told")[-1]
    await eventually_async(lambda: "state:over" in region(stage, "told")[2])
    start, end, tags = region(stage, "told")
    assert abs(start - opened.at) < timedelta(milliseconds=2)
    assert end - closed.at < timedelta(seconds=1, milliseconds=2)
    log = [(line["happening"], line["channel"], line["result"]) for line in deliveries(stage, "told")]
    assert sorted(log) == [
        ("firing", 0, "delivered"),
        ("firing", 1, "delivered"),
        ("resolved", 0, "delivered"),
        ("resolved", 1, "delivered"),
    ]


def deliveries(stage: Stage, receiver: str) -> list[dict[str, object]]:
    return [line for line in stage.logged(receiver) if line["kind"] == "delivery"]


async def test_three_calls_and_one_missed_are_too_few_to_say_anything(stage: Stage):
    stage.calls("quiet", answered=2, missed=1)
    evaluator = stage.processes[0]

    def state(name: str) -> float | None:
        text = httpx.get(f"{evaluator.url}/metrics", timeout=10, trust_env=False).text
        lines = (line for line in text.splitlines() if line.startswith("wachtpost_kpi_state{"))
        (line,) = (line for line in lines if 'queue="quiet"' in line and f'state="{name}"' in line)
        return float(line.rpartition(" ")[2])

    await stage.simulated(timedelta(minutes=2))
    assert state("insufficient") == 1
    assert state("ok") == 0
    assert stage.changes("quiet") == []
    assert stage.told("quiet") == []
    stage.calls("quiet", missed=1)  # the fourth: half of them missed
    await stage.until_told("quiet", "firing")
    assert state("insufficient") == 0


async def test_ten_flaps_make_two_messages_and_a_digest(stage: Stage):
    stage.calls("flapping", answered=4, missed=1)  # exactly the limit
    for flap in range(1, 11):
        stage.calls("flapping", missed=1)
        await eventually_async(lambda: stage.states("flapping").count("firing") == flap)
        stage.calls("flapping", answered=4)
        await eventually_async(lambda: stage.states("flapping").count("ok") == flap)
    last = stage.changes("flapping")[-1].at
    first = await stage.until_told("flapping", "firing", "resolved", "digest")
    assert sum(told.happening != "digest" for told in first) <= 2
    sent = datetime.fromisoformat(str(first[-1].body["at"]))
    assert sent - last >= CALM
    await stage.simulated(timedelta(minutes=5))
    assert len(stage.told("flapping")) == 3


async def test_a_silence_keeps_a_breach_back_and_its_end_tells_it(stage: Stage):
    wanted = {"queues": ["hushed"], "ends_at": (stage.clock() + timedelta(hours=8)).isoformat()}
    bare = httpx.post(f"{stage.base_url}/v1/silences", json=wanted, timeout=10, trust_env=False)
    assert bare.status_code == 401
    asked = await stage.ask("POST", "/v1/silences", json=wanted)
    assert asked.status_code == 202
    name = asked.json()["id"]

    async def listed() -> list[str]:
        return [silence["id"] for silence in (await stage.ask("GET", "/v1/silences")).json()]

    async def is_listed() -> bool:
        return name in await listed()

    await eventually_async(is_listed)
    stage.calls("hushed", missed=4)
    await eventually_async(lambda: "firing" in stage.states("hushed"))
    await stage.until_heard()
    assert stage.told("hushed") == []
    assert [line["reason"] for line in stage.logged("hushed")] == ["silenced"]
    going_on = (await stage.ask("GET", "/v1/breaches")).json()
    assert [breach["queue"] for breach in going_on if breach["queue"] == "hushed"] == ["hushed"]
    assert (await stage.ask("DELETE", f"/v1/silences?id={name}")).status_code == 202
    await stage.until_told("hushed", "firing")
    assert name not in await listed()


async def test_a_grafana_that_was_away_ends_up_with_exactly_one_closed_region(stage: Stage):
    stage.grafana.stop()
    try:
        stage.calls("grafana", missed=4)
        await stage.until_told("grafana", "firing")
    finally:
        stage.grafana.start()
    stage.calls("grafana", answered=20)
    await stage.until_told("grafana", "firing", "resolved")
    await eventually_async(lambda: stage.regions("grafana") and "state:over" in region(stage, "grafana")[2])
    opened, closed = stage.changes("grafana")[0], stage.changes("grafana")[-1]
    start, end, _ = region(stage, "grafana")
    assert abs(start - opened.at) < timedelta(milliseconds=2)
    assert abs(end - closed.at) < timedelta(seconds=1, milliseconds=2)
