"""What the reporter is told from outside."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.process.settings import ServiceSettings


class ReporterSettings(ServiceSettings):
    """``WACHTPOST_…`` variables of the reporter."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8004
