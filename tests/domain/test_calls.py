"""One call, one caller: told as stories of seconds and queues, and what each adds to the counts."""

from __future__ import annotations

from itertools import permutations

import pytest

from domain.calls import EndOfWait, WaitEnd, counted_call
from domain.counts import View, What
from domain.facts import ContactFact, Step
from shared.contract.events import Outcome

S = 1000
TIMEOUT_S = 7200
STEPS = {
    "queued": (Step.QUEUED, None),
    "answered": (Step.ANSWERED, None),
    "ended": (Step.ENDED, None),
    **{outcome.value: (Step.MISSED, outcome) for outcome in Outcome},
}


class Rules:
    """A queue whose waits end by the open timeout alone, and an exchange that restarts when it is told to."""

    open_timeout_ms = TIMEOUT_S * S
    tolerance_ms = 120 * S

    def __init__(self, restart_s: float | None = None) -> None:
        self._restart = None if restart_s is None else int(restart_s * S)

    def end(self, queue: str, entered: int) -> EndOfWait:
        by_time = EndOfWait(entered + self.open_timeout_ms, WaitEnd.UNFINISHED)
        if self._restart is None or self._restart <= entered:
            return by_time
        return min(by_time, EndOfWait(self._restart, WaitEnd.CUT_OFF))

    def is_cut_off(self, abandoned: int) -> bool:
        return self._restart is not None and abandoned <= self._restart <= abandoned + S


def facts(story: str) -> list[ContactFact]:
    """Read ``A0 queued, A30 timed_out 30``: queue, second, what happened, and the wait or talk in seconds."""
    told = []
    for one in story.split(", "):
        place, what, *amount = one.split()
        step, outcome = STEPS[what]
        spent = int(float(amount[0]) * S) if amount else (None if step is Step.ENDED else 0)
        told.append(ContactFact(0, step, place[0], int(float(place[1:]) * S), spent, outcome))
    return told


def as_told(story: list[ContactFact], rules: Rules, now_s: float) -> dict[View, list[str]]:
    """Say what is counted, by view: ``A30 timed_out 30``; of both views in each."""
    said: dict[View, list[str]] = {View.ENTRY: [], View.CALLER: []}
    for count in counted_call(story, int(now_s * S), rules).counts:
        name = count.what.name.lower() if isinstance(count.what, What) else count.what.value
        line = f"{count.queue}{count.at / S:g} {name} {count.amount / S:g}"
        for view in said:
            if count.view in {View.BOTH, view}:
                said[view].append(line)
    return {view: sorted(lines) for view, lines in said.items()}


@pytest.mark.parametrize(
    ("why", "story", "entries", "caller"),
    [
        ("the usual way", "A0 queued, A9 answered 9", ["A9 answered 9"], None),
        ("his entry got lost", "A9 answered 9", ["A9 answered 9"], None),
        (
            "two phones pick up",
            "A0 queued, A10 answered 10, A10 answered 10",
            ["A10 answered 10", "A10 repeated 0"],
            ["A10 answered 10", "A10 repeated 0"],
        ),
        (
            "answered, then abandoned",
            "A0 queued, A5 answered 5, A8 abandoned 8",
            ["A5 answered 5", "A8 repeated 0"],
            None,
        ),
        (
            "both in one second: somebody helped him",
            "A0 queued, A5 abandoned 5, A5 answered 5",
            ["A5 answered 5", "A5 repeated 0"],
            None,
        ),
        (
            "overflow, and helped there",
            "A0 queued, A30 timed_out 30, B30 queued, B45 answered 15",
            ["A30 timed_out 30", "B45 answered 15"],
            ["B45 answered 45"],
        ),
        (
            "asks for his place and queues again",
            "A0 queued, A300 left_by_key 300, A301 queued, A303 answered 2",
            ["A300 left_by_key 300", "A303 answered 2"],
            ["A303 answered 303"],
        ),
        (
            "overflow, and gives up: short there, long for him",
            "A0 queued, A30 timed_out 30, B30 queued, B32 abandoned 2",
            ["A30 timed_out 30", "B32 abandoned 2"],
            ["B32 abandoned 32"],
        ),
        (
            "overflow, and waits still: he is not missed",
            "A0 queued, A30 timed_out 30, B30 queued",
            ["A30 timed_out 30"],
            [],
        ),
        (
            "helped, handed on, and gives up there",
            "A0 queued, A5 answered 5, A60 ended 55, B60 queued, B99 abandoned 39",
            ["A5 answered 5", "A60 talk 55", "B99 abandoned 39"],
            ["A5 answered 5", "A60 talk 55"],
        ),
        (
            "overflow into itself within a second",
            "A0 queued, A180 timed_out 180, A180 queued, A180.5 answered 0.5",
            ["A180 timed_out 180", "A180.5 answered 0.5"],
            ["A180.5 answered 180.5"],
        ),
        (
            "another queue ends the wait in the first",
            "A0 queued, B30 queued, B40 abandoned 10",
            ["A30 unfinished 0", "B40 abandoned 10"],
            ["B40 abandoned 40"],
        ),
        ("stamped a second before its entry", "A10 queued, A9 answered 0", ["A9 answered 0"], None),
        ("the clock was set back by 50 s", "A60 queued, A10 answered 0", ["A10 answered 0"], None),
        (
            "the second entry got lost: not a repetition of the first",
            "A0 queued, A30 timed_out 30, A60 answered 20",
            ["A30 timed_out 30", "A60 answered 20"],
            ["A60 answered 60"],
        ),
        ("handed to another channel", "A0 queued, B9 ended 5", ["B9 talk 5"], None),
        ("how long they talked nobody knows", "A0 queued, A5 answered 5, A9 ended", ["A5 answered 5"], None),
        (
            "the number used again hours later is another caller",
            "A0 queued, A9 abandoned 9, A9999 queued, A10000 answered 1",
            ["A10000 answered 1", "A9 abandoned 9"],
            None,
        ),
    ],
)
def test_what_a_call_adds(why: str, story: str, entries: list[str], caller: list[str] | None) -> None:
    """In whatever order it is told, and told twice: outcomes told anew are repetitions, and nothing else."""
    told = facts(story)
    wanted = {View.ENTRY: entries, View.CALLER: entries if caller is None else caller}
    for order in [told, *map(list, permutations(told))][:120]:
        assert as_told(order, Rules(), now_s=11_000 if "A9999" in story else 400) == wanted, why


@pytest.mark.parametrize(
    ("why", "story", "entries"),
    [
        ("it went down while he waited", "A0 queued", ["A20 cut_off 0"]),
        ("it threw him out as it went down", "A0 queued, A19.5 abandoned 19.5", ["A19.5 cut_off 19.5"]),
        ("he had hung up before", "A0 queued, A18 abandoned 18", ["A18 abandoned 18"]),
        ("he was helped nevertheless", "A0 queued, A19.5 answered 19.5", ["A19.5 answered 19.5"]),
        ("he came afterwards", "A21 queued, A30 abandoned 9", ["A30 abandoned 9"]),
    ],
)
def test_what_the_exchange_itself_threw_out(why: str, story: str, entries: list[str]) -> None:
    assert as_told(facts(story), Rules(restart_s=20), now_s=400)[View.ENTRY] == entries, why


def test_who_is_never_heard_of_again_is_unfinished_once():
    told = facts("A0 queued, B30 queued")
    assert as_told(told, Rules(), now_s=TIMEOUT_S + 29) == {View.ENTRY: ["A30 unfinished 0"], View.CALLER: []}
    assert as_told(told, Rules(), now_s=TIMEOUT_S + 30) == {
        View.ENTRY: ["A30 unfinished 0", "B7230 unfinished 0"],
        View.CALLER: ["B7230 unfinished 0"],
    }


def test_a_caller_belongs_to_the_hours_of_his_first_entry():
    counts = counted_call(
        facts("A0 queued, A30 timed_out 30, B30 queued, B45 answered 15"), 0, Rules()
    ).counts
    assert [(count.view, count.began) for count in counts] == [
        (View.ENTRY, 0),
        (View.ENTRY, 30 * S),
        (View.CALLER, 0),
    ]
