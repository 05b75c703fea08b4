"""What happens at the desk: facts by HTTP, an exchange that writes its log, breaches that open and close.

Everything is sent until somebody says yes to it, so whatever is in ``said_yes`` must count, once. The pace is
one that a slow machine can follow, and nobody runs ahead of the answers.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import Final

import httpx

from shared.contract.breach_events import BreachChanged
from shared.contract.events import (
    AppointmentBooked,
    CallAnswered,
    CallEnded,
    CallMissed,
    CallQueued,
    Event,
    Outcome,
    VisitArrived,
    VisitCalled,
    VisitLeft,
    encode,
)
from tests.chaos.product import API_KEY, GUARDED, SITE, Product
from tests.support.breach_stage import Told
from tests.support.eventually import NeverHappenedError, eventually_async

EXCHANGE: Final = "pbx"
"""The source whose facts are lines of a log."""

ELSEWHERE: Final = ".elsewhere"
"""Where the exchange writes while nothing is copied, beside its log and under no name of it."""

BATCH_EVERY_S: Final = 1.0
LINE_EVERY_S: Final = 0.4
CYCLE_EVERY_S: Final = 2.0
AGAIN_AFTER_S: Final = 0.3

ANSWER_WITHIN_S: Final = 5.0
"""A sender that waits no longer sends again; that is harmless."""

RECENT: Final = 100
"""Messages among which the last one about a queue is looked for."""

WITHIN: Final = 600.0
"""Seconds after which what should happen between faults will not: a message that failed several times waits
for minutes."""


class Gate:
    """Lets pieces of work begin, or not, and knows when all that began are done."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._busy: set[str] = set()
        self.open()

    def open(self) -> None:
        self._open.set()

    async def close(self) -> list[str]:
        """Let nothing begin any more, and wait for what began; returns what was never done."""
        self._open.clear()
        with suppress(NeverHappenedError):
            await eventually_async(lambda: not self._busy, within=WITHIN)
        return [f"{what} is not done" for what in self._busy]

    @asynccontextmanager
    async def piece(self, what: str) -> AsyncIterator[None]:
        await self._open.wait()
        self._busy.add(what)
        try:
            yield
        finally:
            self._busy.discard(what)


class Traffic:
    """Everybody who sends something. ``changes``: what the breaches stream says so far, by queue."""

    def __init__(
        self, product: Product, random: Random, changes: Mapping[str, Sequence[BreachChanged]]
    ) -> None:
        self.gate = Gate()
        self.said_yes: list[Event] = []
        """Facts by HTTP that were answered 202, each once."""
        self.answers: Counter[str] = Counter()
        self.cycles: Counter[str] = Counter()
        """Breaches that were seen to open, be told, and end, by queue."""
        self.exchange = Exchange(product.queue_log, random)
        self._product = product
        self._random = random
        self._changes = changes
        self._told: list[Told] = []
        self._numbers = count(1)
        self._open: list[CallQueued | VisitArrived] = []
        url = f"http://127.0.0.1:{product.links['sender→ingest'].port}"
        headers = {"Authorization": f"Bearer {API_KEY}"}
        self._client = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=ANSWER_WITHIN_S, trust_env=False
        )

    def begin(self, breached: Sequence[str] = GUARDED) -> list[asyncio.Task[None]]:
        """Start sending; the tasks end only by failing or by being cancelled. ``breached``: queues."""
        work: list[tuple[str, Callable[[], Awaitable[None]], float]] = [
            ("facts", self._facts, BATCH_EVERY_S),
            ("exchange", self._line, LINE_EVERY_S),
            *((f"breach of {queue}", partial(self._cycle, queue), CYCLE_EVERY_S) for queue in breached),
        ]
        return [asyncio.create_task(self._again_and_again(*one), name=one[0]) for one in work]

    async def end(self) -> None:
        await self._client.aclose()

    async def _again_and_again(self, what: str, act: Callable[[], Awaitable[None]], every_s: float) -> None:
        while True:
            async with self.gate.piece(what):
                await act()
            await asyncio.sleep(every_s)  # the pace of the load

    # By HTTP -------------------------------------------------------------------------------------

    async def _facts(self) -> None:
        """Some contacts come, some get their outcome."""
        now = self._product.clock()
        events = [self._arrival(now) for _ in range(self._random.randrange(1, 4))]
        while len(self._open) > 6:
            events += self._outcome(self._open.pop(self._random.randrange(len(self._open))), now)
        await self._say(events)

    def _arrival(self, now: datetime) -> Event:
        number = next(self._numbers)
        match self._random.randrange(5):
            case 0:
                starts = now + self._random.randrange(30) * timedelta(days=1)
                return AppointmentBooked(
                    id=f"b{number}", at=now, booked_at=now, starts_at=starts, **_queue_ref("loket")
                )
            case 1 | 2:
                booked = now + self._random.randrange(-60, 60) * timedelta(seconds=1)
                visit = VisitArrived(
                    id=f"w{number}",
                    at=now,
                    contact=f"v{number}",
                    appointment_at=booked,
                    **_queue_ref("loket"),
                )
                self._open.append(visit)
                return visit
        call = CallQueued(id=f"q{number}", at=now, contact=f"c{number}", **_queue_ref("onthaal"))
        self._open.append(call)
        return call

    def _outcome(self, came: CallQueued | VisitArrived, now: datetime) -> list[Event]:
        number, contact = next(self._numbers), came.contact
        if isinstance(came, VisitArrived):
            if self._random.random() < 0.2:
                return [VisitLeft(id=f"l{number}", at=now, contact=contact, **_queue_ref("loket"))]
            called = VisitCalled(
                id=f"k{number}",
                at=now,
                contact=contact,
                arrived_at=came.at,
                appointment_at=came.appointment_at,
                **_queue_ref("loket"),
            )
            return [called]
        wait_ms = (now - came.at) // timedelta(milliseconds=1)
        queue_ref = _queue_ref("onthaal")
        if self._random.random() < 0.3:
            outcome = self._random.choice(list(Outcome))
            return [
                CallMissed(
                    id=f"m{number}", at=now, contact=contact, outcome=outcome, wait_ms=wait_ms, **queue_ref
                )
            ]
        talk_ms = self._random.randrange(300_000)
        return [
            CallAnswered(id=f"a{number}", at=now, contact=contact, wait_ms=wait_ms, **queue_ref),
            CallEnded(id=f"e{number}", at=now, contact=contact, talk_ms=talk_ms, **queue_ref),
        ]

    async def _say(self, events: Sequence[Event]) -> None:
        """Send facts until all of them are accepted, by one answer."""
        body = b"[" + b",".join(encode(event) for event in events) + b"]"

        async def accepted() -> bool:
            try:
                answer = await self._client.post("/v1/events", content=body)
            except httpx.TransportError as error:
                self.answers[type(error).__name__] += 1
                await asyncio.sleep(AGAIN_AFTER_S)  # as a sender would
                return False
            self.answers[str(answer.status_code)] += 1
            if answer.status_code == 202 and answer.json()["accepted"] == len(events):
                return True
            await asyncio.sleep(AGAIN_AFTER_S)
            return False

        await eventually_async(accepted, within=WITHIN)
        self.said_yes += events

    # Breaches ------------------------------------------------------------------------------------

    async def _cycle(self, queue: str) -> None:
        """A breach opens and ends: afterwards a fifth of all calls was missed, which is just allowed."""
        number = self.cycles[queue] + 1
        await self._calls(queue, answered=4, missed=2)
        await self._until_steps(queue, 4 * number - 2)
        await self._calls(queue, answered=4)
        over = await self._until_steps(queue, 4 * number)
        await eventually_async(lambda: self._was_told_over(over.breach), within=WITHIN)
        self.cycles[queue] = number

    async def _calls(self, queue: str, *, answered: int, missed: int = 0) -> None:
        now, queue_ref = self._product.clock(), _queue_ref(queue)
        calls: list[Event] = [
            CallAnswered(id=f"a{next(self._numbers)}", at=now, wait_ms=10_000, **queue_ref)
            for _ in range(answered)
        ]
        calls += [
            CallMissed(
                id=f"m{next(self._numbers)}", at=now, outcome=Outcome.ABANDONED, wait_ms=10_000, **queue_ref
            )
            for _ in range(missed)
        ]
        await self._say(calls)

    async def _until_steps(self, queue: str, steps: int) -> BreachChanged:
        """Wait until so many steps of all breaches of a queue are on the stream; return the last of them."""
        await eventually_async(lambda: len(self._changes[queue]) >= steps, within=WITHIN)
        return self._changes[queue][steps - 1]

    def told(self) -> Sequence[Told]:
        """All that the webhook was sent so far, each attempt that arrived."""
        new = self._product.webhook.requests[len(self._told) :]
        self._told += map(Told.of, new)
        return self._told

    def _was_told_over(self, breach: str) -> bool:
        return any(one.kind == "resolved" and breach in one.breaches for one in self.told()[-RECENT:])

    # The exchange --------------------------------------------------------------------------------

    async def _line(self) -> None:
        self.exchange.write(self._product.clock())


class Exchange:
    """A telephone exchange that writes a queue_log, and what rotation does to it meanwhile."""

    def __init__(self, path: Path, random: Random) -> None:
        self.events: list[Event] = []
        """What the lines so far say."""
        self._path = path
        self._random = random
        self._numbers = count(1)
        self._rotations = count(1)
        self._waiting: list[tuple[str, datetime]] = []
        self._talking: list[tuple[str, datetime, int]] = []
        self._file = path.open("ab", buffering=0)

    def write(self, now: datetime) -> None:
        """Write what happens next: a call comes, is answered, is given up, goes round once more, or ends."""
        at = now.replace(microsecond=0)
        if self._talking and self._random.random() < 0.4:
            call, began, wait_s = self._talking.pop(0)
            talk_s = int((at - began).total_seconds())
            self._put(at, call, "Agent/1", f"COMPLETECALLER|{wait_s}|{talk_s}|1")
            self._say(CallEnded, at, call, talk_ms=talk_s * 1000)
        elif len(self._waiting) > 3:
            self._end_wait(at)
        else:
            self._enter(at, f"{int(at.timestamp())}.{next(self._numbers)}")

    def _end_wait(self, at: datetime) -> None:
        """Whoever waits longest waits no more; who is sent round waits again from the end of the queue on."""
        call, came = self._waiting.pop(0)
        wait_s = int((at - came).total_seconds())
        match self._random.random():
            case chance if chance < 0.2:
                self._put(at, call, "NONE", f"ABANDON|1|1|{wait_s}")
                outcome = Outcome.ABANDONED
            case chance if chance < 0.3 and wait_s:  # within one second two lines may be the same
                self._put(at, call, "NONE", f"EXITWITHTIMEOUT|1|1|{wait_s}")
                outcome = Outcome.TIMED_OUT
            case _:
                self._put(at, call, "Agent/1", f"CONNECT|{wait_s}|{call}|2")
                self._say(CallAnswered, at, call, wait_ms=wait_s * 1000)
                self._talking.append((call, at, wait_s))
                return
        self._say(CallMissed, at, call, outcome=outcome, wait_ms=wait_s * 1000, position=1)
        if outcome is Outcome.TIMED_OUT:
            self._enter(at, call)

    def _enter(self, at: datetime, call: str) -> None:
        self._waiting.append((call, at))
        position = len(self._waiting)
        self._put(at, call, "NONE", f"ENTERQUEUE||anonymous|{position}")
        self._say(CallQueued, at, call, position=position)

    def _say(self, kind: type[Event], at: datetime, call: str, **more: object) -> None:
        """Note what a line says; ingest gives it another id."""
        said = {"id": f"line-{len(self.events)}", "at": at, "contact": call, **more}
        self.events.append(kind.model_validate(said | _queue_ref("centrale", EXCHANGE)))

    def _put(self, at: datetime, call: str, agent: str, rest: str) -> None:
        self._file.write(f"{int(at.timestamp())}|{call}|centrale|{agent}|{rest}\n".encode())

    async def rotate(self, how: str, takes_s: float) -> None:
        """Begin a new file as logrotate would, or have the log come by copies from another machine."""
        aside = self._path.with_name(f"{self._path.name}.{next(self._rotations):05}")
        if how == "copytruncate":
            shutil.copy2(self._path, aside)
            os.truncate(self._path, 0)
        elif how == "replace":
            await self._elsewhere(takes_s)
            self._path.with_name(ELSEWHERE).rename(self._path)
        elif how.startswith("late"):
            await self._rest_comes_late(aside, takes_s)
        else:
            self._path.rename(aside)
            await asyncio.sleep(takes_s)  # the exchange goes on writing where it did
            self._open(self._path)
        if how in {"compress", "late-packed"}:
            with gzip.open(aside.with_suffix(f"{aside.suffix}.gz"), "wb") as packed:
                packed.write(aside.read_bytes())
            aside.unlink()

    async def _elsewhere(self, takes_s: float) -> None:
        """Let the exchange write where nobody sees it, until the next copy."""
        elsewhere = self._path.with_name(ELSEWHERE)
        shutil.copy2(self._path, elsewhere)
        self._open(elsewhere)
        await asyncio.sleep(takes_s)

    async def _rest_comes_late(self, aside: Path, takes_s: float) -> None:
        """Rotate between two copies: the new file comes first, and later what the old one has more."""
        await self._elsewhere(takes_s)
        fresh = self._path.with_name(f".fresh-{self._path.name}")
        self._open(fresh)
        fresh.rename(self._path)
        await asyncio.sleep(takes_s)
        self._path.with_name(ELSEWHERE).rename(aside)

    def _open(self, path: Path) -> None:
        self._file.close()
        self._file = path.open("ab", buffering=0)

    def close(self) -> None:
        self._file.close()


def _queue_ref(queue: str, source: str = "balie") -> dict[str, str]:
    return {"source": source, "site": SITE, "queue": queue}
