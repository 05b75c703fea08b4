"""The archive as a file: every format gives the same days again, and nothing else gets in."""

from __future__ import annotations

import json
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.bucket import Bucket
from domain.bucket_store import Slot
from domain.corrections import Hours, day_slot
from domain.queue_ref import QueueRef
from wachtpost.history.rows import (
    COLUMNS,
    COUNTS,
    SUMS,
    ArchiveFormat,
    BadRowError,
    for_excel,
    read,
    rows_of,
    written_as,
)

PLACES = [QueueRef("huis", "onthaal"), QueueRef("huis", "loket-1"), QueueRef("post", "onthaal")]
PARQUET = "pyarrow"
FORMATS = [
    ArchiveFormat.CSV,
    ArchiveFormat.NDJSON,
    pytest.param(
        ArchiveFormat.PARQUET,
        marks=pytest.mark.skipif(find_spec(PARQUET) is None, reason="the extra parquet is not there"),
    ),
]

cells = st.dictionaries(st.integers(0, 700_000), st.integers(1, 10**9), max_size=4)

differences = st.dictionaries(
    st.sampled_from(("answered", "wait_ms", "timed_out", "waits/30", "abandon_waits/0")),
    st.sampled_from((-30, -1, 1, 900_000)),
)


@st.composite
def buckets(draw) -> Bucket:
    made = Bucket(**{name: draw(st.integers(0, 10**15)) for name in COUNTS if name not in SUMS.values()})
    for histogram, total in SUMS.items():
        setattr(made, histogram, draw(cells))
        setattr(made, total, sum(getattr(made, histogram).values()))
    made.callers = draw(differences)
    return made


slots = st.builds(
    day_slot, st.sampled_from(PLACES), st.dates(date(2016, 1, 1), date(2199, 12, 31)), st.sampled_from(Hours)
)


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.dictionaries(slots, buckets(), min_size=1, max_size=5))
def test_the_round_trip_is_exact(kind: ArchiveFormat, days: dict[Slot, Bucket], tmp_path: Path) -> None:
    written = {slot: bucket.encode() for slot, bucket in days.items()}
    (tmp_path / "file").write_bytes(written_as(rows_of(written), kind))
    again = {slot: bucket.encode() for slot, bucket in read(tmp_path / "file", PLACES).items()}
    assert again == written


ROW = {"day": "2026-03-12", "site": "huis", "queue": "onthaal", "hours": "inside", "answered": 2,
       "waits": {"3": 2}}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"queue": "elders"}, "the city file has no queue huis/elders"),
        ({"day": "2026-02-30"}, "day: date_from_datetime_parsing"),
        ({"hours": "sometimes"}, "hours: enum"),
        ({"answered": 3}, "waits does not add up to answered"),
        ({"waits": {"3": 2, "4": 0}}, "waits: counts from 1 are expected"),
        ({"waits": {"3": 3, "4": -1}}, "waits.4: greater_than_equal"),
        ({"waits": {"-3": 2}}, "waits.-3.[key]: greater_than_equal"),
        ({"unfinished": -1}, "a count is below 0"),
        ({"answered": 2.5}, "answered: int_from_float"),
        ({"caller": "x"}, "1 column(s) that a history does not have"),
        ({"site": None}, "site: string_type"),
        ({"callers": {"visits": 1}}, "callers names what no call has"),
        ({"callers": {"waits/x": 1}}, "callers names what no call has"),
        ({"callers": {"answered": 0}}, "callers: a difference is 0 or above 1000000000000000"),
    ],
)
def test_a_bad_row_is_told_with_its_place_and_not_quoted(change: dict[str, object], why: str, tmp_path: Path):
    file = tmp_path / "days.ndjson"
    file.write_text(f"{json.dumps(ROW)}\n\n{json.dumps({**ROW, 'day': '2026-03-13', **change})}\n")
    with pytest.raises(BadRowError) as error:
        read(file, PLACES)
    assert str(error.value) == f"{file}:3: {why}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            json.dumps(ROW) + "\n" + json.dumps(ROW),
            "2: the same day, queue and hours stand in the file twice",
        ),
        (json.dumps(ROW) + "\nnot json", "2: no JSON object"),
        ("day,site\n2026-03-12,huis\n", "2: queue: missing"),
        (
            "day,site,queue,hours,waits\n2026-03-12,huis,onthaal,inside,{\n",
            "2: a histogram is no JSON object",
        ),
        (
            "day,site,queue,hours\n2026-03-12,huis,onthaal,inside,5\n",
            "2: 1 column(s) that a history does not have",
        ),
    ],
)
def test_a_damaged_file_is_told_by_line(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(text)
    with pytest.raises(BadRowError) as error:
        read(tmp_path / "file", PLACES)
    assert str(error.value) == f"{tmp_path / 'file'}:{why}"


@pytest.mark.parametrize("ending", ["csv", "ndjson"])
def test_a_history_that_an_earlier_release_wrote_comes_back(tmp_path: Path, ending: str) -> None:
    """It had columns for the longest waits."""
    file = tmp_path / f"history.{ending}"
    if ending == "csv":
        file.write_text("day,site,queue,hours,answered,wait_max_ms,waits\n"
                        '2026-03-12,huis,onthaal,inside,2,29500,"{""20"":1,""30"":1}"\n')  # fmt: skip
    else:
        row = {"day": "2026-03-12", "site": "huis", "queue": "onthaal", "hours": "inside", "answered": 2}
        file.write_text(json.dumps({**row, "wait_max_ms": 29500, "waits": {"20": 1, "30": 1}}) + "\n")
    (bucket,) = read(file, PLACES).values()
    assert bucket == Bucket(answered=2, waits={20: 1, 30: 1})


def test_for_excel_no_cell_holds_a_histogram() -> None:
    slots = [day_slot(PLACES[0], date(2026, 3, day), Hours.INSIDE) for day in (12, 13)]
    buckets = [Bucket(answered=3, waits={20: 1, 1000: 2}), Bucket(answered=1, waits={30: 1})]
    written = {slot: bucket.encode() for slot, bucket in zip(slots, buckets, strict=True)}
    header, *lines = for_excel(rows_of(written)).decode("utf-8-sig").splitlines()
    rows = [dict(zip(header.split(";"), line.split(";"), strict=True)) for line in lines]
    assert [
        [row[name] for name in ("day", "answered", "waits/20", "waits/30", "waits/1000")] for row in rows
    ] == [
        ["2026-03-12", "3", "1", "", "2"],
        ["2026-03-13", "1", "", "1", ""],
    ]
    assert "{" not in "".join(lines)


def test_every_row_names_its_columns_and_days_come_in_order() -> None:
    days = [day_slot(PLACES[0], date(2026, 3, day), hours) for day in (13, 12) for hours in Hours]
    text = written_as(rows_of({slot: Bucket(closed=1).encode() for slot in days}), ArchiveFormat.CSV).decode()
    header, *rows = text.splitlines()
    assert tuple(header.split(",")) == COLUMNS
    assert [",".join(row.split(",")[:4]) for row in rows] == [
        f"2026-03-{day},huis,onthaal,{hours}" for day in (12, 13) for hours in ("inside", "outside")
    ]


def test_a_broken_parquet_file_is_said_to_be_one(tmp_path: Path) -> None:
    pytest.importorskip(PARQUET)
    (tmp_path / "file").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(BadRowError, match="no Parquet"):
        read(tmp_path / "file", PLACES)
