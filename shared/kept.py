"""What was written down is read back field by field: what cannot be read stops nothing else. Pure.

A field may be of a newer version, or damaged, or changed by hand. Whoever reads it goes on without it;
``shared.set_aside`` moves it out of the way and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spoiled:
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
    spoiled: list[Spoiled],
) -> Iterator[T]:
    """Yield what ``read`` makes of each field; note those where it raises ``ValueError`` or ``TypeError``."""
    for name, value in fields:
        try:
            yield read(name, value)
        except (ValueError, TypeError) as error:
            spoiled.append(Spoiled(key, name, value, _why(error)))


def _why(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return type(error).__name__
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['type']}"
