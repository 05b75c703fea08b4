"""The links in a message: the board at that moment, and the acknowledge link, signed and expiring.

A token says which breaches, for which receiver and until when. It is signed, not secret: there is nothing
in it that the message does not say. Following the link shows a page (``pages``); only its button acts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from itsdangerous import BadData, URLSafeSerializer
from pydantic import TypeAdapter, ValidationError

from services.notifier.model import Breach, Notification, NotificationKind
from shared.config.alerting import NotifyConfig

ACKNOWLEDGE_PATH: Final = "/acknowledge"
"""GET shows what would be acknowledged, POST (a form with ``token``) acknowledges it."""

LONGEST_URL: Final = 2000
"""Characters; Outlook cuts addresses off at 2,083. A message about so much has no acknowledge link."""

LEAST_KEY: Final = 16
"""Bytes; a shorter key could be guessed."""

AROUND: Final = timedelta(minutes=10)
"""How much of the board is shown before and after."""

_SALT: Final = b"wachtpost acknowledge 1"
"""Keeps these signatures apart from whatever else the key may sign; a new form of token gets a new number."""


class LinkRefusal(StrEnum):
    """Why a token says nothing."""

    EXPIRED = "expired"
    FORGED = "forged"
    """Not signed by us, or cut off on the way."""


@dataclass(frozen=True)
class LinkClaim:
    """What the holder of a link may acknowledge."""

    breaches: tuple[str, ...]
    receiver: str


_Token = tuple[int, str, tuple[str, ...]]
"""Expiry in epoch seconds, receiver, breaches."""

_TOKEN: Final = TypeAdapter[_Token](_Token)


class Signer:
    """Signs claims, and reads them back. Raises ``ValueError`` for a key that is too short."""

    def __init__(self, key: bytes) -> None:
        if len(key) < LEAST_KEY:
            raise ValueError(f"the key of the acknowledge links needs at least {LEAST_KEY} bytes")
        self._serializer = URLSafeSerializer(
            key, salt=_SALT, signer_kwargs={"digest_method": sha256, "key_derivation": "hmac"}
        )

    def sign(self, claim: LinkClaim, until: datetime) -> str:
        """Return the token, safe in an address; the same for the same claim and expiry (whole seconds)."""
        signed = self._serializer.dumps([int(until.timestamp()), claim.receiver, list(claim.breaches)])
        return signed if isinstance(signed, str) else signed.decode("ascii")

    def verify(self, token: str, now: datetime) -> LinkClaim | LinkRefusal:
        """Return what a token says, or why it says nothing."""
        try:
            until, receiver, breaches = _TOKEN.validate_python(self._serializer.loads(token))
        except (BadData, ValidationError, UnicodeEncodeError):
            return LinkRefusal.FORGED
        if now.timestamp() >= until:
            return LinkRefusal.EXPIRED
        return LinkClaim(breaches, receiver)


@dataclass(frozen=True)
class Links:
    """The addresses in one message; ``None``: that link is not in it."""

    board: str | None = None
    acknowledge: str | None = None


def links_for(notification: Notification, notify: NotifyConfig, signer: Signer | None) -> Links:
    """Return the links of a notification: what the city file and the notification leave sense for."""
    return Links(board=_board(notification, notify), acknowledge=_acknowledge(notification, notify, signer))


def open_breaches(breaches: tuple[Breach, ...]) -> tuple[Breach, ...]:
    """Return those that somebody could still take on."""
    return tuple(breach for breach in breaches if breach.closed_at is None and breach.acknowledged is None)


def _acknowledge(notification: Notification, notify: NotifyConfig, signer: Signer | None) -> str | None:
    ids = tuple(breach.id for breach in open_breaches(notification.breaches))
    if signer is None or notify.base_url is None or not ids or notification.kind is NotificationKind.TEST:
        return None
    token = signer.sign(LinkClaim(ids, notification.receiver), notification.at + notify.link_valid)
    url = f"{str(notify.base_url).rstrip('/')}{ACKNOWLEDGE_PATH}?{urlencode({'token': token})}"
    return url if len(url) <= LONGEST_URL else None


def _board(notification: Notification, notify: NotifyConfig) -> str | None:
    if notify.board_url is None:
        return None
    start = min((breach.opened_at for breach in notification.breaches), default=notification.at)
    scheme, host, path, query, fragment = urlsplit(str(notify.board_url))
    fields = [(name, value) for name, value in parse_qsl(query, True) if name not in {"from", "to"}]
    fields += [("from", _epoch_ms(start - AROUND)), ("to", _epoch_ms(notification.at + AROUND))]
    return urlunsplit((scheme, host, path, urlencode(fields), fragment))


def _epoch_ms(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))
