"""Who waits now, and how bad that is: what both walls begin with, the telephones' and the counters'.

A wall is read from four metres, so what stands here is as large as fits, and nothing is cut: Grafana sizes a
number, and a text that is the whole of a band, to its place. The leading figures carry the colour, with a
word beside it: a mean over those who were helped turns last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.common import BigValueTextMode, VizOrientation

from deploy.grafana import labels
from deploy.grafana.board import BoardName, breaches_of_queue, to_board
from deploy.grafana.kpis import CALL_WAIT, VISIT_WAIT, judged
from deploy.grafana.labels import as_label, bracketed, replaced
from deploy.grafana.palette import BAD, QUIET, UNKNOWN, Colour
from deploy.grafana.panels import CLOCK, MOMENT, fixed, given, instant, mapped, number
from deploy.grafana.promql import CHOSEN, SITE, TOTAL, KpiQuery, any_of, named, per_place
from deploy.grafana.rules import is_of_weeks
from deploy.grafana.words import (
    CLOSED,
    NO_FIGURE,
    NO_TARGET,
    NOT_REPORTED,
    STAFF_PHONE,
    STATES,
    Edition,
    PanelText,
    Text,
)
from deploy.grafana.words import NowWords as Words
from shared.config.alerting import CombinedRule, QueueRule
from shared.config.model import queues_about
from shared.contract.kpis import STATE_MEASURES, Measure, QueueKind, kinds_having


@dataclass(frozen=True, slots=True)
class Wall:
    """What is different on the two walls."""

    kind: QueueKind
    waiting: str
    """The series of how many wait."""
    wait: KpiQuery
    """The mean wait, whose target one who waits can be held against."""
    staff: Mapping[str, Text]


COUNTER_STAFF: Final[Mapping[str, Text]] = {**STAFF_PHONE, "busy": Words.SERVING}

WALLS: Final = {
    QueueKind.PHONE: Wall(QueueKind.PHONE, "wachtpost_calls_waiting", CALL_WAIT, STAFF_PHONE),
    QueueKind.COUNTER: Wall(QueueKind.COUNTER, "wachtpost_visits_waiting", VISIT_WAIT, COUNTER_STAFF),
}

LONGEST: Final = per_place(f"wachtpost_longest_wait_seconds{{{CHOSEN}}}")
URGENT: Final[Mapping[Text, Colour]] = {
    STATES["firing"]: BAD,
    Words.TOO_LONG: Colour.YELLOW,
    STATES["clearing"]: Colour.PURPLE,
    STATES["pending"]: Colour.YELLOW,
    CLOSED: UNKNOWN,
}
"""How urgent who waits can be, the most urgent first, and what it looks like; else it is quiet. No orange:
white on it, which Grafana writes, cannot be read from afar."""
NONE: Final = " "
"""A label that says nothing, yet is there: names of series are made of it."""


# --- Which rules are about a wall --------------------------------------------------------------------------


def about(say: Edition, kind: QueueKind) -> str:
    """Matchers of the rules about a wall's own queues and now: none about the other kind, which the site's
    total has as well, and none of a month or year, which would be breached for weeks."""
    # A budget is one of calls; and a source is no queue.
    others = "|".join(one for one in Measure if kind not in (kinds_having(one) or {QueueKind.PHONE}))
    rules = any_of(rule.id for rule in say.city.rules if not _is_own(say, rule, kind) or is_of_weeks(rule))
    return f'measure!~"{others}"' + (f', rule!~"({rules})(-warning)?"' if rules else "")


def _is_own(say: Edition, rule: QueueRule, kind: QueueKind) -> bool:
    return any(queue.kind is kind for site in say.city.sites for queue in queues_about(rule, site))


def _about_waiting(say: Edition, kind: QueueKind) -> str:
    """A regular expression of the rules about who waits now, be it beside something else."""
    own = (rule for rule in say.city.rules if _is_own(say, rule, kind))
    return any_of(rule.id for rule in own if not frozenset(STATE_MEASURES).isdisjoint(_measures(rule)))


def _measures(rule: QueueRule) -> Iterable[str]:
    return (part.kpi for part in rule.all) if isinstance(rule, CombinedRule) else (rule.kpi,)


# --- How urgent it is --------------------------------------------------------------------------------------


def urgency(say: Edition, wall: Wall, by: str = "") -> str:
    """How urgent it is for who waits: in words as the label ``verdict``, and the more urgent, the higher a
    number; per place (``by`` is ``site, queue``), or of all chosen ones and their site as one."""
    rules = f'{SITE}, queue=~"{"$queue" if by else "$queue|all"}", rule=~"{_about_waiting(say, wall.kind)}"'
    open_now = f'{CHOSEN if by else TOTAL}, kind="{wall.kind}"'

    def of_all(query: str) -> str:
        return f"max by ({by}) ({query})"

    def in_state(state: str) -> str:
        return of_all(f'wachtpost_kpi_state{{{rules}, state="{state}"}} == 1')

    steps: tuple[tuple[str, Text], ...] = (
        (of_all(LONGEST), ""),
        (of_all(f"wachtpost_queue_open{{{open_now}}} == 0"), CLOSED),
        (in_state("pending"), STATES["pending"]),
        (in_state("clearing"), STATES["clearing"]),
        (of_all(f"{LONGEST} > on (site, queue) ({wall.wait.target()})"), Words.TOO_LONG),
        (in_state("firing"), STATES["firing"]),
    )
    told = [
        replaced(f"0 * {query} + {code}", "verdict", f" · {say(word)}" if word else NONE)
        for code, (query, word) in enumerate(steps)
    ]
    return f"\nor on ({by})\n".join(reversed(told))


def coloured(panel: stat.Panel, say: Edition) -> stat.Panel:
    """The colours of ``urgency`` by the words at the end of a name; where nothing is urgent, none."""
    panel.color_scheme(fixed(QUIET))
    for word, colour in URGENT.items():
        panel.override_by_regexp(f"/ · {say(word)}$/", given(color=fixed(colour)))
    return panel


# --- The strip at the top ----------------------------------------------------------------------------------


def waiting(say: Edition, wall: Wall) -> stat.Panel:
    """How many wait, coloured by how urgent that is."""
    many = f"sum({per_place(f'{wall.waiting}{{{CHOSEN}}}')})"
    told = f"{many}\n* on () group_left (verdict) (\n0 * ({urgency(say, wall)}) + 1\n)"
    panel = number(
        say, Words.WAITING, instant(told, f"{say(Words.WAIT)}{{{{verdict}}}}"), named=True, solid=True
    )
    return coloured(panel, say).decimals(0).links(to_board(BoardName.BREACHES, say))


def longest(say: Edition, wall: Wall) -> stat.Panel:
    """How long the one who waits longest has waited, coloured likewise."""
    urgent = f"on () group_left (verdict) (\n0 * ({urgency(say, wall)}) + 1\n)"
    most = f"max({LONGEST})"
    hours = f"floor({most} / 3600) > 0"
    name = f"{say(Words.LONGEST_WAIT)}{{{{verdict}}}}"
    short, factor = minutes_seconds(say)
    asked = (
        instant(f"{factor} * ({most} unless {hours})\n* {urgent}", name),
        instant(f"({most} and {hours})\n* {urgent}", name),
    )
    panel = coloured(number(say, Words.LONGEST, *asked, named=True, solid=True), say).unit(CLOCK).decimals(0)
    return panel.override_by_query("A", given(unit=short)).links(to_board(BoardName.BREACHES, say))


def minutes_seconds(say: Edition) -> tuple[str, int]:
    """Grafana's unit for less than an hour as 3:22, and what seconds are multiplied by for it.

    It is a moment of the board's zone, in milliseconds since 1970: where that year's clock was not whole
    hours from UTC, 00:03:22 has to do.
    """
    offset = datetime(1970, 1, 1, tzinfo=ZoneInfo(say.city.city.time_zone)).utcoffset() or timedelta()
    return ("time:m:ss", 1000) if offset % timedelta(hours=1) == timedelta() else (CLOCK, 1)


def strip(say: Edition, wall: Wall) -> stat.Panel:
    """What else is to be known at once: breaches, until when it is open, and of when these figures are."""
    opened, taken = (_counted(say, wall, what) for what in ("opened", "acknowledged"))
    breaches = f"{opened}\n* on () group_left (taken) {as_label('taken', taken, '')}"
    not_taken = f"{opened} > on () {taken}"
    is_open, next_change = (
        f'max(wachtpost_queue_{what}{{{TOTAL}, kind="{wall.kind}"}})'
        for what in ("open", "next_change_timestamp_seconds")
    )
    until = "\nor on ()\n".join(
        replaced(f"0 * ({is_open} == {code}) + 1", "until", say(word))
        for code, word in ((1, Words.OPEN_UNTIL), (0, Words.CLOSED_UNTIL))
    )
    then = f"1000 * {next_change}\n* on () group_left (until) (\n{until}\n)"
    another_day = f"floor(({next_change} - time()) / 43200) > 0"
    asked = (
        instant(f"({breaches})\nand on () ({not_taken})", say(Words.BREACHES, taken="{{taken}}")),
        instant(f"({breaches})\nunless on () ({not_taken})", say(Words.BREACHES, taken="{{taken}}")),
        instant(f"({then})\nunless on () ({another_day})", "{{until}}"),
        instant(f"({then})\nand on () ({another_day})", "{{until}}"),
        instant(f"{is_open} unless on () {next_change}", say(Words.HOURS)),
        instant(_as_of(say), f"{say(Words.AS_OF)}{{{{verdict}}}}"),
    )
    panel = number(say, Words.STRIP, *asked, listed=True).decimals(0).color_scheme(fixed(Colour.TEXT))
    panel.override_by_query("A", given(color=fixed(BAD)))
    panel.override_by_query("C", given(unit="time:HH:mm")).override_by_query("D", given(unit=MOMENT))
    opening = mapped({"1": (say(Words.OPEN), None), "0": (say(CLOSED), None)})
    panel.override_by_query("E", given(mappings=opening)).override_by_query("F", given(unit="time:HH:mm:ss"))
    panel.override_by_regexp(f"/ · {say(Words.OUT_OF_DATE)}$/", given(color=fixed(UNKNOWN)))
    return panel.links(to_board(BoardName.BREACHES, say))


def _counted(say: Edition, wall: Wall, what: str) -> str:
    """How many breaches of these queues go on, or of those how many were taken on; also when none does."""
    series = f"wachtpost_breach_{what}_timestamp_seconds"
    own = f'{series}{{{SITE}, queue=~"$queue|all", {about(say, wall.kind)}}}'
    sources = f'{series}{{{SITE}, measure="{Measure.NO_DATA}"}}'
    every = f"max by (site, queue, rule, severity) ({own} or {sources})"
    return f"(count({every}) or 0 * sum(wachtpost_breaches_open))"


def _as_of(say: Edition) -> str:
    """When Prometheus fetched the evaluator's figures, and whether that is long ago (three refreshes)."""
    fetched = f"timestamp(wachtpost_queue_info{{{SITE}}})"
    last = f"(max({fetched}) or max(max_over_time({fetched}[6h:5m])))"
    old = f"floor((time() - {last}) / 30) > 0"
    late = replaced(f"1000 * ({last} and {old})", "verdict", f" · {say(Words.OUT_OF_DATE)}")
    return f"{late}\nor on ()\n{replaced(f'1000 * {last}', 'verdict', NONE)}"


def staff(say: Edition, wall: Wall) -> stat.Panel:
    """What they do who serve, as last reported."""

    def told(state: str) -> str:
        reported = per_place(f'wachtpost_staff{{{CHOSEN}, state="{state}"}}')
        return f"sum({reported})"

    asked = (instant(told(state), say(text)) for state, text in wall.staff.items())
    panel = number(say, Words.STAFF, *asked, listed=True).decimals(0)
    return panel.color_scheme(fixed(Colour.TEXT)).no_value(say(NOT_REPORTED))


# --- Bands: a sentence per place ---------------------------------------------------------------------------


def bands(say: Edition, text: PanelText, *queries: Dataquery) -> stat.Panel:
    """The names of the series below each other, each as large as fits, on their colours."""
    panel = number(say, text, *queries, named=True, solid=True)
    return panel.text_mode(BigValueTextMode.NAME).orientation(VizOrientation.HORIZONTAL).decimals(0)


def queues_now(say: Edition, wall: Wall, most: int) -> stat.Panel:
    """Who waits per place: how many, the longest of them, and how urgent it is; the ``most`` urgent ones."""
    urgent = f"1e6 * ({urgency(say, wall, labels.PLACE)})\n+ on (site, queue) group_left () {LONGEST}"
    many = labels.number(say, "waiting", per_place(f"{wall.waiting}{{{CHOSEN}}}"))
    someone = replaced(labels.clock("long", f"{LONGEST} > 0"), "long", " · $1", "long", "(.+)")
    long = f"{someone}\nor on (site, queue)\n{replaced(f'0 * {LONGEST} + 1', 'long', NONE)}"
    told = named(f"topk({most}, {urgent})")
    for label, query in (("waiting", many), ("long", long)):
        told = f"{told}\n* on (site, queue) group_left ({label}) {bracketed(query)}"
    asked = instant(f"sort_desc(\n{told}\n)", "{{name}}: {{waiting}}{{long}}{{verdict}}")
    return coloured(bands(say, Words.QUEUES, asked), say).data_links(breaches_of_queue(say))


def against_target(
    say: Edition,
    kpi: KpiQuery,
    places: str,
    window: str,
    name: str,
    *,
    ranged: bool = False,
    most: int | None = None,
) -> Dataquery:
    """A figure in the unit of its target, what it is (``name``), its verdict and its counts, as one sentence.

    Without a figure there is a dash in its place. ``ranged``: see ``KpiQuery.counts``; ``most``: of so many
    places, those that need it most.
    """
    value, samples = kpi.value(places, window), kpi.samples(places, window)
    unit = say.percent_sign if kpi.is_share else f" {say(kpi.unit)}"
    number_only = labels.number(say, "figure", kpi.scaled(value), digits=kpi.range_digits)
    written = replaced(number_only, "figure", f"$1{unit}", "figure", "(.+)")
    without = replaced(f"0 * ({samples}) + 1", "figure", say(NO_FIGURE))
    figure = f"{written}\nor on (site, queue)\n{without}"
    verdict = kpi.verdict(say, places, window, ranged=ranged)
    told = f"{verdict}\n* on (site, queue) group_left (figure) {bracketed(figure)}"
    told = told if most is None else most_urgent(kpi, told, places, window, most)
    return instant(told, f"{{{{figure}}}} {name} · {{{{verdict}}}} · {{{{counts}}}}")


def most_urgent(kpi: KpiQuery, asked: str, places: str, window: str, most: int) -> str:
    """Of a query per place with its figure so many places: first what is beyond its target, then what nobody
    can say yet, the higher figure first; those without one come last."""
    value, stands = kpi.value(places, window), kpi.stands(places, window)
    beside = f"{value}\nor on (site, queue)\n0 * {kpi.samples(places, window)} - 1"
    rank = f"1e6 * (1 + {stands}) + on (site, queue) {value}\nor on (site, queue)\n{beside}"
    return f"sort_desc(topk({most}, 0 * ({asked})\n+ on (site, queue) group_left () {bracketed(rank)}))"


def held(panel: stat.Panel, say: Edition, *kpis: KpiQuery) -> stat.Panel:
    """The colours of verdicts; what has no target is quiet."""
    for kpi in kpis:
        judged(panel, kpi, say)
    return panel.override_by_regexp(f"/(^|· ){say(NO_TARGET)}/", given(color=fixed(QUIET)))
