"""Whether the names in a city file meet: whatever refers to a name must refer to one that exists.

Works on the plain tables, not on the validated model, so that a file with a wrong limit *and* a
wrong name hears of both at once. Whatever has the wrong shape is passed over: the model says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

ALL_QUEUES: Final = "all"
"""The queue name under which a site's total is shown; no queue may be called so."""

DEFAULT_DEFINITION: Final = "lier-1"
"""The missed definition of a file that names none."""

KIND_OF_KPI: Final[Mapping[str, str]] = {
    "missed_ratio": "phone",
    "call_wait_mean": "phone",
    "service_level": "phone",
    "visit_wait_mean": "counter",
    "lead_time_mean": "counter",
}
"""Which kind of queue has which KPI."""

KeyPath = tuple[str | int, ...]
Table = Mapping[str, object]


@dataclass(frozen=True)
class NameMistake:
    """A name that does not meet another; ``kind`` is a key of ``shared.config_words.MISTAKES``."""

    at: KeyPath
    kind: str
    name: str
    known: tuple[str, ...] = ()

    def __str__(self) -> str:
        known = f" (known: {', '.join(self.known)})" if self.known else ""
        return f"{'.'.join(map(str, self.at))}: {self.kind} {self.name}{known}"


@dataclass(frozen=True)
class _Desk:
    """What there is to refer to: the kind of each queue, by site and queue; ``None`` where it is missing."""

    sites: Mapping[str, Mapping[str, str | None]]

    def queues(self, site: str | None) -> dict[str, set[str | None]]:
        """The kinds that each queue of a site has; of all sites without one."""
        found: dict[str, set[str | None]] = {}
        for name, queues in self.sites.items():
            if site in {None, name}:
                for queue, kind in queues.items():
                    found.setdefault(queue, set()).add(kind)
        return found


def name_mistakes(document: Table) -> list[NameMistake]:
    """Return every name that stands twice or refers to nothing, in the order of the checks."""
    return [
        *_ids_twice(document),
        *_definition_unknown(document),
        *_hours_unknown(document),
        *_target_mistakes(document),
        *_source_mistakes(document),
    ]


def _ids_twice(document: Table) -> Iterator[NameMistake]:
    for section in ("missed_definitions", "sites", "sources"):
        yield from _twice((section,), _tables(document, section))
    for number, site in _tables(document, "sites"):
        yield from _twice(("sites", number, "queues"), _tables(site, "queues"))


def _twice(at: KeyPath, tables: list[tuple[int, Table]]) -> Iterator[NameMistake]:
    seen: Counter[str] = Counter()
    for number, table in tables:
        name = _text(table, "id")
        if name is not None:
            seen[name] += 1
            if seen[name] == 2:
                yield NameMistake((*at, number, "id"), "name_twice", name)


def _definition_unknown(document: Table) -> Iterator[NameMistake]:
    known = (
        _names(document, "missed_definitions") if "missed_definitions" in document else [DEFAULT_DEFINITION]
    )
    live = document.get("live", {})
    if isinstance(live, dict) and isinstance(document.get("missed_definitions", []), list):
        yield from _unknown(
            ("live", "missed_definition"), _text(live, "missed_definition", DEFAULT_DEFINITION), known
        )


def _hours_unknown(document: Table) -> Iterator[NameMistake]:
    hours = document.get("hours", {})
    if not isinstance(hours, dict):
        return
    for number, site in _tables(document, "sites"):
        for position, queue in _tables(site, "queues"):
            yield from _unknown(("sites", number, "queues", position, "hours"), _text(queue, "hours"), hours)


def _target_mistakes(document: Table) -> Iterator[NameMistake]:
    desk = _desk(document)
    seen = set()
    for number, target in _tables(document, "targets"):
        site, queue = _text(target, "site"), _text(target, "queue", ALL_QUEUES)
        promise = (_text(target, "kpi"), site, queue, _text(target, "period", "month"))
        if promise in seen and promise[0]:
            yield NameMistake(("targets", number), "target_twice", promise[0])
        seen.add(promise)
        yield from _unknown(("targets", number, "site"), site, desk.sites)
        if desk.sites and (site is None or site in desk.sites):
            yield from _queue_of_target(("targets", number, "queue"), promise[0], queue, desk.queues(site))


def _queue_of_target(
    at: KeyPath, kpi: str | None, queue: str | None, queues: Mapping[str, set[str | None]]
) -> Iterator[NameMistake]:
    yield from _unknown(at, queue, list(dict.fromkeys([ALL_QUEUES, *queues])))
    kind = KIND_OF_KPI.get(kpi or "")
    kinds = queues.get(queue or "")
    if kind and kinds and None not in kinds and kind not in kinds:
        fitting = tuple(name for name, of in queues.items() if kind in of)
        yield NameMistake(at, "kpi_other_kind", queue or "", (ALL_QUEUES, *fitting))


def _source_mistakes(document: Table) -> Iterator[NameMistake]:
    desk = _desk(document)
    for number, source in _tables(document, "sources"):
        site = _text(source, "site")
        yield from _unknown(("sources", number, "site"), site, desk.sites)
        if site is None or site not in desk.sites:
            continue
        for key, queue in _queues_named(source.get("queues")):
            yield from _unknown(("sources", number, "queues", key), queue, desk.sites[site])


def _queues_named(queues: object) -> Iterator[tuple[str | int, str]]:
    """The queues of ours that a source names: in a list, or as what a PBX queue is called here."""
    pairs: Iterator[tuple[str | int, object]] = iter(())
    if isinstance(queues, dict):
        pairs = iter(queues.items())
    elif isinstance(queues, list):
        pairs = iter(enumerate(queues))
    for key, queue in pairs:
        if isinstance(queue, str):
            yield key, queue.strip()


def _desk(document: Table) -> _Desk:
    sites: dict[str, dict[str, str | None]] = {}
    for _, site in _tables(document, "sites"):
        name = _text(site, "id")
        if name is not None:
            queues = {_text(queue, "id"): _text(queue, "kind") for _, queue in _tables(site, "queues")}
            sites[name] = {queue: kind for queue, kind in queues.items() if queue is not None}
    return _Desk(sites)


def _unknown(at: KeyPath, name: str | None, known: Mapping[str, object] | list[str]) -> Iterator[NameMistake]:
    if name is not None and name not in known:
        yield NameMistake(at, "name_unknown", name, tuple(known))


def _tables(table: Table, key: str) -> list[tuple[int, Table]]:
    found = table.get(key)
    if not isinstance(found, list):
        return []
    return [(number, item) for number, item in enumerate(found) if isinstance(item, dict)]


def _names(table: Table, key: str) -> list[str]:
    names = (_text(item, "id") for _, item in _tables(table, key))
    return [name for name in names if name is not None]


def _text(table: Table, key: str, default: str | None = None) -> str | None:
    value = table.get(key, default)
    return value.strip() if isinstance(value, str) else None
