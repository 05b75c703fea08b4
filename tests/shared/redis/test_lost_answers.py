"""Whatever writes to Redis writes once, also when the answer got lost and the client says it all again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from domain.aggregator import AggregatorChanges
from domain.bucket import Bucket
from domain.corrections import BucketChange, Correction, Hours, day_slot
from domain.queue_ref import QueueRef
from services.evaluator.alerting.judge import Judgement
from services.evaluator.archive import Archive
from services.evaluator.state_store import EvaluatorStore
from services.ingest.publisher import Publisher, ReadUpTo
from services.notifier.state_store import NotifierChanges, NotifierStore
from services.reporter.publisher import ReportPublisher
from shared.contract.dead_letters import DeadLetter, DeadLetterReason
from shared.contract.events import EVENTS
from shared.contract.report_events import Document, ReportReady
from shared.process.settings import ServiceSettings
from shared.redis import keys
from shared.redis.connection import RedisClient, WentBack
from shared.redis.connection import redis_client as client_of
from shared.redis.stream_entries import BEGINNING
from tests.support.deliveries import MISSED, delivery
from tests.support.entries import entries, put
from tests.support.ingest_desk import answered
from tests.support.redis_servers import RedisServer
from tests.support.samples import fired, house
from tests.support.tcp_proxy import TcpProxy, tcp_proxy

NOW: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)
LEASE: Final = timedelta(minutes=1)
LETTER: Final = DeadLetter(reason=DeadLetterReason.LATE, detail="too old", at=NOW)
EVALUATOR, NOTIFIER = "1:evaluator", "1:notifier"
"""The fences that hold when a test begins."""

Write = Callable[[RedisClient], Awaitable[object]]


@pytest.fixture
async def proxy(shared_server: RedisServer, redis_url: str) -> AsyncIterator[TcpProxy]:
    """The only way to an empty server, for those who take it."""
    assert redis_url == shared_server.url
    async with tcp_proxy(shared_server.port) as proxy:
        yield proxy


@pytest.fixture
async def far(proxy: TcpProxy) -> AsyncIterator[Redis]:
    """A client as the services have it, at the other end of that way."""
    settings = ServiceSettings.model_validate({"port": 0, "redis_url": f"redis://127.0.0.1:{proxy.port}/0"})
    client = client_of(settings)
    assert isinstance(client, Redis)
    async with client:
        yield client


async def test_the_client_says_again_what_was_not_answered(proxy: TcpProxy, far: Redis, redis_client: Redis):
    proxy.lose_answer_to(b"XADD")
    await far.xadd("stream", {"once": "or twice"})
    assert (proxy.lost, await redis_client.xlen("stream")) == (1, 2)


# What there is that writes -----------------------------------------------------------------------------


def evaluator(redis: RedisClient, owner: str = "evaluator") -> EvaluatorStore:
    return EvaluatorStore(redis, 0, owner, LEASE)


def notifier(redis: RedisClient) -> NotifierStore:
    return NotifierStore(redis, 0, "notifier", LEASE)


async def a_tick_that_tells(redis: RedisClient) -> None:
    verdict = Judgement([fired(NOW)], {"watch:wachten": "firing"})
    await evaluator(redis).commit(EVALUATOR, BEGINNING, BEGINNING, AggregatorChanges({}, [], [], []), verdict)


async def a_batch_with_a_dead_letter(redis: RedisClient) -> None:
    changes = AggregatorChanges({"read": "1"}, [], [], [LETTER])
    await evaluator(redis).commit(EVALUATOR, BEGINNING, "5-0", changes, Judgement([fired(NOW)], {}))


async def a_delivery(redis: RedisClient) -> None:
    changes = NotifierChanges(posted=[delivery(MISSED)], log=[b'{"line":1}'], dead=[b'{"dead":1}'])
    await notifier(redis).commit(NOTIFIER, BEGINNING, BEGINNING, changes)


async def a_first_claim(redis: RedisClient) -> object:
    return await EvaluatorStore(redis, 1, "evaluator", LEASE).lease.claim()


async def another_turn(redis: RedisClient) -> object:
    return await evaluator(redis).lease.claim(EVALUATOR)


async def a_renewal(redis: RedisClient) -> None:
    await evaluator(redis).lease.renew(EVALUATOR)


async def an_orderly_end(redis: RedisClient) -> None:
    await notifier(redis).lease.release(NOTIFIER)


async def events(redis: RedisClient) -> None:
    await Publisher(redis).write(0, EVENTS.validate_python([answered(n) for n in range(3)]))


async def stamped_events(redis: RedisClient) -> None:
    await Publisher(redis, lambda: NOW).write(0, EVENTS.validate_python([answered(n) for n in range(3)]))


async def lines_of_a_log(redis: RedisClient) -> None:
    facts = EVENTS.validate_python([answered(n) for n in range(3)])
    await Publisher(redis).write(0, facts, ReadUpTo("asterisk", b"here"))


async def a_refusal(redis: RedisClient) -> None:
    await Publisher(redis).bury(0, [LETTER])


async def an_acknowledgement(redis: RedisClient) -> None:
    await notifier(redis).say(b"{}")


async def a_months_report(redis: RedisClient) -> object:
    word = ReportReady(id="report:2026-02", at=NOW, period="2026-02", receivers=("balie",))
    document = Document(id=word.id, subject="Rapport", text="Hier is het.")
    return await ReportPublisher(redis).hand_over(document, word, counts=True)


async def an_extra_report(redis: RedisClient) -> object:
    word = ReportReady(id="report:2026-02:x", at=NOW, period="2026-02", receivers=("balie",))
    document = Document(id=word.id, subject="Rapport", text="Hier is het.")
    return await ReportPublisher(redis).hand_over(document, word, counts=False)


async def a_correction(redis: RedisClient) -> None:
    slot = day_slot(QueueRef("huis", "onthaal"), date(2026, 2, 2), Hours.INSIDE)
    correction = Correction(id="one", at=NOW, how="import", by="balie", why="proef", files=())
    change = BucketChange.to(slot, None, Bucket(answered=1))
    assert change is not None
    await Archive(redis, house()).replace(correction, [change])


WRITES: Final[list[Write]] = [
    a_tick_that_tells,
    a_batch_with_a_dead_letter,
    a_delivery,
    a_first_claim,
    another_turn,
    a_renewal,
    an_orderly_end,
    events,
    stamped_events,
    lines_of_a_log,
    a_refusal,
    an_acknowledgement,
    a_months_report,
    an_extra_report,
    a_correction,
]


async def beginning(redis: Redis) -> None:
    """An empty server on which both rooms have an owner."""
    await redis.flushall()
    await put(redis, keys.events(0), "5-0")
    assert await evaluator(redis).lease.claim() == EVALUATOR
    assert await notifier(redis).lease.claim() == NOTIFIER


async def standing(redis: Redis) -> dict[str, object]:
    """All that stands in Redis, but for what differs by chance: names of calls, times of arrival."""
    found: dict[str, object] = {}
    async for key in redis.scan_iter():
        name = key.decode()
        match await redis.type(key):
            case b"hash":
                found[name] = await redis.hgetall(key)
            case b"stream":
                found[name] = [body for _, body in await entries(redis, name)]
            case _ if ":once:" in name:
                answer = str(await redis.get(key))
                found[f"{name.partition(':once:')[0]} calls"] = re.sub(r"[0-9]+-[0-9]+", "entry", answer)
            case _:
                found[name] = str(await redis.get(key)).partition(" ")[0]
    return found


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)
async def test_a_write_whose_answer_got_lost_is_done_once(
    proxy: TcpProxy, far: Redis, redis_client: Redis, write: Write
):
    await beginning(redis_client)
    said = await write(redis_client)
    once = await standing(redis_client)
    await beginning(redis_client)
    proxy.lose_answer_to(b"EVALSHA", times=2)
    assert await write(far) == said
    assert proxy.lost == 2
    assert await standing(redis_client) == once


async def test_an_owner_does_not_wait_for_a_lease_of_its_own_to_run_out(
    proxy: TcpProxy, far: Redis, redis_client: Redis
):
    await beginning(redis_client)
    lease = evaluator(far).lease
    for held in (EVALUATOR, "2:evaluator"):
        proxy.lose_answer_to(b"EVALSHA", times=3)
        with pytest.raises(RedisError):
            await lease.claim(held)
        assert await lease.claim(held) == f"{int(held[0]) + 1}:evaluator"
    assert await evaluator(redis_client, "standby").lease.claim() is None


async def test_lines_that_were_tried_for_minutes_stand_once(proxy: TcpProxy, far: Redis, redis_client: Redis):
    """The follower of a file goes on trying when the client has long given up."""
    await beginning(redis_client)
    await events(redis_client)
    proxy.lose_answer_to(b"EVALSHA", times=3)
    with pytest.raises(RedisError):
        await lines_of_a_log(far)
    await lines_of_a_log(far)
    assert await redis_client.xlen(keys.events(0)) == 1 + 6


async def test_what_is_tried_again_under_its_name_is_done_once(
    proxy: TcpProxy, far: Redis, redis_client: Redis
):
    await events(redis_client)
    proxy.lose_answer_to(b"EVALSHA", times=3)
    with pytest.raises(RedisError):
        await Publisher(far).write(0, EVENTS.validate_python([answered(4)]), name="heartbeat")
    await Publisher(far).write(0, EVENTS.validate_python([answered(4)]), name="heartbeat")
    assert await redis_client.xlen(keys.events(0)) == 4


async def test_a_commit_that_arrives_after_the_next_one_writes_nothing(redis_client: Redis):
    await beginning(redis_client)
    owner = evaluator(redis_client)
    for number in (1, 2):
        nothing, verdict = AggregatorChanges({}, [], [], []), Judgement([fired(NOW, id=f"{number}")], {})
        await owner.commit(EVALUATOR, BEGINNING, BEGINNING, nothing, verdict)
    before = await standing(redis_client)
    with pytest.raises(WentBack):
        await a_tick_that_tells(redis_client)  # numbered 1, as the first
    assert await standing(redis_client) == before
