"""From the model to the wire contract: who reports, under which ids, in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from shared.calendar import EPOCH
from shared.contract.events import Event, StaffChanged
from simulator.desk import Staffing

SOURCE = "demo"
"""The name under which the simulator reports."""


def utc(at: int) -> datetime:
    """Return an instant of the model (UTC ms) as a datetime."""
    return EPOCH + timedelta(milliseconds=at)


@dataclass(frozen=True)
class EventWriter:
    """Says where facts come from: the same day and seed always give the same ids.

    The day is written as a week (``2026w48d1``): a row of eight digits would look like a phone number.
    """

    site: str
    queue: str
    day: date
    seed: int

    def id(self, name: str) -> str:
        """Return the id of a fact, or of a contact."""
        week = self.day.isocalendar()
        return f"{self.queue}.{week.year}w{week.week:02}d{week.weekday}.s{self.seed:x}.{name}"


def in_order(events: Iterable[Event]) -> Iterator[Event]:
    """Return facts by the moment at which they happened; at the same moment as they were given."""
    return iter(sorted(events, key=lambda event: event.at))


def staff_changed(by: EventWriter, number: int, staffing: Staffing) -> StaffChanged:
    """Return the report that who is at work has changed."""
    return StaffChanged(
        id=by.id(f"s{number}"),
        at=utc(staffing.at),
        source=SOURCE,
        site=by.site,
        queue=by.queue,
        available=staffing.idle,
        paused=staffing.on_break,
        busy=staffing.busy,
    )
