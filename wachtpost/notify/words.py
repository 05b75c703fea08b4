"""What the commands about breaches say, per language of the city file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.notifier.model import Happening
from services.notifier.outbox import Result
from services.notifier.reasons import Reason
from shared.config.model import Language
from shared.contract.breach_events import State


@dataclass(frozen=True)
class Words:
    """One language. Texts with fields are ``str.format`` patterns."""

    redis_away: str
    redis_strange: str
    nobody_listens: str

    no_breaches: str
    states: Mapping[State, str]
    taken: str
    breach_unknown: str
    breach_ambiguous: str
    going_on: str
    by_wrong: str
    why_personal: str
    ack_done: str
    ack_already: str
    ack_over: str

    silence_until: str
    silence_set: str
    silence_from: str
    silence_everything: str
    silence_why: str
    silence_by: str
    silence_ended: str
    silence_unknown: str
    no_silences: str
    name_unknown: str

    receiver_unknown: str
    no_receivers: str
    channel: str
    delivered: str
    not_delivered: str
    empty_log: str
    no_dead: str
    attempt: str
    set_aside: str
    results: Mapping[Result, str]
    happenings: Mapping[Happening, str]
    reasons: Mapping[Reason, str]


NL: Final = Words(
    redis_away="Redis antwoordt niet ({why}); kijk naar WACHTPOST_REDIS_URL.",
    redis_strange="Wat er in Redis staat of hoe het bereikt wordt, klopt niet: {why}",
    nobody_listens="Het staat op de stroom, maar geen notifier heeft het binnen {seconds:g} s verwerkt; "
    "zodra er een draait, gebeurt het alsnog.",
    no_breaches="Geen overschrijdingen.",
    states={
        State.OK: "in orde",
        State.PENDING: "nog niet gemeld",
        State.FIRING: "overschreden",
        State.CLEARING: "herstelt",
    },
    taken="opgepakt",
    breach_unknown="Er is geen overschrijding {name}.",
    breach_ambiguous="{name} kan meer dan één overschrijding zijn; geef de hele id.",
    going_on="Nu bezig: {names}",
    by_wrong="--by {by}: geef de id van een ontvanger of een functie in kleine letters, geen naam van een "
    "persoon. Ontvangers: {known}",
    why_personal="--why: daar lijkt een telefoonnummer in te staan; dat mag hier niet.",
    ack_done="Opgepakt door {by}: {headline}",
    ack_already="Was al opgepakt door {by}: {headline}",
    ack_over="Intussen voorbij: {name}",
    silence_until="tot {until}",
    silence_set="Stilte {name} {period}: {what}",
    silence_from="van {start} tot {until}",
    silence_everything="alles",
    silence_why="omdat: {why}",
    silence_by="door {by}",
    silence_ended="Stilte {name} is voorbij.",
    silence_unknown="Er is geen stilte {name}.",
    no_silences="Geen stiltes.",
    name_unknown="{option} {name}: dat kent het stadsbestand niet. Wel: {known}",
    receiver_unknown="Er is geen ontvanger {name}. Wel: {known}",
    no_receivers="Het stadsbestand heeft geen ontvangers ([[receivers]]).",
    channel="kanaal {number}",
    delivered="aangekomen",
    not_delivered="mislukt: {why}",
    empty_log="Er is nog niets gemeld.",
    no_dead="Er is geen bericht opgegeven.",
    attempt="poging {number}",
    set_aside="bericht {entry} op de stroom: een fout in Wachtpost zelf ({why})",
    results={
        Result.DELIVERED: "aangekomen",
        Result.RETRY: "mislukt, wordt opnieuw geprobeerd",
        Result.DEAD: "opgegeven",
        Result.OBSOLETE: "niet meer nodig",
    },
    happenings={
        Happening.FIRING: "melding",
        Happening.REMINDER: "herinnering",
        Happening.ESCALATION: "escalatie",
        Happening.RESOLVED: "voorbij",
        Happening.DIGEST: "overzicht",
        Happening.TEST: "proefbericht",
        Happening.REPORT: "beleidsrapport",
    },
    reasons={
        Reason.FIRST: "gemeld",
        Reason.REMINDER: "herinnerd",
        Reason.ESCALATED: "gemeld, want niemand heeft het opgepakt",
        Reason.RESOLVED: "gemeld dat het voorbij is",
        Reason.COLLECTED: "gemeld, samen met andere",
        Reason.SILENCE_OVER: "gemeld na een stilte",
        Reason.INHIBITION_OVER: "gemeld, want de oorzaak ervan is voorbij",
        Reason.QUIET_OVER: "gemeld na de stille uren",
        Reason.CALMED: "gemeld in een overzicht",
        Reason.CAME_AND_WENT: "voorbij voor het gemeld was; in een overzicht",
        Reason.REPORT: "het beleidsrapport wordt gemaild",
        Reason.COLLECTING: "wacht op andere meldingen",
        Reason.SILENCED: "wacht: stilte",
        Reason.INHIBITED: "wacht: iets ergers verklaart het",
        Reason.QUIET: "wacht: stille uren",
        Reason.FLAPPING: "wacht: het wisselt te vaak",
        Reason.CLEARING: "wacht: het herstelt",
        Reason.NOT_YET: "wacht: anderen hebben tijd om het op te pakken",
        Reason.ALREADY_TOLD: "niet gemeld: al bekend",
        Reason.ACKNOWLEDGED: "niet gemeld: opgepakt",
        Reason.OUTDATED: "niet herinnerd: achterhaald",
        Reason.RESOLVED_UNWANTED: "niet gemeld: het einde is niet gewenst",
        Reason.NEVER_TOLD: "niet gemeld dat het voorbij is: wist er niet van",
        Reason.NOT_ROUTED: "niet gemeld: geen route meer",
        Reason.RECEIVER_GONE: "niet gemeld: ontvanger bestaat niet meer",
        Reason.NO_MAIL: "niet gemaild: ontvanger heeft geen e-mailadres",
        Reason.PENDING: "nog niet lang genoeg",
        Reason.BLIP: "te kort om te melden",
        Reason.DUPLICATE: "al gehoord",
        Reason.STALE: "ouder dan wat bekend is",
        Reason.SUPERSEDED: "voorbij: er is een nieuwere",
        Reason.TAKEN_ON: "opgepakt",
        Reason.ALREADY_OVER: "niet opgepakt: al voorbij",
        Reason.UNKNOWN: "niet opgepakt: onbekend",
    },
)

EN: Final = Words(
    redis_away="Redis does not answer ({why}); look at WACHTPOST_REDIS_URL.",
    redis_strange="What is in Redis, or how it is reached, is not right: {why}",
    nobody_listens="It is on the stream, but no notifier has acted on it within {seconds:g} s; "
    "it will be done as soon as one runs.",
    no_breaches="No breaches.",
    states={
        State.OK: "fine",
        State.PENDING: "not told yet",
        State.FIRING: "breached",
        State.CLEARING: "recovering",
    },
    taken="taken on",
    breach_unknown="There is no breach {name}.",
    breach_ambiguous="{name} may be more than one breach; give the whole id.",
    going_on="Going on: {names}",
    by_wrong="--by {by}: give a receiver's id or a role in small letters, never a person's name. "
    "Receivers: {known}",
    why_personal="--why: there seems to be a phone number in it; that may not stand here.",
    ack_done="Taken on by {by}: {headline}",
    ack_already="Had been taken on by {by}: {headline}",
    ack_over="Over by now: {name}",
    silence_until="until {until}",
    silence_set="Silence {name} {period}: {what}",
    silence_from="from {start} until {until}",
    silence_everything="everything",
    silence_why="because: {why}",
    silence_by="by {by}",
    silence_ended="Silence {name} is over.",
    silence_unknown="There is no silence {name}.",
    no_silences="No silences.",
    name_unknown="{option} {name}: the city file does not know it. It knows: {known}",
    receiver_unknown="There is no receiver {name}. There are: {known}",
    no_receivers="The city file has no receivers ([[receivers]]).",
    channel="channel {number}",
    delivered="arrived",
    not_delivered="failed: {why}",
    empty_log="Nothing has been told yet.",
    no_dead="No message was given up.",
    attempt="try {number}",
    set_aside="entry {entry} of the stream: a fault of Wachtpost itself ({why})",
    results={
        Result.DELIVERED: "arrived",
        Result.RETRY: "failed, will be tried again",
        Result.DEAD: "given up",
        Result.OBSOLETE: "not needed any more",
    },
    happenings={
        Happening.FIRING: "alert",
        Happening.REMINDER: "reminder",
        Happening.ESCALATION: "escalation",
        Happening.RESOLVED: "over",
        Happening.DIGEST: "digest",
        Happening.TEST: "test message",
        Happening.REPORT: "policy report",
    },
    reasons={
        Reason.FIRST: "told",
        Reason.REMINDER: "reminded",
        Reason.ESCALATED: "told, because nobody has taken it on",
        Reason.RESOLVED: "told that it is over",
        Reason.COLLECTED: "told, together with others",
        Reason.SILENCE_OVER: "told after a silence",
        Reason.INHIBITION_OVER: "told, because what explained it is over",
        Reason.QUIET_OVER: "told after quiet hours",
        Reason.CALMED: "told in a digest",
        Reason.CAME_AND_WENT: "over before it was told; in a digest",
        Reason.REPORT: "the policy report is mailed",
        Reason.COLLECTING: "waits for other alerts",
        Reason.SILENCED: "waits: silence",
        Reason.INHIBITED: "waits: something worse explains it",
        Reason.QUIET: "waits: quiet hours",
        Reason.FLAPPING: "waits: it comes and goes too often",
        Reason.CLEARING: "waits: it recovers",
        Reason.NOT_YET: "waits: others have time to take it on",
        Reason.ALREADY_TOLD: "not told: known already",
        Reason.ACKNOWLEDGED: "not told: taken on",
        Reason.OUTDATED: "not reminded: out of date",
        Reason.RESOLVED_UNWANTED: "not told: the end is not wanted",
        Reason.NEVER_TOLD: "not told that it is over: never knew of it",
        Reason.NOT_ROUTED: "not told: no route any more",
        Reason.RECEIVER_GONE: "not told: the receiver is gone",
        Reason.NO_MAIL: "not mailed: the receiver has no e-mail address",
        Reason.PENDING: "not long enough yet",
        Reason.BLIP: "too short to tell",
        Reason.DUPLICATE: "heard before",
        Reason.STALE: "older than what is known",
        Reason.SUPERSEDED: "over: there is a newer one",
        Reason.TAKEN_ON: "taken on",
        Reason.ALREADY_OVER: "not taken on: over already",
        Reason.UNKNOWN: "not taken on: unknown",
    },
)

WORDS: Final = {Language.NL: NL, Language.EN: EN}
