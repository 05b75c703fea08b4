"""The figures that have targets, and how a figure that was held against its target looks."""

from __future__ import annotations

from typing import Final

from deploy.grafana.palette import BAD, GOOD, PLAIN, UNKNOWN, Colour
from deploy.grafana.panels import (
    MINUTES,
    RATIO,
    SECONDS,
    Answer,
    Fields,
    Link,
    Override,
    Query,
    Word,
    fixed,
    mappings,
    of_pattern,
)
from deploy.grafana.promql import STATE_CODES, Kpi
from deploy.grafana.words import (
    ABOVE_TARGET,
    ANSWERED,
    BELOW_TARGET,
    BOOKINGS,
    CALLS,
    CLOSED,
    KPIS,
    NO_DATA,
    NO_TARGET,
    ON_TARGET,
    SEVERITIES,
    STATES,
    TOO_FEW,
    TOO_FEW_SHORT,
    VISITS,
    WORKDAYS,
    Say,
    Text,
    same,
)

DAYS: Final = Text(f"suffix:{WORKDAYS.nl}", f"suffix:{WORKDAYS.en}")

MISSED: Final = Kpi(
    name="missed_ratio",
    series="wachtpost_missed_ratio",
    kind="phone",
    contacts=CALLS,
    unit=same(RATIO),
    target_unit=same("%"),
    decimals=1,
    target_factor=100,
)
CALL_WAIT: Final = Kpi(
    name="call_wait_mean",
    series="wachtpost_call_wait_mean_seconds",
    kind="phone",
    contacts=ANSWERED,
    unit=same(SECONDS),
    target_unit=same("s"),
    decimals=0,
)
SERVICE_LEVEL: Final = Kpi(
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
VISIT_WAIT: Final = Kpi(
    name="visit_wait_mean",
    series="wachtpost_visit_wait_mean_seconds",
    kind="counter",
    contacts=VISITS,
    unit=same(MINUTES),
    target_unit=same("min"),
    decimals=1,
    divided_by=60,
)
LEAD_TIME: Final = Kpi(
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
    kpi: Kpi, say: Say, places: str, window: str, *, one: bool = False, counted: bool = False
) -> Query:
    """The figure of now with its verdict as its name; of ``one`` place, or of several with theirs.

    ``counted``: and on how many contacts it rests, where there is room for it.
    """
    who = "" if one else "{{name}} · "
    rests_on = f" · {say(kpi.contacts)}: {{{{samples}}}}" if counted else ""
    return Query(kpi.verdict(say, places, window), Answer.NOW, f"{who}{{{{verdict}}}}{rests_on}")


def verdict_fields(kpi: Kpi, say: Say, links: tuple[Link, ...] = (), most: float | None = None) -> Fields:
    """Blue within the target and vermilion beyond it, as the name says too; grey words instead of a number
    that is none."""
    return Fields(
        unit=say(kpi.unit),
        decimals=kpi.decimals,
        least=0,
        most=most,
        no_value=say(NO_DATA),
        links=links,
        overrides=(
            _when(say, ON_TARGET, GOOD),
            _when(say, ABOVE_TARGET, BAD),
            _when(say, BELOW_TARGET, BAD),
            _when(say, NO_TARGET, PLAIN),
            of_pattern(
                f"(^|· ){say(TOO_FEW)}",
                color=fixed(UNKNOWN),
                mappings=mappings({"0": Word(say(TOO_FEW_SHORT), UNKNOWN)}),
            ),
            of_pattern(
                f"(^|· ){say(CLOSED)}",
                color=fixed(UNKNOWN),
                mappings=mappings({"0": Word(say(CLOSED), UNKNOWN)}),
            ),
        ),
    )


def _when(say: Say, verdict: Text, colour: Colour) -> Override:
    return of_pattern(f"(^|· ){say(verdict)}", color=fixed(colour))


def state_words(say: Say) -> dict[str, Word]:
    """The words and colours for what ``promql.states`` answers."""
    return {str(code): Word(say(STATES[state]), STATE_COLOURS[state]) for state, code in STATE_CODES.items()}


def severity_words(say: Say) -> dict[str, Word]:
    return {severity: Word(say(text), SEVERITY_COLOURS[severity]) for severity, text in SEVERITIES.items()}


def kpi_words(say: Say) -> dict[str, Word]:
    return {kpi: Word(say(text)) for kpi, text in KPIS.items()}
