"""One replacement of days, from the request to the log: look, decide, and only then write."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from domain.bucket_store import Slot
from domain.corrections import Correction, FromFile, SettledDays, UnsettledReason
from domain.counts import ms_of
from services.evaluator.archive import Archive
from shared.calendar import DAY, Calendar
from shared.config.model import CityFile
from shared.translation import Msg, Translator, translator
from wachtpost.history.plan import ContactGroup, Fewer, ReplacementPlan, queue_title

SHOWN: Final = 10
"""Days of an objection that are listed; the others are counted."""

GROUPS: Final[Mapping[ContactGroup, Msg]] = {
    ContactGroup.CALLS: Msg("calls"),
    ContactGroup.VISITS: Msg("visits"),
    ContactGroup.APPOINTMENTS: Msg("appointments"),
}

UNSETTLED: Final[Mapping[UnsettledReason, Msg]] = {
    # Translators: {days}: one day, or the first and the last.
    UnsettledReason.RECENT: Msg(
        "{days}: facts about that may still arrive. From {before} on nothing can be replaced yet; "
        "give --to {last}."
    ),
    UnsettledReason.BACKLOG: Msg(
        "{days}: the evaluator still has to read events that may be about that. Wait until it has caught up, "
        "or give --to {last}."
    ),
    UnsettledReason.BEHIND: Msg(
        "{days}: the evaluator has not come so far. Start it first, or give --to {last}."
    ),
}

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
    request: ReplacementRequest,
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
    objections = tuple(_objections(plan, city, request, translator(city.city.language)))
    if objections or request.dry_run or not plan.changes:
        return Replacement(plan, objections, None)
    correction = Correction(
        id=secrets.token_hex(6),
        at=now,
        how=request.how,
        by=request.by,
        why=request.why,
        files=request.files,
        refused=request.refused,
    )
    await archive.replace(correction, plan.changes)
    return Replacement(plan, (), correction.id)


def _objections(
    plan: ReplacementPlan, city: CityFile, request: ReplacementRequest, say: Translator
) -> Iterator[str]:
    yield from _unsettled(plan, say)
    if request.overrule:
        return
    if plan.fewer:
        yield say.ngettext(
            "{number} time there would be fewer contacts than now; half a file must not wipe a day. "
            "Leave incomplete days out with --from and --to; if it is right all the same: --allow-fewer.",
            "{number} times there would be fewer contacts than now; half a file must not wipe a day. "
            "Leave incomplete days out with --from and --to; if it is right all the same: --allow-fewer.",
            len(plan.fewer),
        )
        yield from _some([_fewer(one, city, say) for one in plan.fewer], say)
    if plan.differing:
        different = sorted(
            {(str(one.slot.start), queue_title(city, one.slot.queue_ref)) for one in plan.differing}
        )
        yield say.ngettext(
            "{number} day has other figures here; it is only overwritten with --replace.",
            "{number} days have other figures here; those are only overwritten with --replace.",
            len(different),
        )
        yield from _some([f"  {day}  {queue}" for day, queue in different], say)


def _fewer(one: Fewer, city: CityFile, say: Translator) -> str:
    queue_ref, day, group = one.covered
    queue = queue_title(city, queue_ref)
    return f"  {day}  {queue}: {one.before} → {one.after} {say.text(GROUPS[group])}"


def _unsettled(plan: ReplacementPlan, say: Translator) -> Iterator[str]:
    for why in UnsettledReason:
        days = [one for one in plan.unsettled if one.why is why]
        if days:
            before = min(one.before for one in days)
            shown = str(days[0].day) if len(days) == 1 else f"{days[0].day} … {days[-1].day}"
            yield say.text(UNSETTLED[why], days=shown, before=before, last=before - DAY)


def _some(lines: list[str], say: Translator) -> list[str]:
    more = len(lines) - SHOWN
    return lines[:SHOWN] + (["  " + say.gettext("… and {number} more", number=more)] if more > 0 else [])
