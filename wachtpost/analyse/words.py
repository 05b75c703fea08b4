"""What an analysis says to people, per language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.contract.events import Outcome
from shared.contract.kpis import Kpi


@dataclass(frozen=True)
class Words:
    """One language. Texts with fields are ``str.format`` patterns."""

    reading: str
    queues: str
    days: str
    queue: str
    day: str
    total: str
    offered: str
    answered: str
    missed: str
    mean: str
    p90: str
    longest: str
    within: str
    definition: str
    definitions: str
    ratio: str
    outcomes: str
    outcome: dict[Outcome, str]
    unfinished: str
    categories: str
    category: str
    above: str
    share: str
    calls: str
    targets: str
    kpi: dict[Kpi, str]
    value: str
    target: str
    verdict: str
    met: str
    not_met: str
    no_reading: str
    outside: str
    visits: str
    visit_line: str
    walk_in_line: str
    early_left: str
    booked: str
    days_unit: str
    read: str
    unknown: str
    duplicates: str
    refused: str
    more: str
    damaged: str
    no_source: str
    nothing: str
    p90_note: str


NL: Final = Words(
    reading="lezen",
    queues="Per wachtrij",
    days="Per dag",
    queue="wachtrij",
    day="dag",
    total="totaal",
    offered="aange-\nboden",
    answered="beant-\nwoord",
    missed="ge-\nmist",
    mean="gem.\nwacht",
    p90="90 %\nbinnen",
    longest="langste\nwacht",
    within="binnen\n{} s",
    definition="definitie",
    definitions="Gemist volgens elke definitie",
    ratio="%\ngemist",
    outcomes="Niet beantwoord",
    outcome={
        Outcome.ABANDONED: "opgehangen",
        Outcome.TIMED_OUT: "te lang gewacht",
        Outcome.NO_AGENTS: "niemand aangemeld",
        Outcome.LEFT_BY_KEY: "weg met een toets",
        Outcome.CLOSED: "gesloten of vol",
    },
    unfinished="zonder afloop",
    categories="Beantwoord per snelheidscategorie",
    category="gewacht",
    above="meer dan {} s",
    share="aandeel",
    calls="oproepen",
    targets="Doelen",
    kpi={
        Kpi.MISSED_RATIO: "gemiste oproepen",
        Kpi.CALL_WAIT_MEAN: "gemiddelde wachttijd telefoon",
        Kpi.SERVICE_LEVEL: "op tijd beantwoord",
        Kpi.VISIT_WAIT_MEAN: "gemiddelde wachttijd loket",
        Kpi.LEAD_TIME_MEAN: "gemiddelde doorlooptijd afspraak",
    },
    value="waarde",
    target="doel",
    verdict="oordeel",
    met="gehaald",
    not_met="niet gehaald",
    no_reading="geen meting",
    outside="{} contacten buiten de openingsuren; ze tellen nergens mee.",
    visits="Loketten en afspraken",
    visit_line="{} bezoekers met afspraak, gemiddeld {} gewacht",
    walk_in_line="{} zonder afspraak, gemiddeld {} gewacht",
    early_left="{} te vroeg opgeroepen, {} weggegaan",
    booked="{} afspraken gemaakt, gemiddeld {} vooraf",
    days_unit="{} werkdagen",
    read="{} regels gelezen: {} gebeurtenissen, {} zonder contact",
    unknown="{} regels met een onbekend werkwoord overgeslagen",
    duplicates="{} dubbele gebeurtenissen één keer geteld",
    refused="{} regels konden niet gebruikt worden:",
    more="  … en nog {}",
    damaged="{}: het archief is beschadigd",
    no_source="Het stadsbestand heeft geen bron {}; wel: {}.",
    nothing="Geen enkel contact gevonden.",
    p90_note="90 % binnen: uit het histogram, hoogstens één cel (1 s tot 10 min) te hoog.",
)

EN: Final = Words(
    reading="reading",
    queues="Per queue",
    days="Per day",
    queue="queue",
    day="day",
    total="total",
    offered="offered",
    answered="answered",
    missed="missed",
    mean="mean\nwait",
    p90="90%\nwithin",
    longest="longest\nwait",
    within="within\n{} s",
    definition="definition",
    definitions="Missed under each definition",
    ratio="%\nmissed",
    outcomes="Not answered",
    outcome={
        Outcome.ABANDONED: "abandoned",
        Outcome.TIMED_OUT: "timed out",
        Outcome.NO_AGENTS: "nobody logged in",
        Outcome.LEFT_BY_KEY: "left by a key",
        Outcome.CLOSED: "closed or full",
    },
    unfinished="without an outcome",
    categories="Answered per speed category",
    category="waited",
    above="more than {} s",
    share="share",
    calls="calls",
    targets="Targets",
    kpi={
        Kpi.MISSED_RATIO: "missed calls",
        Kpi.CALL_WAIT_MEAN: "mean phone wait",
        Kpi.SERVICE_LEVEL: "answered in time",
        Kpi.VISIT_WAIT_MEAN: "mean counter wait",
        Kpi.LEAD_TIME_MEAN: "mean lead time to an appointment",
    },
    value="value",
    target="target",
    verdict="verdict",
    met="met",
    not_met="not met",
    no_reading="no reading",
    outside="{} contacts outside opening hours; they are in no other figure.",
    visits="Counters and appointments",
    visit_line="{} visitors with an appointment, waited {} on average",
    walk_in_line="{} without an appointment, waited {} on average",
    early_left="{} called before their time, {} left",
    booked="{} appointments made, {} ahead on average",
    days_unit="{} working days",
    read="{} lines read: {} events, {} about no contact",
    unknown="{} lines with an unknown verb passed over",
    duplicates="{} duplicate events counted once",
    refused="{} lines could not be used:",
    more="  … and {} more",
    damaged="{}: the archive is damaged",
    no_source="The city file has no source {}; it has: {}.",
    nothing="No contact found.",
    p90_note="90% within: from the histogram, at most one cell (1 s up to 10 min) too high.",
)

WORDS: Final = {"nl": NL, "en": EN}
