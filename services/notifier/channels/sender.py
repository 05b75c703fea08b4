"""What all channels share: the promise of a sender, how long each may take, and why a line was lost.

Whose turn is it? ``Permanent`` when the other side understood this very message and refused it, or when
only another city file can help. Everything else is ``Transient``, also what an operator has to mend
(an expired certificate, a wrong password, a missing secret file): the outbox tries with growing
pauses and says why, and what is waiting goes out the moment it is mended. Given up at once,
every breach of that hour would be lost to people who could have been told.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from services.notifier.messages.message import Message
from services.notifier.model import Delivery


class Sender(Protocol):
    """Hands deliveries over by one channel of one receiver. Nothing connects before the first delivery."""

    async def send(self, delivery: Delivery, words: Message) -> None:
        """Return when the other side has the delivery.

        Raises ``Transient`` or ``Permanent``, whose texts name no secret and no address. A crash, or a lost
        line after the other side had it, may bring a delivery twice; its key is then the same.
        """


@dataclass(frozen=True)
class SenderLimits:
    """How long one delivery may take before it counts as failed (and is tried again)."""

    mail: timedelta = timedelta(seconds=60)
    """Mail servers look at a message before they take it; the standard allows them minutes."""
    http: timedelta = timedelta(seconds=10)
    apprise: timedelta = timedelta(seconds=30)


def why_lost(error: BaseException) -> str:
    """Say why a connection failed, without its address: our words, or the system's and OpenSSL's own."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed: {cause.reason or 'no reason given'}"
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            # asyncio puts the address into its text; looking up a name has numbers of its own, below 0.
            number = cause.errno or 0
            return f"the connection failed: {os.strerror(number) if number > 0 else cause.strerror}"
    return "the connection broke off"


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what led to it, the nearest first."""
    chain: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in chain:
        chain.append(at)
        at = at.__cause__ or at.__context__
    return chain
