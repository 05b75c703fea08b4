"""When a rule may say something else than it said, though nothing happens: by time alone. Pure.

Epoch seconds. An instant too many costs a look; one too few would tell a breach late.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from math import ceil
from typing import Final

from domain.bucket import Resolution
from domain.bucket_store import COARSE_S, FINE_S, Slot
from domain.counts import ms_of
from domain.queue_ref import QueueRef
from services.evaluator.alerting.judge import StoredRuleState, progress_every
from services.evaluator.alerting.rules import Rule
from shared.calendar import DAY_MS, Calendar
from shared.config.types import FINE_REACH
from shared.contract.breach_events import BreachState
from shared.contract.kpis import Measure

GROWING: Final = frozenset({Measure.LONGEST_WAIT, Measure.NO_DATA})
"""What grows from second to second while nothing happens."""

KEPT_S: Final = 2 * 86_400
"""Nothing is looked back to for longer than a day, a clock change and some hours."""

_STEP_S: Final[Mapping[Resolution, int]] = {Resolution.FINE: FINE_S, Resolution.COARSE: COARSE_S}


class CellStarts:
    """When the cells of the rings begin in which anything happened."""

    def __init__(self) -> None:
        self._starts: dict[tuple[QueueRef, Resolution], list[int]] = {}

    def note(self, slots: Iterable[Slot]) -> None:
        """Something happened in some slots."""
        for queue_ref, resolution, start in slots:
            if resolution not in _STEP_S or not isinstance(start, int):
                continue
            starts = self._starts.setdefault((queue_ref, resolution), [])
            at = bisect_left(starts, start)
            if at == len(starts) or starts[at] != start:
                insort(starts, start)

    def forget(self, now_s: int) -> None:
        """Drop what nobody looks back to any more."""
        for starts in self._starts.values():
            del starts[: bisect_left(starts, now_s - KEPT_S)]

    def next_move(
        self, queue_refs: Iterable[QueueRef], resolution: Resolution, length_s: int, now_s: int
    ) -> int | None:
        """Return when a cell is next so far behind, or ceases to lie ahead: leaves a rolling window of these
        queues, or comes into it."""
        step_s = _STEP_S[resolution]
        end_s = (now_s // step_s + 1) * step_s
        moves: list[int] = []
        for queue_ref in queue_refs:
            starts = self._starts.get((queue_ref, resolution), ())
            oldest, ahead = bisect_right(starts, now_s - length_s), bisect_left(starts, end_s)
            moves += [start + length_s for start in starts[oldest : oldest + 1]]
            moves += starts[ahead : ahead + 1]
        return min(moves, default=None)


def next_change(
    rule: Rule, known: StoredRuleState, now_ms: int, cells: CellStarts, grows_from: Iterable[int]
) -> int | None:
    """Return the first instant after ``now`` from which on a rule may take a step, whatever the time of day.

    ``grows_from``: since when that lasts (UTC ms) whose length is held against its limits.
    """
    running = known.rule_state.state is not BreachState.OK
    moves = (
        at * 1000
        for resolution, length_s in _lengths(rule, running=running)
        if (at := cells.next_move(rule.queue_refs, resolution, length_s, now_ms // 1000)) is not None
    )
    instants = (*_patience(rule, known), *moves, *_crossings(rule, grows_from))
    return min((at for at in instants if at > now_ms), default=None)


def next_edge(calendar: Calendar, hours: Iterable[str | None], now_ms: int) -> int:
    """Return the second at which any of these hours next begin or end, or the day ends (UTC ms in)."""
    today = calendar.local_day(now_ms)
    _, midnight = calendar.day_bounds(today)
    edges = [midnight]
    for name in hours:
        edges += (edge for stretch in calendar.stretches(name, today) for edge in stretch)
    return -(-min(edge for edge in edges if edge > now_ms) // 1000)


def _patience(rule: Rule, known: StoredRuleState) -> Iterator[int]:
    """What becomes of a breach when it has lasted, or has had no reading, for long enough; UTC ms."""
    rule_state, patience = known.rule_state, rule.patience
    if rule_state.state is BreachState.OK:
        return
    if rule_state.since is not None:
        yield from (ms_of(rule_state.since + waits) for waits in (patience.hold, patience.keep_firing))
    if rule_state.unread_since is not None and patience.stale_after is not None:
        yield ms_of(rule_state.unread_since + patience.stale_after)
    if rule_state.fired_at is not None:
        yield ms_of(max(rule_state.fired_at, known.reported_at or rule_state.fired_at) + progress_every(rule))


def _lengths(rule: Rule, *, running: bool) -> Iterator[tuple[Resolution, int]]:
    """How far what happened must lie behind to be in a rolling window no more, or to say nothing of now."""
    for condition in rule.conditions:
        for window in condition.windows:
            if isinstance(window, timedelta):
                resolution = Resolution.FINE if window <= FINE_REACH else Resolution.COARSE
                yield resolution, int(window.total_seconds())
        if condition.counts_back:
            yield Resolution.FINE, FINE_S + DAY_MS // 1000
        if condition.counts_back and running:
            yield Resolution.FINE, FINE_S + ceil(condition.stale_after.total_seconds())


def _crossings(rule: Rule, grows_from: Iterable[int]) -> Iterator[int]:
    """When what grows is at a limit, and when beyond it; UTC ms."""
    for since in grows_from:
        for limits in (condition.limits for condition in rule.conditions):
            for seconds in (limits.limit, limits.clear_at):
                at = since + int(seconds * 1000)
                yield from (at, at + 1)
