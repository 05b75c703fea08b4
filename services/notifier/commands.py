"""What people and the reporter tell the notifier: entries on the breaches stream, beside the judge's.

Whoever hears a command, a standby or the command line, puts it on the stream; the owner acts on it in the
stream's order, exactly once, like on everything else there.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.notifier.model import Silence
from shared.contract.breach_events import BreachChanged, BreachProgress
from shared.contract.report_events import ReportReady
from shared.instants import Instant


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Annotated[str, Field(min_length=1, max_length=128)]
    at: Instant


class Acknowledge(_Command):
    """Somebody takes breaches on."""

    kind: Literal["notifier.acknowledge"] = "notifier.acknowledge"
    breaches: tuple[str, ...]
    by: Annotated[str, Field(max_length=64)]


class CreateSilence(_Command):
    """For a while nobody is to be told of what fits."""

    kind: Literal["notifier.silence"] = "notifier.silence"
    silence: Silence


class ExpireSilence(_Command):
    """A silence ends before its time."""

    kind: Literal["notifier.end_silence"] = "notifier.end_silence"
    silence: str


Command = Acknowledge | CreateSilence | ExpireSilence
StreamItem = Annotated[
    BreachChanged | BreachProgress | Acknowledge | CreateSilence | ExpireSilence | ReportReady,
    Field(discriminator="kind"),
]
"""Anything on the breaches stream."""

STREAM_ITEM: Final[TypeAdapter[StreamItem]] = TypeAdapter(StreamItem)


def encode(command: Command) -> bytes:
    """Return a command as the JSON that goes on the stream."""
    return command.__pydantic_serializer__.to_json(command, exclude_none=True)
