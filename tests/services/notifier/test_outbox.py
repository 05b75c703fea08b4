"""The outbox's arithmetic: who goes first, when it is tried again, when it is given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier import outbox
from services.notifier.model import Acknowledgement, Breach, Delivery, Notification, NotificationKind
from services.notifier.outbox import (
    FIRST_WAIT,
    GIVE_UP,
    JITTER,
    LONGEST_ASKED,
    LONGEST_WAIT,
    MAILS_AT_ONCE,
    REFUSALS,
    DeliveryResult,
)
from services.notifier.state import BreachRecord, NotifierState
from shared.config.model import CityFile
from shared.contract.breach_events import BreachState
from tests.support.deliveries import MISSED, OVER, SERVICE_LEVEL, delivery

NOW = datetime(2026, 3, 2, 9, 12, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def waiting(
    key: str,
    after: float = 0,
    receiver: str = "team",
    channel: int = 0,
    about: tuple[Breach, ...] = (MISSED,),
    kind: NotificationKind = NotificationKind.FIRING,
    **more: object,
) -> Delivery:
    """A delivery whose notification was decided so many seconds after ``NOW``."""
    notification = Notification(id=key, kind=kind, receiver=receiver, breaches=about, at=NOW + after * SECOND)
    fields: dict[str, object] = {
        "key": key,
        "notification": notification,
        "channel": channel,
        "next_try": notification.at,
    }
    return Delivery.model_validate(fields | more)


def keys(
    *deliveries: Delivery, under_way: tuple[str, ...] = (), now: datetime = NOW + 100 * SECOND
) -> list[str]:
    return [delivery.key for delivery in outbox.due(deliveries, under_way, now)]


# Deliveries of a notification --------------------------------------------------------------------------

CITY = CityFile.model_validate(
    {
        "city": {"name": "Test"},
        "sites": [{"id": "lier", "queues": [{"id": "algemeen", "kind": "phone"}]}],
        "smtp": {"host": "127.0.0.1", "tls": "none", "sender": "wachtpost@stad.example"},
        "receivers": [
            {
                "id": "team",
                "channels": [
                    {"kind": "webhook", "url": "https://in.example/"},
                    {"kind": "email", "to": ["a@stad.example", "b@stad.example"]},
                ],
            }
        ],
    }
)


WEBHOOK = CITY.model_copy(
    update={
        "receivers": tuple(
            receiver.model_copy(update={"channels": receiver.channels[:1]}) for receiver in CITY.receivers
        )
    }
)


def test_a_notification_is_one_delivery_for_each_channel_and_each_address():
    notification = waiting("n").notification
    made = list(outbox.deliveries(notification, CITY))
    assert [(one.key, one.channel, one.address) for one in made] == [
        ("n/0", 0, None),
        ("n/1/0", 1, "a@stad.example"),
        ("n/1/1", 1, "b@stad.example"),
    ]
    assert all(one.next_try == notification.at and one.attempts == 0 for one in made)


def test_no_key_repeats_an_address():
    assert not any("@" in one.key for one in outbox.deliveries(waiting("n").notification, CITY))


def test_a_notification_for_somebody_who_is_gone_is_no_delivery():
    assert list(outbox.deliveries(waiting("n", receiver="gone").notification, CITY)) == []


# When --------------------------------------------------------------------------------------------------

AHEAD = timedelta(hours=2)


@pytest.mark.parametrize(
    ("delivery_", "due"),
    [
        (waiting("first"), True),
        (waiting("again", attempts=1, next_try=NOW), True),
        (waiting("soon", attempts=1, next_try=NOW + SECOND), False),
        (waiting("asked", attempts=1, next_try=NOW + LONGEST_ASKED), False),
        (waiting("first, by a clock that was ahead", after=AHEAD / SECOND), True),
        (waiting("again, by a clock that was ahead", attempts=1, next_try=NOW + AHEAD), True),
        (waiting("ours failed", next_try=NOW + SECOND), False),
    ],
    ids=lambda one: one.key if isinstance(one, Delivery) else "",
)
def test_a_delivery_is_due(delivery_: Delivery, due: bool):
    assert outbox.is_due(delivery_, NOW) is due


# Lines -------------------------------------------------------------------------------------------------


OTHER = SERVICE_LEVEL
HOUR = timedelta(hours=1)


def test_of_one_breach_the_oldest_goes_whatever_the_order_they_stand_in():
    first, second = waiting("z", 0), waiting("a", 1)
    assert keys(first, second) == keys(second, first) == ["z"]


def test_while_the_first_is_under_way_or_waits_for_its_next_try_the_rest_of_its_breach_waits():
    first, second = waiting("first", 0, next_try=NOW + HOUR), waiting("second", 1)
    assert keys(first, second, under_way=("first",)) == []
    assert keys(first, second) == []
    assert keys(first, second, now=NOW + HOUR) == ["first"]


def test_one_that_cannot_be_delivered_keeps_no_other_breach_from_its_receiver():
    stuck = waiting("stuck", 0, attempts=3, next_try=NOW + HOUR)
    over, other = waiting("over", 1, about=(OVER,)), waiting("other", 2, about=(OTHER,))
    assert keys(stuck, over, other) == ["other"]
    assert keys(stuck, over, other, now=NOW + HOUR) == ["other"], "and it lets them go first"
    assert keys(stuck, over, now=NOW + HOUR) == ["stuck"]


def test_a_message_of_several_waits_for_what_was_said_of_each_of_them():
    begun, both = waiting("begun", 0, next_try=NOW + HOUR), waiting("both", 1, about=(MISSED, OTHER))
    last = waiting("last", 2, about=(OTHER,))
    assert keys(begun, both, last) == [], "nor does its end overtake it"
    assert keys(both, last) == ["both"]


def test_in_a_message_of_several_those_that_wait_for_something_else_go_by_themselves():
    begun, begun_2 = waiting("begun", 0, next_try=NOW + HOUR), waiting("begun-2", 0, about=(OTHER,))
    strange = [waiting("other", 0, channel=1), waiting("strange", 0, receiver="strange")]
    both = waiting("both", 1, about=(OVER, OTHER)).notification

    def parts(*before: Delivery) -> list[tuple[str, tuple[Breach, ...]]]:
        return [(one.key, one.notification.breaches) for one in outbox.posted([both], WEBHOOK, before)]

    apart = [("both/0+0", (OVER,)), ("both/0+1", (OTHER,))]
    assert parts(begun, *strange) == parts(begun_2) == parts(begun, begun_2) == apart
    assert keys(begun, *outbox.posted([both], WEBHOOK, [begun])) == ["both/0+1"]
    assert parts() == parts(*strange) == [("both/0", (OVER, OTHER))]
    assert parts(waiting("group", 0, about=(MISSED, OTHER))) == [("both/0", (OVER, OTHER))]


def test_a_line_has_one_under_way_so_that_an_address_that_hangs_takes_one_place():
    stuck = [waiting(f"stuck-{n}", n, about=(MISSED.model_copy(update={"id": f"b{n}"}),)) for n in range(16)]
    well = waiting("well", 99, receiver="other")
    assert keys(*stuck, well) == ["stuck-0", "well"]
    assert keys(*stuck, well, under_way=("stuck-0",)) == ["well"]


def test_a_mail_server_that_hangs_takes_no_place_of_others():
    mails = [waiting(f"mail-{n:02}", address=f"m{n}@stad.example") for n in range(MAILS_AT_ONCE + 4)]
    on_their_way = tuple(keys(*mails))
    report = waiting("report", address="m@stad.example", kind=NotificationKind.REPORT)
    others = [waiting(f"other-{n:02}", 99, receiver=f"r{n}") for n in range(2 * MAILS_AT_ONCE)]
    assert len(on_their_way) == MAILS_AT_ONCE
    assert keys(*mails, *others, report, under_way=on_their_way) == [
        "report",
        *(delivery.key for delivery in others),
    ]


def test_what_was_never_tried_goes_before_what_failed_wherever_it_goes():
    tried = [waiting(f"tried-{n}", n, receiver=f"r{n}", attempts=1) for n in range(3)]
    assert keys(*tried, waiting("new", 9, receiver="new"))[0] == "new"


def test_what_was_posted_later_goes_later_though_the_clock_was_set_back():
    begun = waiting("begun").notification
    over = waiting("over", -7200, about=(OVER,)).notification
    (first,) = outbox.posted([begun], WEBHOOK, [])
    (second,) = outbox.posted([over], WEBHOOK, [first])
    assert keys(second, first) == [first.key]
    (third,) = outbox.posted([over], WEBHOOK, [])
    assert third.turn == first.turn == 1, "only what waits at the same time is counted"


@pytest.mark.parametrize(
    "other",
    [{"receiver": "other"}, {"channel": 1}, {"address": "b@stad.example"}],
    ids=["receiver", "channel", "address"],
)
def test_lines_do_not_wait_for_each_other(other: dict[str, object]):
    assert keys(waiting("one", 0), waiting("two", 1, **other), under_way=("one",)) == ["two"]  # type: ignore[arg-type]


def test_reports_wait_for_no_report():
    stuck = waiting("stuck", about=(), kind=NotificationKind.REPORT, next_try=NOW + HOUR)
    assert keys(stuck, waiting("second", 1, about=(), kind=NotificationKind.REPORT)) == ["second"]


def test_what_was_decided_at_one_moment_goes_beginning_first():
    over = waiting("resolved-supervisors-0/0", about=(OVER,), kind=NotificationKind.RESOLVED)
    assert keys(over, waiting("firing-supervisors-1/0")) == ["firing-supervisors-1/0"]


BREACHES = [MISSED.model_copy(update={"id": name}) for name in "abc"]
lines = st.lists(
    st.builds(
        waiting,
        st.uuids().map(str),
        st.integers(0, 5),
        st.sampled_from(["a", "b"]),
        st.integers(0, 1),
        st.sets(st.sampled_from("abc")).map(lambda names: tuple(b for b in BREACHES if b.id in names)),
        address=st.sampled_from([None, "x@stad.example"]),
        attempts=st.integers(0, 2),
        turn=st.integers(0, 3),
    ),
    max_size=20,
)


@given(lines, st.data())
def test_of_each_breach_what_goes_is_the_earliest_of_its_line_and_no_line_rests_in_vain(
    deliveries: list[Delivery], data: st.DataObject
):
    def spoken_of(one: Delivery) -> set[str]:
        return {breach.id for breach in one.notification.breaches}

    def order(one: Delivery) -> tuple[int, datetime, str]:
        return one.turn, one.notification.at, one.key

    at_work = (
        data.draw(st.sets(st.sampled_from([p.key for p in deliveries]), max_size=4)) if deliveries else set()
    )
    due = outbox.due(deliveries, at_work, NOW + HOUR)
    assert len({outbox.line(one) for one in due}) == len(due)
    for one in due:
        assert one.key not in at_work
        mates = [mate for mate in deliveries if outbox.line(mate) == outbox.line(one) and mate is not one]
        assert all(order(one) < order(mate) for mate in mates if spoken_of(mate) & spoken_of(one))
    resting = {outbox.line(p) for p in deliveries} - {outbox.line(p) for p in deliveries if p.key in at_work}
    assert resting == {outbox.line(one) for one in due}


# Trying again ------------------------------------------------------------------------------------------


@given(st.uuids().map(str), st.integers(0, 200))
def test_waits_double_up_to_ten_minutes_and_are_shorter_by_a_quarter_at_most(key: str, attempts: int):
    tried = outbox.missed(waiting(key, attempts=attempts), "it answered 500", None, NOW)
    assert tried.left is not None
    whole = min(FIRST_WAIT * 2 ** min(attempts, 20), LONGEST_WAIT)
    assert whole * (1 - JITTER) <= tried.left.next_try - NOW <= whole
    assert tried.left.attempts == attempts + 1


@given(st.uuids().map(str), st.integers(0, 12), st.floats(0, 1e9))
def test_nobody_is_asked_again_sooner_than_they_want_though_within_an_hour(
    key: str, attempts: int, asked: float
):
    tried = outbox.missed(waiting(key, attempts=attempts), "it answered 429", asked, NOW)
    assert tried.left is not None
    wait = tried.left.next_try - NOW
    assert wait >= min(timedelta(seconds=asked), LONGEST_ASKED)
    assert wait <= LONGEST_ASKED


def test_a_hundred_deliveries_do_not_come_back_at_the_same_moment():
    waits = {
        tried.left.next_try
        for n in range(100)
        if (tried := outbox.missed(waiting(f"p{n}"), "away", None, NOW)).left is not None
    }
    assert len(waits) > 90


def test_the_same_try_of_the_same_delivery_waits_as_long_wherever_it_is_worked_out():
    one, other = (outbox.missed(waiting("p", attempts=3), "away", None, NOW) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(
    ("age", "result"),
    [
        (GIVE_UP - SECOND, DeliveryResult.RETRY),
        (GIVE_UP, DeliveryResult.DEAD),
        (GIVE_UP + timedelta(days=9), DeliveryResult.DEAD),
    ],
)
def test_what_is_a_day_old_is_given_up_with_the_last_reason(age: timedelta, result: DeliveryResult):
    tried = outbox.missed(waiting("p"), "it answered 503", 60.0, NOW + age)
    assert tried.result is result
    assert (tried.left is None) is (result is DeliveryResult.DEAD)
    assert tried.why == ("it answered 503" if tried.left else "given up after 24 h: it answered 503")


def test_a_no_without_a_reason_is_tried_a_few_times_only():
    tried, now = outbox.missed(waiting("p"), "away", None, NOW), NOW
    refusals = 0
    while (left := tried.left) is not None:
        now, refusals = left.next_try, refusals + 1
        tried = outbox.missed(left, "it could not", None, now, explained=False)
    assert (tried.result, refusals) == (DeliveryResult.DEAD, REFUSALS)
    assert tried.why == f"refused {REFUSALS} times without a reason: it could not"
    assert timedelta(minutes=2) < now - NOW < timedelta(minutes=15)


def test_a_delivery_keeps_its_key_and_its_words_through_all_tries():
    before = now = waiting("p", address="a@stad.example")
    at = NOW
    while (tried := outbox.missed(now, "away", None, at)).left is not None:
        assert tried.left.next_try > at
        now, at = tried.left, tried.left.next_try
    assert now.model_copy(update={"attempts": 0, "next_try": before.next_try}) == before
    assert GIVE_UP <= at - NOW < GIVE_UP + LONGEST_WAIT


@pytest.mark.parametrize(
    ("tried", "result"),
    [
        (outbox.delivered(waiting("p")), DeliveryResult.DELIVERED),
        (outbox.refused(waiting("p"), "it refused"), DeliveryResult.DEAD),
    ],
)
def test_what_is_delivered_or_refused_is_out(tried: outbox.Attempt, result: DeliveryResult):
    assert (tried.result, tried.left) == (result, None)


# Obsolete ----------------------------------------------------------------------------------------------

TAKEN = MISSED.model_copy(update={"acknowledged": Acknowledgement(at=NOW, by="team")})
GONE_QUIET = SERVICE_LEVEL.model_copy(update={"state": BreachState.OK, "closed_at": NOW})


def state(*breaches: Breach) -> NotifierState:
    return NotifierState(breaches={breach.id: BreachRecord(breach) for breach in breaches})


@pytest.mark.parametrize(
    ("known", "obsolete"),
    [
        (state(MISSED), False),
        (state(TAKEN), True),
        (state(OVER), True),
        (state(), True),  # forgotten long ago
    ],
    ids=["goes-on", "taken", "over", "forgotten"],
)
@pytest.mark.parametrize("kind", NotificationKind)
def test_only_reminders_and_escalations_become_obsolete(
    kind: NotificationKind, known: NotifierState, obsolete: bool
):
    urging = kind in {NotificationKind.REMINDER, NotificationKind.ESCALATION}
    assert outbox.is_obsolete(delivery(MISSED, kind=kind), known) is (obsolete and urging)


@pytest.mark.parametrize(
    ("known", "obsolete"),
    [(state(TAKEN, SERVICE_LEVEL), False), (state(TAKEN, GONE_QUIET), True)],
)
def test_a_reminder_of_several_goes_while_any_of_them_goes_on(known: NotifierState, obsolete: bool):
    both = delivery(MISSED, SERVICE_LEVEL, kind=NotificationKind.REMINDER)
    assert outbox.is_obsolete(both, known) is obsolete
