"""Fields that the release before did not have: what it kept and showed has none of them."""

from __future__ import annotations

from typing import Any, Final

NEW_FIELDS: Final = frozenset(
    {"blocked", "callers", "cancelled", "cut_off", "moved", "no_shows", "served", "service_ms"}  # of a bucket
    | {"also", "before_part", "before_samples", "high", "low", "part", "since"}  # of a breach's reading
    | {"usual", "worst_part", "worst_samples"}  # of a breach
    | {"counts_from"}  # of a rule's state
)

_NOTHING: Final[tuple[object, ...]] = (0, None, [], {}, "{}")


def without_new_fields(shown: Any) -> Any:
    """What today's code shows or writes, but for new fields with nothing in them."""
    if isinstance(shown, list):
        return [without_new_fields(one) for one in shown]
    if not isinstance(shown, dict):
        return shown
    return {
        name: without_new_fields(value)
        for name, value in shown.items()
        if name not in NEW_FIELDS or value not in _NOTHING
    }
