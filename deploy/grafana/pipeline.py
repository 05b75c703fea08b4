"""Pipeline health itself: may one believe the other boards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from deploy.grafana.board import Band, Board, Name
from deploy.grafana.breaches import NO_RECEIVER
from deploy.grafana.kpis import severity_words
from deploy.grafana.palette import BAD, GOOD, PLAIN, UNKNOWN, Colour
from deploy.grafana.panels import (
    CLOCK,
    COUNT,
    LATENCY,
    MOMENT,
    PER_SECOND,
    Answer,
    Fields,
    Override,
    Panel,
    Query,
    Word,
    bar_gauge,
    columns,
    fixed,
    heatmap,
    mappings,
    of_name,
    of_pattern,
    series_words,
    shades,
    stat,
    state_timeline,
    table,
    time_series,
)
from deploy.grafana.promql import INFO_OF_ALL_SITES, increase, named
from deploy.grafana.words import (
    NO_DATA,
    REASONS,
    RESULTS,
    SEVERITY,
    SINCE,
    Boards,
    Breaches,
    Language,
    PanelText,
    Say,
    headed,
    speaker,
)
from deploy.grafana.words import Pipeline as Words

RESULT_COLOURS: Final = (PLAIN, Colour.ORANGE, BAD, Colour.GREY)


def pipeline(language: Language) -> Board:
    """Return the board in one language."""
    say = speaker(language)
    return Board(
        name=Name.PIPELINE,
        language=language,
        about=Boards.PIPELINE_ABOUT,
        since="now-1h",
        refresh="10s",
        bands=(
            Band(8, ((8, _up(say)), (8, _owner(say)), (8, _alarms(say)))),
            Band(7, ((8, _lag(say)), (10, _rates(say)), (6, _ages(say)))),
            Band(8, ((8, _commit_quantiles(say)), (16, _commit(say)))),
            Band(10, ((8, _dead(say)), (8, _unfinished(say)), (8, _closed(say)))),
            Band(7, ((6, _odd(say)), (8, _requests(say)), (6, _results(say)), (4, _notes(say)))),
        ),
    )


def _up(say: Say) -> Panel:
    return state_timeline(
        headed(say, Words.UP),
        [Query("max by (job, instance) (up)", legend="{{job}} · {{instance}}")],
        Fields(
            words={"1": Word(say(Words.RUNS), GOOD), "0": Word(say(Words.DOWN), BAD)}, no_value=say(NO_DATA)
        ),
        per_page=9,
    )


def _owner(say: Say) -> Panel:
    def owner(series: str) -> str:
        return f"max by (instance, partition) ({series})"

    words = {"1": Word(say(Words.WORKS), GOOD), "0": Word(say(Words.STANDS_BY), UNKNOWN)}
    return state_timeline(
        headed(say, Words.OWNER),
        [
            Query(
                owner("wachtpost_lease_owner"),
                legend=f"{say(Words.EVALUATOR)} {{{{partition}}}} · {{{{instance}}}}",
            ),
            Query(
                owner("wachtpost_notifier_lease_owner"),
                legend=f"{say(Words.NOTIFIER)} {{{{partition}}}} · {{{{instance}}}}",
            ),
        ],
        Fields(words=words, no_value=say(NO_DATA)),
    )


def _alarms(say: Say) -> Panel:
    since = 'ALERTS_FOR_STATE and ignoring (alertstate) ALERTS{alertstate="firing"}'
    headings = {
        "severity": say(SEVERITY),
        "alertname": say(Words.ALARM),
        "job": say(Words.ABOUT_WHAT),
        "Value": say(SINCE),
    }
    return table(
        headed(say, Words.ALARMS),
        [
            Query(
                f"1000 * max by (alertname, severity, job) ({since})",
                Answer.ROWS,
                empty_because="no alarm fires, and this Prometheus may not have our rules",
            )
        ],
        Fields(
            colour=fixed(Colour.TEXT),
            no_value=say(Words.NO_ALARMS),
            overrides=(
                of_name(
                    say(SEVERITY),
                    mappings=mappings(severity_words(say)),
                    custom_width=130,
                ),
                of_name(say(SINCE), unit=MOMENT, custom_width=120),
                of_name(say(Words.ABOUT_WHAT), noValue="–"),
            ),
        ),
        transformations=(columns(headings),),
        sort_by=((say(SINCE), True),),
    )


def _lag(say: Say) -> Panel:
    return time_series(
        headed(say, Words.LAG),
        [Query("max by (partition) (wachtpost_stream_lag_seconds)", legend="{{partition}}")],
        Fields(unit=LATENCY, least=0, colour=shades(PLAIN), no_value=say(NO_DATA)),
        fill=30,
    )


def _rates(say: Say) -> Panel:
    return time_series(
        headed(say, Words.RATES),
        [
            Query(
                "sum by (source) (rate(wachtpost_ingest_events_total[$__rate_interval]))", legend="{{source}}"
            ),
            Query("sum(rate(wachtpost_events_read_total[$__rate_interval]))", legend=say(Words.COUNTED)),
        ],
        Fields(
            unit=PER_SECOND,
            least=0,
            colour=shades(PLAIN),
            no_value=say(NO_DATA),
            overrides=(of_name(say(Words.COUNTED), color=fixed(Colour.ORANGE)),),
        ),
    )


def _ages(say: Say) -> Panel:
    last = "max by (source) (wachtpost_last_event_timestamp_seconds)"
    # -1 for a source that never said anything: its age since 1970 says nothing to anybody.
    age = f"sort_desc(clamp_min(time() - ({last} > 0), 0) or on (source) ({last} == 0) - 1)"
    return bar_gauge(
        headed(say, Words.AGES),
        [Query(age, Answer.NOW, "{{source}}")],
        Fields(
            unit=CLOCK,
            decimals=0,
            least=0,
            colour=fixed(PLAIN),
            words={"-1": Word(say(Words.NEVER), UNKNOWN)},
            no_value=say(NO_DATA),
        ),
        title_size=14,
        value_size=18,
    )


def _commit(say: Say) -> Panel:
    times = "sum by (le) (increase(wachtpost_commit_seconds_bucket[$__rate_interval]))"
    return heatmap(headed(say, Words.COMMIT), [Query(times, Answer.BUCKETS, "{{le}}")], LATENCY, say(NO_DATA))


def _commit_quantiles(say: Say) -> Panel:
    def quantile(share: float) -> str:
        times = "sum by (le) (rate(wachtpost_commit_seconds_bucket[$__rate_interval]))"
        return f"histogram_quantile({share}, {times})"

    return time_series(
        headed(say, Words.COMMIT_QUANTILES),
        [
            Query(quantile(0.5), legend=say(Breaches.HALF)),
            Query(quantile(0.99), legend=say(Words.P99)),
        ],
        Fields(
            unit=LATENCY,
            least=0,
            no_value=say(NO_DATA),
            overrides=(
                of_name(say(Breaches.HALF), color=fixed(PLAIN)),
                of_name(say(Words.P99), color=fixed(Colour.ORANGE)),
            ),
        ),
    )


def _dead(say: Say) -> Panel:
    refused = "sort_desc(sum by (reason) (increase(wachtpost_dead_letters_total[$__range])))"
    return bar_gauge(
        headed(say, Words.DEAD),
        [Query(refused, Answer.NOW, "{{reason}}")],
        Fields(
            unit=COUNT,
            decimals=0,
            least=0,
            no_value=say(NO_DATA),
            overrides=tuple(series_words(say, REASONS, [Colour.ORANGE] * len(REASONS))),
        ),
        title_size=13,
        value_size=15,
    )


def _unfinished(say: Say) -> Panel:
    # A gauge, as a late outcome takes one back; and then it is not less than none.
    lost = "clamp_min(max by (site, queue) (delta(wachtpost_calls_unfinished[$__range])), 0)"
    return _per_queue(say, Words.UNFINISHED, lost, Colour.ORANGE)


def _closed(say: Say) -> Panel:
    outside = increase("wachtpost_contacts_while_closed_total", "site, queue", "$__range")
    return _per_queue(say, Words.CLOSED, outside, PLAIN)


def _per_queue(say: Say, text: PanelText, counts: str, colour: Colour) -> Panel:
    return bar_gauge(
        headed(say, text),
        [Query(f"sort_desc(\n{named(counts, INFO_OF_ALL_SITES)}\n)", Answer.NOW, "{{name}}")],
        Fields(unit=COUNT, decimals=0, least=0, colour=fixed(colour), no_value=say(NO_DATA)),
        title_size=13,
        value_size=15,
    )


def _odd(say: Say) -> Panel:
    no_log = "no source is a queue_log"
    asked = (
        (Words.DUPLICATES, "wachtpost_duplicates_total", ""),
        (Words.LATE, "wachtpost_late_total", ""),
        (Words.UNKNOWN_LINES, "wachtpost_queue_log_unknown_verbs_total", no_log),
        (Words.UNREADABLE, "wachtpost_notifier_unreadable_total", ""),
    )
    return stat(
        headed(say, Words.ODD),
        [
            Query(f"sum(increase({series}[$__range]))", Answer.NOW, say(text), empty_because)
            for text, series, empty_because in asked
        ],
        Fields(unit=COUNT, decimals=0, colour=fixed(Colour.TEXT), no_value=say(NO_DATA)),
        listed=True,
    )


def _requests(say: Say) -> Panel:
    asked = "sum by (status) (rate(wachtpost_ingest_requests_total[$__rate_interval]))"
    return time_series(
        headed(say, Words.REQUESTS),
        [Query(asked, legend="{{status}}")],
        Fields(
            unit=PER_SECOND,
            least=0,
            no_value=say(NO_DATA),
            overrides=tuple(_status_colours()),
        ),
        stacked=True,
    )


def _status_colours() -> Iterator[Override]:
    for first, colour in (("2", PLAIN), ("4", Colour.ORANGE), ("5", BAD)):
        yield of_pattern(f"^{first}", color=shades(colour))


def _results(say: Say) -> Panel:
    tried = "sum by (result) (increase(wachtpost_notifications_total[$__range]))"
    return stat(
        headed(say, Words.RESULTS),
        [Query(tried, Answer.NOW, "{{result}}", NO_RECEIVER)],
        Fields(
            unit=COUNT,
            decimals=0,
            no_value=say(NO_DATA),
            overrides=tuple(series_words(say, RESULTS, RESULT_COLOURS)),
        ),
        listed=True,
    )


def _notes(say: Say) -> Panel:
    written = "sum by (result) (increase(wachtpost_annotations_total[$__range]))"
    return stat(
        headed(say, Words.NOTES),
        [Query(written, Answer.NOW, "{{result}}")],
        Fields(
            unit=COUNT,
            decimals=0,
            no_value=say(NO_DATA),
            overrides=tuple(
                series_words(say, {"written": Words.WRITTEN, "failed": Words.FAILED}, (PLAIN, BAD))
            ),
        ),
        listed=True,
    )
