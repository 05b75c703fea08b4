"""What nobody but the city knows: from options, or asked of whoever sits at the terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import available_timezones

import holidays
import typer
from pydantic import TypeAdapter, ValidationError

from shared.config.alerting import HOST, Email
from shared.translation import Msg, Translator, languages, translator
from wachtpost.durations import duration
from wachtpost.init.city_text import Answers, MailServer
from wachtpost.terminal import complain

T = TypeVar("T")

LANGUAGE: Final = "nl"
ZONE: Final = "Europe/Brussels"
COUNTRY: Final = "BE"
SUBMISSION: Final = 587
"""The port of a mail server that takes mail of those who log in."""

LONGEST_LEAD: Final = 261
"""Working days: a year."""

PASSWORD_FILE: Final = Path("/run/secrets/smtp")
"""Where its password is, unless somebody says otherwise."""

_EMAIL: Final[TypeAdapter[str]] = TypeAdapter(Email)


@dataclass(frozen=True)
class Given:
    """What the options say; ``None``: nothing, so it is asked, or else a default."""

    name: str | None = None
    language: str | None = None
    time_zone: str = ZONE
    country: str = COUNTRY
    missed: float | None = None
    wait_s: int | None = None
    visit_wait_s: int | None = None
    lead_days: float | None = None
    mail: MailServer | None = None
    receivers: tuple[str, ...] = ()
    escalate_to: tuple[str, ...] = ()


DEFAULTS: Final = Answers(
    name="",
    language=LANGUAGE,
    time_zone=ZONE,
    country=COUNTRY,
    missed=0.20,
    wait_s=45,
    visit_wait_s=300,
    lead_days=5,
    mail=None,
)
"""Targets of Lier's action plan; of its counters the one that most of them have."""


@dataclass(frozen=True)
class Asker:
    """Asks what the options leave open, where somebody is there to answer."""

    given: Given
    present: bool
    """Whether anybody is: else everything has its default."""

    def language(self) -> str:
        """Return the language of the city, in which everything further is said."""
        known = ", ".join(languages())
        return self._ask(
            self.given.language, f"Taal · Langue · Sprache · Language ({known})", LANGUAGE, language_code
        )

    def supposed(self, spoken: str) -> Answers:
        """Return the answers that a first look goes by."""
        return replace(
            DEFAULTS,
            name=self.given.name or "-",
            language=spoken,
            time_zone=self.given.time_zone,
            country=self.given.country,
        )

    def answers(self, spoken: str, *, phones: bool, counters: bool, bookings: bool) -> Answers:
        """Return all answers. ``phones``, ``counters``, ``bookings``: what there is to have targets for."""
        say, given = translator(spoken), self.given
        name = self._ask(given.name, say.gettext("Name of the city"), say.gettext("My city"), _name, say)
        missed, wait_s = DEFAULTS.missed, DEFAULTS.wait_s
        visit_wait_s, lead_days = DEFAULTS.visit_wait_s, DEFAULTS.lead_days
        if phones:
            question = say.gettext("Target: share of missed calls in a year, at most")
            missed = self._ask(given.missed, question, "20%", share, say)
            question = say.gettext("Target: mean wait of answered calls, at most")
            wait_s = self._ask(given.wait_s, question, "45s", seconds, say)
        if counters:
            question = say.gettext("Target: mean wait at the counter, at most")
            visit_wait_s = self._ask(given.visit_wait_s, question, "5m", seconds, say)
        if bookings:
            question = say.gettext("Target: mean lead time to an appointment in working days, at most")
            lead_days = self._ask(given.lead_days, question, "5", working_days, say)
        receivers = given.receivers
        if not receivers:
            question = say.gettext("Mail address of who is told when something is wrong (empty: nobody yet)")
            receivers = self._ask(None, question, "", addresses, say)
        escalate_to = given.escalate_to
        if receivers and not escalate_to:
            question = say.gettext("And of who is told when nobody acts on it for 15 minutes (empty: nobody)")
            escalate_to = self._ask(None, question, "", addresses, say)
        return Answers(
            name=name,
            language=spoken,
            time_zone=given.time_zone,
            country=given.country,
            missed=missed,
            wait_s=wait_s,
            visit_wait_s=visit_wait_s,
            lead_days=lead_days,
            mail=self._mail(say, receivers) if receivers else None,
            receivers=receivers,
            escalate_to=escalate_to,
        )

    def _mail(self, say: Translator, receivers: tuple[str, ...]) -> MailServer | None:
        """Where mail goes out; ``None``: nobody said."""
        if self.given.mail is not None or not self.present:
            return self.given.mail
        domain = receivers[0].rpartition("@")[2]
        host, port = self._ask(
            None, say.gettext("Mail server, as host or host:port"), f"mail.{domain}", server, say
        )
        sender = self._ask(None, say.gettext("Sender of the mails"), f"wachtpost@{domain}", address, say)
        user = self._ask(None, say.gettext("User name at the mail server (empty: none)"), "", str.strip)
        if not user:
            return MailServer(host, port, sender)
        question = say.gettext("File that holds the password (it is never asked for, nor written down)")
        return MailServer(host, port, sender, user, self._ask(None, question, str(PASSWORD_FILE), Path))

    def _ask(
        self,
        given: T | None,
        question: str,
        default: str,
        parse: Callable[[str], T],
        say: Translator | None = None,
    ) -> T:
        if given is not None:
            return given
        if not self.present:
            return parse(default)
        while True:
            answer: str = typer.prompt(question, default=default, show_default=bool(default))
            try:
                return parse(answer)
            except typer.BadParameter as error:
                complain(say.text(WANTED[parse]) if say is not None and parse in WANTED else error.message)


def language_code(text: str) -> str:
    """Return a language there is; raises ``typer.BadParameter``, as all of these do."""
    if text.strip().lower() not in languages():
        raise typer.BadParameter(f"write one of {', '.join(languages())}")
    return text.strip().lower()


def zone(text: str) -> str:
    """Return a time zone there is."""
    if text not in available_timezones():
        raise typer.BadParameter('write a time zone such as "Europe/Brussels"')
    return text


def country_code(text: str) -> str:
    """Return a country whose holidays are known, or nothing."""
    if text and text not in holidays.list_supported_countries():
        raise typer.BadParameter('write a country such as "BE", or "" for no holidays')
    return text


def _name(text: str) -> str:
    if not text.strip():
        raise typer.BadParameter("write a name")
    return text.strip()


def share(text: str) -> float:
    """Return ``20%``, ``20`` or ``0.2`` as 0.2."""
    number = text.strip().removesuffix("%").strip().replace(",", ".")
    try:
        value = float(number)
    except ValueError:
        raise typer.BadParameter('write a share such as "20%"') from None
    value = value / 100 if "%" in text or value > 1 else value
    if not 0 < value < 1:
        raise typer.BadParameter('write a share between 0% and 100%, such as "20%"')
    return round(value, 4)


def seconds(text: str) -> int:
    """Return ``45s``, ``5m`` or ``45`` as seconds."""
    plain = text.strip()
    length = duration(f"{plain}s" if plain.isdecimal() else plain)
    if length < timedelta(seconds=1):
        raise typer.BadParameter("write a duration of at least 1s")
    return length // timedelta(seconds=1)


def working_days(text: str) -> float:
    """Return ``5`` or ``2.5``."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        value = 0.0
    if not 0 < value < LONGEST_LEAD:
        raise typer.BadParameter('write a number of working days, such as "5"')
    return value


def address(text: str) -> str:
    """Return a mail address."""
    try:
        return _EMAIL.validate_python(text.strip())
    except ValidationError:
        raise typer.BadParameter('write a mail address such as "desk@example.org"') from None


def addresses(text: str) -> tuple[str, ...]:
    """Return the mail addresses of a list with commas; none of an empty one."""
    return tuple(address(one) for one in text.split(",") if one.strip())


def server(text: str) -> tuple[str, int]:
    """Return the host and the port of a mail server."""
    host, colon, port = text.strip().rpartition(":")
    if not colon or not port.isdecimal():
        host, port = text.strip(), str(SUBMISSION)
    host = host.strip("[]")
    if not re.fullmatch(HOST, host) or not 0 < int(port) < 65_536:
        raise typer.BadParameter('write a mail server such as "mail.example.org" or "mail.example.org:587"')
    return host, int(port)


WANTED: Final[Mapping[Callable[[str], object], Msg]] = {
    _name: Msg("Write a name."),
    share: Msg("Write a share between 0% and 100%, such as 20%."),
    seconds: Msg("Write a duration such as 45s or 5m."),
    working_days: Msg("Write a number of working days, such as 5."),
    address: Msg("Write a mail address, such as desk@example.org."),
    addresses: Msg("Write mail addresses, such as desk@example.org, with a comma between them."),
    server: Msg("Write a mail server, such as mail.example.org or mail.example.org:587."),
}
"""What is asked for again, in the city's language; as options they are refused in English, like any."""
