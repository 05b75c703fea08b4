"""What was written down is read back field by field: what cannot be read stops nothing else. Pure.

A field may be of a newer version, or damaged, or changed by hand. Whoever reads it goes on without it;
``shared.redis.set_aside`` moves it out of the way and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from pydantic import Field, ValidationError

T = TypeVar("T")

MOST: Final = 2**63 - 1
"""What is counted or added up does not come near this: 26 years in ms, for ten million people."""

Amount = Annotated[int, Field(ge=0, le=MOST)]
"""What was counted or added up. One without bounds would stop all arithmetic that it goes into."""

Change = Annotated[int, Field(ge=-MOST, le=MOST)]
"""The same, where something may have been taken back from what another bucket holds."""

FiniteFloat = Annotated[float, Field(allow_inf_nan=False)]


def as_amount(text: str) -> int:
    """Return an ``Amount`` that stands by itself; raises ``ValueError`` for anything else."""
    amount = int(text)
    if not 0 <= amount <= MOST:
        raise ValueError("an amount is one that cannot be meant")
    return amount


@dataclass(frozen=True, slots=True)
class UnreadableField:
    """A field that this version cannot read."""

    key: str
    """Of the hash; of a plain value its own, and ``field`` is empty."""
    field: bytes
    value: bytes
    why: str
    """Without the value."""


def sound(
    key: str,
    fields: Iterable[tuple[bytes, bytes]],
    read: Callable[[bytes, bytes], T],
    unreadable: list[UnreadableField],
) -> Iterator[T]:
    """Yield what ``read`` makes of each field; note those where it raises ``ValueError`` or ``TypeError``."""
    for name, value in fields:
        try:
            yield read(name, value)
        except (ValueError, TypeError) as error:
            unreadable.append(UnreadableField(key, name, value, _why(error)))


def _why(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return type(error).__name__
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['type']}"
