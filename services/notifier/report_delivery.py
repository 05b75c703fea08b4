"""A report goes to its receivers as soon as it is there: nothing collects, holds back or repeats it. Pure."""

from __future__ import annotations

from datetime import datetime

from services.notifier.engine import Decision
from services.notifier.model import (
    AttachedReport,
    DeliveryDecision,
    Notification,
    NotificationKind,
    NotifierPolicy,
)
from services.notifier.reasons import DecisionReason
from services.notifier.state import NotifierState
from shared.contract.report_events import ReportReady


def send_report(state: NotifierState, word: ReportReady, now: datetime, policy: NotifierPolicy) -> Decision:
    """Return one notification for each receiver of a report who can be mailed; silences and quiet hours do
    not concern it. Deciding the same again gives the same ids."""
    receivers = list(dict.fromkeys(word.receivers))
    reasons = {receiver: _reason(receiver, policy) for receiver in receivers}
    enclosed = AttachedReport(document=word.id, period=word.period)
    notifications = {
        receiver: Notification(
            id=f"{word.id}/{receiver}",
            kind=NotificationKind.REPORT,
            receiver=receiver,
            breaches=(),
            at=now,
            enclosed=enclosed,
        )
        for receiver in receivers
        if reasons[receiver] is DecisionReason.REPORT
    }
    delivery_decisions = tuple(
        DeliveryDecision(
            now,
            word.id,
            receiver,
            reasons[receiver],
            notifications[receiver].id if receiver in notifications else None,
        )
        for receiver in receivers
    )
    return Decision(state, state, tuple(notifications.values()), delivery_decisions, document=word.id)


def _reason(receiver: str, policy: NotifierPolicy) -> DecisionReason:
    if receiver not in policy.receivers:
        return DecisionReason.RECEIVER_GONE
    return DecisionReason.REPORT if receiver in policy.by_mail else DecisionReason.NO_MAIL
