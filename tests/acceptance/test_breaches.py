"""Breaches told by real processes: from a call on the events stream to a webhook, a mail and Grafana.

One stage for all stories of the module; every story has a queue of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.breach_stage import Stage, raised, redis_server, until_up
from tests.support.eventually import eventually_async

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUEUES = ("told", "quiet", "flapping", "grafana", "hushed")
FLAP_WINDOW = timedelta(minutes=30)
CALM = FLAP_WINDOW / 6
TICK = timedelta(seconds=1)
"""Every service looks so often what time has brought."""
SHORTEST = timedelta(seconds=1)
"""Of a region: what is shorter is drawn so long."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    directory = tmp_path_factory.mktemp("breaches")
    notify = 'group_wait = "0s"\nreminder = "1h"\nflap_window = "30m"\n'
    mails = {"told": ["balie@proefstad.example"]}
    with redis_server("redis", directory) as server:
        async with raised(server, directory, QUEUES, notify=notify, mails=mails, speed=1) as stage:
            await until_up(stage.evaluator(), stage.notifier())
            yield stage


def region(stage: Stage, queue: str) -> tuple[datetime, datetime, set[str]]:
    """The one annotation of a queue: from, to, and its tags."""
    (one,) = stage.regions(queue)
    start, end, tags = one["time"], one["timeEnd"], one["tags"]
    assert isinstance(start, int)
    assert isinstance(end, int)
    assert isinstance(tags, list)
    return datetime.fromtimestamp(start / 1000, UTC), datetime.fromtimestamp(end / 1000, UTC), set(tags)


async def assert_one_region(stage: Stage, queue: str, state: str = "state:over") -> None:
    """In the end there is exactly one region, from when the judge saw it open to when he saw it over."""
    await eventually_async(lambda: stage.regions(queue) and state in region(stage, queue)[2])
    opened, closed = stage.changes(queue)[0], stage.changes(queue)[-1]
    start, end, _ = region(stage, queue)
    assert abs(start - opened.at) < timedelta(milliseconds=2)
    assert abs(end - max(closed.at, start + SHORTEST)) < timedelta(milliseconds=2)


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
    assert "(3 van 5, " in begun["Subject"]
    assert begun["References"] == ended["References"]
    assert begun["Message-ID"] != ended["Message-ID"]
    await assert_one_region(stage, "told")
    await eventually_async(lambda: len(stage.deliveries("told")) == 4)
    assert sorted(stage.deliveries("told")) == [
        ("firing", 0, "delivered"),
        ("firing", 1, "delivered"),
        ("resolved", 0, "delivered"),
        ("resolved", 1, "delivered"),
    ]


async def test_three_calls_and_one_missed_are_too_few_to_say_anything(stage: Stage):
    stage.calls("quiet", answered=2, missed=1)
    evaluator = stage.services[0]

    def state(name: str) -> float:
        (sample,) = evaluator.samples("kpi_state", queue="quiet", state=name)
        return sample.value

    await eventually_async(lambda: state("insufficient") == 1)
    await stage.simulated(TICK)
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
        await stage.until_state("flapping", "firing", flap)
        stage.calls("flapping", answered=4)
        await stage.until_state("flapping", "ok", flap)
    last = stage.changes("flapping")[-1].at
    await stage.until_heard()
    stage.jump(CALM)
    first = await stage.until_told("flapping", "firing", "resolved", "digest")
    assert sum(told.kind != "digest" for told in first) <= 2
    sent = datetime.fromisoformat(str(first[-1].body["at"]))
    assert sent - last >= CALM
    await stage.simulated(TICK)
    assert len(stage.told("flapping")) == 3


async def test_a_silence_keeps_a_breach_back_and_its_end_tells_it(stage: Stage):
    wanted = {"queues": ["hushed"], "ends_at": (stage.clock() + timedelta(hours=8)).isoformat()}
    assert (await stage.ask("POST", "/v1/silences", json=wanted, key="another")).status_code == 401
    asked = await stage.ask("POST", "/v1/silences", json=wanted)
    assert asked.status_code == 202
    name = asked.json()["id"]

    async def listed() -> list[str]:
        return [silence["id"] for silence in (await stage.ask("GET", "/v1/silences")).json()]

    async def is_listed() -> bool:
        return name in await listed()

    await eventually_async(is_listed)
    stage.calls("hushed", missed=4)
    await stage.until_state("hushed", "firing")
    await stage.until_heard()
    assert stage.told("hushed") == []
    assert stage.reasons("hushed") == ["silenced"]
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
    await assert_one_region(stage, "grafana")


async def test_blips_are_in_the_log_and_on_the_board_and_nobody_is_paged(tmp_path: Path):
    """Of 2, 5, 10 and 20 seconds, where a breach must hold for an hour."""
    lengths = {f"blip-{seconds}": timedelta(seconds=seconds) for seconds in (2, 5, 10, 20)}
    with redis_server("valkey", tmp_path) as server:
        async with raised(server, tmp_path, tuple(lengths), rule='hold = "1h"', speed=1) as stage:
            await until_up(stage.evaluator(), stage.notifier())
            for queue in lengths:
                stage.calls(queue, missed=4)
            for queue, length in lengths.items():
                await stage.until_state(queue, "pending")
                stage.jump(length)
                stage.calls(queue, answered=16)
            for queue, length in lengths.items():
                await stage.until_state(queue, "ok")
                assert stage.states(queue) == ["pending", "ok"]
                opened, over = (change.at for change in stage.changes(queue))
                assert over - opened >= length
                await assert_one_region(stage, queue, "state:blip")
            stage.jump(timedelta(hours=1))
            await stage.simulated(TICK)
            assert [queue for queue in lengths if stage.told(queue)] == []
            assert stage.outbox() == 0
