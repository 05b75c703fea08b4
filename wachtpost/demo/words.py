"""What the demo says, per language of the city file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from shared.contract.breach_events import BreachState
from shared.numerals import NUMERALS, Numerals


class BoardVerdict(Enum):
    """How a figure stands against its target."""

    WITHIN = auto()
    ABOVE = auto()
    TOO_FEW = auto()
    """Fewer contacts than ``live.min_samples``."""
    CLOSED = auto()
    """The desk is shut, and there is no figure."""
    NO_READING = auto()
    """Nobody in the window: not zero, but nothing."""
    NO_TARGET = auto()


@dataclass(frozen=True)
class Words:
    """One language. Texts with fields are ``str.format`` patterns."""

    numerals: Numerals
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    verdicts: dict[BoardVerdict, str]

    phones: str
    counters: str
    appointments: str
    total: str
    waiting: str
    longest: str
    wait: str
    visit_wait: str
    missed_ratio: str
    answered: str
    missed: str
    lead: str
    lead_days: str
    target: str
    minutes: str
    hours: str
    age: str
    no_data: str
    processed: str
    behind: str
    refused: str
    note: str

    alerts: str
    all_well: str
    rules_closed: str
    states: dict[BreachState, str]
    acknowledged: str
    more_alerts: str
    receiver: str
    message: str
    subject: str
    arrived: str

    setting_up: str
    starting: str
    ready: str
    metrics: str
    simulated: str
    replayed: str
    stop_hint: str
    over: str
    stopping: str
    stopped: str
    progress: str

    died: str
    unready: str
    log_tail: str
    lost_supervisor: str
    door_shut: str
    no_extra: str
    replay_unreadable: str
    replay_empty: str
    replay_mixed: str

    def window(self, window: timedelta) -> str:
        """Return a window as ``15 min`` or ``1 uur``."""
        minutes = window / timedelta(minutes=1)
        if minutes % 60 == 0:
            return self.hours.format(self.numerals.number(minutes / 60))
        return self.minutes.format(self.numerals.number(minutes, 0 if minutes == int(minutes) else 1))

    def instant(self, local: datetime) -> str:
        """Return a local time as ``di 24 nov 2026 10:05:30``."""
        day = f"{self.weekdays[local.weekday()]} {local.day} {self.months[local.month - 1]} {local.year}"
        return f"{day} {local:%H:%M:%S}"


NL: Final = Words(
    numerals=NUMERALS["nl"],
    weekdays=("ma", "di", "wo", "do", "vr", "za", "zo"),
    months=("jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"),
    verdicts={
        BoardVerdict.WITHIN: "binnen doel",
        BoardVerdict.ABOVE: "boven doel",
        BoardVerdict.TOO_FEW: "te weinig metingen",
        BoardVerdict.CLOSED: "gesloten",
        BoardVerdict.NO_READING: "geen meting",
        BoardVerdict.NO_TARGET: "geen doel",
    },
    phones="Telefoon",
    counters="Loketten",
    appointments="Afspraken",
    total="Totaal",
    waiting="wachten\nnu",
    longest="langst",
    wait="wachttijd, {}",
    visit_wait="met afspraak, vandaag",
    missed_ratio="gemist, {}",
    answered="beant-\nwoord",
    missed="ge-\nmist",
    lead="termijn, vandaag",
    lead_days="{} werkdagen",
    target="doel",
    minutes="{} min",
    hours="{} uur",
    age="gegevens {} oud",
    no_data="nog geen gegevens",
    processed="{} feiten verwerkt",
    behind="{} onderweg",
    refused="{} geweigerd",
    note="m:ss, naar boven afgerond. Een wachtrij zonder eigen doel staat tegen het doel van het geheel.",
    alerts="Alarmen",
    all_well="geen; regels in orde: {well}, met te weinig metingen: {few}{closed}",
    rules_closed=", gesloten: {}",
    states={
        BreachState.PENDING: "even afwachten",
        BreachState.FIRING: "overschreden",
        BreachState.CLEARING: "herstelt",
    },
    acknowledged="overschreden, opgepakt",
    more_alerts="en nog {}",
    receiver="Balieverantwoordelijke",
    message="bericht {number} aan {receiver}, {at}",
    subject="Onderwerp",
    arrived="{at}  bericht aan {receiver}: {subject}",
    setting_up="Wachtpost voor {city}: alles draait tijdelijk op deze machine en verdwijnt na afloop.",
    starting="  {what} starten …",
    ready="  {what} klaar: {url}",
    metrics="  cijfers: {url}",
    simulated="Een gesimuleerde drukke dag, {day}, {speed}× zo snel (seed {seed}).",
    replayed="{file}, verschoven naar {day}, {speed}× zo snel.",
    stop_hint="Ctrl-C stopt alles.",
    over="De dag is voorbij.",
    stopping="Alles stoppen …",
    stopped="Gestopt; er draait niets meer.",
    progress="{at}  wachten: {phones} telefoon, {counters} loket · beantwoord {answered}, gemist {missed}",
    died="{what} is gestopt met status {status}.",
    unready="{what} was na {limit} s nog niet klaar.",
    log_tail="De laatste regels van het logboek:",
    lost_supervisor="Het proces dat de diensten bewaakt, is weg; alles is gestopt.",
    door_shut="ingest weigert de gebeurtenissen: status {status}, {answer}",
    no_extra="{what} ontbreekt: pip install 'wachtpost[demo]'",
    replay_unreadable="{file}: niet te lezen: {why}",
    replay_empty="{file}: geen queue_log (epoch|callid|queue|agent|VERB|…) en geen gebeurtenissen (NDJSON).",
    replay_mixed="{file}, regel {line}: geen gebeurtenis van het contract: {why}",
)

EN: Final = Words(
    numerals=NUMERALS["en"],
    weekdays=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    months=("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    verdicts={
        BoardVerdict.WITHIN: "on target",
        BoardVerdict.ABOVE: "above target",
        BoardVerdict.TOO_FEW: "too few to judge",
        BoardVerdict.CLOSED: "closed",
        BoardVerdict.NO_READING: "no reading",
        BoardVerdict.NO_TARGET: "no target",
    },
    phones="Phones",
    counters="Counters",
    appointments="Appointments",
    total="Total",
    waiting="waiting\nnow",
    longest="longest",
    wait="wait, {}",
    visit_wait="by appointment, today",
    missed_ratio="missed, {}",
    answered="ans-\nwered",
    missed="mis-\nsed",
    lead="lead time, today",
    lead_days="{} working days",
    target="target",
    minutes="{} min",
    hours="{} h",
    age="data {} old",
    no_data="no data yet",
    processed="{} facts processed",
    behind="{} under way",
    refused="{} refused",
    note="m:ss, rounded up. A queue without a target of its own is held against the total's.",
    alerts="Alerts",
    all_well="none; rules fine: {well}, with too few contacts: {few}{closed}",
    rules_closed=", closed: {}",
    states={
        BreachState.PENDING: "wait and see",
        BreachState.FIRING: "breached",
        BreachState.CLEARING: "recovering",
    },
    acknowledged="breached, taken on",
    more_alerts="and {} more",
    receiver="Desk supervisor",
    message="message {number} to {receiver}, {at}",
    subject="Subject",
    arrived="{at}  message to {receiver}: {subject}",
    setting_up="Wachtpost for {city}: everything runs on this machine for now and is gone afterwards.",
    starting="  starting {what} …",
    ready="  {what} is ready: {url}",
    metrics="  metrics: {url}",
    simulated="A simulated busy day, {day}, {speed}× as fast (seed {seed}).",
    replayed="{file}, shifted to {day}, {speed}× as fast.",
    stop_hint="Ctrl-C stops everything.",
    over="The day is over.",
    stopping="Stopping everything …",
    stopped="Stopped; nothing is left running.",
    progress="{at}  waiting: {phones} phone, {counters} counter · answered {answered}, missed {missed}",
    died="{what} ended with status {status}.",
    unready="{what} was not ready after {limit} s.",
    log_tail="The last lines of its log:",
    lost_supervisor="The process that looks after the services is gone; everything has been stopped.",
    door_shut="ingest refuses the events: status {status}, {answer}",
    no_extra="{what} is missing: pip install 'wachtpost[demo]'",
    replay_unreadable="{file}: cannot be read: {why}",
    replay_empty="{file}: no queue_log (epoch|callid|queue|agent|VERB|…) and no events (NDJSON).",
    replay_mixed="{file}, line {line}: no event of the contract: {why}",
)

WORDS: Final = {"nl": NL, "en": EN}
