"""Who owns a partition, and that only the owner writes: all of a commit, or nothing, of either service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from domain.aggregator import AggregatorChanges
from domain.bucket import Bucket, Resolution
from domain.bucket_store import Slot
from domain.queue_ref import QueueRef
from services.evaluator.state_store import EvaluatorStore
from services.notifier.state_store import NotifierChanges, NotifierStore
from shared.redis import keys
from shared.redis.connection import WentBack
from shared.redis.lease import Lease, Superseded
from shared.redis.stream_entries import BEGINNING
from tests.support.deliveries import MISSED, delivery
from tests.support.entries import put
from tests.support.eventually import eventually_async
from tests.support.redis_servers import RedisServer

MINUTE = timedelta(minutes=1)
FENCE, LEASE = "{p0}:fence", "{p0}:lease"


def lease(redis: Redis, owner: str = "one", lasts: timedelta = MINUTE) -> Lease:
    return Lease(redis, FENCE, LEASE, owner, lasts)


async def claimed(one: Lease) -> str:
    fence = await one.claim()
    assert fence is not None
    return fence


async def test_only_one_is_the_owner_and_each_take_over_has_a_fence_of_its_own(redis_client: Redis):
    one, two = lease(redis_client, "one"), lease(redis_client, "two")
    fence = await claimed(one)
    assert await two.claim() is None
    assert await one.claim() is None  # nor twice the same
    await one.release(fence)
    second = await claimed(two)
    await two.release(second)
    third = await claimed(one)
    assert len({fence, second, third}) == 3
    assert [int(f.partition(":")[0]) for f in (fence, second, third)] == [1, 2, 3]


async def test_who_was_superseded_can_neither_renew_nor_release(redis_client: Redis):
    one, two = lease(redis_client, "one"), lease(redis_client, "two")
    fence = await claimed(one)
    await redis_client.delete(LEASE)
    await claimed(two)
    with pytest.raises(Superseded):
        await one.renew(fence)
    await one.release(fence)
    assert await lease(redis_client, "three").claim() is None


async def test_a_lease_runs_out_and_may_be_renewed_until_somebody_takes_over(redis_client: Redis):
    fence = await claimed(lease(redis_client, "one", timedelta(milliseconds=50)))
    await eventually_async(lambda: _gone(redis_client, LEASE))
    one, two = lease(redis_client, "one"), lease(redis_client, "two")
    await one.renew(fence)
    assert await two.claim() is None
    await redis_client.delete(LEASE)
    await claimed(two)
    with pytest.raises(Superseded):
        await one.renew(fence)


async def _gone(redis: Redis, key: str) -> bool:
    return not await redis.exists(key)


# Commits -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Owner:
    """The store of a service, and something to commit of everything that it writes."""

    store: EvaluatorStore | NotifierStore
    changes: Any
    fence: str
    lease: str
    state: str

    async def commit(self, fence: str, before: str, after: str) -> None:
        await self.store.commit(fence, before, after, self.changes)


def evaluator(redis: Redis, name: str = "one") -> Owner:
    slot = Slot(QueueRef("lier", "onthaal"), Resolution.DAY, "2023-11-14")
    changes = AggregatorChanges({"read": "3"}, [(slot, Bucket(answered=3))], [], [])
    store = EvaluatorStore(redis, 0, name, MINUTE)
    return Owner(store, changes, keys.fence(0), keys.lease(0), keys.state(0))


def notifier(redis: Redis, name: str = "one") -> Owner:
    changes = NotifierChanges(posted=[delivery(MISSED)], to_annotate=[MISSED], log=[b"{}"], dead=[b"{}"])
    of_its_own = [keys.notifier(0, part) for part in ("fence", "lease", "state")]
    return Owner(NotifierStore(redis, 0, name, MINUTE), changes, *of_its_own)


Make = Callable[[Redis], Owner]


@pytest.fixture(params=[evaluator, notifier], ids=["evaluator", "notifier"])
def make(request: pytest.FixtureRequest) -> Make:
    made: Make = request.param
    return made


async def everything(redis: Redis) -> dict[bytes, object]:
    """Every key and its content, without the leases, whose time runs."""
    content: dict[bytes, object] = {}
    async for key in redis.scan_iter():
        if not key.endswith(b":lease"):
            content[key] = await redis.dump(key)
    return content


async def _fence_moved(redis: Redis, owner: Owner) -> None:
    await redis.delete(owner.lease)
    await claimed(Lease(redis, owner.fence, owner.lease, "two", MINUTE))


async def _owner_read_anew(_redis: Redis, owner: Owner) -> None:
    assert await owner.store.lease.claim("1:one") == "2:one"


async def _fence_lost(redis: Redis, owner: Owner) -> None:
    await redis.delete(owner.fence)


async def _everything_lost(redis: Redis, _owner: Owner) -> None:
    await redis.flushall()


async def _offset_moved(redis: Redis, owner: Owner) -> None:
    await redis.hset(owner.state, "offset", "5-1")


async def _state_lost(redis: Redis, owner: Owner) -> None:
    await redis.delete(owner.state)


async def _next_entry_lost(redis: Redis, _owner: Owner) -> None:
    """Which was read, and would be read again under another id."""
    for stream in (keys.events(0), keys.breaches(0)):
        await redis.xdel(stream, "16-0")


async def _last_commit_lost(redis: Redis, owner: Owner) -> None:
    """Which had moved no offset: what a power cut takes."""
    await redis.hdel(owner.state, "commit")


@pytest.mark.parametrize(
    ("happened", "refusal"),
    [
        (_fence_moved, Superseded),
        (_owner_read_anew, Superseded),
        (_fence_lost, WentBack),
        (_everything_lost, WentBack),
        (_offset_moved, WentBack),
        (_state_lost, WentBack),
        (_last_commit_lost, WentBack),
        (_next_entry_lost, WentBack),
    ],
)
async def test_a_commit_that_comes_too_late_writes_nothing_at_all(
    redis_client: Redis,
    make: Make,
    happened: Callable[[Redis, Owner], Awaitable[None]],
    refusal: type[Exception],
):
    owner = make(redis_client)
    fence = await claimed(owner.store.lease)
    for stream in (keys.events(0), keys.breaches(0)):
        await put(redis_client, stream, "5-0", "16-0")
    await owner.commit(fence, BEGINNING, "5-0")
    await happened(redis_client, owner)
    before = await everything(redis_client)
    with pytest.raises(refusal):
        await owner.commit(fence, "5-0", "16-0")
    assert await everything(redis_client) == before


@pytest.mark.parametrize(
    ("happened", "refusal"),
    [
        (_fence_moved, Superseded),
        (_fence_lost, WentBack),
        (_everything_lost, WentBack),
        (_offset_moved, WentBack),
        (_state_lost, WentBack),
        (_last_commit_lost, WentBack),
    ],
)
async def test_who_only_looks_sees_it_too(
    redis_client: Redis,
    make: Make,
    happened: Callable[[Redis, Owner], Awaitable[None]],
    refusal: type[Exception],
):
    owner = make(redis_client)
    fence = await claimed(owner.store.lease)
    await owner.store.look(fence, BEGINNING)
    for stream in (keys.events(0), keys.breaches(0)):
        await put(redis_client, stream, "5-0")
    await owner.commit(fence, BEGINNING, "5-0")
    await owner.store.look(fence, "5-0")
    await happened(redis_client, owner)
    with pytest.raises(refusal):
        await owner.store.look(fence, "5-0")


async def test_a_state_of_before_commits_had_numbers_goes_on(redis_client: Redis, make: Make):
    owner = make(redis_client)
    await redis_client.hset(owner.state, "offset", "5-0")
    await redis_client.set(owner.fence, "7:older")
    await redis_client.set(owner.lease, "7:older", px=1)
    await eventually_async(owner.store.lease.claim)
    for stream in (keys.events(0), keys.breaches(0)):
        await put(redis_client, stream, "6-0")
    await owner.commit("8:one", "5-0", "6-0")
    assert await redis_client.hget(owner.state, "offset") == b"6-0"


async def test_the_leases_of_the_services_are_two(redis_client: Redis):
    for owner in (evaluator(redis_client), notifier(redis_client)):
        await claimed(owner.store.lease)


async def test_without_redis_it_says_so(own_server: RedisServer, make: Make):
    async with Redis.from_url(own_server.url) as redis:
        owner = make(redis)
        fence = await claimed(owner.store.lease)
        own_server.stop()
        with pytest.raises(RedisError):
            await owner.commit(fence, BEGINNING, "1-0")
