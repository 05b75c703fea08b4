"""What a site's contacts of one month or year come to, and what a day of its phones leaves behind. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from domain import kpi
from domain.bucket import Bucket, merged
from domain.kpi import KpiValue
from shared.config.model import CityFile, MissedDefinition, Site
from shared.contract.kpis import Kpi, kpis_of


@dataclass(frozen=True, slots=True)
class PeriodFigures:
    """Every figure of a site over one period: a few KiB, where the sums that it is from have hundreds."""

    readings: tuple[tuple[str, Kpi, KpiValue], ...]
    """By queue, with ``all`` for the site's total over the queues that have the KPI."""
    shares: tuple[tuple[str, str, float], ...]
    """By queue and speed category, of the answered calls; none where nothing was answered."""

    @property
    def empty(self) -> bool:
        """Whether there was not one contact."""
        return not any(reading.samples for _, _, reading in self.readings)


def figures(city: CityFile, site: Site, buckets: Mapping[str, Bucket]) -> PeriodFigures:
    """Work a period out from its sums, by queue id; a queue that is not there had nothing."""
    every = [
        (name, queues, merged(buckets[queue.id] for queue in queues if queue.id in buckets))
        for name, queues in site.with_total
    ]
    return PeriodFigures(
        readings=tuple(
            (name, figure, kpi.read(figure, bucket, city))
            for name, queues, bucket in every
            for figure in kpis_of(queue.kind for queue in queues)
        ),
        shares=tuple(
            (name, category, count / bucket.answered)
            for name, _, bucket in every
            if bucket.answered
            for category, count in kpi.speed_categories(bucket, city.speed_categories.bounds).items()
        ),
    )


def outcomes(bucket: Bucket, definition: MissedDefinition) -> Bucket:
    """Return what a missed definition asks of a day of calls, without the weight of its waits."""
    short_s = definition.short_abandon // timedelta(seconds=1)
    return Bucket(
        answered=bucket.answered,
        abandoned=bucket.abandoned,
        timed_out=bucket.timed_out,
        no_agents=bucket.no_agents,
        left_by_key=bucket.left_by_key,
        closed=bucket.closed,
        abandon_waits={cell: count for cell, count in bucket.abandon_waits.items() if cell < short_s},
    )
