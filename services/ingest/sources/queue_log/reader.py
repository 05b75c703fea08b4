"""Follows an Asterisk queue_log on disk, and reads whole ones.

The follower hands on complete lines together with the position after them. Whoever publishes the facts
writes both in one step; after a crash the position finds the file again, whatever rotation made of it.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import zlib
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BufferedReader
from pathlib import Path
from threading import Lock
from typing import Annotated, Final, Literal, Self

import structlog
from pydantic import BaseModel, ConfigDict, Field
from watchfiles import Change, awatch

from services.ingest.pseudonyms import Pseudonyms
from services.ingest.sources.queue_log.clock import ExchangeClock
from services.ingest.sources.queue_log.translate import TranslatorState, first_second
from shared.process.clock import Clock
from shared.process.shutdown import Shield

BATCH_LINES: Final = 500
"""Lines handed on at once at most: what one write to Redis takes gladly."""

LONGEST_LINE: Final = 64 * 1024
"""Bytes of a line that are handed on; the rest of it is passed over. Real lines have 200 at most."""

POLL: Final = timedelta(seconds=1)
"""How often to look when nothing wakes us: network mounts do not tell of changes."""

WATCH_STEP_MS: Final = 10
"""How quickly a change wakes us. Costs a look at an empty list, a hundred times a second."""

HEAD: Final = 256
"""Bytes at the beginning by which a file is known again: four lines, each with its time."""

PREVIEW: Final = 64 * 1024
"""Bytes at the beginning in which the first record is looked for."""

PROGRESS_LINES: Final = 10_000
"""Lines between two reports of progress."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_DAMAGE: Final = (EOFError, zlib.error, gzip.BadGzipFile)
"""What a damaged archive raises where it ends."""

_NOT_A_LOG: Final = frozenset({".bz2", ".xz", ".zst", ".zip", ".tmp", ".swp"})
"""Names that begin like the log and that nobody can read line by line."""

Start = Literal["beginning", "end"]


class Position(BaseModel):
    """How far a log was handed on, in a way that survives renaming, compressing and copying."""

    model_config = ConfigDict(frozen=True)

    device: int
    inode: int
    offset: Annotated[int, Field(ge=0)]
    """Bytes handed on, uncompressed."""
    head_length: Annotated[int, Field(ge=0, le=HEAD)] = 0
    head: str = ""
    """Keyed hash of the first ``head_length`` bytes, which hold callers' numbers."""
    sealed_by: str = ""
    """The name of the key of that hash."""
    began: int | None = None
    """Epoch second of the file's first record: which rotated files are younger."""


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

    None at all: only the position is worth keeping (the first look at a log that is read from its end).
    """

    lines: tuple[bytes, ...]
    """Each with its line end; a longer one than ``LONGEST_LINE`` cut there."""
    starts: tuple[int, ...]
    """The byte at which each begins."""
    position: Position


@dataclass(frozen=True)
class FileState:
    """What the last look at the file showed."""

    at: datetime
    exists: bool
    problem: str | None
    """Why it cannot be read; ``None`` while it can, or while it is merely absent."""


class _Tail:
    """One open file of a log and how far it was handed on."""

    def __init__(self, path: Path, pseudonyms: Pseudonyms) -> None:
        self.path = path
        self._pseudonyms = pseudonyms
        self._raw = path.open("rb")
        try:
            self._file = _unpacked(self._raw)
            self.packed = self._file is not self._raw
            status = self._status()
            self.device, self.inode = status.st_dev, status.st_ino
            self.first = _beginning(self._raw, self._file)
            self.began = first_second(self.first)
        except OSError:
            self._raw.close()
            raise
        self.damaged = False
        self._offset = 0
        self._head = b""
        self._rest = b""
        self._inside_long_line = False

    def _status(self) -> os.stat_result:
        return os.fstat(self._raw.fileno())

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._status().st_size

    @property
    def order(self) -> tuple[float, int]:
        """When this file was begun, then when it was last written: what a file name does not tell."""
        written_ns = self._status().st_mtime_ns
        return (written_ns / 1e9 if self.began is None else self.began, written_ns)

    @property
    def position(self) -> Position:
        return Position(
            device=self.device,
            inode=self.inode,
            offset=self._offset,
            head_length=len(self._head),
            head=self._pseudonyms.seal(self._head) if self._head else "",
            sealed_by=self._pseudonyms.key_name,
            began=self.began,
        )

    def began_after(self, position: Position) -> bool:
        """Whether this file is surely younger than the one of ``position``."""
        return self.began is not None and position.began is not None and self.began > position.began

    def is_where(self, position: Position) -> bool:
        """Whether this is the file of ``position``, or a copy of it.

        A position of before the key was replaced is known by its place and its first record.
        """
        if position.head_length and position.sealed_by == self._pseudonyms.key_name:
            return self._pseudonyms.seal(self.first[: position.head_length]) == position.head
        same_place = (self.device, self.inode) == (position.device, position.inode)
        return same_place and (not position.head_length or position.began == self.began)

    def truncated(self) -> bool:
        """Whether what was read is no longer there: emptied, or emptied and written anew."""
        if self.packed:
            return False
        if self.size < self._offset + len(self._rest):
            return True
        known = (self._head + self._rest)[:HEAD]  # the head is either whole, or all up to the rest
        return os.pread(self._raw.fileno(), len(known), 0) != known

    def go_to(self, offset: int) -> None:
        """Go on from there; a longer line that is cut there is passed over."""
        if not self.packed:
            offset = min(offset, self.size)
        if offset:
            try:
                self._file.seek(offset - 1)
                self._inside_long_line = self._file.read(1) != b"\n"
            except _DAMAGE:
                self.damaged = True
        self._offset = offset
        self._head = self.first[: min(HEAD, offset)]

    def go_to_end(self) -> None:
        """Go behind the last complete line."""
        size = self.size
        from_byte = max(0, size - LONGEST_LINE)
        end = os.pread(self._raw.fileno(), size - from_byte, from_byte)
        self.go_to(from_byte + end.rfind(b"\n") + 1 if b"\n" in end or not from_byte else size)

    def read(self, most: int) -> tuple[list[bytes], list[int]]:
        """Return the complete lines that follow and where they start."""
        lines: list[bytes] = []
        starts: list[int] = []
        while len(lines) < most:
            piece = self._rest + self._next_piece(LONGEST_LINE - len(self._rest))
            ended = piece.endswith(b"\n")
            if not ended and len(piece) < LONGEST_LINE and not self._inside_long_line:
                self._rest = piece
                break
            if not piece:
                break
            if not self._inside_long_line:
                lines.append(piece)
                starts.append(self._offset)
            self._inside_long_line = not ended
            self._rest = b""
            self._pass(piece)
        return lines, starts

    def _next_piece(self, most: int) -> bytes:
        try:
            return self._file.readline(most)
        except _DAMAGE:
            self.damaged = True
            return b""

    def _pass(self, piece: bytes) -> None:
        self._offset += len(piece)
        if len(self._head) < HEAD:
            self._head += piece[: HEAD - len(self._head)]
            if self.began is None:
                self.began = first_second(self._head)

    def take_rest(self) -> tuple[list[bytes], list[int]]:
        """Return the unfinished last line, for when nobody will finish it."""
        rest, start, self._rest = self._rest, self._offset, b""
        self._pass(rest)
        return ([rest], [start]) if rest else ([], [])

    def close(self) -> None:
        self._raw.close()


class QueueLogReader:
    """Hands on what is appended to one log, over rotation, truncation, absence and restarts.

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
    ) -> None:
        """Go on from ``position``, or without one from the ``start`` of the log that is there now.

        ``pseudonyms`` seal what a position holds of the log's content.
        """
        self._path = path
        self._pseudonyms = pseudonyms
        self._position = position
        self._start: Start = start
        self._clock = clock
        self._batch_lines = batch_lines
        self._log: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind(log=path.name)
        self._tail: _Tail | None = None
        self._seen: FileState | None = None
        self._passed_over: set[str] = set()
        self._one_look_at_a_time = Lock()

    @property
    def seen(self) -> FileState | None:
        """What the last look showed; ``None`` before the first."""
        return self._seen

    async def batches(self, stop: asyncio.Event) -> AsyncGenerator[Lines, None]:
        """Yield what is there and then what comes, until ``stop``.

        No line is yielded twice. Trouble with the file is logged once, shows in ``seen`` and is tried
        again; nothing is raised for it.
        """
        woken, quiet = asyncio.Event(), asyncio.Event()
        wakers = [asyncio.create_task(_pass_on(stop, woken)), asyncio.create_task(self._watch(woken, quiet))]
        try:
            while not stop.is_set():
                woken.clear()
                lines = await asyncio.to_thread(self.look)
                if lines is not None:
                    yield lines
                else:
                    await _wait(woken, POLL)
        finally:
            await Shield().run(self._end(wakers, quiet))

    async def _end(self, wakers: Sequence[asyncio.Task[None]], quiet: asyncio.Event) -> None:
        quiet.set()  # the watcher ends by itself; cancelled, it would leave its thread behind
        wakers[0].cancel()
        await asyncio.wait(wakers)
        await asyncio.to_thread(self.close)  # which waits for a look that is under way

    def look(self) -> Lines | None:
        """Look once and return the next lines, or ``None`` when there are none. Blocks while it reads."""
        with self._one_look_at_a_time:
            try:
                present = self._present()
                lines = self._next_lines(present)
            except OSError as error:
                # What was read but not handed on is read again: self._position has not moved.
                self._note(exists=True, problem=error.strerror or type(error).__name__)
                self._drop_tail()
                return None
            self._note(exists=present is not None, problem=None)
            if lines is not None:
                self._position = lines.position
            return lines

    def close(self) -> None:
        """Close the file. A later look would go on where the last one ended."""
        with self._one_look_at_a_time:
            self._drop_tail()

    async def _watch(self, woken: asyncio.Event, quiet: asyncio.Event) -> None:
        """Wake the reader at every change of a file of this log, where the system tells of them."""
        while not quiet.is_set():
            try:
                async for _ in awatch(
                    *self._folders(),
                    watch_filter=self._is_ours,
                    debounce=2 * WATCH_STEP_MS,
                    step=WATCH_STEP_MS,
                    stop_event=quiet,
                    recursive=False,
                ):
                    woken.set()
            except FileNotFoundError:
                await _wait(quiet, POLL)
            except (OSError, RuntimeError) as error:  # out of watches; trouble inside the watcher
                self._log.warning("queue_log.polling", why=type(error).__name__, every_s=POLL.total_seconds())
                return

    def _folders(self) -> set[Path]:
        return {self._path.parent, self._path.resolve().parent}

    def _is_ours(self, _change: Change, path: str) -> bool:
        return Path(path).name.startswith(self._path.name)

    def _next_lines(self, present: tuple[int, int] | None) -> Lines | None:
        """Return the next lines, or ``None`` while there are none.

        ``present`` tells which file bore the log's name before this look: one that was left by then
        is read to its end.
        """
        if self._tail is not None and self._tail.truncated():
            self._log.warning("queue_log.truncated")
            self._drop_tail()  # from self._position its copy is found, and whatever came after that
        if self._tail is None:
            if self._position is None and self._start == "end":
                return self._start_at_end()
            self._tail = self._open()
        while (tail := self._tail) is not None:
            lines, starts = tail.read(self._batch_lines)
            if not lines and present != (tail.device, tail.inode):
                lines, starts = self._leave(tail)
            if lines:
                return Lines(tuple(lines), tuple(starts), tail.position)
            if self._tail is tail:
                return None
        return None

    def _leave(self, tail: _Tail) -> tuple[list[bytes], list[int]]:
        """Go over to the file after this one, if there is one; return what this one still had to say."""
        successor = self._successor(tail)
        if successor is None:
            return [], []
        # Once more: what was written after the last look and before the successor was there.
        lines, starts = tail.read(self._batch_lines)
        if lines:
            successor.close()
            return lines, starts
        if tail.damaged:
            self._log.warning("queue_log.damaged_archive", file=tail.path.name)
        lines, starts = tail.take_rest()
        self._log.info("queue_log.rotated", to=successor.path.name)
        tail.close()
        self._tail = successor
        return lines, starts

    def _present(self) -> tuple[int, int] | None:
        """Device and inode of the log that is there now."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino

    def _start_at_end(self) -> Lines:
        """Begin behind what is there. The position is worth keeping at once: a restart must not move it."""
        try:
            self._tail = _Tail(self._path, self._pseudonyms)
        except FileNotFoundError:
            return Lines((), (), NOWHERE)
        self._tail.go_to_end()
        return Lines((), (), self._tail.position)

    def _open(self) -> _Tail | None:
        if self._position is not None:
            return self._resume(self._position)
        try:
            return _Tail(self._path, self._pseudonyms)
        except FileNotFoundError:
            return None

    def _resume(self, position: Position) -> _Tail | None:
        """Find the file of ``position``, by its beginning rather than its name, and go on in it.

        Where it is gone: the oldest that is younger, else what is there now.
        """
        own = (position.device, position.inode)

        def same(tails: list[_Tail]) -> _Tail | None:
            copies = [tail for tail in tails if tail.is_where(position)]
            return min(copies, key=lambda t: ((t.device, t.inode) != own, t.packed, -t.size), default=None)

        def younger(tails: list[_Tail]) -> _Tail | None:
            return next((t for t in tails if t.path == self._path or t.began_after(position)), None)

        tail = _keep_one(self._survey(), same)
        if tail is not None:
            tail.go_to(position.offset)
            return tail
        tail = _keep_one(self._survey(), younger)
        if tail is not None and position != NOWHERE:
            self._log.warning("queue_log.gone", began=position.began, lost="what followed the last line read")
        return tail

    def _successor(self, left: _Tail) -> _Tail | None:
        """Return the oldest file that is younger than ``left`` and has something in it.

        An empty one is none: the writer may have it created and still be writing to the old one.
        """
        position, order = left.position, left.order

        def next_one(tails: list[_Tail]) -> _Tail | None:
            later = (t for t in tails if t.path == self._path or t.order > order)
            return next((t for t in later if t.first and not t.is_where(position)), None)

        return _keep_one(self._survey(), next_one)

    def _survey(self) -> list[_Tail]:
        """Open all files of this log: rotated ones as they were begun, plain before packed, then the log."""
        tails = []
        for path in _files_of(self._path):
            try:
                tails.append(_Tail(path, self._pseudonyms))
            except FileNotFoundError:
                continue  # renamed or packed this moment; what wakes us next finds it
            except PermissionError:
                if path == self._path:
                    raise
                if path.name not in self._passed_over:
                    self._passed_over.add(path.name)
                    self._log.warning("queue_log.rotated_file_unreadable", file=path.name)
        return sorted(tails, key=lambda t: (t.path == self._path, t.order[0], t.packed, t.order[1]))

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


def read_lines(path: Path, progress: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """Yield the lines of a whole log, plain or gzip, each with its end, in memory that does not grow.

    ``progress`` is told now and then how many bytes of the file on disk are read. A line longer than
    ``LONGEST_LINE`` is cut there. Raises ``OSError``,
    and ``EOFError`` or ``zlib.error`` for a damaged archive.
    """
    with path.open("rb") as raw:
        file = _unpacked(raw)
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


def in_time_order(paths: Iterable[Path]) -> list[Path]:
    """Return the files by the time of their first record; those without one last, as they were given.

    Names do not tell: with one way of rotating ``.1`` is the newest, with another ``.0`` is the oldest.
    Raises ``OSError``.
    """
    begun = {path: _began(path) for path in paths}
    return sorted(begun, key=lambda path: (begun[path] is None, begun[path] or 0))


def _began(path: Path) -> int | None:
    with path.open("rb") as raw:
        return first_second(_beginning(raw, _unpacked(raw)))


def _files_of(log: Path) -> list[Path]:
    """The log and what rotation made of it: ``queue_log.1``, ``queue_log-20240312.gz``, …"""
    try:
        found = [path for path in log.parent.iterdir() if path.name.startswith(log.name)]
    except FileNotFoundError:
        return []
    return [path for path in found if path.suffix not in _NOT_A_LOG and path.is_file()]


def _unpacked(raw: BufferedReader) -> BufferedReader | gzip.GzipFile:
    """The file itself, or what a gzip file holds, by its first bytes rather than its name."""
    packed = raw.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw) if packed else raw


def _beginning(raw: BufferedReader, file: BufferedReader | gzip.GzipFile) -> bytes:
    """The first ``PREVIEW`` bytes of what a file holds; it stands at its beginning before and after."""
    if file is raw:
        return os.pread(raw.fileno(), PREVIEW, 0)
    first = b""
    with suppress(*_DAMAGE):
        while len(first) < PREVIEW and (piece := file.read1(PREVIEW - len(first))):
            first += piece
    file.seek(0)
    return first


def _keep_one(tails: list[_Tail], choose: Callable[[list[_Tail]], _Tail | None]) -> _Tail | None:
    """Return the chosen one and close all others."""
    chosen = None
    try:
        chosen = choose(tails)
    finally:
        for tail in tails:
            if tail is not chosen:
                tail.close()
    return chosen


async def _pass_on(stop: asyncio.Event, woken: asyncio.Event) -> None:
    await stop.wait()
    woken.set()


async def _wait(for_this: asyncio.Event, at_most: timedelta) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(at_most.total_seconds()):
            await for_this.wait()
