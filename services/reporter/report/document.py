"""What a policy report says, as figures: exact, in no language, held against what the city promised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from domain.error_budget import ErrorBudget
from domain.period_kpis import (
    Gap,
    PeriodKpi,
    SpeedShares,
    UnderCount,
    UnderMissedDefinition,
    UnderServiceLevel,
)
from shared.config.model import MissedDefinition
from shared.contract.kpis import Kpi
from shared.history_file import Break
from shared.periods import Period

MOST_COMMENT: Final = 4000
"""Characters of the comment field in the policy follow-up."""


@dataclass(frozen=True, slots=True)
class ClusterWaits:
    """An activity cluster at the counters, by month."""

    queue: str
    name: str
    months: tuple[PeriodKpi, ...]


@dataclass(frozen=True, slots=True)
class BudgetReport:
    """An error budget, and whether the city judges its target over this kind of period."""

    of: ErrorBudget
    target_period: Literal["month", "year"]

    @property
    def judged(self) -> bool:
        """False: the target is another period's, and stands here to compare with."""
        return self.of.period.is_year == (self.target_period == "year")

    @property
    def over(self) -> bool:
        """Whether the period has no open minute left."""
        return self.of.open_minutes_left == 0

    @property
    def lost(self) -> bool:
        """Whether the target is missed even if every contact that is still expected gets an answer."""
        return self.of.forecast is not None and self.of.forecast.affordable < 0


@dataclass(frozen=True, slots=True)
class SiteReport:
    """One contact centre or town hall. What it has no queue for is empty."""

    id: str
    name: str
    queue_names: Mapping[str, str]
    clusters: tuple[ClusterWaits, ...]
    call_waits: tuple[PeriodKpi, ...]
    speeds: tuple[SpeedShares, ...]
    handle_times: tuple[PeriodKpi, ...]
    """Empty where no source tells how long a conversation took."""
    missed_years: tuple[PeriodKpi, ...]
    """Reported and counted years, in order."""
    missed_months: tuple[PeriodKpi, ...]
    lead_times: tuple[PeriodKpi, ...]
    others: tuple[PeriodKpi, ...]
    """KPIs that have no part of their own, and contacts, month by month."""
    counts: tuple[UnderCount, ...]
    missed_definitions: tuple[UnderMissedDefinition, ...]
    service_levels: tuple[UnderServiceLevel, ...]
    budgets: tuple[BudgetReport, ...]
    """The month that the report ends in, and its year."""
    gaps: tuple[Gap, ...]
    phone_queues: frozenset[str]


@dataclass(frozen=True, slots=True)
class ReportedSource:
    """Where reported figures of a KPI in this report were published."""

    kpi: Kpi
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """The indicators of a period. The report of a period that is over is the same whenever it is made."""

    city: str
    language: str
    """The city's; a report can be written in any."""
    period: Period
    until: date
    """The last local day in it: the end of the period, or the day on which it is made."""
    running: bool
    """Whether the period goes on."""
    made_at: datetime
    """By the clock in the hall."""
    first_day: date
    """The first day on which Wachtpost counted anything."""
    definition: MissedDefinition
    """The active one: of the targets and of the boards."""
    bounds: tuple[timedelta, ...]
    """Of the speed categories."""
    breaks: tuple[Break, ...]
    sources: tuple[ReportedSource, ...]
    sites: tuple[SiteReport, ...]
    comment: str = ""

    def breaks_of(self, kpi: Kpi) -> tuple[Break, ...]:
        """Return where the series of a KPI break."""
        return tuple(one for one in self.breaks if not one.kpis or kpi in one.kpis)

    def sources_of(self, kpi: Kpi) -> tuple[str, ...]:
        """Return where the reported figures of a KPI come from, each once."""
        return tuple(dict.fromkeys(one.text for one in self.sources if one.kpi is kpi and one.text))
