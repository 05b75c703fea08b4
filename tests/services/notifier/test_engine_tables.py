"""Each single decision of the notifier's policy, as a table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from services.notifier.breach_updates import heard
from services.notifier.delivery_state import (
    Circumstances,
    Role,
    Ruling,
    Telling,
    obstacle,
    reason_to_tell,
    ruled,
    wanted,
)
from services.notifier.flap_detection import Leave, Tally, leave
from services.notifier.inhibition import inhibits
from services.notifier.model import Acknowledgement, Breach, Happening
from services.notifier.mute_times import quiet_until
from services.notifier.reasons import DIGESTED, HOLDS, Reason
from services.notifier.routing import escalations_of, fits, receivers_of
from services.notifier.silences import Silence, silence_of
from services.notifier.state import WATCH_REMEMBERED, Known, Watch, decode
from shared.config.alerting import Notify, Quiet, Route
from shared.contract.breach_events import (
    BreachChanged,
    BreachProgress,
    Cause,
    Level,
    Measure,
    Reading,
    Severity,
)
from shared.contract.breach_events import State as Standing

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MIN = timedelta(minutes=1)
LATER = NOON + timedelta(days=1)
ACK = Acknowledgement(at=NOON, by="team")


def breach(**given: object) -> Breach:
    usual = {
        "id": "b",
        "rule": "missed",
        "level": Level.LIMIT,
        "measure": Measure.MISSED_RATIO,
        "severity": Severity.CRITICAL,
        "site": "lier",
        "queue": "onthaal",
        "window": "15m",
        "limit": 0.2,
        "clear_at": 0.2,
        "opened_at": NOON,
        "fired_at": NOON,
        "at": NOON,
        "state": Standing.FIRING,
        "reading": Reading(value=0.3, samples=20),
    }
    return Breach.model_validate(usual | given)


FIRING = breach()
TAKEN = breach(acknowledged=ACK)
CLEARING = breach(state=Standing.CLEARING)
OVER = breach(state=Standing.OK, closed_at=NOON)
NEW = Telling("team")
TOLD = Telling("team", told_at=NOON - MIN, remind_at=NOON + MIN)
DUE = Telling("team", told_at=NOON - MIN, remind_at=NOON)
CHIEF = Telling("chief", Role.ESCALATION, not_before=NOON)
EARLY = Telling("chief", Role.ESCALATION, not_before=NOON + MIN)


def held(reason: Reason, role: Role = Role.ROUTED) -> Telling:
    return Telling("team", role, held=reason)


@pytest.mark.parametrize(
    ("known", "standing", "want"),
    [
        (NEW, FIRING, Happening.FIRING),
        (NEW, TAKEN, Happening.FIRING),  # acknowledged by others: they want to know all the same
        (NEW, CLEARING, Reason.CLEARING),
        (NEW, OVER, Reason.NEVER_TOLD),
        (TOLD, FIRING, Reason.ALREADY_TOLD),
        (TOLD, TAKEN, Reason.ACKNOWLEDGED),
        (TOLD, CLEARING, Reason.CLEARING),
        (TOLD, OVER, Happening.RESOLVED),
        (DUE, FIRING, Happening.REMINDER),
        (DUE, TAKEN, Reason.ACKNOWLEDGED),
        (DUE, CLEARING, Reason.CLEARING),
        (CHIEF, FIRING, Happening.ESCALATION),
        (CHIEF, TAKEN, Reason.ACKNOWLEDGED),
        (CHIEF, OVER, Reason.NEVER_TOLD),
        (EARLY, FIRING, Reason.NOT_YET),
        (EARLY, TAKEN, Reason.ACKNOWLEDGED),
        (held(Reason.QUIET), OVER, Reason.CAME_AND_WENT),
        (held(Reason.FLAPPING), OVER, Reason.CAME_AND_WENT),
        (held(Reason.COLLECTING), OVER, Reason.CAME_AND_WENT),
        (held(Reason.SILENCED), OVER, Reason.NEVER_TOLD),
        (held(Reason.INHIBITED), OVER, Reason.NEVER_TOLD),
        (held(Reason.QUIET, Role.ESCALATION), OVER, Reason.NEVER_TOLD),
    ],
)
def test_what_is_wanted(known: Telling, standing: Breach, want: Happening | Reason):
    found = wanted(known, standing, NOON, tell_resolved=True)
    assert (found.reason if isinstance(found, Ruling) else found) == want


def test_no_all_clear_is_wanted_where_the_city_does_not_want_it():
    assert wanted(TOLD, OVER, NOON, tell_resolved=False) == Ruling(Reason.RESOLVED_UNWANTED)


SILENCE = Silence(id="works", starts_at=NOON - MIN, ends_at=NOON + MIN)
EVERYTHING = Circumstances(SILENCE, "feed", NOON + 2 * MIN, NOON + 3 * MIN)


@pytest.mark.parametrize(
    ("happening", "here", "way"),
    [
        (Happening.FIRING, Circumstances(), None),
        (Happening.FIRING, EVERYTHING, Ruling(Reason.SILENCED, NOON + MIN, "works")),
        (Happening.RESOLVED, EVERYTHING, Ruling(Reason.QUIET, NOON + 2 * MIN)),
        (Happening.REMINDER, EVERYTHING._replace(silence=None), Ruling(Reason.INHIBITED, because="feed")),
        (
            Happening.ESCALATION,
            EVERYTHING._replace(silence=None, inhibitor=None),
            Ruling(Reason.QUIET, NOON + 2 * MIN),
        ),
        (
            Happening.RESOLVED,
            EVERYTHING._replace(quiet_until=None),
            Ruling(Reason.FLAPPING, NOON + 3 * MIN),
        ),
    ],
)
def test_what_stands_in_the_way(happening: Happening, here: Circumstances, way: Ruling | None):
    assert obstacle(happening, here) == way


@pytest.mark.parametrize(
    ("before", "reason", "after"),
    [
        (None, Reason.QUIET, Reason.QUIET),
        (Reason.QUIET, Reason.SILENCED, Reason.SILENCED),
        (Reason.QUIET, Reason.COLLECTING, Reason.QUIET),  # still a digest
        (Reason.SILENCED, Reason.COLLECTING, Reason.COLLECTING),
        (Reason.QUIET, Reason.CLEARING, Reason.QUIET),  # it may yet come back, or be over
        (Reason.QUIET, Reason.ACKNOWLEDGED, None),
        (Reason.QUIET, Reason.ALREADY_TOLD, None),
    ],
)
def test_what_keeps_a_message_back(before: Reason | None, reason: Reason, after: Reason | None):
    assert ruled(Telling("team", held=before), Ruling(reason)).held is after


@pytest.mark.parametrize("reason", sorted(HOLDS))
def test_each_hold_has_an_end_of_its_own(reason: Reason):
    assert reason_to_tell(held(reason), Happening.FIRING) not in {reason, Reason.FIRST}
    assert reason_to_tell(held(reason), Happening.RESOLVED) is Reason.RESOLVED
    assert DIGESTED <= HOLDS


NOTIFY = Notify(flap_window=60 * MIN, flap_messages=2)


def tally(*minutes_ago: int, digest: int | None = None) -> Tally:
    at = None if digest is None else NOON - digest * MIN
    return Tally("team", tuple(NOON - ago * MIN for ago in minutes_ago), at)


@pytest.mark.parametrize(
    ("before", "turned", "digested", "after"),
    [
        (tally(), 0, False, Leave()),
        (tally(5), 0, False, Leave()),
        (tally(5, 2), 0, False, Leave(NOON + 10 * MIN)),  # calm for a sixth of an hour
        (tally(59, 2), 0, False, Leave(NOON + MIN)),  # the oldest leaves the window
        (tally(60, 2), 0, False, Leave()),  # it has left
        (tally(90, 80), 0, False, Leave()),
        (tally(30, 20), 10, True, Leave(counts=False, digest=True)),  # calm
        (tally(30, 20), 9, True, Leave(NOON + MIN)),
        (tally(30, 20, digest=15), 10, True, Leave(NOON + 30 * MIN)),  # a digest has just been
        (tally(30, 20, digest=0), 0, True, Leave(counts=False, digest=True)),  # it joins that digest
        (tally(30, 20, digest=0), 0, False, Leave(NOON + 30 * MIN)),
        (tally(5), 0, True, Leave(digest=True)),
    ],
)
def test_how_often_a_watch_may_speak(before: Tally, turned: int, digested: bool, after: Leave):
    assert leave(before, NOON - turned * MIN, NOON, NOTIFY, digested=digested) == after


SILENT = {"measure": Measure.SILENCE, "queue": "pbx", "rule": "feed"}


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
        ({"measures": ("silence",)}, False),
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


def test_a_route_escalates_when_its_own_receivers_were_told():
    routes = [Route(receivers=("a",), escalate_to=("x",)), Route(receivers=("b",), escalate_to=("y",))]
    assert [one.receiver for one in escalations_of(routes, FIRING, ["b"])] == ["y"]


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
    assert quiet_until([Quiet(hours="lunch")], severity, _lunch, at) == until


def test_quiet_without_end_is_looked_at_again_in_a_week():
    end = quiet_until([Quiet(hours="always")], Severity.INFO, lambda _hours, _at: True, NOON)
    assert end == NOON + timedelta(days=8)


def changed(step: str, minute: float, n: int = 1, opened: float = 0) -> BreachChanged:
    previous, state = (Standing(word) for word in step.split(">"))
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


def after(*events: BreachChanged) -> Known | None:
    known: Known | None = None
    for event in events:
        found = heard(known, None, event, LATER)
        assert isinstance(found, Known)
        known = found
    return known


OPENED = after(changed("ok>pending", 0), changed("pending>firing", 0, 2))
ENDED = after(changed("ok>pending", 0), changed("pending>firing", 1, 2), changed("firing>ok", 2, 3))


@pytest.mark.parametrize(
    ("known", "event", "found"),
    [
        (None, changed("pending>firing", 0), Standing.FIRING),
        (OPENED, changed("firing>clearing", 1, 3), Standing.CLEARING),
        (OPENED, changed("firing>clearing", 0, 3), Standing.CLEARING),  # in the same moment
        (OPENED, changed("pending>firing", 0, 2), Reason.DUPLICATE),
        (OPENED, changed("ok>pending", 0), Reason.DUPLICATE),
        (OPENED, changed("clearing>ok", 0, 3), Standing.OK),  # it ends once, whatever came before
        (OPENED, changed("ok>pending", 1, 3), Reason.STALE),  # fired already
        (OPENED, changed("firing>clearing", -1, 3), Reason.STALE),
        (OPENED, changed("clearing>ok", -1, 3), Standing.OK),  # the judge's clock was set back
        (ENDED, changed("pending>firing", 3, 4), Reason.STALE),
        (ENDED, changed("firing>ok", 2, 3), Reason.DUPLICATE),
    ],
)
def test_which_events_are_heard(known: Known | None, event: BreachChanged, found: Standing | Reason):
    result = heard(known, None, event, LATER)
    assert (result.breach.state if isinstance(result, Known) else result) is found


@pytest.mark.parametrize(("opened", "is_heard"), [(-1, False), (0, False), (1, True)])
def test_a_watch_hears_of_newer_breaches_only(opened: float, is_heard: bool):
    watch = Watch("a", NOON)
    result = heard(None, watch, changed("pending>firing", 5, opened=opened), LATER)
    assert isinstance(result, Known) is is_heard


@pytest.mark.parametrize("step", ["ok>pending", "pending>firing"])
def test_a_watch_hears_of_the_next_breach_when_the_last_one_bears_a_time_to_come(step: str):
    """The clock was two hours ahead when the last one opened."""
    assert isinstance(heard(None, Watch("a", NOON + 120 * MIN), changed(step, 0), NOON), Known)
    assert heard(None, Watch("b", NOON + 120 * MIN), changed(step, 0), NOON) is Reason.STALE  # it is that one


def test_a_breach_goes_on_when_the_clock_that_it_opened_by_is_set_back():
    firing = after(changed("ok>pending", 120), changed("pending>firing", 120, 2))
    back = heard(firing, None, changed("firing>clearing", 0, 3), NOON)
    assert isinstance(back, Known)
    again = heard(back, None, changed("clearing>firing", 1, 4), NOON + MIN)
    assert isinstance(again, Known)
    assert again.breach.state is Standing.FIRING
    assert heard(back, None, changed("pending>firing", 1, 4), NOON + MIN) is Reason.STALE


def test_progress_brings_new_figures_and_keeps_the_rest():
    assert OPENED is not None
    known = Known(OPENED.breach.model_copy(update={"acknowledged": ACK}), OPENED.heard, (NEW,))
    about = changed("pending>firing", 7, 9).model_dump(exclude={"kind", "previous", "cause"})
    progress = BreachProgress.model_validate(
        about | {"reading": Reading(value=0.5, samples=90), "worst": 0.6}
    )
    result = heard(known, None, progress, LATER)
    assert isinstance(result, Known)
    assert (result.breach.reading.value, result.breach.worst, result.breach.at) == (0.5, 0.6, NOON + 7 * MIN)
    assert (result.breach.acknowledged, result.breach.fired_at, result.tellings) == (ACK, NOON, (NEW,))


GONE = Tally("team", gone=OVER, times=1, look_at=NOON + MIN)


@pytest.mark.parametrize(
    ("watch", "in_use", "left"),
    [
        (Watch("b", NOON), True, Watch("b", NOON)),
        (Watch("b", NOON), False, Watch("b", NOON, forget_at=NOON + WATCH_REMEMBERED)),
        (Watch("b", NOON, forget_at=NOON + MIN), False, Watch("b", NOON, forget_at=NOON + MIN)),
        (Watch("b", NOON, forget_at=NOON), False, None),
        (Watch("b", NOON, forget_at=NOON), True, Watch("b", NOON)),
        (
            Watch("b", NOON, tallies=(GONE,), forget_at=NOON),
            False,
            Watch("b", NOON, tallies=(GONE,), forget_at=NOON),
        ),
    ],
    ids=["a breach", "none left", "not yet", "forgotten", "a breach after all", "something to tell"],
)
def test_a_watch_is_remembered_while_a_breach_refers_to_it_and_a_week_after(
    watch: Watch, in_use: bool, left: Watch | None
):
    assert watch.aged(NOON, in_use=in_use) == left


@pytest.mark.parametrize(
    ("known", "may_go"),
    [
        (Known(OVER, forget_at=NOON), True),
        (Known(OVER, forget_at=NOON + MIN), False),
        (Known(OVER, tellings=(NEW,), forget_at=NOON), False),
        (Known(FIRING), False),
    ],
)
def test_when_a_breach_may_be_forgotten(known: Known, may_go: bool):
    assert known.can_go(NOON) is may_go


def test_what_is_not_ours_is_not_read_as_state():
    with pytest.raises(ValueError, match="no record"):
        decode({"outbox/1": b"{}"})
