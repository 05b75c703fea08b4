"""A figure in words: what it is, how it stands against its target, what it is made of. Pure.

The terminal board and the page in the browser show the same ones. What a figure says of its target is the
evaluator's word; its digits are those of the messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Final

from domain.how_sure import Verdict
from domain.kpi_words import KPI_WORDS
from domain.queue_ref import QueueRef
from services.notifier.messages.figures import figure
from shared.config.model import ALL_QUEUES, CityFile, Site
from shared.config.types import LastContacts
from shared.contract.kpis import KPIS, Kpi, Measure, QueueKind, Unit, kpis_of
from shared.translation import Msg, Translator
from wachtpost.live.snapshot import TODAY, Snapshot, Window

HELPED: Final = ("appointment", "walk_in", "early")
GONE: Final = ("left", "no_show")
"""How waiting at a counter ends, for those who were helped and for those who were not."""

IN_COLUMNS: Final = frozenset({Kpi.CALL_WAIT_MEAN, Kpi.MISSED_RATIO, Kpi.VISIT_WAIT_MEAN, Kpi.LEAD_TIME_MEAN})
"""KPIs that are always shown; any other where the city promises something."""

_HOUR: Final = timedelta(hours=1)


class Without(Enum):
    """Why nothing is said of a target."""

    TOO_FEW = auto()
    """Fewer contacts than ``live.min_samples``."""
    CLOSED = auto()
    """The queue is shut, and there is no figure."""
    NO_READING = auto()
    """Nobody in the window: not zero, but nothing."""
    NO_TARGET = auto()


# Translators: how a figure stands, on a board: at most 20 letters.
STANDS: Final[Mapping[Verdict | Without, Msg]] = {
    Verdict.WITHIN: Msg("on target", "narrow column"),
    Verdict.UNDECIDED: Msg("not yet to say", "narrow column"),
    Verdict.BEYOND: Msg("above target", "narrow column"),
    Without.TOO_FEW: Msg("too few to judge", "narrow column"),
    Without.CLOSED: Msg("closed", "narrow column"),
    Without.NO_READING: Msg("no reading", "narrow column"),
    Without.NO_TARGET: Msg("no target", "narrow column"),
}
STALE_AFTER: Final = timedelta(seconds=10)
"""The evaluator looks once a second; figures that are older are told to be."""

BELOW_TARGET: Final = Msg("below target", "narrow column")
"""Beyond a target of which more is better."""


@dataclass(frozen=True)
class ShownFigure:
    """A figure as people read it."""

    value: str
    """Empty: there is none."""
    stands: Verdict | Without
    said: Msg
    """How it stands, in words."""
    beside: tuple[str, ...]
    """What a ratio is made of, and where few contacts leave the figure."""


def stands(
    value: float | None, samples: int, verdict: Verdict | None, *, shut: bool = False
) -> Verdict | Without:
    """Say how a rolling figure stands; without a value there is no verdict."""
    if value is not None:
        return verdict or Without.NO_TARGET
    if shut:
        return Without.CLOSED
    return Without.TOO_FEW if samples else Without.NO_READING


def shown_figure(
    snapshot: Snapshot, kpi: Kpi, queue_ref: QueueRef, window: Window, say: Translator
) -> ShownFigure:
    """Return the figure of a queue, or of a site's total, over a window."""
    key = (kpi, queue_ref, window)
    unit, value, samples = KPIS[kpi].unit, snapshot.values.get(key), snapshot.samples.get(key, 0)
    limit = limit_of(snapshot, kpi, queue_ref)
    limits = () if limit is None else (limit,)
    beside = []
    if (part := snapshot.parts.get(key)) is not None:
        beside.append(say.counts(part, samples))
    if (likely := snapshot.ranges.get(key)) is not None:
        beside.append(say.span(unit, likely.low, likely.high, *limits))
    shut = (queue_ref, KPIS[kpi].kind) in snapshot.shut
    how = stands(value, samples, snapshot.verdicts.get(key), shut=shut)
    below = how is Verdict.BEYOND and KPIS[kpi].more_is_better
    return ShownFigure(
        "" if value is None else figure(say, Measure(kpi), value, samples, *limits),
        how,
        BELOW_TARGET if below else STANDS[how],
        tuple(beside),
    )


def limit_of(snapshot: Snapshot, kpi: Kpi, queue_ref: QueueRef) -> float | None:
    """Return the queue's own target, else the total's."""
    own = snapshot.targets.get((kpi, queue_ref))
    return snapshot.targets.get((kpi, QueueRef(queue_ref.site, ALL_QUEUES))) if own is None else own


def limit_text(kpi: Kpi, limit: float, say: Translator) -> str:
    """Return a target in its unit, with its word where it needs one."""
    unit = KPIS[kpi].unit
    return say.workdays_limit(limit) if unit is Unit.WORKDAYS else say.limit(unit, limit)


def target_text(kpi: Kpi, limit: float, say: Translator) -> str:
    """Return what the city promises of a KPI."""
    text = limit_text(kpi, limit, say)
    if KPIS[kpi].more_is_better:
        return say.gettext("target ≥ {limit}", limit=text)
    return say.gettext("target ≤ {limit}", limit=text)


def kpi_title(kpi: Kpi, say: Translator) -> str:
    """Return what a KPI is called at the beginning of a line."""
    name = say.text(KPI_WORDS[kpi].short)
    return name[:1].upper() + name[1:]


def window_text(window: Window, say: Translator) -> str:
    """Return a window as ``15 min``, ``1 uur``, ``laatste 20`` or ``vandaag``."""
    if isinstance(window, LastContacts):
        # Translators: over how many calls a figure looks back, behind what it is: "missed, last 20".
        return say.ngettext("the last {number}", "the last {number}", window.count)
    if isinstance(window, str):
        # Translators: the window of a figure: the day so far.
        return say.pgettext("window", "today") if window == TODAY else window
    if window % _HOUR:
        minutes = window / timedelta(minutes=1)
        return say.gettext("{number} min", number=say.number(minutes, 0 if minutes == int(minutes) else 1))
    return say.ngettext("{number} h", "{number} h", window // _HOUR)


def other_kpis(snapshot: Snapshot, site: Site, kind: QueueKind) -> list[Kpi]:
    """Return the KPIs of a kind of queue that have a target at a site, and no column of their own."""
    return [
        kpi
        for kpi in kpis_of([kind] if site.of_kind(kind) else [])
        if kpi not in IN_COLUMNS and limit_of(snapshot, kpi, QueueRef(site.id, ALL_QUEUES)) is not None
    ]


def calls_today(snapshot: Snapshot, queue_ref: QueueRef) -> tuple[int, int]:
    """Return how many calls were answered today and how many missed, at a queue or in a site's total.

    As the live definition counts them: what its figures rest on.
    """
    answered, both = (
        snapshot.samples.get((kpi, queue_ref, TODAY), 0) for kpi in (Kpi.CALL_WAIT_MEAN, Kpi.MISSED_RATIO)
    )
    return answered, both - answered


def visits_so_far(snapshot: Snapshot, queue_ref: QueueRef, ends: Iterable[str]) -> int:
    """Return how many visitors waited to one of these ends."""
    return sum(snapshot.visits.get((queue_ref, ended), 0) for ended in ends)


def waiting(snapshot: Snapshot, city: CityFile, kind: QueueKind) -> int:
    """Return how many people wait right now in all queues of a kind."""
    queue_refs = [QueueRef(site.id, queue.id) for site in city.sites for queue in site.of_kind(kind)]
    return sum(snapshot.waiting.get(queue_ref, 0) for queue_ref in queue_refs)


def longest_wait(snapshot: Snapshot, queue_refs: Iterable[QueueRef]) -> float:
    """Return the seconds that the one who waits longest in any of these queues has waited; 0: nobody does."""
    return max((snapshot.longest.get(queue_ref, 0.0) for queue_ref in queue_refs), default=0.0)
