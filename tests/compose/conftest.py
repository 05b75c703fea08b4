"""One deployment for all tests of this folder, built and removed here."""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Iterator

import pytest

from tests.compose.stack import Stack, absent_image, prepare, why_not


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A deployment, not prepared yet. Whatever happens, nothing of it stays."""
    prepare()
    if (reason := why_not()) is not None:
        pytest.skip(f"no containers here: {reason}")
    stack = Stack(tmp_path_factory.mktemp("compose"))
    listed = stack.compose("config", "--images").split()
    missing = absent_image(sorted(i for i in set(listed) if not i.startswith(("wachtpost:", "grafana/"))))
    if missing is not None:
        pytest.skip(f"no containers here: {missing} is not on this machine and cannot be fetched")
    try:
        yield stack
    finally:
        stack.down()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the containers said beside a failure."""
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and isinstance(stack, Stack):
        try:
            report.sections.append(("containers", stack.compose("ps", "--all")))
            report.sections.append(("logs", stack.compose("logs", "--no-color", "--tail", "15")))
        except subprocess.SubprocessError as error:
            report.sections.append(("containers", str(error)))
    return report
