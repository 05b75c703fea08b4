"""The owner of a partition: one process at a time reads its stream, and commits what comes of it.

::

    standby ──lease free──► taking over ──state read──► owner
       ▲                      ▲                           │ a commit or our own code failed, Redis went away
       │                      │                           ▼ or Redis went back to an older state
       │                      └──────claimed anew────── broken
       │                                                  │
       └──────────────────another has taken over──────────┘

A *session* is one reading of the committed state and one subscription that goes on from its offset. Whatever
goes wrong ends the session; nothing of it was written, so nothing is lost. Each has a fence of its own: a
commit of the last one that is still on its way, after Redis was away, cannot slip in between what this one
reads and writes. What a service does in a session is its ``Consumer``'s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Final, Generic

import structlog
from faststream.redis import RedisBroker
from redis.exceptions import RedisError

from shared.process.backoff import Backoff
from shared.process.clock import Clock
from shared.process.code_failures import attempted
from shared.process.health import Degraded
from shared.process.shutdown import Shield, cancel, heed_cancellation
from shared.redis.connection import WentBack
from shared.redis.consumer import Consumer, SessionT
from shared.redis.lease import Lease, Superseded
from shared.redis.poison_entries import PoisonSearch
from shared.redis.set_aside import SetAside
from shared.redis.stream_entries import BEGINNING, Batch, order
from shared.redis.stream_reader import is_running, subscribe, unsubscribe

TICK: Final = timedelta(seconds=1)
"""How often time alone is looked at."""

RENEWALS: Final = 3
"""How often within a lease the owner renews it, at least: one may come late, on a busy machine."""

TRIES: Final = 5
"""How often within a lease a standby asks whether it has run out, and a slow start renews it, at least."""

TRY_EVERY: Final = timedelta(seconds=1)
"""However long the lease is, a standby sees this soon that the owner has given it up."""

WENT_WRONG: Final = (RedisError, TimeoutError, Superseded)
"""What ends a session without being a failure of our own code."""

log = structlog.stdlib.get_logger(__name__)


class OwnerRole(StrEnum):
    STANDBY = "standby"
    TAKING_OVER = "taking over"
    OWNER = "owner"


class PartitionOwner(Generic[SessionT]):
    """Owns a partition whenever nobody else does, and has a consumer do the work.

    Where our own code fails on entries, the session ends, and the next one goes on as ``poison_entries``
    says: at last that one entry is a dead letter, and all others are worked on. Where it fails otherwise, all
    of it is tried again, later and later.
    """

    def __init__(
        self,
        consumer: Consumer[SessionT],
        lease: Lease,
        set_aside: SetAside,
        broker: RedisBroker,
        now: Clock,
    ) -> None:
        self.number = consumer.number
        self.lock = consumer.lock
        """Readers of a session take it, to see only what was committed."""
        self.set_aside_at = 0.0
        """When stored state that could not be read was set aside last: epoch seconds; 0: never."""
        self.went_back_at = 0.0
        """When it was noticed last that Redis had gone back to an older state: epoch seconds; 0: never."""
        self._consumer = consumer
        self._lease = lease
        self._set_aside = set_aside
        self._broker = broker
        self._now = now
        self._tick_every = min(TICK, lease.lasts / RENEWALS)
        self._try_every_s = min(TRY_EVERY, lease.lasts / TRIES).total_seconds()
        self._shield = Shield()
        """For what must not be broken off in a session: it shares its limit with the release of the lease."""
        self._failures = Backoff("session", partition=self.number)
        self._entry_failures = Backoff("entries", stream=consumer.stream)
        self._poison_search = PoisonSearch()
        self._remark: Degraded | None = None
        self._fence: str | None = None
        self._role = OwnerRole.STANDBY
        self._session: SessionT | None = None
        self._in_touch = time.monotonic()
        self._reached = BEGINNING
        """The furthest offset that was ever committed, as far as this process knows."""

    @property
    def backoff(self) -> Sequence[Backoff]:
        """Failures of our own code, by what was at work."""
        return self._failures, self._entry_failures, *self._consumer.backoff

    @property
    def role(self) -> OwnerRole:
        return self._role

    @property
    def session(self) -> SessionT | None:
        """The running session, while this process is the owner and may say so."""
        if self._session is None or self._session.over or not self._knows_its_role:
            return None
        return self._session

    @property
    def is_owner(self) -> bool:
        """Whether a session of this process looks after the partition right now."""
        return self._role is OwnerRole.OWNER and self.session is not None

    @property
    def _knows_its_role(self) -> bool:
        """Whether Redis has said something within the lease: else another may be the owner by now."""
        return time.monotonic() - self._in_touch < self._lease.lasts.total_seconds()

    async def run(self) -> None:
        """Own the partition whenever nobody else does. Ends only by being cancelled."""
        try:
            while True:
                await self._take_turn()
                await asyncio.sleep(self._try_every_s + self._failures.pause_s)
                heed_cancellation()
        finally:
            await self._shield.run(self._give_up())

    async def check(self, _now: datetime) -> str | None:
        """Say what is wrong with this partition, if anything. Standing by is fine."""
        session = self._session
        wrong = self._trouble(session)
        if wrong is None and session is not None:
            wrong = self._consumer.wrong(session)
        return wrong or self._remark

    def _trouble(self, session: SessionT | None) -> str | None:
        if (wrong := self._failures.wrong) is not None:
            return wrong
        if not self._knows_its_role:
            return "no word from Redis for longer than the lease"
        if self._role is OwnerRole.STANDBY:
            return None
        if session is None or session.over:
            return "reading the committed state again"
        return None if is_running(session.subscription) else "the subscription is not running"

    # Turns -----------------------------------------------------------------------------------------------

    async def _take_turn(self) -> None:
        """Claim the partition, and own it until the session ends, or until superseded."""
        held = self._fence
        try:
            await self._shield.run(self._claim())  # broken off, it might be ours with nobody to give it up
            if self._fence is not None:
                log.info("took_over", partition=self.number, fence=self._fence)
                self._role = OwnerRole.TAKING_OVER
                failure = await attempted(self._own(self._fence), WENT_WRONG)
                if failure is not None:
                    self._failures.failed(failure)
            elif held is not None:
                log.warning("superseded", partition=self.number)
        except Superseded:
            log.warning("superseded", partition=self.number)
            self._fence = None
        except WentBack:
            self._note_went_back()
        except (RedisError, TimeoutError) as error:
            log.warning("redis_away", partition=self.number, error=type(error).__name__)
        finally:
            self._role = OwnerRole.STANDBY if self._fence is None else OwnerRole.TAKING_OVER

    async def _claim(self) -> None:
        self._fence = await self._lease.claim(self._fence)
        self._in_touch = time.monotonic()

    async def _renew(self, fence: str) -> None:
        await self._lease.renew(fence)
        self._in_touch = time.monotonic()

    async def _give_up(self) -> None:
        """Let a standby take over at once."""
        if self._fence is None:
            return
        try:
            await self._lease.release(self._fence)
        except RedisError:
            log.warning("lease_not_released", partition=self.number)

    @asynccontextmanager
    async def _keeping_lease(self, fence: str) -> AsyncIterator[None]:
        """Keep the lease while the state is read, or while a session ends, however long that takes.

        Raises ``Superseded`` or ``redis.RedisError`` at the end when it could not be kept.
        """
        renewing = asyncio.create_task(self._renew_again_and_again(fence), name="keep the lease")
        try:
            yield
        finally:
            await self._shield.run(cancel([renewing]))
        await self._renew(fence)

    async def _renew_again_and_again(self, fence: str) -> None:
        with suppress(RedisError, Superseded):  # the renewal at the end of loading fails likewise
            while True:
                await self._renew(fence)
                await asyncio.sleep(self._try_every_s)
                heed_cancellation()

    # A session -------------------------------------------------------------------------------------------

    async def _own(self, fence: str) -> None:
        """Read the committed state, go on from there, and look after it until the session ends."""
        async with self._keeping_lease(fence):
            session = await self._consumer.load(fence)
            self.set_aside_at = await self._set_aside.put(fence, session.unreadable)
        if order(session.offset) < order(self._reached):
            self._note_went_back()
        self._reached = session.offset
        session.subscription = subscribe(
            self._broker,
            self._consumer.stream,
            self._consumer.batch,
            session.offset,
            partial(self._feed, session),
        )
        self._session = session
        try:
            await session.subscription.start()
            self._role = OwnerRole.OWNER
            log.info("owner", partition=self.number, offset=session.offset)
            while not session.over:
                # Cancelled in the middle of a commit, the session would be broken and could finish nothing.
                await self._shield.run(self._tick(session))
                await _set_or_after(session.woken, self._tick_every)
                session.woken.clear()
                heed_cancellation()
            if session.went_back:
                raise WentBack
        finally:
            self._session = None
            await self._shield.run(self._end(session))

    async def _tick(self, session: SessionT) -> None:
        async with self.lock:
            if session.over:
                return
            with session.breaking():
                await self._renew(session.fence)
                await self._consumer.tick(session)

    async def _end(self, session: SessionT) -> None:
        """Have what is under way finished and written down, unless the session broke; then leave nothing."""
        session.end()  # what waits for its turn counts in the next session
        self._reached = session.offset
        try:
            if session.subscription is not None:
                await unsubscribe(session.subscription)
            if session.tasks and not session.broken:
                with suppress(RedisError, Superseded):
                    async with self._keeping_lease(session.fence):
                        await self._consumer.finish(session)
        finally:
            session.break_off()
            await cancel(session.tasks)

    def _note_went_back(self) -> None:
        """Say it; the next session reads what is there now, and shows nothing from before."""
        log.error("redis_went_back", partition=self.number, stream=self._consumer.stream, had=self._reached)
        self.went_back_at = self._now().timestamp()
        self._reached = BEGINNING

    async def _feed(self, session: SessionT, batch: Batch) -> None:
        for portion in self._poison_search.portions(batch):
            async with self.lock:
                if session.over:
                    return
                await self._work_on(session, portion)

    async def _work_on(self, session: SessionT, portion: Batch) -> None:
        poison = self._poison_search.poison_in(portion)
        if poison is None:
            work = self._consumer.consume(session, portion)
        else:
            work = self._consumer.dead_letter(session, poison.entry, poison.failure)
        try:
            failure = await attempted(work, WENT_WRONG)
        except WENT_WRONG as error:
            log.warning("commit_failed", partition=self.number, error=type(error).__name__)
            session.end()
            return
        if failure is None:
            self._poison_search = self._poison_search.went_well(portion.ids)
            if poison is not None:
                what = f"entry {poison.entry}, which is a dead letter"
                self._remark = Degraded(f"our own code failed on {what}: {poison.failure.place}")
            return
        session.end()
        self._poison_search = self._poison_search.failed(portion.ids, failure)
        found = {"first": portion.ids[0], "last": portion.ids[-1]}
        if self._poison_search.is_stuck:
            self._failures.failed(failure, **found)
        else:
            self._entry_failures.note(failure, **found)


async def _set_or_after(event: asyncio.Event, limit: timedelta) -> None:
    """Return when the event is set, or after the limit."""
    with suppress(TimeoutError):
        async with asyncio.timeout(limit.total_seconds()):
            await event.wait()
