"""The text of a city file of one's own: short, with a comment at everything that was chosen. Pure."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from services.ingest.sources.queue_log.translate import queue_name
from shared.config.types import WEEKDAYS
from shared.contract.kpis import QueueKind
from shared.translation import Translator, translator
from wachtpost.init.observed import EXCHANGE, HERE
from wachtpost.init.opening_hours import WeekOfHours
from wachtpost.init.rules import ChosenRule, Value

WIDTH: Final = 110
"""Columns of a comment, at most."""

USUAL_LOG: Final = Path("/var/log/asterisk/queue_log")


@dataclass(frozen=True)
class MailServer:
    """Where mail goes out. The password is in a file of its own."""

    host: str
    port: int
    sender: str
    user: str | None = None
    password_file: Path | None = None

    @property
    def tls(self) -> str:
        """How the connection is secured: by the port, as is usual."""
        if self.host in {"localhost", "127.0.0.1", "::1"}:
            return "none"
        return "tls" if self.port == 465 else "starttls"


@dataclass(frozen=True)
class Answers:
    """What nobody but the city knows."""

    name: str
    language: str
    time_zone: str
    country: str
    """Whose public holidays close the desk; empty: none do."""
    missed: float
    """Targets: the share of missed calls of a year, mean waits in seconds, working days to an appointment."""
    wait_s: int
    visit_wait_s: int
    lead_days: float
    mail: MailServer | None
    receivers: tuple[str, ...] = ()
    """Addresses of those who are told."""
    escalate_to: tuple[str, ...] = ()
    """And of those who are told when nobody of these acts."""

    @property
    def site(self) -> str:
        """The id of a city's only site."""
        return re.sub("-+", "-", queue_name(self.name, {})).strip("-") or HERE


@dataclass(frozen=True)
class FoundQueue:
    """A queue of the file."""

    id: str
    kind: QueueKind
    hours: str | None
    seen: str = ""
    """What was seen of it, in words."""

    @property
    def title(self) -> str:
        """What people call it, as far as its id tells."""
        words = self.id.replace("-", " ").replace("_", " ").strip()
        return words[:1].upper() + words[1:]


@dataclass(frozen=True)
class Found:
    """What files tell, or what is supposed where they tell nothing."""

    seen: str
    """Where it comes from, in words."""
    sites: Mapping[str, Sequence[FoundQueue]]
    hours: Mapping[str, WeekOfHours]
    site: str
    """The site of the exchange."""
    names: Mapping[str, str]
    """The exchange's names of queues that the file has to map."""
    log: Path | None
    """The queue_log that ingest is to follow; ``None``: none was given."""
    senders: Sequence[str]
    """Sources of events other than the exchange."""
    bookings: bool
    windows: tuple[str, str]
    rules: Sequence[ChosenRule]
    silent_for: timedelta | None

    def of_kind(self, kind: QueueKind) -> bool:
        """Whether there is a queue of that kind."""
        return any(queue.kind is kind for queues in self.sites.values() for queue in queues)


def city_text(answers: Answers, found: Found) -> str:
    """Return the city file."""
    say = translator(answers.language)
    page = _CityText(answers, found, say)
    parts = [
        page.head(),
        page.city(),
        page.hours(),
        page.calendar(),
        page.sites(),
        page.targets(),
        page.live(),
        page.rules(),
        page.sources(),
        page.receivers(),
        page.mail(),
    ]
    return "\n".join("\n".join(part) + "\n" for part in map(list, parts) if part)


@dataclass(frozen=True)
class _CityText:
    answers: Answers
    found: Found
    say: Translator

    def head(self) -> Iterator[str]:
        say = self.say
        yield from comment(
            say.gettext("The city file of {name}, written by wachtpost init.", name=self.answers.name)
        )
        yield from comment(self.found.seen)
        yield from comment(
            say.gettext(
                "All of it may be changed: wachtpost config check explains every mistake. What else can "
                "stand here is in examples/lier/city.toml, with an explanation."
            )
        )

    def city(self) -> Iterator[str]:
        yield "[city]"
        yield from _pairs(
            {
                "name": self.answers.name,
                "language": self.answers.language,
                "time_zone": self.answers.time_zone,
            }
        )

    def hours(self) -> Iterator[str]:
        say = self.say
        yield _title(say.gettext("When the desk is open"))
        if not self.found.hours:
            yield from comment(
                say.gettext(
                    "Not known yet, so always open: figures count at night and on Sundays too. Remove the # "
                    'before the lines below, put in your own times, and add hours = "desk" to the queues.'
                )
            )
            yield "# [hours.desk]"
            for weekday in WEEKDAYS[:5]:
                yield f'# {weekday} = ["09:00-12:00", "13:00-17:00"]'
            return
        yield from comment(
            say.gettext(
                "Found in when contacts came and were helped, to the quarter of an hour; a handful of odd "
                "ones left out. Look them over: contacts outside them are counted apart and touch no figure."
            )
        )
        for number, (name, week) in enumerate(self.found.hours.items()):
            if number:
                yield ""
            yield f"[hours.{name}]"
            for weekday, (day, spans) in zip(WEEKDAYS, enumerate(week.spans), strict=True):
                if spans:
                    assumed = "  # " + say.gettext("never seen: as most days") if day in week.assumed else ""
                    yield f"{weekday} = {toml([clock_span(*span) for span in spans])}{assumed}"

    def calendar(self) -> Iterator[str]:
        yield from comment(
            self.say.gettext(
                'Public holidays close the desk. Days of your own: every_year = "12-24" or on = 2027-05-07, '
                'and closes_at = "12:00" for half a day.'
            )
        )
        yield "[calendar]"
        yield from _pairs({"public_holidays": self.answers.country})
        yield '# closing_days = [{ every_year = "12-24", closes_at = "12:00" }]'

    def sites(self) -> Iterator[str]:
        say = self.say
        yield _title(say.gettext("Who is waited for"))
        yield from comment(
            say.gettext(
                'kind: "phone" or "counter". An id stays as it is, it ends up on boards; the name is what '
                "people read."
            )
        )
        for number, (site, queues) in enumerate(self.found.sites.items()):
            if number:
                yield ""
            yield "[[sites]]"
            is_citys = site == self.answers.site or len(self.found.sites) == 1
            yield from _pairs({"id": site, "name": self.answers.name if is_citys else site})
            yield "queues = ["
            for queue in queues:
                table = {"id": queue.id, "kind": queue.kind.value, "name": queue.title}
                if queue.hours is not None:
                    table["hours"] = queue.hours
                yield f"  {toml(table)}," + (f"  # {queue.seen}" if queue.seen else "")
            yield "]"

    def targets(self) -> Iterator[str]:
        say, answers = self.say, self.answers
        yield _title(say.gettext("What the city promises"))
        yield from comment(say.gettext("Ratios from 0 to 1, waits in seconds, lead times in working days."))
        targets: list[Mapping[str, Value]] = []
        if self.found.of_kind(QueueKind.PHONE):
            targets += [
                {"kpi": "missed_ratio", "limit": answers.missed, "period": "year"},
                {"kpi": "call_wait_mean", "limit": answers.wait_s, "period": "month"},
            ]
        if self.found.of_kind(QueueKind.COUNTER):
            targets.append({"kpi": "visit_wait_mean", "limit": answers.visit_wait_s, "period": "month"})
            if self.found.bookings:
                targets.append({"kpi": "lead_time_mean", "limit": answers.lead_days, "period": "month"})
        for number, target in enumerate(targets):
            if number:
                yield ""
            yield "[[targets]]"
            yield from _pairs(target)

    def live(self) -> Iterator[str]:
        yield from comment(
            self.say.gettext(
                "What the live figures look back over; after a change the boards are made anew with "
                "wachtpost boards build, or make up."
            )
        )
        yield "[live]"
        yield from _pairs({"windows": self.found.windows})

    def rules(self) -> Iterator[str]:
        yield _title(self.say.gettext("When something is wrong"))
        yield from comment(
            self.say.gettext(
                "Chosen by how much there is to do here. What they would have told of days gone by: "
                "wachtpost rules backtest."
            )
        )
        for rule in self.found.rules:
            yield ""
            yield from rule_lines(rule)

    def sources(self) -> Iterator[str]:
        say, found = self.say, self.found
        phones = found.of_kind(QueueKind.PHONE)
        yield _title(say.gettext("Where events come from"))
        if phones and (found.log is not None or not found.senders):
            yield from comment(
                say.gettext(
                    "The queue_log of the telephone exchange, followed as it is written: the file itself, "
                    "not a copy. A queue that is not under queues keeps its own name, in small letters."
                )
            )
            yield "[[sources]]"
            log = {
                "kind": "queue_log",
                "id": self.exchange,
                "site": found.site,
                "path": str(found.log or USUAL_LOG),
            }
            yield from _pairs(log | ({"queues": dict(found.names)} if found.names else {}))
            if found.silent_for is not None:
                yield ""
                yield from comment(
                    say.gettext(
                        "An exchange of which nothing is heard is no perfect score. So long a silence, in "
                        "opening hours, is chance less than once a year here."
                    )
                )
                yield "[[no_data_rules]]"
                yield from _pairs(
                    {
                        "id": f"{self.exchange}-silent",
                        "source": self.exchange,
                        "after": f"{found.silent_for // timedelta(minutes=1)}m",
                        "severity": "critical",
                    }
                )
            yield ""
        yield from comment(
            say.gettext(
                "Systems that send events themselves, such as counters and appointments: wachtpost keys "
                "create makes a key, of which only the SHA-256 stands here."
            )
        )
        for sender in found.senders or ["appointments"]:
            yield from (
                f"# {line}"
                for line in (
                    "[[sources]]",
                    *_pairs({"kind": "http", "id": sender, "site": found.site, "key_sha256": ["0" * 64]}),
                )
            )

    @property
    def exchange(self) -> str:
        """The id of the source; no queue may be called so."""
        taken = {queue.id for queues in self.found.sites.values() for queue in queues}
        return next(
            name for name in (EXCHANGE, f"{EXCHANGE}-log", f"{EXCHANGE}-queue-log") if name not in taken
        )

    def receivers(self) -> Iterator[str]:
        say, answers = self.say, self.answers
        yield _title(say.gettext("Who is told"))
        if not answers.receivers:
            yield from comment(
                say.gettext(
                    "Nobody yet: boards, log and wachtpost breaches show every breach all the same. Remove "
                    "the # before the lines below, here and of the mail server."
                )
            )
        else:
            yield from comment(
                say.gettext("By role, never by a person's name. wachtpost notify test tries it.")
            )
        mark = "" if answers.receivers else "# "
        for line in self._receivers():
            yield f"{mark}{line}".rstrip()

    def _receivers(self) -> Iterator[str]:
        to = self.answers.receivers or ("desk@example.org",)
        tables: list[Mapping[str, Value]] = [_receiver("desk", to)]
        escalate: dict[str, Value] = {}
        if self.answers.escalate_to:
            tables.append(_receiver("management", self.answers.escalate_to))
            escalate = {"escalate_to": ["management"], "escalate_after": "15m"}
        for table in tables:
            yield "[[receivers]]"
            yield from _pairs(table)
            yield ""
        yield "[[routes]]"
        yield from _pairs({"receivers": ["desk"], "severities": ["critical"]} | escalate)
        yield ""
        yield "[[routes]]"
        yield from _pairs({"receivers": ["desk"], "severities": ["warning"]})

    def mail(self) -> Iterator[str]:
        mail = self.answers.mail
        shown = mail or MailServer("mail.example.org", 587, "wachtpost@example.org", "wachtpost")
        yield from comment(
            self.say.gettext(
                "The mail server. A password never stands here: password_file names the file that holds it."
            )
        )
        table: dict[str, Value] = {
            "host": shown.host,
            "port": shown.port,
            "tls": shown.tls,
            "sender": shown.sender,
        }
        if shown.user is not None:
            table["user"] = shown.user
            table["password_file"] = str(shown.password_file or "/run/secrets/smtp")
        mark = "" if mail else "# "
        for line in ("[smtp]", *_pairs(table)):
            yield f"{mark}{line}"


def _receiver(name: str, addresses: Iterable[str]) -> Mapping[str, Value]:
    return {"id": name, "channels": [{"kind": "email", "to": list(addresses)}]}


def _title(text: str) -> str:
    return f"# --- {text} ".ljust(WIDTH - 5, "-")


def rule_lines(rule: ChosenRule) -> Iterator[str]:
    """Yield a rule as it stands in a city file, its reason above it."""
    yield from comment(rule.why)
    yield "[[rules]]"
    yield from _pairs(rule.table)


def comment(text: str) -> list[str]:
    """Return a text as lines of a comment."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def clock_span(start: int, end: int) -> str:
    """Return opening hours as they stand in the file."""
    return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (start, end))


def _pairs(table: Mapping[str, Value]) -> Iterator[str]:
    return (f"{_key(key)} = {toml(value)}" for key, value in table.items())


def toml(value: Value) -> str:
    """Return a value as it stands in TOML, on one line."""
    if isinstance(value, str):
        return json.dumps("".join(sign for sign in value if sign.isprintable()), ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(toml, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else toml(key)
