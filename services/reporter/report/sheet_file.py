"""The follow-up sheet of a policy goal, as a city writes it in TOML: all but its indicators.

Money is whole cents from the door on, so that sums are exact. Balances, percentages and totals are computed,
not typed; a published percentage may stand beside the amounts, and must agree with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo, field_validator

from shared.config.alerting import YesOrNo
from shared.config.model import DEFAULT_LANGUAGE, Language
from shared.config.types import ConfigSection, PeriodName, mistake

COMMENT_LENGTH: Final = 4_000
"""Characters that the cities' planning software takes for a comment."""

_AMOUNT: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,12})\.[0-9]{2}")


def _hundredths(value: object) -> int:
    """Return "22884.73" as 2288473.

    Text with both decimals only: in TOML a number such as 9.600, which a Dutch reader takes for nine
    thousand six hundred, is nine and a bit, and nobody would ever be told.
    """
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value.strip()):
        raise mistake("amount")
    return int(value.strip().replace(".", ""))


def _day(value: object) -> date:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise mistake("day")
    return value


Cents = Annotated[int, PlainValidator(_hundredths)]
Percent = Annotated[int, PlainValidator(_hundredths)]
"""In hundredths of a percent: 100 % is 10000."""
Day = Annotated[date, BeforeValidator(_day)]
Text = Annotated[str, Field(min_length=1)]
"""For people; a blank line begins a new paragraph."""


class Evaluation(StrEnum):
    """How a policy goal stands as a whole."""

    ACHIEVED = "achieved"
    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    OFF_TRACK = "off_track"


class Spending(StrEnum):
    """How the money goes against the plan."""

    AS_PLANNED = "as_planned"
    LESS_THAN_PLANNED = "less_than_planned"
    MORE_THAN_PLANNED = "more_than_planned"


class Progress(StrEnum):
    """How far an action is."""

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    STOPPED = "stopped"


class Timing(StrEnum):
    """How an action keeps to its dates."""

    AHEAD = "ahead"
    ON_SCHEDULE = "on_schedule"
    DELAYED = "delayed"


@dataclass(frozen=True)
class Amounts:
    """One row of a money table, in cents."""

    budget: int = 0
    budget_beo: int = 0
    """The budget that spending is held against: as it was last adjusted."""
    used: int = 0
    booked: int = 0

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.budget + other.budget,
            self.budget_beo + other.budget_beo,
            self.used + other.used,
            self.booked + other.booked,
        )

    def __neg__(self) -> Amounts:
        return Amounts(-self.budget, -self.budget_beo, -self.used, -self.booked)

    @property
    def used_percent(self) -> int | None:
        return percent(self.used, self.budget_beo)

    @property
    def booked_percent(self) -> int | None:
        return percent(self.booked, self.budget_beo)


def percent(part: int, whole: int) -> int | None:
    """Return ``part`` of ``whole`` in hundredths of a percent, halves away from zero; none of nothing."""
    if not whole:
        return None
    size = (2 * 10_000 * abs(part) + abs(whole)) // (2 * abs(whole))
    return size if (part < 0) == (whole < 0) else -size


class Line(ConfigSection):
    """What was foreseen for something, and what became of it."""

    budget: Cents
    budget_beo: Cents
    used: Cents
    used_percent: Percent | None = None
    """As published; refused when the amounts say otherwise."""
    booked: Cents
    booked_percent: Percent | None = None

    @field_validator("used_percent", "booked_percent")
    @classmethod
    def _agrees(cls, published: int | None, so_far: ValidationInfo) -> int | None:
        part = so_far.data.get((so_far.field_name or "").removesuffix("_percent"))
        whole = so_far.data.get("budget_beo")
        if published is None or part is None or whole is None:
            return published
        computed = percent(part, whole) or 0  # bookkeeping prints 0.00 where there is no budget
        if published != computed:
            raise mistake("percent_differs", computed=f"{computed / 100:.2f}")
        return published

    @property
    def amounts(self) -> Amounts:
        return Amounts(self.budget, self.budget_beo, self.used, self.booked)


class Account(ConfigSection):
    """The operating or the investment side: revenue may be left out, the balance follows."""

    expenses: Line
    revenue: Line | None = None


class Money(ConfigSection):
    """What an action plan costs."""

    status: Spending | None = None
    explanation: Text | None = None
    operating: Account | None = None
    investment: Account | None = None


@dataclass(frozen=True)
class Sums:
    """One side of one or more action plans; ``revenue`` is none where no plan has any."""

    expenses: Amounts
    revenue: Amounts | None

    @property
    def balance(self) -> Amounts:
        return (self.revenue or Amounts()) + -self.expenses


def add_up(accounts: Iterable[Account | None]) -> Sums | None:
    """Return the sums of one side; ``None`` when there is nothing on it."""
    given = [account for account in accounts if account is not None]
    if not given:
        return None
    revenues = [account.revenue.amounts for account in given if account.revenue]
    return Sums(
        expenses=sum((account.expenses.amounts for account in given), Amounts()),
        revenue=sum(revenues, Amounts()) if revenues else None,
    )


class GoalEvaluation(ConfigSection):
    """The overall evaluation of the goal."""

    status: Evaluation | None = None
    explanation: Text | None = None


class Goal(ConfigSection):
    """The policy goal that the sheet follows."""

    code: Text | None = None
    title: Text | None = None
    evaluation: GoalEvaluation = GoalEvaluation()


class ActionProgress(ConfigSection):
    """How far the action is, and why."""

    status: Progress | None = None
    explanation: Text | None = None


class ActionTiming(ConfigSection):
    """Whether the action keeps to its dates, and why."""

    status: Timing | None = None
    explanation: Text | None = None


class Action(ConfigSection):
    """Something that the city does for the goal."""

    code: Text
    title: Text
    description: Text | None = None
    progress: ActionProgress = ActionProgress()
    timing: ActionTiming = ActionTiming()
    status_code: Text | None = None
    """As the city's planning software has it, such as ``4 - Afgerond``."""
    start: Day | None = None
    end: Day | None = None

    @field_validator("end")
    @classmethod
    def _after_start(cls, end: date | None, so_far: ValidationInfo) -> date | None:
        start = so_far.data.get("start")
        if end and start and end < start:
            raise mistake("end_before_start")
        return end


class ActionPlan(ConfigSection):
    """A plan for the goal: its targets, its money and its actions."""

    code: Text
    title: Text
    priority: YesOrNo = False
    description: Text | None = None
    targets: tuple[Text, ...] = ()
    money: Money = Money()
    actions: tuple[Action, ...] = ()


class Indicators(ConfigSection):
    """What the city says with the indicators; the figures themselves are Wachtpost's."""

    source: Text | None = None
    comment: Annotated[str, Field(min_length=1, max_length=COMMENT_LENGTH)] | None = None


class Sheet(ConfigSection):
    """One follow-up sheet, of one period."""

    city: str = ""
    """Which city wrote it: the ``name`` in the city file, else ``city_mistakes`` says so."""
    period: PeriodName
    language: Language = DEFAULT_LANGUAGE
    """Of the texts in the file; titles, statuses and numbers follow the report."""
    goal: Goal = Goal()
    action_plans: Annotated[tuple[ActionPlan, ...], Field(min_length=1)]
    """The indicators stand with the first."""
    indicators: Indicators = Indicators()
