"""Follows an Asterisk queue_log on disk, and reads whole ones.

The follower hands on complete lines together with the position after them. Whoever publishes the facts
writes both in one step; after a crash the position finds the file again, whatever rotation made of it.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Final, Literal, Self, TypeVar

import structlog
from pydantic import BaseModel, ConfigDict
from watchfiles import Change, watch

from services.ingest.pseudonyms import Pseudonyms
from services.ingest.sources.queue_log.clock import ExchangeClock
from services.ingest.sources.queue_log.files import (
    LISTINGS,
    LONGEST_LINE,
    Catalogue,
    FilePosition,
    FoundFile,
    LogFile,
    Place,
    place_of,
    unpacked,
)
from services.ingest.sources.queue_log.translate import LinePlace, TranslatorState
from shared.process.clock import Clock
from shared.process.shutdown import Shield

BATCH_LINES: Final = 500
"""Lines handed on at once at most: what one write to Redis takes gladly."""

POLL: Final = timedelta(seconds=1)
"""How often to look when nothing wakes us: network mounts do not tell of changes."""

WATCH_STEP_MS: Final = 10
"""How quickly a change wakes us. Costs a look at an empty list, a hundred times a second."""

COPYING: Final = timedelta(seconds=3)
"""A log that is shorter than what was read of it may be a copy that is under way; after this long it is what
it is."""

UNFINISHED: Final = timedelta(minutes=1)
"""How long the end of a line is waited for in a file that was left: a copy may come slowly."""

CLOCKS_APART: Final = timedelta(hours=1)
"""How far behind ours an exchange's clock may be: a file that began longer ago than this before we first
looked was there before."""

LEFT_FOR: Final = timedelta(days=7)
"""How much older than the youngest file one may be of which more is awaited: copies pause over holidays."""

LEFT_FILES: Final = 64
"""Files at most of which more is awaited: two and a half days of a log that is rotated every hour."""

FEWEST_LEFT: Final = 8
"""Files of which more is awaited however old they are: a log may be rotated every month."""

HANGS: Final = timedelta(seconds=10)
"""A look that takes longer than this has met a mount that does not answer."""

LET_GO: Final = timedelta(seconds=2)
"""How long an ending reader waits for a look that is under way."""

PROGRESS_LINES: Final = 10_000
"""Lines between two reports of progress."""

Start = Literal["beginning", "end"]

_T = TypeVar("_T")


class Origin(BaseModel):
    """What there was of a log at the first look."""

    model_config = ConfigDict(frozen=True)

    files: tuple[FilePosition, ...] = ()
    since: int | None = None
    """As in ``Position``."""


class Position(FilePosition):
    """How far a log was handed on: in the file of the last line, and in those that were left before."""

    left: tuple[FilePosition, ...] = ()
    """The rest of one may still come: from a writer that is slow to let go of it, or by a copy."""
    since: int | None = None
    """Epoch second: a file that began then or later and is none of these was never read. ``None``, from a
    release before: when the file of the last line began."""

    first: Origin | None = None
    """Where the first look began, for whoever has to read everything again."""

    @classmethod
    def of(cls, files: Sequence[FilePosition], since: int | None, first: Origin | None) -> Self:
        """Return the position of one who read so far in each file, in the last of them lately."""
        if not files:
            return cls(device=0, inode=0, offset=0, since=since, first=first)
        left = tuple(one.model_copy(update={"marks": one.marks[-1:]}) for one in files[:-1])
        return cls(**dict(files[-1]), left=left, since=since, first=first)

    def beginning(self) -> Position:
        """Return where one goes on who has to read everything again, also what was rotated since."""
        first = self.first or Origin(since=self.began if self.since is None else self.since)
        return Position.of(first.files, first.since, first)

    @property
    def files(self) -> list[FilePosition]:
        """Return all of them, that of the last line last; not one that was never there."""
        last = FilePosition(**{name: getattr(self, name) for name in FilePosition.model_fields})
        return [*self.left, *([last] if last.inode else [])]


NOWHERE: Final = Position(device=0, inode=0, offset=0)
"""The file was not there yet when we first looked: all of it is new."""


class Checkpoint(BaseModel):
    """What goes to Redis with the facts: how far we are, and what the translator knew there."""

    model_config = ConfigDict(frozen=True)

    position: Position
    memory: TranslatorState = TranslatorState()
    clock: ExchangeClock = ExchangeClock()

    def encode(self) -> bytes:
        """Return the JSON for Redis."""
        return self.__pydantic_serializer__.to_json(self)

    @classmethod
    def decode(cls, text: bytes) -> Self:
        """Read it back; raises ``pydantic.ValidationError`` for anything else."""
        return cls.model_validate_json(text)


@dataclass(frozen=True)
class Lines:
    """Complete lines, in order, and the position after the last of them.

    None at all: only the position is worth keeping (that of the first look).
    """

    lines: tuple[bytes, ...]
    """Each with its line end; a longer one than ``LONGEST_LINE`` cut there."""
    places: tuple[LinePlace, ...]
    """Where each stands."""
    position: Position
    again: bool = False
    """Whether they were perhaps handed on before: the log was cut, and is no copy of what was read."""


@dataclass(frozen=True)
class FileState:
    """What the last look at the file showed."""

    at: datetime
    exists: bool
    problem: str | None
    """Why it cannot be read; ``None`` while it can, or while it is merely absent."""


@dataclass(frozen=True)
class _ReadOut:
    """A file whose complete lines were all handed on."""

    state: tuple[int, int]
    """What it was like then; with another there may be more."""
    unfinished: bool
    """Whether the beginning of a line was left."""
    since: float
    """In seconds of the steady clock."""


@dataclass(frozen=True)
class _Next:
    """A file in which something is to be read."""

    file: FoundFile
    position: FilePosition | None
    """How far it was handed on; ``None``: it is new."""
    ends: bool = False
    """Whether its unfinished last line is to be handed on as it is."""


STAMP_LAG_S: Final = 0.1
"""How far the stamp of a file may lie before the moment at which it was made: the kernel stamps by the tick,
and tells when a process was started in ticks of its own."""


def process_started() -> float:
    """Return the epoch second at which this process was started, by the clock that files are stamped with."""
    ticks = int(Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    up_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - up_s


class QueueLogReader:
    """Hands on what is appended to one log, over rotation, copying, truncation, absence and restarts.

    It knows each file by its content and how far that was handed on. One in which more stands is read on
    from there, whatever it is called by now and whenever it comes; the oldest first.

    Use ``batches`` once, and close it: ``async with aclosing(follower.batches(stop)) as batches``.
    """

    def __init__(
        self,
        path: Path,
        position: Position | None,
        start: Start,
        pseudonyms: Pseudonyms,
        clock: Clock,
        batch_lines: int = BATCH_LINES,
        steady: Callable[[], float] = time.monotonic,
        started: Callable[[], float] = process_started,
    ) -> None:
        """Go on from ``position``, or without one from the ``start`` of the log that was there when we were
        started: what was put aside since then is read, too.

        ``pseudonyms`` seal what a position holds of the log's content; ``steady`` tells seconds.
        """
        self._path = path
        self._pseudonyms = pseudonyms
        self._start: Start = start
        self._clock = clock
        self._batch_lines = batch_lines
        self._steady = steady
        self._started = started
        self._log: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind(log=path.name)
        self._passed_over: set[str] = set()
        self._catalogue = Catalogue(path, self._pass_over)
        self._files: list[FilePosition] | None = None if position is None else position.files
        """How far each was handed on, that of the last line last; ``None`` before the first look."""
        self._since = _since(position)
        self._first = None if position is None else position.first
        self._tail: LogFile | None = None
        self._at: FilePosition | None = None
        """How far the file of the tail was handed on before it was opened."""
        self._read_out: dict[Place, _ReadOut] = {}
        self._short: tuple[Place, float] | None = None
        self._looked_at = 0.0
        self._seen: FileState | None = None
        self._waits = False
        self._one_look_at_a_time = Lock()

    @property
    def seen(self) -> FileState | None:
        """What the last look showed; ``None`` before the first."""
        return self._seen

    @property
    def waits(self) -> bool:
        """Whether the last look found nothing more to hand on."""
        return self._waits

    async def batches(self, stop: asyncio.Event) -> AsyncGenerator[Lines, None]:
        """Yield what is there and then what comes, until ``stop``.

        No line is yielded twice, except where a log was cut and cannot be told from a copy of less: it is the
        same fact then. Trouble with the file is logged once, shows in ``seen`` and is tried again; nothing is
        raised for it, and nothing that hangs keeps the process from ending.
        """
        woken, quiet = asyncio.Event(), Event()
        passing_on = asyncio.create_task(_pass_on(stop, woken))
        watching: asyncio.Future[None] | None = None
        try:
            while not stop.is_set():
                woken.clear()
                lines = await self._patient_look()
                self._waits = lines is None
                if watching is None:  # a folder that hangs would hang a watch for good
                    watching = in_thread(partial(self._watch, _waker(woken), quiet))
                if lines is not None:
                    yield lines
                else:
                    await _wait(woken, POLL)
        finally:
            passing_on.cancel()
            await Shield().run(self._end(watching, quiet))

    async def _patient_look(self) -> Lines | None:
        """Look; a look that takes too long is trouble with the file."""
        look = in_thread(self.look)
        await asyncio.wait({look}, timeout=HANGS.total_seconds())
        if not look.done():
            self._note(exists=True, problem="It does not answer")
        return await look

    async def _end(self, watching: asyncio.Future[None] | None, quiet: Event) -> None:
        quiet.set()  # the watcher ends by itself
        left = [in_thread(self.close), *([] if watching is None else [watching])]
        await asyncio.wait(left, timeout=LET_GO.total_seconds())

    def look(self) -> Lines | None:
        """Look once and return the next lines, or ``None`` when there are none. Blocks while it reads."""
        with self._one_look_at_a_time:
            try:
                present = place_of(self._path)
                lines = self._next_lines(present) if self._files is not None else self._first_look()
            except OSError as error:
                # What was read but not handed on is read again: self._files has not changed.
                self._note(exists=True, problem=error.strerror or type(error).__name__)
                self._drop_tail()
                return None
            self._note(exists=present is not None, problem=None)
            return lines

    def close(self) -> None:
        """Close the file. A later look would go on where the last one ended."""
        with self._one_look_at_a_time:
            self._drop_tail()

    def _watch(self, wake: Callable[[], None], quiet: Event) -> None:
        """Wake the reader at every change of a file of this log, where the system tells of them."""
        while not quiet.is_set():
            try:
                for _ in watch(
                    *self._folders(),
                    watch_filter=self._is_ours,
                    debounce=2 * WATCH_STEP_MS,
                    step=WATCH_STEP_MS,
                    stop_event=quiet,
                    recursive=False,
                    raise_interrupt=False,
                ):
                    wake()
            except FileNotFoundError:
                quiet.wait(POLL.total_seconds())
            except (OSError, RuntimeError) as error:  # out of watches; trouble inside the watcher
                self._log.warning("queue_log.polling", why=type(error).__name__, every_s=POLL.total_seconds())
                return

    def _folders(self) -> set[Path]:
        return {self._path.parent, self._path.resolve().parent}

    def _is_ours(self, _change: Change, path: str) -> bool:
        return Path(path).name.startswith(self._path.name)

    def _pass_over(self, name: str) -> None:
        if name not in self._passed_over:
            self._passed_over.add(name)
            self._log.warning("queue_log.rotated_file_unreadable", file=name)

    # Deciding ------------------------------------------------------------------------------------

    def _first_look(self) -> Lines:
        """Decide what is new from now on, and return that: a restart must not decide anew."""
        for _ in range(LISTINGS):
            files = self._catalogue.files()
            log = _log_of(files, self._path)
            known = [] if log is None else [self._begin(log, self._start)]
            aside = next((file for file in reversed(files) if file.head and file is not log), None)
            is_new = aside is not None and self._was_log(aside)
            youngest = log if log is not None and log.head and not is_new else aside
            if aside is not None and youngest is aside and (is_new or not aside.packed):
                # Where it is not new, somebody may still be writing to it.
                known.insert(0, self._begin(aside, "beginning" if is_new else "end"))
            if all(known):
                self._files = [position for position in known if position is not None]
                self._since = self._horizon(youngest)
                self._first = Origin(files=tuple(self._files), since=self._since)
                return Lines((), (), self._position())
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    def _was_log(self, aside: FoundFile) -> bool:
        """Whether a file was the log when we were started, and is to be read from its beginning."""
        put_aside = aside.path.stat().st_ctime + STAMP_LAG_S
        return self._start == "beginning" and put_aside >= self._started()

    def _begin(self, found: FoundFile, start: Start) -> FilePosition | None:
        file = self._opened(found)
        if file is None:
            return None
        with closing(file):
            if start == "end":
                file.go_to_end()
            return file.position()

    def _horizon(self, youngest: FoundFile | None) -> int:
        if youngest is None or youngest.began is None:
            return int((self._clock() - CLOCKS_APART).timestamp())
        return youngest.began + youngest.packed  # nobody writes to a packed one: it is not new

    def _choose(self) -> _Next | None:
        """Return the oldest file in which something is to be read, else the log if it is to be waited at."""
        files = self._catalogue.files()
        self._looked_at = self._steady()
        if self._tail is not None and self._tail.replaced():
            self._log.warning("queue_log.truncated")
            self._drop_tail()
        known = {file.place: self._known(file) for file in files}
        self._read_out = {place: one for place, one in self._read_out.items() if place in known}
        log = _log_of(files, self._path)
        under_way = self._is_under_way(log, None if log is None else known[log.place])
        unread = (one for file in files if (one := self._unread(file, known[file.place])) is not None)
        found = next((one for one in unread if not (under_way and one.file is log)), None)
        if found is None and log is not None and log.head and not under_way:
            found = self._unfinished(files, known, log) or self._at_the_log(log, known[log.place])
        if found is not None and found.position is None:
            self._complain_of_gone(known)
        return found

    def _known(self, file: FoundFile) -> FilePosition | None:
        """How far a file was handed on, under whatever name."""
        same = [one for one in self._files or () if file.is_where(one, self._pseudonyms)]
        return max(same, key=lambda one: one.offset, default=None)

    def _unread(self, file: FoundFile, position: FilePosition | None) -> _Next | None:
        if not file.head:
            return None
        read_out = self._read_out.get(file.place)
        if read_out is not None and read_out.state == file.state:
            return None
        is_log = file.path == self._path
        if position is None:
            young = self._since is not None and file.began is not None and file.began >= self._since
            return _Next(file, None) if is_log or young else None
        longer = file.packed or file.size > position.offset
        return _Next(file, position) if longer or (is_log and file.size < position.offset) else None

    def _is_under_way(self, log: FoundFile | None, position: FilePosition | None) -> bool:
        """Whether the log is shorter than what was read of it and may still become a copy of that."""
        if log is None or position is None or log.packed or log.size >= position.offset:
            self._short = None
            return False
        if self._short is None or self._short[0] != log.place:
            self._short = (log.place, self._steady())
        return self._steady() - self._short[1] < COPYING.total_seconds()

    def _unfinished(
        self, files: Sequence[FoundFile], known: Mapping[Place, FilePosition | None], log: FoundFile
    ) -> _Next | None:
        """Return a file that was left in the middle of a line which nobody went on with for a while."""
        for file in files:
            read_out = self._read_out.get(file.place)
            if (
                read_out is not None
                and read_out.unfinished
                and read_out.state == file.state
                and self._steady() - read_out.since >= UNFINISHED.total_seconds()
                and known[file.place] is not known[log.place]
            ):
                return _Next(file, known[file.place], ends=True)
        return None

    def _at_the_log(self, log: FoundFile, position: FilePosition | None) -> _Next | None:
        there = self._tail is not None and self._tail.place == log.place
        return None if there else _Next(log, position)

    def _complain_of_gone(self, known: Mapping[Place, FilePosition | None]) -> None:
        last = self._files[-1] if self._files else None
        if last is not None and last.offset and not any(one is last for one in known.values()):
            lost = "what followed the last line read, until a copy of it comes"
            self._log.warning("queue_log.gone", began=last.began, lost=lost)

    # Reading -------------------------------------------------------------------------------------

    def _next_lines(self, present: Place | None) -> Lines | None:
        """Return the next lines, or ``None`` while there are none.

        ``present`` tells which file bore the log's name before this look: one that was left by then
        is read to its end.
        """
        turn = self._is_time_to_choose(present)
        while True:
            found = self._choose() if turn else None
            if found is not None and (last_words := self._go_over_to(found)) is not None:
                return last_words
            if self._tail is not None and (lines := self._read(self._tail)) is not None:
                return lines
            if found is None:
                return None

    def _is_time_to_choose(self, present: Place | None) -> bool:
        tail = self._tail
        if tail is None or tail.place != present or tail.replaced():
            return True
        return self._steady() - self._looked_at >= POLL.total_seconds()

    def _go_over_to(self, found: _Next) -> Lines | None:
        """Open that file, unless it is open; return what the one before still had to say, and then stay."""
        tail = self._tail
        if tail is not None and tail.place == found.file.place:
            tail.ends = found.ends
            return None
        file = self._opened(found.file)
        if file is None:
            return None
        if tail is not None:
            # Once more: what was written after the last look and before the next file was there.
            last_words = self._read(tail)
            if last_words is not None:
                file.close()
                return last_words
        if not self._goes_on(file, found):
            file.close()
            return None
        self._drop_tail()
        offset = 0 if found.position is None else found.position.offset
        self._log.info("queue_log.reading", file=file.path.name, from_byte=offset)
        self._tail, self._at = file, found.position
        return None

    def _opened(self, found: FoundFile) -> LogFile | None:
        """Open it; ``None`` where another has its name by now, or where it cannot be read any more."""
        try:
            file = LogFile(found.path, self._pseudonyms)
        except FileNotFoundError:
            return None
        except OSError:
            if found.path == self._path:
                raise
            self._pass_over(found.path.name)
            self._read_out[found.place] = _ReadOut(found.state, unfinished=False, since=self._steady())
            return None
        if file.place == found.place:
            return file
        file.close()
        return None

    def _goes_on(self, file: LogFile, found: _Next) -> bool:
        """Go to where what was read of it ends. False: nothing is to be read in it.

        Only the log itself may have been cut, or be written anew from some place on: any other that is not
        what was read, as far as it was read, is a copy of less.
        """
        file.ends = found.ends
        position = found.position
        if position is None:
            key = self._pseudonyms.key_name
            file.pass_over([one.marks[-1] for one in self._files or () if one.marks and one.sealed_by == key])
            return True
        is_log = file.path == self._path
        if (is_log or file.reaches(position.offset)) and (file.go_on(position) or is_log):
            return True
        self._note_read_out(file, file.state)
        return False

    def _read(self, file: LogFile) -> Lines | None:
        state, again = file.state, file.is_read_again
        lines, places = file.read(self._batch_lines)
        if not lines:
            self._note_read_out(file, state)
            return None
        self._files = [one for one in self._files or () if one is not self._at]
        self._at = file.position()
        self._files.append(self._at)
        return Lines(tuple(lines), tuple(places), self._position(), again)

    def _note_read_out(self, file: LogFile, state: tuple[int, int]) -> None:
        before = self._read_out.get(file.place)
        if before is None or before.state != state or before.unfinished != file.unfinished:
            self._read_out[file.place] = _ReadOut(state, file.unfinished, self._steady())
            if file.damaged:
                self._log.warning("queue_log.damaged_archive", file=file.path.name)

    def _position(self) -> Position:
        files = self._files or []
        if self._since is None and files:
            self._since = files[-1].began
        kept = _kept(files)
        dropped = [one.began + 1 for one in files if one not in kept and one.began is not None]
        if self._since is not None:
            self._since = max([self._since, *dropped])
        self._files = kept
        return Position.of(kept, self._since, self._first)

    def _note(self, *, exists: bool, problem: str | None) -> None:
        """Remember what a look showed, and say what is new about it."""
        before, self._seen = self._seen, FileState(self._clock(), exists, problem)
        if problem is not None and (before is None or before.problem != problem):
            self._log.warning("queue_log.unreadable", why=problem)
        elif not exists and (before is None or before.exists):
            self._log.warning("queue_log.absent")

    def _drop_tail(self) -> None:
        if self._tail is not None:
            self._tail.close()
            self._tail = None


def _log_of(files: Sequence[FoundFile], path: Path) -> FoundFile | None:
    return files[-1] if files and files[-1].path == path else None


def _since(position: Position | None) -> int | None:
    if position is None:
        return None
    return position.began if position.since is None else position.since


def _kept(files: Sequence[FilePosition]) -> list[FilePosition]:
    """Return those of which more may come, that of the last line last."""
    youngest = max((one.began for one in files if one.began is not None), default=0)
    oldest = youngest - int(LEFT_FOR.total_seconds())
    old, lately = files[:-FEWEST_LEFT], files[-FEWEST_LEFT:]
    young = [one for one in old if one.began is None or one.began >= oldest]
    return [*young, *lately][-LEFT_FILES:]


async def first_sight(path: Path, start: Start, pseudonyms: Pseudonyms, clock: Clock) -> Position | None:
    """Return where one begins who has never read this log; ``None`` while that cannot be seen."""
    reader = QueueLogReader(path, None, start, pseudonyms, clock)
    look = in_thread(reader.look)
    await asyncio.wait({look}, timeout=HANGS.total_seconds())
    lines = look.result() if look.done() else None
    return None if lines is None else lines.position


def read_lines(path: Path, progress: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """Yield the lines of a whole log, plain or gzip, each with its end, in memory that does not grow.

    ``progress`` is told now and then how many bytes of the file on disk are read. A line longer than
    ``LONGEST_LINE`` is cut there. Raises ``OSError``,
    and ``EOFError`` or ``zlib.error`` for a damaged archive.
    """
    with path.open("rb") as raw:
        file = unpacked(raw)
        number, inside_long_line = 0, False
        while piece := file.readline(LONGEST_LINE):
            if not inside_long_line:
                yield piece
                number += 1
                if progress is not None and not number % PROGRESS_LINES:
                    progress(raw.tell())
            inside_long_line = not piece.endswith(b"\n")
        if progress is not None:
            progress(raw.tell())


def in_thread(act: Callable[[], _T]) -> asyncio.Future[_T]:
    """Return what ``act`` will return or raise, in a thread that keeps no process from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()

    def tell(how: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(lambda: None if future.done() else how())

    def run() -> None:
        try:
            result = act()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where it is awaited
            tell(partial(future.set_exception, error))
        else:
            tell(partial(future.set_result, result))

    Thread(target=run, daemon=True, name="queue_log").start()
    return future


def _waker(woken: asyncio.Event) -> Callable[[], None]:
    """Return what sets an event of this loop from another thread."""
    loop = asyncio.get_running_loop()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(woken.set)

    return wake


async def _pass_on(stop: asyncio.Event, woken: asyncio.Event) -> None:
    await stop.wait()
    woken.set()


async def _wait(for_this: asyncio.Event, at_most: timedelta) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(at_most.total_seconds()):
            await for_this.wait()
