"""What people hear about a broken city file: where, what is wrong, what is allowed, in their language."""

from __future__ import annotations

import json
import re
import string
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.config.errors import Mistake, explain, language_of
from shared.config.messages import MISTAKES
from shared.config.model import CityFile
from shared.config.tables import key_lines
from shared.translation import languages, translator
from tests.support.thorough import examples

SHIPPED = Path(__file__).parents[3] / "examples" / "lier" / "city.toml"
KEY = "0" * 64

REST = {
    "city": '[city]\nname = "Lier"\n',
    "sites": '[[sites]]\nid = "lier"\nqueues = [{ id = "onthaal", kind = "phone" }, '
    '{ id = "loket", kind = "counter" }]\n',
}
HERE = "  # <-"
"""Marks the line on which a mistake must be reported; a snippet without any comment is wrong on its last."""


def on(word: str, snippet: str) -> str:
    """The snippet with the mark on the line where the word begins."""
    end = snippet.index("\n", snippet.index(word))
    return snippet[:end] + HERE + snippet[end:]


def head(snippet: str) -> str:
    """The snippet with the mark on its first line, the name of its table."""
    return on("]]", snippet)


def file_with(snippet: str, language: str = "nl") -> str:
    """A city file with a snippet in it, and good sections for what the snippet leaves out."""
    rest = "".join(
        text for name, text in REST.items() if not re.search(rf"^\W*(no )?{name}\b", snippet, re.MULTILINE)
    )
    text = f"{snippet}\n{rest}"
    return (
        text
        if language == "nl" or "language" in text
        else text.replace("[city]\n", f'[city]\nlanguage = "{language}"\n')
    )


def lier(line: str) -> str:
    return f'[city]\nname = "Lier"\n{line}'


def desk(line: str) -> str:
    return f"[hours.desk]\n{line}"


def closed(lines: str) -> str:
    return f"[[calendar.closing_days]]\n{lines}"


CLOSED = 'outcomes = ["closed"]'


def missed(lines: str) -> str:
    return f'[[missed_definitions]]\nid = "lier-1"\n{lines}'


def target(line: str) -> str:
    return f'[[targets]]\nkpi = "missed_ratio"\n{line}\n'


def http(lines: str, key: str = f'key_sha256 = ["{KEY}"]') -> str:
    return f'[[sources]]\nkind = "http"\nid = "web"\nsite = "lier"\n{key}\n{lines}\n'


def queue_log(lines: str) -> str:
    return f'[[sources]]\nid = "pbx"\nkind = "queue_log"\nsite = "lier"\n{lines}'


def queue(line: str) -> str:
    first = '[[sites.queues]]\nid = "onthaal"\nkind = "phone"\n'
    return f'[[sites]]\nid = "lier"\n{first}[[sites.queues]]\n{line}\n'


OFFICE = '[hours.office]\nmonday = ["08:00-12:00", "12:00-16:30"]\ntuesday = ["08:00-12:00"]\n'
PROMISE = '[[targets]]\nkpi = "missed_ratio"\nlimit = 0.2\n'


def rule(lines: str, kpi: str = "missed_ratio", id_: str = "missed") -> str:
    return f'[[rules]]\nid = "{id_}"\nkpi = "{kpi}"\n{lines}\n'


def both(conditions: str) -> str:
    return f'[[rules]]\nid = "both"\nall = [{{ kpi = "waiting", limit = 1 }}, {conditions}]\n'


WAITING = '{ kpi = "waiting", limit = '


def several(conditions: str) -> str:
    return f'[[rules]]\nid = "both"\nall = {conditions}'


def waiting(lines: str) -> str:
    return f'[[rules]]\nid = "line"\nkpi = "waiting"\nlimit = 2\n{lines}'


def shift(lines: str, kpi: str = "missed_ratio") -> str:
    return f'[[rules]]\nid = "shift"\nkind = "shift"\nkpi = "{kpi}"\n{lines}\n'


def budget(lines: str, short: str = 'short_window = "5m"') -> str:
    return f'[[budget_rules]]\nid = "budget"\nlong_window = "1h"\n{short}\n{lines}\n'


def no_data(lines: str) -> str:
    return f'{http("")}[[no_data_rules]]\nid = "quiet-web"\n{lines}\n'


WEB = 'source = "web"'


def named_as_queue(queue: str) -> str:
    return no_data(f'source = "{queue}"') + http("").replace('"web"', f'"{queue}"{HERE}')


def receiver(channel: str, id_: str = "desk") -> str:
    return f'[[receivers]]\nid = "{id_}"\n[[receivers.channels]]\n{channel}\n'


URL = 'url = "https://a.example/"'


def webhook(lines: str) -> str:
    return receiver(f'kind = "webhook"\n{lines}')


def email(to: str) -> str:
    return receiver(f'kind = "email"\nto = {to}')


def route(lines: str) -> str:
    return webhook('url = "https://example.org/"') + f'[[routes]]\nreceivers = ["desk"]\n{lines}\n'


def inline_route(keys: str) -> str:
    """As ``route``; no line begins with ``sites``, which ``file_with`` would take for the section."""
    return f'routes = [{{ receivers = ["desk"], {keys} }}]{HERE}\n' + webhook('url = "https://a.example/"')


def smtp(lines: str, host: str = 'host = "mail.lier.example"') -> str:
    return f'[smtp]\n{host}\nsender = "a@lier.example"\n{lines}\n'


TOKEN = 'token_file = "/t"'


def grafana(lines: str, url: str = 'url = "https://grafana.lier.example"') -> str:
    return f"[grafana]\n{url}\n{lines}\n"


def level(more: str) -> str:
    return f'[[service_level_definitions]]\nid = "a"\nwithin = "20s"\n{more}\n'


BROKEN: list[tuple[str, str, str]] = [
    # kind of mistake, key, file
    ("missing", "city", "# no city"),
    ("extra_forbidden", "city_name", "city_name = 3"),
    ("missing", "city.name", f'[city]{HERE}\nlanguage = "nl"'),
    ("string_too_short", "city.name", '[city]\nname = ""'),
    ("string_type", "city.name", "[city]\nname = 3"),
    ("extra_forbidden", "city.nam", lier('nam = "Lier"')),
    ("language", "city.language", lier('language = "xx"')),
    ("string_type", "city.language", lier("language = 3")),
    ("time_zone", "city.time_zone", lier('time_zone = "Europe/Brussel"')),
    ("time_zone", "city.time_zone", lier('time_zone = "../../etc/passwd"')),
    ("time_zone", "city.time_zone", lier('time_zone = ""')),
    ("table", "city", 'city = "Lier"'),
    ("table", "hours", "hours = 5"),
    ("table", "hours.desk", '[hours]\ndesk = "09:00-12:00"'),
    ("name", 'hours."The Desk"', '[hours."The Desk"]'),
    ("hours_list", "hours.desk.monday", desk('monday = "09:00-12:00"')),
    ("span", "hours.desk.monday[1]", desk('monday = ["09:00-12:00", "13:00"]')),
    ("span", "hours.desk.monday[0]", desk('monday = ["9:00-12:00"]')),
    ("span", "hours.desk.monday[0]", desk('monday = ["09:00:30-12:00"]')),
    ("span", "hours.desk.monday[0]", desk('monday = ["24:00-25:00"]')),
    ("span", "hours.desk.monday[0]", desk("monday = [9]")),
    ("span", "hours.desk.monday[0]", desk("monday = [{ start_minute = -3 }]")),
    ("span_order", "hours.desk.monday[0]", desk('monday = ["22:00-06:00"]')),
    ("span_order", "hours.desk.monday[0]", desk('monday = ["09:00-09:00"]')),
    ("span_overlap", "hours.desk.friday", desk('friday = ["09:00-12:00", "11:59-13:00"]')),
    ("bool_type", "hours.desk.on_holidays", desk('on_holidays = "yes"')),
    ("bool_type", "hours.desk.on_holidays", desk("on_holidays = 1")),
    ("extra_forbidden", "hours.desk.moday", desk("moday = []")),
    ("country", "calendar.public_holidays", '[calendar]\npublic_holidays = "Belgium"'),
    ("tables", "calendar.closing_days", f"[calendar.closing_days]{HERE}\non = 2026-05-15"),
    ("closing_day", "calendar.closing_days[0]", head(closed('why = "?"'))),
    (
        "closing_day",
        "calendar.closing_days[1]",
        closed("on = 2026-05-15\n") + head(closed('on = 2026-05-15\nevery_year = "05-15"')),
    ),
    ("day", "calendar.closing_days[0].on", closed("on = 2026")),
    ("day", "calendar.closing_days[0].on", closed('on = "15/05"')),
    ("day", "calendar.closing_days[0].on", closed("on = 2026-05-15T10:00:00")),
    ("every_year", "calendar.closing_days[0].every_year", closed('every_year = "04-31"')),
    ("every_year", "calendar.closing_days[0].every_year", closed('every_year = "7-11"')),
    ("every_year", "calendar.closing_days[0].every_year", closed('every_year = "W05-1"')),
    ("closes_at", "calendar.closing_days[0].closes_at", closed('on = 2026-12-24\ncloses_at = "noon"')),
    ("closes_at", "calendar.closing_days[0].closes_at", closed("on = 2026-12-24\ncloses_at = 12")),
    ("closes_at", "calendar.closing_days[0].closes_at", closed("on = 2026-12-24\ncloses_at = 12:00:30")),
    ("closes_at", "calendar.closing_days[0].closes_at", closed('on = 2026-12-24\ncloses_at = "00:00"')),
    ("outcomes_empty", "missed_definitions.lier-1.outcomes", missed("outcomes = []")),
    ("choice", "missed_definitions.lier-1.outcomes[1]", missed('outcomes = ["closed", "abandonned"]')),
    ("list", "missed_definitions.lier-1.outcomes", missed('outcomes = "closed"')),
    ("greater_than_equal", "missed_definitions.lier-1.version", missed(f"{CLOSED}\nversion = 0")),
    ("int_type", "missed_definitions.lier-1.version", missed(f'{CLOSED}\nversion = "1"')),
    (
        "histogram_edge",
        "missed_definitions.lier-1.short_abandon",
        missed(f'{CLOSED}\nshort_abandon = "1500ms"'),
    ),
    ("name_twice", "missed_definitions.lier-1.id", missed(f"{CLOSED}\n") + on('"lier-1"', missed(CLOSED))),
    ("list", "speed_categories.bounds", '[speed_categories]\nbounds = "20s"'),
    ("bounds_order", "speed_categories.bounds", '[speed_categories]\nbounds = ["45s", "20s"]'),
    ("bounds_order", "speed_categories.bounds", '[speed_categories]\nbounds = ["0s", "20s"]'),
    ("bounds_order", "speed_categories.bounds", "[speed_categories]\nbounds = []"),
    ("histogram_edge", "speed_categories.bounds[0]", '[speed_categories]\nbounds = ["11m5s"]'),
    ("duration", "speed_categories.bounds[1]", '[speed_categories]\nbounds = ["20s",\n  20]'),
    ("duration", "service_level.within", '[service_level]\nwithin = "20"'),
    ("duration", "service_level.within", '[service_level]\nwithin = "99999999999h"'),
    ("duration_negative", "service_level.within", '[service_level]\nwithin = "-5s"'),
    ("window", "live.windows[1]", '[live]\nwindows = ["15m", "7s"]'),
    ("window", "live.windows[0]", '[live]\nwindows = ["26h"]'),
    ("window", "live.windows[0]", '[live]\nwindows = ["0s"]'),
    ("windows_unique", "live.windows", '[live]\nwindows = ["60m", "1h"]'),
    ("int_type", "live.min_samples", "[live]\nmin_samples = 2.5"),
    ("int_type", "live.min_samples", "[live]\nmin_samples = true"),
    ("name_unknown", "live.missed_definition", '[live]\nmissed_definition = "lier-2"'),
    ("too_short", "sites", "sites = []"),
    ("tables", "sites", f'[sites]{HERE}\nid = "lier"'),
    ("table", "sites[0]", 'sites = ["lier"]'),
    ("too_short", "sites.lier.queues", '[[sites]]\nid = "lier"\nqueues = []'),
    ("name", "sites[0].id", f'[[sites]]\nid = "Stad Lier"{HERE}\nqueues = [{{ id = "a", kind = "phone" }}]'),
    ("missing", "sites.lier.queues[1].id", on("[[sites.queues]]\nkind", queue('kind = "phone"'))),
    ("queue_all", "sites.lier.queues.all.id", on('"all"', queue('id = "all"\nkind = "phone"'))),
    ("choice", "sites.lier.queues.loket.kind", queue('id = "loket"\nkind = "fone"')),
    ("name_twice", "sites.lier.queues.onthaal.id", queue(f'id = "onthaal"{HERE}\nkind = "phone"')),
    ("name_unknown", "sites.lier.queues.loket.hours", queue('id = "loket"\nkind = "phone"\nhours = "desc"')),
    ("ratio", "targets[0].limit", target("limit = 20")),
    ("float_type", "targets[0].limit", target('limit = "0.2"')),
    ("float_type", "targets[0].limit", target("limit = true")),
    ("finite_number", "targets[0].limit", target("limit = inf")),
    ("finite_number", "targets[0].limit", target("limit = nan")),
    ("greater_than_equal", "targets[0].limit", target("limit = -0.1")),
    ("choice", "targets[0].period", target('limit = 0.2\nperiod = "week"')),
    ("choice", "targets[0].kpi", f'[[targets]]\nkpi = "mised_ratio"{HERE}\nlimit = 0.2'),
    ("name_unknown", "targets[0].queue", target('limit = 0.2\nqueue = "nowhere"')),
    ("name_unknown", "targets[0].site", target('limit = 0.2\nsite = "lire"')),
    ("kpi_other_kind", "targets[0].queue", target('limit = 0.2\nqueue = "loket"')),
    ("target_twice", "targets[1]", target("limit = 0.2") + head(target("limit = 0.3"))),
    ("missing", "sources[0].kind", f'[[sources]]{HERE}\nsite = "lier"'),
    ("choice", "sources.pbx.kind", '[[sources]]\nid = "pbx"\nkind = "queuelog"'),
    ("table", "sources[0]", 'sources = ["pbx"]'),
    ("path_type", "sources.pbx.path", queue_log("path = 3")),
    ("calls_at_counter", "sources.pbx.queues.600", queue_log('path = "x"\nqueues = { 600 = "loket" }')),
    ("name_unknown", "sources.pbx.queues.600", queue_log('path = "x"\nqueues = { 600 = "onthal" }')),
    ("table", "sources.pbx.queues", queue_log('path = "x"\nqueues = ["onthaal"]')),
    ("name_unknown", "sources.web.site", http("").replace('"lier"', f'"lire"{HERE}')),
    ("name_unknown", "sources.web.queues[1]", http('queues = ["onthaal", "onthal"]')),
    ("name", "sources.web.queues[0]", http('queues = ["Onthaal!"]')),
    ("list_or_all", "sources.web.queues", http('queues = "onthaal"')),
    ("list_or_all", "sources.web.queues", http("queues = 3")),
    ("verb", 'sources.pbx.verbs."A|B"', queue_log('path = "x"\nverbs = { "A|B" = "closed" }')),
    ("verb", 'sources.pbx.verbs.""', queue_log('path = "x"\nverbs = { "" = "closed" }')),
    ("verb_known", "sources.pbx.verbs.FULL", queue_log('path = "x"\nverbs = { FULL = "closed" }')),
    ("verb_known", "sources.pbx.verbs.PAUSE", queue_log('path = "x"\nverbs = { PAUSE = "abandoned" }')),
    ("choice", "sources.pbx.verbs.NOSTAFF", queue_log('path = "x"\nverbs = { NOSTAFF = "noagents" }')),
    ("table", "sources.pbx.verbs", queue_log('path = "x"\nverbs = ["NOSTAFF"]')),
    ("system_name", "sources.pbx.hosts[0]", queue_log('path = "x"\nhosts = ["An P."]')),
    ("key_sha256", "sources.web.key_sha256[0]", http("", 'key_sha256 = ["open sesame"]')),
    ("too_short", "sources.web.key_sha256", http("", "key_sha256 = []")),
    ("extra_forbidden", "sources.web.api_key", http('api_key = "open sesame"')),
    ("name_twice", "sources.web.id", http("") + on('"web"', http(""))),
    ("less_than_equal", "pipeline.partitions", "[pipeline]\npartitions = 257"),
    ("duration_range", "pipeline.dedup", '[pipeline]\ndedup = "5m"'),
    ("duration_range", "pipeline.dedup", '[pipeline]\ndedup = "25h"'),
    ("duration_range", "pipeline.open_timeout", '[pipeline]\nopen_timeout = "30s"'),
    ("duration_range", "pipeline.visit_timeout", '[pipeline]\nvisit_timeout = "25h"'),
    ("duration_range", "pipeline.clock_tolerance", '[pipeline]\nclock_tolerance = "2h"'),
    ("choice", "pipeline.hours_by", '[pipeline]\nhours_by = "arrival"'),
    ("duration_range", "pipeline.future_tolerance", '[pipeline]\nfuture_tolerance = "2h"'),
    ("duration_range", "pipeline.lease", '[pipeline]\nlease = "2m"'),
    ("open_timeout", "pipeline", f'[pipeline]{HERE}\ndedup = "1h"\nopen_timeout = "2h"'),
    # Rules
    ("name_twice", "rules.missed.id", rule("limit = 0.2") + on('"missed"', rule("limit = 0.2"))),
    (
        "name_twice",
        "budget_rules.missed.id",
        PROMISE + rule("limit = 0.2") + budget("burn_rate = 2.0").replace('"budget"', f'"missed"{HERE}'),
    ),
    (
        "name_twice",
        "no_data_rules.missed.id",
        rule("limit = 0.2") + no_data(WEB).replace('"quiet-web"', f'"missed"{HERE}'),
    ),
    (
        "warning_named_twice",
        "rules.missed.warn_at",
        rule("limit = 0.2", id_="missed-warning") + rule("limit = 0.2\nwarn_at = 0.1"),
    ),
    (
        "warning_named_twice",
        "rules.missed.warn_at",
        rule(f"limit = 0.2\nwarn_at = 0.1{HERE}") + no_data(WEB).replace("quiet-web", "missed-warning"),
    ),
    ("source_named_as_queue", "sources.onthaal.id", named_as_queue("onthaal")),
    ("source_named_as_queue", "sources.all.id", named_as_queue("all")),
    ("limit_never_above", "rules.missed.limit", rule("limit = 1.0")),
    ("limit_never_above", "rules.missed.limit", rule("limit = 604800", "call_wait_mean")),
    ("limit_never_above", "rules.missed.limit", rule("limit = 90000", "lead_time_mean")),
    ("limit_never_above", "rules.missed", PROMISE.replace("0.2", "1.0") + head(rule(""))),
    ("limit_never_below", "rules.missed.limit", rule("limit = 0.0", "service_level")),
    ("missing", "rules.missed.limit", head(rule('queue = "onthaal"', "waiting"))),
    ("extra_forbidden", "rules.missed.window", rule('limit = 5\nwindow = "15m"', "waiting")),
    ("clear_at_high", "rules.missed.clear_at", rule("limit = 5\nclear_at = 6", "waiting")),
    ("kpi_other_kind", "rules.missed.queue", on('queue = "loket"', rule('window = "1h"\nqueue = "loket"'))),
    ("last_contacts", "rules.missed.window", rule('limit = 0.2\nwindow = "last 1"')),
    ("last_contacts", "rules.missed.window", rule('limit = 0.2\nwindow = "last twenty"')),
    ("last_contacts", "live.windows[0]", '[live]\nwindows = ["last 0"]'),
    ("conditions", "rules.both.all", several("[]")),
    ("conditions", "rules.both.all", several('[{ kpi = "nobody_available" }]')),
    ("conditions", "rules.both.all", several(f"[{', '.join(WAITING + str(n) + ' }' for n in range(6))}]")),
    ("conditions", "rules.both.all", several(f"[{WAITING}1 }}, {WAITING}1 }}]")),
    (
        "condition",
        "rules.both.all[1]",
        several(f'[{WAITING}1 }}, {{ kind = "shift", kpi = "missed_ratio" }}]'),
    ),
    ("contacts_other", "rules.line.contacts", waiting('queue = "onthaal"\ncontacts = "visits"')),
    ("contacts_other", "rules.line.contacts", waiting('queue = "loket"\ncontacts = "calls"')),
    (
        "contacts_other",
        "rules.both.contacts",
        several(f'[{WAITING}1 }}, {{ kpi = "visit_wait_mean", limit = 60 }}]\ncontacts = "calls"'),
    ),
    ("shift_unsaid", "rules.late.kind", head('[[rules]]\nid = "late"\nkpi = "late_ratio"\nusual = 0.1')),
    (
        "shift_unsaid",
        "rules.missed.kind",
        head('[[rules]]\nid = "missed"\nkpi = "missed_ratio"\nusual = 0.1'),
    ),
    ("share", "rules.shift.usual", shift("usual = 12")),
    ("share", "rules.shift.bad", shift("bad = 1.0")),
    ("shift_order", "rules.shift", head(shift("usual = 0.31"))),
    ("missing", "rules.both.all[1].limit", both('{ kpi = "waiting" }')),
    ("extra_forbidden", "rules.both.all[1].limit", both('{ kpi = "nobody_available", limit = 0 }')),
    ("limit_never_above", "rules.both.all[1].limit", both('{ kpi = "missed_ratio", limit = 1 }')),
    (
        "kinds_differ",
        "rules.both.all",
        both('{ kpi = "missed_ratio", limit = 0.2 }, { kpi = "visit_wait_mean", limit = 60 }'),
    ),
    ("shift_order", "rules.shift", head(shift("usual = 0.4\nbad = 0.4"))),
    ("usual_missing", "rules.shift", head(shift('within = "45s"', "late_ratio"))),
    ("within_late_only", "rules.shift", head(shift('within = "45s"'))),
    ("within_missing", "rules.shift", head(shift("usual = 0.2", "late_ratio"))),
    ("share", "rules.shift.usual", shift("usual = 0.0")),
    ("choice", "rules.shift.kpi", shift("", "visit_wait_mean")),
    ("kpi_other_kind", "rules.shift.queue", shift('queue = "loket"')),
    (
        "budget_of_nothing",
        "budget_rules.budget",
        PROMISE.replace("0.2", "0") + head(budget("burn_rate = 2.0")),
    ),
    (
        "burn_unreachable",
        "budget_rules.budget.burn_rate",
        PROMISE.replace("missed_ratio", "call_wait_mean").replace("0.2", "60000")
        + budget('kpi = "call_wait_mean"\nburn_rate = 11.0'),
    ),
    (
        "hold_too_long",
        "no_data_rules.quiet-web.after",
        OFFICE + no_data(f'{WEB}\nhours = "office"\nafter = "8h30m"'),
    ),
    (
        "hold_too_long",  # in the hours of the queues that the exchange can speak of
        "no_data_rules.quiet-pbx.after",
        OFFICE.replace("16:30", "13:00")
        + queue('id = "b"\nkind = "counter"').replace('"phone"\n[[', '"phone"\nhours = "office"\n[[')
        + queue_log('path = "queue_log"\n')
        + '[[no_data_rules]]\nid = "quiet-pbx"\nsource = "pbx"\nafter = "5h"\n',
    ),
    ("duration_range", "no_data_rules.quiet-web.after", no_data(f'{WEB}\nafter = "30s"')),
    (
        "hold_too_long",
        "rules.missed.hold",
        OFFICE
        + queue('id = "b"\nkind = "phone"\nhours = "office"').replace(
            '"phone"\n[[', '"phone"\nhours = "office"\n[['
        )
        + rule('limit = 0.2\nhold = "9h"'),
    ),
    ("name_unknown", "rules.missed.site", rule('limit = 0.2\nsite = "lire"')),
    ("name_unknown", "rules.missed.queue", rule('limit = 0.2\nqueue = "onthal"')),
    ("name", "rules.missed.queue", rule('limit = 0.2\nqueue = "On thaal"')),
    ("string_type", "rules.missed.queue", rule("limit = 0.2\nqueue = 3")),
    ("kpi_other_kind", "rules.missed.queue", rule('limit = 0.2\nqueue = "loket"')),
    ("choice", "rules.missed.kpi", on('"mised"', rule("", "mised"))),
    ("choice", "rules.missed.severity", rule('limit = 0.2\nseverity = "high"')),
    ("bool_type", "rules.missed.open_only", rule('limit = 0.2\nopen_only = "no"')),
    ("duration_negative", "rules.missed.hold", rule('limit = 0.2\nhold = "-1m"')),
    ("ratio", "rules.missed.limit", rule("limit = 20")),
    ("ratio", "rules.missed.warn_at", rule("limit = 0.2\nwarn_at = 18")),
    ("ratio", "rules.missed.clear_at", rule("limit = 0.2\nclear_at = 18")),
    ("rule_window", "rules.missed.window", rule('limit = 0.2\nwindow = "week"')),
    ("rule_window", "rules.missed.window", rule('limit = 0.2\nwindow = "7s"')),
    ("rule_window", "rules.missed.window", rule('limit = 0.2\nwindow = "-15m"')),
    ("rule_window", "rules.missed.window", rule("limit = 0.2\nwindow = 15")),
    ("rule_window", "rules.missed.window", rule("limit = 0.2\nwindow = []")),
    ("target_missing", "rules.missed", f'[[rules]]{HERE}\nid = "missed"\nkpi = "missed_ratio"'),
    ("target_missing", "rules.wait", head(rule('queue = "*"', "visit_wait_mean", "wait"))),
    ("warn_at_high", "rules.missed.warn_at", rule("limit = 0.2\nwarn_at = 0.2")),
    ("warn_at_high", "rules.missed.warn_at", PROMISE + rule("warn_at = 0.25")),
    ("warn_at_low", "rules.missed.warn_at", rule("limit = 0.8\nwarn_at = 0.8", "service_level")),
    ("clear_at_high", "rules.missed.clear_at", rule("limit = 0.2\nclear_at = 0.21")),
    ("clear_at_low", "rules.missed.clear_at", rule("limit = 0.8\nclear_at = 0.79", "service_level")),
    ("greater_than", "budget_rules.budget.burn_rate", PROMISE + budget("burn_rate = 0")),
    ("float_type", "budget_rules.budget.burn_rate", PROMISE + budget('burn_rate = "6"')),
    ("burn_unreachable", "budget_rules.budget.burn_rate", PROMISE + budget("burn_rate = 6")),
    ("burn_unreachable", "budget_rules.budget.burn_rate", PROMISE + budget("burn_rate = 5.0")),
    ("choice", "budget_rules.budget.kpi", budget('burn_rate = 2\nkpi = "lead_time_mean"')),
    ("missing", "budget_rules.budget.burn_rate", PROMISE + head(budget(""))),
    (
        "short_window",
        "budget_rules.budget.short_window",
        PROMISE + on('short_window = "1h"', budget("burn_rate = 2.0", 'short_window = "1h"')),
    ),
    (
        "window",
        "budget_rules.budget.short_window",
        PROMISE + on('short_window = "7s"', budget("burn_rate = 2.0", 'short_window = "7s"')),
    ),
    ("name_unknown", "budget_rules.budget.site", PROMISE + budget('burn_rate = 2\nsite = "lire"')),
    ("target_missing", "budget_rules.budget", head(budget("burn_rate = 2.0"))),
    ("name_unknown", "no_data_rules.quiet-web.source", no_data('source = "wep"')),
    ("name_unknown", "no_data_rules.quiet-web.hours", no_data(f'{WEB}\nhours = "desk"')),
    ("duration_range", "no_data_rules.quiet-web.after", no_data(f'{WEB}\nafter = "5s"')),
    # Who is told
    ("name_twice", "receivers.desk.id", webhook(URL) + on('"desk"', webhook('url = "https://b.example/"'))),
    ("too_short", "receivers.desk.channels", '[[receivers]]\nid = "desk"\nchannels = []'),
    ("missing", "receivers.desk.channels[0].kind", on("[[receivers.channels]]", receiver(""))),
    ("choice", "receivers.desk.channels[0].kind", receiver('kind = "mail"')),
    ("table", "receivers.desk.channels[0]", '[[receivers]]\nid = "desk"\nchannels = ["mail"]'),
    ("tables", "receivers.desk.channels", '[[receivers]]\nid = "desk"\nchannels = "mail"'),
    ("smtp_missing", "receivers.desk.channels[0].kind", on('"email"', email('["a@b.example"]'))),
    ("email", "receivers.desk.channels[0].to[0]", smtp("") + email('["desk"]')),
    ("email", "receivers.desk.channels[0].to[1]", smtp("") + email('["a@b.example", "Desk <a@b.example>"]')),
    ("list", "receivers.desk.channels[0].to", smtp("") + email('"a@b.example"')),
    ("too_short", "receivers.desk.channels[0].to", smtp("") + email("[]")),
    ("url", "receivers.desk.channels[0].url", webhook('url = "meldkamer"')),
    ("url", "receivers.desk.channels[0].url", webhook('url = "ftp://example.org"')),
    ("url", "receivers.desk.channels[0].url", webhook("url = 3")),
    ("url", "receivers.desk.channels[0].url", webhook(f'url = "https://a.example/{"a" * 3_000}"')),
    ("url_secret", "receivers.desk.channels[0].url", webhook('url = "https://u:sesame@a.example/"')),
    ("url_secret", "notify.base_url", '[notify]\nbase_url = "https://sesame@a.example/"'),
    (
        "secret_itself",
        "receivers.desk.channels[0].secret_file",
        webhook(f'{URL}\nsecret_file = "open sesame"'),
    ),
    (
        "secret_itself",
        "receivers.desk.channels[0].url_file",
        receiver('kind = "apprise"\nurl_file = "slack://sesame/a/b"'),
    ),
    ("path_type", "receivers.desk.channels[0].url_file", receiver('kind = "apprise"\nurl_file = 3')),
    ("missing", "routes[0].receivers", "[[routes]]"),
    ("too_short", "routes[0].receivers", "[[routes]]\nreceivers = []"),
    ("name_unknown", "routes[0].receivers[0]", '[[routes]]\nreceivers = ["desk"]'),
    ("name_unknown", "routes[0].escalate_to[1]", route('escalate_to = ["desk", "boss"]')),
    ("name_unknown", "routes[0].sites[0]", inline_route('sites = ["lire"]')),
    ("name_unknown", "routes[0].queues[1]", route('queues = ["all", "onthal"]')),
    ("name_unknown", "routes[0].rules[0]", route('rules = ["mised"]')),
    ("choice", "routes[0].severities[0]", route('severities = ["high"]')),
    ("choice", "routes[0].measures[0]", route('measures = ["burnrate"]')),
    ("list", "routes[0].severities", route('severities = "critical"')),
    ("duration_range", "routes[0].escalate_after", route('escalate_after = "10s"')),
    ("table", "notify", "notify = 3"),
    ("tables", "notify.quiet", '[notify]\nquiet = "desk"'),
    ("name_unknown", "notify.quiet[0].hours", '[notify]\nquiet = [{ hours = "night" }]'),
    ("bool_type", "notify.tell_resolved", "[notify]\ntell_resolved = 1"),
    ("less_than_equal", "notify.flap_messages", "[notify]\nflap_messages = 101"),
    ("path_type", "notify.templates", "[notify]\ntemplates = 3"),
    ("table", "smtp", 'smtp = "mail.lier.example"'),
    ("smtp_clear", "smtp", on("[smtp]", smtp('user = "u"\ntls = "none"'))),
    ("choice", "smtp.tls", smtp('tls = "ssl"')),
    ("extra_forbidden", "smtp.password", smtp('password = "open sesame"')),
    ("missing", "smtp.host", on("[smtp]", smtp("", ""))),
    ("host", "smtp.host", on("host", smtp("", 'host = "smtp://mail.lier.example:25"'))),
    ("host", "smtp.host", on("host", smtp("", 'host = ""'))),
    ("email", "smtp.sender", smtp("").replace('"a@lier.example"', '"wachtpost"')),
    ("less_than_equal", "smtp.port", smtp("port = 70000")),
    ("secret_itself", "smtp.password_file", smtp('password_file = "open sesame"')),
    ("string_too_short", "smtp.password_file", smtp('password_file = ""')),
    ("string_too_short", "smtp.user", smtp('user = ""')),
    ("url", "grafana.url", on("url", grafana(TOKEN, 'url = "grafana"'))),
    ("secret_itself", "grafana.token_file", grafana('token_file = "glsa_opensesame"')),
    ("dashboard_uid", "grafana.dashboard_uid", grafana(f'{TOKEN}\ndashboard_uid = "a b"')),
    ("string_too_short", "grafana.folder", grafana(f'{TOKEN}\nfolder = ""')),
    # History and the report
    ("list", "history.files", '[history]\nfiles = "old.toml"'),
    ("name_twice", "service_level_definitions.a.id", level("") + on('"a"', level(""))),
    ("choice", "service_level_definitions.a.of", level('of = "offered"')),
    ("report_time", "report.at", '[report]\nat = "8 uur"'),
    ("greater_than_equal", "report.working_day", "[report]\nworking_day = 0"),
    ("choice", "report.attach[0]", '[report]\nattach = ["xlsx"]'),
    ("name_unknown", "report.receivers[0]", '[report]\nreceivers = ["policy"]'),
    ("report_no_mail", "report.receivers[0]", webhook(URL) + '\n[report]\nreceivers = ["desk"]'),
    # TOML itself
    ("toml_value", "", "[live]\nmin_samples ="),
    ("toml_value", "", "[live]\nmin_samples = ten"),
    ("toml_value", "", "[[calendar.closing_days]]\non = 2026-02-30"),
    ("toml_equals", "", "[live]\nmin_samples 10"),
    ("toml_newline", "", "[live]\nmin_samples = 10 s"),
    ("toml_twice", "", "[live]\nmin_samples = 10\nmin_samples = 11"),
    ("toml_twice", "", "[live]\n[live]"),
    ("toml_open", "", "[live"),
    ("toml", "", "[live]\n!"),
    ("byte_order_mark", "", "\ufeff[live]"),
    ("toml_deep", "", "a = " + "[" * 5_000 + "]" * 5_000 + "  # anywhere"),
]


def spoken(kind: str, language: str) -> re.Pattern[str]:
    """What a mistake of a kind sounds like, whatever was filled in."""
    wrong = MISTAKES[kind].wrong
    names = [name for _, name, _, _ in string.Formatter().parse(wrong.text) if name is not None]
    said = translator(language).text(wrong, **dict.fromkeys(names, "…"))
    pattern = re.escape(said).replace("…", ".+")
    return re.compile(rf"{pattern}(; (bedoelt u|did you mean|vouliez-vous dire|meinten Sie) .+\?)?")


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize(("kind", "key", "snippet"), BROKEN)
def test_a_mistake_is_told_with_its_key_line_and_reason(
    kind: str, key: str, snippet: str, language: str
) -> None:
    text = file_with(snippet if "#" in snippet else snippet.rstrip("\n") + HERE, language)
    told = explain(text, "city.toml")
    mistakes = [one for one in told if one.key == key]
    wanted = spoken(kind, language_of(text))
    assert [one for one in mistakes if wanted.fullmatch(one.wrong)], mistakes
    lines = text.split("\n")
    marked = next((number for number, line in enumerate(lines, 1) if HERE.strip() in line), None)
    assert [one.line for one in mistakes] == [marked] * len(mistakes)
    wrongs = [one.wrong for one in told]
    assert len({(one.key, one.wrong) for one in told}) == len(told), "each is told once"
    assert not [wrong for wrong in wrongs if "{" in wrong]
    assert translator(language).text(MISTAKES["other"].wrong) not in wrongs


def test_the_table_of_broken_files_knows_every_kind_of_mistake() -> None:
    of_sheets = {"string_too_long", "amount", "percent_differs", "end_before_start"}
    of_other_files = of_sheets | {"period", "city_unsaid", "city_other"}
    beside_what_is_in_force = {"fixed"}
    told_elsewhere = of_other_files | beside_what_is_in_force
    assert {kind for kind, _, _ in BROKEN} == set(MISTAKES) - {"other"} - told_elsewhere


@pytest.mark.parametrize(
    ("snippet", "meant"),
    [
        ("[live]\nmin_sample = 3", "min_samples"),
        ("[pipelin]", "pipeline"),
        ('[city]\nname = "Lier"\ntime_zone = "Europe/Brussel"', "Europe/Brussels"),
        (target('limit = 0.2\nqueue = "ontaal"'), "onthaal"),
        ('[[targets]]\nkpi = "mised_ratio"\nlimit = 0.2', "missed_ratio"),
        (http("rate_per_sec = 3"), "rate_per_second"),
        ('[[sources]]\nkind = "htp"', "http"),
        (queue('id = "x"\nkind = "phone"\nhour = "desk"'), "hours"),
        (rule("limit = 5", "waitin"), "waiting"),
        (rule("warn = 4\nlimit = 5", "longest_wait"), "warn_at"),
        (rule('limit = 0.2\nwindow = "yaer"'), "year"),
        (rule("limit = 0.2\nwarn = 0.1"), "warn_at"),
        ('[[rules]]\nid = "line"\nkpi = "calls_waiting"\nlimit = 2', "waiting"),  # so it was called before
        (rule('limit = 0.2\nqueue = "ontaal"'), "onthaal"),
        (receiver('kind = "e-mail"'), "email"),
        (webhook('url = "https://a.example/"\nsecret = "x"'), "secret_file"),
        (route('rules = ["mised"]') + rule("limit = 0.2"), "missed"),
        (route('severities = ["criticl"]'), "critical"),
        (smtp('tls = "startls"'), "starttls"),
        (smtp('password = "x"'), "password_file"),
        (no_data('source = "wep"'), "web"),
        ('[[silence_rules]]\nid = "x"\nsource = "web"', "no_data_rules"),  # as it was called before
    ],
)
def test_a_slip_of_the_pen_gets_a_suggestion(snippet: str, meant: str) -> None:
    assert f"bedoelt u {meant}?" in " ".join(one.wrong for one in explain(file_with(snippet), "city.toml"))


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = (
        '[city]\nname = ""\n[live]\nmissed_definition = "x"\nmin_samples = 0\n'
        '[[sites]]\nid = "lier"\nqueues = [\n  { id = "a", kind = "fone" },\n'
        '  { id = "a", kind = "phone" },\n]\n'
        '[[targets]]\nkpi = "missed_ratio"\nlimit = 20\nqueue = "b"\n'
    )
    assert [(one.line, one.key) for one in explain(text, "city.toml")] == [
        (2, "city.name"),
        (4, "live.missed_definition"),
        (5, "live.min_samples"),
        (9, "sites.lier.queues.a.kind"),
        (10, "sites.lier.queues.a.id"),
        (14, "targets[0].limit"),
        (15, "targets[0].queue"),
    ]


def test_a_mistake_says_where_it_is_and_what_stands_there() -> None:
    text = file_with("[live]\nmin_samples = 0", "en")
    assert explain(text, "city.toml") == [
        Mistake(
            "city.toml",
            "live.min_samples",
            "this number is too small",
            "1 or more",
            line=2,
            given="0",
        )
    ]
    assert explain(text, "city.toml")[0].where == "city.toml:2"


def test_a_name_that_is_no_name_is_not_called_unknown_as_well() -> None:
    text = file_with('[live]\nmissed_definition = "Lier 1"')
    assert [one.wrong for one in explain(text, "city.toml")] == ["geen bruikbare naam"]


def test_toml_mistakes_have_a_column() -> None:
    assert [one.where for one in explain("[live]\nmin_samples = ten\n", "city.toml")] == ["city.toml:2:15"]


def test_what_may_be_a_key_is_never_repeated() -> None:
    for snippet in (
        http('api_key = "open sesame"'),
        http("", 'key_sha256 = ["open sesame"]'),
        http("", 'key_sha256 = "open sesame"'),
        http('key_sha256 = ["open sesame"', ""),
        smtp('password = "open sesame"'),
        smtp('password_file = "open sesame"'),
        smtp('password_file = ["open sesame"]'),
        smtp("", 'host = "smtp://wachtpost:sesame@mail.lier.example"'),
        grafana('token_file = "glsa_opensesame"'),
        grafana('token_file = "/t"', 'url = "https://u:sesame@grafana.lier.example"'),
        grafana('token_file = "/t"', 'url = "grafana?token=sesame"'),
        grafana('token_file = "/t"\ntoken = "open sesame"'),
        webhook('url = "hooks.example/sesame"'),
        webhook('url = "https://a.example/"\nsecret_file = "open sesame"'),
        webhook('url = "https://a.example/"\nsecret = "open sesame"'),
        receiver('kind = "apprise"\nurl_file = "slack://sesame/a/b"'),
        smtp("") + receiver('kind = "email"\nto = ["mailtos://u:sesame@a.example"]'),
    ):
        mistakes = explain(file_with(snippet), "city.toml")
        assert mistakes
        assert "sesame" not in str(mistakes)


def test_neither_does_the_error_of_a_service_that_loads_the_file() -> None:
    with pytest.raises(ValidationError) as refused:
        CityFile.model_validate(tomllib.loads(file_with(smtp('password = "open sesame"'))))
    assert "smtp.password" in str(refused.value)
    assert "sesame" not in str(refused.value)


def sentences(snippet: str) -> list[str]:
    return [f"{one.wrong}; {one.allowed}" for one in explain(file_with(snippet, "en"), "city.toml")]


def test_a_rule_without_limit_says_for_which_queues_nothing_is_promised() -> None:
    queues = (
        '[[sites]]\nid = "lier"\nqueues = [{ id = "a", kind = "counter" }, { id = "b", kind = "counter" }, '
    )
    queues += '{ id = "c", kind = "counter" }, { id = "p", kind = "phone" }]\n'
    promise = '[[targets]]\nkpi = "visit_wait_mean"\nqueue = "b"\nlimit = 60\n'
    each = rule('queue = "*"', "visit_wait_mean")
    (told,) = sentences(queues + promise + each)
    assert told.startswith(
        "this rule has no limit, and the city has promised nothing about that KPI for: a, c;"
    )
    assert sentences(queues + promise + each + promise.replace('queue = "b"\n', "")) == []


def test_with_several_sites_the_queue_is_told_with_its_site() -> None:
    queues = "".join(f'[[sites]]\nid = "{s}"\nqueues = [{{ id = "a", kind = "phone" }}]\n' for s in "xy")
    promise = '[[targets]]\nsite = "x"\nkpi = "missed_ratio"\nlimit = 0.2\n'
    (told,) = sentences(queues + promise + rule(""))
    assert "for: y/all;" in told
    assert sentences(queues + promise + rule('site = "x"')) == []


def test_a_threshold_must_fit_the_target_of_every_queue_that_the_rule_watches() -> None:
    queues = (
        '[[sites]]\nid = "lier"\nqueues = [{ id = "a", kind = "counter" }, { id = "b", kind = "counter" }]\n'
    )
    promises = "".join(
        f'[[targets]]\nkpi = "visit_wait_mean"\nqueue = "{queue}"\nlimit = {limit}\n'
        for queue, limit in (("a", 300), ("b", 60))
    )
    each = rule('queue = "*"\nwarn_at = 60\nclear_at = 60', "visit_wait_mean")
    assert sentences(queues + promises + each) == [
        "this warning does not come before the limit; less than 60"
    ]
    assert sentences(queues + promises + each.replace("*", "a")) == []


@pytest.mark.parametrize(
    "fine",
    [
        rule("limit = 0.2\nwarn_at = 0.19\nclear_at = 0.2"),
        rule("limit = 0.8\nwarn_at = 0.85\nclear_at = 0.8", "service_level"),
        rule("limit = 0"),
        rule("limit = 1.0", "service_level"),
        rule("limit = 0.8\nwarn_at = 0.95\nclear_at = 0.9", "service_level"),
        OFFICE + no_data('source = "web"\nhours = "office"\nafter = "8h29m"'),
        OFFICE + rule('limit = 0.2\nhold = "20h"'),  # its queue has no hours
        OFFICE
        + queue('id = "b"\nkind = "phone"\nhours = "office"')
        + rule('limit = 0.2\nhold = "20h"\nqueue = "b"\nopen_only = false'),
        rule('limit = 0.2\nqueue = "*"\nwindow = "today"'),
        rule('limit = 0.2\nwindow = "26h"').replace("26h", "25h"),
        PROMISE + rule('queue = "onthaal"'),  # the site's target holds for its queues
        PROMISE + budget("burn_rate = 4.9"),
        PROMISE.replace("missed_ratio", "call_wait_mean").replace("0.2", "45")
        + budget('burn_rate = 9.0\nkpi = "call_wait_mean"'),  # a wait knows no most
        inline_route('queues = ["all", "loket"], sites = ["lier"]'),
        webhook('url = "https://a.example/"') + webhook('url = "http://[::1]:1/"').replace("desk", "other"),
        smtp('tls = "none"'),
        smtp('user = "u"\ntls = "none"', 'host = "::1"'),
        grafana('token_file = "relative/token"'),
        no_data('source = "web"'),
    ],
)
def test_what_is_fine_is_not_complained_about(fine: str) -> None:
    assert sentences(fine) == []


@pytest.mark.parametrize("limit", ["false", "nan", "inf", "1" + "0" * 400, '"0.2"', "[]"])
def test_a_limit_that_is_no_number_is_compared_with_nothing(limit: str) -> None:
    told = explain(file_with(rule(f"limit = {limit}\nwarn_at = 0.9\nclear_at = 0.9")), "city.toml")
    assert {one.key for one in told} == {"rules.missed.limit"}


def test_a_wrong_target_is_not_a_missing_one() -> None:
    assert [one.key for one in explain(file_with(target('limit = "0.2"') + rule("")), "c")] == [
        "targets[0].limit"
    ]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", "nl"),
        ('[city]\nlanguage = "en"', "en"),
        ('[city]\nlanguage = "en"\nname = ', "en"),
        ("city.language = 'en'\n=", "en"),
        ('[city]\nlanguage = "fr"', "fr"),
        ('[city]\nlanguage = "xx"', "nl"),
        ("city = 3", "nl"),
    ],
)
def test_the_check_speaks_the_citys_language_even_when_the_file_is_broken(text: str, language: str) -> None:
    assert language_of(text) == language


def test_the_shipped_file_is_good() -> None:
    assert explain(SHIPPED.read_text(encoding="utf-8"), "city.toml") == []


# --- anything else -----------------------------------------------------------------------------------

JUNK = st.one_of(
    st.sampled_from(["", "all", "lier", "20s", "-1s", "09:00-12:00", "*", "2026-01-01", "\x1b[31m", "[red]"]),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.lists(st.sampled_from(["a", "20s"]), max_size=2),
    st.just({}),
    st.just([{}]),
    st.just({"id": "x"}),
)


def toml(value: object) -> str:
    """A value as inline TOML."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value)
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
        case list():
            return f"[{', '.join(map(toml, value))}]"
    return str(value)


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    pairs: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    return [path, *(place for key, inner in pairs for place in places(inner, (*path, key)))]


EXAMPLE = tomllib.loads(
    file_with(
        'routes = [{ receivers = ["desk"], severities = ["info"], measures = ["no_data"], sites = ["lier"], '
        'queues = ["all"], rules = ["budget"], escalate_to = ["boss"], escalate_after = "5m" }]\n'
        '[calendar]\nclosing_days = [{ on = "2026-05-15", closes_at = "12:00" }, { every_year = "07-11" }]\n'
        '[hours.desk]\nmonday = ["09:00-12:00"]\non_holidays = true\n'
        '[[missed_definitions]]\nid = "lier-1"\noutcomes = ["closed"]\n'
        '[live]\nwindows = ["15m"]\nmin_samples = 3\n[pipeline]\ndedup = "2h"\npartitions = 3\n'
        + target('limit = 0.2\nqueue = "onthaal"\nsite = "lier"\nperiod = "year"')
        + http('queues = ["onthaal"]\nrate_per_second = 3')
        + '[[sources]]\nkind = "queue_log"\nid = "pbx"\nsite = "lier"\npath = "x"\n'
        'queues = { "a" = "onthaal" }\n'
        + rule(
            'site = "lier"\nqueue = "*"\nwindow = "1h"\n'
            'limit = 0.3\nwarn_at = 0.2\nclear_at = 0.2\nhold = "1m"'
        )
        + rule('queue = "onthaal"\nwindow = "year"\nopen_only = false\nseverity = "info"', id_="missed-year")
        + budget('burn_rate = 2.0\nsite = "lier"\nkpi = "missed_ratio"\nmin_samples = 3')
        + PROMISE
        + '[[no_data_rules]]\nid = "quiet-web"\nsource = "web"\nafter = "1m"\nhours = "desk"\n'
        + receiver('kind = "webhook"\nurl = "https://a.example/"\nsecret_file = "/s"')
        + receiver('kind = "email"\nto = ["a@b.example"]', "boss")
        + receiver('kind = "apprise"\nurl_file = "/s"', "phone")
        + '[notify]\nquiet = [{ hours = "desk", unless = ["info"] }]\ngroup_wait = "5s"\nflap_messages = 3\n'
        'tell_resolved = false\nbase_url = "https://a.example/"\ntemplates = "/t"\n'
        + smtp('port = 25\ntls = "tls"\nuser = "u"\npassword_file = "/s"')
        + grafana('token_file = "/t"\ndashboard_uid = "x"\nfolder = "y"')
    )
)


def replaced(value: object, path: tuple[str | int, ...], junk: object) -> object:
    if not path:
        return junk
    if isinstance(value, dict):
        return {k: replaced(v, path[1:], junk) if k == path[0] else v for k, v in value.items()}
    assert isinstance(value, list)
    return [replaced(v, path[1:], junk) if k == path[0] else v for k, v in enumerate(value)]


def test_the_example_to_break_is_good_itself() -> None:
    CityFile.model_validate(EXAMPLE)


@settings(max_examples=examples(500), deadline=None)
@given(st.sampled_from([place for place in places(EXAMPLE) if place]), JUNK)
def test_whatever_stands_anywhere_is_accepted_by_both_or_explained(
    place: tuple[str | int, ...], junk: object
) -> None:
    document = replaced(EXAMPLE, place, junk)
    assert isinstance(document, dict)
    text = "".join(f"{key} = {toml(value)}\n" for key, value in document.items())
    mistakes = explain(text, "city.toml")
    try:
        CityFile.model_validate(tomllib.loads(text))
    except ValidationError:
        assert mistakes
    else:
        assert mistakes == []
    for one in mistakes:
        assert "deze waarde is niet bruikbaar" not in one.wrong
        assert not re.search(r"\b(input|should|valid|value|field)\b", one.wrong, re.IGNORECASE)
        assert one.line is not None or "." not in one.key


@given(st.text())
def test_any_text_at_all_is_explained(text: str) -> None:
    explain(text, "city.toml")


# --- lines and words ---------------------------------------------------------------------------------


def test_every_key_is_found_on_its_line() -> None:
    text = (
        "top = 1\n"
        "\n"
        "[a.b]  # comment with [brackets]\n"
        'x.y = "]"\n'
        'long = """\n'
        "[not.a.table]\n"
        '"""\n'
        "items = [\n"
        '  "one",  # ]\n'
        "  # between\n"
        '  { id = "two", n = [1,\n'
        "    2] },\n"
        "]\n"
        "[[a.c]]\n"
        "k = 1\n"
        "[[a.c.d]]\n"
        "[[a.c]]\n"
        "[a.c.e]\n"
        "[[a.c.d]]\n"
        "'quoted key' = 1\n"
    )
    lines = key_lines(text)
    assert {path: lines[path] for path in lines if path[-1] not in {"n", 0}} == {
        ("top",): 1,
        ("a",): 3,
        ("a", "b"): 3,
        ("a", "b", "x"): 4,
        ("a", "b", "x", "y"): 4,
        ("a", "b", "long"): 5,
        ("a", "b", "items"): 8,
        ("a", "b", "items", 1): 12,
        ("a", "b", "items", 1, "id"): 12,
        ("a", "b", "items", 1, "n", 1): 12,
        ("a", "c"): 14,
        ("a", "c", 0, "k"): 15,
        ("a", "c", 0, "d"): 16,
        ("a", "c", 1): 17,
        ("a", "c", 1, "e"): 18,
        ("a", "c", 1, "d"): 19,
        ("a", "c", 1, "d", 0, "quoted key"): 20,
    }
    assert key_lines(text.replace("\n", "\r\n")) == lines
    assert lines["a", "b", "items", 0] == 9
    assert lines["a", "c", 0] == 14
    assert lines["a", "c", 1, "d", 0] == 19


def test_items_that_start_with_the_comma_have_the_line_of_their_list() -> None:
    lines = key_lines('a = [\n  "one"\n, "two"\n]\nb = 1\n')
    assert lines == {("a",): 1, ("a", 0): 2, ("a", 1): 1, ("b",): 5}


def test_every_place_of_the_shipped_file_has_a_line_that_names_it() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    lines = key_lines(text)
    for place in places(tomllib.loads(text)):
        key = place[-1] if place else 0
        if isinstance(key, str):
            assert key in text.split("\n")[lines[place] - 1], place
