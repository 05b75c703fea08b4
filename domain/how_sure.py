"""How sure a figure is: the range that the true one lies in, and whether that settles a target. Pure.

Seven of twenty missed is 35 %, and may as well be a share of 18 % or of 57 % that shows itself in so few.
So a figure on few contacts comes with a range, and where that holds the target nobody says that it is met:

- A share has Wilson's range (Brown, Cai & DasGupta, *Interval estimation for a binomial proportion*, 2001).
  Of a share at its limit of a fifth or more, *beyond* is said by chance in six cases of a hundred at most; it
  is more for lower limits (at 5 % ten), where a single contact says a lot.
- A mean has Student's, by how its own contacts spread. Waits are lopsided: such a range is a little too short
  at its upper end, so of a mean at its limit *within* is said too soon more often than *beyond*, which an
  alarm rests on.
- From ``RANGE_BELOW`` contacts on a figure is taken as it is. Under ``LEAST_CONTACTS`` none settles anything.

Both take one contact for as good as another, which holds for an hour, not for a month: days differ more than
chance makes them, and ``domain.error_budget`` takes them as clusters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist
from typing import Final

from domain import kpi
from domain.bucket import Bucket, Histogram
from domain.kpi import KpiValue
from shared.config.model import CityFile
from shared.contract.kpis import KPIS, Kpi

RANGE_BELOW: Final = 60
"""Contacts from which on a figure stands without a range."""

LEAST_CONTACTS: Final = 5
"""With fewer, one contact turns any verdict: where one call in five is missed, two of three are in
one case of ten, and their range lies above a fifth. From five on it is one case of seventeen at most."""

_Z: Final = NormalDist().inv_cdf(0.975)
"""95 % lies within so many standard deviations."""


@dataclass(frozen=True, slots=True)
class Range:
    """Where the true figure lies, 95 times in 100; in the unit of the KPI. It holds the figure itself."""

    low: float
    high: float


class Verdict(StrEnum):
    """How a figure stands against its limit."""

    WITHIN = "within"
    """The promise is kept, wherever in its range the figure lies."""
    UNDECIDED = "undecided"
    """Not yet to say: the range holds the limit, or there is hardly a contact."""
    BEYOND = "beyond"


def verdict(kpi_name: Kpi, reading: KpiValue, likely: Range | None, limit: float) -> Verdict | None:
    """Hold a figure with its range (``range_of``) against a limit; ``None`` without any contact.

    Exactly the limit keeps the promise, as in ``kpi.meets``.
    """
    if reading.value is None:
        return None
    if reading.samples < LEAST_CONTACTS:
        return Verdict.UNDECIDED
    return held_against(kpi_name, likely or Range(reading.value, reading.value), limit)


def held_against(kpi_name: Kpi, likely: Range, limit: float) -> Verdict:
    """Hold a figure that may lie anywhere in a range against a limit."""
    low_first = (likely.low, likely.high)
    best, worst = reversed(low_first) if KPIS[kpi_name].more_is_better else low_first
    if kpi.meets(kpi_name, worst, limit):
        return Verdict.WITHIN
    return Verdict.UNDECIDED if kpi.meets(kpi_name, best, limit) else Verdict.BEYOND


def range_of(kpi_name: Kpi, bucket: Bucket, city: CityFile) -> Range | None:
    """Return the range of a KPI of a bucket.

    ``None`` without contacts and from ``RANGE_BELOW`` on; of a mean also under ``LEAST_CONTACTS``. What is
    neither a share nor a mean, such as a longest wait, is what it is.
    """
    reading = kpi.read(kpi_name, bucket, city)
    if reading.part is not None:
        return ratio_range(reading.part, reading.samples)
    spread = kpi.spread(kpi_name, bucket)
    return None if spread is None else _mean_range(reading, spread)


def ratio_range(part: int, samples: int) -> Range | None:
    """Return the range of ``part`` of ``samples``; ``None`` where no range is shown."""
    if not 0 < samples < RANGE_BELOW:
        return None
    # What is taken back from a day that was replaced meanwhile may leave less than none of a count.
    return wilson(min(max(part, 0), samples), samples)


def wilson(part: int, samples: int) -> Range:
    """Return Wilson's 95 % range of a share; ``samples`` is at least 1, and ``part`` at most that."""
    whole = samples + _Z**2
    middle = (part + _Z**2 / 2) / whole
    reach = _Z * math.sqrt(part * (samples - part) / samples + _Z**2 / 4) / whole
    # To the digit at both ends: a rounding must not say that none of none is more than a limit of 0.
    return Range(0.0 if part == 0 else middle - reach, 1.0 if part == samples else middle + reach)


def student_95(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t, to 0.001 from four degrees of freedom on.

    Abramowitz & Stegun, 26.7.5: as many terms as that takes.
    """
    z = _Z
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return z + math.fsum(term / float(freedom) ** power for power, term in enumerate(terms, start=1))


def _mean_range(mean: KpiValue, histogram: Histogram) -> Range | None:
    """Student's range of a mean, by how its contacts spread.

    Where the histogram does not say (of conversations a bucket keeps no more than the sum), they are taken to
    spread as wide as they are long: so an exponential length does, and real ones hardly more.
    """
    if mean.value is None or not LEAST_CONTACTS <= mean.samples < RANGE_BELOW:
        return None
    known = sum(histogram.values()) >= LEAST_CONTACTS
    variance = _variance(histogram) if known else mean.value**2
    reach = student_95(mean.samples - 1) * math.sqrt(variance / mean.samples)
    return Range(max(0.0, mean.value - reach), mean.value + reach)


def _variance(histogram: Histogram) -> float:
    """The sample variance, every contact taken to lie at its cell's edge. Integers up to the division."""
    contacts = sum(histogram.values())
    total = sum(cell * count for cell, count in histogram.items())
    squares = sum(cell * cell * count for cell, count in histogram.items())
    return max(0, contacts * squares - total * total) / (contacts * (contacts - 1))
