"""Whether names that must differ do: those that a city file gives, and those that are derived from them.

All of them stand in one list, with where they must differ: an id in its section, what a rule is called in
metrics, what the label ``queue`` can say at a site. Works on plain tables, as ``references`` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from shared.config.references import ALL_QUEUES, RULES, ReferenceMistake
from shared.config.tables import KeyPath, Table, tables_in, text_in
from shared.contract.breach_events import Level, rule_label

SECTIONS: Final = ("missed_definitions", "service_level_definitions", "sites", "sources", "receivers")
"""Those whose ids must differ from each other only."""


class UniqueName(NamedTuple):
    """A name, where it must be the only one of its kind, and where it comes from."""

    space: KeyPath
    name: str
    at: KeyPath
    kind: str = "name_twice"
    """The mistake that it is to have the name of another."""


def doubles(document: Table) -> Iterator[ReferenceMistake]:
    """Find every name that another has already."""
    first: dict[tuple[KeyPath, str], KeyPath] = {}
    for named in _names(document):
        other = first.setdefault((named.space, named.name), named.at)
        if other != named.at:
            yield ReferenceMistake(named.at, named.kind, named.name, other=other)


def _names(document: Table) -> Iterator[UniqueName]:
    for section in SECTIONS:
        yield from _ids((section,), document, section)
    yield from _rule_labels(document)
    for number, site in tables_in(document, "sites"):
        yield from _queue_labels(document, number, site)


def _ids(space: KeyPath, parent: Table, section: str, above: KeyPath = ()) -> Iterator[UniqueName]:
    for number, table in tables_in(parent, section):
        name = text_in(table, "id")
        if name is not None:
            yield UniqueName(space, name, (*above, section, number, "id"))


def _rule_labels(document: Table) -> Iterator[UniqueName]:
    """What rules are called: a route knows them by it, and a warning is a rule of its own in metrics."""
    warnings: dict[str, UniqueName] = {}
    for section in RULES:
        yield from _ids(RULES, document, section)
    for number, rule in tables_in(document, "rules"):
        name = text_in(rule, "id")
        if name is not None and rule.get("warn_at") is not None:
            label = rule_label(name, Level.WARNING)
            warnings.setdefault(
                name, UniqueName(RULES, label, ("rules", number, "warn_at"), "warning_named_twice")
            )
    yield from warnings.values()


def _queue_labels(document: Table, number: int, site: Table) -> Iterator[UniqueName]:
    """What the label ``queue`` says at a site: the total, a queue, or a source that must not be silent."""
    space: KeyPath = ("sites", number)
    yield UniqueName(space, ALL_QUEUES, space)
    yield from _ids(space, site, "queues", space)
    watched = {text_in(rule, "source") for _, rule in tables_in(document, "no_data_rules")}
    for position, source in tables_in(document, "sources"):
        name = text_in(source, "id")
        if name is not None and name in watched and text_in(source, "site") == text_in(site, "id"):
            yield UniqueName(space, name, ("sources", position, "id"), "source_named_as_queue")
