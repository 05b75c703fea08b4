"""The charts of a report, as inline SVG: bars against a target or in a row, shares of a whole, a day. Pure.

Nothing is told by colour alone: what is over its target is hatched and signed, what was reported is dotted,
shares carry their numbers. Every chart has a title and a description in words. Colours stand in the drawing
itself, since a PDF maker does not apply a page's styles inside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 680.0
"""Units across a page: a unit of text is about a quarter of a millimetre on A4."""
HALF: Final = 332.0
"""Two of these and a gap make a page."""

INK: Final = "#1d2733"
SOFT: Final = "#4a535c"
LINE: Final = "#c3cad1"
PAPER: Final = "#ffffff"
BAR: Final = "#2a6a9e"
OVER: Final = "#a8480a"
REPORTED: Final = "#5d6874"
SHADES: Final = ("#dcebf6", "#a9cfe8", "#6aa9d2", "#2f74a9", "#1f5788", "#0f2f4f")
"""From soon to late, so that it also reads in grey."""

FONT: Final = 12.0
SMALL: Final = 10.5
LEAST_FONT: Final = 8.5
GLYPH: Final = 0.62
"""How wide a letter is at most on average, in font sizes: of the widest usual font."""

PLOT: Final = 132.0
PANEL_PLOT: Final = 84.0
LONGEST_BAR: Final = 46.0
ROW: Final = 30.0
TRACK: Final = 38.0
"""A label, and below it what became of it over the day."""
MOST_LABEL: Final = 200.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure. Without a value there is no bar, and ``text`` says so."""

    label: str
    value: float | None
    text: str
    short: str = ""
    """The text without its unit, where there is little room."""
    over: bool = False
    """Not met."""
    reported: bool = False
    running: bool = False
    limit: float | None = None
    limit_text: str = ""
    marker: str = ""
    """The series breaks in front of this bar."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Upright bars in the order of time, with one target line."""

    title: str
    description: str
    bars: tuple[Bar, ...]
    limit: float | None = None
    limit_text: str = ""
    half: bool = False
    legend: tuple[tuple[str, str], ...] = ()
    """Pairs of ``reported``, ``over`` or ``running``, and what that means."""


@dataclass(frozen=True, slots=True)
class TargetBars:
    """Lying bars, each with its own target: one moment, several places."""

    title: str
    description: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Share:
    label: str
    note: str
    parts: tuple[tuple[float, str], ...]
    """Fractions of the whole with their texts; none at all: ``note`` says why."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Lying bars of the same length, cut into categories."""

    title: str
    description: str
    categories: tuple[str, ...]
    rows: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of a track, from 0 (where the day begins) to 1 (its end)."""

    start: float
    end: float
    firing: bool
    """Drawn full; else only outlined: over its limit and not told yet, or recovering."""


@dataclass(frozen=True, slots=True)
class Track:
    """What became of one thing over the day."""

    label: str
    note: str
    """When that was, in figures."""
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the day with its contacts, how many of them bad."""

    start: float
    end: float
    total: int
    bad: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """A day: its contacts above, and below them what was wrong when."""

    title: str
    description: str
    ticks: tuple[tuple[float, str], ...]
    slices: tuple[Slice, ...]
    total_text: str
    """What the outlined part of a slice is, for the legend; then its hatched part."""
    bad_text: str
    tracks: tuple[Track, ...]


Chart = Columns | TargetBars | Shares | Timeline


def svg(chart: Chart, name: str) -> str:
    """Return a chart as an ``svg`` element; ``name`` makes its ids unique in the page."""
    match chart:
        case Columns():
            return _columns(chart, name)
        case TargetBars():
            return _target_bars(chart, name)
        case Shares():
            return _shares(chart, name)
        case Timeline():
            return _timeline(chart, name)


def shades(count: int) -> list[str]:
    """Return so many colours from soon to late."""
    if count == 1:
        return [SHADES[2]]
    return [_between(number * (len(SHADES) - 1) / (count - 1)) for number in range(count)]


def ink_on(colour: str) -> str:
    """Return black or white, whichever is read better: the contrast is 4.5 at least, on any colour."""
    return max(("#000000", "#ffffff"), key=lambda ink: contrast(ink, colour))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (``#rrggbb``) as WCAG 2 defines it, 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _columns(chart: Columns, name: str) -> str:
    width = HALF if chart.half else WIDTH
    beside = 4.0 if chart.limit is None else _width(chart.limit_text, SMALL) + 10
    room = width - beside
    slot = room / len(chart.bars)
    top = 44.0 if any(bar.marker for bar in chart.bars) else 22.0
    base = top + (PANEL_PLOT if chart.half else PLOT)
    highest = max([bar.value or 0.0 for bar in chart.bars] + [chart.limit or 0.0]) or 1.0

    def height(value: float) -> float:
        return base - (base - top) * value / highest

    level = None if chart.limit is None else height(chart.limit)
    size, texts = _fitting([bar for bar in chart.bars if bar.value is not None], slot - 3)
    label_size = _size_for([bar.label for bar in chart.bars], slot - 2)
    bars: list[str] = []
    labels: list[str] = []
    for number, bar in enumerate(chart.bars):
        middle = (number + 0.5) * slot
        labels.append(_text(bar.label, middle, base + 16, label_size, anchor="middle"))
        if bar.marker:
            bars.append(_break(bar.marker, max(number * slot, 9.0), top, base))
        if bar.value is None:
            labels.append(_upright(bar.text, middle, base - 6, level))
            continue
        wide, above = min(LONGEST_BAR, slot * 0.62), height(bar.value)
        bars.append(_bar(bar, name, middle - wide / 2, above, wide, base - above))
        labels.append(_on_paper(_signed(bar, texts[bar]), middle, _clear_of(level, above - 5, size), size))
    legend, bottom = _legend(chart.legend, name, base + 34, width)
    parts = [
        *bars,
        f'<line x1="0" y1="{base:.1f}" x2="{room:.1f}" y2="{base:.1f}" stroke="{SOFT}"/>',
        *_target(chart.limit_text, level, room),
        *labels,
        *legend,
    ]
    return _drawing(chart, name, width, max(base + 22, bottom), parts)


def _target(text: str, level: float | None, room: float) -> list[str]:
    if level is None:
        return []
    line = (
        f'<line x1="0" y1="{level:.1f}" x2="{room:.1f}" y2="{level:.1f}" stroke="{INK}" '
        'stroke-width="1.4" stroke-dasharray="6 4"/>'
    )
    return [line, _text(text, room + 6, level + 4, SMALL)]


def _signed(bar: Bar, text: str) -> str:
    return f"{text} ✗" if bar.over else text


def _target_bars(chart: TargetBars, name: str) -> str:
    label = min(MOST_LABEL, max(_width(bar.label, FONT) for bar in chart.bars) + 10)
    value = max(_width(bar.text + " ✗", FONT) for bar in chart.bars) + 14
    limit = max(_width(bar.limit_text, SMALL) for bar in chart.bars) + 6
    plot = WIDTH - label - value - limit
    highest = max([bar.value or 0.0 for bar in chart.bars] + [bar.limit or 0.0 for bar in chart.bars]) or 1.0
    parts: list[str] = []
    for number, bar in enumerate(chart.bars):
        top = number * ROW + 4
        middle = top + ROW / 2 + 0.5
        parts.append(_text(bar.label, 0, middle, _size_for([bar.label], label - 6)))
        if bar.value is not None:
            parts.append(_bar(bar, name, label, top + 2, plot * bar.value / highest, ROW - 12))
        if bar.limit is not None:
            x = label + plot * bar.limit / highest
            parts.append(
                f'<line x1="{x:.1f}" y1="{top - 2:.1f}" x2="{x:.1f}" y2="{top + ROW - 6:.1f}" '
                f'stroke="{INK}" stroke-width="2.4"/>'
            )
        parts.append(_text(_signed(bar, bar.text), label + plot + 12, middle, FONT, weight="600"))
        parts.append(_text(bar.limit_text, WIDTH, middle, SMALL, anchor="end", fill=SOFT))
    bottom = len(chart.bars) * ROW + 4
    parts.append(
        f'<line x1="{label:.1f}" y1="2" x2="{label:.1f}" y2="{bottom:.1f}" stroke="{SOFT}" stroke-width="1"/>'
    )
    return _drawing(chart, name, WIDTH, bottom + 4, parts)


def _shares(chart: Shares, name: str) -> str:
    colours = shades(len(chart.categories))
    parts, top = _share_legend(chart, colours, name)
    label = max(_width(row.label, FONT) for row in chart.rows) + 10
    note = max((_width(row.note, SMALL) + 10 for row in chart.rows if row.parts), default=0.0)
    plot = WIDTH - label - note
    for number, row in enumerate(chart.rows):
        y = top + number * ROW
        middle = y + ROW / 2 + 1
        parts.append(_text(row.label, 0, middle, FONT))
        if not row.parts:
            parts.append(_text(row.note, label, middle, SMALL, fill=SOFT))
            continue
        parts.append(_text(row.note, WIDTH, middle, SMALL, anchor="end", fill=SOFT))
        x = label
        for index, ((share, text), colour) in enumerate(zip(row.parts, colours, strict=True)):
            width = plot * share
            if width <= 0:
                continue
            box = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{ROW - 8:.1f}"'
            parts.append(f'<rect {box} fill="{colour}" stroke="{PAPER}" stroke-width="1.5"/>')
            if index % 2:
                parts.append(f'<rect {box} fill="url(#{name}-h{index})"/>')
            if _width(text, SMALL) + 8 <= width:
                parts.append(_on_colour(text, x + width / 2, middle, colour))
            x += width
    return _drawing(chart, name, WIDTH, top + len(chart.rows) * ROW, parts, hatches=colours)


def _share_legend(chart: Shares, colours: Sequence[str], name: str) -> tuple[list[str], float]:
    parts: list[str] = []
    x, y = 0.0, 6.0
    for index, (category, colour) in enumerate(zip(chart.categories, colours, strict=True)):
        wide = 22 + _width(category, SMALL) + 16
        if x and x + wide > WIDTH:
            x, y = 0.0, y + 20
        box = f'x="{x:.1f}" y="{y:.1f}" width="16" height="12"'
        parts.append(f'<rect {box} fill="{colour}" stroke="{SOFT}" stroke-width="0.7"/>')
        if index % 2:
            parts.append(f'<rect {box} fill="url(#{name}-h{index})"/>')
        parts.append(_text(category, x + 22, y + 10, SMALL))
        x += wide
    return parts, y + 26


def _timeline(chart: Timeline, name: str) -> str:
    legend = (("running", chart.total_text), ("over", chart.bad_text))
    parts, top = _legend(legend, name, 12, WIDTH)
    top += 18
    base = top + PLOT
    tracks = [base + 26 + number * TRACK for number in range(len(chart.tracks))]
    bottom = tracks[-1] + TRACK if tracks else base + 22
    for at, text in chart.ticks:
        x = WIDTH * at
        parts.append(f'<path d="M{x:.1f} {top:.1f}V{bottom:.1f}" stroke="{LINE}" stroke-width="0.7"/>')
        anchor = "start" if at <= 0 else "end" if at >= 1 else "middle"
        parts.append(_text(text, x, base + 15, SMALL, anchor=anchor, fill=SOFT))
    parts += _slices(chart.slices, name, top, base)
    parts.append(f'<path d="M0 {base:.1f}H{WIDTH:.0f}" stroke="{SOFT}"/>')
    for y, track in zip(tracks, chart.tracks, strict=True):
        parts.append(_text(track.label, 0, y + 12, FONT, weight="600"))
        parts.append(_text(track.note, WIDTH, y + 12, SMALL, anchor="end", fill=SOFT))
        parts.append(f'<path d="M0 {y + 24:.1f}H{WIDTH:.0f}" stroke="{LINE}"/>')
        parts += (_stretch(stretch, name, y + 17) for stretch in track.stretches)
    return _drawing(chart, name, WIDTH, bottom + 4, parts)


def _slices(slices: Sequence[Slice], name: str, top: float, base: float) -> Iterator[str]:
    highest = max((one.total for one in slices), default=0)
    for one in slices:
        x, wide = WIDTH * one.start + 0.5, WIDTH * (one.end - one.start) - 1
        for count, fill, edge in ((one.total, PAPER, SOFT), (one.bad, f"url(#{name}-over)", OVER)):
            if count:
                high = (base - top) * count / highest
                yield (
                    f'<rect x="{x:.1f}" y="{base - high:.1f}" width="{wide:.1f}" height="{high:.1f}" '
                    f'fill="{fill}" stroke="{edge}" stroke-width="0.8"/>'
                )
    if highest:
        yield _text(str(highest), 0, top - 4, SMALL, fill=SOFT)


def _stretch(stretch: Stretch, name: str, y: float) -> str:
    x, wide = WIDTH * stretch.start, max(1.5, WIDTH * (stretch.end - stretch.start))
    fill, dashed = (f"url(#{name}-over)", "") if stretch.firing else (PAPER, ' stroke-dasharray="3 2"')
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="14" fill="{fill}" stroke="{OVER}" '
        f'stroke-width="1.3"{dashed}/>'
    )


def _bar(bar: Bar, name: str, x: float, y: float, width: float, height: float) -> str:
    fill = f"url(#{name}-reported)" if bar.reported else f"url(#{name}-over)" if bar.over else BAR
    edge = REPORTED if bar.reported else OVER if bar.over else BAR
    dashed = ' stroke-dasharray="4 3"' if bar.running else ""
    if bar.running:
        fill = f"url(#{name}-over)" if bar.over else f"url(#{name}-running)"
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{max(height, 0.5):.1f}" '
        f'fill="{fill}" stroke="{edge}" stroke-width="1.3"{dashed}/>'
    )


def _legend(legend: Iterable[tuple[str, str]], name: str, y: float, width: float) -> tuple[list[str], float]:
    parts: list[str] = []
    x, bottom = 0.0, 0.0
    for kind, text in legend:
        wide = 22 + _width(text, SMALL) + 16
        if x and x + wide > width:
            x, y = 0.0, y + 18
        edge = {"reported": REPORTED, "over": OVER}.get(kind, SOFT)
        fill = PAPER if kind == "running" else f"url(#{name}-{kind})"
        dashed = ' stroke-dasharray="4 3"' if kind == "running" else ""
        parts.append(
            f'<rect x="{x + 0.7:.1f}" y="{y - 9:.1f}" width="15" height="11" fill="{fill}" '
            f'stroke="{edge}"{dashed}/>'
        )
        parts.append(_text(text, x + 22, y, SMALL, fill=SOFT))
        x, bottom = x + wide, y + 6
    return parts, bottom


def _break(marker: str, x: float, top: float, base: float) -> str:
    """A dotted line between two bars, with its letter."""
    return (
        f'<line x1="{x:.1f}" y1="{top - 22:.1f}" x2="{x:.1f}" y2="{base:.1f}" stroke="{INK}" '
        'stroke-width="1.2" stroke-dasharray="1.5 3"/>'
        f'<circle cx="{x:.1f}" cy="{top - 30:.1f}" r="8" fill="{PAPER}" stroke="{INK}"/>'
        + _text(marker, x, top - 26.3, SMALL, anchor="middle", weight="600")
    )


def _drawing(
    chart: Chart, name: str, width: float, height: float, parts: Iterable[str], hatches: Sequence[str] = ()
) -> str:
    half = ' class="half"' if isinstance(chart, Columns) and chart.half else ""
    inside = "".join(parts)
    patterns = "".join(pattern for key, pattern in _patterns(name, hatches) if f"url(#{key})" in inside)
    return (
        f'<svg role="img" aria-labelledby="{name}-t {name}-d"{half} viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" xmlns="http://www.w3.org/2000/svg" '
        "font-family=\"'Segoe UI', 'Noto Sans', 'Liberation Sans', 'DejaVu Sans', Arial, sans-serif\">"
        f'<title id="{name}-t">{escape(chart.title)}</title>'
        f'<desc id="{name}-d">{escape(chart.description)}</desc>'
        f"<defs>{patterns}</defs>{inside}</svg>"
    )


def _patterns(name: str, hatches: Sequence[str]) -> Iterator[tuple[str, str]]:
    drawn = {
        "over": f'<rect width="6" height="6" fill="#f6d9c6"/><path d="M-1 7 7 -1M-1 1 1 -1M5 7 7 5" '
        f'stroke="{OVER}" stroke-width="2.2"/>',
        "reported": f'<rect width="6" height="6" fill="#eef1f4"/><path d="M-1 -1 7 7M-1 5 1 7M5 -1 7 1" '
        f'stroke="{REPORTED}" stroke-width="1.3"/>',
        "running": f'<rect width="6" height="6" fill="#a9cfe8"/><circle cx="3" cy="3" r="0.9" fill="{BAR}"/>',
    }
    for key, inside in drawn.items():
        yield _pattern(f"{name}-{key}", 6, inside)
    for index, colour in enumerate(hatches):
        yield _pattern(
            f"{name}-h{index}",
            7,
            f'<path d="M-1 8 8 -1M-1 1 1 -1M6 8 8 6" stroke="{ink_on(colour)}" stroke-width="0.9" '
            'stroke-opacity="0.45"/>',
        )


def _pattern(key: str, size: int, inside: str) -> tuple[str, str]:
    return key, (
        f'<pattern id="{key}" width="{size}" height="{size}" patternUnits="userSpaceOnUse">{inside}</pattern>'
    )


def _text(
    text: str, x: float, y: float, size: float, *, anchor: str = "start", fill: str = INK, weight: str = ""
) -> str:
    bold = f' font-weight="{weight}"' if weight else ""
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}"{place} fill="{fill}"{bold}>{escape(text)}</text>'
    )


def _upright(text: str, x: float, y: float, level: float | None) -> str:
    """Text from bottom to top, which the target line behind it does not cross."""
    top = y - _width(text, SMALL) - 2
    paper = ""
    if level is not None and top <= level <= y + 2:
        paper = (
            f'<rect x="{x - SMALL / 2 - 2:.1f}" y="{top:.1f}" width="{SMALL + 4:.1f}" '
            f'height="{y + 2 - top:.1f}" fill="{PAPER}"/>'
        )
    return paper + (
        f'<text x="{x + 4:.1f}" y="{y:.1f}" font-size="{SMALL:g}" fill="{SOFT}" '
        f'transform="rotate(-90 {x + 4:.1f} {y:.1f})">{escape(text)}</text>'
    )


def _on_paper(text: str, x: float, y: float, size: float) -> str:
    """Text that a line behind it does not cross."""
    wide = _width(text, size)
    return (
        f'<rect x="{x - wide / 2 - 1:.1f}" y="{y - size + 1:.1f}" width="{wide + 2:.1f}" '
        f'height="{size + 1:.1f}" fill="{PAPER}"/>' + _text(text, x, y, size, anchor="middle", weight="600")
    )


def _clear_of(level: float | None, y: float, size: float) -> float:
    """Move a text above the target line that would cross it: beside it, a dash looks like a minus."""
    if level is None or not y - size - 2 <= level <= y + 4:
        return y
    return level - 4


def _on_colour(text: str, x: float, y: float, colour: str) -> str:
    wide = _width(text, SMALL)
    return (
        f'<rect x="{x - wide / 2 - 2:.1f}" y="{y - SMALL:.1f}" width="{wide + 4:.1f}" '
        f'height="{SMALL + 3:.1f}" fill="{colour}"/>'
        + _text(text, x, y - 0.5, SMALL, anchor="middle", fill=ink_on(colour))
    )


def _fitting(bars: Sequence[Bar], room: float) -> tuple[float, dict[Bar, str]]:
    """The size that fits all, and the texts: without their unit where that is too small."""

    signed = _size_for([_signed(bar, bar.text) for bar in bars], room)
    if signed > LEAST_FONT or not all(bar.short for bar in bars):
        return signed, {bar: bar.text for bar in bars}
    return _size_for([_signed(bar, bar.short) for bar in bars], room), {bar: bar.short for bar in bars}


def _size_for(texts: Iterable[str], room: float) -> float:
    longest = max((len(text) for text in texts), default=0)
    return FONT if not longest else max(LEAST_FONT, min(FONT, room / (longest * GLYPH)))


def _width(text: str, size: float) -> float:
    return len(text) * size * GLYPH


def _between(place: float) -> str:
    low = int(place)
    rest = place - low
    after = SHADES[min(low + 1, len(SHADES) - 1)]
    mixed = (round(a + (b - a) * rest) for a, b in zip(_rgb(SHADES[low]), _rgb(after), strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    parts = [value / 255 for value in _rgb(colour)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
