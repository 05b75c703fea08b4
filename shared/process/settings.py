"""What a service is told from outside: environment variables and secret files, never arguments."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

import structlog
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.process.clock import Clock, parse_clock
from shared.redis.url import address_of

PREFIX: Final = "WACHTPOST_"
"""Of every variable of ours."""

CITY_FILE: Final = Path("city/city.toml")
"""A city's own, in a folder that git leaves alone."""

MIB: Final = 1024 * 1024

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What a client may cost (``shared.process.http_limits``)."""

    connections: int
    body_bytes: int
    patience: timedelta


class SettingWrongError(ValueError):
    """A file that a variable names is not as it must be; the message says which, where and why."""

    def __init__(self, variable: str, file: Path, wrong: str) -> None:
        super().__init__(f"{variable}: {file}: {wrong}")
        self.variable = variable
        self.file = file
        self.wrong = wrong


class ServiceSettings(BaseSettings):
    """Read from ``WACHTPOST_…`` variables; raises ``pydantic.ValidationError`` with the variable's name."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    city_file: Path = CITY_FILE
    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    """A server or a cluster (``shared.redis.url``). May carry a user name; the password belongs in a file."""
    redis_password_file: Path | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)]
    """0 takes a free port; the log says which."""
    body_limit: Annotated[int, Field(ge=1024, le=64 * MIB)] = 64 * 1024
    """Bytes of a request's body."""
    http_connections: Annotated[int, Field(ge=4, le=10_000)] = 64
    """Clients at once. Each has one request at a time: bodies take at most so many times ``body_limit``."""
    http_patience: Annotated[timedelta, Field(ge=timedelta(seconds=1), le=timedelta(minutes=10))] = timedelta(
        seconds=30
    )
    """How long a client may take to send a body, and again to take an answer."""
    redis_wait: timedelta = timedelta(seconds=20)
    """How long to wait for Redis at the start."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    clock: str = ""
    """Empty: this machine's clock. Else a simulated one (``shared.process.clock``)."""

    @field_validator("redis_url")
    @classmethod
    def _readable_url(cls, value: SecretStr) -> SecretStr:
        address_of(value.get_secret_value())
        return value

    @field_validator("clock")
    @classmethod
    def _readable_clock(cls, value: str) -> str:
        parse_clock(value)
        return value

    @property
    def now(self) -> Clock:
        """The clock that the settings ask for."""
        return parse_clock(self.clock)

    @property
    def redis_address(self) -> str:
        """Where Redis is, without user and password."""
        return address_of(self.redis_url.get_secret_value())

    @property
    def http_limits(self) -> HttpLimits:
        """What a client may cost."""
        return HttpLimits(self.http_connections, self.body_limit, self.http_patience)

    def variable_of(self, file: object) -> str | None:
        """Return the environment variable that names a file, if one does."""
        names = (name for name, value in self if isinstance(value, Path) and str(value) == str(file))
        return next((f"{PREFIX}{name.upper()}" for name in names), None)

    def redis_password(self) -> str | None:
        """Return the password from its file; raises ``SettingWrongError``."""
        return None if self.redis_password_file is None else self.text_in(self.redis_password_file)

    def text_in(self, file: Path) -> str:
        """Return the text in a file that a variable names; like ``bytes_in``."""
        try:
            return self.bytes_in(file).decode("utf-8")
        except UnicodeDecodeError as error:
            raise SettingWrongError(self.variable_of(file) or "", file, "it is not UTF-8 text") from error

    def bytes_in(self, file: Path) -> bytes:
        """Return what stands in a file that a variable names, without the white space around it.

        Raises ``SettingWrongError``, with the reason as its cause.
        """
        try:
            return file.read_bytes().strip()
        except OSError as error:
            wrong = error.strerror or type(error).__name__
            raise SettingWrongError(self.variable_of(file) or "", file, wrong) from error


_Settings = TypeVar("_Settings", bound=ServiceSettings)


def settings_or_exit(kind: type[_Settings]) -> _Settings:
    """Return the settings of the environment; else says which variable is wrong and ends the process."""
    try:
        return kind()
    except ValidationError as error:
        prefix = str(kind.model_config.get("env_prefix", ""))
        for mistake in error.errors(include_url=False, include_input=False):
            name = prefix + "_".join(str(part) for part in mistake["loc"]).upper()
            log.critical("setting_wrong", name=name, wrong=mistake["msg"])
        sys.exit(os.EX_CONFIG)
