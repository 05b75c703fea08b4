"""A recorded day, shifted by whole seconds so that its first event is now."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_bytes
from typing import Final

from pydantic import ValidationError

from services.ingest.pseudonyms import SHORTEST_KEY, Pseudonyms
from services.ingest.sources.queue_log.reader import read_lines
from services.ingest.sources.queue_log.translate import (
    QueueLogTranslator,
    SkippedLine,
    TranslatorRules,
    UnreadableLine,
)
from shared.contract.events import EVENT, Event, Outcome, SourceHeartbeat, SourceRestarted
from shared.contract.kpis import QueueKind
from simulator import SOURCE

_EPOCH: Final = re.compile(rb"^(\d{10})(?=[.|])")

Queues = dict[str, dict[str, QueueKind]]
"""Site → queue → its kind, in the order in which they first appear."""


class ReplayError(Exception):
    """A file that cannot be replayed."""


class UnreadableFileError(ReplayError):
    """It cannot be opened or unpacked; the text says why."""


class NothingInItError(ReplayError):
    """It holds no event at all."""


class NoEventError(ReplayError):
    """A line of an NDJSON file is no event of the contract."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line


@dataclass(frozen=True)
class Recording:
    """What a first reading of a file tells."""

    path: Path
    is_log: bool
    """A queue_log; otherwise events as NDJSON."""
    first: datetime
    queues: Queues


def survey(path: Path, site: str) -> Recording:
    """Read a file once: what it is, when it begins, which queues it names.

    The queues of a queue_log belong to ``site``. Raises ``ReplayError``.
    """
    try:
        start = next((line for line in read_lines(path) if line.strip()), b"")
        is_log = not start.lstrip(b"\xef\xbb\xbf \t").startswith(b"{")
        events = _log_events(path, site) if is_log else _file_events(path)
        return _surveyed(path, is_log, events)
    except OSError as error:
        raise UnreadableFileError(error.strerror or str(error)) from None
    except (EOFError, zlib.error) as error:
        raise UnreadableFileError(str(error)) from None


def _surveyed(path: Path, is_log: bool, events: Iterator[Event]) -> Recording:
    first, queues = None, Queues()
    for event in events:
        first = first or event.at
        known = queues.setdefault(event.site, {})
        if not isinstance(event, SourceHeartbeat | SourceRestarted):
            kind = QueueKind.PHONE if event.kind.startswith("call.") else QueueKind.COUNTER
            # Staff reports do not tell the kind: they never overrule what does.
            known.setdefault(event.queue, kind)
            if event.kind != "staff.changed":
                known[event.queue] = kind
    queues = {site: named for site, named in queues.items() if named}
    if first is None or not queues:
        raise NothingInItError
    return Recording(path, is_log, first, queues)


def _log_events(path: Path, site: str) -> Iterator[Event]:
    any_key = Pseudonyms(token_bytes(SHORTEST_KEY))  # nothing of it is kept
    log = QueueLogTranslator(TranslatorRules(SOURCE, site, {}, Outcome.LEFT_BY_KEY), any_key)
    for line in read_lines(path):
        try:
            event = log.translate(line)
        except UnreadableLine:
            continue  # ingest will meet it again and say so
        if not isinstance(event, SkippedLine):
            yield event


def _file_events(path: Path) -> Iterator[Event]:
    for number, line in enumerate(read_lines(path), start=1):
        if line.strip():
            try:
                yield EVENT.validate_json(line)
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                where = ".".join(str(step) for step in first["loc"])
                raise NoEventError(number, f"{where}: {first['msg']}" if where else first["msg"]) from None


def whole_second(now: datetime) -> datetime:
    """Return ``now`` or the next whole second."""
    return (now + timedelta(microseconds=999_999)).replace(microsecond=0)


def shift_of(recording: Recording, now: datetime) -> timedelta:
    """Return the whole seconds by which the recording has to move for its first event to be now."""
    return timedelta(
        seconds=round((whole_second(now) - recording.first.replace(microsecond=0)).total_seconds())
    )


def shifted_lines(recording: Recording, shift: timedelta) -> Iterator[tuple[float, bytes]]:
    """Yield a queue_log's lines with their epochs shifted, and when (seconds since 1970) each is due.

    All but the epoch stays as it was. A line without one is due with the line before.
    """
    seconds, due = int(shift.total_seconds()), 0.0
    for line in read_lines(recording.path):
        epoch = _EPOCH.match(line)
        if epoch is not None:
            due = float(int(epoch[1]) + seconds)
            line = b"%d%b" % (int(epoch[1]) + seconds, line[epoch.end() :])  # noqa: PLW2901
        yield due, line


def shifted_events(recording: Recording, shift: timedelta) -> Iterator[Event]:
    """Yield an NDJSON file's events with every instant in them shifted."""
    for event in _file_events(recording.path):
        instants = {name: value + shift for name, value in event if isinstance(value, datetime)}
        yield event.model_copy(update=instants)
