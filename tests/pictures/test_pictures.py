"""``make pictures`` against a small page of ours that behaves as a board: what is planted in it is found."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import typer
from typer.testing import CliRunner, Result

from deploy.grafana.board import BoardName
from shared.contract.boards import board_uid
from tests.pictures.__main__ import take
from tests.pictures.board_page import PASSWORD, USER, BoardPage, drawn, panel
from tests.pictures.camera import SCREENS, pictures
from tests.pictures.grafana import visit
from tests.support import chromium
from tests.support.chromium import Chromium, ChromiumError

app = typer.Typer()
app.command()(take)
ALL = {board_uid(name, "nl"): panel("Wachtend nu", "<p>20</p>") for name in BoardName}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    if chromium.binary() is None:
        pytest.skip("no Chromium here (apt install chromium)")
    with Chromium(tmp_path_factory.mktemp("browser") / "profile") as browser:
        yield browser


def found_in(
    browser: Chromium, inside: str, out: Path, name: BoardName = BoardName.LIVE
) -> dict[str, list[str]]:
    """What is said of each screen."""
    with BoardPage({board_uid(name, "nl"): inside}) as page:
        taken = pictures(browser, visit(page.url, USER, None), out)
        return {one.file.stem.partition("-")[2]: [str(finding) for finding in one.findings] for one in taken}


PLANTED: Final = {
    "good": ("<p>alles leesbaar</p>", ""),
    "low": ("<div style='overflow: hidden; height: 8px'>3:22</div>", '"3:22" is cut off'),
    "narrow": (
        "<p style='width: 30px; overflow: hidden; text-overflow: ellipsis'>vijfentwintig</p>",
        '"vijfentwintig" is cut off',
    ),
    # As the name beside a bar, which Grafana sets in a flex box of its own.
    "shortened": (
        "<div style='display: flex; width: 60px'><h2>0-20 · 2 van 214</h2></div>",
        '"0-20 · 2 van 214" is cut off',
    ),
    "squeezed": ("<p style='font-size: 6.84px'>vrij</p>", '"vrij" in letters of 6.8 px'),
    "beyond": ("<p style='margin-top: 85px'>onderaan</p>", '"onderaan" is cut off'),
    "twice": (
        "<i style='position: absolute; top: 50px'>oud</i><b style='position: absolute; top: 52px'>nieuw</b>",
        '"oud" and "nieuw" lie on each other',
    ),
    "under": (
        "<p>onder</p><div style='position: absolute; inset: 20px 0; background: #222'></div>",
        '"onder" is covered',
    ),
    "behind glass": ("<p>onder</p><div style='position: absolute; inset: 20px 0'></div>", ""),
    "table": (
        "<div style='overflow: auto'><div style='width: 400px'>een lange tabel</div></div>",
        "wider than its place: 240 of 400 px are seen",
    ),
    "failed": ("<i data-testid='data-testid Panel status error'></i>", "its query failed"),
    "chart": (drawn("c.fillText('5 dagen', 20, 40)"), ""),
    "chart's edge": (drawn("c.fillText('5 dagen', 220, 40)"), '"5 dagen" is cut off'),
    "last hour": (drawn("c.textAlign = 'center'; c.fillText('12:40', 228, 40)"), ""),
    "months": (
        drawn("c.fillText('januari', 20, 40); c.fillText('februari', 40, 40)"),
        '"januari" and "februari" lie on each other',
    ),
    # As Grafana does below many bars: their boxes touch, they do not.
    "slanted": (
        drawn(
            "for (const x of [60, 90]) {c.setTransform(.7, -.7, .7, .7, x, 80); c.fillText('januari', 0, 0)}"
        ),
        "",
    ),
    # As when figures change: what was wiped out lies on nothing.
    "anew": (drawn("c.fillText('3', 20, 40); c.clearRect(0, 0, 240, 90); c.fillText('4', 20, 40)"), ""),
    "unseen": ("<span style='opacity: 0; position: absolute'>menu</span><p>20</p>", ""),
}
"""What stands in a panel, and what is said of it."""


def test_what_cannot_be_read_is_found(browser: Chromium, tmp_path: Path) -> None:
    page = "".join(panel(name, inside) for name, (inside, _) in PLANTED.items())
    said = {name: f"«{name}»: {said}" for name, (_, said) in PLANTED.items() if said}
    found = found_in(browser, page, tmp_path, BoardName.POLICY)
    assert found["1920x1080"] == found["1366x768"] == list(said.values())
    del said["table"]  # which a finger pushes aside
    assert found["390x844"] == list(said.values())


def test_a_title_that_does_not_fit_is_found(browser: Chromium, tmp_path: Path) -> None:
    found = found_in(browser, panel("Langste wacht nu", style="width: 60px"), tmp_path)
    assert found["390x844"] == ['«Langste wacht nu»: "Langste wacht nu" is cut off']


def test_a_wall_cannot_be_scrolled(browser: Chromium, tmp_path: Path) -> None:
    rows = "".join(f"<p>rij {number}</p>" for number in range(9))
    inside = f"<div style='overflow: auto; height: 60px'>{rows}</div>"
    tall = panel("Lijst", inside, "margin-bottom: 850px") + panel("Half") + panel("Eronder", inside)
    found = found_in(browser, tall, tmp_path)
    assert found["1920x1080"] == [
        "«Half»: the screen ends in it: 100 of 120 px are seen",
        "«Lijst»: 8 texts are seen only by who scrolls",
    ]
    assert found["1366x768"] == found["390x844"] == []
    for screen, scale in zip(SCREENS, (1, 1, 2), strict=True):
        header = (tmp_path / "nl" / f"live-{screen}.png").read_bytes()[:24]
        width, height = struct.unpack(">8x4x4xII", header)
        assert width == screen.width * scale
        assert height > 1100 * scale  # all of it, also what comes into sight when scrolled
    assert found_in(browser, tall, tmp_path, BoardName.POLICY)["1920x1080"] == []


def test_a_board_that_never_settles_is_taken_all_the_same(browser: Chromium, tmp_path: Path) -> None:
    loading = panel("P", "").replace("<h2", "<div><i role='status'></i></div><h2")
    for inside, more in ((loading, []), ("<p>Dashboard not found</p>", ["the page: no panel at all"])):
        with BoardPage({board_uid(BoardName.LIVE, "nl"): inside}) as page:
            first = next(pictures(browser, visit(page.url, USER, None), tmp_path, patience_s=0.5))
        assert [str(one) for one in first.findings] == ["the page: still loading after 0.5 s", *more]
        assert first.file.exists()


def test_a_board_is_looked_at_in_its_own_language(browser: Chromium, tmp_path: Path) -> None:
    squeezed = "<script>document.write(`<p style='font-size: 8px'>${(1234.5).toLocaleString()}</p>`)</script>"
    inside = panel("P", squeezed)
    with BoardPage({board_uid(BoardName.LIVE, language): inside for language in ("en", "nl")}) as page:
        taken = list(pictures(browser, visit(page.url, USER, None), tmp_path))
    said = {one.file.parent.name: str(one.findings[0]) for one in taken}
    assert said == {"en": '«P»: "1,234.5" in letters of 8 px', "nl": '«P»: "1.234,5" in letters of 8 px'}


def test_a_page_that_does_not_open_is_no_picture(browser: Chromium, tmp_path: Path) -> None:
    """As where the browser does not know who signed Grafana's certificate."""
    with BoardPage(ALL) as page:
        there = visit(page.url, USER, None)
    with pytest.raises(ChromiumError, match=r"/d/wachtpost-live\?kiosk.* does not open \(net::ERR_"):
        next(pictures(browser, there, tmp_path))


def test_a_board_that_its_sisters_miss(tmp_path: Path) -> None:
    with BoardPage(ALL | {board_uid(BoardName.LIVE, "fr"): ""}) as page:
        missing = visit(page.url, USER, None).missing()
    assert [(one.language, one.name) for one in missing] == [
        ("fr", name) for name in BoardName if name is not BoardName.LIVE
    ]


# --- The command -----------------------------------------------------------------------------------------


def asked(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_a_login_by_file(tmp_path: Path) -> None:
    if chromium.binary() is None:
        pytest.skip("no Chromium here (apt install chromium)")
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    login = ("--user", USER, "--password-file", secret, "--out", tmp_path)
    with BoardPage(ALL, is_open=False) as page:
        result = asked(page.url, *login)
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith(f"18 pictures in {tmp_path}, 0 things that cannot be read\n")
    assert sum("kiosk" in query for query in page.queries) == len(BoardName)
    cut = panel("Langste wacht nu", "<h2>nog een lange titel</h2>", "width: 60px")
    with BoardPage({board_uid(BoardName.LIVE, "nl"): cut}, is_open=False) as page:
        result = asked(page.url, *login)
        assert result.exit_code == 1
        assert '  «Langste wacht nu»: "Langste wacht nu" is cut off, and 1 more\n' in result.stdout
        assert "nl: Grafana does not have the board policy\n" in result.stdout


def test_without_a_grafana_it_says_whose_turn_it_is(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("something else")
    with BoardPage({}) as page, BoardPage(ALL, is_open=False) as closed:
        gone = BoardPage(ALL)
        with gone:
            nobody = gone.url
        for arguments, said in (
            ((), "where is Grafana? Say it so: make pictures GRAFANA=http"),
            ((nobody,), f"no Grafana answers at {nobody} (ConnectError)"),
            (("nothing",), "no Grafana answers at nothing"),
            ((f"{page.url}/elsewhere",), "answered 404 for a list of boards: is this Grafana's address?"),
            ((f"{closed.url}",), "shows its boards to nobody without a login: --user, --password-file"),
            ((closed.url, "--password-file", wrong), "does not accept this name and password (admin)"),
            ((closed.url, "--password-file", tmp_path / "none"), "cannot be read: No such file or directory"),
            ((page.url,), "has none of the boards of Wachtpost"),
        ):
            result = asked(*arguments)
            assert (result.exit_code, result.stdout) == (2, "")
            assert said in result.stderr


def test_without_a_browser_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with BoardPage(ALL) as page:
        result = asked(page.url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "No pictures: there is no Chromium on this machine (apt install chromium)\n"
