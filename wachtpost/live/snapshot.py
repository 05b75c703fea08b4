"""The figures on one metrics page of the evaluator."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import durationpy
from prometheus_client.parser import text_string_to_metric_families

from domain.how_sure import Range, Verdict
from domain.queue_ref import QueueRef
from services.evaluator.rolling_metrics import VERDICTS
from shared.config.model import ALL_QUEUES
from shared.config.types import LastContacts
from shared.contract.kpis import KPIS, Kpi

PREFIX: Final = "wachtpost_"

TODAY: Final = "today"
"""The window label of the local day so far."""

CLOSED: Final = "closed"
"""How a rule stands while its queue is shut."""

Window = timedelta | LastContacts | str
"""Looks back so far, or over so many contacts; or a window with a name."""

Labels = Mapping[str, str]
FigureKey = tuple[Kpi, QueueRef, Window]

_VERDICTS: Final = {number: verdict for verdict, number in VERDICTS.items()}


@dataclass(frozen=True)
class MetricRule:
    """A rule at a queue, or for ``all`` of a site, as the evaluator names it; an early warning ends so."""

    rule: str
    queue_ref: QueueRef
    severity: str


@dataclass(frozen=True)
class ShownReading:
    """What a rule that is not ok reads at the instant of the page."""

    value: float
    """In the unit of its measure."""
    samples: int = 0
    part: int | None = None


@dataclass(frozen=True)
class Snapshot:
    """The figures on one metrics page. What the page does not say is absent, never zero."""

    values: Mapping[FigureKey, float] = field(default_factory=dict)
    samples: Mapping[FigureKey, int] = field(default_factory=dict)
    parts: Mapping[FigureKey, int] = field(default_factory=dict)
    """Of a ratio, how many of the samples make it."""
    ranges: Mapping[FigureKey, Range] = field(default_factory=dict)
    verdicts: Mapping[FigureKey, Verdict] = field(default_factory=dict)
    """How a figure stands against the target of its queue, else of the total: the evaluator's word."""
    targets: Mapping[tuple[Kpi, QueueRef], float] = field(default_factory=dict)
    waiting: Mapping[QueueRef, int] = field(default_factory=dict)
    """Callers and visitors; totals not included."""
    longest: Mapping[QueueRef, float] = field(default_factory=dict)
    """Seconds that the one who waits longest has waited."""
    visits: Mapping[tuple[QueueRef, str], int] = field(default_factory=dict)
    """By how waiting ended, as the metric says it."""
    states: Mapping[MetricRule, str] = field(default_factory=dict)
    """How each rule stands: one of ``BreachState``, ``insufficient`` or ``closed``."""
    readings: Mapping[MetricRule, ShownReading] = field(default_factory=dict)
    """Of those that are not ok and have one."""
    shut: frozenset[tuple[QueueRef, str]] = frozenset()
    """Where nobody can come at the moment, by kind of queue (a total has both)."""
    next_change: Mapping[tuple[QueueRef, str], float] = field(default_factory=dict)
    """When it next opens or closes, seconds since 1970, by kind of queue."""
    looked_at: float | None = None
    """As of when all this is, seconds since 1970; of several partitions the oldest. None: nobody looks."""
    heard: Mapping[str, float] = field(default_factory=dict)
    """When the latest fact of a source happened, seconds since 1970; 0: never."""
    beats: Mapping[str, float] = field(default_factory=dict)
    """When the latest heartbeat of a source was; 0: never, or it sends none."""
    processed: int = 0
    """Facts that the evaluator has taken in."""
    behind: int = 0
    """Facts on the stream that it has not."""

    @property
    def last_event(self) -> float | None:
        """When the newest fact happened, seconds since 1970."""
        return max((at for at in self.heard.values() if at > 0), default=None)


def read_metrics(text: str) -> Snapshot:
    """Return what a metrics page says. Unknown metrics are passed over; raises ``ValueError`` for garbage."""
    samples = [
        (sample.name.removeprefix(PREFIX), sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith(PREFIX)
    ]

    def by_queue(*names: str) -> dict[QueueRef, float]:
        found: dict[QueueRef, float] = {}
        for name, labels, value in samples:
            if name in names and labels.get("queue") != ALL_QUEUES:
                found[_queue_of(labels)] = found.get(_queue_of(labels), 0) + value
        return found

    def by_figure(metric: str) -> dict[FigureKey, float]:
        return {
            (Kpi(labels["kpi"]), _queue_of(labels), window_of(labels["window"])): value
            for name, labels, value in samples
            if name == metric
        }

    def by_rule(metric: str) -> dict[MetricRule, float]:
        return {
            MetricRule(labels["rule"], _queue_of(labels), labels["severity"]): value
            for name, labels, value in samples
            if name == metric
        }

    def by_source(metric: str) -> dict[str, float]:
        return {labels["source"]: value for name, labels, value in samples if name == metric}

    highs = by_figure("kpi_high")
    of_rules, rule_samples, rule_parts = map(
        by_rule, ("kpi_reading", "kpi_reading_samples", "kpi_reading_part")
    )
    metric_of = {KPIS[kpi].metric: kpi for kpi in Kpi}
    return Snapshot(
        values={
            (metric_of[name], _queue_of(labels), window_of(labels["window"])): value
            for name, labels, value in samples
            if name in metric_of and not math.isnan(value)
        },
        samples={key: int(count) for key, count in by_figure("kpi_samples").items()},
        parts={key: int(count) for key, count in by_figure("kpi_part").items()},
        ranges={key: Range(low, highs[key]) for key, low in by_figure("kpi_low").items() if key in highs},
        verdicts={key: _VERDICTS[int(number)] for key, number in by_figure("kpi_verdict").items()},
        targets={
            (Kpi(labels["kpi"]), _queue_of(labels)): value
            for name, labels, value in samples
            if name == "kpi_target"
        },
        waiting={queue_ref: int(n) for queue_ref, n in by_queue("calls_waiting", "visits_waiting").items()},
        longest=by_queue("longest_wait_seconds"),
        visits={
            (_queue_of(labels), labels["ended"]): int(value)
            for name, labels, value in samples
            if name == "visits"
        },
        states={
            MetricRule(labels["rule"], _queue_of(labels), labels["severity"]): labels["state"]
            for name, labels, value in samples
            if name == "kpi_state" and value == 1
        },
        readings={
            rule: ShownReading(
                value,
                int(rule_samples.get(rule, 0)),
                int(rule_parts[rule]) if rule in rule_parts else None,
            )
            for rule, value in of_rules.items()
        },
        shut=frozenset(
            (_queue_of(labels), labels["kind"])
            for name, labels, value in samples
            if name == "queue_open" and value == 0
        ),
        next_change={
            (_queue_of(labels), labels["kind"]): value
            for name, labels, value in samples
            if name == "queue_next_change_timestamp_seconds"
        },
        looked_at=min(
            (value for name, _, value in samples if name == "look_timestamp_seconds"), default=None
        ),
        heard=by_source("last_event_timestamp_seconds"),
        beats=by_source("last_heartbeat_timestamp_seconds"),
        processed=int(sum(value for name, _, value in samples if name == "events_read_total")),
        behind=int(sum(value for name, _, value in samples if name == "stream_lag_events")),
    )


def _queue_of(labels: Labels) -> QueueRef:
    return QueueRef(labels.get("site", ""), labels.get("queue", ALL_QUEUES))


def window_of(label: str) -> Window:
    """Return the window that a label says, as in the city file."""
    if (latest := LastContacts.parse(label)) is not None:
        return latest
    try:
        window: timedelta = durationpy.from_str(label)
    except durationpy.DurationError:
        return label
    return window
