"""What a rule reads at an instant, and what a supervisor wants to know beside it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from domain import kpi
from domain.aggregator import Aggregator
from domain.bucket import Resolution
from domain.bucket_store import FINE_S
from domain.error_budget import budget_left
from domain.windows import RunningPeriod, Window, Windows
from services.evaluator.alerting.rules import Rule
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.config.types import ALL_QUEUES
from shared.contract.breach_events import BreachReading, Hour
from shared.contract.kpis import Kpi, Measure

TREND_S: Final = 300
"""How far back the value is that a message compares with."""

HOUR_S: Final = 3600


class RuleReadings:
    """Reads one aggregator at one instant; a window is added up once, however many rules ask for it."""

    def __init__(self, city: CityFile, calendar: Calendar, aggregator: Aggregator, now: datetime) -> None:
        self._city = city
        self._calendar = calendar
        self._aggregator = aggregator
        self._now = now
        self._now_ms = int(now.timestamp() * 1000)
        self._windows = Windows(city, aggregator, self._now_ms)

    def is_open(self, rule: Rule) -> bool:
        """Whether any queue of a rule is open now."""
        return any(self._calendar.is_open(hours, self._now_ms) for hours in rule.hours)

    def read(self, rule: Rule, *, running: bool = False) -> tuple[float | None, int]:
        """Return the value that is judged and its samples; ``None`` for no reading or too few.

        ``running``: whether its breach is going on already.
        """
        match rule.key.measure:
            case Measure.NO_DATA:
                return self._no_data(rule, running=running)
            case Measure.BURN_RATE:
                return self._burn_rate(rule)
            case Measure.WAITING:
                waits = self._waits(rule)
                return len(waits), len(waits)
            case Measure.LONGEST_WAIT:
                waits = self._waits(rule)
                return max(waits, default=0) / 1000, len(waits)
            case _:
                reading = self._kpi(rule, rule.windows[0])
        return (reading.value if reading.samples >= rule.min_samples else None), reading.samples

    def describe(self, rule: Rule, value: float | None, samples: int) -> BreachReading:
        """Return a value with everything that goes into a message."""
        waits = self._waits(rule)
        return BreachReading(
            value=value,
            samples=samples,
            before=self._before(rule),
            waiting=len(waits) if rule.queue_refs else None,
            longest_wait_s=max(waits) / 1000 if waits else None,
            budget_left=self._budget_left(rule),
            hour=self._hour(rule) if rule.queue_refs else None,
        )

    def _waits(self, rule: Rule) -> list[int]:
        """Return for how long each of those has waited, in ms, who wait at the queues of a rule."""
        return [
            self._now_ms - at
            for queue_ref, at in self._aggregator.contacts.waiting(self._now_ms)
            if queue_ref in rule.queue_refs
        ]

    def _kpi(self, rule: Rule, window: Window, back_s: int = 0) -> kpi.KpiValue:
        if rule.kpi is None:
            return kpi.KpiValue(None, 0)
        return self._windows.kpi(rule.kpi, rule.key.queue, rule.queue_refs, window, back_s)

    def _burn_rate(self, rule: Rule) -> tuple[float | None, int]:
        """Return the smaller of both windows' rates.

        The long one says that it matters, the short one that it still goes on.
        """
        readings = [self._kpi(rule, window) for window in rule.windows]
        long = readings[0]
        values = [reading.value for reading in readings if reading.value is not None]
        if long.samples < rule.min_samples or len(values) < len(readings) or not rule.target:
            return None, long.samples
        return min(values) / rule.target, long.samples

    def _no_data(self, rule: Rule, *, running: bool) -> tuple[float | None, int]:
        """Return the seconds since the source's last fact, or since it had to speak if that is later.

        A heartbeat is no fact: the file is there when the exchange is dead, too. While it is breached only
        the former: hours that begin are no word from the source. ``None`` before its first word, and outside
        its hours as long as it has not spoken again: nobody waits for it then.
        """
        last = self._aggregator.last_reports.facts().get(rule.key.queue)
        if last is None:
            return None, 0
        since = last
        for hours in () if running else rule.hours:
            since = max(since, self._calendar.opened(hours, self._now_ms) or since)
        silent = max(0, self._now_ms - since) / 1000
        return (silent if self.is_open(rule) or rule.limits.back(silent) else None), 1

    def _before(self, rule: Rule) -> float | None:
        if rule.kpi is None or rule.key.measure is Measure.BURN_RATE or not rule.rolling:
            return None
        return self._kpi(rule, rule.windows[0], TREND_S).value

    def _budget_left(self, rule: Rule) -> int | None:
        """Return how many contacts may still be missed in the target's period; negative: too many were."""
        if rule.kpi is not Kpi.MISSED_RATIO:
            return None
        target = self._city.target(Kpi.MISSED_RATIO, rule.key.site, ALL_QUEUES)
        if target is None or target.limit >= 1:
            return None
        bucket = self._windows.bucket(rule.key.queue, rule.queue_refs, RunningPeriod(target.period))
        missed = kpi.missed(bucket, self._city.live_definition)
        return budget_left(missed, bucket.answered + missed, target.limit)

    def _hour(self, rule: Rule) -> Hour:
        """What changed at the top of the local hour: as many minutes of it and of the one before."""
        began = self._calendar.local_hour(self._now_ms) // 1000
        end = self._now_ms // 1000 // FINE_S * FINE_S + FINE_S
        staff = self._aggregator.last_reports.staffs()
        reported = [
            staff[queue_ref].available + staff[queue_ref].busy
            for queue_ref in rule.queue_refs
            if queue_ref in staff
        ]
        return Hour(
            started_at=datetime.fromtimestamp(began, UTC),
            offered=self._offered(rule, began, end),
            offered_before=self._offered(rule, began - HOUR_S, end - HOUR_S),
            staff=sum(reported) if reported else None,
        )

    def _offered(self, rule: Rule, start_s: int, end_s: int) -> int:
        buckets = (
            bucket
            for queue_ref in rule.queue_refs
            for bucket in self._aggregator.bucket_store.between(queue_ref, Resolution.FINE, start_s, end_s)
        )
        return kpi.counted(rule.key.queue, buckets, self._city.live_definition).offered
