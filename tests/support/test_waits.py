"""Every wait in the tests has the one limit: whoever is in a hurry on an idle machine fails on a busy one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
OTHERS = {"bench", "chaos", "compose", "first_hour"}
"""Measurements, and stages on which more than one wait is due."""

LIMITS = {"timeout", "within", "socket_timeout", "socket_connect_timeout"}
CALLS = {"timeout", "wait_for", "wait", "join", "communicate"}
"""Of asyncio, threads and processes: their last argument is a limit."""


def tight(source: str) -> Iterator[int]:
    """The lines of a module that wait with a number of their own."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            limits = [word.value for word in node.keywords if word.arg in LIMITS]
            if isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
                limits += node.args[-1:]
            if any(isinstance(limit, ast.Constant) and _number(limit.value) for limit in limits):
                yield node.lineno


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def test_a_wait_with_a_number_of_its_own_is_seen():
    hasty = ["f(timeout=5)", "eventually(c, within=3.5)", "asyncio.timeout(0.1)", "process.wait(9)"]
    fine = ["f(timeout=WITHIN)", "event.wait()", "asyncio.timeout(WITHIN)"]
    assert list(tight("\n".join(hasty + fine))) == [1, 2, 3, 4]


def test_no_wait_has_a_limit_of_its_own():
    modules = (path for path in TESTS.rglob("*.py") if path.relative_to(TESTS).parts[0] not in OTHERS)
    found = {
        f"{path.relative_to(TESTS)}:{line}" for path in modules for line in tight(path.read_text("utf-8"))
    }
    assert found == set()
