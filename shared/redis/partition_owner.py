"""A process's turns at owning a partition: standby, owner, standby again.

::

    standby ──lease free──► taking over ──read──► owner ──fence moved──► standby
                                ▲                   │
                                └── session broke ──┘

What an owner does in its turn is the room's: a *session* that reads the committed state and goes on from
there. Whatever goes wrong ends the session; nothing of it was written, so nothing is lost.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from enum import StrEnum
from typing import Final

import structlog
from redis.exceptions import RedisError

from shared.process.backoff import Backoff
from shared.process.code_failures import attempted
from shared.process.shutdown import Shield, cancel, heed_cancellation
from shared.redis.lease import Lease, OffsetMoved, Superseded

TRIES: Final = 5
"""How often within a lease a standby asks whether it has run out, and a slow start renews it, at least."""

TRY_EVERY: Final = timedelta(seconds=1)
"""However long the lease is, a standby hears this soon that the owner has given it up."""

WENT_WRONG: Final = (RedisError, TimeoutError, OffsetMoved, Superseded)
"""What ends a session without being a failure of our own code."""

log = structlog.stdlib.get_logger(__name__)


class OwnerRole(StrEnum):
    STANDBY = "standby"
    TAKING_OVER = "taking over"
    OWNER = "owner"


class PartitionOwner:
    """Claims a partition whenever nobody else owns it, and has ``hold`` do the owner's work under a fence.

    ``hold`` returns, or raises ``redis.RedisError``, when its session broke; it raises ``Superseded`` when
    somebody else took over. Where our own code fails in it, it is tried again, later and later.
    """

    def __init__(
        self, number: int, lease: Lease, lasts: timedelta, hold: Callable[[str], Awaitable[None]]
    ) -> None:
        self.number = number
        self.shield = Shield()
        """For what a session must not be broken off in: it shares its limit with the release of the lease."""
        self.backoff = Backoff("session", partition=number)
        """Failures that a whole session has to be held again for."""
        self._lease = lease
        self._lasts_s = lasts.total_seconds()
        self._try_every_s = min(TRY_EVERY, lasts / TRIES).total_seconds()
        self._hold = hold
        self._fence: str | None = None
        self._role = OwnerRole.STANDBY
        self._in_touch = time.monotonic()

    @property
    def role(self) -> OwnerRole:
        return self._role

    @property
    def runs(self) -> bool:
        """Whether Redis has said something within the lease: only then can this process know its role."""
        return time.monotonic() - self._in_touch < self._lasts_s

    def begin(self) -> None:
        """Say that the session is up: this process is the owner now."""
        self._role = OwnerRole.OWNER

    async def run(self) -> None:
        """Own the partition whenever nobody else does. Ends only by being cancelled."""
        try:
            while True:
                await self._take_turn()
                await asyncio.sleep(self._try_every_s + self.backoff.pause_s)
                heed_cancellation()
        finally:
            await self.shield.run(self._give_up())

    async def renew(self, fence: str) -> None:
        """Keep the lease; raises ``Superseded``."""
        await self._lease.renew(fence)
        self._in_touch = time.monotonic()

    @asynccontextmanager
    async def keeping(self, fence: str) -> AsyncIterator[None]:
        """Keep the lease while the state is read, or while a session ends, however long that takes.

        Raises ``Superseded`` or ``redis.RedisError`` at the end when it could not be kept.
        """
        renewing = asyncio.create_task(self._renew_again_and_again(fence), name="keep the lease")
        try:
            yield
        finally:
            await self.shield.run(cancel([renewing]))
        await self.renew(fence)

    async def _take_turn(self) -> None:
        """Claim the partition and own it until the session breaks, or until superseded.

        Each session has a fence of its own: a commit of the last one that is still on its way, after
        Redis was away, cannot slip in between what this one reads and writes.
        """
        held = self._fence
        try:
            await self.shield.run(self._claim())  # broken off, it might be ours with nobody to give it up
            if self._fence is not None:
                log.info("took_over", partition=self.number, fence=self._fence)
                self._role = OwnerRole.TAKING_OVER
                failure = await attempted(self._hold(self._fence), WENT_WRONG)
                if failure is not None:
                    self.backoff.failed(failure)
            elif held is not None:
                log.warning("superseded", partition=self.number)
        except Superseded:
            log.warning("superseded", partition=self.number)
            self._fence = None
        except OffsetMoved:
            log.warning("offset_moved", partition=self.number)
        except (RedisError, TimeoutError) as error:
            log.warning("redis_away", partition=self.number, error=type(error).__name__)
        finally:
            self._role = OwnerRole.STANDBY if self._fence is None else OwnerRole.TAKING_OVER

    async def _claim(self) -> None:
        self._fence = await self._lease.claim(self._fence)
        self._in_touch = time.monotonic()

    async def _give_up(self) -> None:
        """Let a standby take over at once."""
        if self._fence is None:
            return
        try:
            await self._lease.release(self._fence)
        except RedisError:
            log.warning("lease_not_released", partition=self.number)

    async def _renew_again_and_again(self, fence: str) -> None:
        with suppress(RedisError, Superseded):  # the renewal at the end of loading tells
            while True:
                await self.renew(fence)
                await asyncio.sleep(self._try_every_s)
                heed_cancellation()


async def wait(event: asyncio.Event, limit: timedelta) -> None:
    """Return when the event is set, or after the limit."""
    with suppress(TimeoutError):
        async with asyncio.timeout(limit.total_seconds()):
            await event.wait()
