"""Looks at the services: once a second at most, however many people have the page open."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import httpx
import structlog
from redis.exceptions import RedisError

from services.notifier import engine
from services.notifier.messages.message import Writer
from services.notifier.model import Breach
from services.notifier.state_store import NotifierStore
from shared.process.clock import Clock
from shared.process.health import Degraded
from wachtpost.live.alerts import known_of
from wachtpost.live.snapshot import Snapshot, read_metrics
from wachtpost.page.view import ServicesLook

LOOK_EVERY: Final = timedelta(seconds=1)

log = structlog.stdlib.get_logger(__name__)


class Looks:
    """What was last seen of the figures and the breaches."""

    def __init__(
        self, evaluator: httpx.AsyncClient, stores: Mapping[int, NotifierStore], writer: Writer, now: Clock
    ) -> None:
        self._evaluator = evaluator
        self._stores = stores
        self._writer = writer
        self._now = now
        self._one_at_a_time = asyncio.Lock()
        self._looked_at: datetime | None = None
        self._snapshot = Snapshot()
        self._breaches: tuple[Breach, ...] = ()
        self._is_new = False

    async def look(self) -> ServicesLook:
        """Return how things stand; of what does not answer how it last stood."""
        async with self._one_at_a_time:
            now = self._now()
            if self._looked_at is None or not timedelta(0) <= now - self._looked_at < LOOK_EVERY:
                self._looked_at = now
                await self._ask()
            return ServicesLook(
                self._snapshot, known_of(self._breaches, self._snapshot, self._writer, now), self._is_new
            )

    async def check(self, _now: datetime) -> str | None:
        """The ``Check`` that the evaluator answers. The page is there without it, and says so."""
        look = await self.look()
        return None if look.is_new else Degraded("the evaluator does not answer")

    async def _ask(self) -> None:
        answered = await self._figures()
        if self._is_new and not answered:
            log.warning("evaluator_away", url=str(self._evaluator.base_url))
        self._is_new = answered
        try:
            states = [await store.state() for store in self._stores.values()]
        except (RedisError, TimeoutError):
            return  # what was known stands
        self._breaches = tuple(one for state in states for one in engine.list_breaches(state))

    async def _figures(self) -> bool:
        try:
            answer = await self._evaluator.get("/metrics")
            if answer.status_code == httpx.codes.OK:
                self._snapshot = await asyncio.to_thread(read_metrics, answer.text)
                return True
        except httpx.HTTPError:
            pass
        except ValueError as error:
            log.warning("figures_unreadable", url=str(self._evaluator.base_url), why=str(error))
        return False
