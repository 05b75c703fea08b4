"""The model of the city file: what it takes, what it makes of it, what its defaults are."""

from __future__ import annotations

import re
import tomllib
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.windows import window_label
from shared.calendar import Calendar
from shared.config.alerting import (
    AlertmanagerChannel,
    AppriseChannel,
    BudgetRule,
    EmailChannel,
    GrafanaConfig,
    KpiRule,
    MuteTimes,
    NoDataRule,
    NotifyConfig,
    Receiver,
    Route,
    SmtpConfig,
    WebhookChannel,
)
from shared.config.model import CityFile, QueueLogSource, Span, load
from shared.config.references import meeting_mistakes
from shared.config.types import ALL_QUEUES, EVERY_QUEUE, on_histogram_edge
from shared.contract.kpis import Kpi, QueueKind

SHIPPED = Path(__file__).parents[3] / "examples" / "lier" / "city.toml"

CHANNELS = (EmailChannel, WebhookChannel, AlertmanagerChannel, AppriseChannel)

PLAIN = """
[city]
name = "Lier"
[[sites]]
id = "lier"
queues = [{ id = "onthaal", kind = "phone" }]
"""


def city(text: str = "") -> CityFile:
    return CityFile.model_validate(tomllib.loads(text + PLAIN))


def test_the_shipped_file_makes_the_promises_of_lier() -> None:
    lier = load(SHIPPED)
    assert [(t.kpi.value, t.queue, t.limit, t.period) for t in lier.targets] == [
        ("missed_ratio", "all", 0.20, "year"),
        ("call_wait_mean", "all", 45, "month"),
        ("lead_time_mean", "all", 5, "month"),
        ("visit_wait_mean", "loket-burgerzaken", 60, "month"),
        ("visit_wait_mean", "loket-energie", 300, "month"),
        ("visit_wait_mean", "loket-mobiliteit", 120, "month"),
        ("visit_wait_mean", "loket-ocmw", 600, "month"),
        ("visit_wait_mean", "loket-omgeving", 300, "month"),
        ("visit_wait_mean", "loket-wonen", 300, "month"),
    ]
    assert lier.live_definition.id == "lier-1"
    assert [d.short_abandon for d in lier.missed_definitions] == [timedelta(0), timedelta(seconds=10)]
    assert [len(lier.site("lier").of_kind(kind)) for kind in QueueKind] == [3, 6]


EXAMPLE = re.compile(r"^# (?=\[{1,2}[a-z_.]+\]{1,2}$|[a-z_0-9]+ = \S|  \{ |\]$)", re.MULTILINE)
"""The comment sign before a line of TOML, as opposed to one before words."""


def with_examples() -> CityFile:
    """The shipped file with everything in it that is commented out."""
    text = EXAMPLE.sub("", SHIPPED.read_text(encoding="utf-8"))
    evenings = '[hours.stil]\nmonday = ["18:00-24:00"]\n'  # the comment asks to add it
    return CityFile.model_validate(tomllib.loads(f"{text}\n{evenings}"))


def test_the_shipped_examples_are_good_once_their_comment_signs_are_gone() -> None:
    lier = with_examples()
    assert [source.kind for source in lier.sources] == ["queue_log", "http"]
    assert [rule.source for rule in lier.no_data_rules] == ["pbx"]
    assert [receiver.id for receiver in lier.receivers] == [
        "balieverantwoordelijke",
        "afdelingshoofd",
        "meldkamer",
    ]
    kinds = {channel.kind for receiver in lier.receivers for channel in receiver.channels}
    assert kinds == {"email", "webhook", "alertmanager", "apprise"}
    assert len(lier.routes) == 3
    assert lier.smtp is not None
    assert lier.grafana is not None
    assert [quiet.hours for quiet in lier.notify.quiet] == ["stil"]
    assert lier.notify.board_url is not None


def test_the_shipped_examples_leave_out_no_key_that_a_reader_may_want() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    sections = (
        KpiRule,
        BudgetRule,
        NoDataRule,
        Receiver,
        Route,
        MuteTimes,
        SmtpConfig,
        GrafanaConfig,
        NotifyConfig,
        *CHANNELS,
    )
    for section in sections:
        for key in section.model_fields:
            assert re.search(rf"\b{key}\b", text), (section.__name__, key)


def test_a_city_that_changes_nothing_tells_nobody() -> None:
    lier = load(SHIPPED)
    assert (lier.receivers, lier.routes, lier.no_data_rules) == ((), (), ())
    assert (lier.smtp, lier.grafana) == (None, None)


def test_the_shipped_rules_watch_every_promise_of_lier() -> None:
    lier = load(SHIPPED)
    for target in lier.targets:
        rules = [
            rule
            for rule in lier.rules
            if isinstance(rule, KpiRule)
            and rule.kpi is target.kpi
            and rule.queue in {target.queue, EVERY_QUEUE}
        ]
        windows = {rule.window for rule in rules if lier.limit_of(rule, "lier", target.queue) == target.limit}
        assert target.period in windows, target
    assert {rule.kpi for rule in lier.budget_rules} == {Kpi.MISSED_RATIO, Kpi.CALL_WAIT_MEAN}


def test_the_shipped_burn_rates_use_of_a_months_budget_what_the_file_says() -> None:
    lier = load(SHIPPED)
    calendar = Calendar(lier)
    year = [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]
    minutes = [end - start for day in year for start, end in calendar.spans("contactcentrum", day)]
    month_hours = sum(minutes) / 60 / 12
    fast, slow = lier.budget_rules[:2]
    assert round(month_hours) == 158
    assert round(100 * fast.burn_rate * 1 / month_hours) == 2
    assert round(100 * slow.burn_rate * 8 / month_hours) == 8


def test_a_plain_file_gets_the_defaults_that_the_shipped_file_spells_out() -> None:
    plain, shipped = city(), load(SHIPPED)
    assert plain.missed_definitions == shipped.missed_definitions[:1]
    assert plain.live.missed_definition == shipped.live.missed_definition
    for section in ("speed_categories", "service_level", "pipeline", "notify"):
        assert getattr(plain, section) == getattr(shipped, section), section
    assert plain.calendar.public_holidays == shipped.calendar.public_holidays


def test_contacts_belong_to_hours_by_their_entry_and_visits_end_with_the_day_unless_a_city_says_so() -> None:
    lier = city().pipeline
    assert (lier.visit_timeout, lier.clock_tolerance, lier.hours_by) == (None, timedelta(minutes=2), "entry")
    own = city('[pipeline]\nvisit_timeout = "3h"\nclock_tolerance = "0s"\nhours_by = "outcome"\n').pipeline
    assert (own.visit_timeout, own.clock_tolerance, own.hours_by) == (
        timedelta(hours=3),
        timedelta(0),
        "outcome",
    )


def test_dates_and_times_may_be_toml_values_or_text() -> None:
    both = city(
        "[calendar]\nclosing_days = [{ on = 2026-05-15, closes_at = 12:00:00 }, "
        '{ on = "2026-05-15", closes_at = "12:00" }]\n'
    ).calendar.closing_days
    assert [(day.on, day.closes_at) for day in both] == [(date(2026, 5, 15), time(12))] * 2


def test_opening_hours_are_read_as_minutes_of_the_wall_clock() -> None:
    hours = city('[hours.h]\nmonday = ["18:00-24:00", " 00:00 - 08:30 "]\n').hours["h"]
    assert [(span.start_minute, span.end_minute) for span in hours.monday] == [(1080, 1440), (0, 510)]
    assert hours.by_weekday[0] == hours.monday
    assert hours.by_weekday[1:] == ((),) * 6
    assert Span(start_minute=0, end_minute=510) == hours.monday[1]


def test_a_source_may_speak_for_some_queues_or_for_all() -> None:
    key = "0" * 64
    text = f'[[sources]]\nkind = "http"\nid = "{{}}"\nsite = "lier"\nkey_sha256 = ["{key}"]\n'
    every, some = city(text.format("a") + text.format("b") + 'queues = ["onthaal"]\n').sources
    assert (every.queues, some.queues) == ("*", ("onthaal",))


def test_a_changed_copy_is_not_served_what_the_original_worked_out() -> None:
    brussels = city().city
    assert brussels.zone.key == "Europe/Brussels"
    assert brussels.model_copy(update={"time_zone": "UTC"}).zone.key == "UTC"


def test_a_good_file_survives_being_written_as_json() -> None:
    lier = with_examples()
    assert CityFile.model_validate(lier.model_dump()) == lier


def test_the_model_refuses_all_names_that_do_not_meet_in_one_error() -> None:
    with pytest.raises(ValidationError) as refused:
        city('[live]\nmissed_definition = "x"\n[[targets]]\nkpi = "missed_ratio"\nlimit = 0.2\nqueue = "y"\n')
    assert "live.missed_definition: name_unknown x (known: lier-1)" in str(refused.value)
    assert "targets.0.queue: name_unknown y (known: all, onthaal)" in str(refused.value)


def test_a_target_is_found_by_kpi_site_and_queue() -> None:
    lier = load(SHIPPED)
    target = lier.target(Kpi.MISSED_RATIO, "lier", ALL_QUEUES)
    assert target is not None
    assert target.limit == 0.20
    assert lier.target(Kpi.SERVICE_LEVEL, "lier", ALL_QUEUES) is None
    assert lier.target(Kpi.MISSED_RATIO, "lier", "onthaal") is None


OF_THE_SITE = """
[[targets]]
kpi = "missed_ratio"
limit = 0.2
period = "year"
[[targets]]
kpi = "missed_ratio"
limit = 0.3
"""
PROMISES = f"""{OF_THE_SITE}
[[targets]]
kpi = "missed_ratio"
queue = "onthaal"
limit = 0.4
[[targets]]
kpi = "missed_ratio"
site = "lier"
queue = "onthaal"
limit = 0.5
"""


@pytest.mark.parametrize(
    ("story", "promises", "rule", "queue", "limit"),
    [
        ("its own limit goes first", PROMISES, 'limit = 0.1\nqueue = "onthaal"', "onthaal", 0.1),
        ("a queue's target of this site", PROMISES, 'queue = "onthaal"', "onthaal", 0.5),
        ("the target of the window's period", PROMISES, 'window = "month"', "all", 0.3),
        ("the other period's too", PROMISES, 'window = "year"', "all", 0.2),
        ("of no period: the first", PROMISES, 'window = "today"', "all", 0.2),
        ("a queue without one: the site's", OF_THE_SITE, 'queue = "*"', "onthaal", 0.2),
        ("the site's, of the period", OF_THE_SITE, 'queue = "*"\nwindow = "month"', "onthaal", 0.3),
    ],
)
def test_a_rule_without_limit_has_the_citys_target(
    story: str, promises: str, rule: str, queue: str, limit: float
) -> None:
    here = city(promises + f'[[rules]]\nid = "r"\nkpi = "missed_ratio"\n{rule}\n')
    assert here.limit_of(here.rules[0], "lier", queue) == limit, story


@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, "lier"]),
            st.sampled_from([ALL_QUEUES, "onthaal"]),
            st.sampled_from(["month", "year"]),
            st.sampled_from([0.1, 0.2, 0.3]),
        ),
        max_size=6,
        unique_by=lambda promise: promise[:3],
    ),
    st.sampled_from([ALL_QUEUES, "onthaal", EVERY_QUEUE]),
    st.sampled_from(["15m", "month", "year"]),
)
def test_the_check_of_thresholds_finds_the_same_limit_as_the_judge(
    promises: list[tuple[str | None, str, str, float]], queue: str, window: str
) -> None:
    targets = [
        {"kpi": "missed_ratio", "queue": of, "period": period, "limit": limit}
        | ({"site": site} if site else {})
        for site, of, period, limit in promises
    ]
    rule = {"id": "r", "kpi": "missed_ratio", "queue": queue, "window": window}
    document = tomllib.loads(PLAIN) | {"targets": targets}
    watched = "onthaal" if queue == EVERY_QUEUE else queue
    free = CityFile.model_validate(document | {"rules": [rule | {"limit": 0.5}]})
    limit = free.limit_of(KpiRule.model_validate(rule), "lier", watched)
    mistakes = meeting_mistakes(document | {"rules": [rule | {"clear_at": 1.0}]})
    if limit is None:
        assert [one.kind for one in mistakes] == ["target_missing"]
    else:
        assert [(one.kind, one.number) for one in mistakes] == [("clear_at_high", limit)]


@given(st.integers(0, 5 * 3600), st.integers(0, 999))
def test_histogram_edges_are_whole_seconds_and_coarser_further_out(seconds: int, ms: int) -> None:
    step = 1 if seconds <= 600 else 10 if seconds <= 3600 else 60
    edge = seconds % step == 0 and ms == 0 and seconds <= 4 * 3600
    assert on_histogram_edge(timedelta(seconds=seconds, milliseconds=ms)) is edge


def test_a_queue_log_source_uses_the_pbx_names_unless_told() -> None:
    source = QueueLogSource.model_validate({"id": "pbx", "site": "lier", "path": "/x"})
    assert source.queues == {}


TOTAL_RULE = {"id": "a", "kpi": "missed_ratio", "window": "30m", "limit": 0.3}
QUEUE_RULE = {"id": "b", "kpi": "call_wait_mean", "queue": "*", "window": "last 7", "limit": 60}
MONTH_RULE = {"id": "c", "kpi": "call_wait_mean", "window": "month", "limit": 60}
BOTH_RULE = {
    "id": "d",
    "all": [
        {"kpi": "waiting", "limit": 3},
        {"kpi": "missed_ratio", "window": "2h", "limit": 0.3},
    ],
}
VISIT_RULE = {"id": "e", "kpi": "visit_wait_mean", "queue": "*", "window": "6h", "limit": 600}


@pytest.mark.parametrize(
    ("rules", "windows", "of_now", "shown"),
    [
        ([], ["1h", "15m"], "15m", "1h 15m"),
        ([], ["15m", "last 20", "last 5"], "last 5", "15m,last 20,last 5"),
        ([TOTAL_RULE], ["15m", "1h"], "30m", "15m 1h 30m"),
        ([QUEUE_RULE, TOTAL_RULE], ["15m"], "30m", "15m,last 7,30m"),
        ([QUEUE_RULE], ["15m"], "last 7", "15m,last 7"),
        ([MONTH_RULE], ["15m"], "15m", "15m"),
        ([BOTH_RULE], ["15m"], "2h", "15m 2h"),
        ([VISIT_RULE], ["15m"], "15m", "15m 6h"),
    ],
)
def test_boards_look_back_as_the_rules_do(
    rules: list[dict[str, object]], windows: list[str], of_now: str, shown: str
) -> None:
    city = CityFile.model_validate(
        {
            "city": {"name": "Proefstad"},
            "live": {"windows": windows},
            "sites": [
                {"id": "huis", "queues": [{"id": "a", "kind": "phone"}, {"id": "b", "kind": "counter"}]}
            ],
            "rules": rules,
        }
    )
    labels = [window_label(window) for window in city.shown_windows]
    assert (window_label(city.window_of_now), labels) == (of_now, shown.split("," if "," in shown else " "))
