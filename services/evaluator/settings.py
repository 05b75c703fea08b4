"""What the evaluator is told from outside."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.process.settings import ServiceSettings


class EvaluatorSettings(ServiceSettings):
    """``WACHTPOST_…`` variables of the evaluator."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8002
    partitions: str = ""
    """Which partitions to own or stand by for, such as ``0,2``; empty: all of the city file's."""

    def partition_numbers(self, count: int) -> list[int]:
        """Return the partitions to look after; raises ``ValueError`` for one that does not exist."""
        if not self.partitions.strip():
            return list(range(count))
        numbers = sorted({int(part) for part in self.partitions.split(",")})
        if numbers[0] < 0 or numbers[-1] >= count:
            raise ValueError(f"WACHTPOST_PARTITIONS: choose from 0 to {count - 1}, as in the city file")
        return numbers
