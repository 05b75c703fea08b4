"""The evaluator's metrics, worked out from the desks when they are asked for.

So what is shown is what was committed, and goes on exactly where it was before a restart. Figures, who waits
and how rules stand are of one instant, the judge's last look: a board cannot differ from the alarm beside it.
A counter is only what never falls; what was counted of people is corrected, and a gauge
(``since_start``). Names and labels are listed in ``docs/metrics.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from domain.aggregator import Aggregator
from domain.counts import ms_of
from domain.queue_ref import QueueRef
from domain.windows import Windows
from services.evaluator import since_start
from services.evaluator.alerting.judge import CLOSED, INSUFFICIENT, Judge, StoredRuleState
from services.evaluator.alerting.readings import NOT_MEASURED, MeasuredCondition, RuleReadings
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
        now = self._now()
        looks = [
            _PartitionLook.of(partition.number, session, self._city, now)
            for partition in self._partitions
            if (session := partition.session) is not None
        ]
        at_sites = [(site, look) for look in looks for site in self._city.partition_sites(look.partition)]
        aggregators = [(site, look.aggregator) for site, look in at_sites]
        sites = [site for site, _ in at_sites]
        sections = {
            "since the beginning": since_start.sums(aggregators, self._drops),
            "repeated outcomes": self._repeated(aggregators),
            "spreads": since_start.spreads(aggregators, self._wait_edges, self._drops),
            "rolling figures": self._rolling(at_sites),
            "who waits": self._waiting(at_sites),
            "latest reports": self._reports(aggregators),
            "targets": self._targets(sites),
            "queues": self._queues(sites),
            "opening hours": self._open(at_sites),
            "breaches": self._breaches(looks),
            "looks": _looked(looks),
            "pipeline": self._pipeline(ms_of(now)),
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

    def _rolling(self, at_sites: Sequence[tuple[Site, _PartitionLook]]) -> Iterator[Metric]:
        figures = RollingFigures(self._city)
        for site, look in at_sites:
            figures.add(site, look.windows, self._drops)
        yield from figures.families()

    # Right now -----------------------------------------------------------------------------------

    def _waiting(self, at_sites: Sequence[tuple[Site, _PartitionLook]]) -> Iterator[Metric]:
        calls = gauge("calls_waiting", "Callers waiting now")
        visits = gauge("visits_waiting", "Visitors waiting at the counter now")
        longest = gauge("longest_wait_seconds", "How long the one who waits longest has waited; 0: nobody")
        waiting_at = {look.partition: waiting_since(look.aggregator, look.at_ms) for _, look in at_sites}
        for site, look in at_sites:
            since = waiting_at[look.partition]
            for queue in site.queues:
                queue_ref, labels = QueueRef(site.id, queue.id), [site.id, queue.id]
                with self._drops("who waits", *queue_ref):
                    entered = since.get(queue_ref, [])
                    waiting = calls if queue.kind is QueueKind.PHONE else visits
                    waiting.add_metric(labels, len(entered))
                    waited_ms = look.at_ms - min(entered, default=look.at_ms)
                    longest.add_metric(labels, waited_ms / 1000)
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

    def _open(self, at_sites: Sequence[tuple[Site, _PartitionLook]]) -> Iterator[Metric]:
        """Why there may be no figure: the label ``kind`` because a site's total has figures of both kinds."""
        shown = gauge("queue_open", "1 while its opening hours are on; of a total: of any queue", "kind")
        change = gauge("queue_next_change_timestamp_seconds", "When it next opens or closes", "kind")
        # A thousand queues share few hours.
        known: dict[tuple[frozenset[str | None], int], tuple[bool, int | None]] = {}
        for site, look in at_sites:
            now = look.at_ms
            for kind in QueueKind:
                hours = {queue.id: frozenset({queue.hours}) for queue in site.of_kind(kind)}
                total = {ALL_QUEUES: frozenset[str | None]().union(*hours.values())} if hours else {}
                for queue, desks in (hours | total).items():
                    if (desks, now) not in known:
                        is_open = any(self._calendar.is_open(one, now) for one in desks)
                        known[desks, now] = is_open, self._calendar.next_change(desks, now)
                    is_open, at = known[desks, now]
                    shown.add_metric([site.id, queue, kind], int(is_open))
                    if at is not None:
                        change.add_metric([site.id, queue, kind], at / 1000)
        yield from (shown, change)

    def _breaches(self, looks: Sequence[_PartitionLook]) -> Iterator[Metric]:
        labels = ("rule", "measure", "severity")
        breached = gauge("kpi_breached", "1 while a rule is breached", *labels)
        states = gauge("kpi_state", "1 for the state that a rule is in", *labels, "state")
        since = gauge(
            "kpi_state_since_timestamp_seconds", "When a rule that is not ok came into its state", *labels
        )
        reading = gauge(
            "kpi_reading", "What a rule that is not ok was judged on, in the unit of its measure", *labels
        )
        samples = gauge("kpi_reading_samples", "Contacts that this reading rests on", *labels)
        part = gauge("kpi_reading_part", "Of a ratio, how many of these contacts make it", *labels)
        limit = gauge("kpi_limit", "What that is held against", *labels)
        for look, known in ((one, known) for one in looks for known in one.rule_states()):
            at, rule_state = known.key.labels, known.rule_state
            with self._drops("breaches", *at):
                breached.add_metric(at, int(rule_state.state in {BreachState.FIRING, BreachState.CLEARING}))
                for name in (*BreachState, INSUFFICIENT, CLOSED):
                    states.add_metric([*at, name], int(name == known.shown))
                if rule_state.state is BreachState.OK or rule_state.since is None:
                    continue
                since.add_metric(at, rule_state.since.timestamp())
                limit.add_metric(at, known.key.limit)
                measured = look.measured(known.key.name)
                if measured.look is None or measured.value is None:
                    continue
                reading.add_metric(at, measured.value)
                samples.add_metric(at, measured.samples)
                if measured.part is not None:
                    part.add_metric(at, measured.part)
        yield from (breached, states, since, limit, reading, samples, part)

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


@dataclass(frozen=True, slots=True)
class _PartitionLook:
    """A partition as of the judge's last look, or as of now where nobody judges."""

    partition: int
    aggregator: Aggregator
    at: datetime
    judge: Judge | None
    readings: RuleReadings | None
    windows: Windows

    @classmethod
    def of(cls, partition: int, session: EvaluatorSession, city: CityFile, now: datetime) -> _PartitionLook:
        at, aggregator, judge = session.shown_at(now), session.aggregator, session.judge
        readings = None if judge is None else judge.readings_at(aggregator, at)
        windows = Windows(city, aggregator, ms_of(at)) if readings is None else readings.windows
        return cls(partition, aggregator, at, judge, readings, windows)

    @property
    def at_ms(self) -> int:
        return ms_of(self.at)

    def rule_states(self) -> Iterable[StoredRuleState]:
        return () if self.judge is None else self.judge.rule_states()

    def measured(self, rule: str) -> MeasuredCondition:
        """What a rule is about at the instant; after the look more may have been counted."""
        if self.judge is None or self.readings is None:
            return NOT_MEASURED
        return self.judge.measured_in(self.readings, rule)


def _looked(looks: Iterable[_PartitionLook]) -> Iterator[Metric]:
    shown = bare_gauge("look_timestamp_seconds", "As of when figures and rules are shown", "partition")
    for look in looks:
        shown.add_metric([str(look.partition)], look.at.timestamp())
    yield shown


def waiting_since(aggregator: Aggregator, now: int) -> dict[QueueRef, list[int]]:
    """Return for each place where somebody waits when they entered, UTC ms."""
    entered: dict[QueueRef, list[int]] = {}
    for queue_ref, at in aggregator.contacts.waiting(now):
        entered.setdefault(queue_ref, []).append(at)
    return entered


def _instant(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
