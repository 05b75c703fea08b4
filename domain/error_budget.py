"""Error budgets: how many contacts may still be missed, and where the period is heading. Pure.

The method, in words that stand beside every projection (``METHOD``):

- **Contacts to come** = contacts per open minute of the last 20 days that the phones were open × the open
  minutes that are left. Days without any contact are left out: a dead feed is no quiet day.
- **Share missed** of those = the share of the period so far.
- **Interval**, 95 %: days are clusters. With k days of n̄ contacts on average, e_d = missed_d - share ×
  contacts_d and s² = Σ e_d² / (k - 1), the missed calls of D = contacts to come / n̄ more days differ from
  what is expected with variance s² · D · (1 + D / k): the days to come vary, and the share is estimated.
  The quantile is Student's, with k - 1 degrees of freedom (ratio estimator: Cochran, Sampling Techniques,
  ch. 6). It takes the days to come for days like those there were, and does not know of a strike.
- With fewer than five days on either side there is no projection.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import islice
from typing import Final

from domain import kpi
from domain.bucket import Bucket
from domain.business_hours import open_minutes, open_minutes_from
from domain.how_sure import Range, Verdict, held_against, student_95
from domain.period_kpis import Days
from domain.queue_ref import QueueRef
from shared.calendar import DAY, EPOCH, MILLISECOND, Calendar
from shared.config.model import CityFile, MissedDefinition
from shared.config.types import ALL_QUEUES
from shared.contract.events import Outcome
from shared.contract.kpis import Kpi, QueueKind
from shared.periods import Period

METHOD: Final = "open-minutes-20-days, share-so-far, day-clusters-95"
"""Names the method; another method gets another name."""

RATE_DAYS: Final = 20
"""Open days that say how many contacts to expect: four weeks, so that every weekday weighs the same."""

RATE_REACH: Final = timedelta(days=42)
"""How far back those are looked for, over holidays and dead feeds: beyond that the season has changed."""

BUDGET_REACH: Final = timedelta(days=366) + RATE_REACH
"""How far back the days lie that an error budget rests upon: those of its year, or of the weeks before."""

LEAST_DAYS: Final = 5
"""With fewer there is no saying how much days differ."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """How the period ends if the days to come are like those there were."""

    expected_contacts: int
    """In the rest of the period: answered and missed."""
    expected_missed: int
    affordable: int
    """How many of the expected contacts may be missed within the target; negative: more were already."""
    projected: float
    """Share missed of the whole period, with those two: 0 to 1."""
    low: float
    high: float
    """The 95 % interval of the projected share."""
    days_used: int
    """Days of the period that share and interval rest upon."""
    rate_days: int
    """Days that the number of contacts rests upon; 0 when the period has no open minute left."""
    method: str = METHOD


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """What a site may still miss in a period."""

    site: str
    kpi: Kpi
    period: Period
    target: float
    """Share that may be missed, 0 to 1."""
    definition: str
    """The missed definition, ``lier-1 v1``."""
    contacts: int
    """So far: answered + missed."""
    missed: int
    left: int
    """How many of the very next contacts may all be missed (``budget_left``)."""
    open_minutes_left: int
    """During which any phone queue is open."""
    open_days_left: int
    """Days with such minutes, today included while there are any."""
    forecast: Forecast | None
    """``None`` when there is too little to go by."""

    @property
    def verdict(self) -> Verdict | None:
        """How the period ends against the target, as far as its days can say; ``None`` without contacts."""
        if not self.contacts:
            return None
        if self.forecast is None:
            return Verdict.UNDECIDED
        return held_against(self.kpi, Range(self.forecast.low, self.forecast.high), self.target)


def budget_left(missed: int, contacts: int, limit: float) -> int:
    """Return how many contacts may still be missed; negative: so many too many were.

    Of n contacts with m missed and the limit L: the largest x with m + x ≤ L · (n + x), the limit taken as
    the decimal fraction that the city wrote; it is below 1, for nothing can exceed 1.
    """
    share = _exact(limit)
    return math.floor((share * contacts - missed) / (1 - share))


def error_budget(
    city: CityFile, calendar: Calendar, days: Days, site_id: str, period: Period, now: datetime
) -> ErrorBudget | None:
    """Return the error budget of a site's missed calls in a period, at an instant.

    ``days`` holds the period so far and the six weeks before ``now`` (``RATE_REACH``). ``None`` without a
    target that can be missed. Raises ``KeyError`` for a site that the city file does not have.
    """
    queues = city.site(site_id).of_kind(QueueKind.PHONE)
    target = city.target(Kpi.MISSED_RATIO, site_id, ALL_QUEUES, "year" if period.is_year else "month")
    if not queues or target is None or target.limit >= 1:
        return None
    phones = _Phones(
        calendar,
        frozenset(queue.hours for queue in queues),
        tuple(days.get(QueueRef(site_id, queue.id), {}) for queue in queues),
        city.live_definition,
    )
    now_ms = (now - EPOCH) // MILLISECOND
    today = calendar.local_day(now_ms)
    so_far = [phones.day(day) for day in period.days() if day <= today]
    minutes_left = [phones.minutes_left(day, today, now_ms) for day in period.days() if day >= today]
    contacts, missed = sum(day.contacts for day in so_far), sum(day.missed for day in so_far)
    return ErrorBudget(
        site=site_id,
        kpi=Kpi.MISSED_RATIO,
        period=period,
        target=target.limit,
        definition=f"{city.live_definition.id} v{city.live_definition.version}",
        contacts=contacts,
        missed=missed,
        left=budget_left(missed, contacts, target.limit),
        open_minutes_left=sum(minutes_left),
        open_days_left=sum(minutes > 0 for minutes in minutes_left),
        forecast=_forecast(so_far, phones, today, sum(minutes_left), target.limit),
    )


def day_outcomes(bucket: Bucket, definition: MissedDefinition) -> Bucket:
    """Return what a missed definition asks of a day of calls, without the weight of its waits."""
    short_s = definition.short_abandon // timedelta(seconds=1)
    cells = {f"abandon_waits/{cell}" for cell in range(short_s)}
    return Bucket(
        answered=bucket.answered,
        abandoned=bucket.abandoned,
        timed_out=bucket.timed_out,
        no_agents=bucket.no_agents,
        left_by_key=bucket.left_by_key,
        closed=bucket.closed,
        blocked=bucket.blocked,
        abandon_waits={cell: count for cell, count in bucket.abandon_waits.items() if cell < short_s},
        callers={name: n for name, n in bucket.callers.items() if name in _CALLS or name in cells},
    )


_CALLS: Final = frozenset({"answered", *Outcome})


@dataclass(frozen=True, slots=True)
class _Day:
    contacts: int
    missed: int


@dataclass(frozen=True, slots=True)
class _Phones:
    """The phone queues of a site, taken together."""

    calendar: Calendar
    hours: frozenset[str | None]
    shelves: tuple[Mapping[date, Bucket], ...]
    definition: MissedDefinition

    def day(self, day: date) -> _Day:
        found = (shelf[day] for shelf in self.shelves if day in shelf)
        bucket = kpi.counted(ALL_QUEUES, found, self.definition)
        missed = kpi.missed(bucket, self.definition)
        return _Day(bucket.answered + missed, missed)

    def open_minutes(self, day: date) -> int:
        return open_minutes(self.calendar, self.hours, day)

    def minutes_left(self, day: date, today: date, now_ms: int) -> int:
        return (
            open_minutes_from(self.calendar, self.hours, now_ms) if day == today else self.open_minutes(day)
        )

    def rate_days(self, today: date) -> Iterator[tuple[int, int]]:
        """Yield contacts and open minutes of the days before today that say how many to expect."""
        for ago in range(1, RATE_REACH // DAY + 1):
            day = today - ago * DAY
            contacts, minutes = self.day(day).contacts, self.open_minutes(day)
            if contacts and minutes:
                yield contacts, minutes


def _forecast(
    so_far: Sequence[_Day], phones: _Phones, today: date, minutes_left: int, limit: float
) -> Forecast | None:
    used = [day for day in so_far if day.contacts]
    rate = list(islice(phones.rate_days(today), RATE_DAYS)) if minutes_left else []
    if not used or (minutes_left and min(len(used), len(rate)) < LEAST_DAYS):
        return None
    contacts, missed = sum(day.contacts for day in used), sum(day.missed for day in used)
    to_come = 0
    if minutes_left:
        to_come = _nearest(minutes_left * sum(came for came, _ in rate), sum(minutes for _, minutes in rate))
    will_miss = _nearest(to_come * missed, contacts)
    spread = _spread(used, to_come)
    in_the_end = contacts + to_come
    return Forecast(
        expected_contacts=to_come,
        expected_missed=will_miss,
        projected=(missed + will_miss) / in_the_end,
        low=(missed + max(0.0, will_miss - spread)) / in_the_end,
        high=(missed + min(float(to_come), will_miss + spread)) / in_the_end,
        affordable=math.floor(_exact(limit) * in_the_end) - missed,
        days_used=len(used),
        rate_days=len(rate),
    )


def _spread(used: Sequence[_Day], to_come: int) -> float:
    """Half the interval of the missed calls among the contacts to come."""
    if not to_come:
        return 0.0
    days = len(used)
    contacts, missed = sum(day.contacts for day in used), sum(day.missed for day in used)
    share = missed / contacts
    # fsum: the same to the last digit on every Python; sum() of floats became more exact in 3.12.
    variance = math.fsum((day.missed - share * day.contacts) ** 2 for day in used) / (days - 1)
    days_to_come = to_come * days / contacts
    return student_95(days - 1) * math.sqrt(variance * days_to_come * (1 + days_to_come / days))


def _exact(limit: float) -> Fraction:
    """The decimal fraction as the city wrote it: 0.2 is a fifth."""
    return Fraction(repr(limit))


def _nearest(part: int, whole: int) -> int:
    return round(Fraction(part, whole))
