"""Days that are replaced: which may be, what changes, and the line in the log that says who, when and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from domain.bucket import Bucket, Resolution, decode
from domain.bucket_store import Slot
from domain.queue_ref import QueueRef
from shared.calendar import Calendar
from shared.instants import Instant

CLOCKS_APART: Final = timedelta(minutes=10)
"""How far the clock of whoever replaces days may be ahead of Redis' own."""

MOST_WHY: Final = 200
"""Characters of a reason."""


class Hours(StrEnum):
    """Which contacts of a local day."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    """Outside opening hours: counted apart, in no figure."""


RESOLUTIONS: Final = {Hours.INSIDE: Resolution.DAY, Hours.OUTSIDE: Resolution.DAY_OUTSIDE}


def day_slot(queue_ref: QueueRef, day: date, hours: Hours) -> Slot:
    """Return where a local day is kept."""
    return Slot(queue_ref, RESOLUTIONS[hours], day.isoformat())


def day_of(slot: Slot) -> date:
    """Return the local day of a slot that ``day_slot`` made."""
    return date.fromisoformat(str(slot.start))


def hours_of(slot: Slot) -> Hours:
    """Return which part of its day a slot holds."""
    return Hours.INSIDE if slot.resolution is Resolution.DAY else Hours.OUTSIDE


class UnsettledReason(StrEnum):
    """Why a day may still change by itself."""

    RECENT = "recent"
    """A fact about it may still arrive: ``pipeline.dedup`` has not passed since it ended."""
    BACKLOG = "backlog"
    """Events that the evaluator has not read yet may be about it."""
    BEHIND = "behind"
    """The evaluator has not come so far: contacts that were open then may still become unfinished."""


@dataclass(frozen=True, slots=True)
class SettledDays:
    """Nothing that may still come changes a local day before ``before``."""

    before: date
    why: UnsettledReason
    """What keeps that day itself open."""

    @classmethod
    def at(
        cls, calendar: Calendar, now: int, dedup: timedelta, oldest_unread: int | None, cursor: int | None
    ) -> Self:
        """Work it out; all instants in UTC ms. ``None``: everything is read; no evaluator ever ran.

        ``dedup``: how old a fact may be when it arrives.
        """
        dedup_ms = dedup // timedelta(milliseconds=1)
        bounds = [(now - dedup_ms - CLOCKS_APART // timedelta(milliseconds=1), UnsettledReason.RECENT)]
        if oldest_unread is not None:
            bounds.append((oldest_unread - dedup_ms, UnsettledReason.BACKLOG))
        if cursor is not None:
            bounds.append((cursor, UnsettledReason.BEHIND))
        until, why = min(bounds, key=lambda bound: bound[0])
        return cls(calendar.local_day(max(0, until)), why)


@dataclass(frozen=True, slots=True)
class BucketChange:
    """A day's bucket and what is to come in its place, as they are written down; ``None``: nothing."""

    slot: Slot
    before: bytes | None
    after: bytes | None

    @classmethod
    def to(cls, slot: Slot, before: bytes | None, after: Bucket) -> Self | None:
        """Return the change, or ``None`` when that is what is there already."""
        wanted = None if after == Bucket() else after.encode()
        there = None if before is None else decode(before)
        if there == Bucket():
            there = None
        if wanted == (None if there is None else there.encode()):
            return None
        return cls(slot, before, wanted)


class _CorrectionLine(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class FromFile(_CorrectionLine):
    """A file that days were taken from. Its name alone: folders may bear a person's name."""

    name: str
    sha256: str


class Correction(_CorrectionLine):
    """One replacement of days: the first of its lines in the log."""

    kind: Literal["correction"] = "correction"
    id: str
    at: Instant
    how: Literal["import", "restore"]
    by: str
    """A receiver's id or a role; never a person's name."""
    why: Annotated[str, Field(max_length=MOST_WHY)]
    files: tuple[FromFile, ...]
    refused: Mapping[str, int] = {}
    """Lines of those files that could not be used, by reason."""


class Replaced(_CorrectionLine):
    """One bucket of it, before and after."""

    kind: Literal["replaced"] = "replaced"
    correction: str
    day: date
    site: str
    queue: str
    hours: Hours
    before: Bucket | None
    after: Bucket | None

    @property
    def queue_ref(self) -> QueueRef:
        return QueueRef(self.site, self.queue)


LINE: Final[TypeAdapter[Correction | Replaced]] = TypeAdapter(
    Annotated[Correction | Replaced, Field(discriminator="kind")]
)
"""Any line of the log."""


def beginning(correction: Correction, change: BucketChange) -> bytes:
    """Return a ``Replaced`` line without its last two fields, which are in Redis already."""
    line = Replaced(
        correction=correction.id,
        day=day_of(change.slot),
        site=change.slot.queue_ref.site,
        queue=change.slot.queue_ref.queue,
        hours=hours_of(change.slot),
        before=None,
        after=None,
    )
    text = line.__pydantic_serializer__.to_json(line, exclude={"before", "after"})
    return text.removesuffix(b"}") + b","
