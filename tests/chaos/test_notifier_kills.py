"""Evaluator, notifier and Redis are killed while breaches open and close: everybody hears of both ends.

Which of them dies when is drawn from a seed, as "so many things further on": a thing is a transition on the
stream or a message at a receiver. Receivers break off now and then, so that a message arrives without the
notifier knowing. Half of the breaches are taken on by the link in their first message.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx
import redis

from services.notifier.state import decode
from shared.contract.events import Event
from shared.redis import keys
from tests.support.breach_stage import Stage, Told, raised
from tests.support.eventually import eventually_async
from tests.support.receivers import Fault, Reply
from tests.support.redis_servers import EmbeddedValkey, RedisServer

SEED = 20_261_124
SPEED = 30
"""A reminder is due after a minute: two seconds."""
QUEUES = ("north", "east", "south", "west")
NOTIFY = 'group_wait = "0s"\nreminder = "1m"\nflap_window = "1m"\nflap_messages = 100\n'
FAILURES = (Fault.RESET, Fault.CLOSE, Reply(503), Reply(429, {"Retry-After": "1"}))
THINGS = 6
"""Of a breach cycle: four transitions and at least two messages."""

T = TypeVar("T")


class Siege:
    """A stage whose evaluator, notifier and Redis are killed, and started again at once."""

    def __init__(self, stage: Stage, random: Random) -> None:
        self.stage = stage
        self.random = random
        self.evaluator = stage.evaluator()
        self.notifier = stage.notifier()
        self.kills: Counter[str] = Counter()
        self.taken: dict[str, datetime] = {}
        """Breach that was acknowledged → when that was seen to be committed."""

    def kill(self, victim: str) -> None:
        """kill -9, and another one starts at once."""
        self.kills[victim] += 1
        match victim:
            case "evaluator":
                self.stage.services.kill(self.evaluator)
                self.evaluator = self.stage.evaluator()
            case "notifier":
                self.stage.services.kill(self.notifier)
                self.notifier = self.stage.notifier()
            case _:
                self.stage.server.kill()
                self.stage.server.start()

    def things(self) -> int:
        """How much has happened so far."""
        changes = sum(len(self.stage.changes(queue)) for queue in QUEUES)
        return changes + sum(len(self.stage.webhooks[queue].requests) for queue in QUEUES)

    async def havoc(self) -> None:
        """Kill each of the three once, each at a moment of its own."""
        victims = ["evaluator", "notifier", "redis"]
        self.random.shuffle(victims)
        begun = await steadily(self.things)
        moments = sorted(self.random.randrange(THINGS * len(QUEUES)) for _ in victims)
        for victim, moment in zip(victims, moments, strict=True):
            await until(lambda goal=begun + moment: self.things() >= goal)  # type: ignore[misc]
            self.kill(victim)

    async def cycle(self, queue: str) -> None:
        """A breach opens, is told, perhaps taken on, and is over."""
        random = Random(self.random.random())
        self.stage.webhooks[queue].will(*random.choices((*FAILURES, Reply(204)), k=random.randrange(4)))
        number = self.stage.states(queue).count("ok") + 1
        before = len(self.stage.told(queue))
        await self.happen(queue, answered=4, missed=2)
        await until(lambda: self.stage.states(queue).count("firing") == number)
        if random.random() < 0.5:
            await until(lambda: firing(self.stage.told(queue)[before:]))
            await self.take_on(firing(self.stage.told(queue)[before:])[0])
        await self.happen(queue, answered=4)
        await until(lambda: self.stage.states(queue).count("ok") == number)
        await until(lambda: [told for told in self.stage.told(queue)[before:] if told.kind == "resolved"])

    async def happen(self, queue: str, *, answered: int, missed: int = 0) -> None:
        """Write the ends of calls, again and again until Redis has said yes; they count once."""
        at = self.stage.clock()
        events: list[Event] = [
            self.stage.call(queue, at, missed=n < missed) for n in range(answered + missed)
        ]
        await steadily(lambda: self.stage.write(events))

    async def take_on(self, told: Told) -> None:
        """Press the button of a message, until somebody answers; wait until it is committed."""
        found = re.search(r"\S+/acknowledge\?token=\S+", str(told.body["text"]))
        assert found is not None
        (token,) = parse_qs(urlsplit(found[0]).query)["token"]

        async def pressed() -> bool:
            try:
                answer = await self.stage.ask("POST", "/acknowledge", form={"token": token})
            except httpx.TransportError:
                return False
            return answer.status_code == 200

        def committed() -> bool:
            with self.stage.server.client() as client:
                stored = client.hgetall(keys.notifier(0, "records"))
            known = decode({key.decode(): value for key, value in stored.items()}).breaches
            return all(known[breach].breach.acknowledged is not None for breach in told.breaches)

        await eventually_async(pressed)
        await until(committed)
        for breach in told.breaches:
            self.taken[breach] = self.stage.clock()


def firing(messages: Sequence[Told]) -> list[Told]:
    return [told for told in messages if told.kind == "firing"]


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition that may need Redis, which may be away."""

    def holds() -> object:
        try:
            return condition()
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    await eventually_async(holds)


async def steadily(act: Callable[[], T]) -> T:
    """Do something with Redis as soon as it is there."""
    done: list[T] = []

    def tried() -> bool:
        done.append(act())
        return True

    await until(tried)
    return done[-1]


def assert_everything_was_told(siege: Siege, queue: str, cycles: int) -> None:
    changes = siege.stage.changes(queue)
    assert [change.state.value for change in changes] == ["pending", "firing", "clearing", "ok"] * cycles
    assert len({change.id for change in changes}) == len(changes)
    messages = siege.stage.told(queue)
    breaches = list(dict.fromkeys(change.breach for change in changes))
    keys: dict[tuple[str, str, object], set[str]] = defaultdict(set)
    for told in messages:
        assert len(told.breaches) == 1
        keys[told.kind, told.breaches[0], told.body["number"]].add(told.key)
    assert {name: len(found) for name, found in keys.items() if len(found) > 1} == {}
    for kind in ("firing", "resolved"):
        order = [told.breaches[0] for told in messages if told.kind == kind]
        assert list(dict.fromkeys(order)) == breaches
    for breach in breaches:
        heard = [message.kind for message in messages if message.breaches == (breach,)]
        assert heard[0] == "firing"
        assert "firing" not in heard[heard.index("resolved") :]
    lines = [line for line in siege.stage.logged(queue) if line["kind"] == "delivery"]
    delivered = {line["key"] for line in lines if line["result"] == "delivered"}
    assert {told.key for told in messages if told.kind in {"firing", "resolved"}} <= delivered
    late: Counter[str] = Counter()
    for told in messages:
        taken = siege.taken.get(told.breaches[0])
        if told.kind == "reminder" and taken is not None and told.sent > taken.timestamp():
            late[told.breaches[0]] += 1
    assert not late or max(late.values()) == 1  # one may have been on its way already


async def live_through(server: RedisServer, directory: Path, seed: int, rounds: int) -> None:
    """In each round every queue goes through a cycle, and each of the three is killed once."""
    async with raised(server, directory, QUEUES, notify=NOTIFY, speed=SPEED, lease="3s") as stage:
        siege = Siege(stage, Random(seed))
        for _ in range(rounds):
            cycles: list[Awaitable[None]] = [siege.cycle(queue) for queue in QUEUES]
            await asyncio.gather(siege.havoc(), *cycles)
        await until(lambda: stage.outbox() == 0)
        for queue in QUEUES:
            assert_everything_was_told(siege, queue, rounds)
        assert set(siege.kills.values()) == {rounds}
        assert siege.taken


async def test_twenty_breaches_and_fifteen_kills(tmp_path: Path):
    server = EmbeddedValkey(tmp_path / "redis")
    try:
        server.start()
        await live_through(server, tmp_path, SEED, rounds=5)
    finally:
        server.kill()
