"""What the boards say: every text in Dutch and in English, side by side.

A ``Text`` cannot be made with one language only, so no board can lack one. The words are those of the
messages and of the demo's board: *boven doel*, *te weinig metingen*, *opgepakt*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

from domain.windows import duration_label
from shared.config.model import CityFile

LANGUAGES: Final = ("nl", "en")
"""That a ``Text`` has."""


class Text(NamedTuple):
    """One text in every language."""

    nl: str
    en: str

    def said_in(self, language: str) -> str:
        """Return it in one language."""
        return self.nl if language == "nl" else self.en


class PanelText(NamedTuple):
    """A panel's title, and what it says to who hovers over it."""

    title: Text
    about: Text


@dataclass(frozen=True, slots=True)
class Edition:
    """One city's boards in one language: who is called says a text in it."""

    city: CityFile
    language: str

    def __call__(self, text: Text) -> str:
        """Return a text; ``{short}`` in it is the shortest window as in a title, ``{last_short}`` as in a
        sentence, and ``{long}`` the longest one."""
        short, long = min(self._windows), max(self._windows)
        return text.said_in(self.language).format(
            short=_said(_BRIEF, short).said_in(self.language),
            last_short=_said(_LAST, short).said_in(self.language),
            last_long=_said(_LAST, long).said_in(self.language),
            long=_said(_LAST, long).said_in(self.language).partition(" ")[2],
        )

    @property
    def short(self) -> str:
        """The shortest window of rolling figures, as in a metric's label."""
        return duration_label(min(self._windows))

    @property
    def long(self) -> str:
        """The longest one."""
        return duration_label(max(self._windows))

    @property
    def _windows(self) -> tuple[timedelta, ...]:
        return self.city.live.windows


def same(text: str) -> Text:
    """What is the same in every language, such as a unit."""
    return Text(text, text)


def _said(words: Mapping[str, Text], window: timedelta) -> Text:
    label = duration_label(window)
    text = words.get(label) or words[label[-1]]
    return Text(text.nl.format(label[:-1]), text.en.format(label[:-1]))


_BRIEF: Final = {"h": Text("{} uur", "{} h"), "m": same("{} min"), "s": same("{} s")}
_LAST: Final = {
    "1h": Text("het laatste uur", "the last hour"),
    "1m": Text("de laatste minuut", "the last minute"),
    "h": Text("de laatste {} uur", "the last {} hours"),
    "m": Text("de laatste {} minuten", "the last {} minutes"),
    "s": Text("de laatste {} seconden", "the last {} seconds"),
}

# --- Said on many boards ---------------------------------------------------------------------------------

NO_DATA: Final = Text("geen gegevens", "no data")
"""Nobody answers: not zero, and not too few either."""
TOO_FEW: Final = Text("te weinig metingen", "too few to judge")
TOO_FEW_SHORT: Final = Text("te weinig", "too few")
"""Where a number would stand."""
CLOSED: Final = Text("gesloten", "closed")
ON_TARGET: Final = Text("binnen doel", "on target")
ABOVE_TARGET: Final = Text("boven doel", "above target")
BELOW_TARGET: Final = Text("onder doel", "below target")
NO_TARGET: Final = Text("geen doel", "no target")
TARGET: Final = Text("doel", "target")
CALLS: Final = Text("oproepen", "calls")
ANSWERED: Final = Text("beantwoord", "answered")
VISITS: Final = Text("bezoeken", "visits")
NOT_REPORTED: Final = Text("niet gemeld", "not reported")
"""Where a source could tell and none does."""
BOOKINGS: Final = Text("afspraken", "appointments")
WORKDAYS: Final = Text("werkdagen", "working days")
QUEUE: Final = Text("Wachtrij", "Queue")
CLUSTER: Final = Text("Loket", "Counter")
PLACE: Final = Text("Waar", "Where")
SITE: Final = Text("Plaats", "Site")
RULE: Final = Text("Regel", "Rule")
FIGURE: Final = Text("Kengetal", "Figure")
SEVERITY: Final = Text("Ernst", "Severity")
STATE: Final = Text("Stand", "State")
SINCE: Final = Text("Sinds", "Since")
BREACHES_OF: Final = Text("Toon de overschrijdingen", "Show its breaches")
DATA_SOURCE: Final = Text("Gegevensbron", "Data source")

STATES: Final[Mapping[str, Text]] = {
    "closed": CLOSED,
    "insufficient": TOO_FEW,
    "ok": Text("in orde", "all well"),
    "pending": Text("even afwachten", "wait and see"),
    "clearing": Text("herstelt", "recovering"),
    "firing": Text("overschreden", "breached"),
}
"""What a rule can be in, the most serious last: the highest of several is what a supervisor wants to see."""

CONTACTS: Final[Mapping[str, Text]] = {
    "calls": CALLS,
    "answered": ANSWERED,
    "visits": VISITS,
    "appointments": BOOKINGS,
}
"""What a KPI rests on."""

KPIS: Final[Mapping[str, Text]] = {
    "missed_ratio": Text("gemiste oproepen", "missed calls"),
    "call_wait_mean": Text("wachttijd telefoon", "phone wait"),
    "service_level": Text("serviceniveau", "service level"),
    "visit_wait_mean": Text("wachttijd loket", "counter wait"),
    "lead_time_mean": Text("termijn tot afspraak", "lead time"),
    "burn_rate": Text("verbruik van de foutmarge", "error budget burn"),
    "no_data": Text("geen gegevens van een bron", "no data from a source"),
}
SEVERITIES: Final[Mapping[str, Text]] = {
    "critical": Text("kritiek", "critical"),
    "warning": Text("waarschuwing", "warning"),
    "info": Text("ter info", "info"),
}
OUTCOMES: Final[Mapping[str, Text]] = {
    "answered": Text("beantwoord", "answered"),
    "abandoned": Text("opgehangen", "hung up"),
    "timed_out": Text("te lang gewacht", "timed out"),
    "no_agents": Text("niemand beschikbaar", "nobody available"),
    "left_by_key": Text("koos terugbellen of voicemail", "chose call-back or voicemail"),
    "closed": Text("gesloten", "closed"),
}
VISIT_ENDS: Final[Mapping[str, Text]] = {
    "appointment": Text("met afspraak", "by appointment"),
    "walk_in": Text("zonder afspraak", "walk-in"),
    "early": Text("vóór het afgesproken uur", "before the booked time"),
    "left": Text("weggegaan", "left"),
}
STAFF_PHONE: Final[Mapping[str, Text]] = {
    "available": Text("vrij", "free"),
    "busy": Text("in gesprek", "on a call"),
    "paused": Text("in pauze", "on a break"),
}
STAFF_COUNTER: Final[Mapping[str, Text]] = {
    "available": Text("medewerkers vrij", "staff free"),
    "busy": Text("medewerkers bezig", "staff serving"),
    "paused": Text("medewerkers in pauze", "staff on a break"),
}
REASONS: Final[Mapping[str, Text]] = {
    "unreadable": Text("onleesbaar", "unreadable"),
    "invalid": Text("geen geldig feit", "not a valid fact"),
    "unknown_queue": Text("onbekende wachtrij", "unknown queue"),
    "not_allowed": Text("niet toegelaten", "not allowed"),
    "internal_error": Text("een fout in Wachtpost zelf", "a fault of Wachtpost itself"),
    "personal": Text("lijkt op een telefoonnummer", "looks like a phone number"),
    "future": Text("uit de toekomst", "from the future"),
    "late": Text("te laat", "too late"),
}
RESULTS: Final[Mapping[str, Text]] = {
    "delivered": Text("afgeleverd", "delivered"),
    "retry": Text("opnieuw te proberen", "to be tried again"),
    "dead": Text("opgegeven", "given up"),
    "obsolete": Text("achterhaald", "overtaken"),
}


class BoardWords:
    """Names of the boards, as in the links between them."""

    LIVE: Final = Text("Live telefonie", "Live telephony")
    COUNTERS: Final = Text("Loketten", "Counters")
    APPOINTMENTS: Final = Text("Afspraken", "Appointments")
    BREACHES: Final = Text("Overschrijdingen", "Breaches")
    POLICY: Final = Text("Beleidsindicatoren", "Policy indicators")
    PIPELINE: Final = Text("Gezondheid van de meting", "Pipeline health")

    LIVE_ABOUT: Final = Text(
        "Wie wacht er nu, en houdt het contactcentrum zich aan wat de stad belooft. Voor een scherm aan "
        "de muur: voeg ?kiosk toe aan het adres.",
        "Who is waiting now, and does the contact centre keep what the city promises. For a screen on the "
        "wall: add ?kiosk to the address.",
    )
    COUNTERS_ABOUT: Final = Text(
        "Wachten aan de loketten, elk loket tegen zijn eigen doel.",
        "Waiting at the counters, each against its own target.",
    )
    APPOINTMENTS_ABOUT: Final = Text(
        "Hoeveel werkdagen een inwoner op een afspraak wacht, en waar de agenda vol loopt.",
        "How many working days a resident waits for an appointment, and where the diary fills up.",
    )
    BREACHES_ABOUT: Final = Text(
        "Wat er mis is, wie het opgepakt heeft, en wie er bericht van kreeg.",
        "What is wrong, who has taken it on, and who was told.",
    )
    POLICY_ABOUT: Final = Text(
        "De maanden en jaren van het beleidsrapport tegen hun doelen, en wat er nog gemist mag worden.",
        "The policy report's months and years against their targets, and what may still be missed.",
    )
    PIPELINE_ABOUT: Final = Text(
        "Kan men de cijfers vertrouwen: komt alles binnen, wordt alles geteld, gaat elk bericht de deur uit.",
        "Can the figures be trusted: does everything come in, is everything counted, does every message "
        "go out.",
    )


class AnnotationsWords:
    BREACHES: Final = Text("Overschrijdingen", "Breaches")
    FROM_FIGURES: Final = Text("Overschrijdingen volgens de cijfers", "Breaches by the figures")


class LiveWords:
    WAITING: Final = PanelText(
        Text("Wachtenden nu", "Waiting now"),
        Text(
            "Bellers die nu in een van de gekozen wachtrijen wachten.",
            "Callers waiting in the chosen queues.",
        ),
    )
    LONGEST: Final = PanelText(
        Text("Langste wachttijd nu", "Longest wait now"),
        Text(
            "Hoelang de beller die het langst wacht al wacht (uren:minuten:seconden). Nul: er wacht niemand.",
            "How long the caller who waits longest has waited (hours:minutes:seconds). Zero: nobody waits.",
        ),
    )
    WAIT: Final = PanelText(
        Text("Gemiddelde wachttijd, {short}", "Mean wait, {short}"),
        Text(
            "Gemiddelde wachttijd van de oproepen die {last_short} beantwoord zijn, alle "
            "wachtrijen samen, tegen het doel van de stad. Te weinig oproepen: dan staat er geen cijfer.",
            "Mean wait of the calls answered in {last_short}, all queues together, against "
            "the city's target. Too few calls: no figure is shown.",
        ),
    )
    MISSED: Final = PanelText(
        Text("Gemiste oproepen, {short}", "Missed calls, {short}"),
        Text(
            "Aandeel gemiste oproepen in {last_short}, alle wachtrijen samen, tegen het doel van de stad.",
            "Share of calls missed in {last_short}, all queues together, against the city's target.",
        ),
    )
    LEVEL: Final = PanelText(
        Text("Serviceniveau, {short}", "Service level, {short}"),
        Text(
            "Aandeel oproepen dat in {last_short} snel genoeg beantwoord is; de stad bepaalt wat "
            "snel genoeg is.",
            "Share of calls of {last_short} answered fast enough; the city configures what is fast.",
        ),
    )
    AGE: Final = PanelText(
        Text("Langst stille bron", "Quietest source"),
        Text(
            "Welke bron (de telefooncentrale, een loket, de agenda) het langst niets liet weten, en hoelang "
            "al (uren:minuten:seconden). Loopt dit op tijdens de openingsuren, dan zijn haar cijfers oud. "
            "De link in de titel toont alle bronnen.",
            "Which source (the telephone exchange, a counter, the diary) has said nothing for longest, and "
            "for how long (hours:minutes:seconds). When this grows during opening hours, its figures are "
            "old. The link in the title shows all sources.",
        ),
    )
    STAFF: Final = PanelText(
        Text("Medewerkers nu", "Staff now"),
        Text(
            "Hoeveel medewerkers van de gekozen wachtrijen nu vrij, in gesprek of in pauze zijn, volgens de "
            "laatste melding. Wie voor meer dan één wachtrij werkt, telt bij elk mee. «Niet gemeld»: geen "
            "enkele bron laat dit weten.",
            "How many of the chosen queues' staff are free, on a call or on a break, as last reported. Who "
            "serves more than one queue counts in each. “Not reported”: no source tells.",
        ),
    )
    QUEUES_NOW: Final = PanelText(
        Text("Wachtenden per wachtrij", "Waiting per queue"),
        Text("Bellers die nu wachten, per wachtrij.", "Callers waiting now, per queue."),
    )
    QUEUES_WAIT: Final = PanelText(
        Text("Gemiddelde wachttijd per wachtrij, {short}", "Mean wait per queue, {short}"),
        Text(
            "Per wachtrij, tegen haar eigen doel of anders dat van de stad. Wat boven doel is, staat "
            "bovenaan.",
            "Per queue, against its own target or else the city's. What is above target comes first.",
        ),
    )
    QUEUES_MISSED: Final = PanelText(
        Text("Gemiste oproepen per wachtrij, {short}", "Missed calls per queue, {short}"),
        Text(
            "Per wachtrij, tegen haar eigen doel of anders dat van de stad. Wat boven doel is, staat "
            "bovenaan.",
            "Per queue, against its own target or else the city's. What is above target comes first.",
        ),
    )
    SPEED: Final = PanelText(
        Text("Wachttijd in seconden, {long}", "Seconds waited, {long}"),
        Text(
            "Welk aandeel van de beantwoorde oproepen zoveel seconden wachtte, alle wachtrijen samen; 20-45: "
            "meer dan 20 en hoogstens 45 seconden. Geen balken: te weinig oproepen.",
            "Which share of the answered calls waited so many seconds, all queues together; 20-45: more than "
            "20 and at most 45 seconds. No bars: too few calls.",
        ),
    )
    STATES: Final = PanelText(
        Text("Overschrijdingen", "Breaches"),
        Text(
            "Per wachtrij de ernstigste stand van al haar regels. De naam van de stad: alle wachtrijen "
            "samen.",
            "Per queue the most serious state of all its rules. The name of the city: all queues together.",
        ),
    )
    WAIT_COURSE: Final = PanelText(
        Text("Gemiddelde wachttijd, verloop", "Mean wait, course"),
        Text(
            "Gemiddelde wachttijd over telkens {last_short}; streepjeslijn: het doel. "
            "Een gat: te weinig oproepen voor een cijfer.",
            "Mean wait over {last_short} each time; dashed: the target. A gap: too few calls.",
        ),
    )
    MISSED_COURSE: Final = PanelText(
        Text("Gemiste oproepen, verloop", "Missed calls, course"),
        Text(
            "Aandeel gemist over telkens {last_short}; streepjeslijn: het doel. "
            "Een gat: te weinig oproepen voor een cijfer.",
            "Share missed over {last_short} each time; dashed: the target. A gap: too few calls.",
        ),
    )
    TODAY: Final = PanelText(
        Text("Vandaag, oproepen per uur", "Today, calls per hour"),
        Text(
            "Hoe de oproepen afliepen in het uur vóór elk moment van vandaag: om 10:00 staat er wat er "
            "tussen 09:00 en 10:00 gebeurde, en rechts het uur tot nu.",
            "How calls ended in the hour before each moment of today: at 10:00 what happened from 09:00 "
            "to 10:00, and at the right the hour until now.",
        ),
    )


class CountersWords:
    VERDICTS: Final = PanelText(
        Text(
            "Wachttijd met afspraak vandaag, tegen het eigen doel",
            "Wait with an appointment today, against its target",
        ),
        Text(
            "Gemiddelde wachttijd van vandaag, in minuten vanaf het afgesproken uur, per loket tegen het "
            "doel van dat loket. Te weinig bezoeken met afspraak: dan staat er geen cijfer.",
            "Today's mean wait in minutes from the booked time, per counter against its own target. "
            "Too few visits by appointment: no figure is shown.",
        ),
    )
    NOW: Final = PanelText(
        Text("Nu aan de loketten", "At the counters now"),
        Text(
            "Per loket: hoeveel bezoekers er wachten en hoelang al (uren:minuten:seconden), hoeveel er "
            "zonder afspraak kwamen en hoelang die vandaag gemiddeld wachtten, hoeveel er vóór het "
            "afgesproken uur geroepen werden (die tellen apart), en de medewerkers volgens de laatste "
            "melding.",
            "Per counter: how many visitors wait and for how long (hours:minutes:seconds), how many came "
            "without an appointment and how long they waited today, how many were called before the booked "
            "time (counted apart), and the staff as last reported.",
        ),
    )
    WAITING: Final = Text("wachten nu", "waiting now")
    LONGEST: Final = Text("langste wachttijd", "longest wait")
    LAST_HOUR: Final = Text("bezoeken, laatste uur", "visits, last hour")
    WALK_INS: Final = Text("waarvan zonder afspraak", "of which walk-ins")
    WALK_IN_WAIT: Final = Text("hun wachttijd vandaag", "their wait today")
    EARLY: Final = Text("vroeg geroepen, laatste uur", "called early, last hour")
    COURSE: Final = PanelText(
        Text("$queue", "$queue"),
        Text(
            "Gemiddelde wachttijd met afspraak over telkens {last_long}; streepjeslijn: het doel van dit "
            "loket. Een gat: te weinig bezoeken voor een cijfer.",
            "Mean wait by appointment over {last_long} each time; dashed: this counter's target. A gap: "
            "too few visits.",
        ),
    )
    WAIT_LONG: Final = Text("{long}", "{long}")
    WAIT_TODAY: Final = Text("vandaag tot dan", "today until then")
    PER_HOUR: Final = PanelText(
        Text("Bezoeken per uur", "Visits per hour"),
        Text(
            "Hoe de bezoeken afliepen in het uur vóór elk moment, alle gekozen loketten samen.",
            "How visits ended in the hour before each moment, all chosen counters together.",
        ),
    )
    WAITING_COURSE: Final = PanelText(
        Text("Wachtenden per loket, verloop", "Waiting per counter, course"),
        Text(
            "Het hoogste aantal wachtende bezoekers in telkens tien minuten (of meer, bij een langere "
            "periode), per loket. Het getal staat in de balk.",
            "The most visitors waiting in ten minutes at a time (or more, over a longer period), per "
            "counter. The number stands in the bar.",
        ),
    )


class AppointmentsWords:
    TODAY: Final = PanelText(
        Text("Termijn tot de afspraak, vandaag", "Lead time, today"),
        Text(
            "Gemiddeld aantal werkdagen tussen boeken en afspraak, van de afspraken die vandaag gemaakt "
            "zijn, tegen het doel van de stad. Weekends, feestdagen en sluitingsdagen tellen niet.",
            "Mean working days from booking to appointment, for the appointments made today, against the "
            "city's target. Weekends, public holidays and closing days do not count.",
        ),
    )
    BOOKED: Final = PanelText(
        Text("Afspraken gemaakt vandaag", "Appointments made today"),
        Text("Afspraken die vandaag gemaakt zijn, per loket.", "Appointments made today, per counter."),
    )
    FREE: Final = PanelText(
        Text("Eerste vrije afspraak", "First free appointment"),
        Text(
            "Werkdagen tot de eerste vrije afspraak zoals de agenda ze laatst meldde, tegen het doel voor "
            "de termijn.",
            "Working days to the first free appointment as the diary last reported, against the target "
            "for lead time.",
        ),
    )
    SPREAD: Final = PanelText(
        Text("Werkdagen tot de afspraak, verdeling", "Working days ahead, spread"),
        Text(
            "Hoeveel van de afspraken uit de gekozen periode zoveel werkdagen vooruit liggen. Balk 7 na balk "
            "5: meer dan 5 en hoogstens 7 werkdagen.",
            "How many of the chosen period's appointments lie so many working days ahead. Bar 7 after bar 5: "
            "more than 5 and at most 7 working days.",
        ),
    )
    LONGER: Final = Text("langer", "longer")
    COURSE: Final = PanelText(
        Text("Termijn tot de afspraak, verloop", "Lead time, course"),
        Text(
            "Gemiddelde termijn van de dag tot dan en van {last_long}; streepjeslijn: het doel. "
            "Een gat: te weinig afspraken voor een cijfer.",
            "Mean lead time of the day so far and of {last_long} each time; dashed: the target. A gap: "
            "too few.",
        ),
    )
    CLUSTERS: Final = PanelText(
        Text("Termijn per loket, vandaag", "Lead time per counter, today"),
        Text(
            "Gemiddelde termijn van de afspraken van vandaag, per loket tegen het doel. "
            "Wat boven doel is, staat bovenaan.",
            "Mean lead time of today's appointments, per counter against the target. What is above comes "
            "first.",
        ),
    )
    PER_DAY: Final = PanelText(
        Text("Afspraken gemaakt in 24 uur, verloop", "Appointments made in 24 hours, course"),
        Text(
            "Afspraken die gemaakt zijn in de 24 uur vóór elk moment, alle gekozen loketten samen.",
            "Appointments made in the 24 hours before each moment, all chosen counters together.",
        ),
    )
    FREE_COURSE: Final = PanelText(
        Text(
            "Werkdagen tot de eerste vrije afspraak, verloop",
            "Working days to the first free appointment, course",
        ),
        Text(
            "Per loket, zoals de agenda het meldde; het getal staat in de balk, en hoe blauwer, hoe langer. "
            "Wordt het groter, dan raakt de agenda van dat loket vol.",
            "Per counter, as the diary reported; the number stands in the bar, and the bluer, the longer. "
            "When it grows, that counter's diary is filling up.",
        ),
    )


class BreachesWords:
    OPEN: Final = PanelText(
        Text("Nu open", "Open now"),
        Text(
            "Elke overschrijding die nu loopt: sinds wanneer, hoe ernstig, en wie ze heeft opgepakt.",
            "Every breach going on: since when, how serious, and who has taken it on.",
        ),
    )
    NONE: Final = Text("geen open overschrijdingen", "no open breaches")
    TAKEN_BY: Final = Text("Opgepakt door", "Taken on by")
    TAKEN_AT: Final = Text("Opgepakt om", "Taken on at")
    NOBODY: Final = Text("nog niemand", "nobody yet")
    NOT_YET: Final = Text("–", "–")
    COUNT: Final = PanelText(
        Text("Open en onderweg", "Open and under way"),
        Text(
            "Overschrijdingen die nu lopen, opgepakt of niet, en berichten die nog niet afgeleverd zijn. "
            "Blijft dat laatste boven nul, dan is een kanaal stuk.",
            "Breaches going on now, taken on or not, and messages not delivered yet. "
            "When the latter stay above zero, a channel is broken.",
        ),
    )
    TAKEN: Final = Text("opgepakt", "taken on")
    NOT_TAKEN: Final = Text("nog niet opgepakt", "not taken on yet")
    OUTBOX: Final = Text("berichten onderweg", "messages on their way")
    HISTORY: Final = PanelText(
        Text("Verloop per regel", "Course per rule"),
        Text(
            "De stand van elke regel bij elke wachtrij. Onderaan kan men bladeren.",
            "The state of every rule at every queue. Turn the pages at the bottom.",
        ),
    )
    FLAPPING: Final = PanelText(
        Text("Komt en gaat", "Comes and goes"),
        Text(
            "De zes regels waarvan een overschrijding in de gekozen periode het vaakst begon of ophield. "
            "Gebeurt dat vaak, overweeg dan een ruimere marge of een langere wachttijd vóór de melding.",
            "The six rules of which a breach began or ended most often in the chosen period. Where that is "
            "often, consider a wider margin or a longer hold.",
        ),
    )
    NEVER: Final = Text("niets kwam of ging", "nothing came or went")
    DELIVERIES: Final = PanelText(
        Text("Berichten per minuut, per afloop", "Messages per minute, by result"),
        Text(
            "Pogingen om een bericht af te geven, per afloop.",
            "Attempts to hand over a message, by result.",
        ),
    )
    SPEED: Final = PanelText(
        Text("Duur van één poging", "Time of one attempt"),
        Text(
            "Hoelang het duurt om een bericht af te geven: de helft van de pogingen blijft onder de ene "
            "lijn, 95 van de 100 onder de andere. Een gat: er werd niets verstuurd.",
            "How long it takes to hand over a message: half of the attempts stay below one line, 95 in 100 "
            "below the other. A gap: nothing was sent.",
        ),
    )
    HALF: Final = Text("de helft korter", "half shorter")
    P95: Final = Text("95 van de 100 korter", "95 in 100 shorter")


class PolicyWords:
    MISSED: Final = PanelText(
        Text("Gemiste oproepen, dit jaar", "Missed calls, this year"),
        Text(
            "Aandeel gemiste oproepen van dit jaar tot nu, alle wachtrijen samen, tegen het doel voor het "
            "jaar.",
            "Share of calls missed this year so far, all queues together, against the year's target.",
        ),
    )
    WAIT: Final = PanelText(
        Text("Gemiddelde wachttijd telefoon, deze maand", "Mean phone wait, this month"),
        Text(
            "Gemiddelde wachttijd van de beantwoorde oproepen van deze maand tot nu, tegen het doel voor de "
            "maand.",
            "Mean wait of this month's answered calls so far, against the month's target.",
        ),
    )
    LEAD: Final = PanelText(
        Text("Termijn tot de afspraak, deze maand", "Lead time, this month"),
        Text(
            "Gemiddeld aantal werkdagen tot de afspraak, van de afspraken die deze maand gemaakt zijn, tegen "
            "het doel voor de maand.",
            "Mean working days to the appointment, of this month's bookings, against the month's target.",
        ),
    )
    COUNTERS: Final = PanelText(
        Text("Wachttijd aan de loketten, deze maand", "Wait at the counters, this month"),
        Text(
            "Gemiddelde wachttijd met afspraak van deze maand tot nu, elk loket tegen zijn eigen doel.",
            "This month's mean wait by appointment so far, each counter against its own target.",
        ),
    )
    BUDGET: Final = PanelText(
        Text("Foutmarge: wat nog gemist mag worden", "Error budget: what may still be missed"),
        Text(
            "Nog te missen: zoveel van de eerstvolgende oproepen mogen allemaal gemist worden; onder nul "
            "zijn er al zoveel te veel gemist. Verwacht: het aandeel aan het einde, als er per open minuut "
            "evenveel oproepen komen als op de laatste 20 open dagen en er daarvan evenveel gemist worden "
            "als tot nu. Met 95 % zekerheid ligt het tussen de twee grenzen, als de dagen die komen lijken "
            "op die er waren.",
            "May still be missed: that many of the very next calls may all be; below zero, so many too many "
            "were. Projected: the share in the end, if as many calls come per open minute as on the last 20 "
            "open days, and as large a share is missed as so far. With 95 % confidence it lies between the "
            "two bounds, if the days to come are like those there were.",
        ),
    )
    NO_BUDGET: Final = Text(
        "geen doel voor gemiste oproepen, of de dagen worden nog gelezen",
        "no target for missed calls, or the days are still being read",
    )
    PERIOD: Final = Text("Periode", "Period")
    THIS_MONTH: Final = Text("deze maand", "this month")
    THIS_YEAR: Final = Text("dit jaar", "this year")
    LEFT: Final = Text("Nog te missen", "May still be missed")
    OUTLOOK: Final = Text("Vooruitzicht", "Outlook")
    LIKELY: Final = Text("haalt het doel", "will meet the target")
    OPEN: Final = Text("kan nog beide kanten op", "may still go either way")
    UNLIKELY: Final = Text("haalt het doel niet", "will miss the target")
    PROJECTED: Final = Text("Verwacht", "Projected")
    AT_LEAST: Final = Text("Minstens", "At least")
    AT_MOST: Final = Text("Hoogstens", "At most")
    YEARS: Final = PanelText(
        Text("Gemiste oproepen per jaar", "Missed calls per year"),
        Text(
            "«Gerapporteerd» (ger.) is wat de stad publiceerde vóór Wachtpost telde; de andere cijfers telde "
            "Wachtpost zelf. Een * staat bij een breuk in de reeks: daarvoor en daarna is niet zomaar te "
            "vergelijken. Het doel is dat van nu.",
            "“As reported” (rep.) is what the city published before Wachtpost counted; Wachtpost counted the "
            "others itself. A * marks a break in the series: before and after cannot simply be compared. The "
            "target is that of now.",
        ),
    )
    REPORTED: Final = Text("gerapporteerd", "as reported")
    REPORTED_MARK: Final = Text("ger.", "rep.")
    SO_FAR: Final = Text(" tot nu", " so far")
    NOTHING_YET: Final = Text("nog geen maanden of jaren", "no months or years yet")
    BREAKS: Final = PanelText(
        Text("Breuken in de reeksen", "Breaks in the series"),
        Text(
            "Vanaf wanneer anders gemeten of gerekend werd, en waarom.",
            "From when on it was measured or worked out differently, and why.",
        ),
    )
    NO_BREAKS: Final = Text("geen breuken bekend", "no known breaks")
    FROM: Final = Text("Vanaf", "From")
    WHAT: Final = Text("Wat", "What")
    EXPLAINED: Final = Text("Uitleg", "Explanation")
    EVERY_SERIES: Final = Text("alle reeksen", "every series")
    REASONS: Final[Mapping[str, Text]] = {
        "definition": Text("definitie", "definition"),
        "software": Text("programma", "software"),
        "organisation": Text("organisatie", "organisation"),
    }
    MISSED_MONTHS: Final = PanelText(
        Text("Gemiste oproepen per maand", "Missed calls per month"),
        Text(
            "Aandeel gemiste oproepen, alle wachtrijen samen. Geldt het doel voor het jaar, dan staat er bij "
            "een maand «geen doel».",
            "Share of calls missed, all queues together. Where the target holds for the year, a month says "
            "“no target”.",
        ),
    )
    WAIT_MONTHS: Final = PanelText(
        Text("Gemiddelde wachttijd telefoon per maand", "Mean phone wait per month"),
        Text(
            "Gemiddelde wachttijd van de beantwoorde oproepen, elke maand tegen het doel van nu.",
            "Mean wait of answered calls, each month against the target of now.",
        ),
    )
    LEAD_MONTHS: Final = PanelText(
        Text("Termijn tot de afspraak per maand", "Lead time per month"),
        Text(
            "Gemiddeld aantal werkdagen tussen boeken en afspraak, elke maand tegen het doel van nu.",
            "Mean working days from booking to appointment, each month against the target of now.",
        ),
    )
    SPEED: Final = PanelText(
        Text("Hoe snel beantwoord, per maand", "How fast answered, per month"),
        Text(
            "Aandeel van de beantwoorde oproepen per wachttijd, alle wachtrijen samen; hoe meer van de "
            "snelste, onderaan, hoe beter.",
            "Share of answered calls by wait, all queues together; the more of the fastest, at the bottom, "
            "the better.",
        ),
    )
    COUNTER_MONTHS: Final = PanelText(
        Text("Wachttijd van bezoekers per loket en maand", "Visitors' wait per counter and month"),
        Text(
            "Gemiddelde wachttijd met afspraak, elk loket tegen zijn doel van nu. Een streepje: geen "
            "bezoeken.",
            "Mean wait by appointment, each counter against its target of now. A dash: no visits.",
        ),
    )
    MONTH: Final = Text("Maand", "Month")
    JUDGED: Final = Text("Geldt", "Judged")
    PER_MONTH: Final = Text("per maand", "per month")
    PER_YEAR: Final = Text("per jaar", "per year")
    TARGETS: Final = PanelText(
        Text("Wat de stad belooft", "What the city promises"),
        Text(
            "De doelen zoals de stad ze ingesteld heeft. Serviceniveau is een minimum, alle andere zijn een "
            "maximum.",
            "The targets of the city file. Service level is a least, all others are a most.",
        ),
    )
    SHARE: Final = Text("Aandeel", "Share")
    WAIT_COLUMN: Final = Text("Wachttijd", "Wait")
    LEAD_COLUMN: Final = Text("Termijn", "Lead time")
    RULES: Final = PanelText(
        Text("Stand van alle regels", "State of all rules"),
        Text(
            "Elke regel bij elke wachtrij; met de kolomkoppen kan men sorteren en filteren. "
            "«Sinds» staat er zodra een regel niet in orde is.",
            "Every rule at every queue; sort and filter by the headings. “Since” is there when a rule is "
            "not well.",
        ),
    )


class PipelineWords:
    UP: Final = PanelText(
        Text("Draait alles?", "Is everything running?"),
        Text("Wat Prometheus kan bereiken, per onderdeel.", "What Prometheus can reach, per part."),
    )
    RUNS: Final = Text("draait", "running")
    DOWN: Final = Text("antwoordt niet", "no answer")
    OWNER: Final = PanelText(
        Text("Wie doet het werk?", "Who does the work?"),
        Text(
            "Per deel: welk proces werkt en welk klaarstaat om over te nemen. Er hoort er telkens precies "
            "één te werken.",
            "Per partition: which process works and which stands by. Exactly one should work at any time.",
        ),
    )
    WORKS: Final = Text("werkt", "works")
    STANDS_BY: Final = Text("staat klaar", "stands by")
    EVALUATOR: Final = Text("oordelen", "judging")
    NOTIFIER: Final = Text("verwittigen", "notifying")
    ALARMS: Final = PanelText(
        Text("Alarmen over de meting zelf", "Alarms about the measuring itself"),
        Text(
            "Wat Prometheus nu meldt; wat te doen bij elk alarm staat in deploy/alarms.md.",
            "What Prometheus reports now; deploy/alarms.md says what to do about each.",
        ),
    )
    NO_ALARMS: Final = Text("geen alarmen", "no alarms")
    ALARM: Final = Text("Alarm", "Alarm")
    ABOUT_WHAT: Final = Text("Onderdeel", "Part")
    LAG: Final = PanelText(
        Text("Achterstand", "Lag"),
        Text(
            "Leeftijd van het oudste feit dat nog niet geteld is. Nul: alles is geteld.",
            "Age of the oldest fact not counted yet. Zero: everything is counted.",
        ),
    )
    RATES: Final = PanelText(
        Text("Feiten per seconde, per bron", "Facts per second, by source"),
        Text("Wat er binnenkomt, en wat er geteld wordt.", "What comes in, and what is counted."),
    )
    COUNTED: Final = Text("geteld", "counted")
    AGES: Final = PanelText(
        Text("Stilte per bron", "Silence by source"),
        Text(
            "Hoelang geleden elke bron voor het laatst iets liet weten (uren:minuten:seconden).",
            "How long ago each source last said anything (hours:minutes:seconds).",
        ),
    )
    NEVER: Final = Text("nog nooit gehoord", "never heard of")
    COMMIT: Final = PanelText(
        Text("Duur van vastleggen", "Time to commit"),
        Text(
            "Hoelang het duurt om een handvol feiten in Redis vast te leggen; hoe lichter, hoe meer keren.",
            "How long it takes to write a batch of facts to Redis; the lighter, the more often.",
        ),
    )
    COMMIT_QUANTILES: Final = PanelText(
        Text("Duur van vastleggen, gewoon en traagst", "Time to commit, usual and slowest"),
        Text(
            "Waar de helft van de keren onder blijft, en waar 99 van de 100 keren onder blijven.",
            "What half of the times stay below, and what 99 in 100 stay below.",
        ),
    )
    P99: Final = Text("99 van de 100 korter", "99 in 100 shorter")
    DEAD: Final = PanelText(
        Text("Geweigerd in deze periode, per reden", "Refused in this period, by reason"),
        Text(
            "Wat niet geteld kon worden en waarom. De berichten zelf staan in Redis, zonder "
            "persoonsgegevens.",
            "What could not be counted, and why. The items themselves are in Redis, without personal data.",
        ),
    )
    ODD: Final = PanelText(
        Text("Dubbel, te laat, onbekend, onleesbaar", "Double, late, unknown, unreadable"),
        Text(
            "In deze periode: feiten die tweemaal kwamen (één keer geteld), feiten die te laat kwamen, "
            "onbekende regels in het logboek van de centrale, en onleesbare meldingen van overschrijdingen.",
            "In this period: facts that came twice (counted once), late facts, unknown lines in the "
            "exchange's log, and unreadable reports of breaches.",
        ),
    )
    UNFINISHED: Final = PanelText(
        Text("Oproepen zonder afloop in deze periode", "Calls without an outcome in this period"),
        Text(
            "Oproepen waarvan nooit gemeld is hoe ze afliepen, per wachtrij; ze gelden niet als beantwoord "
            "en niet als gemist. Zijn het er meer dan een paar, dan is de telefooncentrale herstart of haar "
            "logboek stuk.",
            "Calls of which nobody ever told how they ended, per queue; they pass neither for answered nor "
            "for missed. When there are more than a few, the exchange was restarted, or its log is broken.",
        ),
    )
    CLOSED: Final = PanelText(
        Text("Buiten de openingsuren in deze periode", "Outside opening hours in this period"),
        Text(
            "Oproepen en bezoeken buiten de openingsuren, per wachtrij; ze tellen in geen enkel ander cijfer "
            "mee. Zijn het er veel, kijk dan na of de openingsuren juist ingesteld zijn.",
            "Calls and visits outside opening hours, per queue; they are in no other figure. Where there are "
            "many, see whether the opening hours are configured right.",
        ),
    )
    DUPLICATES: Final = Text("dubbel", "double")
    LATE: Final = Text("te laat", "late")
    UNKNOWN_LINES: Final = Text("onbekende logregels", "unknown log lines")
    UNREADABLE: Final = Text("onleesbaar", "unreadable")
    REQUESTS: Final = PanelText(
        Text("Aanvragen per seconde, per antwoord", "Requests per second, by answer"),
        Text(
            "Aan de deur van ingest. 2xx: aanvaard; 4xx: geweigerd, zie de redenen; 5xx: wij kunnen even "
            "niet.",
            "At ingest's door. 2xx: accepted; 4xx: refused, see the reasons; 5xx: we cannot for now.",
        ),
    )
    RESULTS: Final = PanelText(
        Text("Berichten in deze periode, per afloop", "Messages in this period, by result"),
        Text(
            "Pogingen van de notifier om een bericht af te geven.",
            "Attempts of the notifier to hand over a message.",
        ),
    )
    NOTES: Final = PanelText(
        Text("Aantekeningen in Grafana", "Annotations in Grafana"),
        Text(
            "Overschrijdingen die in deze periode op de borden aangetekend zijn, of niet konden worden.",
            "Breaches written onto the boards in this period, or that could not be.",
        ),
    )
    WRITTEN: Final = Text("geschreven", "written")
    FAILED: Final = Text("mislukt", "failed")
