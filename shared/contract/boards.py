"""How the boards are called in Grafana: whoever makes them, writes onto them or shows them says the same."""

from __future__ import annotations

from typing import Final

LIVE: Final = "live"
"""The wallboard of the phones, which the notifier's annotations belong to."""

KIOSK: Final = "kiosk&_dash.hideTimePicker&_dash.hideVariables&_dash.hideLinks"
"""What makes the address of a board one for a screen: ``kiosk`` alone leaves a row of controls on top."""


def board_uid(board: str, language: str) -> str:
    """Return the uid of a board, which never changes: links and annotations are made of it."""
    return f"wachtpost-{board}" if language == "nl" else f"wachtpost-{board}-{language}"
