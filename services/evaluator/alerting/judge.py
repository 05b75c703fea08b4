"""The judge: holds every guard's figure against its limits, and says what became of it.

Judged on every batch and every second. What it says goes to the breaches stream in the same script
as the figures that caused it, and so does where each watch stands: a crash repeats neither.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypedDict

from pydantic import TypeAdapter, ValidationError

from domain.aggregator import Aggregator
from services.evaluator.alerting.readings import RuleReadings
from services.evaluator.alerting.rule_state import RuleState, RuleStep, close, in_time, judge, noted
from services.evaluator.alerting.rules import Rule, guards, window_label
from shared.calendar import Calendar
from shared.config.model import CityFile, Site
from shared.contract.breach_events import (
    BreachChanged,
    BreachEvent,
    BreachProgress,
    BreachReading,
    BreachState,
    Cause,
    Level,
    Severity,
)
from shared.contract.events import Name
from shared.contract.kpis import Measure
from shared.instants import Instant
from shared.stored_state import Figure

PROGRESS: Final = timedelta(minutes=1)
"""How often a breach that lasts is reported with the figures of then."""

PERIOD_PROGRESS: Final = timedelta(hours=1)
"""The same for a figure of the month or year so far, which hardly moves in a minute."""

INSUFFICIENT: Final = "insufficient"
"""What a watch shows that is not breached and has no reading, or one on too few contacts."""

CLOSED: Final = "closed"
"""What a watch shows that is not breached while the desk is shut, and nobody judges it.

No state of the machine: a breach that lasts over night (a month's figure) stays one, and nothing is told.
"""

FIELD: Final = "watch:"
"""What the fields of the state hash begin with, one per watch."""


@dataclass(frozen=True, slots=True)
class RuleIdentity:
    """What every event of a watch repeats; kept, so that a breach whose rule is gone can still be ended."""

    rule: Name
    level: Level
    measure: Measure
    severity: Severity
    site: Name
    queue: Name
    window: str
    limit: Figure
    clear_at: Figure

    @classmethod
    def of(cls, guard: Rule) -> RuleIdentity:
        """Return a guard's identity."""
        return cls(
            rule=guard.rule,
            level=guard.level,
            measure=guard.measure,
            severity=guard.severity,
            site=guard.site,
            queue=guard.queue,
            window=window_label(guard.windows[0]) if guard.windows else "",
            limit=guard.limits.limit,
            clear_at=guard.limits.clear_at,
        )


@dataclass(frozen=True, slots=True)
class StoredRuleState:
    """Where a watch stands, and whose it is."""

    identity: RuleIdentity
    watch: RuleState
    sufficient: bool = True
    """Whether the last look gave a reading."""
    open: bool = True
    """Whether it was within the hours in which the watch is judged."""
    reported_at: Instant | None = None
    """When the last progress was told."""

    @property
    def shown(self) -> str:
        """What people are told of it: its state, or why an ok says nothing: closed, insufficient."""
        if self.watch.state is not BreachState.OK:
            return self.watch.state
        if not self.open:
            return CLOSED
        return BreachState.OK if self.sufficient else INSUFFICIENT


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a look at everything has to write: events to tell, and where watches stand (state fields)."""

    events: Sequence[BreachEvent] = ()
    state: Mapping[str, str] = field(default_factory=dict)
    gone: Collection[str] = ()
    """State fields that go; no matter what ``state`` says of them."""

    def __bool__(self) -> bool:
        return bool(self.events or self.state or self.gone)


NOTHING_TO_TELL: Final = Judgement()

STANDING: Final = TypeAdapter(StoredRuleState)


class Judge:
    """Judges the guards of some sites. Not thread-safe.

    A watch that the city file does not have any more goes from the state when its breach was ended, and so
    does one that is about another figure now: its rule's id was given to another. One that cannot be read
    (``unreadable``) begins anew.
    """

    def __init__(
        self,
        city: CityFile,
        calendar: Calendar,
        sites: Iterable[Site],
        state: Mapping[str, str] | None = None,
    ) -> None:
        self._city = city
        self._calendar = calendar
        self._rules = {guard.id: guard for guard in guards(city, sites)}
        kept, self.unreadable = _kept(state or {})
        going_on = {
            name: standing
            for name, standing in kept.items()
            if name in self._rules and self._rules[name].measure is standing.identity.measure
        }
        self._standings = {
            name: StoredRuleState(RuleIdentity.of(guard), RuleState()) for name, guard in self._rules.items()
        }
        for name, standing in going_on.items():
            fresh = self._standings[name]
            self._standings[name] = replace(fresh, watch=standing.watch, reported_at=standing.reported_at)
        self._ended = [standing for name, standing in kept.items() if name not in going_on]
        self._changed = kept.keys() & self._rules.keys() - going_on.keys()
        self._gone = {FIELD + name for name in {*kept, *self.unreadable} - self._rules.keys()}

    def judge(self, aggregator: Aggregator, now: datetime) -> Judgement:
        """Look at everything at one instant and return what there is to tell and to write."""
        events: list[BreachEvent] = []
        for standing in self._ended:
            steps = close(standing.watch, now, Cause.RULE_GONE)
            events += _told(standing.identity, steps, BreachReading(value=None, samples=0), now)
        self._ended.clear()
        readings = RuleReadings(self._city, self._calendar, aggregator, now)
        for name, guard in self._rules.items():
            events += self._look(name, guard, readings, now)
        gone, self._gone = self._gone, set()
        return Judgement(events, self._take_changes(), gone)

    def standings(self) -> Iterator[StoredRuleState]:
        """Yield where every watch of the city file stands."""
        for name in self._rules:
            yield self._standings[name]

    def _take_changes(self) -> dict[str, str]:
        fields = {FIELD + name: STANDING.dump_json(self._standings[name]).decode() for name in self._changed}
        self._changed.clear()
        return fields

    def _look(self, name: str, guard: Rule, readings: RuleReadings, now: datetime) -> list[BreachEvent]:
        standing = self._standings[name]
        watch = in_time(standing.watch, now)
        value, samples, steps = None, 0, list[RuleStep]()
        running = watch.state is not BreachState.OK
        looked = readings.is_open(guard) or not guard.open_only
        # A source that was silent is heard at any hour: what it says at night is not repeated in the morning.
        if looked or (running and guard.measure is Measure.NO_DATA):
            value, samples = readings.read(guard, running=running)
            steps = judge(watch, value, now, guard.limits)
        elif guard.rolling:
            steps = close(watch, now, Cause.CLOSED)
        watch = noted(steps[-1].rule_state if steps else watch, value, guard.limits)
        progress = looked and _progress_due(guard, watch, standing, now)
        after = replace(
            standing,
            watch=watch,
            sufficient=value is not None,
            open=looked,
            reported_at=now if progress else standing.reported_at,
        )
        if after != standing:
            self._keep(name, after, write=after.watch != standing.watch or progress)
        if not steps and not progress:
            return []
        reading = readings.describe(guard, value, samples)
        events = _told(standing.identity, steps, reading, now)
        if progress and not steps:
            events.append(_progress(after, reading, now))
        return events

    def _keep(self, name: str, standing: StoredRuleState, *, write: bool = True) -> None:
        self._standings[name] = standing
        if write:
            self._changed.add(name)


def _kept(state: Mapping[str, str]) -> tuple[dict[str, StoredRuleState], frozenset[str]]:
    """Return where watches stood, by their names, and the names of those that cannot be read."""
    found: dict[str, StoredRuleState] = {}
    unreadable: set[str] = set()
    for field_name, text in state.items():
        if field_name.startswith(FIELD):
            name = field_name.removeprefix(FIELD)
            try:
                found[name] = STANDING.validate_json(text)
            except ValidationError:
                unreadable.add(name)
    return found, frozenset(unreadable)


def _progress_due(guard: Rule, watch: RuleState, standing: StoredRuleState, now: datetime) -> bool:
    if watch.state not in {BreachState.FIRING, BreachState.CLEARING} or watch.fired_at is None:
        return False
    every = PROGRESS if guard.rolling or not guard.windows else PERIOD_PROGRESS
    # What is still to come was written by a clock that has been set back since, and holds up nothing.
    told = [at for at in (watch.fired_at, standing.reported_at) if at is not None and at <= now]
    return not told or now - max(told) >= every


def _told(
    identity: RuleIdentity, steps: Iterable[RuleStep], reading: BreachReading, now: datetime
) -> list[BreachEvent]:
    return [
        BreachChanged(
            id=f"{_breach(identity, step.rule_state, now)}:{step.rule_state.steps}:{step.rule_state.state}",
            previous=step.previous,
            state=step.rule_state.state,
            cause=step.cause,
            **_common(identity, step.rule_state, reading, now),
        )
        for step in steps
    ]


def _progress(standing: StoredRuleState, reading: BreachReading, now: datetime) -> BreachProgress:
    watch = standing.watch
    minute = int(now.timestamp()) // 60
    return BreachProgress(
        id=f"{_breach(standing.identity, watch, now)}:progress:{minute}",
        state=watch.state,
        **_common(standing.identity, watch, reading, now),
    )


def _breach(identity: RuleIdentity, watch: RuleState, now: datetime) -> str:
    """Names one breach: the watch, and when it left ok (it just did, or it says when)."""
    opened_ms = int((watch.opened_at or now).timestamp() * 1000)
    return f"{identity.rule}:{identity.level}:{identity.site}:{identity.queue}:{opened_ms}"


class _EventFields(TypedDict):
    breach: str
    at: datetime
    rule: str
    level: Level
    measure: Measure
    severity: Severity
    site: str
    queue: str
    window: str
    limit: float
    clear_at: float
    opened_at: datetime
    fired_at: datetime | None
    reading: BreachReading
    worst: float | None


def _common(identity: RuleIdentity, watch: RuleState, reading: BreachReading, now: datetime) -> _EventFields:
    return _EventFields(
        breach=_breach(identity, watch, now),
        at=now,
        rule=identity.rule,
        level=identity.level,
        measure=identity.measure,
        severity=identity.severity,
        site=identity.site,
        queue=identity.queue,
        window=identity.window,
        limit=identity.limit,
        clear_at=identity.clear_at,
        opened_at=watch.opened_at or now,
        fired_at=watch.fired_at,
        reading=reading,
        worst=watch.worst,
    )
