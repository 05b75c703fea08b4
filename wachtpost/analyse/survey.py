"""What a file is, before it is read: log or events, in which order, and what in it cannot be meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

from domain.counts import ms_of
from services.ingest.admission import RefusedItem, read_event
from services.ingest.sources.queue_log.reader import read_lines
from services.ingest.sources.queue_log.translate import moment_ms

STRAY_MS: Final = timedelta(days=1) // timedelta(milliseconds=1)
"""How far from both of its neighbours a line's epoch cannot be meant, where the neighbours agree. A log is
written in order: one digit that is wrong is, nearly always, years."""

STRAY_END_MS: Final = timedelta(days=366) // timedelta(milliseconds=1)
"""The same of the first and the last line, which have one neighbour: no desk is silent for a year."""

NEVER: Final = -(2**62)
"""Before any moment (ms)."""


@dataclass(frozen=True)
class Survey:
    """A file that has been looked through."""

    file: Path
    is_events: bool
    shuffled: bool
    """Its lines are not in the order of time: a file of several, put together the wrong way round."""
    strays: frozenset[int]
    """The numbers of lines with a moment that cannot be meant."""


class StrangeFileError(ValueError):
    """Most lines of a file are neither a queue_log's nor events: another dress, or another thing."""

    def __init__(self, file: Path, number: int) -> None:
        super().__init__(f"{file}:{number}")
        self.file = file
        self.number = number
        """The first line that cannot be read."""


def survey(file: Path, latest: int, slack: int) -> Survey:
    """Look a file through.

    What happened after ``latest`` (UTC ms) is refused anyway, and says nothing of order. ``slack`` (ms): how
    far back a line may be and be taken as it stands. Raises ``StrangeFileError``, and
    ``OSError``, ``EOFError`` or ``zlib.error`` for what cannot be read.
    """
    look: _Look | None = None
    order = _Order(slack)
    first_bad, readable, unreadable = 0, 0, 0
    for number, line in enumerate(read_lines(file), start=1):
        if not line.strip(_BLANK):
            continue
        look = look or _look_for(line)
        moment = look.moment(line)
        if moment is None:
            first_bad, unreadable = first_bad or number, unreadable + 1
            continue
        readable += 1
        if moment <= latest:
            order.follow(number, moment)
    if look is None:
        return Survey(file, False, False, frozenset())
    if unreadable > readable:
        raise StrangeFileError(file, first_bad)
    order.end()
    strays = frozenset() if look.is_events else frozenset(order.strays)
    shuffled = order.shuffled or (look.is_events and bool(order.strays))
    return Survey(file, look.is_events, shuffled, frozenset() if shuffled else strays)


_BLANK: Final = b"\0\r\n\t \xef\xbb\xbf"


class _Look(NamedTuple):
    is_events: bool
    moment: Callable[[bytes], int | None]


def _look_for(first: bytes) -> _Look:
    """Events begin with a brace, a queue_log with an epoch."""
    return _Look(True, _event_moment) if first.strip(_BLANK).startswith(b"{") else _Look(False, moment_ms)


def _event_moment(line: bytes) -> int | None:
    event = read_event(line)
    return None if isinstance(event, RefusedItem) else ms_of(event.at)


class _Order:
    """Whether moments follow one another, each by the one before and the one after it."""

    def __init__(self, slack: int) -> None:
        self.strays: list[int] = []
        self.shuffled = False
        self._slack = slack
        self._newest = self._before = NEVER
        self._held: tuple[int, int] | None = None

    def follow(self, number: int, moment: int) -> None:
        """Judge the moment before this one, now that both of its neighbours are known."""
        held, self._held = self._held, (number, moment)
        if held is None:
            return
        neighbours_agree = moment >= self._before - STRAY_MS
        far = held[1] > moment + STRAY_MS or held[1] < self._before - STRAY_MS
        far_first = self._before == NEVER and held[1] < moment - STRAY_END_MS
        if neighbours_agree and (far or far_first):
            self.strays.append(held[0])
        else:
            self._take(held[1])

    def end(self) -> None:
        """The last one has no neighbour behind it."""
        if self._held is None:
            return
        number, moment = self._held
        if self._before != NEVER and moment > self._before + STRAY_END_MS:
            self.strays.append(number)
        else:
            self._take(moment)

    def _take(self, moment: int) -> None:
        self.shuffled |= moment < self._newest - self._slack
        self._newest, self._before = max(self._newest, moment), moment
