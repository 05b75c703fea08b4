"""The ways a message reaches its receiver: one module per channel, and here what makes them all.

A channel is known by its receiver's id and its position among the receiver's channels.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from services.notifier.channels.alertmanager import AlertmanagerSender
from services.notifier.channels.apprise_target import AppriseSender
from services.notifier.channels.mail import MailSender
from services.notifier.channels.post import HttpPost
from services.notifier.channels.sender import Sender, SenderLimits
from services.notifier.channels.webhook import WebhookSender
from services.notifier.secrets import Secrets, hush_libraries
from shared.config.alerting import AlertmanagerChannel, AppriseChannel, Channel, EmailChannel, WebhookChannel
from shared.config.model import CityFile
from shared.process.clock import Clock

Senders = Mapping[tuple[str, int], Sender]
"""By receiver's id and the channel's position."""


def build_senders(
    city: CityFile,
    secrets: Secrets,
    http: httpx.AsyncClient,
    clock: Clock,
    *,
    limits: SenderLimits | None = None,
    tls: ssl.SSLContext | None = None,
) -> Senders:
    """Return a sender for each channel of each receiver of the city file.

    Nothing connects and no secret is read before the first delivery. ``http`` comes from ``http_client`` and
    stays the caller's to close; ``tls`` is for mail servers (none: the system's certificates). The libraries'
    loggers are told to be silent about addresses.
    """
    hush_libraries()
    factory = _SenderFactory(city, secrets, http, clock, limits or SenderLimits(), tls)
    return {
        (receiver.id, position): factory.sender(channel)
        for receiver in city.receivers
        for position, channel in enumerate(receiver.channels)
    }


@dataclass(frozen=True)
class _SenderFactory:
    """What it takes to make any sender."""

    city: CityFile
    secrets: Secrets
    http: httpx.AsyncClient
    clock: Clock
    limits: SenderLimits
    tls: ssl.SSLContext | None

    def sender(self, channel: Channel) -> Sender:
        match channel:
            case EmailChannel():
                return self._mail()
            case WebhookChannel():
                return WebhookSender(self._post(str(channel.url)), self.clock, channel.secret_file)
            case AlertmanagerChannel():
                notify = self.city.notify
                return AlertmanagerSender(
                    self._post(str(channel.url)),
                    external_url=str(notify.base_url or ""),
                    board_url=str(notify.board_url or ""),
                )
            case AppriseChannel():
                return AppriseSender(channel.url_file, self.limits.apprise)

    def _post(self, url: str) -> HttpPost:
        return HttpPost(self.http, httpx.URL(url), self.clock, self.limits.http)

    def _mail(self) -> Sender:
        smtp = self.city.smtp
        if smtp is None:
            raise ValueError("a mail channel without [smtp]: the city file was not checked")
        password_file = self.secrets.smtp_password_file or smtp.password_file
        return MailSender(smtp, password_file, self.clock, self.limits.mail, self.tls)
