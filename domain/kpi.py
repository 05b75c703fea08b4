"""The figures that a city steers by, each from one bucket.

``None`` means *no reading*: an empty bucket has no mean and no ratio, and no reading is not zero.
Definitions: Stad Lier, action plan 01/16/SAP/01, made precise in ``docs/definitions.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import assert_never

from domain.bucket import Bucket, Histogram, count_below, count_up_to, merged, quantile_up_to
from shared.config.model import CityFile, Count, MissedDefinition
from shared.config.types import ALL_QUEUES
from shared.contract.events import Outcome
from shared.contract.kpis import KPIS, Kpi


@dataclass(frozen=True, slots=True)
class KpiValue:
    """A figure and the number of contacts it rests on."""

    value: float | None
    samples: int
    part: int | None = None
    """Of a ratio, how many of the samples make it: 6 of 20. A mean has none."""


def counted_as(queue: str, definition: MissedDefinition) -> Count:
    """Return what the calls of a queue, or of all of a site (``all``), are in its figures."""
    return definition.count if queue == ALL_QUEUES else "entries"


def counted(queue: str, buckets: Iterable[Bucket], definition: MissedDefinition) -> Bucket:
    """Return what happened at a queue, or at all of a site (``all``), as ``definition`` counts its calls.

    A queue's own figures are of its entries; in the total of a site a caller may be one contact, however many
    queues he passed. ``buckets``: those of the queues that it is about. Not to be added to: it may be one of
    them.
    """
    every = list(buckets)
    together = every[0] if len(every) == 1 else merged(every)
    return together.as_callers() if counted_as(queue, definition) == "callers" else together


def missed(bucket: Bucket, definition: MissedDefinition) -> int:
    """Calls that the definition counts as missed."""
    counted = sum(count for outcome, count in bucket.outcomes.items() if outcome in definition.outcomes)
    if Outcome.ABANDONED in definition.outcomes:
        counted -= count_below(bucket.abandon_waits, _seconds(definition.short_abandon))
    return counted


def missed_ratio(bucket: Bucket, definition: MissedDefinition) -> KpiValue:
    """missed / (answered + missed), 0 to 1."""
    count = missed(bucket, definition)
    return _ratio(count, bucket.answered + count)


def call_wait_mean(bucket: Bucket) -> KpiValue:
    """Mean wait of answered calls in seconds (ASA): the sum of their waits / answered."""
    return _mean_s(bucket.wait_ms, bucket.answered)


def call_wait_quantile(bucket: Bucket, share: float) -> float | None:
    """Wait in seconds that ``share`` of the answered calls did not exceed; ``None`` without any.

    From the histogram: an upper bound, at most one cell (1 s up to waits of 1 h) too high.
    """
    return quantile_up_to(bucket.waits, share)


def service_level(bucket: Bucket, definition: MissedDefinition, within: timedelta) -> KpiValue:
    """Answered within T / (answered + missed), 0 to 1. A wait of exactly T is within T."""
    contacts = bucket.answered + missed(bucket, definition)
    return _ratio(answered_within(bucket, within), contacts)


def handle_time_mean(bucket: Bucket) -> KpiValue:
    """Mean length of a conversation in seconds (AHT): the sum of the known talk times / their number."""
    return _mean_s(bucket.talk_ms, bucket.ended)


def late_ratio(bucket: Bucket, within: timedelta) -> KpiValue:
    """Share of the answered calls that waited longer than T, 0 to 1. A wait of exactly T is not late."""
    return _ratio(bucket.answered - answered_within(bucket, within), bucket.answered)


def answered_within(bucket: Bucket, bound: timedelta) -> int:
    """Answered calls that waited at most ``bound``; exact on a histogram edge."""
    return count_up_to(bucket.waits, _seconds(bound))


def speed_categories(bucket: Bucket, bounds: Sequence[timedelta]) -> dict[str, int]:
    """Answered calls by wait in ranges (from, to]; the last range has no end.

    Keys as in ``category_names``.
    """
    passed = [answered_within(bucket, bound) for bound in bounds]
    counts = [after - before for before, after in zip([0, *passed], passed, strict=False)]
    return dict(zip(category_names(bounds), [*counts, bucket.answered - passed[-1]], strict=True))


def category_names(bounds: Sequence[timedelta]) -> list[str]:
    """Names of the ranges in seconds: ``0-20``, ``20-45``, …, ``>180``."""
    edges = [0, *(_seconds(bound) for bound in bounds)]
    between = [f"{low}-{high}" for low, high in pairwise(edges)]
    return [*between, f">{edges[-1]}"]


def visit_wait_mean(bucket: Bucket) -> KpiValue:
    """Mean counter wait in seconds of visitors with an appointment, early ones left out."""
    return _mean_s(bucket.visit_wait_ms, bucket.visits)


def walk_in_wait_mean(bucket: Bucket) -> KpiValue:
    """Mean counter wait in seconds of visitors without an appointment."""
    return _mean_s(bucket.walk_in_wait_ms, bucket.walk_ins)


def service_time_mean(bucket: Bucket) -> KpiValue:
    """Mean time in seconds that serving a visitor took."""
    return _mean_s(bucket.service_ms, bucket.served)


def lead_time_mean(bucket: Bucket) -> KpiValue:
    """Mean number of working days between booking and appointment."""
    return _mean(bucket.lead_days, bucket.booked)


def read(kpi: Kpi, bucket: Bucket, city: CityFile) -> KpiValue:
    """Return any KPI of a bucket, as the city defines it."""
    match kpi:
        case Kpi.MISSED_RATIO:
            return missed_ratio(bucket, city.live_definition)
        case Kpi.CALL_WAIT_MEAN:
            return call_wait_mean(bucket)
        case Kpi.SERVICE_LEVEL:
            return service_level(bucket, city.live_definition, city.service_level.within)
        case Kpi.HANDLE_TIME_MEAN:
            return handle_time_mean(bucket)
        case Kpi.VISIT_WAIT_MEAN:
            return visit_wait_mean(bucket)
        case Kpi.LEAD_TIME_MEAN:
            return lead_time_mean(bucket)
    assert_never(kpi)


def spread(kpi: Kpi, bucket: Bucket) -> Histogram | None:
    """Return how the contacts of a mean spread; empty where a bucket keeps no more than their sum.

    ``None``: the KPI is no mean.
    """
    match kpi:
        case Kpi.CALL_WAIT_MEAN:
            return bucket.waits
        case Kpi.VISIT_WAIT_MEAN:
            return bucket.visit_waits
        case Kpi.LEAD_TIME_MEAN:
            return bucket.leads
        case Kpi.HANDLE_TIME_MEAN:
            return {}
        case _:
            return None


def meets(kpi: Kpi, value: float, limit: float) -> bool:
    """Whether a value keeps the promise: at least the limit where more is better, else at most."""
    return value >= limit if KPIS[kpi].more_is_better else value <= limit


def _ratio(part: int, whole: int) -> KpiValue:
    return KpiValue(part / whole, whole, part) if whole else KpiValue(None, 0)


def _mean_s(sum_ms: int, count: int) -> KpiValue:
    return _mean(sum_ms, count, 1000)


def _mean(total: int, count: int, per_unit: int = 1) -> KpiValue:
    return KpiValue(total / (per_unit * count) if count else None, count)


def _seconds(duration: timedelta) -> int:
    """Bounds are whole seconds: the city file admits no others."""
    return duration // timedelta(seconds=1)
