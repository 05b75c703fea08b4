"""What people may write down for colleagues: who in a role, and why, without a person in it. Pure."""

from __future__ import annotations

import re
from typing import Final

ROLE: Final = r"[a-z][a-z0-9_.-]{0,63}"
"""An id, such as a receiver's; no capitals, spaces or bare digits: no full name."""

_DATES: Final = re.compile(
    r"(?<!\d)(20\d\d[-/.]?[01]\d[-/.]?[0-3]\d|[0-3]?\d[-/.][01]?\d[-/.]20\d\d)(?!\d)", re.ASCII
)
"""As people write days; they are all that is often written in so many digits."""

_DIGITS: Final = re.compile(r"\+?\d(?:[\s.\-\u2010-\u2015_/()\u00b7\u2022]*\d)*")
"""Digits of any script, with what people put between them: also hard spaces, long dashes and dots."""

_ABROAD: Final = 8
_AT_HOME: Final = 9
"""Digits of a phone number at least, with a ``+`` before them and without."""


def holds_phone_number(text: str) -> bool:
    """Whether a free text may hold a phone number: 9 digits in a row (8 after a ``+``), separators aside.

    Days are passed over. A long serial number is taken for a phone number; it can be left out of a reason.
    """
    return any(
        len(re.sub(r"\D", "", run)) >= (_ABROAD if run.startswith("+") else _AT_HOME)
        for run in _DIGITS.findall(_DATES.sub("|", text))
    )
