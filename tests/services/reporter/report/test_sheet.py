"""The follow-up sheet: the example block by block in two languages, exact money, mistakes by line."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from services.reporter.report.sheet import (
    STATUSES,
    Status,
    as_markdown,
    sheet_css,
    sheet_html,
    sheet_markdown,
)
from services.reporter.report.sheet_file import Account, Amounts, Sheet, add_up, percent
from services.reporter.report.sheet_money import MoneyTables
from services.reporter.report.writing import Writing
from shared.config.errors import explain_as
from shared.config.messages import MISTAKES
from shared.periods import Period
from shared.translation import languages, translator
from tests.support.thorough import examples

EXAMPLE = Path(__file__).resolve().parents[4] / "examples" / "lier" / "sheet-2024-q2.toml"
SLOT = "<h3>Wachttijd & co</h3>"


def sheet(text: str) -> Sheet:
    assert explain_as(Sheet, text, "sheet.toml", "en") == []
    return Sheet.model_validate(tomllib.loads(text))


def example() -> Sheet:
    return sheet(EXAMPLE.read_text(encoding="utf-8"))


# --- reading a page as its readers do ----------------------------------------------------------------


class Page(HTMLParser):
    """A fragment as lines: headings with #, rows of tables with |, everything else as it is."""

    BLOCKS = frozenset({"h2", "h3", "p", "li", "dt", "dd", "caption", "tr"})
    VOID = frozenset({"br", "hr", "img", "meta"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.languages: dict[str, str | None] = {}
        self._language: list[str | None] = []
        self.feed(text)
        self.close()
        assert self.open == [], "every tag is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.attributes.append((tag, given))
        if tag in self.VOID:
            return
        self.open.append(tag)
        self._language.append(given.get("lang", self._language[-1] if self._language else None))
        if tag in self.BLOCKS and not (tag in {"p", "li"} and self.lines and not self.lines[-1].strip()):
            self.lines.append("")
        if tag in {"td", "th"}:
            self.lines[-1] += "|"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} closes what is open"
        self._language.pop()
        if tag in {"h2", "h3"}:
            self.lines[-1] = "#" * int(tag[1]) + " " + self.lines[-1]

    def handle_data(self, data: str) -> None:
        if self.lines:
            self.lines[-1] += data.replace("\u00a0", " ")
        if data.strip():
            self.languages[data.strip()] = self._language[-1]

    def read(self) -> list[str]:
        return [" ".join(line.split()) for line in self.lines if line.strip()]


def page(of: Sheet, language: str) -> Page:
    return Page(sheet_html(of, translator(language), "<h3>SLOT</h3>"))


# --- the example, block by block ---------------------------------------------------------------------

COUNTERS = (
    "Gemiddelde wachttijd aan het loket met afspraak: Burgerzaken hoogstens 1 minuut, Mobiliteit 2, "
    "Energieloket, Omgeving en Wonen 5, OCMW 10."
)
TARGETS = [
    "Hoogstens 20 % gemiste oproepen in het klantencontactcentrum, per jaar.",
    "Gemiddeld hoogstens 45 seconden wachten op een antwoord aan de telefoon.",
    "Gemiddeld hoogstens 5 werkdagen tot een afspraak.",
    COUNTERS,
]
SPENT = (
    "Het investeringsbudget van 2024 is volledig gebruikt en geboekt. Van de exploitatie-uitgaven is "
    "nog niets gebruikt of geboekt."
)
TITLE = "Gebruik van gebruiksvriendelijke en toegankelijke dienstverleningskanalen"
LIVE = (
    "De software is zoals gepland in 2021 in gebruik genomen. Met het budget van 2022 is de afsprakenmodule "
    "gekoppeld met Mijn Burgerprofiel."
)
SOURCE = "Dienstverlening, Departement Wonen, Leven & Ondernemen | Stad & OCMW Lier"

NL_NOTE = "Bedragen in euro; percentages van het budget BEO."
EN_NOTE = "Amounts in euros; percentages of the budget BEO."
NL_MONEY = [
    "||Budget 2024|Budget BEO 2024|Gebruikt 2024 Q2|% gebruikt|Geboekt 2024 Q2|% geboekt",
    "|Exploitatie-uitgaven|9.600,00|9.600,00|0,00|0,00 %|0,00|0,00 %",
    "|Saldo exploitatie|−9.600,00|−9.600,00|0,00|0,00 %|0,00|0,00 %",
    "|Investeringsuitgaven|0,00|22.884,73|22.884,73|100,00 %|22.884,73|100,00 %",
    "|Saldo investeringen|0,00|−22.884,73|−22.884,73|100,00 %|−22.884,73|100,00 %",
]
EN_MONEY = [
    "||Budget 2024|Budget BEO 2024|Used 2024 Q2|% used|Booked 2024 Q2|% booked",
    "|Operating expenses|9,600.00|9,600.00|0.00|0.00%|0.00|0.00%",
    "|Operating balance|−9,600.00|−9,600.00|0.00|0.00%|0.00|0.00%",
    "|Investment expenses|0.00|22,884.73|22,884.73|100.00%|22,884.73|100.00%",
    "|Investment balance|0.00|−22,884.73|−22,884.73|100.00%|−22,884.73|100.00%",
]
BLOCKS = {
    "nl": {
        "evaluation": [
            "## Algemene evaluatie van de beleidsdoelstelling",
            *("Periode", "2024 Q2", "Status", "niet ingevuld"),
            *("Toelichting", "De actie op dit blad verliep op schema en is afgerond."),
        ],
        "action plan": [
            "## Prioritair actieplan 01/16/SAP/01 Klantgerichte dienstverlening",
            "Voor de dienstverlening gelden deze streefwaarden.",
            "### Streefwaarden",
            *TARGETS,
        ],
        "money": [
            "## Financiën",
            *("Status", "niet ingevuld", "Toelichting", SPENT),
            f"Financiën van actieplan 01/16/SAP/01, 2024 Q2 {NL_NOTE}",
            *NL_MONEY,
        ],
        "indicators": ["## Indicatoren", "### SLOT", f"Bron: {SOURCE}"],
        "actions": [
            "## Acties",
            f"### Actie 01/16/SAP/01/01 {TITLE}",
            "Nieuwe software in gebruik nemen en de afsprakenmodule koppelen met Mijn Burgerprofiel.",
            *("Voortgang", "afgerond", LIVE, "Tijd", "op schema", "Statuscode", "4 - Afgerond"),
            *("Begindatum", "01-01-2020", "Einddatum", "31-12-2025"),
        ],
        "total": [
            "## Totaal van de beleidsdoelstelling",
            f"Totaal van de actieplannen op dit blad, 2024 Q2 {NL_NOTE}",
            *NL_MONEY,
        ],
    },
    "en": {
        "evaluation": [
            "## Overall evaluation of the policy goal",
            *("Period", "2024 Q2", "Status", "not filled in"),
            *("Explanation", "De actie op dit blad verliep op schema en is afgerond."),
        ],
        "action plan": [
            "## Priority action plan 01/16/SAP/01 Klantgerichte dienstverlening",
            "Voor de dienstverlening gelden deze streefwaarden.",
            "### Targets",
            *TARGETS,
        ],
        "money": [
            "## Money",
            *("Status", "not filled in", "Explanation", SPENT),
            f"Money of action plan 01/16/SAP/01, 2024 Q2 {EN_NOTE}",
            *EN_MONEY,
        ],
        "indicators": ["## Indicators", "### SLOT", f"Source: {SOURCE}"],
        "actions": [
            "## Actions",
            f"### Action 01/16/SAP/01/01 {TITLE}",
            "Nieuwe software in gebruik nemen en de afsprakenmodule koppelen met Mijn Burgerprofiel.",
            *("Progress", "completed", LIVE, "Time", "on schedule", "Status code", "4 - Afgerond"),
            *("Start date", "1 January 2020", "End date", "31 December 2025"),
        ],
        "total": [
            "## Total of the policy goal",
            f"Total of the action plans on this sheet, 2024 Q2 {EN_NOTE}",
            *EN_MONEY,
        ],
    },
}


def blocks(lines: list[str]) -> list[list[str]]:
    """The lines, cut before every heading of the second level."""
    cut: list[list[str]] = []
    for line in lines:
        if line.startswith("## "):
            cut.append([])
        cut[-1].append(line)
    return cut


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_example_is_the_published_sheet_block_by_block(language: str) -> None:
    read = blocks(page(example(), language).read())
    for (name, expected), block in zip(BLOCKS[language].items(), read, strict=True):
        assert block == expected, name


@pytest.mark.parametrize("language", ["nl", "en"])
def test_markdown_says_what_the_page_says(language: str) -> None:
    written = sheet_markdown(example(), translator(language), "### SLOT")
    rendered = MarkdownIt("commonmark").enable("table").render(written)
    said = " ".join(Page(rendered.replace("<strong>", "").replace("</strong>", "")).read())
    for line in (line for block in BLOCKS[language].values() for line in block):
        for part in re.split(r"\|(?! Stad)|: (?=Dienst)| (?=Bedragen|Amounts)|^#+ ", line):
            assert part in said


@pytest.mark.parametrize("language", languages())
def test_the_sheet_is_whole_in_every_language(language: str) -> None:
    read = page(example(), language).read()
    assert [len(block) for block in blocks(read)] == [len(block) for block in BLOCKS["nl"].values()]
    assert not [line for line in (*read, sheet_markdown(example(), translator(language), "")) if "{" in line]


# --- the page ----------------------------------------------------------------------------------------


def test_texts_of_the_city_keep_their_language_and_ours_do_not() -> None:
    english = page(example(), "en").languages
    assert {english[text] for text in (LIVE, SPENT, TITLE, SOURCE, "4 - Afgerond")} == {"nl"}
    assert {
        english[text] for text in ("Progress", "completed", "9,600.00", "SLOT", "Investment balance")
    } == {None}
    assert set(page(example(), "nl").languages.values()) == {None}


def test_tables_have_captions_headers_and_a_name_to_scroll_by() -> None:
    read = page(example(), "nl")
    tags = [tag for tag, _ in read.attributes]
    assert tags.count("table") == tags.count("caption") == 2
    scopes = [given.get("scope") for tag, given in read.attributes if tag == "th"]
    assert scopes == 2 * (6 * ["col"] + 4 * ["row"])
    ids = [given["id"] for _, given in read.attributes if "id" in given]
    named = [given["aria-labelledby"] for _, given in read.attributes if "aria-labelledby" in given]
    assert len(ids) == len(set(ids))
    assert set(named) == set(ids)
    assert all(given.get("tabindex") == "0" for _, given in read.attributes if given.get("role") == "region")


def test_what_the_city_writes_is_text_and_never_markup() -> None:
    nasty = '<script>alert("x")</script> & <b>'
    text = EXAMPLE.read_text(encoding="utf-8").replace("4 - Afgerond", nasty.replace('"', "'"))
    html = sheet_html(sheet(text), translator("nl"), SLOT)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert SLOT in html, "the indicators are markup already"


def test_the_styles_reach_the_sheet_alone() -> None:
    selectors = [line for line in sheet_css().splitlines() if line.startswith((".", "section", "  ."))]
    assert selectors
    assert all(".sheet" in line for line in selectors)


# --- money -------------------------------------------------------------------------------------------

LINE = '{budget = "%s", budget_beo = "%s", used = "%s", booked = "%s"}'


def account(expenses: tuple[str, ...], revenue: tuple[str, ...] | None = None) -> Account:
    rows = [f"expenses = {LINE % expenses}", *([f"revenue = {LINE % revenue}"] if revenue else [])]
    return Account.model_validate(tomllib.loads("\n".join(rows)))


def test_the_balance_is_revenue_less_expenses_to_the_cent() -> None:
    sums = add_up([account(("0.10", "0.30", "0.20", "0.00"), ("0.30", "0.10", "0.00", "0.07"))])
    assert sums is not None
    assert sums.balance == Amounts(20, -20, -20, 7)


def test_the_total_of_the_goal_is_the_sum_of_its_plans() -> None:
    one = account(("9600.00", "9600.00", "0.00", "0.00"))
    other = account(("0.01", "1000000.10", "0.30", "0.20"), ("0.00", "50.00", "50.00", "0.00"))
    sums = add_up([one, None, other])
    assert sums is not None
    assert sums.expenses == Amounts(960_001, 100_960_010, 30, 20)
    assert sums.revenue == Amounts(0, 5_000, 5_000, 0), "one plan has revenue"
    assert add_up([None, None]) is None


@pytest.mark.parametrize(
    ("part", "whole", "hundredths"),
    [
        (2_288_473, 2_288_473, 10_000),  # all of it
        (0, 960_000, 0),  # nothing yet
        (0, 0, None),  # nothing of nothing is no percentage
        (5, 0, None),
        (1, 3, 3_333),
        (2, 3, 6_667),
        (1, 20_000, 1),  # half a hundredth: away from zero
        (-1, 20_000, -1),
        (-2_288_473, -2_288_473, 10_000),  # of a negative balance
        (300, 200, 15_000),
    ],
)
def test_a_percentage_is_of_the_budget_beo(part: int, whole: int, hundredths: int | None) -> None:
    assert percent(part, whole) == hundredths


@pytest.mark.parametrize(
    ("cents", "nl", "en"),
    [
        (0, "0,00", "0.00"),
        (7, "0,07", "0.07"),
        (-7, "−0,07", "−0.07"),
        (2_288_473, "22.884,73", "22,884.73"),
        (-960_000, "−9.600,00", "−9,600.00"),
        (999_999_999_999_999, "9.999.999.999.999,99", "9,999,999,999,999.99"),
    ],
)
def test_amounts_are_written_as_in_the_language(cents: int, nl: str, en: str) -> None:
    period = Period.parse("2024-Q2")
    tables = [MoneyTables(period, Writing(translator(one))) for one in ("nl", "en")]
    assert [table.amount(cents) for table in tables] == [nl, en]
    assert [table.percent(cents) for table in tables] == [f"{nl} %", f"{en}%"]
    assert {table.percent(None) for table in tables} == {"–"}


@settings(max_examples=examples(200))
@given(st.lists(st.tuples(*4 * [st.integers(-(10**14), 10**14)]), min_size=1, max_size=5))
def test_no_cent_is_lost_between_file_and_sum(rows: list[tuple[int, int, int, int]]) -> None:
    def written(cents: int) -> str:
        return f"{'-' * (cents < 0)}{abs(cents) // 100}.{abs(cents) % 100:02}"

    sums = add_up(account(tuple(map(written, row))) for row in rows)
    assert sums is not None
    columns = [sum(column) for column in zip(*rows, strict=True)]
    assert sums.expenses == Amounts(*columns)
    assert sums.balance == Amounts(*(-column for column in columns))


# --- more and less than the example ------------------------------------------------------------------

SMALLEST = 'period = "2026-10"\n[[action_plans]]\ncode = "1"\ntitle = "Plan"\n'


def test_the_smallest_sheet_says_what_is_missing() -> None:
    lines = page(sheet(SMALLEST), "nl").read()
    assert lines.count("niet ingevuld") == 4, "status and explanation of the goal, and of the money"
    assert lines.count("Er zijn geen bedragen ingevuld.") == 2
    assert "Er zijn geen acties ingevuld." in lines
    assert "oktober 2026" in lines
    assert "## Actieplan 1 Plan" in lines


def test_revenue_has_its_row_before_the_expenses() -> None:
    money = "[action_plans.money.operating]\n" + "".join(
        f"{side} = {LINE % row}\n"
        for side, row in {
            "expenses": ("10.00", "10.00", "0.00", "0.00"),
            "revenue": ("4.00", "0.00", "0.00", "0.00"),
        }.items()
    )
    rows = [line for line in page(sheet(SMALLEST + money), "en").read() if line.startswith("|Operating")]
    assert rows[:3] == [
        "|Operating revenue|4.00|0.00|0.00|–|0.00|–",
        "|Operating expenses|10.00|10.00|0.00|0.00%|0.00|0.00%",
        "|Operating balance|−6.00|−10.00|0.00|0.00%|0.00|0.00%",
    ]


def test_with_more_plans_the_indicators_stand_once_and_headings_tell_plans_apart() -> None:
    two = SMALLEST + '[[action_plans]]\ncode = "2"\ntitle = "Other"\n'
    headings = [line for line in page(sheet(two), "en").read() if line.startswith("## ")]
    assert headings == [
        "## Overall evaluation of the policy goal",
        *("## Action plan 1 Plan", "## Money 1", "## Indicators", "## Actions 1"),
        *("## Action plan 2 Other", "## Money 2", "## Actions 2"),
        "## Total of the policy goal",
    ]
    markdown = sheet_markdown(sheet(two), translator("en"), "### SLOT").splitlines()
    assert [line for line in markdown if line.startswith("## ")] == headings


def test_a_goal_and_a_comment_stand_where_they_belong() -> None:
    text = (
        SMALLEST
        + '[goal]\ncode = "01/16"\ntitle = "Dienstverlening"\nevaluation = {status = "on_track"}\n'
        + '[indicators]\ncomment = """\nEén\nalinea.\n\nNog een.\n"""\n'
    )
    lines = page(sheet(text), "nl").read()
    assert lines[1:7] == [
        "Beleidsdoelstelling",
        "01/16 Dienstverlening",
        "Periode",
        "oktober 2026",
        "Status",
        "op koers",
    ]
    after = lines.index("### SLOT")
    assert lines[after + 1 : after + 4] == ["### Toelichting bij de indicatoren", "Eén alinea.", "Nog een."]


# --- mistakes ----------------------------------------------------------------------------------------

PLAN = '[[action_plans]]\ncode = "1"\ntitle = "Plan"\n'
HEAD = 'period = "2024-Q2"\n' + PLAN
EXPENSES = "[action_plans.money.operating.expenses]\n"
GOOD = 'budget = "1.00"\nbudget_beo = "3.00"\nused = "1.00"\nbooked = "3.00"\n'
ACTION = '[[action_plans.actions]]\ncode = "1.1"\ntitle = "Doen"\n'

MONEY = "[action_plans.money]\n"
LATE = HEAD + ACTION + '[action_plans.actions.timing]\nstatus = "late"'
BACKWARDS = HEAD + ACTION + "start = 2020-01-02\nend = 2020-01-01"
TALKATIVE = HEAD + f'[indicators]\ncomment = "{4001 * "x"}"'

OPERATING = "action_plans[0].money.operating.expenses"
BOOKED = f"{OPERATING}.booked_percent"


def spent(this: str = "", instead: str = "") -> str:
    """A sheet with good expenses, but for what stands there instead."""
    return HEAD + EXPENSES + GOOD.replace(this, instead)


@pytest.mark.parametrize(
    ("text", "line", "key", "kind", "allowed"),
    [
        (PLAN, None, "period", "missing", "add period"),
        ('period = "2024 Q2"\n' + PLAN, 1, "period", "period", '"2026-Q3"'),
        ('period = "2024-Q2"\n', None, "action_plans", "missing", "add action_plans"),
        ('period = "2024-Q2"\naction_plans = []', 2, "action_plans", "too_short", "at least one"),
        ('period = "2024-Q2"\n[action_plans]\ncode = "1"', 2, "action_plans", "tables", "[[action_plans]]"),
        (HEAD + "targets = 3", 5, "action_plans[0].targets", "list", '["a", "b"]'),
        (HEAD + 'priority = "yes"', 5, "action_plans[0].priority", "bool_type", "true or false"),
        (HEAD + 'description = " "', 5, "action_plans[0].description", "string_too_short", "at least one"),
        (HEAD + 'goal = "x"', 5, "action_plans[0].goal", "extra_forbidden", "targets"),
        (spent('used = "1.00"', "used = 9.600"), 8, f"{OPERATING}.used", "amount", '"22884.73"'),
        (spent('used = "1.00"', 'used = "22.884,73"'), 8, f"{OPERATING}.used", "amount", '"22884.73"'),
        (spent() + 'used_percent = "33.30"', 10, f"{OPERATING}.used_percent", "percent_differs", '"33.33"'),
        (spent() + 'booked_percent = "0.00"', 10, BOOKED, "percent_differs", '"100.00"'),
        (spent('booked = "3.00"\n', ""), 5, f"{OPERATING}.booked", "missing", "booked"),
        (spent() + 'balance = "1.00"', 10, f"{OPERATING}.balance", "extra_forbidden", "budget_beo"),
        (HEAD + MONEY + "status = 'as_plannd'", 6, "action_plans[0].money.status", "choice", "as_planned"),
        (LATE, 9, "action_plans[0].actions[0].timing.status", "choice", "delayed"),
        (HEAD + ACTION + 'start = "01-01-2020"', 8, "action_plans[0].actions[0].start", "day", "2026-05-15"),
        (BACKWARDS, 9, "action_plans[0].actions[0].end", "end_before_start", "the start or later"),
        (TALKATIVE, 6, "indicators.comment", "string_too_long", "4000 characters at most"),
        ('period = "2024-Q2"\nlanguage = "xx"\n' + PLAN, 2, "language", "language", "de, en, fr, nl"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_would_be_right(
    text: str, line: int | None, key: str, kind: str, allowed: str
) -> None:
    found = explain_as(Sheet, text, "sheet.toml", "en")
    assert [(one.line, one.key) for one in found] == [(line, key)]
    assert found[0].wrong.startswith(translator("en").text(MISTAKES[kind].wrong, key=key.split(".")[-1]))
    assert allowed in found[0].allowed
    (in_dutch,) = explain_as(Sheet, text, "sheet.toml", "nl")
    assert in_dutch.wrong.startswith(translator("nl").text(MISTAKES[kind].wrong, key=key.split(".")[-1]))


@pytest.mark.parametrize(
    "given",
    [
        *("1", "1.0", "1.000", "1,00", "01.00", ".50", "1e3", "+1.00", "€ 1.00", "1 000.00", "", "١.٠٠"),
        *("12345678901234.00", "--1.00", "nan"),
    ],
)
def test_only_an_amount_with_both_its_decimals_is_one(given: str) -> None:
    text = spent('used = "1.00"', f'used = "{given}"')
    assert [one.wrong for one in explain_as(Sheet, text, "s.toml", "en")] == [MISTAKES["amount"].wrong.text]


@pytest.mark.parametrize("given", ["1", "1.25", "true", "2020-01-01", "[]", "{}"])
def test_an_amount_is_text(given: str) -> None:
    text = spent('used = "1.00"', f"used = {given}")
    assert [one.wrong for one in explain_as(Sheet, text, "s.toml", "en")] == [MISTAKES["amount"].wrong.text]


def test_a_published_percentage_of_no_budget_is_zero() -> None:
    sheet(HEAD + EXPENSES + GOOD.replace("3.00", "0.00") + 'used_percent = "0.00"\nbooked_percent = "0.00"')


def test_a_comment_of_four_thousand_characters_is_not_too_long() -> None:
    sheet(HEAD + f'[indicators]\ncomment = "{4000 * "é"}"')


# --- words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", languages())
def test_every_status_has_a_word_of_its_own(language: str) -> None:
    every = {status for kind in get_args(Status) for status in kind}
    assert set(STATUSES) == every
    assert len({translator(language).text(word) for word in STATUSES.values()}) == len(every)


@pytest.mark.parametrize(
    ("period", "de", "en", "fr", "nl"),
    [
        ("2024", "2024", "2024", "2024", "2024"),
        ("2024-Q2", "2. Quartal 2024", "2024 Q2", "T2 2024", "2024 Q2"),
        (
            "2024-H1",
            "erstes Halbjahr 2024",
            "first half of 2024",
            "premier semestre 2024",
            "eerste helft van 2024",
        ),
        (
            "2024-H2",
            "zweites Halbjahr 2024",
            "second half of 2024",
            "second semestre 2024",
            "tweede helft van 2024",
        ),
        ("2024-03", "März 2024", "March 2024", "mars 2024", "maart 2024"),
    ],
)
def test_a_period_has_a_name(period: str, de: str, en: str, fr: str, nl: str) -> None:
    writings = [Writing(translator(language)) for language in ("de", "en", "fr", "nl")]
    assert [write.period(Period.parse(period)) for write in writings] == [de, en, fr, nl]


def test_the_first_of_a_month_is_written_as_in_the_language() -> None:
    first, second = date(2026, 5, 1), date(2026, 5, 2)
    assert [
        (write.day(first), write.day_of_year(first), write.day(second))
        for write in (Writing(translator(language)) for language in ("fr", "nl"))
    ] == [("1er mai 2026", "1er mai", "2 mai 2026"), ("1 mei 2026", "1 mei", "2 mei 2026")]


# --- Markdown ----------------------------------------------------------------------------------------


@settings(max_examples=examples(500))
@given(st.text(alphabet="ab1 .)(-+*_#>|`~[]<>!&;=\\\n$:/@'\"x", max_size=30))
def test_markdown_shows_the_text_that_was_meant(text: str) -> None:
    meant = " ".join(text.split())
    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    page = Page(markdown.render(as_markdown(text)))
    assert [tag for tag, _ in page.attributes] == (["p"] if meant else [])
    assert "".join(page.read()) == meant
    cell = markdown.render(f"| a |\n|---|\n| {as_markdown(text)} |")
    assert cell.count("<td>") == 1
