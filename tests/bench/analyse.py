"""How fast ``wachtpost analyse`` reads a queue_log, and whether its memory grows with the file."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.load import queue_log
from tests.bench.report import Measured
from tests.bench.stage import Stage, peak_rss_bytes
from tests.support.service_process import ROOT

PER_DAY: Final = 10_000
"""Lines of one day: so the longer file is about more days, not about fuller ones."""

MIB: Final = 1024 * 1024
LOOK_EVERY: Final = 0.01
"""Seconds between two looks at the peak so far. The kernel keeps it, so only the last moment is missed."""


@dataclass(frozen=True)
class Run:
    """One run of the command, from its start to its end."""

    seconds: float
    peak_bytes: int


def analyse(stage: Stage, quick: bool) -> Measured:
    """Two files, the second one many times as long."""
    lengths = (20_000, 60_000) if quick else (20_000, 400_000)
    files = [_written(stage.folder / f"queue_log-{lines}", lines) for lines in lengths]
    runs = [_run(file) for file in files]
    more_lines = lengths[-1] - lengths[0]
    more_per_s = more_lines / (runs[-1].seconds - runs[0].seconds)
    more_bytes = (runs[-1].peak_bytes - runs[0].peak_bytes) / more_lines
    return Measured(
        "analyse",
        f"wachtpost analyse --json FILE, {PER_DAY:,} lines a day",
        ("lines", "seconds", "lines/s", "peak MiB", "file MiB"),
        [
            [
                f"{lines:,}",
                run.seconds,
                lines / run.seconds,
                run.peak_bytes / MIB,
                file.stat().st_size / MIB,
            ]
            for lines, file, run in zip(lengths, files, runs, strict=True)
        ],
        f"The whole command, with the start of Python. For what the longer file has more: {more_per_s:,.0f} "
        f"lines/s, and {more_bytes:,.0f} bytes of peak memory a line. It remembers a day of ids and "
        "contacts, whatever the length of the file.",
    )


def _written(file: Path, lines: int) -> Path:
    with file.open("w", encoding="utf-8") as out:
        out.writelines(queue_log(lines, PER_DAY))
    return file


def _run(file: Path) -> Run:
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "wachtpost", "analyse", "--json", str(file)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, peak_rss_bytes(process.pid))
        time.sleep(LOOK_EVERY)
    if process.returncode:
        raise RuntimeError(f"analyse ended with {process.returncode}")
    return Run(time.perf_counter() - began, peak)
