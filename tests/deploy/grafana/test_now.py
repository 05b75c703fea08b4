"""What the walls begin with: who waits and how urgent that is, asked of Prometheus' own engine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from deploy.grafana import now
from deploy.grafana.kpis import CALL_WAIT
from deploy.grafana.now import WALLS, about, minutes_seconds
from deploy.grafana.palette import BAD, QUIET, UNKNOWN, Colour
from deploy.grafana.promql import CHOSEN, TOTAL
from deploy.grafana.words import Edition, NowWords
from shared.config.model import CityFile
from shared.contract.kpis import QueueKind
from tests.deploy.grafana.test_builder import DOCUMENT, special

PHONES = WALLS[QueueKind.PHONE]
RULES = [
    {"id": "lang", "kpi": "longest_wait", "limit": 420, "queue": "*"},
    {"id": "niemand", "kpi": "nobody_available"},
    {"id": "gemist", "kpi": "missed_ratio", "limit": 0.3},
    {"id": "balie", "kpi": "waiting", "limit": 3, "contacts": "visits"},
    {"id": "jaar", "kpi": "missed_ratio", "window": "year"},
]
ENGLISH = Edition(CityFile.model_validate(DOCUMENT | {"rules": RULES}), "en")

pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (apt install prometheus)"
)

Told: TypeAlias = dict[str, str]
"""Series, and what they say at each minute, as promtool writes it: ``3x9``."""


def at(queue: str, **labels: str) -> str:
    return ", ".join(f'{name}="{value}"' for name, value in {"site": "s", "queue": queue, **labels}.items())


A_DAY: Told = {
    f"wachtpost_queue_info{{{at('a', kind='phone', name='A')}}}": "1x9",
    f"wachtpost_queue_info{{{at('b', kind='phone', name='B')}}}": "1x9",
    f"wachtpost_queue_info{{{at('all', kind='site', name='S')}}}": "1x9",
    f"wachtpost_calls_waiting{{{at('a')}}}": "0x9",
    f"wachtpost_calls_waiting{{{at('b')}}}": "1200x9",
    f"wachtpost_longest_wait_seconds{{{at('a')}}}": "0x9",
    f"wachtpost_longest_wait_seconds{{{at('b')}}}": "40x9",
    f"wachtpost_kpi_target{{{at('all', kpi='call_wait_mean')}}}": "45x9",
    **{f"wachtpost_queue_open{{{at(queue, kind='phone')}}}": "1x9" for queue in ("a", "b", "all")},
    'wachtpost_breaches_open{partition="0", acknowledged="true"}': "0x9",
}
"""Twelve hundred callers wait at B for less than the target, and nobody at A."""
LONG: Told = {f"wachtpost_longest_wait_seconds{{{at('b')}}}": "202x9"}


def state(queue: str, rule: str, state: str) -> Told:
    return {
        f"wachtpost_kpi_state{{{at(queue, rule=rule, measure='m', severity='critical', state=state)}}}": "1x9"
    }


def breach(queue: str, rule: str, measure: str, what: str = "opened") -> Told:
    labels = at(queue, rule=rule, measure=measure, severity="critical")
    return {f"wachtpost_breach_{what}_timestamp_seconds{{{labels}}}": "60x9"}


LEGEND = re.compile(r"\{\{(\w+)\}\}")
SAMPLE = re.compile(r'\{((?:\w+="(?:[^"\\]|\\.)*"(?:, )?)*)\} ([-+.\dE]+|NaN)')


def read(panel: Any, told: Told, folder: Path, minute: float = 0) -> list[tuple[str, float]]:
    """Return what a panel's queries bring, the greatest first: what each series is called, and its value."""
    targets = panel.build().targets
    asked = [
        {
            "expr": target.expr.replace("$site", "s").replace("$queue", "a|b"),
            "eval_time": f"{minute * 60:g}s",
            # Of what is not as expected promtool says what it is.
            "exp_samples": [{"labels": "{}", "value": -1}],
        }
        for target in targets
    ]
    series = [{"series": name, "values": values} for name, values in (A_DAY | told).items()]
    test = {"interval": "1m", "input_series": series, "promql_expr_test": asked}
    (folder / "asked.yml").write_text(yaml.safe_dump({"tests": [test]}))
    command = ["promtool", "test", "rules", str(folder / "asked.yml")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    brought = (ran.stdout + ran.stderr).split("got:")[1:]
    assert len(brought) == len(targets), ran.stdout + ran.stderr
    found = []
    for target, said in zip(targets, brought, strict=True):
        for labels, value in SAMPLE.findall(said.partition("expr:")[0]):
            known = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            parts = enumerate(LEGEND.split(target.legend_format))
            name = "".join(known.get(part, "") if number % 2 else part for number, part in parts)
            found.append((" ".join(name.split()), float(value)))
    return sorted(found, key=lambda one: -one[1])


# --- How urgent it is --------------------------------------------------------------------------------------

FIRING, CLEARING, PENDING = (state("b", "lang", name) for name in ("firing", "clearing", "pending"))
SHUT: Told = {f"wachtpost_queue_open{{{at('all', kind='phone')}}}": "0x9"}


@pytest.mark.parametrize(
    ("story", "told", "word", "most_urgent"),
    [
        ("all is well", {}, "", "B: 1,200 · 0:40"),
        ("one waits longer than the mean should be", LONG, " · too long", "B: 1,200 · 3:22 · too long"),
        ("its rule is breached", LONG | FIRING, " · breached", "B: 1,200 · 3:22 · breached"),
        ("a rule about the whole site", state("all", "niemand", "firing"), " · breached", "B: 1,200 · 0:40"),
        ("not for long enough yet", PENDING, " · wait and see", "B: 1,200 · 0:40 · wait and see"),
        ("over, but for how long", CLEARING, " · recovering", "B: 1,200 · 0:40 · recovering"),
        ("a queue without callers", state("a", "lang", "firing"), " · breached", "A: 0 · breached"),
        ("a rule about a share", state("all", "gemist", "firing"), "", "B: 1,200 · 0:40"),
        ("a rule about the counters", state("all", "balie", "firing"), "", "B: 1,200 · 0:40"),
        ("shut", SHUT, " · closed", "B: 1,200 · 0:40"),
    ],
)  # fmt: skip
def test_who_waits_carries_the_word_for_how_urgent_it_is(
    story: str, told: Told, word: str, most_urgent: str, tmp_path: Path
) -> None:
    assert read(now.waiting(ENGLISH, PHONES), told, tmp_path) == [(f"waiting{word}", 1200)], story
    assert [name for name, _ in read(now.longest(ENGLISH, PHONES), told, tmp_path)] == [f"longest{word}"], (
        story
    )
    assert read(now.queues_now(ENGLISH, PHONES, 4), told, tmp_path)[0][0] == most_urgent, story


def test_a_wall_names_the_most_urgent_queues_only(tmp_path: Path) -> None:
    named = read(now.queues_now(ENGLISH, PHONES, 1), LONG | state("a", "lang", "firing"), tmp_path)
    assert [name for name, _ in named] == ["A: 0 · breached"]


@pytest.mark.parametrize(
    ("zone", "wait", "value", "unit"),
    [
        ("Europe/Brussels", "202x9", 202_000, "time:m:ss"),
        ("Europe/Brussels", "3723x9", 3723, "dthms"),
        ("America/Paramaribo", "202x9", 202, "dthms"),  # half an hour beside UTC in 1970
    ],
)
def test_a_wait_is_told_in_minutes_and_seconds_until_there_are_hours(
    zone: str, wait: str, value: float, unit: str, tmp_path: Path
) -> None:
    document = DOCUMENT | {"city": DOCUMENT["city"] | {"time_zone": zone}, "rules": RULES}
    say = Edition(CityFile.model_validate(document), "en")
    told = {f"wachtpost_longest_wait_seconds{{{at('b')}}}": wait}
    panel: Any = now.longest(say, PHONES)
    assert [one for _, one in read(panel, told, tmp_path)] == [value]
    short = minutes_seconds(say)[0]
    assert unit in {short, panel.build().field_config.defaults.unit}


def test_a_colour_stands_for_a_word_at_the_end_of_a_name() -> None:
    panel: Any = now.waiting(ENGLISH, PHONES)
    built = panel.build().field_config
    by_word = {one.matcher.options: one.properties[0].value.fixed_color for one in built.overrides}
    assert built.defaults.color.fixed_color == QUIET
    assert by_word == {
        "/ · breached$/": BAD,
        "/ · too long$/": Colour.YELLOW,
        "/ · recovering$/": Colour.PURPLE,
        "/ · wait and see$/": Colour.YELLOW,
        "/ · closed$/": UNKNOWN,
    }


# --- The strip ---------------------------------------------------------------------------------------------

TAKEN = breach("b", "lang", "longest_wait") | breach("b", "lang", "longest_wait", "acknowledged")
MISSED = breach("all", "gemist", "missed_ratio")
HOUR = 3600
NEXT = f"wachtpost_queue_next_change_timestamp_seconds{{{at('all', kind='phone')}}}"


@pytest.mark.parametrize(
    ("story", "told", "line"),
    [
        ("none", {}, ("breached · 0 taken on", 0)),
        ("two, nobody", breach("a", "lang", "waiting") | MISSED, ("breached · 0 taken on", 2)),
        ("one of two", TAKEN | MISSED, ("breached · 1 taken on", 2)),
        ("a source that is quiet is one", breach("pbx", "pbx", "no_data"), ("breached · 0 taken on", 1)),
        ("at the counters", breach("all", "balie", "waiting"), ("breached · 0 taken on", 0)),
        ("of a counter's measure", breach("all", "loket", "visit_wait_mean"), ("breached · 0 taken on", 0)),
        ("of a year", breach("all", "jaar", "missed_ratio"), ("breached · 0 taken on", 0)),
        ("open, and shut today", {NEXT: f"{3 * HOUR}x9"}, ("open until", 3 * HOUR * 1000)),
        ("shut until tomorrow", SHUT | {NEXT: f"{15 * HOUR}x9"}, ("closed until", 15 * HOUR * 1000)),
        ("never shut", {}, ("opening hours", 1)),
        ("shut for weeks", SHUT, ("opening hours", 0)),
    ],
)  # fmt: skip
def test_the_strip_says_what_else_there_is_to_know(
    story: str, told: Told, line: tuple[str, float], tmp_path: Path
) -> None:
    lines = read(now.strip(ENGLISH, PHONES), told, tmp_path)
    assert line in lines, story
    assert len(lines) == 3, "breaches, opening hours, and of when it is"


@pytest.mark.parametrize(
    ("story", "values", "line"),
    [
        ("a moment ago", "1x9", ("as of", 480_000)),
        ("more than half a minute ago", "1x7", ("as of · out of date", 420_000)),
        ("hours ago", "1x0", ("as of · out of date", 0)),
    ],
)
def test_figures_that_are_old_say_so(
    story: str, values: str, line: tuple[str, float], tmp_path: Path
) -> None:
    told = {name: values for name in A_DAY if name.startswith("wachtpost_queue_info")}
    assert line in read(now.strip(ENGLISH, PHONES), told, tmp_path, minute=8.25), story


# --- Sentences ---------------------------------------------------------------------------------------------


def kpi(kpi_id: str, **told: str) -> Told:
    """What the evaluator tells of a figure of the whole site, over the last 20 contacts."""
    labels = at("all", kpi=kpi_id, window="last 20")
    return {f"wachtpost_kpi_{name}{{{labels}}}": value for name, value in told.items()}


@pytest.mark.parametrize(
    ("story", "figure", "told", "sentence"),
    [
        (
            "beyond its target",
            {f"wachtpost_call_wait_mean_seconds{{{at('all', window='last 20')}}}": "333.4x9"},
            kpi("call_wait_mean", samples="20x9", verdict="2x9"),
            "333 s mean wait · above target (45 s) · answered: 20",
        ),
        (
            "nobody was helped",
            {},
            kpi("call_wait_mean", samples="0x9"),
            "– mean wait · not yet to say · answered: 0",
        ),
        (
            "nobody promised anything",
            {f"wachtpost_call_wait_mean_seconds{{{at('all', window='last 20')}}}": "12x9"},
            kpi("call_wait_mean", samples="20x9"),
            "12 s mean wait · no target · answered: 20",
        ),
    ],
)
def test_a_figure_against_its_target_is_a_sentence(
    story: str, figure: Told, told: Told, sentence: str, tmp_path: Path
) -> None:
    asked = now.against_target(ENGLISH, CALL_WAIT, TOTAL, "last 20", "mean wait")
    panel = now.held(now.bands(ENGLISH, NowWords.QUEUES, asked), ENGLISH, CALL_WAIT)
    assert [name for name, _ in read(panel, figure | told, tmp_path)] == [sentence], story


def of_queue(queue: str, figure: str | None, verdict: str | None) -> Told:
    labels = at(queue, kpi="call_wait_mean", window="last 20")
    told = {f"wachtpost_kpi_samples{{{labels}}}": "20x9"}
    if figure is not None:
        told[f"wachtpost_call_wait_mean_seconds{{{at(queue, window='last 20')}}}"] = figure
    if verdict is not None:
        told[f"wachtpost_kpi_verdict{{{labels}}}"] = verdict
    return told


@pytest.mark.parametrize(
    ("story", "first", "second"),
    [
        ("what is beyond its target", ("20x9", "2x9"), ("90x9", "1x9")),
        ("what nobody can say yet", ("20x9", "1x9"), ("90x9", "0x9")),
        ("what has a target", ("20x9", "0x9"), ("90x9", None)),
        ("the higher of two", ("90x9", "2x9"), ("50x9", "2x9")),
        ("what has a figure", ("20x9", None), (None, None)),
    ],
)
@pytest.mark.parametrize("places", ["ab", "ba"])
def test_of_many_places_those_that_need_it_most_have_a_sentence(
    story: str, first: Any, second: Any, places: str, tmp_path: Path
) -> None:
    told = of_queue(places[0], *first) | of_queue(places[1], *second)

    def named(most: int) -> list[str]:
        asked = now.against_target(ENGLISH, CALL_WAIT, CHOSEN, "last 20", "{{name}}", most=most)
        return [name for name, _ in read(now.bands(ENGLISH, NowWords.QUEUES, asked), told, tmp_path)]

    (most_urgent,) = named(1)
    assert f" {places[0].upper()} " in most_urgent, story
    assert [most_urgent] == named(2)[:1], "those that need it most come first"
    assert len(named(2)) == 2


# --- Which rules are about a wall --------------------------------------------------------------------------


def test_each_wall_has_its_own_rules_of_now() -> None:
    assert 'rule!~"(balie|jaar)(-warning)?"' in about(ENGLISH, QueueKind.PHONE)
    assert 'rule!~"(lang|niemand|gemist|jaar)(-warning)?"' in about(ENGLISH, QueueKind.COUNTER)
    of_counters = about(special("en"), QueueKind.COUNTER)
    assert 'rule!~"(rij)(-warning)?"' in of_counters
    assert "burn_rate" in of_counters


def test_several_conditions_over_a_month_are_no_rule_of_now() -> None:
    parts = [{"kpi": "missed_ratio", "limit": 0.2, "window": "month"}, {"kpi": "waiting", "limit": 1}]
    city = CityFile.model_validate(DOCUMENT | {"rules": [{"id": "maand", "all": parts}]})
    assert 'rule!~"(maand)(-warning)?"' in about(Edition(city, "en"), QueueKind.PHONE)
