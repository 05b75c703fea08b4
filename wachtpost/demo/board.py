"""The terminal board: what the evaluator's metrics say, for someone who runs a desk. Pure.

At most 100 columns and, for a city with one site, about 30 lines; without its counters 16. A state is
always said in words; colour only underlines it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from services.notifier.channels.webhook import WebhookBody
from shared.config.model import ALL_QUEUES, CityFile, Queue, Site
from shared.contract.kpis import KPIS, Kpi, QueueKind
from shared.numerals import clock_time
from wachtpost.demo.alerts import WIDTH as WIDTH
from wachtpost.demo.alerts import Known, alerts
from wachtpost.demo.snapshot import TODAY, MetricQueue, Snapshot, Window
from wachtpost.demo.words import BoardVerdict, Words

NAME_WIDTH: Final = 20
"""These widths and two spaces between them add up to ``WIDTH``."""
COUNT_WIDTH: Final = 7
FIGURE_WIDTH: Final = 21
"""A value, two spaces and a verdict: ``  12,6 %  binnen doel``."""
VALUE_WIDTH: Final = 7
SO_FAR_WIDTH: Final = 6

STYLES: Final = {
    BoardVerdict.WITHIN: "green",
    BoardVerdict.ABOVE: "bold red",
    BoardVerdict.TOO_FEW: "dim",
    BoardVerdict.CLOSED: "dim",
    BoardVerdict.NO_READING: "dim",
    BoardVerdict.NO_TARGET: "",
}


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


def judge(value: float | None, samples: int, limit: float | None, *, shut: bool = False) -> BoardVerdict:
    """Say how a rolling figure (all of these are *at most*) stands; without a value there is no verdict."""
    if value is None and shut:
        return BoardVerdict.CLOSED
    if value is None:
        return BoardVerdict.TOO_FEW if samples else BoardVerdict.NO_READING
    if limit is None:
        return BoardVerdict.NO_TARGET
    return BoardVerdict.ABOVE if value > limit else BoardVerdict.WITHIN


def calls_missed(snapshot: Snapshot, city: CityFile, place: MetricQueue) -> int:
    """Return the unanswered calls so far that the live definition counts (short hang-ups included)."""
    counted = city.live_definition.outcomes
    return sum(snapshot.unanswered.get((place, outcome), 0) for outcome in counted)


def waiting(snapshot: Snapshot, city: CityFile, kind: QueueKind) -> int:
    """Return how many people wait right now in all queues of a kind."""
    places = [MetricQueue(site.id, queue.id) for site in city.sites for queue in site.of_kind(kind)]
    return sum(snapshot.waiting.get(place, 0) for place in places)


def board(snapshot: Snapshot, scene: BoardContext, words: Words, *, brief: bool = False) -> RenderableType:
    """Lay the figures out: a head line, per site its phone queues, counters and appointments, then alerts.

    ``brief`` leaves the counters out, for a low terminal.
    """
    parts: list[RenderableType] = [_head(snapshot, scene, words)]
    for site in scene.city.sites:
        desk = _QueueTable(snapshot, scene.city, site, words)
        if len(scene.city.sites) > 1:
            parts.append(Text(f"\n{site.title}", style="bold"))
        if site.of_kind(QueueKind.PHONE):
            parts += ["", desk.phones()]
        if site.of_kind(QueueKind.COUNTER) and not brief:
            parts += ["", desk.counters(), desk.appointments()]
    if not brief:
        parts += ["", Text(words.note, style="dim")]
    if snapshot.states:
        parts += ["", alerts(snapshot, scene.city, scene.known, words)]
    return Group(*parts)


def _head(snapshot: Snapshot, scene: BoardContext, words: Words) -> RenderableType:
    local = scene.now.astimezone(scene.city.city.zone)
    head = Table.grid(expand=True)
    head.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    head.add_column(justify="right", no_wrap=True)
    name = Text.assemble(("Wachtpost", "bold"), f" · {scene.city.city.name}")
    head.add_row(name, Text(f"{words.instant(local)}  ×{scene.speed:g}", style="bold"))
    return Group(Constrain(head, WIDTH), Text(" · ".join(_pulse(snapshot, scene, words)), style="dim"))


def _pulse(snapshot: Snapshot, scene: BoardContext, words: Words) -> Iterable[str]:
    """How fresh and complete the figures are."""
    if snapshot.last_event is None:
        yield words.no_data
    else:
        yield words.age.format(clock_time(max(0.0, scene.now.timestamp() - snapshot.last_event)))
    yield words.processed.format(words.numerals.number(snapshot.processed))
    if snapshot.behind:
        yield words.behind.format(words.numerals.number(snapshot.behind))
    if scene.refused:
        yield words.refused.format(words.numerals.number(scene.refused))


@dataclass(frozen=True)
class _QueueTable:
    """One site's part of the board."""

    snapshot: Snapshot
    city: CityFile
    site: Site
    words: Words

    def phones(self) -> Table:
        words, live = self.words, self.city.live.windows[0]
        table = self._table(words.phones)
        window = words.window(live)
        self._add_figure(table, words.wait.format(window), self._target(Kpi.CALL_WAIT_MEAN, clock_time))
        self._add_figure(
            table,
            words.missed_ratio.format(window),
            self._target(Kpi.MISSED_RATIO, words.numerals.ratio_limit),
        )
        table.add_column(words.answered, justify="right", width=SO_FAR_WIDTH)
        table.add_column(words.missed, justify="right", width=SO_FAR_WIDTH)
        queues = self.site.of_kind(QueueKind.PHONE)
        for queue in queues:
            self._phone_row(table, live, queue.title, [queue], queue.id)
        self._phone_row(table, live, words.total, queues, ALL_QUEUES)
        return table

    def _phone_row(
        self, table: Table, live: timedelta, title: str, queues: Iterable[Queue], queue: str
    ) -> None:
        places = [MetricQueue(self.site.id, one.id) for one in queues]
        answered = sum(self.snapshot.answered.get(place, 0) for place in places)
        missed = sum(calls_missed(self.snapshot, self.city, place) for place in places)
        table.add_row(
            title,
            *self._now(places),
            self._figure(Kpi.CALL_WAIT_MEAN, queue, live, clock_time),
            self._figure(Kpi.MISSED_RATIO, queue, live, self.words.numerals.ratio),
            self.words.numerals.number(answered),
            self.words.numerals.number(missed),
            style="bold" if queue == ALL_QUEUES else "",
        )

    def counters(self) -> Table:
        """Counters see a few people an hour: over the day so far there is something to judge."""
        words = self.words
        table = self._table(words.counters)
        self._add_figure(table, words.visit_wait, "")
        table.add_column(words.target, justify="right")
        for queue in self.site.of_kind(QueueKind.COUNTER):
            limit = self._limit(Kpi.VISIT_WAIT_MEAN, queue.id)
            table.add_row(
                queue.title,
                *self._now([MetricQueue(self.site.id, queue.id)]),
                self._figure(Kpi.VISIT_WAIT_MEAN, queue.id, TODAY, clock_time),
                "–" if limit is None else f"≤ {clock_time(limit)}",
            )
        return table

    def appointments(self) -> Table:
        words = self.words
        line = Table.grid(padding=(0, 2))
        for width, style in ((NAME_WIDTH, "bold"), (2 * COUNT_WIDTH + 2, "dim"), (FIGURE_WIDTH, "")):
            line.add_column(width=width, style=style, no_wrap=True)
        line.add_row(
            words.appointments,
            words.lead,
            self._figure(Kpi.LEAD_TIME_MEAN, ALL_QUEUES, TODAY, words.numerals.days),
            self._target(
                Kpi.LEAD_TIME_MEAN, lambda limit: words.lead_days.format(words.numerals.days_limit(limit))
            ),
        )
        return line

    def _table(self, title: str) -> Table:
        """A table with the columns that all share: name, waiting now, longest."""
        table = Table(
            box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim", show_edge=False
        )
        table.add_column(
            Text(title, style="bold not dim"), width=NAME_WIDTH, no_wrap=True, overflow="ellipsis"
        )
        table.add_column(self.words.waiting, justify="right", width=COUNT_WIDTH)
        table.add_column(self.words.longest, justify="right", width=COUNT_WIDTH)
        return table

    def _add_figure(self, table: Table, head: str, target: str) -> None:
        table.add_column(f"{head}\n{target}".rstrip(), no_wrap=True, width=FIGURE_WIDTH)

    def _target(self, kpi: Kpi, written: Callable[[float], str]) -> str:
        """The site's target in words; empty without one."""
        limit = self._limit(kpi, ALL_QUEUES)
        return "" if limit is None else f"{self.words.target} ≤ {written(limit)}"

    def _now(self, places: list[MetricQueue]) -> tuple[str, str]:
        number = sum(self.snapshot.waiting.get(place, 0) for place in places)
        longest = [self.snapshot.longest.get(place, 0.0) for place in places]
        return str(number), clock_time(max(longest, default=0.0)) if number else "–"

    def _figure(self, kpi: Kpi, queue: str, window: Window, written: Callable[[float], str]) -> Text:
        """The figure, if there is one, and what to think of it, in words."""
        key = (kpi, MetricQueue(self.site.id, queue), window)
        value = self.snapshot.values.get(key)
        shut = (key[1], KPIS[kpi].kind) in self.snapshot.shut
        verdict = judge(value, self.snapshot.samples.get(key, 0), self._limit(kpi, queue), shut=shut)
        shown = "" if value is None else written(value).rjust(VALUE_WIDTH)
        return Text(f"{shown}  {self.words.verdicts[verdict]}", STYLES[verdict])

    def _limit(self, kpi: Kpi, queue: str) -> float | None:
        """The queue's own target, else the total's."""
        targets = self.snapshot.targets
        own = targets.get((kpi, MetricQueue(self.site.id, queue)))
        return targets.get((kpi, MetricQueue(self.site.id, ALL_QUEUES))) if own is None else own
