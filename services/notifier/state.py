"""What the notifier knows, as one frozen value that is stored record by record.

Four maps of small records. A record's key (``breach/<id>``, ``watch/<rule>/<level>/<site>/<queue>``,
``lane/<receiver>/<kind>``, ``silence/<id>``) names a field of a hash; ``changes`` says which fields to
write after a decision, ``decode`` reads them all back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import chain
from typing import Annotated, Final, TypeVar

from pydantic import AliasChoices, Field, TypeAdapter

from services.notifier.delivery_state import DeliveryState
from services.notifier.model import Breach, Silence
from shared.contract.breach_events import BreachEvent, Level
from shared.instants import Instant


@dataclass(frozen=True)
class BreachRecord:
    """A breach, and who was told what of it."""

    breach: Breach
    event_ids: Annotated[
        tuple[str, ...],
        Field(validation_alias=AliasChoices("event_ids", "heard"), serialization_alias="heard"),
    ] = ()
    """Ids of the events that say how it stands at ``breach.at``."""
    delivery_states: Annotated[
        tuple[DeliveryState, ...],
        Field(validation_alias=AliasChoices("delivery_states", "tellings"), serialization_alias="tellings"),
    ] = ()
    """At most one per receiver, in the order of their names."""
    forget_at: Instant | None = None
    """Set when it is over."""
    limit_over: bool = False
    """Of an early limit: the limit of its rule has fired and is over since; who had not heard of the early
    one by then does not any more."""

    def is_known_to(self, receiver: str, *, soon: bool) -> bool:
        """Whether a receiver was told of it; with ``soon`` also whether they are to be."""
        return any(
            one.receiver == receiver and (soon or one.notified_at is not None) for one in self.delivery_states
        )

    @property
    def is_over(self) -> bool:
        return self.breach.closed_at is not None

    @property
    def is_firing(self) -> bool:
        """Whether it fired and is not over; a figure that is on its way back still counts."""
        return not self.is_over and self.breach.has_fired

    def can_go(self, now: datetime) -> bool:
        """Whether everything about it was told, some time ago."""
        return (
            self.is_over and not self.delivery_states and self.forget_at is not None and self.forget_at <= now
        )

    @cached_property
    def due(self) -> datetime | None:
        """When time alone may change something about it."""
        return soonest(one.due for one in self.delivery_states) if self.delivery_states else self.forget_at


@dataclass(frozen=True)
class FlapTally:
    """What one receiver was told of one rule lately, and what is still to be told of breaches gone by."""

    receiver: str
    sent: tuple[Instant, ...] = ()
    """When messages were sent that count; those that matter still."""
    digest_at: Instant | None = None
    """When the rule was last in a digest."""
    gone: Breach | None = None
    """The latest breach that came and went before it could be told."""
    times: int = 0
    """How many such there were."""
    look_at: Instant | None = None
    """When to see whether they can be told."""
    forget_at: Instant | None = None

    @property
    def due(self) -> datetime | None:
        return self.look_at if self.gone is not None else self.forget_at

    def came_and_went(self, breach: Breach, look_at: datetime) -> FlapTally:
        """Return the tally after one more breach came and went untold."""
        first = look_at if self.look_at is None else min(self.look_at, look_at)
        return replace(self, gone=breach, times=self.times + 1, look_at=first)

    def cleared(self, now: datetime) -> FlapTally:
        """Return the tally without what came and went: it is told, or nobody is there to be told."""
        return replace(self, gone=None, times=0, look_at=None, forget_at=self.forget_at or now)


RULE_REMEMBERED: Final = timedelta(days=7)
"""How long an old event cannot revive a rule's last breach; far longer than the stream is read again."""


@dataclass(frozen=True)
class RuleRecord:
    """What is remembered of a rule, level, site and queue beyond a single breach."""

    latest: str
    """The id of its latest breach."""
    opened_at: Instant
    turned_at: Instant | None = None
    """When it last fired or was over."""
    flap_tallies: Annotated[
        tuple[FlapTally, ...],
        Field(validation_alias=AliasChoices("flap_tallies", "tallies"), serialization_alias="tallies"),
    ] = ()
    """At most one per receiver, in the order of their names."""
    forget_at: Instant | None = None
    """When it may be forgotten, unless it has tallies; ``None`` while there is a breach of it."""

    @classmethod
    def of(cls, breach: Breach) -> RuleRecord:
        """Return the record of which nothing is known but this breach."""
        return cls(breach.id, breach.opened_at)

    def aged(self, now: datetime, *, in_use: bool) -> RuleRecord | None:
        """Return what is left of it at ``now``; ``None`` when no old event will come that it has to tell
        apart from a new one. While it is ``in_use`` by a breach it stays, however long that lasts.
        """
        tallies = tuple(tally for tally in self.flap_tallies if tally.due is not None and tally.due > now)
        forget_at = None if in_use else self.forget_at or now + RULE_REMEMBERED
        if forget_at is not None and forget_at <= now and not tallies:
            return None
        after = replace(self, flap_tallies=tallies, forget_at=forget_at)
        return self if after == self else after

    def tally(self, receiver: str) -> FlapTally:
        """Return what a receiver was told of it lately."""
        return next((one for one in self.flap_tallies if one.receiver == receiver), FlapTally(receiver))

    @cached_property
    def due(self) -> datetime | None:
        return soonest(tally.due for tally in self.flap_tallies) if self.flap_tallies else self.forget_at


@dataclass(frozen=True)
class Group:
    """The messages of one kind to one receiver: until when further ones are collected."""

    until: Instant

    @property
    def due(self) -> datetime:
        return self.until


@dataclass(frozen=True)
class NotifierState:
    """All that decisions rest on. The maps are never changed in place: each change gives a new state."""

    breaches: Mapping[str, BreachRecord] = field(default_factory=dict)
    rule_records: Mapping[str, RuleRecord] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    silences: Mapping[str, Silence] = field(default_factory=dict)

    def rule_of(self, about: Breach | BreachEvent) -> RuleRecord | None:
        """Return the record of the rule that a breach, or an event of one, is of."""
        return self.rule_records.get(rule_key(about))

    def other_level(self, about: Breach) -> BreachRecord | None:
        """Return what is known of the rule's other limit, its early one or the limit itself, lately."""
        level = Level.LIMIT if about.level is Level.WARNING else Level.WARNING
        rule = self.rule_of(about.model_copy(update={"level": level}))
        return None if rule is None else self.breaches.get(rule.latest)

    def firing_at(self, about: Breach) -> Breach | None:
        """Return the latest breach of a rule, if it is firing."""
        rule = self.rule_of(about)
        record = None if rule is None else self.breaches.get(rule.latest)
        return record.breach if record is not None and record.is_firing else None

    def with_breach(self, record: BreachRecord, now: datetime) -> NotifierState:
        """Return the state in which a breach stands so since ``now``, at its rule too."""
        breach, before = record.breach, self.breaches.get(record.breach.id)
        rule = former = self.rule_of(breach) or RuleRecord.of(breach)
        if rule.opened_at < breach.opened_at:
            rule = replace(rule, latest=breach.id, opened_at=breach.opened_at)
        if (before is not None and before.is_firing) is not record.is_firing:
            rule = replace(rule, turned_at=now)
        breaches = {**self.breaches, breach.id: record}
        if rule is former and before is not None:
            return replace(self, breaches=breaches)
        return replace(self, breaches=breaches, rule_records={**self.rule_records, rule_key(breach): rule})

    def with_tally(self, breach: Breach, tally: FlapTally) -> NotifierState:
        """Return the state with what a receiver was told lately of a breach's rule."""
        key = rule_key(breach)
        rule = self.rule_records[key]
        others = [other for other in rule.flap_tallies if other.receiver != tally.receiver]
        tallies = tuple(sorted([*others, tally], key=lambda one: one.receiver))
        return replace(self, rule_records={**self.rule_records, key: replace(rule, flap_tallies=tallies)})

    def tidied(self, at: datetime) -> NotifierState:
        """Return the state without what nobody needs any more; what a breach refers to stays with it."""
        breaches = {key: one for key, one in self.breaches.items() if not one.can_go(at)}
        in_use = {rule_key(record.breach) for record in breaches.values()}
        aged = ((key, rule.aged(at, in_use=key in in_use)) for key, rule in self.rule_records.items())
        return NotifierState(
            breaches,
            rule_records={key: rule for key, rule in aged if rule is not None},
            groups={key: one for key, one in self.groups.items() if one.until > at},
            silences={key: one for key, one in self.silences.items() if one.ends_at > at},
        )


def rule_key(about: Breach | BreachEvent) -> str:
    """Return the name of the rule, with level, site and queue, that a breach or an event of one is of."""
    return f"{about.rule}/{about.level}/{about.site}/{about.queue}"


def soonest(instants: Iterable[datetime | None]) -> datetime | None:
    """Return the first of the instants that are there at all."""
    return min((at for at in instants if at is not None), default=None)


def next_due(state: NotifierState) -> datetime | None:
    """Return when ``on_time`` has something to decide, perhaps in the past; ``None``: not by time alone."""
    records: Iterator[BreachRecord | RuleRecord | Group] = chain(
        state.breaches.values(), state.rule_records.values(), state.groups.values()
    )
    return soonest(chain((r.due for r in records), (s.ends_at for s in state.silences.values())))


R = TypeVar("R")

_BREACH: Final = TypeAdapter(BreachRecord)
_RULE: Final = TypeAdapter(RuleRecord)
_GROUP: Final = TypeAdapter(Group)
_SILENCE: Final = TypeAdapter(Silence)


def changes(before: NotifierState, after: NotifierState) -> dict[str, bytes | None]:
    """Return what to write: key → the record as JSON, or ``None`` when it is to be deleted.

    ``after`` must stem from ``before``: a record that was not touched is the same object in both.
    """
    changed = chain(
        _changed("breach", before.breaches, after.breaches, _BREACH),
        _changed("watch", before.rule_records, after.rule_records, _RULE),
        _changed("lane", before.groups, after.groups, _GROUP),
        _changed("silence", before.silences, after.silences, _SILENCE),
    )
    return dict(sorted(changed))


Record = BreachRecord | RuleRecord | Group | Silence

_READ: Final[Mapping[str, Callable[[bytes], Record]]] = {
    "breach": _BREACH.validate_json,
    "watch": _RULE.validate_json,
    "lane": _GROUP.validate_json,
    "silence": _SILENCE.validate_json,
}


def decode_record(key: str, record: bytes) -> Record:
    """Return what is stored under a key; raises ``ValueError`` for a key or a record that is not ours.

    A record under another's key would be looked for under its own, and never be found or dropped.
    """
    kind, _, name = key.partition("/")
    if kind not in _READ:
        raise ValueError(f"no record of the notifier is stored under {key!r}")
    found = _READ[kind](record)
    if any(own != name for own in _own_names(found)):
        raise ValueError("a record is stored under another's key")
    return found


def _own_names(record: Record) -> list[str]:
    """Return what a record says that it is called, as often as it says so."""
    match record:
        case BreachRecord():
            return [record.breach.id]
        case RuleRecord():
            return [rule_key(tally.gone) for tally in record.flap_tallies if tally.gone is not None]
        case Silence():
            return [record.id]
        case Group():
            return []


def whole(records: Mapping[str, Record]) -> NotifierState:
    """Return the state that these records make, with a rule record for every breach."""
    named = [(key.partition("/")[2], record) for key, record in sorted(records.items())]
    breaches = {name: one for name, one in named if isinstance(one, BreachRecord)}
    rule_records = {name: one for name, one in named if isinstance(one, RuleRecord)}
    for record in sorted(breaches.values(), key=lambda one: one.breach.opened_at, reverse=True):
        rule_records.setdefault(rule_key(record.breach), RuleRecord.of(record.breach))
    return NotifierState(
        breaches,
        rule_records,
        groups={name: one for name, one in named if isinstance(one, Group)},
        silences={name: one for name, one in named if isinstance(one, Silence)},
    )


def decode(stored: Mapping[str, bytes]) -> NotifierState:
    """Return the state that was stored under these keys. Raises ``ValueError`` for what is not ours."""
    return whole({key: decode_record(key, record) for key, record in stored.items()})


def encode(state: NotifierState) -> dict[str, bytes]:
    """Return the whole state as it is stored."""
    return {key: record for key, record in changes(NotifierState(), state).items() if record is not None}


def _changed(
    kind: str, before: Mapping[str, R], after: Mapping[str, R], adapter: TypeAdapter[R]
) -> Iterator[tuple[str, bytes | None]]:
    if before is after:
        return
    for name, record in after.items():
        if before.get(name) is not record:
            yield f"{kind}/{name}", adapter.dump_json(record, exclude_defaults=True, by_alias=True)
    for name in before.keys() - after.keys():
        yield f"{kind}/{name}", None
