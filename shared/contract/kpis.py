"""The KPIs: one table of what is true of each, wherever it is computed, judged, shown or told.

Facts and no sentences: what a KPI is called is looked up by its id where it is said. It stands in the
contract, not with the city file, for ids, units and metric names are what other programs read. A new KPI is
a member of ``Kpi`` and of ``Measure``, a row of ``KPIS``, and its arithmetic in ``domain.kpi``; whoever has
words for KPIs and none for this one is named by ``tests/shared/contract/test_kpis.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

WEEK_S: Final = 7 * 24 * 3600.0
"""The longest wait that an event can have (``shared.contract.events.Milliseconds``)."""

LATEST_LEAD: Final = 230 * 366.0
"""Working days: lead times end with the calendar, in 2199."""


class QueueKind(StrEnum):
    """Where people wait: at the phone, or at a counter (with its appointments)."""

    PHONE = "phone"
    COUNTER = "counter"


class Kpi(StrEnum):
    """The values that a city steers by."""

    MISSED_RATIO = "missed_ratio"
    CALL_WAIT_MEAN = "call_wait_mean"
    SERVICE_LEVEL = "service_level"
    HANDLE_TIME_MEAN = "handle_time_mean"
    VISIT_WAIT_MEAN = "visit_wait_mean"
    LEAD_TIME_MEAN = "lead_time_mean"


class Measure(StrEnum):
    """What a rule can be about: a KPI, who waits now, how fast an error budget goes, or no data."""

    MISSED_RATIO = "missed_ratio"
    CALL_WAIT_MEAN = "call_wait_mean"
    SERVICE_LEVEL = "service_level"
    HANDLE_TIME_MEAN = "handle_time_mean"
    VISIT_WAIT_MEAN = "visit_wait_mean"
    LEAD_TIME_MEAN = "lead_time_mean"
    WAITING = "waiting"
    """How many wait at this moment, at the phone or at a counter."""
    LONGEST_WAIT = "longest_wait"
    """For how long the one of them has waited who waits longest; 0: nobody waits."""
    NOBODY_AVAILABLE = "nobody_available"
    """1 while nobody serves: as last reported nobody is free and nobody is talking; else 0."""
    LATE_RATIO = "late_ratio"
    """Share of the answered calls that waited longer than they should."""
    BURN_RATE = "burn_rate"
    """How many times faster than the target allows the error budget is being used."""
    NO_DATA = "no_data"
    """Seconds since a source last said anything: no data is not a perfect score."""

    @classmethod
    def _missing_(cls, value: object) -> Measure | None:
        """What it was called by the release that wrote what is still in Redis."""
        return {"silence": cls.NO_DATA, "calls_waiting": cls.WAITING}.get(str(value))


class Unit(StrEnum):
    """What a value is in, in metrics, JSON and CSV."""

    RATIO = "ratio"
    """0 to 1."""
    SECONDS = "seconds"
    WORKDAYS = "workdays"
    TIMES = "times"
    PEOPLE = "people"


class Shown(StrEnum):
    """What people read a value in."""

    PERCENT = "percent"
    SECONDS = "seconds"
    MINUTES = "minutes"
    WORKDAYS = "workdays"


class Contacts(StrEnum):
    """What the contacts are that a value rests on."""

    CALLS = "calls"
    """Answered and missed."""
    ANSWERED = "answered"
    CONVERSATIONS = "conversations"
    """Of known length."""
    VISITS = "visits"
    APPOINTMENTS = "appointments"


@dataclass(frozen=True, slots=True)
class KpiFacts:
    """What is true of a KPI, whoever asks. The least it can be is 0."""

    metric: str
    """Its metric, behind ``wachtpost_`` and, of months and years, ``wachtpost_indicator_``."""
    kind: QueueKind
    """Which queues have it."""
    unit: Unit
    shown: Shown
    decimals: int
    """Of what is shown on a board."""
    contacts: Contacts
    highest: float
    """In its unit; nothing can be more."""
    more_is_better: bool = False
    budgeted: bool = False
    """Whether its target leaves an error budget, of which a rule can watch the burn rate."""


KPIS: Final[Mapping[str, KpiFacts]] = {
    Kpi.MISSED_RATIO: KpiFacts(
        metric="missed_ratio",
        kind=QueueKind.PHONE,
        unit=Unit.RATIO,
        shown=Shown.PERCENT,
        decimals=1,
        contacts=Contacts.CALLS,
        highest=1,
        budgeted=True,
    ),
    Kpi.CALL_WAIT_MEAN: KpiFacts(
        metric="call_wait_mean_seconds",
        kind=QueueKind.PHONE,
        unit=Unit.SECONDS,
        shown=Shown.SECONDS,
        decimals=1,
        contacts=Contacts.ANSWERED,
        highest=WEEK_S,
        budgeted=True,
    ),
    Kpi.SERVICE_LEVEL: KpiFacts(
        metric="service_level_ratio",
        kind=QueueKind.PHONE,
        unit=Unit.RATIO,
        shown=Shown.PERCENT,
        decimals=1,
        contacts=Contacts.CALLS,
        highest=1,
        more_is_better=True,
    ),
    Kpi.HANDLE_TIME_MEAN: KpiFacts(
        metric="handle_time_mean_seconds",
        kind=QueueKind.PHONE,
        unit=Unit.SECONDS,
        shown=Shown.SECONDS,
        decimals=0,
        contacts=Contacts.CONVERSATIONS,
        highest=WEEK_S,
    ),
    Kpi.VISIT_WAIT_MEAN: KpiFacts(
        metric="visit_wait_mean_seconds",
        kind=QueueKind.COUNTER,
        unit=Unit.SECONDS,
        shown=Shown.MINUTES,
        decimals=1,
        contacts=Contacts.VISITS,
        highest=WEEK_S,
    ),
    Kpi.LEAD_TIME_MEAN: KpiFacts(
        metric="lead_time_mean_workdays",
        kind=QueueKind.COUNTER,
        unit=Unit.WORKDAYS,
        shown=Shown.WORKDAYS,
        decimals=1,
        contacts=Contacts.APPOINTMENTS,
        highest=LATEST_LEAD,
    ),
}
"""By id, so that the plain text of a file can be looked up as well."""

STATE_MEASURES: Final = (Measure.WAITING, Measure.LONGEST_WAIT, Measure.NOBODY_AVAILABLE)
"""Measures of this moment: of phone queues and of counters, over no window, and 0 is a reading."""

SHIFT_MEASURES: Final = (Measure.MISSED_RATIO, Measure.LATE_RATIO)
"""Shares of which a shift is noticed: both of phone queues."""

UNITS: Final[Mapping[Measure, Unit]] = {
    **{Measure(kpi): facts.unit for kpi, facts in KPIS.items()},
    Measure.WAITING: Unit.PEOPLE,
    Measure.LONGEST_WAIT: Unit.SECONDS,
    Measure.NOBODY_AVAILABLE: Unit.PEOPLE,
    Measure.LATE_RATIO: Unit.RATIO,
    Measure.BURN_RATE: Unit.TIMES,
    Measure.NO_DATA: Unit.SECONDS,
}
"""What a rule's limit and value are in."""


def kinds_having(measure: str) -> frozenset[QueueKind]:
    """Return the kinds of queues that have what a rule is about; none for what is of no queue, or unknown."""
    if measure in KPIS:
        return frozenset({KPIS[measure].kind})
    if measure in SHIFT_MEASURES:
        return frozenset({QueueKind.PHONE})
    return frozenset(QueueKind) if measure in STATE_MEASURES else frozenset()


def more_is_better(measure: str) -> bool:
    """Whether a value is wrong below its limit, and not above it."""
    return measure in KPIS and KPIS[measure].more_is_better


def kpis_of(kinds: Iterable[QueueKind]) -> tuple[Kpi, ...]:
    """Return the KPIs that queues of these kinds have, in the order of the table."""
    among = frozenset(kinds)
    return tuple(kpi for kpi in Kpi if KPIS[kpi].kind in among)
