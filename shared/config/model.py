"""The city file: everything that differs from one city to the next, as one frozen value.

``CityFile.model_validate(tomllib.loads(text))`` gives it or says what is wrong; ``shared.config.errors``
turns that into sentences. Instants in the file are local wall-clock times of ``city.time_zone``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shared.config.alerting import (
    BudgetRule,
    CombinedRule,
    Condition,
    GrafanaConfig,
    KpiCondition,
    KpiRule,
    NoDataRule,
    NotifyConfig,
    QueueRule,
    Receiver,
    Route,
    ShiftRule,
    SmtpConfig,
    StateCondition,
    kinds_of,
)
from shared.config.queue_log_verbs import KNOWN_VERBS
from shared.config.references import DEFAULT_DEFINITION, meeting_mistakes
from shared.config.types import ALL_QUEUES as ALL_QUEUES
from shared.config.types import EVERY_QUEUE as EVERY_QUEUE
from shared.config.types import WEEKDAYS as WEEKDAYS
from shared.config.types import (
    ConfigSection,
    Duration,
    LastContacts,
    Limit,
    LiveWindow,
    Name,
    WaitBound,
    from_to,
    minute_of,
    mistake,
    must,
)
from shared.config.types import Span as Span
from shared.config.types import WeekHours as WeekHours
from shared.contract.events import Outcome
from shared.contract.kpis import KPIS, Kpi, QueueKind
from shared.redis.keys import partition_of
from shared.translation import languages

SHA256_HEX: Final = r"^[0-9a-f]{64}$"

SYSTEM_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
"""What a telephone exchange may call itself in front of its call ids."""

NAMES: Final = "names"
"""The type of the one error that carries all mistakes of ``shared.config.references``."""


DEFAULT_LANGUAGE: Final = "nl"


def _is_known(language: str) -> bool:
    return language in languages()


Language = Annotated[str, must(_is_known, "language")]
"""One that there is a catalogue of."""


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


class City(ConfigSection):
    name: Annotated[str, Field(min_length=1)]
    language: Language = DEFAULT_LANGUAGE
    time_zone: Annotated[str, must(_is_zone, "time_zone")] = "Europe/Brussels"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def _day(value: object) -> object:
    """Let a date pass; pydantic by itself would read a number as seconds since 1970."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise mistake("day") from None
    if isinstance(value, datetime) or not isinstance(value, date | None):
        raise mistake("day")
    return value


def _closing_time(value: object) -> object:
    if isinstance(value, str):
        try:
            value = time.fromisoformat(value)
        except ValueError:
            raise mistake("closes_at") from None
    if value is None:
        return None
    if not isinstance(value, time) or value.tzinfo or value.second or value.microsecond or value == time.min:
        raise mistake("closes_at")
    return value


def _is_month_and_day(text: str) -> bool:
    try:
        # A leap year: 02-29 is a day of some years.
        day = datetime.strptime(f"2024-{text}", "%Y-%m-%d")  # noqa: DTZ007  # a day has no zone
    except ValueError:
        return False
    return f"{day:%m-%d}" == text


class ClosingDay(ConfigSection):
    """A day the city keeps closed: once (``on``) or every year (``every_year = "07-11"``).

    With ``closes_at`` it is a half day: open as usual until then, and still a working day.
    """

    on: Annotated[date | None, BeforeValidator(_day)] = None
    every_year: Annotated[str, must(_is_month_and_day, "every_year")] | None = None
    closes_at: Annotated[time | None, BeforeValidator(_closing_time)] = None
    why: str = ""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.on is None) == (self.every_year is None):
            raise mistake("closing_day")
        return self


def _is_country(code: str) -> bool:
    return not code or code in holidays.list_supported_countries()


class CalendarDays(ConfigSection):
    public_holidays: Annotated[str, must(_is_country, "country")] = "BE"
    """ISO 3166 country whose public holidays close; empty: none does."""
    closing_days: tuple[ClosingDay, ...] = ()


Count = Literal["callers", "entries"]
"""A caller is one contact, however many queues he passes; an entry is one stay in one queue."""

COUNTS: Final[tuple[Count, ...]] = ("callers", "entries")


class MissedDefinition(ConfigSection):
    """Which unanswered calls count as missed. Change the meaning, raise the version."""

    id: Name
    version: Annotated[int, Field(strict=True, ge=1)] = 1
    outcomes: Annotated[frozenset[Outcome], must(bool, "outcomes_empty", known=", ".join(Outcome))]
    short_abandon: WaitBound = timedelta(0)
    """Hang-ups quicker than this count on neither side."""
    count: Count = "callers"
    """What a site's total counts; a queue's own figures are always of its entries."""

    def counting(self, count: Count) -> MissedDefinition:
        """Return the same definition of a total of callers, or of entries."""
        return self.model_copy(update={"count": count})


LIER_1: Final = MissedDefinition(
    id=DEFAULT_DEFINITION,
    version=2,
    outcomes=frozenset({Outcome.ABANDONED, Outcome.TIMED_OUT, Outcome.NO_AGENTS, Outcome.BLOCKED}),
)
"""The default of design §2: everyone who wanted staff and did not reach them."""


def _rise(bounds: tuple[timedelta, ...]) -> bool:
    return bool(bounds) and all(a < b for a, b in pairwise((timedelta(0), *bounds)))


class SpeedCategories(ConfigSection):
    """Upper bounds of the ranges (from, to]; above the last bound is a range of its own."""

    bounds: Annotated[tuple[WaitBound, ...], must(_rise, "bounds_order")] = tuple(
        timedelta(seconds=s) for s in (20, 45, 60, 120, 180)
    )


class ServiceLevel(ConfigSection):
    within: WaitBound = timedelta(seconds=20)


class ServiceLevelDefinition(ConfigSection):
    """One way to work out a service level. Change the meaning, raise the version."""

    id: Name
    version: Annotated[int, Field(strict=True, ge=1)] = 1
    within: WaitBound
    of: Literal["answered_and_missed", "answered"] = "answered_and_missed"
    """What is divided by: with the missed calls, or only those that reached staff."""


def _once_each(windows: tuple[timedelta | LastContacts, ...]) -> bool:
    return 0 < len(windows) == len(set(windows))


class LiveConfig(ConfigSection):
    """What the rolling figures look back over."""

    windows: Annotated[tuple[LiveWindow, ...], must(_once_each, "windows_unique")] = (
        timedelta(minutes=15),
        timedelta(hours=1),
    )
    min_samples: Annotated[int, Field(strict=True, ge=1)] | None = None
    """Below this many contacts a rolling figure is not shown, and a rule without a number of its own not
    judged. None: a figure says by itself how sure it is (``domain.how_sure``)."""
    missed_definition: Name = DEFAULT_DEFINITION


def _is_not_the_total(queue: str) -> bool:
    return queue != ALL_QUEUES


class Queue(ConfigSection):
    """Where people wait: a phone queue, or a counter's activity cluster (with its appointments)."""

    id: Annotated[Name, must(_is_not_the_total, "queue_all")]
    kind: QueueKind
    name: str = ""
    hours: Name | None = None
    """Which opening hours apply; none: always open."""

    @property
    def title(self) -> str:
        return self.name or self.id


class Site(ConfigSection):
    id: Name
    name: str = ""
    queues: Annotated[tuple[Queue, ...], Field(min_length=1)]

    @property
    def title(self) -> str:
        return self.name or self.id

    @property
    def with_total(self) -> tuple[tuple[str, tuple[Queue, ...]], ...]:
        """Each queue by its id, and all of them as the site's total."""
        return *((queue.id, (queue,)) for queue in self.queues), (ALL_QUEUES, self.queues)

    def of_kind(self, kind: QueueKind) -> tuple[Queue, ...]:
        return tuple(queue for queue in self.queues if queue.kind is kind)


class Target(ConfigSection):
    """What the city promises: a limit on a KPI of one queue or of a site's total (``all``).

    Units as in the metrics: ratios 0 to 1, seconds, working days. Where more is better it is a least,
    else a most.
    """

    kpi: Kpi
    site: Name | None = None
    queue: Name = ALL_QUEUES
    limit: Limit
    period: Literal["month", "year"] = "month"
    """Over which period the policy report judges it."""


class PipelineConfig(ConfigSection):
    partitions: Annotated[int, Field(strict=True, ge=1, le=256)] = 1
    """Fixed at set-up: changing it later moves sites to other streams."""
    dedup: Annotated[Duration, from_to("10m", "24h")] = timedelta(hours=24)
    """How long ids are remembered; facts older than this when they arrive are dead letters."""
    open_timeout: Annotated[Duration, from_to("1m", "24h")] = timedelta(hours=2)
    """A call without outcome for this long is unfinished."""
    visit_timeout: Annotated[Duration, from_to("1m", "24h")] | None = None
    """A visit without outcome for this long is unfinished; none: an hour after the queue closes that day, or
    4 h where it has no hours."""
    hours_by: Literal["entry", "outcome"] = "entry"
    """Which moment of a contact must lie in opening hours for it to count."""
    clock_tolerance: Annotated[Duration, from_to("0s", "1h")] = timedelta(minutes=2)
    """How far two clocks of one system may lie apart: ``arrived_at`` of a visit after its call, an outcome
    before its own entry."""
    future_tolerance: Annotated[Duration, from_to("0s", "1h")] = timedelta(minutes=2)
    """How far a sender's clock may run ahead."""
    lease: Annotated[Duration, from_to("1s", "1m")] = timedelta(seconds=5)
    """How long the owner of a partition may be silent before a standby takes over."""

    @model_validator(mode="after")
    def _remembered_while_open(self) -> Self:
        if self.open_timeout > self.dedup:
            raise mistake("open_timeout")
        return self


def _is_verb(text: str) -> bool:
    return bool(text) and "|" not in text and text.isprintable()


def _is_unknown_verb(verb: str) -> bool:
    return verb not in KNOWN_VERBS


OwnVerb = Annotated[str, must(_is_verb, "verb"), must(_is_unknown_verb, "verb_known")]
"""A verb of a queue_log that only this city's dialplan writes."""


class QueueLogSource(ConfigSection):
    """An Asterisk queue_log file that ingest follows."""

    kind: Literal["queue_log"] = "queue_log"
    id: Name
    site: Name
    path: Path
    queues: dict[str, Name] = Field(default_factory=dict)
    """Asterisk's queue name → ours. A name not listed is used in lower case, with ``-`` for every
    sign that an id may not hold."""
    withdraw: Outcome = Outcome.LEFT_BY_KEY
    """Which outcome a WITHDRAW line is."""
    verbs: dict[OwnVerb, Outcome] = Field(default_factory=dict)
    """Verbs of the city's own dialplan → how the call ended without an answer."""
    hosts: tuple[Annotated[str, Field(pattern=SYSTEM_NAME)], ...] = ()
    """What the exchange puts in front of its call ids (Asterisk's ``systemname``): ``pbx1`` for
    ``pbx1-1773303330.1957``. Ids with anything else in front are stored as pseudonyms."""
    start: Literal["beginning", "end"] = "beginning"
    """Where to start the first time."""

    def queues_of(self, site: Site) -> tuple[Queue, ...]:
        """The queues of its site that it can speak of."""
        return site.of_kind(QueueKind.PHONE)


class HttpSource(ConfigSection):
    """A sender at ``POST /v1/events``, known by the SHA-256 of its API key (``wachtpost keys create``)."""

    kind: Literal["http"] = "http"
    id: Name
    site: Name
    key_sha256: Annotated[tuple[Annotated[str, Field(pattern=SHA256_HEX)], ...], Field(min_length=1)]
    """More than one while a key is being replaced."""
    queues: Annotated[
        Annotated[tuple[Name, ...], Tag("named")] | Annotated[Literal["*"], Tag("every")],
        Discriminator(lambda value: "every" if value == "*" else "named"),
    ] = "*"
    """The queues it may speak for; ``"*"``: all of the site."""
    rate_per_second: Annotated[int, Field(strict=True, ge=1)] = 5_000
    """How many events a second it may send on average (bursts of ten seconds' worth)."""

    def queues_of(self, site: Site) -> tuple[Queue, ...]:
        """The queues of its site that it can speak of."""
        return tuple(queue for queue in site.queues if self.queues == "*" or queue.id in self.queues)


class HistoryConfig(ConfigSection):
    """Figures from before Wachtpost, in files of their own (``shared.history_file``)."""

    files: tuple[Path, ...] = ()
    """Relative to the city file."""


class PolicyReport(ConfigSection):
    """The monthly mail of the policy report."""

    receivers: tuple[Name, ...] = ()
    """Those with an e-mail channel get the report of the month that ended; none: no mail."""
    working_day: Annotated[int, Field(strict=True, ge=1, le=15)] = 3
    """Which working day of the month it is sent on."""
    at: time = time(8)
    """Local time of that day."""
    attach: tuple[Literal["pdf", "html", "csv", "json", "md"], ...] = ("html", "csv")
    sheet: Path | None = None
    """What stands around the indicators (``wachtpost report --sheet``); relative to the city file."""

    @field_validator("at", mode="before")
    @classmethod
    def _clock(cls, value: object) -> object:
        if isinstance(value, time):
            return value
        try:
            return time(*divmod(minute_of(str(value)), 60))
        except ValueError:
            raise mistake("report_time") from None


Source = Annotated[QueueLogSource | HttpSource, Field(discriminator="kind")]


class CityFile(ConfigSection):
    """The whole city file."""

    # A mistake in it may be a secret that someone pasted: the error that ends up in a log shows no values.
    model_config = ConfigDict(hide_input_in_errors=True)

    city: City
    calendar: CalendarDays = CalendarDays()
    hours: dict[Name, WeekHours] = Field(default_factory=dict)
    pipeline: PipelineConfig = PipelineConfig()
    missed_definitions: tuple[MissedDefinition, ...] = (LIER_1,)
    speed_categories: SpeedCategories = SpeedCategories()
    service_level: ServiceLevel = ServiceLevel()
    service_level_definitions: tuple[ServiceLevelDefinition, ...] = ()
    live: LiveConfig = LiveConfig()
    sites: Annotated[tuple[Site, ...], Field(min_length=1)]
    targets: tuple[Target, ...] = ()
    sources: tuple[Source, ...] = ()
    rules: tuple[QueueRule, ...] = ()
    budget_rules: tuple[BudgetRule, ...] = ()
    no_data_rules: tuple[NoDataRule, ...] = ()
    receivers: tuple[Receiver, ...] = ()
    routes: tuple[Route, ...] = ()
    notify: NotifyConfig = NotifyConfig()
    smtp: SmtpConfig | None = None
    grafana: GrafanaConfig | None = None
    history: HistoryConfig = HistoryConfig()
    report: PolicyReport = PolicyReport()

    @model_validator(mode="after")
    def _names_meet(self) -> Self:
        """Whatever refers to a name must refer to one that exists, and names are unique."""
        mistakes = meeting_mistakes(self.model_dump(mode="json"))
        if mistakes:
            raise PydanticCustomError(NAMES, "{mistakes}", {"mistakes": "; ".join(map(str, mistakes))})
        return self

    @property
    def live_definition(self) -> MissedDefinition:
        """The missed definition that the live figures use."""
        # Not kept: a copy of the city with other definitions would keep it, too.
        wanted = self.live.missed_definition
        return next(d for d in self.missed_definitions if d.id == wanted)

    @property
    def counts_contacts(self) -> bool:
        """Whether anything looks back over so many contacts, or for a shift: at most since opening."""
        return any(isinstance(window, LastContacts) for window in self.shown_windows) or any(
            isinstance(rule, ShiftRule) for rule in self.rules
        )

    @property
    def shown_windows(self) -> tuple[LiveWindow, ...]:
        """What rolling figures are shown over: ``live.windows``, and whatever else a rule looks back over."""
        looked_at = (window for _, _, window in self._looked_at())
        return tuple(dict.fromkeys((*self.live.windows, *looked_at)))

    @property
    def window_of_now(self) -> LiveWindow:
        """What a board shows the figures of now over: what the rules look back over, so that it says what the
        alarms say; those about a total first, and of the phones.

        Without such a rule it is of ``live.windows`` the fewest contacts, or else the shortest time.
        """
        has_phones = any(site.of_kind(QueueKind.PHONE) for site in self.sites)
        kind = QueueKind.PHONE if has_phones else QueueKind.COUNTER
        looked_at = [one for one in self._looked_at() if KPIS[one[1].kpi].kind is kind]
        first = min(looked_at, key=lambda one: one[0].queue != ALL_QUEUES, default=None)
        if first is not None:
            return first[2]
        counted = [window for window in self.live.windows if isinstance(window, LastContacts)]
        timed = [window for window in self.live.windows if isinstance(window, timedelta)]
        return min(counted, key=lambda window: window.count, default=None) or min(timed)

    def _looked_at(self) -> Iterator[tuple[QueueRule, KpiCondition, LiveWindow]]:
        """Yield every rolling window that a rule looks back over."""
        for rule in self.rules:
            for part in rule.all if isinstance(rule, CombinedRule) else (rule,):
                if isinstance(part, KpiCondition) and not isinstance(part.window, str):
                    yield rule, part, part.window

    def site(self, site_id: str) -> Site:
        """Return the site of that name; raises ``KeyError``."""
        for site in self.sites:
            if site.id == site_id:
                return site
        raise KeyError(site_id)

    def partition_sites(self, partition: int) -> tuple[Site, ...]:
        """The sites that a partition judges."""
        return tuple(s for s in self.sites if partition_of(s.id, self.pipeline.partitions) == partition)

    def target(self, kpi: Kpi, site: str, queue: str, period: str | timedelta | None = None) -> Target | None:
        """The target of a KPI at a queue, or at the site's total (``all``).

        One for the site goes first, then one whose period is ``period``: the window of a rule, for instance.
        """
        fitting = [t for t in self.targets if t.kpi is kpi and t.queue == queue and t.site in {None, site}]
        return min(fitting, key=lambda target: (target.site is None, target.period != period), default=None)

    def limit_of(self, rule: QueueRule | Condition, site: str, queue: str) -> float | None:
        """The limit of a rule or condition at a queue or at a site's total (``all``), in the unit of the KPI.

        Its own, else the target of the queue, else that of the site's total. ``None`` only for a queue that
        the rule is not about, and for a rule that has no limit of that kind.
        """
        if not isinstance(rule, KpiCondition | StateCondition):
            return None
        if isinstance(rule, StateCondition) or rule.limit is not None:
            return rule.limit
        period = None if isinstance(rule.window, LastContacts) else rule.window
        return self.promise(rule.kpi, site, queue, period)

    def promise(self, kpi: Kpi, site: str, queue: str, period: str | timedelta | None = None) -> float | None:
        """The target's limit for a KPI at a queue, else that for the site's total."""
        target = self.target(kpi, site, queue, period) or self.target(kpi, site, ALL_QUEUES, period)
        return None if target is None else target.limit


def queues_about(rule: QueueRule, site: Site) -> tuple[Queue, ...]:
    """Return the queues of a site that a rule is about: one, each by itself (``*``) or together (``all``)."""
    kinds = kinds_of(rule)
    several = rule.queue in {ALL_QUEUES, EVERY_QUEUE}
    if several and len(kinds) > 1:
        of_visits = not isinstance(rule, KpiRule | ShiftRule) and rule.contacts == "visits"
        kinds = frozenset({QueueKind.COUNTER if of_visits else QueueKind.PHONE})
    return tuple(q for q in site.queues if q.kind in kinds and (several or q.id == rule.queue))


def load(path: Path) -> CityFile:
    """Read a city file. Raises ``OSError``, ``tomllib.TOMLDecodeError`` or ``pydantic.ValidationError``."""
    with path.open("rb") as file:
        return CityFile.model_validate(tomllib.load(file))
