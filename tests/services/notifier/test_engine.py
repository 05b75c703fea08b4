"""Who is told what, when, once: timelines on a fake clock (the language: ``policy_timeline``)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.notifier import engine as notifier
from services.notifier.engine import list_breaches, list_silences, on_time
from services.notifier.model import NotificationKind, Silence
from services.notifier.reasons import DecisionReason
from services.notifier.state import NotifierState, decode
from shared.config.alerting import Route
from shared.contract.breach_events import Severity
from tests.support.policy_timeline import (
    START,
    Judge,
    Notifier,
    Timeline,
    instant,
    policy_of,
    quiet_between,
    reasons,
    run,
)

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
CALM = policy_of(reminder="24h")
"""Nobody is reminded while a story is about something else."""


def stories(**pictures: str) -> pytest.MarkDecorator:
    named = [(name.replace("_", " "), picture) for name, picture in pictures.items()]
    return pytest.mark.parametrize("picture", [p for _, p in named], ids=[name for name, _ in named])


@stories(
    told_at_once="""
        0:00  phones fires       ✉ team firing phones
    """,
    pending_tells_nobody="""
        0:00  phones pending
        0:09  phones over
    """,
    pending_then_firing="""
        0:00  phones pending
        1:00  phones fires       ✉ team firing phones
    """,
    told_when_it_is_over="""
        0:00  phones fires       ✉ team firing phones
        9:00  phones clears
        9:30  phones over        ✉ team resolved phones✓
    """,
    a_dip_is_no_new_message="""
        0:00  phones fires       ✉ team firing phones
        1:00  phones clears
        1:30  phones fires
        2:00  phones clears
        2:30  phones over        ✉ team resolved phones✓
    """,
    a_rule_that_is_gone_resolves="""
        0:00  phones fires       ✉ team firing phones
        1:00  phones gone        ✉ team resolved phones✓
    """,
    closing_time_resolves="""
        0:00  phones fires       ✉ team firing phones
        1:00  phones closes      ✉ team resolved phones✓
    """,
    progress_is_no_message="""
        0:00  phones fires       ✉ team firing phones
        1:00  phones lasts
        2:00  phones lasts
    """,
    first_heard_of_while_it_lasts="""
        0:00  phones lasts       ✉ team firing phones
    """,
    two_openings_are_two_breaches="""
        0:00  phones fires       ✉ team firing phones
        1:00  phones over        ✉ team resolved phones✓
        65:00 phones fires       ✉ team firing phones/2
    """,
)
def test_a_breach_is_told_when_it_fires_and_when_it_is_over(picture: str):
    run(picture, CALM)


@stories(
    twice="""
        0:00  phones fires; phones again  ✉ team firing phones
        0:05  phones again
        1:00  phones over; phones again   ✉ team resolved phones✓
        2:00  phones again
    """,
    out_of_order="""
        0:00  phones fires                ✉ team firing phones
        1:00  phones lasts
        1:30  phones late
    """,
    does_not_rise_from_the_dead="""
        0:00  phones fires                ✉ team firing phones
        1:00  phones over; phones late    ✉ team resolved phones✓
        90:00 phones again; phones late
    """,
)
def test_an_event_heard_before_changes_nothing(picture: str):
    run(picture, CALM)


def test_an_old_breach_of_a_rule_does_not_come_back_after_it_was_forgotten():
    judge, shell = Judge(), Notifier(CALM)
    fired = judge.event("phones", "fires", START)
    shell.hear(fired, START)
    shell.hear(judge.event("phones", "over", instant("1:00")), instant("1:00"))
    shell.wait_until(START + DAY)
    assert shell.state.breaches == {}
    decision = shell.hear(fired, START + DAY)
    assert not decision.notifications
    assert [line.reason for line in decision.log] == [DecisionReason.STALE]


def test_a_newer_breach_of_a_rule_ends_the_older_one():
    judge, shell = Judge(), Notifier(policy_of(flap_messages=9))
    shell.hear(judge.event("phones", "fires", START), START)
    judge.event("phones", "over", instant("1:00"))  # and nobody heard of it
    later = instant("10:00")
    shell.hear(judge.event("phones", "fires", later), later)
    assert [notification.kind for notification in shell.notifications] == ["firing", "firing", "resolved"]
    assert DecisionReason.SUPERSEDED in {line.reason for line in shell.log}
    assert [breach.id for breach in list_breaches(shell.state)] == ["phones/2"]


@stories(
    further_breaches_wait_for_each_other_a_second="""
        0:00  phones fires       ✉ team firing phones
        0:00  web fires
        0:00  desk fires
        0:01                     ✉ team firing desk web
        0:01  post fires
        0:02                     ✉ team firing post
        2:00  park fires         ✉ team firing park
    """,
    all_clears_too="""
        0:00  phones fires       ✉ team firing phones
        0:10  web fires          ✉ team firing web
        0:20  desk fires         ✉ team firing desk
        5:00  phones over        ✉ team resolved phones✓
        5:10  web over
        5:20  desk over
        5:30                     ✉ team resolved desk✓ web✓
    """,
    an_all_clear_holds_up_no_alarm="""
        0:00  phones fires       ✉ team firing phones
        5:00  phones over        ✉ team resolved phones✓
        5:01  web fires          ✉ team firing web
    """,
    over_before_its_turn="""
        0:00  phones fires       ✉ team firing phones
        0:00  web fires
        0:00  web clears
        0:00  web over
        0:01                     ✉ team digest web✓
    """,
    a_dip_when_its_turn_comes="""
        0:00  phones fires       ✉ team firing phones
        0:00  web fires
        0:00  web clears
        0:40  web fires          ✉ team firing web
    """,
)
def test_what_follows_a_message_is_collected(picture: str):
    run(picture, CALM)


@stories(
    nothing_waits_for_a_time_that_was_never_meant="""
        2:00:00  phones fires    ✉ team firing phones
        2:00:10  phones over     ✉ team resolved phones✓
        0:00:00  web fires       ✉ team firing web
        0:00:10  web over        ✉ team resolved web✓
    """,
    the_same_rule_again="""
        2:00:00  phones fires    ✉ team firing phones
        2:00:10  phones over     ✉ team resolved phones✓
        0:00:00  phones fires    ✉ team firing phones/2
        0:00:10  phones over     ✉ team resolved phones/2✓
    """,
    in_the_middle_of_a_breach="""
        2:00:00  phones fires    ✉ team firing phones
        0:00:00  phones clears
        0:00:10  phones over     ✉ team resolved phones✓
        0:00:20  phones fires    ✉ team firing phones/2
    """,
)
def test_a_clock_that_was_two_hours_ahead(picture: str):
    run(picture, CALM)


def test_what_is_read_together_is_told_together():
    judge = Judge()
    events = [judge.event(name, "fires", START) for name in ("phones", "web", "desk")]
    decision = notifier.on_events(NotifierState(), events, START, CALM)
    (notification,) = decision.notifications
    assert [breach.queue for breach in notification.breaches] == ["desk", "phones", "web"]


def test_a_breach_that_fires_and_is_over_in_one_batch_is_told_of_both():
    judge = Judge()
    later = instant("0:05")
    steps = [("pending", START), ("fires", START), ("clears", later), ("over", later)]
    events = [judge.event("phones", step, at) for step, at in steps]
    decision = notifier.on_events(NotifierState(), events, later, CALM)
    assert [notification.kind for notification in decision.notifications] == ["firing", "resolved"]


@stories(
    after_twice_as_long_each_time="""
        0:00    phones fires     ✉ team firing phones
        30:00                    ✉ team reminder phones
        1:30:00                  ✉ team reminder 2 phones
        3:30:00                  ✉ team reminder 3 phones
        4:10:00 phones over      ✉ team resolved phones✓
        9:00:00
    """,
    not_while_the_figure_is_within_its_limit="""
        0:00    phones fires     ✉ team firing phones
        20:00   phones eases
        30:00   phones eases
        40:00   phones lasts     ✉ team reminder phones
        50:00   phones over      ✉ team resolved phones✓
    """,
    not_while_it_clears="""
        0:00    phones fires     ✉ team firing phones
        29:00   phones clears
        31:00   phones fires     ✉ team reminder phones
        32:00   phones clears
        1:10:00 phones over      ✉ team resolved phones✓
    """,
    not_once_acknowledged="""
        0:00    phones fires     ✉ team firing phones
        30:00                    ✉ team reminder phones
        40:00   ack phones
        3:00:00 phones over      ✉ team resolved phones✓
    """,
    nobody_is_reminded_while_nothing_is_measured="""
        0:00      phones fires   ✉ team firing phones
        20:00     phones fades
        1:10:00   phones fades
        1:10:30   phones lasts   ✉ team reminder phones
        2:10:30                  ✉ team reminder 2 phones
        2:20:00   phones fades
        9:20:00   phones over    ✉ team resolved phones✓
    """,
)
def test_a_breach_that_lasts_is_told_again(picture: str):
    run(picture, policy_of(reminder="30m"))


def test_reminders_that_fell_due_while_the_notifier_was_away_are_one():
    shell = Notifier(policy_of(reminder="30m"))
    shell.hear(Judge().event("phones", "fires", START), START)
    decision = shell.commit(notifier.on_time(shell.state, instant("5:10:00"), shell.policy))
    assert [
        (notification.kind, notification.number, notification.at) for notification in decision.notifications
    ] == [("reminder", 1, instant("5:00:00"))]


LADDER = policy_of(
    Route(receivers=("team",), escalate_to=("chief",), escalate_after=timedelta(minutes=15)),
    Route(receivers=("duty",), queues=("web",), escalate_to=("chief", "duty")),
    reminder="24h",
)


@stories(
    once_after_a_quarter="""
        0:00   phones fires      ✉ team firing phones
        15:00                    ✉ chief escalation phones
        50:00  phones over       ✉ chief resolved phones✓ ✉ team resolved phones✓
    """,
    acknowledged_in_time="""
        0:00   phones fires      ✉ team firing phones
        14:59  ack phones
        50:00  phones over       ✉ team resolved phones✓
    """,
    acknowledged_too_late="""
        0:00   phones fires      ✉ team firing phones
        15:00                    ✉ chief escalation phones
        16:00  ack phones
        50:00  phones over       ✉ chief resolved phones✓ ✉ team resolved phones✓
    """,
    over_in_time="""
        0:00   phones fires      ✉ team firing phones
        14:00  phones over       ✉ team resolved phones✓
        50:00
    """,
    not_of_what_is_not_measured_any_more="""
        0:00   phones fires      ✉ team firing phones
        14:00  phones fades
        50:00  phones over       ✉ team resolved phones✓
    """,
    late_where_it_was_not_measured_for_a_while="""
        0:00   phones fires      ✉ team firing phones
        14:00  phones fades
        20:00  phones lasts      ✉ chief escalation phones
        50:00  phones over       ✉ chief resolved phones✓ ✉ team resolved phones✓
    """,
    who_knows_is_not_told_again="""
        0:00   web fires         ✉ duty firing web ✉ team firing web
        15:00                    ✉ chief escalation web
        50:00  ack web
    """,
)
def test_escalation(picture: str):
    run(picture, LADDER)


@pytest.mark.parametrize("first", [5, 25])
def test_of_two_routes_the_first_to_escalate_counts(first: int):
    afters = (timedelta(minutes=first), timedelta(minutes=30 - first))
    routes = [Route(receivers=("team",), escalate_to=("chief",), escalate_after=after) for after in afters]
    run(
        """
        0:00   phones fires      ✉ team firing phones
        5:00                     ✉ chief escalation phones
        40:00
        """,
        policy_of(*routes, reminder="24h"),
    )


def test_who_is_on_a_route_is_not_made_to_wait_for_an_escalation():
    run(
        """
        0:00   post fires        ✉ chief firing post
        0:00   web fires         ✉ team firing web
        0:01                     ✉ chief firing web
        10:00
        """,
        policy_of(
            Route(receivers=("team",), queues=("web",), escalate_to=("chief",), escalate_after=MINUTE),
            Route(receivers=("chief",)),
        ),
    )


def test_a_route_that_came_to_lead_to_whom_we_would_escalate_tells_them_at_once():
    shell, judge = Notifier(LADDER), Judge()
    shell.hear(judge.event("phones", "fires", START), START)
    shell.policy = policy_of(Route(receivers=("team", "chief")))
    shell.hear(judge.event("phones", "lasts", instant("1:00")), instant("1:00"))
    assert [(n.receiver, n.kind) for n in shell.notifications] == [("team", "firing"), ("chief", "firing")]


def test_a_route_that_no_longer_leads_to_somebody_tells_them_nothing_new():
    shell, judge = Notifier(NIGHT), Judge()
    night = instant("1:10:00")
    shell.hear(judge.event("phones!warning", "fires", night), night)
    shell.policy = policy_of(
        Route(receivers=("others",)),
        Route(receivers=("team",), queues=("web",)),
        is_open=NIGHT.is_open,
        reminder="24h",
    )
    shell.hear(judge.event("phones!warning", "lasts", night + MINUTE), night + MINUTE)
    shell.wait_until(instant("2:30:00"))
    assert [(notification.receiver, notification.kind) for notification in shell.notifications] == [
        ("others", "digest")
    ]
    assert reasons(shell)[-1] == "not_routed"


def test_acknowledging_says_what_became_of_it():
    shell = run(
        """
        0:00   phones fires               ✉ team firing phones
        1:00   ack phones
        2:00   ack phones
        3:00   phones over                ✉ team resolved phones✓
        4:00   ack phones; ack web
        """,
        CALM,
    )
    assert reasons(shell) == [
        *("first", "taken_on", "acknowledged", "acknowledged", "resolved", "already_over", "unknown")
    ]


def test_an_acknowledgement_is_seen_in_the_all_clear():
    shell = run(
        """
        0:00   phones fires               ✉ team firing phones
        1:00   ack phones
        1:30   phones lasts
        3:00   phones over                ✉ team resolved phones✓
        """,
        CALM,
    )
    acknowledged = shell.notifications[-1].breaches[0].acknowledged
    assert acknowledged is not None
    assert (acknowledged.by, acknowledged.at) == ("team", instant("1:00"))


NIGHT = policy_of(is_open=quiet_between("1:00:00-2:00:00"), reminder="24h", flap_messages=9)


@stories(
    still_wrong_in_the_morning="""
        1:10:00 phones!warning fires
        2:00:00                        ✉ team digest phones!warning
        2:30:00 phones!warning over    ✉ team resolved phones!warning✓
    """,
    came_and_went="""
        1:10:00 phones!warning fires
        1:20:00 phones!warning over
        1:30:00 phones!warning fires
        1:40:00 phones!warning over
        1:45:00 web!warning fires
        2:00:00                        ✉ team digest web!warning phones!warning/2✓×2
    """,
    told_before_and_over_in_the_night="""
        0:50:00 phones!warning fires   ✉ team firing phones!warning
        1:10:00 phones!warning over
        2:00:00                        ✉ team digest phones!warning✓
    """,
    critical_is_told_all_the_same="""
        1:10:00 phones fires           ✉ team firing phones
        1:20:00 phones over            ✉ team resolved phones✓
    """,
    nothing_happened="""
        1:10:00 phones!warning pending
        1:11:00 phones!warning over
        3:00:00
    """,
)
def test_quiet_hours(picture: str):
    run(picture, NIGHT)


def test_each_digest_counts_anew():
    run(
        """
        1:10:00 phones!warning fires
        1:20:00 phones!warning over
        1:30:00 phones!warning fires
        1:40:00 phones!warning over
        2:00:00                        ✉ team digest phones!warning/2✓×2
        2:30:00 phones!warning fires
        2:40:00 phones!warning over
        2:50:00                        ✉ team digest phones!warning/3✓
        """,
        policy_of(is_open=quiet_between("1:00:00-2:00:00", "2:20:00-2:50:00")),
    )


def test_no_digest_goes_to_a_receiver_that_is_gone():
    shell = run("1:10:00 phones!warning fires\n 1:20:00 phones!warning over", NIGHT)
    shell.policy = policy_of(Route(receivers=("others",)), is_open=NIGHT.is_open)
    shell.wait_until(START + 9 * DAY)
    assert shell.notifications == []
    assert reasons(shell)[-1] == "receiver_gone"
    assert shell.state == NotifierState()


def test_a_night_may_be_longer_than_anything_else_is_remembered():
    run(
        """
        0:50:00 phones!warning fires   ✉ team firing phones!warning
        1:10:00 phones!warning over
        9:00:00                        ✉ team digest phones!warning✓
        """,
        policy_of(is_open=quiet_between("1:00:00-9:00:00"), reminder="24h", flap_window="5m"),
    )


def test_a_reminder_that_fell_due_in_the_night_is_in_the_digest():
    run(
        """
        0:50:00 phones!warning fires   ✉ team firing phones!warning
        1:45:00 web!warning fires
        2:00:00                        ✉ team digest phones!warning web!warning
        2:30:00                        ✉ team reminder web!warning
        3:00:00                        ✉ team reminder 2 phones!warning
        """,
        policy_of(is_open=quiet_between("1:00:00-2:00:00"), reminder="30m"),
    )


@stories(
    told_when_it_ends="""
        0:00  silence works 10:00
        1:00  phones fires
        10:00                    ✉ team firing phones
    """,
    told_when_it_is_ended="""
        0:00  silence works 10:00
        1:00  phones fires
        5:00  expire works       ✉ team firing phones
    """,
    never_told_of_what_is_over_by_then="""
        0:00  silence works 10:00
        1:00  phones fires
        5:00  phones over
        20:00
    """,
    does_not_hide_the_all_clear="""
        0:00  phones fires       ✉ team firing phones
        1:00  silence works 10:00
        2:00  phones over        ✉ team resolved phones✓
    """,
    hides_what_fits="""
        0:00  silence works 10:00 web
        1:00  phones fires; web fires  ✉ team firing phones
        10:00                    ✉ team firing web
    """,
    the_longest_counts="""
        0:00  silence works 10:00; silence more 20:00
        1:00  phones fires
        20:00                    ✉ team firing phones
    """,
    shortened="""
        0:00  silence works 20:00
        1:00  phones fires
        2:00  silence works 3:00
        5:00                     ✉ team firing phones
    """,
)
def test_silences(picture: str):
    run(picture, CALM)


def test_a_reminder_waits_for_the_end_of_a_silence():
    run(
        """
        0:00  phones fires       ✉ team firing phones
        29:00 silence works 10:00
        39:00                    ✉ team reminder phones
        99:00                    ✉ team reminder 2 phones
        """,
        policy_of(reminder="30m"),
    )


def test_silences_are_listed_until_they_are_over():
    def named(name: str, start: str, end: str) -> Silence:
        return Silence(id=name, starts_at=instant(start), ends_at=instant(end))

    state = NotifierState()
    for wanted in (named("b", "0:00", "9:00"), named("a", "5:00", "8:00")):
        state = notifier.silence(state, wanted, START, CALM).state
    assert [one.id for one in list_silences(state)] == ["a", "b"]
    state = notifier.on_time(state, instant("8:00"), CALM).state
    assert [one.id for one in list_silences(state)] == ["b"]
    with pytest.raises(KeyError):
        notifier.expire_silence(state, "a", instant("8:00"), CALM)


@stories(
    a_dead_feed_explains_its_figures="""
        0:00  pbx!feed fires     ✉ team firing pbx!feed
        1:00  phones fires; web!info fires
        5:00  web!info over
        9:00  pbx!feed over      ✉ team firing phones ✉ team resolved pbx!feed✓
    """,
    only_once_it_fires="""
        0:00  pbx!feed pending
        1:00  phones fires       ✉ team firing phones
    """,
    until_the_last_feed_is_back="""
        0:00  pbx!feed fires     ✉ team firing pbx!feed
        1:00  desk!feed fires    ✉ team firing desk!feed
        2:00  phones fires
        3:00  pbx!feed over      ✉ team resolved pbx!feed✓
        9:00  desk!feed over     ✉ team firing phones ✉ team resolved desk!feed✓
    """,
)
def test_inhibition(picture: str):
    run(picture, CALM)


@stories(
    an_early_limit_that_was_held_back_ends_with_its_limit="""
        0:00  phones fires             ✉ team firing phones
        1:00  phones!warning fires
        5:00  phones over              ✉ team resolved phones✓
        7:00  phones!warning over
    """,
    and_however_long_it_lasts="""
        0:00     phones!warning fires  ✉ team firing phones!warning
        5:00     phones fires          ✉ team firing phones
        9:00     phones over
        59:00    phones!warning over   ✉ team resolved phones✓ phones!warning✓
    """,
    who_knows_of_both_hears_once_that_both_are_over="""
        0:00  phones!warning fires     ✉ team firing phones!warning
        1:00  phones fires             ✉ team firing phones
        2:00  phones!warning over
        3:00  phones over              ✉ team resolved phones✓ phones!warning✓
    """,
    an_early_limit_by_itself="""
        0:00  phones!warning fires     ✉ team firing phones!warning
        2:00  phones!warning over      ✉ team resolved phones!warning✓
    """,
    the_limit_after_it_was_over="""
        0:00  phones fires             ✉ team firing phones
        1:00  phones!warning fires
        5:00  phones over              ✉ team resolved phones✓
        6:00  phones fires             ✉ team firing phones/2
        7:00  phones over              ✉ team resolved phones/2✓
        8:00  phones!warning over
        16:00
    """,
    one_acknowledgement_is_for_both="""
        0:00     phones!warning fires  ✉ team firing phones!warning
        1:00     ack phones!warning
        2:00     phones fires          ✉ team firing phones
        9:00:00  phones over
        9:01:00  phones!warning over   ✉ team resolved phones✓ phones!warning✓
    """,
)
def test_limit_and_early_limit_are_one(picture: str):
    run(picture, policy_of(reminder="1h", flap_messages=9))


def test_limit_and_early_limit_are_listed_once_with_the_id_of_the_first():
    timeline = Timeline(Notifier(CALM))
    for minute, what in enumerate(("phones!warning fires", "phones pending", "phones fires", "phones over")):
        timeline.happen(what, START + minute * MINUTE)
        (listed,) = list_breaches(timeline.notifier.state)
        assert listed.id == "phones!warning/1"
        assert listed.level == ("limit" if minute == 2 else "warning")
    timeline.happen("ack phones", START + 5 * MINUTE)
    (listed,) = list_breaches(timeline.notifier.state)
    assert listed.acknowledged is not None, "a link of before, when it was the limit, still does"


@stories(
    a_total_explains_its_queues="""
        0:00  all fires                ✉ team firing all
        1:00  phones fires
        5:00  phones over
        6:00  all over                 ✉ team resolved all✓
    """,
    what_is_critical_explains_what_is_not="""
        0:00  all fires                ✉ team firing all
        1:00  web!info fires
        5:00  web!info over
        6:00  all over                 ✉ team resolved all✓
    """,
    not_the_other_way_round="""
        0:00  web!info fires           ✉ team firing web!info
        1:00  phones fires             ✉ team firing phones
        2:00  all fires                ✉ team firing all
        3:00  phones over              ✉ team resolved phones✓
    """,
    what_goes_on_all_the_same_is_told="""
        0:00  all fires                ✉ team firing all
        1:00  phones fires
        6:00  all over                 ✉ team resolved all✓
        7:00  phones lasts
        11:00                          ✉ team firing phones
        12:00 phones over              ✉ team resolved phones✓
    """,
    what_is_over_soon_is_not="""
        0:00  all fires                ✉ team firing all
        1:00  phones fires
        6:00  all over                 ✉ team resolved all✓
        10:59 phones over
        30:00
    """,
    nor_what_is_within_its_limit="""
        0:00  all fires                ✉ team firing all
        1:00  phones fires
        6:00  all over                 ✉ team resolved all✓
        7:00  phones eases
        11:00
        12:00 phones lasts             ✉ team firing phones
    """,
    who_has_not_heard_of_the_one_hears_of_the_other="""
        0:00  silence works 20:00 all
        0:01  all fires
        1:00  phones fires             ✉ team firing phones
    """,
)
def test_who_knows_what_explains_a_breach_is_not_told_of_it(picture: str):
    run(picture, CALM)


def test_an_escalation_is_of_what_explains_the_others():
    run(
        """
        0:00   phones fires            ✉ team firing phones
        1:00   all fires               ✉ team firing all
        15:00
        16:00                          ✉ chief escalation all
        20:00  phones over             ✉ team resolved phones✓
        21:00  all over                ✉ chief resolved all✓ ✉ team resolved all✓
        """,
        LADDER,
    )


FLAPS = "\n".join(
    f"{2 * n}:00 phones fires {'✉ team firing phones' if n == 0 else ''}\n"
    f"{2 * n + 1}:00 phones over {'✉ team resolved phones✓' if n == 0 else ''}"
    for n in range(10)
)


@stories(
    ten_flaps_two_messages_and_a_digest=FLAPS
    + """
        29:00                          ✉ team digest phones/10✓×9
        3:00:00
    """,
    still_firing_when_it_calms="""
        0:00  phones fires             ✉ team firing phones
        1:00  phones over              ✉ team resolved phones✓
        2:00  phones fires
        3:00  phones over
        4:00  phones fires
        14:00                          ✉ team digest phones/3 phones/2✓
        20:00 phones over
        1:00:00                        ✉ team digest phones/3✓
    """,
    never_calm="""
        0:00  phones fires             ✉ team firing phones
        9:00  phones over              ✉ team resolved phones✓
        18:00 phones fires
        27:00 phones over
        36:00 phones fires
        45:00 phones over
        54:00 phones fires
        1:00:00                        ✉ team digest phones/4 phones/3✓×2
    """,
    each_rule_for_itself="""
        0:00  phones fires             ✉ team firing phones
        1:00  phones over              ✉ team resolved phones✓
        2:00  web fires                ✉ team firing web
        3:00  web over                 ✉ team resolved web✓
    """,
    may_speak_again_after_the_window="""
        0:00  phones fires             ✉ team firing phones
        1:00  phones over              ✉ team resolved phones✓
        1:01:00 phones fires           ✉ team firing phones/2
    """,
)
def test_flapping(picture: str):
    run(picture, policy_of(reminder="24h", flap_window="1h", flap_messages=2))


ROUTES = policy_of(
    Route(receivers=("team",), severities=(Severity.CRITICAL,)),
    Route(receivers=("web-team", "team"), queues=("web",)),
    reminder="24h",
)


@stories(
    by_severity="""
        0:00  phones fires       ✉ team firing phones
        1:00  post!warning fires
    """,
    once_over_two_routes="""
        0:00  web fires          ✉ team firing web ✉ web-team firing web
    """,
)
def test_routes(picture: str):
    run(picture, ROUTES)


def test_a_breach_that_no_route_fits_says_so():
    shell = run("0:00 post!warning fires", ROUTES)
    assert reasons(shell, "") == ["not_routed"]


def test_nothing_is_told_to_a_receiver_that_is_gone():
    shell = Notifier(CALM)
    judge = Judge()
    shell.hear(judge.event("phones", "fires", START), START)
    shell.policy = policy_of(Route(receivers=("others",)))
    shell.hear(judge.event("phones", "over", instant("1:00")), instant("1:00"))
    assert [notification.kind for notification in shell.notifications] == ["firing"]
    assert reasons(shell)[-1] == "receiver_gone"


def test_a_new_route_is_told_of_what_is_going_on():
    shell = Notifier(CALM)
    judge = Judge()
    shell.hear(judge.event("phones", "fires", START), START)
    shell.policy = policy_of(Route(receivers=("team", "others")))
    shell.hear(judge.event("phones", "lasts", instant("1:00")), instant("1:00"))
    assert [notification.receiver for notification in shell.notifications] == ["team", "others"]


HOLIDAYS = policy_of(is_open=quiet_between("1:00:00-400:00:00"), reminder="24h")
"""Quiet for more than two weeks: the town hall is shut."""


@pytest.mark.parametrize("ends", ["2:00:00", "170:00:00", "399:59:59"])
def test_what_ends_in_a_quiet_of_weeks_is_told_when_it_is_over(ends: str):
    shell = run(
        f"""
        0:00       phones!warning fires       ✉ team firing phones!warning
        {ends}     phones!warning over
        400:00:00                             ✉ team digest phones!warning✓
        """,
        HOLIDAYS,
    )
    shell.wait_until(instant("600:00:00"))
    assert shell.state == NotifierState()


def test_a_breach_whose_rule_was_forgotten_is_told_to_its_end():
    """What an older version stored, or what somebody took out of Redis by hand."""
    shell, judge = Notifier(HOLIDAYS), Judge()
    shell.hear(judge.event("phones!warning", "fires", START), START)
    shell.hear(judge.event("phones!warning", "over", instant("2:00:00")), instant("2:00:00"))
    del shell.stored["watch/missed/warning/lier/phones"]
    shell.state = decode(shell.stored)
    decision = on_time(shell.state, instant("400:00:00"), HOLIDAYS)
    assert [notification.kind for notification in decision.notifications] == [NotificationKind.DIGEST]


@pytest.mark.parametrize(
    ("picture", "why"),
    [
        ("0:00 phones pending\n0:05 phones over", ["pending", "blip"]),
        ("0:00 phones pending\n0:05 phones lasts", ["pending"]),
        ("0:00 phones fires ✉ team firing phones\n0:05 phones again", ["duplicate"]),
        ("0:00 phones fires ✉ team firing phones\n0:05 phones late", ["stale"]),
    ],
)
def test_what_concerns_nobody_in_particular_is_recorded_too(picture: str, why: list[str]):
    assert reasons(run(picture, CALM), "") == why


def test_a_pending_breach_is_on_the_list_until_it_is_over():
    timeline = Timeline(Notifier(CALM))
    timeline.happen("phones pending", START)
    assert [breach.state for breach in list_breaches(timeline.notifier.state)] == ["pending"]
    timeline.happen("phones over", instant("0:05"))
    assert list_breaches(timeline.notifier.state) == ()


def test_a_verdict_names_the_silence_and_the_inhibitor():
    shell = run(
        """
        0:00  pbx!feed fires           ✉ team firing pbx!feed
        1:00  phones fires
        2:00  silence works 10:00 desk
        3:00  desk fires
        """,
        CALM,
    )
    because = {line.reason: line.because for line in shell.log if line.because}
    assert because == {DecisionReason.INHIBITED: "pbx!feed/1", DecisionReason.SILENCED: "works"}


def test_a_new_breach_that_is_not_firing_yet_does_not_put_off_the_digest_of_a_rule_that_is_calm():
    run(
        """
        0:00   phones fires       ✉ team firing phones
        1:00   phones over        ✉ team resolved phones✓
        2:00   phones fires
        3:00   phones over
        12:00  phones pending
        13:00                     ✉ team digest phones/2✓
        14:00  phones over
        """,
        policy_of(reminder="24h", flap_window="1h", flap_messages=2),
    )


def test_after_everything_was_told_nothing_is_left():
    shell = run(FLAPS + "\n 29:00 ✉ team digest phones/10✓×9", CALM)
    shell.wait_until(START + 8 * DAY)
    assert shell.state == NotifierState()
    assert shell.stored == {}
