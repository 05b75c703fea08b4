"""The catalogues say what the code says, in every language; figures are written as each language does."""

from __future__ import annotations

import ast
import string
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from shared.contract.kpis import Unit
from shared.translation import LOCALES, SOURCE_LANGUAGE, Msg, languages, translator

ROOT = Path(__file__).parents[2]
CATALOGUES = sorted(LOCALES.glob("*.po"))
MARKS = {"Msg": slice(0, 1), "gettext": slice(0, 1), "pgettext": slice(1, 2), "ngettext": slice(0, 2)}
"""What marks a message, and which of its arguments are the message."""


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """What `make messages` finds in the code now."""
    template = tmp_path_factory.mktemp("messages") / "messages.pot"
    code = "import sys; from babel.messages.frontend import main; sys.exit(main())"
    subprocess.run([sys.executable, "-c", code, "-q", "extract", "-o", template], cwd=ROOT, check=True)
    return read(template)


def read(file: Path) -> Catalog:
    with file.open("rb") as opened:
        return read_po(opened)


def forms(text: str | tuple[str, ...] | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def keys(catalogue: Catalog) -> set[tuple[str | None, str]]:
    return {(message.context, str(message.id)) for message in catalogue if message.id}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def wrong_with(message: Message) -> Iterator[str]:
    """What keeps a translation from being used."""
    if message.fuzzy:
        yield "is marked fuzzy: check it and take the mark away"
    said, asked = forms(message.string or ""), forms(message.id)
    if not all(said):
        yield "is not translated"
    # One of something may go without its number; nothing may ask for a field that nobody fills in.
    for number, text in enumerate(said):
        allowed, needed = fields(asked[-1]), fields(asked[min(number, len(asked) - 1)])
        missing = set() if len(asked) > 1 and number == 0 else needed - fields(text)
        if text and (missing or fields(text) - allowed):
            yield f"has other fields: {text}"


def marked(file: Path) -> Iterator[ast.expr]:
    """The messages of a file, as Python reads it."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in MARKS:
                yield from node.args[MARKS[name]]


class TestCatalogues:
    def test_four_languages_are_shipped(self) -> None:
        assert set(languages()) >= {"nl", "en", "fr", "de"}

    @pytest.mark.parametrize("file", CATALOGUES, ids=lambda file: file.stem)
    def test_has_every_message_of_the_code_and_no_other(self, file: Path, extracted: Catalog) -> None:
        own = read(file)
        assert keys(own) == keys(extracted), "run `make messages` and translate what is new"
        assert not own.obsolete

    @pytest.mark.parametrize("file", CATALOGUES, ids=lambda file: file.stem)
    def test_every_message_is_translated_with_the_fields_it_has(self, file: Path) -> None:
        faults = [
            f"{message.id!r} {fault}" for message in read(file) if message.id for fault in wrong_with(message)
        ]
        assert faults == []

    def test_a_marked_message_is_a_literal_that_the_extraction_finds(self, extracted: Catalog) -> None:
        """Not in an f-string nor inside another marked call: there it would be overlooked."""
        found = {form for message in extracted if message.id for form in forms(message.id)}
        packages = [file.parent for file in ROOT.glob("*/__init__.py") if file.parent.name != "tests"]
        overlooked = [
            f"{file.relative_to(ROOT)}:{text.lineno}"
            for package in packages
            for file in package.rglob("*.py")
            if file.name != "translation.py"
            for text in marked(file)
            if not (isinstance(text, ast.Constant) and text.value in found)
        ]
        assert overlooked == []


class TestTranslator:
    def test_says_a_message_in_its_language_with_its_fields(self) -> None:
        said = {
            name: translator(name).gettext("{file} does not exist", file="a") for name in ("nl", "en", "fr")
        }
        assert said == {"nl": "a bestaat niet", "en": "a does not exist", "fr": "a n'existe pas"}

    def test_one_text_may_mean_two_things(self) -> None:
        dutch = translator("nl")
        assert dutch.pgettext("definitions of missed calls", "missed") == "gemist"
        assert dutch.text(Msg("missed", "definitions of missed calls")) == "gemist"

    @pytest.mark.parametrize(
        ("language", "none", "one", "many"),
        [
            ("nl", "0 fouten in a", "1 fout in a", "1.200 fouten in a"),
            ("en", "0 mistakes in a", "1 mistake in a", "1,200 mistakes in a"),
            ("fr", "0 erreur dans a", "1 erreur dans a", "1\u202f200 erreurs dans a"),
            ("de", "0 Fehler in a", "1 Fehler in a", "1.200 Fehler in a"),
        ],
    )
    def test_counts_as_the_language_does(self, language: str, none: str, one: str, many: str) -> None:
        say = translator(language)
        said = [
            say.ngettext("{number} mistake in {file}", "{number} mistakes in {file}", number, file="a")
            for number in (0, 1, 1200)
        ]
        assert said == [none, one, many]

    @pytest.mark.parametrize(("language", "one", "written_one", "more_than_one", "limit"), [
        ("nl", "0,5 werkdagen", "1,0 werkdagen", "1,5 werkdagen", "1 werkdag"),
        ("en", "0.5 working days", "1.0 working days", "1.5 working days", "1 working day"),
        ("fr", "0,5 jour ouvrable", "1,0 jour ouvrable", "1,5 jour ouvrable", "1 jour ouvrable"),
        ("de", "0,5 Arbeitstage", "1,0 Arbeitstage", "1,5 Arbeitstage", "1 Arbeitstag"),
    ])  # fmt: skip
    def test_counts_by_how_a_figure_is_written(
        self, language: str, one: str, written_one: str, more_than_one: str, limit: str
    ) -> None:
        say = translator(language)
        assert [say.workdays(days) for days in (0.5, 1.0, 1.5)] == [one, written_one, more_than_one]
        assert (say.workdays_limit(1.0), say.workdays_limit(1.5)) == (limit, more_than_one)

    def test_what_rounds_to_nothing_has_no_sign(self) -> None:
        say = translator("nl")
        assert (say.ratio(-0.00001), say.number(-0.4), say.days(-0.01)) == ("0,0 %", "0", "0,0")

    def test_a_field_is_a_name_and_not_a_way_into_what_it_holds(self) -> None:
        with pytest.raises(KeyError):
            translator(SOURCE_LANGUAGE).gettext("{file.__class__}", file="a")

    def test_braces_of_a_text_are_doubled(self) -> None:
        assert translator(SOURCE_LANGUAGE).gettext("a {{table}}") == "a {table}"

    @pytest.mark.parametrize(
        ("language", "number", "ratio", "limit"),
        [
            ("nl", "1.234,5", "12,5 %", "20 %"),
            ("en", "1,234.5", "12.5%", "20%"),
            ("fr", "1\u202f234,5", "12,5\u00a0%", "20\u00a0%"),
            ("de", "1.234,5", "12,5\u00a0%", "20\u00a0%"),
        ],
    )
    def test_writes_figures(self, language: str, number: str, ratio: str, limit: str) -> None:
        say = translator(language)
        assert (say.number(1234.5, 1), say.ratio(0.12501), say.ratio_limit(0.2)) == (number, ratio, limit)

    @pytest.mark.parametrize(
        ("unit", "value", "limit", "alone", "beside"),
        [
            (Unit.RATIO, 0.1614, 0.2, "16,1 %", "16,1 %"),
            (Unit.RATIO, 0.20004, 0.2, "20,0 %", "20,004 %"),
            (Unit.RATIO, 0.79999, 0.8, "80,0 %", "79,999 %"),
            (Unit.RATIO, 0.2, 0.2, "20,0 %", "20,0 %"),
            (Unit.RATIO, 0.2 + 1e-12, 0.2, "20,0 %", "20,0 %"),
            (Unit.RATIO, 0.07, 0.07, "7,0 %", "7,0 %"),
            (Unit.SECONDS, 44.5, 45, "0:45", "0:44,5"),
            (Unit.SECONDS, 45.04, 45, "0:45", "0:45,04"),
            (Unit.SECONDS, 59.97, 60, "1:00", "0:59,97"),
            (Unit.SECONDS, 45.2, 45.5, "0:45", "0:45"),
            (Unit.SECONDS, 3725.4, 3600, "1:02:05", "1:02:05"),
            (Unit.WORKDAYS, 5.01, 5, "5,0", "5,01"),
        ],
    )
    def test_rounds_to_nearest_and_further_only_beside_a_limit_that_it_would_seem_to_be(
        self, unit: Unit, value: float, limit: float, alone: str, beside: str
    ) -> None:
        say = translator("nl")
        assert (say.value(unit, value), say.value(unit, value, limit)) == (alone, beside)

    @pytest.mark.parametrize(
        ("language", "counts", "span"),
        [
            ("nl", "6 van 1.234", "15–52 %"),
            ("en", "6 of 1,234", "15–52%"),
            ("fr", "6 sur 1\u202f234", "15–52\u00a0%"),
            ("de", "6 von 1.234", "15–52\u00a0%"),
        ],
    )
    def test_writes_counts_and_what_they_leave_open(self, language: str, counts: str, span: str) -> None:
        say = translator(language)
        assert (say.counts(6, 1234), say.span(Unit.RATIO, 0.1455, 0.519)) == (counts, span)

    @pytest.mark.parametrize(
        ("unit", "low", "high", "limit", "written"),
        [
            (Unit.RATIO, 0.197, 0.519, 0.2, "19,7–52 %"),  # an end never looks like the limit that it is not
            (Unit.RATIO, 0.084, 0.202, 0.2, "8–20,2 %"),
            (Unit.SECONDS, 21.8, 48.1, 45, "0:22–0:48"),
            (Unit.WORKDAYS, 3.14, 4.2, 5, "3,1–4,2"),
        ],
    )
    def test_writes_a_range_beside_its_limit(
        self, unit: Unit, low: float, high: float, limit: float, written: str
    ) -> None:
        assert translator("nl").span(unit, low, high, limit) == written

    @pytest.mark.parametrize(
        ("unit", "limit", "written"),
        [
            (Unit.RATIO, 0.205, "20,5 %"),
            (Unit.RATIO, 0.2055, "20,55 %"),
            (Unit.RATIO, 0.07, "7 %"),
            (Unit.SECONDS, 45.5, "0:45,5"),
            (Unit.SECONDS, 120, "2:00"),
            (Unit.WORKDAYS, 2.5, "2,5"),
            (Unit.TIMES, 14.4, "14,4"),
        ],
    )
    def test_writes_a_limit_as_it_was_set(self, unit: Unit, limit: float, written: str) -> None:
        assert translator("nl").limit(unit, limit) == written

    @pytest.mark.parametrize(
        ("language", "moments", "lasted"),
        [
            ("nl", ["10:04", "ma 23 nov 9:04", "di 24 nov 2026 10:04"], "2 uur en 5 minuten"),
            ("en", ["10:04", "Mon 23 Nov 9:04", "Tue 24 Nov 2026 10:04"], "2 hours and 5 minutes"),
            (
                "fr",
                ["10:04", "lun. 23 nov. 9:04", "mar. 24 nov. 2026 10:04"],
                "2\u00a0heures et 5 minutes",
            ),
            ("de", ["10:04", "Mo. 23. Nov. 9:04", "Di. 24. Nov. 2026 10:04"], "2 Stunden und 5 Minuten"),
        ],
    )
    def test_writes_times(self, language: str, moments: list[str], lasted: str) -> None:
        say, now = translator(language), datetime(2026, 11, 24, 10, 4)  # noqa: DTZ001  # local
        said = [say.moment(now, now), say.moment(now - timedelta(hours=25), now), say.instant(now)]
        assert (said, say.duration(timedelta(hours=2, minutes=5, seconds=59))) == (moments, lasted)

    @pytest.mark.parametrize(
        ("lasted", "said"),
        [
            (timedelta(seconds=-1), "0 seconden"),
            (timedelta(seconds=1), "1 seconde"),
            (timedelta(minutes=5, seconds=59), "5 minuten"),
            (timedelta(hours=1), "1 uur"),
            (timedelta(days=1, minutes=59), "1 dag"),
            (timedelta(days=2, hours=1), "2 dagen en 1 uur"),
        ],
    )
    def test_says_how_long_as_coarsely_as_people_do(self, lasted: timedelta, said: str) -> None:
        assert translator("nl").duration(lasted) == said
