"""What a service does with a partition while it owns it, and what it knows of it meanwhile.

``shared.redis.partition_owner`` does the rest, and asks for this; each service answers for itself.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber

from shared.process.backoff import Backoff
from shared.process.code_failures import CodeFailure
from shared.redis.connection import WentBack
from shared.redis.stream_entries import Batch
from shared.stored_state import UnreadableField


@dataclass(slots=True, kw_only=True)
class Session:
    """One reading of the committed state, and whatever goes on from there; a service adds what it knows.

    Whatever goes wrong ends it, and the next one reads the state again: what was not committed is not lost.
    """

    fence: str
    """Every session has one of its own."""
    offset: str
    """The entry up to which everything is committed."""
    unreadable: Sequence[UnreadableField] = ()
    """What of the committed state could not be read, and is not in the rest."""
    over: bool = False
    """It takes no more batch and no more tick: it is to end."""
    broken: bool = False
    """Nor may anything of it be written any more: it may be ahead of what was committed."""
    went_back: bool = False
    """Redis does not stand any more where the last commit left it."""
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there is something to look at before the next tick."""
    subscription: StreamBatchSubscriber | None = None
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    """What is done beside the stream; it is cancelled where it outlasts the session."""

    def end(self) -> None:
        """Have the session end; what is under way beside the stream may be finished and written down."""
        self.over = True
        self.woken.set()

    def break_off(self) -> None:
        """Have the session end, and nothing of it be written any more."""
        self.broken = True
        self.end()

    @contextmanager
    def breaking(self) -> Iterator[None]:
        """Break the session off unless what is done with it succeeds."""
        done = False
        try:
            yield
            done = True
        finally:
            if not done:
                self.break_off()

    @contextmanager
    def committing(self, after: str) -> Iterator[None]:
        """Around a commit under ``fence``, from ``offset`` to ``after``: done, or the session is broken."""
        try:
            with self.breaking():
                yield
                self.offset = after
        except WentBack:
            self.went_back = True
            raise

    def start(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        """Begin something beside the stream."""
        task = asyncio.create_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task


SessionT = TypeVar("SessionT", bound=Session)


class Consumer(ABC, Generic[SessionT]):
    """A service's part in owning a partition. Whatever it raises ends the session.

    ``consume``, ``dead_letter`` and ``tick`` come one at a time, under ``lock``, and commit under
    ``Session.committing``; where they fail before that, the session is over all the same.
    """

    def __init__(self, number: int, stream: str, batch: int, *backoff: Backoff) -> None:
        self.number = number
        """The partition's."""
        self.stream = stream
        self.batch = batch
        """Entries read in one go, at most."""
        self.backoff = backoff
        """Failures of its own code that the session survives, by what was at work."""
        self.lock = asyncio.Lock()
        """Held while a session is ahead of what was committed; readers take it to see only what was."""

    @abstractmethod
    async def load(self, fence: str) -> SessionT:
        """Read the committed state; the lease is kept meanwhile, however long that takes."""

    @abstractmethod
    async def consume(self, session: SessionT, batch: Batch) -> None:
        """Work on a batch, and commit up to its last entry."""

    @abstractmethod
    async def dead_letter(self, session: SessionT, entry: str, failure: CodeFailure) -> None:
        """Commit past an entry that our own code fails on: a dead letter in its place."""

    @abstractmethod
    async def tick(self, session: SessionT) -> None:
        """Do what time alone brings about, and commit it."""

    async def finish(self, session: SessionT) -> None:
        """At an orderly end: see ``Session.tasks`` through, those that are worth waiting for."""
        _ = session

    def wrong(self, session: SessionT) -> str | None:
        """Say what keeps this service's own work from being done, if anything."""
        _ = session
        return None
