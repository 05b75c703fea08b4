"""Pipeline health itself: may one believe the other boards."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import bargauge, heatmap, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import BarGaugeValueMode

from deploy.grafana.board import BoardName, board
from deploy.grafana.breaches import RESULT_COLOURS
from deploy.grafana.kpis import severity_words
from deploy.grafana.labels import clock, replaced, worded
from deploy.grafana.palette import BAD, GOOD, PLAIN, UNKNOWN, Colour
from deploy.grafana.panels import (
    LATENCY,
    MOMENT,
    PER_SECOND,
    bars,
    behind,
    calm_at_none,
    columns,
    fixed,
    given,
    histogram_over_time,
    instant,
    lines,
    listing,
    mapped,
    number,
    over_time,
    rows,
    shades,
    states_over_time,
    with_words,
)
from deploy.grafana.promql import INFO_OF_ALL_SITES, growth, named
from deploy.grafana.words import (
    NO_FIGURE,
    RESULTS,
    SEVERITY,
    SINCE,
    BreachesWords,
    Edition,
    PanelText,
)
from deploy.grafana.words import PipelineWords as Words
from domain.refusal_names import REFUSAL_NAMES

PARTITION: Final = "p{{partition}}"
"""As in the names of Redis' keys."""


def pipeline(say: Edition) -> Dashboard:
    return (
        board(say, BoardName.PIPELINE, "now-1h", "10s")
        .with_panel(_up(say).height(8).span(6))
        .with_panel(_owner(say).height(8).span(6))
        .with_panel(_alarms(say).height(8).span(12))
        .with_panel(_lag(say).height(7).span(8))
        .with_panel(_rates(say).height(7).span(10))
        .with_panel(_ages(say).height(7).span(6))
        .with_panel(_commit_quantiles(say).height(8).span(8))
        .with_panel(_commit(say).height(8).span(16))
        .with_panel(_dead(say).height(10).span(8))
        .with_panel(_unfinished(say).height(10).span(8))
        .with_panel(_closed(say).height(10).span(8))
        .with_panel(_odd(say).height(13).span(8))
        .with_panel(_requests(say).height(13).span(6))
        .with_panel(_results(say).height(13).span(6))
        .with_panel(_notes(say).height(13).span(4))
        .with_panel(_config(say).height(8).span(24))
    )


def _up(say: Edition) -> statetimeline.Panel:
    words = mapped({"1": (say(Words.RUNS), GOOD), "0": (say(Words.DOWN), BAD)})
    asked = over_time("max by (job, instance) (up)", "{{job}} · {{instance}}")
    return states_over_time(say, Words.UP, asked).mappings(words).per_page(9)


def _owner(say: Edition) -> statetimeline.Panel:
    def owner(series: str) -> str:
        return f"max by (instance, partition) ({series})"

    who = f"{PARTITION} · {{{{instance}}}}"
    words = mapped({"1": (say(Words.WORKS), GOOD), "0": (say(Words.STANDS_BY), UNKNOWN)})
    return states_over_time(
        say,
        Words.OWNER,
        over_time(owner("wachtpost_lease_owner"), f"{say(Words.EVALUATOR)} {who}"),
        over_time(owner("wachtpost_notifier_lease_owner"), f"{say(Words.NOTIFIER)} {who}"),
    ).mappings(words)


def _alarms(say: Edition) -> table.Panel:
    # severity none: the heartbeat, which always rings.
    firing = 'ALERTS{alertstate="firing", severity!="none"}'
    since = f"ALERTS_FOR_STATE and ignoring (alertstate) {firing}"
    headings = {
        "severity": say(SEVERITY),
        "alertname": say(Words.ALARM),
        "job": say(Words.ABOUT_WHAT),
        "Value": say(SINCE),
    }
    asked = rows(f"1000 * max by (alertname, severity, job) ({since})")
    return (
        listing(say, Words.ALARMS, asked, sort_by=say(SINCE), highest_first=True)
        .no_value(say(Words.NO_ALARMS))
        .override_by_name(say(SEVERITY), given(mappings=mapped(severity_words(say)), custom_width=150))
        .override_by_name(say(SINCE), given(unit=MOMENT, custom_width=105))
        .override_by_name(say(Words.ABOUT_WHAT), given(noValue=NO_FIGURE, custom_width=95))
        .override_by_name(say(Words.ALARM), given(custom_minWidth=275))
        .with_transformation(columns(headings))
    )


def _config(say: Edition) -> table.Panel:
    def as_label(label: str, series: str) -> str:
        return f'count_values by (job, instance) ("{label}", {series})'

    in_force = "1000 * max by (job, instance) (wachtpost_config_last_reload_success_timestamp_seconds)"
    asked = f"""{in_force}
  * on (job, instance) group_left (config) {as_label("config", "wachtpost_config_hash")}
  * on (job, instance) group_left (last) {as_label("last", "wachtpost_config_last_reload_successful")}
  * on (job, instance) group_left (version, python) wachtpost_build_info"""
    headings = {
        "job": say(Words.ABOUT_WHAT),
        "instance": say(Words.INSTANCE),
        "config": say(Words.CONFIG_HASH),
        "Value": say(Words.IN_FORCE_SINCE),
        "last": say(Words.LAST_RELOAD),
        "version": say(Words.RELEASE),
        "python": "Python",
    }
    outcomes = mapped({"1": (say(Words.TAKEN_OVER), GOOD), "0": (say(Words.REFUSED), BAD)})
    return (
        listing(say, Words.CONFIG, rows(asked), sort_by=say(Words.ABOUT_WHAT))
        .override_by_name(say(Words.IN_FORCE_SINCE), given(unit=MOMENT))
        .override_by_name(say(Words.LAST_RELOAD), given(mappings=outcomes))
        .with_transformation(columns(headings))
    )


def _lag(say: Edition) -> timeseries.Panel:
    asked = over_time("max by (partition) (wachtpost_stream_lag_seconds)", PARTITION)
    return lines(say, Words.LAG, asked, fill=30).unit(LATENCY).decimals(1).color_scheme(shades(PLAIN))


def _rates(say: Edition) -> timeseries.Panel:
    told = "sum by (source) (rate(wachtpost_ingest_events_total[$__rate_interval]))"
    counted = "sum(rate(wachtpost_events_read_total[$__rate_interval]))"
    panel = lines(say, Words.RATES, over_time(told, "{{source}}"), over_time(counted, say(Words.COUNTED)))
    panel.unit(PER_SECOND).decimals(2).color_scheme(shades(PLAIN))
    return panel.override_by_name(say(Words.COUNTED), given(color=fixed(Colour.ORANGE)))


def _ages(say: Edition) -> bargauge.Panel:
    last = "max by (source) (wachtpost_last_event_timestamp_seconds)"
    age = f"clamp_min(time() - ({last} > 0), 0)"
    heard = f"{age}\n* on (source) group_left (shown)\n{clock('shown', age, by='source')}"
    # -1 for a source that never said anything: its age since 1970 says nothing to anybody.
    never = replaced(f"({last} == 0) - 1", "shown", say(Words.NEVER))
    asked = instant(f"sort_desc(\n{heard}\nor on (source)\n{never}\n)", "{{source}} · {{shown}}")
    panel = bars(say, Words.AGES, asked, title_size=16, value_size=12).value_mode(BarGaugeValueMode.HIDDEN)
    return panel.color_scheme(fixed(PLAIN)).mappings(mapped({"-1": (say(Words.NEVER), UNKNOWN)}))


def _commit(say: Edition) -> heatmap.Panel:
    times = "sum by (le) (increase(wachtpost_commit_seconds_bucket[$__rate_interval]))"
    return histogram_over_time(say, Words.COMMIT, over_time(times, "{{le}}"), LATENCY)


def _commit_quantiles(say: Edition) -> timeseries.Panel:
    def quantile(share: float) -> str:
        times = "sum by (le) (rate(wachtpost_commit_seconds_bucket[$__rate_interval]))"
        return f"1000 * histogram_quantile({share}, {times})"

    half, most = over_time(quantile(0.5), say(BreachesWords.HALF)), over_time(quantile(0.99), say(Words.P99))
    return (
        lines(say, Words.COMMIT_QUANTILES, half, most)
        .unit(behind(" ms"))
        .decimals(1)
        .override_by_name(say(BreachesWords.HALF), given(color=fixed(PLAIN)))
        .override_by_name(say(Words.P99), given(color=fixed(Colour.ORANGE)))
    )


def _dead(say: Edition) -> bargauge.Panel:
    refused = "sort_desc(sum by (reason) (increase(wachtpost_dead_letters_total[$__range])))"
    panel = bars(say, Words.DEAD, instant(refused, "{{reason}}"), title_size=13, value_size=15)
    names = {reason.value: name for reason, name in REFUSAL_NAMES.items()}
    return with_words(panel, say, names, [Colour.ORANGE] * len(names))


def _unfinished(say: Edition) -> bargauge.Panel:
    calls = growth("wachtpost_calls_unfinished", "site, queue", "$__range")
    visits = growth("wachtpost_visits_unfinished", "site, queue", "$__range")
    return _per_queue(say, Words.UNFINISHED, f"{calls}\nor\n{visits}", Colour.ORANGE)


def _closed(say: Edition) -> bargauge.Panel:
    outside = growth("wachtpost_contacts_while_closed", "site, queue", "$__range")
    return _per_queue(say, Words.CLOSED, outside, PLAIN)


def _per_queue(say: Edition, text: PanelText, counts: str, colour: Colour) -> bargauge.Panel:
    sites = {site.id: site.title for site in say.city.sites}
    found, called = named(counts, INFO_OF_ALL_SITES), "{{name}}"
    if len(sites) > 1:  # two town halls have a queue of the same name each
        found, called = worded(found, "site", sites), "{{name}} · {{site}}"
    asked = instant(f"sort_desc(\n{found}\n)", called)
    return bars(say, text, asked, title_size=13, value_size=15).color_scheme(fixed(colour))


def _odd(say: Edition) -> bargauge.Panel:
    asked = (
        (Words.DUPLICATES, "wachtpost_duplicates_total"),
        (Words.LATE, "wachtpost_late_total"),
        (Words.UNKNOWN_LINES, "wachtpost_queue_log_unknown_verbs_total"),
        (Words.UNUSABLE_WAITS, "wachtpost_queue_log_unusable_waits_total"),
        (Words.LEFT_CALLS, "wachtpost_queue_log_left_calls_total"),
        (Words.UNREADABLE, "wachtpost_notifier_unreadable_total"),
    )
    queries = [instant(f"sum(increase({series}[$__range]))", say(text)) for text, series in asked]
    again = f"sum({growth('wachtpost_repeated_outcomes', 'site, source', '$__range')})"
    queries.append(instant(again, say(Words.REPEATED)))
    queries.append(instant("max(wachtpost_source_clock_ahead_seconds)", say(Words.CLOCK_AHEAD)))
    return bars(say, Words.ODD, *queries, title_size=13, value_size=15).color_scheme(fixed(Colour.ORANGE))


def _requests(say: Edition) -> timeseries.Panel:
    asked = "sum by (status) (rate(wachtpost_ingest_requests_total[$__rate_interval]))"
    panel = (
        lines(say, Words.REQUESTS, over_time(asked, "{{status}}"), stacked=True).unit(PER_SECOND).decimals(2)
    )
    for first, colour in (("2", PLAIN), ("4", Colour.ORANGE), ("5", BAD)):
        panel.override_by_regexp(f"/^{first}/", given(color=shades(colour)))
    return panel


def _results(say: Edition) -> stat.Panel:
    tried = "sum by (result) (increase(wachtpost_notifications_total[$__range]))"
    panel = number(say, Words.RESULTS, instant(tried, "{{result}}"), listed=True).decimals(0)
    return with_words(panel.mappings(calm_at_none()), say, RESULTS, RESULT_COLOURS)


def _notes(say: Edition) -> stat.Panel:
    written = "sum by (result) (increase(wachtpost_annotations_total[$__range]))"
    panel = number(say, Words.NOTES, instant(written, "{{result}}"), listed=True).decimals(0)
    words = {"written": Words.WRITTEN, "failed": Words.FAILED}
    return with_words(panel.mappings(calm_at_none()), say, words, (PLAIN, BAD))
