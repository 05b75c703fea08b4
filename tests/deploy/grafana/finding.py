"""What a check has to say about a board."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.deploy.grafana.files import Board, Panel


@dataclass(frozen=True)
class Finding:
    """Where, which rule, and what would be right."""

    board: Board
    panel: Panel | None
    rule: str
    message: str

    def __str__(self) -> str:
        panel = f' panel {self.panel.id} "{self.panel.title}"' if self.panel else ""
        return f"{self.board}{panel}: {self.rule}: {self.message}"


def listed(findings: Iterable[Finding]) -> str:
    """Return findings one a line, for a failing test to show."""
    return "\n".join(f"  {finding}" for finding in findings)
