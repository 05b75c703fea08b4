"""``python -m tests.chaos``: faults upon faults on the whole product, one oracle over what it said yes to."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.chaos.driver import Violated, drive
from tests.chaos.plan import FAULTS_AN_HOUR, LOSSLESS, LOSSY, Fault, Kind, plan, summary

LOSSY_SHARE: Final = 10
"""One fault in so many comes in a second run, in which Redis goes back: that takes half a minute each."""


def main() -> int:
    """Run as the command line says; returns the exit status."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # then what was started is ended, too
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    minutes = asked.hours * 60 + asked.minutes or 10.0
    count = max(1, round(minutes * FAULTS_AN_HOUR / 60))
    parts = (
        [(asked.only, count)] if asked.only else [(LOSSLESS, count), (LOSSY, max(1, count // LOSSY_SHARE))]
    )
    for kinds, faults in parts:
        only = f" --only {','.join(kinds)}" if kinds != LOSSLESS else ""
        again = f'make chaos ARGS="--seed {seed} --minutes {faults * 60 / FAULTS_AN_HOUR:g}{only}"'
        if status := _run(seed, plan(seed, faults, kinds), again):
            return status
    return 0


def _run(seed: int, faults: Sequence[Fault], again: str) -> int:
    directory = Path(tempfile.mkdtemp(prefix="wachtpost-chaos-"))
    print(f"seed {seed}: {len(faults)} faults: {summary(faults)}", flush=True)
    began = time.monotonic()
    try:
        answers = asyncio.run(drive(faults, seed, directory, lambda line: print(line, flush=True)))
    except Violated as violated:
        print(f"\nVIOLATED after {time.monotonic() - began:.0f} s:")
        for wrong in violated.args:
            print(f"  {wrong}")
        print(f"the logs: {directory}\nthe same plan again: {again}", flush=True)
        return 1
    except BaseException:
        print(f"the logs: {directory}\nthe same plan again: {again}", flush=True)
        raise
    shutil.rmtree(directory)
    said = ", ".join(f"{word} {n}" for word, n in sorted(answers.items()))
    print(
        f"seed {seed}: {len(faults)} faults in {time.monotonic() - began:.0f} s, all as it should be ({said})"
    )
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--hours", type=float, default=0.0, help=f"{FAULTS_AN_HOUR} faults each")
    parser.add_argument("--minutes", type=float, default=0.0, help="(neither: ten minutes)")
    parser.add_argument("--seed", type=int, help="of a run that is to be repeated")
    parser.add_argument("--only", type=_kinds, default=(), help=f"kinds of faults: {','.join(Kind)}")
    return parser.parse_args()


def _kinds(words: str) -> tuple[Kind, ...]:
    return tuple(Kind(word) for word in words.split(","))


if __name__ == "__main__":
    sys.exit(main())
