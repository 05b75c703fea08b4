"""What the page says, put into words: from the same snapshot as the terminal board. Pure.

Every figure stands with its window, its target and what it rests on; a state is said in words, colour only
underlines it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from domain.how_sure import Verdict
from domain.queue_ref import QueueRef
from domain.windows import window_label
from shared.config.model import ALL_QUEUES, CityFile, Queue, Site
from shared.contract.breach_events import BreachState
from shared.contract.kpis import Kpi, QueueKind
from shared.formatting import clock_time
from shared.translation import Msg, Translator
from wachtpost.live.alerts import AlertLine, Known, alert_lines, all_well
from wachtpost.live.figures import (
    STALE_AFTER,
    calls_today,
    kpi_title,
    limit_of,
    longest_wait,
    other_kpis,
    shown_figure,
    target_text,
    window_text,
)
from wachtpost.live.snapshot import TODAY, Snapshot, Window

CLOCK: Final = Msg("HH:mm:ss", "date pattern")


@dataclass(frozen=True)
class FigureCell:
    """A figure of a queue, in words, and as a number for machines."""

    kpi: Kpi
    window: str
    """As in the city file."""
    value: float | None
    text: str
    """Empty: there is none."""
    stands: str
    tone: str
    """``within``, ``beyond``, ``undecided`` or ``none``."""
    beside: str
    """What it rests on, and its range where that is to be said."""
    target: str
    """Empty: there is none."""


@dataclass(frozen=True)
class NamedFigure:
    """A figure that stands by itself, with what it is."""

    name: str
    figure: FigureCell


@dataclass(frozen=True)
class QueueRow:
    """A queue, or all phones of a site."""

    queue: str
    name: str
    waiting: int
    longest: str
    figures: tuple[FigureCell, ...]

    @property
    def is_total(self) -> bool:
        """Whether it is of a site's phones together."""
        return self.queue == ALL_QUEUES


@dataclass(frozen=True)
class QueueTable:
    """The queues of one kind."""

    kind: QueueKind
    title: str
    heads: tuple[str, ...]
    """Of the figures."""
    rows: tuple[QueueRow, ...]
    below: str = ""


@dataclass(frozen=True)
class ShownSite:
    """One contact centre or town hall."""

    id: str
    name: str
    tables: tuple[QueueTable, ...]
    lead_time: FigureCell | None
    """To an appointment, today."""
    others: tuple[NamedFigure, ...] = ()
    """Of its totals: further KPIs that the city promises something of."""


@dataclass(frozen=True)
class ShownBreach:
    """One thing that is wrong."""

    state: BreachState
    severity: str
    stands: str
    headline: str
    beside: str
    """Since when, and who took it on."""
    id: str | None
    """As `wachtpost breaches` shows it; none: the notifier does not know of it yet."""
    opened_at: datetime | None
    taken_on_by: str | None


@dataclass(frozen=True)
class ShownSource:
    """When a source was last heard."""

    id: str
    heard: datetime | None
    text: str


@dataclass(frozen=True)
class PageView:
    """All that the page says."""

    city: str
    language: str
    as_of: datetime | None
    """The instant of all figures, UTC; none: there are no figures."""
    clock: str
    stale: str
    """Why the figures are old, or missing; empty: they are of now."""
    pulse: tuple[str, ...]
    sites: tuple[ShownSite, ...]
    breaches: tuple[ShownBreach, ...]
    all_well: str
    sources: tuple[ShownSource, ...]


@dataclass(frozen=True)
class ServicesLook:
    """What was found out at one look at the services."""

    snapshot: Snapshot
    """The latest that there is."""
    known: Known
    is_new: bool
    """Whether the evaluator answered."""


def page_view(look: ServicesLook, city: CityFile, now: datetime, say: Translator) -> PageView:
    """Put a look into words."""
    snapshot = look.snapshot
    as_of = None if snapshot.looked_at is None else datetime.fromtimestamp(snapshot.looked_at, UTC)
    lines = alert_lines(snapshot, city, look.known, say)
    return PageView(
        city=city.city.name,
        language=say.language,
        as_of=as_of,
        clock="" if as_of is None else _clock(as_of, city, say),
        stale=_stale(look, as_of, city, now, say),
        pulse=tuple(_pulse(snapshot, say)),
        sites=tuple(_SiteTables(snapshot, city, site, say).view() for site in city.sites),
        breaches=tuple(_breach(line, city, now, say) for line in lines),
        all_well="" if lines else _all_well(snapshot, city, say),
        sources=tuple(_source(source.id, snapshot, city, now, say) for source in city.sources),
    )


def _stale(look: ServicesLook, as_of: datetime | None, city: CityFile, now: datetime, say: Translator) -> str:
    if as_of is None:
        if look.is_new:
            return say.gettext("No figures yet: the evaluator is starting.")
        return say.gettext("No figures: the evaluator does not answer.")
    if now - as_of <= STALE_AFTER:
        return ""
    clock = _clock(as_of, city, say)
    if look.is_new:
        return say.gettext("These figures are of {clock}: the evaluator has not judged since.", clock=clock)
    return say.gettext("These figures are of {clock}: the evaluator has not answered since.", clock=clock)


def _pulse(snapshot: Snapshot, say: Translator) -> Iterator[str]:
    if snapshot.last_event is None:
        yield say.gettext("no data yet")
    if snapshot.behind:
        # Translators: events that came in and are not counted yet, on the page in the browser.
        yield say.ngettext("{number} event to be counted", "{number} events to be counted", snapshot.behind)


def _all_well(snapshot: Snapshot, city: CityFile, say: Translator) -> str:
    if snapshot.states:
        return all_well(snapshot, say)
    if not (city.rules or city.budget_rules or city.no_data_rules):
        return say.gettext("The city file has no rules: nothing is watched.")
    return ""


def _breach(line: AlertLine, city: CityFile, now: datetime, say: Translator) -> ShownBreach:
    known, zone = line.breach, city.city.zone
    if known is None:
        return ShownBreach(line.state, line.severity, line.stands, line.headline, "", None, None, None)
    moment = say.moment(known.opened_at.astimezone(zone), now.astimezone(zone))
    beside = [say.gettext("since {time}", time=moment)]
    by = None if known.acknowledged is None else known.acknowledged.by
    if by is not None:
        titles = {one.id: one.title for one in city.receivers}
        beside.append(say.gettext("taken on by {name}", name=titles.get(by, by)))
    return ShownBreach(
        line.state,
        line.severity,
        line.stands,
        line.headline,
        ", ".join(beside),
        known.id,
        known.opened_at,
        by,
    )


def _source(source: str, snapshot: Snapshot, city: CityFile, now: datetime, say: Translator) -> ShownSource:
    at = max(snapshot.heard.get(source, 0.0), snapshot.beats.get(source, 0.0))
    if not at:
        return ShownSource(source, None, say.gettext("not heard yet"))
    heard, zone = datetime.fromtimestamp(at, UTC), city.city.zone
    ago = clock_time(max(0.0, now.timestamp() - at))
    moment = say.moment(heard.astimezone(zone), now.astimezone(zone))
    # Translators: when a source of events was last heard: a moment, and how long ago as m:ss.
    return ShownSource(source, heard, say.gettext("{moment}, {ago} ago", moment=moment, ago=ago))


def _clock(at: datetime, city: CityFile, say: Translator) -> str:
    return say.local(at.astimezone(city.city.zone), CLOCK)


def _in_one_piece(target: str) -> str:
    """Return a target with a sign that stays with its figure at the end of a line."""
    return target.replace("≤ ", "≤\N{NO-BREAK SPACE}")


@dataclass(frozen=True)
class _SiteTables:
    snapshot: Snapshot
    city: CityFile
    site: Site
    say: Translator

    def view(self) -> ShownSite:
        tables, lead_time = [], None
        if phones := self.site.of_kind(QueueKind.PHONE):
            tables.append(self._phones(phones))
        if counters := self.site.of_kind(QueueKind.COUNTER):
            tables.append(self._counters(counters))
            lead_time = self._cell(Kpi.LEAD_TIME_MEAN, ALL_QUEUES, TODAY)
        return ShownSite(self.site.id, self.site.title, tuple(tables), lead_time, tuple(self._others()))

    def _others(self) -> Iterator[NamedFigure]:
        for kind, window in ((QueueKind.PHONE, self.city.window_of_now), (QueueKind.COUNTER, TODAY)):
            for kpi in other_kpis(self.snapshot, self.site, kind):
                name = f"{kpi_title(kpi, self.say)}, {window_text(window, self.say)}"
                yield NamedFigure(name, self._cell(kpi, ALL_QUEUES, window))

    def _phones(self, queues: Sequence[Queue]) -> QueueTable:
        say = self.say
        windows = tuple(dict.fromkeys((self.city.window_of_now, self.city.live.windows[-1])))
        named = [window_text(window, say) for window in windows]
        shown = [(kpi, window) for kpi in (Kpi.CALL_WAIT_MEAN, Kpi.MISSED_RATIO) for window in windows]
        answered, missed = calls_today(self.snapshot, QueueRef(self.site.id, ALL_QUEUES))
        rows = [self._row(queue.title, [queue], queue.id, shown) for queue in queues]
        # Translators: over a table: the queues for calls.
        title = say.gettext("Phones")
        return QueueTable(
            QueueKind.PHONE,
            title,
            (
                *(say.gettext("wait, {window}", window=window) for window in named),
                *(say.gettext("missed, {window}", window=window) for window in named),
            ),
            (*rows, self._row(say.gettext("Total"), queues, ALL_QUEUES, shown)),
            # Translators: calls, below the table of the phones.
            say.gettext(
                "Today: {answered} answered, {missed} missed.",
                answered=say.number(answered),
                missed=say.number(missed),
            ),
        )

    def _counters(self, queues: Sequence[Queue]) -> QueueTable:
        shown = [(Kpi.VISIT_WAIT_MEAN, TODAY)]
        return QueueTable(
            QueueKind.COUNTER,
            # Translators: over a table: the queues of visitors.
            self.say.gettext("Counters"),
            # Translators: the mean wait of visitors; the head of a column of 21 letters.
            (self.say.gettext("by appointment, today"),),
            tuple(self._row(queue.title, [queue], queue.id, shown) for queue in queues),
        )

    def _row(
        self, name: str, queues: Sequence[Queue], queue: str, shown: Sequence[tuple[Kpi, Window]]
    ) -> QueueRow:
        refs = [QueueRef(self.site.id, one.id) for one in queues]
        number = sum(self.snapshot.waiting.get(ref, 0) for ref in refs)
        return QueueRow(
            queue,
            name,
            number,
            clock_time(longest_wait(self.snapshot, refs)) if number else "–",
            tuple(self._cell(kpi, queue, window) for kpi, window in shown),
        )

    def _cell(self, kpi: Kpi, queue: str, window: Window) -> FigureCell:
        say, queue_ref = self.say, QueueRef(self.site.id, queue)
        figure = shown_figure(self.snapshot, kpi, queue_ref, window, say)
        limit = limit_of(self.snapshot, kpi, queue_ref)
        return FigureCell(
            kpi,
            window if isinstance(window, str) else window_label(window),
            self.snapshot.values.get((kpi, queue_ref, window)),
            figure.value,
            say.text(figure.said),
            figure.stands.value if isinstance(figure.stands, Verdict) else "none",
            self._beside(kpi, queue_ref, window, figure.beside),
            "" if limit is None else target_text(kpi, limit, say),
        )

    def _beside(self, kpi: Kpi, queue_ref: QueueRef, window: Window, said: Sequence[str]) -> str:
        """A ratio says what it is made of; a mean, here, of how many."""
        key = (kpi, queue_ref, window)
        samples = self.snapshot.samples.get(key, 0)
        if key in self.snapshot.parts or not samples:
            return ", ".join(said)
        # Translators: calls, visits or appointments: what a mean rests on.
        return ", ".join((self.say.ngettext("of {number}", "of {number}", samples), *said))
