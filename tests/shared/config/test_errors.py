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
from shared.config.lines import key_lines
from shared.config.messages import MISTAKES
from shared.config.model import CityFile
from shared.translation import languages, translator
from tests.support.thorough import examples

SHIPPED = Path(__file__).parents[3] / "deploy" / "wachtpost.toml"
KEY = "0" * 64

REST = {
    "city": '[city]\nname = "Lier"\n',
    "sites": '[[sites]]\nid = "lier"\nqueues = [{ id = "onthaal", kind = "phone" }, '
    '{ id = "loket", kind = "counter" }]\n',
}
HERE = "  # <-"
"""Marks the line on which a mistake must be reported."""


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


def target(line: str) -> str:
    return f'[[targets]]\nkpi = "missed_ratio"\n{line}\n'


def http(lines: str, key: str = f'key_sha256 = ["{KEY}"]') -> str:
    return f'[[sources]]\nkind = "http"\nid = "web"\nsite = "lier"\n{key}\n{lines}\n'


def queue(line: str) -> str:
    first = '[[sites.queues]]\nid = "onthaal"\nkind = "phone"\n'
    return f'[[sites]]\nid = "lier"\n{first}[[sites.queues]]\n{line}\n'


OFFICE = '[hours.office]\nmonday = ["08:00-12:00", "12:00-16:30"]\ntuesday = ["08:00-12:00"]\n'
PROMISE = '[[targets]]\nkpi = "missed_ratio"\nlimit = 0.2\n'


def rule(lines: str, kpi: str = "missed_ratio", id_: str = "missed") -> str:
    return f'[[rules]]\nid = "{id_}"\nkpi = "{kpi}"\n{lines}\n'


def budget(lines: str, short: str = 'short_window = "5m"') -> str:
    return f'[[budget_rules]]\nid = "budget"\nlong_window = "1h"\n{short}\n{lines}\n'


def no_data(lines: str) -> str:
    return f'{http("")}[[no_data_rules]]\nid = "quiet-web"\n{lines}\n'


def receiver(channel: str, id_: str = "desk") -> str:
    return f'[[receivers]]\nid = "{id_}"\n[[receivers.channels]]\n{channel}\n'


def webhook(lines: str) -> str:
    return receiver(f'kind = "webhook"\n{lines}')


def route(lines: str) -> str:
    return webhook('url = "https://example.org/"') + f'[[routes]]\nreceivers = ["desk"]\n{lines}\n'


def inline_route(keys: str) -> str:
    """As ``route``; no line begins with ``sites``, which ``file_with`` would take for the section."""
    return f'routes = [{{ receivers = ["desk"], {keys} }}]{HERE}\n' + webhook('url = "https://a.example/"')


def smtp(lines: str, host: str = 'host = "mail.lier.example"') -> str:
    return f'[smtp]\n{host}\nsender = "a@lier.example"\n{lines}\n'


def grafana(lines: str, url: str = 'url = "https://grafana.lier.example"') -> str:
    return f"[grafana]\n{url}\n{lines}\n"


def _level(more: str) -> str:
    return f'[[service_level_definitions]]\nid = "a"\nwithin = "20s"\n{more}\n'


_TWO_LEVELS = _level("") + _level("").replace('"a"', f'"a"{HERE}')

BROKEN: list[tuple[str, str, str]] = [
    # kind of mistake, key, file
    ("missing", "city", "# no city"),
    ("extra_forbidden", "city_name", f"city_name = 3{HERE}"),
    ("missing", "city.name", f'[city]{HERE}\nlanguage = "nl"'),
    ("string_too_short", "city.name", f'[city]\nname = ""{HERE}'),
    ("string_type", "city.name", f"[city]\nname = 3{HERE}"),
    ("extra_forbidden", "city.nam", f'[city]\nname = "Lier"\nnam = "Lier"{HERE}'),
    ("language", "city.language", f'[city]\nname = "Lier"\nlanguage = "xx"{HERE}'),
    ("string_type", "city.language", f'[city]\nname = "Lier"\nlanguage = 3{HERE}'),
    ("time_zone", "city.time_zone", f'[city]\nname = "Lier"\ntime_zone = "Europe/Brussel"{HERE}'),
    ("time_zone", "city.time_zone", f'[city]\nname = "Lier"\ntime_zone = "../../etc/passwd"{HERE}'),
    ("time_zone", "city.time_zone", f'[city]\nname = "Lier"\ntime_zone = ""{HERE}'),
    ("table", "city", f'city = "Lier"{HERE}'),
    ("table", "hours", f"hours = 5{HERE}"),
    ("table", "hours.desk", f'[hours]\ndesk = "09:00-12:00"{HERE}'),
    ("name", 'hours."The Desk"', f'[hours."The Desk"]{HERE}'),
    ("hours_list", "hours.desk.monday", f'[hours.desk]\nmonday = "09:00-12:00"{HERE}'),
    ("span", "hours.desk.monday[1]", f'[hours.desk]\nmonday = ["09:00-12:00", "13:00"]{HERE}'),
    ("span", "hours.desk.monday[0]", f'[hours.desk]\nmonday = ["9:00-12:00"]{HERE}'),
    ("span", "hours.desk.monday[0]", f'[hours.desk]\nmonday = ["09:00:30-12:00"]{HERE}'),
    ("span", "hours.desk.monday[0]", f'[hours.desk]\nmonday = ["24:00-25:00"]{HERE}'),
    ("span", "hours.desk.monday[0]", f"[hours.desk]\nmonday = [9]{HERE}"),
    ("span", "hours.desk.monday[0]", f"[hours.desk]\nmonday = [{{ start_minute = -3 }}]{HERE}"),
    ("span_order", "hours.desk.monday[0]", f'[hours.desk]\nmonday = ["22:00-06:00"]{HERE}'),
    ("span_order", "hours.desk.monday[0]", f'[hours.desk]\nmonday = ["09:00-09:00"]{HERE}'),
    ("span_overlap", "hours.desk.friday", f'[hours.desk]\nfriday = ["09:00-12:00", "11:59-13:00"]{HERE}'),
    ("bool_type", "hours.desk.on_holidays", f'[hours.desk]\non_holidays = "yes"{HERE}'),
    ("bool_type", "hours.desk.on_holidays", f"[hours.desk]\non_holidays = 1{HERE}"),
    ("extra_forbidden", "hours.desk.moday", f"[hours.desk]\nmoday = []{HERE}"),
    ("country", "calendar.public_holidays", f'[calendar]\npublic_holidays = "Belgium"{HERE}'),
    ("tables", "calendar.closing_days", f"[calendar.closing_days]{HERE}\non = 2026-05-15"),
    ("closing_day", "calendar.closing_days[0]", f'[[calendar.closing_days]]{HERE}\nwhy = "?"'),
    (
        "closing_day",
        "calendar.closing_days[1]",
        (
            "[[calendar.closing_days]]\non = 2026-05-15\n"
            f'[[calendar.closing_days]]{HERE}\non = 2026-05-15\nevery_year = "05-15"'
        ),
    ),
    ("day", "calendar.closing_days[0].on", f"[[calendar.closing_days]]\non = 2026{HERE}"),
    ("day", "calendar.closing_days[0].on", f'[[calendar.closing_days]]\non = "15/05"{HERE}'),
    ("day", "calendar.closing_days[0].on", f"[[calendar.closing_days]]\non = 2026-05-15T10:00:00{HERE}"),
    (
        "every_year",
        "calendar.closing_days[0].every_year",
        f'[[calendar.closing_days]]\nevery_year = "04-31"{HERE}',
    ),
    (
        "every_year",
        "calendar.closing_days[0].every_year",
        f'[[calendar.closing_days]]\nevery_year = "7-11"{HERE}',
    ),
    (
        "every_year",
        "calendar.closing_days[0].every_year",
        f'[[calendar.closing_days]]\nevery_year = "W05-1"{HERE}',
    ),
    (
        "closes_at",
        "calendar.closing_days[0].closes_at",
        f'[[calendar.closing_days]]\non = 2026-12-24\ncloses_at = "noon"{HERE}',
    ),
    (
        "closes_at",
        "calendar.closing_days[0].closes_at",
        f"[[calendar.closing_days]]\non = 2026-12-24\ncloses_at = 12{HERE}",
    ),
    (
        "closes_at",
        "calendar.closing_days[0].closes_at",
        f"[[calendar.closing_days]]\non = 2026-12-24\ncloses_at = 12:00:30{HERE}",
    ),
    (
        "closes_at",
        "calendar.closing_days[0].closes_at",
        f'[[calendar.closing_days]]\non = 2026-12-24\ncloses_at = "00:00"{HERE}',
    ),
    (
        "outcomes_empty",
        "missed_definitions.lier-1.outcomes",
        f'[[missed_definitions]]\nid = "lier-1"\noutcomes = []{HERE}',
    ),
    (
        "choice",
        "missed_definitions.lier-1.outcomes[1]",
        f'[[missed_definitions]]\nid = "lier-1"\noutcomes = ["closed", "abandonned"]{HERE}',
    ),
    (
        "list",
        "missed_definitions.lier-1.outcomes",
        f'[[missed_definitions]]\nid = "lier-1"\noutcomes = "closed"{HERE}',
    ),
    (
        "greater_than_equal",
        "missed_definitions.lier-1.version",
        f'[[missed_definitions]]\nid = "lier-1"\noutcomes = ["closed"]\nversion = 0{HERE}',
    ),
    (
        "int_type",
        "missed_definitions.lier-1.version",
        f'[[missed_definitions]]\nid = "lier-1"\noutcomes = ["closed"]\nversion = "1"{HERE}',
    ),
    (
        "histogram_edge",
        "missed_definitions.lier-1.short_abandon",
        f'[[missed_definitions]]\nid = "lier-1"\noutcomes = ["closed"]\nshort_abandon = "1500ms"{HERE}',
    ),
    (
        "name_twice",
        "missed_definitions.lier-1.id",
        (
            '[[missed_definitions]]\nid = "lier-1"\noutcomes = ["closed"]\n'
            f'[[missed_definitions]]\nid = "lier-1"{HERE}\noutcomes = ["closed"]'
        ),
    ),
    ("list", "speed_categories.bounds", f'[speed_categories]\nbounds = "20s"{HERE}'),
    ("bounds_order", "speed_categories.bounds", f'[speed_categories]\nbounds = ["45s", "20s"]{HERE}'),
    ("bounds_order", "speed_categories.bounds", f'[speed_categories]\nbounds = ["0s", "20s"]{HERE}'),
    ("bounds_order", "speed_categories.bounds", f"[speed_categories]\nbounds = []{HERE}"),
    ("histogram_edge", "speed_categories.bounds[0]", f'[speed_categories]\nbounds = ["11m5s"]{HERE}'),
    ("duration", "speed_categories.bounds[1]", f'[speed_categories]\nbounds = ["20s",\n  20]{HERE}'),
    ("duration", "service_level.within", f'[service_level]\nwithin = "20"{HERE}'),
    ("duration", "service_level.within", f'[service_level]\nwithin = "99999999999h"{HERE}'),
    ("duration_negative", "service_level.within", f'[service_level]\nwithin = "-5s"{HERE}'),
    ("window", "live.windows[1]", f'[live]\nwindows = ["15m", "7s"]{HERE}'),
    ("window", "live.windows[0]", f'[live]\nwindows = ["26h"]{HERE}'),
    ("window", "live.windows[0]", f'[live]\nwindows = ["0s"]{HERE}'),
    ("windows_unique", "live.windows", f'[live]\nwindows = ["60m", "1h"]{HERE}'),
    ("int_type", "live.min_samples", f"[live]\nmin_samples = 2.5{HERE}"),
    ("int_type", "live.min_samples", f"[live]\nmin_samples = true{HERE}"),
    ("name_unknown", "live.missed_definition", f'[live]\nmissed_definition = "lier-2"{HERE}'),
    ("too_short", "sites", f"sites = []{HERE}"),
    ("tables", "sites", f'[sites]{HERE}\nid = "lier"'),
    ("table", "sites[0]", f'sites = ["lier"]{HERE}'),
    ("too_short", "sites.lier.queues", f'[[sites]]\nid = "lier"\nqueues = []{HERE}'),
    ("name", "sites[0].id", f'[[sites]]\nid = "Stad Lier"{HERE}\nqueues = [{{ id = "a", kind = "phone" }}]'),
    (
        "missing",
        "sites.lier.queues[1].id",
        queue('kind = "phone"').replace("\n[[sites.queues]]\nkind", f"\n[[sites.queues]]{HERE}\nkind"),
    ),
    ("queue_all", "sites.lier.queues.all.id", queue(f'id = "all"{HERE}\nkind = "phone"')),
    ("choice", "sites.lier.queues.loket.kind", queue(f'id = "loket"\nkind = "fone"{HERE}')),
    ("name_twice", "sites.lier.queues.onthaal.id", queue(f'id = "onthaal"{HERE}\nkind = "phone"')),
    (
        "name_unknown",
        "sites.lier.queues.loket.hours",
        queue(f'id = "loket"\nkind = "phone"\nhours = "desc"{HERE}'),
    ),
    ("ratio", "targets[0].limit", target(f"limit = 20{HERE}")),
    ("float_type", "targets[0].limit", target(f'limit = "0.2"{HERE}')),
    ("float_type", "targets[0].limit", target(f"limit = true{HERE}")),
    ("finite_number", "targets[0].limit", target(f"limit = inf{HERE}")),
    ("finite_number", "targets[0].limit", target(f"limit = nan{HERE}")),
    ("greater_than_equal", "targets[0].limit", target(f"limit = -0.1{HERE}")),
    ("choice", "targets[0].period", target(f'limit = 0.2\nperiod = "week"{HERE}')),
    ("choice", "targets[0].kpi", f'[[targets]]\nkpi = "mised_ratio"{HERE}\nlimit = 0.2'),
    ("name_unknown", "targets[0].queue", target(f'limit = 0.2\nqueue = "nowhere"{HERE}')),
    ("name_unknown", "targets[0].site", target(f'limit = 0.2\nsite = "lire"{HERE}')),
    ("kpi_other_kind", "targets[0].queue", target(f'limit = 0.2\nqueue = "loket"{HERE}')),
    (
        "target_twice",
        "targets[1]",
        target("limit = 0.2") + target("limit = 0.3").replace("]]\n", f"]]{HERE}\n"),
    ),
    ("missing", "sources[0].kind", f'[[sources]]{HERE}\nsite = "lier"'),
    ("choice", "sources.pbx.kind", f'[[sources]]\nid = "pbx"\nkind = "queuelog"{HERE}'),
    ("table", "sources[0]", f'sources = ["pbx"]{HERE}'),
    (
        "path_type",
        "sources.pbx.path",
        f'[[sources]]\nid = "pbx"\nkind = "queue_log"\nsite = "lier"\npath = 3{HERE}',
    ),
    (
        "name_unknown",
        "sources.pbx.queues.600",
        (
            '[[sources]]\nid = "pbx"\nkind = "queue_log"\nsite = "lier"\npath = "x"\n'
            f'queues = {{ 600 = "onthal" }}{HERE}'
        ),
    ),
    (
        "table",
        "sources.pbx.queues",
        f'[[sources]]\nid = "pbx"\nkind = "queue_log"\nsite = "lier"\npath = "x"\nqueues = ["onthaal"]{HERE}',
    ),
    ("name_unknown", "sources.web.site", http("").replace('"lier"', f'"lire"{HERE}')),
    ("name_unknown", "sources.web.queues[1]", http(f'queues = ["onthaal", "onthal"]{HERE}')),
    ("name", "sources.web.queues[0]", http(f'queues = ["Onthaal!"]{HERE}')),
    ("list_or_all", "sources.web.queues", http(f'queues = "onthaal"{HERE}')),
    ("list_or_all", "sources.web.queues", http(f"queues = 3{HERE}")),
    (
        "system_name",
        "sources.pbx.hosts[0]",
        f'[[sources]]\nid = "pbx"\nkind = "queue_log"\nsite = "lier"\npath = "x"\nhosts = ["An P."]{HERE}',
    ),
    ("key_sha256", "sources.web.key_sha256[0]", http("", f'key_sha256 = ["open sesame"]{HERE}')),
    ("too_short", "sources.web.key_sha256", http("", f"key_sha256 = []{HERE}")),
    ("extra_forbidden", "sources.web.api_key", http(f'api_key = "open sesame"{HERE}')),
    ("name_twice", "sources.web.id", http("") + http("").replace('"web"', f'"web"{HERE}')),
    ("less_than_equal", "pipeline.partitions", f"[pipeline]\npartitions = 257{HERE}"),
    ("duration_range", "pipeline.dedup", f'[pipeline]\ndedup = "5m"{HERE}'),
    ("duration_range", "pipeline.dedup", f'[pipeline]\ndedup = "25h"{HERE}'),
    ("duration_range", "pipeline.open_timeout", f'[pipeline]\nopen_timeout = "30s"{HERE}'),
    ("duration_range", "pipeline.future_tolerance", f'[pipeline]\nfuture_tolerance = "2h"{HERE}'),
    ("duration_range", "pipeline.lease", f'[pipeline]\nlease = "2m"{HERE}'),
    ("open_timeout", "pipeline", f'[pipeline]{HERE}\ndedup = "1h"\nopen_timeout = "2h"'),
    # Rules
    ("name_twice", "rules.missed.id", rule("limit = 0.2") + rule("limit = 0.2", id_=f'missed"{HERE}\n#')),
    (
        "name_twice",
        "budget_rules.missed.id",
        PROMISE + rule("limit = 0.2") + budget("burn_rate = 2.0").replace('"budget"', f'"missed"{HERE}'),
    ),
    (
        "name_twice",
        "no_data_rules.missed.id",
        rule("limit = 0.2") + no_data('source = "web"').replace('"quiet-web"', f'"missed"{HERE}'),
    ),
    (
        "warning_named_twice",
        "rules.missed.warn_at",
        rule("limit = 0.2", id_="missed-warning") + rule(f"limit = 0.2\nwarn_at = 0.1{HERE}"),
    ),
    (
        "warning_named_twice",
        "rules.missed.warn_at",
        rule(f"limit = 0.2\nwarn_at = 0.1{HERE}")
        + no_data('source = "web"').replace("quiet-web", "missed-warning"),
    ),
    (
        "source_named_as_queue",
        "sources.onthaal.id",
        no_data('source = "onthaal"') + http("").replace('"web"', f'"onthaal"{HERE}'),
    ),
    (
        "source_named_as_queue",
        "sources.all.id",
        no_data('source = "all"') + http("").replace('"web"', f'"all"{HERE}'),
    ),
    ("limit_never_above", "rules.missed.limit", rule(f"limit = 1.0{HERE}")),
    ("limit_never_above", "rules.missed.limit", rule(f"limit = 604800{HERE}", "call_wait_mean")),
    ("limit_never_above", "rules.missed.limit", rule(f"limit = 90000{HERE}", "lead_time_mean")),
    (
        "limit_never_above",
        "rules.missed",
        PROMISE.replace("0.2", "1.0") + rule("").replace("]]", f"]]{HERE}"),
    ),
    ("limit_never_below", "rules.missed.limit", rule(f"limit = 0.0{HERE}", "service_level")),
    (
        "budget_of_nothing",
        "budget_rules.budget",
        PROMISE.replace("0.2", "0") + budget("burn_rate = 2.0").replace("]]", f"]]{HERE}"),
    ),
    (
        "burn_unreachable",
        "budget_rules.budget.burn_rate",
        PROMISE.replace("missed_ratio", "call_wait_mean").replace("0.2", "60000")
        + budget(f'kpi = "call_wait_mean"\nburn_rate = 11.0{HERE}'),
    ),
    (
        "hold_too_long",
        "no_data_rules.quiet-web.after",
        OFFICE + no_data(f'source = "web"\nhours = "office"\nafter = "8h30m"{HERE}'),
    ),
    (
        "hold_too_long",
        "rules.missed.hold",
        OFFICE
        + queue('id = "b"\nkind = "phone"\nhours = "office"').replace(
            '"phone"\n[[', '"phone"\nhours = "office"\n[['
        )
        + rule(f'limit = 0.2\nhold = "9h"{HERE}'),
    ),
    ("name_unknown", "rules.missed.site", rule(f'limit = 0.2\nsite = "lire"{HERE}')),
    ("name_unknown", "rules.missed.queue", rule(f'limit = 0.2\nqueue = "onthal"{HERE}')),
    ("name", "rules.missed.queue", rule(f'limit = 0.2\nqueue = "On thaal"{HERE}')),
    ("string_type", "rules.missed.queue", rule(f"limit = 0.2\nqueue = 3{HERE}")),
    ("kpi_other_kind", "rules.missed.queue", rule(f'limit = 0.2\nqueue = "loket"{HERE}')),
    ("choice", "rules.missed.kpi", rule("", "mised").replace('"mised"', f'"mised"{HERE}')),
    ("choice", "rules.missed.severity", rule(f'limit = 0.2\nseverity = "high"{HERE}')),
    ("bool_type", "rules.missed.open_only", rule(f'limit = 0.2\nopen_only = "no"{HERE}')),
    ("duration_negative", "rules.missed.hold", rule(f'limit = 0.2\nhold = "-1m"{HERE}')),
    ("ratio", "rules.missed.limit", rule(f"limit = 20{HERE}")),
    ("ratio", "rules.missed.warn_at", rule(f"limit = 0.2\nwarn_at = 18{HERE}")),
    ("ratio", "rules.missed.clear_at", rule(f"limit = 0.2\nclear_at = 18{HERE}")),
    ("rule_window", "rules.missed.window", rule(f'limit = 0.2\nwindow = "week"{HERE}')),
    ("rule_window", "rules.missed.window", rule(f'limit = 0.2\nwindow = "7s"{HERE}')),
    ("rule_window", "rules.missed.window", rule(f'limit = 0.2\nwindow = "-15m"{HERE}')),
    ("rule_window", "rules.missed.window", rule(f"limit = 0.2\nwindow = 15{HERE}")),
    ("rule_window", "rules.missed.window", rule(f"limit = 0.2\nwindow = []{HERE}")),
    ("target_missing", "rules.missed", f'[[rules]]{HERE}\nid = "missed"\nkpi = "missed_ratio"'),
    ("target_missing", "rules.wait", f'[[rules]]{HERE}\nid = "wait"\nkpi = "visit_wait_mean"\nqueue = "*"'),
    ("warn_at_high", "rules.missed.warn_at", rule(f"limit = 0.2\nwarn_at = 0.2{HERE}")),
    ("warn_at_high", "rules.missed.warn_at", PROMISE + rule(f"warn_at = 0.25{HERE}")),
    ("warn_at_low", "rules.missed.warn_at", rule(f"limit = 0.8\nwarn_at = 0.8{HERE}", "service_level")),
    ("clear_at_high", "rules.missed.clear_at", rule(f"limit = 0.2\nclear_at = 0.21{HERE}")),
    ("clear_at_low", "rules.missed.clear_at", rule(f"limit = 0.8\nclear_at = 0.79{HERE}", "service_level")),
    ("greater_than", "budget_rules.budget.burn_rate", PROMISE + budget(f"burn_rate = 0{HERE}")),
    ("float_type", "budget_rules.budget.burn_rate", PROMISE + budget(f'burn_rate = "6"{HERE}')),
    ("burn_unreachable", "budget_rules.budget.burn_rate", PROMISE + budget(f"burn_rate = 6{HERE}")),
    ("burn_unreachable", "budget_rules.budget.burn_rate", PROMISE + budget(f"burn_rate = 5.0{HERE}")),
    ("choice", "budget_rules.budget.kpi", budget(f'burn_rate = 2\nkpi = "lead_time_mean"{HERE}')),
    ("missing", "budget_rules.budget.burn_rate", PROMISE + budget("").replace("]]", f"]]{HERE}")),
    (
        "short_window",
        "budget_rules.budget.short_window",
        PROMISE + budget("burn_rate = 2.0", f'short_window = "1h"{HERE}'),
    ),
    (
        "window",
        "budget_rules.budget.short_window",
        PROMISE + budget("burn_rate = 2.0", f'short_window = "7s"{HERE}'),
    ),
    ("name_unknown", "budget_rules.budget.site", PROMISE + budget(f'burn_rate = 2\nsite = "lire"{HERE}')),
    ("target_missing", "budget_rules.budget", budget("burn_rate = 2.0").replace("]]", f"]]{HERE}")),
    ("name_unknown", "no_data_rules.quiet-web.source", no_data(f'source = "wep"{HERE}')),
    ("name_unknown", "no_data_rules.quiet-web.hours", no_data(f'source = "web"\nhours = "desk"{HERE}')),
    ("duration_range", "no_data_rules.quiet-web.after", no_data(f'source = "web"\nafter = "5s"{HERE}')),
    # Who is told
    (
        "name_twice",
        "receivers.desk.id",
        webhook('url = "https://a.example/"')
        + webhook('url = "https://b.example/"').replace('"desk"', f'"desk"{HERE}'),
    ),
    ("too_short", "receivers.desk.channels", f'[[receivers]]\nid = "desk"\nchannels = []{HERE}'),
    (
        "missing",
        "receivers.desk.channels[0].kind",
        receiver(f"# no kind{HERE}").replace(
            f"[[receivers.channels]]\n# no kind{HERE}", f"[[receivers.channels]]{HERE}"
        ),
    ),
    ("choice", "receivers.desk.channels[0].kind", receiver(f'kind = "mail"{HERE}')),
    ("table", "receivers.desk.channels[0]", f'[[receivers]]\nid = "desk"\nchannels = ["mail"]{HERE}'),
    ("tables", "receivers.desk.channels", f'[[receivers]]\nid = "desk"\nchannels = "mail"{HERE}'),
    (
        "smtp_missing",
        "receivers.desk.channels[0].kind",
        receiver(f'kind = "email"{HERE}\nto = ["a@b.example"]'),
    ),
    (
        "email",
        "receivers.desk.channels[0].to[0]",
        smtp("") + receiver(f'kind = "email"\nto = ["desk"]{HERE}'),
    ),
    (
        "email",
        "receivers.desk.channels[0].to[1]",
        smtp("") + receiver(f'kind = "email"\nto = ["a@b.example", "Desk <a@b.example>"]{HERE}'),
    ),
    (
        "list",
        "receivers.desk.channels[0].to",
        smtp("") + receiver(f'kind = "email"\nto = "a@b.example"{HERE}'),
    ),
    ("too_short", "receivers.desk.channels[0].to", smtp("") + receiver(f'kind = "email"\nto = []{HERE}')),
    ("url", "receivers.desk.channels[0].url", webhook(f'url = "meldkamer"{HERE}')),
    ("url", "receivers.desk.channels[0].url", webhook(f'url = "ftp://example.org"{HERE}')),
    ("url", "receivers.desk.channels[0].url", webhook(f"url = 3{HERE}")),
    ("url", "receivers.desk.channels[0].url", webhook(f'url = "https://a.example/{"a" * 3_000}"{HERE}')),
    ("url_secret", "receivers.desk.channels[0].url", webhook(f'url = "https://u:sesame@a.example/"{HERE}')),
    ("url_secret", "notify.base_url", f'[notify]\nbase_url = "https://sesame@a.example/"{HERE}'),
    (
        "secret_itself",
        "receivers.desk.channels[0].secret_file",
        webhook(f'url = "https://a.example/"\nsecret_file = "open sesame"{HERE}'),
    ),
    (
        "secret_itself",
        "receivers.desk.channels[0].url_file",
        receiver(f'kind = "apprise"\nurl_file = "slack://sesame/a/b"{HERE}'),
    ),
    ("path_type", "receivers.desk.channels[0].url_file", receiver(f'kind = "apprise"\nurl_file = 3{HERE}')),
    ("missing", "routes[0].receivers", f"[[routes]]{HERE}"),
    ("too_short", "routes[0].receivers", f"[[routes]]\nreceivers = []{HERE}"),
    ("name_unknown", "routes[0].receivers[0]", f'[[routes]]\nreceivers = ["desk"]{HERE}'),
    ("name_unknown", "routes[0].escalate_to[1]", route(f'escalate_to = ["desk", "boss"]{HERE}')),
    ("name_unknown", "routes[0].sites[0]", inline_route('sites = ["lire"]')),
    ("name_unknown", "routes[0].queues[1]", route(f'queues = ["all", "onthal"]{HERE}')),
    ("name_unknown", "routes[0].rules[0]", route(f'rules = ["mised"]{HERE}')),
    ("choice", "routes[0].severities[0]", route(f'severities = ["high"]{HERE}')),
    ("choice", "routes[0].measures[0]", route(f'measures = ["burnrate"]{HERE}')),
    ("list", "routes[0].severities", route(f'severities = "critical"{HERE}')),
    ("duration_range", "routes[0].escalate_after", route(f'escalate_after = "10s"{HERE}')),
    ("table", "notify", f"notify = 3{HERE}"),
    ("tables", "notify.quiet", f'[notify]\nquiet = "desk"{HERE}'),
    ("name_unknown", "notify.quiet[0].hours", f'[notify]\nquiet = [{{ hours = "night" }}]{HERE}'),
    ("bool_type", "notify.tell_resolved", f"[notify]\ntell_resolved = 1{HERE}"),
    ("less_than_equal", "notify.flap_messages", f"[notify]\nflap_messages = 101{HERE}"),
    ("path_type", "notify.templates", f"[notify]\ntemplates = 3{HERE}"),
    ("table", "smtp", f'smtp = "mail.lier.example"{HERE}'),
    ("smtp_clear", "smtp", smtp('user = "u"\ntls = "none"').replace("[smtp]", f"[smtp]{HERE}")),
    ("choice", "smtp.tls", smtp(f'tls = "ssl"{HERE}')),
    ("extra_forbidden", "smtp.password", smtp(f'password = "open sesame"{HERE}')),
    ("missing", "smtp.host", smtp("", "").replace("[smtp]", f"[smtp]{HERE}")),
    ("host", "smtp.host", smtp("", f'host = "smtp://mail.lier.example:25"{HERE}')),
    ("host", "smtp.host", smtp("", f'host = ""{HERE}')),
    ("email", "smtp.sender", smtp("").replace('"a@lier.example"', f'"wachtpost"{HERE}')),
    ("less_than_equal", "smtp.port", smtp(f"port = 70000{HERE}")),
    ("secret_itself", "smtp.password_file", smtp(f'password_file = "open sesame"{HERE}')),
    ("string_too_short", "smtp.password_file", smtp(f'password_file = ""{HERE}')),
    ("string_too_short", "smtp.user", smtp(f'user = ""{HERE}')),
    ("url", "grafana.url", grafana('token_file = "/t"', f'url = "grafana"{HERE}')),
    ("secret_itself", "grafana.token_file", grafana(f'token_file = "glsa_opensesame"{HERE}')),
    ("dashboard_uid", "grafana.dashboard_uid", grafana(f'token_file = "/t"\ndashboard_uid = "a b"{HERE}')),
    ("string_too_short", "grafana.folder", grafana(f'token_file = "/t"\nfolder = ""{HERE}')),
    # History and the report
    ("list", "history.files", f'[history]\nfiles = "old.toml"{HERE}'),
    ("name_twice", "service_level_definitions.a.id", _TWO_LEVELS),
    ("choice", "service_level_definitions.a.of", _level(f'of = "offered"{HERE}')),
    ("report_time", "report.at", f'[report]\nat = "8 uur"{HERE}'),
    ("greater_than_equal", "report.working_day", f"[report]\nworking_day = 0{HERE}"),
    ("choice", "report.attach[0]", f'[report]\nattach = ["xlsx"]{HERE}'),
    ("name_unknown", "report.receivers[0]", f'[report]\nreceivers = ["policy"]{HERE}'),
    (
        "report_no_mail",
        "report.receivers[0]",
        receiver('kind = "webhook"\nurl = "http://127.0.0.1/"') + f'\n[report]\nreceivers = ["desk"]{HERE}',
    ),
    # TOML itself
    ("toml_value", "", f"[live]\nmin_samples ={HERE}"),
    ("toml_value", "", f"[live]\nmin_samples = ten{HERE}"),
    ("toml_value", "", f"[[calendar.closing_days]]\non = 2026-02-30{HERE}"),
    ("toml_equals", "", f"[live]\nmin_samples 10{HERE}"),
    ("toml_newline", "", f"[live]\nmin_samples = 10 s{HERE}"),
    ("toml_twice", "", f"[live]\nmin_samples = 10\nmin_samples = 11{HERE}"),
    ("toml_twice", "", f"[live]\n[live]{HERE}"),
    ("toml_open", "", f"[live{HERE}"),
    ("toml", "", f"[live]\n!{HERE}"),
    ("byte_order_mark", "", f"\ufeff[live]{HERE}"),
    ("toml_deep", "", "a = " + "[" * 5_000 + "]" * 5_000),
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
    text = file_with(snippet, language)
    mistakes = [one for one in explain(text, "city.toml") if one.key == key]
    wanted = spoken(kind, language_of(text))
    assert [one for one in mistakes if wanted.fullmatch(one.wrong)], mistakes
    lines = text.split("\n")
    marked = next((number for number, line in enumerate(lines, 1) if HERE.strip() in line), None)
    assert [one.line for one in mistakes] == [marked] * len(mistakes)


def test_the_table_of_broken_files_knows_every_kind_of_mistake() -> None:
    of_other_files = {"period", "string_too_long", "amount", "percent_differs", "end_before_start"}
    beside_what_is_in_force = {"fixed"}
    told_elsewhere = of_other_files | beside_what_is_in_force
    assert {kind for kind, _, _ in BROKEN} == set(MISTAKES) - {"other"} - told_elsewhere


@pytest.mark.parametrize("language", languages())
def test_one_mistake_is_told_once_and_as_nothing_else(language: str) -> None:
    for kind, key, snippet in BROKEN:
        text = file_with(snippet, language)
        wheres = [(one.key, one.wrong) for one in explain(text, "city.toml")]
        assert len(wheres) == len(set(wheres)), (kind, key)
        assert not [one for one in explain(text, "city.toml") if "{" in one.wrong], (kind, key)
        assert translator(language).text(MISTAKES["other"].wrong) not in dict(wheres).values(), (kind, key)


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
        (rule('limit = 0.2\nwindow = "yaer"'), "year"),
        (rule("limit = 0.2\nwarn = 0.1"), "warn_at"),
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
