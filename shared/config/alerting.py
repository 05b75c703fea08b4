"""The sections of the city file about breaches: when something is wrong, and who is told how.

Limits are in the unit of the KPI (ratios 0 to 1, seconds, working days). Secrets never stand here: only the
files that hold them do.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    HttpUrl,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from shared.config.types import (
    ALL_QUEUES,
    EVERY_QUEUE,
    LEAST_GAP,
    PERIODS,
    ConfigSection,
    CountWindow,
    Duration,
    Limit,
    Name,
    WaitBound,
    Window,
    from_to,
    is_count,
    is_shift,
    mistake,
    must,
)
from shared.contract.breach_events import Severity
from shared.contract.kpis import STATE_MEASURES, Kpi, Measure, QueueKind, kinds_having

EMAIL: Final = r"^[^@\s<>:/,;]+@[^@\s<>:/,;]+$"
HOST: Final = r"^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:]+)$"
"""A host name or an IP address; no scheme, no port."""
DASHBOARD_UID: Final = r"^[A-Za-z0-9_-]{1,40}$"

YesOrNo = Annotated[bool, Field(strict=True)]
Email = Annotated[str, Field(pattern=EMAIL)]


def _window_tag(value: object) -> str:
    if is_count(value):
        return "count"
    return "period" if value in PERIODS else "rolling"


RuleWindow = Annotated[
    Annotated[Window, Tag("rolling")]
    | Annotated[CountWindow, Tag("count")]
    | Annotated[Literal["today", "month", "year"], Tag("period")],
    Discriminator(_window_tag),
]
"""Back over a length of time or so many contacts, or since the beginning of the local day, month or year."""

RuleQueue = Annotated[
    Annotated[Name, Tag("one")] | Annotated[Literal["*"], Tag("each")],
    Discriminator(lambda value: "each" if value == EVERY_QUEUE else "one"),
]


def _no_secret(value: object) -> object:
    """Refuse what is no path but the secret itself, such as the address that Apprise takes or a token."""
    if value == "":
        raise mistake("string_too_short")
    if isinstance(value, str) and (
        "://" in value or value.startswith(TOKEN_PREFIXES) or any(sign.isspace() for sign in value.strip())
    ):
        raise mistake("secret_itself")
    return value


TOKEN_PREFIXES: Final = ("glsa_", "glc_", "eyJ")
"""How the tokens of Grafana and JSON Web Tokens begin."""

SecretFile = Annotated[Path, BeforeValidator(_no_secret)]
"""The path of a file that holds a secret. It need not exist where the city file is checked."""


def _names_no_user(url: HttpUrl) -> bool:
    return not url.username and not url.password


WebUrl = Annotated[HttpUrl, must(_names_no_user, "url_secret")]


_OF_SHIFTS: Final = ("kind", "usual", "bad", "false_alarm_every")


def _shape_of(rule: object) -> str:
    """Which of its shapes a rule, or a condition, has; by its keys, and those that only a shift has."""

    def part(key: str) -> object:
        return rule.get(key) if isinstance(rule, dict) else getattr(rule, key, None)

    if part("kpi") == Measure.LATE_RATIO or any(part(key) is not None for key in _OF_SHIFTS):
        return "shift"
    if part("all") is not None:
        return "combined"
    if part("kpi") == Measure.NOBODY_AVAILABLE:
        return "nobody"
    return "state" if part("kpi") in STATE_MEASURES else "over_window"


Samples = Annotated[int, Field(strict=True, ge=1)]
Share = Annotated[float, Field(strict=True, allow_inf_nan=False), must(lambda share: 0 < share < 1, "share")]
"""Part of the contacts, neither none nor all."""

MOST_CONDITIONS: Final = 5
"""A message names them all."""

Contacts = Literal["calls", "visits"]
StateMeasure = Literal[Measure.WAITING, Measure.LONGEST_WAIT]
Patience = Annotated[Duration, from_to("1m", "26h")]


class KpiCondition(ConfigSection):
    """A KPI over a window is beyond a limit."""

    kpi: Kpi
    window: RuleWindow = timedelta(minutes=15)
    limit: Limit | None = None
    """None: the city's target for that KPI and queue, or else for the site's total."""
    clear_at: Limit | None = None
    """It is over when the figure is back at this; none: at the limit. The gap keeps it from flapping."""
    min_samples: Samples | None = None
    """None: by the range of the figure (``domain.how_sure``), or ``live.min_samples``."""


class StateCondition(ConfigSection):
    """Too many wait at this moment, or one of them for too long."""

    kpi: StateMeasure
    limit: Limit
    """People, or seconds; more is wrong."""
    clear_at: Limit | None = None


class NobodyCondition(ConfigSection):
    """Nobody serves: as last reported nobody is free and nobody is talking."""

    kpi: Literal[Measure.NOBODY_AVAILABLE]


Condition = Annotated[
    Annotated[KpiCondition, Tag("over_window")]
    | Annotated[StateCondition, Tag("state")]
    | Annotated[NobodyCondition, Tag("nobody")],
    Discriminator(_shape_of),
]


class _Rule(ConfigSection):
    """What all rules about the contacts of a queue have."""

    id: Name
    site: Name | None = None
    queue: RuleQueue = ALL_QUEUES
    """A queue, ``all`` (the site's total) or ``*`` (each queue by itself)."""
    hold: Duration = timedelta(0)
    """How long it must be beyond the limit before anybody is told."""
    keep_firing: Duration = timedelta(0)
    """How long it must stay back before it is over."""
    severity: Severity = Severity.CRITICAL


class _Judged(_Rule):
    open_only: YesOrNo = True
    """Judged within the queue's opening hours only; at closing time a breach is over."""


class _Measured(_Rule):
    stale_after: Patience | None = None
    """It is over after so long without a reading, and with nobody waiting. None: its window; of a window by
    count, or a shift, half an hour."""


class KpiRule(_Judged, _Measured, KpiCondition):
    """A KPI over a window is too far from what it should be."""

    warn_at: Limit | None = None
    """An earlier limit with a message of its own, of severity ``warning``."""


class StateRule(_Judged, StateCondition):
    """Too many wait at this moment, or one of them for too long."""

    contacts: Contacts | None = None
    """Whom it is about where ``queue`` is ``all`` or ``*``; a queue by itself has one kind. None: calls."""
    warn_at: Limit | None = None


class NobodyRule(_Rule, NobodyCondition):
    """Nobody serves while it is open."""

    contacts: Contacts | None = None


def _several(conditions: tuple[Condition, ...]) -> bool:
    return 2 <= len(set(conditions)) == len(conditions) <= MOST_CONDITIONS


class CombinedRule(_Judged, _Measured):
    """Several conditions hold at once. Its first one is what its messages are about."""

    all: Annotated[tuple[Condition, ...], must(_several, "conditions")]
    contacts: Contacts | None = None


class ShiftRule(_Measured):
    """A share is no longer what it usually is: noticed call by call, over no window (``domain.shift``)."""

    kind: Literal["shift"]
    kpi: Literal[Measure.MISSED_RATIO, Measure.LATE_RATIO]
    usual: Share | None = None
    """None: what it was in the city's own days; of missed calls alone."""
    bad: Share = 0.40
    """The share that must be noticed soon."""
    within: WaitBound | None = None
    """From when on an answer is late; none: the target of the mean wait."""
    false_alarm_every: Annotated[int, Field(strict=True, ge=100, le=100_000_000)] = 34_000
    """Contacts, while the share is the usual one: a year of a desk with 18 calls an hour."""

    @model_validator(mode="after")
    def _worse_than_usual(self) -> Self:
        if self.usual is not None and not is_shift(self.usual, self.bad):
            raise mistake("shift_order", least=f"{LEAST_GAP:g}")
        if self.usual is None and self.kpi is Measure.LATE_RATIO:
            raise mistake("usual_missing")
        if self.within is not None and self.kpi is not Measure.LATE_RATIO:
            raise mistake("within_late_only")
        return self


QueueRule = Annotated[
    Annotated[KpiRule, Tag("over_window")]
    | Annotated[StateRule, Tag("state")]
    | Annotated[NobodyRule, Tag("nobody")]
    | Annotated[CombinedRule, Tag("combined")]
    | Annotated[ShiftRule, Tag("shift")],
    Discriminator(_shape_of),
]
"""A rule about the contacts of a queue."""


def measure_of(rule: QueueRule) -> Measure:
    """Return what the messages of a rule are about; of a combined rule its first condition."""
    return Measure(rule.all[0].kpi if isinstance(rule, CombinedRule) else rule.kpi)


def kinds_of(rule: QueueRule | Condition) -> frozenset[QueueKind]:
    """Return the kinds of queues that a rule can be about at once."""
    if isinstance(rule, CombinedRule):
        return frozenset[QueueKind].intersection(*(kinds_having(part.kpi) for part in rule.all))
    return kinds_having(rule.kpi)


class BudgetRule(ConfigSection):
    """The error budget of a month's or year's target is being used up too fast.

    Burn rate 1 uses exactly the budget; the rule holds while it is more than ``burn_rate`` over *both*
    windows: the long one says that it matters, the short one that it still goes on. After the
    multi-window, multi-burn-rate alerts of Google's SRE Workbook, chapter 5.
    """

    id: Name
    kpi: Literal[Kpi.MISSED_RATIO, Kpi.CALL_WAIT_MEAN] = Kpi.MISSED_RATIO
    site: Name | None = None
    long_window: Window
    short_window: Window
    burn_rate: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
    min_samples: Annotated[int, Field(strict=True, ge=1)] | None = None
    severity: Severity = Severity.WARNING

    @field_validator("short_window")
    @classmethod
    def _shorter(cls, short: timedelta, so_far: ValidationInfo) -> timedelta:
        if "long_window" in so_far.data and short >= so_far.data["long_window"]:
            raise mistake("short_window")
        return short


class NoDataRule(ConfigSection):
    """Nothing happens at a source at a time when something should: no data is not a perfect score.

    Heartbeats do not count: a log that is there says nothing of an exchange that writes no more.
    """

    id: Name
    source: Name
    after: Annotated[Duration, from_to("1m", "24h")] = timedelta(minutes=45)
    """At 18 calls an hour, and 38 open hours a week, 35 minutes without one happen by chance once a year; a
    quarter more for hours with fewer. Two heartbeats of a log (every 30 s) at least."""
    hours: Name | None = None
    """When the source must speak; none: while a queue is open that it can speak of."""
    severity: Severity = Severity.CRITICAL


class EmailChannel(ConfigSection):
    kind: Literal["email"] = "email"
    to: Annotated[tuple[Email, ...], Field(min_length=1)]


class WebhookChannel(ConfigSection):
    """A POST with our own JSON body, signed."""

    kind: Literal["webhook"] = "webhook"
    url: WebUrl
    secret_file: SecretFile | None = None
    """The HMAC key; none: unsigned."""


class AlertmanagerChannel(ConfigSection):
    """A POST with the body of a Prometheus Alertmanager webhook."""

    kind: Literal["alertmanager"] = "alertmanager"
    url: WebUrl


class AppriseChannel(ConfigSection):
    """Whatever Apprise speaks. The target's address holds its secret, so it is in a file."""

    kind: Literal["apprise"] = "apprise"
    url_file: SecretFile


Channel = Annotated[
    Annotated[EmailChannel, Tag("email")]
    | Annotated[WebhookChannel, Tag("webhook")]
    | Annotated[AlertmanagerChannel, Tag("alertmanager")]
    | Annotated[AppriseChannel, Tag("apprise")],
    Discriminator("kind"),
]


class Receiver(ConfigSection):
    """Who is told, and by which ways."""

    id: Name
    name: str = ""
    channels: Annotated[tuple[Channel, ...], Field(min_length=1)]

    @property
    def title(self) -> str:
        return self.name or self.id


class Matchers(ConfigSection):
    """Which breaches are meant, by a route or a silence. An empty list fits all."""

    severities: tuple[Severity, ...] = ()
    measures: tuple[Measure, ...] = ()
    sites: tuple[Name, ...] = ()
    queues: tuple[Name, ...] = ()
    rules: tuple[Name, ...] = ()


class Route(Matchers):
    """Which breaches go to which receivers. Every route that fits counts."""

    receivers: Annotated[tuple[Name, ...], Field(min_length=1)]
    escalate_to: tuple[Name, ...] = ()
    """Told as well when nobody has acknowledged after ``escalate_after``."""
    escalate_severities: Annotated[tuple[Severity, ...], Field(min_length=1)] = (Severity.CRITICAL,)
    """Of what: a warning is for whom it is told."""
    escalate_after: Annotated[Duration, from_to("1m", "24h")] = timedelta(minutes=15)


class MuteTimes(ConfigSection):
    """Hours in which less urgent messages wait. What is still wrong at the end is told then."""

    hours: Name
    """Opening hours (a table of ``[hours]``) during which it is quiet."""
    unless: tuple[Severity, ...] = (Severity.CRITICAL,)
    """These are told all the same."""


class SmtpConfig(ConfigSection):
    """The mail server. The password is in a file or in ``WACHTPOST_SMTP_PASSWORD_FILE``."""

    host: Annotated[str, Field(pattern=HOST)]
    port: Annotated[int, Field(strict=True, ge=1, le=65535)] = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    sender: Email
    user: Annotated[str, Field(min_length=1)] | None = None
    password_file: SecretFile | None = None

    @model_validator(mode="after")
    def _no_password_in_clear(self) -> Self:
        if (
            self.user is not None
            and self.tls == "none"
            and self.host not in {"127.0.0.1", "localhost", "::1"}
        ):
            raise mistake("smtp_clear")
        return self


class GrafanaConfig(ConfigSection):
    """Where breaches are written as annotations."""

    url: WebUrl
    token_file: SecretFile
    dashboard_uid: Annotated[str, Field(pattern=DASHBOARD_UID)] | None = None
    """None: our live board, in the city's language."""
    folder: Annotated[str, Field(min_length=1)] = "Wachtpost"


class NotifyConfig(ConfigSection):
    """How the notifier behaves."""

    group_wait: Annotated[Duration, from_to("0s", "5m")] = timedelta(seconds=30)
    """After a message, how long further ones of its kind for the same receiver are collected into one.

    New breaches are never collected for longer than a second.
    """
    reminder: Annotated[Duration, from_to("1m", "24h")] = timedelta(minutes=30)
    """After how long a breach that lasts is told again while nobody has acknowledged it; then after twice as
    long each time, up to a day."""
    flap_window: Annotated[Duration, from_to("1m", "24h")] = timedelta(hours=1)
    flap_messages: Annotated[int, Field(strict=True, ge=1, le=100)] = 2
    """How many messages one rule may cause at a queue within ``flap_window``; the rest come in one digest."""
    tell_resolved: YesOrNo = True
    quiet: tuple[MuteTimes, ...] = ()
    base_url: WebUrl | None = None
    """Where people reach the notifier: the acknowledge link. None: no link."""
    board_url: WebUrl | None = None
    """The live board; the link in a message adds the moment."""
    link_valid: Annotated[Duration, from_to("5m", "168h")] = timedelta(hours=24)
    templates: Path | None = None
    """A folder with templates of the city's own; one that is not there is ours."""
