"""The judge: holds every rule's value against its limits, and says what became of it. Pure.

Judged on every batch and every second. What it says goes to the breaches stream in the same script
as the buckets that caused it, and so does the state of every rule: a crash repeats neither.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter, ValidationError

from domain.aggregator import Aggregator
from services.evaluator.alerting.readings import (
    NOT_MEASURED,
    MeasuredCondition,
    Memory,
    RuleReadings,
    look_of,
)
from services.evaluator.alerting.rule_state import RuleState, RuleStep, close, in_time, judge, noted
from services.evaluator.alerting.rules import Rule, rules_of
from shared.calendar import Calendar
from shared.config.model import CityFile, Site
from shared.contract.breach_events import (
    BreachChanged,
    BreachEvent,
    BreachProgress,
    BreachReading,
    BreachState,
    Cause,
    RuleKey,
)
from shared.contract.kpis import Measure
from shared.instants import Instant

PROGRESS: Final = timedelta(minutes=1)
"""How often a breach that lasts is reported with the values of then."""

PERIOD_PROGRESS: Final = timedelta(hours=1)
"""The same for a value of the month or year so far, which hardly moves in a minute."""

INSUFFICIENT: Final = "insufficient"
"""What a rule shows that is not breached and has no reading, or one that does not settle its limit."""

CLOSED: Final = "closed"
"""What a rule shows that is not breached while the desk is shut, and nobody judges it.

No state of the machine: a breach that lasts over night (a month's value) stays one, and nothing is told.
"""

FIELD: Final = "watch:"
"""What the fields of the state hash begin with, one per rule and queue."""


@dataclass(frozen=True, slots=True)
class StoredRuleState:
    """The state that a rule is in; with its key, so that a breach whose rule is gone can still be ended.

    As JSON two of its parts are called what the first release called them.
    """

    key: Annotated[RuleKey, Field(alias="identity")]
    rule_state: Annotated[RuleState, Field(alias="watch")]
    sufficient: bool = True
    """Whether the last look settled it: there was a reading, and its range did not hold the limit."""
    open: bool = True
    """Whether it was within the hours in which the rule is judged."""
    reported_at: Instant | None = None
    """When the last progress was told."""

    @property
    def shown(self) -> str:
        """What people are told of it: its state, or why an ok says nothing: closed, insufficient."""
        if self.rule_state.state is not BreachState.OK:
            return self.rule_state.state
        if not self.open:
            return CLOSED
        return BreachState.OK if self.sufficient else INSUFFICIENT


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a look at everything has to write: events to tell, and the states of rules (state fields)."""

    events: Sequence[BreachEvent] = ()
    state: Mapping[str, str] = field(default_factory=dict)
    gone: Collection[str] = ()
    """State fields that go; no matter what ``state`` says of them."""

    def __bool__(self) -> bool:
        return bool(self.events or self.state or self.gone)


NOTHING_TO_TELL: Final = Judgement()

STORED_RULE_STATE: Final = TypeAdapter(StoredRuleState)


class Judge:
    """Judges the rules of some sites. Not thread-safe.

    A rule that the city file does not have any more goes from the state when its breach was ended, and so
    does one that is about another measure now: its id was given to another. One that cannot be read
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
        self._memory = Memory()
        self._rules = {rule.key.name: rule for rule in rules_of(city, sites)}
        stored, self.unreadable = _stored(state or {})
        going_on = {
            name: known
            for name, known in stored.items()
            if name in self._rules and self._rules[name].key.measure is known.key.measure
        }
        self._states = {name: StoredRuleState(rule.key, RuleState()) for name, rule in self._rules.items()}
        for name, known in going_on.items():
            fresh = self._states[name]
            self._states[name] = replace(fresh, rule_state=known.rule_state, reported_at=known.reported_at)
        self._readings: dict[str, tuple[float | None, int]] = {}
        self.looked_at: datetime | None = None
        """The instant of the last look at any rule; none: there was none yet."""
        self._ended = [known for name, known in stored.items() if name not in going_on]
        self._changed = stored.keys() & self._rules.keys() - going_on.keys()
        self._gone = {FIELD + name for name in {*stored, *self.unreadable} - self._rules.keys()}

    def judge(self, aggregator: Aggregator, now: datetime, names: Iterable[str] | None = None) -> Judgement:
        """Look at everything at one instant and return what there is to tell and to write.

        ``names``: look at these rules alone, since nothing can have changed for the others.
        """
        events: list[BreachEvent] = []
        for known in self._ended:
            steps = close(known.rule_state, now, Cause.RULE_GONE)
            events += _changes(known.key, steps, BreachReading(value=None, samples=0), now)
        self._ended.clear()
        self.looked_at = now
        readings = self.readings_at(aggregator, now)
        for name in self._rules if names is None else names:
            events += self._look(name, self._rules[name], readings, now)
        gone, self._gone = self._gone, set()
        return Judgement(events, self._take_changes(), gone)

    def readings_at(self, aggregator: Aggregator, now: datetime) -> RuleReadings:
        """Return what there is to read at an instant: windows are added up once for all who ask."""
        return RuleReadings(self._city, self._calendar, aggregator, now, self._memory)

    def rule_states(self) -> Iterator[StoredRuleState]:
        """Yield the state of every rule of the city file."""
        for name in self._rules:
            yield self._states[name]

    def rule_state(self, name: str) -> StoredRuleState:
        """Return the state of a rule of the city file by its name (``RuleKey.name``)."""
        return self._states[name]

    def reading(self, name: str) -> tuple[float | None, int]:
        """Return what a rule read at its last look: its value, if it was judged on one, and the samples."""
        return self._readings.get(name, (None, 0))

    def measured_in(self, readings: RuleReadings, name: str) -> MeasuredCondition:
        """Return what a rule is about as ``readings`` have it, whatever it was at its last look."""
        rule = self._rules[name]
        running = self._states[name].rule_state.state is not BreachState.OK
        if not _is_looked_at(rule, readings, running=running):
            return NOT_MEASURED
        return readings.measure(rule, running=running)[0]

    def _take_changes(self) -> dict[str, str]:
        fields = {
            FIELD + name: STORED_RULE_STATE.dump_json(self._states[name], by_alias=True).decode()
            for name in self._changed
        }
        self._changed.clear()
        return fields

    def _look(self, name: str, rule: Rule, readings: RuleReadings, now: datetime) -> list[BreachEvent]:
        before = self._states[name]
        rule_state = in_time(before.rule_state, now)
        measured: tuple[MeasuredCondition, ...] = ()
        look, steps = None, list[RuleStep]()
        running = rule_state.state is not BreachState.OK
        opened = _is_open(rule, readings)
        looked = _is_looked_at(rule, readings, running=running)
        if looked:
            measured = readings.measure(rule, running=running, counts_from=rule_state.counts_from)
            look = look_of(measured)
            waited_for = running and look is None and readings.waited_for(rule)
            steps = judge(rule_state, look, now, rule.patience, waited_for=waited_for)
        elif rule.rolling:
            steps = close(rule_state, now, Cause.CLOSED)
        first = measured[0] if measured else NOT_MEASURED
        self._readings[name] = None if first.look is None else first.value, first.samples
        rule_state = steps[-1].rule_state if steps else rule_state
        progress = opened and _progress_due(rule, rule_state, before.reported_at, now)
        if looked:
            rule_state = noted(rule_state, look, now, rule.first.limits)
            # That there is no reading any more, or is one again, is told at once: nobody is reminded without.
            turned = (before.rule_state.unread_since is None) != (rule_state.unread_since is None)
            progress = progress or (turned and rule_state.fired_at is not None)
        after = replace(
            before,
            rule_state=rule_state,
            sufficient=look is not None and look.settled,
            open=opened,
            reported_at=now if progress else before.reported_at,
        )
        if after != before:
            self._states[name] = after
            if after.rule_state != before.rule_state or progress:
                self._changed.add(name)
        if not steps and not progress:
            return []
        reading, key = readings.describe(rule, measured, rule_state.counts_from), readings.key(rule)
        if not steps:
            return [_progress(key, rule_state, reading, now)]
        return _changes(key, steps, reading, now)


def _is_open(rule: Rule, readings: RuleReadings) -> bool:
    return not rule.open_only or readings.is_open(rule)


def _is_looked_at(rule: Rule, readings: RuleReadings, *, running: bool) -> bool:
    """Whether a rule is judged now. A source without data is heard at any hour: what it says at night is not
    repeated in the morning."""
    return _is_open(rule, readings) or (running and rule.key.measure is Measure.NO_DATA)


def _stored(state: Mapping[str, str]) -> tuple[dict[str, StoredRuleState], frozenset[str]]:
    """Return the states of rules by their names, and the names of those that cannot be read."""
    found: dict[str, StoredRuleState] = {}
    unreadable: set[str] = set()
    for field_name, text in state.items():
        if field_name.startswith(FIELD):
            name = field_name.removeprefix(FIELD)
            try:
                found[name] = STORED_RULE_STATE.validate_json(text)
            except ValidationError:
                unreadable.add(name)
    return found, frozenset(unreadable)


def progress_every(rule: Rule) -> timedelta:
    """Return how often a breach of a rule that lasts is reported."""
    return PROGRESS if rule.rolling or not rule.first.windows else PERIOD_PROGRESS


def _progress_due(rule: Rule, rule_state: RuleState, reported_at: datetime | None, now: datetime) -> bool:
    if rule_state.state not in {BreachState.FIRING, BreachState.CLEARING} or rule_state.fired_at is None:
        return False
    every = progress_every(rule)
    # What is still to come was written by a clock that has been set back since, and holds up nothing.
    reports = [at for at in (rule_state.fired_at, reported_at) if at is not None and at <= now]
    return not reports or now - max(reports) >= every


def _changes(
    key: RuleKey, steps: Iterable[RuleStep], reading: BreachReading, now: datetime
) -> list[BreachEvent]:
    return [
        BreachChanged(
            id=f"{_breach(key, step.rule_state, now)}:{step.rule_state.steps}:{step.rule_state.state}",
            previous=step.previous,
            cause=step.cause,
            **_parts(key, step.rule_state, reading, now),
        )
        for step in steps
    ]


def _progress(key: RuleKey, rule_state: RuleState, reading: BreachReading, now: datetime) -> BreachProgress:
    minute = int(now.timestamp()) // 60
    return BreachProgress(
        id=f"{_breach(key, rule_state, now)}:progress:{minute}", **_parts(key, rule_state, reading, now)
    )


def _breach(key: RuleKey, rule_state: RuleState, now: datetime) -> str:
    """Names one breach: the rule, and when it left ok (it just did, or it says when)."""
    opened_ms = int((rule_state.opened_at or now).timestamp() * 1000)
    return f"{key.name}:{opened_ms}"


def _parts(key: RuleKey, rule_state: RuleState, reading: BreachReading, now: datetime) -> dict[str, Any]:
    """What every event says."""
    return {
        **key.parts(),
        "breach": _breach(key, rule_state, now),
        "at": now,
        "state": rule_state.state,
        "opened_at": rule_state.opened_at or now,
        "fired_at": rule_state.fired_at,
        "reading": reading,
        "worst": rule_state.worst,
        "worst_samples": rule_state.worst_samples,
        "worst_part": rule_state.worst_part,
    }
