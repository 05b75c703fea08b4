"""`wachtpost report` from end to end: days in a real Redis, the command line, a real browser, a real PDF."""

from __future__ import annotations

import csv
import importlib
import io
import json
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner, Result

from shared.config import model
from shared.redis import keys
from shared.translation import languages
from tests.support import chromium, report_year
from tests.support.eventually import WITHIN
from tests.support.redis_servers import EmbeddedValkey
from tests.support.service_process import ROOT
from wachtpost.cli import app

NOW = datetime(2026, 10, 14, 9, tzinfo=UTC)
SITE = "lier"
SHEET = ROOT / "examples" / "lier" / "sheet-2024-q2.toml"
MEASURE = """
<script>
const found = {wide: [], texts: [], overlaps: []};
const page = document.documentElement;
if (page.scrollWidth > page.clientWidth) found.wide.push("page");
for (const box of document.querySelectorAll(".across, .wide"))
  if (box.scrollWidth > box.clientWidth + 1) found.wide.push(box.textContent.trim().slice(0, 40));
for (const svg of document.querySelectorAll("svg")) {
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")].map(t => [t.textContent, t.getBoundingClientRect()]);
  for (const [said, at] of texts)
    if (at.left < frame.left - 1 || at.right > frame.right + 1
        || at.top < frame.top - 3 || at.bottom > frame.bottom + 1) found.texts.push(said);
  for (const [i, [a, p]] of texts.entries())
   for (const [b, q] of texts.slice(i + 1)) {
    const across = Math.min(p.right, q.right) - Math.max(p.left, q.left);
    const down = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    if (across > 1 && down > 4) found.overlaps.push([a, b]);
  }
}
document.title = JSON.stringify(found);
</script>
"""
"""What a page looks like once it is laid out with real fonts: what is too wide, cut off, or overlaps."""


class Hall:
    """A city hall with days in Redis, and somebody at the command line."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.city_file = folder / "city.toml"
        for name in ("city.toml", "history.toml"):
            shutil.copy(ROOT / "examples" / "lier" / name, folder / name)
        self.city = model.load(self.city_file)

    def fill(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            for place, shelf in report_year.counted(date(2026, 10, 13)).days.items():
                name = keys.buckets(0, "day", SITE, place.queue)
                client.hset(name, mapping={str(day): bucket.encode() for day, bucket in shelf.items()})

    def ask(self, *arguments: object, url: str | None = None) -> Result:
        env: Mapping[str, str] = {
            "WACHTPOST_CITY_FILE": str(self.city_file),
            "WACHTPOST_REDIS_URL": url or self.url,
            "WACHTPOST_CLOCK": f"{NOW.isoformat()}/{NOW.isoformat()}/0",
        }
        return CliRunner().invoke(app, ["report", *map(str, arguments)], env=env)

    def says(self, *arguments: object) -> str:
        """What a command says that succeeds."""
        result = self.ask(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """Its days stay as they are: a report only reads."""
    folder = tmp_path_factory.mktemp("hall")
    server = EmbeddedValkey(folder / "valkey")
    server.start()
    try:
        hall = Hall(folder, server.url)
        hall.fill()
        yield hall
    finally:
        server.kill()


def browser() -> str:
    found = chromium.binary()
    if found is None:
        pytest.skip("no Chromium here (apt install chromium)")
    return found


def needs_weasyprint() -> None:
    try:
        importlib.import_module("weasyprint")
    except ImportError:
        pytest.skip("weasyprint is not installed (make extras EXTRAS=pdf)")
    except OSError as error:
        pytest.skip(f"weasyprint misses a library of this machine: {error}")


def test_a_month_for_people_and_for_machines(tmp_path: Path, redis_url: str) -> None:
    hall = Hall(tmp_path, redis_url)
    hall.fill()
    text = hall.says("2026-05")
    assert text.startswith("# Beleidsindicatoren Stad Lier, mei 2026\n")
    assert "Procentueel aandeel gemiste oproepen klantencontactcentrum stadskantoor (jaarlijks)" in text
    assert "16,14 %" in text
    (line,) = (
        row
        for row in csv.DictReader(io.StringIO(hall.says("2026-05", "--format", "csv"), newline=""))
        if row["part"] == "call_waits"
    )
    table = hall.says("2026-05", "--excel").removeprefix("\ufeff")
    (excel,) = (
        row
        for row in csv.DictReader(io.StringIO(table, newline=""), delimiter=";")
        if row["part"] == "call_waits"
    )
    assert excel["value"] == line["value"].replace(".", ",")
    (figure,) = json.loads(hall.says("2026-05", "--format", "json"))["sites"][0]["call_waits"]
    assert float(line["value"]) == figure["value"]
    assert (line["met"], figure["met"], figure["text"]) == ("false", False, "63,8 s")
    assert "63,8 s" in text


@pytest.mark.parametrize("name", ["2026", "2026-H1", "2026-H2", "2026-Q2", "2026-10", "2025"])
@pytest.mark.parametrize("language", languages())
def test_every_kind_of_period_in_every_language(hall: Hall, name: str, language: str) -> None:
    for kind in ("md", "html", "csv", "json"):
        assert hall.says(name, "--lang", language, "--format", kind)


def test_a_file_gets_the_format_of_its_name(hall: Hall) -> None:
    for suffix, beginning in {"md": "# ", "html": "<!doctype html>", "csv": "part,", "json": "{"}.items():
        file = hall.folder / f"report.{suffix}"
        assert hall.says("2026-05", "-o", file) == ""
        assert file.read_text(encoding="utf-8").startswith(beginning)


def test_the_sheet_stands_around_the_indicators(hall: Hall) -> None:
    text = hall.says("2026-05", "--sheet", SHEET)
    order = ["Klantgerichte dienstverlening", "22.884,73", "Bezoekerswachttijd per", "4 - Afgerond"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_a_sheet_of_another_period_is_pointed_out(hall: Hall) -> None:
    assert "2024 Q2" in hall.ask("2026-05", "--sheet", SHEET).stderr


def test_a_comment_as_text_or_as_a_file(hall: Hall) -> None:
    file = hall.folder / "comment.txt"
    file.write_text("Uit een <bestand>.\n\nTweede alinea.", encoding="utf-8")
    assert '<p class="plain">Zomaar &amp; getypt.</p>' in hall.says(
        "2026-05", "--format", "html", "--comment", "Zomaar & getypt."
    )
    assert "Uit een &lt;bestand&gt;." in hall.says("2026-05", "--format", "html", "--comment", file)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("2026-13",), "2026-13 is geen periode"),
        (("2026-11",), "November 2026 is nog niet begonnen."),
        (("2024",), "2024 ligt voor de eerste dag die Wachtpost telde, 12 maart 2025."),
        (("2024", "--lang", "en"), "2024 lies before the first day that Wachtpost counted, 12 March 2025."),
        (("2026-05", "--site", "elders"), "geen site elders; wel: lier"),
        (("2026-05", "--comment", "x" * 4001), "4.001 tekens, hoogstens 4.000"),
        (("2026-05", "--comment", "toelichting.txt"), "toelichting.txt"),
        (("2026-05", "-o", "report.docx"), "geef --format"),
        (("2026-05", "-o", "/nowhere/report.md"), "/nowhere/report.md"),
        (("2026-05", "--sheet", "nergens.toml"), "nergens.toml"),
    ],
)
def test_what_cannot_be_is_one_sentence(hall: Hall, arguments: tuple[str, ...], told: str) -> None:
    result = hall.ask(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_without_a_single_day_it_says_so(tmp_path: Path, redis_url: str) -> None:
    result = Hall(tmp_path, redis_url).ask("2026-05")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "history import" in result.stderr


def test_without_redis_it_says_so(hall: Hall) -> None:
    result = hall.ask("2026-05", url="redis://127.0.0.1:1/0")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_a_queue_whose_feed_was_dead_is_told(hall: Hall) -> None:
    text = hall.says("2026-02")
    assert "Onthaal: 3 open dagen zonder één contact, 9 februari 2026 tot en met 11 februari 2026" in text
    assert re.search(r"Omgeving: .*hoeveel er te verwachten waren, is niet te zeggen", text)


@pytest.mark.parametrize("width", [1280, 800])
@pytest.mark.parametrize(
    ("name", "language"),
    [("2026", "nl"), ("2026-H1", "en"), ("2026-05", "nl"), ("2026", "fr"), ("2026", "de")],
)
def test_nothing_is_cut_off_or_overlaps_in_a_browser(
    hall: Hall, name: str, language: str, width: int
) -> None:
    program = browser()
    html = hall.says(name, "--lang", language, "--format", "html")
    file = hall.folder / "page.html"
    file.write_text(html.replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
    answer = subprocess.run(
        [
            program,
            *chromium.flags(hall.folder / "browser"),
            f"--window-size={width},2000",
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=True,
    )
    found = re.search(r"<title>(\{.*?\})</title>", answer.stdout)
    assert found, answer.stdout[:500]
    assert json.loads(found[1].replace("&amp;", "&")) == {"wide": [], "texts": [], "overlaps": []}


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_pdf_is_tagged_for_screen_readers(hall: Hall, language: str) -> None:
    needs_weasyprint()
    file = hall.folder / "report.pdf"
    hall.says("2026-05", "--lang", language, "-o", file)
    pdf = file.read_bytes()
    assert pdf.startswith(b"%PDF-")
    inside = unpacked(pdf)
    assert b"pdfuaid" in inside
    assert b"/StructTreeRoot" in inside
    assert f"/Lang ({language})".encode() in inside
    assert all(tag in inside for tag in (b"/S /H1", b"/S /Table", b"/S /TH", b"/S /Caption", b"/S /Figure"))


def test_without_the_pdf_maker_it_says_what_to_install(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    result = hall.ask("2026-05", "-o", hall.folder / "report.pdf")
    assert result.exit_code == 2
    assert "make extras EXTRAS=pdf" in result.stderr


def unpacked(pdf: bytes) -> bytes:
    """A PDF with its compressed parts laid open."""
    parts = [pdf]
    for packed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            parts.append(zlib.decompress(packed))
        except zlib.error:
            continue
    return re.sub(rb"\s+", b" ", b"".join(parts))
