"""Every line of a queue_log is handed on once, in order, whatever rotation and restarts do."""

from __future__ import annotations

import asyncio
import errno
import gzip
import os
import shutil
import threading
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from itertools import accumulate
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from services.ingest.sources.queue_log import files
from services.ingest.sources.queue_log import reader as source
from services.ingest.sources.queue_log.files import LONGEST_LINE, FoundFile, LogFile, Mark, thinned
from services.ingest.sources.queue_log.reader import (
    COPYING,
    UNFINISHED,
    Checkpoint,
    Lines,
    Position,
    QueueLogReader,
    Start,
    read_lines,
)
from services.ingest.sources.queue_log.translate import (
    LinePlace,
    QueueLogTranslator,
    SkippedLine,
    TranslatorRules,
    TranslatorState,
)
from shared.contract.events import Event, Outcome
from shared.process.shutdown import cancel
from tests.support.eventually import WITHIN, eventually_async
from tests.support.ingest_desk import PSEUDONYMS
from tests.support.thorough import examples

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
KNOWN_TRUTHS = Path(__file__).resolve().parents[4] / ".." / "shared" / "data"


def line(number: int) -> bytes:
    return (
        f"{1_710_223_067 + number}|{1_710_223_067 + number}.{number}|onthaal|NONE|ENTERQUEUE|||1\n".encode()
    )


def lines(first: int, behind: int) -> list[bytes]:
    return [line(number) for number in range(first, behind)]


def write(path: Path, *what: bytes) -> None:
    with path.open("ab") as file:
        file.writelines(what)


def a_follower(
    path: Path,
    position: Position | None = None,
    start: Start = "beginning",
    batch_lines: int = 500,
    steady: Callable[[], float] = time.monotonic,
    started: float = inf,
) -> QueueLogReader:
    """A follower of a process that was ``started`` then: by default, after all that was done to files."""
    return QueueLogReader(
        path, position, start, PSEUDONYMS, lambda: NOW, batch_lines, steady, lambda: started
    )


class Steady:
    """A steady clock that a test moves on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def settle(self, given: timedelta = COPYING) -> None:
        """Let pass what a copy under way is given."""
        self.seconds += given.total_seconds()


def look_until_quiet(follower: QueueLogReader) -> list[bytes]:
    """All lines that are there now; each is told where it stands, in whatever file of the log."""
    found: list[bytes] = []
    while (batch := follower.look()) is not None:
        found.extend(batch.lines)
        for text, place in zip(batch.lines, batch.places, strict=True):
            assert place.number is None or _stands(text, place)
    return found


def _stands(text: bytes, place: LinePlace) -> bool:
    """Whether a line is where it is said to be; the file may have got another name meanwhile."""
    numbered = (_line_of(file, place) for file in Path(place.file).parent.iterdir())
    return any(there is not None and there.startswith(text[:100]) for there in numbered)


def _line_of(file: Path, place: LinePlace) -> bytes | None:
    """Return what stands at a number of a file, where that is the byte that is said, too."""
    if place.number is None or not file.is_file():
        return None
    content = file.read_bytes()
    if file.suffix == ".gz":  # perhaps a damaged one
        content = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(content)
    split = content.split(b"\n")[: place.number]
    byte = sum(len(one) + 1 for one in split[:-1])
    return split[-1] + b"\n" if len(split) == place.number and byte == place.byte else None


@pytest.fixture
def follow() -> Iterator[Callable[..., QueueLogReader]]:
    """Makes followers and closes them after the test."""
    with ExitStack() as afterwards:

        def make(*args: Any, **kwargs: Any) -> QueueLogReader:
            follower = a_follower(*args, **kwargs)
            afterwards.callback(follower.close)
            return follower

        yield make


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "queue_log"


@pytest.fixture
def read(log: Path, follow: Callable[[Path], QueueLogReader]) -> Callable[[int], QueueLogReader]:
    """Writes the first lines and reads them."""

    def begun(count: int) -> QueueLogReader:
        write(log, *lines(0, count))
        follower = follow(log)
        look_until_quiet(follower)
        return follower

    return begun


def truncated(log: Path, name: str = "queue_log.1") -> None:
    """Copied to that name, and emptied."""
    shutil.copy(log, log.with_name(name))
    os.truncate(log, 0)


def renamed(log: Path, name: str = "queue_log.1") -> Path:
    return log.rename(log.with_name(name))


def packed(path: Path) -> Path:
    to = path.with_name(path.name + ".gz")
    with path.open("rb") as plain, gzip.open(to, "wb") as archive:
        shutil.copyfileobj(plain, archive)
    path.unlink()
    return to


# --- live ----------------------------------------------------------------------------------------


def test_what_is_there_and_what_comes(log, follow):
    write(log, *lines(0, 3))
    follower = follow(log)
    assert look_until_quiet(follower) == lines(0, 3)
    write(log, line(3))
    assert look_until_quiet(follower) == [line(3)]
    assert look_until_quiet(follower) == []


def test_batches_are_small_and_say_where_each_line_begins(log, follow):
    write(log, *lines(0, 5))
    follower = follow(log, batch_lines=2)
    batches = [follower.look() for _ in range(4)][1:]
    assert [len(batch.lines) for batch in batches if batch] == [2, 2, 1]
    length = len(line(0))
    assert [place for batch in batches if batch for place in batch.places] == [
        LinePlace(number * length, str(log), number + 1) for number in range(5)
    ]


def test_lines_are_numbered_on_after_a_restart_and_anew_in_the_next_file(log, follow):
    write(log, *lines(0, 3))
    (_, first) = [(begun := follow(log)).look(), begun.look()]
    write(log, b"x" * (3 * LONGEST_LINE) + b"\n", line(4))
    (again,) = [follow(log, first.position).look()]
    assert [place.number for place in again.places] == [4, 5]
    before = first.position.model_copy(update={"lines": None})  # of a release that did not count them
    assert [place.number for place in follow(log, before).look().places] == [None, None]
    renamed(log)
    write(log, line(5))
    (anew,) = [follow(log, before).look() and follow(log, again.position).look()]
    assert [place.number for place in anew.places] == [1]


def test_a_line_is_waited_for_until_it_is_finished(log, follow):
    write(log, line(0), line(1)[:20])
    follower = follow(log)
    assert look_until_quiet(follower) == [line(0)]
    write(log, line(1)[20:30])
    assert look_until_quiet(follower) == []
    write(log, line(1)[30:], line(2))
    assert look_until_quiet(follower) == lines(1, 3)


def test_from_the_end_means_only_what_comes_after_the_first_look(log, follow):
    write(log, *lines(0, 3), line(3)[:10])
    first = follow(log, start="end").look()
    assert first is not None
    assert first.lines == ()
    write(log, line(3)[10:], line(4))
    # Even when the process dies before a line came, the first look decides.
    assert look_until_quiet(follow(log, first.position, start="end")) == lines(3, 5)


def test_from_the_end_of_a_log_that_is_not_there_yet_is_all_of_it(log, follow):
    first = follow(log, start="end").look()
    assert first is not None
    write(log, *lines(0, 2))
    assert look_until_quiet(follow(log, first.position, start="end")) == lines(0, 2)


def test_between_renaming_and_reopening_the_writer_is_followed(log, follow):
    with log.open("ab") as writer:
        writer.write(line(0))
        writer.flush()
        follower = follow(log)
        assert look_until_quiet(follower) == [line(0)]
        renamed(log)
        writer.write(line(1))
        writer.flush()
        assert look_until_quiet(follower) == [line(1)]
        log.touch()  # logrotate "create": there, but nobody writes to it yet
        assert look_until_quiet(follower) == []
        writer.write(line(2))
        writer.flush()
        assert look_until_quiet(follower) == [line(2)]
    write(log, line(3))
    assert look_until_quiet(follower) == [line(3)]


def test_last_words_written_while_we_look_for_the_next_file(log, read, monkeypatch):
    follower = read(1)
    old, opened = renamed(log), QueueLogReader._opened
    write(log, line(2))

    def opened_a_moment_later(self: QueueLogReader, found: FoundFile) -> LogFile | None:
        if old.stat().st_size == len(line(0)):
            write(old, line(1))
        return opened(self, found)

    monkeypatch.setattr(QueueLogReader, "_opened", opened_a_moment_later)
    assert look_until_quiet(follower) == lines(1, 3)


def test_an_unfinished_last_line_of_a_rotated_file_is_handed_on_as_it_is_once_nobody_goes_on_with_it(
    log, follow
):
    write(log, line(0), b"1710223068|broken")
    steady = Steady()
    follower = follow(log, steady=steady)
    look_until_quiet(follower)
    renamed(log)
    write(log, line(2))
    assert look_until_quiet(follower) == [line(2)]
    steady.settle(UNFINISHED)
    assert look_until_quiet(follower) == [b"1710223068|broken"]
    steady.settle(UNFINISHED)
    assert look_until_quiet(follower) == []
    write(log, line(3))
    assert look_until_quiet(follower) == [line(3)]


@pytest.mark.parametrize("down", [False, True])
def test_cut_at_its_end_as_after_a_power_failure_it_goes_on_there(log, follow, down):
    write(log, *lines(0, 10))
    steady = Steady()
    follower = follow(log, at_line(log, 10), steady=steady)
    if not down:
        follower.look()
    os.truncate(log, 8 * len(line(0)))
    assert follower.look() is None
    write(log, line(10))
    assert look_until_quiet(follower) == []  # it may be a copy of all ten that is under way
    steady.settle()
    assert look_until_quiet(follower) == [line(10)]


def test_the_longest_copy_is_the_right_one(log, read):
    follower = read(2)
    shutil.copy(log, log.with_name("queue_log.bak"))
    write(log, line(2))
    truncated(log)
    write(log, line(3))
    assert look_until_quiet(follower) == lines(2, 4)


def test_what_was_read_when_the_disk_failed_is_read_again(log, follow, monkeypatch):
    write(log, *lines(0, 5))
    pieces, next_piece = iter(range(100)), LogFile._next_piece

    def fail_once(tail: LogFile, most: int) -> bytes:
        if next(pieces) == 3:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return next_piece(tail, most)

    monkeypatch.setattr(LogFile, "_next_piece", fail_once)
    follower = follow(log)
    follower.look()
    assert follower.look() is None
    assert follower.seen is not None
    assert follower.seen.problem == "Stale file handle"
    assert look_until_quiet(follower) == lines(0, 5)
    assert follower.seen.problem is None


def test_emptied_without_a_copy(log, read):
    follower = read(3)
    os.truncate(log, 0)
    write(log, line(3))
    with capture_logs() as said:
        assert look_until_quiet(follower) == [line(3)]
    assert {entry["event"] for entry in said} >= {"queue_log.gone"}


def test_gone_for_a_while_and_said_once(log, follow):
    with capture_logs() as said:
        follower = follow(log)
        for _ in range(3):
            assert look_until_quiet(follower) == []
    assert [entry["event"] for entry in said] == ["queue_log.absent"]
    assert follower.seen == source.FileState(NOW, exists=False, problem=None)
    write(log, line(0))
    assert look_until_quiet(follower) == [line(0)]
    assert follower.seen == source.FileState(NOW, exists=True, problem=None)


def test_without_its_directory_it_is_absent(tmp_path, follow):
    log = tmp_path / "asterisk" / "queue_log"
    follower = follow(log)
    assert look_until_quiet(follower) == []
    log.parent.mkdir()
    write(log, line(0))
    assert look_until_quiet(follower) == [line(0)]


def test_trouble_with_the_file_is_said_once_and_tried_again(log, follow):
    log.mkdir()  # stands for any OSError; permissions do not stop root
    follower = follow(log)
    with capture_logs() as said:
        assert [follower.look() for _ in range(3)] == [None] * 3
    assert [entry["event"] for entry in said] == ["queue_log.unreadable"]
    assert follower.seen is not None
    assert follower.seen.problem == "Is a directory"
    log.rmdir()
    write(log, line(0))
    assert look_until_quiet(follower) == [line(0)]


@pytest.mark.parametrize("pieces", [1, 3, 40])
def test_a_line_without_end_is_cut_and_costs_no_memory(log, pieces, follow):
    follower = follow(log)
    write(log, line(0))
    found: list[bytes] = look_until_quiet(follower)
    for _ in range(pieces):
        write(log, b"x" * LONGEST_LINE)
        found += look_until_quiet(follower)
    write(log, b"the end\n", line(1))
    found += look_until_quiet(follower)
    assert found == [line(0), b"x" * LONGEST_LINE, line(1)]


# --- restarts ------------------------------------------------------------------------------------


def at_line(log: Path, number: int) -> Position:
    """The position after the first ``number`` lines."""
    follower = a_follower(log, batch_lines=1)
    follower.look()  # which hands on nothing
    position = None
    for _ in range(number):
        batch = follower.look()
        assert batch is not None
        position = batch.position
    follower.close()
    assert position is not None
    return position


def stopped(log: Path, number: int) -> Position:
    """The position of one who stopped after so many of a log's first three lines."""
    write(log, *lines(0, 3))
    return at_line(log, number)


def sequential(log: Path) -> None:
    """Four files, ``.0`` the oldest: as Asterisk rotates with rotatestrategy=sequential."""
    for number in range(3):
        write(log, *lines(3 * number, 3 * number + 3))
        renamed(log, f"queue_log.{number}")
    write(log, *lines(9, 12))


def rename(log: Path) -> None:
    """Four files, ``.1`` the newest: as logrotate does, older ones packed."""
    for number in range(3):
        write(log, *lines(3 * number, 3 * number + 3))
        renamed(log, f"queue_log.{3 - number}")
    packed(log.with_name("queue_log.3"))
    packed(log.with_name("queue_log.2"))
    write(log, *lines(9, 12))


def dated(log: Path) -> None:
    """Four files named by day, the youngest copied and truncated."""
    for number in range(2):
        write(log, *lines(3 * number, 3 * number + 3))
        renamed(log, f"queue_log-2024031{number}")
    write(log, *lines(6, 9))
    truncated(log, "queue_log-20240312")
    write(log, *lines(9, 12))


@pytest.mark.parametrize("rotate", [sequential, rename, dated])
@pytest.mark.parametrize("done", range(1, 4))
def test_rotated_three_times_while_we_were_down(log, rotate, done, follow):
    write(log, *lines(0, 3))
    position = at_line(log, done)
    log.unlink()
    rotate(log)
    assert look_until_quiet(follow(log, position)) == lines(done, 12)


@pytest.mark.parametrize("done", range(4, 12))
def test_a_restart_amid_packed_files(log, done, follow):
    rename(log)
    copy = log.with_name("whole")
    copy.write_bytes(b"".join(lines(0, 12)))
    names = {3: "queue_log.3.gz", 6: "queue_log.2.gz", 9: "queue_log.1", 12: "queue_log"}
    behind = next(last for last in names if done <= last)
    own = log.with_name("own")
    own.write_bytes(b"".join(read_lines(log.with_name(names[behind]))))
    position = at_line(own, done - (behind - 3))
    assert look_until_quiet(follow(log, position)) == lines(done, 12)


def test_a_file_that_is_being_packed_is_read_once(log, follow):
    position = stopped(log, 1)
    old = renamed(log)
    shutil.copy(old, log.with_name("again"))
    packed(log.with_name("again")).rename(log.with_name("queue_log.1.gz"))
    write(log, line(3))
    assert look_until_quiet(follow(log, position)) == lines(1, 4)


def test_where_the_file_is_gone_the_oldest_younger_one_is_next(log, follow):
    position = stopped(log, 1)
    log.unlink()
    sequential(log)
    log.with_name("queue_log.0").unlink()
    with capture_logs() as said:
        assert look_until_quiet(follow(log, position)) == lines(3, 12)
    assert said[0]["event"] == "queue_log.gone"


def test_a_new_log_on_the_same_inode_is_not_taken_for_the_old(log, follow):
    position = stopped(log, 2)
    log.write_bytes(b"".join(lines(3, 9)))
    assert look_until_quiet(follow(log, position)) == lines(3, 9)


def test_a_restored_copy_is_taken_for_the_old(log, follow):
    position = stopped(log, 2)
    shutil.copy(log, log.with_name("restored"))
    log.unlink()
    log.with_name("restored").rename(log)
    assert look_until_quiet(follow(log, position)) == [line(2)]


@pytest.mark.parametrize("missing", [4, 12])
def test_a_damaged_archive_is_read_as_far_as_it_goes(log, follow, missing):
    position = stopped(log, 1)
    archive = packed(renamed(log))
    archive.write_bytes(archive.read_bytes()[:-missing])
    write(log, *lines(3, 5))
    with capture_logs() as said:
        assert look_until_quiet(follow(log, position))[-2:] == lines(3, 5)
    assert "queue_log.damaged_archive" in {entry["event"] for entry in said}


@pytest.mark.parametrize("left", [0, 30, 20_000])
def test_a_position_beyond_what_a_damaged_archive_holds_goes_on_in_the_next_file(log, follow, left):
    write(log, *lines(0, 3000))
    follower = follow(log, batch_lines=2900)
    position = [follower.look() for _ in range(2)][1].position
    archive = packed(renamed(log))
    archive.write_bytes(archive.read_bytes()[:left])
    write(log, *lines(3000, 3002))
    assert look_until_quiet(follow(log, position)) == lines(3000, 3002)


def test_other_files_beside_the_log_are_left_alone(log, follow):
    write(log, *lines(0, 2))
    position = at_line(log, 2)
    for name in ("queue_log.1.bz2", "queue_log.swp", "queue_log-noord", "queue_log_b.1", "messages", "queue"):
        log.with_name(name).write_bytes(line(7))
    log.with_name("queue_log.d").mkdir()
    renamed(log)
    write(log, line(8))
    assert look_until_quiet(follow(log, position)) == [line(8)]


def test_a_rotated_file_that_cannot_be_read_holds_nobody_up(log, follow, monkeypatch):
    follower = follow(log, stopped(log, 2))
    old = renamed(log)
    write(log, line(4))
    open_regular = files.open_regular

    def refused(path: Path) -> BufferedReader:
        if path == old:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return open_regular(path)

    with monkeypatch.context() as rights, capture_logs() as said:
        rights.setattr(files, "open_regular", refused)  # permissions do not stop root
        assert look_until_quiet(follower) == [line(4)]
    assert "queue_log.rotated_file_unreadable" in {entry["event"] for entry in said}
    follower._looked_at = -1e9  # a second passes
    assert look_until_quiet(follower) == [line(2)]


def test_a_checkpoint_tells_no_number():
    checkpoint = Checkpoint(position=Position(device=1, inode=2, offset=3), memory=TranslatorState())
    assert Checkpoint.decode(checkpoint.encode()) == checkpoint


def test_a_position_shows_nothing_of_the_lines(log):
    write(log, b"1710223067|1710223067.1|onthaal|NONE|ENTERQUEUE||0470000000|1\n")
    position = at_line(log, 1)
    assert b"0470000000" not in Checkpoint(position=position).encode()
    # Nor can all numbers be tried against it.
    assert position.head == PSEUDONYMS.seal(log.read_bytes())


@pytest.mark.parametrize("rotated", [False, True])
def test_a_checkpoint_of_the_release_before_is_gone_on_from(log, follow, rotated):
    write(log.with_name("queue_log.2"), *lines(-5, 0))
    write(log, *lines(0, 3))
    status, head = log.stat(), b"".join(lines(0, 2))
    text = (
        f'{{"position":{{"device":{status.st_dev},"inode":{status.st_ino},"offset":{len(head)},'
        f'"head_length":{len(head)},"head":"{PSEUDONYMS.seal(head)}","sealed_by":"{PSEUDONYMS.key_name}",'
        f'"began":1710223067}},"memory":{{"seen":{{"1710223068":{{"0a":1}}}},"entered":{{}},"pseudonyms":{{}}}}}}'
    )
    if rotated:
        packed(renamed(log))
        write(log, *lines(3, 5))
        renamed(log)
    write(log, *lines(5, 7))
    told = [line(2), *(lines(3, 5) if rotated else []), *lines(5, 7)]
    assert look_until_quiet(follow(log, Checkpoint.decode(text.encode()).position)) == told


@pytest.mark.parametrize("before", [{"sealed_by": "another"}, {"sealed_by": ""}], ids=["key", "release"])
def test_a_position_of_another_key_or_of_a_release_without_is_known_by_its_place(log, follow, before):
    position = stopped(log, 2).model_copy(update={**before, "head": "0" * 32})
    assert look_until_quiet(follow(log, position)) == [line(2)]
    renamed(log)
    write(log, *lines(3, 5))
    assert look_until_quiet(follow(log, position)) == lines(2, 5)


def test_another_file_at_the_place_of_an_unknown_position_is_read_from_its_beginning(log, follow):
    position = stopped(log, 2).model_copy(update={"sealed_by": "another"})
    log.write_bytes(b"".join(lines(3, 9)))  # the same inode
    assert look_until_quiet(follow(log, position)) == lines(3, 9)


class World:
    """A writer, a rotator, and a reader that may die at any time and keeps what it committed."""

    def __init__(self, directory: Path) -> None:
        self.log = directory / "queue_log"
        self.writer: BinaryIO = self.log.open("ab", buffering=0)
        self.written: list[bytes] = []
        self.half = b""
        self.rotations = 0
        self.committed: list[bytes] = []
        self.position: Position | None = None
        self.follower = a_follower(self.log, batch_lines=1)

    def write(self) -> None:
        if self.half:
            self.finish()
        self.written.append(line(len(self.written)))
        self.writer.write(self.written[-1])

    def write_half(self) -> None:
        if not self.half:
            self.written.append(line(len(self.written)))
            self.half = self.written[-1][13:]
            self.writer.write(self.written[-1][:13])

    def finish(self) -> None:
        self.writer.write(self.half)
        self.half = b""

    def rename(self) -> None:
        """The writer goes on in the old file until it reopens."""
        if self.log.exists() and self.log.stat().st_size:
            self.rotations += 1
            self.log.rename(self.log.with_name(f"queue_log.{100 - self.rotations}"))

    def create(self) -> None:
        self.log.touch()

    def reopen(self) -> None:
        self.finish()
        self.writer.close()
        self.writer = self.log.open("ab", buffering=0)

    def copy_and_truncate(self) -> None:
        self.reopen()
        if self.log.stat().st_size:
            self.rotations += 1
            truncated(self.log, f"queue_log.{100 - self.rotations}")

    def pack(self) -> None:
        """Pack every rotated file."""
        self.reopen()
        for path in list(self.log.parent.iterdir()):
            if path != self.log and path.suffix != ".gz":
                packed(path)

    def read(self) -> None:
        batch = self.follower.look()
        if batch is not None:
            self.committed.extend(batch.lines)
            self.position = batch.position

    def die_before_commit(self) -> None:
        self.follower.look()
        self.restart()

    def restart(self) -> None:
        self.follower.close()
        position = (
            None if self.position is None else Position.model_validate_json(self.position.model_dump_json())
        )
        self.follower = a_follower(self.log, position, batch_lines=1)

    def end(self) -> None:
        self.reopen()
        self.write()
        while (batch := self.follower.look()) is not None:
            self.committed.extend(batch.lines)
        self.follower.close()
        self.writer.close()


DEEDS: list[Callable[[World], None]] = [
    *(World.write, World.write, World.write, World.write_half, World.read, World.read, World.read),
    *(World.rename, World.create, World.reopen, World.copy_and_truncate, World.pack),
    *(World.restart, World.die_before_commit),
]


ROTATED = [World.write, World.rename, World.reopen, World.write]
EMPTIED = [World.write, World.copy_and_truncate]


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.sampled_from(DEEDS), max_size=60))
@example(ROTATED)  # the old file is finished first
@example([*ROTATED, *ROTATED])  # twice between two looks
@example([*EMPTIED, World.read, World.read, World.write])
@example([*EMPTIED, *[World.write] * 6])  # larger than before
@example([*EMPTIED, World.write_half, World.read, World.read, *EMPTIED])  # twice amid a line
def test_whatever_happens_in_whatever_order_nothing_is_lost_or_doubled(deeds):
    with TemporaryDirectory() as directory:
        world = World(Path(directory))
        # Before the first commit a restart knows of nothing but the log that is there then.
        world.write()
        world.read()
        for deed in deeds:
            deed(world)
        world.end()
        assert world.committed == world.written


@pytest.mark.skipif(
    not KNOWN_TRUTHS.is_dir(), reason="the data with known truths is not here (../shared/data)"
)
@settings(max_examples=examples(10), deadline=None)
@given(st.lists(st.integers(1, 900), max_size=6))
def test_a_real_log_through_checkpoints_gives_the_same_facts(sizes):
    path = KNOWN_TRUTHS / "asterisk" / "run-a" / "log" / "queue_log"
    rules = TranslatorRules("pbx", "lier", {}, Outcome.LEFT_BY_KEY)

    def events(raw_lines: tuple[bytes, ...], translator: QueueLogTranslator) -> list[Event]:
        said = map(translator.translate, raw_lines)
        return [fact for fact in said if not isinstance(fact, SkippedLine)]

    whole = events(tuple(read_lines(path)), QueueLogTranslator(rules, PSEUDONYMS))
    found: list[Event] = []
    kept: bytes | None = None
    for size in [*sizes, 100_000]:
        checkpoint = None if kept is None else Checkpoint.decode(kept)
        follower = a_follower(path, None if checkpoint is None else checkpoint.position, batch_lines=size)
        translator = QueueLogTranslator(rules, PSEUDONYMS, None if checkpoint is None else checkpoint.memory)
        batch = follower.look()
        if batch is not None and not batch.lines:  # the first look of all
            batch = follower.look()
        follower.close()
        if batch is not None:
            found += events(batch.lines, translator)
            kept = Checkpoint(position=batch.position, memory=translator.memory()).encode()
    assert found == whole


# --- copies --------------------------------------------------------------------------------------


def moved_in(log: Path, *what: bytes) -> None:
    """Another file takes the log's name, as rsync does it."""
    coming = log.with_name(".coming")
    coming.write_bytes(b"".join(what))
    coming.rename(log)


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize(
    ("story", "first", "then", "told"),
    [
        ("a longer copy of itself", 2, lines(0, 4), lines(2, 4)),
        ("the same", 4, lines(0, 4), []),
        ("an older copy", 4, lines(0, 2), []),
        ("an older copy that went on otherwise", 4, [*lines(0, 2), line(7)], [line(7)]),
        ("one that went on otherwise, and is longer", 8, [*lines(0, 6), *lines(9, 15)], lines(9, 15)),
        ("the same without its beginning", 8, lines(3, 8), []),
        ("the same without its beginning, and longer", 8, lines(3, 12), lines(8, 12)),
        ("another file", 2, lines(5, 7), lines(5, 7)),
        ("another and older file", 2, [line(-9), line(-8), line(-7)], [line(-9), line(-8), line(-7)]),
    ],
)
def test_a_log_that_is_replaced_is_read_on_where_its_content_stands(
    log, follow, down, story, first, then, told
):
    write(log, *lines(0, first))
    steady = Steady()
    follower = follow(log, at_line(log, first), steady=steady)
    if not down:
        assert follower.look() is None, story
    moved_in(log, *then)
    found = look_until_quiet(follower)
    steady.settle()
    assert found + look_until_quiet(follower) == told, story
    write(log, line(20))
    assert look_until_quiet(follower) == [line(20)], story


@pytest.mark.parametrize("seen_at", range(0, 7 * len(line(0)), 23))
def test_a_longer_copy_that_is_written_into_the_log_is_waited_for(log, read, seen_at):
    follower = read(4)
    whole = b"".join(lines(0, 6)) + line(6)
    log.write_bytes(whole[:seen_at])
    found = look_until_quiet(follower)
    write(log, whole[seen_at:])
    assert found + look_until_quiet(follower) == lines(4, 7)


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("newest_first", [False, True])
def test_what_a_rotated_file_has_more_is_read_whenever_it_comes(log, follow, down, newest_first, pack):
    write(log, *lines(0, 2), line(2)[:30])
    seen: list[bytes] = []
    follower = follow(log)
    seen += look_until_quiet(follower)
    position = at_line(log, 2)

    def rotated_file_comes() -> None:
        moved_in(log.with_name("queue_log.1"), *lines(0, 4))
        if pack:
            packed(log.with_name("queue_log.1"))

    def new_file_comes() -> None:
        moved_in(log, line(4))

    for come in (
        (new_file_comes, rotated_file_comes) if newest_first else (rotated_file_comes, new_file_comes)
    ):
        come()
        if down:
            follower = follow(log, position)
        while (batch := follower.look()) is not None:
            seen += batch.lines
            position = batch.position
        follower._looked_at = -1e9  # a second passes
        seen += look_until_quiet(follower)
    write(log, line(5))
    assert [*sorted(seen), *look_until_quiet(follower)] == lines(0, 6)


def test_files_that_began_in_the_same_second_are_two(log, follow):
    write(log, *lines(0, 3))
    position = at_line(log, 3)
    renamed(log)
    other = line(0).replace(b".0|", b".7|")
    write(log, other)
    packed(renamed(log, "queue_log.0"))
    write(log, line(4))
    assert look_until_quiet(follow(log, position)) in ([other, line(4)], [line(4), other])


def test_a_log_that_is_rotated_every_month_is_awaited_as_well(log, read, follow):
    month = 30 * 24 * 3600
    position = at_line(read(1)._path, 1)
    moved_in(log, line(month))
    position = follow(log, position).look().position
    moved_in(log.with_name("queue_log.1"), *lines(0, 3))
    assert look_until_quiet(follow(log, position)) == lines(1, 3)


def test_rotated_where_the_log_really_lies(tmp_path, follow):
    there, log = tmp_path / "there" / "queue_log", tmp_path / "queue_log"
    there.parent.mkdir()
    log.symlink_to(there)
    position = stopped(there, 2)
    renamed(there)
    write(there, line(3))
    assert look_until_quiet(follow(log, position)) == lines(2, 4)


def test_files_that_were_never_seen_may_come_in_any_order(log, read, follow):
    position = at_line(read(2)._path, 2)
    seen = []
    for name, what in [
        ("queue_log", lines(8, 9)),
        ("queue_log.1", lines(6, 8)),
        ("queue_log.2", lines(4, 6)),
        ("queue_log.3", lines(0, 4)),
        ("queue_log.4", [line(-5), line(-4)]),  # from before we ever looked
    ]:
        moved_in(log.with_name(name), *what)
        follower = follow(log, position)
        while (batch := follower.look()) is not None:
            seen += batch.lines
            position = batch.position
    assert sorted(seen) == lines(2, 9)


def test_rotated_before_its_first_line_was_read(log, follow):
    write(log.with_name("queue_log.1"), *lines(0, 5))
    log.touch()
    position = follow(log).look().position
    write(log, *lines(5, 10))
    renamed(log.with_name("queue_log.1"), "queue_log.2")
    packed(renamed(log))
    write(log, *lines(10, 30))
    assert look_until_quiet(follow(log, position)) == lines(5, 30)


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize(("start", "told"), [("beginning", lines(0, 9)), ("end", [])])
def test_rotated_while_we_were_being_started(log, follow, start, told, pack):
    write(log.with_name("queue_log.2"), *lines(-9, 0))
    write(log, *lines(0, 5))
    old = renamed(log)
    write(log, *lines(5, 9))
    put_aside = (packed(old) if pack else old).stat().st_ctime
    assert look_until_quiet(follow(log, start=start, started=put_aside)) == told


def test_a_process_knows_when_it_was_started():
    assert 0 < time.time() - source.process_started() < 3600 * 24


@pytest.mark.parametrize("start", ["beginning", "end"])
def test_who_has_to_begin_again_reads_what_was_rotated_since_and_nothing_from_before(log, follow, start):
    write(log.with_name("queue_log.5"), *lines(-9, 0))
    write(log, *lines(0, 2))
    follower = follow(log, start=start)
    position = follower.look().position
    for number in range(1, 4):
        write(log, *lines(2 * number, 2 * number + 2))
        while (batch := follower.look()) is not None:
            position = batch.position
        packed(renamed(log, f"queue_log.{4 - number}"))
    write(log, line(8))
    kept = Position.model_validate_json(position.model_dump_json())
    told = lines(0 if start == "beginning" else 2, 9)
    assert look_until_quiet(follow(log, kept.beginning())) == told
    before = kept.model_copy(update={"first": None, "since": None, "left": ()})  # of the release before
    assert look_until_quiet(follow(log, before.beginning())) == lines(6, 9)


def test_who_goes_on_writing_into_the_file_that_was_there_before_the_log_is_heard(log, follow):
    write(log.with_name("queue_log.1"), *lines(0, 5))
    follower = follow(log)
    assert look_until_quiet(follower) == []
    write(log.with_name("queue_log.1"), line(5))
    write(log, line(6))
    assert look_until_quiet(follower) == lines(5, 7)


class Mirror:
    """An exchange that rotates its log, and a copy of its files that comes file by file, in any order."""

    def __init__(self, directory: Path) -> None:
        self.there = directory / "there" / "queue_log"
        self.here = directory / "here" / "queue_log"
        for log in (self.there, self.here):
            log.parent.mkdir()
        self.written: list[bytes] = []
        self.half = b""
        self.committed: list[bytes] = []
        self.position: Position | None = None
        self.steady = Steady()
        self.follower = a_follower(self.here, steady=self.steady)

    def write(self) -> None:
        if self.half:
            write(self.there, self.half)
            self.half = b""
        self.written.append(line(len(self.written)))
        write(self.there, self.written[-1])

    def write_half(self) -> None:
        if not self.half:
            self.written.append(line(len(self.written)))
            write(self.there, self.written[-1][:13])
            self.half = self.written[-1][13:]

    def rotate(self) -> None:
        self.write()
        for number in range(30, 0, -1):
            for end in ("", ".gz"):
                path = self.there.with_name(f"queue_log.{number}{end}")
                if path.exists():
                    path.rename(self.there.with_name(f"queue_log.{number + 1}{end}"))
        renamed(self.there)

    def pack(self) -> None:
        path = self.there.with_name("queue_log.2")
        if path.exists():
            packed(path)

    def copy(self, name: str) -> None:
        path = self.there.with_name(name)
        if path.exists():
            moved_in(self.here.with_name(name), path.read_bytes())

    def copy_all(self) -> None:
        for path in sorted(self.there.parent.iterdir()):
            self.copy(path.name)
            self.read()

    def tidy(self) -> None:
        """What rsync --delete does last."""
        for path in list(self.here.parent.iterdir()):
            if not self.there.with_name(path.name).exists():
                path.unlink()

    def read(self) -> None:
        self.steady.seconds += 1
        batch = self.follower.look()
        if batch is not None:
            self.committed.extend(batch.lines)
            self.position = batch.position

    def die(self) -> None:
        self.follower.look()
        self.follower.close()
        kept = None if self.position is None else self.position.model_dump_json()
        position = None if kept is None else Position.model_validate_json(kept)
        self.follower = a_follower(self.here, position, steady=self.steady)

    def end(self) -> None:
        self.write()
        self.copy_all()
        self.tidy()
        for _ in range(200):
            self.read()
        self.follower.close()


def copy_of(name: str) -> Callable[[Mirror], None]:
    return lambda mirror: mirror.copy(name)


MIRRORED: list[Callable[[Mirror], None]] = [
    *(
        Mirror.write,
        Mirror.write,
        Mirror.write_half,
        Mirror.rotate,
        Mirror.pack,
        Mirror.copy_all,
        Mirror.tidy,
    ),
    *map(copy_of, ("queue_log", "queue_log", "queue_log.1", "queue_log.1", "queue_log.2", "queue_log.2.gz")),
    *(Mirror.read, Mirror.read, Mirror.read, Mirror.die),
]


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.sampled_from(MIRRORED), max_size=60))
def test_a_log_that_comes_by_copies_is_read_once_and_whole_whatever_comes_first(deeds):
    with TemporaryDirectory() as directory:
        mirror = Mirror(Path(directory))
        mirror.write()
        mirror.copy("queue_log")
        mirror.read()
        mirror.read()
        for deed in deeds:
            deed(mirror)
        mirror.end()
        assert sorted(mirror.committed) == sorted(mirror.written)


# --- what is no file -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["queue_log", "queue_log.1"])
@pytest.mark.parametrize("what", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_not_waited_for(log, follow, name, what):
    other = log.with_name(name)
    what(other)
    follower = follow(log)
    assert look_until_quiet(follower) == []
    if other == log:
        assert follower.seen is not None
        assert follower.seen.problem == "Not a regular file"
        other.unlink()
        look_until_quiet(follower)
    write(log, line(0))
    assert look_until_quiet(follower) == [line(0)]


def test_what_became_a_fifo_after_it_was_listed_is_not_waited_for(log):
    os.mkfifo(log)
    with pytest.raises(OSError, match="Not a regular file"):
        files.open_regular(log)


async def test_a_mount_that_hangs_keeps_nobody_from_ending(log, follow, monkeypatch):
    for limit in ("HANGS", "LET_GO"):
        monkeypatch.setattr(source, limit, timedelta(milliseconds=1))
    answers = threading.Event()
    monkeypatch.setattr(source, "place_of", lambda _: answers.wait())
    follower = follow(log)
    reading = asyncio.create_task(anext(follower.batches(asyncio.Event())))
    await eventually_async(
        lambda: follower.seen is not None and follower.seen.problem == "It does not answer"
    )
    await cancel([reading])
    answers.set()


# --- restarts amid rotations ---------------------------------------------------------------------


def test_a_file_is_opened_once_however_often_its_log_is_rotated(log, read, monkeypatch):
    follower = read(2)
    for number in range(2, 102):
        write(log.with_name(f"queue_log.{number}"), line(-number))
    follower._looked_at = -1e9
    look_until_quiet(follower)
    opened: list[Path] = []
    open_regular = files.open_regular

    def counted(path: Path) -> BufferedReader:
        opened.append(path)
        return open_regular(path)

    monkeypatch.setattr(files, "open_regular", counted)
    renamed(log)
    write(log, line(2))
    assert look_until_quiet(follower) == [line(2)]
    assert {path.name for path in opened} <= {"queue_log", "queue_log.1"}


def test_no_restart_amid_a_rotation_loses_a_line(log, follow):
    """A rotator renames sixty old files and the log, again and again, while a reader begins anew."""
    old, rotations = 60, examples(250)
    for number in range(1, old + 1):
        write(log.with_name(f"queue_log.{number}"), line(-number))
    write(log, line(0))
    position = follow(log).look().position

    def rotate() -> None:
        for rotation in range(rotations):
            for number in range(old + rotation, 0, -1):
                log.with_name(f"queue_log.{number}").rename(log.with_name(f"queue_log.{number + 1}"))
            renamed(log)
            write(log, *lines(3 * rotation + 1, 3 * rotation + 4))

    rotator = threading.Thread(target=rotate)
    rotator.start()
    seen: list[bytes] = []
    while rotator.is_alive():
        follower = a_follower(log, position)
        batch = follower.look()
        follower.close()
        if batch is not None:
            seen += batch.lines
            position = batch.position
    rotator.join()
    seen += look_until_quiet(follow(log, position))
    assert sorted(seen) == sorted(lines(0, 3 * rotations + 1))


def test_what_is_renamed_while_it_is_opened_is_looked_at_again(log, monkeypatch):
    for number, name in enumerate(("queue_log.2", "queue_log.1", "queue_log")):
        write(log.with_name(name), line(number))
    open_regular, rotations = files.open_regular, iter(range(1, 4))

    def opened_amid_rotation(path: Path) -> BufferedReader:
        if (rotation := next(rotations, None)) is not None:
            for number in range(rotation + 1, 0, -1):
                renamed(log.with_name(f"queue_log.{number}"), f"queue_log.{number + 1}")
            renamed(log)
            write(log, line(2 + rotation))
        return open_regular(path)

    monkeypatch.setattr(files, "open_regular", opened_amid_rotation)
    found = files.Catalogue(log, lambda _: None).files()
    assert [(file.path.name, file.head) for file in found] == [
        *((f"queue_log.{5 - number}", line(number)) for number in range(5)),
        ("queue_log", line(5)),
    ]


# --- marks ---------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 100_000), min_size=1, max_size=300))
def test_marks_are_few_and_near_the_end_there_are_many(lengths):
    marks: tuple[Mark, ...] = ()
    offset = 0
    for length in lengths:
        offset += length
        marks = thinned([*marks, Mark(offset, "")])
    offsets = [mark.offset for mark in marks]
    assert offsets == sorted(offsets)
    assert offsets[-files.MARKS :] == list(accumulate(lengths))[-files.MARKS :]
    assert len(marks) <= files.MARKS + offset.bit_length()


def test_after_a_deep_cut_not_all_is_handed_on_again(log, follow):
    write(log, *lines(0, 2000))
    steady = Steady()
    follower = follow(log, steady=steady, batch_lines=50)
    look_until_quiet(follower)
    os.truncate(log, len(b"".join(lines(0, 1000))))
    write(log, line(2000))
    look_until_quiet(follower)
    steady.settle()
    again: list[bytes] = []
    found: list[bytes] = []
    while (batch := follower.look()) is not None:
        found += batch.lines
        again += batch.lines if batch.again else ()
    assert found == again
    assert found[-1] == line(2000)
    assert found[:-1] == lines(1001 - len(found), 1000)
    assert len(found) < 1000


# --- waking up -----------------------------------------------------------------------------------


class Reader:
    """Takes what a follower yields."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self._came = asyncio.Condition()

    async def take(self, batch: Lines) -> None:
        async with self._came:
            self.lines.extend(batch.lines)
            self._came.notify_all()

    async def has(self, count: int) -> None:
        async with asyncio.timeout(WITHIN), self._came:
            await self._came.wait_for(lambda: len(self.lines) >= count)


@asynccontextmanager
async def reading(follower: QueueLogReader) -> AsyncIterator[Reader]:
    reader, stop = Reader(), asyncio.Event()

    async def run() -> None:
        async with aclosing(follower.batches(stop)) as batches:
            async for batch in batches:
                await reader.take(batch)

    task = asyncio.create_task(run())
    try:
        yield reader
    finally:
        stop.set()
        async with asyncio.timeout(WITHIN):
            await task


@pytest.fixture
def idle(monkeypatch) -> asyncio.Event:
    """Set once a reader has found nothing more and waits to be woken."""
    event, wait = asyncio.Event(), source._wait

    async def waiting(for_this: asyncio.Event, at_most: timedelta) -> None:
        event.set()
        await wait(for_this, at_most)

    monkeypatch.setattr(source, "_wait", waiting)
    return event


async def test_a_change_wakes_the_reader_without_polling(log, follow, idle, monkeypatch):
    monkeypatch.setattr(source, "POLL", timedelta(hours=1))
    async with reading(follow(log)) as reader:
        await idle.wait()
        written = 0

        def woken() -> bool:  # nobody tells when the watch is set up
            nonlocal written
            if not reader.lines:
                write(log, line(written))
                written += 1
            return bool(reader.lines)

        await eventually_async(woken)
        await reader.has(written)
        assert reader.lines == lines(0, written)


async def test_without_a_watch_it_polls_and_says_so(log, follow, idle, monkeypatch):
    def no_watch(*_: object, **__: object) -> None:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr(source, "POLL", timedelta(milliseconds=10))
    monkeypatch.setattr(source, "watch", no_watch)
    with capture_logs() as said:
        async with reading(follow(log)) as reader:
            await idle.wait()
            write(log, line(0))
            await reader.has(1)
            renamed(log)
            write(log, line(1))
            await reader.has(2)
    assert [entry["event"] for entry in said].count("queue_log.polling") == 1


async def test_it_waits_for_the_directory_and_the_file(tmp_path, monkeypatch, follow):
    monkeypatch.setattr(source, "POLL", timedelta(milliseconds=10))
    log = tmp_path / "asterisk" / "queue_log"
    async with reading(follow(log)) as reader:
        log.parent.mkdir()
        write(log, *lines(0, 1200))
        await reader.has(1200)
        truncated(log)
        write(log, *lines(1200, 1300))
        await reader.has(1300)
    assert reader.lines == lines(0, 1300)


async def test_stopping_ends_it_at_once_and_closes_the_file(log, monkeypatch, follow):
    monkeypatch.setattr(source, "POLL", timedelta(hours=1))
    write(log, line(0))
    follower = follow(log)
    async with reading(follower) as reader:
        await reader.has(1)
    assert follower._tail is None


# --- whole files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [False, True])
def test_a_whole_file_plain_or_packed_with_progress(log, pack):
    write(log, *lines(0, 25_000), b"unfinished")
    path = packed(log) if pack else log
    told: list[int] = []
    assert list(read_lines(path, told.append)) == [*lines(0, 25_000), b"unfinished"]
    assert told == sorted(told)
    assert len(told) == 3
    assert told[-1] == path.stat().st_size


def test_a_whole_file_with_an_endless_line_is_cut(log):
    write(log, line(0), b"x" * (5 * LONGEST_LINE), b"\n", line(1))
    assert list(read_lines(log)) == [line(0), b"x" * LONGEST_LINE, line(1)]


async def test_nothing_of_it_is_left_however_often_its_reader_is_cancelled(tmp_path: Path):
    write(tmp_path / "queue_log", line(1))
    others, got = asyncio.all_tasks(), asyncio.Event()

    async def read() -> None:
        async with aclosing(a_follower(tmp_path / "queue_log").batches(asyncio.Event())) as batches:
            async for _ in batches:
                got.set()

    reading = asyncio.create_task(read())
    await got.wait()
    while not reading.done():
        reading.cancel()
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == others
