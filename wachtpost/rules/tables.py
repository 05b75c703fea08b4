"""What rules would have said of the past, as tables for people. Pure: makes renderables, prints nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from services.notifier.messages.message import Message, Writer
from services.notifier.model import Notification, NotificationKind
from shared.config.model import ALL_QUEUES, CityFile
from shared.contract.breach_events import RuleKey, rule_label
from shared.translation import Msg, Translator, translator
from wachtpost.rules.by_days import Untried, WhyNot
from wachtpost.rules.findings import FAULTS, FindingKind, findings, limit_text, past, value_text
from wachtpost.rules.trial import Occurrence, RuleTrial, Trial
from wachtpost.rules.usual import ByChance
from wachtpost.whole_words import WholeWords

NOTHING: Final = "–"

LATEST: Final = 12
"""Breaches that are listed one by one; the others are counted."""

BUSIEST: Final = 3
"""Hours that are named."""


class TrialPage:
    """Everything that is to be said of a trial, in the language of the city file."""

    def __init__(self, city: CityFile, tried: Trial, usually: ByChance | None, writer: Writer) -> None:
        self._city = city
        self._trial = tried
        self._usually = usually
        self._writer = writer
        self._say = translator(city.city.language)
        self._titles = {(s.id, q.id): q.title for s in city.sites for q in s.queues}

    def renderables(self) -> Iterator[RenderableType]:
        """Yield the tables."""
        yield self._head()
        yield self._table()
        yield from self._assumed()
        yield from self._findings()
        yield from self._latest()

    def messages(self) -> Iterator[RenderableType]:
        """Yield the message that each rule would have sent last."""
        for tried in self._trial.rules:
            if tried.occurrences:
                yield self._message(tried.occurrences[-1])

    def _head(self) -> RenderableType:
        say = self._say
        return Text(
            say.gettext(
                "The rules from {first} to {last} ({past}), as if they had been judged at the time",
                past=past(self._trial, say),
                first=self._instant(self._trial.first),
                last=self._instant(self._trial.last),
            ),
            style="bold",
        )

    def _table(self) -> RenderableType:
        say = self._say
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        table.add_column(say.gettext("rule"), no_wrap=True)
        table.add_column(say.gettext("queue"), no_wrap=True)
        heads = [
            # Translators: the heads of narrow columns, each a line or two of at most eight letters.
            say.gettext("fired"),
            say.gettext("in all\n(h:min)"),
            say.gettext("longest\n(h:min)"),
            say.gettext("worst\nfigure"),
            say.gettext("limit"),
            say.gettext("by chance\na year"),
        ]
        for head in heads:
            table.add_column(head, justify="right", no_wrap=True)
        table.add_column(say.gettext("hours"))
        table.add_column(say.gettext("last"))
        for tried in self._trial.rules:
            table.add_row(*self._row(tried), style="" if tried.occurrences else "dim")
        return WholeWords(table)

    def _row(self, tried: RuleTrial) -> Sequence[str]:
        say, count = self._say, len(tried.occurrences)
        lengths = (_hours_minutes(tried.total), _hours_minutes(tried.longest)) if count else ("", "")
        furthest = NOTHING if tried.furthest is None else value_text(tried, tried.furthest, say)
        return (
            label(tried.key),
            self.place(tried.key),
            say.number(count),
            *lengths,
            furthest,
            limit_text(tried, say),
            self._by_chance(tried),
            self._hours(tried),
            self.moment(tried.occurrences[-1].fired_at) if count else "",
        )

    def _by_chance(self, tried: RuleTrial) -> str:
        a_year = None if self._usually is None else self._usually.a_year(tried.key.name)
        return NOTHING if a_year is None else self._say.number(a_year, 0 if a_year >= 1 or not a_year else 1)

    def _assumed(self) -> Iterator[RenderableType]:
        """What "by chance" rests on."""
        say = self._say
        if self._usually is not None:
            days = say.ngettext("{number} usual day", "{number} usual days", self._usually.learnt_from)
            yield Text(
                say.gettext(
                    "By chance: on {made_up} made-up open days with as many contacts an hour as on {usual}, "
                    "independent of each other, each waiting and missed as one of those was ({share} of the "
                    "calls were missed).",
                    made_up=say.number(self._usually.days),
                    usual=days,
                    share=say.ratio(self._usually.missed),
                ),
                style="dim",
            )

    def _hours(self, tried: RuleTrial) -> str:
        """The hours of the day in which it fired most."""
        hours = Counter(one.fired_at.astimezone(self._city.city.zone).hour for one in tried.occurrences)
        told = sorted(hour for hour, _ in hours.most_common(BUSIEST))
        more = "…" if len(hours) > BUSIEST else ""
        return " ".join(f"{hour}-{hour + 1}" for hour in told) + more

    def _findings(self) -> Iterator[RenderableType]:
        say, told = self._say, set[tuple[str, str]]()
        lines = Table.grid(padding=(0, 2, 0, 0))
        lines.add_column(no_wrap=True)
        lines.add_column()
        for tried in self._trial.rules:
            for finding in findings(tried, self._trial, self._city, say):
                if finding.kind is FindingKind.NEVER_OVER:
                    continue  # the table says so
                text = Text(finding.text, style="yellow" if finding.kind in FAULTS else "dim")
                if finding.better and (tried.key.rule, finding.better) not in told:
                    told.add((tried.key.rule, finding.better))
                    text.append("\n" + say.gettext("better: {better}", better=finding.better), "not dim")
                lines.add_row(f"{label(tried.key)}, {self.place(tried.key)}", text)
        if lines.row_count:
            yield Group(Text(say.gettext("What stands out"), style="bold"), lines)

    def _latest(self) -> Iterator[RenderableType]:
        say = self._say
        found = sorted(
            (one for tried in self._trial.rules for one in tried.occurrences), key=lambda one: one.fired_at
        )
        if not found:
            return
        lines = Table.grid(padding=(0, 2, 0, 0))
        lines.add_column(no_wrap=True)
        lines.add_column(no_wrap=True)
        lines.add_column()
        for one in found[-LATEST:]:
            how_long = say.gettext("goes on") if one.goes_on else say.duration(one.lasted)
            lines.add_row(
                self._instant(one.fired_at), how_long, self._writer.headline(one.told, one.fired_at)
            )
        yield Group(Text(say.gettext("The last breaches"), style="bold"), lines)

    def _message(self, one: Occurrence) -> RenderableType:
        message = self.message(one)
        head = Text(
            f"── {self._instant(one.fired_at)} {label(one.told)}, {self.place(one.told)} ", style="dim"
        )
        subject = Text(self._say.gettext("Subject: {subject}", subject=message.subject), style="bold")
        return Group(head, subject, Text(message.text.rstrip()))

    def message(self, one: Occurrence) -> Message:
        """Return the message that would have been sent when it fired."""
        return self._writer.write(as_sent(one))

    def headline(self, one: Occurrence) -> str:
        """Return what a message would have said of it in one line."""
        return self._writer.headline(one.told, one.fired_at)

    def place(self, key: RuleKey) -> str:
        """Return what a rule is about: a queue's name, the total, or a source's id."""
        if key.queue == ALL_QUEUES:
            return self._say.gettext("Total")
        return self._titles.get((key.site, key.queue), key.queue)

    def moment(self, at: datetime) -> str:
        """Return a moment as seen from the end: the year only where it is another."""
        zone = self._city.city.zone
        return self._say.moment(at.astimezone(zone), self._trial.last.astimezone(zone))

    def _instant(self, at: datetime) -> str:
        return self._say.instant(at.astimezone(self._city.city.zone))


def label(key: RuleKey) -> str:
    """Return what a rule is called; its early limit by a name of its own, as in metrics."""
    return rule_label(key.rule, key.level)


def as_sent(one: Occurrence) -> Notification:
    """Return what would have been sent when a rule fired, to nobody in particular."""
    return Notification(
        id=one.told.id,
        kind=NotificationKind.FIRING,
        receiver="",
        breaches=(one.told,),
        at=one.fired_at,
    )


def _hours_minutes(length: timedelta) -> str:
    minutes = round(length / timedelta(minutes=1))
    return f"{minutes // 60}:{minutes % 60:02}"


WHY_NOT: Final[Mapping[WhyNot, Msg]] = {
    WhyNot.WITHIN_THE_DAY: Msg("looks within the day, and a day is kept as one sum"),
    WhyNot.AT_A_MOMENT: Msg("is about a moment, and days do not say who waited or served then"),
    WhyNot.SOURCE: Msg("is about a source, and days do not say when it spoke"),
}


def untried_lines(untried: Sequence[Untried], say: Translator) -> Iterator[str]:
    """Yield which rules days say nothing of, and why; each rule once, whatever its queues and limits."""
    whys = {one.rule.key.rule: one.why for one in untried}
    if whys:
        yield say.gettext("Not tried; give the logs themselves for these:")
    for rule, why in whys.items():
        yield f"  {rule}: {say.text(WHY_NOT[why])}"
