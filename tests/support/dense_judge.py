"""The judge as it looks live: at every second, and at every fact at once. Slow, and nothing to get wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import groupby

from domain.aggregator import Aggregator, StreamEvent
from domain.counts import EPOCH
from services.evaluator.alerting.judge import Judge
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.contract.breach_events import BreachEvent


def dense(city: CityFile, arrivals: Iterable[StreamEvent], until: int | None = None) -> Iterator[BreachEvent]:
    """Yield what the judge says of facts in the order of arrival; up to the second of ``until`` (UTC ms)."""
    calendar = Calendar(city)
    aggregator, judge = Aggregator(city, calendar, city.sites), Judge(city, calendar, city.sites)

    def look(at: int) -> Iterator[BreachEvent]:
        yield from judge.judge(aggregator, EPOCH + timedelta(milliseconds=at)).events

    second, looked = 0, 0
    for at, batch in groupby(arrivals, key=lambda arrival: arrival.arrived):
        second = second or -(-at // 1000)
        for tick in range(second, -(-at // 1000)):
            aggregator.advance(tick * 1000)
            yield from look(tick * 1000)
        aggregator.record(batch)
        yield from look(at)
        second, looked = max(second, -(-at // 1000)), at
    for tick in range(second, -(-max(looked, until or 0) // 1000) + 1):
        aggregator.advance(tick * 1000)
        yield from look(tick * 1000)
