"""What rules would have said of the past: each time that one fired, and what it measured. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from domain.counts import EPOCH
from domain.queue_ref import QueueRef
from services.evaluator.alerting.judge import Judge, StoredRuleState
from services.evaluator.alerting.rules import Rule
from services.notifier.engine import updated
from services.notifier.model import Breach
from services.notifier.state import BreachRecord
from shared.contract.breach_events import BreachChanged, BreachEvent, BreachState, RuleKey
from shared.contract.kpis import Measure
from wachtpost.rules.simulation import Look

ZERO: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that a rule fired."""

    told: Breach
    """As it was when it fired: what the message is about."""
    last: Breach
    """As it was known last: over, or still going on at the end."""
    until: datetime
    """When it was over; at the latest the end of what was looked at."""
    steps: Sequence[tuple[datetime, BreachState]]
    """When it went to which state, from the first on."""

    @property
    def fired_at(self) -> datetime:
        """When somebody would have been told."""
        return self.told.at

    @property
    def lasted(self) -> timedelta:
        """For how long, from then on."""
        return self.until - self.fired_at

    @property
    def goes_on(self) -> bool:
        """Whether it was not over at the end."""
        return self.last.closed_at is None


@dataclass(slots=True)
class Measured:
    """What a rule measured while it was judged, told or not."""

    judged: timedelta = ZERO
    """For how long it was judged: within its hours."""
    read: timedelta = ZERO
    """For how long of it there was a reading, on enough contacts."""
    most_samples: int = 0
    """The most contacts that a figure rested on."""
    values: dict[float, float] = field(default_factory=lambda: defaultdict(float))
    """For how many seconds it read a value, to three digits."""


@dataclass(frozen=True, slots=True)
class RuleTrial:
    """What one rule at one queue would have said."""

    rule: Rule
    occurrences: Sequence[Occurrence]
    measured: Measured
    brief: int
    """How often it was over its limit, and not for as long as it has to be."""
    most_a_day: int | None = None
    """How many contacts its queues had on the day with most of them; ``None``: nobody knows."""

    @property
    def key(self) -> RuleKey:
        """Which rule, at which queue, with which limit."""
        return self.rule.key

    @property
    def total(self) -> timedelta:
        """How long it fired altogether."""
        return sum((one.lasted for one in self.occurrences), ZERO)

    @property
    def longest(self) -> timedelta:
        """How long it fired at a stretch, at most."""
        return max((one.lasted for one in self.occurrences), default=ZERO)

    @property
    def furthest(self) -> float | None:
        """The figure that was furthest over the limit, or nearest to it; none without a reading, and where
        no single figure is held against a limit: of a shift, and of whether anybody serves."""
        first = self.rule.first
        if first.shift is not None or first.measure is Measure.NOBODY_AVAILABLE:
            return None
        return (min if first.limits.more_is_better else max)(self.measured.values, default=None)


@dataclass(frozen=True, slots=True)
class Trial:
    """What all rules would have said of a stretch of the past."""

    first: datetime
    last: datetime
    rules: Sequence[RuleTrial]

    @property
    def days(self) -> int:
        """How many days of 24 hours it is about, begun ones too."""
        return -(-(self.last - self.first) // timedelta(days=1))


class JudgedRules(Protocol):
    """Rules, and the judge who looked at them."""

    @property
    def rules(self) -> Mapping[str, Rule]: ...

    @property
    def judge(self) -> Judge: ...


@dataclass(slots=True)
class _Known:
    """What is known of a rule so far."""

    record: BreachRecord | None = None
    """Its breach that is not over."""
    told: Breach | None = None
    steps: list[tuple[datetime, BreachState]] = field(default_factory=list)
    over: list[Occurrence] = field(default_factory=list)
    brief: int = 0
    measured: Measured = field(default_factory=Measured)
    looked: datetime = EPOCH
    stood: StoredRuleState | None = None
    value: float | None = None


def trial(
    judged: JudgedRules,
    looks: Iterable[Look],
    most_a_day: Callable[[Collection[QueueRef]], int] | None = None,
) -> Trial | None:
    """Put together what looks say; ``None`` where there was nothing to look at.

    ``most_a_day``: how many contacts queues had on the busiest of the days; asked at the end.
    """
    known = {name: _Known() for name in judged.rules}
    instants: list[datetime] = []
    for look in looks:
        instants = [*instants[:1], look.now]
        for event in look.events:
            _take(known[event.name], event)
        for name in look.names:
            _measure(known[name], judged, name, look.now)
    if not instants:
        return None
    end = instants[-1]
    return Trial(
        instants[0],
        end,
        [
            RuleTrial(
                rule,
                list(_occurrences(known[name], end)),
                known[name].measured,
                known[name].brief,
                None if most_a_day is None else most_a_day(rule.queue_refs),
            )
            for name, rule in judged.rules.items()
        ],
    )


def _take(known: _Known, event: BreachEvent) -> None:
    """Take in what the judge said of a rule, as the notifier does."""
    after = updated(known.record, None, event, event.at)
    if not isinstance(after, BreachRecord):
        return
    known.record = after
    if isinstance(event, BreachChanged):
        known.steps.append((event.at, event.state))
    if event.state is BreachState.FIRING:
        known.told = known.told or after.breach
    if after.breach.closed_at is None:
        return
    if known.told is None:
        known.brief += 1
    else:
        known.over.append(Occurrence(known.told, after.breach, after.breach.closed_at, known.steps))
    known.record, known.told, known.steps = None, None, []


def _occurrences(known: _Known, end: datetime) -> Iterator[Occurrence]:
    yield from known.over
    if known.told is not None and known.record is not None:
        yield Occurrence(known.told, known.record.breach, end, known.steps)


def _measure(known: _Known, judged: JudgedRules, name: str, now: datetime) -> None:
    """Add up the time since the last look, in which nothing changed, and note what there is now."""
    measured, stood = known.measured, known.stood
    if stood is not None and stood.open:
        passed = now - known.looked
        measured.judged += passed
        if known.value is not None:
            measured.read += passed
            measured.values[_to_three(known.value)] += passed.total_seconds()
    known.looked, known.stood = now, judged.judge.rule_state(name)
    known.value, samples = judged.judge.reading(name)
    measured.most_samples = max(measured.most_samples, samples)


def _to_three(value: float) -> float:
    """Return a value to three digits: there are not so many of these."""
    return float(f"{value:.3g}")
