"""How the boards are called in Grafana: whoever makes them, writes onto them or shows them says the same."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

LIVE: Final = "live"
"""The wallboard of the phones, which the notifier's annotations belong to."""

KIOSK: Final[Mapping[str, str]] = MappingProxyType(
    {
        "kiosk": "1",
        "_dash.hideTimePicker": "true",
        "_dash.hideVariables": "true",
        "_dash.hideLinks": "true",
    }
)
"""What makes the address of a board one for a screen: ``kiosk`` alone leaves a row of controls on top.

Each with a value: Grafana hands a bare ``kiosk`` on as ``kiosk=``, and a screen that is loaded anew there has
lost it.
"""


def board_uid(board: str, language: str) -> str:
    """Return the uid of a board, which never changes: links and annotations are made of it."""
    return f"wachtpost-{board}" if language == "nl" else f"wachtpost-{board}-{language}"
