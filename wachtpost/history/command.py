"""``wachtpost history``: days worked out anew, the archive as a file, and the log of what was replaced."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from domain.bucket import Bucket
from domain.corrections import Correction, Replaced, day_of
from domain.counts import ms_of
from domain.queue_ref import QueueRef
from services.evaluator.archive import Archive, ChangedUnderneathError
from services.ingest.admission import FOLLOWED
from services.ingest.sources.queue_log.files import Catalogue
from shared.calendar import Calendar
from shared.config.errors import unreadable, unwritable
from shared.config.model import QueueLogSource
from shared.redis.connection import RedisClient
from shared.translation import Msg
from wachtpost.access import BY_HELP, Access, a_day, access, checked_reason, meant, who_is
from wachtpost.analyse.progress import progress_bar
from wachtpost.analyse.tables import reading_lines
from wachtpost.analyse.unusable import UNUSABLE, unusable
from wachtpost.history import rows
from wachtpost.history.plan import plan_import, plan_restore, queue_title
from wachtpost.history.recount import Recounted, fingerprint, recount
from wachtpost.history.replacing import Planned, Replacement, ReplacementRequest, replace
from wachtpost.history.tables import Shift, as_values, shifts, table
from wachtpost.refusals.groups import Refusals
from wachtpost.terminal import complain, echo, fail, not_installed
from wachtpost.whole_words import WholeWords

WIDEST: Final = 120

REPLACED: Final = {
    "import": Msg("{at}  {id}  imported by {by}: {why}"),
    "restore": Msg("{at}  {id}  restored by {by}: {why}"),
}
"""A line of the log of what was replaced."""

app = typer.Typer(no_args_is_help=True, help="Days of the past: recount, back up, put back, look up.")


By = Annotated[str, typer.Option(help=BY_HELP)]
Why = Annotated[str, typer.Option(help="Why, for colleagues; no names, no phone numbers")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would change")]
From = Annotated[
    date | None, typer.Option("--from", parser=a_day, metavar="DAY", help="Only from this local day on")
]
To = Annotated[
    date | None, typer.Option("--to", parser=a_day, metavar="DAY", help="Only up to and including this day")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for machines instead of tables")]


@app.callback()
def history() -> None:
    """Days of the past: recount, back up, put back, look up."""


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="queue_log files, or events as NDJSON; plain or gzip")],
    dry_run: DryRun = False,
    by: By = "",
    why: Why = "",
    from_: From = None,
    to: To = None,
    source: Annotated[
        str | None,
        typer.Option(help="Which queue_log source of the city file wrote the logs; else the first"),
    ] = None,
    allow_fewer: Annotated[
        bool, typer.Option("--allow-fewer", help="Even where a day gets fewer contacts than it has")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Work whole local days out anew from files, and replace what the files are about.

    Exit status 0: replaced, or nothing to replace; 1: changed by something else meanwhile; 2: refused.
    """
    given = access()
    _check_range(given, from_, to)
    by, why = _signed(given, by, why, dry_run)
    recounted, request = _read(
        given, files, source, ReplacementRequest("import", (), by, why, {}, dry_run, allow_fewer)
    )
    covered = {one for one in recounted.covered if (from_ or date.min) <= one.day <= (to or date.max)}
    if not covered:
        _tell_reading(given, recounted)
        fail(given.say.gettext("The files say nothing of a day and a queue that count here."))
    days = {one.day for one in covered}
    replacement = _replace(
        given,
        request,
        (min(days), max(days)),
        lambda written, settled: plan_import(covered, recounted.buckets, written, settled),
    )
    if not as_json:
        _tell_reading(given, recounted)
    _tell(given, request, replacement, as_json, recounted.reading.refusals)


def import_followed() -> None:
    """Import what the followed logs hold of days that are too old to come in by following them.

    For a first start on an old log. What speaks against it is said, and stops nobody.
    """
    given = access()
    followed_from = given.now() - FOLLOWED
    last = followed_from.astimezone(given.city.city.zone).date() - timedelta(days=1)
    for source in given.city.sources:
        if not isinstance(source, QueueLogSource):
            continue
        try:
            found = Catalogue(source.path, complain).files()
        except OSError as error:
            complain(unreadable(source.path, error, given.city.city.language))
            continue
        if not any(file.began is not None and file.began < followed_from.timestamp() for file in found):
            continue
        with suppress(typer.Exit):
            import_([file.path for file in found], by="ingest", why="first start", to=last, source=source.id)


@app.command()
def export(
    kind: Annotated[
        rows.ArchiveFormat | None, typer.Option("--format", help="Else by the name of --output, or csv")
    ] = None,
    from_: From = None,
    to: To = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file; else it goes to stdout")
    ] = None,
    excel: Annotated[
        bool,
        typer.Option("--excel", help="CSV to look at in a Belgian Excel; `restore` does not read it"),
    ] = False,
) -> None:
    """Write every day, queue and part of the day as a row, from which `restore` makes the same again."""
    given = access()
    _check_range(given, from_, to)

    async def work(redis: RedisClient) -> list[rows.ArchiveRow]:
        archive = Archive(redis, given.city)
        first, last = from_ or await archive.first_day(), to or await archive.last_day()
        return [] if first is None or last is None else rows.rows_of(await archive.written(first, last))

    found = given.reach(work)
    if not found:
        fail(given.say.gettext("There is not a single day."))
    suffix = output.suffix.removeprefix(".") if output is not None else ""
    if excel and kind not in {None, rows.ArchiveFormat.CSV}:
        fail(given.say.gettext("--excel is about CSV, not about {format}.", format=kind))
    by_name = rows.ArchiveFormat(suffix) if suffix in set(rows.ArchiveFormat) else rows.ArchiveFormat.CSV
    try:
        text = rows.for_excel(found) if excel else rows.written_as(found, kind or by_name)
        if output is None:
            sys.stdout.buffer.write(text)
            return
        output.write_bytes(text)
    except ImportError:
        fail(_no_parquet(given))
    except OSError as error:
        fail(unwritable(output or Path(), error, given.city.city.language))
    first, last = day_of(found[0].slot), day_of(found[-1].slot)
    written = given.say.ngettext(
        "{number} row, {first} to {last}: {file}",
        "{number} rows, {first} to {last}: {file}",
        len(found),
        first=first,
        last=last,
        file=output,
    )
    echo(written)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `wachtpost history export` wrote, in any format")],
    dry_run: DryRun = False,
    by: By = "",
    why: Why = "",
    from_: From = None,
    to: To = None,
    overwrite: Annotated[
        bool, typer.Option("--replace", help="Overwrite days that have other figures here")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put days back as an export has them. Days that are not in the file stay as they are.

    Exit status 0: done, or nothing to do; 1: changed by something else meanwhile; 2: refused.
    """
    given = access()
    _check_range(given, from_, to)
    by, why = _signed(given, by, why, dry_run)
    queue_refs = [QueueRef(site.id, queue.id) for site in given.city.sites for queue in site.queues]
    try:
        read = rows.read(file, queue_refs)
        request = ReplacementRequest("restore", (fingerprint(file),), by, why, {}, dry_run, overwrite)
    except rows.BadRowError as error:
        complain(str(error))
        fail(given.say.gettext("Nothing was changed."))
    except ImportError:
        fail(_no_parquet(given))
    except OSError as error:
        fail(unreadable(file, error, given.city.city.language))
    first, last = from_ or date.min, to or date.max
    wanted = {slot: bucket for slot, bucket in read.items() if first <= day_of(slot) <= last}
    if not wanted:
        fail(given.say.gettext("There is not a single day."))
    days = {day_of(slot) for slot in wanted}
    replacement = _replace(
        given,
        request,
        (min(days), max(days)),
        lambda written, settled: plan_restore(wanted, written, settled),
    )
    _tell(given, request, replacement, as_json)


@app.command()
def log(
    correction: Annotated[
        str | None, typer.Argument(metavar="ID", help="What one of them replaced; a clear beginning will do")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what was ever replaced: when, by whom, why and from which files; with an ID, before and after."""
    given = access()
    found = given.reach(lambda redis: Archive(redis, given.city).corrections())
    if correction is None:
        if as_json:
            _dump([one.model_dump(mode="json") for one in found])
        elif not found:
            echo(given.say.gettext("No day was ever replaced."))
        for one in () if as_json else found:
            _tell_correction(given, one)
        return
    known = [one.id for one in found]
    matching = meant(correction, known)
    if len(matching) != 1:
        ids = ", ".join(known) or "–"
        fail(
            given.say.gettext(
                "There is no replacement {name}. There are: {known}", name=correction, known=ids
            )
        )
    lines = given.reach(lambda redis: Archive(redis, given.city).replaced(matching[0]))
    if as_json:
        _dump([line.model_dump(mode="json") for line in lines])
        return
    _tell_correction(given, next(one for one in found if one.id == matching[0]))
    _print_table(given, [_shift(line) for line in lines])


def _check_range(given: Access, first: date | None, last: date | None) -> None:
    if first is not None and last is not None and first > last:
        fail(given.say.gettext("--from {first} is after --to {last}.", first=first, last=last))


def _no_parquet(given: Access) -> str:
    return not_installed("pyarrow", "parquet", given.say)


def _signed(given: Access, by: str, why: str, dry_run: bool) -> tuple[str, str]:
    """Return who replaces days and why: nothing is replaced without both."""
    if not dry_run and not (by and why.strip()):
        unsigned = given.say.gettext(
            "Who replaces days, and why? Give --by (a receiver or a role) and --why. "
            "With --dry-run nothing changes."
        )
        fail(unsigned)
    return (who_is(given, by) if by else ""), checked_reason(given, why)


def _read(
    given: Access, files: Sequence[Path], source: str | None, request: ReplacementRequest
) -> tuple[Recounted, ReplacementRequest]:
    """Count the files, and note in the request what they were; exits with status 2 where it cannot."""
    city = given.city
    now = ms_of(given.now())
    try:
        prints = tuple(fingerprint(file) for file in dict.fromkeys(files))
        with progress_bar(files, given.say) as progress:
            recounted = recount(files, city, Calendar(city), source, now, progress)
    except UNUSABLE as error:
        fail(unusable(error, files, city, given.say))
    return recounted, dataclasses.replace(request, files=prints, refused=dict(recounted.reading.refused))


def _replace(
    given: Access, request: ReplacementRequest, days: tuple[date, date], planned: Planned
) -> Replacement:
    try:
        return given.reach(
            lambda redis: replace(
                Archive(redis, given.city), given.city, request, *days, planned, given.now()
            )
        )
    except ChangedUnderneathError as error:
        changed = given.say.gettext(
            "{day} {queue} was changed by something else meanwhile; try again. "
            "Nothing of that partition was replaced.",
            day=error.slot.start,
            queue=queue_title(given.city, error.slot.queue_ref),
        )
        complain(changed)
        raise typer.Exit(1) from None


def _tell(
    given: Access,
    request: ReplacementRequest,
    replacement: Replacement,
    as_json: bool,
    refusals: Refusals | None = None,
) -> None:
    """Say what changed or would; exits with status 2 when something spoke against it."""
    say, plan = given.say, replacement.plan
    if as_json:
        _dump(
            {
                "dry_run": request.dry_run,
                "correction": replacement.correction,
                "changes": as_values(plan.changes),
                "unchanged": plan.unchanged,
                "refused": dict(request.refused),
                "refusals": [] if refusals is None else refusals.as_values(given.city),
                "objections": list(replacement.objections),
            }
        )
    elif plan.changes:
        _print_table(given, shifts(plan.changes))
    for line in replacement.objections:
        complain(line)
    if replacement.objections:
        fail(say.gettext("Nothing was changed."))
    if as_json:
        return
    days = len({(change.slot.start, change.slot.queue_ref) for change in plan.changes})
    if not days:
        echo(say.gettext("Everything stands there like that already; nothing changes."))
    elif request.dry_run:
        would = say.gettext(
            "Would be replaced (day × queue): {days}; like that already: {same}.",
            days=days,
            same=plan.unchanged,
        )
        echo(would)
    else:
        done = say.gettext(
            "Replaced (day × queue): {days}; like that already: {same}. In the log: {id}",
            days=days,
            same=plan.unchanged,
            id=replacement.correction,
        )
        echo(done)
        stay = say.gettext(
            "Months and years are added up anew; counters of Prometheus (…_total) stay as they are."
        )
        echo(stay)


def _tell_reading(given: Access, recounted: Recounted) -> None:
    for line in reading_lines(recounted.reading, given.city, given.say):
        echo(line)


def _tell_correction(given: Access, one: Correction) -> None:
    echo(given.say.text(REPLACED[one.how], at=given.local(one.at), id=one.id, by=one.by, why=one.why))
    for file in one.files:
        echo(f"    {file.name}  sha256 {file.sha256}")
    if one.refused:
        counts = ", ".join(f"{reason} {count}" for reason, count in one.refused.items())
        unusable = given.say.gettext("lines that could not be used: {counts}", counts=counts)
        echo(f"    {unusable}")


def _shift(line: Replaced) -> Shift:
    return Shift(line.day, line.queue_ref, line.hours, line.before or Bucket(), line.after or Bucket())


def _print_table(given: Access, changed: Sequence[Shift]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDEST
    console.print(WholeWords(table(changed, given.city)))


def _dump(values: object) -> None:
    json.dump(values, sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")
