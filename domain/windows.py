"""Rolling windows: [t - W, t) by outcome time, t on a boundary of the ring's step."""

from __future__ import annotations

from datetime import timedelta

from domain.bucket import Bucket, Resolution
from domain.bucket_store import COARSE_S, FINE_S, BucketStore
from domain.queue_ref import QueueRef
from shared.config.types import FINE_REACH


def window_end(now_ms: int, window: timedelta) -> int:
    """Return the end t of the running window, in epoch seconds: the first boundary after ``now``.

    So a fact shows the moment it is recorded, and the newest step is simply not full yet.
    """
    step = FINE_S if window <= FINE_REACH else COARSE_S
    return (now_ms // 1000 // step + 1) * step


def window_bucket(bucket_store: BucketStore, queue_ref: QueueRef, window: timedelta, end_s: int) -> Bucket:
    """Return what happened at a place in [end - window, end); exact when both lie on the ring's steps.

    Rings: 10 s steps for windows up to 2 h, 5 min steps above.
    """
    resolution = Resolution.FINE if window <= FINE_REACH else Resolution.COARSE
    start_s = end_s - int(window.total_seconds())
    return bucket_store.window(queue_ref, resolution, start_s, end_s)


def duration_label(duration: timedelta) -> str:
    """Return a duration as in the city file: ``15m``, ``1h``, ``90s``."""
    seconds = int(duration.total_seconds())
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
