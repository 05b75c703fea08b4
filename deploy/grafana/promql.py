"""The questions that the boards ask Prometheus.

A target is never written into a board: it is ``wachtpost_kpi_target``, and where a figure stands against it
is worked out in the query. Labels ``site`` and ``queue`` are told by the owner of a partition only; ``max
by`` keeps a board right also in the seconds in which two replicas were scraped.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent
from typing import Final

from deploy.grafana.words import (
    ABOVE_TARGET,
    BELOW_TARGET,
    CLOSED,
    NO_TARGET,
    ON_TARGET,
    STATES,
    TOO_FEW,
    Edition,
    Text,
)

SITE: Final = 'site="$site"'
CHOSEN: Final = f'{SITE}, queue=~"$queue"'
"""The queues chosen in the variable."""
TOTAL: Final = f'{SITE}, queue="all"'
"""All queues together, as the evaluator counts them: means and ratios cannot be added up here."""

TODAY: Final = "today"
"""The window that every city has, beside the shortest and the longest of its file (``Edition``)."""

INFO: Final = f"max by (site, queue, name) (wachtpost_queue_info{{{SITE}}})"
INFO_OF_ALL_SITES: Final = "max by (site, queue, name) (wachtpost_queue_info)"
STATE_CODES: Final = {state: code for code, state in enumerate(STATES)}
"""A number per state, the most serious highest, so that ``max`` of several is the one to look at."""


def named(query: str, info: str = INFO) -> str:
    """Give every answer of ``query``, which has ``site`` and ``queue``, what people call the queue
    (``name``)."""
    return f"{_bracketed(query)}\n* on (site, queue) group_left (name) {info}"


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
    unit: str
    """Grafana's, of the figure divided by ``divided_by``; empty: see ``unit_in``."""
    target_unit: Text
    """As it stands behind a target."""
    decimals: int
    divided_by: int = 1
    """From the metric's unit to the one that is shown."""
    target_factor: int = 1
    """From the unit that is shown to that of ``target_unit``."""
    more_is_better: bool = False

    def unit_in(self, say: Edition) -> str:
        """Grafana's unit; one that it does not have is written behind the number."""
        return self.unit or f"suffix:{say(self.target_unit)}"

    def value(self, places: str, window: str) -> str:
        """The rolling figure; no answer while it is insufficient."""
        return per_place(f'{self.series}{{{places}, window="{window}"}}')

    def samples(self, places: str, window: str) -> str:
        """On how many contacts it rests."""
        return per_place(f'wachtpost_kpi_samples{{{places}, kpi="{self.name}", window="{window}"}}')

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
        return query if self.divided_by == 1 else f"{_bracketed(query)}\n/ {self.divided_by}"

    def verdict(self, say: Edition, places: str, window: str) -> str:
        """The figure, with the labels ``verdict`` (in words, with the target), ``samples`` and ``name``.

        What is wrong comes first. Too few contacts for a figure: the answer is 0 and ``verdict`` says so, or
        that the desk is shut; there is no value to be had, yet there are samples. No answer at all: nobody
        answers.
        """
        value, samples, shut = self.value(places, window), self.samples(places, window), self.shut()
        without = f"0 * ({samples} unless on (site, queue) {value})"
        few = _told(f"{without} unless on (site, queue) ({shut})" if shut else without, say(TOO_FEW))
        if shut:
            few += "\nor\n" + _told(f"{without} and on (site, queue) ({shut})", say(CLOSED))
        counted = f'count_values by (site, queue) ("samples", {samples})'
        judged = self.scaled(self.verdict_of(say, value))
        every = named(f"{judged}\nor\n{few}")
        return f"{every}\n* on (site, queue) group_left (samples) {counted}"

    def verdict_of(self, say: Edition, value: str) -> str:
        """``value``, in the unit of the metric, with the label ``verdict``: how it stands against the
        target."""
        target = self.target()
        bad, good = ("<", ">=") if self.more_is_better else (">", "<=")
        bad_word = BELOW_TARGET if self.more_is_better else ABOVE_TARGET
        factor = f"{self.target_factor} * " if self.target_factor != 1 else ""
        shown = f"round({factor}{_bracketed(target)} / {self.divided_by}, 0.1)"
        text = f'count_values by (site, queue) ("target",\n{_indented(shown)}\n)'

        def against(operator: str, word: Text) -> str:
            compared = f"({value} {operator} on (site, queue) ({target}))"
            compared = f"{compared}\n* on (site, queue) group_left (target) {text}"
            return _told(compared, f"{say(word)} ($1 {say(self.target_unit)})", "target")

        untold = _told(f"{value} unless on (site, queue) ({target})", say(NO_TARGET))
        return "\nor\n".join((against(bad, bad_word), against(good, ON_TARGET), untold))


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
    bounded = f'label_replace({share}, "category", "$1+", "category", ">(.+)")'
    padded = f'label_replace({bounded}, "order", "0000$1", "category", "([0-9]+).*")'
    return f'label_replace({padded}, "order", "$1", "order", ".*([0-9]{{5}})")'


def states(selector: str, by: str) -> str:
    """The most serious state of the rules, as a number of ``STATE_CODES``, per value of the labels ``by``."""
    coded = "\nor ".join(
        f'{code} * (wachtpost_kpi_state{{{selector}, state="{state}"}} == 1)'
        for state, code in sorted(STATE_CODES.items(), key=lambda one: -one[1])
    )
    return f"max by ({by}) (\n{_indented(coded)}\n)"


def _told(query: str, verdict: str, from_label: str = "") -> str:
    pattern = "(.+)" if from_label else ""
    return f'label_replace(\n{_indented(query)},\n  "verdict", "{verdict}", "{from_label}", "{pattern}"\n)'


def _bracketed(query: str) -> str:
    return f"(\n{_indented(query)}\n)"


def _indented(query: str) -> str:
    return indent(query, "  ")
