"""A new KPI takes three files and its words, and then it is everywhere: tried on a copy of the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from babel.messages.pofile import read_po, write_po

from tests.support.service_process import ROOT

pytestmark = pytest.mark.slow

LEFT_OUT: Final = (
    ".git",
    ".venv",
    "node_modules",
    "__pycache__",
    ".hypothesis",
    ".pytest_cache",
    "site",
    "dist",
)

MOST_FILES: Final = 3

BEFORE: Final = '    HANDLE_TIME_MEAN = "handle_time_mean"\n'
EDITS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "shared/contract/kpis.py": (
        (BEFORE, '    CALL_WAIT_MAX = "call_wait_max"\n'),
        (
            "    Kpi.HANDLE_TIME_MEAN: KpiFacts(\n",
            """    Kpi.CALL_WAIT_MAX: KpiFacts(
        metric="call_wait_max_seconds",
        kind=QueueKind.PHONE,
        unit=Unit.SECONDS,
        shown=Shown.SECONDS,
        decimals=0,
        contacts=Contacts.ANSWERED,
        highest=WEEK_S,
    ),
""",
        ),
    ),
    "domain/kpi.py": (
        (
            "        case Kpi.HANDLE_TIME_MEAN:\n            return handle_time_mean(bucket)\n",
            """        case Kpi.CALL_WAIT_MAX:
            return call_wait_max(bucket)
""",
        ),
        (
            "def call_wait_quantile(",
            '''def call_wait_max(bucket: Bucket) -> KpiValue:
    """Longest wait of answered calls in seconds, from the histogram: at most one cell too high."""
    longest = max(bucket.waits, default=None)
    return KpiValue(None if longest is None else float(longest), bucket.answered)


''',
        ),
    ),
    "domain/kpi_words.py": (
        (
            "    Kpi.HANDLE_TIME_MEAN: KpiWords(\n",
            """    Kpi.CALL_WAIT_MAX: KpiWords(
        name=Msg("longest wait of answered calls"),
        short=Msg("longest answered"),
        told=Msg("answered after up to {back} {value} {during}"),
        worst=Msg("answered after up to {worst}"),
        noted=Msg("answered after up to {amount}", "annotation"),
    ),
""",
        ),
    ),
}
"""File → before which line what is written; wherever that line stands."""

WORDS: Final = {
    ("longest wait of answered calls", None): "langste wachttijd van beantwoorde oproepen",
    ("longest answered", None): "langst gewacht",
    ("answered after up to {back} {value} {during}", None): "{during} {back} tot {value} gewacht op antwoord",
    ("answered after up to {worst}", None): "tot {worst} gewacht op antwoord",
    ("answered after up to {amount}", "annotation"): "tot {amount} gewacht op antwoord",
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the KPI, its words in place and what is generated made anew."""
    copy = tmp_path_factory.mktemp("trial") / "wachtpost"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT), ignore_dangling_symlinks=True)
    for name, edits in EDITS.items():
        text = (copy / name).read_text(encoding="utf-8")
        for line, written in edits:
            assert line in text, f"{name} has no {line!r} any more"
            text = text.replace(line, written + line)
        (copy / name).write_text(text, encoding="utf-8")
    pot = copy / "messages.pot"
    run(copy, "babel.messages.frontend", "-q", "extract", "-o", str(pot))
    for catalogue in sorted((copy / "shared/locales").glob("*.po")):
        of = ("-i", str(pot), "-o", str(catalogue), "-l", catalogue.stem)
        run(copy, "babel.messages.frontend", "-q", "update", *of)
        translate(catalogue)
    run(copy, "tests.shared.contract.evolution")
    run(copy, "tests.docs.kpi_page")
    city = ("--city", "examples/lier/city.toml", "--out", "deploy/grafana/boards")
    run(copy, "wachtpost", "boards", "build", *city)
    return copy


def run(copy: Path, module: str, *arguments: str) -> str:
    """Run a module of the copy, and return what it says; it must succeed."""
    ran = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-5000:]
    return ran.stdout


def translate(catalogue: Path) -> None:
    """Say the same words in every language: which they are is not what is tried."""
    with catalogue.open("rb") as file:
        read = read_po(file, locale=catalogue.stem)
    for (english, context), said in WORDS.items():
        message = read.get(english, context)
        assert message is not None, f"{english} is not collected"
        message.string = said
    with catalogue.open("wb") as file:
        write_po(file, read, width=0)


def test_it_takes_three_files_and_its_words() -> None:
    assert len(EDITS) <= MOST_FILES


def test_nothing_is_of_another_type_than_it_was(copy: Path) -> None:
    run(copy, "mypy")


def test_nobody_lacks_anything_for_it(copy: Path) -> None:
    run(
        copy,
        "pytest",
        "-n0",
        "tests/shared/contract/test_kpis.py",
        "tests/shared/test_translation.py",
        "tests/docs/test_kpi_page.py",
        "tests/deploy/grafana/test_metric_names.py",
        "tests/services/notifier/grafana/test_annotations.py",
    )


def test_it_is_judged_told_and_shown(copy: Path) -> None:
    run(copy, "pytest", "-n0", "tests/trial/longest_wait.py")
