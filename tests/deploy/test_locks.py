"""Lock files agree with each other: `make extras` adds what the tests run on, and replaces nothing."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins(name: str) -> dict[str, str]:
    """Return the versions that a lock file pins, wherever it wants them."""
    lock = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE))


def named(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9-]", one, maxsplit=1)[0] for one in requirements}


@pytest.mark.parametrize("extra", PROJECT["optional-dependencies"])
def test_an_extra_has_a_lock_of_what_it_adds(extra: str) -> None:
    added, everything = pins(f"requirements-{extra}.lock"), pins("requirements-dev.lock")
    assert named(PROJECT["optional-dependencies"][extra]) <= added.keys()
    assert added.items() <= everything.items()
    assert not added.keys() & pins("requirements.lock").keys()


def test_the_runtime_is_the_one_that_is_tested() -> None:
    runtime = pins("requirements.lock")
    assert named(PROJECT["dependencies"]) <= runtime.keys()
    assert runtime.items() <= pins("requirements-dev.lock").items()
