"""What the commands about history say, per language of the city file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.corrections import UnsettledReason
from wachtpost.history.plan import ContactGroup


@dataclass(frozen=True)
class Words:
    """One language. Texts with fields are ``str.format`` patterns."""

    changes: str
    changes_by_month: str
    day: str
    month: str
    queue: str
    contacts: str
    answered: str
    lost: str
    mean: str
    booked: str
    outside: str
    columns: str

    groups: Mapping[ContactGroup, str]
    nothing_covered: str
    nothing_there: str
    nothing_to_do: str
    unsigned: str
    why_long: str
    upside_down: str
    late: str
    unsettled: Mapping[UnsettledReason, str]
    fewer: str
    fewer_line: str
    differing: str
    differing_line: str
    more: str
    refused: str
    changed_underneath: str
    would: str
    done: str
    counters_stay: str

    no_parquet: str
    bad_row: str
    exported: str
    empty_log: str
    hows: Mapping[str, str]
    log_line: str
    log_files: str
    log_refused: str
    log_unknown: str


NL: Final = Words(
    changes="Wat verandert, per dag (ervoor → erna)",
    changes_by_month="Wat verandert, per maand: alleen de dagen die veranderen (ervoor → erna)",
    day="dag",
    month="maand",
    queue="wachtrij",
    contacts="contacten",
    answered="beantwoord,\nopgeroepen",
    lost="gemist,\nweggegaan",
    mean="gem.\nwachttijd",
    booked="afspraken",
    outside="buiten de\nopeningsuren",
    columns="Contacten met een afloop, binnen de openingsuren. Gemist volgens {definition}.",
    groups={
        ContactGroup.CALLS: "oproepen",
        ContactGroup.VISITS: "bezoeken",
        ContactGroup.APPOINTMENTS: "afspraken",
    },
    nothing_covered="De bestanden hebben niets over een dag en een wachtrij die hier tellen.",
    nothing_there="Er is geen enkele dag.",
    nothing_to_do="Alles staat er al precies zo; er verandert niets.",
    unsigned="Wie vervangt dagen, en waarom? Geef --by (een ontvanger of functie) en --why. "
    "Met --dry-run verandert er niets.",
    why_long="--why: {length} tekens, hoogstens {most}",
    upside_down="--from {first} ligt na --to {last}.",
    late="{count} regels staan meer dan {dedup} uur vóór wat eerder gelezen werd; zulke regels tellen niet "
    "mee. Sorteer de bestanden op tijd, of geef dubbele bestanden één keer. "
    "Moeten ze wegblijven: --allow-fewer.",
    unsettled={
        UnsettledReason.RECENT: "{days}: daarvoor kunnen nog feiten binnenkomen. Vanaf {before} kan nog "
        "niets vervangen worden; geef --to {last}.",
        UnsettledReason.BACKLOG: "{days}: de evaluator moet nog gebeurtenissen verwerken die daarover kunnen "
        "gaan. Wacht tot hij bij is, of geef --to {last}.",
        UnsettledReason.BEHIND: "{days}: de evaluator is nog niet zover. Start hem eerst, "
        "of geef --to {last}.",
    },
    fewer="{count} keer zouden er minder contacten zijn dan nu; een half bestand mag geen dag wissen. "
    "Laat onvolledige dagen weg met --from en --to; klopt het toch: --allow-fewer.",
    fewer_line="  {day}  {queue}: {before} → {after} {group}",
    differing="{count} dagen hebben hier andere cijfers; die worden alleen met --replace overschreven.",
    differing_line="  {day}  {queue}",
    more="  … en nog {count}",
    refused="Er is niets veranderd.",
    changed_underneath="{day} {queue} is intussen veranderd door iets anders; probeer het opnieuw. "
    "Van die partitie is niets vervangen.",
    would="Dit zou vervangen worden (dag × wachtrij): {days}; staat er al zo: {same}.",
    done="Vervangen (dag × wachtrij): {days}; stond er al zo: {same}. In het logboek: {id}",
    counters_stay="Maanden en jaren tellen opnieuw; de tellers van Prometheus (…_total) blijven wat live "
    "binnenkwam.",
    no_parquet="Voor Parquet is een extra nodig: pip install 'wachtpost[parquet]'",
    bad_row="{why}\nEr is niets veranderd.",
    exported="{rows} rijen, {first} tot {last}: {file}",
    empty_log="Er is nog nooit een dag vervangen.",
    hows={"import": "ingelezen", "restore": "teruggezet"},
    log_line="{at}  {id}  {how} door {by}: {why}",
    log_files="    {name}  sha256 {sha256}",
    log_refused="    onbruikbare regels: {counts}",
    log_unknown="Er is geen vervanging {name}. Wel: {known}",
)

EN: Final = Words(
    changes="What changes, by day (before → after)",
    changes_by_month="What changes, by month: only the days that change (before → after)",
    day="day",
    month="month",
    queue="queue",
    contacts="contacts",
    answered="answered,\ncalled",
    lost="missed,\nleft",
    mean="mean\nwait",
    booked="appointments",
    outside="outside\nopening hours",
    columns="Contacts with an outcome, within opening hours. Missed under {definition}.",
    groups={
        ContactGroup.CALLS: "calls",
        ContactGroup.VISITS: "visits",
        ContactGroup.APPOINTMENTS: "appointments",
    },
    nothing_covered="The files say nothing of a day and a queue that count here.",
    nothing_there="There is not a single day.",
    nothing_to_do="Everything stands there like that already; nothing changes.",
    unsigned="Who replaces days, and why? Give --by (a receiver or a role) and --why. "
    "With --dry-run nothing changes.",
    why_long="--why: {length} characters, at most {most}",
    upside_down="--from {first} is after --to {last}.",
    late="{count} lines stand more than {dedup} hours before what was read earlier; such lines do not count. "
    "Sort the files by time, or give a file that is there twice only once. "
    "If they are to stay out: --allow-fewer.",
    unsettled={
        UnsettledReason.RECENT: "{days}: facts about that may still arrive. From {before} on nothing can be "
        "replaced yet; give --to {last}.",
        UnsettledReason.BACKLOG: "{days}: the evaluator still has to read events that may be about that. "
        "Wait until it has caught up, or give --to {last}.",
        UnsettledReason.BEHIND: "{days}: the evaluator has not come so far. Start it first, "
        "or give --to {last}.",
    },
    fewer="{count} times there would be fewer contacts than now; half a file must not wipe a day. "
    "Leave incomplete days out with --from and --to; if it is right all the same: --allow-fewer.",
    fewer_line="  {day}  {queue}: {before} → {after} {group}",
    differing="{count} days have other figures here; those are only overwritten with --replace.",
    differing_line="  {day}  {queue}",
    more="  … and {count} more",
    refused="Nothing was changed.",
    changed_underneath="{day} {queue} was changed by something else meanwhile; try again. "
    "Nothing of that partition was replaced.",
    would="Would be replaced (day × queue): {days}; like that already: {same}.",
    done="Replaced (day × queue): {days}; like that already: {same}. In the log: {id}",
    counters_stay="Months and years are added up anew; counters of Prometheus (…_total) stay as they are.",
    no_parquet="Parquet needs an extra: pip install 'wachtpost[parquet]'",
    bad_row="{why}\nNothing was changed.",
    exported="{rows} rows, {first} to {last}: {file}",
    empty_log="No day was ever replaced.",
    hows={"import": "imported", "restore": "restored"},
    log_line="{at}  {id}  {how} by {by}: {why}",
    log_files="    {name}  sha256 {sha256}",
    log_refused="    lines that could not be used: {counts}",
    log_unknown="There is no replacement {name}. There are: {known}",
)

WORDS: Final = {"nl": NL, "en": EN}
