"""How much a sender may send: a token bucket, pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

BURST: Final = timedelta(seconds=10)
"""How much of its average a sender may save up: a quiet minute must not allow a flood."""


@dataclass(frozen=True)
class TokenBucket:
    """Tokens left at an instant; one token is one item."""

    tokens: float
    at: datetime


def burst(rate: int) -> int:
    """The most items that fit in one go, at ``rate`` items a second."""
    return int(rate * BURST.total_seconds())


def full(rate: int, now: datetime) -> TokenBucket:
    """A sender that has been quiet."""
    return TokenBucket(burst(rate), now)


def take(bucket: TokenBucket, items: int, rate: int, now: datetime) -> tuple[TokenBucket, timedelta]:
    """Take all ``items`` or none. Returns the bucket afterwards and how long to wait: zero when taken.

    More items than ``burst(rate)`` never fit. A clock that steps back costs nothing and gives nothing.
    """
    passed = max(timedelta(0), now - bucket.at).total_seconds()
    tokens = min(float(burst(rate)), bucket.tokens + passed * rate)
    if items <= tokens:
        return TokenBucket(tokens - items, now), timedelta(0)
    return TokenBucket(tokens, now), timedelta(seconds=(items - tokens) / rate)


def whole_seconds(wait: timedelta) -> int:
    """Return the wait for a ``Retry-After`` header: at least 1, never too short."""
    return max(1, math.ceil(wait.total_seconds()))
