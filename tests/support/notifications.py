"""Breaches and notifications of a made-up city, for tests that need some."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta

from services.notifier.messages.template_files import TemplateFault, load_templates
from services.notifier.model import Acknowledgement, Breach, Notification, NotificationKind
from shared.config.model import CityFile
from shared.contract.breach_events import (
    BreachReading,
    BreachState,
    Cause,
    ConditionReading,
    Hour,
    Level,
    Severity,
)
from shared.contract.kpis import KPIS, STATE_MEASURES, Measure, Unit

NOW = datetime(2026, 11, 24, 9, 16, tzinfo=UTC)
"""A quarter past ten on a Tuesday in Brussels."""

OPENED = NOW - timedelta(minutes=12)

CITY = """
city = {{ name = "Proefstad", language = "{language}" }}

[[sites]]
id = "huis"
name = "Stadhuis"
queues = [
  {{ id = "onthaal", kind = "phone", name = "Onthaal" }},
  {{ id = "wonen", kind = "counter", name = "Loket Wonen" }},
]
{more}
[[targets]]
kpi = "missed_ratio"
limit = 0.20
period = "year"

[[targets]]
kpi = "call_wait_mean"
queue = "onthaal"
limit = 45

[[targets]]
kpi = "service_level"
limit = 0.8

[[targets]]
kpi = "visit_wait_mean"
queue = "wonen"
limit = 300

[[targets]]
kpi = "lead_time_mean"
limit = 5

[[sources]]
kind = "queue_log"
id = "pbx"
site = "huis"
path = "/var/log/asterisk/queue_log"

[[rules]]
id = "wachten"
kpi = "call_wait_mean"
queue = "onthaal"
warn_at = 40.0

[[budget_rules]]
id = "jaardoel"
kpi = "missed_ratio"
long_window = "1h"
short_window = "10m"
burn_rate = 2.0

[[no_data_rules]]
id = "stil"
source = "pbx"

[smtp]
host = "127.0.0.1"
tls = "none"
sender = "wachtpost@stad.example"

[[receivers]]
id = "teamleiders"
name = "Teamleiders"
channels = [{{ kind = "email", to = ["teamleiders@stad.example"] }}]
"""

SECOND_SITE = """
[[sites]]
id = "dienst"
name = "Dienstencentrum"
queues = [{ id = "balie", kind = "phone", name = "Balie" }]
"""


def unexpected(fault: TemplateFault) -> None:
    raise AssertionError(str(fault))


TEMPLATES = load_templates(None, unexpected)

MADE_UP = {
    Unit.RATIO: (0.2, (0.35, 0.25, 0.4)),
    Unit.SECONDS: (45.0, (91.4, 64.8, 112.0)),
    Unit.WORKDAYS: (5.0, (6.34, 6.3, 6.5)),
}
"""For a KPI that nothing below is said of: its limit, and its figures."""

LIMITS = {
    **{Measure(kpi): MADE_UP[facts.unit][0] for kpi, facts in KPIS.items()},
    Measure.MISSED_RATIO: 0.2,
    Measure.CALL_WAIT_MEAN: 45.0,
    Measure.SERVICE_LEVEL: 0.8,
    Measure.HANDLE_TIME_MEAN: 240.0,
    Measure.VISIT_WAIT_MEAN: 300.0,
    Measure.LEAD_TIME_MEAN: 5.0,
    Measure.WAITING: 5.0,
    Measure.LONGEST_WAIT: 180.0,
    Measure.NOBODY_AVAILABLE: 0.0,
    Measure.LATE_RATIO: 0.4,
    Measure.BURN_RATE: 2.0,
    Measure.NO_DATA: 300.0,
}

VALUES: dict[Measure, tuple[float, float | None, float]] = {
    **{Measure(kpi): MADE_UP[facts.unit][1] for kpi, facts in KPIS.items()},
    Measure.MISSED_RATIO: (9 / 34, 0.25, 11 / 35),
    Measure.CALL_WAIT_MEAN: (91.4, 64.8, 112.0),
    Measure.SERVICE_LEVEL: (21 / 34, 0.7, 0.55),
    Measure.HANDLE_TIME_MEAN: (312.4, 290.0, 340.0),
    Measure.VISIT_WAIT_MEAN: (429.2, 430.0, 450.0),
    Measure.LEAD_TIME_MEAN: (6.34, 6.3, 6.5),
    Measure.WAITING: (7.0, None, 9.0),
    Measure.LONGEST_WAIT: (251.3, None, 260.0),
    Measure.NOBODY_AVAILABLE: (1.0, None, 1.0),
    Measure.LATE_RATIO: (6 / 9, None, 1.0),
    Measure.BURN_RATE: (2.38, None, 2.6),
    Measure.NO_DATA: (1020.0, None, 1020.0),
}
"""Now, five minutes earlier and at the worst."""

EARLIER = {Measure.MISSED_RATIO: (8, 32), Measure.SERVICE_LEVEL: (21, 30)}
FURTHEST = {Measure.MISSED_RATIO: (11, 35), Measure.SERVICE_LEVEL: (22, 40)}
PARTS = {Measure.MISSED_RATIO: (9, 34), Measure.SERVICE_LEVEL: (21, 34), Measure.LATE_RATIO: (6, 9)}
"""What makes a share, of how many contacts; five minutes earlier, at the worst and now."""

QUEUES = {
    Measure.VISIT_WAIT_MEAN: "wonen",
    Measure.LEAD_TIME_MEAN: "all",
    Measure.BURN_RATE: "all",
    Measure.NO_DATA: "pbx",
}

RULES = {Measure.CALL_WAIT_MEAN: "wachten", Measure.BURN_RATE: "jaardoel", Measure.NO_DATA: "stil"}

WINDOWS = {
    Measure.LEAD_TIME_MEAN: "month",
    Measure.BURN_RATE: "1h",
    Measure.LATE_RATIO: "today",
    **dict.fromkeys((Measure.NO_DATA, *STATE_MEASURES), ""),
}


def city(language: str = "nl", *, sites: int = 1) -> CityFile:
    """Return the made-up city, with one site or two."""
    return CityFile.model_validate(
        tomllib.loads(CITY.format(language=language, more=SECOND_SITE if sites == 2 else ""))
    )


def breach(measure: Measure = Measure.CALL_WAIT_MEAN, /, **differs: object) -> Breach:
    """Return a breach of that measure as it is now, with these fields different."""
    queue, limit = QUEUES.get(measure, "onthaal"), LIMITS[measure]
    fields: dict[str, object] = {
        "id": f"{RULES.get(measure, measure)}:limit:huis:{queue}:{int(OPENED.timestamp() * 1000)}",
        "rule": RULES.get(measure, measure.value),
        "level": Level.LIMIT,
        "measure": measure,
        "severity": Severity.WARNING if measure is Measure.BURN_RATE else Severity.CRITICAL,
        "site": "huis",
        "queue": queue,
        "window": WINDOWS.get(measure, "15m"),
        "limit": limit,
        "clear_at": limit,
        "usual": 0.12 if measure is Measure.LATE_RATIO else None,
        "opened_at": OPENED,
        "fired_at": OPENED,
        "at": NOW,
        "state": BreachState.FIRING,
        "cause": Cause.HELD,
        "reading": reading(measure),
        "worst": VALUES[measure][2],
    }
    if measure in FURTHEST:
        fields |= dict(zip(("worst_part", "worst_samples"), FURTHEST[measure], strict=True))
    return Breach.model_validate(fields | differs)


def reading(measure: Measure = Measure.CALL_WAIT_MEAN, /, **differs: object) -> BreachReading:
    """Return a reading of that measure with all there is to know, with these fields different."""
    value, before, _ = VALUES[measure]
    part, samples = PARTS.get(measure, (None, 34))
    fields: dict[str, object] = {"value": value, "samples": samples, "part": part, "before": before}
    if before is not None and measure in EARLIER:
        fields |= dict(zip(("before_part", "before_samples"), EARLIER[measure], strict=True))
    if measure is Measure.LATE_RATIO:
        fields |= {"since": NOW - timedelta(minutes=25)}
    if measure is not Measure.NO_DATA:
        hour = Hour(started_at=NOW.replace(minute=0), offered=42, offered_before=25, staff=3, staff_before=5)
        fields |= {"waiting": 7, "longest_wait_s": 251.3, "hour": hour}
    if measure in {Measure.MISSED_RATIO, Measure.BURN_RATE}:
        fields |= {"budget_left": 1840}
    return BreachReading.model_validate(fields | differs)


ENDED = {
    Measure.MISSED_RATIO: 6 / 34,
    Measure.SERVICE_LEVEL: 30 / 34,
    Measure.WAITING: 4.0,
    Measure.NOBODY_AVAILABLE: 0.0,
    Measure.LATE_RATIO: 0.0,
}
"""The figures of those of which nine tenths of the limit are none, once they are back."""


def combined(first: Breach, *others: ConditionReading, **differs: object) -> Breach:
    """Return that breach as one of a rule with more conditions than its own."""
    return first.model_copy(
        update={"reading": first.reading.model_copy(update={"also": others}), "rule": "samen", **differs}
    )


def shift(measure: Measure = Measure.MISSED_RATIO, /, **differs: object) -> Breach:
    """Return a breach of a rule about a share that is not what it usually is."""
    since = {"value": 6 / 9, "part": 6, "samples": 9, "since": NOW - timedelta(minutes=25), "before": None}
    about: dict[str, object] = {
        "window": "today",
        "usual": 0.12,
        "limit": 0.4,
        "clear_at": 0.12,
        "reading": reading(measure, **since),
    }
    return breach(measure, **about | differs)


def ended(measure: Measure = Measure.CALL_WAIT_MEAN, cause: Cause = Cause.STAYED_BACK) -> Breach:
    """Return a breach that is over."""
    read = cause is Cause.STAYED_BACK
    value = ENDED.get(measure, LIMITS[measure] * 0.9) if read else None
    part = round(value * 34) if value is not None and measure in PARTS else None
    samples = 34 if measure is not Measure.LATE_RATIO else 0
    return breach(
        measure,
        state=BreachState.OK,
        cause=cause,
        closed_at=NOW,
        reading=reading(measure, value=value, part=part, samples=samples, since=None),
    )


def acknowledged(measure: Measure = Measure.CALL_WAIT_MEAN) -> Breach:
    """Return a breach that somebody took on."""
    return breach(measure, acknowledged=Acknowledgement(at=NOW - timedelta(minutes=7), by="teamleiders"))


def notification(kind: NotificationKind, *breaches: Breach, number: int = 1) -> Notification:
    """Return a notification to the team leaders."""
    return Notification(id="n1", kind=kind, receiver="teamleiders", breaches=breaches, at=NOW, number=number)
