"""Whether a rule's hold time ends before its queues close: a longer one would never fire.

At closing time a rolling rule is over, and a source's time without data counts from when the hours began. On
plain tables, as ``shared.config.references`` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

import durationpy
from pydantic import TypeAdapter, ValidationError

from shared.config.alerting import PERIODS
from shared.config.hours import WeekHours, longest_opening
from shared.config.references import ALL_QUEUES, EVERY_QUEUE, ReferenceMistake
from shared.config.tables import KeyPath, Table, table_in, tables_in, text_in
from shared.contract.kpis import KPIS


def hold_time_mistakes(document: Table) -> Iterator[ReferenceMistake]:
    """Find the rules that wait for as long as the longest opening in which they are judged, or longer."""
    weeks = _weeks(document)
    for number, rule in tables_in(document, "no_data_rules"):
        yield from _hold_too_long(("no_data_rules", number, "after"), rule, {text_in(rule, "hours")}, weeks)
    for number, rule in tables_in(document, "rules"):
        if rule.get("open_only") is not False and text_in(rule, "window") not in PERIODS:
            for hours in _hours_judged(document, rule):
                yield from _hold_too_long(("rules", number, "hold"), rule, hours, weeks)


def _hold_too_long(
    at: KeyPath, rule: Table, hours: set[str | None], weeks: Mapping[str, WeekHours]
) -> Iterator[ReferenceMistake]:
    if not hours or not hours <= weeks.keys():  # always open, or a name that is told to be unknown
        return
    hold = _duration_in(rule, str(at[-1]))
    longest = longest_opening(week for name, week in weeks.items() if name in hours)
    if hold is not None and longest and hold >= longest:
        yield ReferenceMistake(at, "hold_too_long", durationpy.to_str(longest))


def _hours_judged(document: Table, rule: Table) -> Iterator[set[str | None]]:
    """The hours in which a rule is judged, at each queue or at the total: those of any of its queues."""
    facts, wanted = KPIS.get(text_in(rule, "kpi") or ""), text_in(rule, "queue", ALL_QUEUES)
    for _, site in tables_in(document, "sites"):
        if text_in(rule, "site") not in {None, text_in(site, "id")}:
            continue
        fitting = {
            text_in(queue, "id"): text_in(queue, "hours")
            for _, queue in tables_in(site, "queues")
            if facts and text_in(queue, "kind") == facts.kind
        }
        if wanted == ALL_QUEUES:
            yield set(fitting.values())
        yield from ({hours} for name, hours in fitting.items() if wanted in {EVERY_QUEUE, name})


def _weeks(document: Table) -> dict[str, WeekHours]:
    """The opening hours that can be read; the model says of the others what is wrong with them."""
    weeks: dict[str, WeekHours] = {}
    for name, week in table_in(document, "hours").items():
        try:
            weeks[name] = WeekHours.model_validate(week)
        except ValidationError:
            continue
    return weeks


_ISO_8601: TypeAdapter[timedelta] = TypeAdapter(timedelta)
"""How the model itself writes durations."""


def _duration_in(rule: Table, key: str) -> timedelta | None:
    text = text_in(rule, key)
    if text is None:
        return None
    try:
        duration: timedelta = durationpy.from_str(text)
    except (durationpy.DurationError, ValueError, OverflowError):
        try:
            return _ISO_8601.validate_python(text)
        except ValidationError:
            return None
    return duration
