"""Wait for a condition, with a limit. The only place in the tests that sleeps."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

T = TypeVar("T")

STEP: Final = 0.02
"""Seconds between two looks."""

WITHIN: Final = 120.0
"""Seconds after which what a test waits for will not come any more: the one limit of every wait.

Nothing takes a tenth of it on a machine with nothing else to do. It says nothing about how quick anything
should be: a machine that compiles something meanwhile may be thirty times slower.
"""


class NeverHappenedError(AssertionError):
    """The condition did not come true within the limit."""


def eventually(condition: Callable[[], T], *, within: float = WITHIN) -> T:
    """Return what ``condition()`` says once that is true; raises ``NeverHappenedError`` after ``within``
    seconds."""
    deadline = time.monotonic() + within
    while not (seen := condition()):
        if time.monotonic() > deadline:
            raise NeverHappenedError(f"not within {within} s: {_told(condition)}")
        time.sleep(STEP)
    return seen


async def eventually_async(
    condition: Callable[[], object] | Callable[[], Awaitable[object]], *, within: float = WITHIN
) -> None:
    """The same, without holding up the event loop; the condition may be a coroutine function."""
    deadline = time.monotonic() + within
    while True:
        seen = condition()
        if inspect.isawaitable(seen):
            seen = await seen
        if seen:
            return
        if time.monotonic() > deadline:
            raise NeverHappenedError(f"not within {within} s: {_told(condition)}")
        await asyncio.sleep(STEP)


def _told(condition: Callable[[], object]) -> str:
    try:
        return inspect.getsource(condition).strip()
    except (OSError, TypeError):
        return repr(condition)
