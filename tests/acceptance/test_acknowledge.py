"""Somebody takes a breach on by the link in a real mail: looking does nothing, the button does it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio

from tests.support.breach_stage import Stage, raised, redis_server, until_up
from tests.support.eventually import WITHIN, eventually_async

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUEUES = ("taken", "left", "over")
REMINDER = timedelta(hours=1)
TICK = timedelta(seconds=1)
"""Every service looks so often what time has brought."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    directory = tmp_path_factory.mktemp("acknowledge")
    mails = {queue: [f"{queue}@proefstad.example"] for queue in QUEUES}
    notify = 'group_wait = "0s"\nreminder = "1h"\n'
    with redis_server("valkey", directory) as server:
        async with raised(server, directory, QUEUES, notify=notify, mails=mails, speed=1) as stage:
            await until_up(stage.evaluator(), stage.notifier())
            yield stage


def link(stage: Stage, queue: str) -> str | None:
    """The acknowledge link of the first mail to a receiver, from its text."""
    for mail in stage.mail.mails:
        if mail.recipients == (f"{queue}@proefstad.example",):
            part = mail.message.get_body(("plain",))
            assert part is not None
            found = re.search(rf"{re.escape(stage.base_url)}/acknowledge\?token=\S+", part.get_content())
            return found[0] if found else None
    return None


async def mailed_link(stage: Stage, queue: str) -> str:
    await eventually_async(lambda: link(stage, queue))
    url = link(stage, queue)
    assert url is not None
    return url


async def visit(method: str, url: str, **form: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=WITHIN, trust_env=False) as client:
        return await client.request(method, url, data=form or None)


async def taken(stage: Stage, queue: str) -> list[object]:
    going_on = (await stage.ask("GET", "/v1/breaches")).json()
    return [breach.get("acknowledged") for breach in going_on if breach["queue"] == queue]


def reminders(stage: Stage, queue: str) -> int:
    return stage.kinds(queue).count("reminder")


async def test_a_scanner_that_follows_the_link_takes_nothing_on_and_the_button_does(stage: Stage):
    stage.calls("taken", missed=4)
    url = await mailed_link(stage, "taken")
    for _ in range(5):
        page = await visit("GET", url)
        assert page.status_code == 200
        assert "Pakt u dit op?" in page.text
        assert "Ja, ik pak dit op" in page.text
        assert '<html lang="nl">' in page.text
    # The next reminder still comes: nothing of this acknowledged it.
    await stage.until_heard()
    stage.jump(REMINDER)
    await eventually_async(lambda: reminders(stage, "taken") == 1)
    assert await taken(stage, "taken") == [None]
    (token,) = parse_qs(urlsplit(url).query)["token"]
    done = await visit("POST", url.partition("?")[0], token=token)
    assert done.status_code == 200
    assert "Opgepakt" in done.text

    async def is_taken() -> bool:
        (acknowledged,) = await taken(stage, "taken")
        return isinstance(acknowledged, dict) and acknowledged["by"] == "taken"

    await eventually_async(is_taken)
    metrics = (await stage.ask("GET", "/metrics")).text
    assert re.search(r'breach_acknowledged_timestamp_seconds\{by="taken",.*queue="taken"', metrics)
    before = reminders(stage, "taken")
    await eventually_async(
        lambda: any("state:acknowledged" in str(one["tags"]) for one in stage.regions("taken"))
    )
    stage.jump(2 * REMINDER)
    await stage.simulated(TICK)
    assert reminders(stage, "taken") == before
    again = await visit("POST", url.partition("?")[0], token=token)
    assert "Al opgepakt" in again.text
    stage.calls("taken", answered=16)
    await eventually_async(lambda: "resolved" in stage.kinds("taken"))


async def test_a_breach_that_nobody_takes_on_is_told_again_and_again_until_it_is_over(stage: Stage):
    stage.calls("left", missed=4)
    await stage.until_told("left", "firing")
    for number in range(2):
        await stage.until_heard()
        stage.jump(REMINDER * (number + 1))
        await stage.until_told("left", "firing", *["reminder"] * (number + 1))
    told = stage.told("left")
    assert len({one.key for one in told}) == 3
    assert [one.body["number"] for one in told] == [1, 1, 2]
    stage.calls("left", answered=16)
    await eventually_async(lambda: "resolved" in stage.kinds("left"))
    much = len(stage.told("left"))
    stage.jump(REMINDER)
    await stage.simulated(TICK)
    assert len(stage.told("left")) == much


async def test_a_link_that_was_tampered_with_or_comes_too_late_does_nothing(stage: Stage):
    stage.calls("over", missed=4)
    url = await mailed_link(stage, "over")
    (token,) = parse_qs(urlsplit(url).query)["token"]
    forged = await visit("POST", url.partition("?")[0], token=token[:-2] + "xx")
    assert forged.status_code == 403
    assert (await visit("GET", url[:-2])).status_code == 403
    assert await taken(stage, "over") == [None]
    stage.calls("over", answered=16)
    await eventually_async(lambda: "resolved" in stage.kinds("over"))
    late = await visit("POST", url.partition("?")[0], token=token)
    assert late.status_code == 200
    assert "Dit is al voorbij" in late.text
