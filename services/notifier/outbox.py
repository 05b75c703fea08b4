"""What is on its way: which delivery goes next, when it is tried again, and when it is given up. Pure.

Deliveries to one address by one channel form a *line*, of which one at a time is under way. What is said of
one breach goes in order there, so that nobody hears that something is over before hearing that it began; for
the rest, what is tried again lets everything else pass: one message that cannot be delivered keeps no other.
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
"""Between tries of one delivery: doubling from the first to the longest."""

JITTER: Final = 0.25
"""Each wait is shorter by up to this share, so that a hundred deliveries do not come back at once."""

LONGEST_ASKED: Final = timedelta(hours=1)
"""A server may ask for patience (``Retry-After``), but not for ever."""

GIVE_UP: Final = timedelta(hours=24)
"""News that is a day old helps nobody; it goes to the dead letters with the last reason."""

GIVE_UP_REPORT: Final = timedelta(days=7)
"""Last month's figures are as good after a weekend without a mail server."""

REFUSALS: Final = 8
"""So often a delivery is refused without a reason, over four minutes, until it counts as refused for good: a
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
    """What to write after a try: the delivery as it stands now, or that it is gone."""

    delivery: Delivery
    result: DeliveryResult
    why: str = ""
    left: Delivery | None = None
    """To be tried again; ``None``: out of the outbox."""


def deliveries(notification: Notification, city: CityFile) -> Iterator[Delivery]:
    """Yield what is to be handed over for a notification: one for each channel, and each mail address.

    A report goes by mail only.
    """
    receiver = next((r for r in city.receivers if r.id == notification.receiver), None)
    for position, channel in enumerate(receiver.channels if receiver is not None else ()):
        addresses = channel.to if isinstance(channel, EmailChannel) else (None,)
        if notification.kind is NotificationKind.REPORT and not isinstance(channel, EmailChannel):
            continue
        for number, address in enumerate(addresses):
            key = (
                f"{notification.id}/{position}"
                if address is None
                else f"{notification.id}/{position}/{number}"
            )
            yield Delivery(
                key=key,
                notification=notification,
                channel=position,
                address=address,
                next_try=notification.at,
            )


def posted(
    notifications: Iterable[Notification], city: CityFile, waiting: Iterable[Delivery]
) -> list[Delivery]:
    """Return the deliveries of notifications, in order and behind all that waits, whatever the clock says.

    Breaches of one notification that have to wait for different deliveries go in deliveries of their own:
    none is kept by what was said of another.
    """
    said = list(waiting)
    last = max((delivery.turn for delivery in said), default=0)
    made: list[Delivery] = []
    for turn, notification in enumerate(notifications, last + 1):
        for delivery in deliveries(notification, city):
            mates = [mate for mate in (*said, *made) if line(mate) == line(delivery)]
            made += (part.model_copy(update={"turn": turn}) for part in _parted(delivery, mates))
    return made


def _parted(delivery: Delivery, mates: Iterable[Delivery]) -> Iterator[Delivery]:
    waits_for: dict[str, set[str]] = {breach.id: set() for breach in delivery.notification.breaches}
    for mate in mates:
        for breach in mate.notification.breaches:
            waits_for.get(breach.id, set()).add(mate.key)
    together: dict[frozenset[str], list[Breach]] = {}
    for breach in delivery.notification.breaches:
        together.setdefault(frozenset(waits_for[breach.id]), []).append(breach)
    if len(together) <= 1:
        yield delivery
        return
    for number, breaches in enumerate(together.values()):
        notification = delivery.notification.model_copy(update={"breaches": tuple(breaches)})
        yield delivery.model_copy(update={"key": f"{delivery.key}+{number}", "notification": notification})


def line(delivery: Delivery) -> Line:
    """Return the line that a delivery stands in.

    Reports have lines of their own: a mail server that takes no large message at the moment must not keep
    alerts waiting.
    """
    return delivery.notification.receiver, delivery.channel, delivery.address, _is_report(delivery)


def due(waiting: Iterable[Delivery], under_way: Collection[str], now: datetime) -> list[Delivery]:
    """Return what may be tried now, what was tried least first: one delivery of each line that rests, and
    none that says something of a breach of which an earlier one there speaks too. Of mails only as many as
    may be under way.
    """
    busy: set[Line] = set()
    spoken_of: dict[Line, set[str]] = {}
    ready: dict[Line, Delivery] = {}
    mails: Counter[bool] = Counter()
    for delivery in sorted(waiting, key=_order):
        at = line(delivery)
        earlier = spoken_of.setdefault(at, set())
        breaches = {breach.id for breach in delivery.notification.breaches}
        if delivery.key in under_way:
            busy.add(at)
            mails[_is_report(delivery)] += delivery.address is not None
        elif is_due(delivery, now) and breaches.isdisjoint(earlier):
            first = ready.setdefault(at, delivery)
            ready[at] = min(first, delivery, key=_tries)
        earlier |= breaches
    free = sorted((delivery for at, delivery in ready.items() if at not in busy), key=_tries)
    return list(_with_room(free, mails))


def _with_room(free: Iterable[Delivery], mails: Counter[bool]) -> Iterator[Delivery]:
    for delivery in free:
        mails[_is_report(delivery)] += delivery.address is not None
        if delivery.address is None or mails[_is_report(delivery)] <= MAILS_AT_ONCE:
            yield delivery


def _is_report(delivery: Delivery) -> bool:
    return delivery.notification.kind is NotificationKind.REPORT


def is_due(delivery: Delivery, now: datetime) -> bool:
    """Whether it is time to try a delivery.

    A first try is never put off, and no wait is longer than the longest: what says otherwise was written by a
    clock that was ahead and has been set back since.
    """
    ahead = delivery.next_try - now
    return ahead <= timedelta(0) or delivery.next_try == delivery.notification.at or ahead > LONGEST_ASKED


def is_obsolete(delivery: Delivery, state: NotifierState) -> bool:
    """Whether nobody wants a delivery any more."""
    if delivery.notification.kind not in OBSOLETE_WHEN_TAKEN:
        return False
    known = [state.breaches.get(breach.id) for breach in delivery.notification.breaches]
    return all(k is None or k.is_over or k.breach.acknowledged is not None for k in known)


def documents(waiting: Iterable[Delivery]) -> set[str]:
    """Return the documents that deliveries bring."""
    return {
        delivery.notification.enclosed.document
        for delivery in waiting
        if delivery.notification.enclosed is not None
    }


def documents_gone(tried: Attempt, waiting: Iterable[Delivery]) -> set[str]:
    """Return the documents that nobody waits for any more once this try is written down."""
    if tried.left is not None:
        return set()
    return documents([tried.delivery]) - documents(one for one in waiting if one.key != tried.delivery.key)


def delivered(delivery: Delivery) -> Attempt:
    """The other side has it."""
    return Attempt(delivery, DeliveryResult.DELIVERED)


def refused(delivery: Delivery, why: str) -> Attempt:
    """It will never be taken."""
    return Attempt(delivery, DeliveryResult.DEAD, why)


def missed(
    delivery: Delivery, why: str, retry_after: float | None, now: datetime, *, explained: bool = True
) -> Attempt:
    """It did not work this time; ``explained``: the other side, or the network, said why."""
    give_up = GIVE_UP_REPORT if delivery.notification.kind is NotificationKind.REPORT else GIVE_UP
    if now - delivery.notification.at >= give_up:
        return Attempt(
            delivery, DeliveryResult.DEAD, f"given up after {give_up.total_seconds() / 3600:g} h: {why}"
        )
    refusals = delivery.refusals + (not explained)
    if refusals >= REFUSALS:
        return Attempt(delivery, DeliveryResult.DEAD, f"refused {refusals} times without a reason: {why}")
    again = delivery.model_copy(
        update={
            "attempts": delivery.attempts + 1,
            "refusals": refusals,
            "next_try": now + _wait(delivery, retry_after),
        }
    )
    return Attempt(delivery, DeliveryResult.RETRY, why, again)


def _wait(delivery: Delivery, retry_after: float | None) -> timedelta:
    doubled: timedelta = FIRST_WAIT * int(2 ** min(delivery.attempts, 30))
    chance = int.from_bytes(blake2b(f"{delivery.key}#{delivery.attempts}".encode(), digest_size=4).digest())
    wait: timedelta = min(doubled, LONGEST_WAIT) * (1 - JITTER * chance / 2**32)
    asked = timedelta(seconds=retry_after or 0)
    return max(wait, min(asked, LONGEST_ASKED))


def _order(delivery: Delivery) -> tuple[int, datetime, str]:
    return delivery.turn, delivery.notification.at, delivery.key


def _tries(delivery: Delivery) -> tuple[int, int, datetime, str]:
    return delivery.attempts, *_order(delivery)
