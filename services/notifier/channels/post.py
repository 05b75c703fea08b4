"""Hand a body over by HTTP POST, and say what the answer means.

The address is the city's own, the answer is a stranger's. So no answer leads us to another host, no proxy of
the environment sees the message, and no answer costs more than a fixed time and size.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote

import httpx

from services.notifier.channels.sender import why_lost
from services.notifier.model import PermanentFailure, TransientFailure
from shared.process.clock import Clock

RETRY_AFTER_MOST: Final = timedelta(hours=1)
"""A receiver may ask us to wait, but not until the breach is history."""

DRAIN_MOST: Final = 64 * 1024
"""Bytes of an answer's body that are read, to part in good order. Nobody looks at them."""

DRAIN_WITHIN: Final = timedelta(seconds=1)

KEEP_METHOD: Final = frozenset({307, 308})
"""The redirects that say: the same POST, there. The older ones make it a GET, which loses the message."""

TRY_AGAIN: Final = frozenset({408, 425, 429})


@dataclass(frozen=True)
class HttpAnswer:
    """The head of an HTTP answer."""

    status: int
    location: str | None = None
    retry_after: str | None = None
    date: str | None = None


def http_client(tls: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    """Return the client for all HTTP channels; the caller closes it.

    Certificates are checked against the system's store (or ``SSL_CERT_FILE``), where a city puts a CA of its
    own. Connections are not kept: messages are rare, and one that meets a connection which the
    receiver is just closing would wait for its next try.
    """
    return httpx.AsyncClient(
        verify=tls or ssl.create_default_context(),
        trust_env=False,
        follow_redirects=False,
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=0),
        headers={"User-Agent": "Wachtpost"},
    )


def header_value(key: str) -> str:
    """Return a key as a header can carry it: what is not printable ASCII is percent-encoded."""
    return quote(key, safe=" !\"#$&'()*+,/:;<=>?@[\\]^`{|}")


@dataclass(frozen=True)
class HttpPost:
    """POSTs to one address."""

    http: httpx.AsyncClient
    url: httpx.URL
    clock: Clock
    limit: timedelta

    async def deliver(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Return when the receiver answered 2xx. Raises a ``DeliveryFailed``.

        A 307 or 308 to the same scheme, host and port is followed once.
        """
        answer = await self._ask(self.url, body, headers)
        if answer.status in KEEP_METHOD:
            answer = await self._ask(moved_to(self.url, answer), body, headers)
            if answer.status in KEEP_METHOD:
                raise PermanentFailure(f"it redirects twice ({answer.status})")
        judge(answer, self.clock())

    async def _ask(self, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        seconds = self.limit.total_seconds()
        request = self.http.build_request("POST", url, content=body, headers=dict(headers), timeout=seconds)
        try:
            # httpx limits each step; a receiver that sends a byte now and then needs a limit on the whole.
            async with asyncio.timeout(seconds):
                response = await self.http.send(request, stream=True, follow_redirects=False)
        except (TimeoutError, httpx.TimeoutException):
            raise TransientFailure(f"no answer within {seconds:g} s") from None
        except (httpx.HTTPError, OSError) as error:
            raise TransientFailure(why_lost(error)) from None
        await _part(response)
        return HttpAnswer(
            response.status_code,
            response.headers.get("Location"),
            response.headers.get("Retry-After"),
            response.headers.get("Date"),
        )


async def _part(response: httpx.Response) -> None:
    """Read a little of the body and close: whatever goes wrong here, the answer stands."""
    with contextlib.suppress(TimeoutError, httpx.HTTPError, OSError):
        async with asyncio.timeout(DRAIN_WITHIN.total_seconds()):
            read = 0
            async for chunk in response.aiter_raw():
                read += len(chunk)
                if read > DRAIN_MOST:
                    break
    with contextlib.suppress(httpx.HTTPError, OSError):
        await response.aclose()


def judge(answer: HttpAnswer, now: datetime) -> None:
    """Return when the answer says that the message arrived. Raises a ``DeliveryFailed``."""
    status = answer.status
    if 200 <= status < 300:
        return
    if status in TRY_AGAIN or status >= 500:
        raise TransientFailure(f"it answered {status}", retry_after(answer, now))
    if 300 <= status < 400:
        raise PermanentFailure(
            f"it has moved ({status}); the message does not follow: give its new address as url"
        )
    raise PermanentFailure(f"it refused the message ({status})")


def moved_to(asked: httpx.URL, answer: HttpAnswer) -> httpx.URL:
    """Return where the answer sends us, within the same origin. Raises ``PermanentFailure`` otherwise."""
    if not answer.location:
        raise PermanentFailure(f"it redirects without saying where to ({answer.status})")
    try:
        there = asked.join(answer.location)
    except httpx.InvalidURL:
        raise PermanentFailure(f"it redirects to what is no address ({answer.status})") from None
    if _origin(there) != _origin(asked):
        raise PermanentFailure(
            f"it redirects to another host, port or scheme ({answer.status}), which is never followed: "
            "give its new address as url"
        )
    return there


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    usual = {"http": 80, "https": 443}
    return url.scheme, url.host, url.port or usual.get(url.scheme)


def retry_after(answer: HttpAnswer, now: datetime) -> float | None:
    """Return for how many seconds the receiver asks us to wait: 0 to an hour, or ``None``.

    A date is measured against the receiver's own clock when it tells it.
    """
    asked = (answer.retry_after or "").strip()
    if not asked:
        return None
    most = RETRY_AFTER_MOST.total_seconds()
    if asked.isascii() and asked.isdecimal():
        # Nobody asks for a billion seconds; a thousand digits are not worth converting.
        return most if len(asked) > 9 else min(float(asked), most)
    until = _http_date(asked)
    if until is None:
        return None
    wait = (until - (_http_date(answer.date or "") or now)).total_seconds()
    return min(max(wait, 0.0), most)


def _http_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
