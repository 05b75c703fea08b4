"""Mail: one delivery is one message to one address, so each recipient has a result of its own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.header import Header
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from pathlib import Path
from typing import Final

import aiosmtplib

from services.notifier.channels.sender import why_lost
from services.notifier.messages.message import Message
from services.notifier.model import Delivery, DeliveryFailed, PermanentFailure, TransientFailure
from services.notifier.secrets import read_secret
from shared.config.alerting import SmtpConfig
from shared.process.clock import Clock

ADDRESS: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[a-z0-9-]+(\.[a-z0-9-]+)*", re.ASCII | re.IGNORECASE)
"""What stands in a mail header and on an SMTP line without quoting; nothing else gets that far."""

ENHANCED_CODE: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")
"""RFC 3463: why, in three numbers. The only part of a server's reply that repeats no address."""

HEADER_LINE: Final = 78
"""Characters of a header's line, at most; a longer one is folded (RFC 5322)."""

THREADS_MOST: Final = 20
"""Breaches of one message whose threads it joins; a digest of a bad day would fill the header."""

PART_WITHIN: Final = timedelta(seconds=2)
"""How long we wait for a server to say goodbye."""


class MailPolicy(EmailPolicy):
    """How a mail is written: its subject as RFC 2047 says.

    Python's own way leaves the first line empty when the rest fits on the second, and some mail programs show
    no subject then; and it loses or doubles the space where words in and out of ASCII meet.
    """

    def fold(self, name: str, value: str) -> str:
        return self._subject(value) if name.lower() == "subject" else super().fold(name, value)

    def fold_binary(self, name: str, value: str) -> bytes:
        if name.lower() == "subject":
            return self._subject(value).encode("ascii")
        return super().fold_binary(name, value)

    def _subject(self, text: str) -> str:
        charset = "us-ascii" if text.isascii() else "utf-8"
        header = Header(str(text), charset, maxlinelen=HEADER_LINE, header_name="Subject")
        return f"Subject: {header.encode(linesep=self.linesep)}{self.linesep}"


def compose(delivery: Delivery, words: Message, *, sender: str, address: str, at: datetime) -> EmailMessage:
    """Return the mail. Both addresses must be ones that ``ADDRESS`` matches.

    The ``Message-ID`` comes from the delivery's key: a mail that arrives twice is recognised as one. All
    mails about a breach refer to the same thread, so that reminders and the all-clear stand under the first.
    """
    domain = sender.rpartition("@")[2]
    mail = EmailMessage(policy=MailPolicy(linesep="\r\n"))
    mail["From"] = f"Wachtpost <{sender}>"
    mail["To"] = address
    mail["Subject"] = one_line(words.subject)
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = _message_id(f"parcel {delivery.key}", domain)  # as ever: the same mail keeps its id
    threads = [_message_id(f"breach {b.id}", domain) for b in delivery.notification.breaches[:THREADS_MOST]]
    if threads:
        mail["In-Reply-To"] = threads[0]
        mail["References"] = " ".join(threads)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"  # the same for Exchange: no out-of-office replies
    mail["X-Wachtpost-Key"] = one_line(delivery.key)
    # Quoted-printable passes servers without 8BITMIME and keeps lines short.
    mail.set_content(words.text, cte="quoted-printable")
    if words.html:
        mail.add_alternative(words.html, subtype="html", cte="quoted-printable")
    for one in words.attachments:
        main, _, sub = one.media_type.partition("/")
        charset = {"charset": "utf-8"} if main == "text" else {}
        mail.add_attachment(one.data, maintype=main, subtype=sub, filename=one.name, params=charset)
    return mail


def one_line(text: str) -> str:
    """Return the text as one line of printable signs: no header can be smuggled in."""
    return "".join(sign for sign in " ".join(text.split()) if sign.isprintable())


def _message_id(name: str, domain: str) -> str:
    return f"<{hashlib.sha256(name.encode()).hexdigest()[:32]}@{domain}>"


def plain_address(address: str) -> str | None:
    """Return the address with its domain in ASCII, or ``None`` when it is not one that we write to."""
    local, _, domain = address.rpartition("@")
    try:
        plain = f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return None
    return plain if ADDRESS.fullmatch(plain) else None


def failure_of(error: OSError | aiosmtplib.SMTPException, limit: timedelta) -> DeliveryFailed:
    """Say what an error of the SMTP dialogue means.

    From ``MAIL`` on, the server speaks about this mail: 5xx is final. Before that (greeting, TLS, login) it
    refuses us as a whole, which somebody mends while the mail waits.
    """
    match error:
        case aiosmtplib.SMTPRecipientsRefused(recipients=[refused, *_]):
            return _refused("the recipient", refused)
        case aiosmtplib.SMTPSenderRefused():
            return _refused("the sender (smtp.sender)", error)
        case aiosmtplib.SMTPDataError():
            return _refused("the message", error)
        case aiosmtplib.SMTPAuthenticationError():
            return TransientFailure(f"the mail server refuses the login of smtp.user: {_code(error)}")
        case aiosmtplib.SMTPResponseException():
            return TransientFailure(f"the mail server turns us away: {_code(error)}")
        case TimeoutError():
            return TransientFailure(f"the mail server does not answer within {limit.total_seconds():g} s")
        case OSError():
            return TransientFailure(f"mail server: {why_lost(error)}")
    # What is left: the server does not offer what smtp.tls and smtp.user ask for.
    return TransientFailure(f"the mail server cannot do what [smtp] asks for: {error.message}")


def _refused(what: str, error: aiosmtplib.SMTPResponseException) -> DeliveryFailed:
    kind = PermanentFailure if error.code >= 500 else TransientFailure
    return kind(f"the mail server refuses {what}: {_code(error)}")


def _code(error: aiosmtplib.SMTPResponseException) -> str:
    enhanced = ENHANCED_CODE.match(error.message)
    return f"{error.code} {enhanced[0]}" if enhanced else str(error.code)


@dataclass(frozen=True)
class MailSender:
    """Sends mail through the city's server. A connection per message: they are rare, servers hang up."""

    smtp: SmtpConfig
    password_file: Path | None
    clock: Clock
    limit: timedelta
    """For the whole delivery."""
    tls: ssl.SSLContext | None = None
    """None: the system's certificates."""

    async def send(self, delivery: Delivery, words: Message) -> None:
        address = plain_address(delivery.address or "")
        if address is None:
            raise PermanentFailure("the receiver's mail address is not one that can be written to")
        sender = self._sender()
        mail = compose(delivery, words, sender=sender, address=address, at=self.clock())
        try:
            async with self._connected(sender) as line:
                await line.send_message(mail, sender=sender, recipients=[address])
        except (aiosmtplib.SMTPException, OSError) as error:
            raise failure_of(error, self.limit) from None

    async def greet(self) -> None:
        """Return if the server lets us in, with TLS and log-in as ``smtp`` says; nothing is sent.

        Raises ``aiosmtplib.SMTPException`` or ``OSError`` as they come, and ``DeliveryFailed`` for what is
        wrong here: the password file, or the sender.
        """
        async with self._connected(self._sender()):
            pass

    def _sender(self) -> str:
        sender = plain_address(self.smtp.sender)
        if sender is None:
            raise PermanentFailure("smtp.sender is not an address that can be written from")
        return sender

    @contextlib.asynccontextmanager
    async def _connected(self, sender: str) -> AsyncIterator[aiosmtplib.SMTP]:
        line = self._line(sender)
        try:
            async with asyncio.timeout(self.limit.total_seconds()):
                await line.connect()
                yield line
            # They have it: what goes wrong while parting must not bring it a second time.
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await line.quit(timeout=PART_WITHIN.total_seconds())
        finally:
            line.close()

    def _line(self, sender: str) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self.smtp.host,
            port=self.smtp.port,
            username=self.smtp.user,
            password=self._password(),
            # Not the machine's name: asking DNS for it can hang, and it says nothing to the recipient.
            local_hostname=sender.rpartition("@")[2],
            timeout=self.limit.total_seconds(),
            use_tls=self.smtp.tls == "tls",
            start_tls=self.smtp.tls == "starttls",  # never "if offered": that can be stripped
            tls_context=self.tls,
        )

    def _password(self) -> str | None:
        if self.smtp.user is None:
            return None
        if self.password_file is None:
            raise PermanentFailure("smtp.user needs smtp.password_file or WACHTPOST_SMTP_PASSWORD_FILE")
        return read_secret(self.password_file).get_secret_value()
