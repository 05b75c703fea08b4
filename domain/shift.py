"""Whether a share has shifted from the usual to a bad one, contact by contact. Pure, integers only.

A Bernoulli CUSUM (Reynolds & Stoumbos, Journal of Quality Technology 31, 1999). A missed contact adds points
to a score and an answered one takes some off, never below 0: as many as the contact is likelier in a bad
state than in the usual one (its logarithm, in thousandths). While things are as usual the score keeps
falling back to 0; once they are bad it climbs, and at the limit that is no chance any more. The limit follows
from how often chance alone may reach it (``run_length``).

The score is one of cells of time: contacts of one cell have no order among them, so that neither the order
of events nor their splitting over batches can change it. In the docs: ``docs/alarms-by-chance.md``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from math import inf, log
from typing import Final

from domain import kpi
from domain.bucket import Bucket, merged
from shared.config.model import MissedDefinition
from shared.config.types import is_shift

POINT: Final = 1000
"""A point, in thousandths: one in the natural logarithm of how much likelier bad is than usual."""

BACK_BY: Final = 3 * POINT
"""So far below the limit a shift is over: the contacts since were 20 times likelier in the usual state."""

LEAST_USUAL: Final = 0.01
"""A city that never missed a call yet will miss one; and the first one is no shift."""

USUAL_CONTACTS: Final = 500
"""With fewer the usual share is not known: 12 % of them might as well be 9 or 15."""

_LIMIT_MAX: Final = 100 * POINT
"""No chance reaches it within the life of the universe."""

_NEGLIGIBLE: Final = 1e-20
"""Chances that are left out of a sum: of a billion contacts they change nothing that is shown."""


Cell = tuple[int, int, int]
"""The contacts of a queue, or of a total, in one short stretch of time: its start in epoch seconds, how many
of them were bad (missed, or answered late), and how many there were."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Where a score stands after the cells so far, and since when it has not been 0.

    Continued with the cells that follow it is what it would be of all of them. Where an earlier cell changes
    (a late outcome) it has to be done again.
    """

    score: int = 0
    since_s: int | None = None
    """Start of the first cell after the score was last 0, in epoch seconds; none while it is 0."""
    part: int = 0
    """Since then, like ``samples``."""
    samples: int = 0


NOTHING_SCANNED: Final = Scan()


@dataclass(frozen=True, slots=True)
class ShiftDesign:
    """What a contact is worth, and the limit; all in thousandths of a point."""

    miss: int
    """What a missed (a late) contact adds."""
    hit: int
    """What any other takes off."""
    limit: int

    def over(self, scan: Scan) -> bool:
        """Whether the share has shifted: it is open, or goes on."""
        return scan.score >= self.limit

    def back(self, scan: Scan) -> bool:
        """Whether a shift is over."""
        return scan.score <= max(0, self.limit - BACK_BY)


@cache
def shift_design(usual: float, bad: float, false_alarm_every: int) -> ShiftDesign:
    """Return the design that tells a ``bad`` share from the ``usual`` one (0 to 1).

    Its limit is the smallest that chance reaches at most once in ``false_alarm_every`` contacts as usual.
    Raises ``ValueError`` where ``is_shift`` says no.
    """
    if not is_shift(usual, bad):
        raise ValueError(f"no contacts tell {bad} from {usual}")
    miss = round(POINT * log(bad / usual))
    hit = round(POINT * log((1 - usual) / (1 - bad)))
    too_low, enough = 0, _LIMIT_MAX
    while enough - too_low > 1:
        limit = (too_low + enough) // 2
        if run_length(ShiftDesign(miss, hit, limit), usual) >= false_alarm_every:
            enough = limit
        else:
            too_low = limit
    return ShiftDesign(miss, hit, enough)


def scan(cells: Iterable[Cell], design: ShiftDesign, start: Scan = NOTHING_SCANNED) -> Scan:
    """Return where the score stands after cells, which follow each other and what ``start`` has seen."""
    score, since_s, part, samples = start.score, start.since_s, start.part, start.samples
    for start_s, bad, contacts in cells:
        score += bad * design.miss - (contacts - bad) * design.hit
        if score <= 0:
            score, since_s, part, samples = 0, None, 0, 0
            continue
        score = min(score, design.limit)
        since_s = start_s if since_s is None else since_s
        part, samples = part + bad, samples + contacts
    return Scan(score, since_s, part, samples)


def run_length(design: ShiftDesign, share: float) -> float:
    """Return after how many contacts on average the score reaches the limit from 0, a ``share`` being bad.

    At the usual share: how far apart false alarms are. At another: how long until it is noticed (``inf``
    where it never is). Exact for contacts that do not depend on each other, each in a cell of its own: the
    way from 0 to where it is 0 again, or to the limit, takes so many contacts on average, and so often ends
    at the limit.
    """
    contacts = alarms = 0.0
    chances = {0: 1.0}
    while chances:
        contacts += sum(chances.values())
        after: dict[int, float] = {}
        for score, chance in chances.items():
            up, down = chance * share, chance * (1 - share)
            if score + design.miss >= design.limit:
                alarms += up
            elif up > _NEGLIGIBLE:
                after[score + design.miss] = after.get(score + design.miss, 0.0) + up
            if score > design.hit and down > _NEGLIGIBLE:
                after[score - design.hit] = after.get(score - design.hit, 0.0) + down
        chances = after
    return contacts / alarms if alarms else inf


def usual_share(days: Iterable[Bucket], definition: MissedDefinition) -> float | None:
    """Return the share of calls that a place usually misses, in whole percents (0.12), of its days.

    ``days`` are counted as its figures are (``kpi.counted``). Whole percents, so that the limit does not move
    with every day; at least one. ``None`` below ``USUAL_CONTACTS``: it is not known.
    """
    ratio = kpi.missed_ratio(merged(days), definition)
    if ratio.value is None or ratio.samples < USUAL_CONTACTS:
        return None
    return max(LEAST_USUAL, round(ratio.value, 2))
