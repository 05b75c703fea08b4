"""What a notifier knows of a partition while it owns it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from services.notifier.model import Breach, Delivery
from services.notifier.state import NotifierState
from services.notifier.state_store import NotifierChanges, NotifierStore
from shared.redis.consumer import Session


@dataclass(slots=True)
class PendingAnnotation:
    """A breach that is to be written into Grafana."""

    breach: Breach
    at: float = 0.0
    """When, on the monotonic clock."""
    failures: int = 0
    """How often our own code failed on it."""
    why: str = ""
    """Why Grafana does not have it yet, as was said last: it is said once, however often it is tried."""

    def waits(self, wait: timedelta) -> None:
        """Try it again no sooner than after ``wait``."""
        self.at = time.monotonic() + wait.total_seconds()


@dataclass(slots=True, kw_only=True)
class NotifierSession(Session):
    """What is known and on its way."""

    state: NotifierState
    outbox: dict[str, Delivery]
    under_way: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    """Of the outbox, what is being handed over."""
    annotations: dict[str, PendingAnnotation] = field(default_factory=dict)
    """What is to be written into Grafana, by breach."""
    annotating: asyncio.Task[None] | None = None
    unread: int = 0
    """Entries of the stream that waited at the last tick (at most a thousand)."""

    @property
    def going_on(self) -> Sequence[Breach]:
        """The breaches that fired and are not over."""
        return [known.breach for known in self.state.breaches.values() if known.is_firing]

    async def commit(self, store: NotifierStore, changes: NotifierChanges, after: str = "") -> None:
        """Write changes, up to an entry of the stream (empty: the one that it stands at)."""
        after = after or self.offset
        with self.committing(after):
            await store.commit(self.fence, self.offset, after, changes)
