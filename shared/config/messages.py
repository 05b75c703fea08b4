"""What the check of a city file says: one entry per kind of mistake.

What is wrong, and what is allowed. Fields such as ``{known}`` are filled in by ``shared.config.errors``. The
offending value is never part of a sentence: it is shown, or withheld, in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.translation import Msg


class Sentence(NamedTuple):
    """A mistake."""

    wrong: Msg
    allowed: Msg | None = None
    """``None``: the names that are known."""

    @property
    def text(self) -> str:
        """In English on one line, for the log of a service that was started with a broken file."""
        return f"{self.wrong.text}; allowed: {self.allowed.text if self.allowed else '{known}'}"


MISTAKES: Final[Mapping[str, Sentence]] = {
    # The file as a whole
    "byte_order_mark": Sentence(Msg("the file starts with a byte order mark"), Msg("UTF-8 without a BOM")),
    "toml": Sentence(
        Msg("this is not valid TOML"), Msg("key = value, [table], [[list of tables]] or # comment")
    ),
    "toml_value": Sentence(
        Msg("a valid value is missing here"),
        Msg('text in "quotes", a number with a point, true or false, a date, a [list] or a {{table}}'),
    ),
    "toml_equals": Sentence(Msg("= is missing after this key"), Msg("key = value")),
    "toml_newline": Sentence(Msg("something follows the value here"), Msg("one key = value per line")),
    "toml_twice": Sentence(
        Msg("this key or table stands there already"),
        Msg("every key and every [table] once; repeated parts are called [[so]]"),
    ),
    "toml_open": Sentence(Msg("something is not closed here"), Msg('a closing quote, "]" or "}}"')),
    "toml_deep": Sentence(
        Msg("lists or tables are nested too deeply"), Msg("the sections of the example that comes with it")
    ),
    "fixed": Sentence(
        Msg("this cannot change while a service runs: {number} is in force"),
        Msg("{number}; or all services ended, and started again"),
    ),
    # Keys and shapes
    "extra_forbidden": Sentence(Msg("unknown key")),
    "missing": Sentence(Msg("the key {key} is missing"), Msg("add {key}; this key is required")),
    "table": Sentence(Msg("a table belongs here"), Msg("[{key}] with key = value below it")),
    "tables": Sentence(
        Msg("repeated tables belong here"), Msg("[[{key}]] above every part, with double brackets")
    ),
    "list": Sentence(Msg("a list belongs here"), Msg('values in square brackets, such as ["a", "b"]')),
    "hours_list": Sentence(
        Msg("a list of opening hours belongs here"), Msg('["09:00-12:30", "13:30-17:00"], or [] for closed')
    ),
    "list_or_all": Sentence(
        Msg("a list of queues belongs here"), Msg('["onthaal", "burgerzaken"], or "*" for all of them')
    ),
    "too_short": Sentence(Msg("this list is empty"), Msg("at least one")),
    "string_type": Sentence(Msg("text belongs here"), Msg('text in quotes, such as "Lier"')),
    "string_too_short": Sentence(Msg("this text is empty"), Msg("at least one character")),
    "string_too_long": Sentence(Msg("this text is too long"), Msg("{max_length} characters at most")),
    "int_type": Sentence(
        Msg("a whole number belongs here"), Msg("a whole number without quotes, such as 10")
    ),
    "float_type": Sentence(
        Msg("a number belongs here"), Msg("a number with a point and without quotes, such as 0.20")
    ),
    "bool_type": Sentence(Msg("yes or no belongs here"), Msg("true or false, without quotes")),
    "finite_number": Sentence(Msg("this number is not finite"), Msg("an ordinary number")),
    "greater_than_equal": Sentence(Msg("this number is too small"), Msg("{ge} or more")),
    "greater_than": Sentence(Msg("this number is too small"), Msg("more than {gt}")),
    "less_than_equal": Sentence(Msg("this number is too large"), Msg("{le} or less")),
    "choice": Sentence(Msg("unknown value")),
    "path_type": Sentence(
        Msg("a path belongs here"), Msg('a path in quotes, such as "/var/log/asterisk/queue_log"')
    ),
    "other": Sentence(Msg("this value cannot be used"), Msg("a value as in the example that comes with it")),
    # Names
    "name": Sentence(
        Msg("not a usable name"),
        Msg(
            "small letters, digits, '_', '.' and '-', starting with a letter or digit, 64 characters at most"
        ),
    ),
    "city_unsaid": Sentence(
        Msg("this file does not say which city it is about"),
        Msg("city = {name}, if it is about that city; else leave this file out"),
    ),
    "city_other": Sentence(
        Msg("this file is about another city: the city file is that of {name}"),
        Msg("city = {name}, if it is about that city; else leave this file out"),
    ),
    "name_unknown": Sentence(Msg("there is no {name}")),
    "name_twice": Sentence(Msg("{name} exists already: {other}"), Msg("every id once")),
    "warning_named_twice": Sentence(
        Msg("the warning of this rule is called {name}, and so is {other}"),
        Msg("another id for one of the two"),
    ),
    "source_named_as_queue": Sentence(
        Msg("where a queue stands, a no-data rule calls this source {name}: so is {other} called"),
        Msg("another id for the source"),
    ),
    "queue_all": Sentence(Msg('"all" is the name of the site\'s total'), Msg("another name")),
    "kpi_other_kind": Sentence(Msg("this queue does not have that KPI: phones and counters differ")),
    "calls_at_counter": Sentence(Msg("this queue is a counter: no calls come in there")),
    "target_twice": Sentence(
        Msg("this target stands there already"), Msg("one limit per KPI, site, queue and period")
    ),
    # The city's words
    "language": Sentence(Msg("unknown value")),
    "time_zone": Sentence(Msg("not a known time zone"), Msg('an IANA time zone such as "Europe/Brussels"')),
    "country": Sentence(
        Msg("not a known country"), Msg('a country code such as "BE", or "" for no public holidays')
    ),
    "duration": Sentence(Msg("not a duration"), Msg('"20s", "15m", "2h" or "1h30m"')),
    "duration_negative": Sentence(Msg("a duration cannot be negative"), Msg('"0s" or more')),
    "duration_range": Sentence(
        Msg("this duration is out of bounds"), Msg("from {least} up to and including {most}")
    ),
    "open_timeout": Sentence(Msg("open_timeout is longer than dedup"), Msg("at most as long as dedup")),
    "histogram_edge": Sentence(
        Msg("counts up to here cannot be exact"),
        Msg("whole seconds up to 10m, steps of 10s up to 1h, whole minutes up to 4h"),
    ),
    "bounds_order": Sentence(
        Msg("these bounds do not rise"), Msg("at least one bound, rising, the first above 0s")
    ),
    "window": Sentence(
        Msg("this window cannot be computed exactly"),
        Msg('a multiple of 10s up to 2h, or of 5m above that, and shorter than 26h; or "last 20" contacts'),
    ),
    "windows_unique": Sentence(
        Msg("no window, or the same window twice"), Msg("at least one window, each once")
    ),
    "span": Sentence(Msg("not opening hours"), Msg('"09:00-12:30", until midnight "18:00-24:00"')),
    "span_order": Sentence(
        Msg("these hours end before they start"), Msg("a start before the end; across midnight: two days")
    ),
    "span_overlap": Sentence(Msg("opening hours of one day overlap"), Msg("hours that follow one another")),
    "closing_day": Sentence(
        Msg("a closing day has one date"), Msg('either on = 2026-05-15 or every_year = "07-11"')
    ),
    "day": Sentence(Msg("not a date"), Msg("2026-05-15, without a time")),
    "every_year": Sentence(Msg("not a day of the year"), Msg('month and day, such as "07-11"')),
    "closes_at": Sentence(Msg("not a closing time"), Msg('"12:00": hours and whole minutes, after midnight')),
    "outcomes_empty": Sentence(Msg("this definition counts nothing"), Msg("at least one outcome: {known}")),
    "ratio": Sentence(Msg("a ratio is 1 at most"), Msg("0 to 1: 20 % is 0.20")),
    "verb": Sentence(Msg("not a verb of a queue_log"), Msg("the word in the fifth field of its lines")),
    "verb_known": Sentence(
        Msg("this verb has a meaning already, which cannot be changed"),
        Msg("a verb that wachtpost analyse calls unknown"),
    ),
    "key_sha256": Sentence(
        Msg("not the SHA-256 of a key (the key itself does not belong here)"),
        Msg("64 characters 0-9 and a-f, as wachtpost keys create gives them"),
    ),
    # History and reports
    "period": Sentence(Msg("not a period"), Msg('"2026", "2026-10", "2026-H1" or "2026-Q3"')),
    "report_time": Sentence(Msg("not a time of day"), Msg('"08:00": hours and minutes')),
    "report_no_mail": Sentence(
        Msg("{name} has no e-mail address to send the report to"), Msg('a channel with kind = "email"')
    ),
    "amount": Sentence(
        Msg("not an amount or a percentage with two decimals"),
        Msg('in quotes, with a point before the decimals and no sign for thousands: "22884.73"'),
    ),
    "percent_differs": Sentence(
        Msg("this percentage does not follow from the amounts"), Msg('"{computed}", or other amounts')
    ),
    "end_before_start": Sentence(Msg("this day lies before the start"), Msg("the day of the start or later")),
    # Breaches
    "rule_window": Sentence(
        Msg("not the window of a rule"),
        Msg(
            '"today", "month" or "year", "last 20" contacts, or a duration: a multiple of 10s up to 2h, or '
            "of 5m above that, shorter than 26h"
        ),
    ),
    "last_contacts": Sentence(
        Msg("not a window of the last contacts"), Msg('"last 20": from "last 2" to "last 1000"')
    ),
    "kinds_differ": Sentence(
        Msg("no queue has all of these KPIs: phones and counters differ"),
        Msg("conditions that one queue can have"),
    ),
    "conditions": Sentence(
        Msg("a rule on several conditions has two to five of them, each once"),
        Msg('such as all = [{{ kpi = "waiting", limit = 1 }}, {{ kpi = "nobody_available" }}]'),
    ),
    "condition": Sentence(
        Msg("this cannot be one condition of several"),
        Msg("a KPI over a window, waiting, longest_wait or nobody_available; a shift is a rule by itself"),
    ),
    "contacts_other": Sentence(
        Msg("its queues have no such contacts"),
        Msg('"calls" at the phone, "visits" at a counter, or no contacts'),
    ),
    "share": Sentence(Msg("not a share of the contacts"), Msg("more than 0 and less than 1: 12 % is 0.12")),
    "shift_unsaid": Sentence(Msg("only a shift has this, and a shift says so"), Msg('kind = "shift"')),
    "shift_order": Sentence(
        Msg("the bad share lies too near to the usual one: hundreds of contacts would not tell them apart"),
        Msg("bad at least {least} above usual"),
    ),
    "usual_missing": Sentence(
        Msg("the usual share of late answers is not known"), Msg("usual = … in this rule, such as 0.20")
    ),
    "within_late_only": Sentence(
        Msg("within says when an answer is late: missed calls have none"),
        Msg('kpi = "late_ratio", or no within'),
    ),
    "within_missing": Sentence(
        Msg("the city has promised no mean wait beyond which an answer is late, for: {known}"),
        Msg('within = "…" in this rule, or a [[targets]] with kpi = "call_wait_mean"'),
    ),
    "short_window": Sentence(
        Msg("short_window is not shorter than long_window"),
        Msg("a shorter window, such as 1/12 of long_window"),
    ),
    "target_missing": Sentence(
        Msg("this rule has no limit, and the city has promised nothing about that KPI for: {known}"),
        Msg("limit = … in this rule, or a [[targets]] with this kpi and queue"),
    ),
    "limit_never_above": Sentence(
        Msg("this KPI never goes above this limit ({known}): the rule would never fire"),
        Msg("less than {number}"),
    ),
    "limit_never_below": Sentence(
        Msg("this KPI never goes below this limit ({known}): the rule would never fire"),
        Msg("more than {number} and 1 at most"),
    ),
    "warn_at_high": Sentence(Msg("this warning does not come before the limit"), Msg("less than {number}")),
    "warn_at_low": Sentence(
        Msg("more of this KPI is better: this warning does not come before the limit"),
        Msg("more than {number}"),
    ),
    "clear_at_high": Sentence(
        Msg("it is not over at this value: it lies beyond the limit"), Msg("{number} or less")
    ),
    "clear_at_low": Sentence(
        Msg("more of this KPI is better: this value does not reach the limit"), Msg("{number} or more")
    ),
    "burn_unreachable": Sentence(
        Msg("it cannot go this fast: by then every call is missed, or waits for a week"),
        Msg("less than {number} (the highest / target)"),
    ),
    "hold_too_long": Sentence(
        Msg("it is never open for longer than {name} at a stretch: the rule would never fire"),
        Msg("less than {name}"),
    ),
    "budget_of_nothing": Sentence(
        Msg("a target of 0 leaves no budget to use up: the rule would never fire"),
        Msg("a target above 0, or a rule in [[rules]] with limit = 0"),
    ),
    # Who is told
    "email": Sentence(
        Msg("not an e-mail address"), Msg('"desk@lier.example": one address, without a name or spaces')
    ),
    "url": Sentence(
        Msg("not a web address"),
        Msg('an address with http:// or https://, such as "https://grafana.lier.example"'),
    ),
    "url_secret": Sentence(
        Msg("this address holds a user or a password"),
        Msg("the address without what stands before @; secrets are in a file of their own"),
    ),
    "secret_itself": Sentence(
        Msg("this looks like the secret itself; the file that holds it belongs here"),
        Msg('a path without spaces, such as "/run/secrets/smtp"'),
    ),
    "host": Sentence(
        Msg("not the name of a server"), Msg('"mail.lier.example" or an IP address; the port is in port')
    ),
    "system_name": Sentence(
        Msg("not the name of an exchange"), Msg('as in systemname of asterisk.conf: "pbx1"')
    ),
    "dashboard_uid": Sentence(
        Msg("not the uid of a dashboard"),
        Msg("1 to 40 letters, digits, '-' and '_', as after /d/ in the dashboard's address"),
    ),
    "smtp_missing": Sentence(
        Msg("e-mail without a mail server"), Msg("a section [smtp] with host and sender")
    ),
    "smtp_clear": Sentence(
        Msg("the password would cross the network unencrypted"),
        Msg('tls = "starttls" or "tls", or a mail server on this machine (127.0.0.1) without'),
    ),
}
"""Every mistake that the check can find."""

REMARKS: Final[Mapping[str, Sentence]] = {
    # What is allowed, and cannot be meant. Second: what would be better.
    "judged_nowhere": Sentence(
        Msg("no queue has this KPI: the rule never fires"), Msg("a queue of that kind, or no such rule")
    ),
    "never_open": Sentence(
        Msg("its queues are never open: the rule never fires"),
        Msg("opening hours for them in [hours], or open_only = false"),
    ),
    "wait_unreachable": Sentence(
        Msg("nobody is seen to wait for so long: by then it is closed, or he counts as unfinished"),
        Msg("less than {number}"),
    ),
    "clears_at_best": Sentence(
        Msg("it is over only at {number}, which is hardly ever measured: the rule as good as never clears"),
        Msg("a clear_at that is nearer to the limit"),
    ),
    "clears_at_closing": Sentence(
        Msg("it is never open for so long at a stretch: the rule clears at closing time only"),
        Msg("a keep_firing of minutes"),
    ),
    "contacts_never_had": Sentence(
        Msg(
            "{name} never had so many contacts in such a window: as on its busiest day, {known}, it would "
            "have about {number}; the rule as good as never fires"
        ),
        Msg(
            'a window by count ("last 20") without min_samples, a shift (kind = "shift"), or a rule about '
            "who waits now"
        ),
    ),
    "contacts_not_plausible": Sentence(
        Msg("{name} needs {number} contacts an hour for this, more than a desk has: the rule never fires"),
        Msg(
            'a window by count ("last 20") without min_samples, a shift (kind = "shift"), or a rule about '
            "who waits now"
        ),
    ),
    "last_is_today": Sentence(
        Msg(
            "{name} never had so many contacts in a day: on its busiest, {known}, it had about {number}; the "
            "window is the whole day"
        ),
        Msg('fewer of the last contacts, or window = "today"'),
    ),
    "never_surely": Sentence(
        Msg("{number} contacts of {name} are too few to be surely beyond the limit: the rule never fires"),
        Msg("more of the last contacts, a lower limit, or min_samples"),
    ),
    "more_than_the_last": Sentence(
        Msg("the last {number} contacts are never more than that: the rule as good as never fires"),
        Msg("min_samples of at most {number}, or none"),
    ),
    "staff_never_told": Sentence(
        Msg("no source tells who is there: a queue_log knows of calls alone, so the rule never fires"),
        Msg("a source of kind http that tells staff.changed, or a rule about who waits now"),
    ),
    "usual_not_known": Sentence(
        Msg("what {name} usually misses is not known yet, from {number} calls: the rule is not judged"),
        Msg("usual = … in this rule, such as 0.12, until there are 500 calls"),
    ),
    "shift_too_near": Sentence(
        Msg("{name} usually misses a share of {number}: a bad one so near to that cannot be told from it"),
        Msg("a bad share that lies 0.10 above the usual one or more"),
    ),
    "shift_too_long": Sentence(
        Msg("{name} never had the {number} calls in a day that it takes when all of them are missed"),
        Msg("a lower false_alarm_every, or a rule about who waits now"),
    ),
    "shift_by_chance": Sentence(
        Msg("by the calls that {name} had, chance alone fires this rule about {number} times a year"),
        Msg("usual = the share that is usually missed, or a higher false_alarm_every"),
    ),
    "silent_by_chance": Sentence(
        Msg("by what its queues had, this source is so long silent by chance about {number} times a month"),
        Msg("{known}: a silence that comes by chance once a year"),
    ),
    "last_minute": Sentence(
        Msg("these hours leave out the last minute of the day, from 23:59 on"), Msg('"24:00" for midnight')
    ),
    "small_gap": Sentence(
        Msg("these hours leave out a moment: {known}"), Msg("hours that touch, or a gap that is meant")
    ),
    "never_quiet_on": Sentence(Msg("it is never quiet on: {known}"), Msg("hours for these days, too")),
    "quiet_till_midnight": Sentence(
        Msg("the night is quiet until midnight only: {known}"), Msg('hours from "00:00" on the next day')
    ),
    "quiet_not_on_holidays": Sentence(
        Msg(
            "like opening hours these are off on public holidays, closing days and half days, in the nights "
            "before and after, too: next on {known}"
        ),
        Msg("on_holidays = true in these hours"),
    ),
}
"""Every remark that the check can make."""
