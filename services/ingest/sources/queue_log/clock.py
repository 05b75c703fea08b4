"""How far the clock of a followed log's exchange is ahead of ours, and what moment its lines mean. Pure.

A line that was read has been written: what it says has happened. Where it tells a later moment, the
exchange's clock is ahead, ours is behind, or the line is garbled. Readings that agree for minutes, in which
our own clock did not jump, tell which.
A clock that is behind cannot be told from a log that comes late, and does no harm.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field

from shared.config.model import PipelineConfig

_MS: Final = timedelta(milliseconds=1)

AGREE: Final = 3
"""Readings that make sure of it, at least."""

CONSTANT_MS: Final = timedelta(minutes=5) // _MS
"""For how long they have to agree before lines are put back by more: what is put back stays where it is."""

STEADY_MS: Final = timedelta(seconds=5) // _MS
"""How far readings may lie apart and agree: a log tells whole seconds, and is read a little later."""

SOON_MS: Final = timedelta(minutes=15) // _MS
"""How far ahead a line is taken to have happened just now, before anybody is sure of the clock."""


class _Agreement(NamedTuple):
    """Readings in a row of which no two lie further apart than ``STEADY_MS``."""

    since_ms: int
    """When the first was taken, on the monotonic clock."""
    readings: int
    least_ms: int
    most_ms: int

    @classmethod
    def begins(cls, ahead_ms: int, steady_ms: int) -> Self:
        return cls(steady_ms, 1, ahead_ms, ahead_ms)

    def and_then(self, ahead_ms: int, steady_ms: int) -> Self:
        """Return the agreement that one more reading is part of: this one, or one that begins with it."""
        least, most = min(self.least_ms, ahead_ms), max(self.most_ms, ahead_ms)
        if most - least > STEADY_MS:
            return self.begins(ahead_ms, steady_ms)
        return self._replace(readings=self.readings + 1, least_ms=least, most_ms=most)


class ExchangeClock(BaseModel):
    """What is known of an exchange's clock; travels in the checkpoint. Milliseconds, above 0 is ahead."""

    model_config = ConfigDict(frozen=True)

    ahead_ms: int = 0
    """What readings last agreed upon; at least 0."""
    agreement: _Agreement | None = Field(default=None, exclude=True)
    """Of the newest lines of the last batches, each as far ahead as it was when it was read. Like the next,
    it goes by a monotonic clock, which means nothing to another process."""
    ours_ms: int | None = Field(default=None, exclude=True)
    """How far our clock was ahead of the monotonic one when measuring began."""

    def read(self, told_ms: int, now_ms: int, steady_ms: int) -> Self:
        """Return what is known after one more line that was read at ``now_ms``, which is ``steady_ms`` on the
        monotonic clock. Where our own clock has jumped, what was measured by it is forgotten."""
        ahead_ms, ours_ms = told_ms - now_ms, now_ms - steady_ms
        if self.agreement is None or self.ours_ms is None:
            begun = _Agreement.begins(ahead_ms, steady_ms)
            return self.model_copy(update={"agreement": begun, "ours_ms": ours_ms})
        if abs(ours_ms - self.ours_ms) > STEADY_MS:
            return type(self)().read(told_ms, now_ms, steady_ms)
        agreement = self.agreement.and_then(ahead_ms, steady_ms)
        known = max(0, agreement.most_ms)
        # Back to less at once: a clock that was set right must not have its lines put back any longer.
        constant = steady_ms - agreement.since_ms >= CONSTANT_MS or known < self.ahead_ms
        sure = agreement.readings >= AGREE and constant
        return self.model_copy(update={"ahead_ms": known if sure else self.ahead_ms, "agreement": agreement})

    def is_as_before(self, before: Self) -> bool:
        """Whether lines still mean what they meant when ``before`` was known: neither clock is another."""
        return (self.ahead_ms, self.ours_ms) == (before.ahead_ms, before.ours_ms)

    def corrected_by(self, pipeline: PipelineConfig) -> int:
        """Return by how much lines are put back (ms): within the city's tolerance a clock is right."""
        return self.ahead_ms if self.ahead_ms > pipeline.future_tolerance // _MS else 0

    def moment(self, told_ms: int, now_ms: int, pipeline: PipelineConfig) -> int:
        """Return the moment that a line means which was read at ``now_ms``."""
        at_ms = told_ms - self.corrected_by(pipeline)
        ahead_ms = at_ms - now_ms
        return now_ms if pipeline.future_tolerance // _MS < ahead_ms <= SOON_MS else at_ms
