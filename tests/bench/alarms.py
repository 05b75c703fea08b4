"""How often the shipped rules are wrong, and how soon they see what is wrong: by simulated years.

The real judge over phones that are drawn by chance (``tests.bench.simulated_desk``): years in which nothing
is wrong, for false alarms; and days on which something is, for how long it takes until a rule fires.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from math import inf
from multiprocessing import get_context
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

from domain.aggregator import StreamEvent
from domain.counts import ms_of
from services.evaluator.alerting.rules import rules_of
from shared.calendar import DAY, Calendar
from shared.config.model import CityFile
from shared.contract.breach_events import BreachChanged, BreachState, rule_label
from shared.contract.kpis import QueueKind
from shared.translation import translator
from tests.bench.report import Cell, Measured
from tests.bench.simulated_desk import DESKS, USUAL_MISSED, Desk, Outage, Trouble, phones_day, trouble_on
from tests.bench.stage import CHILDREN, Stage
from wachtpost.init.rules import ChosenRule, Promise, rules_for
from wachtpost.init.volume import Volume
from wachtpost.rules.simulation import Simulation

ROOT: Final = Path(__file__).resolve().parents[2]
CITY_FILE: Final = ROOT / "examples" / "lier" / "city.toml"
PAGE: Final = ROOT / "docs" / "alarms-by-chance.md"
BEGIN: Final = "<!-- simulated years: python -m tests.bench --only alarms -->"
END: Final = "<!-- end of the simulated years -->"

FIRST: Final = date(2027, 1, 4)
"""A Monday."""
YEAR: Final = 365
OPEN_HOURS: Final = 38
"""A week, of the phones."""

USUAL_DAYS: Final[Mapping[int, int]] = {18: YEAR, 60: 56, 600: 7}
"""Days of the calendar on which nothing is wrong, by calls an hour."""
TROUBLED_DAYS: Final[Mapping[int, int]] = {18: 42, 60: 14, 600: 4}
"""Days of the calendar with an outage, of each kind."""
PIECES: Final = 2
"""The usual days are cut into so many runs, for as many cores."""
QUICK: Final = 10
"""One in so many, in a quick run."""


class Whose(StrEnum):
    """Where rules come from."""

    SHIPPED = "shipped"
    INIT = "init"
    """What ``wachtpost init`` chooses for a desk of that volume."""


def all_of(whose: Whose) -> str:
    """Name the row of all of them: the sum of their false alarms, and whichever sees an outage first."""
    return f"all {whose}"


@dataclass(frozen=True)
class Job:
    """So many days of one desk, as usual or with an outage each."""

    desk: Desk
    outage: Outage | None
    first: date
    days: int


@dataclass(frozen=True)
class Fired:
    """A rule fired, from one instant until another (UTC ms)."""

    rule: str
    begins: int
    ends: float


@dataclass
class Seen:
    """What rules said, by name."""

    days: int = 0
    alarms: dict[str, int] = field(default_factory=dict)
    """How often each fired."""
    delays_s: dict[str, list[float]] = field(default_factory=dict)
    """How soon each fired in an outage, in seconds; infinite where it did not while that lasted."""

    def add(self, other: Seen) -> None:
        """Add what was seen in another run."""
        self.days += other.days
        for name, count in other.alarms.items():
            self.alarms[name] = self.alarms.get(name, 0) + count
        for name, delays in other.delays_s.items():
            self.delays_s.setdefault(name, []).extend(delays)


def alarms(_stage: Stage, quick: bool) -> Measured:
    """False alarms a year and median delays, per shipped rule about the phones, at three volumes.

    Writes them into the page, unless it is quick.
    """
    seen: dict[tuple[int, Outage | None], Seen] = {}
    jobs = sorted(_jobs(QUICK if quick else 1), key=_calls, reverse=True)
    with ProcessPoolExecutor(CHILDREN, mp_context=get_context("spawn")) as children:
        for job, found in zip(jobs, children.map(run, jobs), strict=True):
            seen.setdefault((job.desk.calls_an_hour, job.outage), Seen()).add(found)
    measured = tabled(seen)
    if not quick:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), measured), encoding="utf-8")
    return measured


def tabled(seen: Mapping[tuple[int, Outage | None], Seen]) -> Measured:
    """Return what was seen, by calls an hour and outage, as a table."""
    days = ", ".join(f"{seen[calls, None].days} ({calls} calls/h)" for calls in DESKS)
    outages = ", ".join(f"{len(seen[calls, Outage.MENU].delays_s[all_of(Whose.SHIPPED)])}" for calls in DESKS)
    return Measured(
        "alarms",
        "Rules about phones: false alarms a year, and minutes until an outage is told",
        ("calls/h", "rules", "rule", "false a year", *Outage),
        [row for calls in DESKS for whose in Whose for row in _rows(calls, whose, seen)],
        "Minutes: median, and how many of a hundred outages were told while they lasted; – where fewer than "
        "half. All: the sum, and whichever fires first. Days as usual: "
        f"{days}; outages of each kind: {outages}. 0 a year is none in so many days.",
    )


def city_of(desk: Desk) -> CityFile:
    """Return the city file that ships, with the rules beside its own that ``wachtpost init`` chooses."""
    text = CITY_FILE.read_text(encoding="utf-8").replace('"history', f'"{CITY_FILE.parent}/history')
    document = tomllib.loads(text)
    document["rules"] += [{**rule.table, "id": f"{Whose.INIT}-{rule.table['id']}"} for rule in _chosen(desk)]
    return CityFile.model_validate(document)


def _chosen(desk: Desk) -> Sequence[ChosenRule]:
    volume = Volume(desk.calls_an_hour, OPEN_HOURS, USUAL_MISSED, desk.wait_s)
    return rules_for(volume, QueueKind.PHONE, Promise(), translator("en"), staff=True)


def rule_names(city: CityFile, whose: Whose) -> list[str]:
    """Return the rules about phones, as metrics call them, in the order of the city file."""
    phones = {queue.id for site in city.sites for queue in site.of_kind(QueueKind.PHONE)}
    about = (rule for rule in rules_of(city, city.sites) if phones & {ref.queue for ref in rule.queue_refs})
    names = dict.fromkeys(rule_label(rule.key.rule, rule.key.level) for rule in about)
    return [name for name in names if name.startswith(f"{Whose.INIT}-") == (whose is Whose.INIT)]


def run(job: Job) -> Seen:
    """Return what the rules say of the days of a job."""
    city = city_of(job.desk)
    calendar, site = Calendar(city), city.sites[0]
    hours = site.of_kind(QueueKind.PHONE)[0].hours
    days = [day for n in range(job.days) if calendar.stretches(hours, day := job.first + n * DAY)]
    seen = Seen(job.days)

    def dice(day: date) -> Random:
        return Random(f"{_calls(job)}/{job.outage}/{day}")

    if job.outage is None:
        usual = (one for day in days for one in phones_day(site, job.desk, calendar, day, dice(day)))
        for one in fired_of(city, calendar, usual):
            seen.alarms[one.rule] = seen.alarms.get(one.rule, 0) + 1
        return seen
    for day in days:
        by = dice(day)
        trouble = trouble_on(job.outage, calendar, hours, day, by)
        told = phones_day(site, job.desk, calendar, day, by, trouble)
        lasting = [one for one in told if one.arrived < trouble.ends]
        fired = fired_of(city, calendar, lasting, trouble.ends)
        for whose in Whose:
            _note_delays(seen, fired, trouble, whose, rule_names(city, whose))
    return seen


def fired_of(
    city: CityFile, calendar: Calendar, told: Iterable[StreamEvent], until: int | None = None
) -> list[Fired]:
    """Return when rules fire over facts."""
    found: dict[str, Fired] = {}
    for event in Simulation(city, calendar, city.sites).breaches(told, until):
        if event.fired_at is not None and isinstance(event, BreachChanged):
            ends = ms_of(event.at) if event.state is BreachState.OK else inf
            name = rule_label(event.rule, event.level)
            found[event.breach] = Fired(name, ms_of(event.fired_at), ends)
    return list(found.values())


def _note_delays(
    seen: Seen, fired: Sequence[Fired], trouble: Trouble, whose: Whose, names: Iterable[str]
) -> None:
    """Note how soon each rule fired; not of one that was firing already."""
    delays: list[float] = []
    for name in names:
        own = [one for one in fired if one.rule == name]
        if any(one.begins < trouble.begins < one.ends for one in own):
            continue
        began = (one.begins for one in own if trouble.begins <= one.begins < trouble.ends)
        delays.append((min(began, default=inf) - trouble.begins) / 1000)
        seen.delays_s.setdefault(name, []).append(delays[-1])
    seen.delays_s.setdefault(all_of(whose), []).append(min(delays, default=inf))


def _jobs(one_in: int) -> Iterator[Job]:
    for calls, desk in DESKS.items():
        piece = USUAL_DAYS[calls] // one_in // PIECES
        for n in range(PIECES):
            yield Job(desk, None, FIRST + n * piece * DAY, piece)
        for outage in Outage:
            yield Job(desk, outage, FIRST, max(7, TROUBLED_DAYS[calls] // one_in))


def _calls(job: Job) -> int:
    return job.desk.calls_an_hour


def _rows(
    calls: int, whose: Whose, seen: Mapping[tuple[int, Outage | None], Seen]
) -> Iterator[Sequence[Cell]]:
    names, usual = rule_names(city_of(DESKS[calls]), whose), seen[calls, None]
    alarms = {name: usual.alarms.get(name, 0) for name in names}
    alarms[all_of(whose)] = sum(alarms.values())
    for name, count in alarms.items():
        delays = (_delay(seen[calls, outage].delays_s.get(name, [])) for outage in Outage)
        yield [
            f"{calls}",
            whose,
            name.removeprefix(f"{Whose.INIT}-"),
            _a_year(count, usual.days),
            *delays,
        ]


def _a_year(count: int, days: int) -> str:
    a_year = count * YEAR / days
    return f"{a_year:.0f}" if count == 0 or a_year >= 10 else f"{a_year:.1f}"


def _delay(delays_s: Sequence[float]) -> str:
    """The median in minutes, and how many of a hundred were seen at all."""
    if not delays_s:
        return "–"
    share = round(100 * sum(delay < inf for delay in delays_s) / len(delays_s))
    half = median(delays_s)
    return f"{half / 60:.1f} ({share} %)" if half < inf else f"– ({share} %)"


def with_table(page: str, measured: Measured) -> str:
    """Return the page with the table in place of what stands between the markers."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    lines = [list(measured.columns), ["---"] + ["---:"] * (len(measured.columns) - 1)]
    lines += [[str(cell) for cell in row] for row in measured.rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{before}{BEGIN}\n\n{table}\n\n{measured.means}\n\n{END}{after}"
