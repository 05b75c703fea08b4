"""Shows the board: redrawn in place on a terminal, else a line now and then and the board at the end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Protocol

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from shared.config import QueueKind
from wachtpost.demo.board import WIDTH, Scene, board, calls_missed, waiting
from wachtpost.demo.snapshot import Snapshot
from wachtpost.demo.words import Words

LINE_EVERY: Final = timedelta(seconds=5)


class Display(Protocol):
    """Where the board appears."""

    def say(self, text: str) -> None:
        """Tell what is going on."""

    def show(self, snapshot: Snapshot, scene: Scene, now: datetime) -> None:
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
        self._last: RenderableType | None = None

    def say(self, text: str) -> None:
        self._console.print(Text(text))

    def show(self, snapshot: Snapshot, scene: Scene, now: datetime) -> None:
        self._last = board(snapshot, scene, self._words)
        if not self._live.is_started:
            self._live.start()
        self._live.update(self._last, refresh=True)

    def close(self) -> None:
        self._live.stop()
        if self._last is not None:
            self._console.print(self._last)


class _Plain:
    def __init__(self, console: Console, words: Words) -> None:
        self._console = console
        self._words = words
        self._said: datetime | None = None
        self._last: RenderableType | None = None

    def say(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)

    def show(self, snapshot: Snapshot, scene: Scene, now: datetime) -> None:
        self._last = board(snapshot, scene, self._words)
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
            self._console.print(self._last)
