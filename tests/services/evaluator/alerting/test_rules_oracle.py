"""Every kind of rule against plain arithmetic, second by second, with kills anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, note, settings
from hypothesis import strategies as st

from domain.shift import shift_design
from shared.contract.breach_events import BreachChanged
from shared.contract.events import Event, Outcome
from shared.contract.kpis import Kpi, QueueKind
from tests.support import alerting_oracle as oracle
from tests.support.alerting_oracle import Figure, Machine, Seen, Told, Weights
from tests.support.contact_oracle import Contacts, is_open
from tests.support.evaluator_oracle import at_ms
from tests.support.rule_story import SITE, Desk, city
from tests.support.thorough import examples

BRUSSELS = ZoneInfo("Europe/Brussels")
MONDAY = datetime(2026, 3, 2, tzinfo=BRUSSELS)
MINUTE = 60_000

FEWEST, RANGE_BELOW = 5, 60
"""Contacts below which nothing is said, and from which on a figure stands by itself."""

SHIFT = {"usual": 0.12, "bad": 0.4, "false_alarm_every": 200}
DESIGN = shift_design(0.12, 0.4, 200)
"""Its limit is held against another arithmetic in ``tests.domain.test_shift_oracle``."""

CITY = city(
    {
        "id": "few",
        "kpi": "missed_ratio",
        "window": "last 6",
        "limit": 0.4,
        "clear_at": 0.2,
        "stale_after": "3m",
    },
    {"id": "many", "kpi": "waiting", "limit": 1, "hold": "20s", "keep_firing": "15s"},
    {"id": "long", "kpi": "longest_wait", "limit": 75.5, "clear_at": 30, "hold": "11s"},
    {"id": "nobody", "kpi": "nobody_available", "hold": "15s"},
    {
        "id": "alone",
        "all": [{"kpi": "waiting", "limit": 0}, {"kpi": "nobody_available"}],
        "keep_firing": "10s",
    },
    {
        "id": "both",
        "all": [
            {"kpi": "missed_ratio", "window": "4m", "limit": 0.3, "clear_at": 0.1, "min_samples": 2},
            {"kpi": "longest_wait", "limit": 20},
        ],
        "stale_after": "2m",
    },
    {"id": "shift", "kind": "shift", "kpi": "missed_ratio", "stale_after": "4m", **SHIFT},
    {
        "id": "share",
        "kpi": "missed_ratio",
        "window": "3m",
        "limit": 0.3,
        "min_samples": 2,
        "keep_firing": "30s",
        "stale_after": "1m",
    },
    {"id": "level", "kpi": "service_level", "window": "10m", "limit": 0.8},
    hours=("08:00-08:12", "08:15-12:00"),
)
"""Impatient enough for half an hour to be long."""

PHONES = oracle.queues_of(CITY, SITE, "all", QueueKind.PHONE)
FIRST, LAST = "7:59:00", "8:25:00"
MIDNIGHT = at_ms(MONDAY)


@dataclass
class Known:
    """Everything that was told by a moment."""

    events: list[Event]
    contacts: Contacts = field(init=False)
    told: dict[Kpi, list[Told]] = field(init=False)
    staff: int | None = field(init=False)
    counts_from: int = 0
    """Of the rule that is looked at: contacts counted back begin there."""

    def __post_init__(self) -> None:
        # Nobody here comes back, so that only outcomes make a figure: not who waits meanwhile.
        self.contacts = Contacts.of(self.events)
        self.told = {
            kpi: oracle.told_of(self.events, CITY, SITE, "all", kpi, 0)
            for kpi in (Kpi.MISSED_RATIO, Kpi.SERVICE_LEVEL)
        }
        self.staff = oracle.serving(self.events, PHONES)

    def waits(self, now: int) -> list[int]:
        return oracle.waits(self.contacts, CITY, PHONES, now)


Look = Callable[[Known, int], Seen]


def ratio(known: Known, kpi: Kpi, window: int | timedelta, now: int) -> Figure:
    told = known.told[kpi]
    if isinstance(window, timedelta):
        return oracle.figure(kpi, *oracle.rolling(window, told, now))
    return oracle.figure(kpi, *oracle.last(window, told, max(MIDNIGHT, known.counts_from), now))


def surely(figure: Figure, limit: float, *, more_is_better: bool = False) -> bool:
    """Whether a ratio is beyond its limit, wherever in its range it lies."""
    assert figure.part is not None
    assert figure.value is not None
    low = high = figure.value
    if figure.samples < RANGE_BELOW:
        low, high = oracle.wilson(figure.part, figure.samples)
    beyond = high < limit if more_is_better else low > limit
    return figure.samples >= FEWEST and beyond


def on(figure: Figure, limit: float, clear_at: float, samples: int = 1) -> Seen:
    """A ratio of which less is better, on at least so many contacts."""
    value = figure.value
    if value is None or figure.samples < samples:
        return Seen(False, False, measured=False)
    return Seen(value > limit, value <= clear_at)


def waits_longer(known: Known, seconds: float, now: int) -> bool:
    return max(known.waits(now), default=0) > seconds * 1000


def stale(known: Known, now: int, after: timedelta) -> bool:
    """Whether nobody came for so long since the step of the newest contact was over."""
    newest = max((one.at for one in known.told[Kpi.MISSED_RATIO]), default=0)
    return now - oracle.end_of_window(newest) >= after / timedelta(milliseconds=1)


def few(known: Known, now: int) -> Seen:
    figure = ratio(known, Kpi.MISSED_RATIO, 6, now)
    seen = on(figure, 0.4, 0.2)
    if not seen.measured or stale(known, now, timedelta(minutes=3)):
        return Seen(False, False, measured=False)
    return seen._replace(over=surely(figure, 0.4))


def many(known: Known, now: int) -> Seen:
    number = len(known.waits(now))
    return Seen(number > 1, number <= 1)


def long(known: Known, now: int) -> Seen:
    return Seen(waits_longer(known, 75.5, now), not waits_longer(known, 30, now))


def nobody(known: Known, now: int) -> Seen:
    number = known.staff
    return Seen(number == 0, number != 0, measured=number is not None)


def alone(known: Known, now: int) -> Seen:
    somebody, staff = bool(known.waits(now)), nobody(known, now)
    return together([Seen(somebody, not somebody), staff])


def both(known: Known, now: int) -> Seen:
    share = on(ratio(known, Kpi.MISSED_RATIO, timedelta(minutes=4), now), 0.3, 0.1, samples=2)
    late = waits_longer(known, 20, now)
    return together([share, Seen(late, not late)])


def together(conditions: Sequence[Seen]) -> Seen:
    """Over when all are, back when one is; no figure where one has none and no other is back."""
    back = any(one.measured and one.back for one in conditions)
    measured = back or all(one.measured for one in conditions)
    return Seen(all(one.over for one in conditions), back, measured)


def shift(known: Known, now: int) -> Seen:
    told = known.told[Kpi.MISSED_RATIO]
    since = max(MIDNIGHT, known.counts_from)
    score = oracle.shift(told, Weights.of(0.12, 0.4), DESIGN.limit, since, now).score
    measured = not stale(known, now, timedelta(minutes=4))
    return Seen(score >= DESIGN.limit, score <= max(0, DESIGN.limit - oracle.SURELY_USUAL), measured)


def share(known: Known, now: int) -> Seen:
    return on(ratio(known, Kpi.MISSED_RATIO, timedelta(minutes=3), now), 0.3, 0.3, samples=2)


def level(known: Known, now: int) -> Seen:
    figure = ratio(known, Kpi.SERVICE_LEVEL, timedelta(minutes=10), now)
    if figure.value is None:
        return Seen(False, False, measured=False)
    return Seen(surely(figure, 0.8, more_is_better=True), figure.value >= 0.8)


LOOKS: Mapping[str, Look] = {
    "few": few,
    "many": many,
    "long": long,
    "nobody": nobody,
    "alone": alone,
    "both": both,
    "shift": shift,
    "share": share,
    "level": level,
}


def machines() -> dict[str, Machine]:
    return {
        "few": Machine(stale=0),
        "many": Machine(hold=20_000, keep=15_000),
        "long": Machine(hold=11_000),
        "nobody": Machine(hold=15_000),
        "alone": Machine(keep=10_000),
        "both": Machine(stale=2 * MINUTE),
        "shift": Machine(stale=0),
        "share": Machine(keep=30_000, stale=MINUTE),
        "level": Machine(stale=10 * MINUTE),
    }


def expected(desk: Desk) -> dict[str, list[tuple[int, str, str]]]:
    """Every step of every rule: when (UTC ms), to which state, and why."""
    found, arrivals = machines(), sorted(desk.arrivals, key=lambda one: one.at)
    first, last = (at_ms(desk.moment(clock)) for clock in (FIRST, LAST))
    known = Known([])
    for now in range(first, last + 1, 1000):
        events = [event for at, event in arrivals if at_ms(at) <= now]
        known = Known(events) if len(events) > len(known.events) else known
        opened = any(is_open(CITY, place, now) for place in PHONES)
        waiting = bool(known.waits(now))
        for name, look in LOOKS.items():
            known.counts_from = found[name].ended // oracle.CELL * oracle.CELL
            seen = look(known, now) if opened else Seen(False, False)
            found[name].look(now, seen._replace(is_open=opened, somebody_waits=waiting))
    return {name: machine.told for name, machine in found.items()}


seconds = st.integers(-60, 1500)
calls = st.lists(
    st.tuples(seconds, st.integers(0, 150), st.sampled_from("..xxx?"), st.sampled_from("ab")), max_size=14
)
"""When somebody calls, in seconds from eight; how long he waits; what becomes of him; ``?`` nobody knows."""

reports = st.lists(
    st.tuples(seconds, st.integers(0, 1), st.integers(0, 1), st.sampled_from("ab")), max_size=5
)
kills = st.sets(st.integers(-60, 1500), max_size=4)


def clock(second: int) -> str:
    second += 8 * 3600
    return f"{second // 3600}:{second // 60 % 60:02}:{second % 60:02}"


@settings(max_examples=examples(25), deadline=None)
@given(calls, reports, kills)
def test_every_rule_takes_the_steps_that_plain_arithmetic_says_whoever_is_killed_when(
    calls: list[tuple[int, int, str, str]], reports: list[tuple[int, int, int, str]], kills: set[int]
) -> None:
    desk = Desk(CITY, MONDAY)
    for second, wait, sign, queue in calls:
        over = None if sign == "?" else clock(second + wait)
        desk.caller(clock(second), over, Outcome.ABANDONED if sign == "x" else None, queue)
    for second, available, busy, queue in reports:
        desk.staff(clock(second), available, busy, queue=queue)
    note("\n".join(f"{desk.clock(at)} {event}" for at, event in sorted(desk.arrivals, key=lambda a: a.at)))
    told = desk.told(FIRST, LAST, {clock(second) for second in kills})
    steps: dict[str, list[tuple[int, str, str]]] = {name: [] for name in LOOKS}
    for event in told:
        if isinstance(event, BreachChanged):
            steps[event.rule].append((at_ms(event.at), event.state.value, event.cause.value))
    assert steps == expected(desk)
