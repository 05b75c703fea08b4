"""What was found, and what it comes to, in lines for people. Pure: makes renderables, prints nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Final

from rich.table import Table

from domain import kpi
from domain.bucket import Bucket
from shared.config.model import ALL_QUEUES, CityFile
from shared.contract.kpis import QueueKind
from shared.formatting import clock_time
from shared.translation import Msg, Translator, translator
from wachtpost.analyse.figures import Analysis
from wachtpost.init.city_text import Found, clock_span
from wachtpost.init.draft import buckets_of
from wachtpost.init.observed import Observed
from wachtpost.init.opening_hours import Spans, WeekOfHours
from wachtpost.init.volume import contacts_of

# Translators: a day of the week, short.
_WEEKDAY: Final = Msg("EEE", "date pattern")

A_MONDAY: Final = date(2024, 1, 1)

NOTHING: Final = "–"
"""No reading."""


def found_table(observed: Observed, found: Found, say: Translator) -> Table:
    """Return the queues that files tell of, how much was seen of each, and its hours."""
    # Translators: the heads of columns: a queue, its kind, what was seen of it, when it is open.
    heads = [say.gettext("queue"), say.gettext("kind"), say.gettext("helped"), say.gettext("open")]
    table = _table(say.gettext("Found"), heads)
    kinds = {QueueKind.PHONE: say.gettext("phone"), QueueKind.COUNTER: say.gettext("counter")}
    helped = {
        queue: sum(sum(day.values()) for day in of.helped.values())
        for (_, queue), of in observed.queues.items()
    }
    for queues in found.sites.values():
        for queue in queues:
            hours = queue.hours or say.gettext("always")
            table.add_row(queue.id, kinds[queue.kind], say.number(helped.get(queue.id, 0)), hours)
    return table


def hours_lines(found: Found, say: Translator) -> Iterator[str]:
    """Yield the hours that were found, a line each."""
    for name, week in found.hours.items():
        yield f"{name}: {week_text(week, say)}"


def week_text(week: WeekOfHours, say: Translator) -> str:
    """Return hours in one line: days with the same ones together."""
    days: dict[Spans, list[int]] = {}
    for day, spans in enumerate(week.spans):
        if spans:
            days.setdefault(spans, []).append(day)
    hours = {spans: " ".join(clock_span(*span) for span in spans) for spans in days}
    return "; ".join(f"{_days_text(same, say)} {hours[spans]}" for spans, same in days.items())


def _days_text(days: Sequence[int], say: Translator) -> str:
    """Return weekdays, those in a row as a range."""
    names = [say.local(A_MONDAY + timedelta(days=day), _WEEKDAY) for day in range(7)]
    rows = (list(row) for _, row in groupby(enumerate(days), key=lambda one: one[1] - one[0]))
    return ", ".join(
        names[row[0][1]] if len(row) == 1 else f"{names[row[0][1]]}-{names[row[-1][1]]}" for row in rows
    )


def figures_table(city: CityFile, analysis: Analysis) -> Table:
    """Return the first figures of a city of its own, by its own hours and definitions."""
    say = translator(city.city.language)
    # Translators: the heads of columns, the last two of calls and of calls or visits.
    heads = [
        say.gettext("queue"),
        say.gettext("contacts"),
        say.gettext("missed calls"),
        "%",
        say.gettext("mean wait"),
    ]
    table = _table(say.gettext("First figures"), heads)
    for site in city.sites:
        buckets = buckets_of(analysis, site, len(city.sites) == 1)
        for queue in site.queues:
            bucket = kpi.counted(queue.id, [buckets.get(queue.id, Bucket())], city.live_definition)
            table.add_row(queue.title, *_row(queue.kind, bucket, city, say))
        phones = [buckets[queue.id] for queue in site.of_kind(QueueKind.PHONE) if queue.id in buckets]
        if len(phones) > 1:
            total = kpi.counted(ALL_QUEUES, phones, city.live_definition)
            table.add_row(say.gettext("all phones"), *_row(QueueKind.PHONE, total, city, say), style="bold")
    return table


def _row(kind: QueueKind, bucket: Bucket, city: CityFile, say: Translator) -> list[str]:
    contacts = say.number(contacts_of(kind, bucket))
    if kind is QueueKind.COUNTER:
        return [contacts, NOTHING, NOTHING, _clock(kpi.visit_wait_mean(bucket).value)]
    ratio = kpi.missed_ratio(bucket, city.live_definition)
    if ratio.value is None or ratio.part is None:
        return [contacts, NOTHING, NOTHING, NOTHING]
    missed = say.counts(ratio.part, ratio.samples)
    return [contacts, missed, say.share(ratio.value, ratio.samples), _clock(kpi.call_wait_mean(bucket).value)]


def _clock(seconds: float | None) -> str:
    return NOTHING if seconds is None else clock_time(seconds)


def _table(title: str, heads: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="bold")
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left")
    return table
