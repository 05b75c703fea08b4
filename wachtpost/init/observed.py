"""What files say of a desk that nobody has described yet: its queues, and when people were helped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from services.ingest.admission import AdmissionRules
from services.ingest.sources.queue_log.translate import SameQueueError
from shared.config.model import CityFile, QueueLogSource
from shared.contract.events import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentMoved,
    AppointmentOffer,
    CallAnswered,
    CallEnded,
    CallMissed,
    CallQueued,
    Event,
    SourceHeartbeat,
    SourceRestarted,
    StaffChanged,
    VisitArrived,
    VisitCalled,
    VisitLeft,
    VisitNoShow,
    VisitServed,
)
from shared.contract.kpis import QueueKind
from wachtpost.analyse.files import UNCONFIGURED, Progress, ReadingStats, file_events
from wachtpost.init.opening_hours import QUARTER, Helped

EXCHANGE: Final = "pbx"
"""What the source is called that wrote the queue_logs."""

HERE: Final = "site"
"""The site of their queues: no log says what it is called."""

CALLS: Final = (CallQueued, CallAnswered, CallMissed, CallEnded)
VISITS: Final = (
    VisitArrived,
    VisitCalled,
    VisitLeft,
    VisitServed,
    VisitNoShow,
    AppointmentBooked,
    AppointmentMoved,
    AppointmentCancelled,
    AppointmentOffer,
)


@dataclass
class ObservedQueue:
    """A queue, as far as files tell."""

    calls: int = 0
    visits: int = 0
    """Events about calls, and about visits and appointments."""
    came: dict[date, dict[int, int]] = field(default_factory=dict)
    helped: dict[date, dict[int, int]] = field(default_factory=dict)
    """Local day → quarter of an hour of it → contacts that were helped: when they came, when they were."""

    @property
    def kind(self) -> QueueKind:
        """What most of its events are about."""
        return QueueKind.COUNTER if self.visits > self.calls else QueueKind.PHONE

    def note(self, came: datetime, helped: datetime, zone: ZoneInfo) -> None:
        """Take note of a contact that was helped."""
        _count(self.came, came, zone)
        _count(self.helped, helped, zone)

    @property
    def open_quarters(self) -> Helped:
        """What ``opening_hours`` goes by: of each quarter the fewer of who came and who was helped."""
        return {
            day: {at: min(count, self.came[day].get(at, 0)) for at, count in quarters.items()}
            for day, quarters in self.helped.items()
            if day in self.came
        }


@dataclass
class Observed:
    """What files say of a desk."""

    reading: ReadingStats = field(default_factory=ReadingStats)
    queues: dict[tuple[str, str], ObservedQueue] = field(default_factory=dict)
    """By site and id."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The exchange's name → the id, of queues whose names would else become one id."""
    senders: set[str] = field(default_factory=set)
    """Sources of events, other than the exchange."""
    logs: bool = False
    """Whether anything was read of a queue_log."""
    staff: bool = False
    """Whether anybody reports how many agents there are."""
    appointments: bool = False
    """Whether visitors were called who had an appointment."""
    bookings: bool = False
    """Whether appointments were made."""

    def note(self, event: Event, zone: ZoneInfo) -> None:
        """Take note of an event."""
        if event.source == EXCHANGE:
            self.logs = True
        else:
            self.senders.add(event.source)
        if isinstance(event, SourceHeartbeat | SourceRestarted):
            return
        if isinstance(event, StaffChanged):
            self.staff = True
            return
        queue = self.queues.setdefault((event.site, event.queue), ObservedQueue())
        queue.calls += isinstance(event, CALLS)
        queue.visits += isinstance(event, VISITS)
        self.bookings |= isinstance(event, AppointmentBooked)
        if isinstance(event, CallAnswered):
            queue.note(event.at - timedelta(milliseconds=event.wait_ms), event.at, zone)
        elif isinstance(event, VisitCalled):
            queue.note(event.arrived_at, event.at, zone)
            self.appointments |= event.appointment_at is not None


def _count(quarters: dict[date, dict[int, int]], at: datetime, zone: ZoneInfo) -> None:
    local = at.astimezone(zone)
    day = quarters.setdefault(local.date(), {})
    quarter = (local.hour * 60 + local.minute) // QUARTER
    day[quarter] = day.get(quarter, 0) + 1


def observe(files: Sequence[Path], zone: ZoneInfo, now: int, progress: Progress | None = None) -> Observed:
    """Read files as ``analyse`` does; queues of a queue_log are at ``HERE``. Errors as of ``analyse``.

    Two names of the exchange that would become one id get one each.
    """
    names: dict[str, str] = {}
    while True:
        try:
            return _observe(files, _undescribed(names), zone, now, progress, names)
        except SameQueueError as error:
            names |= _told_apart(error, names.values())


def _told_apart(error: SameQueueError, taken: Iterable[str]) -> dict[str, str]:
    used = {*taken, error.queue}
    first, second = error.names
    free = next(name for number in range(2, 10_000) if (name := f"{error.queue[:60]}-{number}") not in used)
    return {first: error.queue, second: free}


def _undescribed(names: Mapping[str, str]) -> CityFile:
    """A city of which nothing is known but how its exchange calls queues."""
    log = QueueLogSource(id=EXCHANGE, site=HERE, path=Path("queue_log"), queues=dict(names))
    return UNCONFIGURED.model_copy(update={"sources": (log,)})


def _observe(
    files: Sequence[Path],
    city: CityFile,
    zone: ZoneInfo,
    now: int,
    progress: Progress | None,
    names: Mapping[str, str],
) -> Observed:
    observed = Observed(names=dict(names))
    door = AdmissionRules.of_files(city, any_queue=True)
    for _, event in file_events(files, city, door, now, None, observed.reading, progress):
        observed.note(event, zone)
    return observed
