"""What the notifier is told from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from shared.process.settings import ServiceSettings


class NotifierSettings(ServiceSettings):
    """``WACHTPOST_…`` variables of the notifier."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8003
    link_key_file: Path | None = None
    """The key that signs acknowledge links; none: messages carry no such link."""
    api_keys_file: Path | None = None
    """SHA-256 of the API keys for silences, one a line; none: by command line only."""
    smtp_password_file: Path | None = None
    """Goes before ``smtp.password_file`` of the city file."""

    def link_key(self) -> bytes | None:
        """Return the key from its file; raises ``OSError``."""
        return None if self.link_key_file is None else self.link_key_file.read_bytes().strip()

    def api_keys(self) -> frozenset[str]:
        """Return the hashes from their file; raises ``OSError``."""
        if self.api_keys_file is None:
            return frozenset()
        lines = self.api_keys_file.read_text(encoding="utf-8").splitlines()
        return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))
