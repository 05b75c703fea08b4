"""What the check of a city file says, in the languages of a city.

One entry per kind of mistake: what is wrong, and what is allowed. Words in braces such as ``{known}`` are
filled in by ``shared.config_check``. The offending value is never part of a sentence: it is shown, or
withheld, in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Said(NamedTuple):
    """A mistake in one language."""

    wrong: str
    allowed: str


class Sentence(NamedTuple):
    """A mistake in every language."""

    nl: Said
    en: Said

    @property
    def text(self) -> str:
        """In English on one line, for the log of a service that was started with a broken file."""
        return f"{self.en.wrong}; allowed: {self.en.allowed}"


MISTAKES: Final[Mapping[str, Sentence]] = {
    # The file as a whole
    "byte_order_mark": Sentence(
        Said("het bestand begint met een byte order mark", "UTF-8 zonder BOM"),
        Said("the file starts with a byte order mark", "UTF-8 without a BOM"),
    ),
    "toml": Sentence(
        Said("dit is geen geldige TOML", "sleutel = waarde, [tabel], [[lijst van tabellen]] of # commentaar"),
        Said("this is not valid TOML", "key = value, [table], [[list of tables]] or # comment"),
    ),
    "toml_value": Sentence(
        Said(
            "hier ontbreekt een geldige waarde",
            'tekst tussen "aanhalingstekens", een getal met een punt, true of false, een datum, '
            "een [lijst] of een {{tabel}}",
        ),
        Said(
            "a valid value is missing here",
            'text in "quotes", a number with a point, true or false, a date, a [list] or a {{table}}',
        ),
    ),
    "toml_equals": Sentence(
        Said("na deze sleutel ontbreekt =", "sleutel = waarde"),
        Said("= is missing after this key", "key = value"),
    ),
    "toml_newline": Sentence(
        Said("hier staat nog iets achter de waarde", "één sleutel = waarde per regel"),
        Said("something follows the value here", "one key = value per line"),
    ),
    "toml_twice": Sentence(
        Said(
            "deze sleutel of tabel staat er al",
            "elke sleutel en elke [tabel] één keer; herhaalde delen heten [[zo]]",
        ),
        Said(
            "this key or table stands there already",
            "every key and every [table] once; repeated parts are called [[so]]",
        ),
    ),
    "toml_open": Sentence(
        Said("hier is iets niet afgesloten", 'een sluitend aanhalingsteken, "]" of "}}"'),
        Said("something is not closed here", 'a closing quote, "]" or "}}"'),
    ),
    "toml_deep": Sentence(
        Said("lijsten of tabellen zijn te diep genest", "de delen van het meegeleverde voorbeeld"),
        Said("lists or tables are nested too deeply", "the sections of the example that comes with it"),
    ),
    # Keys and shapes
    "extra_forbidden": Sentence(
        Said("onbekende sleutel", "{known}"),
        Said("unknown key", "{known}"),
    ),
    "missing": Sentence(
        Said("de sleutel {key} ontbreekt", "voeg {key} toe; deze sleutel is verplicht"),
        Said("the key {key} is missing", "add {key}; this key is required"),
    ),
    "table": Sentence(
        Said("hier hoort een tabel", "[{key}] met daaronder sleutel = waarde"),
        Said("a table belongs here", "[{key}] with key = value below it"),
    ),
    "tables": Sentence(
        Said("hier horen herhaalde tabellen", "[[{key}]] boven elk deel, met dubbele haken"),
        Said("repeated tables belong here", "[[{key}]] above every part, with double brackets"),
    ),
    "list": Sentence(
        Said("hier hoort een lijst", 'waarden tussen vierkante haken, zoals ["a", "b"]'),
        Said("a list belongs here", 'values in square brackets, such as ["a", "b"]'),
    ),
    "hours_list": Sentence(
        Said("hier hoort een lijst van openingsuren", '["09:00-12:30", "13:30-17:00"], of [] voor gesloten'),
        Said("a list of opening hours belongs here", '["09:00-12:30", "13:30-17:00"], or [] for closed'),
    ),
    "list_or_all": Sentence(
        Said("hier hoort een lijst van wachtrijen", '["onthaal", "burgerzaken"], of "*" voor allemaal'),
        Said("a list of queues belongs here", '["onthaal", "burgerzaken"], or "*" for all of them'),
    ),
    "too_short": Sentence(
        Said("deze lijst is leeg", "minstens één"),
        Said("this list is empty", "at least one"),
    ),
    "string_type": Sentence(
        Said("hier hoort tekst", 'tekst tussen aanhalingstekens, zoals "Lier"'),
        Said("text belongs here", 'text in quotes, such as "Lier"'),
    ),
    "string_too_short": Sentence(
        Said("deze tekst is leeg", "minstens één teken"),
        Said("this text is empty", "at least one character"),
    ),
    "string_too_long": Sentence(
        Said("deze tekst is te lang", "hoogstens {max_length} tekens"),
        Said("this text is too long", "{max_length} characters at most"),
    ),
    "int_type": Sentence(
        Said("hier hoort een geheel getal", "een geheel getal zonder aanhalingstekens, zoals 10"),
        Said("a whole number belongs here", "a whole number without quotes, such as 10"),
    ),
    "float_type": Sentence(
        Said("hier hoort een getal", "een getal met een punt en zonder aanhalingstekens, zoals 0.20"),
        Said("a number belongs here", "a number with a point and without quotes, such as 0.20"),
    ),
    "bool_type": Sentence(
        Said("hier hoort ja of nee", "true of false, zonder aanhalingstekens"),
        Said("yes or no belongs here", "true or false, without quotes"),
    ),
    "finite_number": Sentence(
        Said("dit getal is niet eindig", "een gewoon getal"),
        Said("this number is not finite", "an ordinary number"),
    ),
    "greater_than_equal": Sentence(
        Said("dit getal is te klein", "{ge} of meer"),
        Said("this number is too small", "{ge} or more"),
    ),
    "greater_than": Sentence(
        Said("dit getal is te klein", "meer dan {gt}"),
        Said("this number is too small", "more than {gt}"),
    ),
    "less_than_equal": Sentence(
        Said("dit getal is te groot", "{le} of minder"),
        Said("this number is too large", "{le} or less"),
    ),
    "choice": Sentence(
        Said("onbekende waarde", "{known}"),
        Said("unknown value", "{known}"),
    ),
    "path_type": Sentence(
        Said("hier hoort een pad", 'een pad tussen aanhalingstekens, zoals "/var/log/asterisk/queue_log"'),
        Said("a path belongs here", 'a path in quotes, such as "/var/log/asterisk/queue_log"'),
    ),
    "other": Sentence(
        Said("deze waarde is niet bruikbaar", "een waarde zoals in het meegeleverde voorbeeld"),
        Said("this value cannot be used", "a value as in the example that comes with it"),
    ),
    # Names
    "name": Sentence(
        Said(
            "geen bruikbare naam",
            "kleine letters, cijfers, '_', '.' en '-', te beginnen met een letter of cijfer, "
            "hoogstens 64 tekens",
        ),
        Said(
            "not a usable name",
            "small letters, digits, '_', '.' and '-', starting with a letter or digit, 64 characters at most",
        ),
    ),
    "name_unknown": Sentence(
        Said("er is geen {name}", "{known}"),
        Said("there is no {name}", "{known}"),
    ),
    "name_twice": Sentence(
        Said("{name} bestaat al: {other}", "elke id één keer"),
        Said("{name} exists already: {other}", "every id once"),
    ),
    "warning_named_twice": Sentence(
        Said(
            "de waarschuwing van deze regel heet {name}, en zo heet ook {other}",
            "voor een van beide een andere id",
        ),
        Said(
            "the warning of this rule is called {name}, and so is {other}",
            "another id for one of the two",
        ),
    ),
    "source_named_as_queue": Sentence(
        Said(
            "waar een wachtrij staat, noemt een regel over stilte deze bron {name}: zo heet ook {other}",
            "een andere id voor de bron",
        ),
        Said(
            "where a queue stands, a silence rule calls this source {name}: so is {other} called",
            "another id for the source",
        ),
    ),
    "queue_all": Sentence(
        Said('"all" is de naam van het totaal van de site', "een andere naam"),
        Said('"all" is the name of the site\'s total', "another name"),
    ),
    "kpi_other_kind": Sentence(
        Said("deze wachtrij heeft die KPI niet: telefoon en loket verschillen", "{known}"),
        Said("this queue does not have that KPI: phones and counters differ", "{known}"),
    ),
    "target_twice": Sentence(
        Said(
            "deze streefwaarde staat er al",
            "één limiet per KPI, site, wachtrij en periode",
        ),
        Said(
            "this target stands there already",
            "one limit per KPI, site, queue and period",
        ),
    ),
    # The city's words
    "time_zone": Sentence(
        Said("geen bekende tijdzone", 'een IANA-tijdzone zoals "Europe/Brussels"'),
        Said("not a known time zone", 'an IANA time zone such as "Europe/Brussels"'),
    ),
    "country": Sentence(
        Said("geen bekend land", 'een landcode zoals "BE", of "" voor geen feestdagen'),
        Said("not a known country", 'a country code such as "BE", or "" for no public holidays'),
    ),
    "duration": Sentence(
        Said("geen duur", '"20s", "15m", "2h" of "1h30m"'),
        Said("not a duration", '"20s", "15m", "2h" or "1h30m"'),
    ),
    "duration_negative": Sentence(
        Said("een duur kan niet negatief zijn", '"0s" of meer'),
        Said("a duration cannot be negative", '"0s" or more'),
    ),
    "duration_range": Sentence(
        Said("deze duur ligt buiten de grenzen", "van {least} tot en met {most}"),
        Said("this duration is out of bounds", "from {least} up to and including {most}"),
    ),
    "open_timeout": Sentence(
        Said("open_timeout is langer dan dedup", "hoogstens zo lang als dedup"),
        Said("open_timeout is longer than dedup", "at most as long as dedup"),
    ),
    "histogram_edge": Sentence(
        Said(
            "tot hier kan niet exact geteld worden",
            "hele seconden tot 10m, stappen van 10s tot 1h, hele minuten tot 4h",
        ),
        Said(
            "counts up to here cannot be exact",
            "whole seconds up to 10m, steps of 10s up to 1h, whole minutes up to 4h",
        ),
    ),
    "bounds_order": Sentence(
        Said("deze grenzen stijgen niet", "minstens één grens, stijgend, de eerste boven 0s"),
        Said("these bounds do not rise", "at least one bound, rising, the first above 0s"),
    ),
    "window": Sentence(
        Said(
            "dit venster kan niet exact berekend worden",
            "een veelvoud van 10s tot 2h, of van 5m daarboven, en korter dan 26h",
        ),
        Said(
            "this window cannot be computed exactly",
            "a multiple of 10s up to 2h, or of 5m above that, and shorter than 26h",
        ),
    ),
    "windows_unique": Sentence(
        Said("geen venster, of hetzelfde venster twee keer", "minstens één venster, elk één keer"),
        Said("no window, or the same window twice", "at least one window, each once"),
    ),
    "span": Sentence(
        Said("geen openingsuren", '"09:00-12:30", tot middernacht "18:00-24:00"'),
        Said("not opening hours", '"09:00-12:30", until midnight "18:00-24:00"'),
    ),
    "span_order": Sentence(
        Said(
            "deze uren eindigen voor ze beginnen",
            "een begin voor het einde; over middernacht heen: twee dagen",
        ),
        Said(
            "these hours end before they start",
            "a start before the end; across midnight: two days",
        ),
    ),
    "span_overlap": Sentence(
        Said("openingsuren van één dag overlappen", "uren die op elkaar volgen"),
        Said("opening hours of one day overlap", "hours that follow one another"),
    ),
    "closing_day": Sentence(
        Said("een sluitingsdag heeft één datum", 'of on = 2026-05-15, of every_year = "07-11"'),
        Said("a closing day has one date", 'either on = 2026-05-15 or every_year = "07-11"'),
    ),
    "day": Sentence(
        Said("geen datum", "2026-05-15, zonder uur"),
        Said("not a date", "2026-05-15, without a time"),
    ),
    "every_year": Sentence(
        Said("geen dag van het jaar", 'maand en dag, zoals "07-11"'),
        Said("not a day of the year", 'month and day, such as "07-11"'),
    ),
    "closes_at": Sentence(
        Said("geen sluitingsuur", '"12:00": uren en hele minuten, na middernacht'),
        Said("not a closing time", '"12:00": hours and whole minutes, after midnight'),
    ),
    "outcomes_empty": Sentence(
        Said("deze definitie telt niets", "minstens één uitkomst: {known}"),
        Said("this definition counts nothing", "at least one outcome: {known}"),
    ),
    "ratio": Sentence(
        Said("een aandeel is hoogstens 1", "0 tot 1: 20 % is 0.20"),
        Said("a ratio is 1 at most", "0 to 1: 20 % is 0.20"),
    ),
    "key_sha256": Sentence(
        Said(
            "geen SHA-256 van een sleutel (de sleutel zelf hoort hier niet)",
            "64 tekens 0-9 en a-f, zoals wachtpost keys create ze geeft",
        ),
        Said(
            "not the SHA-256 of a key (the key itself does not belong here)",
            "64 characters 0-9 and a-f, as wachtpost keys create gives them",
        ),
    ),
    # History and reports
    "period": Sentence(
        Said("geen periode", '"2026", "2026-10", "2026-H1" of "2026-Q3"'),
        Said("not a period", '"2026", "2026-10", "2026-H1" or "2026-Q3"'),
    ),
    "report_time": Sentence(
        Said("geen uur van de dag", '"08:00": uren en minuten'),
        Said("not a time of day", '"08:00": hours and minutes'),
    ),
    "report_no_mail": Sentence(
        Said("{name} heeft geen e-mailadres om het rapport naar te sturen", 'een kanaal met kind = "email"'),
        Said("{name} has no e-mail address to send the report to", 'a channel with kind = "email"'),
    ),
    "amount": Sentence(
        Said(
            "geen bedrag of percentage met twee decimalen",
            'tussen aanhalingstekens, met een punt voor de decimalen en zonder duizendtallen: "22884.73"',
        ),
        Said(
            "not an amount or a percentage with two decimals",
            'in quotes, with a point before the decimals and no sign for thousands: "22884.73"',
        ),
    ),
    "percent_differs": Sentence(
        Said("dit percentage volgt niet uit de bedragen", '"{computed}", of andere bedragen'),
        Said("this percentage does not follow from the amounts", '"{computed}", or other amounts'),
    ),
    "end_before_start": Sentence(
        Said("deze dag ligt voor het begin", "de begindag of later"),
        Said("this day lies before the start", "the day of the start or later"),
    ),
    # Breaches
    "rule_window": Sentence(
        Said(
            "geen venster van een regel",
            '"today", "month" of "year", of een duur: een veelvoud van 10s tot 2h, of van 5m daarboven, '
            "korter dan 26h",
        ),
        Said(
            "not the window of a rule",
            '"today", "month" or "year", or a duration: a multiple of 10s up to 2h, or of 5m above that, '
            "shorter than 26h",
        ),
    ),
    "short_window": Sentence(
        Said("short_window is niet korter dan long_window", "een korter venster, zoals 1/12 van long_window"),
        Said("short_window is not shorter than long_window", "a shorter window, such as 1/12 of long_window"),
    ),
    "target_missing": Sentence(
        Said(
            "deze regel heeft geen limiet, en de stad heeft die KPI niets beloofd voor: {known}",
            "limit = … in deze regel, of een [[targets]] met deze kpi en queue",
        ),
        Said(
            "this rule has no limit, and the city has promised nothing about that KPI for: {known}",
            "limit = … in this rule, or a [[targets]] with this kpi and queue",
        ),
    ),
    "limit_never_above": Sentence(
        Said(
            "boven deze limiet ({known}) komt deze KPI nooit: de regel zou nooit afgaan",
            "minder dan {number}",
        ),
        Said(
            "this KPI never goes above this limit ({known}): the rule would never fire", "less than {number}"
        ),
    ),
    "limit_never_below": Sentence(
        Said(
            "onder deze limiet ({known}) komt deze KPI nooit: de regel zou nooit afgaan",
            "meer dan {number} en hoogstens 1",
        ),
        Said(
            "this KPI never goes below this limit ({known}): the rule would never fire",
            "more than {number} and 1 at most",
        ),
    ),
    "warn_at_high": Sentence(
        Said("deze waarschuwing komt niet voor de limiet", "minder dan {number}"),
        Said("this warning does not come before the limit", "less than {number}"),
    ),
    "warn_at_low": Sentence(
        Said("bij deze KPI is meer beter: deze waarschuwing komt niet voor de limiet", "meer dan {number}"),
        Said("more of this KPI is better: this warning does not come before the limit", "more than {number}"),
    ),
    "clear_at_high": Sentence(
        Said("bij deze waarde is het nog niet voorbij: ze ligt over de limiet", "{number} of minder"),
        Said("it is not over at this value: it lies beyond the limit", "{number} or less"),
    ),
    "clear_at_low": Sentence(
        Said("bij deze KPI is meer beter: deze waarde haalt de limiet niet", "{number} of meer"),
        Said("more of this KPI is better: this value does not reach the limit", "{number} or more"),
    ),
    "burn_unreachable": Sentence(
        Said(
            "zo snel kan het niet gaan: dan is elke oproep al gemist, of wacht hij een week",
            "minder dan {number} (het hoogste / streefwaarde)",
        ),
        Said(
            "it cannot go this fast: by then every call is missed, or waits for a week",
            "less than {number} (the highest / target)",
        ),
    ),
    "too_patient": Sentence(
        Said(
            "langer dan {name} is het nooit aan één stuk open: de regel zou nooit afgaan", "minder dan {name}"
        ),
        Said(
            "it is never open for longer than {name} at a stretch: the rule would never fire",
            "less than {name}",
        ),
    ),
    "budget_of_nothing": Sentence(
        Said(
            "een streefwaarde van 0 laat geen marge om te verbruiken: de regel zou nooit afgaan",
            "een streefwaarde boven 0, of een regel in [[rules]] met limit = 0",
        ),
        Said(
            "a target of 0 leaves no budget to use up: the rule would never fire",
            "a target above 0, or a rule in [[rules]] with limit = 0",
        ),
    ),
    # Who is told
    "email": Sentence(
        Said("geen e-mailadres", '"balie@lier.example": één adres, zonder naam of spaties'),
        Said("not an e-mail address", '"desk@lier.example": one address, without a name or spaces'),
    ),
    "url": Sentence(
        Said("geen webadres", 'een adres met http:// of https://, zoals "https://grafana.lier.example"'),
        Said(
            "not a web address", 'an address with http:// or https://, such as "https://grafana.lier.example"'
        ),
    ),
    "url_secret": Sentence(
        Said(
            "in dit adres staat een gebruiker of een wachtwoord",
            "het adres zonder wat voor @ staat; geheimen staan in een eigen bestand",
        ),
        Said(
            "this address holds a user or a password",
            "the address without what stands before @; secrets are in a file of their own",
        ),
    ),
    "secret_itself": Sentence(
        Said(
            "dit lijkt het geheim zelf; hier hoort het bestand waarin het staat",
            'een pad zonder spaties, zoals "/run/secrets/smtp"',
        ),
        Said(
            "this looks like the secret itself; the file that holds it belongs here",
            'a path without spaces, such as "/run/secrets/smtp"',
        ),
    ),
    "host": Sentence(
        Said("geen naam van een server", '"mail.lier.example" of een IP-adres; de poort staat in port'),
        Said("not the name of a server", '"mail.lier.example" or an IP address; the port is in port'),
    ),
    "system_name": Sentence(
        Said("geen naam van een centrale", 'zoals in systemname van asterisk.conf: "pbx1"'),
        Said("not the name of an exchange", 'as in systemname of asterisk.conf: "pbx1"'),
    ),
    "dashboard_uid": Sentence(
        Said(
            "geen uid van een dashboard",
            "1 tot 40 letters, cijfers, '-' en '_', zoals na /d/ in het adres van het dashboard",
        ),
        Said(
            "not the uid of a dashboard",
            "1 to 40 letters, digits, '-' and '_', as after /d/ in the dashboard's address",
        ),
    ),
    "smtp_missing": Sentence(
        Said("e-mail zonder mailserver", "een deel [smtp] met host en sender"),
        Said("e-mail without a mail server", "a section [smtp] with host and sender"),
    ),
    "smtp_clear": Sentence(
        Said(
            "zo gaat het wachtwoord onversleuteld over het netwerk",
            'tls = "starttls" of "tls", of een mailserver op deze machine (127.0.0.1) zonder',
        ),
        Said(
            "the password would cross the network unencrypted",
            'tls = "starttls" or "tls", or a mail server on this machine (127.0.0.1) without',
        ),
    ),
}
"""Every mistake that the check can find."""

PHRASES: Final[Mapping[str, tuple[str, str]]] = {
    # (nl, en)
    "did_you_mean": ("bedoelt u {name}?", "did you mean {name}?"),
    "allowed": ("toegestaan: {allowed}", "allowed: {allowed}"),
    "none": ("geen", "none"),
    "one_mistake": ("1 fout in {file}", "1 mistake in {file}"),
    "mistakes": ("{number} fouten in {file}", "{number} mistakes in {file}"),
    "absent": ("{file} bestaat niet", "{file} does not exist"),
    "directory": ("{file} is een map, geen bestand", "{file} is a directory, not a file"),
    "unreadable": ("{file} kan niet gelezen worden", "{file} cannot be read"),
    "not_utf8": (
        "{file} is geen UTF-8 (byte {byte}): bewaar het bestand als UTF-8",
        "{file} is not UTF-8 (byte {byte}): save the file as UTF-8",
    ),
    "good": ("{file} is in orde", "{file} is in order"),
    "site": ("site", "site"),
    "phone": ("telefoon", "phone"),
    "counter": ("loket", "counter"),
    "definitions": ("gemist", "missed"),
    "live_definition": ("{name} (actueel)", "{name} (live)"),
    "targets": ("streefwaarden", "targets"),
    "sources": ("bronnen", "sources"),
    "rules": ("regels", "rules"),
    "rules_by_kind": (
        "{total}: {kpi} op een KPI, {budget} op een foutenbudget, {silence} op een stille bron",
        "{total}: {kpi} on a KPI, {budget} on an error budget, {silence} on a silent source",
    ),
    "receivers": ("ontvangers", "receivers"),
    "nobody": ("geen: niemand krijgt bericht", "none: nobody is told"),
    "not_routed": ("{name} (op geen route)", "{name} (on no route)"),
    "open_today": ("vandaag open", "open today"),
    "closed": ("gesloten", "closed"),
}
"""The other words of the check and of its summary."""
