"""Whether the sources speak: logs that can be read and grow, and when each was last heard."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from domain.counts import ms_of
from shared.calendar import Calendar
from shared.config.model import QueueLogSource, Source
from shared.config.types import joined
from wachtpost.access import Access
from wachtpost.doctor.results import CheckResult, CheckStatus

QUIET: Final = timedelta(hours=1)
"""Of opening time: at 18 calls an hour, an hour without one comes by chance once in 65 million hours."""

LOOKS_BACK: Final = timedelta(days=30)
"""Beyond that nobody reckons how much of it was opening time."""


def look_at_sources(given: Access, heard: Mapping[str, datetime | None] | None) -> Iterator[CheckResult]:
    """Yield what each source does. ``heard``: when its latest fact happened, where that is known."""
    calendar, now = Calendar(given.city), given.now()
    if not given.city.sources:
        say = given.say
        nothing = say.gettext("The city file has no sources ([[sources]]): nothing can come in.")
        yield CheckResult("sources", CheckStatus.WRONG, nothing, say.gettext("`wachtpost init` writes one."))
    for source in given.city.sources:
        queues = source.queues_of(given.city.site(source.site))
        hours = {queue.hours for queue in queues}
        lately = None if heard is None else heard.get(source.id)
        open_for = None if lately is None else open_time(calendar, hours, lately, now)
        speaks = open_for is not None and open_for <= QUIET
        if isinstance(source, QueueLogSource):
            yield _file(given, source, calendar, hours, is_elsewhere=speaks)
        if heard is not None:
            yield _last_heard(given, source, lately, open_for)


def open_time(
    calendar: Calendar, hours: Collection[str | None], since: datetime, until: datetime
) -> timedelta:
    """Return how much of a stretch, or of its last ``LOOKS_BACK``, queues with these hours were open."""
    first, last = ms_of(max(since, until - LOOKS_BACK)), ms_of(until)
    day, open_ms = calendar.local_day(first), 0
    while day <= calendar.local_day(last):
        for start, end in joined(one for name in hours for one in calendar.stretches(name, day)):
            open_ms += max(0, min(end, last) - max(start, first))
        day += timedelta(days=1)
    return timedelta(milliseconds=open_ms)


def _file(
    given: Access,
    source: QueueLogSource,
    calendar: Calendar,
    hours: Collection[str | None],
    *,
    is_elsewhere: bool,
) -> CheckResult:
    """``is_elsewhere``: it is followed by an ingest on another machine or in a container."""
    say, about, path = given.say, f"file of {source.id}", source.path
    try:
        written = _written(path)
    except FileNotFoundError:
        if is_elsewhere:
            return CheckResult(about, CheckStatus.OK, say.gettext("{path} is on another machine.", path=path))
        said = say.gettext("{path} does not exist on this machine.", path=path)
        advice = say.gettext(
            "Correct the path of the source {source} in the city file, or ask this where ingest runs.",
            source=source.id,
        )
        return CheckResult(about, CheckStatus.WRONG, said, advice)
    except OSError as error:
        said = say.gettext("{path} cannot be read: {why}.", path=path, why=error.strerror)
        advice = say.gettext("Let the user as whom ingest runs read it, for instance by its group.")
        return CheckResult(about, CheckStatus.WRONG, said, advice)
    open_for = open_time(calendar, hours, written, given.now())
    when = _when(given, written)
    if open_for <= QUIET:
        good = say.gettext("{path} can be read; last written {when}.", path=path, when=when)
        return CheckResult(about, CheckStatus.OK, good)
    quiet = say.gettext(
        "{path} does not grow: last written {when}, {duration} of opening time ago.",
        path=path,
        when=when,
        duration=say.duration(open_for),
    )
    advice = say.gettext("Does the exchange still write there? See logger.conf and queues.conf of Asterisk.")
    return CheckResult(about, CheckStatus.WARNING, quiet, advice)


def _written(path: Path) -> datetime:
    """Return when a file was last written to, if it can be read; raises ``OSError``."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe that nobody writes to is not waited for
    try:
        os.read(descriptor, 1)
        return datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC)
    finally:
        os.close(descriptor)


def _last_heard(
    given: Access, source: Source, lately: datetime | None, open_for: timedelta | None
) -> CheckResult:
    say, about = given.say, f"source {source.id}"
    advice = say.gettext(
        "Does ingest run, and does the sender send? `wachtpost dead` tells what was refused."
    )
    if lately is None or open_for is None:
        never = say.gettext("Nothing was heard of the source {source} yet.", source=source.id)
        return CheckResult(about, CheckStatus.WARNING, never, advice)
    when = _when(given, lately)
    if open_for <= QUIET:
        good = say.gettext("The source {source} was last heard {when}.", source=source.id, when=when)
        return CheckResult(about, CheckStatus.OK, good)
    quiet = say.gettext(
        "The source {source} was last heard {when}, {duration} of opening time ago.",
        source=source.id,
        when=when,
        duration=say.duration(open_for),
    )
    return CheckResult(about, CheckStatus.WARNING, quiet, advice)


def _when(given: Access, at: datetime) -> str:
    zone = given.city.city.zone
    return given.say.moment(at.astimezone(zone), given.now().astimezone(zone))
