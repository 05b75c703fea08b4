"""The judge over a desk: what is told, when, and with which figures. Times of one Monday morning, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.aggregator import Aggregator, StreamEvent
from domain.bucket import Bucket, Resolution
from domain.bucket_store import Slot
from domain.queue_ref import QueueRef
from services.evaluator.alerting.judge import Judge, Judgement
from services.evaluator.alerting.rules import rules_of
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.contract.breach_events import (
    BREACH_EVENT,
    BreachChanged,
    BreachEvent,
    BreachProgress,
    BreachState,
    Cause,
    Level,
    encode,
)
from shared.contract.events import (
    CallAnswered,
    CallEnded,
    CallMissed,
    CallQueued,
    Event,
    Outcome,
    SourceHeartbeat,
    SourceRestarted,
    StaffChanged,
    VisitArrived,
)
from shared.contract.kpis import Measure

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def clock(text: str) -> datetime:
    hours, minutes, *seconds = (int(part) for part in text.split(":"))
    return MONDAY + timedelta(hours=hours, minutes=minutes, seconds=seconds[0] if seconds else 0)


def city(**sections: object) -> CityFile:
    document: dict[str, object] = {
        "city": {"name": "Test", "time_zone": "UTC"},
        "calendar": {"public_holidays": ""},
        "hours": {"office": {"monday": ["08:00-12:00"]}},
        "live": {"min_samples": 4},
        "sites": [
            {
                "id": "site",
                "queues": [
                    {"id": "a", "kind": "phone", "hours": "office"},
                    {"id": "b", "kind": "phone", "hours": "office"},
                    {"id": "desk", "kind": "counter"},
                ],
            }
        ],
        "targets": [{"kpi": "missed_ratio", "limit": 0.2, "period": "year"}],
        "sources": [{"kind": "queue_log", "id": "pbx", "site": "site", "path": "queue_log"}],
    }
    return CityFile.model_validate(document | sections)


ALWAYS_OPEN = [{"id": "site", "queues": [{"id": "a", "kind": "phone"}]}]
RULE = {"id": "missed", "kpi": "missed_ratio", "limit": 0.2, "hold": "0s"}


class Morning:
    """A desk and its judge, fed by hand; can be killed and taken over."""

    def __init__(self, file: CityFile) -> None:
        self.file = file
        self.calendar = Calendar(file)
        self.aggregator = Aggregator(file, self.calendar, file.sites)
        self.state: dict[str, str] = {}
        self.judge = Judge(file, self.calendar, file.sites)
        self._ids = count()

    def restart(self, file: CityFile | None = None) -> None:
        file = file or self.file
        self.judge = Judge(file, self.calendar, file.sites, self.state)

    def happen(self, *events: Event) -> None:
        self.aggregator.record([StreamEvent("0-0", int(e.at.timestamp() * 1000), e) for e in events])

    def calls(self, at: str, answered: int = 0, missed: int = 0, queue: str = "a", wait_s: int = 10) -> None:
        common = {"at": clock(at), "source": "pbx", "site": "site", "queue": queue, "wait_ms": wait_s * 1000}
        for _ in range(answered):
            self.happen(CallAnswered(id=f"{next(self._ids)}", **common))
        for _ in range(missed):
            self.happen(CallMissed(id=f"{next(self._ids)}", outcome=Outcome.ABANDONED, **common))

    def look(self, at: str) -> list[BreachEvent]:
        verdict: Judgement = self.judge.judge(self.aggregator, clock(at))
        self.state |= verdict.state
        for name in verdict.gone:
            del self.state[name]
        return list(verdict.events)

    def states(self, at: str) -> list[str]:
        return [event.state.value for event in self.look(at)]


def changed(events: list[BreachEvent]) -> BreachChanged:
    (event,) = [e for e in events if isinstance(e, BreachChanged) and e.state is not BreachState.PENDING]
    return event


def test_a_breach_is_told_with_everything_a_supervisor_wants_to_know() -> None:
    morning = Morning(city(rules=[RULE]))
    morning.calls("8:50", answered=6)
    morning.calls("9:05", answered=7, missed=1, queue="b")
    morning.calls("9:12", missed=3)
    common = {"source": "pbx", "site": "site", "queue": "a"}
    morning.happen(
        CallQueued(id="w1", at=clock("9:11:10"), contact="w1", **common),
        CallQueued(id="w2", at=clock("9:12:00"), contact="w2", **common),
        StaffChanged(id="s", at=clock("9:00"), available=1, busy=1, paused=3, **common),
    )
    event = changed(morning.look("9:12:10"))
    assert (event.rule, event.level, event.queue, event.window) == ("missed", Level.LIMIT, "all", "15m")
    assert (event.state, event.cause, event.opened_at) == (BreachState.FIRING, Cause.HELD, clock("9:12:10"))
    reading = event.reading
    assert reading.value == event.worst == pytest.approx(4 / 11)
    assert reading.samples == 11
    assert reading.before == pytest.approx(1 / 8)  # five minutes earlier, with what had happened by then
    assert (reading.waiting, reading.longest_wait_s) == (2, 60)
    assert reading.budget_left == -1  # 17 contacts, 4 missed: (0.2 * 17 - 4) / 0.8 = -0.75, rounded down
    assert reading.hour is not None
    assert (reading.hour.offered, reading.hour.offered_before, reading.hour.staff) == (11, 0, 2)


def test_too_few_calls_are_no_breach_but_insufficient() -> None:
    morning = Morning(city(rules=[RULE]))
    morning.calls("9:00", answered=2, missed=1)
    assert morning.look("9:00:05") == []
    assert [known.sufficient for known in morning.judge.rule_states()] == [False]
    morning.calls("9:01", answered=1)
    assert morning.states("9:01:05") == ["pending", "firing"]


def test_a_rule_for_every_queue_watches_each_by_itself() -> None:
    morning = Morning(city(rules=[RULE | {"queue": "*"}]))
    morning.calls("9:00", answered=5, queue="a")
    morning.calls("9:00", missed=5, queue="b")
    assert {event.queue for event in morning.look("9:00:05")} == {"b"}
    assert [known.key.queue for known in morning.judge.rule_states()] == ["a", "b"]


@pytest.mark.parametrize(
    ("counts", "value", "samples", "left"), [("callers", 0.25, 4, -1), ("entries", 0.4, 5, -2)]
)
def test_a_rule_of_a_total_counts_callers_where_the_definition_says_so(
    counts: str, value: float, samples: int, left: int
) -> None:
    """Three are helped, of whom one overflowed from another queue; one hangs up."""
    outcomes = ["abandoned", "timed_out"]
    definitions = [{"id": "lier-1", "outcomes": outcomes, "count": counts}]
    morning = Morning(city(rules=[RULE], missed_definitions=definitions))
    start_s = int(clock("9:00").timestamp())
    for queue, bucket in (
        ("a", Bucket(answered=2, abandoned=1, timed_out=1, callers={"timed_out": -1})),
        ("b", Bucket(answered=1)),
    ):
        for resolution, start in ((Resolution.FINE, start_s), (Resolution.YEAR, "2026")):
            morning.aggregator.bucket_store.add(Slot(QueueRef("site", queue), resolution, start), bucket)
    event = changed(morning.look("9:00:05"))
    reading = event.reading
    assert (reading.value, reading.samples, reading.budget_left) == (value, samples, left)
    assert reading.hour is not None
    assert reading.hour.offered == samples


def test_time_alone_clears_a_window() -> None:
    morning = Morning(city(rules=[RULE | {"keep_firing": "1m"}]))
    morning.calls("9:00", missed=5)
    morning.calls("9:10", answered=5)
    assert morning.states("9:10:05") == ["pending", "firing"]
    assert morning.states("9:14:59") == ["firing"]  # progress, with the missed calls still in the window
    assert morning.states("9:15:00") == ["clearing"]
    assert morning.states("9:16:00") == ["ok"]


def test_closing_time_ends_what_nobody_waits_for() -> None:
    morning = Morning(city(rules=[RULE]))
    morning.calls("11:58", missed=5)
    morning.look("11:59")
    event = changed(morning.look("12:00"))
    assert (event.state, event.cause) == (BreachState.OK, Cause.CLOSED)
    assert morning.look("12:01") == []


@pytest.mark.parametrize(
    ("story", "rule", "by_day", "by_night"),
    [
        ("well", {}, "ok", "closed"),
        ("too few", {"min_samples": 99}, "insufficient", "closed"),
        ("over its limit", {"limit": 0.0}, "firing", "closed"),
        ("on its way", {"limit": 0.0, "hold": "20m"}, "pending", "closed"),
        ("a year that is well", {"window": "year"}, "ok", "closed"),
        ("a year over its limit", {"window": "year", "limit": 0.0}, "firing", "firing"),
    ],
)
def test_a_rule_of_a_shut_desk_shows_closed_and_no_lack_of_contacts(
    story: str, rule: dict[str, object], by_day: str, by_night: str
) -> None:
    morning = Morning(city(rules=[RULE | rule]))
    morning.calls("11:50", answered=9, missed=1)

    def shown(at: str) -> str:
        morning.look(at)
        (known,) = morning.judge.rule_states()
        return known.shown

    night = ["12:00", "12:00:01", "23:59:59", "31:59"]
    assert [shown("11:51"), *map(shown, night)] == [by_day, *[by_night] * len(night)], story
    morning.restart()
    assert shown("23:59:59") == by_night


def test_a_rule_that_is_judged_at_night_too_is_never_closed() -> None:
    morning = Morning(city(rules=[RULE | {"open_only": False}]))
    morning.calls("11:50", answered=9, missed=1)
    for at, shown in (("12:00", "ok"), ("12:30", "insufficient")):
        morning.look(at)
        assert [known.shown for known in morning.judge.rule_states()] == [shown]


def test_a_source_need_not_speak_outside_its_hours() -> None:
    rule = {"id": "feed", "source": "pbx", "after": "5m", "hours": "office"}
    morning = Morning(city(no_data_rules=[rule]))
    morning.happen(SourceRestarted(id="h", at=clock("11:59"), source="pbx", site="site"))
    shown = []
    for at in ("11:59:30", "12:00", "20:00"):
        morning.look(at)
        shown += [known.shown for known in morning.judge.rule_states()]
    assert shown == ["ok", "closed", "closed"]


def test_a_month_over_its_target_stays_so_overnight() -> None:
    morning = Morning(city(rules=[RULE | {"window": "month"}]))
    morning.calls("11:50", missed=5)
    morning.look("11:50:01")
    assert morning.look("12:00") == []
    assert morning.look("23:59") == []
    (known,) = morning.judge.rule_states()
    assert known.rule_state.state is BreachState.FIRING


def test_a_breach_on_few_contacts_ends_though_nothing_is_measured_any_more() -> None:
    """Ten missed at once, then four calls in every window and all of them answered."""
    morning = Morning(city(rules=[RULE | {"limit": 0.3, "min_samples": 10}]))
    morning.calls("9:00", missed=10)
    told: list[tuple[str, str, float | None]] = []
    for minute in range(1, 75):
        at = f"{9 + minute // 60}:{minute % 60:02}"
        if minute % 8 == 7:
            morning.calls(at, answered=2)
        told += [(at, event.state, event.reading.value) for event in morning.look(at)]
    assert told[:2] == [("9:01", "pending", 1.0), ("9:01", "firing", 1.0)]
    unread = [(at, state) for at, state, value in told if value is None]
    # At once, so that nobody is reminded, and after a window of it
    assert (unread[0], unread[-1], told[-1][1]) == (("9:15", "firing"), ("9:30", "ok"), "ok")


def test_people_who_wait_now_are_counted_and_timed_at_every_look_over_no_window() -> None:
    count_rule = {"id": "queue", "kpi": "waiting", "queue": "a", "limit": 2, "hold": "1m"}
    wait_rule = {"id": "wait", "kpi": "longest_wait", "limit": 180, "warn_at": 120}
    morning = Morning(city(rules=[count_rule, wait_rule]))
    assert (morning.look("9:00"), [one.shown for one in morning.judge.rule_states()]) == ([], ["ok"] * 3)
    for number, queue in enumerate("aaab"):
        common = {"at": clock("9:00"), "source": "pbx", "site": "site", "queue": queue}
        morning.happen(CallQueued(id=f"q{number}", contact=f"c{number}", **common))
    told = [(at, e) for at in ("9:01", "9:02", "9:02:01", "9:03:01") for e in morning.look(at)]
    fired = [(at, e.rule, e.level, e.queue, e.reading.value) for at, e in told if e.state == "firing"]
    assert fired[:3] == [
        ("9:02", "queue", "limit", "a", 3.0),
        ("9:02:01", "wait", "warning", "all", 121.0),
        ("9:03:01", "queue", "limit", "a", 3.0),
    ]
    for number, queue in enumerate("aaab"):
        common = {"at": clock("9:03:30"), "source": "pbx", "site": "site", "queue": queue}
        morning.happen(CallAnswered(id=f"a{number}", contact=f"c{number}", wait_ms=210_000, **common))
    over = {(e.rule, e.level): e.reading.value for e in morning.look("9:03:31") if e.state == "ok"}
    assert over == {("queue", "limit"): 0.0, ("wait", "limit"): 0.0, ("wait", "warning"): 0.0}


def test_nobody_waits_any_more_at_closing_time() -> None:
    rule = {"id": "queue", "kpi": "waiting", "queue": "*", "limit": 0}
    morning = Morning(city(rules=[rule]))
    morning.happen(CallQueued(id="q", contact="c", at=clock("11:59"), source="pbx", site="site", queue="b"))
    assert morning.states("11:59:30") == ["pending", "firing"]
    assert morning.states("12:00") == ["ok"]


def test_a_source_that_is_silent_at_closing_time_has_no_reading_until_it_must_speak_again() -> None:
    """Nobody is reminded of it all night; the breach itself goes on."""
    open_till_noon = ["08:00-12:00"]
    hours = {"day": dict.fromkeys(WEEKDAYS, open_till_noon), "office": {}}
    rule = {"id": "feed", "source": "pbx", "after": "5m", "hours": "day"}
    morning = Morning(city(no_data_rules=[rule], hours=hours))
    morning.calls("11:50", answered=1)
    for at in ("11:56", "11:59"):
        morning.look(at)
    told = [(at, event) for at in ("12:00", "12:01", "20:00", "31:59", "32:00") for event in morning.look(at)]
    assert [(at, event.state, event.reading.value) for at, event in told] == [
        ("12:00", "firing", None),
        ("32:00", "firing", 20 * 3600 + 600),
    ]


@pytest.mark.parametrize("window", ["month", "year"])
def test_a_month_or_year_over_its_target_is_reported_once_an_hour(window: str) -> None:
    file = city(rules=[RULE | {"window": window}], sites=ALWAYS_OPEN)
    morning = Morning(file)
    morning.calls("8:59", missed=5)
    morning.look("9:00")
    told = [minute for minute in range(1, 121) if morning.look(f"{9 + minute // 60}:{minute % 60:02}")]
    assert told == [60, 120]


def test_a_clock_that_is_set_back_holds_up_no_progress() -> None:
    morning = Morning(city(rules=[RULE | {"window": "year"}], sites=ALWAYS_OPEN))
    morning.calls("8:59", missed=5)
    morning.look("11:00")  # by a clock two hours ahead
    told = [minute for minute in range(1, 121) if morning.look(f"{9 + minute // 60}:{minute % 60:02}")]
    assert told == [1, 61]


def test_the_warning_comes_first_and_by_itself() -> None:
    morning = Morning(city(rules=[RULE | {"warn_at": 0.1, "clear_at": 0.15}]))
    morning.calls("9:00", answered=17, missed=3)
    events = morning.look("9:00:05")
    assert {(event.level, event.severity.value) for event in events} == {(Level.WARNING, "warning")}
    assert [event.limit for event in events] == [0.1, 0.1]
    assert events[0].clear_at == pytest.approx(0.05)
    morning.calls("9:01", missed=3)
    assert {event.level for event in morning.look("9:01:03")} == {Level.LIMIT}


def test_a_silent_source_is_told_in_its_hours_and_not_before_its_first_word() -> None:
    rule = {"id": "feed", "source": "pbx", "after": "5m", "hours": "office"}
    morning = Morning(city(no_data_rules=[rule]))
    assert morning.look("9:00") == []
    morning.happen(SourceRestarted(id="h", at=clock("7:00"), source="pbx", site="site"))
    assert morning.look("8:04:59") == []  # it has to speak from eight on
    event = changed(morning.look("8:05:01"))
    assert (event.measure, event.queue, event.reading.value) == (Measure.NO_DATA, "pbx", 301)
    morning.happen(SourceRestarted(id="i", at=clock("8:06"), source="pbx", site="site"))
    assert morning.states("8:06:01") == ["clearing", "ok"]


def test_a_dead_exchange_is_noticed_while_its_log_is_there() -> None:
    """Ingest beats every 30 s as long as the file is there; when its queues are open it must say more."""
    morning = Morning(city(no_data_rules=[{"id": "feed", "source": "pbx", "after": "5m"}]))
    morning.calls("8:10", answered=1)
    told: list[tuple[str, str]] = []
    for half in range(2 * 8 * 60, 2 * 13 * 60):
        at = f"{half // 120}:{half // 2 % 60:02}:{half % 2 * 30:02}"
        morning.happen(SourceHeartbeat(id=f"h{half}", at=clock(at), source="pbx", site="site"))
        told += [(at, e.state) for e in morning.look(at) if isinstance(e, BreachChanged)]
    assert told == [("8:15:30", "pending"), ("8:15:30", "firing")]


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@pytest.mark.parametrize(
    ("story", "spans"),
    [
        ("day and night", ["00:00-24:00"]),
        ("two shifts", ["00:00-12:00", "12:00-24:00"]),
        ("office hours", ["08:00-17:00"]),
        ("with lunch", ["08:00-12:00", "13:00-17:00"]),
    ],
)
def test_a_source_dead_for_days_is_told_once_and_over_when_it_speaks(story: str, spans: list[str]) -> None:
    """No midnight, no change of shift and no opening of the desk is a word from the source."""
    rule = {"id": "feed", "source": "pbx", "after": "5m", "hours": "always"}
    hours = {"always": dict.fromkeys(WEEKDAYS, spans), "office": {}}
    brussels = {"name": "Test", "time_zone": "Europe/Brussels"}
    file = city(no_data_rules=[rule], hours=hours, city=brussels)
    morning = Morning(file)
    morning.happen(SourceRestarted(id="h", at=clock("9:00"), source="pbx", site="site"))
    # To the Tuesday after the clocks went forward
    looks = [at for hour in range(9, 30 * 24) for at in (f"{hour}:00:00", f"{hour}:00:01", f"{hour}:05:01")]
    told = [e for at in looks for e in morning.look(at) if isinstance(e, BreachChanged)]
    assert [event.state for event in told] == [BreachState.PENDING, BreachState.FIRING], story
    morning.happen(SourceRestarted(id="i", at=clock("728:30"), source="pbx", site="site"))
    later = [e for at in ("728:30:01", "728:34") for e in morning.look(at) if isinstance(e, BreachChanged)]
    assert [event.state for event in later] == [BreachState.CLEARING, BreachState.OK]


def test_a_silent_source_that_speaks_after_hours_is_over_then_and_not_silent_in_the_morning() -> None:
    rule = {"id": "feed", "source": "pbx", "after": "5m", "hours": "day"}
    open_till_noon = ["08:00-12:00"]
    hours = {"day": dict.fromkeys(WEEKDAYS, open_till_noon), "office": {}}
    morning = Morning(city(no_data_rules=[rule], hours=hours))
    morning.happen(SourceRestarted(id="h", at=clock("11:50"), source="pbx", site="site"))
    assert morning.states("11:56") == ["pending", "firing"]
    assert morning.states("12:30") == ["firing"]  # shut, and as silent as before: no reading any more
    assert morning.states("12:31") == []
    morning.happen(SourceRestarted(id="i", at=clock("13:00"), source="pbx", site="site"))
    assert morning.states("13:00:01") == ["clearing", "ok"]
    assert [at for at in ("20:00", "32:00", "32:04") if morning.look(at)] == []
    assert morning.states("32:05:01") == ["pending", "firing"]


@pytest.mark.parametrize(
    "hours", [["00:00-24:00"], ["18:00-24:00", "00:00-18:00"], ["12:00-24:00", "00:00-06:00"]]
)
def test_no_data_goes_on_over_midnight(hours: list[str]) -> None:
    rule = {"id": "feed", "source": "pbx", "after": "5m", "hours": "night"}
    morning = Morning(
        city(no_data_rules=[rule], hours={"night": dict.fromkeys(WEEKDAYS, hours), "office": {}})
    )
    morning.happen(SourceRestarted(id="h", at=clock("23:58"), source="pbx", site="site"))
    assert morning.look("24:03") == []
    assert changed(morning.look("24:03:01")).reading.value == 301


def test_what_changed_at_the_top_of_the_hour_is_counted_by_the_citys_clock() -> None:
    """In India the hour begins when that of UTC is half over."""
    india = {"name": "Pune", "time_zone": "Asia/Kolkata"}
    morning = Morning(city(rules=[RULE | {"open_only": False}], city=india, hours={}, sites=ALWAYS_OPEN))
    morning.calls("9:20", answered=2)
    morning.calls("9:35", missed=5)
    hour = changed(morning.look("9:35:05")).reading.hour
    assert hour is not None
    assert (hour.started_at, hour.offered, hour.offered_before) == (clock("9:30"), 5, 0)


def test_the_budget_burns_only_when_both_windows_say_so() -> None:
    rule = {"id": "fast", "long_window": "1h", "short_window": "5m", "burn_rate": 2.0}
    morning = Morning(city(budget_rules=[rule]))
    morning.calls("9:00", answered=5, missed=5)  # 50 %: two and a half times the 20 % of the target
    morning.calls("9:30", answered=1)
    assert morning.look("9:30:05") == []  # it is over by now
    morning.calls("9:40", missed=2)
    event = changed(morning.look("9:40:05"))
    assert event.measure is Measure.BURN_RATE
    assert event.reading.value == pytest.approx(7 / 13 / 0.2)
    assert event.reading.budget_left == -6


def test_while_it_lasts_it_is_reported_once_a_minute() -> None:
    morning = Morning(city(rules=[RULE]))
    morning.calls("9:00", missed=5)
    morning.look("9:00:05")
    assert morning.look("9:01:04") == []
    (event,) = morning.look("9:01:05")
    assert isinstance(event, BreachProgress)
    assert morning.look("9:01:06") == []
    assert len(morning.look("9:02:05")) == 1


def test_a_restart_goes_on_with_the_same_breach_and_tells_nothing_twice() -> None:
    morning = Morning(city(rules=[RULE]))
    morning.calls("9:00", missed=5)
    opened = changed(morning.look("9:00:05"))
    morning.restart()
    assert morning.look("9:00:06") == []
    (progress,) = morning.look("9:01:05")
    morning.restart()
    assert morning.look("9:01:06") == []
    (later,) = morning.look("9:02:05")
    assert progress.id != later.id
    event = changed(morning.look("12:00"))
    assert event.breach == opened.breach


def test_judging_again_what_was_not_committed_says_the_same() -> None:
    one, other = Morning(city(rules=[RULE])), Morning(city(rules=[RULE]))
    for morning in (one, other):
        morning.calls("9:00", missed=5)
    assert one.look("9:00:05") == other.look("9:00:05")


def test_a_rule_that_is_taken_out_ends_its_breach() -> None:
    morning = Morning(city(rules=[RULE]))
    morning.calls("9:00", missed=5)
    opened = changed(morning.look("9:00:05"))
    morning.restart(city(rules=[RULE | {"id": "other"}]))
    events = [e for e in morning.look("9:00:06") if e.rule == "missed"]
    event = changed(events)
    assert (event.breach, event.cause, event.state) == (opened.breach, Cause.RULE_GONE, BreachState.OK)
    assert {name.split(":")[1] for name in morning.state} <= {"other"}
    morning.restart(city(rules=[RULE | {"id": "other"}]))
    assert morning.look("9:00:07") == []


@pytest.mark.parametrize(
    ("story", "after"),
    [
        ("the rule", {}),
        ("its warning", {"rules": [RULE]}),
        ("its queue", {"rules": [RULE | {"queue": "*", "warn_at": 0.1}], "sites": ALWAYS_OPEN}),
    ],
)
@pytest.mark.parametrize("over", [False, True])
def test_nothing_is_kept_of_what_the_city_file_does_not_have_any_more(
    story: str, after: dict[str, object], over: bool
) -> None:
    morning = Morning(city(rules=[RULE | {"queue": "*", "warn_at": 0.1}]))
    for queue in ("a", "b"):
        morning.calls("9:00", missed=5, queue=queue)
    morning.look("9:00:05")
    if over:
        morning.look("12:00")
    assert len(morning.state) == 4
    file = city(**after)
    morning.restart(file)
    left = {known.key.rule for known in morning.judge.rule_states()}
    told = [event for event in morning.look("12:00:01") if isinstance(event, BreachChanged)]
    assert bool([event for event in told if event.cause is Cause.RULE_GONE]) is not over, story
    assert {name.split(":")[1] for name in morning.state} <= left
    assert morning.state.keys() <= {f"watch:{rule.key.name}" for rule in rules_of(file, file.sites)}


def test_an_id_that_is_given_to_a_rule_about_another_figure_ends_the_breach_of_the_first() -> None:
    morning = Morning(city(rules=[RULE | {"clear_at": 0.1}]))
    morning.calls("9:00", missed=5, answered=5, wait_s=30)
    opened = changed(morning.look("9:00:05"))
    waits = city(rules=[{"id": "missed", "kpi": "call_wait_mean", "limit": 45, "clear_at": 20}])
    for at in ("9:00:06", "9:00:07"):
        morning.restart(waits)
        told = morning.look(at)
        if at == "9:00:06":
            event = changed(told)
            assert (event.breach, event.measure) == (opened.breach, Measure.MISSED_RATIO)
            assert (event.cause, event.state) == (Cause.RULE_GONE, BreachState.OK)
        else:
            assert told == []
    assert [(one.key.measure, one.shown) for one in morning.judge.rule_states()] == [
        (Measure.CALL_WAIT_MEAN, "ok")
    ]


def test_a_watch_that_cannot_be_read_begins_anew() -> None:
    morning = Morning(city(rules=[RULE]))
    morning.calls("9:00", missed=5)
    morning.look("9:00:05")
    (name,) = morning.state
    morning.state = {name: '{"identity":', "watch:who:knows": "nothing"}
    morning.restart()
    assert morning.judge.unreadable == {name.removeprefix("watch:"), "who:knows"}
    assert morning.states("9:00:06") == ["pending", "firing"]
    assert morning.state.keys() == {name}


def test_every_event_has_an_id_of_its_own() -> None:
    morning = Morning(city(rules=[RULE | {"warn_at": 0.1}]))
    events: list[BreachEvent] = []
    for minute in range(0, 55, 5):
        morning.calls(f"9:{minute:02}", answered=5 * (minute % 10 == 0), missed=5 * (minute % 10 == 5))
        events += morning.look(f"9:{minute:02}:05") + morning.look(f"9:{minute + 1:02}:06")
    assert len({event.id for event in events}) == len(events) > 10


@pytest.mark.parametrize("at", ["9:00:05", "12:00"])
def test_every_event_survives_the_wire(at: str) -> None:
    """At closing time there is no figure any more; that must not make the news unreadable."""
    morning = Morning(city(rules=[RULE]))
    morning.calls("9:00", missed=5)
    events = morning.look("9:00:05")
    events = events if at == "9:00:05" else morning.look(at)
    assert [BREACH_EVENT.validate_json(encode(event)) for event in events] == events != []


# --- rules for few contacts ---------------------------------------------------------------------------

BOTH = {"id": "nobody", "all": [{"kpi": "waiting", "limit": 1}, {"kpi": "nobody_available"}], "hold": "1m"}


def staff(morning: Morning, at: str, queue: str = "a", **counts: int) -> None:
    morning.happen(
        StaffChanged(id=f"s{at}{queue}", at=clock(at), source="pbx", site="site", queue=queue, **counts)
    )


def waits(morning: Morning, at: str, *contacts: str, queue: str = "a") -> None:
    common = {"at": clock(at), "source": "pbx", "site": "site", "queue": queue}
    morning.happen(*(CallQueued(id=f"q{contact}", contact=contact, **common) for contact in contacts))


def told(morning: Morning, *instants: str) -> list[tuple[str, str]]:
    return [
        (at, event.state) for at in instants for event in morning.look(at) if isinstance(event, BreachChanged)
    ]


def test_nobody_serves_while_nobody_is_free_and_nobody_talks() -> None:
    morning = Morning(city(rules=[{"id": "gone", "kpi": "nobody_available"}]))
    assert told(morning, "9:00") == []
    assert [known.shown for known in morning.judge.rule_states()] == ["insufficient"]  # nobody reports
    staff(morning, "9:01", available=0, busy=2)
    assert told(morning, "9:01:01") == []
    staff(morning, "9:02", available=0, paused=2)
    assert told(morning, "9:02:01") == [("9:02:01", "pending"), ("9:02:01", "firing")]
    staff(morning, "9:03", "b", available=1)  # of the total somebody is there again
    assert told(morning, "9:03:01") == [("9:03:01", "clearing"), ("9:03:01", "ok")]
    staff(morning, "9:04", "b", available=0)
    assert told(morning, "9:04:01", "12:00") == [
        ("9:04:01", "pending"),
        ("9:04:01", "firing"),
        ("12:00", "ok"),
    ]


def test_several_conditions_hold_at_once_and_it_is_over_when_one_does_not() -> None:
    morning = Morning(city(rules=[BOTH]))
    waits(morning, "9:00", "c1", "c2")
    staff(morning, "9:00", available=0, busy=1)
    assert told(morning, "9:00:05") == []
    staff(morning, "9:01", available=0)
    assert told(morning, "9:01:00", "9:01:59") == [("9:01:00", "pending")]
    (fired,) = morning.look("9:02")
    reading = fired.reading
    assert (fired.measure, fired.limit, reading.value) == (Measure.WAITING, 1, 2)
    assert [(also.measure, also.limit, also.value) for also in reading.also] == [
        (Measure.NOBODY_AVAILABLE, 0, 1)
    ]
    staff(morning, "9:05", available=1)
    assert told(morning, "9:05:01") == [("9:05:01", "clearing"), ("9:05:01", "ok")]


def test_those_who_wait_at_counters_are_counted_where_the_rule_is_about_visits() -> None:
    rule = {"id": "hall", "kpi": "waiting", "limit": 1, "contacts": "visits"}
    morning = Morning(city(rules=[rule]))
    waits(morning, "9:00", "c1", "c2")
    common = {"at": clock("9:00"), "source": "pbx", "site": "site", "queue": "desk"}
    morning.happen(VisitArrived(id="v1", contact="v1", **common))
    assert told(morning, "9:00:05") == []
    morning.happen(VisitArrived(id="v2", contact="v2", **common))
    assert told(morning, "9:00:06") == [("9:00:06", "pending"), ("9:00:06", "firing")]


def test_a_window_by_count_holds_the_last_contacts_of_today() -> None:
    week = {day: ["08:00-12:00"] for day in ("sunday", "monday")}
    rule = {"id": "last", "kpi": "missed_ratio", "window": "last 5", "limit": 0.5, "min_samples": 3}
    morning = Morning(city(rules=[rule], hours={"office": week}))
    common = {"source": "pbx", "site": "site", "queue": "a", "outcome": "abandoned", "wait_ms": 0}
    morning.happen(
        *(CallMissed(id=f"y{n}", at=clock("9:00") - timedelta(days=1), **common) for n in range(9))
    )
    morning.calls("8:10", answered=2)
    assert told(morning, "8:10:05") == []  # yesterday never counts, and two are too few
    morning.calls("8:20", missed=3)
    (_, fired) = morning.look("8:20:05")
    reading = fired.reading
    assert (fired.window, reading.part, reading.samples, reading.since) == ("last 5", 3, 5, clock("8:10"))
    morning.calls("8:30", answered=2)
    morning.calls("8:31", answered=1)
    (_, over) = morning.look("8:31:05")
    assert (over.reading.part, over.reading.samples, over.reading.since) == (3, 6, clock("8:20"))


def test_a_rule_that_asks_for_no_number_of_contacts_opens_when_its_range_says_so() -> None:
    rule = {"id": "last", "kpi": "missed_ratio", "window": "last 20", "limit": 0.2, "clear_at": 0.15}
    morning = Morning(city(rules=[rule], live={}))
    morning.calls("9:00", answered=14, missed=6)
    assert told(morning, "9:00:05") == []  # 6 of 20: between 15 and 52 %
    assert [known.shown for known in morning.judge.rule_states()] == ["insufficient"]
    morning.calls("9:01", missed=4)
    (_, fired) = morning.look("9:01:05")
    reading = fired.reading
    assert (reading.part, reading.samples) == (10, 24)
    assert reading.low == pytest.approx(0.2447, abs=1e-4)
    assert reading.high == pytest.approx(0.6117, abs=1e-4)
    morning.calls("9:02", answered=20)
    assert [event.state for event in morning.look("9:02:05")] == ["clearing", "ok"]


def test_a_shift_is_noticed_call_by_call_and_begins_anew_every_day() -> None:
    rule = {"id": "shift", "kind": "shift", "kpi": "missed_ratio", "usual": 0.12}
    morning = Morning(city(rules=[rule]))
    morning.calls("8:30", answered=9)
    for minute in range(6):
        morning.calls(f"9:0{minute}", missed=1)
        assert told(morning, f"9:0{minute}:05") == []
    morning.calls("9:06", missed=1)
    (_, fired) = morning.look("9:06:05")
    reading = fired.reading
    assert (fired.limit, fired.usual, fired.window) == (0.4, 0.12, "today")
    assert (reading.value, reading.part, reading.samples, reading.since) == (1, 7, 7, clock("9:00"))
    for minute in range(7):
        morning.calls(f"9:1{minute}", answered=1)
        assert told(morning, f"9:1{minute}:05") == []
    morning.calls("9:18", answered=1)
    assert [event.state for event in morning.look("9:18:05")] == ["clearing", "ok"]


def test_a_shift_of_late_answers_is_one_beyond_the_target_of_the_mean_wait() -> None:
    rule = {"id": "shift", "kind": "shift", "kpi": "late_ratio", "usual": 0.2, "bad": 0.6}
    morning = Morning(city(rules=[rule], targets=[{"kpi": "call_wait_mean", "limit": 45}]))
    morning.calls("9:00", answered=20, wait_s=45)
    assert told(morning, "9:00:05") == []
    morning.calls("9:01", answered=12, wait_s=46)
    (_, fired) = morning.look("9:01:05")
    assert (fired.measure, fired.reading.part, fired.reading.samples) == (Measure.LATE_RATIO, 12, 12)


def test_a_breach_by_count_ends_when_nobody_comes_and_nobody_waits() -> None:
    rule = {"id": "last", "kpi": "missed_ratio", "window": "last 5", "limit": 0.5, "min_samples": 3}
    morning = Morning(city(rules=[rule]))
    morning.calls("9:00", missed=5)
    waits(morning, "9:20", "c1")
    assert told(morning, "9:00:05") == [("9:00:05", "pending"), ("9:00:05", "firing")]
    assert told(morning, "9:30:09", "9:30:10", "9:40") == []  # somebody waits whom it may be about
    common = {"at": clock("9:41"), "source": "pbx", "site": "site", "queue": "a"}
    morning.happen(CallEnded(id="e", contact="c1", **(common | {"queue": "b"})))
    (ended,) = (event for event in morning.look("9:41:01") if isinstance(event, BreachChanged))
    assert (ended.state, ended.cause, ended.reading.value) == (BreachState.OK, Cause.NO_READING, None)
    assert morning.look("9:42") == []


@pytest.mark.parametrize(
    ("missed", "usual", "fires"),
    [
        (60, 0.1, True),
        (0, 0.01, True),  # a city that never missed a call will miss one
        (200, 0.33, False),  # 0.40 is too near to tell
        (30, 0.0, False),  # of 300 calls a share is not known
    ],
)
def test_what_is_usual_is_what_it_was_in_the_months_before_where_the_file_does_not_say(
    missed: int, usual: float, fires: bool
) -> None:
    rule = {"id": "shift", "kind": "shift", "kpi": "missed_ratio"}
    morning = Morning(city(rules=[rule]))
    calls = 300 if usual == 0 else 600
    for day, bucket in (
        ("2026-02-10", Bucket(answered=calls - missed, abandoned=missed)),
        ("2026-03-01", Bucket(abandoned=9_999)),  # this month's own are no measure of it
        ("2024-12-31", Bucket(abandoned=9_999)),
    ):
        morning.aggregator.bucket_store.add(Slot(QueueRef("site", "a"), Resolution.DAY, day), bucket)
    morning.calls("9:00", missed=30)
    changes = [event for event in morning.look("9:00:05") if isinstance(event, BreachChanged)]
    assert [event.usual for event in changes] == ([usual, usual] if fires else [])


@given(st.lists(st.tuples(st.integers(0, 59), st.booleans()), min_size=1, max_size=25), st.integers(0, 59))
def test_a_score_that_goes_on_from_the_last_look_is_that_of_the_whole_day(
    calls: list[tuple[int, bool]], looked: int
) -> None:
    """Calls come in any order, and the clock of the one who looks stands anywhere in the hour."""
    rule = {"id": "shift", "kind": "shift", "kpi": "missed_ratio", "usual": 0.12, "false_alarm_every": 100}
    morning = Morning(city(rules=[rule]))
    for minute, is_missed in calls:
        morning.calls(f"9:{minute:02}", missed=int(is_missed), answered=int(not is_missed))
        now = clock(f"9:{max(minute, looked):02}:30")
        whole = Judge(morning.file, morning.calendar, morning.file.sites)
        whole.judge(morning.aggregator, now)
        morning.judge.judge(morning.aggregator, now)
        (name,) = (known.key.name for known in whole.rule_states())
        assert morning.judge.reading(name) == whole.reading(name)


def test_who_is_heard_of_late_is_told_of_when_nothing_more_comes_of_him() -> None:
    """A log that was away is read: who entered an hour ago has been helped, in the lines that follow."""
    rule = {"id": "wait", "kpi": "longest_wait", "limit": 600}
    morning = Morning(city(rules=[rule]))
    common = {"source": "pbx", "site": "site", "queue": "a"}

    def read_at(at: str, event: Event) -> None:
        morning.aggregator.record([StreamEvent("0-0", int(clock(at).timestamp() * 1000), event)])

    read_at("10:00", CallQueued(id="q1", contact="c1", at=clock("9:00"), **common))
    read_at("10:00", CallQueued(id="q2", contact="c2", at=clock("9:00"), **common))
    assert told(morning, "10:00:00", "10:00:09") == []
    read_at("10:00:09", CallAnswered(id="a1", contact="c1", at=clock("9:01"), wait_ms=60_000, **common))
    (_, fired) = morning.look("10:00:10")  # the other one waits, as far as anybody knows
    assert (fired.reading.value, fired.reading.waiting) == (3610, 1)
