"""An analysis as tables for people. Pure: makes renderables, prints nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from domain import kpi
from domain.bucket import Bucket
from shared.config.model import ALL_QUEUES, CityFile
from shared.contract.kpis import KPIS, Kpi, Unit
from shared.numerals import NUMERALS, Numerals, clock_time
from wachtpost.analyse.figures import Analysis, Judged, answered_within_bounds, judged
from wachtpost.analyse.files import ReadingStats
from wachtpost.analyse.words import WORDS, Words

NOTHING = "–"
"""No reading."""


def tables(analysis: Analysis, reading: ReadingStats, city: CityFile) -> Iterator[RenderableType]:
    """Yield everything an analysis has to say, in the language of the city file."""
    page = _Page(city)
    if analysis.total.offered:
        yield page.counts(page.words.queues, page.words.queue, analysis.queues, analysis.total)
        if len(analysis.days) > 1:
            yield page.counts(page.words.days, page.words.day, analysis.days, analysis.total)
        yield page.outcomes(analysis)
        yield page.categories(analysis.total)
        yield page.definitions(analysis.total)
        yield page.targets(analysis)
        yield Text(page.words.p90_note, style="dim")
    elif not analysis.total.visits + analysis.total.walk_ins + analysis.total.booked:
        yield Text(page.words.nothing)
    yield from page.visits(analysis.total)
    yield page.footer(analysis, reading)


class _Page:
    def __init__(self, city: CityFile) -> None:
        self._city = city
        self.words: Words = WORDS[city.city.language]
        self._write: Numerals = NUMERALS[city.city.language]
        self._bounds = answered_within_bounds(city)

    def counts(self, title: str, first: str, rows: Mapping[str, Bucket], total: Bucket) -> RenderableType:
        """Return one row per queue or day, and the total."""
        words = self.words
        bounds = [words.within.format(_seconds(bound)) for bound in self._bounds]
        table = _table(first, words.offered, words.answered, words.missed, words.ratio)
        for name in (words.mean, words.p90, words.longest, *bounds):
            table.add_column(name, justify="right")
        for name, bucket in rows.items():
            table.add_row(name, *self._count_row(bucket))
        table.add_section()
        table.add_row(words.total, *self._count_row(total), style="bold")
        return _titled(title, table)

    def _count_row(self, bucket: Bucket) -> list[str]:
        definition = self._city.live_definition
        p90 = kpi.call_wait_quantile(bucket, 0.9)
        mean = kpi.call_wait_mean(bucket).value
        return [
            self._write.number(bucket.offered),
            self._write.number(bucket.answered),
            self._write.number(kpi.missed(bucket, definition)),
            self._ratio(kpi.missed_ratio(bucket, definition).value),
            _wait(mean),
            _wait(p90),
            _wait(bucket.wait_max_ms / 1000 if bucket.answered else None),
            *(self._write.number(kpi.answered_within(bucket, bound)) for bound in self._bounds),
        ]

    def outcomes(self, analysis: Analysis) -> RenderableType:
        """Return why calls were not answered."""
        table = _table("", self.words.calls)
        for outcome in analysis.outcomes:
            count = analysis.total.outcomes[outcome]
            table.add_row(self.words.outcome[outcome], self._write.number(count))
        if analysis.total.unfinished:
            table.add_row(self.words.unfinished, self._write.number(analysis.total.unfinished))
        return _titled(self.words.outcomes, table)

    def categories(self, total: Bucket) -> RenderableType:
        """Return the answered calls per range of waits."""
        table = _table(self.words.category, self.words.calls, self.words.share)
        bounds = self._city.speed_categories.bounds
        for name, count in kpi.speed_categories(total, bounds).items():
            shown = (
                self.words.above.format(name[1:]) if name.startswith(">") else f"{name.replace('-', '–')} s"
            )
            share = count / total.answered if total.answered else None
            table.add_row(shown, self._write.number(count), self._ratio(share))
        return _titled(self.words.categories, table)

    def definitions(self, total: Bucket) -> RenderableType:
        """Return what every missed definition makes of the same calls."""
        table = _table(self.words.definition, self.words.missed, self.words.ratio)
        for definition in self._city.missed_definitions:
            table.add_row(
                f"{definition.id} v{definition.version}",
                self._write.number(kpi.missed(total, definition)),
                self._ratio(kpi.missed_ratio(total, definition).value),
            )
        return _titled(self.words.definitions, table)

    def targets(self, analysis: Analysis) -> RenderableType:
        """Return every target that the files can say something about."""
        words = self.words
        table = _table("", words.queue, words.value, words.target, words.verdict)
        everywhere = {ALL_QUEUES: analysis.total, **analysis.queues}
        for queue, bucket in everywhere.items():
            for result in judged(bucket, self._city, queue):
                if result.value is not None:
                    name = words.total if queue == ALL_QUEUES else queue
                    table.add_row(words.kpi[result.target.kpi], name, *self._judged_row(result))
        return _titled(words.targets, table)

    def _judged_row(self, result: Judged) -> list[str | Text]:
        words = self.words
        verdict = Text(words.met, "green") if result.met else Text(words.not_met, "bold red")
        value = self._value(result.target.kpi, result.value)
        return [value, self._value(result.target.kpi, result.target.limit), verdict]

    def _value(self, name: Kpi, value: float | None) -> str:
        match KPIS[name].unit:
            case Unit.RATIO:
                return self._ratio(value)
            case Unit.SECONDS:
                return _wait(value)
        return NOTHING if value is None else self.words.days_unit.format(self._write.days(value))

    def visits(self, total: Bucket) -> Iterator[RenderableType]:
        """Yield what happened at the counters, if anything."""
        words, number = self.words, self._write.number
        lines = []
        if total.visits:
            mean = _wait(kpi.visit_wait_mean(total).value)
            lines.append(words.visit_line.format(number(total.visits), mean))
        if total.walk_ins:
            mean = _wait(kpi.walk_in_wait_mean(total).value)
            lines.append(words.walk_in_line.format(number(total.walk_ins), mean))
        if total.early or total.left:
            lines.append(words.early_left.format(number(total.early), number(total.left)))
        if total.booked:
            lead = self._value(Kpi.LEAD_TIME_MEAN, kpi.lead_time_mean(total).value)
            lines.append(words.booked.format(number(total.booked), lead))
        if lines:
            yield Text(words.visits, style="bold")
            yield Text("\n".join(f"  {line}" for line in lines))

    def footer(self, analysis: Analysis, reading: ReadingStats) -> Text:
        """Return what was read, and what could not be used."""
        outside = analysis.outside.offered + analysis.outside.visits + analysis.outside.walk_ins
        lines = reading_lines(reading, self._city)
        if outside:
            lines.insert(1, self.words.outside.format(self._write.number(outside)))
        return Text("\n".join(lines))

    def _ratio(self, value: float | None) -> str:
        return NOTHING if value is None else self._write.ratio(value)


def reading_lines(reading: ReadingStats, city: CityFile) -> list[str]:
    """Return what was read, and what could not be used: the first lines by their place."""
    words, number = WORDS[city.city.language], NUMERALS[city.city.language].number
    lines = [words.read.format(number(reading.lines), number(reading.events), number(reading.noise))]
    if reading.unknown_verbs:
        lines.append(words.unknown.format(number(reading.unknown_verbs)))
    if reading.duplicates:
        lines.append(words.duplicates.format(number(reading.duplicates)))
    if refused := sum(reading.refused.values()):
        lines.append(words.refused.format(number(refused)))
        lines += [f"  {bad.file}:{bad.number}: {bad.why}" for bad in reading.first_bad]
        if (more := refused - len(reading.first_bad)) > 0:
            lines.append(words.more.format(number(more)))
    return lines


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, show_header=bool(first or others))
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _titled(title: str, table: Table) -> Group:
    return Group(Text(title, style="bold"), table)


def _wait(seconds: float | None) -> str:
    return NOTHING if seconds is None else clock_time(seconds)


def _seconds(bound: timedelta) -> int:
    return bound // timedelta(seconds=1)
