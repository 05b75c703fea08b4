"""The directory in which ``wachtpost up`` keeps what it knows: Valkey's data, keys, logs."""

from __future__ import annotations

import errno
import os
import secrets
import shlex
from hashlib import sha256
from pathlib import Path
from typing import Final

PAGE: Final = "page"
"""The file that says where the page is while it runs."""


class DataDirectory:
    """A directory that only its owner reads. Raises ``OSError`` where it cannot be made or read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def key_file(self, name: str) -> Path:
        """Return the file of a key, which is made once: pseudonyms and links stay what they are."""
        file = self.path / name
        if not file.exists():
            _write(file, secrets.token_urlsafe(32))
        return file

    def hash_file(self, key: Path) -> Path:
        """Return a file with the hash of a key, which is all that whoever checks it needs."""
        file = key.with_suffix(".sha256")
        _write(file, sha256(key.read_bytes().strip()).hexdigest())
        return file

    def note_page(self, url: str) -> None:
        """Remember where the page is, for whoever starts a second time."""
        _write(self.path / PAGE, url)

    def page(self) -> str:
        """Return where the page of the one that runs is; empty: not known yet."""
        file = self.path / PAGE
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def environment_file(self, settings: dict[str, str]) -> Path:
        """Write settings as a file for a shell to read, and return it."""
        file = self.path / "env"
        _write(file, "".join(f"export {name}={shlex.quote(value)}\n" for name, value in settings.items()))
        return file


def _write(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
