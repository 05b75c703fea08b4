"""What was counted of people since the beginning, as corrected so far.

All of it is a gauge: a late outcome that crosses closing time, or an event that changes what is known of a
contact, takes one out of here and puts it there, and ``increase()`` would read that as a counter begun anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from prometheus_client.core import Metric

from domain.aggregator import Aggregator
from domain.bucket import Bucket, Histogram, Resolution, count_up_to
from domain.bucket_store import BucketStore
from domain.queue_ref import QueueRef
from services.evaluator.metric_families import gauge, gauge_histogram
from shared.config.model import Queue, Site
from shared.contract.events import Outcome
from shared.contract.kpis import QueueKind
from shared.process.metrics_server import Drops

WAIT_EDGES_S: Final = (5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900, 1800)
"""Buckets of waits, beside the bounds that the city configured."""

LEAD_EDGES_DAYS: Final = (0, 1, 2, 3, 4, 5, 7, 10, 15, 20)


class _Amount(NamedTuple):
    name: str
    text: str
    amount: Callable[[Bucket], int]


class _ByLabel(NamedTuple):
    name: str
    text: str
    label: str
    amounts: Callable[[Bucket], Mapping[str, int]]


class _Spread(NamedTuple):
    name: str
    text: str
    cells: Callable[[Bucket], Histogram]
    total: Callable[[Bucket], int]


def _unanswered(bucket: Bucket) -> dict[str, int]:
    counts = {outcome.value: count for outcome, count in bucket.outcomes.items()}
    return counts | {Outcome.CUT_OFF.value: bucket.cut_off}


def _visit_ends(bucket: Bucket) -> dict[str, int]:
    return {
        "appointment": bucket.visits,
        "walk_in": bucket.walk_ins,
        "early": bucket.early,
        "left": bucket.left,
        "no_show": bucket.no_shows,
    }


_SUMS: Final[Mapping[QueueKind, Sequence[_Amount]]] = {
    QueueKind.PHONE: (
        _Amount(
            "calls_offered",
            "Calls that entered the queue, by the moment of their outcome",
            attrgetter("offered"),
        ),
        _Amount("calls_answered", "Calls that reached staff", attrgetter("answered")),
        _Amount("calls_unfinished", "Calls that never got an outcome", attrgetter("unfinished")),
    ),
    QueueKind.COUNTER: (
        _Amount("visits_unfinished", "Visits neither called nor left", attrgetter("unfinished")),
        _Amount("visits_served", "Visits whose service time is known", attrgetter("served")),
        _Amount("appointments_booked", "Appointments made", attrgetter("booked")),
        _Amount("appointments_moved", "Appointments moved to another moment", attrgetter("moved")),
        _Amount("appointments_cancelled", "Appointments cancelled", attrgetter("cancelled")),
    ),
}
_ENDS: Final = {
    QueueKind.PHONE: _ByLabel(
        "calls_missed",
        "Calls that did not reach staff, whatever a definition makes of them",
        "outcome",
        _unanswered,
    ),
    QueueKind.COUNTER: _ByLabel("visits", "Visits that ended waiting, and how", "ended", _visit_ends),
}
_WAITS: Final[Mapping[QueueKind, Sequence[_Spread]]] = {
    QueueKind.PHONE: (
        _Spread(
            "calls_by_wait_seconds", "Answered calls by wait", attrgetter("waits"), attrgetter("wait_ms")
        ),
    ),
    QueueKind.COUNTER: (
        _Spread(
            "visits_by_wait_seconds",
            "Visits with an appointment by counter wait",
            attrgetter("visit_waits"),
            attrgetter("visit_wait_ms"),
        ),
        _Spread(
            "walk_ins_by_wait_seconds",
            "Visits without an appointment by counter wait",
            attrgetter("walk_in_waits"),
            attrgetter("walk_in_wait_ms"),
        ),
    ),
}


def sums(aggregators: Sequence[tuple[Site, Aggregator]], drops: Drops) -> Iterator[Metric]:
    """Yield how many contacts there were, and how they ended."""
    families = {row: gauge(row.name, row.text) for rows in _SUMS.values() for row in rows}
    ends = {row: gauge(row.name, row.text, row.label) for row in _ENDS.values()}
    outside = gauge("contacts_while_closed", "Contacts outside opening hours; in no other figure")
    for queue, queue_ref, bucket_store in _queues(aggregators):
        with drops("since the beginning", *queue_ref):
            total = bucket_store.total(queue_ref)
            closed = bucket_store.total(queue_ref, Resolution.TOTAL_OUTSIDE)
            outside.add_metric(queue_ref, closed.offered + closed.visitors)
            for row in _SUMS[queue.kind]:
                families[row].add_metric(queue_ref, row.amount(total))
            by_label = _ENDS[queue.kind]
            for value, amount in by_label.amounts(total).items():
                ends[by_label].add_metric([*queue_ref, value], amount)
    yield from (*families.values(), *ends.values(), outside)


def spreads(
    aggregators: Sequence[tuple[Site, Aggregator]], wait_edges_s: Sequence[int], drops: Drops
) -> Iterator[Metric]:
    """Yield how many contacts waited so long, and how many appointments lie so far ahead."""
    waits = {row: gauge_histogram(row.name, row.text) for rows in _WAITS.values() for row in rows}
    leads = gauge_histogram(
        "appointments_by_lead_workdays", "Appointments by working days from booking to appointment"
    )
    for queue, queue_ref, bucket_store in _queues(aggregators):
        total = bucket_store.total(queue_ref)
        for row in _WAITS[queue.kind]:
            with drops(row.name, *queue_ref):
                at_most = _at_most(row.cells(total), wait_edges_s)
                waits[row].add_metric(queue_ref, at_most, row.total(total) / 1000)
        if queue.kind is QueueKind.COUNTER:
            with drops(leads.name, *queue_ref):
                leads.add_metric(queue_ref, _at_most(total.leads, LEAD_EDGES_DAYS), total.lead_days)
    yield from (*waits.values(), leads)


def _at_most(cells: Histogram, edges: Iterable[int]) -> list[tuple[str, float]]:
    up_to = [(f"{float(edge)}", float(count_up_to(cells, edge))) for edge in edges]
    return [*up_to, ("+Inf", float(sum(cells.values())))]


def _queues(aggregators: Sequence[tuple[Site, Aggregator]]) -> Iterator[tuple[Queue, QueueRef, BucketStore]]:
    for site, aggregator in aggregators:
        for queue in site.queues:
            yield queue, QueueRef(site.id, queue.id), aggregator.bucket_store
