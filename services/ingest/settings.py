"""What the ingest service is told from outside, besides the city file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from shared.process.settings import MIB, ServiceSettings


class IngestSettings(ServiceSettings):
    """``WACHTPOST_…`` variables of ingest."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8001
    pseudonym_key_file: Path
    """The secret key under which ids that may name a person become pseudonyms."""
    body_limit: Annotated[int, Field(ge=1024, le=64 * MIB)] = 5 * MIB
    """Bytes of a request's body, also unpacked; 5,000 events take about 1 MiB."""
    items_limit: Annotated[int, Field(ge=1, le=50_000)] = 5_000
    """Items of one request: judged in one go, so this bounds how long others wait."""
