"""What the judge says of facts in simulated time: as if it had looked every second, at their hour. Pure.

The same aggregator and the same judge as live, and a look whenever anything can have changed for a rule: a
fact of its queues, a cell that leaves its window, somebody who has waited too long, the hours, its own
patience. Another look in between would say nothing, so it is left out: what this yields is what a judge says
that looks every second, and at every fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final

from domain.aggregator import Aggregator, StreamEvent
from domain.counts import EPOCH
from domain.last_reports import ReportSubject
from domain.queue_ref import QueueRef
from services.evaluator.alerting.judge import NOTHING_TO_TELL, Judge
from services.evaluator.alerting.rules import Rule, rules_of
from shared.calendar import Calendar
from shared.config.model import CityFile, Site
from shared.contract.breach_events import BreachEvent, BreachState
from shared.contract.kpis import STATE_MEASURES as STATE_MEASURES
from shared.contract.kpis import Measure
from wachtpost.rules.changes import GROWING, CellStarts, next_change, next_edge

_arrived: Final = attrgetter("arrived")


@dataclass(frozen=True, slots=True)
class Look:
    """The judge looked at some rules at an instant."""

    now: datetime
    names: Sequence[str]
    """Of these rules (``RuleKey.name``), in the order of the city file."""
    events: Sequence[BreachEvent]
    """What it said, at that instant."""


class Simulation:
    """The rules of some sites over facts. Not thread-safe; good for one run."""

    def __init__(self, city: CityFile, calendar: Calendar, sites: Sequence[Site]) -> None:
        self.aggregator = Aggregator(city, calendar, sites)
        self.judge = Judge(city, calendar, sites)
        self.rules = {rule.key.name: rule for rule in rules_of(city, sites)}
        self._calendar = calendar
        self._hours = {hours for rule in self.rules.values() for hours in rule.hours if hours is not None}
        self._at_queue: dict[QueueRef, list[str]] = {}
        self._at_source: dict[str, list[str]] = {}
        for name, rule in self.rules.items():
            for queue_ref in rule.queue_refs:
                self._at_queue.setdefault(queue_ref, []).append(name)
            if not rule.queue_refs:
                self._at_source.setdefault(rule.key.queue, []).append(name)
        self._order = {name: number for number, name in enumerate(self.rules)}
        self._due: dict[str, int | None] = dict.fromkeys(self.rules)
        """From when on a rule is to be looked at again, whatever happens, UTC ms; none: it need not."""
        self._on_now = {name for name, rule in self.rules.items() if _measures(rule) & {*STATE_MEASURES}}
        """Rules about this moment: who waits, and who serves."""
        self._running: set[str] = set()
        """Rules that are breached, or about to be."""
        self._growing: set[str] = set()
        """Those whose breach, or longest wait, grows while nothing happens."""
        self._looked = 0
        """UTC ms."""
        self._edge = 0
        """The second at which hours next begin or end, or the day."""
        self._next_wait: int | None = None
        """When time alone next changes who waits, UTC ms."""
        self._cells = CellStarts()
        self._waits: dict[QueueRef, list[int]] = {}
        """Since when those wait who wait, UTC ms."""

    def run(self, arrivals: Iterable[StreamEvent], until: int | None = None) -> Iterator[Look]:
        """Yield the looks over facts in the order in which they arrive, and over the time after the last up
        to ``until`` (UTC ms; without it: its second).

        Facts of one instant are one batch. Each look is yielded before the next fact is counted: the
        aggregator stands as the judge saw it.
        """
        for arrived, batch in groupby(arrivals, key=_arrived):
            if self._looked:
                yield from self._time_passes(arrived)
            yield from self._eve(arrived)
            self.aggregator.record(batch)
            yield self._look(arrived, all_rules=not self._looked)
        if self._looked:
            yield from self._time_passes((max(self._looked, until or 0) + 999) // 1000 * 1000 + 1)

    def breaches(self, arrivals: Iterable[StreamEvent], until: int | None = None) -> Iterator[BreachEvent]:
        """Yield what the judge says, each with the instant at which it does."""
        for look in self.run(arrivals, until):
            yield from look.events

    def _time_passes(self, before: int) -> Iterator[Look]:
        """Look wherever time alone may change something before an instant (UTC ms)."""
        while (second := self._next_second()) * 1000 < before:
            yield from self._eve(second * 1000)
            self.aggregator.advance(second * 1000)
            yield self._look(second * 1000)

    def _next_second(self) -> int:
        due = (at for at in (self._next_wait, *self._due.values()) if at is not None)
        return min(-(-min(due, default=self._edge * 1000) // 1000), self._edge)

    def _eve(self, before: int) -> Iterator[Look]:
        """What grows is worst in the last second before something happens."""
        eve = (before - 1) // 1000 * 1000
        if self._growing and eve > self._looked:
            self.aggregator.advance(eve)
            yield self._look(eve)

    def _look(self, at: int, *, all_rules: bool = False) -> Look:
        """Look at the rules for which something can have changed at an instant (UTC ms)."""
        now = EPOCH + timedelta(milliseconds=at)
        if all_rules or at // 1000 >= self._edge:
            names = list(self.rules)
            self._take_news(at)
            self._edge = next_edge(self._calendar, self._hours, at)
            self._cells.forget(at // 1000)
        else:
            due = (name for name, again in self._due.items() if again is not None and again <= at)
            names = sorted({*self._take_news(at), *due, *self._growing}, key=self._order.__getitem__)
        judgement = self.judge.judge(self.aggregator, now, names) if names else NOTHING_TO_TELL
        self._looked = at
        for name in names:
            self._remember(name, at)
        return Look(now, names, judgement.events)

    def _take_news(self, at: int) -> set[str]:
        """Return the rules about queues and sources of which something has become known, or has passed."""
        changes = self.aggregator.take_changes()
        slots = [slot for slot, _ in changes.buckets]
        self._cells.note(slots)
        subjects = [name.split(":") for name in changes.state]
        counted = {slot.queue_ref for slot in (*slots, *changes.dropped)}
        stands = {QueueRef(*about) for subject, *about in subjects if subject == ReportSubject.STAFF}
        stands |= self._take_waits(at)
        names = {name for queue_ref in counted for name in self._at_queue.get(queue_ref, ())}
        # Who waits is nothing to a figure over a window, unless its breach may end by it.
        on_now = self._on_now | self._running
        names |= {name for ref in stands for name in self._at_queue.get(ref, ()) if name in on_now}
        for subject, *about in subjects:
            if subject == ReportSubject.FACT:
                names.update(self._at_source.get(about[0], ()))
        return names

    def _take_waits(self, at: int) -> set[QueueRef]:
        """Note who waits, and return where others do than before."""
        waits: dict[QueueRef, list[int]] = {}
        for queue_ref, entered in self.aggregator.contacts.waiting(at):
            waits.setdefault(queue_ref, []).append(entered)
        before, self._waits = self._waits, waits
        self._next_wait = self.aggregator.contacts.next_change(at)
        return {ref for ref in (*waits, *before) if waits.get(ref) != before.get(ref)}

    def _remember(self, name: str, at: int) -> None:
        """Note when to look at a rule again."""
        known, rule = self.judge.rule_state(name), self.rules[name]
        grows_from, grows = list(self._grows_from(rule, at)), bool(_measures(rule) & GROWING)
        self._due[name] = next_change(rule, known, at, self._cells, grows_from)
        running = known.rule_state.state is not BreachState.OK
        worsens = grows and (running or (bool(grows_from) and bool(rule.queue_refs)))
        for names, member in ((self._running, running), (self._growing, worsens)):
            (names.add if member else names.discard)(name)

    def _grows_from(self, rule: Rule, at: int) -> Iterator[int]:
        """Since when the longest wait lasts that a rule is about, or its source has been silent."""
        measures = _measures(rule)
        if Measure.LONGEST_WAIT in measures:
            yield from (min(self._waits[ref]) for ref in rule.queue_refs if ref in self._waits)
        last = (
            self.aggregator.last_reports.facts().get(rule.key.queue) if Measure.NO_DATA in measures else None
        )
        if last is not None:
            opened = (self._calendar.opened(hours, at) for hours in rule.hours)
            yield from (last, *(since for since in opened if since is not None))


def _measures(rule: Rule) -> set[Measure]:
    return {condition.measure for condition in rule.conditions}
