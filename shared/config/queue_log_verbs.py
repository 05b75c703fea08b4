"""The verbs of a queue_log whose meaning is known: Asterisk's own, and those of Wazo and XiVO.

Here, and not with their translation, because a city file may give a meaning to any other verb and to none
of these.
"""

from __future__ import annotations

from typing import Final

CALLS: Final = (
    "ENTERQUEUE CONNECT ABANDON EXITWITHTIMEOUT EXITEMPTY EXITWITHKEY WITHDRAW COMPLETEAGENT COMPLETECALLER "
    "TRANSFER BLINDTRANSFER ATTENDEDTRANSFER JOINEMPTY LEAVEEMPTY FULL CLOSED DIVERT_CA_RATIO "
    "DIVERT_HOLDTIME QUEUESTART"
)
"""They say what became of a call, or of all."""

STAFF_AND_SETTINGS: Final = (
    "RINGNOANSWER RINGCANCELED PAUSE UNPAUSE PAUSEALL UNPAUSEALL PENALTY RINGINUSE ADDMEMBER REMOVEMEMBER "
    "AGENTLOGIN AGENTLOGOFF AGENTCALLBACKLOGIN AGENTCALLBACKLOGOFF AGENTDUMP SYSCOMPAT CONFIGRELOAD "
    "OUTCALL DID CALLSTATUS"
)

KNOWN_VERBS: Final = frozenset(f"{CALLS} {STAFF_AND_SETTINGS}".split())
