"""What people hear about a broken city file: where, what is wrong, what is allowed, in their language."""

from __future__ import annotations

import json
import re
import string
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.config import CityFile, Language
from shared.config_check import Mistake, explain, language_of
from shared.config_lines import key_lines
from shared.config_words import MISTAKES, PHRASES, Said

SHIPPED = Path(__file__).parents[2] / "deploy" / "wachtpost.toml"
KEY = "0" * 64

REST = {
    "city": '[city]\nname = "Lier"\n',
    "sites": '[[sites]]\nid = "lier"\nqueues = [{ id = "onthaal", kind = "phone" }, '
    '{ id = "loket", kind = "counter" }]\n',
}
HERE = "  # <-"
"""Marks the line on which a mistake must be reported."""


def file_with(snippet: str, language: str = "nl") -> str:
    """A city file with a snippet in it, and good sections for what the snippet leaves out."""
    rest = "".join(
        text for name, text in REST.items() if not re.search(rf"^\W*(no )?{name}\b", snippet, re.MULTILINE)
    )
    text = f"{snippet}\n{rest}"
    return (
        text
        if language == "nl" or "language" in text
        else text.replace("[city]\n", f'[city]\nlanguage = "{language}"\n')
    )


def target(line: str) -> str:
    return f'[[targets]]\nkpi = "missed_ratio"\n{line}\n'


def http(lines: str, key: str = f'key_sha256 = ["{KEY}"]') -> str:
    return f'[[sources]]\nkind = "http"\nid = "web"\nsite = "lier"\n{key}\n{lines}\n'


def queue(line: str) -> str:
    first = '[[sites.queues]]\nid = "onthaal"\nkind = "phone"\n'
    return f'[[sites]]\nid = "lier"\n{first}[[sites.queues]]\n{line}\n'


BROKEN: list[tuple[str, str, str]] = [
    # kind of mistake, key, file
    ("missing", "city", "# no city"),
    ("extra_forbidden", "city_name", f"city_name = 3{HERE}"),
    ("missing", "city.name", f'[city]{HERE}\nlanguage = "nl"'),
    ("string_too_short", "city.name", f'[city]\nname = ""{HERE}'),
    ("string_type", "city.name", f"[city]\nname = 3{HERE}"),
    ("extra_forbidden", "city.nam", f'[city]\nname = "Lier"\nnam = "Lier"{HERE}'),
    ("choice", "city.language", f'[city]\nname = "Lier"\nlanguage = "fr"{HERE}'),
    ("choice", "city.language", f'[city]\nname = "Lier"\nlanguage = 3{HERE}'),
    ("time_zone", "city.time_zone", f'[city]\nname = "Lier"\ntime_zone = "Europe/Brussel"{HERE}'),
    ("time_zone", "city.time_zone", f'[city]\nname = "Lier"\ntime_zone = "../../etc/passwd"{HERE}'),
    ("time_zone", "city.time_zone", f'[city]\nname = "Lier"\ntime_zone = ""{HERE}'),
    ("table", "city", f'city = "Lier"{HERE}'),
    ("table", "hours", f"hours = 5{HERE}"),
    ("table", "hours.desk", f'[hours]\ndesk = "09:00-12:00"{HERE}'),
    ("name", 'hours."The Desk"', f'[hours."The Desk"]{HERE}'),
    ("hours_list", "hours.desk.monday", f'[hours.desk]\nmonday = "09:00-12:00"{HERE}'),
    ("span", "hours.desk.monday[1]", f'[hours.desk]\nmonday = ["09:00-12:00", "13:00"]{HERE}'),
    ("span", "hours.desk.monday[0]", f'[hours.desk]\nmonday = ["9:00-12:00"]{HERE}'),
    ("span", "hours.desk.monday[0]", f'[hours.desk]\nmonday = ["09:00:30-12:00"]{HERE}'),
    ("span", "hours.desk.monday[0]", f'[hours.desk]\nmonday = ["24:00-25:00"]{HERE}'),
    ("span", "hours.desk.monday[0]", f"[hours.desk]\nmonday = [9]{HERE}"),
    ("span", "hours.desk.monday[0]", f"[hours.desk]\nmonday = [{{ start_minute = -3 }}]{HERE}"),
    ("span_order", "hours.desk.monday[0]", f'[hours.desk]\nmonday = ["22:00-06:00"]{HERE}'),
    ("span_order", "hours.desk.monday[0]", f'[hours.desk]\nmonday = ["09:00-09:00"]{HERE}'),
    ("span_overlap", "hours.desk.friday", f'[hours.desk]\nfriday = ["09:00-12:00", "11:59-13:00"]{HERE}'),
    ("bool_type", "hours.desk.on_holidays", f'[hours.desk]\non_holidays = "yes"{HERE}'),
    ("bool_type", "hours.desk.on_holidays", f"[hours.desk]\non_holidays = 1{HERE}"),
    ("extra_forbidden", "hours.desk.moday", f"[hours.desk]\nmoday = []{HERE}"),
    ("country", "calendar.public_holidays", f'[calendar]\npublic_holidays = "Belgium"{HERE}'),
    ("tables", "calendar.closing_days", f"[calendar.closing_days]{HERE}\non = 2026-05-15"),
    ("closing_day", "calendar.closing_days[0]", f'[[calendar.closing_days]]{HERE}\nwhy = "?"'),
    (
        "closing_day",
        "calendar.closing_days[1]",
        (
            "[[calendar.closing_days]]\non = 2026-05-15\n"
            f'[[calendar.closing_days]]{HERE}\non = 2026-05-15\nevery_year = "05-15"'
        ),
    ),
    ("day", "calendar.closing_days[0].on", f"[[calendar.closing_days]]\non = 2026{HERE}"),
    ("day", "calendar.closing_days[0].on", f'[[calendar.closing_days]]\non = "15/05"{HERE}'),
    ("day", "calendar.closing_days[0].on", f"[[calendar.closing_days]]\non = 2026-05-15T10:00:00{HERE}"),
    (
        "every_year",
        "calendar.closing_days[0].every_year",
        f'[[calendar.closing_days]]\nevery_year = "04-31"{HERE}',
    ),
    (
        "every_year",
        "calendar.closing_days[0].every_year",
        f'[[calendar.closing_days]]\nevery_year = "7-11"{HERE}',
    ),
    (
        "every_year",
        "calendar.closing_days[0].every_year",
        f'[[calendar.closing_days]]\nevery_year = "W05-1"{HERE}',
    ),
    (
        "closes_at",
        "calendar.closing_days[0].closes_at",
        f'[[calendar.closing_days]]\non = 2026-12-24\ncloses_at = "noon"{HERE}',
    ),
    (
        "closes_at",
        "calendar.closing_days[0].closes_at",
        f"[[calendar.closing_days]]\non = 2026-12-24\ncloses_at = 12{HERE}",
    ),
    (
        "closes_at",
        "calendar.closing_days[0].closes_at",
        f"[[calendar.closing_days]]\non = 2026-12-24\ncloses_at = 12:00:30{HERE}",
    ),
    (
        "closes_at",
        "calendar.closing_days[0].closes_at",
        f'[[calendar.closing_days]]\non = 2026-12-24\ncloses_at = "00:00"{HERE}',
    ),
    (
        "outcomes_empty",
        "missed_definitions.lier-1.outcomes",
        f'[[missed_definitions]]\nid = "lier-1"\noutcomes = []{HERE}',
    ),
    (
        "choice",
        "missed_definitions.lier-1.outcomes[1]",
        f'[[missed_definitions]]\nid = "lier-1"\noutcomes = ["closed", "abandonned"]{HERE}',
    ),
    (
        "list",
        "missed_definitions.lier-1.outcomes",
        f'[[missed_definitions]]\nid = "lier-1"\noutcomes = "closed"{HERE}',
    ),
    (
        "greater_than_equal",
        "missed_definitions.lier-1.version",
        f'[[missed_definitions]]\nid = "lier-1"\noutcomes = ["closed"]\nversion = 0{HERE}',
    ),
    (
        "int_type",
        "missed_definitions.lier-1.version",
        f'[[missed_definitions]]\nid = "lier-1"\noutcomes = ["closed"]\nversion = "1"{HERE}',
    ),
    (
        "histogram_edge",
        "missed_definitions.lier-1.short_abandon",
        f'[[missed_definitions]]\nid = "lier-1"\noutcomes = ["closed"]\nshort_abandon = "1500ms"{HERE}',
    ),
    (
        "name_twice",
        "missed_definitions.lier-1.id",
        (
            '[[missed_definitions]]\nid = "lier-1"\noutcomes = ["closed"]\n'
            f'[[missed_definitions]]\nid = "lier-1"{HERE}\noutcomes = ["closed"]'
        ),
    ),
    ("list", "speed_categories.bounds", f'[speed_categories]\nbounds = "20s"{HERE}'),
    ("bounds_order", "speed_categories.bounds", f'[speed_categories]\nbounds = ["45s", "20s"]{HERE}'),
    ("bounds_order", "speed_categories.bounds", f'[speed_categories]\nbounds = ["0s", "20s"]{HERE}'),
    ("bounds_order", "speed_categories.bounds", f"[speed_categories]\nbounds = []{HERE}"),
    ("histogram_edge", "speed_categories.bounds[0]", f'[speed_categories]\nbounds = ["11m5s"]{HERE}'),
    ("duration", "speed_categories.bounds[1]", f'[speed_categories]\nbounds = ["20s",\n  20]{HERE}'),
    ("duration", "service_level.within", f'[service_level]\nwithin = "20"{HERE}'),
    ("duration", "service_level.within", f'[service_level]\nwithin = "99999999999h"{HERE}'),
    ("duration_negative", "service_level.within", f'[service_level]\nwithin = "-5s"{HERE}'),
    ("window", "live.windows[1]", f'[live]\nwindows = ["15m", "7s"]{HERE}'),
    ("window", "live.windows[0]", f'[live]\nwindows = ["26h"]{HERE}'),
    ("window", "live.windows[0]", f'[live]\nwindows = ["0s"]{HERE}'),
    ("windows_unique", "live.windows", f'[live]\nwindows = ["60m", "1h"]{HERE}'),
    ("int_type", "live.min_samples", f"[live]\nmin_samples = 2.5{HERE}"),
    ("int_type", "live.min_samples", f"[live]\nmin_samples = true{HERE}"),
    ("name_unknown", "live.missed_definition", f'[live]\nmissed_definition = "lier-2"{HERE}'),
    ("too_short", "sites", f"sites = []{HERE}"),
    ("tables", "sites", f'[sites]{HERE}\nid = "lier"'),
    ("table", "sites[0]", f'sites = ["lier"]{HERE}'),
    ("too_short", "sites.lier.queues", f'[[sites]]\nid = "lier"\nqueues = []{HERE}'),
    ("name", "sites[0].id", f'[[sites]]\nid = "Stad Lier"{HERE}\nqueues = [{{ id = "a", kind = "phone" }}]'),
    (
        "missing",
        "sites.lier.queues[1].id",
        queue('kind = "phone"').replace("\n[[sites.queues]]\nkind", f"\n[[sites.queues]]{HERE}\nkind"),
    ),
    ("queue_all", "sites.lier.queues.all.id", queue(f'id = "all"{HERE}\nkind = "phone"')),
    ("choice", "sites.lier.queues.loket.kind", queue(f'id = "loket"\nkind = "fone"{HERE}')),
    ("name_twice", "sites.lier.queues.onthaal.id", queue(f'id = "onthaal"{HERE}\nkind = "phone"')),
    (
        "name_unknown",
        "sites.lier.queues.loket.hours",
        queue(f'id = "loket"\nkind = "phone"\nhours = "desc"{HERE}'),
    ),
    ("ratio", "targets[0].limit", target(f"limit = 20{HERE}")),
    ("float_type", "targets[0].limit", target(f'limit = "0.2"{HERE}')),
    ("float_type", "targets[0].limit", target(f"limit = true{HERE}")),
    ("finite_number", "targets[0].limit", target(f"limit = inf{HERE}")),
    ("finite_number", "targets[0].limit", target(f"limit = nan{HERE}")),
    ("greater_than_equal", "targets[0].limit", target(f"limit = -0.1{HERE}")),
    ("choice", "targets[0].period", target(f'limit = 0.2\nperiod = "week"{HERE}')),
    ("choice", "targets[0].kpi", f'[[targets]]\nkpi = "mised_ratio"{HERE}\nlimit = 0.2'),
    ("name_unknown", "targets[0].queue", target(f'limit = 0.2\nqueue = "nowhere"{HERE}')),
    ("name_unknown", "targets[0].site", target(f'limit = 0.2\nsite = "lire"{HERE}')),
    ("kpi_other_kind", "targets[0].queue", target(f'limit = 0.2\nqueue = "loket"{HERE}')),
    (
        "target_twice",
        "targets[1]",
        target("limit = 0.2") + target("limit = 0.3").replace("]]\n", f"]]{HERE}\n"),
    ),
    ("missing", "sources[0].kind", f'[[sources]]{HERE}\nsite = "lier"'),
    ("choice", "sources.pbx.kind", f'[[sources]]\nid = "pbx"\nkind = "queuelog"{HERE}'),
    ("table", "sources[0]", f'sources = ["pbx"]{HERE}'),
    (
        "path_type",
        "sources.pbx.path",
        f'[[sources]]\nid = "pbx"\nkind = "queue_log"\nsite = "lier"\npath = 3{HERE}',
    ),
    (
        "name_unknown",
        "sources.pbx.queues.600",
        (
            '[[sources]]\nid = "pbx"\nkind = "queue_log"\nsite = "lier"\npath = "x"\n'
            f'queues = {{ 600 = "onthal" }}{HERE}'
        ),
    ),
    (
        "table",
        "sources.pbx.queues",
        f'[[sources]]\nid = "pbx"\nkind = "queue_log"\nsite = "lier"\npath = "x"\nqueues = ["onthaal"]{HERE}',
    ),
    ("name_unknown", "sources.web.site", http("").replace('"lier"', f'"lire"{HERE}')),
    ("name_unknown", "sources.web.queues[1]", http(f'queues = ["onthaal", "onthal"]{HERE}')),
    ("name", "sources.web.queues[0]", http(f'queues = ["Onthaal!"]{HERE}')),
    ("list_or_all", "sources.web.queues", http(f'queues = "onthaal"{HERE}')),
    ("list_or_all", "sources.web.queues", http(f"queues = 3{HERE}")),
    ("key_sha256", "sources.web.key_sha256[0]", http("", f'key_sha256 = ["open sesame"]{HERE}')),
    ("too_short", "sources.web.key_sha256", http("", f"key_sha256 = []{HERE}")),
    ("extra_forbidden", "sources.web.api_key", http(f'api_key = "open sesame"{HERE}')),
    ("name_twice", "sources.web.id", http("") + http("").replace('"web"', f'"web"{HERE}')),
    ("less_than_equal", "pipeline.partitions", f"[pipeline]\npartitions = 257{HERE}"),
    ("duration_range", "pipeline.dedup", f'[pipeline]\ndedup = "5m"{HERE}'),
    ("duration_range", "pipeline.dedup", f'[pipeline]\ndedup = "25h"{HERE}'),
    ("duration_range", "pipeline.open_timeout", f'[pipeline]\nopen_timeout = "30s"{HERE}'),
    ("duration_range", "pipeline.future_tolerance", f'[pipeline]\nfuture_tolerance = "2h"{HERE}'),
    ("duration_range", "pipeline.lease", f'[pipeline]\nlease = "2m"{HERE}'),
    ("open_timeout", "pipeline", f'[pipeline]{HERE}\ndedup = "1h"\nopen_timeout = "2h"'),
    # TOML itself
    ("toml_value", "", f"[live]\nmin_samples ={HERE}"),
    ("toml_value", "", f"[live]\nmin_samples = ten{HERE}"),
    ("toml_value", "", f"[[calendar.closing_days]]\non = 2026-02-30{HERE}"),
    ("toml_equals", "", f"[live]\nmin_samples 10{HERE}"),
    ("toml_newline", "", f"[live]\nmin_samples = 10 s{HERE}"),
    ("toml_twice", "", f"[live]\nmin_samples = 10\nmin_samples = 11{HERE}"),
    ("toml_twice", "", f"[live]\n[live]{HERE}"),
    ("toml_open", "", f"[live{HERE}"),
    ("toml", "", f"[live]\n!{HERE}"),
    ("byte_order_mark", "", f"\ufeff[live]{HERE}"),
    ("toml_deep", "", "a = " + "[" * 5_000 + "]" * 5_000),
]


def spoken(kind: str, language: Language) -> re.Pattern[str]:
    """What a mistake of a kind sounds like, whatever was filled in."""
    sentence = MISTAKES[kind]
    said = sentence.nl if language is Language.NL else sentence.en
    pattern = "".join(
        re.escape(text) + (".+" if name is not None else "")
        for text, name, _, _ in string.Formatter().parse(said.wrong)
    )
    return re.compile(rf"{pattern}(; (bedoelt u|did you mean) .+\?)?")


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize(("kind", "key", "snippet"), BROKEN)
def test_a_mistake_is_told_with_its_key_line_and_reason(
    kind: str, key: str, snippet: str, language: str
) -> None:
    text = file_with(snippet, language)
    mistakes = [one for one in explain(text, "city.toml") if one.key == key]
    wanted = spoken(kind, language_of(text))
    assert [one for one in mistakes if wanted.fullmatch(one.wrong)], mistakes
    lines = text.split("\n")
    marked = next((number for number, line in enumerate(lines, 1) if HERE.strip() in line), None)
    assert [one.line for one in mistakes] == [marked] * len(mistakes)


def test_the_table_of_broken_files_knows_every_kind_of_mistake() -> None:
    assert {kind for kind, _, _ in BROKEN} == set(MISTAKES) - {"other"}


@pytest.mark.parametrize("language", list(Language))
def test_one_mistake_is_told_once_and_as_nothing_else(language: Language) -> None:
    for kind, key, snippet in BROKEN:
        text = file_with(snippet, language)
        wheres = [(one.key, one.wrong) for one in explain(text, "city.toml")]
        assert len(wheres) == len(set(wheres)), (kind, key)
        assert not [one for one in explain(text, "city.toml") if "{" in one.wrong], (kind, key)
        assert MISTAKES["other"].nl.wrong not in dict(wheres).values(), (kind, key)


@pytest.mark.parametrize(
    ("snippet", "meant"),
    [
        ("[live]\nmin_sample = 3", "min_samples"),
        ("[pipelin]", "pipeline"),
        ('[city]\nname = "Lier"\ntime_zone = "Europe/Brussel"', "Europe/Brussels"),
        (target('limit = 0.2\nqueue = "ontaal"'), "onthaal"),
        ('[[targets]]\nkpi = "mised_ratio"\nlimit = 0.2', "missed_ratio"),
        (http("rate_per_sec = 3"), "rate_per_second"),
        ('[[sources]]\nkind = "htp"', "http"),
        (queue('id = "x"\nkind = "phone"\nhour = "desk"'), "hours"),
    ],
)
def test_a_slip_of_the_pen_gets_a_suggestion(snippet: str, meant: str) -> None:
    assert f"bedoelt u {meant}?" in " ".join(one.wrong for one in explain(file_with(snippet), "city.toml"))


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = (
        '[city]\nname = ""\n[live]\nmissed_definition = "x"\nmin_samples = 0\n'
        '[[sites]]\nid = "lier"\nqueues = [\n  { id = "a", kind = "fone" },\n'
        '  { id = "a", kind = "phone" },\n]\n'
        '[[targets]]\nkpi = "missed_ratio"\nlimit = 20\nqueue = "b"\n'
    )
    assert [(one.line, one.key) for one in explain(text, "city.toml")] == [
        (2, "city.name"),
        (4, "live.missed_definition"),
        (5, "live.min_samples"),
        (9, "sites.lier.queues.a.kind"),
        (10, "sites.lier.queues.a.id"),
        (14, "targets[0].limit"),
        (15, "targets[0].queue"),
    ]


def test_a_mistake_says_where_it_is_and_what_stands_there() -> None:
    text = file_with("[live]\nmin_samples = 0", "en")
    assert explain(text, "city.toml") == [
        Mistake(
            "city.toml",
            "live.min_samples",
            "this number is too small",
            "1 or more",
            line=2,
            given="0",
        )
    ]
    assert explain(text, "city.toml")[0].where == "city.toml:2"


def test_a_name_that_is_no_name_is_not_called_unknown_as_well() -> None:
    text = file_with('[live]\nmissed_definition = "Lier 1"')
    assert [one.wrong for one in explain(text, "city.toml")] == [MISTAKES["name"].nl.wrong]


def test_toml_mistakes_have_a_column() -> None:
    assert [one.where for one in explain("[live]\nmin_samples = ten\n", "city.toml")] == ["city.toml:2:15"]


def test_what_may_be_a_key_is_never_repeated() -> None:
    for snippet in (
        http('api_key = "open sesame"'),
        http("", 'key_sha256 = ["open sesame"]'),
        http("", 'key_sha256 = "open sesame"'),
        http('key_sha256 = ["open sesame"', ""),
    ):
        mistakes = explain(file_with(snippet), "city.toml")
        assert mistakes
        assert "sesame" not in str(mistakes)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", Language.NL),
        ('[city]\nlanguage = "en"', Language.EN),
        ('[city]\nlanguage = "en"\nname = ', Language.EN),
        ("city.language = 'en'\n=", Language.EN),
        ('[city]\nlanguage = "fr"', Language.NL),
        ("city = 3", Language.NL),
    ],
)
def test_the_check_speaks_the_citys_language_even_when_the_file_is_broken(
    text: str, language: Language
) -> None:
    assert language_of(text) is language


def test_the_shipped_file_is_good() -> None:
    assert explain(SHIPPED.read_text(encoding="utf-8"), "city.toml") == []


# --- anything else -----------------------------------------------------------------------------------

JUNK = st.one_of(
    st.sampled_from(["", "all", "lier", "20s", "-1s", "09:00-12:00", "*", "2026-01-01", "\x1b[31m", "[red]"]),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.lists(st.sampled_from(["a", "20s"]), max_size=2),
    st.just({}),
    st.just([{}]),
    st.just({"id": "x"}),
)


def toml(value: object) -> str:
    """A value as inline TOML."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value)
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
        case list():
            return f"[{', '.join(map(toml, value))}]"
    return str(value)


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    pairs: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    return [path, *(place for key, inner in pairs for place in places(inner, (*path, key)))]


EXAMPLE = tomllib.loads(
    file_with(
        '[calendar]\nclosing_days = [{ on = "2026-05-15", closes_at = "12:00" }, { every_year = "07-11" }]\n'
        '[hours.desk]\nmonday = ["09:00-12:00"]\non_holidays = true\n'
        '[[missed_definitions]]\nid = "lier-1"\noutcomes = ["closed"]\n'
        '[live]\nwindows = ["15m"]\nmin_samples = 3\n[pipeline]\ndedup = "2h"\npartitions = 3\n'
        + target('limit = 0.2\nqueue = "onthaal"\nsite = "lier"\nperiod = "year"')
        + http('queues = ["onthaal"]\nrate_per_second = 3')
        + '[[sources]]\nkind = "queue_log"\nid = "pbx"\nsite = "lier"\npath = "x"\n'
        'queues = { "a" = "onthaal" }\n'
    )
)


def replaced(value: object, path: tuple[str | int, ...], junk: object) -> object:
    if not path:
        return junk
    if isinstance(value, dict):
        return {k: replaced(v, path[1:], junk) if k == path[0] else v for k, v in value.items()}
    assert isinstance(value, list)
    return [replaced(v, path[1:], junk) if k == path[0] else v for k, v in enumerate(value)]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([place for place in places(EXAMPLE) if place]), JUNK)
def test_whatever_stands_anywhere_is_accepted_by_both_or_explained(
    place: tuple[str | int, ...], junk: object
) -> None:
    document = replaced(EXAMPLE, place, junk)
    assert isinstance(document, dict)
    text = "".join(f"{key} = {toml(value)}\n" for key, value in document.items())
    mistakes = explain(text, "city.toml")
    try:
        CityFile.model_validate(tomllib.loads(text))
    except ValidationError:
        assert mistakes
    else:
        assert mistakes == []
    for one in mistakes:
        assert MISTAKES["other"].nl.wrong not in one.wrong
        assert not re.search(r"\b(input|should|valid|value|field)\b", one.wrong, re.IGNORECASE)
        assert one.line is not None or "." not in one.key


@given(st.text())
def test_any_text_at_all_is_explained(text: str) -> None:
    explain(text, "city.toml")


# --- lines and words ---------------------------------------------------------------------------------


def test_every_key_is_found_on_its_line() -> None:
    text = (
        "top = 1\n"
        "\n"
        "[a.b]  # comment with [brackets]\n"
        'x.y = "]"\n'
        'long = """\n'
        "[not.a.table]\n"
        '"""\n'
        "items = [\n"
        '  "one",  # ]\n'
        "  # between\n"
        '  { id = "two", n = [1,\n'
        "    2] },\n"
        "]\n"
        "[[a.c]]\n"
        "k = 1\n"
        "[[a.c.d]]\n"
        "[[a.c]]\n"
        "[a.c.e]\n"
        "[[a.c.d]]\n"
        "'quoted key' = 1\n"
    )
    lines = key_lines(text)
    assert {path: lines[path] for path in lines if path[-1] not in {"n", 0}} == {
        ("top",): 1,
        ("a",): 3,
        ("a", "b"): 3,
        ("a", "b", "x"): 4,
        ("a", "b", "x", "y"): 4,
        ("a", "b", "long"): 5,
        ("a", "b", "items"): 8,
        ("a", "b", "items", 1): 12,
        ("a", "b", "items", 1, "id"): 12,
        ("a", "b", "items", 1, "n", 1): 12,
        ("a", "c"): 14,
        ("a", "c", 0, "k"): 15,
        ("a", "c", 0, "d"): 16,
        ("a", "c", 1): 17,
        ("a", "c", 1, "e"): 18,
        ("a", "c", 1, "d"): 19,
        ("a", "c", 1, "d", 0, "quoted key"): 20,
    }
    assert key_lines(text.replace("\n", "\r\n")) == lines
    assert lines["a", "b", "items", 0] == 9
    assert lines["a", "c", 0] == 14
    assert lines["a", "c", 1, "d", 0] == 19


def test_items_that_start_with_the_comma_have_the_line_of_their_list() -> None:
    lines = key_lines('a = [\n  "one"\n, "two"\n]\nb = 1\n')
    assert lines == {("a",): 1, ("a", 0): 2, ("a", 1): 1, ("b",): 5}


def test_every_place_of_the_shipped_file_has_a_line_that_names_it() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    lines = key_lines(text)
    for place in places(tomllib.loads(text)):
        key = place[-1] if place else 0
        if isinstance(key, str):
            assert key in text.split("\n")[lines[place] - 1], place


def slots(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_has_words_in_both_languages_with_the_same_slots(kind: str) -> None:
    nl, en = MISTAKES[kind]
    for dutch, english in zip(nl, en, strict=True):
        assert dutch
        assert english
        assert slots(dutch) == slots(english)
    assert nl != en
    assert isinstance(nl, Said)


def test_the_other_words_too() -> None:
    words: Mapping[str, tuple[str, str]] = PHRASES
    for nl, en in words.values():
        assert nl
        assert slots(nl) == slots(en)
