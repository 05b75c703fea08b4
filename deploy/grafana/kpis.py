"""The figures that have targets, and how a figure that was held against its target looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    BELOW_TARGET,
    CLOSED,
    CONTACTS,
    KPIS,
    NO_TARGET,
    ON_TARGET,
    SEVERITIES,
    STATES,
    TOO_FEW,
    TOO_FEW_SHORT,
    WORKDAYS,
    Edition,
    Text,
)
from shared.contract.kpis import KPIS as FACTS
from shared.contract.kpis import Kpi, Shown


@dataclass(frozen=True, slots=True)
class _InPanel:
    """How a board shows a value that people read in percent, seconds, …"""

    unit: str
    """Grafana's; empty: it has none, and ``target_unit`` stands behind the number."""
    target_unit: Text
    """As it stands behind a target."""
    divided_by: int = 1
    """From the metric's unit to the one that is shown."""
    target_factor: int = 1
    """From the unit that is shown to that of ``target_unit``."""


_SHOWN: Final[Mapping[Shown, _InPanel]] = {
    Shown.PERCENT: _InPanel(RATIO, "%", target_factor=100),
    Shown.SECONDS: _InPanel(SECONDS, "s"),
    Shown.MINUTES: _InPanel(MINUTES, "min", divided_by=60),
    Shown.WORKDAYS: _InPanel("", WORKDAYS),
}


def _query(kpi: Kpi) -> KpiQuery:
    facts, shown = FACTS[kpi], _SHOWN[FACTS[kpi].shown]
    return KpiQuery(
        name=kpi,
        series=f"wachtpost_{facts.metric}",
        kind=facts.kind,
        contacts=CONTACTS[facts.contacts],
        unit=shown.unit,
        target_unit=shown.target_unit,
        decimals=facts.decimals,
        divided_by=shown.divided_by,
        target_factor=shown.target_factor,
        more_is_better=facts.more_is_better,
    )


MISSED: Final = _query(Kpi.MISSED_RATIO)
CALL_WAIT: Final = _query(Kpi.CALL_WAIT_MEAN)
SERVICE_LEVEL: Final = _query(Kpi.SERVICE_LEVEL)
HANDLE_TIME: Final = _query(Kpi.HANDLE_TIME_MEAN)
VISIT_WAIT: Final = _query(Kpi.VISIT_WAIT_MEAN)
LEAD_TIME: Final = _query(Kpi.LEAD_TIME_MEAN)

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
    panel.unit(kpi.unit_in(say)).decimals(kpi.decimals).min(0)
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
