"""Who may come in, whichever way: HTTP, a followed log, ``analyse`` and ``history import`` refuse by these
rules, and by no others. Pure.

An item is refused with a reason, with words for its sender, and with what may be kept of it. A refused item
changes nothing.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Self, get_args

from pydantic import JsonValue, ValidationError
from pydantic_core import ErrorDetails

from domain.aggregator import LOG_REACH
from domain.known_queues import KIND_OF, KnownQueues, Misplaced
from shared.config.model import CityFile, HttpSource, QueueLogSource
from shared.contract.dead_letters import EXCERPT, DeadLetter, DeadLetterReason
from shared.contract.events import (
    EVENT,
    NAME,
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

OLDEST_TICKET: Final = timedelta(days=31)
"""A ticket may be left over and called to get rid of it, after a weekend or a holiday: that is a visit that
was never finished. One of before that is a clock that is wrong."""

A_DAY: Final = timedelta(days=1)
"""How far the moments of a booking, or of an offer, may lie apart that are told to be one."""

FARTHEST_APPOINTMENT: Final = timedelta(days=2 * 365)

FOLLOWED: Final = LOG_REACH - timedelta(days=1)
"""How old a line of a followed log may be: a checkpoint says where to go on, so it is late only where ingest
was away for this long, or where the log is new to it. A day less than is counted: it may be on its way."""

_PHONE_NUMBER: Final = re.compile(r".*\+\d{8}.*|00\d{8,15}|0\d{8,9}", re.DOTALL)
_PERHAPS: Final = re.compile(r"[+:]|^[\s.\-/()]*0")
"""Every text that can hold a phone number has this; most ids have not, and are done."""

_OWN_TEXTS: Final = ("id", "contact", "appointment")
"""Fields in which a sender can say anything: nothing of them is ever kept of a refused item."""

_NAMES: Final = ("source", "site", "queue")
"""Names that the contract keeps short. They are kept, known to the city or not: who is to mend a refusal must
be told of what, as far as ``is_plain``."""

_MOST_DIGITS: Final = 5
"""As extensions and queues of an exchange have. Six and more may be a telephone number."""

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
    """What it was, without a text of the sender's own but plain names."""
    failure: CodeFailure | None = None
    """Where our own code failed on it."""

    @classmethod
    def ours(cls, failure: CodeFailure) -> Self:
        """Return the refusal of an item that our own code fails on."""
        return cls(DeadLetterReason.INTERNAL_ERROR, f"a fault of ours: {failure.place}", failure=failure)

    def letter(
        self, at: datetime, source: str, where: str, file: str = "", line: int | None = None
    ) -> DeadLetter:
        """Return the dead letter for it; the last three say where it stood."""
        return DeadLetter(
            reason=self.reason,
            detail=self.detail[:EXCERPT],
            at=at,
            source=source,
            where=where,
            file=file,
            line=line,
            item=self.kept,
        )


@dataclass(frozen=True)
class Speaker:
    """For whom an API key speaks, or a followed log."""

    source: str
    site: str
    queues: frozenset[str]

    @classmethod
    def of(cls, city: CityFile, source: HttpSource | QueueLogSource) -> Self:
        """Return the sender that a source of the city file is."""
        named = source.queues if isinstance(source, HttpSource) else "*"
        of_site = frozenset(queue.id for queue in city.site(source.site).queues)
        return cls(source.id, source.site, of_site if named == "*" else frozenset(named))


@dataclass(frozen=True)
class AdmissionRules:
    """What one way in is open for."""

    ahead: timedelta
    """How far a clock may run ahead."""
    behind: timedelta | None = None
    """How old an event may be; ``None``: as old as it likes, a whole file is read in the order of time."""
    known: KnownQueues | None = None
    """All queues of the city; ``None``: whatever occurs."""
    sender: Speaker | None = None
    """Who speaks; ``None``: a file may hold events of everybody."""
    clocks_apart: timedelta = timedelta(0)
    """How far two clocks of one sender may lie apart: a wait that is negative by no more is 0."""

    @classmethod
    def of(cls, city: CityFile, source: HttpSource | QueueLogSource) -> Self:
        """The door of a source, as the city file says."""
        behind = city.pipeline.dedup if isinstance(source, HttpSource) else FOLLOWED
        pipeline = city.pipeline
        sender = Speaker.of(city, source)
        return cls(
            pipeline.future_tolerance, behind, KnownQueues.of(city.sites), sender, pipeline.clock_tolerance
        )

    @classmethod
    def of_files(cls, city: CityFile, *, any_queue: bool = False) -> Self:
        """The door of whole files; with ``any_queue`` nobody has said which queues there are."""
        return cls(
            city.pipeline.future_tolerance,
            known=None if any_queue else KnownQueues.of(city.sites),
            clocks_apart=city.pipeline.clock_tolerance,
        )


def read_event(item: bytes) -> Event | RefusedItem:
    """Return the event of the contract that an item of JSON is, or why it is none: an unknown field is one
    reason."""
    try:
        return EVENT.validate_json(item.removeprefix(BOM_UTF8), extra="forbid")
    except ValidationError as error:
        return _explained(error.errors(include_url=False, include_input=False))


_KINDS: Final[Sequence[str]] = [model.model_fields["kind"].default for model in get_args(get_args(Event)[0])]


def _explained(errors: Sequence[ErrorDetails]) -> RefusedItem:
    """Words for the first error. pydantic quotes what it was given in some messages: not those."""
    first = errors[0]
    match first["type"]:
        case "json_invalid":
            return RefusedItem(DeadLetterReason.UNREADABLE, f"not JSON: {first['ctx']['error']}"[:EXCERPT])
        case "union_tag_invalid" | "union_tag_not_found":
            kinds = f"kind must be one of {', '.join(_KINDS)}"
            return RefusedItem(DeadLetterReason.INVALID, kinds, "kind")
        case "extra_forbidden":
            detail = "a field that the contract does not know; take it out"
        case _ if len(first["loc"]) < 2:
            return RefusedItem(DeadLetterReason.INVALID, "an item is a JSON object")
        case _:
            detail = f"{first['loc'][-1]}: {first['msg']}"
    kind = str(first["loc"][0])  # the union's tag, so one of ours
    return RefusedItem(DeadLetterReason.INVALID, detail[:EXCERPT], str(first["loc"][-1]), {"kind": kind})


def admit(event: Event, admission: AdmissionRules, now: datetime) -> RefusedItem | None:
    """Return why a valid event stays outside, or nothing when it may come in."""
    fields = vars(event)  # a model answers getattr slowly where it has no such field
    for name in _OWN_TEXTS:
        if name in fields and looks_like_phone_number(fields[name]):
            return _personal(event, name)
    return _foreign(event, admission) or _untimely(event, admission, now) or _implausible(event, admission)


def _personal(event: Event, name: str) -> RefusedItem:
    detail = f"{name} looks like a phone number; use an id that says nothing about the caller"
    return _refused(event, DeadLetterReason.PERSONAL, name, detail)


def _foreign(event: Event, admission: AdmissionRules) -> RefusedItem | None:
    sender, known = admission.sender, admission.known
    if sender is not None and event.source != sender.source:
        return _refused(event, DeadLetterReason.NOT_ALLOWED, "source", f"this key speaks for {sender.source}")
    if known is None:
        return None
    wrong = known.misplaced(event)
    if wrong is not Misplaced.SITE and sender is not None and event.site != sender.site:
        return _refused(event, DeadLetterReason.NOT_ALLOWED, "site", f"this key speaks for {sender.site}")
    if wrong is not None:
        return _misplaced(event, wrong, known)
    if (
        sender is None
        or isinstance(event, (SourceHeartbeat, SourceRestarted))
        or event.queue in sender.queues
    ):
        return None
    return _refused(
        event, DeadLetterReason.NOT_ALLOWED, "queue", f"this key speaks for {_list(sender.queues)}"
    )


def _misplaced(event: Event, wrong: Misplaced, known: KnownQueues) -> RefusedItem:
    if wrong is Misplaced.SITE:
        sites = f"known sites: {_list(known.kinds)}"
        return _refused(event, DeadLetterReason.UNKNOWN_QUEUE, "site", sites)
    queues = known.kinds[event.site]
    if wrong is Misplaced.QUEUE:
        detail = f"known queues of {event.site}: {_list(queues)}"
        return _refused(event, DeadLetterReason.UNKNOWN_QUEUE, "queue", detail)
    kind = KIND_OF[type(event)]
    fitting = _list([queue for queue, its_kind in queues.items() if its_kind is kind]) or "none"
    detail = f"{event.kind} is of a {kind} queue; those of {event.site}: {fitting}"
    return _refused(event, DeadLetterReason.WRONG_KIND, "queue", detail)


def _untimely(event: Event, admission: AdmissionRules, now: datetime) -> RefusedItem | None:
    why = untimely(event.at, admission, now)
    return None if why is None else _refused(event, why.reason, "at", why.detail)


def untimely(at: datetime, admission: AdmissionRules, now: datetime) -> RefusedItem | None:
    """Return why nothing comes in that happened at that moment, or nothing when it may."""
    if at > now + admission.ahead:
        detail = f"further ahead than {admission.ahead}: set the sender's clock"
        return RefusedItem(DeadLetterReason.FUTURE, detail, "at")
    if admission.behind is not None and at < now - admission.behind:
        detail = f"older than {admission.behind}: bring it in with wachtpost history import"
        return RefusedItem(DeadLetterReason.LATE, detail, "at")
    return None


_OF_OTHER_INSTANTS: Final = frozenset(
    {VisitArrived, VisitCalled, AppointmentBooked, AppointmentMoved, AppointmentOffer}
)


def _implausible(event: Event, admission: AdmissionRules) -> RefusedItem | None:
    """A second instant that is years off would not be refused by its own clock, but ruin a mean."""
    if type(event) not in _OF_OTHER_INSTANTS:
        return None
    far = next((name for name, fits in _others(event, admission.clocks_apart) if not fits), None)
    if far is None:
        return None
    detail = f"{far} and the event's other instants do not go together; set the sender's clock"
    return _refused(event, DeadLetterReason.INVALID, far, detail)


def _others(event: Event, apart: timedelta) -> Iterator[tuple[str, bool]]:
    """Yield the instants of an event beside ``at``, and whether each goes together with the others."""
    match event:
        case VisitArrived():
            yield "appointment_at", _is_near(event.appointment_at, event.at)
        case VisitCalled():
            yield "arrived_at", -apart <= event.at - event.arrived_at <= OLDEST_TICKET
            yield "appointment_at", _is_near(event.appointment_at, event.at)
        case AppointmentBooked():
            yield "booked_at", abs(event.at - event.booked_at) <= A_DAY
            yield "starts_at", -apart <= event.starts_at - event.booked_at <= FARTHEST_APPOINTMENT
        case AppointmentMoved():
            yield "starts_at", _is_near(event.starts_at, event.at)
        case AppointmentOffer():
            yield "first_free_at", -A_DAY <= event.first_free_at - event.at <= FARTHEST_APPOINTMENT


def _is_near(appointment: datetime | None, at: datetime) -> bool:
    return appointment is None or abs(appointment - at) <= FARTHEST_APPOINTMENT


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _refused(event: Event, reason: DeadLetterReason, name: str, detail: str) -> RefusedItem:
    """Keeps the kind, instants, numbers and plain names; of what is wrong only a name."""
    told = event.model_dump(mode="json", exclude_none=True, exclude={*_OWN_TEXTS})
    kept = {
        of: value
        for of, value in told.items()
        if (of in _NAMES and is_plain(value)) or of not in {*_NAMES, name}
    }
    return RefusedItem(reason, detail, name, kept)


def is_plain(name: JsonValue) -> bool:
    """Whether a name of a source, site or queue may be kept though the city file does not have it: it fits
    the contract, and has too few digits for a telephone number."""
    return isinstance(name, str) and re.fullmatch(NAME, name) is not None and has_few_digits(name)


def has_few_digits(name: str) -> bool:
    """Whether a name has too few digits, of any script, for a telephone number."""
    return sum(sign.isdigit() for sign in name) <= _MOST_DIGITS


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
