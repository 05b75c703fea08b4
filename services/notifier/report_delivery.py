"""A report goes to its receivers as soon as it is there: nothing collects, holds back or repeats it. Pure."""

from __future__ import annotations

from datetime import datetime

from services.notifier.engine import Decision
from services.notifier.model import (
    AttachedReport,
    DecisionLine,
    Notification,
    NotificationKind,
    NotifierPolicy,
)
from services.notifier.reasons import DecisionReason
from services.notifier.state import NotifierState
from shared.contract.report_events import ReportReady


def send_report(state: NotifierState, report: ReportReady, now: datetime, policy: NotifierPolicy) -> Decision:
    """Return one notification for each receiver of a report who can be mailed; silences and quiet hours do
    not concern it. Deciding the same again gives the same ids."""
    reasons = {receiver: _reason(receiver, policy) for receiver in report.receivers}
    notifications = {
        receiver: Notification(
            id=f"{report.id}/{receiver}",
            kind=NotificationKind.REPORT,
            receiver=receiver,
            breaches=(),
            at=now,
            enclosed=AttachedReport(document=report.id, period=report.period),
        )
        for receiver, reason in reasons.items()
        if reason is DecisionReason.REPORT
    }
    log = tuple(
        DecisionLine(
            at=now,
            receiver=receiver,
            breach=report.id,
            reason=reason,
            notification=notifications[receiver].id if receiver in notifications else None,
        )
        for receiver, reason in reasons.items()
    )
    return Decision(state, state, tuple(notifications.values()), log, document=report.id)


def _reason(receiver: str, policy: NotifierPolicy) -> DecisionReason:
    if receiver not in policy.receivers:
        return DecisionReason.RECEIVER_GONE
    return DecisionReason.REPORT if receiver in policy.by_mail else DecisionReason.NO_MAIL
