"""What the page is told from outside."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.process.settings import ServiceSettings


class PageSettings(ServiceSettings):
    """``WACHTPOST_…`` variables of the page."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    evaluator_url: Annotated[str, Field(pattern=r"^https?://\S+$")] = "http://127.0.0.1:8002"
    """Where the evaluator that is at work is reached."""
