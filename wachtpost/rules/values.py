"""What rules would have said of the past, as plain values for machines. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from shared.config.model import CityFile
from shared.translation import translator
from wachtpost.rules.by_days import Untried
from wachtpost.rules.findings import findings
from wachtpost.rules.trial import Occurrence, RuleTrial, Trial
from wachtpost.rules.usual import ByChance

Value = int | float | str | bool | None | list["Value"] | dict[str, "Value"]


def as_values(trial: Trial, usually: ByChance | None, city: CityFile) -> dict[str, Value]:
    """Return a trial as JSON takes it: times in UTC, lengths in seconds, hours of the city's clock."""
    return {
        "first": _time(trial.first),
        "last": _time(trial.last),
        "days": trial.days,
        "usual": None
        if usually is None
        else {"days": usually.days, "learnt_from": usually.learnt_from, "missed": usually.missed},
        "rules": [
            {
                **_rule(tried, trial, city),
                "by_chance_a_year": None if usually is None else usually.a_year(tried.key.name),
            }
            for tried in trial.rules
        ],
    }


def _rule(tried: RuleTrial, trial: Trial, city: CityFile) -> dict[str, Value]:
    key, measured = tried.key, tried.measured
    hours = Counter(one.fired_at.astimezone(city.city.zone).hour for one in tried.occurrences)
    say = translator(city.city.language)
    return {
        **key.model_dump(mode="json"),
        "fired": len(tried.occurrences),
        "fired_s": tried.total.total_seconds(),
        "longest_s": tried.longest.total_seconds(),
        "not_held": tried.brief,
        "hours": {str(hour): count for hour, count in sorted(hours.items())},
        "judged_s": measured.judged.total_seconds(),
        "read_s": measured.read.total_seconds(),
        "most_samples": measured.most_samples,
        "furthest": tried.furthest,
        "breaches": [_breach(one) for one in tried.occurrences],
        "findings": [
            {"kind": one.kind.value, "text": one.text, "better": one.better}
            for one in findings(tried, trial, city, say)
        ],
    }


def _breach(one: Occurrence) -> Value:
    return {
        "opened_at": _time(one.told.opened_at),
        "fired_at": _time(one.fired_at),
        "until": _time(one.until),
        "goes_on": one.goes_on,
        "cause": None if one.goes_on or one.last.cause is None else one.last.cause.value,
        "value": one.told.reading.value,
        "samples": one.told.reading.samples,
        "worst": one.last.worst,
    }


def _time(at: datetime) -> str:
    return at.isoformat()


def untried_values(untried: Sequence[Untried]) -> dict[str, Value]:
    """Return the rules that could not be tried, and why."""
    return {"untried": [{**one.rule.key.model_dump(mode="json"), "why": one.why.value} for one in untried]}
