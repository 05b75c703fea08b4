"""Whether what stands in a city file meets: names that must exist or differ, limits and times that must fit.

Works on the plain tables, not on the validated model, so that a file with a wrong limit *and* a
wrong name hears of both at once. Whatever has the wrong shape is passed over: the model says so.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import durationpy
from pydantic import TypeAdapter, ValidationError

from shared.config.tables import LARGEST, KeyPath, Table, number_in, table_in, tables_in, text_in, texts_at
from shared.config.types import (
    ALL_QUEUES,
    EVERY_QUEUE,
    PERIODS,
    Duration,
    WeekHours,
    longest_opening,
)
from shared.contract.breach_events import Level, rule_label
from shared.contract.kpis import KPIS, Kpi, KpiFacts, Measure, QueueKind, Unit, kinds_having

DEFAULT_DEFINITION: Final = "lier-1"
"""The missed definition of a file that names none."""

RULES: Final = ("rules", "budget_rules", "no_data_rules")
"""The sections of rules; an id is unique over all of them, for a route knows a rule by nothing else."""

SECTIONS: Final = ("missed_definitions", "service_level_definitions", "sites", "sources", "receivers")
"""Those whose ids must differ from each other only."""

REFERENCES: Final = (
    ("live.missed_definition", "missed_definitions"),
    ("sites.*.queues.*.hours", "hours"),
    ("sources.*.site", "sites"),
    ("budget_rules.*.site", "sites"),
    ("no_data_rules.*.source", "sources"),
    ("no_data_rules.*.hours", "hours"),
    ("routes.*.receivers.*", "receivers"),
    ("routes.*.escalate_to.*", "receivers"),
    ("routes.*.sites.*", "sites"),
    ("routes.*.rules.*", "rules"),
    ("notify.quiet.*.hours", "hours"),
    ("report.receivers.*", "receivers"),
)
"""What stands here must be a name that is known there. Of queues it depends on the site: below."""


@dataclass(frozen=True)
class ReferenceMistake:
    """What does not meet something else; ``kind`` is a key of ``shared.config.messages.MISTAKES``."""

    at: KeyPath
    kind: str
    name: str = ""
    """Empty: something is missing, or a number does not fit."""
    known: tuple[str, ...] = ()
    number: float | None = None
    """What a number must be compared with."""
    other: KeyPath = ()
    """Where the same thing stands already."""

    def __str__(self) -> str:
        known = f" (known: {', '.join(self.known)})" if self.known else ""
        number = "" if self.number is None else f" {self.number:g}"
        other = f" (as {'.'.join(map(str, self.other))})" if self.other else ""
        return f"{'.'.join(map(str, self.at))}: {self.kind} {self.name}".rstrip() + number + known + other


def meeting_mistakes(document: Table) -> list[ReferenceMistake]:
    """Return everything in a city file that does not fit something else in it, in the order of the checks."""
    sites = sites_in(document)
    return [
        *doubles(document),
        *_names_unknown(document),
        *_targets_twice(document),
        *_queue_mistakes(document, sites),
        *_rule_mistakes(document, sites),
        *_budget_mistakes(document, sites),
        *_mail_mistakes(document),
        *_holds_too_long(document, sites),
    ]


def city_mistakes(city: str, document: Table) -> Iterator[ReferenceMistake]:
    """Find that a file beside the city file is about another city than that of this name, or does not say.

    What a city reported or wrote about itself would look like the figures of whoever copied its files.
    """
    named = text_in(document, "city")
    if named != city.strip():
        yield ReferenceMistake(("city",), "city_unsaid" if named is None else "city_other", city)


# --- names that must differ ---------------------------------------------------------------------------


def doubles(document: Table) -> Iterator[ReferenceMistake]:
    """Find every name that another has already: those that the file gives, and those derived from them."""
    first: dict[tuple[KeyPath, str], KeyPath] = {}
    for space, named in _names(document):
        other = first.setdefault((space, named.name), named.at)
        if other != named.at:
            yield replace(named, other=other)


def _names(document: Table) -> Iterator[tuple[KeyPath, ReferenceMistake]]:
    """Each name with where it must be the only one, as the mistake that it is to have the name of another."""
    for section in (*SECTIONS, *RULES):
        for at, name in texts_at(document, f"{section}.*.id"):
            yield RULES if section in RULES else (section,), ReferenceMistake(at, "name_twice", name)
    for at, label in _warnings(document).items():
        yield RULES, ReferenceMistake(at, "warning_named_twice", label)
    for number, site in tables_in(document, "sites"):
        for named in _queue_labels(document, ("sites", number), site):
            yield ("sites", number), named


def _warnings(document: Table) -> dict[KeyPath, str]:
    """What warnings are called, which are rules of their own in metrics: of each rule's name the first."""
    first: dict[str, KeyPath] = {}
    for number, rule in tables_in(document, "rules"):
        rule_id = text_in(rule, "id")
        if rule_id is not None and rule.get("warn_at") is not None:
            first.setdefault(rule_label(rule_id, Level.WARNING), ("rules", number, "warn_at"))
    return {at: label for label, at in first.items()}


def _queue_labels(document: Table, at: KeyPath, site: Table) -> Iterator[ReferenceMistake]:
    """What the label ``queue`` says at a site: the total, a queue, or a source that must not be silent."""
    yield ReferenceMistake(at, "name_twice", ALL_QUEUES)
    for inside, queue in texts_at(site, "queues.*.id"):
        yield ReferenceMistake((*at, *inside), "name_twice", queue)
    watched = {source for _, source in texts_at(document, "no_data_rules.*.source")}
    for number, source in tables_in(document, "sources"):
        name = text_in(source, "id")
        if name is not None and name in watched and text_in(source, "site") == text_in(site, "id"):
            yield ReferenceMistake(("sources", number, "id"), "source_named_as_queue", name)


# --- names that must exist ----------------------------------------------------------------------------


def _names_unknown(document: Table) -> Iterator[ReferenceMistake]:
    defaults = {"hours": {}, "live": {}, "missed_definitions": [{"id": DEFAULT_DEFINITION}]}
    whole = defaults | dict(document)
    if isinstance(whole["live"], dict):
        whole["live"] = {"missed_definition": DEFAULT_DEFINITION} | whole["live"]
    for pattern, section in REFERENCES:
        known = _known(whole, section)
        for at, name in texts_at(whole, pattern):
            yield from _unknown(at, name, known)


def _known(document: Table, section: str) -> Mapping[str, object] | None:
    """The names of a section; ``None``: they cannot be told."""
    if section == "hours":
        hours = document["hours"]
        return hours if isinstance(hours, dict) else None
    if section == "missed_definitions" and not isinstance(document[section], list):
        return None
    sections = RULES if section == "rules" else (section,)
    return dict.fromkeys(name for one in sections for _, name in texts_at(document, f"{one}.*.id"))


def _unknown(at: KeyPath, name: str | None, known: Mapping[str, object] | None) -> Iterator[ReferenceMistake]:
    if name is not None and known is not None and name not in known:
        yield ReferenceMistake(at, "name_unknown", name, tuple(known))


Sites = Mapping[str, Mapping[str, Table]]
"""What there is to refer to: the queues of each site."""


def sites_in(document: Table) -> Sites:
    """Return the sites and queues of a city file that have a name."""
    return {name: _by_id(site, "queues") for name, site in _by_id(document, "sites").items()}


def _by_id(table: Table, key: str) -> dict[str, Table]:
    named = ((text_in(one, "id"), one) for _, one in tables_in(table, key))
    return {name: one for name, one in named if name is not None}


def place_mistakes(at: KeyPath, table: Table, sites: Sites) -> Iterator[ReferenceMistake]:
    """Find a ``site`` or a ``queue`` that there is not, and a queue that does not have the ``kpi``."""
    site, queue = text_in(table, "site"), text_in(table, "queue", ALL_QUEUES)
    yield from _unknown((*at, "site"), site, sites)
    if queue == EVERY_QUEUE or not sites or (site is not None and site not in sites):
        return
    kinds: dict[str, set[str | None]] = {}
    for of_site in sites.values() if site is None else [sites[site]]:
        for name, queue_there in of_site.items():
            kinds.setdefault(name, set()).add(text_in(queue_there, "kind"))
    at_queue = (*at, "queue")
    yield from _unknown(at_queue, queue, dict.fromkeys([ALL_QUEUES, *kinds]))
    having, found = _kinds(table), kinds.get(queue or "")
    if having and found and None not in found and not having & found:
        fitting = (name for name, of in kinds.items() if having & of)
        yield ReferenceMistake(at_queue, "kpi_other_kind", queue or "", (ALL_QUEUES, *fitting))


def _facts(table: Table) -> KpiFacts | None:
    return KPIS.get(text_in(table, "kpi") or "")


def _conditions(rule: Table) -> list[tuple[KeyPath, Table]]:
    """The conditions of a combined rule, each with its place, as rules by themselves; else the rule alone."""
    parts = tables_in(rule, "all")
    about = {key: rule[key] for key in ("site", "queue", "contacts") if key in rule}
    return [(("all", number), about | dict(part)) for number, part in parts] or [((), rule)]


def _kinds(table: Table) -> frozenset[str]:
    """Which kinds of queues have the ``kpi``, or those of all conditions: as ``queues_about``."""
    having = [kinds_having(text_in(part, "kpi") or "") for _, part in _conditions(table)]
    kinds: frozenset[str] = frozenset(QueueKind).intersection(*(kinds for kinds in having if kinds))
    if len(kinds) > 1 and text_in(table, "queue", ALL_QUEUES) in {ALL_QUEUES, EVERY_QUEUE}:
        of_visits = text_in(table, "contacts") == "visits"
        return frozenset({QueueKind.COUNTER if of_visits else QueueKind.PHONE})
    return kinds if any(having) else frozenset()


def _targets_twice(document: Table) -> Iterator[ReferenceMistake]:
    seen = set()
    for number, target in tables_in(document, "targets"):
        kpi, site = text_in(target, "kpi"), text_in(target, "site")
        of = (kpi, site, text_in(target, "queue", ALL_QUEUES), text_in(target, "period", "month"))
        if of in seen and kpi:
            yield ReferenceMistake(("targets", number), "target_twice", kpi)
        seen.add(of)


def _queue_mistakes(document: Table, sites: Sites) -> Iterator[ReferenceMistake]:
    for section in ("targets", "rules"):
        for number, table in tables_in(document, section):
            yield from place_mistakes((section, number), table, sites)
    for number, source in tables_in(document, "sources"):
        queues = sites.get(text_in(source, "site") or "")
        for at, queue in texts_at(source, "queues.*"):
            yield from _unknown(("sources", number, *at), queue, queues)
            yield from _calls_at_counter(("sources", number, *at), source, queue, queues or {})
    for number, route in tables_in(document, "routes"):
        named = [sites[site] for _, site in texts_at(route, "sites.*") if site in sites]
        known = dict.fromkeys([ALL_QUEUES, *(queue for of in named or sites.values() for queue in of)])
        for at, queue in texts_at(route, "queues.*"):
            yield from _unknown(("routes", number, *at), queue, known)


def _mail_mistakes(document: Table) -> Iterator[ReferenceMistake]:
    """E-mail needs a server, and whoever gets the monthly report an address."""
    mails = [at for at, kind in texts_at(document, "receivers.*.channels.*.kind") if kind == "email"]
    if document.get("smtp") is None:
        yield from (ReferenceMistake(at, "smtp_missing") for at in mails)
    receivers = {at[:2]: name for at, name in texts_at(document, "receivers.*.id")}
    mailed = {receivers.get(at[:2]) for at in mails}
    for at, name in texts_at(document, "report.receivers.*"):
        if name in receivers.values() and name not in mailed:
            yield ReferenceMistake(at, "report_no_mail", name)


# --- limits that must fit -----------------------------------------------------------------------------


def _rule_mistakes(document: Table, sites: Sites) -> Iterator[ReferenceMistake]:
    for number, rule in tables_in(document, "rules"):
        at: KeyPath = ("rules", number)
        if rule.get("kind") is not None:
            yield from _shift_mistakes(at, document, rule, sites)
            continue
        if len(tables_in(rule, "all")) > 1 and not _kinds(rule) and any(map(_has_kpi, _conditions(rule))):
            yield ReferenceMistake((*at, "all"), "kinds_differ")
        yield from _contacts_mistakes(at, rule, sites)
        for inside, condition in _conditions(rule):
            yield from _limit_mistakes((*at, *inside), document, condition, sites)


def _contacts_mistakes(at: KeyPath, rule: Table, sites: Sites) -> Iterator[ReferenceMistake]:
    """Calls of a counter, or visits of a phone, are none."""
    wanted = {"calls": QueueKind.PHONE, "visits": QueueKind.COUNTER}.get(text_in(rule, "contacts") or "")
    judged = [text_in(queue, "kind") for _, _, queues in _judged(rule, sites) for queue in queues]
    if wanted and judged and wanted not in judged:
        yield ReferenceMistake((*at, "contacts"), "contacts_other")


def _has_kpi(condition: tuple[KeyPath, Table]) -> bool:
    return bool(kinds_having(text_in(condition[1], "kpi") or ""))


def _limit_mistakes(at: KeyPath, document: Table, rule: Table, sites: Sites) -> Iterator[ReferenceMistake]:
    own = number_in(rule, "limit")
    if own is not None:
        yield from _never_over((*at, "limit"), rule, [own])
        yield from _out_of_order(at, rule, [own])
    elif rule.get("limit") is None and _facts(rule) is not None:
        promised = _promised(document, rule, sites)
        limits = _limits(promised, rule)
        yield from _target_missing(at, promised, sites)
        yield from _never_over(at, rule, limits)
        yield from _out_of_order(at, rule, limits)


def _shift_mistakes(at: KeyPath, document: Table, rule: Table, sites: Sites) -> Iterator[ReferenceMistake]:
    """Without a bound of its own an answer is late beyond the target of the mean wait."""
    if text_in(rule, "kpi") == Measure.LATE_RATIO and rule.get("within") is None:
        of_waits = dict(rule) | {"kpi": Kpi.CALL_WAIT_MEAN}
        yield from (
            replace(lacking, kind="within_missing")
            for lacking in _target_missing(at, _promised(document, of_waits, sites), sites)
        )


def _never_over(at: KeyPath, rule: Table, limits: list[float]) -> Iterator[ReferenceMistake]:
    """A limit that no figure can be beyond never opens a breach."""
    facts = _facts(rule)
    if facts is None or not limits:
        return
    if facts.more_is_better and min(limits) <= 0:
        yield ReferenceMistake(at, "limit_never_below", known=(f"{min(limits):g}",), number=0)
    elif not facts.more_is_better and max(limits) >= facts.highest:
        yield ReferenceMistake(at, "limit_never_above", known=(f"{max(limits):g}",), number=facts.highest)


def _out_of_order(at: KeyPath, rule: Table, limits: list[float]) -> Iterator[ReferenceMistake]:
    """A warning comes before the limit, and a breach is over on its good side, of every queue."""
    facts = _facts(rule)
    worse, side = (-1, "low") if facts and facts.more_is_better else (1, "high")
    strictest = min(limits, key=lambda limit: worse * limit, default=None)
    for key, beyond in (("warn_at", operator.ge), ("clear_at", operator.gt)):
        number = number_in(rule, key)
        if number is not None and strictest is not None and beyond(worse * number, worse * strictest):
            yield ReferenceMistake((*at, key), f"{key}_{side}", number=strictest)


def _judged(rule: Table, sites: Sites) -> Iterator[tuple[str, str, list[Table]]]:
    """The site and queue, or site and ``all``, at which a rule is judged, and the queues that it is about."""
    kinds, wanted = _kinds(rule), text_in(rule, "queue", ALL_QUEUES)
    for site, queues in sites.items():
        if not kinds or text_in(rule, "site") not in {None, site}:
            continue
        fitting = {name: queue for name, queue in queues.items() if text_in(queue, "kind") in kinds}
        if wanted == ALL_QUEUES and fitting:
            yield site, ALL_QUEUES, list(fitting.values())
        for name, queue in fitting.items():
            if wanted in {EVERY_QUEUE, name}:
                yield site, name, [queue]


Promised = Mapping[tuple[str, str], Table | None]
"""The target that counts, by site and queue (or ``all``); ``None`` where nothing is promised."""


def _promised(document: Table, rule: Table, sites: Sites) -> Promised:
    """Where a rule without a limit is judged, and the target that counts there: as ``CityFile.limit_of``."""
    targets = [of for _, of in tables_in(document, "targets") if text_in(of, "kpi") == text_in(rule, "kpi")]
    window = text_in(rule, "window")
    return {(site, queue): _promise(targets, site, queue, window) for site, queue, _ in _judged(rule, sites)}


def _promise(targets: list[Table], site: str, queue: str, window: str | None) -> Table | None:
    fitting = [
        target
        for target in targets
        if text_in(target, "queue", ALL_QUEUES) in {queue, ALL_QUEUES}
        and text_in(target, "site") in {None, site}
    ]
    return min(
        fitting,
        key=lambda target: (
            text_in(target, "queue", ALL_QUEUES) != queue,
            text_in(target, "site") is None,
            text_in(target, "period", "month") != window,
        ),
        default=None,
    )


def _limits(promised: Promised, rule: Table) -> list[float]:
    """What was promised, without ratios above 1: the model says so of the target itself."""
    limits = [number_in(target, "limit") for target in promised.values() if target is not None]
    facts = _facts(rule)
    most = 1 if facts and facts.unit is Unit.RATIO else LARGEST
    return [limit for limit in limits if limit is not None and 0 <= limit <= most]


def _target_missing(at: KeyPath, promised: Promised, sites: Sites) -> Iterator[ReferenceMistake]:
    lacking = [place for place, target in promised.items() if target is None]
    if lacking:
        known = tuple(queue if len(sites) == 1 else f"{site}/{queue}" for site, queue in lacking)
        yield ReferenceMistake(at, "target_missing", known=known)


def _budget_mistakes(document: Table, sites: Sites) -> Iterator[ReferenceMistake]:
    """When every single call is missed, the budget of a ratio burns at 1 / target and no faster.

    A burn rate of exactly that would never be exceeded. A target of 0 leaves no budget to burn.
    """
    for number, rule in tables_in(document, "budget_rules"):
        at: KeyPath = ("budget_rules", number)
        total = {"kpi": text_in(rule, "kpi", Kpi.MISSED_RATIO), "site": text_in(rule, "site")}
        facts = _facts(total)
        if not facts or not facts.budgeted:
            continue
        promised = _promised(document, total, sites)
        limits = _limits(promised, total)
        yield from _target_missing(at, promised, sites)
        if any(limit <= 0 for limit in limits):
            yield ReferenceMistake(at, "budget_of_nothing")
        fastest = min((facts.highest / limit for limit in limits if limit > 0), default=None)
        burn_rate = number_in(rule, "burn_rate")
        if burn_rate is not None and fastest is not None and burn_rate >= fastest:
            yield ReferenceMistake((*at, "burn_rate"), "burn_unreachable", number=fastest)


# --- times that must fit ------------------------------------------------------------------------------

_DURATION: Final[TypeAdapter[timedelta]] = TypeAdapter(Duration | timedelta)
"""As people write durations, or as the model itself does (ISO 8601)."""


def _holds_too_long(document: Table, sites: Sites) -> Iterator[ReferenceMistake]:
    """Find the rules that wait for as long as the longest opening in which they are judged, or longer.

    They would never fire: at closing time a rolling rule is over, and a source's time without data counts
    from when the hours began.
    """
    weeks = _weeks(document)
    for number, rule in tables_in(document, "no_data_rules"):
        hours = _hours_of_source(document, rule, sites)
        yield from _hold_too_long(("no_data_rules", number, "after"), rule, hours, weeks)
    for number, rule in tables_in(document, "rules"):
        if rule.get("open_only") is not False and text_in(rule, "window") not in PERIODS:
            for _, _, queues in _judged(rule, sites):
                hours = {text_in(queue, "hours") for queue in queues}
                yield from _hold_too_long(("rules", number, "hold"), rule, hours, weeks)


def _hours_of_source(document: Table, rule: Table, sites: Sites) -> set[str | None]:
    """When the source of a no-data rule must speak: what the rule says, or else its queues' hours."""
    if rule.get("hours") is not None:
        return {text_in(rule, "hours")}
    sources = [of for _, of in tables_in(document, "sources") if text_in(of, "id") == text_in(rule, "source")]
    return {
        text_in(queue, "hours")
        for source in sources
        for name, queue in sites.get(text_in(source, "site") or "", {}).items()
        if _speaks_of(source, name, queue)
    } or {None}


def _speaks_of(source: Table, name: str, queue: Table) -> bool:
    """Whether a source can speak of a queue of its site: as ``queues_of`` of the model."""
    if text_in(source, "kind") == "queue_log":
        return text_in(queue, "kind") == QueueKind.PHONE
    named = [queue for _, queue in texts_at(source, "queues.*")]
    return not named or name in named


def _calls_at_counter(
    at: KeyPath, source: Table, queue: str, queues: Mapping[str, Table]
) -> Iterator[ReferenceMistake]:
    """An exchange's calls would all be refused at a counter."""
    fitting = tuple(name for name, one in queues.items() if _speaks_of(source, name, one))
    is_counter = queue in queues and text_in(queues[queue], "kind") == QueueKind.COUNTER
    if text_in(source, "kind") == "queue_log" and is_counter:
        yield ReferenceMistake(at, "calls_at_counter", queue, fitting)


def _hold_too_long(
    at: KeyPath, rule: Table, hours: set[str | None], weeks: Mapping[str, WeekHours]
) -> Iterator[ReferenceMistake]:
    if not hours <= weeks.keys():  # always open, or a name that is told to be unknown
        return
    try:
        hold = _DURATION.validate_python(text_in(rule, str(at[-1])))
    except ValidationError:
        return
    longest = longest_opening(week for name, week in weeks.items() if name in hours)
    if longest and hold >= longest:
        yield ReferenceMistake(at, "hold_too_long", durationpy.to_str(longest))


def _weeks(document: Table) -> dict[str, WeekHours]:
    """The opening hours that can be read; the model says of the others what is wrong with them."""
    weeks: dict[str, WeekHours] = {}
    for name, week in table_in(document, "hours").items():
        try:
            weeks[name] = WeekHours.model_validate(week)
        except ValidationError:
            continue
    return weeks
