"""The evaluator's metrics, worked out from the desks when they are asked for.

So what is shown is what was committed, at the instant of the scrape, and goes on exactly where it was
before a restart. A counter is only what never falls; what was counted of people is corrected, and a gauge
(``since_start``). Names and labels are listed in ``docs/metrics.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from domain.aggregator import Aggregator
from domain.counts import ms_of
from domain.queue_ref import QueueRef
from services.evaluator import since_start
from services.evaluator.alerting.judge import CLOSED, INSUFFICIENT, Judge
from services.evaluator.consumer import EvaluatorSession
from services.evaluator.metric_families import PREFIX, StoredCounts, bare_gauge, gauge
from services.evaluator.rolling_metrics import RollingFigures
from shared.calendar import Calendar
from shared.config.model import ALL_QUEUES, CityFile, Site
from shared.contract.breach_events import BreachState
from shared.contract.dead_letters import DeadLetterReason
from shared.contract.kpis import QueueKind
from shared.process.clock import Clock
from shared.process.metrics_server import Drops
from shared.redis.partition_owner import PartitionOwner


class EvaluatorCollector(Collector):
    """Yields the metrics of every partition that this process owns right now."""

    def __init__(
        self,
        city: CityFile,
        calendar: Calendar,
        partitions: Sequence[PartitionOwner[EvaluatorSession]],
        now: Clock,
        drops: Drops | None = None,
    ) -> None:
        self._city = city
        self._calendar = calendar
        self._partitions = partitions
        self._now = now
        self._drops = drops or Drops()
        self._stored_counts = StoredCounts()
        bounds = {*city.speed_categories.bounds, city.service_level.within}
        configured = {int(bound.total_seconds()) for bound in bounds}
        self._wait_edges = sorted(configured.union(since_start.WAIT_EDGES_S))

    def describe(self) -> Iterable[Metric]:
        """Nothing: names are not known to collide, and asking would work everything out at start."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every family once, over all owned partitions."""
        now = ms_of(self._now())
        owned = [(p, s) for p in self._partitions if (s := p.session) is not None]
        aggregators = [
            (site, s.aggregator) for p, s in owned for site in self._city.partition_sites(p.number)
        ]
        sites = [site for site, _ in aggregators]
        sections = {
            "since the beginning": since_start.sums(aggregators, self._drops),
            "repeated outcomes": self._repeated(aggregators),
            "spreads": since_start.spreads(aggregators, self._wait_edges, self._drops),
            "rolling figures": self._rolling(aggregators, now),
            "who waits": self._waiting(aggregators, now),
            "latest reports": self._reports(aggregators),
            "targets": self._targets(sites),
            "queues": self._queues(sites),
            "opening hours": self._open(sites, now),
            "breaches": self._breaches(
                [judge for _, session in owned if (judge := session.judge) is not None]
            ),
            "pipeline": self._pipeline(now),
        }
        for name, section in sections.items():
            with self._drops(name):
                yield from section

    def _repeated(self, aggregators: Sequence[tuple[Site, Aggregator]]) -> Iterator[Metric]:
        # No counter: when what went before comes late, one of them may turn out to be another contact's.
        text = "Outcomes of contacts that have theirs already; in no figure"
        shown = bare_gauge("repeated_outcomes", text, "site", "source")
        for site, aggregator in aggregators:
            for source in self._city.sources:
                if source.site == site.id:
                    with self._drops(shown.name, source.id):
                        count = aggregator.counts.repeated.get(source.id, 0)
                        shown.add_metric([site.id, source.id], max(0, count))
        yield shown

    def _rolling(self, aggregators: Sequence[tuple[Site, Aggregator]], now: int) -> Iterator[Metric]:
        figures = RollingFigures(self._city)
        for site, aggregator in aggregators:
            figures.add(site, aggregator, now, self._drops)
        yield from figures.families()

    # Right now -----------------------------------------------------------------------------------

    def _waiting(self, aggregators: Sequence[tuple[Site, Aggregator]], now: int) -> Iterator[Metric]:
        calls = gauge("calls_waiting", "Callers waiting now")
        visits = gauge("visits_waiting", "Visitors waiting at the counter now")
        longest = gauge("longest_wait_seconds", "How long the one who waits longest has waited; 0: nobody")
        waiting_at = {id(aggregator): waiting_since(aggregator, now) for _, aggregator in aggregators}
        for site, aggregator in aggregators:
            since = waiting_at[id(aggregator)]
            for queue in site.queues:
                queue_ref, labels = QueueRef(site.id, queue.id), [site.id, queue.id]
                with self._drops("who waits", *queue_ref):
                    entered = since.get(queue_ref, [])
                    waiting = calls if queue.kind is QueueKind.PHONE else visits
                    waiting.add_metric(labels, len(entered))
                    longest.add_metric(labels, (now - min(entered)) / 1000 if entered else 0)
        yield from (calls, visits, longest)

    def _reports(self, aggregators: Sequence[tuple[Site, Aggregator]]) -> Iterator[Metric]:
        staff = gauge("staff", "Staff as last reported", "state")
        free = gauge(
            "first_free_appointment_workdays", "Working days to the first free appointment, as last reported"
        )
        for site, aggregator in aggregators:
            staffs, offers = aggregator.last_reports.staffs(), aggregator.last_reports.offers()
            for queue in site.queues:
                queue_ref, labels = QueueRef(site.id, queue.id), [site.id, queue.id]
                with self._drops(staff.name, *queue_ref):
                    if (report := staffs.get(queue_ref)) is not None:
                        for state in ("available", "paused", "busy"):
                            staff.add_metric([*labels, state], getattr(report, state))
                with self._drops(free.name, *queue_ref):
                    if (offer := offers.get(queue_ref)) is not None:
                        days = self._calendar.lead_days(_instant(offer.at), _instant(offer.first_free))
                        free.add_metric(labels, days)
        yield from (staff, free)

    def _targets(self, sites: Sequence[Site]) -> Iterator[Metric]:
        targets = gauge("kpi_target", "What the city promises, in the unit of the KPI", "kpi")
        for site in sites:
            known = {ALL_QUEUES, *(queue.id for queue in site.queues)}
            # A month's target beside a year's, or a site's own beside everybody's: one of them counts.
            promised = {(target.queue, target.kpi) for target in self._city.targets if target.queue in known}
            for queue, name in sorted(promised):
                if (target := self._city.target(name, site.id, queue)) is not None:
                    targets.add_metric([site.id, queue, name], target.limit)
        yield targets

    def _queues(self, sites: Sequence[Site]) -> Iterator[Metric]:
        """What people call everything that the label ``queue`` can say, each exactly once per site."""
        info = gauge("queue_info", "What a queue is called", "kind", "name")
        for site in sites:
            names = {queue.id: (queue.kind.value, queue.title) for queue in site.queues}
            names[ALL_QUEUES] = ("site", site.title)
            for source in self._city.sources:
                if source.site == site.id:
                    names.setdefault(source.id, ("source", source.id))
            for queue, (kind, name) in names.items():
                info.add_metric([site.id, queue, kind, name], 1)
        yield info

    def _open(self, sites: Sequence[Site], now: int) -> Iterator[Metric]:
        """Why there may be no figure: the label ``kind`` because a site's total has figures of both kinds."""
        shown = gauge("queue_open", "1 while its opening hours are on; of a total: of any queue", "kind")
        change = gauge("queue_next_change_timestamp_seconds", "When it next opens or closes", "kind")
        known: dict[frozenset[str | None], tuple[bool, int | None]] = {}  # a thousand queues share few hours
        for site in sites:
            for kind in QueueKind:
                hours = {queue.id: frozenset({queue.hours}) for queue in site.of_kind(kind)}
                total = {ALL_QUEUES: frozenset[str | None]().union(*hours.values())} if hours else {}
                for queue, desks in (hours | total).items():
                    if desks not in known:
                        is_open = any(self._calendar.is_open(one, now) for one in desks)
                        known[desks] = is_open, self._calendar.next_change(desks, now)
                    is_open, at = known[desks]
                    shown.add_metric([site.id, queue, kind], int(is_open))
                    if at is not None:
                        change.add_metric([site.id, queue, kind], at / 1000)
        yield from (shown, change)

    def _breaches(self, judges: Sequence[Judge]) -> Iterator[Metric]:
        labels = ("rule", "measure", "severity")
        breached = gauge("kpi_breached", "1 while a rule is breached", *labels)
        states = gauge("kpi_state", "1 for the state that a rule is in", *labels, "state")
        since = gauge(
            "kpi_state_since_timestamp_seconds", "When a rule that is not ok came into its state", *labels
        )
        reading = gauge(
            "kpi_reading", "What a rule that is not ok was judged on, in the unit of its measure", *labels
        )
        limit = gauge("kpi_limit", "What that is held against", *labels)
        for judge, known in ((one, known) for one in judges for known in one.rule_states()):
            at, rule_state = known.key.labels, known.rule_state
            with self._drops("breaches", *at):
                breached.add_metric(at, int(rule_state.state in {BreachState.FIRING, BreachState.CLEARING}))
                for name in (*BreachState, INSUFFICIENT, CLOSED):
                    states.add_metric([*at, name], int(name == known.shown))
                if rule_state.state is BreachState.OK or rule_state.since is None:
                    continue
                since.add_metric(at, rule_state.since.timestamp())
                limit.add_metric(at, known.key.limit)
                value, _ = judge.reading(known.key.name)
                if value is not None:
                    reading.add_metric(at, value)
        yield from (breached, states, since, reading, limit)

    # The pipeline itself ---------------------------------------------------------------------------

    def _pipeline(self, now: int) -> Iterator[Metric]:
        owner = bare_gauge("lease_owner", "1 while this process owns the partition", "partition")
        lag = bare_gauge("stream_lag_events", "Stream entries not read yet", "partition")
        late = bare_gauge("stream_lag_seconds", "Age of the oldest entry not read yet", "partition")
        dead = CounterMetricFamily(
            f"{PREFIX}dead_letters", "Refused by the evaluator", labels=["partition", "reason"]
        )
        double = CounterMetricFamily(f"{PREFIX}duplicates", "Events seen before", labels=["partition"])
        too_late = CounterMetricFamily(f"{PREFIX}late", "Events too old to count", labels=["partition"])
        read = CounterMetricFamily(f"{PREFIX}events_read", "Stream entries processed", labels=["partition"])
        facts = {source.id: 0 for source in self._city.sources}
        beats = dict(facts)
        for partition in self._partitions:
            number = [str(partition.number)]
            session = partition.session
            owner.add_metric(number, int(partition.is_owner))
            if session is None:
                continue
            with self._drops("pipeline", *number):
                counts = session.aggregator.counts
                lag.add_metric(number, session.lag_events)
                oldest = session.oldest_unread
                late.add_metric(number, 0 if oldest is None else max(0, now - oldest) / 1000)
                counter = self._stored_counts.counter
                for reason in DeadLetterReason:
                    refused = counter(counts.dead.get(reason, 0), *number, reason)
                    dead.add_metric([*number, reason], refused)
                    if reason is DeadLetterReason.LATE:
                        too_late.add_metric(number, refused)
                double.add_metric(number, counter(counts.duplicates, *number, double.name))
                read.add_metric(number, counter(counts.read, *number, read.name))
                reports = session.aggregator.last_reports
                for known, heard in ((facts, reports.facts()), (beats, reports.heartbeats())):
                    known |= {source: max(at, known.get(source, 0)) for source, at in heard.items()}
        last = bare_gauge("last_event_timestamp_seconds", "When a source's latest fact happened", "source")
        beat = bare_gauge(
            "last_heartbeat_timestamp_seconds", "When a source's latest heartbeat was", "source"
        )
        for family, known in ((last, facts), (beat, beats)):
            for source, at in known.items():
                with self._drops(family.name, source):
                    family.add_metric([source], at / 1000)
        yield from (owner, lag, late, dead, double, too_late, read, last, beat)


def waiting_since(aggregator: Aggregator, now: int) -> dict[QueueRef, list[int]]:
    """Return for each place where somebody waits when they entered, UTC ms."""
    entered: dict[QueueRef, list[int]] = {}
    for queue_ref, at in aggregator.contacts.waiting(now):
        entered.setdefault(queue_ref, []).append(at)
    return entered


def _instant(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
