"""Who may come in: the rules for one item at the HTTP door, pure.

An item is refused with a reason, with words for its sender, and with what may be kept of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Self

from pydantic import JsonValue

from shared.config.model import CityFile, HttpSource
from shared.contract.dead_letters import EXCERPT, DeadLetter, DeadLetterReason
from shared.contract.events import (
    AppointmentBooked,
    AppointmentMoved,
    AppointmentOffer,
    Event,
    SourceHeartbeat,
    SourceRestarted,
    VisitArrived,
    VisitCalled,
)
from shared.process.code_failures import CodeFailure

LONGEST_VISIT: Final = timedelta(days=1)
"""Nobody waits at a counter overnight."""

SKEW: Final = timedelta(minutes=2)
"""Two clocks of one sender may differ by this much; a wait is then 0."""

FARTHEST_APPOINTMENT: Final = timedelta(days=2 * 365)

_PHONE_NUMBER: Final = re.compile(r".*\+\d{8}.*|00\d{8,15}|0\d{8,9}", re.DOTALL)
_PERHAPS: Final = re.compile(r"[+:]|^[\s.\-/()]*0")
"""Every text that can hold a phone number has this; most ids have not, and are done."""

_OWN_TEXTS: Final = frozenset({"id", "contact"})
_TEXTS: Final = _OWN_TEXTS | {"source", "site", "queue"}
"""Fields in which a sender can say anything; the last three are the city's words once they were compared."""

_SCHEME: Final = re.compile(r"(tel|sips?|callto):", re.IGNORECASE)
_SEPARATORS: Final = re.compile(r"[\s.\-/()]+")


@dataclass(frozen=True)
class RefusedItem:
    """Why an item stays outside."""

    reason: DeadLetterReason
    detail: str
    """What is wrong and what would be right, without the refused value."""
    name: str | None = None
    """Which field is wrong; the sender's own word, so for the sender only."""
    kept: Mapping[str, JsonValue] = field(default_factory=dict)
    """What it was, without a text of the sender's own."""
    failure: CodeFailure | None = None
    """Where our own code failed on it."""

    @classmethod
    def ours(cls, failure: CodeFailure) -> Self:
        """Return the refusal of an item that our own code fails on."""
        return cls(DeadLetterReason.INTERNAL_ERROR, f"a fault of ours: {failure.place}", failure=failure)

    def letter(self, at: datetime, source: str, where: str) -> DeadLetter:
        """Return the dead letter for it."""
        return DeadLetter(
            reason=self.reason,
            detail=self.detail[:EXCERPT],
            at=at,
            source=source,
            where=where,
            item=self.kept,
        )


@dataclass(frozen=True)
class AdmissionRules:
    """What one key opens."""

    source: str
    site: str
    queues: frozenset[str]
    known: Mapping[str, frozenset[str]]
    """All queues of the city, by site."""
    ahead: timedelta
    """How far a clock may run ahead."""
    behind: timedelta
    """How old an event may be."""

    @classmethod
    def of(cls, city: CityFile, source: HttpSource) -> AdmissionRules:
        """The door of a source, as the city file says."""
        known = {site.id: frozenset(queue.id for queue in site.queues) for site in city.sites}
        queues = known[source.site] if source.queues == "*" else frozenset(source.queues)
        return cls(source.id, source.site, queues, known, city.pipeline.future_tolerance, city.pipeline.dedup)


def admit(event: Event, admission: AdmissionRules, now: datetime) -> RefusedItem | None:
    """Return why a valid event stays outside, or nothing when it may come in."""
    if looks_like_phone_number(event.id):
        return _personal(event, "id")
    if looks_like_phone_number(getattr(event, "contact", None)):
        return _personal(event, "contact")
    return _foreign(event, admission) or _untimely(event, admission, now) or _implausible(event)


def _personal(event: Event, name: str) -> RefusedItem:
    detail = f"{name} looks like a phone number; use an id that says nothing about the caller"
    return _refused(event, DeadLetterReason.PERSONAL, name, detail, _TEXTS)


def _foreign(event: Event, admission: AdmissionRules) -> RefusedItem | None:
    if event.source != admission.source:
        return _refused(
            event, DeadLetterReason.NOT_ALLOWED, "source", f"this key speaks for {admission.source}", _TEXTS
        )
    if event.site not in admission.known:
        return _refused(
            event, DeadLetterReason.UNKNOWN_QUEUE, "site", f"known sites: {_list(admission.known)}", _TEXTS
        )
    if event.site != admission.site:
        return _refused(
            event, DeadLetterReason.NOT_ALLOWED, "site", f"this key speaks for {admission.site}", _TEXTS
        )
    if isinstance(event, (SourceHeartbeat, SourceRestarted)) or event.queue in admission.queues:
        return None
    if event.queue not in admission.known[admission.site]:
        known = f"known queues of {admission.site}: {_list(admission.known[admission.site])}"
        return _refused(event, DeadLetterReason.UNKNOWN_QUEUE, "queue", known, _TEXTS)
    return _refused(
        event, DeadLetterReason.NOT_ALLOWED, "queue", f"this key speaks for {_list(admission.queues)}"
    )


def _untimely(event: Event, admission: AdmissionRules, now: datetime) -> RefusedItem | None:
    if event.at > now + admission.ahead:
        detail = f"further ahead than {admission.ahead}: set the sender's clock"
        return _refused(event, DeadLetterReason.FUTURE, "at", detail)
    if event.at < now - admission.behind:
        detail = f"older than {admission.behind}: bring it in with wachtpost history import"
        return _refused(event, DeadLetterReason.LATE, "at", detail)
    return None


def _implausible(event: Event) -> RefusedItem | None:
    """A second instant that is years off would not be refused by its own clock, but ruin a mean."""
    far = next((name for name, fits in _others(event) if not fits), None)
    if far is None:
        return None
    detail = f"{far} and the event's other instants do not go together; set the sender's clock"
    return _refused(event, DeadLetterReason.INVALID, far, detail)


def _others(event: Event) -> Iterator[tuple[str, bool]]:
    """Yield the instants of an event beside ``at``, and whether each goes together with the others."""
    match event:
        case VisitArrived():
            yield "appointment_at", _is_near(event.appointment_at, event.at)
        case VisitCalled():
            yield "arrived_at", -SKEW <= event.at - event.arrived_at <= LONGEST_VISIT
            yield "appointment_at", _is_near(event.appointment_at, event.at)
        case AppointmentBooked():
            yield "booked_at", abs(event.at - event.booked_at) <= LONGEST_VISIT
            yield "starts_at", -SKEW <= event.starts_at - event.booked_at <= FARTHEST_APPOINTMENT
        case AppointmentMoved():
            yield "starts_at", _is_near(event.starts_at, event.at)
        case AppointmentOffer():
            yield "first_free_at", -LONGEST_VISIT <= event.first_free_at - event.at <= FARTHEST_APPOINTMENT


def _is_near(appointment: datetime | None, at: datetime) -> bool:
    return appointment is None or abs(appointment - at) <= FARTHEST_APPOINTMENT


def _list(names: Mapping[str, object] | frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _refused(
    event: Event, reason: DeadLetterReason, name: str, detail: str, texts: frozenset[str] = _OWN_TEXTS
) -> RefusedItem:
    """Keeps what is not one of ``texts``: by default source, site and queue, once they are the city's."""
    return RefusedItem(
        reason, detail, name, event.model_dump(mode="json", exclude_none=True, exclude={name, *texts})
    )


def looks_like_phone_number(value: JsonValue) -> bool:
    """Whether a text holds ``+`` and 8 digits, or is, separators aside, ``00`` and 8 to 15 digits or ``0``
    and 8 or 9 digits; also as a ``tel:`` or ``sip:`` address.

    Digits without a ``+`` inside something longer are left alone: serial numbers look like that.
    """
    if not isinstance(value, str) or _PERHAPS.search(value) is None:
        return False
    text, addresses = _SCHEME.subn("", value, count=1)
    if addresses:
        text = text.partition("@")[0].partition(";")[0]
    return _PHONE_NUMBER.fullmatch(_SEPARATORS.sub("", text)) is not None
