"""A little language for the notifier's timelines: what happens, and the messages that follow.

One line is one moment (``h:mm:ss`` or ``m:ss`` after Monday 8:00 UTC)::

    0:00   phones fires            ✉ team firing phones
    0:10   web fires
    0:30                           ✉ team firing web
    5:00   phones over             ✉ team resolved phones

What happens (several, with ``;``): ``X pending|fires|clears|over|gone|closes|lasts|fades|eases|again|late``,
``ack X``, ``silence S <for> [queue]``, ``expire S``, ``restart``. ``fades``: it lasts, without a reading;
``eases``: with one that is within its limit;
``again``: the last event of X once more; ``late``: an event older than that. Messages (several, each with
``✉``): receiver, kind, breaches. What is not drawn must not be sent.

A breach is named ``queue[!warning|!info|!feed]``, its second opening ``queue/2``. In a message one that is
over is ``phones✓``, and in a digest of several that came and went ``phones/9✓×8``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from services.notifier import engine as notifier
from services.notifier.engine import Decision
from services.notifier.model import Breach, DecisionLine, Notification, NotifierPolicy, Silence
from services.notifier.state import NotifierState, decode, encode, next_due
from shared.config.alerting import MuteTimes, NotifyConfig, Route
from shared.contract.breach_events import (
    BreachChanged,
    BreachEvent,
    BreachProgress,
    BreachReading,
    BreachState,
    Cause,
    Level,
    Severity,
)
from shared.contract.kpis import Measure

START: Final = datetime(2026, 3, 2, 8, tzinfo=UTC)
"""A Monday."""
SECOND: Final = timedelta(seconds=1)
CLOSED: Final = frozenset({"over", "gone", "closes"})
STANDING: Final = {
    "pending": (BreachState.OK, BreachState.PENDING, Cause.OVER),
    "fires": (BreachState.PENDING, BreachState.FIRING, Cause.HELD),
    "clears": (BreachState.FIRING, BreachState.CLEARING, Cause.BACK),
    "over": (BreachState.CLEARING, BreachState.OK, Cause.STAYED_BACK),
    "gone": (BreachState.FIRING, BreachState.OK, Cause.RULE_GONE),
    "closes": (BreachState.FIRING, BreachState.OK, Cause.CLOSED),
}
KINDS: Final = {
    "": (Level.LIMIT, Measure.MISSED_RATIO, Severity.CRITICAL),
    "warning": (Level.WARNING, Measure.MISSED_RATIO, Severity.WARNING),
    "info": (Level.LIMIT, Measure.CALL_WAIT_MEAN, Severity.INFO),
    "feed": (Level.LIMIT, Measure.NO_DATA, Severity.CRITICAL),
}


def _never_quiet(_hours: str | None, _at_ms: int) -> bool:
    return False


def quiet_between(*spans: str):
    """Hours that are on from and until (``h:mm:ss-h:mm:ss`` on the timeline)."""
    bounds = [tuple(instant(end) for end in span.split("-")) for span in spans]

    def is_open(_hours: str | None, at_ms: int) -> bool:
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
        return any(start <= at < end for start, end in bounds)

    return is_open


def policy_of(*routes: Route, is_open=_never_quiet, **notify: object) -> NotifierPolicy:
    """A policy that sends everything to ``team`` unless routes say otherwise; quiet only with ``is_open``."""
    if is_open is not _never_quiet:
        notify["quiet"] = (MuteTimes(hours="night"),)
    routes = routes or (Route(receivers=("team",)),)
    receivers = frozenset(r for route in routes for r in (*route.receivers, *route.escalate_to))
    return NotifierPolicy(receivers, routes, NotifyConfig.model_validate(notify), is_open)


def instant(text: str) -> datetime:
    """``m:ss`` or ``h:mm:ss`` on the timeline."""
    seconds = 0
    for part in text.split(":"):
        seconds = seconds * 60 + int(part)
    return START + timedelta(seconds=seconds)


def clock(at: datetime) -> str:
    minutes, seconds = divmod((at - START) // SECOND, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


@dataclass
class Judge:
    """Writes the events of breaches as the evaluator would."""

    openings: dict[str, int] = field(default_factory=dict)
    opened_at: dict[str, datetime] = field(default_factory=dict)
    latest: dict[str, BreachEvent] = field(default_factory=dict)
    steps: int = 0

    def event(self, name: str, what: str, at: datetime) -> BreachEvent:
        if what == "again":
            return self.latest[name]
        if what == "late":
            latest = self.latest[name]
            return latest.model_copy(update={"id": f"{latest.id}-late", "at": latest.at - SECOND})
        if name not in self.opened_at:
            self.openings[name] = self.openings.get(name, 0) + 1
            self.opened_at[name] = at
        event = self._write(name, what, at)
        self.latest[name] = event
        if what in CLOSED:
            del self.opened_at[name]
        return event

    def breach_id(self, name: str) -> str:
        queue, _, opening = name.partition("/")
        return f"{queue}/{opening or self.openings.get(queue, 1)}"

    def _write(self, name: str, what: str, at: datetime) -> BreachEvent:
        queue, _, kind = name.partition("!")
        level, measure, severity = KINDS[kind]
        self.steps += 1
        before = self.latest.get(name)
        about = {
            "id": f"{name}/{self.openings[name]}/{self.steps}",
            "breach": self.breach_id(name),
            "at": at,
            "rule": "missed" if kind in {"", "warning"} else kind,
            "level": level,
            "measure": measure,
            "severity": severity,
            "site": "lier",
            "queue": queue,
            "window": "15m",
            "limit": 0.2,
            "clear_at": 0.2,
            "opened_at": self.opened_at[name],
            "reading": BreachReading(value=0.3, samples=20),
        }
        if what == "fades":
            about["reading"] = BreachReading(value=None, samples=4)
        if what == "eases":
            about["reading"] = BreachReading(value=0.19, samples=21)
        if what in {"lasts", "fades", "eases"}:
            return BreachProgress.model_validate(
                about | {"state": before.state if before else BreachState.FIRING}
            )
        previous, state, cause = STANDING[what]
        fresh = before is None or before.breach != about["breach"]
        if before is not None and not fresh:
            previous = before.state
        return BreachChanged.model_validate(about | {"previous": previous, "state": state, "cause": cause})


@dataclass
class Notifier:
    """The shell in small: stores what changed, sends what is to be sent, asks when something is due."""

    policy: NotifierPolicy
    ask_on_time: bool = True
    """Whether ``on_time`` is called at each due moment, or only with what happens next."""
    state: NotifierState = field(default_factory=NotifierState)
    stored: dict[str, bytes] = field(default_factory=dict)
    notifications: list[Notification] = field(default_factory=list)
    log: list[DecisionLine] = field(default_factory=list)

    def commit(self, decision: Decision) -> Decision:
        for key, record in decision.changed.items():
            if record is None:
                del self.stored[key]
            else:
                self.stored[key] = record
        self.state = decision.state
        self.notifications += decision.notifications
        self.log += decision.log
        return decision

    def restart(self) -> None:
        """Lose everything but what was stored, and have it be the same."""
        assert self.stored == encode(self.state)
        assert decode(self.stored) == self.state
        self.state = decode(self.stored)

    def wait_until(self, now: datetime) -> None:
        while self.ask_on_time and (due := next_due(self.state)) is not None and due <= now:
            self.commit(notifier.on_time(self.state, due, self.policy))
            after = next_due(self.state)
            assert after is None or after > due, "what was due is decided"
        self.commit(notifier.on_time(self.state, now, self.policy))

    def hear(self, event: BreachEvent, now: datetime) -> Decision:
        return self.commit(notifier.on_events(self.state, (event,), now, self.policy))


@dataclass
class Timeline:
    """What happened on a timeline so far."""

    notifier: Notifier
    judge: Judge = field(default_factory=Judge)

    def happen(self, what: str, now: datetime) -> None:
        words = what.split()
        match words:
            case ["ack", *names]:
                ids = [self.judge.breach_id(name) for name in names]
                self._commit(notifier.acknowledge(self._state, ids, "team", now, self._policy))
            case ["silence", name, lasts, *queues]:
                ends = now + (instant(lasts) - START)
                wanted = Silence(id=name, queues=tuple(queues), starts_at=now, ends_at=ends)
                self._commit(notifier.silence(self._state, wanted, now, self._policy))
            case ["expire", name]:
                self._commit(notifier.expire_silence(self._state, name, now, self._policy))
            case ["restart"]:
                self.notifier.restart()
            case [name, step]:
                self.notifier.hear(self.judge.event(name, step, now), now)
            case _:
                raise ValueError(what)

    def _commit(self, decision: Decision) -> None:
        self.notifier.commit(decision)

    @property
    def _state(self) -> NotifierState:
        return self.notifier.state

    @property
    def _policy(self) -> NotifierPolicy:
        return self.notifier.policy


def run(picture: str, policy: NotifierPolicy) -> Notifier:
    """Play a picture and hold every message against it."""
    timeline = Timeline(Notifier(policy))
    expected: list[str] = []
    for at, kinds, messages in _rows(picture):
        timeline.notifier.wait_until(at)
        for what in kinds:
            timeline.happen(what, at)
        expected += [f"{clock(at)} {message}" for message in messages]
    sent = [
        f"{clock(notification.at)} {_shown(notification)}" for notification in timeline.notifier.notifications
    ]
    assert sent == expected, "\n".join(["sent:", *sent, "expected:", *expected])
    return timeline.notifier


def reasons(notifier: Notifier, receiver: str = "team") -> list[str]:
    """Why things were told to a receiver or not, in order."""
    return [line.reason for line in notifier.log if line.receiver == receiver]


def _rows(picture: str) -> Iterator[tuple[datetime, list[str], list[str]]]:
    for line in picture.strip().splitlines():
        head, *messages = line.split("✉")
        found = re.fullmatch(r"\s*(\d[\d:]*)\s*(.*?)\s*", head)
        if found is None:
            raise ValueError(line)
        kinds = [what.strip() for what in found[2].split(";") if what.strip()]
        yield instant(found[1]), kinds, [" ".join(message.split()) for message in messages]


def _shown(notification: Notification) -> str:
    number = f" {notification.number}" if notification.number > 1 else ""
    return f"{notification.receiver} {notification.kind}{number} {_names(notification.breaches)}"


def _names(breaches: Sequence[Breach]) -> str:
    return " ".join(_name(breach) for breach in breaches)


def _name(breach: Breach) -> str:
    over = "✓" if breach.closed_at is not None else ""
    times = f"×{breach.times}" if breach.times > 1 else ""
    return breach.id.removesuffix("/1") + over + times
