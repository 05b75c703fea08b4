"""Every KPI of a site, over the months and years that an evaluator shows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from domain import kpi
from domain.aggregator import Aggregator
from domain.bucket import Bucket, Resolution
from domain.bucket_store import Slot
from domain.how_sure import Range, range_of
from domain.kpi import KpiValue
from domain.queue_ref import QueueRef
from shared.config.model import CityFile, Site
from shared.contract.kpis import Kpi, kpis_of
from shared.periods import MONTHS, Period

MONTHS_SHOWN: Final = 25
"""The running one, and two years to hold it against. Years are shown for as long as there are months."""

_SUMS: Final = (Resolution.MONTH, Resolution.MONTH_OUTSIDE, Resolution.YEAR)


@dataclass(frozen=True, slots=True)
class SiteKpis:
    """Every KPI of a site over one period: a few KiB, where the sums that it is from have hundreds."""

    values: tuple[tuple[str, Kpi, KpiValue], ...]
    """By queue, with ``all`` for the site's total over the queues that have the KPI."""
    ranges: Mapping[tuple[str, Kpi], Range]
    """By queue too: where the true value lies, of those on few contacts."""
    shares: tuple[tuple[str, str, float], ...]
    """By queue and speed category, of the answered calls; none where nothing was answered."""

    @property
    def empty(self) -> bool:
        """Whether there was not one contact."""
        return not any(value.samples for _, _, value in self.values)


def site_kpis(city: CityFile, site: Site, buckets: Mapping[str, Bucket]) -> SiteKpis:
    """Work a period out from its sums, by queue id; a queue that is not there had nothing."""
    definition = city.live_definition
    every = [
        (name, queues, kpi.counted(name, (buckets[q.id] for q in queues if q.id in buckets), definition))
        for name, queues in site.with_total
    ]
    having = [
        (name, one, bucket)
        for name, queues, bucket in every
        for one in kpis_of(queue.kind for queue in queues)
    ]
    return SiteKpis(
        values=tuple((name, one, kpi.read(one, bucket, city)) for name, one, bucket in having),
        ranges={
            (name, one): likely
            for name, one, bucket in having
            if (likely := range_of(one, bucket, city)) is not None
        },
        shares=tuple(
            (name, category, count / bucket.answered)
            for name, _, bucket in every
            if bucket.answered
            for category, count in kpi.speed_categories(bucket, city.speed_categories.bounds).items()
        ),
    )


class ShownPeriods:
    """The months and years that an evaluator shows, from the sums in its aggregator."""

    def __init__(
        self, city: CityFile, sites: Sequence[Site], aggregator: Aggregator, until: date, today: date
    ) -> None:
        """``until``: a New Year's Day. What ended before it is worked out here, and its sums are let go."""
        self._city = city
        self._aggregator = aggregator
        self._over: dict[tuple[str, Period], SiteKpis] = {}
        months = (
            slot.start for slot, _ in aggregator.bucket_store.slots() if slot.resolution is Resolution.MONTH
        )
        self._first_year = int(min(map(str, months), default=f"{until:%Y}")[:4])
        for site in sites:
            for period in self.periods(today):
                if period.last < until:
                    self.kpis(site, period)
        aggregator.bucket_store.unload(_SUMS, until.isoformat())

    def periods(self, today: date) -> Iterator[Period]:
        """Yield the months that are shown, then the years, both in order."""
        first = first_month(today).first
        for number in range(MONTHS_SHOWN):
            year, month = divmod(first.year * MONTHS + first.month - 1 + number, MONTHS)
            yield Period.month_of(date(year, month + 1, 1))
        for year in range(self._first_year, today.year + 1):
            yield Period.parse(f"{year:04}")

    def kpis(self, site: Site, period: Period) -> SiteKpis:
        """Return the KPIs of a month or year of a site; worked out once where nothing changes it any more."""
        if (known := self._over.get((site.id, period))) is not None:
            return known
        resolution = Resolution.MONTH if period.is_month else Resolution.YEAR
        sums = {
            queue.id: bucket
            for queue in site.queues
            if (
                bucket := self._aggregator.bucket_store.get(
                    Slot(QueueRef(site.id, queue.id), resolution, period.name)
                )
            )
        }
        made = site_kpis(self._city, site, sums)
        if period.last.isoformat() < self._aggregator.days_from:
            self._over[site.id, period] = made
        return made


def first_month(today: date) -> Period:
    """Return the oldest month that is shown."""
    months_ago = today.year * MONTHS + today.month - MONTHS_SHOWN  # counted from January of the year 0
    return Period.month_of(date(months_ago // MONTHS, months_ago % MONTHS + 1, 1))
