"""The board's part about breaches: what is wrong right now, and the last message as it was sent. Pure.

How a watch stands is the evaluator's word, the sentence and who took it on are the notifier's: it may know
of a breach a moment later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from services.notifier.channels.webhook import WebhookBody
from services.notifier.messages.links import ACKNOWLEDGE_PATH
from services.notifier.messages.message import Writer
from services.notifier.model import Breach
from shared.config.model import ALL_QUEUES, CityFile
from shared.contract.breach_events import BreachState, Level, Severity, rule_label
from wachtpost.demo.snapshot import CLOSED, MetricQueue, MetricRule, Snapshot
from wachtpost.demo.words import Words

WARNING: Final = rule_label("", Level.WARNING)
"""How the name of an early warning ends."""

STATE_WIDTH: Final = 22
WIDTH: Final = 100
"""Columns; the board's."""
MOST: Final = 5
"""Lines of breaches; on a day that bad the first ones say enough."""

WRONG: Final = (BreachState.FIRING, BreachState.CLEARING, BreachState.PENDING)
"""The worst first."""

STYLES: Final = {
    BreachState.FIRING: "bold red",
    BreachState.CLEARING: "yellow",
    BreachState.PENDING: "yellow",
}


@dataclass(frozen=True)
class OpenBreach:
    """A breach as the notifier tells it."""

    headline: str
    acknowledged: bool


Known = Mapping[MetricRule, OpenBreach]


def known_of(breaches: Sequence[Breach], writer: Writer, now: datetime) -> dict[MetricRule, OpenBreach]:
    """Return what the notifier knows by the evaluator's names."""
    return {
        MetricRule(
            rule_label(breach.rule, breach.level), MetricQueue(breach.site, breach.queue), breach.severity
        ): OpenBreach(writer.headline(breach, now), breach.acknowledged is not None)
        for breach in breaches
    }


def alerts(snapshot: Snapshot, city: CityFile, known: Known, words: Words) -> RenderableType:
    """Lay out what is wrong, the worst first, or say that nothing is."""
    title = Text(words.alerts, style="bold")
    standing = sorted(_wrong(snapshot, city), key=_urgency)
    if not standing:
        title.append(f"  {_all_well(snapshot, words)}", style="not bold dim")
        return title
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(width=STATE_WIDTH, no_wrap=True)
    lines.add_column(no_wrap=True, overflow="ellipsis")
    for watch, state in standing[:MOST]:
        told = known.get(watch)
        taken = told is not None and told.acknowledged and state is BreachState.FIRING
        stands = words.acknowledged if taken else words.states[state]
        lines.add_row(
            Text(stands, STYLES[state]), _name(watch, city, words) if told is None else told.headline
        )
    more = len(standing) - MOST
    rest = [Text(words.more_alerts.format(more), style="dim")] if more > 0 else []
    return Group(title, lines, *rest)


def message(told: WebhookBody, number: int, city: CityFile, words: Words) -> Iterator[Text]:
    """Yield a message as it was sent, line by line: to whom and when, the subject, the text."""
    head = words.message.format(number=number, receiver=receiver(told, city), at=local_time(told, city))
    yield Text(f"── {head} ".ljust(WIDTH, "─"), style="dim", no_wrap=True, overflow="crop")
    yield Text(f"{words.subject}: {told.subject}", style="bold")
    for line in told.text.rstrip().splitlines():
        yield Text(line, Style(link=line) if line.startswith("http") else "")


def receiver(told: WebhookBody, city: CityFile) -> str:
    """Return what the receiver of a message is called."""
    return next((one.title for one in city.receivers if one.id == told.receiver), told.receiver)


def local_time(told: WebhookBody, city: CityFile) -> str:
    """Return when a message was decided on, on the city's clock."""
    return f"{told.at.astimezone(city.city.zone):%H:%M:%S}"


def link_in(told: WebhookBody) -> str | None:
    """Return the link to acknowledge, if the message has one."""
    return next((line for line in told.text.splitlines() if f"{ACKNOWLEDGE_PATH}?" in line), None)


def _wrong(snapshot: Snapshot, city: CityFile) -> Iterator[tuple[MetricRule, BreachState]]:
    """What is not in order. An early warning says nothing new once the limit itself is breached."""
    ids = {rule.id for rules in (city.rules, city.budget_rules, city.no_data_rules) for rule in rules}
    states = {watch: BreachState(state) for watch, state in snapshot.states.items() if state in set(WRONG)}
    wrong = {(watch.rule, watch.place) for watch in states}
    for watch, state in states.items():
        limit = watch.rule if watch.rule in ids else watch.rule.removesuffix(WARNING)
        if limit == watch.rule or (limit, watch.place) not in wrong:
            yield watch, state


def _urgency(standing: tuple[MetricRule, BreachState]) -> tuple[int, int, bool, str, str]:
    watch, state = standing
    severity = list(reversed(Severity)).index(Severity(watch.severity))
    return WRONG.index(state), severity, watch.place.queue != ALL_QUEUES, watch.place.queue, watch.rule


def _all_well(snapshot: Snapshot, words: Words) -> str:
    states = list(snapshot.states.values())
    well, closed = states.count(BreachState.OK), states.count(CLOSED)
    told = words.rules_closed.format(closed) if closed else ""
    return words.all_well.format(well=well, few=len(states) - well - closed, closed=told)


def _name(watch: MetricRule, city: CityFile, words: Words) -> str:
    site, name = watch.place.site, watch.place.queue
    titles = {(s.id, q.id): q.title for s in city.sites for q in s.queues} | {(site, ALL_QUEUES): words.total}
    return f"{titles.get((site, name), name)}: {watch.rule}"
