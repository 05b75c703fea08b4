"""One replacement of days, from the question to the log: look, decide, and only then write."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from domain.bucket_store import Slot
from domain.corrections import Correction, FromFile, SettledDays, UnsettledReason
from domain.tallies import ms_of
from services.evaluator.archive import Archive
from shared.calendar import DAY, Calendar
from shared.config.model import CityFile
from wachtpost.history.plan import ReplacementPlan, queue_title
from wachtpost.history.words import WORDS

SHOWN: Final = 10
"""Days of an objection that are told one by one."""

Planned = Callable[[Mapping[Slot, bytes], Callable[[Slot], SettledDays]], ReplacementPlan]
"""Makes the plan of what is there, and of which days may be replaced."""


@dataclass(frozen=True)
class ReplacementRequest:
    """What somebody wants replaced."""

    how: Literal["import", "restore"]
    files: tuple[FromFile, ...]
    by: str
    why: str
    refused: Mapping[str, int]
    dry_run: bool
    overrule: bool
    """Replace what differs, or what would become fewer, all the same."""


@dataclass(frozen=True)
class Replacement:
    """What came of it."""

    plan: ReplacementPlan
    objections: tuple[str, ...]
    """Why nothing was replaced, in sentences."""
    correction: str | None
    """Its id in the log; ``None``: nothing was replaced."""


async def replace(
    archive: Archive,
    city: CityFile,
    question: ReplacementRequest,
    first: date,
    last: date,
    planned: Planned,
    now: datetime,
) -> Replacement:
    """Replace the days of a plan, unless something speaks against it; all days lie in [first, last].

    Raises ``ChangedUnderneathError`` and ``redis.RedisError``.
    """
    settled = await archive.settled(Calendar(city), ms_of(now))
    plan = planned(await archive.written(first, last), lambda slot: settled[archive.partition_of(slot)])
    objections = tuple(_objections(plan, city, question))
    if objections or question.dry_run or not plan.changes:
        return Replacement(plan, objections, None)
    correction = Correction(
        id=secrets.token_hex(6),
        at=now,
        how=question.how,
        by=question.by,
        why=question.why,
        files=question.files,
        refused=question.refused,
    )
    await archive.replace(correction, plan.changes)
    return Replacement(plan, (), correction.id)


def _objections(plan: ReplacementPlan, city: CityFile, question: ReplacementRequest) -> Iterator[str]:
    yield from _unsettled(plan, city)
    if question.overrule:
        return
    words = WORDS[city.city.language]
    late = question.refused.get("late", 0)
    if late:
        yield words.late.format(count=late, dedup=city.pipeline.dedup // timedelta(hours=1))
    if plan.fewer:
        yield words.fewer.format(count=len(plan.fewer))
        yield from _some(
            [
                words.fewer_line.format(
                    day=one.covered.day,
                    queue=queue_title(city, one.covered.queue_ref),
                    group=words.groups[one.covered.group],
                    before=one.before,
                    after=one.after,
                )
                for one in plan.fewer
            ],
            city,
        )
    if plan.differing:
        different = sorted(
            {(str(one.slot.start), queue_title(city, one.slot.queue_ref)) for one in plan.differing}
        )
        yield words.differing.format(count=len(different))
        yield from _some(
            [words.differing_line.format(day=day, queue=queue) for day, queue in different], city
        )


def _unsettled(plan: ReplacementPlan, city: CityFile) -> Iterator[str]:
    words = WORDS[city.city.language]
    for why in UnsettledReason:
        days = [one for one in plan.unsettled if one.why is why]
        if days:
            before = min(one.before for one in days)
            shown = str(days[0].day) if len(days) == 1 else f"{days[0].day} … {days[-1].day}"
            yield words.unsettled[why].format(days=shown, before=before, last=before - DAY)


def _some(lines: list[str], city: CityFile) -> list[str]:
    more = len(lines) - SHOWN
    return lines[:SHOWN] + ([WORDS[city.city.language].more.format(count=more)] if more > 0 else [])
