"""Waits until services that were started are healthy."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import Final, NoReturn

import httpx

from shared.process.clock import Clock
from shared.translation import Translator
from wachtpost.live.reader import client_of
from wachtpost.live.supervised import SupervisedServices
from wachtpost.live.valkey import HOST

READY_WITHIN: Final = timedelta(minutes=3)
"""How long the services may take to be healthy; usually three seconds, a minute on a busy machine."""
EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - seen in a log
"""Addresses to listen on that are none to go to."""
ASK_EVERY: Final = 0.1
"""Seconds between two looks at whether they are."""


class ServiceFailedError(Exception):
    """A service has ended, or is not ready in time; the text says so to its user, with the end of its log."""


def wait_until_ready(
    services: SupervisedServices,
    names: Sequence[str],
    now: Clock,
    stop: threading.Event,
    say: Translator,
    echo: Callable[[str], None],
) -> dict[str, str] | None:
    """Return where the services listen once all are healthy, or nothing when asked to stop before.

    Raises ``ServiceFailedError`` when one ends, or takes too long.
    """
    urls: dict[str, str] = {}
    deadline = now() + READY_WITHIN
    while len(urls) < len(names):
        raise_if_ended(services, say)
        for service, url in newly_ready(services, names, urls).items():
            urls[service] = url
            ready = say.gettext("{what} is ready: {url}", what=service, url=f"{url}/metrics")
            echo(f"  {ready}")
        if stop.wait(ASK_EVERY):
            return None
        if now() > deadline:
            late = min(set(names) - urls.keys())
            limit = f"{READY_WITHIN.total_seconds():g}"
            why = say.gettext("{what} was not ready after {limit} s.", what=late, limit=limit)
            fail(services, late, why, say)
    return urls


def newly_ready(
    services: SupervisedServices, names: Sequence[str], before: Collection[str]
) -> dict[str, str]:
    """Return where those listen that are healthy now and were not among ``before``."""
    found = {}
    with client_of("") as client:
        for name in names:
            url = None if name in before else _listening(services.log(name))
            if url is not None and _healthy(client, url):
                found[name] = url
    return found


def raise_if_ended(services: SupervisedServices, say: Translator) -> None:
    """Raise ``ServiceFailedError`` when one of the services has ended."""
    for service, status in services.ended().items():
        why = say.gettext("{what} ended with status {status}.", what=service, status=status)
        fail(services, service, why, say)


def fail(services: SupervisedServices, service: str, why: str, say: Translator) -> NoReturn:
    """Raise ``ServiceFailedError`` with the end of the service's log."""
    tail = say.gettext("The last lines of its log:")
    raise ServiceFailedError(f"{why}\n{tail}\n{services.log_tail(service)}")


def _listening(log: list[str]) -> str | None:
    """Return the URL that a service's log tells, once it does."""
    for line in log:
        try:
            told = json.loads(line)
        except json.JSONDecodeError:
            continue  # a traceback, or a line that is being written
        if isinstance(told, dict) and told.get("event") == "listening":
            host = str(told.get("host", HOST))
            return f"http://{HOST if host in EVERYWHERE else host}:{told['port']}"
    return None


def _healthy(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(f"{url}/health").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
