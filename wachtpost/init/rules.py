"""Which rules suit a desk, by what it has to do: each with its reason. Pure.

A share of a quarter of an hour says something where a quarter has thirty calls. Where it has four, contacts
are weighed one by one, the last twenty are looked at, however long they took, and who waits now. Limits lie
where chance alone passes them about once a month or less often at a desk that is as usual; they are a
beginning, and ``wachtpost rules backtest`` tells what becomes of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil, exp, floor, inf, lgamma, log
from typing import Final

import durationpy

from domain import how_sure, shift
from shared.contract.kpis import QueueKind
from shared.translation import Translator
from wachtpost.init.volume import LIER, WEEKS, Volume

Value = str | int | float | Sequence["Value"] | Mapping[str, "Value"]
RuleTable = Mapping[str, Value]
"""A rule as it stands in the city file."""

ENOUGH: Final = 30
"""Contacts of a window that say something of a share: one missed call more is then three percent."""

LIKELY: Final = 0.95
"""A window that holds fewer than ``ENOUGH`` more often than in one case of twenty is too short."""

WINDOWS: Final = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60))
"""A share over longer than an hour tells of what is over."""

LAST: Final = 20
"""Contacts of a window by count: as many as an hour of Lier's information number has."""

USUAL: Final = 0.12
"""The share that a desk is taken to miss of which nothing is known: Lier's of 2017."""

BAD: Final = 0.40
"""The share of missed calls that is told, at least."""

ODDS: Final = (BAD / (1 - BAD)) / (USUAL / (1 - USUAL))
"""And so much likelier a call is then missed than usual (odds), at a desk that misses more."""

FEWEST_A_YEAR: Final = 1_000
"""Calls as usual for one false alarm of a shift, where a year has fewer."""

TWICE: Final = 2
"""A day has so many times the calls that a rule takes to fire, or there is none: each day begins anew."""

BUSY: Final = 60
"""Calls an hour."""

LULLS: Final = (10, 5)
"""Minutes that a shift has to be over, at a desk that is not so busy and at one that is."""

MOST_MISSED: Final = 0.8
"""Where more is missed as a rule nothing is unusual any more."""

SMALLEST: Final = LIER[QueueKind.PHONE].per_hour
"""Calls an hour, from which on they are missed in bursts, so that chance has to be the rarer."""

A_YEAR: Final = 12
"""How often a year a limit of a wait may be passed by chance."""

BUSY_HOUR: Final = 2
"""The busiest hour has at most so many times what an hour has on average."""

STEP_S: Final = 30
"""Seconds to which the limit of a wait is rounded up."""

FLOORS: Final = ((1.0, 240, 1), (6.0, 360, 3), (30.0, 480, 4), (200.0, 300, 5), (inf, 180, 20))
"""Up to so many calls an hour: the least limit of the longest wait (seconds), and of how many wait.

Most callers do not wait at all and a few wait for minutes, the longer the smaller the desk: with lower limits
simulated desks are told of nothing, dozens of times a year (``docs/alarms-by-chance.md``). The quieter ones
have fewer callers who could."""

SMALL: Final = 30
"""Calls an hour, up to which the waits of calls that follow each other are not one and the same."""

LONGEST: Final = {QueueKind.PHONE: 1200, QueueKind.COUNTER: 3600}
"""Seconds that nobody should wait for, whatever is usual."""

HOLD_S: Final = 60
"""Seconds of a longest wait that are its hold: while a log is read late, who entered is known before who was
helped, and seems to wait."""

SHORTEST: Final = 600
"""Seconds that visitors wait at a counter without anybody having to act."""

BURSTS: Final = 2
"""Calls are missed in bursts: a share of so many times fewer calls, each by itself, is as unsteady."""

MOST: Final = 100_000_000
"""The most contacts that a shift rule takes for ``false_alarm_every``."""


@dataclass(frozen=True)
class Promise:
    """What the city promises, as far as rules go by it."""

    missed: float = 0.20
    wait_s: float = 45
    """The mean wait of answered calls, or of visitors."""


@dataclass(frozen=True)
class ChosenRule:
    """A rule that suits a desk."""

    table: RuleTable
    why: str
    """In the language of the city."""


def rules_for(
    volume: Volume,
    kind: QueueKind,
    promise: Promise,
    say: Translator,
    *,
    staff: bool = False,
    appointments: bool = True,
) -> tuple[ChosenRule, ...]:
    """Return the rules that suit the queues of one kind at a site.

    ``staff``: whether anybody reports how many agents are there, without which nobody can be missing;
    ``appointments``: whether visitors have them, of whom alone a counter's mean wait is.
    """
    chooser = _Chooser(volume, kind, promise, say)
    if kind is QueueKind.PHONE:
        return tuple(chooser.of_phones(staff=staff))
    return tuple(chooser.of_counters(appointments=appointments))


def share_window(per_hour: float) -> timedelta | None:
    """Return the shortest window of time that holds enough contacts for a share; ``None``: none does."""
    return next((one for one in WINDOWS if _at_least(ENOUGH, _within(one, per_hour)) >= LIKELY), None)


def live_windows(per_hour: float) -> tuple[str, str]:
    """Return the windows of the boards: the last contacts where a quarter of an hour has too few."""
    enough = _at_least(LAST, _within(WINDOWS[0], per_hour)) >= LIKELY
    return ("15m" if enough else f"last {LAST}"), "1h"


@dataclass(frozen=True)
class _Chooser:
    volume: Volume
    kind: QueueKind
    promise: Promise
    say: Translator

    def of_phones(self, *, staff: bool) -> Iterator[ChosenRule]:
        if staff:
            yield from self._nobody_there()
        window, small = share_window(self.volume.per_hour), self.volume.per_hour <= SMALL
        if window is None or window > WINDOWS[0]:
            yield from self._shift()
        if window is not None:
            yield self._missed_in(window)
        if small:
            yield from self._missed_of_last()
        yield self._waiting()
        yield self._longest("calls")
        if not small:
            yield self._wait_in(window or WINDOWS[-1])
        elif self._enough_a_day(how_sure.LEAST_CONTACTS):
            yield self._wait_of_last()
        yield from self._of_periods()

    def of_counters(self, *, appointments: bool) -> Iterator[ChosenRule]:
        yield self._longest("visits")
        if appointments:
            yield self._counter_wait()

    def _counter_wait(self) -> ChosenRule:
        why = self.say.gettext(
            "The last {number} visitors with an appointment at a counter, against its target: few as they "
            "are, it is told only where their range lies above it.",
            number=LAST // 2,
        )
        rule: RuleTable = {
            "id": "counter-wait",
            "kpi": "visit_wait_mean",
            "queue": "*",
            "window": f"last {LAST // 2}",
            "hold": "5m",
            "keep_firing": "5m",
            "severity": "warning",
        }
        return ChosenRule(rule, why)

    @property
    def _usual(self) -> float:
        return USUAL if self.volume.missed is None else min(max(self.volume.missed, 0.01), 0.95)

    def _enough_a_day(self, calls: int) -> bool:
        """Whether a rule that needs so many calls to fire has a day to find them in."""
        return self.volume.a_day >= TWICE * calls

    def _shift(self) -> Iterator[ChosenRule]:
        """A shift of the share of missed calls, where one can be told within a day."""
        usual = self._usual
        if usual > MOST_MISSED:
            return
        odds = ODDS * usual / (1 - usual)
        bad = min(max(BAD, ceil(round(odds / (1 + odds) * 20, 6)) / 20), 0.95)
        a_year = self.volume.a_year * max(1, self.volume.per_hour / SMALLEST)
        every = min(ceil(max(a_year, FEWEST_A_YEAR) / 1000) * 1000, MOST)
        outage = ceil(shift.run_length(shift.shift_design(usual, bad, every), 1.0))
        if not self._enough_a_day(outage):
            return
        lull = LULLS[self.volume.per_hour >= BUSY]
        say = self.say
        why = [
            say.gettext(
                "{number} calls an hour are too few for the share of a quarter of an hour, so missed calls "
                "are weighed one by one: from the usual {usual} to {bad}. When nobody is answered any more "
                "it is noticed after {calls} calls; by chance alone it is told once in {every} calls. It is "
                "over after {minutes} minutes as usual: one bad hour is one message.",
                number=say.number(self.volume.per_hour, 0 if self.volume.per_hour >= 10 else 1),
                usual=say.ratio_limit(usual),
                bad=say.ratio_limit(bad),
                calls=outage,
                every=say.number(every),
                minutes=lull,
            )
        ]
        if self.volume.missed is None:
            why.append(
                say.gettext(
                    "What is usual here is not known yet: {usual} is taken for it.",
                    usual=say.ratio_limit(USUAL),
                )
            )
        rule: RuleTable = {
            "id": "missed-shift",
            "kind": "shift",
            "kpi": "missed_ratio",
            "usual": usual,
            "bad": bad,
            "false_alarm_every": every,
            "keep_firing": f"{lull}m",
            "severity": "critical",
        }
        yield ChosenRule(rule, " ".join(why))

    def _missed_in(self, window: timedelta) -> ChosenRule:
        contacts = floor(_within(window, self.volume.per_hour))
        steady = max(contacts // BURSTS, 1)
        looks = self.volume.hours_a_week * WEEKS * (timedelta(hours=1) / window)
        steps = range(ceil(round(1.5 * self.promise.missed * 20, 6)), 20)
        limit = next(
            (step / 20 for step in steps if looks * _more_of(steady, step / 20, self._usual) <= 1), 0.95
        )
        clear_at = min(max(self.promise.missed, round((limit + self._usual) / 2, 2)), limit)
        why = self.say.gettext(
            "About {number} calls in {minutes} minutes are enough for a share. A desk that misses {usual} "
            "shows more than {limit} by chance less than once a year.",
            number=self.say.number(contacts),
            minutes=window // timedelta(minutes=1),
            usual=self.say.ratio_limit(self._usual),
            limit=self.say.ratio_limit(limit),
        )
        rule: RuleTable = {
            "id": "missed-now",
            "kpi": "missed_ratio",
            "window": durationpy.to_str(window),
            "limit": limit,
            "clear_at": clear_at,
            "hold": "2m",
            "keep_firing": "5m",
            "min_samples": ENOUGH,
            "severity": "critical",
        }
        return ChosenRule(rule, why)

    @property
    def _wait_s(self) -> float:
        return max(self.volume.wait_s or self.promise.wait_s, 1.0)

    def _waiting(self) -> ChosenRule:
        waiting = BUSY_HOUR * self.volume.per_hour * self._wait_s / 3600
        looks = self.volume.hours_a_week * WEEKS * 3600 / self._wait_s
        limit = max(_floors(self.volume.per_hour)[1], _seldom_more(waiting, A_YEAR / looks))
        why = self.say.gettext(
            "Who waits now needs no sample. In a busy hour {number} wait on average; more than {limit} is no "
            "chance.",
            number=self.say.number(waiting, 1),
            limit=limit,
        )
        rule: RuleTable = {
            "id": "waiting",
            "kpi": "waiting",
            "contacts": "calls",
            "limit": limit,
            "clear_at": limit // 2,
            "hold": "2m",
            "keep_firing": "2m",
            "severity": "warning",
        }
        return ChosenRule(rule, why)

    def _longest(self, contacts: str) -> ChosenRule:
        most = LONGEST[self.kind]
        least = _floors(self.volume.per_hour)[0] if self.kind is QueueKind.PHONE else SHORTEST
        by_chance = self._wait_s * log(max(self.volume.a_year / A_YEAR, 2))
        told_after = min(max(_up(by_chance, STEP_S), least), most)
        if told_after < by_chance:
            why = self.say.gettext(
                "One who waits too long now, at any queue: told after {limit} (the limit and its hold "
                "together), however often that happens here.",
                limit=self.say.clock(told_after),
            )
        else:
            why = self.say.gettext(
                "One who waits too long now, at any queue: told after {limit} (the limit and its hold "
                "together). With a mean wait of {mean} that is chance about {number} times a year, or less "
                "often.",
                mean=self.say.clock(self._wait_s),
                limit=self.say.clock(told_after),
                number=A_YEAR,
            )
        limit = told_after - HOLD_S
        rule: RuleTable = {
            "id": "longest-wait" if self.kind is QueueKind.PHONE else "counter-longest-wait",
            "kpi": "longest_wait",
            "queue": "*",
            "contacts": contacts,
            "limit": limit,
            "clear_at": limit // 2,
            "hold": f"{HOLD_S}s",
            "keep_firing": "1m",
            "severity": "warning",
        }
        return ChosenRule(rule, why)

    def _nobody_there(self) -> Iterator[ChosenRule]:
        say = self.say
        why = say.gettext(
            "Nobody is logged in at any phone, while it is open: that is no matter of samples. After three "
            "minutes, for who comes in late."
        )
        rule: RuleTable = {
            "id": "nobody-there",
            "kpi": "nobody_available",
            "contacts": "calls",
            "hold": "3m",
            "keep_firing": "1m",
            "severity": "critical",
        }
        yield ChosenRule(rule, why)
        why = say.gettext("At one queue by itself: somebody has waited for a minute, and nobody is there.")
        rule = {
            "id": "waiting-for-nobody",
            "queue": "*",
            "all": [{"kpi": "longest_wait", "limit": 30}, {"kpi": "nobody_available"}],
            "contacts": "calls",
            "hold": "30s",
            "keep_firing": "10m",
            "severity": "critical",
        }
        yield ChosenRule(rule, why)

    def _missed_of_last(self) -> Iterator[ChosenRule]:
        """The share of the last few calls of a queue, unless so much is missed that it says nothing."""
        looks = max(self.volume.a_year, FEWEST_A_YEAR)
        few = LAST // 2
        seldom = (part for part in range(1, few + 1) if looks * _chance_of(few, part, self._usual) <= 1)
        part = next(seldom, None)
        if part is None or not self._enough_a_day(part):
            return
        limit = floor(how_sure.wilson(part, few).low * 20) / 20
        why = self.say.gettext(
            "One queue by itself, for the total hides a queue that is stuck: {part} of its last {number} "
            "calls are missed, which are surely more than {limit}. By chance less than once a year.",
            part=part,
            number=few,
            limit=self.say.ratio_limit(limit),
        )
        rule: RuleTable = {
            "id": "missed-last",
            "kpi": "missed_ratio",
            "queue": "*",
            "window": f"last {few}",
            "limit": limit,
            "clear_at": round(min(max(self.promise.missed, self._usual), limit), 2),
            "severity": "critical",
        }
        yield ChosenRule(rule, why)

    def _wait_in(self, window: timedelta) -> ChosenRule:
        limit = self._long_mean_s
        why = self.say.gettext(
            "The mean wait over {minutes} minutes: well above the target and what is usual here. Calls that "
            "follow each other so closely wait for the same reason, so the last few say little.",
            minutes=window // timedelta(minutes=1),
        )
        rule: RuleTable = {
            "id": "wait-now",
            "kpi": "call_wait_mean",
            "window": durationpy.to_str(window),
            "limit": limit,
            "clear_at": _up(limit * 0.75, 15),
            "hold": "5m",
            "keep_firing": "5m",
            "min_samples": ENOUGH // 2,
            "severity": "warning",
        }
        return ChosenRule(rule, why)

    @property
    def _long_mean_s(self) -> int:
        """A mean wait that is told, in seconds."""
        return _up(max(2 * self.promise.wait_s, 2.5 * self._wait_s), STEP_S)

    def _wait_of_last(self) -> ChosenRule:
        limit = self._long_mean_s
        why = self.say.gettext(
            "The mean of the last {number} answered calls of a queue, however long they took: well above the "
            "target and what is usual here.",
            number=LAST,
        )
        rule: RuleTable = {
            "id": "wait-last",
            "kpi": "call_wait_mean",
            "queue": "*",
            "window": f"last {LAST}",
            "limit": limit,
            "clear_at": _up(limit * 0.75, 15),
            "hold": "2m",
            "keep_firing": "5m",
            "severity": "warning",
        }
        return ChosenRule(rule, why)

    def _of_periods(self) -> Iterator[ChosenRule]:
        say = self.say
        month = say.gettext(
            "The month so far against the target: on the board, while it can still be turned."
        )
        year = say.gettext("The year so far likewise.")
        for name, kpi, window, why in (
            ("wait-month", "call_wait_mean", "month", month),
            ("missed-year", "missed_ratio", "year", year),
        ):
            yield ChosenRule({"id": name, "kpi": kpi, "window": window, "severity": "info"}, why)


def silent_for(volume: Volume) -> timedelta:
    """Return how long a silence comes by chance once a year, and a quarter more for quiet hours.

    At least ten minutes; a multiple of five.
    """
    hours = log(max(volume.a_year, 3)) / volume.per_hour * 1.25
    return max(timedelta(minutes=5) * ceil(hours * 12), timedelta(minutes=10))


def _within(window: timedelta, per_hour: float) -> float:
    return per_hour * (window / timedelta(hours=1))


def _up(value: float, step: int) -> int:
    return ceil(round(value / step, 6)) * step


def _at_least(count: int, mean: float) -> float:
    """Return how likely so many contacts or more are, where there are ``mean`` on average (Poisson)."""
    if mean <= 0:
        return 0.0 if count > 0 else 1.0
    return max(0.0, 1 - sum(exp(n * log(mean) - mean - lgamma(n + 1)) for n in range(count)))


def _floors(per_hour: float) -> tuple[int, int]:
    """Return the least limits of the longest wait (seconds) and of how many wait, at such a volume."""
    return next((wait, people) for most, wait, people in FLOORS if per_hour <= most)


def _chance_of(contacts: int, least: int, share: float) -> float:
    """Return how likely ``least`` or more of so many contacts are, ``share`` being usual (binomial)."""
    return sum(
        exp(
            lgamma(contacts + 1)
            - lgamma(n + 1)
            - lgamma(contacts - n + 1)
            + n * log(share)
            + (contacts - n) * log(1 - share)
        )
        for n in range(least, contacts + 1)
    )


def _seldom_more(mean: float, chance: float) -> int:
    """Return the least count that is passed with this chance at most, ``mean`` being usual (Poisson)."""
    count, up_to = 0, exp(-mean)
    while 1 - up_to > chance:
        count += 1
        up_to += exp(count * log(mean) - mean - lgamma(count + 1))
    return count


def _more_of(contacts: int, limit: float, share: float) -> float:
    """Return how likely more than ``limit`` of so many contacts is, with ``share`` on average (binomial)."""
    return _chance_of(contacts, floor(round(limit * contacts, 6)) + 1, share)
