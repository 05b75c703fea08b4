"""How the figures of a report are written: numbers, waits, days and periods in one language. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from domain.how_sure import Verdict, ratio_range
from domain.kpi import KpiValue
from domain.outcome_names import COUNT_NAMES, OUTCOME_NAMES
from domain.period_kpis import PeriodKpi
from services.reporter.report.blocks import TargetVerdict
from services.reporter.report.document import Report, SiteReport
from shared.config.model import Count, MissedDefinition, ServiceLevelDefinition
from shared.contract.events import Outcome
from shared.contract.kpis import KPIS, Kpi, Shown, Unit, more_is_better
from shared.formatting import exactly, nearest, share_digits
from shared.periods import Period
from shared.translation import Msg, Translator

PERCENT_DIGITS: Final = 2
"""As the policy follow-up publishes them."""

FINE_FROM: Final = 1_000
"""Contacts. Of fewer one is more than a tenth of a percent: their share is written as it is elsewhere."""

SECOND: Final = timedelta(seconds=1)
HOUR: Final = 60
"""In minutes."""

# Translators: dates in the letters of the CLDR: d day, MMMM name of the month, y year.
_DAY: Final = Msg("d MMMM y", "date pattern")
_DAY_OF_YEAR: Final = Msg("d MMMM", "date pattern")
# Translators: the same of the first of a month, where the language writes that one in another way.
_FIRST: Final = Msg("d MMMM y", "date pattern of the first of a month")
_FIRST_OF_YEAR: Final = Msg("d MMMM", "date pattern of the first of a month")
# Translators: a month by itself, LLLL its name.
_MONTH: Final = Msg("LLLL y", "date pattern")
# Translators: a month in few letters, below a bar of a chart.
_SHORT_MONTH: Final = Msg("LLL", "date pattern")

_COUNTED: Final[Mapping[Count, Msg]] = {
    "callers": Msg("Counted are callers: each once, and his wait from his first queue on."),
    "entries": Msg("Counted are entries: each stay in a queue by itself."),
}
_COUNTED_IN_FULL: Final[Mapping[Count, Msg]] = {
    "callers": Msg(
        "Who passes several queues counts once: as answered if anybody helped him, else as missed by his "
        "last outcome. His wait runs from his first queue."
    ),
    "entries": Msg("Who passes several queues counts in each of them, and waits in each anew."),
}


@dataclass(frozen=True)
class Writing:
    """One language's way of writing."""

    say: Translator

    def number(self, count: int) -> str:
        return self.say.number(count)

    def change(self, count: int) -> str:
        """Return a difference with its sign, ``+12`` or ``−3``."""
        return f"{'−' if count < 0 else '+'}{self.number(abs(count))}"

    def share(self, value: float | None, samples: int) -> str:
        """Return a share that is held against nothing."""
        return self.no_data() if value is None else self.say.share(value, samples)

    def hours(self, minutes: int) -> str:
        """Return 90 minutes as ``1,5 uur``."""
        hours = nearest(minutes / HOUR, 0 if minutes % HOUR == 0 else 1)
        return self.say.ngettext("{number} hour", "{number} hours", hours)

    def more_calls(self, count: int) -> str:
        """Return a difference of two counts of calls in words."""
        if count > 0:
            return self.say.ngettext("{number} more call", "{number} more calls", count)
        if count < 0:
            return self.say.ngettext("{number} fewer call", "{number} fewer calls", -count)
        return self.say.gettext("as many calls")

    def points(self, difference: float | None, samples: int) -> str:
        """Return a difference of two shares in percentage points, with the decimals of the shares."""
        digits = PERCENT_DIGITS if samples >= FINE_FROM else share_digits(samples)
        points = nearest(exactly(difference or 0) * 100, digits)
        size = self.say.number(abs(points), digits)
        if points > 0:
            return self.say.gettext("{points} percentage points higher", points=size)
        if points < 0:
            return self.say.gettext("{points} percentage points lower", points=size)
        least = self.say.number(Decimal(1).scaleb(-digits), digits)
        return self.say.gettext("the share differs by less than {points} percentage points", points=least)

    def parts(self, parts: Iterable[str]) -> str:
        """Return ``a; b; c``, of parts that may have commas."""
        # Translators: between parts of a list that have commas themselves.
        return self.say.pgettext("separator", "; ").join(parts)

    def no_data(self) -> str:
        return self.say.gettext("no data")

    def value(self, kpi: Kpi, value: float | None, samples: int | None, *beside: float) -> str:
        """Return a figure in its unit, rounded like ``Translator.ratio``; in words when there is none.

        ``samples``: how many contacts it rests on; ``None``: not stated, as of what the city reported before.
        """
        if value is None:
            return self.no_data()
        match KPIS[kpi].shown:
            case Shown.PERCENT:
                if samples is None or samples >= FINE_FROM:
                    return self.say.ratio(value, *beside, digits=PERCENT_DIGITS)
                return self.say.share(value, samples, *beside)
            case Shown.SECONDS:
                return f"{self.say.number(value, 1, *beside)} s"
            case Shown.MINUTES:
                return self.say.clock(value, *beside)
            case Shown.WORKDAYS:
                return self.say.days(value, *beside)

    def figure(self, one: PeriodKpi) -> str:
        """Return a figure in its unit, as it stands beside its target."""
        return self.value(one.kpi, one.value, one.samples, *_beside(one))

    def figure_with_unit(self, one: PeriodKpi) -> str:
        """Return the same with the unit that it needs outside a table."""
        if KPIS[one.kpi].shown is not Shown.WORKDAYS or one.value is None:
            return self.figure(one)
        return self.say.workdays(one.value, *_beside(one))

    def limit(self, kpi: Kpi, limit: float | None) -> str:
        """Return a target, ``≤ 20 %``; in words when there is none."""
        if limit is None:
            return self.say.gettext("no target")
        return f"{'≥' if more_is_better(kpi) else '≤'} {self._limit(kpi, limit)}"

    def samples(self, one: PeriodKpi) -> str:
        return self.say.gettext("not stated") if one.samples is None else self.number(one.samples)

    def counts(self, one: PeriodKpi | KpiValue) -> tuple[str, ...]:
        """Return what a ratio is made of, ``6 of 20``; nothing of a mean, and of what does not say."""
        if one.part is None or one.samples is None:
            return ()
        return (self.say.counts(one.part, one.samples),)

    def likely(self, one: PeriodKpi) -> tuple[str, ...]:
        """Return where the true figure lies, if so few contacts leave that open."""
        if one.likely is None:
            return ()
        low, high, beside = one.likely.low, one.likely.high, _beside(one)
        if KPIS[one.kpi].shown is Shown.SECONDS:
            return (f"{self.say.number(low, 1, *beside)}–{self.say.number(high, 1, *beside)} s",)
        return (self.say.span(KPIS[one.kpi].unit, low, high, *beside),)

    def likely_share(self, part: int, samples: int) -> tuple[str, ...]:
        """The same of a share that is held against nothing."""
        found = ratio_range(part, samples)
        return () if found is None else (self.say.span(Unit.RATIO, found.low, found.high),)

    def made_of(self, share: KpiValue) -> tuple[str, ...]:
        """Return counts and range of a share; nothing of a mean."""
        if share.part is None:
            return ()
        return (*self.counts(share), *self.likely_share(share.part, share.samples))

    def verdict(self, one: PeriodKpi) -> TargetVerdict | None:
        return None if one.met is None else TargetVerdict.MET if one.met else TargetVerdict.NOT_MET

    def verdict_text(self, one: PeriodKpi) -> str:
        if one.value is None:
            return self.no_data()
        if one.verdict is Verdict.UNDECIDED:
            # Translators: whether a target is met.
            return self.say.gettext("not yet to say")
        if one.met is None:
            judged_at_all = one.target is not None or one.reported
            return self.say.gettext("not judged") if judged_at_all else self.say.gettext("no target")
        # Translators: of a target.
        met, not_met = self.say.gettext("met"), self.say.gettext("not met")
        if not one.complete:
            met, not_met = self.say.gettext("met so far"), self.say.gettext("not met so far")
        return met if one.met else not_met

    def met_months(self, met: int, judged: int) -> str:
        return self.say.ngettext(
            "met in {met} of {number} month", "met in {met} of {number} months", judged, met=met
        )

    def day(self, day: date) -> str:
        """Return ``31 oktober 2026``."""
        return self.say.local(day, _FIRST if day.day == 1 else _DAY)

    def day_of_year(self, day: date) -> str:
        """Return ``31 oktober``, where the year is clear."""
        return self.say.local(day, _FIRST_OF_YEAR if day.day == 1 else _DAY_OF_YEAR)

    def period(self, period: Period) -> str:
        """Return ``2024``, ``2024 Q2``, ``first half of 2024`` or ``June 2024``."""
        year = period.first.year
        if period.is_month:
            return self.say.local(period.first, _MONTH)
        if period.is_year:
            return period.name
        if "H" not in period.name:
            return self.say.gettext("{year} Q{quarter}", year=year, quarter=period.name[-1])
        if period.first.month == 1:
            return self.say.gettext("first half of {year}", year=year)
        return self.say.gettext("second half of {year}", year=year)

    def short_month(self, period: Period) -> str:
        return self.say.local(period.first, _SHORT_MONTH)

    def outcome(self, outcome: Outcome) -> str:
        return self.say.text(OUTCOME_NAMES[outcome])

    def outcomes_of(self, definition: MissedDefinition) -> str:
        """Return what a definition counts, in the order of the outcomes."""
        return ", ".join(self.outcome(one) for one in Outcome if one in definition.outcomes)

    def count(self, count: Count) -> str:
        return self.say.text(COUNT_NAMES[count])

    def counted(self, count: Count) -> str:
        """Return what a figure of calls counts, in a sentence."""
        return self.say.text(_COUNTED[count])

    def counted_in_full(self, count: Count) -> str:
        """Return how a call that passed several queues is counted."""
        return self.say.text(_COUNTED_IN_FULL[count])

    def category(self, name: str) -> str:
        """Return a speed category (``kpi.category_names``) for people."""
        if name.startswith(">"):
            return self.say.gettext("more than {low} s", low=name[1:])
        return f"{name.replace('-', '–')} s"

    def _limit(self, kpi: Kpi, limit: float) -> str:
        facts = KPIS[kpi]
        if facts.shown is Shown.SECONDS:
            return f"{self.say.number(limit, 0 if limit == int(limit) else 1)} s"
        if facts.shown is Shown.WORKDAYS:
            return self.say.workdays_limit(limit)
        return self.say.limit(facts.unit, limit)


@dataclass(frozen=True)
class SiteSections:
    """Sections about one site, in one language."""

    report: Report
    site: SiteReport
    write: Writing

    @property
    def say(self) -> Translator:
        return self.write.say

    @property
    def period(self) -> str:
        return self.write.period(self.report.period)


def _beside(one: PeriodKpi) -> tuple[float, ...]:
    return () if one.target is None else (one.target,)


def capital(text: str) -> str:
    """Return a text as it begins a sentence."""
    return text[:1].upper() + text[1:]


def named(definition: MissedDefinition | ServiceLevelDefinition) -> str:
    """Return a definition as reports call it, ``lier-1 v1``."""
    return f"{definition.id} v{definition.version}"


def seconds(duration: timedelta) -> int:
    return duration // SECOND
