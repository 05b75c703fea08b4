"""Whatever Apprise speaks: Teams workflows, Slack, Mattermost, Signal, SMS and many more (an extra).

Apprise is synchronous and says no more than yes or no, so a no is worth a few more tries.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Final

from services.notifier.messages.message import Message
from services.notifier.model import (
    Delivery,
    Notification,
    NotificationKind,
    PermanentFailure,
    TransientFailure,
    UnexplainedFailure,
)
from services.notifier.secrets import read_secret

INSTALL: Final = (
    "Apprise is not installed. In a checkout: make extras EXTRAS=apprise. "
    "Elsewhere: pipx inject wachtpost apprise."
)

THREADS: Final = 4
"""How many deliveries to one target may be under way (or hang) at a time."""


class AppriseSender:
    """Sends by one target, whose address is in a file.

    Its threads are its own: a target that hangs must not take those that look up the hosts of other channels.
    """

    def __init__(self, url_file: Path, limit: timedelta) -> None:
        self._url_file = url_file
        self._limit = limit
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="apprise")

    async def send(self, delivery: Delivery, words: Message) -> None:
        target = _only_line(self._url_file, read_secret(self._url_file).get_secret_value())
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limit.total_seconds()):
                delivered = await loop.run_in_executor(
                    self._threads,
                    notify,
                    target,
                    words.subject,
                    words.text,
                    notify_type(delivery.notification),
                    self._limit,
                )
        except TimeoutError:
            raise TransientFailure(
                f"Apprise did not finish within {self._limit.total_seconds():g} s"
            ) from None
        except ImportError:
            raise PermanentFailure(INSTALL) from None
        if delivered is None:
            # The file is read anew each time, so mending it is enough.
            raise TransientFailure(f"{self._url_file} holds no address that Apprise understands")
        if not delivered:
            raise UnexplainedFailure("Apprise could not deliver it")


def _only_line(path: Path, content: str) -> str:
    lines = [line.strip() for line in content.splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) != 1:
        # With two targets, one that fails would bring the message to the other again and again.
        raise TransientFailure(f"{path} must hold one address, on one line; it has {len(lines)}")
    return lines[0]


def notify_type(notification: Notification) -> str:
    """Return Apprise's word for how it looks: the colour and the sign that some services show."""
    match notification.kind:
        case NotificationKind.FIRING | NotificationKind.ESCALATION:
            return "failure"
        case NotificationKind.REMINDER:
            return "warning"
        case NotificationKind.RESOLVED:
            return "success"
    return "info"


def notify(url: str, subject: str, text: str, kind: str, limit: timedelta) -> bool | None:
    """Send by a target and return whether it worked; ``None``: not an address. Blocks.

    Raises ``ImportError`` without the extra. Everything is made anew: an Apprise object makes the
    next message wait 5.5 seconds. Proxies of the environment apply: Apprise cannot be told otherwise.
    """
    from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType

    asset = AppriseAsset(
        async_mode=False,
        secure_logging=True,
        service_timeout=limit.total_seconds(),
    )
    service = Apprise.instantiate(url, asset=asset)
    if service is None:
        return None
    # An address can ask for these itself. Trying again is the outbox's work, and a failure is a failure.
    service.retry = 0
    service.optional = False
    service.redirects = False
    sender = Apprise(asset=asset)
    sender.add(service)
    result = sender.notify(
        body=text, title=subject, notify_type=NotifyType(kind), body_format=NotifyFormat.TEXT
    )
    return bool(result)
