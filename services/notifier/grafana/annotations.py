"""What the annotation of a breach looks like in Grafana, and what is to change there.

Nothing here talks to Grafana: ``client.py`` looks, asks for the ``changes`` and writes them. Since they
follow from what is wanted and what was found, doing it again, or after a long absence, leads to the same
state.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Final, TypedDict
from zoneinfo import ZoneInfo

from domain.kpi_words import KPI_WORDS
from services.notifier.messages.figures import (
    USUAL_DIGITS,
    counts,
    during,
    figure,
    is_full,
    limit,
    looks_back,
)
from services.notifier.messages.rules import is_about_visitors, is_target, kpi_of
from services.notifier.model import Breach
from shared.config.model import ALL_QUEUES, CityFile
from shared.contract.annotation_tags import EVERY_CHART, LONG_WINDOWS, MARK, Appearance, chart_of, drawn
from shared.contract.breach_events import BreachState, ConditionReading, Level
from shared.contract.kpis import UNITS, Kpi, Measure, QueueKind, Unit
from shared.translation import Msg, Translator, translator

SHORTEST: Final = timedelta(seconds=1)
"""An annotation that ends when it starts is drawn as a point; a blip should be a region too."""

CLOSE_LOOK: Final = timedelta(minutes=2)
"""Anything shorter than this is written with its seconds."""

TAG_VALUE_LENGTH: Final = 80
"""Characters. Grafana's table of tags has room for 100 per value on PostgreSQL and MySQL, and
fails with a 500 above; all tags of one annotation together may take 500."""

DIGEST_LENGTH: Final = 16
"""Hexadecimal digits, 64 bits: a city has some thousands of breaches a year."""

_SAFE: Final = re.compile(r"[a-z0-9_.-]+")
_UNSAFE: Final = re.compile(r"[^a-z0-9_.-]")
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_BLANKS: Final = re.compile(r"[\s\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Annotation:
    """A region on a board. Instants in whole milliseconds since 1970, as Grafana wants them."""

    breach_tag: str
    """The tag that it is found again by; also the first of ``tags``."""
    tags: tuple[str, ...]
    text: str
    """One plain line, never empty."""
    time_ms: int
    time_end_ms: int
    """When it was over; while it lasts, when the evaluator last spoke of it."""
    over: bool


@dataclass(frozen=True, slots=True)
class FoundAnnotation:
    """An annotation that Grafana holds."""

    id: int
    tags: frozenset[str]
    text: str
    time_ms: int
    time_end_ms: int

    @property
    def over(self) -> bool:
        """Whether somebody already wrote its end."""
        return not self.tags.isdisjoint(_ENDED)


class AnnotationFields(TypedDict, total=False):
    """The fields that change, named as in Grafana's API."""

    time: int
    timeEnd: int
    tags: list[str]
    text: str


@dataclass(frozen=True, slots=True)
class CityWords:
    """How this city speaks: its language, its clock and what it calls its queues."""

    say: Translator
    zone: ZoneInfo
    titles: Mapping[tuple[str, str], str]
    """By site and queue (``all``: the site itself); a place that is not there goes by its id."""
    receivers: Mapping[str, str]
    """What those are called who take a breach on, by id; a role goes by itself."""
    is_target: Callable[[Breach], bool]
    """Whether its limit is the city's target, not one of the rule's own."""
    chart: Callable[[Breach], Kpi | None]
    """The figure on whose chart a breach is drawn; ``None``: on none by itself."""

    @classmethod
    def of(cls, city: CityFile) -> CityWords:
        """Return the words of a city file."""
        several = len(city.sites) > 1
        titles = {(site.id, ALL_QUEUES): site.title for site in city.sites} | {
            (site.id, queue.id): f"{site.title}, {queue.title}" if several else queue.title
            for site in city.sites
            for queue in site.queues
        }

        def chart(breach: Breach) -> Kpi | None:
            if breach.window in LONG_WINDOWS:
                return None
            kind = QueueKind.COUNTER if is_about_visitors(city, breach) else QueueKind.PHONE
            return kpi_of(city, breach) or chart_of(breach.measure, kind)

        return cls(
            say=translator(city.city.language),
            zone=city.city.zone,
            titles=titles,
            receivers={receiver.id: receiver.title for receiver in city.receivers},
            is_target=partial(is_target, city),
            chart=chart,
        )

    def title(self, site: str, queue: str) -> str:
        """Return what people call a queue, or a site's total."""
        return self.titles.get((site, queue), queue)


def annotation_of(breach: Breach, words: CityWords) -> Annotation:
    """Return what Grafana should hold about a breach, as far as ``breach`` knows it."""
    ended = _ended(breach)
    tag = breach_tag(breach.id)
    start = _ms(breach.opened_at)
    return Annotation(
        breach_tag=tag,
        tags=(
            tag,
            MARK,
            f"severity:{breach.severity}",
            f"measure:{breach.measure}",
            _state_tag(breach),
            *_drawn(breach, words),
        ),
        text=_text(breach, words),
        time_ms=start,
        time_end_ms=max(_ms(ended or breach.at), start + SHORTEST // timedelta(milliseconds=1)),
        over=ended is not None,
    )


def breach_tag(breach_id: str) -> str:
    """Return the tag that finds a breach's annotation: the same for the same id, another for another.

    Grafana reads ``key:value``, drops whatever follows a second colon, trims, and compares without regard
    to case on MySQL. An id with anything but plain signs, or a long one, therefore goes by a readable head
    and a digest of the whole.
    """
    return f"breach:{_tag_value(breach_id)}"


def oldest(known: Iterable[FoundAnnotation]) -> tuple[FoundAnnotation | None, tuple[FoundAnnotation, ...]]:
    """Return which of several annotations of one breach stays, and the doubles that go.

    Everybody who looks comes to the same choice: the lowest id, which Grafana gave first.
    """
    ordered = sorted(known, key=lambda one: one.id)
    return (ordered[0] if ordered else None), tuple(ordered[1:])


def changes(wanted: Annotation, known: FoundAnnotation) -> AnnotationFields:
    """Return what is to be written over ``known`` so that Grafana holds ``wanted``; empty: nothing.

    An end that was written is never opened again, and the end of one that lasts never moves back: whoever
    wants that has old news, from before a retry or from another notifier.
    """
    fields = AnnotationFields()
    if not wanted.over and (known.over or known.time_end_ms > wanted.time_end_ms):
        return fields
    if known.time_ms != wanted.time_ms:
        fields["time"] = wanted.time_ms
    if known.time_end_ms != wanted.time_end_ms:
        fields["timeEnd"] = wanted.time_end_ms
    if known.tags != frozenset(wanted.tags):
        fields["tags"] = list(wanted.tags)
    if known.text != wanted.text:
        fields["text"] = wanted.text
    return fields


_OPEN: Final = "state:open"
_ACKNOWLEDGED: Final = "state:acknowledged"
_OVER: Final = "state:over"
_BLIP: Final = "state:blip"
_ENDED: Final = frozenset({_OVER, _BLIP})


def _ended(breach: Breach) -> datetime | None:
    if breach.closed_at is not None:
        return breach.closed_at
    return breach.at if breach.state is BreachState.OK else None


def _state_tag(breach: Breach) -> str:
    if _ended(breach) is not None:
        return _BLIP if breach.fired_at is None else _OVER
    return _OPEN if breach.acknowledged is None else _ACKNOWLEDGED


def _look(breach: Breach) -> Appearance:
    if _state_tag(breach) == _BLIP:
        return Appearance.BLIP
    return Appearance(breach.severity) if breach.acknowledged is None else Appearance.ACKNOWLEDGED


def _drawn(breach: Breach, words: CityWords) -> Iterator[str]:
    """Yield the tags by which boards find it: where all are drawn, and on the chart of its figure."""
    for chart in filter(None, (EVERY_CHART, words.chart(breach))):
        yield drawn(chart, _look(breach), breach.site, breach.queue)


def _tag_value(text: str) -> str:
    if len(text) <= TAG_VALUE_LENGTH and _SAFE.fullmatch(text):
        return text
    # "~" is in no name, so that no plain id can look like a shortened one.
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_LENGTH]
    head = _UNSAFE.sub("-", text.lower())[: TAG_VALUE_LENGTH - DIGEST_LENGTH - 1]
    return f"{head}~{digest}"


def _ms(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)


SAID_OF: Final[Mapping[Measure, Msg]] = {
    # Translators: what is wrong, on one line of a board: "gemist 31,0 % (doel 20 %), sinds 10:05".
    **{Measure(kpi): words.noted for kpi, words in KPI_WORDS.items()},
    # Translators: {amount} is a number of people.
    Measure.WAITING: Msg("{amount} waiting", "annotation"),
    Measure.LONGEST_WAIT: Msg("longest wait {amount}", "annotation"),
    Measure.NOBODY_AVAILABLE: Msg("nobody available", "annotation"),
    Measure.LATE_RATIO: Msg("unusually many long waits", "annotation"),
    # Translators: {amount} is a factor such as 3,2×.
    Measure.BURN_RATE: Msg("error budget goes {amount} as fast as it may", "annotation"),
    # Translators: {amount} is how long, such as 5:20.
    Measure.NO_DATA: Msg("no data for {amount}", "annotation"),
}

SEVERITIES: Final[Mapping[Appearance, Msg]] = {
    Appearance.CRITICAL: Msg("critical"),
    Appearance.WARNING: Msg("warning"),
    Appearance.INFO: Msg("info"),
}

SHIFT_IN_MISSED: Final = Msg("unusually many missed", "annotation")


def _text(breach: Breach, words: CityWords) -> str:
    """Return ``Onthaal: gemist 31,0 %, 31 van 100 (doel 20 %), 10:05–10:22, opgepakt door balie``.

    The colour of its look never says alone what it says: the last words do too.
    """
    say = words.say
    against = _threshold(breach, words)
    parts = [
        f"{_figures(breach, say)} ({against})" if against else _figures(breach, say),
        _when(breach, words),
    ]
    match _look(breach):
        case Appearance.ACKNOWLEDGED if breach.acknowledged is not None:
            by = breach.acknowledged.by
            parts.append(say.gettext("taken on by {name}", name=words.receivers.get(by, by)))
        case Appearance.BLIP:
            parts.append(say.gettext("too short to tell"))
        case look if breach.level is not Level.WARNING:
            parts.append(say.text(SEVERITIES[look]))
    title = words.title(breach.site, breach.queue)
    return _one_line(say.gettext("{where}: {what}", where=title, what=", ".join(parts)))


def _figures(breach: Breach, say: Translator) -> str:
    """The figure of now, or of several conditions all; once it is over, the worst there was of the first."""
    lasts = _ended(breach) is None
    also = [one for one in breach.reading.also if lasts or one.measure is Measure.NOBODY_AVAILABLE]
    return say.list([_figure(breach, say), *(_said(breach, one, say) for one in also)])


def _figure(breach: Breach, say: Translator) -> str:
    reading = breach.reading
    now = ConditionReading(
        measure=breach.measure,
        limit=breach.limit,
        window=breach.window,
        value=reading.value,
        samples=reading.samples,
        part=reading.part,
    )
    counted = {"part": breach.worst_part, "samples": breach.worst_samples or reading.samples}
    worst = now.model_copy(update={"value": breach.worst, **counted})
    first, second = (worst, now) if _ended(breach) is not None and breach.usual is None else (now, worst)
    return _said(breach, second if first.value is None else first, say)


def _said(breach: Breach, one: ConditionReading, say: Translator) -> str:
    """Return one figure: ``gemist 31,0 %, 31 van 100, 15 min``, ``ongewoon veel gemist, 6 van de
    laatste 9``."""
    if one.value is None or not math.isfinite(one.value):
        return say.gettext("no reading")
    shift = breach.usual is not None
    message = SHIFT_IN_MISSED if shift and one.measure is Measure.MISSED_RATIO else SAID_OF[one.measure]
    amount = _times(one.measure, figure(say, one.measure, one.value, one.samples, one.limit))
    latest = shift or is_full(one.window, one.samples) is not None
    counted = counts(say, one.part, one.samples, latest=latest)
    over = (
        "" if shift or (latest and counted) else looks_back(say, one.window, one.samples or None, brief=True)
    )
    over = over or ("" if shift else during(say, one.window))
    return ", ".join(filter(None, [say.text(message, amount=amount), counted, over]))


def _times(measure: Measure, amount: str) -> str:
    return f"{amount}×" if UNITS[measure] is Unit.TIMES else amount


def _threshold(breach: Breach, words: CityWords) -> str:
    """What it is held against; nothing where several figures are, or none."""
    say = words.say
    if breach.usual is not None:
        return say.gettext("usually {share}", share=say.ratio_limit(round(breach.usual, USUAL_DIGITS)))
    if breach.reading.also or breach.measure is Measure.NOBODY_AVAILABLE:
        return ""
    amount = _times(breach.measure, limit(say, breach.measure, breach.limit))
    if breach.level is Level.WARNING:
        return say.gettext("warning at {limit}", limit=amount)
    return (
        say.gettext("target {limit}", limit=amount)
        if words.is_target(breach)
        else say.gettext("limit {limit}", limit=amount)
    )


def _when(breach: Breach, words: CityWords) -> str:
    ended = _ended(breach)
    start, end = (instant.astimezone(words.zone) for instant in (breach.opened_at, ended or breach.at))
    if ended is None:
        return words.say.gettext("since {time}", time=words.say.moment(start, end))
    if ended - breach.opened_at < CLOSE_LOOK:
        return f"{words.say.local(start, _TO_THE_SECOND)}–{words.say.local(end, _TO_THE_SECOND)}"
    return f"{words.say.moment(start, end)}–{words.say.moment(end, start)}"


_TO_THE_SECOND: Final = Msg("H:mm:ss", "date pattern")


def _one_line(text: str) -> str:
    """Grafana renders an annotation as HTML; ours is plain."""
    return _BLANKS.sub(" ", text.translate(_PLAIN)).strip()


_PLAIN: Final = str.maketrans({"<": "‹", ">": "›"})
