"""When our own code fails: where it did, never the message. Pure.

An error that nobody meant is caught here and nowhere else. Its message stays out of every log and every dead
letter: it may quote what somebody sent, and so a caller's number.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from traceback import walk_tb
from typing import Final, ParamSpec, Self, TypeVar

OURS: Final = ("domain.", "services.", "shared.", "simulator.", "wachtpost.")

DEEPEST: Final = 20
"""So many places on the way to a failure are noted: the last ones."""

_T = TypeVar("_T")
_P = ParamSpec("_P")


@dataclass(frozen=True, slots=True)
class CodeFailure:
    """An error of our own code."""

    place: str
    """``KeyError at services.notifier.engine:on_events:123``; of another's code also the last of ours."""
    way: tuple[str, ...]
    """The places that led there, the innermost last."""

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """Return where an error was raised."""
        way = tuple(
            f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_qualname}:{line}"
            for frame, line in walk_tb(error.__traceback__)
            if frame.f_globals.get("__name__") != __name__
        )[-DEEPEST:]
        place = f"{type(error).__name__} at {way[-1] if way else '?'}"
        ours = next((step for step in reversed(way) if step.startswith(OURS)), None)
        if ours is not None and ours != way[-1]:
            place += f", from {ours}"
        return cls(place, way)


def attempt(work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T | CodeFailure:
    """Return what the work returns, or where our own code failed in it."""
    try:
        return work(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - whatever it is: see above
        return CodeFailure.of(error)


async def attempted(work: Awaitable[_T], but: tuple[type[Exception], ...] = ()) -> _T | CodeFailure:
    """The same for what is awaited. Raises errors of the kinds ``but``: they are another's, and meant."""
    try:
        return await work
    except but:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is: see above
        return CodeFailure.of(error)
