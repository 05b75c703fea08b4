"""Whatever happens over weeks, in whatever order it is heard: nothing fails, and every end is told.

Long quiet hours and silences outlast what is remembered, records are lost, old news comes once more, and the
clock is set back.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.notifier import engine as notifier
from services.notifier.model import NotificationKind, NotifierPolicy, Silence
from services.notifier.state import RULE_REMEMBERED, NotifierState, decode, encode, next_due, rule_key
from shared.config.alerting import Route
from shared.contract.breach_events import BreachEvent
from tests.support.policy_timeline import CLOSED, SECOND, START, Judge, Notifier, policy_of, quiet_between
from tests.support.thorough import examples

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WATCHES = ("phones", "phones!warning", "web!info", "pbx!feed")
NEXT = {
    None: ("pending", "fires"),
    "pending": ("fires", "over", "gone", "closes"),
    "fires": ("clears", "over", "gone", "closes", "lasts"),
    "clears": ("fires", "over", "gone", "closes", "lasts"),
}
"""What may come after what; ``None``: there is no breach."""
PASSES = st.sampled_from(
    [timedelta(0), SECOND, 40 * SECOND, timedelta(minutes=20), 7 * HOUR, 3 * DAY, 8 * DAY, 30 * DAY]
)
TEAM_AND_CHIEF = Route(receivers=("team",), escalate_to=("chief",), escalate_after=HOUR)
QUIET = quiet_between("20:00-50:00", "10:00:00-400:00:00", "500:00:00-1200:00:00")
POLICIES = st.builds(
    lambda **notify: policy_of(TEAM_AND_CHIEF, is_open=QUIET, reminder="9h", **notify),
    group_wait=st.sampled_from(["0s", "30s"]),
    flap_window=st.sampled_from(["40m", "24h"]),
    flap_messages=st.integers(1, 3),
)
LATER = timedelta(days=500)
"""By then every quiet, silence and memory is at its end."""


@dataclass
class Judged:
    """A rule as the evaluator knows it."""

    step: str | None = None
    events: list[BreachEvent] = field(default_factory=list)


class Weeks(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.judge = Judge()
        self.rule_records = {name: Judged() for name in WATCHES}
        self.now = START
        self.furthest = START

    @initialize(policy=POLICIES)
    def begin(self, policy: NotifierPolicy) -> None:
        self.shell = Notifier(policy)

    def _pass(self, passes: timedelta) -> None:
        self.now += passes
        self.furthest = max(self.furthest, self.now)

    def _hear(self, *events: BreachEvent) -> None:
        self.shell.commit(notifier.on_events(self.shell.state, events, self.now, self.shell.policy))

    @rule(story=st.lists(st.tuples(PASSES, st.sampled_from(WATCHES), st.integers(0, 9)), min_size=1))
    def go_on(self, story: list[tuple[timedelta, str, int]]) -> None:
        for passes, name, choice in story:
            self._pass(passes)
            judged = self.rule_records[name]
            steps = NEXT[judged.step]
            what = steps[choice % len(steps)]
            said = self.judge.event(name, what, self.now)
            judged.events.append(said)
            if what != "lasts":
                judged.step = None if what in CLOSED else what
            self._hear(said)

    @rule(passes=PASSES, asked=st.booleans())
    def pass_time(self, passes: timedelta, asked: bool) -> None:
        self._pass(passes)
        if asked:
            self.shell.wait_until(self.now)

    @precondition(lambda self: self.now == self.furthest)
    @rule()
    def set_the_clock_back(self) -> None:
        """Nothing new opens until it has caught up: the judge names a breach by when it opened."""
        self.now -= 2 * HOUR
        for name, judged in self.rule_records.items():
            if judged.step is not None:
                event("an end by a clock that was set back")
                judged.events.append(self.judge.event(name, "closes", self.now))
                judged.step = None
                self._hear(judged.events[-1])
        self.now += 2 * HOUR

    @rule(name=st.sampled_from(WATCHES), which=st.integers(0, 30))
    def hear_old_news(self, name: str, which: int) -> None:
        """A stream delivers at least once; what comes again is younger than what is remembered."""
        record = [one for one in self.rule_records[name].events if self.furthest - one.at < RULE_REMEMBERED]
        if said := record[-6:]:
            self._hear(said[which % len(said)])

    @rule(name=st.sampled_from(WATCHES))
    def acknowledge(self, name: str) -> None:
        ids = [self.judge.breach_id(name), "unknown"]
        self.shell.commit(notifier.acknowledge(self.shell.state, ids, "team", self.now, self.shell.policy))

    @rule(name=st.sampled_from("ab"), lasts=st.sampled_from([HOUR, 9 * DAY, 40 * DAY]), whole=st.booleans())
    def silence(self, name: str, lasts: timedelta, whole: bool) -> None:
        queues = () if whole else ("phones",)
        wanted = Silence(id=name, queues=queues, starts_at=self.now, ends_at=self.now + lasts)
        self.shell.commit(notifier.silence(self.shell.state, wanted, self.now, self.shell.policy))

    @rule(data=st.data())
    def end_silence(self, data: st.DataObject) -> None:
        if on := sorted(self.shell.state.silences):
            name = data.draw(st.sampled_from(on))
            self.shell.commit(notifier.expire_silence(self.shell.state, name, self.now, self.shell.policy))

    @rule(lost=st.integers(0, 30), kind=st.sampled_from(["", "watch/", "lane/", "silence/"]))
    def restart(self, lost: int, kind: str) -> None:
        """Perhaps without records that were set aside, or that an older version forgot too early."""
        stored = self.shell.stored
        in_use = {f"watch/{rule_key(record.breach)}" for record in self.shell.state.breaches.values()}
        spare = {key for key in stored if key.startswith("watch/")} - in_use
        gone = sorted(key for key in stored.keys() - spare if kind and key.startswith(kind))
        self.shell.state = decode({key: one for key, one in stored.items() if key not in gone[: lost % 3]})
        self.shell.stored = encode(self.shell.state)

    @invariant()
    def what_was_due_is_decided(self) -> None:
        if hasattr(self, "shell"):
            decision = notifier.on_time(self.shell.state, self.furthest, self.shell.policy)
            due = next_due(decision.state)
            assert due is None or due > self.furthest

    def teardown(self) -> None:
        if not hasattr(self, "shell"):
            return
        self.now = self.furthest
        for name, judged in self.rule_records.items():
            if judged.step is not None:
                self._hear(self.judge.event(name, "over", self.now))
        self.shell.commit(notifier.on_time(self.shell.state, self.now + LATER, self.shell.policy))
        self.shell.wait_until(self.now + 2 * LATER)
        for (receiver, breach), over in told(self.shell).items():
            assert over.count(True) == 1, (receiver, breach, over)
            assert over[-1], "and nothing after that"
        assert self.shell.state == NotifierState(), "nothing is kept for ever"


def told(shell: Notifier) -> dict[tuple[str, str], list[bool]]:
    """By receiver and breach, whether it was over each time it was told."""
    found: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for notification in shell.notifications:
        assert notification.kind in NotificationKind
        for breach in notification.breaches:
            found[notification.receiver, breach.id].append(breach.closed_at is not None)
    return found


TestWeeks = Weeks.TestCase
TestWeeks.settings = settings(max_examples=examples(200), stateful_step_count=15, deadline=None)
