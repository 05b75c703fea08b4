"""Flap suppression: a watch that comes and goes may cause so many messages in a window; the rest is a digest.

One tally per watch and receiver::

      F R F R F R F R F R                      F fires, R is over
      ✉ ✉ · · · · · · · ·        ✉ digest      (flap_messages = 2)
                         └─ calm ─┘

The digest goes out when the watch calms (no turn for a sixth of ``flap_window``), though not twice in
a window, and at the latest when the oldest message has left the window.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple

from services.notifier.model import Breach
from shared.config.alerting import NotifyConfig
from shared.instants import Instant

CALM_PARTS: Final = 6
"""Calm is this part of ``flap_window`` without a turn: 10 minutes of an hour."""


@dataclass(frozen=True)
class FlapTally:
    """What one receiver has heard of one watch lately, and what is still to be told of breaches gone by."""

    receiver: str
    sent: tuple[Instant, ...] = ()
    """When messages were sent that count; those that matter still."""
    digest_at: Instant | None = None
    """When the watch was last in a digest."""
    gone: Breach | None = None
    """The latest breach that came and went before it could be told."""
    times: int = 0
    """How many such there were."""
    look_at: Instant | None = None
    """When to see whether they can be told."""
    forget_at: Instant | None = None

    @property
    def due(self) -> datetime | None:
        return self.look_at if self.gone is not None else self.forget_at


class FlapAllowance(NamedTuple):
    """Whether a message may be sent."""

    held_until: Instant | None = None
    """None: it may."""
    counts: bool = True
    digest: bool = False
    """It may as (part of) a digest only."""


def leave(
    tally: FlapTally, turned_at: datetime, now: datetime, notify: NotifyConfig, *, digested: bool
) -> FlapAllowance:
    """Decide on a message of a watch that fired or was over last at ``turned_at``.

    ``digested``: the message was kept back and is to go in a digest.
    """
    if digested and tally.digest_at == now:
        return FlapAllowance(counts=False, digest=True)  # one digest holds all there is to tell
    recent = _recent(tally, now, notify)
    if len(recent) < notify.flap_messages:
        return FlapAllowance(digest=digested)
    calm_at = turned_at + notify.flap_window / CALM_PARTS
    if tally.digest_at is not None:
        calm_at = max(calm_at, tally.digest_at + notify.flap_window)
    until = min(calm_at, recent[-notify.flap_messages] + notify.flap_window)
    return FlapAllowance(held_until=until) if until > now else FlapAllowance(counts=False, digest=True)


def sent(tally: FlapTally, allowed: FlapAllowance, now: datetime, notify: NotifyConfig) -> FlapTally:
    """Return the tally after a message that was allowed so."""
    kept = _recent(tally, now, notify)
    return replace(
        tally,
        sent=(*kept, now) if allowed.counts else kept,
        digest_at=now if allowed.digest else tally.digest_at,
        forget_at=now + notify.flap_window,
    )


def cleared(tally: FlapTally, now: datetime) -> FlapTally:
    """Return the tally without what came and went: it is told, or nobody is there to be told."""
    return replace(tally, gone=None, times=0, look_at=None, forget_at=tally.forget_at or now)


def gone_by(tally: FlapTally, breach: Breach, look_at: datetime) -> FlapTally:
    """Return the tally after one more breach came and went untold."""
    soonest = look_at if tally.look_at is None else min(tally.look_at, look_at)
    return replace(tally, gone=breach, times=tally.times + 1, look_at=soonest)


def _recent(tally: FlapTally, now: datetime, notify: NotifyConfig) -> tuple[datetime, ...]:
    """The messages within the window; not those of a clock that was ahead and has been set back."""
    return tuple(at for at in tally.sent if now - notify.flap_window < at <= now)
