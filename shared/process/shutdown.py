"""The end of a process: what is under way is finished, what is held is let go, all of it within one limit.

::

    SIGTERM ──► requests under way ──► work: sessions, deliveries, leases ──► connections
                 DRAIN, 10 s            END, 10 s                              CLOSE, 5 s    = WHOLE, 25 s

Whoever kills us waits for longer than that: ``stop_grace_period`` in docker-compose.yml (30 s),
``terminationGracePeriodSeconds`` in deploy/kubernetes (40 s, of which 5 s go before SIGTERM), the demo's
supervisor; tests hold them against ``WHOLE``.

Work ends by being cancelled. A cancellation breaks off whatever waits, and it may be repeated, so what must
not be broken off (a commit, a cleanup) runs under a ``Shield``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Final, TypeVar

DRAIN: Final = timedelta(seconds=10)
"""What requests under way get to finish."""

END: Final = timedelta(seconds=10)
"""What all of a task's shielded work gets together, from the moment at which the task is cancelled."""

CLOSE: Final = timedelta(seconds=5)
"""What closing connections takes at most: redis-py gives a server that hangs three seconds."""

WHOLE: Final = DRAIN + END + CLOSE

CANCEL_AGAIN_S: Final = 1.0
"""A cancellation that did nothing for this long is repeated."""

_T = TypeVar("_T")


class Shield:
    """Keeps the work of one task from being broken off when that task is cancelled.

    From the first cancellation on all shielded work of the task together has ``within``; what is not done by
    then is cancelled itself. A task that nobody cancels may take as long as it takes.
    """

    def __init__(self, within: timedelta = END) -> None:
        self._within_s = within.total_seconds()
        self._until: float | None = None

    async def run(self, work: Coroutine[object, object, _T]) -> _T:
        """Return what the work returns, or raise what it raises, however often this task is cancelled
        meanwhile; but then ``CancelledError`` in its place, once the work has ended."""
        task = asyncio.create_task(work)
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({task}, timeout=self._patience_s())
            if self._until is not None and time.monotonic() >= self._until:
                task.cancel()
        if not task.cancelled():
            task.exception()  # looked at: asyncio complains of errors that nobody sees
        heed_cancellation()
        return task.result()

    def _patience_s(self) -> float | None:
        if not is_cancelled():
            return None
        now = time.monotonic()
        if self._until is None:
            self._until = now + self._within_s
        left = self._until - now
        return left if left > 0 else CANCEL_AGAIN_S


def is_cancelled() -> bool:
    """Whether somebody cancelled this task, even if the error got lost on its way.

    ``asyncio.wait_for`` of Python 3.11 swallows it when what it waits for is done at the same moment,
    and redis-py sends every command through it.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def heed_cancellation() -> None:
    """Raise ``CancelledError`` if this task was cancelled."""
    if is_cancelled():
        raise asyncio.CancelledError


async def cancel(tasks: Iterable[asyncio.Task[_T]]) -> None:
    """Cancel tasks until they have ended, however often a cancellation gets lost in them."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_S)
