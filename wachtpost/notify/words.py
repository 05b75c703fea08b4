"""What the commands about breaches say, per language of the city file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.notifier.model import NotificationKind
from services.notifier.outbox import DeliveryResult
from services.notifier.reasons import DecisionReason
from shared.contract.breach_events import BreachState


@dataclass(frozen=True)
class Words:
    """One language. Texts with fields are ``str.format`` patterns."""

    redis_away: str
    redis_strange: str
    nobody_listens: str

    no_breaches: str
    states: Mapping[BreachState, str]
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
    results: Mapping[DeliveryResult, str]
    kinds: Mapping[NotificationKind, str]
    reasons: Mapping[DecisionReason, str]


NL: Final = Words(
    redis_away="Redis antwoordt niet ({why}); kijk naar WACHTPOST_REDIS_URL.",
    redis_strange="Wat er in Redis staat of hoe het bereikt wordt, klopt niet: {why}",
    nobody_listens="Het staat op de stroom, maar geen notifier heeft het binnen {seconds:g} s verwerkt; "
    "zodra er een draait, gebeurt het alsnog.",
    no_breaches="Geen overschrijdingen.",
    states={
        BreachState.OK: "in orde",
        BreachState.PENDING: "nog niet gemeld",
        BreachState.FIRING: "overschreden",
        BreachState.CLEARING: "herstelt",
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
        DeliveryResult.DELIVERED: "aangekomen",
        DeliveryResult.RETRY: "mislukt, wordt opnieuw geprobeerd",
        DeliveryResult.DEAD: "opgegeven",
        DeliveryResult.OBSOLETE: "niet meer nodig",
    },
    kinds={
        NotificationKind.FIRING: "melding",
        NotificationKind.REMINDER: "herinnering",
        NotificationKind.ESCALATION: "escalatie",
        NotificationKind.RESOLVED: "voorbij",
        NotificationKind.DIGEST: "overzicht",
        NotificationKind.TEST: "proefbericht",
        NotificationKind.REPORT: "beleidsrapport",
    },
    reasons={
        DecisionReason.FIRST: "gemeld",
        DecisionReason.REMINDER: "herinnerd",
        DecisionReason.ESCALATED: "gemeld, want niemand heeft het opgepakt",
        DecisionReason.RESOLVED: "gemeld dat het voorbij is",
        DecisionReason.COLLECTED: "gemeld, samen met andere",
        DecisionReason.SILENCE_OVER: "gemeld na een stilte",
        DecisionReason.INHIBITION_OVER: "gemeld, want de oorzaak ervan is voorbij",
        DecisionReason.QUIET_OVER: "gemeld na de stille uren",
        DecisionReason.CALMED: "gemeld in een overzicht",
        DecisionReason.CAME_AND_WENT: "voorbij voor het gemeld was; in een overzicht",
        DecisionReason.REPORT: "het beleidsrapport wordt gemaild",
        DecisionReason.COLLECTING: "wacht op andere meldingen",
        DecisionReason.SILENCED: "wacht: stilte",
        DecisionReason.INHIBITED: "wacht: iets ergers verklaart het",
        DecisionReason.QUIET: "wacht: stille uren",
        DecisionReason.FLAPPING: "wacht: het wisselt te vaak",
        DecisionReason.CLEARING: "wacht: het herstelt",
        DecisionReason.NOT_YET: "wacht: anderen hebben tijd om het op te pakken",
        DecisionReason.ALREADY_TOLD: "niet gemeld: al bekend",
        DecisionReason.ACKNOWLEDGED: "niet gemeld: opgepakt",
        DecisionReason.OUTDATED: "niet herinnerd: achterhaald",
        DecisionReason.RESOLVED_UNWANTED: "niet gemeld: het einde is niet gewenst",
        DecisionReason.NEVER_TOLD: "niet gemeld dat het voorbij is: wist er niet van",
        DecisionReason.NOT_ROUTED: "niet gemeld: geen route meer",
        DecisionReason.RECEIVER_GONE: "niet gemeld: ontvanger bestaat niet meer",
        DecisionReason.NO_MAIL: "niet gemaild: ontvanger heeft geen e-mailadres",
        DecisionReason.PENDING: "nog niet lang genoeg",
        DecisionReason.BLIP: "te kort om te melden",
        DecisionReason.DUPLICATE: "al gehoord",
        DecisionReason.STALE: "ouder dan wat bekend is",
        DecisionReason.SUPERSEDED: "voorbij: er is een nieuwere",
        DecisionReason.TAKEN_ON: "opgepakt",
        DecisionReason.ALREADY_OVER: "niet opgepakt: al voorbij",
        DecisionReason.UNKNOWN: "niet opgepakt: onbekend",
    },
)

EN: Final = Words(
    redis_away="Redis does not answer ({why}); look at WACHTPOST_REDIS_URL.",
    redis_strange="What is in Redis, or how it is reached, is not right: {why}",
    nobody_listens="It is on the stream, but no notifier has acted on it within {seconds:g} s; "
    "it will be done as soon as one runs.",
    no_breaches="No breaches.",
    states={
        BreachState.OK: "fine",
        BreachState.PENDING: "not told yet",
        BreachState.FIRING: "breached",
        BreachState.CLEARING: "recovering",
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
        DeliveryResult.DELIVERED: "arrived",
        DeliveryResult.RETRY: "failed, will be tried again",
        DeliveryResult.DEAD: "given up",
        DeliveryResult.OBSOLETE: "not needed any more",
    },
    kinds={
        NotificationKind.FIRING: "alert",
        NotificationKind.REMINDER: "reminder",
        NotificationKind.ESCALATION: "escalation",
        NotificationKind.RESOLVED: "over",
        NotificationKind.DIGEST: "digest",
        NotificationKind.TEST: "test message",
        NotificationKind.REPORT: "policy report",
    },
    reasons={
        DecisionReason.FIRST: "told",
        DecisionReason.REMINDER: "reminded",
        DecisionReason.ESCALATED: "told, because nobody has taken it on",
        DecisionReason.RESOLVED: "told that it is over",
        DecisionReason.COLLECTED: "told, together with others",
        DecisionReason.SILENCE_OVER: "told after a silence",
        DecisionReason.INHIBITION_OVER: "told, because what explained it is over",
        DecisionReason.QUIET_OVER: "told after quiet hours",
        DecisionReason.CALMED: "told in a digest",
        DecisionReason.CAME_AND_WENT: "over before it was told; in a digest",
        DecisionReason.REPORT: "the policy report is mailed",
        DecisionReason.COLLECTING: "waits for other alerts",
        DecisionReason.SILENCED: "waits: silence",
        DecisionReason.INHIBITED: "waits: something worse explains it",
        DecisionReason.QUIET: "waits: quiet hours",
        DecisionReason.FLAPPING: "waits: it comes and goes too often",
        DecisionReason.CLEARING: "waits: it recovers",
        DecisionReason.NOT_YET: "waits: others have time to take it on",
        DecisionReason.ALREADY_TOLD: "not told: known already",
        DecisionReason.ACKNOWLEDGED: "not told: taken on",
        DecisionReason.OUTDATED: "not reminded: out of date",
        DecisionReason.RESOLVED_UNWANTED: "not told: the end is not wanted",
        DecisionReason.NEVER_TOLD: "not told that it is over: never knew of it",
        DecisionReason.NOT_ROUTED: "not told: no route any more",
        DecisionReason.RECEIVER_GONE: "not told: the receiver is gone",
        DecisionReason.NO_MAIL: "not mailed: the receiver has no e-mail address",
        DecisionReason.PENDING: "not long enough yet",
        DecisionReason.BLIP: "too short to tell",
        DecisionReason.DUPLICATE: "heard before",
        DecisionReason.STALE: "older than what is known",
        DecisionReason.SUPERSEDED: "over: there is a newer one",
        DecisionReason.TAKEN_ON: "taken on",
        DecisionReason.ALREADY_OVER: "not taken on: over already",
        DecisionReason.UNKNOWN: "not taken on: unknown",
    },
)

WORDS: Final = {"nl": NL, "en": EN}
