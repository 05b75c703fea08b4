"""The end of a process: what must not be broken off is not, for as long as its one limit lasts."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from datetime import timedelta

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from shared.process import shutdown
from shared.process.shutdown import WHOLE, Shield, cancel
from tests.support.eventually import eventually_async
from tests.support.service_process import ROOT

NEVER = timedelta(hours=1)


@pytest.fixture(autouse=True)
def again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancellation is repeated many times while a test looks."""
    monkeypatch.setattr(shutdown, "CANCEL_AGAIN_S", 0.01)


async def cancelled_often(task: asyncio.Task[None]) -> asyncio.Task[None]:
    """Begin to cancel a task; returns when that was repeated several times."""
    cancelling = asyncio.create_task(cancel([task]))
    await eventually_async(lambda: task.done() or task.cancelling() > 5)
    return cancelling


async def test_a_cleanup_goes_on_however_often_its_task_is_cancelled():
    may_end, steps = asyncio.Event(), list[str]()

    async def clean_up() -> None:
        steps.append("begun")
        await may_end.wait()
        steps.append("ended")

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await Shield(NEVER).run(clean_up())
            steps.append("not reached: the cancellation goes on from here")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    cancelling = await cancelled_often(task)
    assert steps == ["begun"]
    may_end.set()
    await cancelling
    assert task.cancelled()
    assert steps == ["begun", "ended"]


async def test_all_cleanups_of_a_task_have_one_limit_together_and_are_broken_off_after_it():
    """However many there are: the second one of a task whose time is over is broken off at once."""
    broken_off = list[str]()
    shield = Shield(timedelta(0))

    async def hang(name: str) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            broken_off.append(name)
            raise

    async def work() -> None:
        try:
            try:
                await asyncio.Event().wait()
            finally:
                await shield.run(hang("first"))
        finally:
            await shield.run(hang("second"))

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await cancel([task])
    assert broken_off == ["first", "second"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_without_a_cancellation_it_is_as_if_there_were_no_shield():
    shield = Shield(timedelta(0))

    async def answer() -> int:
        for _ in range(10):
            await asyncio.sleep(0)
        return 42

    async def fail() -> None:
        raise LookupError

    assert await shield.run(answer()) == 42
    with pytest.raises(LookupError):
        await shield.run(fail())


async def test_an_error_in_a_cleanup_does_not_hide_the_cancellation():
    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError

    async def work() -> None:
        with suppress(LookupError):
            await Shield(NEVER).run(fail())

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await cancel([task])
    assert task.cancelled()


def seconds(text: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(s|m)?", text).groups()  # type: ignore[union-attr]
    return int(number) * (60 if unit == "m" else 1)


@pytest.mark.parametrize("service", ["ingest", "evaluator", "notifier", "reporter"])
def test_docker_waits_for_longer_than_an_end_may_take(service: str):
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert seconds(compose["services"][service]["stop_grace_period"]) > WHOLE.total_seconds()


@pytest.mark.parametrize(
    "manifest", sorted(path.stem for path in (ROOT / "deploy/kubernetes/base").glob("*.yaml"))
)
def test_kubernetes_waits_for_longer_than_an_end_may_take(manifest: str):
    text = (ROOT / f"deploy/kubernetes/base/{manifest}.yaml").read_text(encoding="utf-8")
    for one in yaml.safe_load_all(text):
        if one["kind"] != "Deployment":
            continue
        pod = one["spec"]["template"]["spec"]
        before = sum(
            container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            for container in pod["containers"]
        )
        assert pod["terminationGracePeriodSeconds"] - before > WHOLE.total_seconds()
