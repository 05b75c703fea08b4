"""The wire contract between reporter and notifier: a report that is to be mailed.

It has two parts, which one script writes. The *event* is a small entry of the breaches stream of the first
partition, among all that the notifier acts on. The *document* is what is mailed, megabytes perhaps: it lies
once in a hash of the notifier's, is read for each delivery, and goes with the last one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.contract.events import Name
from shared.instants import Instant

PARTITION: Final = 0
"""Reports are about all sites together; the first partition's notifier mails them."""

MOST_BYTES: Final = 8 * 1024 * 1024
"""Of all attachments together. Base64 makes a third more of it, and many mail servers take no more than 10 to
25 MB."""

FILE_NAME: Final = r"^[a-z0-9][a-z0-9.-]{0,99}$"
"""Stands in a mail header without quoting, and on any file system."""

PERIOD: Final = r"^(19|20|21)\d\d(-(0[1-9]|1[0-2]|H[12]|Q[1-4]))?$"
"""As ``shared.periods.Period`` writes it."""

ReportId = Annotated[str, Field(pattern=r"^report:[0-9A-Za-z:-]{4,60}$")]
"""``report:2026-10``, and for a repeat by hand something unique behind it."""

MediaType = Literal["application/pdf", "application/json", "text/csv", "text/html", "text/markdown"]


class _ReportValue(BaseModel):
    # Bytes are base64 in JSON, in the alphabet of RFC 4648, section 5 (with - and _).
    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        ser_json_bytes="base64",
        val_json_bytes="base64",
        hide_input_in_errors=True,
    )


class ReportReady(_ReportValue):
    """The event: a report is there, to be mailed to these receivers."""

    kind: Literal["report.ready"] = "report.ready"
    id: ReportId = Field(description="Also names the document")
    at: Instant
    period: Annotated[str, Field(pattern=PERIOD)]
    receivers: Annotated[tuple[Name, ...], Field(min_length=1)]


class Attachment(_ReportValue):
    """One file of a report. Text is UTF-8."""

    name: Annotated[str, Field(pattern=FILE_NAME)]
    media_type: MediaType
    data: bytes


class Document(_ReportValue):
    """What is mailed, already in words."""

    id: ReportId
    subject: Annotated[str, Field(min_length=1, max_length=200)]
    text: str
    attachments: tuple[Attachment, ...] = ()

    @model_validator(mode="after")
    def _fits_into_a_mail(self) -> Self:
        if weight(self.attachments) > MOST_BYTES:
            raise ValueError(f"the attachments are more than {MOST_BYTES} bytes together")
        return self


def weight(attachments: Iterable[Attachment]) -> int:
    """Return how many bytes the attachments are together, before base64."""
    return sum(len(one.data) for one in attachments)


def encode(part: ReportReady | Document) -> bytes:
    """Return the event as it goes on the stream, or the document as it lies in the hash: JSON."""
    return part.__pydantic_serializer__.to_json(part)
