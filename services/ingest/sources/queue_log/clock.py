"""How far the clock of a followed log's exchange is ahead of ours, and what moment its lines mean. Pure.

A line that was read has been written: what it says has happened. Where it tells a later moment, the
exchange's clock is ahead, or the line is garbled. Three readings in a row that agree tell which.
A clock that is behind cannot be told from a log that comes late, and does no harm.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Self

from pydantic import BaseModel, ConfigDict

from shared.config.model import PipelineConfig

_MS: Final = timedelta(milliseconds=1)

AGREE: Final = 3
"""Readings that make sure of it."""

STEADY_MS: Final = timedelta(seconds=5) // _MS
"""How far readings may lie apart and agree: a log tells whole seconds, and is read a little later."""

SOON_MS: Final = timedelta(minutes=15) // _MS
"""How far ahead a line is taken to have happened just now, before anybody is sure of the clock."""


class ExchangeClock(BaseModel):
    """What is known of an exchange's clock; travels in the checkpoint. Milliseconds, above 0 is ahead."""

    model_config = ConfigDict(frozen=True)

    readings: tuple[int, ...] = ()
    """How far the newest line of each of the last few batches was ahead when it was read."""
    ahead_ms: int = 0
    """What readings last agreed upon; at least 0."""

    def read(self, told_ms: int, now_ms: int) -> Self:
        """Return what is known after one more line that was read at ``now_ms``."""
        readings = (*self.readings, told_ms - now_ms)[-AGREE:]
        agree = len(readings) == AGREE and max(readings) - min(readings) <= STEADY_MS
        ahead_ms = max(0, *readings) if agree else self.ahead_ms
        return self.model_copy(update={"readings": readings, "ahead_ms": ahead_ms})

    def corrected_by(self, pipeline: PipelineConfig) -> int:
        """Return by how much lines are put back (ms): within the city's tolerance a clock is right."""
        return self.ahead_ms if self.ahead_ms > pipeline.future_tolerance // _MS else 0

    def moment(self, told_ms: int, now_ms: int, pipeline: PipelineConfig) -> int:
        """Return the moment that a line means which was read at ``now_ms``."""
        at_ms = told_ms - self.corrected_by(pipeline)
        ahead_ms = at_ms - now_ms
        return now_ms if pipeline.future_tolerance // _MS < ahead_ms <= SOON_MS else at_ms
