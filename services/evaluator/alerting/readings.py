"""What a rule reads at an instant, and what a supervisor wants to know beside it. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final

from domain import kpi, shift
from domain.aggregator import Aggregator
from domain.bucket import Bucket, Resolution
from domain.bucket_store import FINE_S
from domain.counts import ms_of
from domain.error_budget import budget_left
from domain.how_sure import Range, Verdict, range_of, ratio_range, verdict
from domain.windows import RunningPeriod, Window, WindowCount, Windows, window_end
from services.evaluator.alerting.rule_state import RuleReading
from services.evaluator.alerting.rules import Condition, Rule, ShiftTerms
from shared.calendar import DAY, Calendar
from shared.config.model import CityFile
from shared.config.types import ALL_QUEUES, FINE_REACH, is_shift
from shared.contract.breach_events import BreachReading, ConditionReading, Hour, RuleKey
from shared.contract.kpis import STATE_MEASURES, UNITS, Kpi, Measure, Unit

TREND_S: Final = 300
"""How far back the value is that a message compares with."""

HOUR_S: Final = 3600

USUAL_DAYS: Final = 365
"""Days before this month that say which share is usual, where the city file does not."""


@dataclass(frozen=True, slots=True)
class MeasuredCondition:
    """What a condition is measured at. ``look`` is ``None`` for no reading; there may be a figure even so."""

    look: RuleReading | None
    value: float | None = None
    samples: int = 0
    part: int | None = None
    likely: Range | None = None
    since_s: int | None = None


NOT_MEASURED: Final = MeasuredCondition(None)


@dataclass(slots=True)
class _ScannedDay:
    """The score of a shift after each step of today that had contacts."""

    opened: tuple[int, ...]
    """Since when today is, by queue, epoch seconds."""
    design: shift.ShiftDesign
    revisions: list[int]
    """What of each queue has been scanned."""
    end_s: int = 0
    """Up to where."""
    starts: list[int] = field(default_factory=list)
    scans: list[shift.Scan] = field(default_factory=list)

    @property
    def scan(self) -> shift.Scan:
        """Where the score stands."""
        return self.scans[-1] if self.scans else shift.NOTHING_SCANNED

    @property
    def newest_s(self) -> int | None:
        """Where the step of the newest contact begins."""
        return self.starts[-1] if self.starts else None

    def forget(self, from_s: int) -> None:
        """Take back what was scanned from a step on."""
        kept = bisect_left(self.starts, from_s)
        del self.starts[kept:], self.scans[kept:]

    def add(self, start_s: int, bad: int, contacts: int) -> None:
        """Scan the step that follows."""
        if contacts:
            self.scans.append(shift.scan([(start_s, bad, contacts)], self.design, self.scan))
            self.starts.append(start_s)


@dataclass(slots=True)
class Memory:
    """What need not be worked out at every look, by rule: what is usual, once a day, and where a score
    stands, until anything happens."""

    usual: dict[str, tuple[date, float | None]] = field(default_factory=dict)
    scans: dict[str, _ScannedDay] = field(default_factory=dict)


class RuleReadings:
    """Reads one aggregator at one instant; a window is added up once, however many rules ask for it."""

    def __init__(
        self, city: CityFile, calendar: Calendar, aggregator: Aggregator, now: datetime, memory: Memory
    ) -> None:
        self._city = city
        self._calendar = calendar
        self._aggregator = aggregator
        self._now = now
        self._now_ms = ms_of(now)
        self._memory = memory
        self.windows = Windows(city, aggregator, self._now_ms)

    def is_open(self, rule: Rule) -> bool:
        """Whether any queue of a rule is open now."""
        return any(self._calendar.is_open(hours, self._now_ms) for hours in rule.hours)

    def measure(
        self, rule: Rule, *, running: bool = False, counts_from: datetime | None = None
    ) -> tuple[MeasuredCondition, ...]:
        """Return what each condition of a rule is measured at.

        ``running``: whether its breach is going on already. ``counts_from``: contacts counted back count from
        then on, if not from opening.
        """
        from_s = _step_of(counts_from)
        return tuple(self._measure(rule, condition, from_s, running=running) for condition in rule.conditions)

    def waited_for(self, rule: Rule) -> bool:
        """Whether somebody waits whom a breach without a reading is about all the same: for longer than a
        limit that is a wait; of any other, at all."""
        waits = self._waits(rule)
        if rule.first.measure in STATE_MEASURES or UNITS[rule.first.measure] is not Unit.SECONDS:
            return bool(waits)
        return max(waits, default=0) / 1000 > rule.first.limits.limit

    def key(self, rule: Rule) -> RuleKey:
        """Return the key of a rule; of a shift with the share that is usual."""
        spec = rule.first.shift
        if spec is None or spec.usual is not None:
            return rule.key
        usual = self._usual(rule, spec) or 0.0
        return rule.key.model_copy(update={"usual": usual, "clear_at": usual})

    def describe(
        self, rule: Rule, measured: tuple[MeasuredCondition, ...], counts_from: datetime | None = None
    ) -> BreachReading:
        """Return what was measured with everything that goes into a message."""
        first = measured[0] if measured else NOT_MEASURED
        waits, before = self._waits(rule), self._before(rule, _step_of(counts_from))
        return BreachReading(
            value=first.value if first.look is not None else None,
            samples=first.samples,
            part=first.part,
            low=None if first.likely is None else first.likely.low,
            high=None if first.likely is None else first.likely.high,
            since=None if first.since_s is None else datetime.fromtimestamp(first.since_s, UTC),
            also=tuple(
                ConditionReading(
                    measure=condition.measure,
                    limit=condition.limits.limit,
                    window=condition.window,
                    value=found.value,
                    samples=found.samples,
                    part=found.part,
                )
                for condition, found in zip(rule.conditions[1:], measured[1:], strict=False)
            ),
            before=before.value,
            before_samples=None if before.value is None else before.samples,
            before_part=before.part,
            waiting=len(waits) if rule.queue_refs else None,
            longest_wait_s=max(waits) / 1000 if waits else None,
            budget_left=self._budget_left(rule),
            hour=self._hour(rule) if rule.queue_refs else None,
        )

    def _measure(self, rule: Rule, condition: Condition, from_s: int, *, running: bool) -> MeasuredCondition:
        match condition.measure:
            case Measure.NO_DATA:
                silent = self._no_data(rule, running=running)
                return NOT_MEASURED if silent is None else _plain(condition, silent, 1)
            case Measure.BURN_RATE:
                return self._burn_rate(rule, condition)
            case Measure.WAITING:
                waits = self._waits(rule)
                return _plain(condition, len(waits), len(waits))
            case Measure.LONGEST_WAIT:
                waits = self._waits(rule)
                return _plain(condition, max(waits, default=0) / 1000, len(waits))
            case Measure.NOBODY_AVAILABLE:
                staff = self._staff(rule)
                return NOT_MEASURED if staff is None else _plain(condition, 0.0 if staff else 1.0, staff)
        if condition.shift is not None:
            return self._shift(rule, condition, condition.shift, from_s)
        return self._kpi(rule, condition, from_s)

    def _waits(self, rule: Rule) -> list[int]:
        """Return for how long each of those has waited, in ms, who wait at the queues of a rule."""
        return [
            self._now_ms - at
            for queue_ref, at in self._aggregator.contacts.seen_waiting(self._now_ms)
            if queue_ref in rule.queue_refs
        ]

    def _staff(self, rule: Rule) -> int | None:
        """Return how many serve the queues of a rule, free or talking, as last reported; ``None``: nobody
        says."""
        staffs = self._aggregator.last_reports.staffs()
        reported = [staffs[queue_ref] for queue_ref in rule.queue_refs if queue_ref in staffs]
        return sum(staff.available + staff.busy for staff in reported) if reported else None

    def _counted(self, rule: Rule, of: Kpi, window: Window, back_s: int = 0, from_s: int = 0) -> WindowCount:
        return self.windows.counted(of, rule.key.queue, rule.queue_refs, window, back_s, from_s)

    def _kpi(self, rule: Rule, condition: Condition, from_s: int) -> MeasuredCondition:
        if condition.kpi is None:
            return NOT_MEASURED
        counted = self._counted(rule, condition.kpi, condition.windows[0], from_s=from_s)
        if condition.counts_back and self._is_stale(condition, counted.newest_s):
            return NOT_MEASURED
        reading = kpi.read(condition.kpi, counted.bucket, self._city)
        likely = range_of(condition.kpi, counted.bucket, self._city)
        look = _look(condition, condition.kpi, reading, likely)
        return MeasuredCondition(look, reading.value, reading.samples, reading.part, likely, counted.since_s)

    def _burn_rate(self, rule: Rule, condition: Condition) -> MeasuredCondition:
        """The smaller of both windows' rates.

        The long one says that it matters, the short one that it still goes on.
        """
        if condition.kpi is None or not condition.target:
            return NOT_MEASURED
        buckets = [self._counted(rule, condition.kpi, window).bucket for window in condition.windows]
        readings = [kpi.read(condition.kpi, bucket, self._city) for bucket in buckets]
        long, values = readings[0], [one.value for one in readings if one.value is not None]
        if len(values) < len(readings):
            return MeasuredCondition(None, samples=long.samples)
        rate = min(values) / condition.target
        limit = condition.limits.limit * condition.target
        if condition.min_samples is None:
            likely = range_of(condition.kpi, buckets[0], self._city)
            settled = verdict(condition.kpi, long, likely, limit) is not Verdict.UNDECIDED
        elif long.samples >= condition.min_samples:
            settled = True
        else:
            return MeasuredCondition(None, samples=long.samples)
        over, back = condition.limits.over(rate) and settled, condition.limits.back(rate)
        return MeasuredCondition(RuleReading(rate, over, back, settled), rate, long.samples)

    def _shift(self, rule: Rule, condition: Condition, spec: ShiftTerms, from_s: int) -> MeasuredCondition:
        usual = self._usual(rule, spec)
        if usual is None or not is_shift(usual, spec.bad):
            return NOT_MEASURED
        design = shift.shift_design(usual, spec.bad, spec.false_alarm_every)
        scanned = self._scan(rule, spec, design, from_s)
        scan = scanned.scan
        value = scan.part / scan.samples if scan.samples else 0.0
        likely = ratio_range(scan.part, scan.samples)
        look = RuleReading(value, design.over(scan), design.back(scan))
        stale = self._is_stale(condition, scanned.newest_s)
        return MeasuredCondition(
            None if stale else look, value, scan.samples, scan.part, likely, scan.since_s
        )

    def _scan(
        self, rule: Rule, spec: ShiftTerms, design: shift.ShiftDesign, counts_from_s: int
    ) -> _ScannedDay:
        """Return the score of today, step by step; only what changed since the last look is scanned again."""
        store, refs = self._aggregator.bucket_store, rule.queue_refs
        opened = tuple(
            max(counts_from_s, self._aggregator.opened_s(queue_ref, self._now_ms)) for queue_ref in refs
        )
        known = self._memory.scans.get(rule.key.name)
        if known is None or (known.opened, known.design) != (opened, design):
            known = self._memory.scans[rule.key.name] = _ScannedDay(opened, design, [0] * len(refs))
        changed = [store.changed_from(*one) for one in zip(refs, known.revisions, opened, strict=True)]
        # What lay ahead of a clock that did counts when its time comes.
        from_s = max(counts_from_s, min(*changed, known.end_s))
        known.forget(from_s)
        for start_s, bucket in reversed([*self.windows.since_opening(rule.key.queue, refs, from_s=from_s)]):
            known.add(start_s, *self._bad_of(bucket, spec))
        known.revisions = [store.revision(queue_ref) for queue_ref in refs]
        known.end_s = window_end(self._now_ms, FINE_REACH)
        return known

    def _bad_of(self, bucket: Bucket, spec: ShiftTerms) -> tuple[int, int]:
        """Return how many contacts were missed, or answered late, and how many there were."""
        if spec.within is None:
            reading = kpi.missed_ratio(bucket, self._city.live_definition)
        else:
            reading = kpi.late_ratio(bucket, spec.within)
        return reading.part or 0, reading.samples

    def _usual(self, rule: Rule, spec: ShiftTerms) -> float | None:
        """The usual share: what the city file says, or what it was in the year before this month."""
        if spec.usual is not None:
            return spec.usual
        today = self._calendar.local_day(self._now_ms)
        known = self._memory.usual.get(rule.key.name)
        if known is None or known[0] != today:
            end = today.replace(day=1)
            days = [
                bucket
                for queue_ref in rule.queue_refs
                for day, bucket in self._aggregator.days(queue_ref).items()
                if end - USUAL_DAYS * DAY <= day < end
            ]
            counted = kpi.counted(rule.key.queue, days, self._city.live_definition)
            known = today, shift.usual_share([counted], self._city.live_definition)
            self._memory.usual[rule.key.name] = known
        return known[1]

    def _is_stale(self, condition: Condition, newest_s: int | None) -> bool:
        """Whether the newest contact of a day says nothing of now any more."""
        after_s = condition.stale_after.total_seconds()
        return newest_s is None or self._now_ms // 1000 - newest_s - FINE_S >= after_s

    def _no_data(self, rule: Rule, *, running: bool) -> float | None:
        """Return the seconds since the source's last fact, or since it had to speak if that is later.

        A heartbeat is no fact: the file is there when the exchange is dead, too. While it is breached only
        the former: hours that begin are no word from the source. ``None`` before its first word, and outside
        its hours as long as it has not spoken again: nobody waits for it then.
        """
        last = self._aggregator.last_reports.facts().get(rule.key.queue)
        if last is None:
            return None
        since = last
        for hours in () if running else rule.hours:
            since = max(since, self._calendar.opened(hours, self._now_ms) or since)
        silent = max(0, self._now_ms - since) / 1000
        return silent if self.is_open(rule) or rule.first.limits.back(silent) else None

    def _before(self, rule: Rule, from_s: int) -> kpi.KpiValue:
        condition = rule.first
        if condition.kpi is None or condition.measure is Measure.BURN_RATE or not condition.rolling:
            return kpi.KpiValue(None, 0)
        bucket = self._counted(rule, condition.kpi, condition.windows[0], TREND_S, from_s).bucket
        return kpi.read(condition.kpi, bucket, self._city)

    def _budget_left(self, rule: Rule) -> int | None:
        """Return how many contacts may still be missed in the target's period; negative: too many were."""
        condition = rule.first
        if Kpi.MISSED_RATIO not in {condition.kpi, condition.measure}:
            return None
        target = self._city.target(Kpi.MISSED_RATIO, rule.key.site, ALL_QUEUES)
        if target is None or target.limit >= 1:
            return None
        bucket = self.windows.bucket(rule.key.queue, rule.queue_refs, RunningPeriod(target.period))
        missed = kpi.missed(bucket, self._city.live_definition)
        return budget_left(missed, bucket.answered + missed, target.limit)

    def _hour(self, rule: Rule) -> Hour:
        """What changed at the top of the local hour: as many minutes of it and of the one before."""
        began = self._calendar.local_hour(self._now_ms) // 1000
        end = self._now_ms // 1000 // FINE_S * FINE_S + FINE_S
        return Hour(
            started_at=datetime.fromtimestamp(began, UTC),
            offered=self._offered(rule, began, end),
            offered_before=self._offered(rule, began - HOUR_S, end - HOUR_S),
            staff=self._staff(rule),
        )

    def _offered(self, rule: Rule, start_s: int, end_s: int) -> int:
        buckets = (
            bucket
            for queue_ref in rule.queue_refs
            for bucket in self._aggregator.bucket_store.between(queue_ref, Resolution.FINE, start_s, end_s)
        )
        return kpi.counted(rule.key.queue, buckets, self._city.live_definition).offered


def _step_of(instant: datetime | None) -> int:
    """Return where the step of the ring begins in which an instant is, epoch seconds; none: 0."""
    return 0 if instant is None else int(instant.timestamp()) // FINE_S * FINE_S


def look_of(measured: Sequence[MeasuredCondition]) -> RuleReading | None:
    """Return what all conditions of a rule come to: over when all are, back when one is.

    ``None`` when one has no reading, or there is none, and none of the others lets it end.
    """
    looks = [one.look for one in measured]
    known = [look for look in looks if look is not None]
    back, everything = any(look.back for look in known), bool(looks) and len(known) == len(looks)
    if not everything and not back:
        return None
    over = everything and all(look.over for look in known)
    value = None if looks[0] is None else looks[0].value
    settled = all(look.settled for look in known)
    return RuleReading(value, over, back, settled, measured[0].samples, measured[0].part)


def _plain(condition: Condition, value: float, samples: int) -> MeasuredCondition:
    """A figure of now: exact."""
    limits = condition.limits
    return MeasuredCondition(RuleReading(value, limits.over(value), limits.back(value)), value, samples)


def _look(condition: Condition, of: Kpi, reading: kpi.KpiValue, likely: Range | None) -> RuleReading | None:
    """Hold a figure against the limits of a condition: as it is, or, with no number of contacts that it
    wants, by its range."""
    if reading.value is None or reading.samples < (condition.min_samples or 1):
        return None
    limits = condition.limits
    back = limits.back(reading.value)
    if condition.min_samples is not None:
        return RuleReading(reading.value, limits.over(reading.value), back)
    said = verdict(of, reading, likely, limits.limit)
    return RuleReading(reading.value, said is Verdict.BEYOND, back, said is not Verdict.UNDECIDED)
