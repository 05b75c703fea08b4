"""What the commands about breaches and messages say of states, results and reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.notifier.model import NotificationKind
from services.notifier.outbox import DeliveryResult
from services.notifier.reasons import DecisionReason
from shared.contract.breach_events import BreachState
from shared.translation import Msg

STATES: Final[Mapping[BreachState, Msg]] = {
    BreachState.OK: Msg("fine"),
    BreachState.PENDING: Msg("not told yet"),
    BreachState.FIRING: Msg("breached"),
    BreachState.CLEARING: Msg("recovering"),
}

# Translators: what became of a message, behind what kind of message it is.
RESULTS: Final[Mapping[DeliveryResult, Msg]] = {
    DeliveryResult.DELIVERED: Msg("arrived"),
    DeliveryResult.RETRY: Msg("failed, will be tried again"),
    DeliveryResult.DEAD: Msg("given up"),
    DeliveryResult.OBSOLETE: Msg("not needed any more"),
}

# Translators: kinds of messages.
KINDS: Final[Mapping[NotificationKind, Msg]] = {
    NotificationKind.FIRING: Msg("alert"),
    NotificationKind.REMINDER: Msg("reminder"),
    NotificationKind.ESCALATION: Msg("escalation"),
    NotificationKind.RESOLVED: Msg("over"),
    NotificationKind.DIGEST: Msg("digest"),
    NotificationKind.TEST: Msg("test message"),
    NotificationKind.REPORT: Msg("policy report"),
}

# Translators: what was decided about telling a receiver of a breach, or about taking it on, in a log.
REASONS: Final[Mapping[DecisionReason, Msg]] = {
    DecisionReason.FIRST: Msg("told"),
    DecisionReason.REMINDER: Msg("reminded"),
    DecisionReason.ESCALATED: Msg("told, because nobody has taken it on"),
    DecisionReason.RESOLVED: Msg("told that it is over"),
    DecisionReason.COLLECTED: Msg("told, together with others"),
    DecisionReason.SILENCE_OVER: Msg("told after a silence"),
    DecisionReason.INHIBITION_OVER: Msg("told, because what explained it is over"),
    DecisionReason.QUIET_OVER: Msg("told after quiet hours"),
    DecisionReason.CALMED: Msg("told in a digest"),
    DecisionReason.CAME_AND_WENT: Msg("over before it was told; in a digest"),
    DecisionReason.REPORT: Msg("the policy report is mailed"),
    DecisionReason.COLLECTING: Msg("waits for other alerts"),
    DecisionReason.SILENCED: Msg("waits: silence"),
    DecisionReason.INHIBITED: Msg("waits: something worse explains it"),
    DecisionReason.EXPLAINED: Msg("waits: the receiver knows what explains it"),
    DecisionReason.SETTLING: Msg("waits: what explained it is over"),
    DecisionReason.QUIET: Msg("waits: quiet hours"),
    DecisionReason.FLAPPING: Msg("waits: it comes and goes too often"),
    DecisionReason.CLEARING: Msg("waits: it recovers"),
    DecisionReason.NOT_YET: Msg("waits: others have time to take it on"),
    DecisionReason.ALREADY_TOLD: Msg("not told: known already"),
    DecisionReason.NO_READING: Msg("waits: nothing to measure now"),
    DecisionReason.EASING: Msg("waits: within its limit at the moment"),
    DecisionReason.LIMIT_OVER: Msg("not told: the limit itself is over"),
    DecisionReason.ACKNOWLEDGED: Msg("not told: taken on"),
    DecisionReason.OUTDATED: Msg("not reminded: out of date"),
    DecisionReason.RESOLVED_UNWANTED: Msg("not told: the end is not wanted"),
    DecisionReason.NEVER_TOLD: Msg("not told that it is over: never knew of it"),
    DecisionReason.NOT_ROUTED: Msg("not told: no route any more"),
    DecisionReason.RECEIVER_GONE: Msg("not told: the receiver is gone"),
    DecisionReason.NO_MAIL: Msg("not mailed: the receiver has no e-mail address"),
    DecisionReason.PENDING: Msg("not long enough yet"),
    DecisionReason.BLIP: Msg("too short to tell"),
    DecisionReason.DUPLICATE: Msg("heard before"),
    DecisionReason.STALE: Msg("older than what is known"),
    DecisionReason.SUPERSEDED: Msg("over: there is a newer one"),
    DecisionReason.TAKEN_ON: Msg("taken on"),
    DecisionReason.ALREADY_OVER: Msg("not taken on: over already"),
    DecisionReason.UNKNOWN: Msg("not taken on: unknown"),
}
