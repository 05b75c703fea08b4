"""Shows the board and the last message: redrawn in place on a terminal, else lines now and then.

Either way both stay behind as text at the end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from domain.queue_ref import QueueRef
from shared.config.model import ALL_QUEUES
from shared.contract.kpis import QueueKind
from shared.translation import Translator
from wachtpost.live.alerts import link_in, local_time, message, receiver
from wachtpost.live.board import BoardContext, board
from wachtpost.live.figures import calls_today, waiting
from wachtpost.live.layout import WIDE, Layout, layout_for
from wachtpost.live.snapshot import Snapshot

LINE_EVERY: Final = timedelta(seconds=5)


class Display(ABC):
    """Where the board appears."""

    def __init__(self, console: Console, say: Translator) -> None:
        self._console = console
        self._say = say
        self._last: tuple[Snapshot, BoardContext] | None = None

    def echo(self, text: str) -> None:
        """Say what is going on."""
        self._console.print(Text(text), soft_wrap=not self._console.is_terminal)

    @property
    def _layout(self) -> Layout:
        return layout_for(self._console.width)

    def show(self, snapshot: Snapshot, context: BoardContext, now: datetime) -> None:
        """Show the present figures; ``now`` is the real time, not the services'."""
        self._last = snapshot, context
        self._show(snapshot, context, now)

    @abstractmethod
    def _show(self, snapshot: Snapshot, context: BoardContext, now: datetime) -> None: ...

    def close(self) -> None:
        """Leave the last board behind as text."""
        if self._last is None:
            return
        snapshot, context = self._last
        self._console.print(board(snapshot, context, self._say, self._layout))
        self._console.print()
        for line in last_message(context, self._say):
            self._console.print(line, soft_wrap=True)  # a link stays in one piece


def display_on(console: Console, say: Translator) -> Display:
    """Return the display that suits a console."""
    if console.is_terminal:
        return _Terminal(console, say)
    console.width = WIDE.width
    return _Plain(console, say)


class _Terminal(Display):
    def __init__(self, console: Console, say: Translator) -> None:
        super().__init__(console, say)
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stderr=False)

    def _show(self, snapshot: Snapshot, context: BoardContext, _now: datetime) -> None:
        if not self._live.is_started:
            self._live.start()
        self._live.update(self._fitting(snapshot, context), refresh=True)

    def close(self) -> None:
        self._live.stop()
        super().close()

    def _fitting(self, snapshot: Snapshot, context: BoardContext) -> RenderableType:
        """The whole board with the last message, or in a low terminal a brief one; the rest is cut off."""
        lines = [Text(), *last_message(context, self._say)]
        whole = Group(board(snapshot, context, self._say, self._layout), *lines)
        if len(self._console.render_lines(whole, pad=False)) <= self._console.height:
            return whole
        return Group(board(snapshot, context, self._say, self._layout, brief=True), *lines)


class _Plain(Display):
    def __init__(self, console: Console, say: Translator) -> None:
        super().__init__(console, say)
        self._said: datetime | None = None
        self._messages_said = 0

    def _show(self, snapshot: Snapshot, context: BoardContext, now: datetime) -> None:
        self._say_messages(context)
        if self._said is not None and now - self._said < LINE_EVERY:
            return
        self._said = now
        city, say = context.city, self._say
        clock = f"{context.now.astimezone(city.city.zone):%H:%M:%S}"
        calls = [calls_today(snapshot, QueueRef(site.id, ALL_QUEUES)) for site in city.sites]
        line = say.gettext(
            "{at}  waiting: {phones} phone, {counters} counter · answered {answered}, missed {missed}",
            at=clock,
            phones=waiting(snapshot, city, QueueKind.PHONE),
            counters=waiting(snapshot, city, QueueKind.COUNTER),
            answered=say.number(sum(answered for answered, _ in calls)),
            missed=say.number(sum(missed for _, missed in calls)),
        )
        self.echo(line)

    def _say_messages(self, context: BoardContext) -> None:
        """Say what has arrived since last time, with the link that is good for as long as the demo runs."""
        for sent in context.messages[self._messages_said :]:
            at, to = local_time(sent, context.city), receiver(sent, context.city)
            self.echo(
                self._say.gettext(
                    "{at}  message to {receiver}: {subject}", at=at, receiver=to, subject=sent.subject
                )
            )
            if (link := link_in(sent)) is not None:
                self.echo(f"          {link}")
        self._messages_said = len(context.messages)


def last_message(context: BoardContext, say: Translator) -> list[Text]:
    """Return the lines of the last message, or none."""
    if not context.messages:
        return []
    return list(message(context.messages[-1], len(context.messages), context.city, say))
