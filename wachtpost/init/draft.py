"""From files and answers to the text of a city file: what is found, counted and chosen on the way."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import holidays

from domain.bucket import Bucket
from shared.calendar import Calendar
from shared.config.errors import Mistake, explain
from shared.config.model import CityFile, Site
from shared.contract.kpis import QueueKind
from shared.translation import Msg, Translator, translator
from wachtpost.analyse import files as reader
from wachtpost.analyse.figures import Analysis
from wachtpost.init.city_text import Answers, Found, FoundQueue, city_text
from wachtpost.init.observed import HERE, Observed, ObservedQueue
from wachtpost.init.opening_hours import EDGE, WeekOfHours, find_hours
from wachtpost.init.rules import ChosenRule, Promise, live_windows, rules_for, silent_for
from wachtpost.init.volume import LIER, Volume, contacts_of, open_hours, volume_of

LOG_NAME: Final = "queue_log"

QueueOfSite = tuple[str, str]
"""A site and a queue of it."""

# Translators: a date in full, in the letters of the CLDR.
_DAY: Final = Msg("d MMMM y", "date pattern")


@dataclass(frozen=True)
class Draft:
    """A city file that is about to be written."""

    text: str
    found: Found
    mistakes: Sequence[Mistake] = ()
    """What was answered and cannot be; the others below are empty then."""
    city: CityFile | None = None
    analysis: Analysis | None = None
    """What the files come to by it; ``None``: there were none."""


def find(observed: Observed, answers: Answers, today: date) -> Found:
    """Return queues and opening hours, with nothing chosen yet. Without any queue there is one for calls."""
    home = home_of(observed, answers)
    queues = {(home if site == HERE else site, queue): of for (site, queue), of in observed.queues.items()}
    queues = queues or {(home, "phone"): ObservedQueue()}
    hours: dict[str, WeekOfHours] = {}
    of_queue: dict[QueueOfSite, str] = {}
    for kind in QueueKind:
        of_kind = {ref: queue for ref, queue in queues.items() if queue.kind is kind}
        for name, members, week in _hours(of_kind, kind, _told_nothing(answers, of_kind.values(), today)):
            hours[name] = week
            of_queue |= dict.fromkeys(members, name)
    sites: dict[str, list[FoundQueue]] = {}
    for (site, queue), seen in sorted(queues.items(), key=_busiest_first):
        sites.setdefault(site, []).append(FoundQueue(queue, seen.kind, of_queue.get((site, queue))))
    return Found(
        seen="",
        sites=sites,
        hours=hours,
        site=home if home in sites else next(iter(sites)),
        names=observed.names,
        log=None,
        senders=sorted(observed.senders),
        bookings=observed.bookings,
        windows=live_windows(LIER[QueueKind.PHONE].per_hour),
        rules=(),
        silent_for=None,
    )


def _busiest_first(one: tuple[QueueOfSite, ObservedQueue]) -> tuple[str, bool, int, str]:
    (site, queue), seen = one
    return site, seen.kind is QueueKind.COUNTER, -(seen.calls + seen.visits), queue


def home_of(observed: Observed, answers: Answers) -> str:
    """Return the site of the exchange: the one that other sources speak of, or named as the city."""
    others = {site for site, _ in observed.queues if site != HERE}
    return others.pop() if len(others) == 1 else answers.site


def _told_nothing(answers: Answers, queues: Collection[ObservedQueue], today: date) -> Callable[[date], bool]:
    """Days that say nothing of hours: holidays, and today, which is not over, where there are others."""
    days = {day for queue in queues for day in queue.helped}
    closed = set[date]()
    if answers.country:
        closed = set(holidays.country_holidays(answers.country, years={day.year for day in days}))
    if len(days) > 1:
        closed.add(today)
    return closed.__contains__


def _hours(
    queues: Mapping[QueueOfSite, ObservedQueue], kind: QueueKind, told_nothing: Callable[[date], bool]
) -> Iterator[tuple[str, Collection[QueueOfSite], WeekOfHours]]:
    """Yield hours with their name, and the queues that have them; a queue of which nothing is known has the
    first."""
    helped = {ref: quarters for ref, queue in queues.items() if (quarters := queue.open_quarters)}
    unknown = queues.keys() - helped.keys()
    for number, (members, week) in enumerate(find_hours(helped, told_nothing), start=1):
        if not week.always:
            name = kind.value if number == 1 else f"{kind.value}-{number}"
            yield name, {*members, *(unknown if number == 1 else ())}, week


def draft(
    files: Sequence[Path],
    observed: Observed,
    answers: Answers,
    now: int,
    today: date,
    progress: reader.Progress | None = None,
) -> Draft:
    """Return the city file for a desk. Errors as of ``analyse``.

    Files are read again, by the hours found: how much there is to do while the desk is open is counted as
    ``analyse`` counts.
    """
    say = translator(answers.language)
    found = replace(find(observed, answers, today), log=_log(files) if observed.logs else None)
    text = city_text(answers, found)
    mistakes = explain(text, "")
    if mistakes:
        return Draft(text, found, mistakes)
    city = _city(text)
    if not observed.queues:
        seen = _nothing_found(say) if files else _nothing_given(say)
        found = replace(found, seen=seen, rules=_rules(dict(LIER), observed, answers, found, say))
        return _finished(answers, found, None)
    analysis, _ = reader.analyse(files, city, now, None, progress)
    calendar = Calendar(city)
    days = {kind: _whole_days(observed, kind, analysis) for kind in QueueKind}
    volumes = _volumes(city, calendar, analysis, days)
    known = {**LIER, **volumes}
    described = replace(
        found,
        seen=_seen(analysis, sorted({day for of_kind in days.values() for day in of_kind}), volumes, say),
        sites=_sites_seen(city, calendar, analysis, days, found),
        windows=live_windows(known[QueueKind.PHONE].per_hour),
        rules=_rules(known, observed, answers, found, say),
        silent_for=_silent_for(volumes, found),
    )
    return _finished(answers, described, analysis)


DaysOf = Mapping[QueueKind, Sequence[date]]
"""The days on which queues of a kind were seen: a log and a file of events need not be of the same ones."""


def _finished(answers: Answers, found: Found, analysis: Analysis | None) -> Draft:
    text = city_text(answers, found)
    mistakes = explain(text, "")
    return Draft(text, found, mistakes, None if mistakes else _city(text), analysis)


def _city(text: str) -> CityFile:
    return CityFile.model_validate(tomllib.loads(text))


def _log(files: Sequence[Path]) -> Path:
    """The file that the exchange writes: not one that was rotated away or packed."""
    named = [file for file in files if file.name == LOG_NAME]
    beside = [file.with_name(LOG_NAME) for file in files if file.name.startswith(f"{LOG_NAME}.")]
    return next(iter(named + [file for file in beside if file.exists()] + list(files))).absolute()


def buckets_of(analysis: Analysis, site: Site, one_site: bool) -> Mapping[str, Bucket]:
    """Return the buckets of a site's queues by their id: one of several sites calls them otherwise."""
    named = {queue.id: queue.id if one_site else f"{site.id}/{queue.id}" for queue in site.queues}
    return {queue: analysis.queues[name] for queue, name in named.items() if name in analysis.queues}


def _volumes(
    city: CityFile, calendar: Calendar, analysis: Analysis, days: DaysOf
) -> Mapping[QueueKind, Volume]:
    """What there is to do at the busiest site, by kind."""
    volumes: dict[QueueKind, Volume] = {}
    for site in city.sites:
        buckets = buckets_of(analysis, site, len(city.sites) == 1)
        for kind in QueueKind:
            volume = volume_of(city, calendar, kind, site.of_kind(kind), buckets, days[kind])
            if volume and (kind not in volumes or volume.per_hour > volumes[kind].per_hour):
                volumes[kind] = volume
    return volumes


def _whole_days(observed: Observed, kind: QueueKind, analysis: Analysis) -> list[date]:
    """The days that were seen, but for those of which hardly anything was: a call past midnight."""
    contacts: Counter[date] = Counter()
    for queue in observed.queues.values():
        if queue.kind is kind:
            contacts.update({day: sum(quarters.values()) for day, quarters in queue.helped.items()})
    if not contacts:
        return [date.fromisoformat(day) for day in analysis.days]
    least = EDGE * contacts.total() / len(contacts)
    return sorted(day for day, count in contacts.items() if count >= least)


def _sites_seen(
    city: CityFile, calendar: Calendar, analysis: Analysis, days: DaysOf, found: Found
) -> Mapping[str, Sequence[FoundQueue]]:
    """The queues of each site, with what was seen of them."""
    say = translator(city.city.language)
    seen: dict[str, list[FoundQueue]] = {}
    for site in city.sites:
        buckets = buckets_of(analysis, site, len(city.sites) == 1)
        for queue, described in zip(found.sites[site.id], site.queues, strict=True):
            contacts = contacts_of(queue.kind, buckets.get(queue.id, Bucket()))
            opened = open_hours(calendar, [described], days[queue.kind])
            told = _volume_seen(contacts, contacts / opened if opened else 0, say)
            seen.setdefault(site.id, []).append(replace(queue, seen=told))
    return seen


def _rules(
    volumes: Mapping[QueueKind, Volume], observed: Observed, answers: Answers, found: Found, say: Translator
) -> list[ChosenRule]:
    promises = {
        QueueKind.PHONE: Promise(answers.missed, answers.wait_s),
        QueueKind.COUNTER: Promise(answers.missed, answers.visit_wait_s),
    }
    return [
        rule
        for kind in QueueKind
        if found.of_kind(kind)
        for rule in rules_for(
            volumes[kind],
            kind,
            promises[kind],
            say,
            staff=observed.staff,
            appointments=observed.appointments,
        )
    ]


def _silent_for(volumes: Mapping[QueueKind, Volume], found: Found) -> timedelta | None:
    """How long the exchange may be silent; ``None``: so seldom is it heard, or so little known of its hours,
    that its silence tells nothing."""
    weeks = [
        found.hours[q.hours]
        for qs in found.sites.values()
        for q in qs
        if q.hours and q.kind is QueueKind.PHONE
    ]
    if QueueKind.PHONE not in volumes or not weeks:
        return None
    silent = silent_for(volumes[QueueKind.PHONE])
    return silent if silent <= timedelta(minutes=max(week.longest_day for week in weeks)) / 2 else None


def _seen(
    analysis: Analysis, days: Sequence[date], volumes: Mapping[QueueKind, Volume], say: Translator
) -> str:
    if not days:
        return _nothing_found(say)
    seen = _found_in(analysis.total.offered + analysis.total.visitors, days, say)
    return seen if volumes else f"{seen} {_too_few(say)}"


def _nothing_given(say: Translator) -> str:
    return say.gettext(
        "Nothing was given to go by: rules are those of a small desk, with {number} calls an hour.",
        number=say.number(LIER[QueueKind.PHONE].per_hour),
    )


def _nothing_found(say: Translator) -> str:
    nothing = say.gettext("No contact was found in the files.")
    return f"{nothing} {_too_few(say)}"


def _too_few(say: Translator) -> str:
    return say.gettext(
        "That is too little to choose rules by: they are those of a small desk, with {number} calls an hour.",
        number=say.number(LIER[QueueKind.PHONE].per_hour),
    )


def _found_in(contacts: int, days: Sequence[date], say: Translator) -> str:
    if len(days) == 1:
        return say.ngettext(
            "Found in {number} contact, on {day}.",
            "Found in {number} contacts, on {day}.",
            contacts,
            day=say.local(days[0], _DAY),
        )
    return say.ngettext(
        "Found in {number} contact, from {first} to {last}.",
        "Found in {number} contacts, from {first} to {last}.",
        contacts,
        first=say.local(days[0], _DAY),
        last=say.local(days[-1], _DAY),
    )


def _volume_seen(contacts: int, per_hour: float, say: Translator) -> str:
    return say.ngettext(
        "{number} contact, {per_hour} in an open hour",
        "{number} contacts, {per_hour} in an open hour",
        contacts,
        per_hour=say.number(per_hour, 0 if per_hour >= 10 else 1),
    )
