"""Appointments: how many working days a resident waits for one."""

from __future__ import annotations

from grafana_foundation_sdk.builders import bargauge, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.grafana.board import BoardName, board, breaches_of_queue, to_board
from deploy.grafana.kpis import LEAD_TIME, judged, verdicts
from deploy.grafana.labels import replaced
from deploy.grafana.palette import PLAIN, Colour
from deploy.grafana.panels import (
    bars,
    fixed,
    given,
    instant,
    lines,
    number,
    numbers_as_shades,
    over_time,
    range_band,
    states_over_time,
    target_line,
)
from deploy.grafana.promql import CHOSEN, TODAY, TOTAL, growth, named, per_place
from deploy.grafana.words import APPOINTMENTS, TARGET, CountersWords, Edition, Text
from deploy.grafana.words import AppointmentsWords as Words

FREE = per_place(f"wachtpost_first_free_appointment_workdays{{{CHOSEN}}}")


def appointments(say: Edition) -> Dashboard:
    return (
        board(say, BoardName.APPOINTMENTS, "now-24h", "30s")
        .with_panel(_today(say).height(10).span(6))
        .with_panel(_clusters(say).height(10).span(18))
        .with_panel(_free(say).height(10).span(12))
        .with_panel(_booked(say).height(10).span(12))
        .with_panel(_course(say).height(9).span(12))
        .with_panel(_spread(say).height(9).span(12))
        .with_panel(_per_day(say).height(9).span(12))
        .with_panel(_free_course(say).height(9).span(12))
    )


def _today(say: Edition) -> stat.Panel:
    """The whole city's lead time of today against the target."""
    asked = verdicts(LEAD_TIME, say, TOTAL, TODAY, one=True)
    panel = judged(number(say, Words.TODAY, asked, named=True, solid=True), LEAD_TIME, say)
    return panel.links(to_board(BoardName.BREACHES, say))


def _clusters(say: Edition) -> bargauge.Panel:
    asked = verdicts(LEAD_TIME, say, CHOSEN, TODAY, ranged=True)
    panel = judged(bars(say, Words.CLUSTERS, asked, title_size=13, value_size=18), LEAD_TIME, say)
    return panel.data_links(breaches_of_queue(say))


def _free(say: Edition) -> bargauge.Panel:
    # No rolling figure: the diary's own word, held against the same promise.
    asked = instant(named(LEAD_TIME.compared(say, FREE)), "{{name}} · {{verdict}}")
    panel = judged(bars(say, Words.FREE, asked, title_size=13, value_size=18), LEAD_TIME, say)
    return panel.decimals(0).data_links(breaches_of_queue(say))


def _course(say: Edition) -> timeseries.Panel:
    target = f'max(wachtpost_kpi_target{{{TOTAL}, kpi="{LEAD_TIME.name}"}})'
    asked: tuple[tuple[Text, str], ...] = (
        (CountersWords.WAIT_TODAY, LEAD_TIME.value(TOTAL, TODAY)),
        (TARGET, target),
        (CountersWords.WAIT_LONG, LEAD_TIME.value(TOTAL, say.long)),
        *LEAD_TIME.range(TOTAL, TODAY),
    )
    panel = lines(say, Words.COURSE, *(over_time(query, say(text)) for text, query in asked), fill=0)
    return (
        range_band(panel, say, ("D", "E"), PLAIN)
        .unit(LEAD_TIME.unit_in(say))
        .decimals(LEAD_TIME.decimals)
        .override_by_name(say(CountersWords.WAIT_TODAY), given(color=fixed(PLAIN)))
        .override_by_name(say(CountersWords.WAIT_LONG), given(color=fixed(Colour.ORANGE)))
        .override_by_query("B", target_line())
    )


def _spread(say: Edition) -> bargauge.Panel:
    buckets = growth(f"wachtpost_appointments_by_lead_workdays_bucket{{{CHOSEN}}}", "le", "$__range")
    whole = replaced(buckets, "le", "$1", "le", "(.+)[.]0")
    asked = instant(whole, "{{le}}").format(PromQueryFormat.HEATMAP)
    panel = bars(say, Words.SPREAD, asked, upright=True, title_size=12, value_size=16)
    return panel.color_scheme(fixed(PLAIN)).override_by_name("+Inf", given(displayName=say(Words.LONGER)))


def _booked(say: Edition) -> bargauge.Panel:
    today = per_place(f'wachtpost_kpi_samples{{{CHOSEN}, kpi="{LEAD_TIME.name}", window="{TODAY}"}}')
    asked = instant(f"sort_desc(\n{named(today)}\n)", "{{name}}")
    return bars(say, Words.BOOKED, asked, title_size=13, value_size=18).color_scheme(fixed(PLAIN))


def _per_day(say: Edition) -> timeseries.Panel:
    asked = (
        over_time(growth(f"wachtpost_appointments_{what}{{{CHOSEN}}}", "site", "1d"), say(text))
        for what, text in APPOINTMENTS.items()
    )
    panel = lines(say, Words.PER_DAY, *asked).decimals(0)
    for text, colour in zip(APPOINTMENTS.values(), (PLAIN, Colour.ORANGE, Colour.GREY), strict=True):
        panel.override_by_name(say(text), given(color=fixed(colour)))
    return panel


def _free_course(say: Edition) -> statetimeline.Panel:
    panel = states_over_time(say, Words.FREE_COURSE, over_time(named(FREE), "{{name}}"), legend=False)
    return panel.decimals(0).min(0).color_scheme(numbers_as_shades())
