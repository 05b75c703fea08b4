"""The questions that the boards ask Prometheus.

A target is never written into a board: it is ``wachtpost_kpi_target``. Where a rolling figure stands against
it the evaluator says (``wachtpost_kpi_verdict``), as of a month or year (``wachtpost_indicator_verdict``).
Labels ``site`` and ``queue`` are told by the owner of a partition only; ``max by`` keeps a board right also
in the seconds in which two replicas were scraped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from deploy.grafana import labels
from deploy.grafana.labels import bracketed, indented, joined, replaced
from deploy.grafana.panels import behind
from deploy.grafana.words import (
    ABOVE_TARGET,
    BELOW_TARGET,
    CLOSED,
    COUNTS,
    IN_MINUTES,
    NO_TARGET,
    NOT_YET,
    ON_TARGET,
    RANGE_FROM,
    RANGE_TO,
    STATES,
    Edition,
    Text,
)
from shared.contract.breach_events import BreachState

SITE: Final = 'site="$site"'
CHOSEN: Final = f'{SITE}, queue=~"$queue"'
"""The queues chosen in the variable."""
TOTAL: Final = f'{SITE}, queue="all"'
"""All queues together, as the evaluator counts them: means and ratios cannot be added up here."""

TODAY: Final = "today"
"""The window that every city has, beside those of its file (``Edition``)."""
WITHIN, UNDECIDED, BEYOND = 0, 1, 2
"""What ``wachtpost_kpi_verdict`` can be."""

INFO: Final = f"max by (site, queue, name) (wachtpost_queue_info{{{SITE}}})"
INFO_OF_ALL_SITES: Final = "max by (site, queue, name) (wachtpost_queue_info)"
STATE_CODES: Final = {state: code for code, state in enumerate(STATES)}
"""A number per state, the most serious highest, so that ``max`` of several is the one to look at."""


GOING_ON: Final = (BreachState.PENDING, BreachState.CLEARING, BreachState.FIRING)
"""Of what is wrong, or may become so."""


def named(query: str, info: str = INFO) -> str:
    """Give every answer of ``query``, which has ``site`` and ``queue``, what people call the queue
    (``name``)."""
    return f"{bracketed(query)}\n* on (site, queue) group_left (name) {info}"


def per_place(series: str) -> str:
    """One answer per queue, whoever told it."""
    return f"max by (site, queue) ({series})"


@dataclass(frozen=True, slots=True)
class KpiQuery:
    """A figure that may have a target."""

    name: str
    """Label ``kpi``."""
    series: str
    kind: str
    """Of the queues that have it: ``phone`` or ``counter``."""
    contacts: Text
    """What its samples are."""
    unit: Text
    """In which it is shown, as it stands behind a figure or a target."""
    decimals: int
    into_unit: str = ""
    """What makes it of the metric's unit: ``* 100``."""
    more_is_better: bool = False
    is_share: bool = False
    """A part of its contacts; else a mean of something."""
    range_digits: int = 0
    """Decimals of the ends of a range, in the unit that is shown."""

    def unit_in(self, say: Edition) -> str:
        """Grafana's unit of what is ``scaled``."""
        return behind(say.percent_sign if self.is_share else f" {say(self.unit)}")

    def value(self, places: str, window: str) -> str:
        """The rolling figure; no answer without contacts, or with fewer than the city file asks for."""
        return per_place(f'{self.series}{{{places}, window="{window}"}}')

    def samples(self, places: str, window: str) -> str:
        """On how many contacts it rests."""
        return self._told_of("samples", places, window)

    def part(self, places: str, window: str) -> str:
        """How many of these make a share."""
        return self._told_of("part", places, window)

    def range(self, places: str, window: str) -> tuple[tuple[Text, str], ...]:
        """The lower and the upper end of the range that the true figure lies in, each with what it is called;
        no answers where it has none."""
        low, high = (self._told_of(end, places, window) for end in ("low", "high"))
        return (RANGE_FROM, low), (RANGE_TO, high)

    def stands(self, places: str, window: str) -> str:
        """How it stands against its target, as the evaluator says: ``WITHIN``, ``UNDECIDED``, ``BEYOND``."""
        return self._told_of("verdict", places, window)

    def started(self, places: str, window: str) -> str:
        """When a window of so many contacts begins."""
        return self._told_of("window_start_timestamp_seconds", places, window)

    def _told_of(self, what: str, places: str, window: str) -> str:
        return per_place(f'wachtpost_kpi_{what}{{{places}, kpi="{self.name}", window="{window}"}}')

    def shut(self) -> str:
        """The places that nobody can come to at the moment; empty for a figure of which that says nothing."""
        return f'{per_place(f"""wachtpost_queue_open{{{SITE}, kind="{self.kind}"}}""")} == 0'

    def target(self) -> str:
        """The target of every place: its own, or else that of all places together, as the evaluator's rules
        have it."""
        own = per_place(f'wachtpost_kpi_target{{{SITE}, kpi="{self.name}"}}')
        places = per_place(f'wachtpost_queue_info{{{SITE}, kind="{self.kind}"}}')
        site = f'max by (site) (wachtpost_kpi_target{{{TOTAL}, kpi="{self.name}"}})'
        return f"{own}\nor {places} * on (site) group_left () {site}"

    def scaled(self, query: str) -> str:
        """``query`` in the unit that is shown."""
        return f"{bracketed(query)} {self.into_unit}" if self.into_unit else query

    def verdict(self, say: Edition, places: str, window: str, *, ranged: bool = False) -> str:
        """The figure, ``scaled``, with labels: ``verdict`` (in words, with the target), ``counts``, ``name``.

        What is wrong comes first, and what nobody can say yet before what is well. Without a figure the
        answer is 0 and ``verdict`` says so, or that the desk is shut; there is no value to be had, yet there
        are samples. No answer at all: nobody answers. ``ranged``: see ``counts``.
        """
        value, samples, shut = self.value(places, window), self.samples(places, window), self.shut()
        without = f"0 * ({samples} unless on (site, queue) {value})"
        few = _told(f"{without} unless on (site, queue) ({shut})" if shut else without, say(NOT_YET))
        if shut:
            few += "\nor\n" + _told(f"{without} and on (site, queue) ({shut})", say(CLOSED))
        every = named(f"{self.scaled(self.judged(say, places, window))}\nor\n{few}")
        counts = bracketed(self.counts(say, places, window, ranged=ranged))
        return f"{every}\n* on (site, queue) group_left (counts) {counts}"

    def judged(self, say: Edition, places: str, window: str) -> str:
        """The figure, in the unit of the metric, with the evaluator's word on it (``verdict``)."""
        value, verdict = self.value(places, window), self.stands(places, window)

        def where(code: int, word: Text) -> str:
            return self._against(say, f"{value} and on (site, queue) ({verdict} == {code})", word)

        untold = _told(f"{value} unless on (site, queue) {verdict}", say(NO_TARGET))
        told = (where(BEYOND, self.bad), where(UNDECIDED, NOT_YET), where(WITHIN, ON_TARGET))
        return "\nor\n".join((*told, untold))

    def compared(self, say: Edition, value: str) -> str:
        """``value``, in the unit of the metric, with the label ``verdict``: on which side of the target it
        lies, where nobody else says so."""
        target = self.target()
        beyond, within = ("<", ">=") if self.more_is_better else (">", "<=")

        def where(operator: str, word: Text) -> str:
            return self._against(say, f"{value} {operator} on (site, queue) ({target})", word)

        untold = _told(f"{value} unless on (site, queue) ({target})", say(NO_TARGET))
        return "\nor\n".join((where(beyond, self.bad), where(within, ON_TARGET), untold))

    @property
    def bad(self) -> Text:
        """The word for the wrong side of the target."""
        return BELOW_TARGET if self.more_is_better else ABOVE_TARGET

    def _against(self, say: Edition, value: str, word: Text) -> str:
        text = labels.as_set(say, "target", self.scaled(self.target()))
        told = f"({value})\n* on (site, queue) group_left (target) {text}"
        return _told(told, f"{say(word)} ($1 {say(self.unit)})", "target")

    def counts(self, say: Edition, places: str, window: str, *, ranged: bool = False) -> str:
        """1 per place with the label ``counts``: "6 of 20", or "calls: 20" of a mean.

        ``ranged``: with the range that the true figure lies in, "(15-52 %)", where it has one, and with how
        long it took so many contacts to come, "in 37 min", where the window is one of contacts.
        """
        samples = labels.number(say, "samples", self.samples(places, window))
        counts = _told_as("counts", samples, f"{say(self.contacts)}: $1", "samples")
        if self.is_share:
            part = labels.number(say, "part", self.part(places, window))
            both = f"{samples}\n* on (site, queue) group_left (part) {part}"
            counts = _or_else(counted(say, both), counts)
        if ranged and (ends := self.range(places, window)):
            low, high = (
                labels.number(say, name, self.scaled(end), digits=self.range_digits)
                for name, (_, end) in zip(("low", "high"), ends, strict=True)
            )
            both = f"{low}\n* on (site, queue) group_left (high) {high}"
            both = joined(both, "range", "–", "low", "high")
            sign = f" {self.unit}" if isinstance(self.unit, str) else ""  # a word stands behind the figure
            told = _told_as("range", both, f" ($1{sign})", "range")
            counts = _lengthened(counts, _or_else(told, samples), "range")
        if ranged and counts_contacts(window):
            some = f"{self.samples(places, window)} > 0"
            minutes = f"(time() - {self.started(places, window)}) / 60 and on (site, queue) {some}"
            told = _told_as("took", labels.number(say, "took", minutes), f" {say(IN_MINUTES)}", "took")
            counts = _lengthened(counts, _or_else(told, samples), "took")
        return counts


def counts_contacts(window: str) -> bool:
    """Whether a window's label is that of one that holds so many contacts."""
    return window.startswith("last ")


def any_of(rules: Iterable[str]) -> str:
    """A regular expression of these ids."""
    return "|".join(rule.replace(".", "[.]") for rule in rules)


def growth(series: str, by: str, window: str) -> str:
    """By how much sums since the beginning grew in ``window``, per value of the labels ``by``; at least 0.

    ``delta``, as such a sum is a gauge: what is corrected is taken out of it, and ``increase`` would read
    that as a counter begun anew. Not a difference of two instants: it goes on over a hole in the scrapes.
    What it adds at the edges of an hour is less than one contact in seven hundred at a scrape every 5 s.
    """
    return f"clamp_min(sum by ({by}) (delta({series}[{window}])), 0)"


def by_speed(share: str) -> str:
    """Give shares per speed category the label ``order``, and a name that reads: ">180" becomes "180+".

    Grafana sorts texts letter by letter: by their lower bound in five digits, then.
    """
    bounded = replaced(share, "category", "$1+", "category", ">(.+)")
    padded = replaced(bounded, "order", "0000$1", "category", "([0-9]+).*")
    return replaced(padded, "order", "$1", "order", ".*([0-9]{5})")


def counted_speeds(say: Edition, kpi: KpiQuery, places: str, window: str) -> str:
    """A place's shares per speed category (``by_speed``), their counts in the name: "20-45 · 5 of 18".

    ``kpi``: one that rests on the same contacts.
    """
    share = by_speed(f'max by (category) (wachtpost_speed_category_ratio{{{places}, window="{window}"}})')
    samples = f"max({kpi.samples(places, window)})"
    part = labels.number(say, "part", f"{share} * on () group_left () {samples}", "category, order")
    both = f"{part}\n* on () group_left (samples) {labels.number(say, 'samples', samples, '')}"
    counts = counted(say, both)
    named = joined(
        f"{share}\n* on (category, order) group_left (counts)\n{counts}",
        "category",
        " · ",
        "category",
        "counts",
    )
    return f"max by (category, order) (\n{indented(named)}\n)"


def states(selector: str, by: str, among: Iterable[str] = STATE_CODES) -> str:
    """The most serious state of the rules, as a number of ``STATE_CODES``, per value of the labels ``by``."""
    coded = "\nor ".join(
        f'{STATE_CODES[state]} * (wachtpost_kpi_state{{{selector}, state="{state}"}} == 1)'
        for state in sorted(among, key=STATE_CODES.__getitem__, reverse=True)
    )
    return f"max by ({by}) (\n{indented(coded)}\n)"


def counted(say: Edition, query: str) -> str:
    """Answers that have the labels ``part`` and ``samples``, with ``counts`` in words."""
    both = joined(query, "counts", "/", "part", "samples")
    return replaced(both, "counts", say(COUNTS, part="$1", samples="$2"), "counts", "(.+)/(.+)")


def _told(query: str, verdict: str, from_label: str = "") -> str:
    return _told_as("verdict", query, verdict, from_label)


def _told_as(label: str, query: str, text: str, from_label: str = "") -> str:
    return replaced(query, label, text, from_label, "(.+)" if from_label else "")


def _or_else(query: str, otherwise: str) -> str:
    """What ``query`` says of a place, or else what the other one does."""
    return f"{query}\nor on (site, queue)\n{otherwise}"


def _lengthened(counts: str, told: str, label: str) -> str:
    """``counts`` with what ``told``, which knows every place, says in a label behind it."""
    both = f"{bracketed(counts)}\n* on (site, queue) group_left ({label})\n{bracketed(told)}"
    return joined(both, "counts", "", "counts", label)
