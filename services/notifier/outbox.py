"""What is on its way: which parcel goes next, when it is tried again, and when it is given up. Pure.

Parcels to one address by one channel form a *line*, of which one at a time is under way. What is said of one
breach goes in order there, so that nobody hears that something is over before hearing that it began; for the
rest, what is tried again lets everything else pass: one message that cannot be delivered keeps no other.
Lines do not wait for each other, but for those that share a mail server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Final

from services.notifier.model import Breach, Delivery, Notification, NotificationKind
from services.notifier.state import NotifierState
from shared.config.alerting import EmailChannel
from shared.config.model import CityFile

FIRST_WAIT: Final = timedelta(seconds=2)
LONGEST_WAIT: Final = timedelta(minutes=10)
"""Between tries of one parcel: doubling from the first to the longest."""

JITTER: Final = 0.25
"""Each wait is shorter by up to this share, so that a hundred parcels do not come back at once."""

LONGEST_ASKED: Final = timedelta(hours=1)
"""A server may ask for patience (``Retry-After``), but not for ever."""

GIVE_UP: Final = timedelta(hours=24)
"""News that is a day old helps nobody; it goes to the dead letters with the last reason."""

GIVE_UP_REPORT: Final = timedelta(days=7)
"""Last month's figures are as good after a weekend without a mail server."""

REFUSALS: Final = 8
"""So often a parcel is refused without a reason, over four minutes, until it counts as refused for good: a
service that stumbles has recovered by then, and a message that it cannot take will never be taken."""

MAILS_AT_ONCE: Final = 16
"""Mails under way at the same time, and as many of reports. They all go by one server: when it hangs, they
wait for it together, and nobody else does."""

OBSOLETE_WHEN_TAKEN: Final = frozenset({NotificationKind.REMINDER, NotificationKind.ESCALATION})
"""What nobody wants any more once every breach in it is acknowledged or over."""


Line = tuple[str, int, str | None, bool]
"""Receiver, channel, address, and whether it is of reports."""


class DeliveryResult(StrEnum):
    """What became of a try, for the delivery log and ``notifications_total``."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"
    OBSOLETE = "obsolete"


@dataclass(frozen=True)
class Attempt:
    """What to write after a try: the parcel as it stands now, or that it is gone."""

    parcel: Delivery
    result: DeliveryResult
    why: str = ""
    left: Delivery | None = None
    """To be tried again; ``None``: out of the outbox."""


def parcels(notice: Notification, city: CityFile) -> Iterator[Delivery]:
    """Yield what is to be handed over for a notice: one for each channel, and each mail address.

    A report goes by mail only.
    """
    receiver = next((r for r in city.receivers if r.id == notice.receiver), None)
    for position, channel in enumerate(receiver.channels if receiver is not None else ()):
        addresses = channel.to if isinstance(channel, EmailChannel) else (None,)
        if notice.happening is NotificationKind.REPORT and not isinstance(channel, EmailChannel):
            continue
        for number, address in enumerate(addresses):
            key = f"{notice.id}/{position}" if address is None else f"{notice.id}/{position}/{number}"
            yield Delivery(key=key, notice=notice, channel=position, address=address, next_try=notice.at)


def posted(notices: Iterable[Notification], city: CityFile, waiting: Iterable[Delivery]) -> list[Delivery]:
    """Return the parcels of notices, in their order and behind all that waits, whatever the clock says.

    Breaches of one notice that have to wait for different parcels go in parcels of their own: none is kept
    by what was said of another.
    """
    said = list(waiting)
    last = max((parcel.turn for parcel in said), default=0)
    made: list[Delivery] = []
    for turn, notice in enumerate(notices, last + 1):
        for parcel in parcels(notice, city):
            mates = [mate for mate in (*said, *made) if line(mate) == line(parcel)]
            made += (part.model_copy(update={"turn": turn}) for part in _parted(parcel, mates))
    return made


def _parted(parcel: Delivery, mates: Iterable[Delivery]) -> Iterator[Delivery]:
    waits_for: dict[str, set[str]] = {breach.id: set() for breach in parcel.notice.breaches}
    for mate in mates:
        for breach in mate.notice.breaches:
            waits_for.get(breach.id, set()).add(mate.key)
    together: dict[frozenset[str], list[Breach]] = {}
    for breach in parcel.notice.breaches:
        together.setdefault(frozenset(waits_for[breach.id]), []).append(breach)
    if len(together) <= 1:
        yield parcel
        return
    for number, breaches in enumerate(together.values()):
        notice = parcel.notice.model_copy(update={"breaches": tuple(breaches)})
        yield parcel.model_copy(update={"key": f"{parcel.key}+{number}", "notice": notice})


def line(parcel: Delivery) -> Line:
    """Return the line that a parcel stands in.

    Reports have lines of their own: a mail server that takes no large message at the moment must not keep
    alerts waiting.
    """
    return parcel.notice.receiver, parcel.channel, parcel.address, _is_report(parcel)


def due(waiting: Iterable[Delivery], under_way: Collection[str], now: datetime) -> list[Delivery]:
    """Return what may be tried now, what was tried least first: one parcel of each line that rests, and none
    that says something of a breach of which an earlier one there speaks too. Of mails only as many as may be
    under way.
    """
    busy: set[Line] = set()
    spoken_of: dict[Line, set[str]] = {}
    ready: dict[Line, Delivery] = {}
    mails: Counter[bool] = Counter()
    for parcel in sorted(waiting, key=_order):
        at = line(parcel)
        earlier = spoken_of.setdefault(at, set())
        breaches = {breach.id for breach in parcel.notice.breaches}
        if parcel.key in under_way:
            busy.add(at)
            mails[_is_report(parcel)] += parcel.address is not None
        elif is_due(parcel, now) and breaches.isdisjoint(earlier):
            first = ready.setdefault(at, parcel)
            ready[at] = min(first, parcel, key=_tries)
        earlier |= breaches
    free = sorted((parcel for at, parcel in ready.items() if at not in busy), key=_tries)
    return list(_with_room(free, mails))


def _with_room(free: Iterable[Delivery], mails: Counter[bool]) -> Iterator[Delivery]:
    for parcel in free:
        mails[_is_report(parcel)] += parcel.address is not None
        if parcel.address is None or mails[_is_report(parcel)] <= MAILS_AT_ONCE:
            yield parcel


def _is_report(parcel: Delivery) -> bool:
    return parcel.notice.happening is NotificationKind.REPORT


def is_due(parcel: Delivery, now: datetime) -> bool:
    """Whether it is time to try a parcel.

    A first try is never put off, and no wait is longer than the longest: what says otherwise was written by a
    clock that was ahead and has been set back since.
    """
    ahead = parcel.next_try - now
    return ahead <= timedelta(0) or parcel.next_try == parcel.notice.at or ahead > LONGEST_ASKED


def is_obsolete(parcel: Delivery, state: NotifierState) -> bool:
    """Whether nobody wants a parcel any more."""
    if parcel.notice.happening not in OBSOLETE_WHEN_TAKEN:
        return False
    known = [state.breaches.get(breach.id) for breach in parcel.notice.breaches]
    return all(k is None or k.is_over or k.breach.acknowledged is not None for k in known)


def documents(waiting: Iterable[Delivery]) -> set[str]:
    """Return the documents that parcels bring."""
    return {parcel.notice.enclosed.document for parcel in waiting if parcel.notice.enclosed is not None}


def spent(tried: Attempt, waiting: Iterable[Delivery]) -> set[str]:
    """Return the documents that nobody waits for any more once this try is written down."""
    if tried.left is not None:
        return set()
    return documents([tried.parcel]) - documents(one for one in waiting if one.key != tried.parcel.key)


def delivered(parcel: Delivery) -> Attempt:
    """The other side has it."""
    return Attempt(parcel, DeliveryResult.DELIVERED)


def refused(parcel: Delivery, why: str) -> Attempt:
    """It will never be taken."""
    return Attempt(parcel, DeliveryResult.DEAD, why)


def missed(
    parcel: Delivery, why: str, retry_after: float | None, now: datetime, *, explained: bool = True
) -> Attempt:
    """It did not work this time; ``explained``: the other side, or the network, said why."""
    give_up = GIVE_UP_REPORT if parcel.notice.happening is NotificationKind.REPORT else GIVE_UP
    if now - parcel.notice.at >= give_up:
        return Attempt(
            parcel, DeliveryResult.DEAD, f"given up after {give_up.total_seconds() / 3600:g} h: {why}"
        )
    refusals = parcel.refusals + (not explained)
    if refusals >= REFUSALS:
        return Attempt(parcel, DeliveryResult.DEAD, f"refused {refusals} times without a reason: {why}")
    again = parcel.model_copy(
        update={
            "attempts": parcel.attempts + 1,
            "refusals": refusals,
            "next_try": now + _wait(parcel, retry_after),
        }
    )
    return Attempt(parcel, DeliveryResult.RETRY, why, again)


def _wait(parcel: Delivery, retry_after: float | None) -> timedelta:
    doubled: timedelta = FIRST_WAIT * int(2 ** min(parcel.attempts, 30))
    chance = int.from_bytes(blake2b(f"{parcel.key}#{parcel.attempts}".encode(), digest_size=4).digest())
    wait: timedelta = min(doubled, LONGEST_WAIT) * (1 - JITTER * chance / 2**32)
    asked = timedelta(seconds=retry_after or 0)
    return max(wait, min(asked, LONGEST_ASKED))


def _order(parcel: Delivery) -> tuple[int, datetime, str]:
    return parcel.turn, parcel.notice.at, parcel.key


def _tries(parcel: Delivery) -> tuple[int, int, datetime, str]:
    return parcel.attempts, *_order(parcel)
