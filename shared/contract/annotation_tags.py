"""The tags by which the boards find the notifier's annotations: what both of them must mean by the same.

Grafana finds annotations that have all of some tags, or any of some, and nothing finer. So a tag says in one
what a layer of a board asks for: on which chart, how it looks, and where: ``missed_ratio/critical/lier:all``.
A layer asks for any of those of the chosen queues, and gets exactly its own.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from shared.contract.kpis import KPIS, STATE_MEASURES, Kpi, Measure, QueueKind

MARK: Final = "wachtpost"
"""The tag of every annotation of ours, and of every board."""

EVERY_CHART: Final = "every"
"""In place of a chart: where breaches are drawn whatever they are about."""

LONG_WINDOWS: Final = frozenset({"month", "year"})
"""Breaches over these last for weeks: they would tint a chart from end to end, and say nothing of the day."""


class Appearance(StrEnum):
    """How a breach is drawn: by its severity, unless more is known of it."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    ACKNOWLEDGED = "acknowledged"
    BLIP = "blip"
    """Over before it was told."""


def chart_of(measure: Measure, kind: QueueKind) -> Kpi | None:
    """Return the figure on whose chart a breach belongs; ``kind``: whether of callers or of visitors.

    ``None``: on none by itself. Of a burn rate it is the figure whose budget burns, which a rule knows.
    """
    if measure in KPIS:
        return Kpi(measure)
    if measure is Measure.LATE_RATIO:
        return Kpi.CALL_WAIT_MEAN
    if measure in STATE_MEASURES:
        return Kpi.VISIT_WAIT_MEAN if kind is QueueKind.COUNTER else Kpi.CALL_WAIT_MEAN
    return None


def drawn(chart: str, look: Appearance, site: str, queue: str) -> str:
    """Return the tag of a breach on a chart (a ``Kpi``, or ``EVERY_CHART``).

    Grafana takes what stands before the colon for a key and what stands behind it for a value, and has room
    for 100 characters of each; no name has a slash or a colon.
    """
    return f"{chart}/{look}/{site}:{queue}"
