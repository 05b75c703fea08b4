"""What the mail of a report says, per language of the city file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Words:
    """One language. Texts with fields are ``str.format`` patterns."""

    subject: str
    opening: str
    running: str
    in_short: str
    missed: str
    missed_until: str
    call_wait: str
    counters_met: str
    counters_not_met: str
    counters_other: str

    attached: str
    nothing_attached: str
    kinds: Mapping[str, str]
    """What an attachment is for, by the end of its name."""
    too_large: str
    not_made: str
    by_hand: str
    closing: str

    # What the command says
    period_wrong: str
    not_over: str
    nobody: str
    receiver_unknown: str
    no_mail: str
    sent_before: str
    handed_over: str
    cannot: str


NL: Final = Words(
    subject="Beleidsrapport {city}: {period}",
    opening="Dit is het beleidsrapport van {city} over {period}.",
    running="Die periode is nog niet voorbij: de cijfers zijn voorlopig.",
    in_short="In het kort",
    missed="Gemiste oproepen in {year}: {value}",
    missed_until="Gemiste oproepen in {year} tot en met {day}: {value}",
    call_wait="Gemiddelde wachttijd aan de telefoon in {period}: {value}",
    counters_met="Wachttijd aan het loket (minuten:seconden), doel gehaald: {names}",
    counters_not_met="Wachttijd aan het loket (minuten:seconden), doel niet gehaald: {names}",
    counters_other="Wachttijd aan het loket (minuten:seconden), niet beoordeeld: {names}",
    attached="Het volledige rapport zit als bijlage bij deze mail:",
    nothing_attached="Het volledige rapport kon niet worden bijgevoegd.",
    kinds={
        "html": "om te lezen in een browser en af te drukken op A4",
        "pdf": "om te lezen en af te drukken",
        "csv": "de cijfers, voor een rekenblad",
        "json": "de cijfers, voor software",
        "md": "als tekst",
    },
    too_large="Niet bijgevoegd, want samen te groot voor een mail (meer dan {most} MB): {kinds}.",
    not_made="Niet bijgevoegd, want het kon niet worden gemaakt: {kinds}.",
    by_hand="Zelf maken kan met: wachtpost report {period}",
    closing="Deze mail is automatisch gemaakt en verstuurd door Wachtpost.",
    period_wrong="--now {name}: geef een periode zoals 2026-10, 2026-H1 of 2026.",
    not_over="{period} is nog niet voorbij of geen maand: dat is niet de maandelijkse mail. Met --receiver "
    "gaat het rapport naar één ontvanger, met --again naar allemaal.",
    nobody="Het stadsbestand noemt niemand die het rapport krijgt ([report] receivers).",
    receiver_unknown="Er is geen ontvanger {name}. Wel: {known}",
    no_mail="{name} heeft geen kanaal van de soort email; het rapport gaat alleen per mail.",
    sent_before="Het rapport over {period} is al eerder verstuurd. Met --again gaat het nog eens naar "
    "allemaal.",
    handed_over="Het rapport over {period} is aan de notifier gegeven, voor: {receivers}. Of het aankwam, "
    "zegt `wachtpost notifications log`.",
    cannot="Het rapport kan niet worden gemaakt: {why}",
)

EN: Final = Words(
    subject="Policy report {city}: {period}",
    opening="This is the policy report of {city} for {period}.",
    running="That period is not over yet: the figures are provisional.",
    in_short="In short",
    missed="Missed calls in {year}: {value}",
    missed_until="Missed calls in {year} up to and including {day}: {value}",
    call_wait="Mean wait on the phone in {period}: {value}",
    counters_met="Wait at the counter (minutes:seconds), target met: {names}",
    counters_not_met="Wait at the counter (minutes:seconds), target not met: {names}",
    counters_other="Wait at the counter (minutes:seconds), not judged: {names}",
    attached="The full report is attached to this mail:",
    nothing_attached="The full report could not be attached.",
    kinds={
        "html": "to read in a browser and print on A4",
        "pdf": "to read and print",
        "csv": "the figures, for a spreadsheet",
        "json": "the figures, for software",
        "md": "as text",
    },
    too_large="Not attached, because too large for a mail together (more than {most} MB): {kinds}.",
    not_made="Not attached, because it could not be made: {kinds}.",
    by_hand="To make it yourself: wachtpost report {period}",
    closing="This mail was made and sent automatically by Wachtpost.",
    period_wrong="--now {name}: give a period such as 2026-10, 2026-H1 or 2026.",
    not_over="{period} is not over yet or is no month: that is not the monthly mail. With --receiver the "
    "report goes to one receiver, with --again to all of them.",
    nobody="The city file names nobody who gets the report ([report] receivers).",
    receiver_unknown="There is no receiver {name}. There are: {known}",
    no_mail="{name} has no channel of kind email; the report goes by mail only.",
    sent_before="The report for {period} was sent before. With --again it goes to all of them once more.",
    handed_over="The report for {period} was given to the notifier, for: {receivers}. Whether it arrived is "
    "told by `wachtpost notifications log`.",
    cannot="The report cannot be made: {why}",
)

WORDS: Final = {"nl": NL, "en": EN}
