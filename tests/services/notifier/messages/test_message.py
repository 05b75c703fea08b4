"""The words a supervisor reads.

Golden files in ``messages/<language>`` hold them as they are sent. To write them anew after a change of
words, and then read the difference:

    WACHTPOST_WRITE_MESSAGES=1 .venv/bin/python -m pytest tests/services/notifier/messages/test_message.py
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import cycle, pairwise, product
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import TemplateError
from pydantic import TypeAdapter

from services.notifier.messages.links import Links
from services.notifier.messages.message import SUBJECT_LENGTH, Fact, Message, Writer
from services.notifier.messages.template_files import (
    OUR_FOLDER,
    OURS,
    TemplateFault,
    Templates,
    load_templates,
)
from services.notifier.messages.view import Trend, Viewer
from services.notifier.model import Breach, Notification, NotificationKind
from shared.config.alerting import KpiRule, QueueRule
from shared.config.model import CityFile, Target
from shared.contract.breach_events import BreachState, Cause, ConditionReading, Hour, Level, Severity
from shared.contract.kpis import Kpi, Measure
from shared.translation import languages, translator
from tests.support.html import Element, read
from tests.support.notifications import (
    NOW,
    TEMPLATES,
    acknowledged,
    breach,
    city,
    combined,
    ended,
    notification,
    reading,
    shift,
    unexpected,
)
from tests.support.thorough import examples

GOLDEN = Path(__file__).with_name("golden")
WRITE = "WACHTPOST_WRITE_MESSAGES"

LINKS = Links(
    board="https://bord.stad.example/d/wachtpost-live?from=1795509840000&to=1795512060000",
    acknowledge="https://wachtpost.stad.example/acknowledge?token=WzE3OTU1OTg1MjBd.Q3x_b-4",
)
BOARD = Links(board=LINKS.board)

SOON = breach(
    level=Level.WARNING, severity=Severity.WARNING, limit=40.0, clear_at=38.0, reading=reading(value=41.2)
)
OVER_THE_TARGET_TOO = breach(level=Level.WARNING, severity=Severity.WARNING, limit=40.0, clear_at=38.0)
SPENT = breach(Measure.BURN_RATE, reading=reading(Measure.BURN_RATE, budget_left=-12))
ONE = breach(reading=reading(samples=1, waiting=1, longest_wait_s=59.2, before=None))
NOBODY = breach(reading=reading(waiting=0, longest_wait_s=None, hour=None))
NO_READING = breach(reading=reading(value=None, samples=3))
OWN_LIMIT = breach(limit=60.0)
YESTERDAY = breach(opened_at=NOW - timedelta(days=1, hours=2))

FREE = Hour(started_at=NOW.replace(minute=0), offered=3, offered_before=4, staff=0, staff_before=2)
FOUR_WAIT = reading(Measure.WAITING, value=4.0, waiting=4)
NOBODY_THERE = breach(Measure.NOBODY_AVAILABLE, reading=reading(Measure.NOBODY_AVAILABLE, hour=FREE))
ONE_WAITS = breach(
    Measure.WAITING,
    limit=0.0,
    clear_at=0.0,
    worst=1.0,
    reading=reading(Measure.WAITING, value=1.0, waiting=1),
)
THREE_WAIT = breach(
    Measure.WAITING,
    limit=1.0,
    clear_at=1.0,
    worst=3.0,
    reading=reading(Measure.WAITING, value=3.0, waiting=3),
)
AT_THE_COUNTER = breach(Measure.WAITING, queue="wonen")
NOBODY_WAITS = THREE_WAIT.model_copy(
    update={
        "state": BreachState.OK,
        "cause": Cause.STAYED_BACK,
        "closed_at": NOW,
        "reading": reading(Measure.WAITING, value=0.0, waiting=0, longest_wait_s=None),
    }
)

SINCE = NOW - timedelta(hours=1, minutes=2)
LATEST = {"window": "last 20", "rule": "laatste"}
SEVEN_OF_TWENTY = breach(
    Measure.MISSED_RATIO,
    **LATEST,
    worst=0.4,
    worst_part=8,
    worst_samples=20,
    reading=reading(
        Measure.MISSED_RATIO, value=0.35, part=7, samples=20, before=0.3, since=SINCE, low=0.181, high=0.567
    ),
)
SIX_OF_TWELVE = breach(
    Measure.MISSED_RATIO,
    **LATEST,
    reading=reading(
        Measure.MISSED_RATIO, value=0.5, part=6, samples=12, before=None, since=SINCE, low=0.254, high=0.746
    ),
)
TWENTY_WAITS = breach(**LATEST, reading=reading(samples=20, since=SINCE, low=60.4, high=122.3))
ONE_WAIT = breach(**LATEST, reading=reading(samples=1, since=SINCE, before=None))

ABSENT = ConditionReading(measure=Measure.NOBODY_AVAILABLE, limit=0.0, value=1.0)
HERE = ABSENT.model_copy(update={"value": 0.0})
CAME_BACK = breach(
    Measure.NOBODY_AVAILABLE,
    state=BreachState.CLEARING,
    reading=reading(Measure.NOBODY_AVAILABLE, value=0.0, hour=FREE),
)
WAITED_LONG = ConditionReading(measure=Measure.LONGEST_WAIT, limit=60.0, value=130.0)
BACK = {"state": BreachState.OK, "cause": Cause.STAYED_BACK, "closed_at": NOW}
WAITED_FOR_NOBODY = combined(THREE_WAIT, ABSENT)
ALL_AT_ONCE = combined(SEVEN_OF_TWENTY, WAITED_LONG, ABSENT)
SOMEBODY_CAME = combined(THREE_WAIT, ABSENT.model_copy(update={"value": 0.0}), **BACK)
ALL_WELL = combined(NOBODY_WAITS, ABSENT.model_copy(update={"value": 0.0}), **BACK)

USUAL_AGAIN = shift(
    **BACK, reading=reading(Measure.MISSED_RATIO, value=6 / 29, part=6, samples=29, before=None, since=SINCE)
)

STORIES: dict[str, list[tuple[Notification, Links]]] = {
    "firing": [(notification(NotificationKind.FIRING, breach(measure)), LINKS) for measure in Measure],
    "reminder": [
        (notification(NotificationKind.REMINDER, breach(measure), number=2), LINKS) for measure in Measure
    ],
    "escalation": [
        (notification(NotificationKind.ESCALATION, breach(measure)), LINKS) for measure in Measure
    ],
    "resolved": [(notification(NotificationKind.RESOLVED, ended(measure)), BOARD) for measure in Measure],
    "closed": [
        (notification(NotificationKind.RESOLVED, ended(measure, Cause.CLOSED)), BOARD) for measure in Measure
    ],
    "rule-gone": [
        (notification(NotificationKind.RESOLVED, ended(measure, Cause.RULE_GONE)), BOARD)
        for measure in Measure
    ],
    "unread": [
        (notification(NotificationKind.RESOLVED, ended(measure, Cause.NO_READING)), BOARD)
        for measure in Measure
        if measure is not Measure.NO_DATA
    ],
    "digest": [
        (
            notification(
                NotificationKind.DIGEST, ended(), acknowledged(Measure.MISSED_RATIO), breach(Measure.NO_DATA)
            ),
            LINKS,
        ),
        (notification(NotificationKind.DIGEST, breach()), LINKS),
        (notification(NotificationKind.DIGEST, ended()), BOARD),
    ],
    "several": [
        (notification(NotificationKind.FIRING, breach(), breach(Measure.VISIT_WAIT_MEAN)), LINKS),
        (notification(NotificationKind.REMINDER, breach(), breach(Measure.NO_DATA), number=3), LINKS),
        (notification(NotificationKind.ESCALATION, breach(), breach(Measure.BURN_RATE)), LINKS),
        (notification(NotificationKind.RESOLVED, ended(), ended(Measure.MISSED_RATIO)), BOARD),
    ],
    "test": [(notification(NotificationKind.TEST), Links())],
    "details": [
        (notification(NotificationKind.FIRING, told), LINKS)
        for told in (SOON, OVER_THE_TARGET_TOO, SPENT, ONE, NOBODY, NO_READING, OWN_LIMIT, YESTERDAY)
    ],
    "states": [
        (notification(NotificationKind.FIRING, ONE_WAITS), LINKS),
        (notification(NotificationKind.FIRING, AT_THE_COUNTER), LINKS),
        (notification(NotificationKind.REMINDER, NOBODY_THERE), LINKS),
        (notification(NotificationKind.RESOLVED, NOBODY_WAITS), BOARD),
    ],
    "latest": [
        (notification(NotificationKind.FIRING, told), LINKS)
        for told in (SEVEN_OF_TWENTY, SIX_OF_TWELVE, TWENTY_WAITS, ONE_WAIT)
    ],
    "combined": [
        (notification(NotificationKind.FIRING, WAITED_FOR_NOBODY), LINKS),
        (notification(NotificationKind.REMINDER, ALL_AT_ONCE), LINKS),
        (notification(NotificationKind.RESOLVED, SOMEBODY_CAME), BOARD),
        (notification(NotificationKind.RESOLVED, ALL_WELL), BOARD),
    ],
    "shift": [
        (notification(NotificationKind.FIRING, shift()), LINKS),
        (notification(NotificationKind.ESCALATION, shift(Measure.LATE_RATIO)), LINKS),
        (notification(NotificationKind.RESOLVED, USUAL_AGAIN), BOARD),
        (notification(NotificationKind.RESOLVED, shift(**BACK | {"cause": Cause.CLOSED})), BOARD),
        (notification(NotificationKind.RESOLVED, shift(**BACK | {"cause": Cause.NO_READING})), BOARD),
    ],
}

KEPT = pytest.mark.parametrize("language", ["nl", "en"])
"""Those whose messages are kept word for word; of the others a translator changes what he likes."""
LANGUAGES = pytest.mark.parametrize("language", languages())


def written(told: Notification, language: str = "nl", links: Links | None = None) -> Message:
    return Writer(city(language), TEMPLATES).write(told, links)


def same_as_golden(name: str, text: str) -> None:
    file = GOLDEN / name
    if os.environ.get(WRITE):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    assert file.is_file(), f"{file} is not there; {WRITE}=1 writes it"
    assert text == file.read_text("utf-8")


@KEPT
@pytest.mark.parametrize("story", STORIES)
def test_says_what_it_always_said(story: str, language: str) -> None:
    messages = [written(told, language, links) for told, links in STORIES[story]]
    same_as_golden(
        f"{language}/{story}.txt",
        "\n".join(f"### {message.subject}\n\n{message.text}" for message in messages),
    )


@KEPT
def test_looks_in_html_as_it_always_did(language: str) -> None:
    told, links = STORIES["digest"][0]
    same_as_golden(f"{language}/digest.html", written(told, language, links).html)


@pytest.mark.parametrize(
    ("language", "told", "headline"),
    [
        (
            "fr",
            breach(Measure.MISSED_RATIO),
            "Onthaal : 26 % des appels manqués (9 sur 34, 15 dernières minutes), objectif 20 % au plus",
        ),
        ("fr", breach(Measure.NO_DATA), "Pas de données du central téléphonique (pbx) depuis 17 minutes"),
        (
            "fr",
            ended().model_copy(update={"window": "today"}),
            "Onthaal : aujourd'hui attente moyenne de nouveau de 0:41",
        ),
        (
            "de",
            breach(Measure.MISSED_RATIO),
            "Onthaal: 26 % der Anrufe verpasst (9 von 34, letzte 15 Minuten), Ziel höchstens 20 %",
        ),
        ("de", breach(Measure.NO_DATA), "Schon 17 Minuten keine Daten von der Telefonanlage (pbx)"),
        (
            "de",
            ended().model_copy(update={"window": "today"}),
            "Onthaal: heute wieder durchschnittlich 0:41 Wartezeit",
        ),
    ],
)
def test_says_it_in_the_languages_of_the_country(language: str, told: Breach, headline: str) -> None:
    said = Writer(city(language), TEMPLATES).headline(told, NOW).replace("\u00a0", " ")
    assert said.startswith(headline)


# --- Single words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measure", "value", "says"),
    [
        (Measure.CALL_WAIT_MEAN, 45.04, "0:45,04"),  # above its target never looks equal to it
        (Measure.CALL_WAIT_MEAN, 3725.4, "1:02:05"),
        (Measure.MISSED_RATIO, 0.20001, "20,001 %"),
        (Measure.SERVICE_LEVEL, 0.79999, "79,999 %"),  # nor does one below a target that is a least
        (Measure.LEAD_TIME_MEAN, 5.01, "5,01 werkdagen"),
        (Measure.BURN_RATE, 14.0, "14,0 keer"),
    ],
)
def test_a_figure_is_rounded_but_never_onto_its_target(measure: Measure, value: float, says: str) -> None:
    told = breach(measure, reading=reading(measure, value=value))
    assert says in Writer(city(), TEMPLATES).headline(told, NOW)


@pytest.mark.parametrize(
    ("window", "nl", "en", "fr", "de"),
    [
        ("15m", "laatste 15 minuten", "last 15 minutes", "15 dernières minutes", "letzte 15 Minuten"),
        ("1h", "laatste uur", "last hour", "dernière heure", "letzte Stunde"),
        ("6h", "laatste 6 uur", "last 6 hours", "6 dernières heures", "letzte 6 Stunden"),
        ("90s", "laatste 90 seconden", "last 90 seconds", "90 dernières secondes", "letzte 90 Sekunden"),
        ("last 20", "laatste 20", "the last 20", "20 derniers", "letzte 20"),
        ("month", "", "", "", ""),  # the templates' business
    ],
)
def test_a_window_in_words(window: str, nl: str, en: str, fr: str, de: str) -> None:
    said = [
        Viewer(city(one)).view(breach(window=window), NOW).figure.window for one in ("nl", "en", "fr", "de")
    ]
    assert said == [nl, en, fr, de]


@pytest.mark.parametrize(
    ("now", "opened", "since"),
    [
        ("2026-11-24T09:16Z", "2026-11-24T09:04Z", "10:04"),
        ("2026-11-24T09:16Z", "2026-11-23T22:59Z", "ma 23 nov 23:59"),  # a UTC day is no local day
        ("2026-11-24T09:16Z", "2026-11-23T23:00Z", "0:00"),
        ("2026-01-01T00:00Z", "2025-12-31T22:00Z", "wo 31 dec 2025 23:00"),
        ("2026-10-25T02:00Z", "2026-10-25T00:30Z", "2:30"),  # before the clock went back
    ],
)
def test_times_are_local_and_tell_the_day_when_it_is_another(now: str, opened: str, since: str) -> None:
    told = breach(opened_at=datetime.fromisoformat(opened))
    assert Viewer(city()).view(told, datetime.fromisoformat(now)).since == since


@pytest.mark.parametrize(
    ("value", "before", "trend"),
    [
        (91.0, 65.0, Trend.RISING),
        (65.0, 91.0, Trend.FALLING),
        (100.0, 96.0, Trend.STEADY),
        (0.0, 0.0, Trend.STEADY),
        (10.0, 0.0, Trend.RISING),
        (None, 65.0, None),
        (91.0, None, None),
    ],
)
def test_a_trend_needs_a_change_that_matters(
    value: float | None, before: float | None, trend: Trend | None
) -> None:
    told = breach(reading=reading(value=value, before=before))
    assert Viewer(city()).view(told, NOW).trend is trend


@pytest.mark.parametrize(
    ("differs", "headline"),
    [
        ({}, "Onthaal: gemiddeld 1:31 wachten (laatste 15 minuten), doel hoogstens 0:45"),
        (
            {"limit": 60.0},
            "Onthaal: gemiddeld 1:31 wachten (laatste 15 minuten), grens hoogstens 1:00",
        ),  # no target of the city
        ({"window": "today"}, "Onthaal: vandaag gemiddeld 1:31 wachten, doel hoogstens 0:45"),
        (
            {"queue": "all"},
            "Alle telefoonlijnen: gemiddeld 1:31 wachten (laatste 15 minuten), grens hoogstens 0:45",
        ),
        ({"queue": "gone"}, "gone: gemiddeld 1:31 wachten (laatste 15 minuten), grens hoogstens 0:45"),
    ],
)
def test_the_headline_says_where_and_which_limit(differs: dict[str, object], headline: str) -> None:
    assert Writer(city(), TEMPLATES).headline(breach(**differs), NOW) == headline


@pytest.mark.parametrize(("window", "limit", "period"), [("year", 0.2, "year"), ("month", 0.3, "month")])
def test_of_two_targets_a_message_names_the_one_that_the_rule_is_judged_by(
    window: str, limit: float, period: str
) -> None:
    monthly = Target(kpi=Kpi.MISSED_RATIO, limit=0.3, period="month")
    rule = KpiRule(id="gemist", kpi=Kpi.MISSED_RATIO, window=window, warn_at=0.1)
    known = city().model_copy(update={"rules": (rule,), "targets": (*city().targets, monthly)})
    assert known.limit_of(rule, "huis", "all") == limit
    for level, at in ((Level.LIMIT, limit), (Level.WARNING, 0.1)):
        one = breach(Measure.MISSED_RATIO, rule="gemist", queue="all", window=window, level=level, limit=at)
        seen = Viewer(known).view(one, NOW)
        assert (seen.figure.limit, seen.is_target) == (translator("nl").ratio_limit(limit), True)
        assert seen.target_period == period


@pytest.mark.parametrize("measure", Measure)
@LANGUAGES
def test_the_site_is_named_only_where_there_are_several(language: str, measure: Measure) -> None:
    one, two = city(language), city(language, sites=2)
    assert "Stadhuis" not in Writer(one, TEMPLATES).headline(breach(measure), NOW)
    assert "Stadhuis" in Writer(two, TEMPLATES).headline(breach(measure), NOW)


def test_a_source_goes_on_being_silent_after_the_evaluator_said_so() -> None:
    told = breach(Measure.NO_DATA, reading=reading(Measure.NO_DATA, value=300.0))
    headline = Writer(city(), TEMPLATES).headline(told, NOW + timedelta(minutes=2))
    assert headline == "Al 7 minuten geen gegevens van de telefooncentrale (pbx)"


RULE: Final = TypeAdapter[QueueRule](QueueRule)


def with_rules(*rules: dict[str, object]) -> CityFile:
    """The city with these rules as well."""
    known = city()
    return known.model_copy(update={"rules": (*known.rules, *map(RULE.validate_python, rules))})


VISITORS = {"id": "loketten", "kpi": "waiting", "limit": 5, "contacts": "visits"}
CALLERS = VISITORS | {"id": "lijnen", "contacts": "calls"}


@pytest.mark.parametrize(
    ("rule", "queue", "headline"),
    [
        ("loketten", "all", "Alle loketten: nu 7 wachtenden, grens hoogstens 5"),
        ("lijnen", "all", "Alle telefoonlijnen: nu 7 wachtenden, grens hoogstens 5"),
        ("weg", "all", "Alle telefoonlijnen: nu 7 wachtenden, grens hoogstens 5"),  # gone from the city file
        ("loketten", "wonen", "Loket Wonen: nu 7 wachtenden, grens hoogstens 5"),
        ("weg", "wonen", "Loket Wonen: nu 7 wachtenden, grens hoogstens 5"),
    ],
)
def test_who_waits_are_callers_or_visitors(rule: str, queue: str, headline: str) -> None:
    known = with_rules(VISITORS, CALLERS)
    writer = Writer(known, TEMPLATES)
    told = breach(Measure.WAITING, rule=rule, queue=queue)
    assert writer.headline(told, NOW) == headline
    labels = [fact.text for fact in writer.facts(told, NOW) if fact.label == "Sinds 10:00"]
    assert ("bezoekers" in labels[0]) == ("oket" in headline)


@pytest.mark.parametrize(
    ("told", "headline"),
    [
        (SOON, "Onthaal nadert het doel: gemiddeld 0:41 wachten (laatste 15 minuten), doel hoogstens 0:45"),
        (
            SOON.model_copy(update={"rule": "weg"}),
            "Onthaal: gemiddeld 0:41 wachten (laatste 15 minuten)",
        ),  # no limit that we know
        (
            breach(Measure.WAITING, rule="lijnen", level=Level.WARNING, limit=3.0, reading=FOUR_WAIT),
            "Onthaal nadert de grens: nu 4 wachtenden, grens hoogstens 5",
        ),
        (
            breach(Measure.WAITING, rule="weg", level=Level.WARNING, limit=3.0, reading=FOUR_WAIT),
            "Onthaal: nu 4 wachtenden",
        ),
    ],
)
def test_a_warning_names_the_limit_of_its_rule_and_no_other(told: Breach, headline: str) -> None:
    writer = Writer(with_rules(CALLERS), TEMPLATES)
    assert writer.headline(told, NOW) == headline
    assert "Gemeld vanaf" in [fact.label for fact in writer.facts(told, NOW)]


@pytest.mark.parametrize(
    ("rule", "usual", "said"),
    [
        ({"within": "60s"}, 0.12, ["Gewoonlijk: 12 %", "Lang: meer dan 1:00"]),
        ({}, 0.1234567, ["Gewoonlijk: 12,3 %", "Lang: meer dan 0:45"]),  # the target of the mean wait
    ],
)
def test_of_a_shift_a_message_says_what_is_usual_and_what_is_long(
    rule: dict[str, object], usual: float, said: list[str]
) -> None:
    late = {"id": "traag", "kind": "shift", "kpi": "late_ratio", "usual": 0.12, "queue": "onthaal"}
    told = shift(Measure.LATE_RATIO, rule="traag", usual=usual)
    facts = Writer(with_rules(late | rule), TEMPLATES).facts(told, NOW)
    assert [str(fact) for fact in facts if fact.label in {"Gewoonlijk", "Lang"}] == said


@pytest.mark.parametrize(
    ("part", "samples", "window", "says"),
    [
        (9, 34, "15m", "26 % van de oproepen gemist (9 van 34, laatste 15 minuten)"),
        (1, 1, "15m", "100 % van de oproepen gemist (1 van 1, laatste 15 minuten)"),
        (7, 20, "last 20", "35 % van de oproepen gemist (7 van de laatste 20)"),
        (8, 22, "last 20", "36 % van de oproepen gemist (8 van de laatste 22)"),  # those of one cell more
        (1, 2, "last 2", "50 % van de oproepen gemist (1 van de laatste 2)"),
        (6, 12, "last 20", "50 % van de oproepen gemist (6 van de laatste 12)"),
        (1234, 5000, "today", "vandaag 24,7 % van de oproepen gemist (1.234 van 5.000)"),
        (1, 4, "15m", "25 % van de oproepen gemist (1 van 4, laatste 15 minuten)"),
        (21, 99, "15m", "21 % van de oproepen gemist (21 van 99, laatste 15 minuten)"),
        (
            20,
            99,
            "15m",
            "20,2 % van de oproepen gemist (20 van 99, laatste 15 minuten)",
        ),  # never looks equal to its target
        (
            None,
            34,
            "15m",
            "26 % van de oproepen gemist (laatste 15 minuten)",
        ),  # the release before did not count it
    ],
)
def test_a_share_comes_with_its_counts(part: int | None, samples: int, window: str, says: str) -> None:
    value = 9 / 34 if part is None else part / samples
    counted = reading(Measure.MISSED_RATIO, value=value, part=part, samples=samples)
    told = breach(Measure.MISSED_RATIO, window=window, reading=counted)
    assert Writer(city(), TEMPLATES).headline(told, NOW) == f"Onthaal: {says}, doel hoogstens 20 %"


NO_SHARE_OF_OURS = re.compile(r"^(Ruimte|Hoe zeker|Gewoonlijk|Gemeld vanaf): ")
"""What is promised, usual or likely; nobody counted it."""


@pytest.mark.parametrize("story", STORIES)
def test_no_share_is_told_without_its_counts(story: str) -> None:
    for told, links in STORIES[story]:
        message = written(told, "nl", links)
        for line in (message.subject, *message.text.splitlines()):
            share = re.sub(r"(doel|grens|gewoonlijk) (hoogstens |minstens )?[\d.,]+ %", "", line)
            if "%" in share and not NO_SHARE_OF_OURS.match(line):
                assert re.search(r"\d van (de laatste )?\d", line), line


@pytest.mark.parametrize(
    ("waiting", "available", "headline"),
    [
        (3.0, 1.0, "nu 3 wachtenden en nu niemand beschikbaar"),
        (1.0, 1.0, "nu 1 wachtende en nu niemand beschikbaar"),
        (None, 0.0, "weer iemand beschikbaar"),
        (0.0, 1.0, "niemand wacht meer"),
        (0.0, 0.0, "niemand wacht meer en weer iemand beschikbaar"),
        (1.0, 0.0, "weer iemand beschikbaar"),
    ],
)
def test_of_several_conditions_a_message_says_all_and_at_the_end_what_is_back(
    waiting: float | None, available: float, headline: str
) -> None:
    over = {} if headline.endswith("en nu niemand beschikbaar") else BACK
    first = breach(
        Measure.WAITING, limit=0.0, reading=reading(Measure.WAITING, value=waiting, longest_wait_s=None)
    )
    told = combined(first, ABSENT.model_copy(update={"value": available}), **over)
    assert Writer(city(), TEMPLATES).headline(told, NOW) == f"Onthaal: {headline}"


@pytest.mark.parametrize(
    ("told", "headline"),
    [
        (NOBODY_THERE, "nu niemand beschikbaar"),
        (ended(Measure.NOBODY_AVAILABLE), "weer iemand beschikbaar"),
        (CAME_BACK, "weer iemand beschikbaar"),
        (CAME_BACK.model_copy(update={"state": BreachState.FIRING}), "weer iemand beschikbaar"),
        (combined(THREE_WAIT, HERE, state=BreachState.CLEARING), "weer iemand beschikbaar"),
        (combined(NOBODY_WAITS, ABSENT, state=BreachState.CLEARING, closed_at=None), "niemand wacht meer"),
        (THREE_WAIT.model_copy(update={"state": BreachState.CLEARING}), "nu 3 wachtenden, grens hoogstens 1"),
    ],
)
def test_while_it_recovers_a_message_says_what_is_so(told: Breach, headline: str) -> None:
    assert Writer(city(), TEMPLATES).headline(told, NOW) == f"Onthaal: {headline}"


@pytest.mark.parametrize(
    ("language", "told", "kind", "subject"),
    [
        ("nl", ALL_AT_ONCE, NotificationKind.FIRING, "Onthaal: 35 % gemist (7 van de laatste 20) en nog 2"),
        ("fr", ALL_WELL, NotificationKind.RESOLVED, "Terminé – Onthaal : plus personne en attente"),
        (
            "nl",
            ALL_WELL,
            NotificationKind.RESOLVED,
            "Voorbij – Onthaal: niemand wacht meer en weer iemand beschikbaar",
        ),
    ],
)
def test_of_several_conditions_a_subject_says_what_there_is_room_for(
    language: str, told: Breach, kind: NotificationKind, subject: str
) -> None:
    assert written(notification(kind, told), language).subject.replace("\u00a0", " ") == subject


@LANGUAGES
def test_nobody_is_reminded_of_no_figure_and_nobody_available_has_none(language: str) -> None:
    writer = Writer(city(language), TEMPLATES)
    for told in (
        NOBODY_THERE,
        ended(Measure.NOBODY_AVAILABLE),
        ended(Measure.NOBODY_AVAILABLE, Cause.CLOSED),
    ):
        assert not re.search(r"\d", writer.headline(told, NOW))
        labels = {fact.label for fact in writer.facts(told, NOW)}
        assert not labels & {translator(language).gettext(name) for name in ("Trend", "Told from")}


def test_a_line_ends_its_label_at_the_first_colon_and_space() -> None:
    facts = Writer(city(), TEMPLATES).facts(breach(), NOW)
    assert Fact("Sinds 10:00", "42 oproepen, een uur eerder in evenveel tijd 25") in facts


# --- Subjects -----------------------------------------------------------------------------------------

NAMES = st.text(min_size=1, max_size=90).map(str.strip).filter(bool)
VALUES = st.floats(min_value=0, max_value=1e9, allow_nan=False)


def renamed(named: CityFile, name: str) -> CityFile:
    """The city with that name on everything that has one."""
    sites = tuple(
        site.model_copy(
            update={
                "name": name,
                "queues": tuple(queue.model_copy(update={"name": name}) for queue in site.queues),
            }
        )
        for site in named.sites
    )
    receivers = tuple(receiver.model_copy(update={"name": name}) for receiver in named.receivers)
    return named.model_copy(update={"sites": sites, "receivers": receivers})


@settings(max_examples=examples(150), deadline=None)
@given(
    name=NAMES,
    value=VALUES,
    measure=st.sampled_from(Measure),
    kind=st.sampled_from(
        sorted(set(NotificationKind) - {NotificationKind.REPORT})
    ),  # comes in words of its own
    language=st.sampled_from(languages()),
    count=st.integers(1, 5),
    over=st.booleans(),
    sites=st.sampled_from([1, 2]),
    window=st.sampled_from(["15m", "last 20", "today"]),
    usual=st.sampled_from([None, 0.12]),
    others=st.lists(st.sampled_from([ABSENT, WAITED_LONG]), max_size=4).map(tuple),
)
def test_a_subject_fits_on_one_line(
    name: str,
    value: float,
    measure: Measure,
    kind: NotificationKind,
    language: str,
    count: int,
    over: bool,
    sites: int,
    window: str,
    usual: float | None,
    others: tuple[ConditionReading, ...],
) -> None:
    made = ended if over else breach
    counted = {"part": math.floor(value), "samples": math.ceil(value), "also": others}
    one = made(measure).model_copy(
        update={"reading": reading(measure, value=value, **counted), "window": window, "usual": usual}
    )
    writer = Writer(renamed(city(language, sites=sites), name), TEMPLATES)
    subject = writer.write(notification(kind, *[one] * count), LINKS).subject
    assert 0 < len(subject) <= SUBJECT_LENGTH
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", subject)


@LANGUAGES
def test_no_subject_of_a_real_story_is_cut_off(language: str) -> None:
    for story in STORIES.values():
        for told, links in story:
            assert "…" not in written(told, language, links).subject


def test_a_name_is_shortened_before_a_figure_is_lost() -> None:
    long = renamed(city(), "Dienst Burgerzaken, Bevolking, Vreemdelingenzaken en Begraafplaatsen")
    subject = Writer(long, TEMPLATES).write(notification(NotificationKind.FIRING, breach())).subject
    assert subject.startswith("Dienst Burgerzaken")
    assert subject.endswith("…: gemiddeld 1:31 wachten (15 min), doel 0:45")


def test_limit_and_early_limit_of_a_rule_are_told_as_one() -> None:
    early, limit = ended().model_copy(update={"level": Level.WARNING, "id": "early"}), ended()
    both = written(notification(NotificationKind.RESOLVED, limit, early))
    assert both == written(notification(NotificationKind.RESOLVED, limit))
    assert written(notification(NotificationKind.RESOLVED, early, limit)) == both
    lasts = breach(level=Level.WARNING)
    digest = notification(NotificationKind.DIGEST, limit, lasts)
    assert written(digest) == written(notification(NotificationKind.DIGEST, lasts))


def test_a_summary_names_as_many_as_fit() -> None:
    queues = [f"een-wachtrij-met-nummer-{number}" for number in range(9)]
    told = notification(NotificationKind.FIRING, *(breach(queue=queue) for queue in queues))
    subject = written(told).subject
    assert subject == "9 problemen: een-wachtrij-met-nummer-0, een-wachtrij-met-nummer-1 en nog 7"


# --- HTML ---------------------------------------------------------------------------------------------


def every_notification() -> Iterator[tuple[Notification, Links]]:
    for story in STORIES.values():
        yield from story


@LANGUAGES
def test_html_is_well_formed_and_says_what_the_text_says(language: str) -> None:
    for told, links in every_notification():
        message = written(told, language, links)
        said = "".join(read(message.html).text.split())
        for line in message.text.splitlines():
            for part in line.split(": ", 1) if "://" not in line else ():
                assert "".join(part.rstrip(":").split()) in said


@LANGUAGES
def test_html_can_be_read_aloud_and_without_images(language: str) -> None:
    told, links = STORIES["digest"][0]
    page = read(written(told, language, links).html)
    seen = [one.name for one in page.all()]
    assert values(page, "html", "lang") == [language]
    assert seen.count("h1") == 1
    assert seen.count("h2") == len(told.breaches)
    assert set(values(page, "th", "scope")) == {"row"}
    assert not {"img", "script", "link", "iframe"} & set(seen)
    layout, facts = values(page, "table", "role").count("presentation"), len(told.breaches)
    assert seen.count("table") == layout + facts
    assert set(values(page, "a", "href")) == {links.acknowledge, links.board}


def values(page: Element, tag: str, attribute: str) -> list[str | None]:
    return [one.attributes.get(attribute) for one in page.all(tag)]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("letters", "ground"),
    [
        ("#15181c", "#ffffff"),
        ("#4a535c", "#ffffff"),
        ("#4a535c", "#f1f3f5"),
        ("#1d4f91", "#f1f3f5"),
        ("#ffffff", "#1d4f91"),
        ("#f1f3f5", "#1f242a"),
        ("#b8c0c8", "#1f242a"),
        ("#b8c0c8", "#15181c"),
        ("#9cc4ff", "#15181c"),
    ],
)
def test_letters_stand_out_from_their_ground(letters: str, ground: str) -> None:
    layout = (OUR_FOLDER / "layout.html").read_text("utf-8")
    assert letters in layout
    assert ground in layout
    assert contrast(letters, ground) >= 4.5  # WCAG 2.2 AA


@LANGUAGES
def test_a_queue_called_like_a_tag_is_a_name(language: str) -> None:
    named = renamed(city(language), "<b>&\"'")
    message = Writer(named, TEMPLATES).write(notification(NotificationKind.FIRING, breach()), LINKS)
    page = read(message.html)
    assert not list(page.all("b"))
    assert "<b>&\"'" in page.text
    assert "<b>&\"'" in message.text  # and plain text is plain


# --- Templates ----------------------------------------------------------------------------------------


def our_templates() -> list[str]:
    files = (path for path in OUR_FOLDER.rglob("*") if path.suffix in {".txt", ".html"})
    return [path.relative_to(OUR_FOLDER).as_posix() for path in sorted(files)]


@pytest.mark.parametrize("name", our_templates())
def test_a_name_that_is_not_there_is_a_mistake_in_every_template(name: str) -> None:
    with pytest.raises(TemplateError):  # a required block, or a name
        TEMPLATES.get_template(name).render()


@LANGUAGES
@pytest.mark.parametrize("measure", Measure)
def test_no_word_is_missing_for_any_combination(measure: Measure, language: str) -> None:
    writer = Writer(city(language), TEMPLATES)
    severities = cycle(Severity)  # a line by itself, whatever the others say
    windows = ("10m", "today", "month", "year")
    for window, level, cause in product(windows, Level, (None, *Cause)):
        told = {"window": window, "severity": next(severities), "level": level, "cause": cause}
        for made in (breach(measure), ended(measure)):
            one = made.model_copy(update=told)
            facts = writer.facts(one, NOW)
            assert all(fact.label and fact.text for fact in facts)
            assert "None" not in f"{writer.headline(one, NOW)}{facts}"


def write_template(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def test_a_city_says_it_in_its_own_words(tmp_path: Path) -> None:
    write_template(tmp_path, "nl/subject.txt", "Let op! {{ headline }}")
    message = Writer(city(), load_templates(tmp_path, unexpected)).write(
        notification(NotificationKind.FIRING, breach())
    )
    assert message.subject == "Let op! Onthaal: gemiddeld 1:31 wachten (15 min), doel 0:45"
    assert message.text == written(notification(NotificationKind.FIRING, breach())).text


def test_a_city_changes_part_of_ours(tmp_path: Path) -> None:
    write_template(
        tmp_path,
        "nl/message.html",
        '{% extends "ours/nl/message.html" %}{% block board %}Naar het bord{% endblock %}',
    )
    told, links = STORIES["firing"][0]
    page = read(Writer(city(), load_templates(tmp_path, unexpected)).write(told, links).html)
    assert [one.text for one in page.all("a")] == ["Ik pak dit op", "Naar het bord"]


def test_a_frame_of_the_citys_own_holds_our_words(tmp_path: Path) -> None:
    write_template(tmp_path, "layout.html", "<p>{% block footer %}{% endblock %}</p>")
    message = Writer(city(), load_templates(tmp_path, unexpected)).write(
        notification(NotificationKind.FIRING, breach())
    )
    assert message.html == "<p>Wachtpost Proefstad, di 24 nov 2026 10:16</p>\n"


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("nl/subject.txt", "\n{% if %}\n", 2),
        ("nl/subject.txt", "Let op\n\n{{ hedline }}", 3),
        ("nl/subject.txt", "{{ notification.colour }}", 1),
        ("nl/subject.txt", "\n\n\n{{ 1 / 0 }}", 4),
        ("nl/subject.txt", "{{ notification.count + 'x' }}", 1),
        ("nl/subject.txt", "{{ notification.__class__.__mro__ }}", 1),
        ("nl/subject.txt", "{% extends 'nobody.txt' %}", 1),
        ("nl/subject.txt", "{% include 'nl/subject.txt' %}", 1),  # without an end
        ("intro.txt", '{{ gettext("{notification.__class__}", notification=notification) }}', 1),
        ("layout.html", "<p>\n{{ nobody }}</p>", 2),
    ],
)
def test_a_broken_template_is_reported_with_its_line_and_ours_speaks(
    name: str, text: str, line: int, tmp_path: Path
) -> None:
    file = write_template(tmp_path, name, text)
    reports: list[TemplateFault] = []
    writer = Writer(city(), load_templates(tmp_path, reports.append))
    told = notification(NotificationKind.TEST)
    assert writer.write(told) == written(told)
    assert writer.write(told) == written(told)
    assert [(fault.path, fault.line) for fault in reports] == [(file, line)]  # once, not per message
    assert str(reports[0]).startswith(f"{file}, line {line}: ")


def test_a_template_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    file = write_template(tmp_path, "nl/subject.txt", "")
    file.write_bytes(b"Let op \xff")
    reports: list[TemplateFault] = []
    told = notification(NotificationKind.FIRING, breach())
    assert Writer(city(), load_templates(tmp_path, reports.append)).write(told) == written(told)
    assert [fault.path for fault in reports] == [file]


def test_a_folder_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="sjablonen"):
        load_templates(tmp_path / "sjablonen", unexpected)


def test_a_mistake_of_ours_is_not_hidden() -> None:
    broken = Templates({}, {}, unexpected)
    with pytest.raises(TemplateError):
        broken.fill("subject.txt", translator("nl"))


def test_ours_stays_within_reach_behind_the_citys_own(tmp_path: Path) -> None:
    write_template(tmp_path, "nl/intro.txt", "x")
    templates = load_templates(tmp_path, unexpected)
    dutch = translator("nl")
    assert templates.fill("intro.txt", dutch) == "x"
    about = {"count": 0, "kind": notification(NotificationKind.TEST).kind, "receiver": "x"}
    for ours in (f"{OURS}intro.txt", f"{OURS}nl/intro.txt"):
        text = templates.get_template(ours).render(notification=about, **dutch.for_templates())
        assert "proefbericht" in text


def test_a_template_for_one_language_goes_before_one_for_all(tmp_path: Path) -> None:
    write_template(tmp_path, "intro.txt", "any")
    write_template(tmp_path, "fr/intro.txt", "français")
    templates = load_templates(tmp_path, unexpected)
    assert [templates.fill("intro.txt", translator(one)) for one in ("nl", "fr")] == ["any", "français"]


def test_nothing_of_a_person_is_in_a_message() -> None:
    """Only what the contract holds can be said; this guards against a field that names somebody."""
    allowed = {"by"}  # a receiver or a role
    fields = set(Breach.model_fields) | set(Notification.model_fields)
    assert not {name for name in fields - allowed if re.search(r"caller|agent|person|phone|number_of", name)}
    for (told, links), _ in pairwise(every_notification()):
        text = re.sub(r"https?://\S+", "", written(told, links=links).text)
        assert not re.search(r"\d{7,}", text)
