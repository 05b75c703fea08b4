"""The files of one log: what each begins with, how far it was handed on, and how it is known again.

A log is many files: the one that is written to, those that rotation put aside, copies of either. A name or
an inode does not tell which is which; what a file begins with, and what stands before the place that was
read, does.
"""

from __future__ import annotations

import errno
import gzip
import os
import re
import stat
import zlib
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from typing import Annotated, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from services.ingest.pseudonyms import Pseudonyms
from services.ingest.sources.queue_log.translate import LinePlace, first_second

LONGEST_LINE: Final = 64 * 1024
"""Bytes of a line that are handed on; the rest of it is passed over. Real lines have 200 at most."""

HEAD: Final = 256
"""Bytes at the beginning, and before a mark, by which a file is known again: four lines, with their times."""

PREVIEW: Final = 64 * 1024
"""Bytes at the beginning in which the first record is looked for."""

FIRST_PAGE: Final = 4096
"""Bytes in which it mostly stands: thousands of old files are looked at."""

MARKS: Final = 16
"""Line ends before the last one that are all remembered: what a power failure takes away is seldom more."""

SEARCHED: Final = 64 * 1024 * 1024
"""Bytes of an unknown file in which the place that was read is looked for; takes two seconds."""

MARK_SIGNS: Final = 16
"""Signs of a mark's hash: 64 bits, against chance and not against an enemy."""

LISTINGS: Final = 50
"""How often a directory in which files are renamed all the time is listed before we look again later."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
DAMAGE: Final = (EOFError, zlib.error, gzip.BadGzipFile)
"""What a damaged archive raises where it ends."""

_ROTATED: Final = re.compile(r"(?:\.|[-_]?\d).*", re.DOTALL)
"""What rotation puts behind a log's name: ``.1``, ``-20240312.gz``, ``.old``. With a dash and a word it is
another exchange's log."""

_NOT_A_LOG: Final = frozenset({".bz2", ".xz", ".zst", ".zip", ".tmp", ".swp"})
"""Names that begin like the log and that nobody can read line by line."""

Place = tuple[int, int]
"""Device and inode."""


class Mark(NamedTuple):
    """A place in a file that was read, and what stood before it."""

    offset: int
    before: str
    """Keyed hash of the last bytes before it, ``HEAD`` at most."""


class FilePosition(BaseModel):
    """How far one file was handed on, in a way that survives renaming, compressing, copying and replacing."""

    model_config = ConfigDict(frozen=True)

    device: int
    inode: int
    offset: Annotated[int, Field(ge=0)]
    """Bytes handed on, uncompressed."""
    head_length: Annotated[int, Field(ge=0, le=HEAD)] = 0
    head: str = ""
    """Keyed hash of the first ``head_length`` bytes, which hold callers' numbers."""
    line: str = ""
    """Keyed hash of the first line, as far as it is in the head: a copy of less is known by it. None from a
    release before."""
    sealed_by: str = ""
    """The name of the key of these hashes, and of those in ``marks``."""
    began: int | None = None
    """Epoch second of the file's first record: which rotated files are younger."""
    marks: tuple[Mark, ...] = ()
    """Places up to ``offset``, ascending, by which it is seen whether a file still is what was read. None
    from a release before."""
    lines: Annotated[int, Field(ge=0)] | None = None
    """How many lines stand before ``offset``, where that is known: not from a release before."""

    @property
    def place(self) -> Place:
        return self.device, self.inode


@dataclass(frozen=True)
class FoundFile:
    """A file of the log as it was found."""

    path: Path
    place: Place
    size: int
    """Bytes on disk."""
    written_ns: int
    """When it was last written to."""
    packed: bool
    head: bytes
    """Its first bytes; none while its first line is not finished."""
    began: int | None

    @property
    def state(self) -> tuple[int, int]:
        """What changes when somebody writes to it."""
        return self.size, self.written_ns

    @property
    def order(self) -> tuple[float, bool, int]:
        """As they were begun, plain before packed, the longest copy first."""
        return (self.written_ns / 1e9 if self.began is None else self.began, self.packed, -self.size)

    def is_where(self, position: FilePosition, pseudonyms: Pseudonyms) -> bool:
        """Whether this is the file of ``position``, or a copy of it, be it a shorter one.

        A position of before the key was replaced is known by its first record, and one of an empty file
        by its place.
        """
        both_began = self.began is not None and position.began is not None
        if both_began and self.began != position.began:
            return False
        if not position.head_length or position.sealed_by != pseudonyms.key_name:
            return both_began or self.place == position.place
        if len(self.head) < position.head_length:
            return both_began and position.line in {"", pseudonyms.seal(_first_line(self.head))}
        return pseudonyms.seal(self.head[: position.head_length]) == position.head


class Catalogue:
    """Finds the files of one log. What has not changed since is not opened again."""

    def __init__(self, log: Path, unreadable: Callable[[str], None]) -> None:
        """``unreadable`` is told the name of each rotated file that cannot be read, each time."""
        self._log = log
        self._unreadable = unreadable
        self._known: dict[Place, FoundFile] = {}

    def files(self) -> list[FoundFile]:
        """Return all files as they are at one moment: as they were begun, and the log itself last.

        Opened first, then compared with what is listed, again until both agree: in between they may be
        renamed. Raises ``OSError``, also where they are renamed all the time.
        """
        listed = _listed(self._log)
        for _ in range(LISTINGS):
            self._known = {
                place: file
                for place, (path, state) in listed.items()
                if (file := self._find(path, state, place))
            }
            again = _listed(self._log)
            if _names(again) == _names(listed) and all(p == f.place for p, f in self._known.items()):
                return sorted(self._known.values(), key=lambda file: (file.path == self._log, file.order))
            listed = again
        raise OSError(errno.EAGAIN, "its files are renamed all the time")

    def _find(self, path: Path, state: tuple[int, int], place: Place) -> FoundFile | None:
        known = self._known.get(place)
        if known is not None and known.state == state:
            return replace(known, path=path)
        try:
            with open_regular(path) as raw:
                return _found(path, raw, unpacked(raw))
        except FileNotFoundError:
            return None  # renamed or packed this moment
        except OSError:
            if path == self._log:
                raise
            self._unreadable(path.name)
            return None


def _names(listed: dict[Place, tuple[Path, tuple[int, int]]]) -> dict[Place, Path]:
    return {place: path for place, (path, _) in listed.items()}


def _found(path: Path, raw: BufferedReader, file: BufferedReader | gzip.GzipFile) -> FoundFile:
    status = os.fstat(raw.fileno())
    first = beginning(raw, file)
    return FoundFile(
        path=path,
        place=(status.st_dev, status.st_ino),
        size=status.st_size,
        written_ns=status.st_mtime_ns,
        packed=file is not raw,
        head=first[:HEAD],
        began=first_second(first),
    )


def _listed(log: Path) -> dict[Place, tuple[Path, tuple[int, int]]]:
    """The log and what rotation made of it: ``queue_log.1``, ``queue_log-20240312.gz``, …, by place."""
    paths = [path for name in {log, log.resolve()} for path in _beside(name)]
    listed: dict[Place, tuple[Path, tuple[int, int]]] = {}
    for path in [*paths, log]:  # its own name last: of two names of one file it stands
        with suppress(FileNotFoundError, PermissionError):
            status = path.stat()
            if stat.S_ISREG(status.st_mode):
                listed[status.st_dev, status.st_ino] = (path, (status.st_size, status.st_mtime_ns))
    return listed


def _beside(log: Path) -> list[Path]:
    """What rotation made of a log, where it really lies."""
    with suppress(FileNotFoundError):
        return [
            path
            for path in log.parent.iterdir()
            if path.name.startswith(log.name)
            and _ROTATED.fullmatch(path.name[len(log.name) :])
            and path.suffix not in _NOT_A_LOG
        ]
    return []


def place_of(path: Path) -> Place | None:
    """Return where the file of that name is; ``None`` without one. Raises ``OSError`` for what is no file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    _refuse_irregular(status.st_mode)
    return status.st_dev, status.st_ino


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading. Raises ``OSError``; for a FIFO or a device too, and never waits for one."""
    raw = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _refuse_irregular(os.fstat(raw).st_mode)
    except OSError:
        os.close(raw)
        raise
    return os.fdopen(raw, "rb")


def _refuse_irregular(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "Not a regular file")


class LogFile:
    """One open file of a log and how far it was handed on."""

    def __init__(self, path: Path, pseudonyms: Pseudonyms) -> None:
        """Raises ``OSError``."""
        self.path = path
        self.ends = False
        """Whether an unfinished last line is handed on: nobody will finish it."""
        self.damaged = False
        self._pseudonyms = pseudonyms
        self._raw = open_regular(path)
        try:
            self._file = unpacked(self._raw)
            self._found = _found(path, self._raw, self._file)
        except OSError:
            self._raw.close()
            raise
        self.place = self._found.place
        self._began = self._found.began
        self._offset = 0
        self._lines: int | None = 0
        """How many lines stand before it."""
        self._read_before = 0
        self._head = b""
        self._last = b""
        self._rest = b""
        self._inside_long_line = False
        self._marks: tuple[Mark, ...] = ()
        self._ends_of_lines: deque[tuple[int, bytes]] = deque(maxlen=MARKS)
        """Those since the last mark, with what stood before each."""

    @property
    def state(self) -> tuple[int, int]:
        """What changes when somebody writes to it."""
        status = os.fstat(self._raw.fileno())
        return status.st_size, status.st_mtime_ns

    @property
    def is_read_again(self) -> bool:
        """Whether what comes next was perhaps handed on: the file was cut, or went on otherwise."""
        return self._offset < self._read_before

    @property
    def unfinished(self) -> bool:
        """Whether it ends in the middle of a line."""
        return bool(self._rest)

    def position(self) -> FilePosition:
        """Return how far it was handed on."""
        seal = self._pseudonyms.seal
        new = [Mark(offset, seal(before)[:MARK_SIGNS]) for offset, before in self._ends_of_lines]
        self._marks = thinned([*self._marks, *new])
        self._ends_of_lines.clear()
        head = self._head if self._offset else self._found.head
        device, inode = self.place
        return FilePosition(
            device=device,
            inode=inode,
            offset=self._offset,
            head_length=len(head),
            head=seal(head) if head else "",
            line=seal(_first_line(head)) if head else "",
            sealed_by=self._pseudonyms.key_name,
            began=self._began,
            marks=self._marks,
            lines=self._lines,
        )

    def replaced(self) -> bool:
        """Whether what was read is no longer there: emptied, cut, or written anew."""
        if self._file is not self._raw:
            return False
        number, read_to = self._raw.fileno(), self._offset + len(self._rest)
        before = self._last + self._rest
        return (
            self.state[0] < read_to
            or os.pread(number, len(self._head), 0) != self._head
            or os.pread(number, len(before), read_to - len(before)) != before
        )

    def reaches(self, offset: int) -> bool:
        """Whether it has so many bytes that can be read."""
        if self._file is self._raw:
            return self.state[0] >= offset
        try:
            return self._file.seek(offset) == offset
        except DAMAGE:
            self.damaged = True
            return False

    def go_on(self, position: FilePosition) -> bool:
        """Go on where what was read ends: at ``position``, if it stands before it, else at the last mark
        before which it does, else at the beginning. Returns whether nothing is read again."""
        self._read_before = position.offset
        marks = position.marks if position.sealed_by == self._pseudonyms.key_name else ()
        if not marks:
            self._go_to(min(position.offset, self.state[0]) if self._file is self._raw else position.offset)
            return True
        for number in range(len(marks), 0, -1):
            offset, before = marks[number - 1]
            last = self._before(offset)
            if last is not None and self._pseudonyms.seal(last)[:MARK_SIGNS] == before:
                self._go_to(offset)
                self._marks = marks[:number]
                self._ends_of_lines.clear()
                if offset == position.offset:
                    self._lines = position.lines
                return offset == position.offset
        self._go_to(0)
        return not position.offset

    def pass_over(self, marks: Collection[Mark]) -> None:
        """Go behind the last place before which stands what stands before one of the ``marks``: what a log
        whose beginning was cut off still has of what was read."""
        lengths: dict[int, set[str]] = {}
        for offset, before in marks:
            lengths.setdefault(min(HEAD, offset), set()).add(before)
        last, offset, known = b"", 0, 0
        with suppress(*DAMAGE):
            while lengths and offset < SEARCHED and (piece := self._file.readline(LONGEST_LINE)):
                last, offset = (last + piece)[-HEAD:], offset + len(piece)
                for length, hashes in lengths.items():
                    if len(last) >= length and self._pseudonyms.seal(last[-length:])[:MARK_SIGNS] in hashes:
                        known = offset
        self._go_to(known)

    def go_to_end(self) -> None:
        """Go behind the last complete line."""
        size = self.state[0]
        from_byte = max(0, size - LONGEST_LINE)
        end = os.pread(self._raw.fileno(), size - from_byte, from_byte)
        self._go_to(from_byte + end.rfind(b"\n") + 1 if b"\n" in end or not from_byte else size)

    def _go_to(self, offset: int) -> None:
        """Go there; a longer line that is cut there is passed over."""
        self._last = self._before(offset) or b""
        self._offset = offset
        self._lines = None if offset else 0
        self._head = self._found.head[: min(HEAD, offset)]
        self._inside_long_line = bool(self._last) and not self._last.endswith(b"\n")
        if self._last:
            self._ends_of_lines.append((offset, self._last))
        self._file.seek(offset)

    def _before(self, offset: int) -> bytes | None:
        """The last bytes before ``offset``; ``None`` where it is shorter, or damaged."""
        length = min(HEAD, offset)
        try:
            self._file.seek(offset - length)
            last = self._file.read(length)
        except DAMAGE:
            self.damaged = True
            return None
        return last if len(last) == length else None

    def read(self, most: int) -> tuple[list[bytes], list[LinePlace]]:
        """Return the complete lines that follow and where they start."""
        lines: list[bytes] = []
        starts: list[LinePlace] = []
        while len(lines) < most:
            piece = self._rest + self._next_piece(LONGEST_LINE - len(self._rest))
            ended = piece.endswith(b"\n")
            if not ended and len(piece) < LONGEST_LINE and not (self._inside_long_line or self.ends):
                self._rest = piece
                break
            if not piece:
                break
            if not self._inside_long_line:
                lines.append(piece)
                number = None if self._lines is None else self._lines + 1
                starts.append(LinePlace(self._offset, str(self.path), number))
            if self._lines is not None and (ended or self.ends):
                self._lines += 1
            self._inside_long_line = not (ended or self.ends)
            self._rest = b""
            self._pass(piece)
        return lines, starts

    def _next_piece(self, most: int) -> bytes:
        try:
            return self._file.readline(most)
        except DAMAGE:
            self.damaged = True
            return b""

    def _pass(self, piece: bytes) -> None:
        if len(self._head) == self._offset < HEAD:
            self._head += piece[: HEAD - self._offset]
            if self._began is None:
                self._began = first_second(self._head)
        self._offset += len(piece)
        self._last = (self._last + piece)[-HEAD:]
        self._ends_of_lines.append((self._offset, self._last))

    def close(self) -> None:
        self._raw.close()


def thinned(marks: Sequence[Mark]) -> tuple[Mark, ...]:
    """Return the last ``MARKS`` of them, and of those before one in each doubling of the distance."""
    kept = list(marks[-MARKS:])
    doublings: set[int] = set()
    older = []
    for mark in marks[:-MARKS]:
        doubling = (marks[-1].offset - mark.offset).bit_length()
        if doubling not in doublings:
            doublings.add(doubling)
            older.append(mark)
    return (*older, *kept)


def unpacked(raw: BufferedReader) -> BufferedReader | gzip.GzipFile:
    """The file itself, or what a gzip file holds, by its first bytes rather than its name."""
    packed = raw.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw) if packed else raw


def beginning(raw: BufferedReader, file: BufferedReader | gzip.GzipFile) -> bytes:
    """The first bytes of what a file holds, up to its first record, in whole lines, or in ``PREVIEW``.

    It stands at its beginning before and after.
    """
    first = b""
    for most in (FIRST_PAGE, PREVIEW):
        first = os.pread(raw.fileno(), most, 0) if file is raw else _first_unpacked(file, most)
        if len(first) < most or first_second(_whole_lines(first)) is not None:
            break
    return first if len(first) == PREVIEW else _whole_lines(first)


def _first_line(head: bytes) -> bytes:
    return head[: head.find(b"\n") + 1] or head


def _whole_lines(text: bytes) -> bytes:
    return text[: text.rfind(b"\n") + 1]


def _first_unpacked(file: BufferedReader | gzip.GzipFile, most: int) -> bytes:
    first = b""
    with suppress(*DAMAGE):
        while len(first) < most and (piece := file.read1(most - len(first))):
            first += piece
    file.seek(0)
    return first
