"""How many examples a property is tried on: a few in ``make test``, all of them in ``make thorough``."""

from __future__ import annotations

import os
from typing import Final

THOROUGH: Final = bool(os.environ.get("WACHTPOST_THOROUGH"))

SHARE: Final = 5
"""``make test`` tries one in so many; it is to stay a matter of minutes."""


def examples(number: int) -> int:
    """Return how many examples to try of the ``number`` that a thorough run takes."""
    return number if THOROUGH else max(5, number // SHARE)
