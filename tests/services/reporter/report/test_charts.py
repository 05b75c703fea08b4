"""Charts as drawings: readable in print, in grey and by a screen reader, whatever the figures."""

from __future__ import annotations

import re
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reporter.report import charts
from services.reporter.report.charts import (
    Bar,
    Chart,
    Columns,
    Share,
    Shares,
    TargetBars,
    contrast,
    ink_on,
    shades,
    svg,
)

SVG = "{http://www.w3.org/2000/svg}"
BOXES_MAY_TOUCH = 1.0
"""Units: the width of a text is an estimate on the wide side."""


def drawn(chart: Chart) -> ET.Element:
    return ET.fromstring(svg(chart, "c"))


def boxes(root: ET.Element) -> list[tuple[str, float, float, float, float]]:
    """The texts that lie flat: what they say, and from where to where they reach."""
    found = []
    for text in root.iter(f"{SVG}text"):
        if "transform" in text.attrib:
            continue
        said, size = text.text or "", float(text.attrib["font-size"])
        width = len(said) * size * charts.GLYPH
        shift = {"start": 0.0, "middle": width / 2, "end": width}[text.attrib.get("text-anchor", "start")]
        x, y = float(text.attrib["x"]) - shift, float(text.attrib["y"])
        found.append((said, x, y - 0.75 * size, x + width, y + 0.2 * size))
    return found


def collisions(root: ET.Element) -> list[tuple[str, str]]:
    return [
        (a[0], b[0])
        for a, b in combinations(boxes(root), 2)
        if min(a[3], b[3]) - max(a[1], b[1]) > BOXES_MAY_TOUCH
        and min(a[4], b[4]) - max(a[2], b[2]) > BOXES_MAY_TOUCH
    ]


VALUES = st.one_of(st.none(), st.floats(0, 1).map(lambda value: round(value, 4)))


@st.composite
def bars(draw: st.DrawFn, most: int = 14) -> tuple[Bar, ...]:
    limit = 0.2
    found = []
    for number, value in enumerate(draw(st.lists(VALUES, min_size=1, max_size=most))):
        text = "geen gegevens" if value is None else f"{value * 100:.2f} %".replace(".", ",")
        found.append(
            Bar(
                label=str(2016 + number),
                value=value,
                text=text,
                short=text.removesuffix(" %"),
                over=value is not None and value > limit,
                reported=draw(st.booleans()),
                running=draw(st.booleans()),
                limit=limit,
                limit_text="≤ 20 %",
                marker=draw(st.sampled_from(["", "", "A"])),
            )
        )
    return tuple(found)


@given(bars(), st.booleans())
def test_labels_of_upright_bars_never_overlap_and_stay_inside(given_bars: tuple[Bar, ...], target: bool):
    chart = Columns("t", "d", given_bars, 0.2 if target else None, "≤ 20 %" if target else "")
    root = drawn(chart)
    assert collisions(root) == []
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for said, left, top, right, bottom in boxes(root):
        assert left >= -BOXES_MAY_TOUCH, said
        assert right <= width + BOXES_MAY_TOUCH, said
        assert top >= 0, said
        assert bottom <= height, said


@pytest.mark.parametrize("count", [2, 9, 14])
@pytest.mark.parametrize("over", [False, True])
def test_labels_of_bars_that_are_equally_high_do_not_overlap(count: int, over: bool):
    equal = tuple(Bar(str(2016 + n), 0.1614, "16,14 %", "16,14", over=over) for n in range(count))
    assert collisions(drawn(Columns("t", "d", equal, 0.1, "≤ 10 %"))) == []


@pytest.mark.parametrize("share", [0.85, 0.9, 0.95, 0.999, 1.0])
def test_no_target_line_runs_through_a_label(share: float):
    # A dash beside 0:52 reads as a minus.
    root = drawn(Columns("t", "d", (Bar("jan", share, "0:52"),), 1.0, "≤ 1:00"))
    level = float(
        next(line.attrib["y1"] for line in root.iter(f"{SVG}line") if "stroke-dasharray" in line.attrib)
    )
    top, bottom = next((box[2], box[4]) for box in boxes(root) if box[0] == "0:52")
    assert not top < level < bottom


@given(bars(most=6))
def test_labels_of_half_charts_never_overlap(given_bars: tuple[Bar, ...]):
    shown = tuple(Bar(b.label[:3], b.value, b.text[:5], limit=b.limit, over=b.over) for b in given_bars)
    assert collisions(drawn(Columns("t", "d", shown, 0.2, "≤ 10:00", half=True))) == []


@given(bars(most=8))
def test_labels_of_lying_bars_never_overlap(given_bars: tuple[Bar, ...]):
    assert collisions(drawn(TargetBars("t", "d", given_bars))) == []


@given(st.lists(st.lists(st.integers(0, 500), min_size=6, max_size=6), min_size=1, max_size=12))
def test_labels_of_shares_never_overlap(rows: list[list[int]]):
    names = ("0–20 s", "20–45 s", "45–60 s", "60–120 s", "120–180 s", "meer dan 180 s")
    shown = tuple(
        Share(
            f"september {2016 + number}",
            f"{sum(counts)} oproepen" if sum(counts) else "geen gegevens",
            tuple((n / sum(counts), f"{100 * n / sum(counts):.1f} %") for n in counts) if sum(counts) else (),
        )
        for number, counts in enumerate(rows)
    )
    assert collisions(drawn(Shares("t", "d", names, shown))) == []


def test_parts_of_a_whole_are_as_long_as_their_shares():
    root = drawn(Shares("t", "d", ("a", "b"), (Share("x", "n", ((0.25, "25 %"), (0.75, "75 %"))),)))
    wide = [
        float(rect.attrib["width"]) for rect in root.iter(f"{SVG}rect") if rect.get("stroke") == charts.PAPER
    ]
    assert wide[1] / wide[0] == pytest.approx(3, abs=0.01)


def test_bars_are_as_high_as_their_figures_and_the_target_lies_between():
    chart = Columns("t", "d", (Bar("a", 1.0, "1"), Bar("b", 4.0, "4", over=True)), 2.0, "≤ 2")
    root = drawn(chart)
    tall = [
        float(r.attrib["height"])
        for r in root.iter(f"{SVG}rect")
        if r.get("stroke") in {charts.BAR, charts.OVER}
    ]
    assert tall[1] / tall[0] == pytest.approx(4, abs=0.01)
    base, target = (float(line.attrib["y1"]) for line in root.iter(f"{SVG}line"))
    assert base - target == pytest.approx(2 * tall[0], abs=0.2)


@pytest.mark.parametrize(
    ("bar", "told"),
    [
        (Bar("a", 2.0, "2", over=True), "✗"),
        (Bar("a", 2.0, "2", reported=True), "url(#c-reported)"),
        (Bar("a", 2.0, "2", running=True), "stroke-dasharray"),
        (Bar("a", 2.0, "2", over=True), "url(#c-over)"),
        (Bar("a", None, "geen gegevens"), "geen gegevens"),
    ],
)
def test_what_is_special_is_told_without_colour(bar: Bar, told: str):
    assert told in svg(Columns("t", "d", (bar,)), "c")
    assert told not in svg(Columns("t", "d", (Bar("a", 2.0, "2"),)), "c")


@pytest.mark.parametrize("limit", [1.0, 4.0, 45.0])
def test_the_target_line_does_not_go_through_what_stands_in_the_place_of_a_bar(limit: float):
    text = svg(Columns("t", "d", (Bar("a", 45.0, "45"), Bar("b", None, "geen gegevens")), limit, "≤"), "c")
    root = drawn(Columns("t", "d", (Bar("a", 45.0, "45"), Bar("b", None, "geen gegevens")), limit, "≤"))
    (level,) = (float(line.attrib["y1"]) for line in root.iter(f"{SVG}line") if line.get("stroke-dasharray"))
    (foot,) = (float(one.attrib["y"]) for one in root.iter(f"{SVG}text") if one.get("transform"))
    behind = [
        rect
        for rect in root.iter(f"{SVG}rect")
        if rect.get("fill") == charts.PAPER
        and float(rect.attrib["y"]) <= level <= float(rect.attrib["y"]) + float(rect.attrib["height"])
        and float(rect.attrib["x"]) > charts.WIDTH / 3
    ]
    crosses = foot - 100 < level < foot
    assert bool(behind) == crosses
    assert text.index("stroke-dasharray") < text.index("geen gegevens")  # drawn over it


def test_a_bar_without_a_value_is_not_a_bar_of_nothing():
    assert "<rect" not in svg(Columns("t", "d", (Bar("2023", None, "geen gegevens"),)), "c")
    assert "<rect" in svg(Columns("t", "d", (Bar("2023", 0.0, "0"),)), "c")


@pytest.mark.parametrize(
    "chart",
    [
        Columns("<T>", "a & b", (Bar("<a>", 1.0, "&"),), legend=(("over", "<x>"),)),
        TargetBars("<T>", "a & b", (Bar("<a>", 1.0, "&", limit=1.0, limit_text="<"),)),
        Shares("<T>", "a & b", ("<c>",), (Share("<a>", "&", ((1.0, "<"),)),)),
    ],
)
def test_a_chart_has_a_title_and_a_description_and_escapes_what_it_is_told(chart: Chart):
    root = drawn(chart)
    named = {element.attrib["id"]: element for element in root.iter() if "id" in element.attrib}
    title, description = (named[name] for name in root.attrib["aria-labelledby"].split())
    assert (root.attrib["role"], title.text, description.text) == ("img", "<T>", "a & b")


@given(st.integers(1, 12))
def test_texts_on_shades_can_be_read(count: int):
    found = shades(count)
    assert len(set(found)) == count
    assert all(contrast(ink_on(colour), colour) >= 4.5 for colour in found)
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in found)


@pytest.mark.parametrize("ink", [charts.INK, charts.SOFT])
def test_texts_on_paper_can_be_read(ink: str):
    assert contrast(ink, charts.PAPER) >= 4.5


@pytest.mark.parametrize("mark", [charts.BAR, charts.OVER, charts.REPORTED, charts.INK])
def test_marks_stand_out_from_paper(mark: str):
    assert contrast(mark, charts.PAPER) >= 3


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
