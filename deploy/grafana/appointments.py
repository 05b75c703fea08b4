"""Appointments: how many working days a resident waits for one."""

from __future__ import annotations

from dataclasses import replace

from deploy.grafana.board import Band, Board, Name, breaches_of_queue, to_board
from deploy.grafana.kpis import LEAD_TIME, verdict_fields, verdicts
from deploy.grafana.palette import PLAIN, Colour
from deploy.grafana.panels import (
    COUNT,
    Answer,
    Fields,
    Panel,
    Query,
    bar_gauge,
    fixed,
    numbers_as_shades,
    of_name,
    stat,
    state_timeline,
    target_line,
    time_series,
)
from deploy.grafana.promql import CHOSEN, LONG, TODAY, TOTAL, increase, named, per_place
from deploy.grafana.words import NO_DATA, TARGET, Boards, Counters, Language, Say, headed, speaker
from deploy.grafana.words import Appointments as Words


def appointments(language: Language) -> Board:
    """Return the board in one language."""
    say = speaker(language)
    return Board(
        name=Name.APPOINTMENTS,
        language=language,
        about=Boards.APPOINTMENTS_ABOUT,
        since="now-24h",
        refresh="30s",
        bands=(
            Band(
                10,
                (
                    (6, lead_time_today(say, language)),
                    (9, _clusters(say, language)),
                    (9, _free(say, language)),
                ),
            ),
            Band(9, ((12, _course(say)), (12, _spread(say)))),
            Band(9, ((12, _booked(say)), (12, _per_day(say)))),
            Band(6, ((24, _free_course(say)),)),
        ),
    )


def lead_time_today(say: Say, language: Language) -> Panel:
    """The whole city's lead time of today against the target."""
    return stat(
        headed(say, Words.TODAY),
        [verdicts(LEAD_TIME, say, TOTAL, TODAY, one=True, counted=True)],
        verdict_fields(LEAD_TIME, say),
        named=True,
        solid=True,
        links=(to_board(Name.BREACHES, language),),
    )


def _clusters(say: Say, language: Language) -> Panel:
    return bar_gauge(
        headed(say, Words.CLUSTERS),
        [verdicts(LEAD_TIME, say, CHOSEN, TODAY, counted=True)],
        verdict_fields(LEAD_TIME, say, (breaches_of_queue(language),)),
        title_size=14,
        value_size=18,
    )


def _free(say: Say, language: Language) -> Panel:
    # No rolling figure: the diary's own word, held against the same promise.
    free = per_place(f"wachtpost_first_free_appointment_workdays{{{CHOSEN}}}")
    verdict = LEAD_TIME.verdict_of(say, free)
    return bar_gauge(
        headed(say, Words.FREE),
        [Query(named(verdict), Answer.NOW, "{{name}} · {{verdict}}")],
        replace(verdict_fields(LEAD_TIME, say, (breaches_of_queue(language),)), decimals=0),
        title_size=14,
        value_size=18,
    )


def _course(say: Say) -> Panel:
    target = f'max(wachtpost_kpi_target{{{TOTAL}, kpi="{LEAD_TIME.name}"}})'
    few = "fewer appointments than live.min_samples in the last hour: no figure, which is not zero"
    return time_series(
        headed(say, Words.COURSE),
        [
            Query(LEAD_TIME.value(TOTAL, TODAY), legend=say(Counters.WAIT_TODAY)),
            Query(target, legend=say(TARGET)),
            Query(LEAD_TIME.value(TOTAL, LONG), legend=say(Counters.WAIT_HOUR), empty_because=few),
        ],
        Fields(
            unit=say(LEAD_TIME.unit),
            decimals=LEAD_TIME.decimals,
            least=0,
            no_value=say(NO_DATA),
            overrides=(
                of_name(say(Counters.WAIT_TODAY), color=fixed(PLAIN)),
                of_name(say(Counters.WAIT_HOUR), color=fixed(Colour.ORANGE)),
                target_line("B"),
            ),
        ),
    )


def _spread(say: Say) -> Panel:
    buckets = increase(f"wachtpost_appointment_lead_workdays_bucket{{{CHOSEN}}}", "le", "$__range")
    whole = f'label_replace(\n{buckets},\n"le", "$1", "le", "(.+)[.]0")'
    return bar_gauge(
        headed(say, Words.SPREAD),
        [Query(whole, Answer.BUCKETS_NOW, "{{le}}")],
        Fields(
            unit=COUNT,
            decimals=0,
            least=0,
            colour=fixed(PLAIN),
            no_value=say(NO_DATA),
            overrides=(of_name("+Inf", displayName=say(Words.LONGER)),),
        ),
        upright=True,
        title_size=16,
        value_size=16,
    )


def _booked(say: Say) -> Panel:
    today = per_place(f'wachtpost_kpi_samples{{{CHOSEN}, kpi="{LEAD_TIME.name}", window="{TODAY}"}}')
    return bar_gauge(
        headed(say, Words.BOOKED),
        [Query(f"sort_desc(\n{named(today)}\n)", Answer.NOW, "{{name}}")],
        Fields(unit=COUNT, decimals=0, least=0, colour=fixed(PLAIN), no_value=say(NO_DATA)),
        title_size=14,
        value_size=18,
    )


def _per_day(say: Say) -> Panel:
    booked = increase(f"wachtpost_appointments_booked_total{{{CHOSEN}}}", "site", "1d")
    return time_series(
        headed(say, Words.PER_DAY),
        [Query(booked, legend=say(Words.PER_DAY.title))],
        Fields(unit=COUNT, decimals=0, least=0, colour=fixed(PLAIN), no_value=say(NO_DATA)),
        fill=30,
        legend=False,
    )


def _free_course(say: Say) -> Panel:
    free = per_place(f"wachtpost_first_free_appointment_workdays{{{CHOSEN}}}")
    return state_timeline(
        headed(say, Words.FREE_COURSE),
        [Query(named(free), legend="{{name}}")],
        Fields(unit=COUNT, decimals=0, least=0, colour=numbers_as_shades(), no_value=say(NO_DATA)),
        legend=False,
    )
