"""Figures from before Wachtpost: read, and refused with the line and what would be right."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from shared.config.errors import explain_as
from shared.config.loader import ConfigRefusedError, read_history
from shared.config.model import CityFile, load
from shared.contract.kpis import Kpi
from shared.history_file import HistoryFile, history_mistakes
from shared.periods import Period

ROOT = Path(__file__).resolve().parents[2]
CITY_FILE = ROOT / "examples" / "lier" / "city.toml"


def test_the_example_is_the_series_that_lier_published() -> None:
    city = load(CITY_FILE)
    (history,) = read_history(CITY_FILE, city)
    published = {figure.period.name: round(figure.value * 100, 2) for figure in history.figures}
    years = dict(
        zip(map(str, range(2016, 2023)), (16.14, 12.19, 11.70, 11.14, 14.02, 13.08, 11.56), strict=True)
    )
    assert published == years
    assert {figure.kpi for figure in history.figures} == {Kpi.MISSED_RATIO}
    assert [(one.period.name, one.what) for one in history.breaks] == [("2021", "software")]


def figure(period: str = "2016", kpi: str = "missed_ratio", value: float = 0.1, more: str = "") -> str:
    return f'[[figures]]\nkpi = "{kpi}"\nperiod = "{period}"\nvalue = {value}\n{more}'


@pytest.mark.parametrize(
    ("text", "line", "key", "wrong"),
    [
        (figure("2016-13"), 3, "figures[0].period", "not a period"),
        (figure(value=16.14), 4, "figures[0].value", "a ratio is 1 at most"),
        (figure(kpi="missed"), 2, "figures[0].kpi", "unknown value; did you mean missed_ratio?"),
        (
            figure(more='queue = "loket-wonen"'),
            5,
            "figures[0].queue",
            "this queue does not have that KPI: phones and counters differ",
        ),
        (figure(more='site = "mol"'), 5, "figures[0].site", 'there is no "mol"'),
        ('[[breaks]]\nperiod = "2016"\nwhat = "pbx"\ntext = "x"', 3, "breaks[0].what", "unknown value"),
        ('[[breaks]]\nperiod = "2016"\nwhat = "software"', 1, "breaks[0].text", "the key text is missing"),
        ("[[figure]]", 1, "figure", "unknown key; did you mean figures?"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: int, key: str, wrong: str) -> None:
    meeting = partial(history_mistakes, load(CITY_FILE))
    found = explain_as(HistoryFile, f'city = "Lier"\n{text}', "old.toml", "en", meeting)
    assert [(one.where, one.key, one.wrong) for one in found] == [(f"old.toml:{line + 1}", key, wrong)]


@pytest.mark.parametrize(
    ("text", "where", "wrong"),
    [
        ("", "old.toml", "this file does not say which city it is about"),
        ('city = "Lier"', "old.toml:1", 'this file is about another city: the city file is that of "Mol"'),
        ("city = 1", "old.toml:1", "text belongs here"),
    ],
)
def test_the_past_of_another_city_is_refused(tmp_path: Path, text: str, where: str, wrong: str) -> None:
    """Lier's file, copied and renamed, may not show what Lier reported as that of Mol."""
    city = CityFile.model_validate(
        {
            "city": {"name": "Mol", "language": "en"},
            "sites": [{"id": "mol", "queues": [{"id": "desk", "kind": "phone"}]}],
            "history": {"files": ["old.toml"]},
        }
    )
    (tmp_path / "old.toml").write_text(f"{text}\n{figure()}")
    with pytest.raises(ConfigRefusedError) as refused:
        read_history(tmp_path / "city.toml", city)
    (mistake,) = refused.value.mistakes
    assert (mistake.where, mistake.wrong) == (str(tmp_path / where), wrong)
    assert text == "city = 1" or mistake.allowed.startswith('city = "Mol", if it is about that city')


@pytest.mark.parametrize(
    ("name", "first", "last", "before", "months"),
    [
        ("2026", "2026-01-01", "2026-12-31", "2025", 12),
        ("2026-01", "2026-01-01", "2026-01-31", "2025-12", 1),
        ("2024-02", "2024-02-01", "2024-02-29", "2024-01", 1),
        ("2026-H1", "2026-01-01", "2026-06-30", "2025-H2", 6),
        ("2026-H2", "2026-07-01", "2026-12-31", "2026-H1", 6),
        ("2026-Q1", "2026-01-01", "2026-03-31", "2025-Q4", 3),
        ("2026-Q4", "2026-10-01", "2026-12-31", "2026-Q3", 3),
    ],
)
def test_a_period_is_whole_months(name: str, first: str, last: str, before: str, months: int) -> None:
    period = Period.parse(name)
    assert (str(period.first), str(period.last)) == (first, last)
    assert period.before().name == before
    assert len(period.months()) == months
    assert [*period.days()] == [day for month in period.months() for day in month.days()]
    assert (period.is_year, period.is_month) == (months == 12, months == 1)


@pytest.mark.parametrize(
    "name", ["", "26", "2026-13", "2026-00", "2026-H3", "2026-Q5", "2026-1", "0026", "2026-10-01"]
)
def test_anything_else_is_no_period(name: str) -> None:
    with pytest.raises(ValueError, match="a period is 2026, 2026-10, 2026-H1 or 2026-Q3"):
        Period.parse(name)
