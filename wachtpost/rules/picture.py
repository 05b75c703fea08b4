"""A day and its breaches, drawn over time: a page that needs nothing else. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Final

from markupsafe import Markup

from domain.counts import EPOCH, MILLISECOND, ms_of
from services.reporter.report.charts import Slice, Stretch, Timeline, Track, svg
from services.reporter.report.page import page
from shared.calendar import Calendar
from shared.contract.breach_events import BreachState
from shared.translation import Msg, Translator
from wachtpost.rules.tables import TrialPage, label
from wachtpost.rules.trial import Occurrence, RuleTrial, Trial
from wachtpost.rules.usual import Contact

SLICE_MS: Final = 15 * 60_000
HOUR_MS: Final = 3_600_000
MOST_TICKS: Final = 12
"""Hours that are written below the day."""

MOST_TIMES: Final = 5
"""Breaches of a rule whose times are written down in the picture."""

_DAY: Final = Msg("EEEE d MMMM y", "date pattern")


def busiest_day(trial: Trial, calendar: Calendar) -> date:
    """Return the local day on which most was told, the last of several; without any the last day."""
    days = Counter(
        calendar.local_day(ms_of(one.fired_at)) for tried in trial.rules for one in tried.occurrences
    )
    if not days:
        return calendar.local_day(ms_of(trial.last))
    return max(days, key=lambda day: (days[day], day))


@dataclass(frozen=True, slots=True)
class DayPicture:
    """One local day of a trial."""

    trial: Trial
    day: date
    contacts: Sequence[Contact]
    calendar: Calendar
    texts: TrialPage
    say: Translator

    def html(self) -> str:
        """Return the page: the picture, and the same in words."""
        say = self.say
        title = say.gettext("The rules on {day}", day=say.local(self.day, _DAY))
        drawn = list(self._drawn())
        count = sum(len(found) for _, found in drawn)
        told = say.ngettext(
            "{number} breach would have been told or gone on.",
            "{number} breaches would have been told or gone on.",
            count,
        )
        body = [
            Markup("<p>{}</p>").format(told),
            Markup("<figure>{}</figure>").format(Markup(svg(self._chart(drawn, title, told), "day"))),  # noqa: S704 - it escapes every text
            *([self._table(drawn)] if drawn else ()),
        ]
        return page(title, Markup("\n").join(body), say)

    def _drawn(self) -> Iterator[tuple[RuleTrial, list[Occurrence]]]:
        """The rules that fired on the day, or still did."""
        begins, ends = self.calendar.day_bounds(self.day)
        for tried in self.trial.rules:
            found = [
                one for one in tried.occurrences if ms_of(one.fired_at) < ends and ms_of(one.until) > begins
            ]
            if found:
                yield tried, found

    def _chart(self, drawn: Sequence[tuple[RuleTrial, list[Occurrence]]], title: str, told: str) -> Timeline:
        say, (begins, ends) = self.say, self._bounds(drawn)

        def at(moment_ms: int) -> float:
            return min(1.0, max(0.0, (moment_ms - begins) / (ends - begins)))

        hours = range(begins, ends + 1, HOUR_MS * -(-(ends - begins) // (HOUR_MS * MOST_TICKS)))
        return Timeline(
            title=title,
            description=told,
            ticks=tuple((at(hour), self._clock(hour)) for hour in hours),
            slices=tuple(
                Slice(at(start), at(start + SLICE_MS), total, bad)
                for start, (total, bad) in sorted(self._slices().items())
            ),
            total_text=say.gettext("contacts, by quarter of an hour"),
            bad_text=say.gettext("missed calls; below: told"),
            tracks=tuple(
                Track(
                    f"{label(tried.key)}, {self.texts.place(tried.key)}",
                    self._times(found),
                    tuple(
                        Stretch(at(start), at(end), state is BreachState.FIRING)
                        for one in found
                        for start, end, state in _stretches(one)
                        if end > begins and start < ends
                    ),
                )
                for tried, found in drawn
            ),
        )

    def _times(self, found: Sequence[Occurrence]) -> str:
        """From when to when breaches were told, the first few."""
        times = [
            f"{self._clock(ms_of(one.fired_at))}-{'…' if one.goes_on else self._clock(ms_of(one.until))}"
            for one in found
        ]
        return ", ".join([*times[:MOST_TIMES], *(["…"] if len(times) > MOST_TIMES else [])])

    def _slices(self) -> dict[int, tuple[int, int]]:
        """Contacts by the quarter of an hour in which their wait was over, and how many were missed."""
        found: dict[int, tuple[int, int]] = {}
        for one in self.contacts:
            start = (one.entered + one.wait_ms) // SLICE_MS * SLICE_MS
            total, bad = found.get(start, (0, 0))
            found[start] = total + 1, bad + (one.outcome is not None)
        return found

    def _bounds(self, drawn: Sequence[tuple[RuleTrial, list[Occurrence]]]) -> tuple[int, int]:
        """The hours of the day in which anything was, UTC ms."""
        begins, ends = self.calendar.day_bounds(self.day)
        moments = [
            *(moment for one in self.contacts for moment in (one.entered, one.entered + one.wait_ms)),
            *(ms_of(one.fired_at) for _, found in drawn for one in found),
            *(
                edge
                for tried, _ in drawn
                for hours in tried.rule.hours
                for stretch in self.calendar.stretches(hours, self.day)
                for edge in stretch
            ),
        ]
        inside = [moment for moment in moments if begins <= moment <= ends] or [begins, ends]
        first = max(begins, min(inside) // HOUR_MS * HOUR_MS)
        return first, min(ends, max(first + HOUR_MS, -(-max(inside) // HOUR_MS) * HOUR_MS))

    def _table(self, drawn: Sequence[tuple[RuleTrial, list[Occurrence]]]) -> Markup:
        say = self.say
        heads = (say.gettext("told"), say.gettext("over"), say.gettext("rule"), say.gettext("message"))
        rows = Markup("").join(
            Markup("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n").format(
                self.texts.moment(one.fired_at),
                say.gettext("goes on") if one.goes_on else self.texts.moment(one.until),
                f"{label(tried.key)}, {self.texts.place(tried.key)}",
                self.texts.headline(one),
            )
            for tried, found in drawn
            for one in found
        )
        head = Markup("").join(Markup('<th scope="col">{}</th>').format(text) for text in heads)
        return Markup("<table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table>").format(head, rows)

    def _clock(self, moment_ms: int) -> str:
        local: datetime = (EPOCH + moment_ms * MILLISECOND).astimezone(self.calendar.zone)
        return f"{local.hour}:{local.minute:02}"


def _stretches(one: Occurrence) -> Iterator[tuple[int, int, BreachState]]:
    """A breach, state by state, in UTC ms."""
    steps = [*one.steps, (one.until, BreachState.OK)]
    for (since, state), (until, _) in pairwise(steps):
        if until > since:
            yield ms_of(since), ms_of(until), state
