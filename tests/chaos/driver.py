"""Inflicts a plan of faults on the product under load, and asks the oracle what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import redis
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.contract.breach_events import BREACH_EVENT, BreachChanged
from shared.contract.dead_letters import DeadLetter
from shared.contract.events import EVENT, Event, SourceHeartbeat
from shared.process.shutdown import cancel
from shared.redis import keys
from tests.chaos import load, oracle
from tests.chaos.check import committed, expected, last_entry
from tests.chaos.faults import inflict
from tests.chaos.plan import FAULTS_AN_HOUR, Fault, Kind
from tests.chaos.product import ADDRESS, GUARDED, MAILED, Product, running
from tests.chaos.traffic import EXCHANGE, WITHIN, Traffic
from tests.support.entries import entries, entries_now
from tests.support.evaluator_oracle import Entry
from tests.support.eventually import NeverHappenedError, eventually_async

EVERY_S: Final = 3600 / FAULTS_AN_HOUR
"""Seconds from fault to fault, where the machine can follow."""

ASK_EVERY: Final = 100
"""Faults after which everybody rests and the oracle is asked, so that a long run fails early."""

LOOK_EVERY: Final = 0.1


class Violated(Exception):  # noqa: N818 - it is what this looks for
    """Something that must be true whatever happens is not. Its arguments say what, one each."""


@dataclass
class Run:
    """A product, its load, and what it said so far."""

    product: Product
    random: Random
    say: Callable[[str], None]
    changes: dict[str, list[BreachChanged]] = field(default_factory=lambda: {queue: [] for queue in GUARDED})
    """What the breaches stream says, by queue."""
    lossy: bool = False
    """Whether Redis goes back: then there are no breaches."""
    read_to: str = "-"
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.traffic = Traffic(self.product, self.random, self.changes)

    async def through(self, faults: Sequence[Fault]) -> None:
        """Inflict all of them; raises ``Violated``."""
        self.traffic.exchange.write(self.product.clock())  # a log is followed from where it is first seen
        if left := await self._until_quiet():
            raise Violated("it did not start", *left)
        self.lossy = any(fault.kind is Kind.GO_BACK for fault in faults)
        breached = () if self.lossy else GUARDED
        tasks = [*self.traffic.begin(breached), asyncio.create_task(self._listen(), name="listen")]
        began = time.monotonic()
        try:
            for number, fault in enumerate(faults, start=1):
                self.say(f"{number:5} {time.monotonic() - began:7.1f} s  {fault}")
                await inflict(self.product, self.traffic.exchange, fault)
                _raise_failures(tasks)
                if number % ASK_EVERY == 0:
                    await self.ask()
                await asyncio.sleep(max(0.0, began + number * EVERY_S - time.monotonic()))
            await self.ask()
        finally:
            await cancel(tasks)
            self.traffic.exchange.close()
            await self.traffic.end()

    async def ask(self) -> None:
        """Let everybody finish what began, and ask the oracle; raises ``Violated``."""
        self.say("      everybody rests; the oracle is asked")
        wrong = await self.traffic.gate.close()
        wrong += await self._until_quiet()
        await self._read_changes()
        wrong += await asyncio.to_thread(self._figures)
        wrong += [] if self.lossy else self._stories()
        wrong += [end for service in self.product.services.values() for end in service.ended]
        if wrong:
            raise Violated(*wrong)
        breaches = self.traffic.cycles.total()
        happened = len(self.traffic.said_yes) + len(self.traffic.exchange.events)
        self.say(f"      {happened} events and {breaches} breaches are as they should be")
        self.traffic.gate.open()

    async def _until_quiet(self) -> list[str]:
        """Wait until all that was written is counted, all was told, and all services are well."""
        left = ["nothing was looked at"]

        async def quiet() -> bool:
            left[:] = [f"{name} is not well: {why}" for name, why in (await self.product.health()).items()]
            left.extend(await asyncio.to_thread(self._left))
            return not left

        with suppress(NeverHappenedError):
            await eventually_async(quiet, within=WITHIN)
        return left

    def _left(self) -> list[str]:
        """What is still to be done, as Redis says."""
        lines_written = len(self.traffic.exchange.events)
        try:
            with self.product.server.client() as client:
                if waiting := client.hlen(keys.notifier(0, "outbox")):
                    return [f"{waiting} messages wait in the outbox"]
                if client.hget(keys.state(0), "offset") != (last_entry(client) or "").encode():
                    return ["events wait to be counted"]
                events = _events(_stream(client))
        except RedisError as error:
            return [f"Redis does not answer: {error}"]
        lines = len({event.id for event in events if event.source == EXCHANGE})
        return [f"{lines} of {lines_written} lines of the log are read"] if lines < lines_written else []

    def _figures(self) -> list[str]:
        said = [*self.traffic.said_yes, *self.traffic.exchange.events]
        found = committed(self.product.server.url, self.product.city())
        with self.product.server.client() as client:
            written = _stream(client)
            self.product.letters |= {body for _, body in entries_now(client, keys.dead_letters(0))}
        events = _events(written)
        known = {entry.entry for entry in written}
        had = {entry: EVENT.validate_json(body) for entry, body in self.product.had.items()}
        letters = map(DeadLetter.model_validate_json, self.product.letters)
        if found.offset not in known:
            return [f"the offset {found.offset} is no entry of the stream"]
        return [
            *oracle.lost(said, events, oracle.named_as_lost(had, known, letters)),
            *oracle.invented(said, events),
            *oracle.wrong_figures(found, expected(written, self.product.city(), found.offset, found.cursor)),
        ]

    def _stories(self) -> list[str]:
        told = self.traffic.told()
        wrong: list[str] = []
        for queue in GUARDED:
            changes = self.changes[queue]
            messages = [message for message in told if message.body["receiver"] == queue]
            wrong += oracle.wrong_steps(queue, changes, self.traffic.cycles[queue])
            wrong += oracle.wrong_messages(queue, changes, messages)
        mails = [mail for mail in self.product.mail.mails if ADDRESS in mail.recipients]
        ids = [str(mail.message["Message-ID"]) for mail in mails]
        with self.product.server.client() as client:
            log = [line for _, line in entries_now(client, keys.notifier(0, "log"))]
        return wrong + oracle.written_twice(log) + oracle.wrong_mails(ids, self.traffic.cycles[MAILED])

    async def _listen(self) -> None:
        """Read the breaches stream as it grows, past all that happens to Redis."""
        while True:
            with suppress(RedisError):  # it is away, or paused
                await self._read_changes()
            await asyncio.sleep(LOOK_EVERY)  # a round, not a wait for something

    async def _read_changes(self) -> None:
        async with self.reading, Redis.from_url(self.product.server.url, socket_timeout=5) as client:
            for entry, body in await entries(client, keys.breaches(0), self.read_to):
                self.read_to = f"({entry}"
                change = BREACH_EVENT.validate_json(body)
                if isinstance(change, BreachChanged):
                    self.changes[change.queue].append(change)


async def drive(
    faults: Sequence[Fault], seed: int, directory: Path, say: Callable[[str], None]
) -> dict[str, int]:
    """Live through a plan; returns how often senders got which answer. Raises ``Violated``."""
    async with running(directory) as product:
        run = Run(product, Random(seed), say)
        await run.through(faults)
        return dict(run.traffic.answers)


def _stream(client: redis.Redis) -> list[load.Written]:
    """Everything that is on the events stream."""
    written = []
    for entry, body in entries_now(client, keys.events(0)):
        arrived = int(entry.partition("-")[0])
        written.append(load.Written(entry, body, Entry(arrived, EVENT.validate_json(body))))
    return written


def _events(written: Sequence[load.Written]) -> list[Event]:
    """The facts on the stream, without what ingest says by itself."""
    events = [entry.seen.event for entry in written]
    return [event for event in events if event is not None and not isinstance(event, SourceHeartbeat)]


def _raise_failures(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done() and (failure := task.exception()) is not None:
            raise Violated(f"{task.get_name()}: {failure}") from failure
