"""A report for machines: CSV with a row per figure, and JSON. Raw figures, whatever the language. Pure.

CSV is one of ``shared.spreadsheet``: for every program, or for a Belgian Excel. Columns:

- ``part``: which part of the report: ``visit_waits``, ``call_waits``, ``speeds``, ``missed_years``,
  ``missed_months``, ``handle_times``, ``lead_times``, ``others`` (any other KPI), ``counts`` (callers and
  entries),
  ``missed_definitions``, ``service_levels``, ``budget``. Filter by it: a period's share of missed calls
  stands there in each way.
- ``period``, ``kpi``, ``site``, ``queue`` (``all``: the site's total), ``name`` (of the queue, of the site,
  the speed category, or what of the budget it is)
- ``value`` in its ``unit`` (``ratio`` 0 to 1, ``seconds``, ``workdays``, ``contacts``), empty: no data;
  ``samples``: the contacts it rests on, empty: not stated
- ``target`` in the same unit, ``met`` (``true``, ``false``, empty: not judged), ``definition``, ``complete``
  (``false``: the period runs), ``origin`` (``counted``, ``reported``, ``projected``). In the budget, a value
  may be contacts; ``target`` is the ratio that may be missed.
- ``counted_as``: of calls, whether the value is of ``callers`` or of ``entries`` into queues
- ``numerator``: of a ratio, how many of ``samples`` make it; ``low`` and ``high``: where the true value lies,
  95 times in 100, of few contacts; ``verdict``: ``within``, ``beyond``, or ``undecided`` while that is not to
  say yet (then ``met`` is empty)

JSON has the same figures as objects, each with its ``text`` as people read it; see ``as_json``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Final, Literal, NamedTuple

from domain.how_sure import Verdict
from domain.kpi import KpiValue
from domain.period_kpis import PeriodKpi, SpeedShares
from services.reporter.report.compose import title_of
from services.reporter.report.document import BudgetReport, Report, SiteReport
from services.reporter.report.writing import Writing, named, seconds
from shared.config.model import Count
from shared.config.types import ALL_QUEUES
from shared.contract.kpis import KPIS, Kpi
from shared.spreadsheet import as_csv
from shared.translation import Translator

SCHEMA: Final = "wachtpost.report/1"
"""Adding a key is free; anything else is a new number."""

SPEED_CATEGORY: Final = "speed_category_ratio"
"""As the metric is called."""

Origin = Literal["counted", "reported", "projected"]
Json = dict[str, object]


class FigureRow(NamedTuple):
    """One figure."""

    part: str
    period: str
    kpi: str
    site: str
    queue: str
    name: str
    value: float | None
    unit: str
    samples: int | None
    target: float | None = None
    met: bool | None = None
    definition: str | None = None
    complete: bool = True
    origin: Origin = "counted"
    counted_as: Count | None = None
    numerator: int | None = None
    low: float | None = None
    high: float | None = None
    verdict: Verdict | None = None


def figures_csv(report: Report, *, excel: bool = False) -> bytes:
    """Return the report as CSV, with a line of column names."""
    return as_csv(FigureRow._fields, rows(report), excel=excel)


def rows(report: Report) -> Iterator[FigureRow]:
    """Yield every figure of a report."""
    for site in report.sites:
        yield from _indicator_rows(site)
        yield from _comparison_rows(report, site)
        for budget in site.budgets:
            yield from _budget_rows(site, budget, report.definition.count)


def _indicator_rows(site: SiteReport) -> Iterator[FigureRow]:
    for cluster in site.clusters:
        yield from (_row("visit_waits", one, cluster.name) for one in cluster.months)
    yield from (_row("call_waits", one, site.name) for one in site.call_waits)
    for one in site.speeds:
        yield from _speed_rows(one)
    yield from (_row("missed_years", one, site.name) for one in site.missed_years)
    yield from (_row("missed_months", one, site.name) for one in site.missed_months)
    yield from (_row("handle_times", one, site.name) for one in site.handle_times)
    yield from (_row("lead_times", one, site.name) for one in site.lead_times)
    yield from (_row("others", one, site.name) for one in site.others)


def _row(part: str, one: PeriodKpi, name: str) -> FigureRow:
    return FigureRow(
        part,
        one.period.name,
        one.kpi.value,
        one.site,
        one.queue,
        name,
        one.value,
        KPIS[one.kpi].unit,
        one.samples,
        one.target,
        one.met,
        one.definition,
        one.complete,
        "reported" if one.reported else "counted",
        one.count,
        one.part,
        None if one.likely is None else one.likely.low,
        None if one.likely is None else one.likely.high,
        one.verdict,
    )


def _speed_rows(one: SpeedShares) -> Iterator[FigureRow]:
    for name in one.counts:
        yield FigureRow(
            "speeds",
            one.period.name,
            SPEED_CATEGORY,
            one.site,
            one.queue,
            name,
            one.share(name),
            "ratio",
            one.answered,
            complete=one.complete,
            counted_as=one.count,
            numerator=one.counts[name],
        )


def _comparison_rows(report: Report, site: SiteReport) -> Iterator[FigureRow]:
    def row(part: str, kpi: Kpi, reading: KpiValue, definition: str, count: Count) -> FigureRow:
        return FigureRow(
            part,
            report.period.name,
            kpi.value,
            site.id,
            ALL_QUEUES,
            site.name,
            reading.value,
            KPIS[kpi].unit,
            reading.samples,
            definition=definition,
            complete=not report.running,
            counted_as=count,
            numerator=reading.part,
        )

    for one in site.counts:
        for kpi, reading in one.readings.items():
            yield row("counts", kpi, reading, named(report.definition), one.count)
    for missed in site.missed_definitions:
        of = missed.definition
        share = KpiValue(missed.value, missed.samples, missed.missed)
        yield row("missed_definitions", Kpi.MISSED_RATIO, share, named(of), of.count)
    for level in site.service_levels:
        name, count = named(level.definition), report.definition.count
        share = KpiValue(level.value, level.samples, level.answered_within)
        yield row("service_levels", Kpi.SERVICE_LEVEL, share, name, count)


def _budget_rows(site: SiteReport, budget: BudgetReport, count: Count) -> Iterator[FigureRow]:
    of = budget.of

    def row(name: str, value: float, unit: str, origin: Origin = "counted") -> FigureRow:
        return FigureRow(
            "budget",
            of.period.name,
            of.kpi.value,
            site.id,
            ALL_QUEUES,
            name,
            value,
            unit,
            of.contacts,
            of.target,
            definition=of.definition,
            complete=budget.over,
            origin=origin,
            counted_as=count,
        )

    yield row("missed", of.missed, "contacts")
    yield row("left", of.left, "contacts")
    if of.forecast is not None:
        yield row("expected_contacts", of.forecast.expected_contacts, "contacts", "projected")
        yield row("expected_missed", of.forecast.expected_missed, "contacts", "projected")
        yield row("affordable", of.forecast.affordable, "contacts", "projected")
        yield row("projected", of.forecast.projected, "ratio", "projected")
        yield row("low", of.forecast.low, "ratio", "projected")
        yield row("high", of.forecast.high, "ratio", "projected")


def as_json(report: Report, say: Translator) -> bytes:
    """Return the report as JSON: one object, whose texts are in the language of ``say``.

    Its keys are ``schema``, ``city``, ``language`` (of the texts), ``title``, ``period`` {name, first, last},
    ``until``, ``complete``, ``made_at``, ``first_day``, ``comment``, ``definition``, ``counted_as`` (what
    figures of calls are of: ``callers`` or ``entries``), ``breaks`` [{period, what, text, kpis}], ``sources``
    [{kpi, text}], and ``sites``: of each its ``id``, ``name`` and

    - ``visit_waits``, ``call_waits``, ``missed_years``, ``missed_months``, ``handle_times`` (none where no
      source tells how long a conversation took), ``lead_times``, ``others`` (any other KPI, all as rows of
      the same kind): lists of {period, kpi, queue, name, value,
      unit, samples, target, target_period, met, definition, counted_as, complete, origin, note, text,
      target_text, verdict_text, numerator, low, high, verdict}; these four as in CSV
    - ``speeds``: list of {period, answered, complete, categories: [{name, count, share, text}]}
    - ``counts``: ``callers`` and ``entries``, of each {active, offered, answered, missed, cut_off,
      unfinished, missed_ratio, call_wait_mean, service_level}
    - ``missed_definitions``: list of {definition, counted_as, active, value, text, missed, samples, counted,
      not_counted, short_abandons, difference (by outcome), value_difference}
    - ``service_levels``: list of {definition, active, within_s, of, value, text, answered_within, samples,
      within_difference, samples_difference, value_difference}
    - ``budgets``: list of {period, target, judged, definition, contacts, missed, left, open_minutes_left,
      open_days_left, cannot_be_met, forecast: null or {expected_contacts, expected_missed, affordable,
      projected, low, high, days_used, rate_days, method}}
    - ``gaps``: list of {queue, name, first, last, open_days, open_minutes, expected}

    ``null``: no data, or not stated. Ratios are 0 to 1, waits in seconds, lead times in working days.
    """
    write = Writing(say)
    whole: Json = {
        "schema": SCHEMA,
        "city": report.city,
        "language": say.language,
        "title": title_of(report, write),
        "period": {
            "name": report.period.name,
            "first": report.period.first.isoformat(),
            "last": report.period.last.isoformat(),
        },
        "until": report.until.isoformat(),
        "complete": not report.running,
        "made_at": report.made_at.isoformat(timespec="seconds"),
        "first_day": report.first_day.isoformat(),
        "comment": report.comment,
        "definition": named(report.definition),
        "counted_as": report.definition.count,
        "breaks": [
            {
                "period": one.period.name,
                "what": one.what,
                "text": one.text,
                "kpis": [k.value for k in one.kpis],
            }
            for one in report.breaks
        ],
        "sources": [
            {"kpi": kpi, "text": text}
            for kpi, text in dict.fromkeys((one.kpi.value, one.text) for one in report.sources)
        ],
        "sites": [_site(site, write) for site in report.sites],
    }
    return (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode()


def _site(site: SiteReport, write: Writing) -> Json:
    return {
        "id": site.id,
        "name": site.name,
        "visit_waits": [
            _figure(one, cluster.name, write) for cluster in site.clusters for one in cluster.months
        ],
        "call_waits": [_figure(one, site.name, write) for one in site.call_waits],
        "speeds": [_speed(one, write) for one in site.speeds],
        "missed_years": [_figure(one, site.name, write) for one in site.missed_years],
        "missed_months": [_figure(one, site.name, write) for one in site.missed_months],
        "handle_times": [_figure(one, site.name, write) for one in site.handle_times],
        "lead_times": [_figure(one, site.name, write) for one in site.lead_times],
        "others": [_figure(one, site.name, write) for one in site.others],
        "counts": {
            one.count: {
                "active": one.active,
                "offered": one.offered,
                "answered": one.answered,
                "missed": one.missed,
                "cut_off": one.cut_off,
                "unfinished": one.unfinished,
                **{kpi.value: reading.value for kpi, reading in one.readings.items()},
            }
            for one in site.counts
        },
        "missed_definitions": [
            {
                "definition": named(one.definition),
                "counted_as": one.definition.count,
                "active": one.active,
                "value": one.value,
                "text": write.value(Kpi.MISSED_RATIO, one.value, one.samples),
                "missed": one.missed,
                "samples": one.samples,
                "counted": dict(one.counted),
                "not_counted": dict(one.not_counted),
                "short_abandons": one.short_abandons,
                "difference": dict(one.difference),
                "value_difference": one.value_difference,
            }
            for one in site.missed_definitions
        ],
        "service_levels": [
            {
                "definition": named(one.definition),
                "active": one.active,
                "within_s": seconds(one.definition.within),
                "of": one.definition.of,
                "value": one.value,
                "text": write.value(Kpi.SERVICE_LEVEL, one.value, one.samples),
                "answered_within": one.answered_within,
                "samples": one.samples,
                "within_difference": one.within_difference,
                "samples_difference": one.samples_difference,
                "value_difference": one.value_difference,
            }
            for one in site.service_levels
        ],
        "budgets": [_budget(budget) for budget in site.budgets],
        "gaps": [
            {
                "queue": gap.queue,
                "name": site.queue_names[gap.queue],
                "first": gap.first.isoformat(),
                "last": gap.last.isoformat(),
                "open_days": gap.open_days,
                "open_minutes": gap.open_minutes,
                "expected": gap.expected,
            }
            for gap in site.gaps
        ],
    }


def _figure(one: PeriodKpi, name: str, write: Writing) -> Json:
    return {
        "period": one.period.name,
        "kpi": one.kpi.value,
        "queue": one.queue,
        "name": name,
        "value": one.value,
        "unit": KPIS[one.kpi].unit,
        "samples": one.samples,
        "target": one.target,
        "target_period": one.target_period,
        "met": one.met,
        "definition": one.definition,
        "counted_as": one.count,
        "complete": one.complete,
        "origin": "reported" if one.reported else "counted",
        "note": one.note,
        "text": write.figure_with_unit(one),
        "target_text": write.limit(one.kpi, one.target),
        "verdict_text": write.verdict_text(one),
        "numerator": one.part,
        "low": None if one.likely is None else one.likely.low,
        "high": None if one.likely is None else one.likely.high,
        "verdict": one.verdict,
    }


def _speed(one: SpeedShares, write: Writing) -> Json:
    return {
        "period": one.period.name,
        "answered": one.answered,
        "complete": one.complete,
        "categories": [
            {
                "name": name,
                "count": count,
                "share": one.share(name),
                "text": write.share(one.share(name), one.answered),
            }
            for name, count in one.counts.items()
        ],
    }


def _budget(budget: BudgetReport) -> Json:
    of = budget.of
    return {
        "period": of.period.name,
        "target": of.target,
        "judged": budget.judged,
        "definition": of.definition,
        "contacts": of.contacts,
        "missed": of.missed,
        "left": of.left,
        "open_minutes_left": of.open_minutes_left,
        "open_days_left": of.open_days_left,
        "cannot_be_met": budget.lost,
        "forecast": None if of.forecast is None else asdict(of.forecast),
    }
