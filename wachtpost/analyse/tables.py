"""An analysis as tables for people. Pure: makes renderables, prints nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from domain import kpi
from domain.bucket import Bucket
from domain.how_sure import Verdict, ratio_range
from domain.kpi import KpiValue
from domain.kpi_words import KPI_WORDS
from domain.outcome_names import COUNT_NAMES, OUTCOME_NAMES
from shared.config.model import ALL_QUEUES, COUNTS, CityFile, Count
from shared.contract.events import Outcome
from shared.contract.kpis import KPIS, Kpi, Unit
from shared.formatting import clock_time
from shared.translation import Msg, Translator, translator
from wachtpost.analyse.figures import (
    Analysis,
    Judged,
    LongestWaits,
    answered_within_bounds,
    judged,
    longest_wait,
)
from wachtpost.analyse.files import ReadingStats
from wachtpost.refusals.words import refusal_lines
from wachtpost.whole_words import WholeWords

NOTHING: Final = "–"
"""No reading."""

TOTAL_COUNTS: Final[Mapping[Count, Msg]] = {
    "callers": Msg("The total counts callers."),
    "entries": Msg("The total counts entries."),
}


def tables(analysis: Analysis, reading: ReadingStats, city: CityFile) -> Iterator[RenderableType]:
    """Yield everything an analysis has to say, in the language of the city file."""
    say = translator(city.city.language)
    page = _Page(city, say)
    if analysis.total.offered:
        total = page.in_total(analysis.total)
        in_all = page.count_row(total, analysis.longest)
        by_queue = {
            name: page.count_row(bucket, analysis.longest_by_queue.get(name, {}))
            for name, bucket in analysis.queues.items()
        }
        yield page.counts(say.gettext("Per queue"), say.gettext("queue"), by_queue, in_all)
        if len(analysis.days) > 1:
            by_day = {
                day: page.count_row(page.in_total(bucket), analysis.longest_by_day.get(day, {}))
                for day, bucket in analysis.days.items()
            }
            yield page.counts(say.gettext("Per day"), say.gettext("day"), by_day, in_all)
        yield page.views(analysis)
        yield page.outcomes(total, analysis.outcomes)
        yield page.categories(total)
        yield page.definitions(analysis.total)
        yield page.targets(analysis)
        notes = (
            say.gettext("90% within: from the histogram, at most one cell (1 s up to 1 h) too high."),
            say.gettext("With fewer than 60 contacts: where the true figure lies, 95 times in 100."),
        )
        yield Text("\n".join(notes), style="dim")
    elif not analysis.total.visitors + analysis.total.booked + len(analysis.visits_unfinished):
        yield Text(say.gettext("No contact found."))
    yield from page.visits(analysis)
    yield page.footer(analysis, reading)


class _Page:
    def __init__(self, city: CityFile, say: Translator) -> None:
        self._city = city
        self._say = say
        self._bounds = answered_within_bounds(city)

    def in_total(self, entries: Bucket) -> Bucket:
        """Return a total as the city's definition counts it."""
        return kpi.counted(ALL_QUEUES, [entries], self._city.live_definition)

    def views(self, analysis: Analysis) -> RenderableType:
        """Return the total as callers and as entries, and what makes the difference."""
        say, live = self._say, self._city.live_definition
        views = {c: kpi.counted(ALL_QUEUES, [analysis.total], live.counting(c)) for c in COUNTS}
        rows = {
            say.text(COUNT_NAMES[count]): self.count_row(bucket, analysis.longest)
            for count, bucket in views.items()
        }
        further = views["entries"].offered - views["callers"].offered
        told = [say.gettext("Nobody entered a second queue, or one again: every caller is one entry.")]
        if further:
            told = [
                say.ngettext(
                    "{number} entry is of a caller who had been in a queue before.",
                    "{number} entries are of callers who had been in a queue before.",
                    further,
                ),
                say.gettext(
                    "A caller counts once: answered if anybody helped him, else missed by his last outcome; "
                    "his wait runs from his first entry. A queue's own figures are of its entries."
                ),
            ]
        told.append(say.text(TOTAL_COUNTS[live.count]))
        table = self._count_table(say.gettext("total"), rows)
        return Group(_titled(say.gettext("Callers and entries"), table), Text(" ".join(told), style="dim"))

    def counts(
        self, title: str, first: str, rows: Mapping[str, Sequence[str]], total: Sequence[str]
    ) -> RenderableType:
        """Return one row per queue or day, and the total."""
        table = self._count_table(first, rows)
        table.add_section()
        table.add_row(self._say.gettext("total"), *total, style="bold")
        return _titled(title, table)

    def _count_table(self, first: str, rows: Mapping[str, Sequence[str]]) -> Table:
        say = self._say
        # Translators: the heads of narrow columns, each a line or two of at most eight letters.
        counts = [say.gettext("offered"), self._answered, self._missed, say.gettext("%\nmissed")]
        waits = [say.gettext("mean\nwait"), say.gettext("90%\nwithin"), say.gettext("longest\nwait")]
        bounds = [say.gettext("within\n{seconds} s", seconds=_seconds(bound)) for bound in self._bounds]
        table = _table(first, *counts, *waits, *bounds)
        for name, row in rows.items():
            table.add_row(name, *row)
        return table

    def count_row(self, bucket: Bucket, longest: LongestWaits) -> Sequence[str]:
        """Return what stands behind a queue, a day or a total."""
        definition = self._city.live_definition
        p90 = kpi.call_wait_quantile(bucket, 0.9)
        mean = kpi.call_wait_mean(bucket).value
        return [
            self._say.number(bucket.offered),
            self._say.number(bucket.answered),
            self._say.number(kpi.missed(bucket, definition)),
            self._share(kpi.missed_ratio(bucket, definition)),
            _wait(mean),
            _wait(p90),
            _wait(longest_wait(bucket, longest)),
            *(self._say.number(kpi.answered_within(bucket, bound)) for bound in self._bounds),
        ]

    def outcomes(self, total: Bucket, occurring: Iterable[Outcome]) -> RenderableType:
        """Return why calls were not answered."""
        say = self._say
        table = _table("", say.gettext("calls"))
        for outcome in occurring:
            table.add_row(say.text(OUTCOME_NAMES[outcome]), say.number(total.outcomes[outcome]))
        if total.cut_off:
            table.add_row(say.text(OUTCOME_NAMES[Outcome.CUT_OFF]), say.number(total.cut_off))
        if total.unfinished:
            table.add_row(say.gettext("without an outcome"), say.number(total.unfinished))
        return _titled(say.gettext("Not answered"), table)

    def categories(self, total: Bucket) -> RenderableType:
        """Return the answered calls per range of waits."""
        say = self._say
        # Translators: above ranges of waits, such as 0–20 s.
        waited = say.gettext("waited")
        table = _table(waited, say.gettext("calls"), say.gettext("share"))
        bounds = self._city.speed_categories.bounds
        for name, count in kpi.speed_categories(total, bounds).items():
            shown = f"{name.replace('-', '–')} s"
            if name.startswith(">"):
                shown = say.gettext("more than {seconds} s", seconds=name[1:])
            of_answered = KpiValue(count / total.answered if total.answered else None, total.answered, count)
            table.add_row(shown, self._counts(of_answered), self._share(of_answered))
        return _titled(say.gettext("Answered per speed category"), table)

    def definitions(self, entries: Bucket) -> RenderableType:
        """Return what every missed definition makes of the same calls, each as it counts."""
        say = self._say
        table = _table(
            say.gettext("definition"), self._missed, say.gettext("%\nmissed"), say.gettext("counts")
        )
        for definition in self._city.missed_definitions:
            share = kpi.missed_ratio(kpi.counted(ALL_QUEUES, [entries], definition), definition)
            table.add_row(
                f"{definition.id} v{definition.version}",
                self._counts(share),
                self._share(share),
                say.text(COUNT_NAMES[definition.count]),
            )
        return _titled(self._say.gettext("Missed under each definition"), table)

    def targets(self, analysis: Analysis) -> RenderableType:
        """Return every target that the files can say something about."""
        say = self._say
        heads = (say.gettext("queue"), say.gettext("value"), say.gettext("target"), say.gettext("verdict"))
        table = _table("", *heads)
        everywhere = {ALL_QUEUES: analysis.total, **analysis.queues}
        for queue, bucket in everywhere.items():
            for result in judged(bucket, self._city, queue):
                if result.verdict is not None:
                    name = say.gettext("total") if queue == ALL_QUEUES else queue
                    table.add_row(
                        say.text(KPI_WORDS[result.target.kpi].name), name, *self._judged_row(result)
                    )
        return _titled(say.gettext("Targets"), table)

    def _judged_row(self, result: Judged) -> list[str | Text]:
        target, reading, likely = result.target, result.reading, result.likely
        unit = KPIS[target.kpi].unit
        beside = []
        if reading.part is not None:
            beside.append(self._say.counts(reading.part, reading.samples))
        if likely is not None:
            beside.append(self._say.span(unit, likely.low, likely.high, target.limit))
        value = self._value(target.kpi, reading, target.limit)
        return [
            f"{value} ({', '.join(beside)})" if beside else value,
            self._limit(unit, target.limit),
            self._verdict(result.verdict),
        ]

    def _verdict(self, verdict: Verdict | None) -> Text:
        match verdict:
            case Verdict.WITHIN:
                # Translators: whether a target is.
                return Text(self._say.gettext("met"), "green")
            case Verdict.BEYOND:
                # Translators: whether a target is met.
                return Text(self._say.gettext("not met"), "bold red")
            case _:
                # Translators: whether a target is met.
                return Text(self._say.gettext("not yet to say"))

    def _value(self, name: Kpi, reading: KpiValue, *beside: float) -> str:
        unit, value = KPIS[name].unit, reading.value
        if value is None:
            return NOTHING
        if unit is Unit.RATIO:
            return self._say.share(value, reading.samples, *beside)
        if unit is Unit.WORKDAYS:
            return self._say.workdays(value, *beside)
        return self._say.value(unit, value, *beside)

    def _limit(self, unit: Unit, limit: float) -> str:
        if unit is Unit.WORKDAYS:
            return self._say.workdays_limit(limit)
        return self._say.limit(unit, limit)

    def visits(self, analysis: Analysis) -> Iterator[RenderableType]:
        """Yield what happened at the counters, if anything."""
        say, total = self._say, analysis.total
        lines = []
        if total.visits:
            mean = _wait(kpi.visit_wait_mean(total).value)
            lines.append(
                say.ngettext(
                    "{number} visitor with an appointment, waited {mean} on average",
                    "{number} visitors with an appointment, waited {mean} on average",
                    total.visits,
                    mean=mean,
                )
            )
        if total.walk_ins:
            mean = _wait(kpi.walk_in_wait_mean(total).value)
            lines.append(
                say.ngettext(
                    "{number} without an appointment, waited {mean} on average",
                    "{number} without an appointment, waited {mean} on average",
                    total.walk_ins,
                    mean=mean,
                )
            )
        if total.early or total.left or total.no_shows:
            early = say.ngettext(
                "{number} called before their time", "{number} called before their time", total.early
            )
            # Translators: visitors who went away without having been helped.
            left = say.ngettext("{number} left", "{number} left", total.left)
            # Translators: visitors who were called and did not come.
            no_shows = say.ngettext("{number} did not come", "{number} did not come", total.no_shows)
            lines.append(f"{early}, {left}, {no_shows}")
        if unfinished := sum(analysis.visits_unfinished.values()):
            # Translators: visitors who were neither called nor left, as far as anybody told.
            lines.append(say.ngettext("{number} without an end", "{number} without an end", unfinished))
        if total.served:
            mean = _wait(kpi.service_time_mean(total).value)
            served = say.ngettext(
                "{number} served, in {mean}", "{number} served, in {mean} on average", total.served, mean=mean
            )
            lines.append(served)
        if total.booked:
            lead = self._value(Kpi.LEAD_TIME_MEAN, kpi.lead_time_mean(total))
            lines.append(
                say.ngettext(
                    "{number} appointment made, {lead} ahead",
                    "{number} appointments made, {lead} ahead on average",
                    total.booked,
                    lead=lead,
                )
            )
        if total.moved or total.cancelled:
            # Translators: appointments.
            moved = say.ngettext("{number} moved", "{number} moved", total.moved)
            cancelled = say.ngettext("{number} cancelled", "{number} cancelled", total.cancelled)
            lines.append(f"{moved}, {cancelled}")
        if lines:
            yield Text(say.gettext("Counters and appointments"), style="bold")
            yield Text("\n".join(f"  {line}" for line in lines))

    def footer(self, analysis: Analysis, reading: ReadingStats) -> Text:
        """Return what was read, and what could not be used."""
        outside = analysis.outside.offered + analysis.outside.visitors
        lines = reading_lines(reading, self._city, self._say)
        if outside:
            uncounted = self._say.ngettext(
                "{number} contact outside opening hours; it is in no other figure.",
                "{number} contacts outside opening hours; they are in no other figure.",
                outside,
            )
            lines.insert(1, uncounted)
        return Text("\n".join(lines))

    @property
    def _answered(self) -> str:
        # Translators: calls, the head of a narrow column.
        return self._say.pgettext("column", "answered")

    @property
    def _missed(self) -> str:
        # Translators: calls, the head of a narrow column.
        return self._say.pgettext("column", "missed")

    def _counts(self, share: KpiValue) -> str:
        return self._say.counts(share.part or 0, share.samples)

    def _share(self, share: KpiValue) -> str:
        """A share, and of few contacts where the true one lies."""
        if share.value is None:
            return NOTHING
        likely = ratio_range(share.part or 0, share.samples)
        written = self._say.share(share.value, share.samples)
        if likely is None:
            return written
        return f"{written} ({self._say.span(Unit.RATIO, likely.low, likely.high)})"


def reading_lines(reading: ReadingStats, city: CityFile, say: Translator) -> list[str]:
    """Return what was read, and what could not be used: in groups, each with what to do about it."""
    events = say.ngettext("{number} event", "{number} events", reading.events)
    lines = [
        say.ngettext(
            "{number} line read: {events}, {others} about no contact",
            "{number} lines read: {events}, {others} about no contact",
            reading.lines,
            events=events,
            others=say.number(reading.noise),
        )
    ]
    if reading.unknown_verbs:
        # Translators: the verb is a field of a line of the log of the telephone exchange.
        unknown = say.ngettext(
            "{number} line with an unknown verb passed over",
            "{number} lines with an unknown verb passed over",
            reading.unknown_verbs,
        )
        lines.append(unknown)
    if reading.unusable_waits:
        waits = say.ngettext(
            "{number} call without a wait that can be: counted by its entry, or as 0",
            "{number} calls without a wait that can be: counted by their entry, or as 0",
            reading.unusable_waits,
        )
        lines.append(waits)
    if reading.duplicates:
        once = say.ngettext(
            "{number} duplicate event counted once",
            "{number} duplicate events counted once",
            reading.duplicates,
        )
        lines.append(once)
    if repeated := sum(reading.repeated_outcomes.values()):
        # Translators: two agents picked up one call, a ticket was called again.
        further = say.ngettext(
            "{number} outcome of a contact that had one already; it is in no figure",
            "{number} outcomes of contacts that had one already; they are in no figure",
            repeated,
        )
        lines.append(further)
    if refused := sum(reading.refused.values()):
        unusable = say.ngettext(
            "{number} line could not be used:", "{number} lines could not be used:", refused
        )
        lines += [unusable, *(f"  {line}" for line in refusal_lines(reading.refusals, city, say))]
    return lines


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, show_header=bool(first or others))
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _titled(title: str, table: Table) -> Group:
    return Group(Text(title, style="bold"), WholeWords(table))


def _wait(seconds: float | None) -> str:
    return NOTHING if seconds is None else clock_time(seconds)


def _seconds(bound: timedelta) -> int:
    return bound // timedelta(seconds=1)
