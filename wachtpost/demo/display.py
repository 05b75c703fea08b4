"""Shows the board and the last message: redrawn in place on a terminal, else lines now and then.

Either way both stay behind as text at the end.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from shared.contract.kpis import QueueKind
from wachtpost.demo.alerts import link_in, local_time, message, receiver
from wachtpost.demo.board import WIDTH, BoardContext, board, calls_missed, waiting
from wachtpost.demo.snapshot import Snapshot
from wachtpost.demo.words import Words

LINE_EVERY: Final = timedelta(seconds=5)


class Display(Protocol):
    """Where the board appears."""

    def say(self, text: str) -> None:
        """Tell what is going on."""

    def show(self, snapshot: Snapshot, scene: BoardContext, now: datetime) -> None:
        """Show the present figures; ``now`` is the time in the room, not the services'."""

    def close(self) -> None:
        """Leave the last board behind as text."""


def display_on(console: Console, words: Words) -> Display:
    """Return the display that suits a console."""
    if console.is_terminal:
        return _Terminal(console, words)
    console.width = WIDTH
    return _Plain(console, words)


class _Terminal:
    def __init__(self, console: Console, words: Words) -> None:
        self._console = console
        self._words = words
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stderr=False)
        self._last: tuple[Snapshot, BoardContext] | None = None

    def say(self, text: str) -> None:
        self._console.print(Text(text))

    def show(self, snapshot: Snapshot, scene: BoardContext, now: datetime) -> None:
        self._last = snapshot, scene
        if not self._live.is_started:
            self._live.start()
        self._live.update(self._fitting(snapshot, scene), refresh=True)

    def close(self) -> None:
        self._live.stop()
        if self._last is not None:
            _leave_behind(self._console, *self._last, self._words)

    def _fitting(self, snapshot: Snapshot, scene: BoardContext) -> RenderableType:
        """The whole board with the last message, or in a low terminal a brief one; the rest is cut off."""
        lines = [Text(), *last_message(scene, self._words)]
        whole = Group(board(snapshot, scene, self._words), *lines)
        if len(self._console.render_lines(whole, pad=False)) <= self._console.height:
            return whole
        return Group(board(snapshot, scene, self._words, brief=True), *lines)


class _Plain:
    def __init__(self, console: Console, words: Words) -> None:
        self._console = console
        self._words = words
        self._said: datetime | None = None
        self._told = 0
        self._last: tuple[Snapshot, BoardContext] | None = None

    def say(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)

    def show(self, snapshot: Snapshot, scene: BoardContext, now: datetime) -> None:
        self._last = snapshot, scene
        self._tell_messages(scene)
        if self._said is not None and now - self._said < LINE_EVERY:
            return
        self._said = now
        city, words = scene.city, self._words
        places = [*snapshot.answered]
        line = words.progress.format(
            at=f"{scene.now.astimezone(city.city.zone):%H:%M:%S}",
            phones=waiting(snapshot, city, QueueKind.PHONE),
            counters=waiting(snapshot, city, QueueKind.COUNTER),
            answered=words.numerals.number(sum(snapshot.answered.values())),
            missed=words.numerals.number(sum(calls_missed(snapshot, city, place) for place in places)),
        )
        self.say(line)

    def close(self) -> None:
        if self._last is not None:
            _leave_behind(self._console, *self._last, self._words)

    def _tell_messages(self, scene: BoardContext) -> None:
        """Say what has arrived since last time, with the link that is good for as long as the demo runs."""
        for told in scene.messages[self._told :]:
            at, to = local_time(told, scene.city), receiver(told, scene.city)
            self.say(self._words.arrived.format(at=at, receiver=to, subject=told.subject))
            if (link := link_in(told)) is not None:
                self.say(f"          {link}")
        self._told = len(scene.messages)


def last_message(scene: BoardContext, words: Words) -> list[Text]:
    """Return the lines of the last message, or none."""
    if not scene.messages:
        return []
    return list(message(scene.messages[-1], len(scene.messages), scene.city, words))


def _leave_behind(console: Console, snapshot: Snapshot, scene: BoardContext, words: Words) -> None:
    console.print(board(snapshot, scene, words))
    console.print()
    for line in last_message(scene, words):
        console.print(line, soft_wrap=True)  # a link stays in one piece
