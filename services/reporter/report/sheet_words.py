"""What stands on a follow-up sheet besides the city's own texts, per language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from services.reporter.report.sheet_file import Evaluation, Progress, Spending, Timing
from shared.periods import Period

Status = Evaluation | Spending | Progress | Timing


@dataclass(frozen=True)
class SheetWords:
    """One language. Texts with fields are ``str.format`` patterns."""

    # blocks
    evaluation: str
    action_plan: str
    priority_action_plan: str
    targets: str
    money: str
    money_of: str
    indicators: str
    comment: str
    actions: str
    action: str
    total: str
    total_of: str
    table_note: str
    """Unit of a money table, and what its percentages are of."""
    # terms
    goal: str
    period: str
    status: str
    explanation: str
    progress: str
    timing: str
    status_code: str
    start: str
    end: str
    source: str
    unstated: str
    no_amounts: str
    no_actions: str
    # money
    columns: tuple[str, ...]
    """They break where they have an ordinary space."""
    operating_expenses: str
    operating_revenue: str
    operating_balance: str
    investment_expenses: str
    investment_revenue: str
    investment_balance: str
    no_percent: str
    # statuses
    statuses: dict[Status, str]
    # calendar
    months: tuple[str, ...]
    halves: tuple[str, str]
    day: str
    """Fields: ``{day}``, ``{month}`` (a number), ``{name}`` (its name) and ``{year}``."""

    def status_word(self, status: Status | None) -> str:
        return self.unstated if status is None else self.statuses[status]

    def date(self, day: date | None) -> str:
        if day is None:
            return self.unstated
        return self.day.format(day=day.day, month=day.month, name=self.months[day.month - 1], year=day.year)

    def period_name(self, period: Period) -> str:
        """Return ``2024``, ``2024 Q2``, ``first half of 2024`` or ``June 2024``."""
        if period.is_month:
            return f"{self.months[period.first.month - 1]} {period.first.year}"
        if "H" in period.name:
            return self.halves[period.first.month > 1].format(period.first.year)
        return period.name.replace("-", " ")


NL: Final = SheetWords(
    evaluation="Algemene evaluatie van de beleidsdoelstelling",
    action_plan="Actieplan",
    priority_action_plan="Prioritair actieplan",
    targets="Streefwaarden",
    money="Financiën",
    money_of="Financiën van actieplan {code}, {period}",
    indicators="Indicatoren",
    comment="Toelichting bij de indicatoren",
    actions="Acties",
    action="Actie",
    total="Totaal van de beleidsdoelstelling",
    total_of="Totaal van de actieplannen op dit blad, {period}",
    table_note="Bedragen in euro; percentages van het budget BEO.",
    goal="Beleidsdoelstelling",
    period="Periode",
    status="Status",
    explanation="Toelichting",
    progress="Voortgang",
    timing="Tijd",
    status_code="Statuscode",
    start="Begindatum",
    end="Einddatum",
    source="Bron",
    unstated="niet ingevuld",
    no_amounts="Er zijn geen bedragen ingevuld.",
    no_actions="Er zijn geen acties ingevuld.",
    columns=(
        "Budget {year}",
        "Budget BEO {year}",
        "Gebruikt {period}",
        "%\u00a0gebruikt",
        "Geboekt {period}",
        "%\u00a0geboekt",
    ),
    operating_expenses="Exploitatie-uitgaven",
    operating_revenue="Exploitatie-ontvangsten",
    operating_balance="Saldo exploitatie",
    investment_expenses="Investeringsuitgaven",
    investment_revenue="Investeringsontvangsten",
    investment_balance="Saldo investeringen",
    no_percent="–",
    statuses={
        Evaluation.ACHIEVED: "bereikt",
        Evaluation.ON_TRACK: "op koers",
        Evaluation.AT_RISK: "aandacht nodig",
        Evaluation.OFF_TRACK: "niet op koers",
        Spending.AS_PLANNED: "volgens plan",
        Spending.LESS_THAN_PLANNED: "minder dan gepland",
        Spending.MORE_THAN_PLANNED: "meer dan gepland",
        Progress.NOT_STARTED: "niet gestart",
        Progress.IN_PROGRESS: "in uitvoering",
        Progress.DONE: "afgerond",
        Progress.STOPPED: "stopgezet",
        Timing.AHEAD: "voor op schema",
        Timing.ON_SCHEDULE: "op schema",
        Timing.DELAYED: "vertraagd",
    },
    months=(
        "januari",
        "februari",
        "maart",
        "april",
        "mei",
        "juni",
        "juli",
        "augustus",
        "september",
        "oktober",
        "november",
        "december",
    ),
    halves=("eerste helft van {}", "tweede helft van {}"),
    day="{day:02}-{month:02}-{year}",
)

EN: Final = SheetWords(
    evaluation="Overall evaluation of the policy goal",
    action_plan="Action plan",
    priority_action_plan="Priority action plan",
    targets="Targets",
    money="Money",
    money_of="Money of action plan {code}, {period}",
    indicators="Indicators",
    comment="Comment on the indicators",
    actions="Actions",
    action="Action",
    total="Total of the policy goal",
    total_of="Total of the action plans on this sheet, {period}",
    table_note="Amounts in euros; percentages of the budget BEO.",
    goal="Policy goal",
    period="Period",
    status="Status",
    explanation="Explanation",
    progress="Progress",
    timing="Time",
    status_code="Status code",
    start="Start date",
    end="End date",
    source="Source",
    unstated="not filled in",
    no_amounts="No amounts were filled in.",
    no_actions="No actions were filled in.",
    columns=(
        "Budget {year}",
        "Budget BEO {year}",
        "Used {period}",
        "%\u00a0used",
        "Booked {period}",
        "%\u00a0booked",
    ),
    operating_expenses="Operating expenses",
    operating_revenue="Operating revenue",
    operating_balance="Operating balance",
    investment_expenses="Investment expenses",
    investment_revenue="Investment revenue",
    investment_balance="Investment balance",
    no_percent="–",
    statuses={
        Evaluation.ACHIEVED: "achieved",
        Evaluation.ON_TRACK: "on track",
        Evaluation.AT_RISK: "needs attention",
        Evaluation.OFF_TRACK: "off track",
        Spending.AS_PLANNED: "as planned",
        Spending.LESS_THAN_PLANNED: "less than planned",
        Spending.MORE_THAN_PLANNED: "more than planned",
        Progress.NOT_STARTED: "not started",
        Progress.IN_PROGRESS: "in progress",
        Progress.DONE: "completed",
        Progress.STOPPED: "discontinued",
        Timing.AHEAD: "ahead of schedule",
        Timing.ON_SCHEDULE: "on schedule",
        Timing.DELAYED: "delayed",
    },
    months=(
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    halves=("first half of {}", "second half of {}"),
    day="{day} {name} {year}",
)

SHEET_WORDS: Final = {"nl": NL, "en": EN}
