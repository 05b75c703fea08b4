"""What people read on the panels that matter most: names, units, columns, order, in every language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from deploy.grafana import words
from deploy.grafana.board import BoardName
from deploy.grafana.words import (
    BreachesWords,
    CountersWords,
    Edition,
    LiveWords,
    NowWords,
    PanelText,
    PolicyWords,
    Text,
)
from tests.deploy.grafana.panels import Part, Reading

Meant: TypeAlias = str | Sequence[Text]
"""A pattern, in which a name in angle brackets is one of ``_NUMBERS``; or the words that it may be."""

_NUMBERS: Final = {
    "n": r"-?\d{1,3}(<thousands>\d{3})*",
    "figure": r"-?\d+(<point>\d+)?",
    "clock": r"\d+:\d\d(:\d\d)?",
    "percent": r"-?\d+(<point>\d+)? %",
    "moment": r"\d\d/\d\d \d\d:\d\d",
}
_SIGNS: Final = {
    "nl": (",", r"\."),
    "fr": (",", "[ \u00a0\u202f]"),
    "de": (",", r"\."),
    "en": (r"\.", ","),
}
"""The decimal sign and that of thousands."""
_NOT_SAID: Final = "–"
_MOMENT_OR_NONE: Final = f"<moment>|{_NOT_SAID}"

COLUMNS: Final[Mapping[tuple[BoardName, PanelText], Sequence[tuple[Text, Meant]]]] = {
    (BoardName.BREACHES, BreachesWords.OPEN): (
        (words.STATE, tuple(words.STATES.values())),
        (words.SEVERITY, tuple(words.SEVERITIES.values())),
        (words.PLACE, r"\w.*"),
        (words.RULE, r"\w.+"),
        (words.FIGURE, r".*\d.*|–|.*\w.*"),
        (BreachesWords.LIMIT, r".*\d.*|–|.*\w.*"),
        (words.SINCE, "<moment>"),
        (BreachesWords.TAKEN_BY, r"\w.*"),
        (BreachesWords.TAKEN_AT, _MOMENT_OR_NONE),
    ),
    (BoardName.POLICY, PolicyWords.BUDGET): (
        (PolicyWords.PERIOD, (PolicyWords.THIS_MONTH, PolicyWords.THIS_YEAR)),
        (PolicyWords.LEFT, "<n>"),
        (PolicyWords.OUTLOOK, (PolicyWords.LIKELY, PolicyWords.OPEN, PolicyWords.UNLIKELY)),
        (PolicyWords.PROJECTED, "<percent>"),
        (PolicyWords.RANGE, "<figure>–<percent>"),
        (PolicyWords.PROMISED, "<percent>"),
    ),
    (BoardName.POLICY, PolicyWords.TARGETS): (
        (words.FIGURE, tuple(words.KPIS.values())),
        (words.PLACE, r"\w.*"),
        (PolicyWords.PROMISED, r"\w.* (<percent>|<clock>|<figure> \w+( \w+)?)"),
        (PolicyWords.JUDGED, (PolicyWords.PER_MONTH, PolicyWords.PER_YEAR)),
    ),
    (BoardName.POLICY, PolicyWords.RULES): (
        (words.RULE, r"\w.+"),
        (words.PLACE, r"\w.*"),
        (words.SEVERITY, tuple(words.SEVERITIES.values())),
        (words.STATE, tuple(words.STATES.values())),
        (words.SINCE, _MOMENT_OR_NONE),
    ),
}
"""Of tables: each heading in its place, and what stands below it."""

PARTS: Final[Mapping[tuple[BoardName, PanelText], tuple[str, str]]] = {
    (BoardName.LIVE, NowWords.WAITING): (".*", "<n>"),
    (BoardName.LIVE, NowWords.LONGEST): (".*", "<clock>"),
    (BoardName.COUNTERS, NowWords.WAITING): (".*", "<n>"),
    (BoardName.COUNTERS, NowWords.LONGEST): (".*", "<clock>"),
    (BoardName.LIVE, LiveWords.SPEED): (r"\d+(-\d+|\+) · .*\d.*", "<percent>"),
    (BoardName.COUNTERS, CountersWords.PER_HOUR): (r"\D+", "<n>"),
    (BoardName.BREACHES, BreachesWords.COUNT): (r"\D+", "<n>"),
    (BoardName.BREACHES, BreachesWords.DELIVERIES): (r"\D+", "<figure>/min"),
    (BoardName.BREACHES, BreachesWords.SPEED): (r"(\d+ )?\D+(\d+ \D+)?", "<figure> s"),
    (BoardName.POLICY, PolicyWords.MISSED): (r"\D+ \(20 %\) · .*\d.*", "<percent>"),
    (BoardName.POLICY, PolicyWords.WAIT): (r"\D+ \(45 s\) · .*\d.*", "<figure> s"),
    (BoardName.POLICY, PolicyWords.LEAD): (r"\D+ \(5 \w+( \w+)?\) · .*\d.*", r"<figure> \w+( \w+)?"),
    (BoardName.POLICY, PolicyWords.SPEED): (r"\d+(-\d+|\+) s", "<n>"),
}
"""Of tiles, bars and lines: how each is called, and what it says."""

LINES: Final = {
    (BoardName.POLICY, PolicyWords.YEARS): "20",
    (BoardName.POLICY, PolicyWords.MISSED_MONTHS): "20",
    (BoardName.POLICY, PolicyWords.WAIT_MONTHS): "45",
    (BoardName.POLICY, PolicyWords.LEAD_MONTHS): "5",
}
"""Where the line of a target lies."""


def unexpected(readings: Sequence[Reading], say: Edition) -> Iterator[str]:
    """Yield what is not as it should be on a language's boards."""
    for (name, text), columns in COLUMNS.items():
        reading = _of(readings, name, say(text.title))
        headings = [say(heading) for heading, _ in columns]
        if reading.names != headings:
            yield f"{reading}: its columns are {reading.names}, not {headings}"
        for part, (_, meant) in zip(reading.parts, columns, strict=False):
            yield from _not_meant(reading, part, ".*", meant, say)
    for (name, text), (called, meant) in PARTS.items():
        reading = _of(readings, name, say(text.title))
        for part in reading.parts:
            yield from _not_meant(reading, part, called, meant, say)
    for (name, text), line in LINES.items():
        reading = _of(readings, name, say(text.title))
        if [at for at, _ in reading.lines] != [line]:
            yield f"{reading}: its lines are {reading.lines}, not at {line}"
    yield from _out_of_order(readings, say)


def _of(readings: Sequence[Reading], name: BoardName, title: str) -> Reading:
    (found,) = (one for one in readings if (one.board.name, one.panel.title) == (name, title))
    return found


def _not_meant(reading: Reading, part: Part, called: str, meant: Meant, say: Edition) -> Iterator[str]:
    if not _pattern(called, say).fullmatch(part.name):
        yield f"{reading}: {part.name!r} is no name like {called}"
    pattern = _pattern(meant, say)
    for text in part.texts:
        if text and not pattern.fullmatch(text):
            yield f"{reading}: {part.name!r} says {text!r}, nothing like {meant}"


def _pattern(meant: Meant, say: Edition) -> re.Pattern[str]:
    if not isinstance(meant, str):
        return re.compile("|".join(re.escape(say(word)) for word in meant))
    point, thousands = _SIGNS[say.language]
    for name, pattern in _NUMBERS.items():
        meant = meant.replace(f"<{name}>", f"({pattern})")
    spaced = meant.replace(" %", "[ \u00a0\u202f]%" if say.language != "en" else " ?%")
    return re.compile(spaced.replace("<point>", point).replace("<thousands>", thousands))


def _out_of_order(readings: Sequence[Reading], say: Edition) -> Iterator[str]:
    for name, text in ((BoardName.LIVE, LiveWords.SPEED), (BoardName.POLICY, PolicyWords.SPEED)):
        reading = _of(readings, name, say(text.title))
        froms = [int(found[0]) for one in reading.names if (found := re.match(r"\d+", one))]
        if froms != sorted(froms):
            yield f"{reading}: {reading.names} are not in the order of their waits"
    years = _of(readings, BoardName.POLICY, say(PolicyWords.YEARS.title))
    counted = [meant[:4] for _, meant in years.axis if meant[:4].isdigit()]
    if counted != sorted(counted):
        yield f"{years}: {counted} are not in the order of time"
    going_on = _of(readings, BoardName.BREACHES, say(BreachesWords.OPEN.title))
    serious = [say(words.SEVERITIES[one]) for one in ("critical", "warning", "info")]
    states, severities, *_ = going_on.parts
    firing = [
        serious.index(severity)
        for state, severity in zip(states.texts, severities.texts, strict=True)
        if state == say(words.STATES["firing"])
    ]
    if firing != sorted(firing):
        yield f"{going_on}: the less serious stands above the serious"
