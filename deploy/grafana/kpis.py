"""The figures that have targets, and how a figure that was held against its target looks."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.prometheus import Dataquery

from deploy.grafana.palette import BAD, GOOD, PLAIN, UNKNOWN, Colour
from deploy.grafana.panels import (
    MINUTES,
    RATIO,
    SECONDS,
    AnyPanel,
    Spoken,
    fixed,
    given,
    instant,
    mapped,
)
from deploy.grafana.promql import STATE_CODES, KpiQuery
from deploy.grafana.words import (
    ABOVE_TARGET,
    ANSWERED,
    BELOW_TARGET,
    BOOKINGS,
    CALLS,
    CLOSED,
    KPIS,
    NO_TARGET,
    ON_TARGET,
    SEVERITIES,
    STATES,
    TOO_FEW,
    TOO_FEW_SHORT,
    VISITS,
    WORKDAYS,
    Edition,
    Text,
    same,
)

DAYS: Final = Text(f"suffix:{WORKDAYS.nl}", f"suffix:{WORKDAYS.en}")

MISSED: Final = KpiQuery(
    name="missed_ratio",
    series="wachtpost_missed_ratio",
    kind="phone",
    contacts=CALLS,
    unit=same(RATIO),
    target_unit=same("%"),
    decimals=1,
    target_factor=100,
)
CALL_WAIT: Final = KpiQuery(
    name="call_wait_mean",
    series="wachtpost_call_wait_mean_seconds",
    kind="phone",
    contacts=ANSWERED,
    unit=same(SECONDS),
    target_unit=same("s"),
    decimals=0,
)
SERVICE_LEVEL: Final = KpiQuery(
    name="service_level",
    series="wachtpost_service_level_ratio",
    kind="phone",
    contacts=CALLS,
    unit=same(RATIO),
    target_unit=same("%"),
    decimals=0,
    target_factor=100,
    more_is_better=True,
)
VISIT_WAIT: Final = KpiQuery(
    name="visit_wait_mean",
    series="wachtpost_visit_wait_mean_seconds",
    kind="counter",
    contacts=VISITS,
    unit=same(MINUTES),
    target_unit=same("min"),
    decimals=1,
    divided_by=60,
)
LEAD_TIME: Final = KpiQuery(
    name="lead_time_mean",
    series="wachtpost_lead_time_mean_workdays",
    kind="counter",
    contacts=BOOKINGS,
    unit=DAYS,
    target_unit=WORKDAYS,
    decimals=1,
)
STATE_COLOURS: Final = {
    "closed": UNKNOWN,
    "insufficient": UNKNOWN,
    "ok": GOOD,
    "pending": Colour.YELLOW,
    "clearing": Colour.PURPLE,
    "firing": BAD,
}
SEVERITY_COLOURS: Final = {"critical": BAD, "warning": Colour.ORANGE, "info": PLAIN}


def verdicts(
    kpi: KpiQuery, say: Edition, places: str, window: str, *, one: bool = False, counted: bool = False
) -> Dataquery:
    """The figure of now with its verdict as its name; of ``one`` place, or of several with theirs.

    ``counted``: and on how many contacts it rests, where there is room for it.
    """
    who = "" if one else "{{name}} · "
    rests_on = f" · {say(kpi.contacts)}: {{{{samples}}}}" if counted else ""
    return instant(kpi.verdict(say, places, window), f"{who}{{{{verdict}}}}{rests_on}")


def judged(panel: AnyPanel, kpi: KpiQuery, say: Edition) -> AnyPanel:
    """Blue within the target and vermilion beyond it, as the name says too; grey words instead of a number
    that is none."""
    panel.unit(say(kpi.unit)).decimals(kpi.decimals).min(0)
    for verdict, colour in (
        (ON_TARGET, GOOD),
        (ABOVE_TARGET, BAD),
        (BELOW_TARGET, BAD),
        (NO_TARGET, PLAIN),
    ):
        panel.override_by_regexp(_about(say, verdict), given(color=fixed(colour)))
    for verdict, short in ((TOO_FEW, TOO_FEW_SHORT), (CLOSED, CLOSED)):
        words = mapped({"0": (say(short), UNKNOWN)})
        panel.override_by_regexp(_about(say, verdict), given(color=fixed(UNKNOWN), mappings=words))
    return panel


def _about(say: Edition, verdict: Text) -> str:
    return f"/(^|· ){say(verdict)}/"


def state_words(say: Edition) -> Spoken:
    """The words and colours for what ``promql.states`` answers."""
    return {str(code): (say(STATES[state]), STATE_COLOURS[state]) for state, code in STATE_CODES.items()}


def severity_words(say: Edition) -> Spoken:
    return {severity: (say(text), SEVERITY_COLOURS[severity]) for severity, text in SEVERITIES.items()}


def kpi_words(say: Edition) -> Spoken:
    return {kpi: (say(text), None) for kpi, text in KPIS.items()}
