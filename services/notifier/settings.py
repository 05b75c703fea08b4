"""What the notifier is told from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from services.notifier.messages.links import LEAST_KEY
from shared.config.alerting import WebUrl
from shared.config.model import CityFile
from shared.process.settings import ServiceSettings, SettingWrongError


class NotifierSettings(ServiceSettings):
    """``WACHTPOST_…`` variables of the notifier."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8003
    link_key_file: Path | None = None
    """The key that signs acknowledge links; none: messages carry no such link."""
    api_keys_file: Path | None = None
    """SHA-256 of the API keys for silences, one a line; none: by command line only."""
    base_url: WebUrl | None = None
    """Where people reach the notifier, for a city file that does not say."""
    smtp_password_file: Path | None = None
    """Goes before ``smtp.password_file`` of the city file."""

    def reached(self, city: CityFile) -> CityFile:
        """Return the city, with where people reach this notifier."""
        if self.base_url is None or city.notify.base_url is not None:
            return city
        notify = city.notify.model_copy(update={"base_url": self.base_url})
        return city.model_copy(update={"notify": notify})

    def link_key(self) -> bytes | None:
        """Return the key from its file; raises ``SettingWrongError``."""
        if self.link_key_file is None:
            return None
        key = self.bytes_in(self.link_key_file)
        if len(key) < LEAST_KEY:
            wrong = f"a key of at least {LEAST_KEY} bytes belongs in it"
            raise SettingWrongError(self.variable_of(self.link_key_file) or "", self.link_key_file, wrong)
        return key

    def api_keys(self) -> frozenset[str]:
        """Return the hashes from their file; raises ``SettingWrongError``."""
        if self.api_keys_file is None:
            return frozenset()
        lines = self.text_in(self.api_keys_file).splitlines()
        return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))
