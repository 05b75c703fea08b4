"""What a board, a page and an alarm say of the same calls at the same look is the same, to the digit."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from pydantic_core import from_json, to_json
from redis.asyncio import Redis

from deploy.grafana.every import written
from domain.counts import ms_of
from domain.queue_ref import QueueRef
from domain.windows import window_label
from services.evaluator.consumer import EvaluatorSession
from services.evaluator.metrics import EvaluatorCollector
from services.notifier.app import policy_of
from services.notifier.engine import list_breaches, on_events
from services.notifier.messages.message import Writer
from services.notifier.state import NotifierState
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.contract.breach_events import BREACH_EVENT, BreachEvent, rule_label
from shared.contract.events import CallAnswered, CallMissed, Event, Outcome, encode
from shared.contract.kpis import Kpi
from shared.redis import keys
from shared.redis.keys import DATA_FIELD
from shared.translation import translator
from tests.support import partitions
from tests.support.entries import entries
from tests.support.eventually import eventually_async
from tests.support.notifications import TEMPLATES
from tests.support.partitions import AtWork
from tests.support.thorough import examples
from wachtpost.live.alerts import known_of
from wachtpost.live.figures import shown_figure
from wachtpost.live.snapshot import TODAY, MetricRule, Snapshot, read_metrics, window_of
from wachtpost.page.view import ServicesLook, page_view

SITE: Final = "huis"
MORNING: Final = datetime(2026, 11, 24, 9, 0, 3, tzinfo=UTC)
APART: Final = timedelta(minutes=1, seconds=1)
"""From one handful of calls to the next: a breach that lasts is told of at every one."""
LATER: Final = timedelta(seconds=9, milliseconds=700)
"""After the look, beyond the next end of a window, somebody asks how things stand."""

CITY: Final = CityFile.model_validate(
    tomllib.loads("""
        city = { name = "Proefstad" }
        [[sites]]
        id = "huis"
        queues = [{ id = "onthaal", kind = "phone" }, { id = "wonen", kind = "phone" }]
        [[targets]]
        kpi = "missed_ratio"
        limit = 0.2
        [[targets]]
        kpi = "call_wait_mean"
        limit = 45
        [[targets]]
        kpi = "service_level"
        limit = 0.9
        [[rules]]
        id = "missed"
        kpi = "missed_ratio"
        window = "30m"
        min_samples = 1
        [[rules]]
        id = "missed-queue"
        kpi = "missed_ratio"
        queue = "*"
        window = "last 4"
        min_samples = 1
        [[rules]]
        id = "wait"
        kpi = "call_wait_mean"
        queue = "*"
        window = "2m"
        min_samples = 1
        [[rules]]
        id = "level"
        kpi = "service_level"
        window = "30m"
        limit = 0.9
        min_samples = 1
        [[rules]]
        id = "both"
        all = [
          { kpi = "missed_ratio", window = "3m", limit = 0.1, min_samples = 1 },
          { kpi = "call_wait_mean", window = "10m", limit = 10, min_samples = 1 },
        ]
    """)
)


@dataclass
class Clock:
    now: datetime = MORNING

    def __call__(self) -> datetime:
        return self.now


Call = tuple[str, int | None]
"""At which queue, and after how many seconds it was answered; none: it was missed."""

HANDFULS: Final = st.lists(
    st.lists(st.tuples(st.sampled_from(["onthaal", "wonen"]), st.none() | st.integers(0, 240)), max_size=6),
    min_size=1,
    max_size=4,
)


@settings(
    max_examples=examples(10),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(HANDFULS)
def test_every_figure_of_a_look_is_the_message_s(redis_url: str, handfuls: list[list[Call]]):
    asyncio.run(compare(redis_url, handfuls))


async def test_there_are_figures_to_hold_against_each_other(redis_url: str):
    bad: list[Call] = [("onthaal", None), ("onthaal", 100), ("wonen", 80), ("wonen", None)]
    assert await compare(redis_url, [bad, [("wonen", 81), ("onthaal", 0)], bad]) == {
        "missed all 30m",
        "missed-queue onthaal last 4",
        "missed-queue wonen last 4",
        "wait onthaal 2m",
        "wait wonen 2m",
        "level all 30m",
        "both all 3m",
        "page: missed_ratio all 30m",
        "page: service_level all 30m",
    }


def test_every_window_that_a_board_asks_for_is_shown():
    asked = {
        window
        for text in written(CITY).values()
        for window in re.findall(r'wachtpost_(?!indicator)[^}]*window=\\"([^"$\\]+)', text)
    }
    assert "30m" in asked  # what its rules look back over, and not the shortest of live.windows
    assert asked <= {*map(window_label, CITY.shown_windows), TODAY}


async def compare(url: str, handfuls: list[list[Call]]) -> set[str]:
    """Have a real evaluator count and judge, and hold its page against what it tells the notifier.

    Returns what there was to hold.
    """
    clock, held = Clock(), set[str]()
    async with Redis.from_url(url) as redis, partitions.evaluator(url, CITY, clock) as run:
        await redis.flushall()
        await eventually_async(lambda: run.owns)
        session = run.session
        assert session.judge is not None
        for number, calls in enumerate(handfuls):
            for place, call in enumerate(calls, start=1):
                body = encode(event(f"{number}-{place}", call, clock.now))
                await redis.xadd(keys.events(0), {DATA_FIELD: body}, id=f"{ms_of(clock.now)}-{number}{place}")
            wanted = sum(map(len, handfuls[: number + 1]))
            await eventually_async(lambda wanted=wanted: session.aggregator.counts.read == wanted)
            async with run.partition.lock:  # all is counted: whatever is told from now on rests on all of it
                clock.now += APART
            await eventually_async(lambda: session.judge.looked_at == clock.now)
            async with run.partition.lock:
                snapshot = page(run, lambda: clock.now + LATER)
                told = [
                    BREACH_EVENT.validate_json(body) for _, body in await entries(redis, keys.breaches(0))
                ]
            assert snapshot.looked_at == clock.now.timestamp()
            heard = on_events(NotifierState(), told, clock.now, policy_of(CITY)).state
            of_now = [one for one in told if one.at == clock.now]
            held |= {hold(snapshot, one) for one in of_now if one.reading.value is not None}
            hold_headlines(snapshot, heard, {one.breach for one in of_now}, clock.now)
            held |= {f"page: {key}" for key in hold_page(snapshot, heard, of_now, clock.now)}
    return held


def event(name: str, call: Call, at: datetime) -> Event:
    queue, waited = call
    of = {"id": name, "at": at, "source": "pbx", "site": SITE, "queue": queue}
    if waited is None:
        return CallMissed.model_validate({**of, "outcome": Outcome.ABANDONED, "wait_ms": 9000})
    return CallAnswered.model_validate({**of, "wait_ms": waited * 1000})


def page(run: AtWork[EvaluatorSession], now: Callable[[], datetime]) -> Snapshot:
    registry = CollectorRegistry()
    registry.register(EvaluatorCollector(CITY, Calendar(CITY), (run.partition,), now))
    return read_metrics(generate_latest(registry).decode())


def hold(snapshot: Snapshot, told: BreachEvent) -> str:
    """Hold the page's figures against a message's; return which those were."""
    place = QueueRef(told.site, told.queue)
    rule = MetricRule(rule_label(told.rule, told.level), place, told.severity)
    message = (told.reading.value, told.reading.samples, told.reading.part)
    if rule in snapshot.readings:  # it is not ok yet
        read = snapshot.readings[rule]
        assert (read.value, read.samples, read.part) == message
    key = (Kpi(told.measure), place, window_of(told.window))
    assert (snapshot.values[key], snapshot.samples[key], snapshot.parts.get(key)) == message
    for other in told.reading.also:
        key = (Kpi(other.measure), place, window_of(other.window))
        assert (snapshot.values.get(key), snapshot.samples[key]) == (other.value, other.samples)
    return f"{told.rule} {told.queue} {told.window}"


def hold_page(
    snapshot: Snapshot, heard: NotifierState, told: Sequence[BreachEvent], now: datetime
) -> set[str]:
    """Hold what the page in the browser gives to machines against messages; return which figures it had."""
    writer, say = Writer(CITY, TEMPLATES), translator(CITY.city.language)
    known = known_of(list_breaches(heard), snapshot, writer, now)
    page = from_json(to_json(page_view(ServicesLook(snapshot, known, True), CITY, now, say)))
    assert datetime.fromisoformat(page["as_of"]) == now
    headlines = {one.headline for one in known.values()}
    assert {breach["headline"] for breach in page["breaches"]} <= headlines
    (site,) = page["sites"]
    shown = {
        f"{cell['kpi']} {row['queue']} {cell['window']}": cell["value"]
        for table in site["tables"]
        for row in table["rows"]
        for cell in row["figures"]
    }
    for figure in (one["figure"] for one in site["others"]):
        shown[f"{figure['kpi']} all {figure['window']}"] = figure["value"]
    values = {f"{one.measure} {one.queue} {one.window}": one.reading.value for one in told}
    both = shown.keys() & values.keys()
    assert {key: shown[key] for key in both} == {key: values[key] for key in both}
    return {key for key in both if values[key] is not None}


def hold_headlines(snapshot: Snapshot, heard: NotifierState, of_now: set[str], now: datetime) -> None:
    """Hold the board's line of a breach, and the board's figure, against the headline of its message."""
    writer, say = Writer(CITY, TEMPLATES), translator(CITY.city.language)
    breaches = [breach for breach in list_breaches(heard) if breach.id in of_now]
    known = known_of(breaches, snapshot, writer, now)
    for breach in breaches:
        place = QueueRef(breach.site, breach.queue)
        line = known[MetricRule(rule_label(breach.rule, breach.level), place, breach.severity)].headline
        assert line == writer.headline(breach, now)
        window = window_of(breach.window)
        assert shown_figure(snapshot, Kpi(breach.measure), place, window, say).value in line
