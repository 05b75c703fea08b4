"""Which queue of which site: what every bucket, rule and figure is about."""

from __future__ import annotations

from typing import NamedTuple


class QueueRef(NamedTuple):
    """A queue of a site."""

    site: str
    queue: str
