"""What a breach looks like in Grafana, and what brings Grafana there."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.grafana.annotations import (
    Annotation,
    AnnotationFields,
    CityWords,
    FoundAnnotation,
    annotation_of,
    breach_tag,
    changes,
    oldest,
)
from services.notifier.model import Acknowledgement, Breach
from shared.config.model import CityFile
from shared.contract.annotation_tags import MARK, chart_of
from shared.contract.breach_events import BreachReading, BreachState, ConditionReading, Level, Severity
from shared.contract.events import NAME
from shared.contract.kpis import KPIS, Kpi, Measure, QueueKind
from shared.translation import translator
from tests.support import samples
from tests.support.grafana_stand_in import TAG_COLUMN, TAGS_LENGTH, tag_pairs, tags_length

OPENED = datetime(2026, 3, 12, 9, 5, tzinfo=UTC)
"""10:05 in Brussels."""

OPENED_MS = 1773306300000

DUTCH = CityWords(
    translator("nl"),
    ZoneInfo("Europe/Brussels"),
    {("huis", "onthaal"): "Onthaal", ("huis", "all"): "Stadhuis", ("huis", "raar"): "<b>Wonen</b>\n& werken"},
    {"balie": "Balie"},
    lambda breach: breach.measure in KPIS,
    lambda breach: chart_of(breach.measure, QueueKind.PHONE),
)
ENGLISH = replace(DUTCH, say=translator("en"))
FRENCH = replace(DUTCH, say=translator("fr"))
GERMAN = replace(DUTCH, say=translator("de"))

FIRING = samples.breach(
    OPENED,
    id=f"gemist:limit:huis:onthaal:{OPENED_MS}",
    at=OPENED + timedelta(minutes=7),
    reading=BreachReading(value=0.275, samples=40, part=11),
    worst=0.31,
)


def after(**duration: float) -> datetime:
    return OPENED + timedelta(**duration)


def but(**changes: object) -> Breach:
    return FIRING.model_copy(update=changes)


def ended(at: datetime, **changes: object) -> Breach:
    return but(state=BreachState.OK, at=at, closed_at=at, **changes)


def reading(value: float | None) -> BreachReading:
    return BreachReading(value=value, samples=40)


SIX_OF_NINE = BreachReading(value=6 / 9, part=6, samples=9)
NOBODY = ConditionReading(measure=Measure.NOBODY_AVAILABLE, limit=0.0, value=1.0)
TOGETHER = BreachReading(value=0.35, part=7, samples=20, also=(NOBODY,))
ACK = Acknowledgement(at=after(minutes=3), by="balie")


@pytest.mark.parametrize(
    ("breach", "words", "text"),
    [
        (FIRING, DUTCH, "Onthaal: gemist 28 %, 11 van 40, 15 min (doel 20 %), sinds 10:05, kritiek"),
        (
            FIRING,
            FRENCH,
            "Onthaal : 28 % d'appels manqués, 11 sur 40, 15 min (objectif 20 %), depuis 10:05, critique",
        ),
        (FIRING, GERMAN, "Onthaal: verpasst 28 %, 11 von 40, 15 Min. (Ziel 20 %), seit 10:05, kritisch"),
        (FIRING, ENGLISH, "Onthaal: missed 28%, 11 of 40, 15 min (target 20%), since 10:05, critical"),
        (
            ended(after(minutes=17), acknowledged=ACK),
            DUTCH,
            "Onthaal: gemist 31 %, 15 min (doel 20 %), 10:05–10:22, opgepakt door Balie",
        ),
        (
            ended(after(seconds=5), fired_at=None),
            DUTCH,
            "Onthaal: gemist 31 %, 15 min (doel 20 %), 10:05:00–10:05:05, te kort om te melden",
        ),
        (
            ended(after(days=1, minutes=-65)),
            ENGLISH,
            "Onthaal: missed 31%, 15 min (target 20%), Thu 12 Mar 10:05–Fri 13 Mar 9:00, critical",
        ),
        (
            but(queue="all"),
            DUTCH,
            "Stadhuis: gemist 28 %, 11 van 40, 15 min (doel 20 %), sinds 10:05, kritiek",
        ),
        (
            but(queue="elders"),
            DUTCH,
            "elders: gemist 28 %, 11 van 40, 15 min (doel 20 %), sinds 10:05, kritiek",
        ),
        (
            but(level=Level.WARNING, limit=0.15),
            DUTCH,
            "Onthaal: gemist 28 %, 11 van 40, 15 min (waarschuwing bij 15 %), sinds 10:05",
        ),
        (
            but(measure=Measure.SERVICE_LEVEL, limit=0.8, reading=reading(0.79999)),
            DUTCH,
            "Onthaal: serviceniveau 79,999 %, 15 min (doel 80 %), sinds 10:05, kritiek",
        ),
        (
            but(measure=Measure.CALL_WAIT_MEAN, limit=45.0, reading=reading(64.2)),
            DUTCH,
            "Onthaal: gemiddelde wachttijd 1:04, 15 min (doel 0:45), sinds 10:05, kritiek",
        ),
        (
            but(measure=Measure.HANDLE_TIME_MEAN, limit=240.0, reading=reading(312.4)),
            DUTCH,
            "Onthaal: gemiddelde afhandeltijd 5:12, 15 min (doel 4:00), sinds 10:05, kritiek",
        ),
        (
            but(measure=Measure.VISIT_WAIT_MEAN, limit=300.0, reading=reading(3700.0)),
            ENGLISH,
            "Onthaal: mean wait at the counter 1:01:40, 15 min (target 5:00), since 10:05, critical",
        ),
        (
            but(measure=Measure.LEAD_TIME_MEAN, limit=5.0, reading=reading(6.21)),
            DUTCH,
            "Onthaal: 6,2 werkdagen tot een afspraak, 15 min (doel 5), sinds 10:05, kritiek",
        ),
        (
            but(measure=Measure.BURN_RATE, limit=14.4, reading=reading(16.0)),
            DUTCH,
            "Onthaal: foutenbudget gaat 16,0× zo snel op als mag, 15 min (grens 14,4×), sinds 10:05, kritiek",
        ),
        (
            but(measure=Measure.NO_DATA, window="", queue="pbx", limit=300.0, reading=reading(320.0)),
            DUTCH,
            "pbx: al 5 minuten geen gegevens (grens 5 minuten), sinds 10:05, kritiek",
        ),
        (
            but(measure=Measure.WAITING, window="", limit=5.0, reading=reading(7.0)),
            DUTCH,
            "Onthaal: 7 in de wachtrij (grens 5), sinds 10:05, kritiek",
        ),
        (
            but(measure=Measure.NOBODY_AVAILABLE, window="", limit=0.0, reading=reading(1.0)),
            DUTCH,
            "Onthaal: niemand beschikbaar, sinds 10:05, kritiek",
        ),
        (
            but(
                measure=Measure.NOBODY_AVAILABLE,
                window="",
                limit=0.0,
                reading=reading(0.0),
                state=BreachState.OK,
            ),
            DUTCH,
            "Onthaal: niemand beschikbaar, 10:05–10:12, kritiek",
        ),
        (
            but(window="last 20", reading=TOGETHER),
            DUTCH,
            "Onthaal: gemist 35 %, 7 van de laatste 20 en niemand beschikbaar, sinds 10:05, kritiek",
        ),
        (
            ended(after(minutes=17), reading=TOGETHER),
            DUTCH,
            "Onthaal: gemist 31 %, 15 min en niemand beschikbaar, 10:05–10:22, kritiek",
        ),
        (
            but(window="last 20", reading=BreachReading(value=0.35, part=7, samples=20)),
            DUTCH,
            "Onthaal: gemist 35 %, 7 van de laatste 20 (doel 20 %), sinds 10:05, kritiek",
        ),
        (
            but(window="last 20", reading=BreachReading(value=0.5, part=6, samples=12)),
            DUTCH,
            "Onthaal: gemist 50 %, 6 van de laatste 12 (doel 20 %), sinds 10:05, kritiek",
        ),
        (
            but(window="today", usual=0.12, limit=0.4, reading=SIX_OF_NINE),
            DUTCH,
            "Onthaal: ongewoon veel gemist, 6 van de laatste 9 (gewoonlijk 12 %), sinds 10:05, kritiek",
        ),
        (
            but(measure=Measure.LATE_RATIO, window="today", usual=0.1, limit=0.4, reading=SIX_OF_NINE),
            ENGLISH,
            "Onthaal: unusually many long waits, 6 of the last 9 (usually 10%), since 10:05, critical",
        ),
        (
            but(),
            replace(DUTCH, is_target=lambda _: False),
            "Onthaal: gemist 28 %, 11 van 40, 15 min (grens 20 %), sinds 10:05, kritiek",
        ),
        (but(reading=reading(None)), DUTCH, "Onthaal: gemist 31 %, 15 min (doel 20 %), sinds 10:05, kritiek"),
        (
            but(reading=reading(None), worst=None),
            DUTCH,
            "Onthaal: geen meting (doel 20 %), sinds 10:05, kritiek",
        ),
        (but(reading=reading(float("inf"))), DUTCH, "Onthaal: geen meting (doel 20 %), sinds 10:05, kritiek"),
        (
            but(queue="raar"),
            DUTCH,
            "‹b›Wonen‹/b› & werken: gemist 28 %, 11 van 40, 15 min (doel 20 %), sinds 10:05, kritiek",
        ),
    ],
)
def test_one_plain_line_in_the_citys_words(breach: Breach, words: CityWords, text: str):
    assert annotation_of(breach, words).text == text


@pytest.mark.parametrize(
    ("breach", "state", "look"),
    [
        (but(state=BreachState.PENDING, fired_at=None), "open", "critical"),
        (FIRING, "open", "critical"),
        (but(state=BreachState.CLEARING), "open", "critical"),
        (but(acknowledged=ACK), "acknowledged", "acknowledged"),
        (ended(after(minutes=9)), "over", "critical"),
        (ended(after(minutes=9), acknowledged=ACK), "over", "acknowledged"),
        (ended(after(seconds=2), fired_at=None), "blip", "blip"),
        (but(state=BreachState.OK), "over", "critical"),
    ],
)
def test_tags_say_whose_what_and_how_it_stands(breach: Breach, state: str, look: str):
    assert annotation_of(breach, DUTCH).tags == (
        breach_tag(FIRING.id),
        MARK,
        "severity:critical",
        "measure:missed_ratio",
        f"state:{state}",
        f"every/{look}/huis:onthaal",
        f"missed_ratio/{look}/huis:onthaal",
    )


CITY = CityFile.model_validate(
    tomllib.loads("""
[city]
name = "Huis"
language = "nl"
time_zone = "Europe/Brussels"
[[missed_definitions]]
id = "eigen"
version = 1
outcomes = ["abandoned"]
short_abandon = "0s"
[live]
missed_definition = "eigen"
[[sites]]
id = "huis"
name = "Huis"
queues = [
  { id = "onthaal", kind = "phone", name = "Onthaal" },
  { id = "loket", kind = "counter", name = "Loket" },
]
[[targets]]
kpi = "missed_ratio"
limit = 0.2
[[targets]]
kpi = "call_wait_mean"
limit = 45
[[rules]]
id = "eigen"
kpi = "missed_ratio"
limit = 0.2
[[rules]]
id = "van-de-stad"
kpi = "missed_ratio"
[[rules]]
id = "rij"
kpi = "longest_wait"
limit = 300
contacts = "visits"
[[budget_rules]]
id = "budget"
kpi = "call_wait_mean"
long_window = "2h"
short_window = "20m"
burn_rate = 3.0
""")
)


@pytest.mark.parametrize(
    ("breach", "chart"),
    [
        (but(), Kpi.MISSED_RATIO),
        (but(usual=0.12, window="today"), Kpi.MISSED_RATIO),
        (but(measure=Measure.LATE_RATIO), Kpi.CALL_WAIT_MEAN),
        (but(measure=Measure.WAITING), Kpi.CALL_WAIT_MEAN),
        (but(measure=Measure.WAITING, window="", queue="loket"), Kpi.VISIT_WAIT_MEAN),
        (but(measure=Measure.LONGEST_WAIT, queue="all", rule="rij"), Kpi.VISIT_WAIT_MEAN),
        (but(measure=Measure.BURN_RATE, queue="all", rule="budget"), Kpi.CALL_WAIT_MEAN),
        (but(measure=Measure.BURN_RATE, queue="all", rule="weg"), None),
        (but(measure=Measure.NO_DATA, window="", queue="pbx"), None),
        (but(window="year"), None),  # would tint the chart for weeks
        (but(measure=Measure.LEAD_TIME_MEAN, queue="loket", window="month"), None),
    ],
)
def test_a_breach_is_drawn_on_the_chart_of_its_own_figure(breach: Breach, chart: Kpi | None):
    drawn = [tag.partition("/")[0] for tag in annotation_of(breach, CityWords.of(CITY)).tags if "/" in tag]
    assert drawn == ["every", *([chart] if chart else [])]


@pytest.mark.parametrize(("rule", "word"), [("eigen", "grens"), ("van-de-stad", "doel"), ("weg", "doel")])
def test_a_limit_of_the_rules_own_is_no_target_even_where_both_are_the_same(rule: str, word: str):
    assert f"({word} 20 %)" in annotation_of(but(rule=rule), CityWords.of(CITY)).text


@pytest.mark.parametrize(
    ("breach", "lasted"),
    [
        (FIRING, timedelta(minutes=7)),  # while it lasts: up to what was last heard
        (ended(after(minutes=17)), timedelta(minutes=17)),
        (but(state=BreachState.OK), timedelta(minutes=7)),  # nobody said when it ended, but it did
        (ended(after(seconds=2), fired_at=None), timedelta(seconds=2)),
        (but(at=OPENED), timedelta(seconds=1)),  # would be a point, and shows as a region
        (ended(OPENED, fired_at=None), timedelta(seconds=1)),
    ],
)
def test_it_is_a_region_from_its_opening(breach: Breach, lasted: timedelta):
    annotation = annotation_of(breach, DUTCH)
    assert annotation.time_ms == OPENED_MS
    assert annotation.time_end_ms == OPENED_MS + lasted // timedelta(milliseconds=1)


def test_milliseconds_are_exact():
    odd = datetime(2026, 3, 12, 9, 5, 0, 999_999, tzinfo=UTC)
    assert annotation_of(but(opened_at=odd), DUTCH).time_ms == OPENED_MS + 999


def test_a_plain_id_goes_as_it_is_and_an_odd_one_by_its_head_and_a_digest():
    assert breach_tag("gemist.huis.1") == "breach:gemist.huis.1"
    assert breach_tag("gemist:huis") == "breach:gemist-huis~3ac84f8de571dbcc"
    assert len(breach_tag("x" * 256)) == len("breach:") + 80


IDS = st.one_of(
    st.text(min_size=1, max_size=256),
    st.from_regex(r"[a-z0-9:~.-]{1,256}", fullmatch=True),
    st.lists(st.sampled_from(["gemist", "huis", "all", "1", ":", "-", "A", "a", " "]), min_size=1).map(
        "".join
    ),
)


@given(IDS, IDS)
def test_two_breaches_never_share_a_tag_as_grafana_reads_it(one: str, other: str):
    read = [tuple(part.lower() for part in tag_pairs([breach_tag(id_)])[0]) for id_ in (one, other)]
    assert (read[0] == read[1]) == (one == other)


NAMES = st.from_regex(NAME, fullmatch=True)


@given(IDS, NAMES, NAMES, st.sampled_from(Measure), st.sampled_from(Severity))
def test_grafana_takes_the_tags_as_they_are(
    breach_id: str, site: str, queue: str, measure: Measure, severity: Severity
):
    breach = but(id=breach_id, site=site, queue=queue, measure=measure, severity=severity, acknowledged=ACK)
    tags = annotation_of(breach, DUTCH).tags
    assert [":".join(filter(None, pair)) for pair in tag_pairs(tags)] == list(tags)
    assert tags_length(tags) <= TAGS_LENGTH
    assert all(len(part) <= TAG_COLUMN for pair in tag_pairs(tags) for part in pair)
    assert json.dumps(tags).isascii()


def known(breach: Breach, **changes: object) -> FoundAnnotation:
    annotation = annotation_of(breach, DUTCH)
    held = FoundAnnotation(
        7, frozenset(annotation.tags), annotation.text, annotation.time_ms, annotation.time_end_ms
    )
    return replace(held, **changes)  # type: ignore[arg-type]


OVER = ended(after(minutes=17))
STATE_OVER = list(annotation_of(OVER, DUTCH).tags)


@pytest.mark.parametrize(
    ("story", "wanted", "there", "changed"),
    [
        ("all is so", FIRING, known(FIRING), {}),
        ("it was over, and is", OVER, known(OVER), {}),
        ("it lasts", but(at=after(minutes=8)), known(FIRING), {"timeEnd": OPENED_MS + 480_000}),
        (
            "a worse figure",
            but(reading=reading(0.4)),
            known(FIRING),
            {"text": "Onthaal: gemist 40 %, 15 min (doel 20 %), sinds 10:05, kritiek"},
        ),
        (
            "it is over",
            OVER,
            known(FIRING),
            {
                "timeEnd": OPENED_MS + 1_020_000,
                "tags": STATE_OVER,
                "text": "Onthaal: gemist 31 %, 15 min (doel 20 %), 10:05–10:22, kritiek",
            },
        ),
        ("somebody moved its start", FIRING, known(FIRING, time_ms=1), {"time": OPENED_MS}),
        (
            "it ended earlier than was written while it lasted",
            OVER,
            known(OVER, time_end_ms=OPENED_MS + 2_000_000),
            {"timeEnd": OPENED_MS + 1_020_000},
        ),
        ("old news: it lasts", FIRING, known(OVER), {}),
        ("old news: it lasted", FIRING, known(but(at=after(minutes=8))), {}),
    ],
)
def test_what_brings_grafana_there(
    story: str, wanted: Breach, there: FoundAnnotation, changed: AnnotationFields
):
    assert changes(annotation_of(wanted, DUTCH), there) == changed, story


def done(wanted: Annotation, there: FoundAnnotation | None) -> FoundAnnotation:
    """What Grafana holds once it has what is wanted, or the changes to what it held."""
    if there is None:
        return FoundAnnotation(7, frozenset(wanted.tags), wanted.text, wanted.time_ms, wanted.time_end_ms)
    fields = changes(wanted, there)
    return FoundAnnotation(
        there.id,
        frozenset(fields.get("tags", there.tags)),
        fields.get("text", there.text),
        fields.get("time", there.time_ms),
        fields.get("timeEnd", there.time_end_ms),
    )


SNAPSHOTS = st.one_of(
    st.builds(
        lambda minutes, value, ack: but(
            at=after(minutes=minutes), reading=reading(value), acknowledged=ACK if ack else None
        ),
        st.integers(0, 60),
        st.sampled_from([0.25, 0.4]),
        st.booleans(),
    ),
    st.integers(0, 60).map(lambda minutes: ended(after(minutes=minutes))),
)


@given(st.lists(SNAPSHOTS, min_size=1, max_size=6))
def test_a_step_settles_it_and_an_end_stays(snapshots: list[Breach]):
    there: FoundAnnotation | None = None
    for snapshot in snapshots:
        wanted = annotation_of(snapshot, DUTCH)
        before = there
        there = done(wanted, there)
        assert not changes(wanted, there)
        if before is not None and not wanted.over:
            assert there.time_end_ms >= before.time_end_ms
            assert there.over == before.over
        if wanted.over:
            assert (there.over, there.time_end_ms) == (True, wanted.time_end_ms)


def test_everybody_keeps_the_oldest_of_doubles():
    first, second, third = (known(FIRING, id=one) for one in (9, 12, 700))
    assert oldest([third, first, second]) == (first, (second, third))
    assert oldest([]) == (None, ())


def test_queues_go_by_their_titles_and_by_their_site_where_there_are_several():
    city = """
        city = {{ name = "Proefstad", language = "en" }}
        sites = [{sites}]
    """
    huis = (
        '{ id = "huis", name = "Stadhuis", queues = [{ id = "onthaal", kind = "phone", name = "Onthaal" }] }'
    )
    plein = '{ id = "plein", queues = [{ id = "wonen", kind = "phone" }] }'
    one = CityWords.of(CityFile.model_validate(tomllib.loads(city.format(sites=huis))))
    two = CityWords.of(CityFile.model_validate(tomllib.loads(city.format(sites=f"{huis}, {plein}"))))
    assert one.say.language == "en"
    assert (one.title("huis", "onthaal"), one.title("huis", "all")) == ("Onthaal", "Stadhuis")
    assert (two.title("huis", "onthaal"), two.title("plein", "wonen")) == (
        "Stadhuis, Onthaal",
        "plein, wonen",
    )
    assert two.title("plein", "pbx") == "pbx"
