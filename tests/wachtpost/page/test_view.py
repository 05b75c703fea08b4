"""What the page in the browser says: the figures of the terminal board, each with what it rests on."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import chain

import pytest
from pydantic_core import from_json, to_json
from rich.console import Console

from domain.queue_ref import QueueRef
from services.notifier.model import Acknowledgement
from shared.config.alerting import Receiver
from shared.config.model import CityFile
from shared.translation import languages, translator
from tests.wachtpost.live.test_board import CITY, PAGE
from wachtpost.live.alerts import OpenBreach
from wachtpost.live.board import BoardContext, board
from wachtpost.live.figures import STALE_AFTER
from wachtpost.live.layout import WIDE
from wachtpost.live.snapshot import MetricRule, Snapshot, read_metrics
from wachtpost.page.app import html_of
from wachtpost.page.view import FigureCell, PageView, ServicesLook, page_view

SNAPSHOT = read_metrics(PAGE)
LOOKED_AT = datetime.fromtimestamp(SNAPSHOT.looked_at or 0, UTC)


def view(
    snapshot: Snapshot = SNAPSHOT,
    city: CityFile = CITY,
    language: str = "nl",
    later: timedelta = timedelta(0),
    *,
    is_new: bool = True,
) -> PageView:
    return page_view(ServicesLook(snapshot, {}, is_new), city, LOOKED_AT + later, translator(language))


def cells(page: PageView) -> list[FigureCell]:
    rows = chain.from_iterable(table.rows for site in page.sites for table in site.tables)
    leads = [site.lead_time for site in page.sites if site.lead_time is not None]
    return [*chain.from_iterable(row.figures for row in rows), *leads]


def visible(html: str) -> str:
    """The words of a page, without its tags."""
    return plain(unescape(re.sub(r"<[^>]*>", " ", html.partition("<body>")[2])))


def plain(text: str) -> str:
    """A text with ordinary spaces."""
    return " ".join(text.split())


@pytest.mark.parametrize("language", languages())
def test_the_page_says_what_the_terminal_board_says(language: str) -> None:
    say, page = translator(language), view(language=language)
    console = Console(width=WIDE.width, no_color=True)
    with console.capture() as capture:
        console.print(board(SNAPSHOT, BoardContext(CITY, LOOKED_AT, 1), say))
    terminal, shown = capture.get(), visible(html_of(page, say))
    of_now = [cell for cell in cells(page) if cell.window != "1h"]
    assert sum(bool(cell.text) for cell in of_now) == 7
    for cell in of_now:
        assert cell.text in terminal
        assert plain(f"{cell.text} {cell.stands}") in shown


def test_a_figure_stands_with_its_window_its_target_and_what_it_rests_on() -> None:
    missed = next(cell for cell in cells(view()) if (cell.kpi, cell.value) == ("missed_ratio", 0.125))
    assert (plain(missed.text), missed.window, plain(missed.target)) == ("13 %", "15m", "doel ≤ 20 %")
    assert (plain(missed.beside), missed.tone) == ("7 van 56, 6–24 %", "undecided")


@pytest.mark.parametrize(
    ("by", "said"),
    [
        (None, "sinds 11:02"),
        ("balie", "sinds 11:02, opgepakt door Balie"),
        ("wacht", "sinds 11:02, opgepakt door wacht"),
    ],
)
def test_a_breach_says_since_when_and_who_took_it_on(by: str | None, said: str) -> None:
    rule = MetricRule("gemist", QueueRef("huis", "onthaal"), "warning")
    assert rule in SNAPSHOT.readings
    opened_at = LOOKED_AT.replace(hour=10, minute=2)
    taken_on = None if by is None else Acknowledgement(at=LOOKED_AT, by=by)
    known = {rule: OpenBreach("gemist:1", "Onthaal: 12 % gemist", opened_at, taken_on)}
    snapshot = replace(SNAPSHOT, states={rule: "firing"})
    channel = {"kind": "email", "to": ["balie@example.org"]}
    receivers = (Receiver.model_validate({"id": "balie", "name": "Balie", "channels": [channel]}),)
    city = CITY.model_copy(update={"receivers": receivers})
    page = page_view(ServicesLook(snapshot, known, True), city, LOOKED_AT, translator("nl"))
    (breach,) = page.breaches
    assert (breach.id, breach.beside, breach.taken_on_by) == ("gemist:1", said, by)
    assert f"Onthaal: 12 % gemist {said}" in visible(html_of(page, translator("nl")))


def test_machines_get_the_same_as_json() -> None:
    page = view()
    told = from_json(to_json(page))
    assert told["as_of"] == LOOKED_AT.isoformat().replace("+00:00", "Z")
    first = told["sites"][0]["tables"][0]["rows"][0]
    assert (first["queue"], first["waiting"], first["longest"]) == ("onthaal", 4, "1:12")
    assert [figure["value"] for figure in first["figures"]] == [cell.value for cell in cells(page)[:4]]


@pytest.mark.parametrize(
    ("snapshot", "later", "is_new", "said"),
    [
        (SNAPSHOT, timedelta(seconds=3), True, ""),
        (SNAPSHOT, timedelta(seconds=3), False, ""),  # it may be busy for a moment
        (SNAPSHOT, STALE_AFTER * 2, False, r"Deze cijfers zijn van \d\d:\d\d:\d\d: .* niet meer geantwoord"),
        (SNAPSHOT, STALE_AFTER * 2, True, r"Deze cijfers zijn van .* niets meer beoordeeld"),
        (Snapshot(), timedelta(0), True, "Nog geen cijfers"),
        (Snapshot(), timedelta(0), False, "Geen cijfers: de evaluator antwoordt niet"),
        (replace(SNAPSHOT, looked_at=None), timedelta(0), True, "Nog geen cijfers"),
    ],
)
def test_figures_that_are_not_of_now_say_so(
    snapshot: Snapshot, later: timedelta, is_new: bool, said: str
) -> None:
    page = view(snapshot, later=later, is_new=is_new)
    assert re.match(said, page.stale) if said else page.stale == ""
    assert page.stale in visible(html_of(page, translator("nl")))


def test_names_of_people_s_own_are_text_and_no_markup() -> None:
    site = CITY.sites[0]
    queue = site.queues[0].model_copy(update={"name": '<script>alert("x")</script>' + "lang" * 40})
    sites = (
        site.model_copy(update={"queues": (queue,)}),
        site.model_copy(update={"id": "nog", "name": "A & B"}),
    )
    html = html_of(view(city=CITY.model_copy(update={"sites": sites})), translator("nl"))
    assert "<script>" not in html.partition("<body>")[2]
    assert 'alert("x")' in visible(html)
    assert "A & B" in visible(html)


@pytest.mark.parametrize("language", languages())
def test_a_city_without_figures_targets_or_sources_has_a_page(language: str) -> None:
    queue = {"id": "onthaal", "kind": "phone"}
    city = CityFile.model_validate({"city": {"name": "Leeg"}, "sites": [{"id": "hier", "queues": [queue]}]})
    shown = visible(html_of(view(Snapshot(), city, language), translator(language)))
    assert "Leeg" in shown
    assert plain(translator(language).gettext("The city file has no rules: nothing is watched.")) in shown
    assert "None" not in shown


def test_sources_say_when_they_were_last_heard() -> None:
    sources = [
        {"kind": "queue_log", "id": name, "site": "huis", "path": "/var/log/queue_log"}
        for name in ("demo", "stil")
    ]
    city = CityFile.model_validate({**CITY.model_dump(exclude_unset=True), "sources": sources})
    heard, silent = view(city=city, later=timedelta(seconds=5)).sources
    assert heard.text.endswith(", 0:07 geleden")
    assert (silent.heard, silent.text) == (None, "nog niet gehoord")
