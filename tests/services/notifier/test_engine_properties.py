"""Whatever happens, and however often the notifier is asked: told once, told of the end, never too often."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier import engine as notifier
from services.notifier.model import Notification, NotificationKind, NotifierPolicy
from services.notifier.state import NotifierState, rule_key
from shared.config.alerting import Route
from tests.support.policy_timeline import SECOND, START, Judge, Notifier, Timeline, policy_of, quiet_between
from tests.support.thorough import examples

REMINDER = timedelta(minutes=20)
FLAP_WINDOW = timedelta(minutes=40)
FLAP_MESSAGES = 2
DAY = timedelta(days=1)

Story = list[tuple[int, str]]
"""Seconds after what came before, and what happened."""

NEXT = {
    None: ("pending", "fires"),
    "pending": ("fires", "over", "lasts"),
    "fires": ("clears", "over", "lasts", "gone"),
    "clears": ("fires", "over", "closes"),
}
"""What may come after what; ``None``: there is no breach."""
WATCHES = ("phones", "phones!warning", "web", "pbx!feed", "web!info")
ENDS = {"over", "gone", "closes"}


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """A story of at most forty steps in which breaches come and go as the judge would have it."""
    stands: dict[str, str | None] = dict.fromkeys(WATCHES)
    story: Story = []
    for _ in range(draw(st.integers(1, 40))):
        seconds = draw(st.sampled_from([0, 1, 7, 29, 30, 31, 120, 600, 900, 1199]))
        kind = draw(st.integers(0, 9))
        if kind < 8:
            name = draw(st.sampled_from(WATCHES))
            step = draw(st.sampled_from(NEXT[stands[name]]))
            if step != "lasts":
                stands[name] = None if step in ENDS else step
            story.append((seconds, f"{name} {step}"))
        elif kind == 8:
            name = draw(st.sampled_from([name for name in WATCHES if stands[name]] or ["nothing"]))
            story.append((seconds, f"ack {name}"))
        else:
            queue = draw(st.sampled_from(["", "phones"]))
            lasts = draw(st.sampled_from(["0:30", "10:00", "1:00:00"]))
            story.append((seconds, f"silence s{draw(st.integers(0, 2))} {lasts} {queue}"))
    return story + [(60, f"{name} over") for name in WATCHES if stands[name]]


def _policy(**notify: object) -> NotifierPolicy:
    settings = {"reminder": REMINDER, "flap_window": FLAP_WINDOW, "flap_messages": FLAP_MESSAGES}
    return policy_of(
        Route(receivers=("team",), escalate_to=("chief",), escalate_after=timedelta(minutes=5)),
        Route(receivers=("web-team", "team"), queues=("web",), escalate_to=("team",)),
        is_open=quiet_between("30:00-50:00", "2:00:00-2:30:00"),
        **(settings | notify),
    )


POLICIES = st.builds(
    _policy,
    group_wait=st.sampled_from([timedelta(0), timedelta(seconds=30)]),
    flap_messages=st.integers(1, 3),
)


def play(story: Story, policy: NotifierPolicy, *, ask_on_time: bool = True, again: bool = False) -> Notifier:
    """Tell the story to the end of the day; ``again``: each event twice, and a restart between any two."""
    timeline = Timeline(Notifier(policy, ask_on_time))
    now = START
    for seconds, what in story:
        now += seconds * SECOND
        if ask_on_time:
            timeline.notifier.wait_until(now)
        timeline.happen(what, now)
        if again:
            timeline.happen("restart", now)
            words = what.split()
            if len(words) == 2 and words[0] in WATCHES:
                timeline.happen(f"{words[0]} again", now)
    while now < START + DAY:
        now += REMINDER / 2
        timeline.notifier.wait_until(now)
    return timeline.notifier


def ids(shell: Notifier) -> list[str]:
    return [notification.id for notification in shell.notifications]


@settings(max_examples=examples(100), deadline=None)
@given(stories(), POLICIES)
def test_how_often_it_is_asked_makes_no_difference(story: Story, policy: NotifierPolicy):
    seldom = play(story, policy, ask_on_time=False)
    often = play(story, policy)
    assert [(n.id, n.at) for n in seldom.notifications] == [(n.id, n.at) for n in often.notifications]
    assert seldom.state == often.state


@settings(max_examples=examples(100), deadline=None)
@given(stories(), POLICIES)
def test_events_twice_and_restarts_change_nothing(story: Story, policy: NotifierPolicy):
    once, twice = play(story, policy), play(story, policy, again=True)
    assert ids(once) == ids(twice)
    assert once.state == twice.state


@settings(max_examples=examples(100), deadline=None)
@given(stories(), POLICIES)
def test_no_two_notifications_have_the_same_id(story: Story, policy: NotifierPolicy):
    assert max(Counter(ids(play(story, policy))).values(), default=1) == 1


def told(shell: Notifier) -> dict[tuple[str, str], list[tuple[NotificationKind, bool]]]:
    """By receiver and breach, the kinds in which it was told and whether it was over by then."""
    found: dict[tuple[str, str], list[tuple[NotificationKind, bool]]] = defaultdict(list)
    for notification in shell.notifications:
        for breach in notification.breaches:
            found[notification.receiver, breach.id].append((notification.kind, breach.closed_at is not None))
    return found


@settings(max_examples=examples(100), deadline=None)
@given(stories(), POLICIES)
def test_who_was_told_is_told_exactly_once_that_it_is_over(story: Story, policy: NotifierPolicy):
    shell = play(story, policy)
    for (receiver, breach), kinds in told(shell).items():
        assert [over for _, over in kinds].count(True) == 1, (receiver, breach)
        assert kinds[-1][1], "and nothing after that"
        firsts = [h for h, _ in kinds if h in {NotificationKind.FIRING, NotificationKind.ESCALATION}]
        assert len(firsts) <= 1
        if kinds[0][1]:
            assert kinds == [(NotificationKind.DIGEST, True)], "of what came and went, only a digest tells"


@settings(max_examples=examples(100), deadline=None)
@given(stories(), POLICIES)
def test_a_rule_never_speaks_too_often(story: Story, policy: NotifierPolicy):
    spoken: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for notification in play(story, policy).notifications:
        if notification.kind in {
            NotificationKind.FIRING,
            NotificationKind.ESCALATION,
            NotificationKind.RESOLVED,
        }:
            for breach in notification.breaches:
                spoken[notification.receiver, rule_key(breach)].append(notification.at)
    for moments in spoken.values():
        for last in moments:
            recent = [at for at in moments if last - FLAP_WINDOW < at <= last]
            assert len(recent) <= policy.notify.flap_messages


@settings(max_examples=examples(100), deadline=None)
@given(stories(), POLICIES)
def test_nobody_is_reminded_of_what_was_acknowledged(story: Story, policy: NotifierPolicy):
    shell = play(story, policy)
    for notification in shell.notifications:
        if notification.kind in {NotificationKind.REMINDER, NotificationKind.ESCALATION}:
            assert all(breach.acknowledged is None for breach in notification.breaches)


@settings(max_examples=examples(50), deadline=None)
@given(stories(), POLICIES)
def test_in_the_end_nothing_is_left(story: Story, policy: NotifierPolicy):
    shell = play(story, policy)
    shell.wait_until(START + 9 * DAY)
    assert shell.state == NotifierState()
    assert shell.stored == {}


@settings(max_examples=examples(50), deadline=None)
@given(stories(), POLICIES)
def test_every_notification_has_its_reason(story: Story, policy: NotifierPolicy):
    shell = play(story, policy)
    explained = {(v.notification, v.breach) for v in shell.log if v.notification is not None}
    assert explained == {(n.id, breach.id) for n in shell.notifications for breach in n.breaches}


@settings(max_examples=examples(50), deadline=None)
@given(st.permutations(["phones", "web", "web!info", "desk", "post!warning"]))
def test_the_order_of_a_batch_makes_no_difference(names: list[str]):
    def notifications(order: list[str]) -> tuple[Notification, ...]:
        judge = Judge()
        events = {name: judge.event(name, "fires", START) for name in sorted(names)}
        batch = [events[name] for name in order]
        return notifier.on_events(NotifierState(), batch, START, _policy()).notifications

    assert notifications(names) == notifications(sorted(names))
