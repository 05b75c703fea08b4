"""Today's code goes on from what the release before left in Redis, as that release would have.

What is meant to be otherwise is written down here, name for name and figure for figure, with the reason.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import pytest

from tests.support import redis_dump
from tests.support.breach_stage import redis_server
from tests.support.redis_servers import FLAVOURS
from tests.upgrade.fields import without_new_fields
from tests.upgrade.house import BEFORE, Figures, House, of_these, raised
from tests.upgrade.sequel import Sequel, played

GAUGES: Final[Mapping[str, str]] = {
    "calls_offered_total": "calls_offered",
    "calls_answered_total": "calls_answered",
    "calls_missed_total": "calls_missed",
    "visits_total": "visits",
    "appointments_booked_total": "appointments_booked",
    "contacts_while_closed_total": "contacts_while_closed",
}
"""Sums that were counters."""

GAUGE_HISTOGRAMS: Final[Mapping[str, str]] = {
    "call_wait_seconds": "calls_by_wait_seconds",
    "visit_wait_seconds": "visits_by_wait_seconds",
    "walk_in_wait_seconds": "walk_ins_by_wait_seconds",
    "appointment_lead_workdays": "appointments_by_lead_workdays",
}
PARTS: Final[Mapping[str, str]] = {"_bucket": "_bucket", "_count": "_gcount", "_sum": "_gsum"}

RENAMED: Final[Mapping[str, str]] = {
    "kpi=silence": "kpi=no_data",
    "origin=computed": "origin=counted",
    "wachtpost_outbox_parcels": "wachtpost_outbox_deliveries",
    "happening": "notification_kind",  # in the delivery log
    "notice": "notification",
    **{f"wachtpost_{its}": f"wachtpost_{today}" for its, today in GAUGES.items()},
    **{
        f"wachtpost_{its}{part}": f"wachtpost_{today}{part_today}"
        for its, today in GAUGE_HISTOGRAMS.items()
        for part, part_today in PARTS.items()
    },
}
"""What the release before called otherwise: a metric, a label, ``label=value``, a field → today's name."""

Changes = Mapping[str, Mapping[str, tuple[float, float]]]
"""Metric → labels as in ``Figures`` → (what the release before showed, what is right today)."""

HANDLE_TIME_IS_A_KPI: Final[Changes] = {
    "wachtpost_kpi_samples": {
        "kpi=handle_time_mean,queue=all,site=huis,window=today": (0, 2),
        "kpi=handle_time_mean,queue=centrale,site=huis,window=today": (0, 2),
    },
    "wachtpost_indicator_samples": {
        "kpi=handle_time_mean,origin=counted,period=2026-11,queue=all,site=huis": (0, 2),
        "kpi=handle_time_mean,origin=counted,period=2026-11,queue=centrale,site=huis": (0, 2),
        "kpi=handle_time_mean,origin=counted,period=2026,queue=all,site=huis": (0, 2),
        "kpi=handle_time_mean,origin=counted,period=2026,queue=centrale,site=huis": (0, 2),
    },
}
"""Conversations were timed before, of which no KPI told."""

WHO_IS_REFUSED_IS_MISSED: Final[Changes] = {
    "wachtpost_calls_missed": {
        "outcome=closed,queue=centrale,site=huis": (3, 2),
        "outcome=blocked,queue=centrale,site=huis": (0, 1),
    },
    "wachtpost_kpi_samples": {
        "kpi=missed_ratio,queue=all,site=huis,window=today": (342, 343),
        "kpi=missed_ratio,queue=centrale,site=huis,window=today": (6, 7),
        "kpi=service_level,queue=all,site=huis,window=today": (342, 343),
        "kpi=service_level,queue=centrale,site=huis,window=today": (6, 7),
    },
    "wachtpost_indicator_samples": {
        "kpi=missed_ratio,origin=counted,period=2026-11,queue=all,site=huis": (342, 343),
        "kpi=missed_ratio,origin=counted,period=2026-11,queue=centrale,site=huis": (6, 7),
        "kpi=missed_ratio,origin=counted,period=2026,queue=all,site=huis": (382, 383),
        "kpi=missed_ratio,origin=counted,period=2026,queue=centrale,site=huis": (46, 47),
        "kpi=service_level,origin=counted,period=2026-11,queue=all,site=huis": (342, 343),
        "kpi=service_level,origin=counted,period=2026-11,queue=centrale,site=huis": (6, 7),
        "kpi=service_level,origin=counted,period=2026,queue=all,site=huis": (382, 383),
        "kpi=service_level,origin=counted,period=2026,queue=centrale,site=huis": (46, 47),
    },
}
"""The queue was full at 10:21: ``closed`` before, which a definition leaves out, and ``blocked`` today."""

CHANGED: Final[Mapping[str, Sequence[Changes]]] = {
    "evaluator": (HANDLE_TIME_IS_A_KPI,),
    "notifier": (),
    "afterwards": (HANDLE_TIME_IS_A_KPI, WHO_IS_REFUSED_IS_MISSED),
}
"""All that is meant to be another figure today."""

ROUNDED: Final[Mapping[str, Mapping[str, str]]] = {
    "missed:limit:huis:flapping:1795514220000": {"30 5": "30 4", "33 4": "33 3"},  # 35 of 115; a third before
    "swift:limit:huis:slow:1795512000000": {"66 6": "66 7"},  # 12 of 18
}
"""Breach → numbers in its words, which were rounded towards the bad side, and are to the nearest today."""

WITH_ITS_LIMIT: Final = frozenset({"waits:warning:huis:slow:1795513800000"})
"""Limit and early limit of a rule are one line today."""

WHOLE: Final[Mapping[str, str]] = {"50 0": "50", "75 0": "75", "66 7": "67"}
"""Shares of fewer than a hundred contacts have no decimals today."""

OF_RULES: Final = re.compile("wachtpost_(kpi_breached|kpi_state|breach_)")
"""Metrics about rules: their label ``kpi`` is ``measure`` now."""

ITS: Final[Sequel] = redis_dump.read(BEFORE / "sequel.json")
"""What came of it with the services of the release before."""

STATE: Final[redis_dump.Dump] = redis_dump.read(BEFORE / "state.json")


@pytest.fixture(scope="module", params=sorted(FLAVOURS))
def flavour(request: pytest.FixtureRequest) -> str:
    """Redis and Valkey."""
    return str(request.param)


@pytest.fixture(scope="module")
def today(flavour: str, tmp_path_factory: pytest.TempPathFactory) -> Today:
    """What comes of it with today's."""
    folder = tmp_path_factory.mktemp(flavour)
    with redis_server(flavour, folder) as server:
        sequel = asyncio.run(_played(House(server, folder)))
        with server.client() as client:
            return Today(sequel, redis_dump.dumped(client))


class Today(NamedTuple):
    """The sequel, and the Redis after it."""

    sequel: Sequel
    left: redis_dump.Dump

    def told(self, receiver: str) -> list[str]:
        """When a receiver was told, of what kind of thing, and for which time."""
        return [" ".join(one.split()[:3]).rstrip(":") for one in self.sequel["told"][receiver]]


async def _played(house: House) -> Sequel:
    async with raised(house):
        return await played(house, expected("evaluator"))


def expected(which: str) -> Figures:
    """What the release before showed, under today's names and with the figures that are meant to change."""
    figures: Figures = renamed(ITS[which])
    for changes in CHANGED[which]:
        for metric, samples in changes.items():
            for labels, (before, today) in samples.items():
                assert figures[metric].pop(labels, 0) == before
                if today:
                    figures[metric][labels] = today
    return figures


def words(its: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The numbers in the words of each breach, as they are rounded today; of an early limit none beside its
    limit."""
    said = {breach: " ".join(numbers) for breach, numbers in its.items() if breach not in WITH_ITS_LIMIT}
    for breach, rounded in ROUNDED.items():
        for before, today in rounded.items():
            assert before in said[breach]
            said[breach] = said[breach].replace(before, today)
    for breach in said:
        for before, today in WHOLE.items() if breach.startswith(("missed", "swift")) else ():
            said[breach] = said[breach].replace(before, today)
    return {breach: numbers.split() for breach, numbers in said.items()}


def renamed(its: Any, *, of_rules: bool = False) -> Any:
    """What the release before showed, under today's names."""
    if isinstance(its, list):
        return [renamed(one) for one in its]
    if not isinstance(its, dict):
        return its
    return {
        ",".join(sorted(_name(part, of_rules=of_rules) for part in name.split(","))): renamed(
            value, of_rules=OF_RULES.match(name) is not None
        )
        for name, value in its.items()
        if not name.endswith("wait_max_ms")  # a maximum that buckets have no more
    }


def _name(its: str, *, of_rules: bool) -> str:
    name, is_label, value = RENAMED.get(its, its).partition("=")
    if of_rules and name == "kpi":
        name = "measure"
    return f"{RENAMED.get(name, name)}{is_label}{value}"


@pytest.mark.parametrize("which", ["evaluator", "notifier", "afterwards"])
def test_every_figure_and_the_state_of_every_rule_is_what_the_release_before_showed(
    today: Today, which: str
) -> None:
    wanted = expected(which)
    assert of_these(today.sequel[which], wanted) == wanted


def test_everybody_is_told_what_the_release_before_would_have_told_and_nothing_twice(today: Today) -> None:
    assert today.sequel["told"] == ITS["told"]
    assert today.sequel["mails"] == ITS["mails"]
    lines = [entry["__data__"] for entry in STATE["{p0}:notifier:log"]["entries"].values()]
    arrived = {line["key"] for line in lines if line.get("result") == "delivered"}
    assert arrived
    assert arrived.isdisjoint(today.sequel["keys"])


@pytest.mark.parametrize(
    ("receiver", "told"),
    [
        ("lasting", ["10:05 reminder 2", "10:21 resolved 1"]),
        ("taken", ["10:21 resolved 1"]),  # acknowledged before: no reminder
        ("over", []),  # told to its end before
        ("unreachable", ["09:05 firing 1", "09:10 resolved 1"]),  # both were on their way
        ("silenced", ["14:04 firing 1"]),  # when the silence ended
        ("quiet", ["13:00 digest 1"]),  # when the quiet hours ended
        ("group", ["10:01 resolved 1"]),  # of the second queue; the first one's was told before
    ],
)
def test_each_story_goes_on_where_it_stood(today: Today, receiver: str, told: list[str]) -> None:
    assert today.told(receiver)[: len(told)] == told


def test_the_judge_goes_on_counting_steps_and_says_nothing_twice(today: Today) -> None:
    assert today.sequel["judged"] == ITS["judged"]
    said = [entry["__data__"]["id"] for entry in today.left["{p0}:breaches"]["entries"].values()]
    assert len(set(said)) == len(said)


@pytest.mark.parametrize("fence", ["{p0}:fence", "{p0}:notifier:fence"])
def test_fences_rise_from_where_they_were(today: Today, fence: str) -> None:
    before, after = (int(redis["value"].partition(":")[0]) for redis in (STATE[fence], today.left[fence]))
    assert after > before


def test_commands_read_breaches_silences_history_and_the_delivery_log(today: Today) -> None:
    its = renamed(ITS["commands"])
    its["breaches"] = words(its["breaches"])
    assert without_new_fields(today.sequel["commands"]) == its


def test_every_breach_stands_in_grafana_once(today: Today) -> None:
    assert today.sequel["regions"] == ITS["regions"]
    assert "{p0}:notifier:annotations" not in today.left


def test_nothing_of_it_is_set_aside_and_nothing_is_refused(today: Today) -> None:
    for stream in ("{p0}:set-aside", "{p0}:notifier:set-aside", "{p0}:dead", "{p0}:notifier:dead"):
        assert today.left[stream] == STATE[stream]


def test_what_was_on_its_way_arrived_and_the_report_with_it(today: Today) -> None:
    assert without_new_fields(today.sequel["carried"]) == renamed(ITS["carried"])
    assert without_new_fields(today.sequel["tries"]) == renamed(ITS["tries"])
    assert "{p0}:notifier:outbox" not in today.left
    assert "{p0}:notifier:documents" not in today.left
    assert today.left["{p0}:reports"] == STATE["{p0}:reports"]
