"""API keys: 256 random bits for the sender, their SHA-256 for the city file.

A plain hash is enough: nobody guesses 256 random bits, so there is nothing for a slow hash to slow down.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Final

from shared.config.model import HttpSource, Source

PREFIX: Final = "wachtpost_"
"""Lets secret scanners recognise a key that strayed into a repository."""

KEY_BYTES: Final = 32


def new_key() -> tuple[str, str]:
    """Return a new key and its SHA-256 in hex; the key itself is kept nowhere."""
    secret = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    return secret, sha256(secret)


def sha256(secret: str) -> str:
    """Return the hash under which a key stands in the city file."""
    return hashlib.sha256(secret.encode()).hexdigest()


class KeyRing:
    """Who holds which key."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._holders = tuple(
            (digest, source)
            for source in sources
            if isinstance(source, HttpSource)
            for digest in source.key_sha256
        )

    def holder(self, authorization: str | None) -> HttpSource | None:
        """Return whose key an ``Authorization: Bearer …`` header carries, or nothing.

        Compares with every key, each in constant time: the answer's timing tells nothing.
        """
        scheme, _, secret = (authorization or "").partition(" ")
        digest = sha256(secret.strip())
        holder = None
        for known, source in self._holders:
            if hmac.compare_digest(known, digest):
                holder = source
        return holder if scheme.lower() == "bearer" else None
