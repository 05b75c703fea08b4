"""What became of calls that nobody answered, and what is counted of calls, as people call it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.config.model import Count
from shared.contract.events import Outcome
from shared.translation import Msg

# Translators: how calls ended that nobody answered, with a number of calls behind it.
OUTCOME_NAMES: Final[Mapping[Outcome, Msg]] = {
    Outcome.ABANDONED: Msg("abandoned"),
    Outcome.TIMED_OUT: Msg("timed out"),
    Outcome.NO_AGENTS: Msg("nobody logged in"),
    Outcome.LEFT_BY_KEY: Msg("left by a key"),
    Outcome.CLOSED: Msg("closed"),
    Outcome.BLOCKED: Msg("queue full"),
    Outcome.CUT_OFF: Msg("cut off by the exchange"),
}

# Translators: what figures of calls count: people, or their stays in queues. Alone in a column.
COUNT_NAMES: Final[Mapping[Count, Msg]] = {"callers": Msg("callers"), "entries": Msg("entries")}
