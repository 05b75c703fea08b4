"""The city file: everything that differs from one city to the next, as one frozen value.

``CityFile.model_validate(tomllib.loads(text))`` gives it or says what is wrong; ``shared.config_check``
turns that into sentences. Instants in the file are local wall-clock times of ``city.time_zone``.
"""

from __future__ import annotations

import tomllib
from datetime import date, time, timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import durationpy
import holidays
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from shared.events import NAME, Outcome
from shared.streams import partition_of

ALL_QUEUES: Final = "all"
"""The queue name under which a site's total is shown; no queue may be called so."""

WINDOW_STEP: Final = timedelta(seconds=10)
FINE_REACH: Final = timedelta(hours=2)
COARSE_STEP: Final = timedelta(minutes=5)
COARSE_REACH: Final = timedelta(hours=26)
"""How far back and how finely rolling windows can look: 10 s steps for 2 h, 5 min steps for 26 h."""


def on_histogram_edge(bound: timedelta) -> bool:
    """Whether the wait histogram has an edge at ``bound``, so that counts up to it are exact.

    Edges: every second up to 10 min, every 10 s up to 1 h, every minute up to 4 h.
    """
    if bound <= timedelta(minutes=10):
        return bound % timedelta(seconds=1) == timedelta(0)
    if bound <= timedelta(hours=1):
        return bound % timedelta(seconds=10) == timedelta(0)
    return bound <= timedelta(hours=4) and bound % timedelta(minutes=1) == timedelta(0)


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("duration", 'write a duration such as "20s", "15m" or "2h"')
    try:
        duration: timedelta = durationpy.from_str(value)
    except (durationpy.DurationError, ValueError):
        raise PydanticCustomError("duration", 'write a duration such as "20s", "15m" or "2h"') from None
    if duration < timedelta(0):
        raise PydanticCustomError("duration_negative", "a duration cannot be negative")
    return duration


def _wait_bound(value: timedelta) -> timedelta:
    if not on_histogram_edge(value):
        raise PydanticCustomError(
            "histogram_edge",
            "choose whole seconds up to 10m, steps of 10s up to 1h, whole minutes up to 4h: "
            "only there are the counts exact",
        )
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
WaitBound = Annotated[timedelta, BeforeValidator(lambda v: _wait_bound(_duration(v)))]
Name = Annotated[str, Field(pattern=NAME)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Language(StrEnum):
    NL = "nl"
    EN = "en"


class City(_Section):
    name: Annotated[str, Field(min_length=1)]
    language: Language = Language.NL
    time_zone: str = "Europe/Brussels"

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise PydanticCustomError(
                "time_zone", 'write an IANA time zone such as "Europe/Brussels"'
            ) from None
        return value

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class Span(_Section):
    """Part of a local day, from inclusive to exclusive; ``until = 24:00`` is written ``"24:00"``."""

    start_minute: Annotated[int, Field(ge=0, lt=1440)]
    end_minute: Annotated[int, Field(gt=0, le=1440)]

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        start, dash, end = value.partition("-")
        if not dash:
            raise PydanticCustomError("span", 'write opening hours such as "09:00-12:30"')
        return {"start_minute": _minute(start), "end_minute": _minute(end)}

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end_minute <= self.start_minute:
            raise PydanticCustomError("span_order", "opening hours must end after they start")
        return self


def _minute(text: str) -> int:
    text = text.strip()
    if text == "24:00":
        return 1440
    try:
        at = time.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError("span", 'write opening hours such as "09:00-12:30"') from None
    if at.second or at.microsecond or at.tzinfo is not None:
        raise PydanticCustomError("span", 'write opening hours such as "09:00-12:30"')
    return at.hour * 60 + at.minute


Spans = tuple[Span, ...]


class WeekHours(_Section):
    """Opening hours of a week; a day without hours is closed."""

    monday: Spans = ()
    tuesday: Spans = ()
    wednesday: Spans = ()
    thursday: Spans = ()
    friday: Spans = ()
    saturday: Spans = ()
    sunday: Spans = ()
    on_holidays: bool = Field(default=False, description="open on holidays and closing days too")

    @model_validator(mode="after")
    def _no_overlap(self) -> Self:
        for spans in self.by_weekday:
            ordered = sorted(spans, key=lambda span: span.start_minute)
            for one, other in zip(ordered, ordered[1:], strict=False):
                if other.start_minute < one.end_minute:
                    raise PydanticCustomError("span_overlap", "opening hours of one day overlap")
        return self

    @property
    def by_weekday(self) -> tuple[Spans, ...]:
        """Monday first, as in ``date.weekday()``."""
        return (
            self.monday,
            self.tuesday,
            self.wednesday,
            self.thursday,
            self.friday,
            self.saturday,
            self.sunday,
        )


class ClosingDay(_Section):
    """A day the city keeps closed: once (``on``) or every year (``every_year = "07-11"``).

    With ``closes_at`` it is a half day: open as usual until then, and still a working day.
    """

    on: date | None = None
    every_year: Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")] | None = None
    closes_at: time | None = None
    why: str = ""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.on is None) == (self.every_year is None):
            raise PydanticCustomError("closing_day", 'give either on = 2026-05-15 or every_year = "07-11"')
        return self


class CalendarDays(_Section):
    public_holidays: str = Field(default="BE", description="ISO 3166 country whose public holidays close")
    closing_days: tuple[ClosingDay, ...] = ()

    @field_validator("public_holidays")
    @classmethod
    def _known_country(cls, value: str) -> str:
        if value and value not in holidays.list_supported_countries():
            raise PydanticCustomError(
                "country", 'write a country code such as "BE", or "" for no public holidays'
            )
        return value


class MissedDefinition(_Section):
    """Which unanswered calls count as missed. Change the meaning, raise the version."""

    id: Name
    version: Annotated[int, Field(ge=1)] = 1
    outcomes: frozenset[Outcome]
    short_abandon: WaitBound = timedelta(0)
    """Hang-ups quicker than this count on neither side."""

    @field_validator("outcomes")
    @classmethod
    def _some(cls, value: frozenset[Outcome]) -> frozenset[Outcome]:
        if not value:
            raise PydanticCustomError("outcomes_empty", "name at least one outcome")
        return value


LIER_1: Final = MissedDefinition(
    id="lier-1",
    version=1,
    outcomes=frozenset({Outcome.ABANDONED, Outcome.TIMED_OUT, Outcome.NO_AGENTS}),
)
"""The default of design §2: everyone who wanted staff and did not reach them."""


class SpeedCategories(_Section):
    """Upper bounds of the ranges (from, to]; above the last bound is a range of its own."""

    bounds: tuple[WaitBound, ...] = tuple(timedelta(seconds=s) for s in (20, 45, 60, 120, 180))

    @field_validator("bounds")
    @classmethod
    def _rising(cls, value: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
        if not value or any(b <= a for a, b in zip((timedelta(0), *value), value, strict=False)):
            raise PydanticCustomError("bounds_order", "write rising bounds, the first above 0s")
        return value


class ServiceLevel(_Section):
    within: WaitBound = timedelta(seconds=20)


class Live(_Section):
    """What the rolling figures look back over."""

    windows: tuple[Duration, ...] = (timedelta(minutes=15), timedelta(hours=1))
    min_samples: Annotated[int, Field(ge=1)] = 10
    """Below this many contacts a rolling figure is *insufficient*."""
    missed_definition: Name = LIER_1.id

    @field_validator("windows")
    @classmethod
    def _within_reach(cls, value: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
        for window in value:
            step = WINDOW_STEP if window <= FINE_REACH else COARSE_STEP
            if not timedelta(0) < window <= COARSE_REACH - COARSE_STEP or window % step:
                raise PydanticCustomError(
                    "window",
                    "write a window that is a multiple of 10s up to 2h, or of 5m above that, "
                    "and shorter than 26h",
                )
        if not value or len(set(value)) != len(value):
            raise PydanticCustomError("windows_unique", "write at least one window, each once")
        return value


class QueueKind(StrEnum):
    PHONE = "phone"
    COUNTER = "counter"


class Queue(_Section):
    """Where people wait: a phone queue, or a counter's activity cluster (with its appointments)."""

    id: Name
    kind: QueueKind
    name: str = ""
    hours: Name | None = None
    """Which opening hours apply; none: always open."""

    @field_validator("id")
    @classmethod
    def _not_the_total(cls, value: str) -> str:
        if value == ALL_QUEUES:
            raise PydanticCustomError("queue_all", '"all" is the name of the site\'s total')
        return value

    @property
    def title(self) -> str:
        return self.name or self.id


class Site(_Section):
    id: Name
    name: str = ""
    queues: Annotated[tuple[Queue, ...], Field(min_length=1)]

    @property
    def title(self) -> str:
        return self.name or self.id

    def of_kind(self, kind: QueueKind) -> tuple[Queue, ...]:
        return tuple(queue for queue in self.queues if queue.kind is kind)


class Kpi(StrEnum):
    MISSED_RATIO = "missed_ratio"
    CALL_WAIT_MEAN = "call_wait_mean"
    SERVICE_LEVEL = "service_level"
    VISIT_WAIT_MEAN = "visit_wait_mean"
    LEAD_TIME_MEAN = "lead_time_mean"


class Target(_Section):
    """What the city promises: a limit on a KPI of one queue or of a site's total (``all``).

    Units as in the metrics: ratios 0 to 1, seconds, working days. ``service_level`` is a least,
    all others are a most.
    """

    kpi: Kpi
    site: Name | None = None
    queue: Name = ALL_QUEUES
    limit: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    period: Literal["month", "year"] = "month"
    """Over which period the policy report judges it."""

    @model_validator(mode="after")
    def _ratios(self) -> Self:
        if self.kpi in {Kpi.MISSED_RATIO, Kpi.SERVICE_LEVEL} and self.limit > 1:
            raise PydanticCustomError("ratio", "write a ratio from 0 to 1: 20 % is 0.20")
        return self


class Pipeline(_Section):
    partitions: Annotated[int, Field(ge=1, le=256)] = 1
    """Fixed at set-up: changing it later moves sites to other streams."""
    dedup: Duration = timedelta(hours=24)
    """How long ids are remembered; facts older than this when they arrive are dead letters."""
    open_timeout: Duration = timedelta(hours=2)
    """A contact without outcome for this long is unfinished."""
    future_tolerance: Duration = timedelta(minutes=2)
    """How far a sender's clock may run ahead."""
    lease: Duration = timedelta(seconds=5)
    """How long the owner of a partition may be silent before a standby takes over."""

    @model_validator(mode="after")
    def _reach(self) -> Self:
        if not timedelta(minutes=10) <= self.dedup <= timedelta(hours=24):
            raise PydanticCustomError("dedup", "choose dedup from 10m to 24h")
        if not timedelta(minutes=1) <= self.open_timeout <= self.dedup:
            raise PydanticCustomError("open_timeout", "choose open_timeout from 1m to dedup")
        if self.future_tolerance > timedelta(hours=1):
            raise PydanticCustomError("future_tolerance", "choose future_tolerance up to 1h")
        if not timedelta(seconds=1) <= self.lease <= timedelta(minutes=1):
            raise PydanticCustomError("lease", "choose lease from 1s to 1m")
        return self


class QueueLogSource(_Section):
    """An Asterisk queue_log file that ingest follows."""

    kind: Literal["queue_log"] = "queue_log"
    id: Name
    site: Name
    path: Path
    queues: dict[str, Name] = {}
    """Asterisk's queue name → ours; a name not listed is used as it is."""
    withdraw: Outcome | None = Outcome.LEFT_BY_KEY
    """Which outcome a WITHDRAW line is."""
    start: Literal["beginning", "end"] = "beginning"
    """Where to start the first time."""


class HttpSource(_Section):
    """A sender at ``POST /v1/events``, known by the SHA-256 of its API key (``wachtpost keys create``)."""

    kind: Literal["http"] = "http"
    id: Name
    site: Name
    key_sha256: Annotated[tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")], ...], Field(min_length=1)]
    """More than one while a key is being replaced."""
    queues: tuple[Name, ...] | Literal["*"] = "*"
    """The queues it may speak for."""
    rate_per_second: Annotated[int, Field(ge=1)] = 5_000
    """How many events a second it may send on average (bursts of ten seconds' worth)."""


Source = Annotated[QueueLogSource | HttpSource, Field(discriminator="kind")]


class CityFile(_Section):
    """The whole city file."""

    city: City
    calendar: CalendarDays = CalendarDays()
    hours: dict[Name, WeekHours] = {}
    pipeline: Pipeline = Pipeline()
    missed_definitions: tuple[MissedDefinition, ...] = (LIER_1,)
    speed_categories: SpeedCategories = SpeedCategories()
    service_level: ServiceLevel = ServiceLevel()
    live: Live = Live()
    sites: Annotated[tuple[Site, ...], Field(min_length=1)]
    targets: tuple[Target, ...] = ()
    sources: tuple[Source, ...] = ()

    @model_validator(mode="after")
    def _names_meet(self) -> Self:
        """Whatever refers to a name must refer to one that exists, and names are unique."""
        _once("missed_definitions", [d.id for d in self.missed_definitions])
        _once("sites", [site.id for site in self.sites])
        _once("sources", [source.id for source in self.sources])
        if self.live.missed_definition not in {d.id for d in self.missed_definitions}:
            raise _unknown(
                "live.missed_definition",
                self.live.missed_definition,
                [d.id for d in self.missed_definitions],
            )
        for site in self.sites:
            _once(f"sites.{site.id}.queues", [queue.id for queue in site.queues])
            for queue in site.queues:
                if queue.hours is not None and queue.hours not in self.hours:
                    raise _unknown(f"sites.{site.id}.queues.{queue.id}.hours", queue.hours, list(self.hours))
        queues = {site.id: {queue.id for queue in site.queues} for site in self.sites}
        for number, target in enumerate(self.targets):
            if target.site is not None and target.site not in queues:
                raise _unknown(f"targets.{number}.site", target.site, list(queues))
            allowed = {ALL_QUEUES}.union(*(queues[s] for s in queues if target.site in {None, s}))
            if target.queue not in allowed:
                raise _unknown(f"targets.{number}.queue", target.queue, sorted(allowed))
        for source in self.sources:
            if source.site not in queues:
                raise _unknown(f"sources.{source.id}.site", source.site, list(queues))
            named = source.queues.values() if isinstance(source.queues, dict) else source.queues
            for name in () if source.queues == "*" else named:
                if name not in queues[source.site]:
                    raise _unknown(f"sources.{source.id}.queues", name, sorted(queues[source.site]))
        return self

    @cached_property
    def live_definition(self) -> MissedDefinition:
        """The missed definition that the live figures use."""
        wanted = self.live.missed_definition
        return next(d for d in self.missed_definitions if d.id == wanted)

    def site(self, site_id: str) -> Site:
        """Return the site of that name; raises ``KeyError``."""
        for site in self.sites:
            if site.id == site_id:
                return site
        raise KeyError(site_id)

    def partition_sites(self, partition: int) -> tuple[Site, ...]:
        """The sites that a partition judges."""
        return tuple(s for s in self.sites if partition_of(s.id, self.pipeline.partitions) == partition)

    def target(self, kpi: Kpi, site: str, queue: str) -> Target | None:
        """The target of a KPI at a queue, or at the site's total (``all``); the first that fits."""
        for target in self.targets:
            if target.kpi is kpi and target.queue == queue and target.site in {None, site}:
                return target
        return None


def _once(where: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PydanticCustomError(
            "name_twice", "{where}: {names} stands there twice", {"where": where, "names": ", ".join(twice)}
        )


def _unknown(where: str, name: str, known: list[str]) -> PydanticCustomError:
    return PydanticCustomError(
        "name_unknown",
        "{where}: there is no {name}; known: {known}",
        {"where": where, "name": name, "known": ", ".join(known) or "none"},
    )


def load(path: Path) -> CityFile:
    """Read a city file. Raises ``OSError``, ``tomllib.TOMLDecodeError`` or ``pydantic.ValidationError``."""
    with path.open("rb") as file:
        return CityFile.model_validate(tomllib.load(file))
