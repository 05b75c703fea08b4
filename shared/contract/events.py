"""The wire contract: facts that sources report, as they travel on the events stream.

Every fact is a frozen model, told apart by ``kind``. Instants are timezone-aware, waits are whole
milliseconds. An outcome carries its own wait, so no consumer ever has to join two events to count.

Evolution: adding an optional field is free. Anything else is a new, versioned kind, and consumers
read both for one release (``tests/shared/contract`` guards this). Consumers ignore fields they do not
know; the HTTP door refuses them, so that nothing personal slips into Redis under a new name.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter
from pydantic_core import PydanticKnownError

from shared.instants import Instant

NAME: Final = r"^[a-z0-9][a-z0-9_.-]{0,63}$"
"""What a site, queue or source may be called: short, lower case, safe in keys, labels and URLs."""

DAY_MS: Final = 24 * 60 * 60 * 1000

Name = Annotated[str, Field(pattern=NAME)]
EventId = Annotated[str, Field(min_length=1, max_length=128)]
ContactId = Annotated[str, Field(min_length=1, max_length=128)]


def _no_text(value: object) -> object:
    """A text is no number even if it reads like one: it may be a telephone number."""
    if isinstance(value, str):
        raise PydanticKnownError("int_type")
    return value


Milliseconds = Annotated[
    int, Field(ge=0, le=7 * DAY_MS, description="whole milliseconds"), BeforeValidator(_no_text)
]
MOST_STAFF: Final = 100_000
MOST_WAITING: Final = 100_000
Position = Annotated[
    int,
    Field(ge=1, le=MOST_WAITING, description="place in the queue, 1 is the head"),
    BeforeValidator(_no_text),
]
Headcount = Annotated[int, Field(ge=0, le=MOST_STAFF), BeforeValidator(_no_text)]


class Outcome(StrEnum):
    """How a call ended that never reached staff."""

    ABANDONED = "abandoned"
    TIMED_OUT = "timed_out"
    NO_AGENTS = "no_agents"
    LEFT_BY_KEY = "left_by_key"
    """The caller pressed a key: voicemail, call-back, another menu."""
    CLOSED = "closed"
    """Turned away because the desk is shut."""
    BLOCKED = "blocked"
    """Turned away because the queue is full."""
    CUT_OFF = "cut_off"
    """The exchange itself threw the call out: it restarted, or crashed. In no KPI."""


class Channel(StrEnum):
    """How an appointment was made."""

    WEB = "web"
    MIJN_BURGERPROFIEL = "mijn-burgerprofiel"
    PHONE = "phone"
    COUNTER = "counter"
    APP = "app"


class _SourceEvent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: EventId = Field(description="Deterministic: the same source record always has the same id")
    at: Instant = Field(description="When it happened (not when it was reported)")
    source: Name
    site: Name


class _QueueEvent(_SourceEvent):
    queue: Name


class CallQueued(_QueueEvent):
    """A caller entered a phone queue."""

    kind: Literal["call.queued"] = "call.queued"
    contact: ContactId = Field(description="The call; repeated in its outcome. Never a phone number")
    position: Position | None = Field(default=None, description="Where it joined the queue")


class CallAnswered(_QueueEvent):
    """A waiting caller reached staff."""

    kind: Literal["call.answered"] = "call.answered"
    contact: ContactId | None = Field(default=None, description="As in call.queued")
    wait_ms: Milliseconds


class CallMissed(_QueueEvent):
    """A call ended without reaching staff. Whether it counts as missed is the definition's choice."""

    kind: Literal["call.missed"] = "call.missed"
    contact: ContactId | None = Field(
        default=None, description="As in call.queued; also of a call that was never let in, if it is known"
    )
    outcome: Outcome
    wait_ms: Milliseconds
    position: Position | None = Field(default=None, description="Where in the queue it stood at the end")


class CallEnded(_QueueEvent):
    """A conversation ended."""

    kind: Literal["call.ended"] = "call.ended"
    contact: ContactId | None = None
    talk_ms: Milliseconds | None = Field(
        default=None, description="Absent: it ended, nobody knows how long it took"
    )


class VisitArrived(_QueueEvent):
    """A visitor registered at the counter."""

    kind: Literal["visit.arrived"] = "visit.arrived"
    contact: ContactId
    appointment_at: Instant | None = None


class VisitCalled(_QueueEvent):
    """A visitor was called to the counter (the last call counts)."""

    kind: Literal["visit.called"] = "visit.called"
    contact: ContactId | None = None
    arrived_at: Instant
    appointment_at: Instant | None = None


class VisitLeft(_QueueEvent):
    """A visitor left without being served."""

    kind: Literal["visit.left"] = "visit.left"
    contact: ContactId | None = None


class VisitServed(_QueueEvent):
    """A visitor's business at the counter is done."""

    kind: Literal["visit.served"] = "visit.served"
    contact: ContactId | None = None
    service_ms: Milliseconds


class VisitNoShow(_QueueEvent):
    """A visitor was called and did not come."""

    kind: Literal["visit.no_show"] = "visit.no_show"
    contact: ContactId | None = None


class AppointmentBooked(_QueueEvent):
    """An appointment was made."""

    kind: Literal["appointment.booked"] = "appointment.booked"
    booked_at: Instant
    starts_at: Instant
    channel: Channel | None = None
    appointment: ContactId | None = Field(
        default=None,
        description="The appointment; repeated when it is moved or cancelled. Never a person's number",
    )


class AppointmentMoved(_QueueEvent):
    """An appointment got another time; its lead time stays that of the booking."""

    kind: Literal["appointment.moved"] = "appointment.moved"
    appointment: ContactId | None = None
    starts_at: Instant


class AppointmentCancelled(_QueueEvent):
    """An appointment was called off, by whomever."""

    kind: Literal["appointment.cancelled"] = "appointment.cancelled"
    appointment: ContactId | None = None


class AppointmentOffer(_QueueEvent):
    """The first free appointment that a citizen could book at ``at``."""

    kind: Literal["appointment.offer"] = "appointment.offer"
    first_free_at: Instant


class StaffChanged(_QueueEvent):
    """How many members of staff serve a queue from now on: those who are free, pausing, or talking."""

    kind: Literal["staff.changed"] = "staff.changed"
    available: Headcount
    paused: Headcount = 0
    busy: Headcount = 0


class SourceHeartbeat(_SourceEvent):
    """The source is there and has nothing else to say; no sign that anything happens at it."""

    kind: Literal["source.heartbeat"] = "source.heartbeat"


class SourceRestarted(_SourceEvent):
    """The source lost its memory: whoever was waiting there before ``at`` waits no longer."""

    kind: Literal["source.restarted"] = "source.restarted"


Event = Annotated[
    CallQueued
    | CallAnswered
    | CallMissed
    | CallEnded
    | VisitArrived
    | VisitCalled
    | VisitLeft
    | VisitServed
    | VisitNoShow
    | AppointmentBooked
    | AppointmentMoved
    | AppointmentCancelled
    | AppointmentOffer
    | StaffChanged
    | SourceHeartbeat
    | SourceRestarted,
    Field(discriminator="kind"),
]
"""Any fact on the events stream."""

EVENT: Final[TypeAdapter[Event]] = TypeAdapter(Event)
EVENTS: Final[TypeAdapter[list[Event]]] = TypeAdapter(list[Event])


def encode(event: Event) -> bytes:
    """Return the event as the JSON that goes on the stream: no spaces, absent optionals left out."""
    return event.__pydantic_serializer__.to_json(event, exclude_none=True)
