"""How the reasons of refusals are called, wherever people read them: commands and boards. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.contract.dead_letters import DeadLetterReason
from shared.translation import Msg

REFUSAL_NAMES: Final[Mapping[DeadLetterReason, Msg]] = {
    DeadLetterReason.UNREADABLE: Msg("unreadable"),
    DeadLetterReason.INVALID: Msg("not a valid fact"),
    DeadLetterReason.UNKNOWN_QUEUE: Msg("unknown queue"),
    DeadLetterReason.WRONG_KIND: Msg("at a queue of another kind"),
    DeadLetterReason.NOT_ALLOWED: Msg("not allowed"),
    DeadLetterReason.INTERNAL_ERROR: Msg("a fault of Wachtpost itself"),
    DeadLetterReason.WENT_BACK: Msg("Redis went back to an older state"),
    DeadLetterReason.PERSONAL: Msg("looks like a phone number"),
    DeadLetterReason.FUTURE: Msg("from the future"),
    DeadLetterReason.LATE: Msg("too late"),
}
