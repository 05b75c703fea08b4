"""A report goes to its receivers as soon as it is there: nothing collects, holds back or repeats it. Pure."""

from __future__ import annotations

from datetime import datetime

from services.notifier.decision import Decision, Verdict
from services.notifier.model import Enclosed, Happening, Notice
from services.notifier.reasons import Reason
from services.notifier.rules import Policy
from services.notifier.state import State
from shared.contract.report_events import ReportReady


def send_report(state: State, word: ReportReady, now: datetime, policy: Policy) -> Decision:
    """Return one notice for each receiver of a report who can be mailed; silences and quiet hours are not
    about it. Deciding the same again gives the same ids."""
    receivers = list(dict.fromkeys(word.receivers))
    reasons = {receiver: _reason(receiver, policy) for receiver in receivers}
    enclosed = Enclosed(document=word.id, period=word.period)
    notices = {
        receiver: Notice(
            id=f"{word.id}/{receiver}",
            happening=Happening.REPORT,
            receiver=receiver,
            breaches=(),
            at=now,
            enclosed=enclosed,
        )
        for receiver in receivers
        if reasons[receiver] is Reason.REPORT
    }
    verdicts = tuple(
        Verdict(
            now, word.id, receiver, reasons[receiver], notices[receiver].id if receiver in notices else None
        )
        for receiver in receivers
    )
    return Decision(state, state, tuple(notices.values()), verdicts, document=word.id)


def _reason(receiver: str, policy: Policy) -> Reason:
    if receiver not in policy.receivers:
        return Reason.RECEIVER_GONE
    return Reason.REPORT if receiver in policy.by_mail else Reason.NO_MAIL
