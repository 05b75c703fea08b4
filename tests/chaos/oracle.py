"""What must be true whatever happened, as pure questions: each returns what is wrong, in words.

* What was said yes to is there, and nothing else is (``lost``, ``invented``). Where Redis went back, what
  came by HTTP may be gone: exactly what a dead letter names (``named_as_lost``). A log is read again.
* It is counted exactly once: what is committed is what an independent oracle makes of the stream
  (``wrong_figures``; the arithmetic is ``tests.support.evaluator_oracle``).
* Every breach goes through its states in order, and no step stands twice (``wrong_steps``).
* Everybody hears of both ends, in order: at least once, and always under the same key (``wrong_messages``).
* What was decided and handed over is written down once (``written_twice``): here a commit shows that was
  repeated because its answer got lost, for a delivery moves no offset.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from shared.contract.breach_events import BreachChanged
from shared.contract.dead_letters import DeadLetter, DeadLetterReason
from shared.contract.events import Event
from shared.redis.stream_entries import order
from tests.chaos.check import Outcome
from tests.support.breach_stage import Told

STEPS: Final = ("pending", "firing", "clearing", "ok")
SHOWN: Final = 5
"""Examples that are told of one kind of wrong."""


def lost(said_yes: Iterable[Event], on_stream: Iterable[Event], named: Iterable[Event] = ()) -> list[str]:
    """Facts that somebody said yes to and that are not on the stream, unless they are named as lost."""
    return _told("lost", _facts(said_yes) - _facts(on_stream) - _facts(named))


def named_as_lost(
    had: Mapping[str, Event], there: Collection[str], letters: Iterable[DeadLetter]
) -> list[Event]:
    """What Redis had and has no more, by entry, as far as a dead letter of its source says so."""
    intervals = [
        (letter.source, order(str(letter.item["lost_after"])), order(str(letter.item["lost_until"])))
        for letter in letters
        if letter.reason is DeadLetterReason.WENT_BACK and letter.item
    ]
    gone = ((order(entry), event) for entry, event in had.items() if entry not in there)
    return [
        event
        for entry, event in gone
        if any(event.source == source and after < entry <= until for source, after, until in intervals)
    ]


def invented(said: Iterable[Event], on_stream: Iterable[Event]) -> list[str]:
    """Facts on the stream, each under an id of its own, that nobody sent."""
    return _told("invented", _facts(on_stream) - _facts(said))


def wrong_figures(found: Outcome, expected: Outcome) -> list[str]:
    """Where what is committed differs from what the stream says."""
    found = replace(found, dead_letters=0)  # ingest's are among them
    expected = replace(expected, dead_letters=0)
    wrong = [f"refused at the evaluator: {reason}" for reason in found.refused]
    for name in ("offset", "read", "duplicates"):
        one, other = getattr(found, name), getattr(expected, name)
        if one != other:
            wrong.append(f"{name}: {one}, the oracle says {other}")
    cells = sorted(found.buckets.keys() | expected.buckets.keys(), key=str)
    differ = [cell for cell in cells if found.buckets.get(cell) != expected.buckets.get(cell)]
    wrong += [
        f"{cell}: {found.buckets.get(cell)}, the oracle says {expected.buckets.get(cell)}"
        for cell in differ[:SHOWN]
    ]
    return wrong


def wrong_steps(queue: str, changes: Sequence[BreachChanged], breaches: int) -> list[str]:
    """Whether so many breaches went through their states, each step once."""
    wrong = [f"{queue}: step {id_} stands {n} times" for id_, n in _repeated(change.id for change in changes)]
    states = [change.state.value for change in changes]
    if states != [*STEPS] * breaches:
        wrong.append(f"{queue}: {breaches} breaches, and the steps {' '.join(states)}")
    return wrong


def wrong_messages(queue: str, changes: Sequence[BreachChanged], messages: Sequence[Told]) -> list[str]:
    """Whether all breaches were told, from both ends, in order and each message under one key."""
    wrong = []
    keys: dict[tuple[str, str], set[str]] = defaultdict(set)
    heard: dict[str, list[str]] = defaultdict(list)
    for told in messages:
        for breach in told.breaches:
            keys[told.kind, breach].add(told.key)
            heard[breach].append(told.kind)
    for (kind, breach), found in keys.items():
        if len(found) > 1:
            wrong.append(f"{queue}: {kind} of {breach} came under {len(found)} keys")
    known = list(dict.fromkeys(change.breach for change in changes))
    for breach in known:
        kinds = list(dict.fromkeys(heard.pop(breach, [])))
        if kinds != ["firing", "resolved"]:
            wrong.append(f"{queue}: of {breach} was told, in this order: {kinds}")
    wrong += [f"{queue}: a message about {breach}, which never was" for breach in heard]
    for kind in ("firing", "resolved"):
        order = [name for told in messages if told.kind == kind for name in told.breaches]
        if list(dict.fromkeys(order)) != known:
            wrong.append(f"{queue}: breaches were not told as {kind} in the order they came in")
    return wrong


def wrong_mails(message_ids: Iterable[str], breaches: int) -> list[str]:
    """Whether there is one mail for each end of each breach; the same one twice is the same id."""
    different = len(set(message_ids))
    return [] if different == 2 * breaches else [f"{breaches} breaches, and {different} different mails"]


def written_twice(log: Iterable[bytes]) -> list[str]:
    """Lines of the delivery log that stand in it more than once: each has its own moment."""
    return [f"the delivery log says {n} times: {line}" for line, n in _repeated(map(bytes.decode, log))]


def _facts(events: Iterable[Event]) -> Counter[str]:
    """How often each fact is there, one id being one fact. Facts are known by what they say: ingest may give
    an id of its own, to a line of a log as well as for what could be a number or a name."""
    facts = {event.id: event for event in events}
    return Counter(fact.model_dump_json(exclude={"id", "contact"}) for fact in facts.values())


def _told(what: str, facts: Counter[str]) -> list[str]:
    if not facts:
        return []
    examples = "".join(f"\n    {fact}" for fact in list(facts)[:SHOWN])
    return [f"{what}: {facts.total()} facts, such as{examples}"]


def _repeated(names: Iterable[str]) -> list[tuple[str, int]]:
    return [(name, n) for name, n in Counter(names).items() if n > 1]
