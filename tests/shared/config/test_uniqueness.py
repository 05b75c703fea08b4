"""Names that become one are refused, naming both; whatever is accepted has a series of its own."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.evaluator.alerting.rules import rules_of
from shared.config.errors import explain
from shared.config.model import CityFile
from shared.config.references import doubles

IDS = st.sampled_from(["x", "x-warning", "x-warning-warning", "onthaal", "all"])
SITE = {"id": "lier", "queues": [{"id": "onthaal", "kind": "phone"}, {"id": "loket", "kind": "counter"}]}

RULES = st.fixed_dictionaries(
    {"id": IDS, "kpi": st.sampled_from(["missed_ratio", "call_wait_mean"]), "limit": st.just(0.5)},
    optional={"warn_at": st.just(0.1), "queue": st.sampled_from(["*", "onthaal"])},
)
BUDGETS = st.fixed_dictionaries(
    {"id": IDS, "long_window": st.just("1h"), "short_window": st.just("5m"), "burn_rate": st.just(2.0)}
)
SOURCES = st.fixed_dictionaries({"id": IDS, "site": st.just("lier"), "path": st.just("/q")}).map(
    lambda source: source | {"kind": "queue_log"}
)


@st.composite
def cities(draw: st.DrawFn) -> dict[str, object]:
    sources = draw(st.lists(SOURCES, max_size=2))
    watched = [draw(IDS) for source in sources if draw(st.booleans())]
    return {
        "city": {"name": "Lier"},
        "sites": [SITE],
        "targets": [{"kpi": "missed_ratio", "limit": 0.2}],
        "rules": draw(st.lists(RULES, max_size=3)),
        "budget_rules": draw(st.lists(BUDGETS, max_size=1)),
        "sources": sources,
        "no_data_rules": [
            {"id": name, "source": source["id"]} for name, source in zip(watched, sources, strict=False)
        ],
    }


@given(cities())
def test_every_watch_of_a_city_file_that_is_accepted_has_a_series_and_a_name_of_its_own(
    document: dict[str, object],
) -> None:
    assume(not list(doubles(document)))
    city = CityFile.model_validate(document)
    watched = rules_of(city, city.sites)
    series = Counter(rule.key.labels[:3] for rule in watched)
    assert [one for one, number in series.items() if number > 1] == []
    assert len({rule.key.name for rule in watched}) == len(watched)
    queues = {queue.id for site in city.sites for queue in site.queues} | {"all"}
    assert not queues & {rule.source for rule in city.no_data_rules}


BOTH = """\
[city]
name = "Lier"
language = "LANGUAGE"
[[sites]]
id = "lier"
queues = [{ id = "onthaal", kind = "phone" }]
[[rules]]
id = "x-warning"
kpi = "missed_ratio"
limit = 0.3
[[rules]]
id = "x"
kpi = "missed_ratio"
limit = 0.2
warn_at = 0.1
"""


@pytest.mark.parametrize(
    ("language", "wrong"),
    [
        ("nl", 'de waarschuwing van deze regel heet "x-warning", en zo heet ook OTHER'),
        ("en", 'the warning of this rule is called "x-warning", and so is OTHER'),
    ],
)
def test_both_places_are_named(language: str, wrong: str) -> None:
    (told,) = explain(BOTH.replace("LANGUAGE", language), "city.toml")
    assert (told.key, told.line, told.wrong) == (
        "rules.x.warn_at",
        15,
        wrong.replace("OTHER", "rules.x-warning.id (city.toml:8)"),
    )


def test_a_service_that_loads_the_file_says_so_too() -> None:
    with pytest.raises(
        ValueError, match=r"rules\.1\.warn_at: warning_named_twice x-warning \(as rules\.0\.id\)"
    ):
        CityFile.model_validate(
            {
                "city": {"name": "Lier"},
                "sites": [SITE],
                "rules": [
                    {"id": "x-warning", "kpi": "missed_ratio", "limit": 0.3},
                    {"id": "x", "kpi": "missed_ratio", "limit": 0.2, "warn_at": 0.1},
                ],
            }
        )
