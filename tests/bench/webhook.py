"""From a call to a webhook: how soon a breach is told, and its end; beside Prometheus with Alertmanager.

A queue that stands just under the limit has one missed call more (it fires), then four answered ones (it
is over). Everybody's clock begins before the calls are written, and stops when the message has arrived.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from typing import Final

from shared.contract.events import CallAnswered, CallMissed, Event, Outcome, encode
from shared.redis.keys import DATA_FIELD
from simulator import SOURCE
from tests.bench import peers
from tests.bench.exporter import Calls
from tests.bench.inbox import FIRING, OURS, RESOLVED, Arrival, Inbox
from tests.bench.ingest import connected, post
from tests.bench.latency import RATE, steadily, ways_row
from tests.bench.load import SITE, busy, city_text, entries
from tests.bench.peers import SHIPPED, TUNED, Peer, RuleText, Timing
from tests.bench.report import Cell, Measured
from tests.bench.stage import EVENTS, Stage
from tests.support.eventually import eventually

QUEUES: Final = 10
WATCHED: Final = tuple(f"watched-{number}" for number in range(20))
"""They take turns, so that no breach meets the one before."""

PEER_QUEUES: Final = tuple(f"watched-{number}" for number in range(8))
"""Theirs are under way at the same time: most of it is waiting, each in a group of its own."""

RULE: Final = RuleText(window="15m", limit=0.2, samples=5)
BEFORE: Final = Calls(queue="", answered=5, missed=1)
FIRES: Final = Calls(queue="", missed=1)
IS_OVER: Final = Calls(queue="", answered=4)
"""From (1 + k) missed of (6 + 5k) calls to one more, and back under a fifth, again and again."""

ALERTING: Final = """
[[targets]]
kpi = "missed_ratio"
limit = 0.2
period = "year"

[[targets]]
kpi = "call_wait_mean"
limit = 45
period = "month"

[[rules]]
id = "missed"
kpi = "missed_ratio"
queue = "*"
window = "{rule.window}"
limit = {rule.limit}
min_samples = {rule.samples}

[[rules]]
id = "missed-hour"
kpi = "missed_ratio"
window = "1h"

[[rules]]
id = "wait"
kpi = "call_wait_mean"
queue = "*"
limit = 120
warn_at = 90

[[rules]]
id = "wait-month"
kpi = "call_wait_mean"
window = "month"

[[budget_rules]]
id = "budget-fast"
long_window = "1h"
short_window = "10m"
burn_rate = 3.0

[[budget_rules]]
id = "budget-slow"
long_window = "24h"
short_window = "2h"
burn_rate = 1.5

[[receivers]]
id = "inbox"
channels = [{{ kind = "webhook", url = "{url}" }}]

[[routes]]
receivers = ["inbox"]
rules = ["missed"]
queues = [{queues}]

[notify]
group_wait = "0s"
flap_window = "1m"
flap_messages = 100
"""
"""One rule makes the breaches; the others are judged beside it, as in the city file that ships."""

MORNING: Final = timedelta(hours=8)
EVENTS_BEFORE: Final = 10_000
"""What the queues already had that morning: windows that are empty are quickly added up."""

PAUSE: Final = (0.05, 0.25)
"""Seconds before each writing, drawn anew: so that it meets our clocks' ticks everywhere."""

TOLD_WITHIN: Final = 10.0
PEER_TOLD_WITHIN: Final = 120.0
BURST: Final = 500
"""Events that say that the steady sender has begun."""

LAST_TAKES: Final = 1.0
"""Seconds before the sender's end in which no breach begins, so that all of them met others."""

AIM_MS: Final = 250


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int
    at_rest: int
    """Breaches a round, of which every third comes in by HTTP."""
    loaded_s: float
    """Seconds of steady sending a round; breaches follow each other as long as it lasts."""
    shipped: bool


FULL: Final = Plan(rounds=5, at_rest=30, loaded_s=12.0, shipped=True)
QUICK: Final = Plan(rounds=1, at_rest=12, loaded_s=4.0, shipped=False)


@dataclass
class Ways:
    """How long messages of one sort were under way, ms."""

    whole: list[float] = field(default_factory=list)
    judged: list[float] = field(default_factory=list)
    decided: list[float] = field(default_factory=list)
    delivered: list[float] = field(default_factory=list)

    def add(self, began: datetime, arrival: Arrival) -> None:
        """Count one in."""
        judged, decided = arrival.told.judged, arrival.told.decided
        self.whole.append(_ms(arrival.at - began))
        if judged is not None and decided is not None:
            self.judged.append(_ms(judged - began))
            self.decided.append(_ms(decided - judged))
            self.delivered.append(_ms(arrival.at - decided))


@dataclass
class Told:
    """Both messages of many breaches."""

    fires: Ways = field(default_factory=Ways)
    over: Ways = field(default_factory=Ways)


def webhook(stage: Stage, quick: bool) -> Measured:
    """Rounds of: ours at rest, theirs tuned, ours under load; theirs as shipped meanwhile."""
    plan = QUICK if quick else FULL
    with Inbox().open() as inbox, ExitStack() as running:
        ours = running.enter_context(_ours(stage, inbox))
        missing = peers.missing()
        tuned = shipped = None
        if not missing:
            tuned = running.enter_context(_theirs(stage, inbox, TUNED))
            if plan.shipped:
                shipped = running.enter_context(_begun(_theirs_as_shipped, stage, inbox))
        rest, loaded, theirs, rates = (Told(), Told()), (Told(), Told()), Told(), list[float]()
        for _ in range(plan.rounds):
            for _ in range(plan.at_rest):
                ours.breach(rest)
            if tuned is not None:
                _both(tuned, inbox, theirs)
            rates.append(_under_load(stage, ours, plan.loaded_s, loaded))
        slow = None if shipped is None else shipped.result()
    rows = [
        *_our_rows("at rest", rest),
        *_our_rows(f"{RATE:,} events/s", loaded),
        *_their_rows(f"Prometheus + Alertmanager {TUNED}", theirs if tuned is not None else None),
        *_their_rows(f"Prometheus + Alertmanager {SHIPPED}", slow),
    ]
    return Measured(
        "webhook",
        f"From a call to the webhook (rounds in turns: {plan.rounds}; {min(rates):,.0f} events/s were sent)",
        ("", "p50 ms", "p99 ms", "most ms", "how many"),
        rows,
        _means(missing, quick),
    )


def _means(missing: Sequence[str], quick: bool) -> str:
    ours = (
        "From before the calls are written to a message's last byte at the receiver. Ours: "
        f"{QUEUES + len(WATCHED)} queues with a morning's {EVENTS_BEFORE:,} events behind them, no hold, no "
        f"collecting. The aim is a p99 of {AIM_MS} ms. "
    )
    if missing:
        return f"{ours}Without Prometheus and Alertmanager (apt install {' '.join(missing)})."
    theirs = (
        "Theirs: scrape/evaluation/group_wait; the same calls on an exporter's page, the same rule over "
        "increase(), a group for each queue. "
    )
    if quick:
        return f"{ours}{theirs}As their packages ship it ({SHIPPED}) takes a minute: not in a quick run."
    return (
        f"{ours}{theirs}As their packages ship it runs beside the others and idles; the end is not waited "
        f"for: a group's next message goes out after {SHIPPED.group_interval}."
    )


def _our_rows(when: str, told: tuple[Told, Told]) -> Iterator[list[Cell]]:
    by_stream, by_http = told
    fires = by_stream.fires
    yield ways_row(f"Wachtpost {when}: XADD → it fires", fires.whole)
    yield ways_row("  of which: until judged", fires.judged)
    yield ways_row("  of which: until the notifier decided", fires.decided)
    yield ways_row("  of which: until it arrived", fires.delivered)
    yield ways_row(f"Wachtpost {when}: XADD → it is over", by_stream.over.whole)
    yield ways_row(f"Wachtpost {when}: POST → it fires", by_http.fires.whole)
    yield ways_row(f"Wachtpost {when}: POST → it is over", by_http.over.whole)


def _their_rows(who: str, told: Told | None) -> Iterator[list[Cell]]:
    if told is not None:
        yield ways_row(f"{who}: it fires", told.fires.whole)
        yield ways_row(f"{who}: it is over", told.over.whole)


# Wachtpost -------------------------------------------------------------------------------------------


class Ours:
    """A desk of Wachtpost, and the ways of having calls end there."""

    def __init__(self, stage: Stage, inbox: Inbox, door: int) -> None:
        self.door = door
        """The port of ingest."""
        self._stage = stage
        self._inbox = inbox
        self._chance = random.Random(SITE)
        self._numbers = count()
        self._queues = cycle(WATCHED)
        self._writes = cycle([(0, self.xadd), (0, self.xadd), (1, self.post)])

    def breach(self, told: tuple[Told, Told]) -> None:
        """Have one fire and be over, and count both messages in; ``told`` is for XADD and for POST."""
        which, write = next(self._writes)
        queue = next(self._queues)
        for calls, kind, ways in (
            (FIRES, FIRING, told[which].fires),
            (IS_OVER, RESOLVED, told[which].over),
        ):
            time.sleep(self._chance.uniform(*PAUSE))
            began = datetime.now(UTC)
            write(self.events(queue, calls, began))
            ways.add(began, self._inbox.wait(OURS, queue, kind, began, TOLD_WITHIN))

    def events(self, queue: str, calls: Calls, at: datetime) -> list[Event]:
        """Return calls that end at that instant."""

        def about() -> dict[str, object]:
            call = f"watched.{next(self._numbers)}"
            return {"id": call, "at": at, "source": SOURCE, "site": SITE, "queue": queue, "wait_ms": 10_000}

        missed = [CallMissed(outcome=Outcome.ABANDONED, **about()) for _ in range(calls.missed)]
        return [*missed, *(CallAnswered(**about()) for _ in range(calls.answered))]

    def xadd(self, events: Sequence[Event]) -> None:
        """Put them on the stream in one go, as any source of ours does."""
        with self._stage.redis.pipeline() as pipeline:
            for event in events:
                pipeline.xadd(EVENTS, {DATA_FIELD: encode(event)})
            pipeline.execute()

    def post(self, events: Sequence[Event]) -> None:
        """Hand them to ingest; over a connection each, as who has a call now and then keeps none open."""
        with connected(self.door) as connection:
            post(connection, b"\n".join(map(encode, events)))


@contextmanager
def _ours(stage: Stage, inbox: Inbox) -> Iterator[Ours]:
    """All three services; every watched queue just under the limit, and each of them told of once."""
    queues = ", ".join(f'"{name}"' for name in WATCHED)
    alerting = ALERTING.format(rule=RULE, url=inbox.url + OURS, queues=queues)
    city = city_text(QUEUES, WATCHED) + alerting
    stage.empty()
    stage.fill(entries(busy(QUEUES, EVENTS_BEFORE, MORNING, datetime.now(UTC))))
    with (
        stage.service("services.ingest", city) as ingest,
        stage.service("services.evaluator", city) as evaluator,
        stage.service("services.notifier", city) as notifier,
    ):
        for service in (evaluator, notifier):
            eventually(lambda s=service: s.logged("owner"), within=TOLD_WITHIN * 2)  # type: ignore[misc]
        ours = Ours(stage, inbox, ingest.port)
        for queue in WATCHED:
            ours.xadd(ours.events(queue, BEFORE, datetime.now(UTC)))
        for _ in range(3):
            ours.breach((Told(), Told()))  # the first of each way pay for what is loaded then
        yield ours


def _under_load(stage: Stage, ours: Ours, seconds: float, told: tuple[Told, Told]) -> float:
    """Breaches while others send; returns how many events a second those really sent."""
    at_first = stage.redis.xlen(EVENTS)
    with stage.beside(steadily, ours.door, seconds) as sending:
        eventually(lambda: stage.redis.xlen(EVENTS) > at_first + BURST, within=TOLD_WITHIN * 2)
        ends = time.monotonic() + seconds - BURST / RATE - LAST_TAKES
        while time.monotonic() < ends:
            ours.breach(told)
        return sending.result()


# Theirs ----------------------------------------------------------------------------------------------


@contextmanager
def _theirs(stage: Stage, inbox: Inbox, timing: Timing) -> Iterator[Peer]:
    """Prometheus and Alertmanager; every queue just under the limit."""
    folder = stage.folder / timing.name
    with peers.raised(folder, timing, RULE, PEER_QUEUES, inbox.url + timing.path) as peer:
        peer.until_scraped(PEER_QUEUES, within=PEER_TOLD_WITHIN)
        for queue in PEER_QUEUES:
            peer.write(BEFORE.model_copy(update={"queue": queue}))
        yield peer


def _theirs_as_shipped(stage: Stage, inbox: Inbox) -> Told:
    """Raise them and have every queue fire once, somewhere within a scrape's interval."""
    with _theirs(stage, inbox, SHIPPED) as peer:
        told = Told()
        _at_once(peer, inbox, SHIPPED, FIRES, told.fires)
        return told


def _both(peer: Peer, inbox: Inbox, told: Told) -> None:
    """Have every queue fire and be over."""
    _at_once(peer, inbox, TUNED, FIRES, told.fires)
    _at_once(peer, inbox, TUNED, IS_OVER, told.over)


def _at_once(peer: Peer, inbox: Inbox, timing: Timing, calls: Calls, ways: Ways) -> None:
    """Have the same happen at every queue, each at its own chance moment of an interval."""
    kind = FIRING if calls is FIRES else RESOLVED

    def one(queue: str) -> tuple[datetime, Arrival]:
        time.sleep(random.uniform(0, timing.interval_s))
        began = datetime.now(UTC)
        peer.write(calls.model_copy(update={"queue": queue}))
        return began, inbox.wait(timing.path, queue, kind, began, PEER_TOLD_WITHIN)

    with ThreadPoolExecutor(len(PEER_QUEUES)) as pool:
        for began, arrival in pool.map(one, PEER_QUEUES):
            ways.add(began, arrival)


@contextmanager
def _begun(work: Callable[[Stage, Inbox], Told], stage: Stage, inbox: Inbox) -> Iterator[Future[Told]]:
    """Do it in another thread while the block runs; its end is waited for."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work, stage, inbox)


def _ms(taken: timedelta) -> float:
    return taken / timedelta(milliseconds=1)
