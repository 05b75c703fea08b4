"""The terminal board: what the evaluator's metrics say, for whoever leads a service. Pure.

At most 100 columns, or 80 where there are no more; for a city with one site about 35 lines, without its
counters 20. A state is always said in words; colour only underlines it. What a figure says of its target is
the evaluator's word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from domain.how_sure import Verdict
from domain.queue_ref import QueueRef
from services.notifier.channels.webhook import WebhookBody
from shared.config.model import ALL_QUEUES, CityFile, Queue, Site
from shared.contract.kpis import Kpi, QueueKind
from shared.formatting import clock_time
from shared.translation import Msg, Translator
from wachtpost.live.alerts import Known, alerts
from wachtpost.live.figures import (
    GONE,
    HELPED,
    STALE_AFTER,
    ShownFigure,
    Without,
    calls_today,
    kpi_title,
    limit_of,
    limit_text,
    longest_wait,
    other_kpis,
    shown_figure,
    target_text,
    visits_so_far,
    window_text,
)
from wachtpost.live.layout import COUNT_WIDTH, SO_FAR_WIDTH, VALUE_WIDTH, WIDE, Layout
from wachtpost.live.snapshot import TODAY, Snapshot, Window

INSTANT: Final = Msg("EEE d MMM y HH:mm:ss", "date pattern")

STYLES: Final[Mapping[Verdict | Without, str]] = {
    Verdict.WITHIN: "green",
    Verdict.UNDECIDED: "",
    Verdict.BEYOND: "bold red",
    Without.TOO_FEW: "dim",
    Without.CLOSED: "dim",
    Without.NO_READING: "dim",
    Without.NO_TARGET: "",
}
"""How a figure looks by how it stands."""


@dataclass(frozen=True)
class BoardContext:
    """What the board shows besides the figures."""

    city: CityFile
    now: datetime
    """By the services' clock, UTC."""
    speed: float
    refused: int = 0
    """Facts that ingest did not take."""
    known: Known = field(default_factory=dict)
    """What the notifier knows of breaches."""
    messages: tuple[WebhookBody, ...] = ()
    """What it has sent so far."""


def board(
    snapshot: Snapshot, context: BoardContext, say: Translator, layout: Layout = WIDE, *, brief: bool = False
) -> RenderableType:
    """Lay the figures out: a head line, per site its phone queues, counters and appointments, then alerts.

    ``brief`` leaves the counters out, for a low terminal.
    """
    parts: list[RenderableType] = [_head(snapshot, context, say, layout)]
    for site in context.city.sites:
        table = _QueueTable(snapshot, context.city, site, say, layout)
        if len(context.city.sites) > 1:
            parts.append(Text(f"\n{site.title}", style="bold"))
        if site.of_kind(QueueKind.PHONE):
            parts += ["", table.phones(), *table.others(QueueKind.PHONE), table.today()]
        if site.of_kind(QueueKind.COUNTER) and not brief:
            parts += ["", table.counters(), table.appointments(), *table.others(QueueKind.COUNTER)]
    if not brief:
        note = say.gettext("m:ss. A queue without a target of its own is held against the total's.")
        parts += ["", Text(note, style="dim")]
    if snapshot.states:
        parts += ["", alerts(snapshot, context.city, context.known, say, layout)]
    return Group(*parts)


def _head(snapshot: Snapshot, context: BoardContext, say: Translator, layout: Layout) -> RenderableType:
    local = context.now.astimezone(context.city.city.zone)
    head = Table.grid(expand=True)
    head.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    head.add_column(justify="right", no_wrap=True)
    name = Text.assemble(("Wachtpost", "bold"), f" · {context.city.city.name}")
    speed = "" if context.speed == 1 else f"  ×{context.speed:g}"
    head.add_row(name, Text(f"{say.local(local, INSTANT)}{speed}", style="bold"))
    return Group(Constrain(head, layout.width), Text(" · ".join(_pulse(snapshot, context, say)), style="dim"))


def _pulse(snapshot: Snapshot, context: BoardContext, say: Translator) -> Iterable[str]:
    """How fresh and complete the figures are."""
    stale_after = STALE_AFTER.total_seconds() * max(1.0, context.speed)
    if snapshot.looked_at is not None and context.now.timestamp() - snapshot.looked_at > stale_after:
        at = datetime.fromtimestamp(snapshot.looked_at, context.city.city.zone)
        yield say.gettext("figures of {clock}, not of now", clock=f"{at:%H:%M:%S}")
    if snapshot.last_event is None:
        yield say.gettext("no data yet")
    else:
        age = clock_time(max(0.0, context.now.timestamp() - snapshot.last_event))
        yield say.gettext("data {age} old", age=age)
    yield say.ngettext("{number} fact processed", "{number} facts processed", snapshot.processed)
    # Translators: facts, behind the number of those that are processed.
    if snapshot.behind:
        yield say.ngettext("{number} under way", "{number} under way", snapshot.behind)
    # Translators: facts, behind the number of those that are processed.
    if context.refused:
        yield say.ngettext("{number} refused", "{number} refused", context.refused)


@dataclass(frozen=True)
class _QueueTable:
    """One site's part of the board."""

    snapshot: Snapshot
    city: CityFile
    site: Site
    say: Translator
    layout: Layout

    def phones(self) -> Table:
        say = self.say
        live = self.city.window_of_now
        # Translators: over a table: the queues for calls.
        table = self._table(say.gettext("Phones"))
        window = window_text(live, say)
        wait = say.gettext("wait, {window}", window=window)
        self._add_figure(table, wait, self._target(Kpi.CALL_WAIT_MEAN), self.layout.figure)
        missed = say.gettext("missed, {window}", window=window)
        self._add_figure(table, missed, self._target(Kpi.MISSED_RATIO), self.layout.figure)
        queues = self.site.of_kind(QueueKind.PHONE)
        for queue in queues:
            self._phone_row(table, live, queue.title, [queue], queue.id)
        self._phone_row(table, live, say.gettext("Total"), queues, ALL_QUEUES)
        return table

    def today(self) -> Text:
        """What became of all calls of the site, whatever the windows of the table look back over."""
        answered, missed = calls_today(self.snapshot, QueueRef(self.site.id, ALL_QUEUES))
        # Translators: calls, below the table of the phones.
        told = self.say.gettext(
            "Today: {answered} answered, {missed} missed.",
            answered=self.say.number(answered),
            missed=self.say.number(missed),
        )
        return Text(told, style="dim")

    def _phone_row(self, table: Table, live: Window, title: str, queues: Iterable[Queue], queue: str) -> None:
        table.add_row(
            title,
            *self._now([QueueRef(self.site.id, one.id) for one in queues]),
            self._with_counts(Kpi.CALL_WAIT_MEAN, queue, live),
            self._with_counts(Kpi.MISSED_RATIO, queue, live),
            style="bold" if queue == ALL_QUEUES else "",
        )

    def counters(self) -> Table:
        """Counters see a few people an hour: over the day so far there is something to judge."""
        say = self.say
        # Translators: over a table: the queues of visitors.
        table = self._table(say.gettext("Counters"))
        # Translators: the mean wait of visitors; the head of a column of 21 letters.
        self._add_figure(table, say.gettext("by appointment, today"), "", self.layout.visit_figure)
        table.add_column(say.gettext("target"), justify="right")
        # Translators: visitors, the head of a column of six letters.
        table.add_column(
            say.pgettext("a column of six letters", "helped"), justify="right", width=SO_FAR_WIDTH
        )
        # Translators: visitors who left or did not come when called, the head of a column of six letters.
        table.add_column(say.gettext("gone"), justify="right", width=SO_FAR_WIDTH)
        for queue in self.site.of_kind(QueueKind.COUNTER):
            limit = self._limit(Kpi.VISIT_WAIT_MEAN, queue.id)
            table.add_row(
                queue.title,
                *self._now([QueueRef(self.site.id, queue.id)]),
                self._figure(Kpi.VISIT_WAIT_MEAN, queue.id, TODAY),
                "–" if limit is None else f"≤ {limit_text(Kpi.VISIT_WAIT_MEAN, limit, say)}",
                *(
                    say.number(visits_so_far(self.snapshot, QueueRef(self.site.id, queue.id), ends))
                    for ends in (HELPED, GONE)
                ),
            )
        return table

    def appointments(self) -> Table:
        say = self.say
        # Translators: at most 16 letters.
        about = say.gettext("lead time, today")
        return self._line(say.gettext("Appointments"), about, Kpi.LEAD_TIME_MEAN, TODAY)

    def others(self, kind: QueueKind) -> Iterator[Table]:
        """Yield a line for each further KPI that the city promises something of, over all queues."""
        for kpi in other_kpis(self.snapshot, self.site, kind):
            window = self.city.window_of_now if kind is QueueKind.PHONE else TODAY
            yield self._line(kpi_title(kpi, self.say), window_text(window, self.say), kpi, window)

    def _line(self, title: str, about: str, kpi: Kpi, window: Window) -> Table:
        """One figure of the site's total, by itself."""
        line = Table.grid(padding=(0, 2))
        for width, style in (
            (self.layout.name, "bold"),
            (2 * COUNT_WIDTH + 2, "dim"),
            (self.layout.figure, ""),
        ):
            line.add_column(width=width, style=style)
        line.add_row(title, about, self._figure(kpi, ALL_QUEUES, window), self._target(kpi))
        return line

    def _table(self, title: str) -> Table:
        """A table with the columns that all share: name, waiting now, longest."""
        table = Table(
            box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim", show_edge=False
        )
        table.add_column(Text(title, style="bold not dim"), width=self.layout.name)
        # Translators: people, the head of a column of seven letters.
        table.add_column(self.say.gettext("waiting\nnow"), justify="right", width=COUNT_WIDTH)
        # Translators: the wait of whoever waits longest, the head of a column of seven letters.
        table.add_column(self.say.gettext("longest"), justify="right", width=COUNT_WIDTH)
        return table

    def _add_figure(self, table: Table, head: str, target: str, width: int) -> None:
        table.add_column(f"{head}\n{target}".rstrip(), width=width)

    def _target(self, kpi: Kpi) -> str:
        """The site's target in words; empty without one."""
        limit = self._limit(kpi, ALL_QUEUES)
        if limit is None:
            return ""
        return target_text(kpi, limit, self.say)

    def _now(self, queue_refs: list[QueueRef]) -> tuple[str, str]:
        number = sum(self.snapshot.waiting.get(queue_ref, 0) for queue_ref in queue_refs)
        return str(number), clock_time(longest_wait(self.snapshot, queue_refs)) if number else "–"

    def _figure(self, kpi: Kpi, queue: str, window: Window) -> Text:
        """The figure, if there is one, and what to think of it, in words."""
        return self._as_text(self._shown(kpi, queue, window))

    def _with_counts(self, kpi: Kpi, queue: str, window: Window) -> Text:
        """The same, and below it what a ratio is made of, and where few contacts leave the figure."""
        shown = self._shown(kpi, queue, window)
        figure = self._as_text(shown)
        if shown.beside and not self.layout.stacked:
            figure.append(f"\n{' ' * (VALUE_WIDTH + 2)}{', '.join(shown.beside)}", "not bold dim")
        return figure

    def _shown(self, kpi: Kpi, queue: str, window: Window) -> ShownFigure:
        return shown_figure(self.snapshot, kpi, QueueRef(self.site.id, queue), window, self.say)

    def _as_text(self, figure: ShownFigure) -> Text:
        value = figure.value and figure.value.rjust(VALUE_WIDTH)
        if self.layout.stacked and value:
            return self._stacked(value, figure)
        apart = "  " if len(value) <= VALUE_WIDTH else " "  # a figure may need decimals beside its limit
        return Text(f"{value}{apart}{self.say.text(figure.said)}", STYLES[figure.stands])

    def _stacked(self, value: str, figure: ShownFigure) -> Text:
        """In two lines: with the first of what stands beside it, if there is room, and with the verdict."""
        beside = f"{value}  {figure.beside[0]}" if figure.beside else value
        first = beside if len(beside) <= self.layout.figure else value
        return Text(f"{first}\n  {self.say.text(figure.said)}", STYLES[figure.stands])

    def _limit(self, kpi: Kpi, queue: str) -> float | None:
        return limit_of(self.snapshot, kpi, QueueRef(self.site.id, queue))
