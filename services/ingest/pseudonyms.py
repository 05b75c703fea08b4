"""Whose words may travel as they are: an exchange's own ids. Everything else becomes a pseudonym. Pure.

An allow-list, because a deny-list of phone numbers and names has no end. ``[host-]epoch.sequence`` near
the moment it is told of, with a host that the city file names, can only come from a telephone exchange.
Whatever else a source calls a contact or an event may be a caller's number or name in some spelling, or
a hash of one, and becomes an HMAC under a secret key: who reads Redis cannot try all numbers.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection
from datetime import datetime
from typing import Final

from shared.contract.events import CallAnswered, CallEnded, CallMissed, Event, VisitCalled, VisitServed

SHORTEST_KEY: Final = 32
"""Bytes of a key at least; ``deploy/secrets.sh`` makes 64 signs of 256 random bits."""

QUIET_S: Final = 3 * 3600
"""Seconds after midnight UTC at which a day's key takes over: no desk in Europe has anybody waiting then."""

NEAR_S: Final = 24 * 3600
"""How far an exchange's id may be from the line it stands in: longer than any call, and than a clock that
was set. Of ten-digit numbers only one in 58,000 lies so near, and none of them is a phone number here."""

_DAY_S: Final = 24 * 3600
_HEX: Final = 32
"""Signs of a pseudonym: 128 bits."""

_DAYS_REMEMBERED: Final = 64
"""Derived keys kept; more days than that come from files, one after the other."""

_EXCHANGES: Final = re.compile(rb"(?:([A-Za-z0-9][\w.-]*)-)?([0-9]{10})\.(0|[1-9][0-9]{0,5})")


def is_exchanges_own(text: bytes, second: int, hosts: Collection[str] = ()) -> bool:
    """Whether a text, told of at ``second`` (UTC), can only be an exchange's id of a call.

    That is ``epoch.sequence`` with an epoch within a day of ``second``, and in front of it nothing or one
    of ``hosts`` and a dash.
    """
    found = _EXCHANGES.fullmatch(text)
    if found is None or abs(int(found[2]) - second) > NEAR_S:
        return False
    return found[1] is None or found[1].decode("ascii") in hosts


def day_of(second: int) -> int:
    """Return the number of the day under whose key a second (UTC) falls."""
    return (second - QUIET_S) // _DAY_S


class Pseudonyms:
    """Pseudonyms under a city's secret key: the same for the same text and day, on every machine.

    Each day has a key of its own, derived from the secret one: what is left of one day (in a backup, say)
    cannot be connected with what is left of another.
    """

    def __init__(self, secret: bytes) -> None:
        """Raises ``ValueError`` for a secret that is too short; the text does not show it."""
        if len(secret) < SHORTEST_KEY:
            raise ValueError(f"shorter than {SHORTEST_KEY} characters")
        self._secret = secret
        self._seal = _Keyed(_derived(secret, b"seal"))
        self._days: dict[int, _Keyed] = {}
        self.key_name: Final = _derived(secret, b"name").hex()[:8]
        """Tells two keys apart and says nothing about either."""

    def of(self, text: bytes, day: int) -> str:
        """Return the pseudonym of a text on a day (``day_of``)."""
        key = self._days.get(day)
        if key is None:
            if len(self._days) >= _DAYS_REMEMBERED:
                self._days.clear()
            key = self._days[day] = _Keyed(_derived(self._secret, b"day %d" % day))
        return key.hash_of(text)

    def seal(self, text: bytes) -> str:
        """Return a fingerprint of a text that holds for as long as the secret key does."""
        return self._seal.hash_of(text)


class _Keyed:
    """HMAC-SHA-256 of many texts under one key (RFC 2104): ``hmac.digest`` works in the key anew for each
    text, which takes two thirds of its time."""

    def __init__(self, key: bytes) -> None:
        whole = key.ljust(hashlib.sha256().block_size, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in whole))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in whole))

    def hash_of(self, text: bytes) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.hexdigest()[:_HEX]


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, purpose, "sha256")


def without_persons(event: Event, pseudonyms: Pseudonyms) -> Event:
    """Return an event as it may be stored: its ids are an exchange's own, or pseudonyms.

    An event sent again has the same id: the day is that of its ``at``. All events of a contact have the same
    contact, also over the change of keys: the day is that on which the contact began to wait, which every
    outcome tells. An appointment is made on one day and moved or cancelled on another, so its pseudonym is
    of no day; it is no contact's, and stays as long as its event.
    """
    at_ms = _ms_of(event.at)
    second = at_ms // 1000
    changes = {}
    raw = event.id.encode()
    if not is_exchanges_own(raw, second):
        changes["id"] = pseudonyms.of(raw, day_of(second))
    contact: str | None = getattr(event, "contact", None)
    if contact is not None and not is_exchanges_own(raw := contact.encode(), second):
        changes["contact"] = pseudonyms.of(raw, day_of(_began_ms(event, at_ms) // 1000))
    appointment: str | None = getattr(event, "appointment", None)
    if appointment is not None:
        changes["appointment"] = pseudonyms.seal(b"appointment " + appointment.encode())
    return event.model_copy(update=changes) if changes else event


def _began_ms(event: Event, at_ms: int) -> int:
    """When a contact began to wait, as far as its event tells."""
    if isinstance(event, CallAnswered | CallMissed):
        return at_ms - event.wait_ms
    if isinstance(event, VisitCalled):
        return _ms_of(event.arrived_at)
    if isinstance(event, VisitServed):
        return at_ms - event.service_ms
    return at_ms - (event.talk_ms or 0) if isinstance(event, CallEnded) else at_ms


def _ms_of(at: datetime) -> int:
    return round(at.timestamp() * 1000)
