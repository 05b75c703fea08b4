"""The board's part about breaches: what is wrong right now, and the last message as it was sent. Pure.

How a rule stands is the evaluator's word, the sentence and who took it on are the notifier's: it may know
of a breach a moment later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from domain.queue_ref import QueueRef
from services.notifier.channels.webhook import WebhookBody
from services.notifier.messages.links import ACKNOWLEDGE_PATH
from services.notifier.messages.message import Writer
from services.notifier.model import Acknowledgement, Breach
from shared.config.model import ALL_QUEUES, CityFile
from shared.contract.breach_events import BreachState, ConditionReading, Level, Severity, rule_label
from shared.contract.kpis import KPIS, Kpi
from shared.translation import Msg, Translator
from wachtpost.live.layout import WIDE, Layout
from wachtpost.live.snapshot import CLOSED, MetricRule, Snapshot, window_of

WARNING: Final = rule_label("", Level.WARNING)
"""How the name of an early warning ends."""

# Translators: how a rule stands, on a board; at most 22 letters. Pending: over its limit, not yet for long.
STATES: Final = {
    BreachState.FIRING: (Msg("breached", "narrow column"), "bold red"),
    BreachState.CLEARING: (Msg("recovering", "narrow column"), "yellow"),
    BreachState.PENDING: (Msg("wait and see", "narrow column"), "yellow"),
}
"""What is wrong, the worst first, and how it looks."""


@dataclass(frozen=True)
class OpenBreach:
    """A breach as the notifier tells it, with the figure that the evaluator shows."""

    id: str
    headline: str
    opened_at: datetime
    acknowledged: Acknowledgement | None = None


Known = Mapping[MetricRule, OpenBreach]


def known_of(
    breaches: Sequence[Breach], snapshot: Snapshot, writer: Writer, now: datetime
) -> dict[MetricRule, OpenBreach]:
    """Return what the notifier knows by the evaluator's names.

    A headline has the figure of ``snapshot``: what the notifier heard last may be a minute old, and would
    stand beside another figure of the same calls.
    """
    known = {}
    for breach in breaches:
        queue_ref = QueueRef(breach.site, breach.queue)
        rule = MetricRule(rule_label(breach.rule, breach.level), queue_ref, breach.severity)
        headline = writer.headline(_as_of(breach, rule, snapshot), now)
        known[rule] = OpenBreach(breach.id, headline, breach.opened_at, breach.acknowledged)
    return known


def _as_of(breach: Breach, rule: MetricRule, snapshot: Snapshot) -> Breach:
    """Return a breach with what its rule reads in ``snapshot``; as it is where that has no such rule."""
    if snapshot.looked_at is None or rule not in snapshot.states:
        return breach
    found, reading = snapshot.readings.get(rule), breach.reading
    present = reading.model_copy(
        update={
            "value": None if found is None else found.value,
            "samples": 0 if found is None else found.samples,
            "part": None if found is None else found.part,
            "also": tuple(_condition_as_of(one, rule.queue_ref, snapshot) for one in reading.also),
        }
    )
    at = datetime.fromtimestamp(snapshot.looked_at, UTC)
    return breach.model_copy(update={"reading": present, "at": max(at, breach.opened_at)})


def _condition_as_of(one: ConditionReading, queue_ref: QueueRef, snapshot: Snapshot) -> ConditionReading:
    """Return a further condition with its figure in ``snapshot``; as it is where that does not show it."""
    if one.measure not in KPIS:
        return one
    figure = (Kpi(one.measure), queue_ref, window_of(one.window))
    if figure not in snapshot.samples:
        return one
    shown = {"value": snapshot.values.get(figure), "samples": snapshot.samples[figure]}
    return one.model_copy(update={**shown, "part": snapshot.parts.get(figure)})


@dataclass(frozen=True)
class AlertLine:
    """One thing that is wrong."""

    state: BreachState
    stands: str
    """How it stands, in words."""
    headline: str
    severity: Severity
    breach: OpenBreach | None
    """What the notifier knows of it."""


def alert_lines(snapshot: Snapshot, city: CityFile, known: Known, say: Translator) -> list[AlertLine]:
    """Return what is wrong, the worst first."""
    return [
        _line(rule, state, city, known.get(rule), say)
        for rule, state in sorted(_wrong(snapshot, city), key=_urgency)
    ]


def alerts(
    snapshot: Snapshot, city: CityFile, known: Known, say: Translator, layout: Layout = WIDE
) -> RenderableType:
    """Lay out what is wrong, the worst first, or say that nothing is."""
    title = Text(say.gettext("Alerts"), style="bold")
    found = alert_lines(snapshot, city, known, say)
    if not found:
        title.append(f"  {all_well(snapshot, say)}", style="not bold dim")
        return title
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(min_width=layout.state, max_width=layout.state)
    lines.add_column(max_width=layout.width - layout.state - 2)
    for line in found[: layout.most_alerts]:
        lines.add_row(Text(line.stands, STATES[line.state][1]), line.headline)
    more = len(found) - layout.most_alerts
    rest = [Text(say.gettext("and {number} more", number=more), style="dim")] if more > 0 else []
    return Group(title, lines, *rest)


def message(sent: WebhookBody, number: int, city: CityFile, say: Translator) -> Iterator[Text]:
    """Yield a message as it was sent, line by line: to whom and when, the subject, the text."""
    to, at = receiver(sent, city), local_time(sent, city)
    head = say.gettext("message {number} to {receiver}, {at}", number=number, receiver=to, at=at)
    yield Text(f"── {head} ".ljust(WIDE.width, "─"), style="dim", no_wrap=True, overflow="crop")
    yield Text(say.gettext("Subject: {subject}", subject=sent.subject), style="bold")
    for line in sent.text.rstrip().splitlines():
        yield Text(line, Style(link=line) if line.startswith("http") else "")


def receiver(sent: WebhookBody, city: CityFile) -> str:
    """Return what the receiver of a message is called."""
    return next((one.title for one in city.receivers if one.id == sent.receiver), sent.receiver)


def local_time(sent: WebhookBody, city: CityFile) -> str:
    """Return when a message was decided on, on the city's clock."""
    return f"{sent.at.astimezone(city.city.zone):%H:%M:%S}"


def link_in(sent: WebhookBody) -> str | None:
    """Return the link to acknowledge, if the message has one."""
    return next((line for line in sent.text.splitlines() if f"{ACKNOWLEDGE_PATH}?" in line), None)


def _wrong(snapshot: Snapshot, city: CityFile) -> Iterator[tuple[MetricRule, BreachState]]:
    """What is not in order. An early warning says nothing new once the limit itself is breached."""
    ids = {one.id for rules in (city.rules, city.budget_rules, city.no_data_rules) for one in rules}
    states = {rule: BreachState(state) for rule, state in snapshot.states.items() if state in set(STATES)}
    wrong = {(rule.rule, rule.queue_ref) for rule in states}
    for rule, state in states.items():
        limit = rule.rule if rule.rule in ids else rule.rule.removesuffix(WARNING)
        if limit == rule.rule or (limit, rule.queue_ref) not in wrong:
            yield rule, state


def _line(
    rule: MetricRule, state: BreachState, city: CityFile, breach: OpenBreach | None, say: Translator
) -> AlertLine:
    taken = breach is not None and breach.acknowledged is not None and state is BreachState.FIRING
    stands = say.pgettext("narrow column", "breached, taken on") if taken else say.text(STATES[state][0])
    headline = _name(rule, city, say) if breach is None else breach.headline
    return AlertLine(state, stands, headline, Severity(rule.severity), breach)


def _urgency(rule_state: tuple[MetricRule, BreachState]) -> tuple[int, int, bool, str, str]:
    rule, state = rule_state
    severity = list(reversed(Severity)).index(Severity(rule.severity))
    queue = rule.queue_ref.queue
    return list(STATES).index(state), severity, queue != ALL_QUEUES, queue, rule.rule


def all_well(snapshot: Snapshot, say: Translator) -> str:
    """Say that nothing is wrong, and of how many rules."""
    states = list(snapshot.states.values())
    well, closed = states.count(BreachState.OK), states.count(CLOSED)
    told = [
        # Translators: how many rules are; behind "Alerts".
        say.gettext(
            "none; rules fine: {well}, not yet to say: {few}",
            well=well,
            few=len(states) - well - closed,
        )
    ]
    if closed:
        # Translators: how many rules have nothing to watch now, behind the others.
        told.append(say.gettext("closed: {number}", number=closed))
    return ", ".join(told)


def _name(rule: MetricRule, city: CityFile, say: Translator) -> str:
    site, queue = rule.queue_ref
    titles = {(s.id, q.id): q.title for s in city.sites for q in s.queues}
    titles[site, ALL_QUEUES] = say.gettext("Total")
    return say.gettext("{where}: {what}", where=titles.get((site, queue), queue), what=rule.rule)
