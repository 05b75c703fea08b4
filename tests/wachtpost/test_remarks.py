"""What ``wachtpost config check`` remarks of a file that is good: it can hold, and will not at this desk."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from domain.bucket import Bucket
from domain.period_kpis import Days
from domain.queue_ref import QueueRef
from shared.calendar import Calendar
from shared.config.errors import in_sentences
from shared.config.messages import REMARKS
from shared.config.model import CityFile, load
from shared.translation import languages, translator
from wachtpost.remarks import remarks

TODAY = date(2026, 3, 2)
HERE = "  # here"
CITY = """
[city]
name = "Test"
language = "LANGUAGE"
[calendar]
public_holidays = ""
[hours.office]
monday = ["09:00-12:00", "13:00-17:00"]
[hours.never]
[[sites]]
id = "site"
queues = [
    { id = "a", kind = "phone", hours = "office" },
    { id = "b", kind = "phone", hours = "office" },
    { id = "shut", kind = "phone", hours = "never" },
]
"""


def rule(lines: str, kpi: str = "missed_ratio") -> str:
    return f'[[rules]]\nid = "r"\nkpi = "{kpi}"\n{lines}\n'


def together(*conditions: str) -> str:
    return f'[[rules]]\nid = "r"\nall = [{", ".join(f"{{ {one} }}" for one in conditions)}]\n'


def shift(lines: str) -> str:
    return rule(f'kind = "shift"\n{lines}')


def hours(lines: str) -> str:
    return f"[hours.stil]\n{lines}\n"


FEED = """
[[sources]]
kind = "queue_log"
id = "pbx"
site = "site"
path = "queue_log"
[[no_data_rules]]
id = "quiet"
source = "pbx"
"""
HTTP = f"""
[[sources]]
kind = "http"
id = "exchange"
site = "site"
key_sha256 = ["{"0" * 64}"]
queues = "*"
"""
HALL = """
[pipeline]
visit_timeout = "1h"
[[sites]]
id = "hall"
queues = [{ id = "desk", kind = "counter", hours = "office" }]
"""
OF_VISITS = 'limit = 3600\ncontacts = "visits"'
NIGHTS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EVERY_NIGHT = "".join(f'{day} = ["00:00-07:00", "22:00-24:00"]\n' for day in NIGHTS)
QUIET = '[[notify.quiet]]\nhours = "stil"\n'
CLOSED = '[[calendar.closing_days]]\non = 2026-12-24\ncloses_at = "12:00"\n'

REMARKABLE = [
    ("judged_nowhere", "rules.r", "", rule('queue = "*"\nlimit = 60', "visit_wait_mean")),
    ("never_open", "rules.r", "", rule('queue = "shut"\nlimit = 0.2')),
    ("never_open", "no_data_rules.quiet.hours", "hours =", f'{FEED}hours = "never"\n'),
    ("wait_unreachable", "rules.r.limit", "limit = 7200", rule("limit = 7200", "longest_wait")),
    (
        "clears_at_best",
        "rules.r.clear_at",
        "clear_at = 0",
        rule("limit = 45\nclear_at = 0", "call_wait_mean"),
    ),
    ("clears_at_best", "rules.r.limit", "limit = 0", rule("limit = 0", "call_wait_mean")),
    (
        "clears_at_best",  # as far below the warning as 15 lies below 45: at nothing
        "rules.r.warn_at",
        "warn_at = 25",
        rule("limit = 45\nclear_at = 15\nwarn_at = 25", "call_wait_mean"),
    ),
    ("clears_at_best", "rules.r.clear_at", "clear_at", rule('limit = 0.2\nclear_at = 0.0\nwindow = "month"')),
    (
        "clears_at_best",
        "rules.r.clear_at",
        "clear_at",
        rule('limit = 0.8\nclear_at = 1.0\nwindow = "today"', "service_level"),
    ),
    (
        "clears_at_closing",
        "rules.r.keep_firing",
        "keep",
        rule('limit = 0\nqueue = "a"\nkeep_firing = "4h"'),
    ),
    (
        "contacts_not_plausible",
        "rules.r.min_samples",
        "min",
        rule('limit = 0\nqueue = "a"\nmin_samples = 60'),
    ),
    (
        "more_than_the_last",
        "rules.r.min_samples",
        "min",
        rule('limit = 0.2\nwindow = "last 20"\nmin_samples = 21'),
    ),
    ("never_surely", "rules.r.window", "window", rule('limit = 0.6\nwindow = "last 5"')),
    ("never_surely", "rules.r.window", "window", rule('limit = 0.85\nwindow = "last 20"')),
    ("never_surely", "rules.r.window", "window", rule('limit = 0.15\nwindow = "last 20"', "service_level")),
    ("never_surely", "rules.r.window", "window", rule('limit = 45\nwindow = "last 4"', "call_wait_mean")),
    (
        "never_surely",
        "rules.r.all[1].window",
        "window",
        together('kpi = "waiting", limit = 1', 'kpi = "missed_ratio", window = "last 3", limit = 0.2'),
    ),
    ("staff_never_told", "rules.r.kpi", "nobody", FEED + 'after = "1h"\n' + rule("", "nobody_available")),
    (
        "staff_never_told",
        "rules.r.all[1].kpi",
        "nobody",
        FEED + 'after = "1h"\n' + together('kpi = "waiting", limit = 1', 'kpi = "nobody_available"'),
    ),
    (
        "wait_unreachable",
        "rules.r.all[0].limit",
        "limit = 7200",
        together('kpi = "longest_wait", limit = 7200', 'kpi = "waiting", limit = 1'),
    ),
    (
        "contacts_not_plausible",
        "rules.r.all[1].min_samples",
        "min",
        together(
            'kpi = "waiting", limit = 1', 'kpi = "missed_ratio", window = "1m", limit = 0.2, min_samples = 60'
        ),
    ),
    ("wait_unreachable", "rules.r.limit", "limit = 3600", HALL + rule(OF_VISITS, "longest_wait")),
    ("last_minute", "hours.stil.monday[1]", "mon", hours('monday = ["00:00-07:00", "22:00-23:59"]')),
    ("last_minute", "hours.stil.friday[0]", "fri", hours('friday = ["13:00-23:59"]')),
    ("small_gap", "hours.stil.friday[0]", "fri", hours('friday = ["09:00-12:29", "12:30-17:00"]')),
    ("never_quiet_on", "notify.quiet[0].hours", "hours =", hours('monday = ["00:00-07:00"]') + QUIET),
    ("quiet_till_midnight", "notify.quiet[0].hours", "hours =", hours('friday = ["22:00-24:00"]') + QUIET),
    ("quiet_not_on_holidays", "notify.quiet[0].hours", "hours =", hours(EVERY_NIGHT) + QUIET + CLOSED),
]


def told(text: str, days: Days | None = None) -> list[tuple[str, str, int | None]]:
    """Key, sentence and line of every remark on the made-up city, with more in its file."""
    city = CityFile.model_validate(tomllib.loads(text))
    found = remarks(city, Calendar(city), TODAY, days)
    return [(one.key, one.wrong, one.line) for one in in_sentences(found, text, "city.toml")]


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize(("kind", "key", "line", "more"), REMARKABLE)
def test_what_cannot_be_meant_is_pointed_at(kind: str, key: str, line: str, more: str, language: str) -> None:
    text = CITY.replace("LANGUAGE", language) + more
    begins = translator(language).text(REMARKS[kind].wrong, name="{", number="{", known="{").partition("{")[0]
    found = [one for one in told(text) if one[0] == key and one[1].startswith(begins)]
    at = len(CITY.split("\n")) - 1
    wanted = next(n for n, said in enumerate(more.split("\n"), 1) if line in said) if line else 1
    assert [number for _, _, number in found] == [at + wanted]


def test_every_kind_of_remark_is_made_here() -> None:
    by_what_was_counted = {"contacts_never_had", "silent_by_chance", *(kind for kind, *_ in COUNTED)}
    assert {kind for kind, *_ in REMARKABLE} | by_what_was_counted == set(REMARKS)


@pytest.mark.parametrize(
    "fine",
    [
        rule("limit = 0.2\nclear_at = 0.0"),  # a quarter of an hour without a missed call is common
        rule("limit = 40\nclear_at = 30\nwarn_at = 35", "call_wait_mean"),
        rule("limit = 5\nclear_at = 0", "waiting"),
        rule("limit = 7199", "longest_wait"),
        rule('queue = "a"\nlimit = 0.2\nmin_samples = 50'),
        rule('limit = 0.2\nmin_samples = 900\nwindow = "month"'),
        rule('limit = 0.2\nclear_at = 0.0\nwindow = "last 20"\nmin_samples = 20'),
        rule('limit = 0.56\nwindow = "last 5"'),
        rule('limit = 0.6\nwindow = "last 5"\nmin_samples = 5'),
        rule('limit = 0.2\nwindow = "last 60"', "service_level"),
        rule('limit = 45\nwindow = "last 5"', "call_wait_mean"),
        rule("", "nobody_available"),  # of a city without sources yet
        HTTP + FEED + 'after = "1h"\n' + rule("", "nobody_available"),
        HALL + rule('limit = 3599\ncontacts = "visits"', "longest_wait"),
        shift(""),
        rule('queue = "shut"\nlimit = 0.2\nopen_only = false'),
        hours('monday = ["09:00-12:00", "12:30-17:00", "17:00-24:00"]'),
        hours(EVERY_NIGHT) + QUIET,
        hours(EVERY_NIGHT + "on_holidays = true\n") + QUIET + CLOSED,
    ],
)
def test_what_can_be_meant_is_not(fine: str) -> None:
    assert told(CITY.replace("LANGUAGE", "en") + fine) == []


def counted(queue: str, missed: int, day: date) -> Days:
    return {QueueRef("site", queue): {day: Bucket(abandoned=missed)}}


@pytest.mark.parametrize(
    ("story", "more", "missed", "remarked"),
    [
        (
            "never in such a window",
            'queue = "a"\nmin_samples = 30',
            70,
            True,
        ),  # 2.5 on average
        ("a peak may be", 'queue = "a"\nmin_samples = 10', 70, False),
        ("two such days", 'queue = "a"\nmin_samples = 176\nwindow = "12h"', 70, True),
        ("more than in a day", 'queue = "a"\nmin_samples = 96\nwindow = "today"', 70, True),
        ("hardly more than in a day", 'queue = "a"\nmin_samples = 90\nwindow = "today"', 70, False),
        ("more than in a year of such days", 'queue = "a"\nmin_samples = 18000\nwindow = "year"', 70, True),
        ("what no desk has, but this one", 'queue = "a"\nmin_samples = 60', 3000, False),
        ("each queue by itself", 'queue = "*"\nmin_samples = 30', 70, True),
        ("nothing counted yet", 'queue = "b"\nmin_samples = 30', 70, False),
    ],
)
def test_what_a_queue_had_says_how_many_it_can_have(
    story: str, more: str, missed: int, remarked: bool
) -> None:
    days = counted("a", missed, date(2026, 3, 2))
    found = told(CITY.replace("LANGUAGE", "en") + rule(f"limit = 0.2\n{more}"), days)
    begins = '"a" never had so many contacts in such a window: as on its busiest day, 2026-03-02, it would'
    assert [sentence.startswith(begins) for _, sentence, _ in found] == [True] * remarked, story


COUNTED = [
    ("last_is_today", (0, 50), rule('queue = "a"\nlimit = 0.2\nwindow = "last 100"'), "about 50"),
    ("last_is_today", (0, 90), rule('queue = "a"\nlimit = 0.2\nwindow = "last 100"'), None),
    ("usual_not_known", (40, 449), shift('queue = "a"'), "from 489 calls"),
    ("usual_not_known", (10, 10), shift('queue = "a"\nusual = 0.12'), None),
    ("shift_too_near", (320, 680), shift('queue = "a"'), "a share of 0.32"),
    ("shift_too_long", (50, 450), shift("usual = 0.5\nbad = 0.6\nfalse_alarm_every = 100_000_000"), None),
    ("shift_by_chance", (150, 450), shift('queue = "a"\nusual = 0.12'), "about 1065 times a year"),
    ("shift_by_chance", (72, 528), shift('queue = "a"\nusual = 0.12'), None),
]
"""A kind of remark, how many calls a queue missed and answered on its one day, and what is said of a rule."""


@pytest.mark.parametrize(("kind", "calls", "more", "said"), COUNTED)
def test_what_a_queue_had_says_which_windows_and_shifts_it_can_have(
    kind: str, calls: tuple[int, int], more: str, said: str | None
) -> None:
    missed, answered = calls
    days = {QueueRef("site", "a"): {TODAY: Bucket(abandoned=missed, answered=answered)}}
    begins = translator("en").text(REMARKS[kind].wrong, name="{", number="{", known="{").partition("{")[0]
    found = [sentence for _, sentence, _ in told(CITY.replace("LANGUAGE", "en") + more, days)]
    assert [sentence.startswith(begins) for sentence in found] == ([] if said is None else [True])
    assert all(said is not None and said in sentence for sentence in found)


@pytest.mark.parametrize(
    ("after", "remarked"),
    [
        ("5m", "by what its queues had, this source is so long silent by chance about 586 times a month"),
        ("20m", "by what its queues had, this source is so long silent by chance about 7 times a month"),
        ("40m", None),
    ],
)
def test_a_silence_that_is_usual_is_no_sign_of_a_dead_exchange(after: str, remarked: str | None) -> None:
    """At 18 calls an hour, seven hours a day, 30 minutes come by chance once a year."""
    more = f'{FEED}after = "{after}"\n'
    found = told(CITY.replace("LANGUAGE", "en") + more, counted("a", 18 * 7, date(2026, 3, 2)))
    assert [sentence for _, sentence, _ in found] == ([] if remarked is None else [remarked])


def test_there_is_nothing_to_remark_of_the_file_that_comes_with_it() -> None:
    shipped = load(Path(__file__).parents[2] / "examples" / "lier" / "city.toml")
    assert remarks(shipped, Calendar(shipped), TODAY) == []
