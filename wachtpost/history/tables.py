"""What changes, as a table for people and as values for machines. Pure: prints nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final, NamedTuple

from pydantic_core import from_json
from rich.table import Table

from domain import kpi
from domain.bucket import Bucket, decode
from domain.corrections import BucketChange, Hours, day_of, hours_of
from domain.queue_ref import QueueRef
from shared.config.model import CityFile
from shared.formatting import clock_time
from shared.translation import translator
from wachtpost.history.plan import ContactGroup, contacts, group_of_waiting, queue_title

MOST_DAYS: Final = 60
"""Rows of single days; more are added up by month."""

NOTHING: Final = "–"


class Shift(NamedTuple):
    """One bucket, before and after."""

    day: date
    queue_ref: QueueRef
    hours: Hours
    before: Bucket
    after: Bucket


Side = Mapping[Hours, Bucket]
"""What a row adds up, within and outside opening hours."""


def shifts(changes: Iterable[BucketChange]) -> list[Shift]:
    """Return changes as buckets."""
    return [
        Shift(
            day_of(change.slot),
            change.slot.queue_ref,
            hours_of(change.slot),
            Bucket() if change.before is None else decode(change.before),
            Bucket() if change.after is None else decode(change.after),
        )
        for change in changes
    ]


def table(changed: Iterable[Shift], city: CityFile) -> Table:
    """Return before → after, by day and queue; by month where that would be a long list."""
    say = translator(city.city.language)
    changed = list(changed)
    by_day = len({(shift.day, shift.queue_ref) for shift in changed}) <= MOST_DAYS
    rows: dict[tuple[str, QueueRef], tuple[Side, Side]] = {}
    for shift in changed:
        period = f"{shift.day}" if by_day else f"{shift.day:%Y-%m}"
        before, after = rows.setdefault((period, shift.queue_ref), (_nothing(), _nothing()))
        before[shift.hours].add(shift.before)
        after[shift.hours].add(shift.after)
    title = say.gettext("What changes, by month: only the days that change (before → after)")
    if by_day:
        title = say.gettext("What changes, by day (before → after)")
    live = city.live_definition
    definition = f"{live.id} v{live.version}"
    caption = say.gettext(
        "Contacts with an outcome, within opening hours. Missed under {definition}.",
        definition=definition,
    )
    made = Table(
        box=None,
        pad_edge=False,
        title=title,
        title_justify="left",
        title_style="bold",
        caption=caption,
        caption_justify="left",
    )
    made.add_column(say.gettext("day") if by_day else say.gettext("month"))
    made.add_column(say.gettext("queue"))
    # Translators: the heads of narrow columns: calls before the line break, visitors behind it.
    answered, missed = say.gettext("answered,\ncalled"), say.gettext("missed,\nleft")
    mean = say.pgettext("what changes", "mean\nwait")
    outside = say.gettext("outside\nopening hours")
    for name in (say.gettext("contacts"), answered, missed, mean, say.gettext("appointments"), outside):
        made.add_column(name, justify="right")
    for (period, queue_ref), (before, after) in sorted(rows.items()):
        made.add_row(period, queue_title(city, queue_ref), *_cells(queue_ref, before, after, city))
    return made


def as_values(changes: Iterable[BucketChange]) -> list[Mapping[str, object]]:
    """Return every bucket that changes, as JSON values; ``None``: nothing there."""
    return [
        {
            "day": str(day_of(change.slot)),
            "site": change.slot.queue_ref.site,
            "queue": change.slot.queue_ref.queue,
            "hours": hours_of(change.slot).value,
            "before": None if change.before is None else from_json(change.before),
            "after": None if change.after is None else from_json(change.after),
        }
        for change in changes
    ]


def _nothing() -> Side:
    return {hours: Bucket() for hours in Hours}


def _cells(queue_ref: QueueRef, before: Side, after: Side, city: CityFile) -> list[str]:
    figures = zip(_figures(queue_ref, before, city), _figures(queue_ref, after, city), strict=True)
    return [one if one == other else f"{one} → {other}" for one, other in figures]


def _figures(queue_ref: QueueRef, side: Side, city: CityFile) -> list[str]:
    number = translator(city.city.language).number
    inside, group = side[Hours.INSIDE], group_of_waiting(city, queue_ref)
    if group is ContactGroup.CALLS:
        answered, lost, mean = inside.answered, kpi.missed(inside, city.live_definition), kpi.call_wait_mean
    else:
        answered, lost = contacts(inside, group) - inside.left, inside.left
        mean = kpi.visit_wait_mean
    wait = mean(inside).value
    return [
        number(contacts(inside, group)),
        number(answered),
        number(lost),
        NOTHING if wait is None else clock_time(wait),
        NOTHING if group is ContactGroup.CALLS else number(inside.booked),
        number(contacts(side[Hours.OUTSIDE], group)),
    ]
