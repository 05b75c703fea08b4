"""The archive as a file: a row for each local day, queue and part of the day, all figures in columns.

Columns: ``day`` (ISO), ``site``, ``queue``, ``hours`` (inside or outside opening hours), then every field of
``domain.bucket.Bucket`` (integers; ``…_ms``: milliseconds). Its histograms are objects from cell to count in
NDJSON and in a column of CSV, and maps in Parquet; so is ``callers``, from field or cell to difference.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domain.bucket import Bucket, decode
from domain.bucket_store import Slot
from domain.corrections import Hours, day_of, day_slot, hours_of
from domain.queue_ref import QueueRef
from shared.contract.events import Name, Outcome
from shared.spreadsheet import as_csv

KEYS: Final = ("day", "site", "queue", "hours")
CALLERS: Final = "callers"
MAPS: Final = tuple(one.name for one in fields(Bucket) if one.default_factory is dict)
COUNTS: Final = tuple(one.name for one in fields(Bucket) if one.name not in MAPS)
COLUMNS: Final = (*KEYS, *COUNTS, *MAPS)

LONGEST_WAITS: Final = frozenset({"wait_max_ms", "visit_wait_max_ms", "walk_in_wait_max_ms"})
"""Columns that an earlier release wrote; a longest wait is the last cell of its histogram now."""

SUMS: Final = {
    "waits": "answered",
    "abandon_waits": "abandoned",
    "visit_waits": "visits",
    "walk_in_waits": "walk_ins",
    "leads": "booked",
}
"""A histogram, and the count that it adds up to."""

MOST: Final = 10**15
"""Of anything on one day: a thousand times as many ms as a hundred thousand calls of a whole day have."""

Record = Mapping[str, object]
"""A row by column."""


class ArchiveFormat(StrEnum):
    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"


class ArchiveRow(NamedTuple):
    slot: Slot
    bucket: Bucket


class BadRowError(ValueError):
    """A row that is none of ours. The text says where and why, and does not quote it."""

    def __init__(self, file: Path, number: int, why: str) -> None:
        super().__init__(f"{file}:{number}: {why}")


def rows_of(written: Mapping[Slot, bytes]) -> list[ArchiveRow]:
    """Return what is written down as rows, by day, site, queue, and inside hours first."""
    found = [ArchiveRow(slot, decode(text)) for slot, text in written.items()]
    return sorted(found, key=lambda row: (row.slot.start, row.slot.queue_ref, hours_of(row.slot)))


def record_of(row: ArchiveRow) -> Record:
    """Return a row by column; histograms with their cells in order."""
    record: dict[str, object] = {
        "day": day_of(row.slot),
        "site": row.slot.queue_ref.site,
        "queue": row.slot.queue_ref.queue,
        "hours": hours_of(row.slot).value,
        **asdict(row.bucket),
    }
    for name in MAPS:
        record[name] = dict(sorted(getattr(row.bucket, name).items()))
    return record


def for_excel(rows: Iterable[ArchiveRow]) -> bytes:
    """Return a CSV to look at in Excel: each cell of a histogram that occurs is a column, ``waits/45``.

    ``read`` does not read it back.
    """
    records = [record_of(row) for row in rows]
    cells = {name: sorted({key for record in records for key in _cells(record, name)}) for name in MAPS}
    columns = [f"{name}/{key}" for name in MAPS for key in cells[name]]
    return as_csv(
        (*KEYS, *COUNTS, *columns),
        (
            [
                *(record[name] for name in (*KEYS, *COUNTS)),
                *(_cells(record, name).get(key) for name in MAPS for key in cells[name]),
            ]
            for record in records
        ),
        excel=True,
    )


def _cells(record: Record, name: str) -> Mapping[int | str, object]:
    found = record[name]
    return found if isinstance(found, dict) else {}


def written_as(rows: Iterable[ArchiveRow], kind: ArchiveFormat) -> bytes:
    """Return the file; raises ``ImportError`` for Parquet without the extra."""
    return _WRITERS[kind]([record_of(row) for row in rows])


def read(file: Path, queue_refs: Collection[QueueRef]) -> dict[Slot, Bucket]:
    """Return what ``written_as`` wrote, in any format.

    Raises ``BadRowError``, ``OSError``, or ``ImportError`` for Parquet without the extra.
    """
    found: dict[Slot, Bucket] = {}
    for number, record in _READERS[_format_of(file)](file):
        try:
            row = row_of(record, queue_refs)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BadRowError(file, number, f"{where}: {first['type']}") from None
        except ValueError as error:
            raise BadRowError(file, number, str(error)) from None
        if row.slot in found:
            raise BadRowError(file, number, "the same day, queue and hours stand in the file twice")
        found[row.slot] = row.bucket
    return found


Day = Annotated[date, Field(ge=date(1900, 1, 1), lt=date(2200, 1, 1))]
"""A day in a year that ``shared.periods.Period`` can name."""


class _Key(BaseModel):
    model_config = ConfigDict(extra="forbid")

    day: Day
    site: Name
    queue: Name
    hours: Hours


_BUCKET: Final = TypeAdapter(Bucket)
_DIFFERENCE: Final = re.compile(
    rf"answered|wait_ms|unfinished|{'|'.join(Outcome)}|(waits|abandon_waits)/[0-9]+", re.ASCII
)
"""What ``callers`` may differ in."""


def row_of(record: Record, queue_refs: Collection[QueueRef]) -> ArchiveRow:
    """Return the row of a record; raises ``ValueError`` (``ValidationError``) that says what is wrong."""
    if strange := record.keys() - {*COLUMNS, *LONGEST_WAITS}:
        raise ValueError(f"{len(strange)} column(s) that a history does not have")
    key = _Key.model_validate({name: value for name, value in record.items() if name in KEYS})
    bucket = _BUCKET.validate_python({name: value for name, value in record.items() if name not in KEYS})
    queue_ref = QueueRef(key.site, key.queue)
    if queue_ref not in queue_refs:
        raise ValueError(f"the city file has no queue {key.site}/{key.queue}")
    for name, total in SUMS.items():
        cells: dict[int, int] = getattr(bucket, name)
        if 0 in cells.values():
            raise ValueError(f"{name}: counts from 1 are expected")
        if sum(cells.values()) != getattr(bucket, total):
            raise ValueError(f"{name} does not add up to {total}")
    if any(getattr(bucket, name) < 0 for name in COUNTS):
        raise ValueError("a count is below 0")
    if not all(_DIFFERENCE.fullmatch(name) for name in bucket.callers):
        raise ValueError(f"{CALLERS} names what no call has")
    if not all(0 < abs(change) <= MOST for change in bucket.callers.values()):
        raise ValueError(f"{CALLERS}: a difference is 0 or above {MOST}")
    if any(getattr(bucket, name) > MOST for name in COUNTS):
        raise ValueError(f"a count is above {MOST}")
    return ArchiveRow(day_slot(queue_ref, key.day, key.hours), bucket)


def _to_csv(records: Iterable[Record]) -> bytes:
    text = io.StringIO(newline="")
    out = csv.writer(text, lineterminator="\n")
    out.writerow(COLUMNS)
    for record in records:
        out.writerow([_cell(record[name]) for name in COLUMNS])
    return text.getvalue().encode()


def _cell(value: object) -> object:
    return json.dumps(value, separators=(",", ":")) if isinstance(value, dict) else value


def _from_csv(file: Path) -> Iterator[tuple[int, Record]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        lines = csv.DictReader(text, strict=True)
        try:
            for record in lines:
                yield lines.line_num, _from_cells(record)
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadRowError(file, lines.line_num, f"no CSV ({type(error).__name__})") from None
        except json.JSONDecodeError:
            raise BadRowError(file, lines.line_num, "a histogram is no JSON object") from None


def _from_cells(record: Mapping[str, str]) -> Record:
    return {
        name: json.loads(cell or "{}") if name in MAPS else cell
        for name, cell in record.items()
        if cell != ""
    }


def _to_ndjson(records: Iterable[Record]) -> bytes:
    lines = [json.dumps({**record, "day": str(record["day"])}, separators=(",", ":")) for record in records]
    return "".join(f"{line}\n" for line in lines).encode()


def _from_ndjson(file: Path) -> Iterator[tuple[int, Record]]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (json.JSONDecodeError, UnicodeDecodeError):
                record = None
            if not isinstance(record, dict):
                raise BadRowError(file, number, "no JSON object")
            yield number, record


def _to_parquet(records: Iterable[Record]) -> bytes:
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import parquet

    kinds = {"day": pa.date32(), "site": pa.string(), "queue": pa.string(), "hours": pa.string()}
    kinds |= dict.fromkeys(COUNTS, pa.int64())
    kinds |= dict.fromkeys(MAPS, pa.map_(pa.int64(), pa.int64()))
    kinds[CALLERS] = pa.map_(pa.string(), pa.int64())
    rows = [
        {name: list(value.items()) if isinstance(value, dict) else value for name, value in record.items()}
        for record in records
    ]
    buffer = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows, schema=pa.schema(list(kinds.items()))), buffer)
    return buffer.getvalue()


def _from_parquet(file: Path) -> Iterator[tuple[int, Record]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(io.BytesIO(file.read_bytes()))
    except pa.ArrowException as error:
        raise BadRowError(file, 0, f"no Parquet ({type(error).__name__})") from None
    for number, record in enumerate(table.to_pylist(), start=1):
        yield (
            number,
            {name: dict(value or ()) if name in MAPS else value for name, value in record.items()},
        )


_WRITERS: Final[Mapping[ArchiveFormat, Callable[[Iterable[Record]], bytes]]] = {
    ArchiveFormat.CSV: _to_csv,
    ArchiveFormat.NDJSON: _to_ndjson,
    ArchiveFormat.PARQUET: _to_parquet,
}
_READERS: Final[Mapping[ArchiveFormat, Callable[[Path], Iterator[tuple[int, Record]]]]] = {
    ArchiveFormat.CSV: _from_csv,
    ArchiveFormat.NDJSON: _from_ndjson,
    ArchiveFormat.PARQUET: _from_parquet,
}


def _format_of(file: Path) -> ArchiveFormat:
    """By how it begins, not by its name."""
    with file.open("rb") as raw:
        head = raw.read(4)
    if head == b"PAR1":
        return ArchiveFormat.PARQUET
    return ArchiveFormat.NDJSON if head.startswith(b"{") else ArchiveFormat.CSV
