"""The figures of an analysis, as plain values: per queue, per day and in total. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from domain import kpi
from domain.bucket import Bucket, Resolution, cell_up_to, longest_s
from domain.bucket_store import BucketStore
from domain.how_sure import Range, Verdict, range_of, verdict
from domain.kpi import KpiValue
from domain.queue_ref import QueueRef
from shared.config.model import ALL_QUEUES, COUNTS, CityFile, Count, Target
from shared.contract.events import CallAnswered, Outcome

ANSWERED_WITHIN: Final = tuple(timedelta(seconds=s) for s in (20, 45, 60))
"""Bounds that are always reported, beside the city's service level."""

DIGITS: Final = 9
"""Decimals of a ratio or a mean: enough to find every count again, few enough to compare."""

Number = int | float | None
Figures = dict[str, "Number | bool | str | list[Figures] | Figures"]
"""One JSON object. ``None`` where there is no reading."""


@dataclass(frozen=True)
class Judged:
    """A target, the figure of the files, and what so many contacts say of it."""

    target: Target
    reading: KpiValue
    likely: Range | None
    verdict: Verdict | None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; ``None`` where that cannot be said."""
        return None if self.verdict in {None, Verdict.UNDECIDED} else self.verdict is Verdict.WITHIN


LongestWaits = dict[int, int]
"""Cell of a histogram → the longest wait of an answered call in it, in ms.

A bucket knows the cell of its longest wait and keeps no maximum, for that could not be taken back; files
say the wait itself.
"""


@dataclass(frozen=True)
class LongestInFiles:
    """The longest waits that files tell: in all, by queue, and by local day."""

    of_all: LongestWaits = field(default_factory=dict)
    of_queues: dict[QueueRef, LongestWaits] = field(default_factory=dict)
    of_days: dict[str, LongestWaits] = field(default_factory=dict)

    def note(self, event: CallAnswered, day: str) -> None:
        """Take note of a call that was answered on a local day."""
        cell, wait_ms = cell_up_to(event.wait_ms), event.wait_ms
        of_queue = self.of_queues.setdefault(QueueRef(event.site, event.queue), {})
        for waits in (self.of_all, of_queue, self.of_days.setdefault(day, {})):
            if wait_ms > waits.get(cell, 0):
                waits[cell] = wait_ms


def longest_wait(bucket: Bucket, waits: LongestWaits) -> Number:
    """Return the longest wait of answered calls in seconds.

    The upper edge of its cell where nobody waited so long in one queue, but a caller in several.
    """
    cell = longest_s(bucket.waits)
    return cell if cell is None or cell not in waits else _seconds(waits[cell])


@dataclass(frozen=True)
class Analysis:
    """What a set of files holds, in buckets: in total, per queue, and per local day.

    In these the calls are entries; ``kpi.counted`` makes callers of those of the total and of a day.
    """

    total: Bucket
    outside: Bucket
    """Outside opening hours; in no other figure."""
    queues: Mapping[str, Bucket]
    days: Mapping[str, Bucket]
    visits_unfinished: Mapping[str, int] = field(default_factory=dict)
    """Tickets neither called nor left, by queue. ``unfinished`` of a bucket are calls, as ``offered`` is."""

    longest: LongestWaits = field(default_factory=dict)
    longest_by_queue: Mapping[str, LongestWaits] = field(default_factory=dict)
    longest_by_day: Mapping[str, LongestWaits] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        bucket_store: BucketStore,
        counters: Collection[QueueRef],
        longest: LongestInFiles | None = None,
    ) -> Analysis:
        """Add the day buckets up; ``counters``: the queues of visits and appointments."""
        longest = longest or LongestInFiles()
        days: dict[str, Bucket] = {}
        queues: dict[QueueRef, Bucket] = {}
        left_over: dict[QueueRef, int] = {}
        total, outside = Bucket(), Bucket()
        for slot, bucket in bucket_store.slots():
            if slot.resolution is Resolution.DAY_OUTSIDE:
                outside.add(bucket)
            elif slot.resolution is Resolution.DAY:
                of_calls = bucket
                if slot.queue_ref in counters:
                    of_calls = replace(bucket, unfinished=0)
                    left_over[slot.queue_ref] = left_over.get(slot.queue_ref, 0) + bucket.unfinished
                for sum_of in (
                    total,
                    queues.setdefault(slot.queue_ref, Bucket()),
                    days.setdefault(str(slot.start), Bucket()),
                ):
                    sum_of.add(of_calls)
        one_site = len({queue_ref.site for queue_ref in queues}) <= 1
        names = {
            queue_ref: queue_ref.queue if one_site else "/".join(queue_ref) for queue_ref in sorted(queues)
        }
        return cls(
            total,
            outside,
            {name: queues[queue_ref] for queue_ref, name in names.items()},
            {day: days[day] for day in sorted(days)},
            {names[queue_ref]: count for queue_ref, count in left_over.items() if count},
            longest.of_all,
            {name: longest.of_queues.get(queue_ref, {}) for queue_ref, name in names.items()},
            longest.of_days,
        )

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcomes that occur; abandoned is always one."""
        return [o for o, count in self.total.outcomes.items() if count or o is Outcome.ABANDONED]


def answered_within_bounds(city: CityFile) -> list[timedelta]:
    """Return the bounds that are reported, rising."""
    return sorted({*ANSWERED_WITHIN, city.service_level.within})


def as_json(analysis: Analysis, city: CityFile) -> Figures:
    """Return the whole analysis with the keys ``total``, ``callers``, ``entries``, ``queues``, ``days`` and
    ``outside_hours``.

    The total and each day count as the city's definition does, and have both views as ``callers`` and
    ``entries`` too; so has the whole, of its total.
    """
    outcomes = analysis.outcomes
    views = _views(analysis.total, city, outcomes, analysis.longest)
    total = figures(ALL_QUEUES, analysis.total, city, outcomes, analysis.longest) | views
    total["targets"] = [
        {
            "kpi": j.target.kpi,
            "limit": j.target.limit,
            "value": _rounded(j.reading.value),
            "samples": j.reading.samples,
            "part": j.reading.part,
            "low": _rounded(j.likely.low if j.likely else None),
            "high": _rounded(j.likely.high if j.likely else None),
            "verdict": j.verdict,
            "met": j.met,
        }
        for j in judged(analysis.total, city, ALL_QUEUES)
    ]
    return {
        "total": total,
        **views,
        "visits_unfinished": sum(analysis.visits_unfinished.values()),
        "queues": {
            name: figures(name, bucket, city, outcomes, analysis.longest_by_queue.get(name, {}))
            | {"unfinished": analysis.visits_unfinished.get(name, bucket.unfinished)}
            for name, bucket in analysis.queues.items()
        },
        "days": {
            day: figures(ALL_QUEUES, bucket, city, outcomes, longest)
            | _views(bucket, city, outcomes, longest)
            for day, bucket in analysis.days.items()
            for longest in (analysis.longest_by_day.get(day, {}),)
        },
        "outside_hours": analysis.outside.offered + analysis.outside.visitors,
    }


def counting(city: CityFile, count: Count) -> CityFile:
    """Return the same city with totals of callers, or of entries, whatever its definitions count."""
    definitions = tuple(definition.counting(count) for definition in city.missed_definitions)
    return city.model_copy(update={"missed_definitions": definitions})


def _views(total: Bucket, city: CityFile, outcomes: Iterable[Outcome], longest: LongestWaits) -> Figures:
    return {count: figures(ALL_QUEUES, total, counting(city, count), outcomes, longest) for count in COUNTS}


def figures(
    queue: str, entries: Bucket, city: CityFile, outcomes: Iterable[Outcome], longest: LongestWaits
) -> Figures:
    """Return the figures of a queue, or of a total (``all``); seconds, ratios from 0 to 1, counts."""
    definition = city.live_definition
    bucket = kpi.counted(queue, [entries], definition)
    by_definition = [(d, kpi.counted(queue, [entries], d)) for d in city.missed_definitions]
    result: Figures = {
        "counted_as": kpi.counted_as(queue, definition),
        "offered": bucket.offered,
        "answered": bucket.answered,
        "missed": kpi.missed(bucket, definition),
        "missed_ratio": _rounded(kpi.missed_ratio(bucket, definition).value),
        "outcomes": {outcome.value: bucket.outcomes[outcome] for outcome in outcomes},
        "cut_off": bucket.cut_off,
        "unfinished": bucket.unfinished,
        "wait_sum_s": _seconds(bucket.wait_ms),
        "wait_mean_s": _rounded(kpi.call_wait_mean(bucket).value),
        "wait_p90_s": kpi.call_wait_quantile(bucket, 0.9),
        "wait_max_s": longest_wait(bucket, longest),
        "answered_within": {
            str(bound // timedelta(seconds=1)): kpi.answered_within(bucket, bound)
            for bound in answered_within_bounds(city)
        },
        "service_level": _rounded(kpi.service_level(bucket, definition, city.service_level.within).value),
        "handle_time_mean_s": _rounded(kpi.handle_time_mean(bucket).value),
        "speed_categories": dict(kpi.speed_categories(bucket, city.speed_categories.bounds)),
        "definitions": {
            d.id: {
                "version": d.version,
                "counted_as": kpi.counted_as(queue, d),
                "missed": kpi.missed(as_it_counts, d),
                "missed_ratio": _rounded(kpi.missed_ratio(as_it_counts, d).value),
            }
            for d, as_it_counts in by_definition
        },
    }
    if bucket.visitors or bucket.served or bucket.booked or bucket.moved or bucket.cancelled:
        result["visits"] = _visit_figures(bucket)
    return result


def judged(entries: Bucket, city: CityFile, queue: str) -> Iterator[Judged]:
    """Yield the targets of a queue, or of the total (``all``), that this bucket can say something about."""
    bucket = kpi.counted(queue, [entries], city.live_definition)
    for target in city.targets:
        if target.queue != queue:
            continue
        reading, likely = kpi.read(target.kpi, bucket, city), range_of(target.kpi, bucket, city)
        yield Judged(target, reading, likely, verdict(target.kpi, reading, likely, target.limit))


def _visit_figures(bucket: Bucket) -> Figures:
    return {
        "with_appointment": bucket.visits,
        "wait_mean_s": _rounded(kpi.visit_wait_mean(bucket).value),
        "walk_ins": bucket.walk_ins,
        "walk_in_wait_mean_s": _rounded(kpi.walk_in_wait_mean(bucket).value),
        "early": bucket.early,
        "left": bucket.left,
        "no_shows": bucket.no_shows,
        "served": bucket.served,
        "service_mean_s": _rounded(kpi.service_time_mean(bucket).value),
        "booked": bucket.booked,
        "moved": bucket.moved,
        "cancelled": bucket.cancelled,
        "lead_time_mean_workdays": _rounded(kpi.lead_time_mean(bucket).value),
    }


def _seconds(ms: int) -> Number:
    return ms // 1000 if ms % 1000 == 0 else ms / 1000


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
