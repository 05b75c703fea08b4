"""Which faults come, in which order: drawn from a seed, before anything begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from tests.support.tcp_proxy import Mode

FAULTS_AN_HOUR: Final = 1000

MEAN_S: Final = 1.0
LONGEST_S: Final = 12.0
"""How long a fault lasts: mostly about a second, now and then longer than a lease or a time limit."""


class Kind(StrEnum):
    KILL = "kill"
    """SIGKILL, and another process at once."""
    TERM = "term"
    """SIGTERM, the end waited for, and another process."""
    RELOAD = "reload"
    """SIGHUP: the city file is taken over in the middle of whatever goes on."""
    PAUSE = "pause"
    """SIGSTOP, a while, SIGCONT."""
    DISK = "disk"
    """No room for another byte under Redis."""
    MEMORY = "memory"
    """Redis has all the memory that it may have."""
    CUT = "cut"
    HANG = "hang"
    DRIP = "drip"
    LOSE_ANSWER = "lose-answer"
    """The network, as ``tests.support.tcp_proxy`` says."""
    CLOCK = "clock"
    """The machine's clock jumps, and back."""
    GO_BACK = "go-back"
    """Redis goes back to an older state, and whoever had an answer since may have lost what he sent."""
    ROTATE = "rotate"
    """The exchange's log begins anew, or a copy of it takes its place."""


LOSSY: Final = (Kind.GO_BACK, Kind.KILL, Kind.TERM, Kind.RELOAD, Kind.PAUSE, Kind.CUT, Kind.ROTATE)
"""Kinds of a run in which Redis goes back. Whose breach was lost may never hear its end, so there is none."""

LOSSLESS: Final = tuple(kind for kind in Kind if kind is not Kind.GO_BACK)

BACK_S: Final = (1.0, 60.0)
"""How far Redis goes back at least, and at most."""

MODES: Final = {Kind.CUT: Mode.CUT, Kind.HANG: Mode.HANG, Kind.DRIP: Mode.DRIP}

SERVICES: Final = ("ingest", "evaluator-1", "evaluator-2", "notifier")
LINKS: Final = (
    "sender→ingest",
    "ingest→redis",
    "evaluator→redis",
    "notifier→redis",
    "notifier→webhook",
    "notifier→mail",
)
REDIS: Final = "redis"

WHERE: Final[dict[Kind, Sequence[str]]] = {
    Kind.KILL: (*SERVICES, REDIS),
    Kind.TERM: (*SERVICES, REDIS),
    Kind.RELOAD: SERVICES,
    Kind.PAUSE: (*SERVICES, REDIS),
    Kind.DISK: (REDIS,),
    Kind.MEMORY: (REDIS,),
    Kind.CUT: LINKS,
    Kind.HANG: LINKS,
    Kind.DRIP: LINKS,
    Kind.LOSE_ANSWER: LINKS,
    Kind.CLOCK: ("+2h", "-2h"),
    Kind.GO_BACK: ("cut", "snapshot", "flush"),
    Kind.ROTATE: ("rename", "copytruncate", "compress", "replace", "late", "late-packed"),
}

WEIGHTS: Final[dict[Kind, int]] = {
    Kind.KILL: 4,
    Kind.TERM: 2,
    Kind.RELOAD: 4,
    Kind.PAUSE: 4,
    Kind.DISK: 2,
    Kind.MEMORY: 2,
    Kind.CUT: 4,
    Kind.HANG: 4,
    Kind.DRIP: 3,
    Kind.LOSE_ANSWER: 6,
    Kind.CLOCK: 2,
    Kind.GO_BACK: 6,
    Kind.ROTATE: 4,
}
"""How often each comes, in proportion. A process takes seconds to start: kills are not the most."""


@dataclass(frozen=True)
class Fault:
    kind: Kind
    where: str
    lasts_s: float
    times: int = 1
    """How many answers are lost."""

    def __str__(self) -> str:
        return f"{self.kind} {self.where} {self.lasts_s:.1f} s"


def plan(seed: int, count: int, kinds: Collection[Kind] = LOSSLESS) -> list[Fault]:
    """Return so many faults: the same for the same arguments."""
    random = Random(seed)
    drawn = [kind for kind in Kind if kind in kinds]
    weights = [WEIGHTS[kind] for kind in drawn]
    faults = []
    for kind in random.choices(drawn, weights, k=count):
        lasts_s = min(LONGEST_S, 0.1 + random.expovariate(1 / MEAN_S))
        if kind is Kind.GO_BACK:
            lasts_s = random.uniform(*BACK_S)
        faults.append(Fault(kind, random.choice(WHERE[kind]), lasts_s, random.choice((1, 1, 2, 3, 6))))
    return faults


def summary(faults: Sequence[Fault]) -> str:
    """Return how many there are of each kind, in words."""
    counts = Counter(fault.kind for fault in faults)
    return " ".join(f"{kind}×{counts[kind]}" for kind in Kind if counts[kind])
