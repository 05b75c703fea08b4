"""A notification in words: subject, text and HTML, in the language of the city file. Pure.

Three steps: a breach becomes a view (names looked up, figures written out), the view becomes a headline and
facts (the sentences of ``templates``, translated), and these are laid out as text and as HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.notifier.messages.links import Links
from services.notifier.messages.template_files import Templates
from services.notifier.messages.view import BreachView, Viewer
from services.notifier.model import Breach, Notification, NotificationKind
from shared.config.model import CityFile
from shared.contract.breach_events import Level, Severity
from shared.contract.report_events import Attachment
from shared.translation import translator

SUBJECT_LENGTH: Final = 78
"""Characters; the line length of RFC 5322, and about what a lock screen shows."""

LENGTHS: Final = ((64, 0), (64, 1), (40, 1), (28, 1), (20, 1), (28, 2), (20, 2), (12, 2))
"""Until a subject fits: to how many characters names are shortened, and how brief the headline is: 1, in
short words; 2, without what it is held against either."""

_BREAKS: Final = re.compile(r"\s*[\x00-\x1f\x7f-\x9f\u2028\u2029]+\s*")
"""Line ends and control characters: in a subject they would end the header."""


@dataclass(frozen=True)
class Message:
    """What a channel hands over; ``text`` and ``html`` say the same, if there is any ``html``."""

    subject: str
    """At most ``SUBJECT_LENGTH`` characters, on one line."""
    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()
    """By mail only."""


@dataclass(frozen=True)
class Fact:
    """A line under a headline; without a label a sentence by itself."""

    label: str
    text: str

    def __str__(self) -> str:
        return f"{self.label}: {self.text}" if self.label else self.text


@dataclass(frozen=True)
class MessageParagraph:
    """One breach of a message."""

    title: str
    facts: tuple[Fact, ...]
    severity: Severity
    over: bool


@dataclass(frozen=True)
class NotificationView:
    """A notification as a template sees it."""

    kind: NotificationKind
    number: int
    receiver: str
    count: int
    """How many breaches."""
    lasting: int
    """How many of them are not over."""
    longest: str
    """How long the longest of them has lasted."""
    city: str
    at: str


class Writer:
    """Puts notifications into words, with the names and the language of a city file."""

    def __init__(self, city: CityFile, templates: Templates) -> None:
        self._city = city
        self._say = translator(city.city.language)
        self._templates = templates
        self._viewer = Viewer(city)

    def write(self, notification: Notification, links: Links | None = None) -> Message:
        """Return the message of a notification. Raises what Jinja raises when a template of ours is wrong."""
        told = notification.model_copy(update={"breaches": one_of_each_rule(notification.breaches)})
        views = [self._viewer.view(breach, told.at) for breach in told.breaches]
        about = self._about(told)
        subject = self._subject(about, views)
        values = {
            "notification": about,
            "subject": subject,
            "intro": self._fill("intro.txt", notification=about),
            "paragraphs": [self._paragraph(view) for view in views],
            "links": links or Links(),
        }
        return Message(
            subject=subject,
            text=self._fill("message.txt", **values) + "\n",
            html=self._fill("message.html", **values) + "\n",
        )

    def headline(self, breach: Breach, now: datetime) -> str:
        """Return one line that says what is wrong where, without end of sentence."""
        return self._headline(self._viewer.view(breach, now))

    def facts(self, breach: Breach, now: datetime) -> tuple[Fact, ...]:
        """Return the lines under the headline."""
        return self._facts(self._viewer.view(breach, now))

    def _about(self, notification: Notification) -> NotificationView:
        lasting = [breach for breach in notification.breaches if breach.closed_at is None]
        opened = min(
            (breach.opened_at for breach in lasting or notification.breaches), default=notification.at
        )
        return NotificationView(
            kind=notification.kind,
            number=notification.number,
            receiver=self._viewer.receiver(notification.receiver),
            count=len(notification.breaches),
            lasting=len(lasting),
            longest=self._say.duration(notification.at - opened),
            city=self._city.city.name,
            at=self._viewer.instant(notification.at),
        )

    def _subject(self, about: NotificationView, views: Sequence[BreachView]) -> str:
        """Return the first wording that fits; names are shortened before figures are lost."""
        subject = ""
        for headline, names, more, receiver in self._wordings(about, views):
            subject = one_line(
                self._fill(
                    "subject.txt",
                    notification=replace(about, receiver=receiver),
                    headline=headline,
                    names=names,
                    more=more,
                )
            )
            if len(subject) <= SUBJECT_LENGTH:
                return subject
        return clipped(subject, SUBJECT_LENGTH)

    def _wordings(
        self, about: NotificationView, views: Sequence[BreachView]
    ) -> Iterator[tuple[str, list[str], int, str]]:
        """Headline, names, how many names are left out, and receiver: from long to short."""
        for length, brief in LENGTHS:
            headline = self._headline(_with_names(views[0], length), brief=brief) if len(views) == 1 else ""
            names = list(dict.fromkeys(clipped(view.place, length) for view in views))
            for shown in range(len(names), 0, -1):
                yield headline, names[:shown], len(names) - shown, clipped(about.receiver, length)
            if not names:
                yield headline, [], 0, clipped(about.receiver, length)

    def _paragraph(self, view: BreachView) -> MessageParagraph:
        return MessageParagraph(self._headline(view), self._facts(view), view.severity, view.over)

    def _headline(self, view: BreachView, *, brief: int = 0) -> str:
        return one_line(self._fill("headline.txt", b=view, brief=brief))

    def _facts(self, view: BreachView) -> tuple[Fact, ...]:
        lines = self._fill("facts.txt", b=view).splitlines()
        return tuple(_fact(line.strip()) for line in lines if line.strip())

    def _fill(self, name: str, **values: object) -> str:
        return self._templates.fill(name, self._say, **values)


def one_of_each_rule(breaches: Sequence[Breach]) -> tuple[Breach, ...]:
    """Return breaches with what people are told of each rule once: of its limit rather than its early one, of
    what lasts rather than what is over, of the latest."""
    found: dict[tuple[str, str, str], Breach] = {}
    for breach in breaches:
        place = (breach.rule, breach.site, breach.queue)
        if place not in found or _says_more(breach) > _says_more(found[place]):
            found[place] = breach
    return tuple(found.values())


def _says_more(breach: Breach) -> tuple[bool, bool, datetime]:
    return breach.closed_at is None, breach.level is Level.LIMIT, breach.opened_at


def one_line(text: str) -> str:
    """Return ``text`` without line ends and control characters."""
    return _BREAKS.sub(" ", text).strip()


def clipped(text: str, length: int) -> str:
    """Return ``text`` in at most ``length`` characters, with ``…`` where it was cut off."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _with_names(view: BreachView, length: int) -> BreachView:
    return replace(view, place=clipped(view.place, length), site=clipped(view.site, length))


def _fact(line: str) -> Fact:
    label, colon, text = line.partition(": ")
    return Fact(label, text) if colon else Fact("", line)
