"""What holds for every owner of a partition, told of the evaluator and of the notifier, on real servers."""

from __future__ import annotations

import asyncio
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, NoReturn

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from redis.typing import EncodableT, FieldT

from services.notifier.model import Delivery
from shared.config.model import CityFile
from shared.contract import breach_events
from shared.contract.breach_events import (
    BreachChanged,
)
from shared.process import backoff
from shared.redis import keys, partition_owner
from shared.redis.lease import Lease
from shared.redis.partition_owner import TRIES, OwnerRole
from tests.chaos import load
from tests.chaos.check import committed, expected
from tests.support import evaluator_oracle as oracle
from tests.support import partitions
from tests.support.eventually import eventually_async
from tests.support.partitions import AtWork
from tests.support.redis_servers import RedisServer
from tests.support.samples import fired, house

PHONE = "0470123456"
"""What a message of an error may quote."""

LEASE = timedelta(minutes=1)
"""Nobody loses it by being slow."""


class Entry(NamedTuple):
    """One on the stream."""

    id: str
    fields: dict[FieldT, EncodableT]


class Service(ABC):
    """One whose partition is owned: what it reads, and whether it did the work of each entry once."""

    stream: str
    state: str
    lease_keys: tuple[str, str]
    """Fence and lease."""
    unreadable: tuple[str, str]
    """A field of what it stores, as no version of it can read it."""

    @abstractmethod
    def entries(self) -> Sequence[Entry]:
        """Some hundreds, in order."""

    @abstractmethod
    def at_work(
        self, url: str, owner: str = "one", lease: timedelta = LEASE
    ) -> AbstractAsyncContextManager[AtWork[Any]]:
        """Have it at work."""

    @abstractmethod
    async def assert_done(self, url: str) -> None:
        """Wait until the work of all entries is done; what Redis forgot was perhaps done again."""

    async def assert_done_once(self, url: str) -> None:
        """The same where Redis forgot nothing."""
        await self.assert_done(url)

    async def write(self, redis: Redis, entries: Sequence[Entry]) -> None:
        pipeline = redis.pipeline(transaction=False)
        for entry in entries:
            pipeline.xadd(self.stream, entry.fields, id=entry.id)
        await pipeline.execute()

    async def until_committed(self, redis: Redis, entries: Sequence[Entry]) -> None:
        """Wait until the offset stands at the last of these."""

        async def reached() -> bool:
            try:
                return await redis.hget(self.state, "offset") == entries[-1].id.encode()
            except RedisError:
                return False

        await eventually_async(reached)


class EvaluatorService(Service):
    """Everything that may come, counted to the last bucket as an oracle counts it."""

    stream = keys.events(0)
    state = keys.state(0)
    lease_keys = (keys.fence(0), keys.lease(0))
    unreadable = (keys.state(0), "staff:lier:onthaal")

    def __init__(self) -> None:
        self.city = load.city()
        self.written = load.stream(5, 500)

    def entries(self) -> Sequence[Entry]:
        return [Entry(written.entry, load.fields(written)) for written in self.written]

    def at_work(
        self, url: str, owner: str = "one", lease: timedelta = LEASE
    ) -> AbstractAsyncContextManager[AtWork[Any]]:
        return partitions.evaluator(url, with_lease(self.city, lease), lambda: load.END, owner)

    async def assert_done(self, url: str) -> None:
        async with Redis.from_url(url) as redis:

            async def closed() -> bool:
                return int(await redis.hget(self.state, "cursor") or 0) >= oracle.at_ms(load.END)

            await eventually_async(closed)
        assert await asyncio.to_thread(committed, url, self.city) == expected(self.written, self.city)


class NotifierService(Service):
    """Breaches that begin to fire, each told in one message, however often that is handed over."""

    stream = keys.breaches(0)
    state = keys.notifier(0, "state")
    lease_keys = (keys.notifier(0, "fence"), keys.notifier(0, "lease"))
    unreadable = (keys.notifier(0, "records"), "breach/newer")

    def __init__(self) -> None:
        self.city = house(
            receivers=[{"id": "a", "channels": [{"kind": "webhook", "url": "https://a.example/"}]}],
            routes=[{"receivers": ["a"]}],
            notify={"group_wait": "0s"},
        )
        self.began = datetime.now(UTC)  # what is older than ten minutes is old news to a first notifier
        self.delivered: dict[str, Delivery] = {}
        """By key."""

    def entries(self) -> Sequence[Entry]:
        began_ms = int(self.began.timestamp() * 1000)
        return [
            Entry(f"{began_ms}-{number}", {keys.DATA_FIELD: breach_events.encode(self._firing(number))})
            for number in range(1, 101)
        ]

    def _firing(self, number: int) -> BreachChanged:
        name = f"breach-{number}"
        where = f"queue-{number}"  # each at its own: one trouble of a queue is told once
        return fired(self.began, id=f"{name}:firing", breach=name, rule=f"rule-{number}", queue=where)

    def at_work(
        self, url: str, owner: str = "one", lease: timedelta = LEASE
    ) -> AbstractAsyncContextManager[AtWork[Any]]:
        async def deliver(delivery: Delivery) -> None:
            self.delivered[delivery.key] = delivery

        return partitions.notifier(
            url, with_lease(self.city, lease), lambda: self.began, deliver, owner=owner
        )

    async def assert_done(self, url: str) -> None:
        async with Redis.from_url(url) as redis:

            async def delivered() -> bool:
                return not await redis.hlen(keys.notifier(0, "outbox"))

            await eventually_async(delivered)
        assert set(self.told) == {f"breach-{number}" for number in range(1, 101)}

    async def assert_done_once(self, url: str) -> None:
        await self.assert_done(url)
        assert len(self.told) == len(set(self.told)), "though handed over again, it is the same message"

    @property
    def told(self) -> list[str]:
        return [breach.id for one in self.delivered.values() for breach in one.notification.breaches]


def with_lease(city: CityFile, lease: timedelta) -> CityFile:
    return city.model_copy(update={"pipeline": city.pipeline.model_copy(update={"lease": lease})})


@pytest.fixture(params=[EvaluatorService, NotifierService], ids=["evaluator", "notifier"])
def service(request: pytest.FixtureRequest) -> Service:
    made = request.param()
    assert isinstance(made, Service)
    return made


def now() -> datetime:
    return datetime.now(UTC)


async def says(run: AtWork[Any], words: str) -> bool:
    return words in (await run.partition.check(now()) or "")


async def test_a_standby_waits_and_takes_over_at_once_when_the_owner_gives_up(
    redis_url: str, service: Service
):
    entries = service.entries()
    async with Redis.from_url(redis_url) as redis, service.at_work(redis_url, "one") as one:
        await eventually_async(lambda: one.owns)
        await service.write(redis, entries[:50])
        await service.until_committed(redis, entries[:50])
        async with service.at_work(redis_url, "two") as two:
            assert two.partition.role is OwnerRole.STANDBY
            assert two.partition.session is None
            assert await two.partition.check(now()) is None
            await one.stop()
            lease_there = await redis.exists(service.lease_keys[1])
            assert not lease_there or two.partition.role is not OwnerRole.STANDBY
            await service.write(redis, entries[50:])
            await eventually_async(lambda: two.owns)
            await service.until_committed(redis, entries)
            assert await two.partition.check(now()) is None
            await service.assert_done_once(redis_url)


async def test_an_owner_whose_fence_is_gone_writes_no_more_and_stands_by(redis_url: str, service: Service):
    entries = service.entries()
    async with Redis.from_url(redis_url) as redis, service.at_work(redis_url) as run:
        await service.write(redis, entries[:20])
        await service.until_committed(redis, entries[:20])
        other = Lease(redis, *service.lease_keys, "other", LEASE)
        await partitions.supersede(redis, service.lease_keys[0], other)
        await service.write(redis, entries[20:])
        await eventually_async(lambda: run.partition.role is OwnerRole.STANDBY)
        assert run.partition.session is None
        assert await redis.hget(service.state, "offset") == entries[19].id.encode()


async def test_after_a_flush_it_begins_anew(redis_url: str, service: Service):
    entries = service.entries()
    async with Redis.from_url(redis_url) as redis, service.at_work(redis_url) as run:
        await service.write(redis, entries[:50])
        await service.until_committed(redis, entries[:50])
        await redis.flushall()
        await service.write(redis, entries)
        await service.until_committed(redis, entries)
        await eventually_async(lambda: run.owns)
        assert run.partition.went_back_at
        await service.assert_done(redis_url)


async def test_a_state_that_went_back_is_read_again(redis_url: str, service: Service):
    """As after a restart of Redis that lost the last second of its append-only file."""
    entries = service.entries()
    async with Redis.from_url(redis_url) as redis, service.at_work(redis_url) as run:
        await service.write(redis, entries[:20])
        await service.until_committed(redis, entries[:20])
        assert not run.partition.went_back_at
        earlier = {key: await redis.dump(key) or b"" for key in await stored(redis)}
        await service.write(redis, entries[20:60])
        await service.until_committed(redis, entries[:60])
        async with redis.pipeline() as at_once:  # else the owner may write something in between
            at_once.delete(*await stored(redis))
            for key, content in earlier.items():
                at_once.restore(key, 0, content)
            await at_once.execute()
        await service.write(redis, entries[20:])
        await service.until_committed(redis, entries)
        assert run.partition.went_back_at
        await service.assert_done(redis_url)


async def test_a_server_that_lost_the_end_of_its_file_is_noticed_and_read_again(
    own_server: RedisServer, service: Service
):
    entries = service.entries()
    async with Redis.from_url(own_server.url) as redis, service.at_work(own_server.url) as run:
        await service.write(redis, entries[:20])
        await service.until_committed(redis, entries[:20])
        before = own_server.written()
        await service.write(redis, entries[20:60])
        await service.until_committed(redis, entries[:60])
        await asyncio.to_thread(own_server.go_back, before)
        await eventually_async(lambda: run.partition.went_back_at)
        await redis.connection_pool.disconnect()
        await service.write(redis, entries[20:])
        await service.until_committed(redis, entries)
        await service.assert_done(own_server.url)


async def stored(redis: Redis) -> list[bytes]:
    """All keys but the leases, which live for seconds anyway."""
    return [key async for key in redis.scan_iter() if not key.endswith(b":lease")]


async def test_what_it_cannot_read_is_set_aside_and_it_goes_on_without(redis_url: str, service: Service):
    entries, (key, field), began = service.entries(), service.unreadable, now()
    async with Redis.from_url(redis_url) as redis:
        await redis.hset(key, field, "of no version")
        async with service.at_work(redis_url) as run:
            await service.write(redis, entries)
            await service.until_committed(redis, entries)
            await service.assert_done_once(redis_url)
            assert run.partition.set_aside_at >= began.timestamp()


@pytest.mark.parametrize("part", ["load", "tick"])
async def test_where_our_own_code_fails_it_is_tried_again_and_health_says_where(
    redis_url: str, service: Service, part: str, monkeypatch: pytest.MonkeyPatch
):
    """No process that ends and is started again, over and over, until somebody mends it."""

    async def fails(_argument: object) -> NoReturn:
        raise ValueError(PHONE)

    for name in ("FIRST_PAUSE", "LONGEST_PAUSE"):
        monkeypatch.setattr(backoff, name, timedelta(milliseconds=10))
    monkeypatch.setattr(partition_owner, "TRY_EVERY", timedelta(milliseconds=50))
    entries = service.entries()
    async with Redis.from_url(redis_url) as redis, service.at_work(redis_url) as run:
        with monkeypatch.context() as broken:
            broken.setattr(run.consumer, part, fails)
            await eventually_async(lambda: says(run, "ValueError at tests.shared.redis."))
            assert not await says(run, PHONE)
            assert not run.task.done()
        await eventually_async(lambda: run.owns)
        await service.write(redis, entries)
        await service.until_committed(redis, entries)
        await service.assert_done_once(redis_url)


async def test_the_lease_is_kept_however_long_the_state_is_read_and_however_long_it_takes_to_finish(
    redis_url: str, service: Service, monkeypatch: pytest.MonkeyPatch
):
    gate, short = asyncio.Event(), timedelta(seconds=1.5)
    async with service.at_work(redis_url, "one", short) as one:
        renewals = counted(monkeypatch, one.partition._lease, "renew")
        loads = one.consumer.load

        async def load_slowly(fence: str) -> object:
            await gate.wait()
            return await loads(fence)

        async def wait_for_the_gate(*_session: object) -> None:
            await gate.wait()

        monkeypatch.setattr(one.consumer, "load", load_slowly)
        monkeypatch.setattr(one.consumer, "finish", wait_for_the_gate)
        await eventually_async(lambda: one.partition.role is OwnerRole.TAKING_OVER)
        async with service.at_work(redis_url, "two", short) as two:
            await eventually_async(lambda: len(renewals) > TRIES + 1)
            assert two.partition.role is OwnerRole.STANDBY
            gate.set()
            await eventually_async(lambda: one.owns)
            gate.clear()
            one.session.start(wait_for_the_gate(), "beside the stream")
            stopping = asyncio.create_task(one.stop())
            renewals.clear()
            await eventually_async(lambda: len(renewals) > TRIES + 1)
            assert two.partition.role is OwnerRole.STANDBY
            gate.set()
            await stopping
            await eventually_async(lambda: two.owns)


def counted(monkeypatch: pytest.MonkeyPatch, thing: object, name: str) -> list[tuple[object, ...]]:
    """Note every call of a method, which goes on doing what it does."""
    calls: list[tuple[object, ...]] = []
    works = getattr(thing, name)

    def call(*arguments: object) -> object:
        calls.append(arguments)
        return works(*arguments)

    monkeypatch.setattr(thing, name, call)
    return calls


# What Redis does -----------------------------------------------------------------------------------------


async def _stop_and_start(server: RedisServer) -> None:
    await asyncio.to_thread(server.restart)


async def _kill_and_start(server: RedisServer) -> None:
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)


@pytest.mark.parametrize("accident", [_stop_and_start, _kill_and_start], ids=["restart", "kill"])
async def test_it_goes_on_after_a_redis_restart_in_mid_stream(
    own_server: RedisServer, service: Service, accident: Callable[[RedisServer], Awaitable[None]]
):
    entries = service.entries()
    async with service.at_work(own_server.url) as run:
        await eventually_async(lambda: run.owns)
        async with Redis.from_url(own_server.url) as redis:
            for first in range(0, len(entries) // 2, 20):
                await service.write(redis, entries[first : first + 20])
        await accident(own_server)
        async with Redis.from_url(own_server.url) as redis:
            await service.write(redis, await not_there(redis, service.stream, entries))
            await service.until_committed(redis, entries)
            await eventually_async(lambda: run.owns)
            await service.assert_done(own_server.url)


async def not_there(redis: Redis, stream: str, entries: Sequence[Entry]) -> Sequence[Entry]:
    """What a sender would send again: everything that Redis does not have (any more)."""
    return entries[await redis.xlen(stream) :]


async def test_a_redis_that_hangs_is_waited_for(own_server: RedisServer, service: Service):
    entries = service.entries()
    short = timedelta(seconds=1)
    async with service.at_work(own_server.url, lease=short) as run, Redis.from_url(own_server.url) as redis:
        await service.write(redis, entries[:50])
        await service.until_committed(redis, entries[:50])
        os.kill(own_server.pid, signal.SIGSTOP)
        try:
            await eventually_async(lambda: says(run, "no word from Redis"))
            assert run.partition.session is None
        finally:
            os.kill(own_server.pid, signal.SIGCONT)
        await service.write(redis, entries[50:])
        await service.until_committed(redis, entries)
        await service.assert_done_once(own_server.url)
        assert not run.task.done()
