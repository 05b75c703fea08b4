"""The figures that have targets, and how a figure that was held against its target looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders.prometheus import Dataquery

from deploy.grafana.palette import BAD, GOOD, PLAIN, UNKNOWN, Colour
from deploy.grafana.panels import (
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
    ALARM_SEVERITIES,
    BELOW_TARGET,
    CLOSED,
    CONTACTS,
    KPIS,
    NO_FIGURE,
    NO_TARGET,
    NOT_YET,
    ON_TARGET,
    SEVERITIES,
    STATES,
    WORKDAYS,
    Edition,
    Text,
)
from shared.contract.kpis import KPIS as FACTS
from shared.contract.kpis import Kpi, QueueKind, Shown, Unit, kpis_of


@dataclass(frozen=True, slots=True)
class _InPanel:
    """How a board shows a value that people read in percent, seconds, …"""

    unit: Text
    """As it stands behind a figure or a target."""
    into_unit: str = ""
    """What makes it of the metric's unit, in PromQL."""
    range_digits: int = 0
    """Decimals of the ends of a range, in ``unit``."""


_SHOWN: Final[Mapping[Shown, _InPanel]] = {
    Shown.PERCENT: _InPanel("%", "* 100"),
    Shown.SECONDS: _InPanel("s"),
    Shown.MINUTES: _InPanel("min", "/ 60", range_digits=1),
    Shown.WORKDAYS: _InPanel(WORKDAYS, range_digits=1),
}


def _query(kpi: Kpi) -> KpiQuery:
    facts, shown = FACTS[kpi], _SHOWN[FACTS[kpi].shown]
    return KpiQuery(
        name=kpi,
        series=f"wachtpost_{facts.metric}",
        kind=facts.kind,
        contacts=CONTACTS[facts.contacts],
        unit=shown.unit,
        decimals=facts.decimals,
        into_unit=shown.into_unit,
        more_is_better=facts.more_is_better,
        is_share=facts.unit is Unit.RATIO,
        range_digits=shown.range_digits,
    )


MISSED: Final = _query(Kpi.MISSED_RATIO)
CALL_WAIT: Final = _query(Kpi.CALL_WAIT_MEAN)
SERVICE_LEVEL: Final = _query(Kpi.SERVICE_LEVEL)
HANDLE_TIME: Final = _query(Kpi.HANDLE_TIME_MEAN)
VISIT_WAIT: Final = _query(Kpi.VISIT_WAIT_MEAN)
LEAD_TIME: Final = _query(Kpi.LEAD_TIME_MEAN)

BY_NAME: Final = (MISSED, CALL_WAIT, SERVICE_LEVEL, HANDLE_TIME, VISIT_WAIT, LEAD_TIME)
"""KPIs that have panels of their own."""


def other_kpis(say: Edition, kind: QueueKind) -> list[KpiQuery]:
    """Return the KPIs of a kind of queue that have no panel of their own, and of which the city promises
    something."""
    named, promised = {one.name for one in BY_NAME}, {target.kpi for target in say.city.targets}
    return [_query(kpi) for kpi in kpis_of([kind]) if kpi in promised and kpi not in named]


STATE_COLOURS: Final = {
    "closed": UNKNOWN,
    "insufficient": UNKNOWN,
    "ok": GOOD,
    "pending": Colour.YELLOW,
    "clearing": Colour.PURPLE,
    "firing": BAD,
}
SEVERITY_COLOURS: Final = {
    "critical": BAD,
    "warning": Colour.ORANGE,
    "info": PLAIN,
    "page": BAD,
    "ticket": Colour.ORANGE,
    "none": UNKNOWN,
}


def verdicts(
    kpi: KpiQuery, say: Edition, places: str, window: str, *, one: bool = False, ranged: bool = False
) -> Dataquery:
    """The figure of now, its name its verdict and its counts; of ``one`` place, or of several with theirs.

    ``ranged``: and the range of one on few contacts, where there is room for it.
    """
    who = "" if one else "{{name}} · "
    query = kpi.verdict(say, places, window, ranged=ranged)
    return instant(query, f"{who}{{{{verdict}}}} · {{{{counts}}}}")


def judged(panel: AnyPanel, kpi: KpiQuery, say: Edition) -> AnyPanel:
    """Blue within the target, vermilion beyond it, grey where nobody can say yet; the name says it too. Where
    there is no number, none."""
    panel.unit(kpi.unit_in(say)).decimals(kpi.decimals).min(0)
    for verdict, colour in (
        (ON_TARGET, GOOD),
        (ABOVE_TARGET, BAD),
        (BELOW_TARGET, BAD),
        (NO_TARGET, PLAIN),
        (NOT_YET, UNKNOWN),
        (CLOSED, UNKNOWN),
    ):
        panel.override_by_regexp(_about(say, verdict), given(color=fixed(colour)))
    for verdict, instead in ((NOT_YET, NO_FIGURE), (CLOSED, CLOSED)):
        words = mapped({"0": (say(instead), UNKNOWN)})
        panel.override_by_regexp(_about(say, verdict, "( ·|$)"), given(mappings=words))
    return panel


def _about(say: Edition, verdict: Text, end: str = "") -> str:
    """Match the names of figures with that verdict. Behind one stands the target it was held against: where
    something else does (``end``), there was no figure to hold."""
    return f"/(^|· ){say(verdict)}{end}/"


def state_words(say: Edition) -> Spoken:
    """The words and colours for what ``promql.states`` answers."""
    return {str(code): (say(STATES[state]), STATE_COLOURS[state]) for state, code in STATE_CODES.items()}


def severity_words(say: Edition) -> Spoken:
    """How serious a breach is, or an alarm about the measuring itself."""
    every = SEVERITIES | ALARM_SEVERITIES
    return {severity: (say(text), SEVERITY_COLOURS[severity]) for severity, text in every.items()}


def figure_words(say: Edition) -> Spoken:
    """What a label ``kpi`` is called."""
    return {kpi: (say(text), None) for kpi, text in KPIS.items()}
