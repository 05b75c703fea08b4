"""Which chart shows an indicator, and what it says to those who do not see it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Final

from domain.period_kpis import PeriodKpi, SpeedShares
from services.reporter.report.charts import Bar, Columns, Share, Shares, TargetBars
from services.reporter.report.document import ClusterWaits, Report
from services.reporter.report.writing import Writing
from shared.contract.kpis import KPIS, Kpi, Shown
from shared.history_file import Break
from shared.periods import Period

MOST_BESIDE: Final = 6
"""Months that two charts beside each other have room for."""

Marks = Mapping[Break, str]
"""The letter of each break that a chart shows."""


def marks(breaks: Iterable[Break], shown: Sequence[Period]) -> dict[Break, str]:
    """Return a letter for each break within the periods that are shown, in the order of time."""
    inside = [one for one in breaks if any(one.period.first in period for period in shown)]
    inside.sort(key=lambda one: one.period.first)
    return dict(zip(inside, ascii_uppercase, strict=False))


def years_between(years: Sequence[PeriodKpi]) -> list[Period | PeriodKpi]:
    """Return the years in order, with those that nobody knows anything of."""
    if not years:
        return []
    known = {one.period for one in years}
    span = range(years[0].period.first.year, years[-1].period.first.year + 1)
    unknown = [year for year in (Period.parse(f"{number:04}") for number in span) if year not in known]
    return sorted(
        [*years, *unknown], key=lambda one: one.period.first if isinstance(one, PeriodKpi) else one.first
    )


@dataclass(frozen=True)
class Pictured:
    """The charts of a report in one language."""

    report: Report
    write: Writing

    def months(
        self, title: str, months: Sequence[PeriodKpi], breaks: Marks, *, half: bool = False
    ) -> Columns:
        """Return a bar per month against the target."""
        target = next((one for one in months if _judged(one)), None)
        return Columns(
            title=title,
            description=self.described(
                (self.write.period(one.period) + self._origin(one), self._figure(one)) for one in months
            ),
            bars=tuple(self._bar(one, self.write.short_month(one.period), breaks) for one in months),
            limit=target.target if target else None,
            limit_text=self.write.limit(target.kpi, target.target) if target else "",
            half=half,
            legend=self._legend(months),
        )

    def target_bars(self, title: str, named: Sequence[tuple[str, PeriodKpi]]) -> TargetBars:
        """Return a lying bar for each of several figures of one month, each with its own target."""
        return TargetBars(
            title=title,
            description=self.described((name, self._figure(one)) for name, one in named),
            bars=tuple(self._bar(one, name, {}) for name, one in named),
        )

    def clusters(self, clusters: Sequence[ClusterWaits]) -> TargetBars:
        """Return all clusters in the one month that there is."""
        month = clusters[0].months[0].period
        title = self.write.say.gettext(
            "Mean wait per activity cluster, {period}", period=self.write.period(month)
        )
        return self.target_bars(title, [(one.name, one.months[0]) for one in clusters])

    def years(self, years: Sequence[PeriodKpi], breaks: Marks) -> Columns:
        """Return a bar per year, reported and counted, with room for the years in between."""
        say, write = self.write.say, self.write
        slots = years_between(years)
        target = next((one for one in reversed(years) if _judged(one)), None)
        bars, figures = [], []
        for one in slots:
            if isinstance(one, Period):
                bars.append(Bar(one.name, None, write.no_data(), marker=_marker(one, breaks)))
                figures.append((one.name, write.no_data()))
            else:
                bars.append(self._bar(one, one.period.name, breaks))
                figures.append((one.period.name + self._origin(one), self._figure(one)))
        return Columns(
            title=say.gettext("Share of missed calls per year, reported and counted"),
            description=self.described(figures),
            bars=tuple(bars),
            limit=target.target if target else None,
            limit_text=self.write.limit(target.kpi, target.target) if target else "",
            legend=self._legend(years),
        )

    def shares(self, speeds: Sequence[SpeedShares], names: Sequence[str]) -> Shares:
        """Return the speed categories of each month as parts of one bar."""
        write, say = self.write, self.write.say
        return Shares(
            title=say.gettext("Share of answered calls per speed category"),
            description=self.described(
                (
                    write.period(one.period),
                    ", ".join(
                        f"{write.category(name)} {write.share(one.share(name), one.answered)}"
                        for name in names
                    )
                    if one.answered
                    else write.no_data(),
                )
                for one in speeds
            ),
            categories=tuple(write.category(name) for name in names),
            rows=tuple(
                Share(
                    write.period(one.period),
                    say.ngettext("{number} call", "{number} calls", one.answered)
                    if one.answered
                    else write.no_data(),
                    tuple(
                        (one.counts[name] / one.answered, write.share(one.share(name), one.answered))
                        for name in names
                    )
                    if one.answered
                    else (),
                )
                for one in speeds
            ),
        )

    def described(self, figures: Iterable[tuple[str, str]]) -> str:
        """Return what a chart shows, in words."""
        say = self.write.say
        listed = self.write.parts(
            say.gettext("{label}: {text}", label=label, text=text) for label, text in figures
        )
        return say.gettext("{figures}. The same figures stand in the table below.", figures=listed)

    def _figure(self, one: PeriodKpi) -> str:
        text = self.write.figure_with_unit(one)
        if one.verdict is None:
            return text
        return f"{text}, {self.write.verdict_text(one)} ({self.write.limit(one.kpi, one.target)})"

    def _origin(self, one: PeriodKpi) -> str:
        reported = self.write.say.gettext("reported")
        return f" ({reported})" if one.reported else ""

    def _bar(self, one: PeriodKpi, label: str, breaks: Marks) -> Bar:
        text = self.write.figure(one)
        return Bar(
            label=label,
            value=one.value,
            text=text,
            short=_short(one.kpi, text),
            over=one.met is False,
            reported=one.reported,
            running=not one.complete and one.value is not None,
            limit=one.target if _judged(one) else None,
            limit_text=self.write.limit(one.kpi, one.target if _judged(one) else None),
            marker=_marker(one.period, breaks),
        )

    def _legend(self, series: Sequence[PeriodKpi]) -> tuple[tuple[str, str], ...]:
        say = self.write.say
        found: list[tuple[str, str]] = []
        if any(one.reported for one in series):
            found.append(("reported", say.gettext("reported, from before Wachtpost")))
        if any(one.met is False for one in series):
            not_met = say.gettext("not met")
            found.append(("over", f"✗ {not_met}"))
        if any(not one.complete and one.value is not None for one in series):
            found.append(
                (
                    "running",
                    say.gettext("up to and including {last}", last=self.write.day_of_year(self.report.until)),
                )
            )
        return tuple(found)


def _judged(one: PeriodKpi) -> bool:
    """Whether a target is about periods of this kind."""
    return one.target is not None and (one.target_period == "year") == one.period.is_year


def _short(figure: Kpi, text: str) -> str:
    """A figure without its unit; the table says which."""
    return (
        text.removesuffix("%").removesuffix(" s").rstrip()
        if KPIS[figure].shown is not Shown.MINUTES
        else text
    )


def _marker(period: Period, breaks: Marks) -> str:
    return "".join(mark for one, mark in breaks.items() if one.period.first in period)
