"""What the notifier's decisions rest on besides its state: the city file's word on telling."""

from __future__ import annotations

from dataclasses import dataclass

from services.notifier.mute_times import IsOpen
from shared.config.alerting import NotifyConfig, Route


@dataclass(frozen=True)
class NotifierPolicy:
    """Who there is, who is told of what, and how; with the city's calendar for quiet hours."""

    receivers: frozenset[str]
    """Their ids. What is due to anybody else is dropped, with the reason."""
    routes: tuple[Route, ...]
    notify: NotifyConfig
    is_open: IsOpen
    """``shared.calendar.Calendar.is_open``."""
    by_mail: frozenset[str] = frozenset()
    """Those of the receivers who have an e-mail channel."""
