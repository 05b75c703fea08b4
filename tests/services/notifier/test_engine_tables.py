"""Each single decision of the notifier's policy, as a table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from services.notifier.delivery_state import (
    DeliveryState,
    Hold,
    ReceiverRole,
    held_back,
    reason_to_tell,
    wanted,
)
from services.notifier.engine import escalations_of, receivers_of, updated
from services.notifier.holds import (
    FlapAllowance,
    Obstacles,
    allowance,
    explains,
    inhibits,
    obstacle,
    quiet_until,
    silence_of,
)
from services.notifier.model import Acknowledgement, Breach, NotificationKind, Silence, fits
from services.notifier.reasons import DIGESTED, HOLDS, DecisionReason
from services.notifier.state import RULE_REMEMBERED, BreachRecord, FlapTally, RuleRecord, decode
from shared.config.alerting import MuteTimes, NotifyConfig, Route
from shared.contract.breach_events import (
    BreachChanged,
    BreachProgress,
    BreachReading,
    BreachState,
    Cause,
    Level,
    Severity,
)
from shared.contract.kpis import Measure
from tests.support import samples

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MIN = timedelta(minutes=1)
LATER = NOON + timedelta(days=1)
ACK = Acknowledgement(at=NOON, by="team")


def breach(**given: object) -> Breach:
    return samples.breach(NOON, **{"id": "b", "rule": "missed", "site": "lier"} | given)


FIRING = breach()
TAKEN = breach(acknowledged=ACK)
CLEARING = breach(state=BreachState.CLEARING)
UNREAD = breach(reading=BreachReading(value=None, samples=4))
WAITED_FOR = breach(reading=BreachReading(value=None, samples=0, waiting=1))
EASED = breach(reading=BreachReading(value=0.19, samples=21))
OVER = breach(state=BreachState.OK, closed_at=NOON)
NEW = DeliveryState("team")
TOLD = DeliveryState("team", notified_at=NOON - MIN, remind_at=NOON + MIN)
DUE = DeliveryState("team", notified_at=NOON - MIN, remind_at=NOON)
CHIEF = DeliveryState("chief", ReceiverRole.ESCALATION, not_before=NOON)
EARLY = DeliveryState("chief", ReceiverRole.ESCALATION, not_before=NOON + MIN)


TOLD_AS_CHIEF = DeliveryState("chief", ReceiverRole.ESCALATION, notified_at=NOON - MIN, remind_at=NOON - MIN)


def held(reason: DecisionReason, role: ReceiverRole = ReceiverRole.ROUTED) -> DeliveryState:
    return DeliveryState("team", role, held=reason)


@pytest.mark.parametrize(
    ("record", "standing", "want"),
    [
        (NEW, FIRING, NotificationKind.FIRING),
        (NEW, TAKEN, NotificationKind.FIRING),  # acknowledged by others: they want to know all the same
        (NEW, CLEARING, DecisionReason.CLEARING),
        (NEW, OVER, DecisionReason.NEVER_TOLD),
        (TOLD, FIRING, DecisionReason.ALREADY_TOLD),
        (TOLD, TAKEN, DecisionReason.ACKNOWLEDGED),
        (TOLD, CLEARING, DecisionReason.CLEARING),
        (TOLD, OVER, NotificationKind.RESOLVED),
        (DUE, FIRING, NotificationKind.REMINDER),
        (DUE, TAKEN, DecisionReason.ACKNOWLEDGED),
        (DUE, UNREAD, DecisionReason.NO_READING),  # nothing to remind of while nothing is measured
        (DUE, WAITED_FOR, DecisionReason.NO_READING),
        (DUE, CLEARING, DecisionReason.CLEARING),
        (NEW, UNREAD, NotificationKind.FIRING),  # late, but they never knew
        (CHIEF, UNREAD, DecisionReason.NO_READING),
        (CHIEF, WAITED_FOR, NotificationKind.ESCALATION),
        (EARLY, UNREAD, DecisionReason.NOT_YET),
        (CHIEF, FIRING, NotificationKind.ESCALATION),
        (CHIEF, TAKEN, DecisionReason.ACKNOWLEDGED),
        (CHIEF, OVER, DecisionReason.NEVER_TOLD),
        (EARLY, FIRING, DecisionReason.NOT_YET),
        (EARLY, TAKEN, DecisionReason.ACKNOWLEDGED),
        (held(DecisionReason.QUIET), UNREAD, DecisionReason.NO_READING),
        (held(DecisionReason.QUIET), EASED, DecisionReason.EASING),
        (NEW, EASED, NotificationKind.FIRING),
        (DUE, EASED, DecisionReason.EASING),
        (CHIEF, EASED, DecisionReason.EASING),
        (TOLD_AS_CHIEF, FIRING, DecisionReason.ALREADY_TOLD),  # reminders are for whom it is first told
        (held(DecisionReason.QUIET), OVER, DecisionReason.CAME_AND_WENT),
        (held(DecisionReason.FLAPPING), OVER, DecisionReason.CAME_AND_WENT),
        (held(DecisionReason.COLLECTING), OVER, DecisionReason.CAME_AND_WENT),
        (held(DecisionReason.SILENCED), OVER, DecisionReason.NEVER_TOLD),
        (held(DecisionReason.INHIBITED), OVER, DecisionReason.NEVER_TOLD),
        (held(DecisionReason.QUIET, ReceiverRole.ESCALATION), OVER, DecisionReason.NEVER_TOLD),
    ],
)
def test_what_is_wanted(record: DeliveryState, standing: Breach, want: NotificationKind | DecisionReason):
    found = wanted(record, standing, NOON, tell_resolved=True)
    assert (found.reason if isinstance(found, Hold) else found) == want


def test_no_all_clear_is_wanted_where_the_city_does_not_want_it():
    assert wanted(TOLD, OVER, NOON, tell_resolved=False) == Hold(DecisionReason.RESOLVED_UNWANTED)


SILENCE = Silence(id="works", starts_at=NOON - MIN, ends_at=NOON + MIN)
EVERYTHING = Obstacles(SILENCE, "feed", NOON + 2 * MIN, NOON + 3 * MIN)


@pytest.mark.parametrize(
    ("kind", "here", "way"),
    [
        (NotificationKind.FIRING, Obstacles(), None),
        (NotificationKind.FIRING, EVERYTHING, Hold(DecisionReason.SILENCED, NOON + MIN, "works")),
        (NotificationKind.RESOLVED, EVERYTHING, Hold(DecisionReason.QUIET, NOON + 2 * MIN)),
        (
            NotificationKind.REMINDER,
            EVERYTHING._replace(silence=None),
            Hold(DecisionReason.INHIBITED, because="feed"),
        ),
        (
            NotificationKind.ESCALATION,
            EVERYTHING._replace(silence=None, inhibitor=None),
            Hold(DecisionReason.QUIET, NOON + 2 * MIN),
        ),
        (
            NotificationKind.RESOLVED,
            EVERYTHING._replace(quiet_until=None),
            Hold(DecisionReason.FLAPPING, NOON + 3 * MIN),
        ),
    ],
)
def test_what_stands_in_the_way(kind: NotificationKind, here: Obstacles, way: Hold | None):
    assert obstacle(kind, here) == way


@pytest.mark.parametrize(
    ("before", "reason", "after"),
    [
        (None, DecisionReason.QUIET, DecisionReason.QUIET),
        (DecisionReason.QUIET, DecisionReason.SILENCED, DecisionReason.SILENCED),
        (DecisionReason.QUIET, DecisionReason.COLLECTING, DecisionReason.QUIET),  # still a digest
        (DecisionReason.SILENCED, DecisionReason.COLLECTING, DecisionReason.COLLECTING),
        (
            DecisionReason.QUIET,
            DecisionReason.CLEARING,
            DecisionReason.QUIET,
        ),  # it may yet come back, or be over
        (DecisionReason.QUIET, DecisionReason.ACKNOWLEDGED, None),
        (DecisionReason.QUIET, DecisionReason.ALREADY_TOLD, None),
    ],
)
def test_what_keeps_a_message_back(
    before: DecisionReason | None, reason: DecisionReason, after: DecisionReason | None
):
    assert held_back(DeliveryState("team", held=before), Hold(reason)).held is after


@pytest.mark.parametrize("reason", sorted(HOLDS))
def test_each_hold_has_an_end_of_its_own(reason: DecisionReason):
    assert reason_to_tell(held(reason), NotificationKind.FIRING) not in {reason, DecisionReason.FIRST}
    assert reason_to_tell(held(reason), NotificationKind.RESOLVED) is DecisionReason.RESOLVED
    assert DIGESTED <= HOLDS


NOTIFY = NotifyConfig(flap_window=60 * MIN, flap_messages=2)


def tally(*minutes_ago: int, digest: int | None = None) -> FlapTally:
    at = None if digest is None else NOON - digest * MIN
    return FlapTally("team", tuple(NOON - ago * MIN for ago in minutes_ago), at)


@pytest.mark.parametrize(
    ("before", "turned", "digested", "after"),
    [
        (tally(), 0, False, FlapAllowance()),
        (tally(5), 0, False, FlapAllowance()),
        (tally(5, 2), 0, False, FlapAllowance(NOON + 10 * MIN)),  # calm for a sixth of an hour
        (tally(59, 2), 0, False, FlapAllowance(NOON + MIN)),  # the oldest leaves the window
        (tally(60, 2), 0, False, FlapAllowance()),  # it has left
        (tally(90, 80), 0, False, FlapAllowance()),
        (tally(30, 20), 10, True, FlapAllowance(counts=False, digest=True)),  # calm
        (tally(30, 20), 9, True, FlapAllowance(NOON + MIN)),
        (tally(30, 20, digest=15), 10, True, FlapAllowance(NOON + 30 * MIN)),  # a digest has just been
        (tally(30, 20, digest=0), 0, True, FlapAllowance(counts=False, digest=True)),  # it joins that digest
        (tally(30, 20, digest=0), 0, False, FlapAllowance(NOON + 30 * MIN)),
        (tally(5), 0, True, FlapAllowance(digest=True)),
    ],
)
def test_how_often_a_rule_may_speak(before: FlapTally, turned: int, digested: bool, after: FlapAllowance):
    assert allowance(before, NOON - turned * MIN, NOON, NOTIFY, digested=digested) == after


SILENT = {"measure": Measure.NO_DATA, "queue": "pbx", "rule": "feed"}


@pytest.mark.parametrize(
    ("firing", "other", "does"),
    [
        (SILENT, {}, True),
        (SILENT, {"measure": Measure.BURN_RATE}, True),
        (SILENT, {"site": "mol"}, False),
        (SILENT, SILENT | {"queue": "crm"}, False),
        ({}, {"level": Level.WARNING}, True),
        ({}, {"level": Level.WARNING, "queue": "web"}, False),
        ({}, {"level": Level.WARNING, "rule": "wait"}, False),
        ({}, {"level": Level.WARNING, "site": "mol"}, False),
        ({"level": Level.WARNING}, {}, False),
        ({}, {}, False),
    ],
)
def test_what_explains_what(firing: dict[str, object], other: dict[str, object], does: bool):
    assert inhibits(breach(**firing), breach(**other)) is does


@pytest.mark.parametrize(
    ("route", "fit"),
    [
        ({}, True),
        ({"severities": ("critical",)}, True),
        ({"severities": ("warning", "info")}, False),
        ({"measures": ("missed_ratio",), "sites": ("lier",), "queues": ("onthaal",)}, True),
        ({"measures": ("no_data",)}, False),
        ({"sites": ("mol",)}, False),
        ({"queues": ("web",)}, False),
        ({"rules": ("missed",)}, True),
        ({"rules": ("missed",), "queues": ("web",)}, False),
    ],
)
def test_a_route_and_a_silence_fit_alike(route: dict[str, object], fit: bool):
    assert fits(Route.model_validate({"receivers": ("team",)} | route), FIRING) is fit
    silence = Silence.model_validate({"id": "s", "starts_at": NOON, "ends_at": NOON + MIN} | route)
    assert (silence_of([silence], FIRING, NOON) is not None) is fit


def test_receivers_are_named_once_in_the_order_of_the_routes():
    routes = [
        Route(receivers=("b", "a")),
        Route(receivers=("c",), queues=("web",)),
        Route(receivers=("a", "d")),
    ]
    assert receivers_of(routes, FIRING) == ("b", "a", "d")


@pytest.mark.parametrize(
    ("said", "severity", "does"),
    [
        ({}, Severity.CRITICAL, True),
        ({}, Severity.WARNING, False),
        ({"escalate_severities": ("warning",)}, Severity.WARNING, True),
        ({"escalate_severities": ("warning",)}, Severity.CRITICAL, False),
    ],
)
def test_a_route_escalates_what_is_critical_unless_it_says_otherwise(
    said: dict[str, object], severity: Severity, does: bool
):
    route = Route.model_validate({"receivers": ("a",), "escalate_to": ("x",), **said})
    assert [*escalations_of([route], breach(severity=severity), ["a"])] == (
        [("x", route.escalate_after)] if does else []
    )


ALL = {"queue": "all"}
LATE = {"fired_at": NOON + MIN, "rule": "late"}
WAITS = {"measure": Measure.LONGEST_WAIT}
WARNING = {"severity": Severity.WARNING}


@pytest.mark.parametrize(
    ("known", "other", "does"),
    [
        (ALL, {}, True),
        ({}, ALL, False),
        (ALL, {"site": "mol"}, False),
        ({}, {"queue": "web"}, False),
        ({}, LATE, True),
        ({}, LATE | {"limit": 0.3}, False),  # of a limit that is further off they want to know
        ({}, LATE | {"limit": 0.1}, True),
        ({}, LATE | {"window": "today", "usual": 0.1, "limit": 0.4}, True),
        ({"window": "today", "usual": 0.1, "limit": 0.4}, LATE | {"limit": 0.3}, True),
        (WAITS, LATE | {"measure": Measure.WAITING}, False),  # seconds are no people
        (LATE, {}, False),
        (ALL, WAITS, False),
        (ALL, WAITS | WARNING, True),
        (ALL | WARNING, WAITS | WARNING, False),
        (ALL | WARNING, WARNING, True),
        (ALL | WARNING, {}, False),
        (ALL | {"window": "year"}, {}, False),
        (ALL, {"window": "month"}, False),
        (ALL | {"window": "today"}, {}, False),
        (ALL | {"window": "today", "usual": 0.1}, {}, True),
        (ALL, {"measure": Measure.NO_DATA}, False),
        (ALL, {"measure": Measure.BURN_RATE} | WARNING, False),
        (ALL | {"level": Level.WARNING}, WARNING, False),
        (ALL, {"level": Level.WARNING} | WARNING, True),
    ],
)
def test_what_who_knows_of_the_one_need_not_be_told(
    known: dict[str, object], other: dict[str, object], does: bool
):
    one, two = breach(**{"fired_at": NOON} | known), breach(**{"fired_at": NOON} | other)
    assert explains(one, two, lambda _: False) is does
    assert explains(one, two, lambda about: about is two) is False, "visitors are no callers"


def test_a_route_escalates_when_its_own_receivers_were_told():
    routes = [Route(receivers=("a",), escalate_to=("x",)), Route(receivers=("b",), escalate_to=("y",))]
    assert [receiver for receiver, _ in escalations_of(routes, FIRING, ["b"])] == ["y"]


@pytest.mark.parametrize(
    ("minutes", "active"), [(-1, False), (0, True), (9, True), (10, False)], ids=["-1", "0", "9", "10"]
)
def test_a_silence_is_from_inclusive_to_exclusive(minutes: int, active: bool):
    silence = Silence(id="s", starts_at=NOON, ends_at=NOON + 10 * MIN)
    assert (silence_of([silence], FIRING, NOON + minutes * MIN) is silence) is active


def test_a_silence_that_ends_before_it_starts_is_a_mistake():
    with pytest.raises(ValidationError, match="ends after it starts"):
        Silence(id="s", starts_at=NOON, ends_at=NOON)


def _lunch(_hours: str | None, at_ms: int) -> bool:
    return 12 <= datetime.fromtimestamp(at_ms / 1000, UTC).hour < 13


@pytest.mark.parametrize(
    ("severity", "at", "until"),
    [
        (Severity.WARNING, NOON - timedelta(milliseconds=1), None),
        (Severity.WARNING, NOON, NOON + 60 * MIN),
        (Severity.WARNING, NOON + timedelta(minutes=59, seconds=59.5), NOON + 60 * MIN),
        (Severity.WARNING, NOON + 60 * MIN, None),
        (Severity.CRITICAL, NOON, None),
    ],
)
def test_quiet_hours_end_on_the_minute(severity: Severity, at: datetime, until: datetime | None):
    assert quiet_until([MuteTimes(hours="lunch")], severity, _lunch, at) == until


def test_quiet_without_end_is_looked_at_again_in_a_week():
    end = quiet_until([MuteTimes(hours="always")], Severity.INFO, lambda _hours, _at: True, NOON)
    assert end == NOON + timedelta(days=8)


def changed(step: str, minute: float, n: int = 1, opened: float = 0) -> BreachChanged:
    previous, state = (BreachState(word) for word in step.split(">"))
    about = FIRING.model_dump(exclude={"id", "fired_at", "closed_at", "cause", "acknowledged", "times"})
    return BreachChanged.model_validate(
        about
        | {
            "id": f"e{n}",
            "breach": "b",
            "at": NOON + minute * MIN,
            "opened_at": NOON + opened * MIN,
            "previous": previous,
            "state": state,
            "cause": Cause.OVER,
        }
    )


def after(*events: BreachChanged) -> BreachRecord | None:
    record: BreachRecord | None = None
    for event in events:
        found = updated(record, None, event, LATER)
        assert isinstance(found, BreachRecord)
        record = found
    return record


OPENED = after(changed("ok>pending", 0), changed("pending>firing", 0, 2))
ENDED = after(changed("ok>pending", 0), changed("pending>firing", 1, 2), changed("firing>ok", 2, 3))


@pytest.mark.parametrize(
    ("record", "event", "found"),
    [
        (None, changed("pending>firing", 0), BreachState.FIRING),
        (OPENED, changed("firing>clearing", 1, 3), BreachState.CLEARING),
        (OPENED, changed("firing>clearing", 0, 3), BreachState.CLEARING),  # in the same moment
        (OPENED, changed("pending>firing", 0, 2), DecisionReason.DUPLICATE),
        (OPENED, changed("ok>pending", 0), DecisionReason.DUPLICATE),
        (OPENED, changed("clearing>ok", 0, 3), BreachState.OK),  # it ends once, whatever came before
        (OPENED, changed("ok>pending", 1, 3), DecisionReason.STALE),  # fired already
        (OPENED, changed("firing>clearing", -1, 3), DecisionReason.STALE),
        (OPENED, changed("clearing>ok", -1, 3), BreachState.OK),  # the judge's clock was set back
        (ENDED, changed("pending>firing", 3, 4), DecisionReason.STALE),
        (ENDED, changed("firing>ok", 2, 3), DecisionReason.DUPLICATE),
    ],
)
def test_which_events_change_something(
    record: BreachRecord | None, event: BreachChanged, found: BreachState | DecisionReason
):
    result = updated(record, None, event, LATER)
    assert (result.breach.state if isinstance(result, BreachRecord) else result) is found


@pytest.mark.parametrize(("opened", "is_taken"), [(-1, False), (0, False), (1, True)])
def test_a_rule_takes_newer_breaches_only(opened: float, is_taken: bool):
    rule = RuleRecord("a", NOON)
    result = updated(None, rule, changed("pending>firing", 5, opened=opened), LATER)
    assert isinstance(result, BreachRecord) is is_taken


@pytest.mark.parametrize("step", ["ok>pending", "pending>firing"])
def test_a_rule_takes_the_next_breach_when_the_last_one_bears_a_time_to_come(step: str):
    """The clock was two hours ahead when the last one opened."""
    assert isinstance(updated(None, RuleRecord("a", NOON + 120 * MIN), changed(step, 0), NOON), BreachRecord)
    assert (
        updated(None, RuleRecord("b", NOON + 120 * MIN), changed(step, 0), NOON) is DecisionReason.STALE
    )  # it is that one


def test_a_breach_goes_on_when_the_clock_that_it_opened_by_is_set_back():
    firing = after(changed("ok>pending", 120), changed("pending>firing", 120, 2))
    back = updated(firing, None, changed("firing>clearing", 0, 3), NOON)
    assert isinstance(back, BreachRecord)
    again = updated(back, None, changed("clearing>firing", 1, 4), NOON + MIN)
    assert isinstance(again, BreachRecord)
    assert again.breach.state is BreachState.FIRING
    assert updated(back, None, changed("pending>firing", 1, 4), NOON + MIN) is DecisionReason.STALE


def test_progress_brings_new_figures_and_keeps_the_rest():
    assert OPENED is not None
    record = BreachRecord(OPENED.breach.model_copy(update={"acknowledged": ACK}), OPENED.event_ids, (NEW,))
    about = changed("pending>firing", 7, 9).model_dump(exclude={"kind", "previous", "cause"})
    progress = BreachProgress.model_validate(
        about | {"reading": BreachReading(value=0.5, samples=90), "worst": 0.6}
    )
    result = updated(record, None, progress, LATER)
    assert isinstance(result, BreachRecord)
    assert (result.breach.reading.value, result.breach.worst, result.breach.at) == (0.5, 0.6, NOON + 7 * MIN)
    assert (result.breach.acknowledged, result.breach.fired_at, result.delivery_states) == (ACK, NOON, (NEW,))


GONE = FlapTally("team", gone=OVER, times=1, look_at=NOON + MIN)


@pytest.mark.parametrize(
    ("rule", "in_use", "left"),
    [
        (RuleRecord("b", NOON), True, RuleRecord("b", NOON)),
        (RuleRecord("b", NOON), False, RuleRecord("b", NOON, forget_at=NOON + RULE_REMEMBERED)),
        (RuleRecord("b", NOON, forget_at=NOON + MIN), False, RuleRecord("b", NOON, forget_at=NOON + MIN)),
        (RuleRecord("b", NOON, forget_at=NOON), False, None),
        (RuleRecord("b", NOON, forget_at=NOON), True, RuleRecord("b", NOON)),
        (
            RuleRecord("b", NOON, flap_tallies=(GONE,), forget_at=NOON),
            False,
            RuleRecord("b", NOON, flap_tallies=(GONE,), forget_at=NOON),
        ),
    ],
    ids=["a breach", "none left", "not yet", "forgotten", "a breach after all", "something to tell"],
)
def test_a_rule_is_remembered_while_a_breach_refers_to_it_and_a_week_after(
    rule: RuleRecord, in_use: bool, left: RuleRecord | None
):
    assert rule.aged(NOON, in_use=in_use) == left


@pytest.mark.parametrize(
    ("record", "may_go"),
    [
        (BreachRecord(OVER, forget_at=NOON), True),
        (BreachRecord(OVER, forget_at=NOON + MIN), False),
        (BreachRecord(OVER, delivery_states=(NEW,), forget_at=NOON), False),
        (BreachRecord(FIRING), False),
    ],
)
def test_when_a_breach_may_be_forgotten(record: BreachRecord, may_go: bool):
    assert record.can_go(NOON) is may_go


def test_what_is_not_ours_is_not_read_as_state():
    with pytest.raises(ValueError, match="no record"):
        decode({"outbox/1": b"{}"})
