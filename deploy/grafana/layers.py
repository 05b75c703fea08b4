"""Breaches on the charts of a board: the notifier's annotations, each on the chart of its own figure alone.

A layer per chart and look. Which annotations a layer draws is said by tags, one per chosen queue, which a
hidden variable makes of the queues there are (``shared.contract.annotation_tags``). A chart that is repeated
per queue picks its own out of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from grafana_foundation_sdk.models import dashboard
from grafana_foundation_sdk.models.prometheus import Dataquery

from deploy.grafana.board import ABOUT, GRAFANA, BoardName, QueueChoice
from deploy.grafana.kpis import SEVERITY_COLOURS
from deploy.grafana.palette import UNKNOWN, Colour
from deploy.grafana.panels import SOURCE
from deploy.grafana.promql import SITE, TOTAL
from deploy.grafana.rules import is_of_weeks
from shared.config.alerting import measure_of
from shared.config.model import CityFile, queues_about
from shared.contract.annotation_tags import EVERY_CHART, Appearance, chart_of, drawn
from shared.contract.breach_events import Severity
from shared.contract.kpis import KPIS, Kpi

LIMIT: Final = 500
"""Annotations per layer, the newest first."""

COLOURS: Final[Mapping[Appearance, str]] = {
    **{Appearance(severity): SEVERITY_COLOURS[severity] for severity in Severity},
    Appearance.ACKNOWLEDGED: Colour.BLUE,
    Appearance.BLIP: UNKNOWN,
}
"""What an annotation says last is the word for it."""


def draw_breaches(built: dashboard.Dashboard, name: BoardName, city: CityFile) -> None:
    """Put the layers of a board into it, once its panels have their numbers."""
    layers, variables = built.annotations.list_val or [], built.templating.list_val or []
    for chart, panels in _charts(built, ABOUT[name][2]).items():
        seen = appearances(city, chart)
        for look in seen:
            variable = _tags_of_the_chosen(chart, look, with_total=any(map(_shows_total, panels)))
            variables.append(variable)
            layers.append(_layer(variable.name, drawn(chart, look, "", ""), panels, COLOURS[look]))
        for panel in panels if seen else ():
            panel.transformations = [*(panel.transformations or ()), *_own_and_untagged(panel)]
    built.annotations.list_val, built.templating.list_val = layers, variables


def _charts(built: dashboard.Dashboard, queues: QueueChoice) -> Mapping[str, Sequence[dashboard.Panel]]:
    """The panels that draw breaches: charts of a figure over the time that the board looks back, and where
    breaches are what it is about, the states of all rules.

    Not what begins at midnight: Grafana asks for the annotations of the board's own time alone.
    """
    found: dict[str, list[dashboard.Panel]] = {}
    for panel in built.panels or ():
        if isinstance(panel, dashboard.Panel) and not panel.time_from:
            for chart in _drawn_in(panel, queues):
                found.setdefault(chart, []).append(panel)
    return found


def _drawn_in(panel: dashboard.Panel, queues: QueueChoice) -> Iterator[str]:
    if panel.type_val == "timeseries":
        for kpi, facts in KPIS.items():
            if any(re.search(rf"\bwachtpost_{facts.metric}\{{", expr) for expr in _asked(panel)):
                yield kpi
    if panel.type_val == "state-timeline" and queues is QueueChoice.ALL:
        yield EVERY_CHART


def _shows_total(panel: dashboard.Panel) -> bool:
    return any(TOTAL in expr for expr in _asked(panel))


def _asked(panel: dashboard.Panel) -> list[str]:
    return [target.expr for target in panel.targets or () if isinstance(target, Dataquery)]


def appearances(city: CityFile, chart: str) -> tuple[Appearance, ...]:
    """Return how breaches may look on a chart: as severe as the rules about it, or taken on, or a blip.

    None where the city has no such rules: there is nothing to draw.
    """
    severities = {severity for at, severity in _rules(city) if chart in {at, EVERY_CHART}}
    if not severities:
        return ()
    return (
        *(Appearance(one) for one in reversed(Severity) if one in severities),
        Appearance.ACKNOWLEDGED,
        Appearance.BLIP,
    )


def _rules(city: CityFile) -> Iterator[tuple[Kpi | None, Severity]]:
    """Yield on which charts the rules are drawn, and as what."""
    for rule in city.rules:
        charts = {
            chart_of(measure_of(rule), queue.kind) for s in city.sites for queue in queues_about(rule, s)
        }
        for chart in {None} if is_of_weeks(rule) else charts:
            yield chart, rule.severity
            if getattr(rule, "warn_at", None) is not None:
                yield chart, Severity.WARNING
    yield from ((rule.kpi, rule.severity) for rule in city.budget_rules)
    yield from ((None, rule.severity) for rule in city.no_data_rules)


def _tags_of_the_chosen(chart: str, look: Appearance, *, with_total: bool) -> dashboard.VariableModel:
    """The tags of a layer: of the chosen queues, and where a chart is of their total of that as well."""
    chosen = "$queue|all" if with_total else "$queue"
    places = f'max by (site, queue) (wachtpost_queue_info{{{SITE}, queue=~"{chosen}"}})'
    tag = drawn(chart, look, "$1", "$2")
    series = f"""label_replace(
  label_join({places}, "tag", "/", "site", "queue"),
  "tag", "{tag}", "tag", "(.+)/(.+)"
)"""
    return dashboard.VariableModel(
        type_val=dashboard.VariableType.QUERY,
        name=f"{chart}_{look}",
        hide=dashboard.VariableHide.HIDE_VARIABLE,
        # It follows from the others: an address that held it would be long, and wrong with another queue.
        skip_url_sync=True,
        query={
            "qryType": 3,
            "query": f"query_result({series})",
            "refId": "PrometheusVariableQueryEditor-VariableQuery",
        },
        datasource=SOURCE,
        current=dashboard.VariableOption(text=["All"], value=["$__all"]),
        multi=True,
        include_all=True,
        refresh=dashboard.VariableRefresh.ON_DASHBOARD_LOAD,
        regex='/tag="(?<value>[^"]+)"/g',
    )


def _layer(
    variable: str, nobodys: str, panels: Sequence[dashboard.Panel], colour: str
) -> dashboard.AnnotationQuery:
    numbers = [panel.id_val for panel in panels if panel.id_val is not None]
    return dashboard.AnnotationQuery(
        # Grafana breaks off a request of the same name: each has its own.
        name=variable,
        datasource=GRAFANA,
        icon_color=colour,
        hide=True,
        filter_val=dashboard.AnnotationPanelFilter(ids=numbers),
        target=dashboard.AnnotationTarget(
            limit=LIMIT,
            match_any=True,
            # Asked for no tag, Grafana finds everything: while there is no queue to choose, one that nobody
            # has.
            tags=[f"${variable}", nobodys],
            type_val="tags",
        ),
    )


def _own_and_untagged(panel: dashboard.Panel) -> Iterator[dashboard.DataTransformerConfig]:
    """On a chart that is repeated per queue only that queue's; and no tags, which nobody is to read."""
    if panel.repeat:
        own = {"id": "regex", "options": {"value": f"/$site:${panel.repeat}(,|$)"}}
        filters = [{"fieldName": "tags", "config": own}]
        yield _of_annotations("filterByValue", {"type": "include", "match": "any", "filters": filters})
    yield _of_annotations(
        "organize", {"excludeByName": {"tags": True}, "indexByName": {}, "renameByName": {}}
    )


def _of_annotations(name: str, options: dict[str, object]) -> dashboard.DataTransformerConfig:
    return dashboard.DataTransformerConfig(id_val=name, topic="annotations", options=options)
