"""What nobody may see: read from files, and kept out of what libraries write into the log."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final, Protocol

from pydantic import SecretStr

from services.notifier.model import TransientFailure

MOST: Final = 64 * 1024
"""Bytes of a secret file; one that is larger is some other file."""

SILENT: Final = logging.CRITICAL + 1
"""A level that no library writes at."""

TALKATIVE: Final = {
    "httpx": logging.WARNING,  # the whole URL of every request, at INFO
    "httpcore": logging.WARNING,  # headers, at DEBUG
    "urllib3": logging.ERROR,  # the path of a request that it tries again, at WARNING
    "apprise": SILENT,  # targets and bodies; what became of it is in the delivery log
}
"""From which level on a library's words are free of addresses. An address may hold a token."""


class Secrets(Protocol):
    """Where the settings say that secrets are, besides the city file."""

    @property
    def smtp_password_file(self) -> Path | None:
        """``WACHTPOST_SMTP_PASSWORD_FILE``; it goes before the city file's."""


def read_secret(path: Path) -> SecretStr:
    """Return what stands in the file, without the white space around it.

    Raises ``TransientFailure`` that names the file, never what is in it. It is transient because a secret is
    read anew for every delivery: as soon as somebody mends the file, what is waiting goes out.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST + 1)
    except OSError as error:
        raise TransientFailure(f"the secret file {path} cannot be read: {error.strerror}") from None
    if len(content) > MOST:
        raise TransientFailure(f"the secret file {path} is larger than {MOST // 1024} KiB")
    try:
        secret = content.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise TransientFailure(f"the secret file {path} is not UTF-8 text") from None
    if not secret:
        raise TransientFailure(f"the secret file {path} is empty")
    return SecretStr(secret)


def hush_libraries() -> None:
    """Tell the libraries that carry our messages not to log where they carry them."""
    for name, level in TALKATIVE.items():
        logging.getLogger(name).setLevel(level)
