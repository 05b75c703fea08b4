"""What the boards say.

The words are those of the messages and of the demo's board: *boven doel*, *nog niet te zeggen*, *opgepakt*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

from domain.kpi_words import KPI_WORDS
from domain.windows import duration_label, window_label
from shared.config.model import CityFile
from shared.config.types import LastContacts, LiveWindow
from shared.translation import Msg, Translator, translator

Text = Msg | str
"""A message, or what is the same in every language, such as a unit."""


class PanelText(NamedTuple):
    """A panel's title, and what it says to who hovers over it."""

    title: Text
    about: Msg


@dataclass(frozen=True, slots=True)
class Edition:
    """One city's boards in one language: who is called says a text in it."""

    city: CityFile
    language: str

    def __call__(self, text: Text, **fields: str) -> str:
        """Return a text with its fields; ``{short}`` is the short window as in a title, ``{last_short}`` as
        in a sentence, ``{long}`` and ``{last_long}`` the long one."""
        say = translator(self.language)
        short, long = self._short, self._long
        windows = {
            "short": _brief(say, short),
            "last_short": _last(say, short),
            "last_long": _last(say, long),
            "long": _title(say, long),
        }
        return text.format(**windows) if isinstance(text, str) else say.text(text, **windows, **fields)

    @property
    def percent_sign(self) -> str:
        """What stands behind a percentage, with its space where the language wants one."""
        return translator(self.language).ratio(1, digits=0).removeprefix("100")

    @property
    def months(self) -> list[str]:
        """The twelve months, as short as on an axis."""
        say = translator(self.language)
        return [say.local(date(2000, month, 1), _MONTH) for month in range(1, 13)]

    def listed(self, texts: Iterable[Text]) -> str:
        """Return several texts as one: ``a, b and c``."""
        return translator(self.language).list([self(text) for text in texts])

    def looking_back(self, window: LiveWindow | str) -> str:
        """Return what a figure looks back over, as behind its name: ``last 20``, ``this month``."""
        if isinstance(window, str):
            return self(PERIODS[window])
        return _title(translator(self.language), window)

    @property
    def short(self) -> str:
        """The window of the figures of now, as in a metric's label."""
        return window_label(self._short)

    @property
    def long(self) -> str:
        """The longest window."""
        return window_label(self._long)

    @property
    def _short(self) -> LiveWindow:
        return self.city.window_of_now

    @property
    def _long(self) -> LiveWindow:
        return max(self._timed, default=None) or max(self._counted, key=_count)

    @property
    def _counted(self) -> list[LastContacts]:
        return [window for window in self.city.live.windows if isinstance(window, LastContacts)]

    @property
    def _timed(self) -> list[timedelta]:
        return [window for window in self.city.live.windows if isinstance(window, timedelta)]


# Translators: a month by itself, as short as on an axis, in the letters of the CLDR.
_MONTH: Final = Msg("LLL", "date pattern")


def _count(window: LastContacts) -> int:
    return window.count


def _brief(say: Translator, window: LiveWindow) -> str:
    if isinstance(window, LastContacts):
        return _title(say, window)
    number, unit = _in_units(window)
    match unit:
        case "h":
            return say.ngettext("{number} h", "{number} h", number)
        case "m":
            return say.gettext("{number} min", number=number)
        case _:
            return say.gettext("{number} s", number=number)


def _last(say: Translator, window: LiveWindow) -> str:
    # Translators: as in "the mean wait in the last 15 minutes".
    if isinstance(window, LastContacts):
        return say.ngettext("the last contact", "the last {number} contacts", window.count)
    number, unit = _in_units(window)
    match unit:
        case "h":
            return say.ngettext("the last hour", "the last {number} hours", number)
        case "m":
            return say.ngettext("the last minute", "the last {number} minutes", number)
        case _:
            return say.ngettext("the last second", "the last {number} seconds", number)


def _title(say: Translator, window: LiveWindow) -> str:
    if isinstance(window, LastContacts):
        # Translators: of the contacts there were, as a window of figures: "Mean wait, last 20".
        return say.gettext("last {number}", number=window.count)
    number, unit = _in_units(window)
    match unit:
        case "h":
            return say.ngettext("last hour", "last {number} hours", number)
        case "m":
            return say.ngettext("last minute", "last {number} minutes", number)
        case _:
            return say.ngettext("last second", "last {number} seconds", number)


def _in_units(window: timedelta) -> tuple[int, str]:
    label = duration_label(window)
    return int(label[:-1]), label[-1]


# --- Said on many boards ---------------------------------------------------------------------------------

NO_DATA: Final = Msg("no data")
"""Nobody answers: not zero, and not too few either."""
NOT_YET: Final = Msg("not yet to say")
"""On which side of the target it is: few contacts, or none."""
NO_FIGURE: Final = "–"
"""Where a number would stand."""
CLOSED: Final = Msg("closed")
ON_TARGET: Final = Msg("on target")
ABOVE_TARGET: Final = Msg("above target")
BELOW_TARGET: Final = Msg("below target")
NO_TARGET: Final = Msg("no target")
TARGET: Final = Msg("target")
# Translators: of so many contacts: "6 van 19".
COUNTS: Final = Msg("{part} of {samples}")
# Translators: behind counts, "6 of 20 in 37 min"; $1 is the number of minutes.
IN_MINUTES: Final = Msg("in $1 min")
RANGE_FROM: Final = Msg("range from")
RANGE_TO: Final = Msg("range to")
CALLS: Final = Msg("calls")
ANSWERED: Final = Msg("answered")
VISITS: Final = Msg("visits")
NOT_REPORTED: Final = Msg("not reported")
"""Where a source could tell and none does."""
BOOKINGS: Final = Msg("appointments")
WORKDAYS: Final = Msg("working days")
QUEUE: Final = Msg("Queue")
CLUSTER: Final = Msg("Counter")
PLACE: Final = Msg("Where")
SITE: Final = Msg("Site")
RULE: Final = Msg("Rule")
FIGURE: Final = Msg("Figure")
SEVERITY: Final = Msg("Severity")
STATE: Final = Msg("State")
SINCE: Final = Msg("Since")
BREACHES_OF: Final = Msg("Show its breaches")
ITS_BOARD: Final = Msg("Show its board")
DATA_SOURCE: Final = Msg("Data source")

PERIODS: Final[Mapping[str, Text]] = {
    "today": Msg("today"),
    "month": Msg("this month"),
    "year": Msg("this year"),
}
"""What a rule can look back over that begins with the calendar."""

STATES: Final[Mapping[str, Text]] = {
    "closed": CLOSED,
    "insufficient": NOT_YET,
    "ok": Msg("all well"),
    "pending": Msg("wait and see"),
    "clearing": Msg("recovering"),
    "firing": Msg("breached"),
}
"""What a rule can be in, the most serious last: the highest of several is what a supervisor wants to see."""

CONTACTS: Final[Mapping[str, Text]] = {
    "calls": CALLS,
    "answered": ANSWERED,
    "conversations": Msg("conversations"),
    "visits": VISITS,
    "appointments": BOOKINGS,
}
"""What a KPI rests on."""

KPIS: Final[Mapping[str, Text]] = {
    **{kpi: words.short for kpi, words in KPI_WORDS.items()},
    "waiting": Msg("people waiting"),
    "longest_wait": Msg("longest wait"),
    "nobody_available": Msg("nobody available"),
    "late_ratio": Msg("answered late"),
    "burn_rate": Msg("error budget burn"),
    "no_data": Msg("no data from a source"),
}
SHIFTS: Final[Mapping[str, Text]] = {
    "missed_ratio": Msg("unusually many missed calls"),
    "late_ratio": Msg("unusually many answered late"),
}
"""What a rule is about that notices a shift."""
SEVERITIES: Final[dict[str, Text]] = {
    "critical": Msg("critical"),
    "warning": Msg("warning"),
    "info": Msg("info"),
}
ALARM_SEVERITIES: Final[dict[str, Text]] = {
    # Translators: how soon somebody has to see to an alarm.
    "page": Msg("look now"),
    "ticket": Msg("next working day"),
    "none": Msg("for information"),
}
"""Of the alarms about Wachtpost itself (``deploy/alarms.md``)."""
OUTCOMES: Final[Mapping[str, Text]] = {
    "answered": Msg("answered"),
    "abandoned": Msg("hung up"),
    "timed_out": Msg("timed out"),
    "no_agents": Msg("nobody available"),
    "left_by_key": Msg("chose call-back or voicemail"),
    "closed": Msg("closed"),
    "blocked": Msg("queue full"),
    "cut_off": Msg("cut off by the exchange"),
}
VISIT_ENDS: Final[Mapping[str, Text]] = {
    "appointment": Msg("by appointment"),
    "walk_in": Msg("walk-in"),
    "early": Msg("before the booked time"),
    "left": Msg("left"),
    "no_show": Msg("called, did not come"),
}
APPOINTMENTS: Final[Mapping[str, Text]] = {
    "booked": Msg("made"),
    "moved": Msg("moved"),
    "cancelled": Msg("cancelled"),
}
STAFF_PHONE: Final[Mapping[str, Text]] = {
    "available": Msg("free"),
    "busy": Msg("on a call"),
    "paused": Msg("on a break"),
}
STAFF_COUNTER: Final[Mapping[str, Text]] = {
    "available": Msg("staff free"),
    "busy": Msg("staff serving"),
    "paused": Msg("staff on a break"),
}
RESULTS: Final[Mapping[str, Text]] = {
    "delivered": Msg("delivered"),
    "retry": Msg("to be tried again"),
    "dead": Msg("given up"),
    "obsolete": Msg("overtaken"),
}


class BoardWords:
    """Names of the boards, as in the links between them."""

    LIVE: Final = Msg("Live telephony")
    COUNTERS: Final = Msg("Counters")
    APPOINTMENTS: Final = Msg("Appointments")
    BREACHES: Final = Msg("Breaches")
    POLICY: Final = Msg("Policy indicators")
    PIPELINE: Final = Msg("Pipeline health")

    LIVE_ABOUT: Final = Msg(
        "Who is waiting now, and does the contact centre keep what the city promises. For a screen on the "
        "wall: add ?kiosk=1 to the address."
    )
    COUNTERS_ABOUT: Final = Msg(
        "Waiting at the counters, each against its own target. A screen on the wall shows the upper part, "
        "down to the visits per hour; below it stands each counter by itself."
    )
    APPOINTMENTS_ABOUT: Final = Msg(
        "How many working days a resident waits for an appointment, and where the diary fills up."
    )
    BREACHES_ABOUT: Final = Msg("What is wrong, who has taken it on, and who was told.")
    POLICY_ABOUT: Final = Msg(
        "The policy report's months and years against their targets, and what may still be missed."
    )
    PIPELINE_ABOUT: Final = Msg(
        "Can the figures be trusted: does everything come in, is everything counted, does every message "
        "go out."
    )


class NowWords:
    """What both walls begin with; "queue" is a queue of callers or a counter."""

    WAITING: Final = PanelText(
        Msg("Waiting now"),
        Msg(
            "How many wait in the chosen queues. The word and the colour: whether a rule about who waits is "
            "breached, and “too long”: whether the longest wait is above the target of the mean."
        ),
    )
    # Translators: of people, behind their number: "20 waiting".
    WAIT: Final = Msg("waiting")
    LONGEST: Final = PanelText(
        Msg("Longest wait now"),
        Msg("How long the one who waits longest has waited (minutes:seconds). Zero: nobody waits."),
    )
    LONGEST_WAIT: Final = Msg("longest", "of several waits")
    # Translators: somebody waits too long.
    TOO_LONG: Final = Msg("too long")
    STRIP: Final = PanelText(
        Msg("State of affairs"),
        Msg(
            "How many breaches of these queues go on and how many of those somebody has taken on, without "
            "those of a month or year; until when it is open or closed; and of when the figures on this "
            "board are. “Out of date”: of more than half a minute ago, so do not trust what stands here."
        ),
    )
    # Translators: behind a number of breaches: "3 breached · 1 taken on".
    BREACHES: Final = Msg("breached · {taken} taken on")
    # Translators: before a time: "open until 17:00".
    OPEN_UNTIL: Final = Msg("open until")
    # Translators: before a time: "closed until 08:30".
    CLOSED_UNTIL: Final = Msg("closed until")
    HOURS: Final = Msg("opening hours")
    OPEN: Final = Msg("open", "of a desk")
    # Translators: before the time of day of which the figures are: "as of 10:05:32".
    AS_OF: Final = Msg("as of")
    OUT_OF_DATE: Final = Msg("out of date")
    STAFF: Final = PanelText(
        Msg("Staff now"),
        Msg(
            "How many of the chosen queues' staff are free, at work or on a break, as last reported. Who "
            "serves more than one queue counts in each. “Not reported”: no source tells."
        ),
    )
    # Translators: of staff at a counter: 4 serving.
    SERVING: Final = Msg("serving")
    QUEUES: Final = PanelText(
        Msg("Who waits where"),
        Msg(
            "Per queue: how many wait, how long the longest of them has waited, and whether that is too "
            "long. The most urgent come first; where there are many, only those stand here."
        ),
    )


class LiveWords:
    TARGETS: Final = PanelText(
        Msg("Against the targets, {short}"),
        Msg(
            "The mean wait of the answered calls, the share of calls missed and the service level over "
            "{last_short}, and the share missed today, all queues together, against the city's targets. "
            "“Not yet to say”: with so few calls it may lie on either side of the target; in brackets the "
            "bounds between which it lies with 95 % confidence."
        ),
    )
    MEAN_WAIT: Final = Msg("mean wait")
    MISSED: Final = Msg("missed")
    MISSED_TODAY: Final = Msg("missed today")
    LEVEL: Final = Msg("answered in time")
    QUEUES_WAIT: Final = PanelText(
        Msg("Wait per queue, {short}"),
        Msg("Mean wait per queue, against its own target or else the city's. What is above comes first."),
    )
    QUEUES_MISSED: Final = PanelText(
        Msg("Missed per queue, {short}"),
        Msg(
            "Share of calls missed per queue, against its own target or else the city's. What is above "
            "target comes first."
        ),
    )
    SPEED: Final = PanelText(
        Msg("Seconds waited, {long}"),
        Msg(
            "Which share of the answered calls waited so many seconds, all queues together; 20-45: more than "
            "20 and at most 45 seconds. Behind it how many calls these are. No bars: no calls."
        ),
    )
    HANDLING: Final = PanelText(
        Msg("Handling time"),
        Msg("Mean length of the conversations that ended, over {last_short}, all queues together."),
    )
    STATES: Final = PanelText(
        Msg("Breaches"),
        Msg("Per queue the most serious state of all its rules. The name of the city: all queues together."),
    )
    WAIT_COURSE: Final = PanelText(
        Msg("Mean wait, course"),
        Msg(
            "Mean wait over {last_short} each time; dashed: the target. The band, where there are few calls: "
            "between which bounds it lies with 95 % confidence. A gap: no calls."
        ),
    )
    MISSED_COURSE: Final = PanelText(
        Msg("Missed calls, course"),
        Msg(
            "Share missed over {last_short} each time; dashed: the target. The band, where there are few "
            "calls: between which bounds it lies with 95 % confidence. A gap: no calls."
        ),
    )
    TODAY: Final = PanelText(
        Msg("Today, calls per hour"),
        Msg(
            "How calls ended in the hour before each moment of today: at 10:00 what happened from 09:00 "
            "to 10:00, and at the right the hour until now. A call that passes several queues counts in each."
        ),
    )


class CountersWords:
    NO_COUNTERS: Final = Msg("no counters")
    VERDICTS: Final = PanelText(
        Msg("Wait with an appointment today"),
        Msg(
            "Today's mean wait in minutes from the booked time, per counter against its own target. “Not "
            "yet to say”: with so few visits it may lie on either side of the target."
        ),
    )
    NOW: Final = PanelText(
        Msg("At the counters now"),
        Msg(
            "Per counter: how many visitors wait and for how long (hours:minutes:seconds), how many came "
            "without an appointment and how long they waited today, how many were called before the booked "
            "time or did not come (counted apart), how long serving one takes on average, and the staff as "
            "last reported."
        ),
    )
    WAITING: Final = Msg("waiting now")
    LONGEST: Final = Msg("longest wait")
    LAST_HOUR: Final = Msg("visits, last hour")
    WALK_INS: Final = Msg("of which walk-ins")
    WALK_IN_WAIT: Final = Msg("their wait today")
    EARLY: Final = Msg("called early, last hour")
    NO_SHOWS: Final = Msg("did not come, last hour")
    SERVICE_TIME: Final = Msg("service time today")
    COURSE: Final = PanelText(
        "$queue",
        Msg(
            "Mean wait by appointment over {last_long} each time; dashed: this counter's target. The band, "
            "where there are few visits: between which bounds today's lies with 95 % confidence. A gap: no "
            "visits."
        ),
    )
    WAIT_LONG: Final = "{long}"
    WAIT_TODAY: Final = Msg("today until then")
    PER_HOUR: Final = PanelText(
        Msg("Visits per hour"),
        Msg("How visits ended in the hour before each moment, all chosen counters together."),
    )
    WAITING_COURSE: Final = PanelText(
        Msg("Waiting per counter, course"),
        Msg(
            "The most visitors waiting in ten minutes at a time (or more, over a longer period), per "
            "counter. The number stands in the bar."
        ),
    )


class AppointmentsWords:
    TODAY: Final = PanelText(
        Msg("Lead time, today"),
        Msg(
            "Mean working days from booking to appointment, for the appointments made today, against the "
            "city's target. Weekends, public holidays and closing days do not count."
        ),
    )
    BOOKED: Final = PanelText(
        Msg("Appointments made today"),
        Msg("Appointments made today, per counter."),
    )
    FREE: Final = PanelText(
        Msg("First free appointment"),
        Msg(
            "Working days to the first free appointment as the diary last reported, against the target "
            "for lead time."
        ),
    )
    SPREAD: Final = PanelText(
        Msg("Working days ahead, spread"),
        Msg(
            "How many of the chosen period's appointments lie so many working days ahead. Bar 7 after bar 5: "
            "more than 5 and at most 7 working days."
        ),
    )
    LONGER: Final = Msg("longer")
    COURSE: Final = PanelText(
        Msg("Lead time, course"),
        Msg(
            "Mean lead time of the day so far and over {last_long} each time; dashed: the target. The band, "
            "where there are few: between which bounds today's lies with 95 % confidence. A gap: no "
            "appointments."
        ),
    )
    CLUSTERS: Final = PanelText(
        Msg("Lead time per counter, today"),
        Msg(
            "Mean lead time of today's appointments, per counter against the target. What is above comes "
            "first."
        ),
    )
    PER_DAY: Final = PanelText(
        Msg("Appointments in 24 hours, course"),
        Msg(
            "Appointments made, moved and cancelled in the 24 hours before each moment, all chosen counters "
            "together."
        ),
    )
    FREE_COURSE: Final = PanelText(
        Msg("First free appointment, course"),
        Msg(
            "Per counter, in working days, as the diary reported; the number stands in the bar, and the "
            "bluer, the longer. When it grows, that counter's diary is filling up."
        ),
    )


class BreachesWords:
    OPEN: Final = PanelText(
        Msg("Open now"),
        Msg(
            "What is wrong and what may become so, the worst first: the figure and the limit that it is held "
            "to, since when, and who has taken it on. The name of a place leads to its board."
        ),
    )
    NONE: Final = Msg("no open breaches")
    TAKEN_BY: Final = Msg("Taken on by")
    TAKEN_AT: Final = Msg("Taken on at")
    NOBODY: Final = Msg("nobody yet")
    LIMIT: Final = Msg("Limit")
    UNHEARD: Final = Msg("not known: no figures come in")
    COUNT: Final = PanelText(
        Msg("Open and under way"),
        Msg(
            "Breaches going on now, taken on or not, and messages not delivered yet. "
            "When the latter stay above zero, a channel is broken."
        ),
    )
    TAKEN: Final = Msg("taken on")
    NOT_TAKEN: Final = Msg("not taken on yet")
    OUTBOX: Final = Msg("messages on their way")
    HISTORY: Final = PanelText(
        Msg("Course per rule"),
        Msg("The state of every rule at every queue. Turn the pages at the bottom."),
    )
    FLAPPING: Final = PanelText(
        Msg("Comes and goes"),
        Msg(
            "The six rules of which a breach began or ended most often in the chosen period. Where that is "
            "often, consider a wider margin or a longer hold."
        ),
    )
    NEVER: Final = Msg("nothing came or went")
    DELIVERIES: Final = PanelText(
        Msg("Messages per minute, by result"),
        Msg("Attempts to hand over a message, by result."),
    )
    SPEED: Final = PanelText(
        Msg("Time of one attempt"),
        Msg(
            "How long it takes to hand over a message: half of the attempts stay below one line, 95 in 100 "
            "below the other. A gap: nothing was sent."
        ),
    )
    HALF: Final = Msg("half shorter")
    P95: Final = Msg("95 in 100 shorter")


class PolicyWords:
    MISSED: Final = PanelText(
        Msg("Missed calls, this year"),
        Msg(
            "Share of calls missed this year so far, all queues together; and how the year will end against "
            "its target. “Not yet to say”: it may still end on either side."
        ),
    )
    WAIT: Final = PanelText(
        Msg("Mean phone wait, this month"),
        Msg("Mean wait of this month's answered calls so far, against the month's target."),
    )
    LEAD: Final = PanelText(
        Msg("Lead time, this month"),
        Msg("Mean working days to the appointment, of this month's bookings, against the month's target."),
    )
    COUNTERS: Final = PanelText(
        Msg("Wait at the counters, this month"),
        Msg("This month's mean wait by appointment so far, each counter against its own target."),
    )
    BUDGET: Final = PanelText(
        Msg("Error budget: what may still be missed"),
        Msg(
            "May still be missed: that many of the very next calls may all be; below zero, so many too many "
            "were. Projected: the share in the end, if as many calls come per open minute as on the last 20 "
            "open days, and as large a share is missed as so far. With 95 % confidence it lies between the "
            "two bounds, if the days to come are like those there were."
        ),
    )
    NO_RULES: Final = Msg("no rules")
    NO_BUDGET: Final = Msg("no target for missed calls, or the days are still being read")
    PERIOD: Final = Msg("Period")
    THIS_MONTH: Final = Msg("this month")
    THIS_YEAR: Final = Msg("this year")
    LEFT: Final = Msg("May still be missed")
    OUTLOOK: Final = Msg("Outlook")
    LIKELY: Final = Msg("will meet the target")
    OPEN: Final = Msg("may still go either way")
    UNLIKELY: Final = Msg("will miss the target")
    PROJECTED: Final = Msg("Projected")
    RANGE: Final = Msg("With 95% confidence")
    YEARS: Final = PanelText(
        Msg("Missed calls per year"),
        Msg(
            "“As reported” (rep.) is what the city published before Wachtpost counted; Wachtpost counted the "
            "others itself. A * marks a break in the series: before and after cannot simply be compared. The "
            "target is that of now."
        ),
    )
    REPORTED: Final = Msg("as reported")
    REPORTED_MARK: Final = Msg("rep.")
    SO_FAR: Final = Msg(" so far")
    NOTHING_YET: Final = Msg("no months or years yet")
    BREAKS: Final = PanelText(
        Msg("Breaks in the series"),
        Msg("From when on it was measured or worked out differently, and why."),
    )
    NO_BREAKS: Final = Msg("no known breaks")
    FROM: Final = Msg("From")
    WHAT: Final = Msg("What")
    EXPLAINED: Final = Msg("Explanation")
    EVERY_SERIES: Final = Msg("every series")
    REASONS: Final[Mapping[str, Text]] = {
        "definition": Msg("definition"),
        "software": Msg("software"),
        "organisation": Msg("organisation"),
    }
    COUNTED: Final = Msg("counted")
    TARGET_OF_MONTH: Final = Msg("target per month")
    TARGET_OF_YEAR: Final = Msg("target per year")
    MISSED_MONTHS: Final = PanelText(
        Msg("Missed calls per month"),
        Msg(
            "Share of calls missed, all queues together. The dashed line and the last bar are the target; "
            "one that holds for the year is no promise of a single month."
        ),
    )
    WAIT_MONTHS: Final = PanelText(
        Msg("Mean phone wait per month"),
        Msg("Mean wait of answered calls, each month against the target of now."),
    )
    HANDLE_MONTHS: Final = PanelText(
        Msg("Handling time per month"),
        Msg("Mean length of the conversations whose length is known, each month."),
    )
    LEAD_MONTHS: Final = PanelText(
        Msg("Lead time per month"),
        Msg("Mean working days from booking to appointment, each month against the target of now."),
    )
    SPEED: Final = PanelText(
        Msg("How fast answered, per month"),
        Msg(
            "Share of answered calls by wait, all queues together; the more of the fastest, at the bottom, "
            "the better."
        ),
    )
    COUNTER_MONTHS: Final = PanelText(
        Msg("Visitors' wait per counter and month"),
        Msg("Mean wait by appointment, each counter against its target of now. A dash: no visits."),
    )
    MONTH: Final = Msg("Month")
    JUDGED: Final = Msg("Judged")
    PER_MONTH: Final = Msg("per month")
    PER_YEAR: Final = Msg("per year")
    TARGETS: Final = PanelText(
        Msg("What the city promises"),
        Msg("The targets of the city file, and over which period the report judges them."),
    )
    NO_TARGETS: Final = Msg("no targets")
    PROMISED: Final = Msg("Promised")
    # Translators: a target: "at most 20%", "at most 5 working days".
    AT_MOST: Final = Msg("at most {limit}")
    AT_LEAST: Final = Msg("at least {limit}")
    RULES: Final = PanelText(
        Msg("State of all rules"),
        Msg(
            "Every rule at every queue; sort and filter by the headings. “Since” is there when a rule is "
            "not well."
        ),
    )


class PipelineWords:
    UP: Final = PanelText(
        Msg("Is everything running?"),
        Msg("What Prometheus can reach, per part."),
    )
    RUNS: Final = Msg("running")
    DOWN: Final = Msg("no answer")
    OWNER: Final = PanelText(
        Msg("Who does the work?"),
        Msg("Per partition: which process works and which stands by. Exactly one should work at any time."),
    )
    WORKS: Final = Msg("works")
    STANDS_BY: Final = Msg("stands by")
    EVALUATOR: Final = Msg("judging")
    NOTIFIER: Final = Msg("notifying")
    ALARMS: Final = PanelText(
        Msg("Alarms about the measuring itself"),
        Msg("What Prometheus reports now; deploy/alarms.md says what to do about each."),
    )
    NO_ALARMS: Final = Msg("no alarms")
    ALARM: Final = "Alarm"
    ABOUT_WHAT: Final = Msg("Part")
    CONFIG: Final = PanelText(
        Msg("What each service goes by"),
        Msg(
            "Which release runs, and the fingerprint of the city file in force with the files it names. One "
            "number that differs from the others: that service goes by another file."
        ),
    )
    CONFIG_HASH: Final = Msg("City file")
    IN_FORCE_SINCE: Final = Msg("In force since")
    LAST_RELOAD: Final = Msg("Last change")
    TAKEN_OVER: Final = Msg("taken over")
    REFUSED: Final = Msg("refused")
    RELEASE: Final = Msg("Release")
    INSTANCE: Final = Msg("Process")
    LAG: Final = PanelText(
        Msg("Lag"),
        Msg("Age of the oldest fact not counted yet. Zero: everything is counted."),
    )
    RATES: Final = PanelText(
        Msg("Facts per second, by source"),
        Msg("What comes in, and what is counted."),
    )
    COUNTED: Final = Msg("counted")
    AGES: Final = PanelText(
        Msg("Last heard from, by source"),
        Msg("How long ago something last happened at each source; heartbeats do not count."),
    )
    NEVER: Final = Msg("never heard of")
    COMMIT: Final = PanelText(
        Msg("Time to commit"),
        Msg("How long it takes to write a batch of facts to Redis; the lighter, the more often."),
    )
    COMMIT_QUANTILES: Final = PanelText(
        Msg("Time to commit, usual and slowest"),
        Msg("What half of the times stay below, and what 99 in 100 stay below."),
    )
    P99: Final = Msg("99 in 100 shorter")
    DEAD: Final = PanelText(
        Msg("Refused in this period, by reason"),
        Msg("What could not be counted, and why. The items themselves are in Redis, without personal data."),
    )
    ODD: Final = PanelText(
        Msg("Double, late, unreadable"),
        Msg(
            "In this period: facts that came twice (counted once), late facts, unknown lines in the "
            "exchange's log, unreadable reports of breaches, and outcomes of contacts that had theirs "
            "already (two agents picked up, a ticket was called again; in no figure)."
        ),
    )
    UNFINISHED: Final = PanelText(
        Msg("Without an outcome in this period"),
        Msg(
            "Calls and visits of which nobody ever told how they ended, per queue; they are in no KPI. When "
            "there are more than a few calls, the exchange was restarted, or its log is broken; more than a "
            "few visits: tickets that nobody called or put away."
        ),
    )
    CLOSED: Final = PanelText(
        Msg("Outside opening hours in this period"),
        Msg(
            "Calls and visits outside opening hours, per queue; they are in no other figure. Where there are "
            "many, see whether the opening hours are configured right."
        ),
    )
    DUPLICATES: Final = Msg("double")
    LATE: Final = Msg("late")
    UNKNOWN_LINES: Final = Msg("unknown log lines")
    UNUSABLE_WAITS: Final = Msg("unusable waits")
    UNREADABLE: Final = Msg("unreadable")
    LEFT_CALLS: Final = Msg("calls too old to follow")
    CLOCK_AHEAD: Final = Msg("seconds that an exchange's clock is ahead")
    REPEATED: Final = Msg("outcomes told again")
    REQUESTS: Final = PanelText(
        Msg("Requests per second, by answer"),
        Msg("At ingest's door. 2xx: accepted; 4xx: refused, see the reasons; 5xx: we cannot for now."),
    )
    RESULTS: Final = PanelText(
        Msg("Messages in this period, by result"),
        Msg("Attempts of the notifier to hand over a message."),
    )
    NOTES: Final = PanelText(
        Msg("Annotations in Grafana"),
        Msg("Breaches written onto the boards in this period, or that could not be."),
    )
    WRITTEN: Final = Msg("written")
    FAILED: Final = Msg("failed")
