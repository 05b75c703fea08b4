"""What the board says, from a metrics page as the evaluator writes it."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from domain.how_sure import Range, Verdict
from domain.queue_ref import QueueRef
from services.notifier.channels.webhook import WebhookBody, webhook_body
from services.notifier.messages.message import Message, Writer
from services.notifier.model import Delivery, NotificationKind
from shared.config.alerting import KpiRule
from shared.config.model import CityFile, LiveConfig
from shared.contract.breach_events import BreachState
from shared.contract.kpis import Kpi, QueueKind
from shared.translation import languages, translator
from tests.support import notifications
from wachtpost.live.alerts import Known, alerts, known_of
from wachtpost.live.board import BoardContext, board
from wachtpost.live.display import display_on
from wachtpost.live.figures import STANDS, Without, calls_today, stands, waiting
from wachtpost.live.layout import NARROW, WIDE
from wachtpost.live.snapshot import MetricRule, ShownReading, Snapshot, read_metrics

CITY = CityFile.model_validate(
    tomllib.loads("""
        city = { name = "Proefstad" }
        [[sites]]
        id = "huis"
        queues = [
          { id = "onthaal", kind = "phone", name = "Onthaal" },
          { id = "wonen", kind = "phone", name = "Wonen" },
          { id = "nacht", kind = "phone", name = "Nachtlijn met een erg lange naam" },
          { id = "loket-bz", kind = "counter", name = "Burgerzaken" },
          { id = "loket-ocmw", kind = "counter", name = "OCMW" },
          { id = "loket-info", kind = "counter", name = "Infobalie" },
        ]
    """)
)


def today(queue: str, answered: int, missed: int) -> str:
    """What a page says of today's calls."""
    where = f'queue="{queue}",site="huis",window="today"'
    return (
        f'wachtpost_kpi_samples{{kpi="call_wait_mean",{where}}} {answered}\n'
        f'wachtpost_kpi_samples{{kpi="missed_ratio",{where}}} {answered + missed}\n'
    )


PAGE = """
# TYPE wachtpost_calls_waiting gauge
wachtpost_calls_waiting{queue="onthaal",site="huis"} 4
wachtpost_calls_waiting{queue="wonen",site="huis"} 1
wachtpost_calls_waiting{queue="nacht",site="huis"} 0
# TYPE wachtpost_visits_waiting gauge
wachtpost_visits_waiting{queue="loket-bz",site="huis"} 2
wachtpost_visits_waiting{queue="loket-ocmw",site="huis"} 1
# TYPE wachtpost_visits gauge
wachtpost_visits{ended="appointment",queue="loket-bz",site="huis"} 1200
wachtpost_visits{ended="early",queue="loket-bz",site="huis"} 30
wachtpost_visits{ended="walk_in",queue="loket-bz",site="huis"} 4
wachtpost_visits{ended="left",queue="loket-bz",site="huis"} 5
wachtpost_visits{ended="no_show",queue="loket-bz",site="huis"} 2
wachtpost_visits{ended="no_show",queue="loket-ocmw",site="huis"} 1
# TYPE wachtpost_longest_wait_seconds gauge
wachtpost_longest_wait_seconds{queue="onthaal",site="huis"} 72.4
wachtpost_longest_wait_seconds{queue="wonen",site="huis"} 3700.0
wachtpost_longest_wait_seconds{queue="nacht",site="huis"} 0
wachtpost_longest_wait_seconds{queue="loket-bz",site="huis"} 59.0
wachtpost_longest_wait_seconds{queue="loket-ocmw",site="huis"} 601.0
# TYPE wachtpost_call_wait_mean_seconds gauge
wachtpost_call_wait_mean_seconds{queue="onthaal",site="huis",window="15m"} 45.001
wachtpost_call_wait_mean_seconds{queue="onthaal",site="huis",window="1h"} 1.0
wachtpost_call_wait_mean_seconds{queue="all",site="huis",window="15m"} 45.0
# TYPE wachtpost_missed_ratio gauge
wachtpost_missed_ratio{queue="onthaal",site="huis",window="15m"} 0.125
wachtpost_missed_ratio{queue="all",site="huis",window="15m"} 0.2001
# TYPE wachtpost_visit_wait_mean_seconds gauge
wachtpost_visit_wait_mean_seconds{queue="loket-bz",site="huis",window="today"} 95.5
wachtpost_visit_wait_mean_seconds{queue="loket-info",site="huis",window="today"} 12.0
# TYPE wachtpost_lead_time_mean_workdays gauge
wachtpost_lead_time_mean_workdays{queue="all",site="huis",window="today"} 3.42
# TYPE wachtpost_kpi_samples gauge
wachtpost_kpi_samples{kpi="call_wait_mean",queue="wonen",site="huis",window="15m"} 4
wachtpost_kpi_samples{kpi="missed_ratio",queue="wonen",site="huis",window="15m"} 4
wachtpost_kpi_samples{kpi="call_wait_mean",queue="nacht",site="huis",window="15m"} 0
wachtpost_kpi_samples{kpi="visit_wait_mean",queue="loket-ocmw",site="huis",window="today"} 9
wachtpost_kpi_samples{kpi="service_level",queue="all",site="huis",window="15m"} 40
wachtpost_kpi_samples{kpi="missed_ratio",queue="onthaal",site="huis",window="15m"} 56
wachtpost_kpi_samples{kpi="missed_ratio",queue="all",site="huis",window="15m"} 9995
# TYPE wachtpost_kpi_part gauge
wachtpost_kpi_part{kpi="missed_ratio",queue="onthaal",site="huis",window="15m"} 7
wachtpost_kpi_part{kpi="missed_ratio",queue="all",site="huis",window="15m"} 2000
# TYPE wachtpost_kpi_low gauge
wachtpost_kpi_low{kpi="missed_ratio",queue="onthaal",site="huis",window="15m"} 0.0619
wachtpost_kpi_low{kpi="call_wait_mean",queue="onthaal",site="huis",window="15m"} 31.2
# TYPE wachtpost_kpi_high gauge
wachtpost_kpi_high{kpi="missed_ratio",queue="onthaal",site="huis",window="15m"} 0.2364
wachtpost_kpi_high{kpi="call_wait_mean",queue="onthaal",site="huis",window="15m"} 58.8
# TYPE wachtpost_kpi_verdict gauge
wachtpost_kpi_verdict{kpi="missed_ratio",queue="onthaal",site="huis",window="15m"} 1
wachtpost_kpi_verdict{kpi="missed_ratio",queue="all",site="huis",window="15m"} 2
wachtpost_kpi_verdict{kpi="call_wait_mean",queue="onthaal",site="huis",window="15m"} 1
wachtpost_kpi_verdict{kpi="call_wait_mean",queue="all",site="huis",window="15m"} 0
wachtpost_kpi_verdict{kpi="visit_wait_mean",queue="loket-bz",site="huis",window="today"} 2
wachtpost_kpi_verdict{kpi="lead_time_mean",queue="all",site="huis",window="today"} 0
# TYPE wachtpost_kpi_target gauge
wachtpost_kpi_target{kpi="missed_ratio",queue="all",site="huis"} 0.2
wachtpost_kpi_target{kpi="call_wait_mean",queue="all",site="huis"} 45
wachtpost_kpi_target{kpi="lead_time_mean",queue="all",site="huis"} 5
wachtpost_kpi_target{kpi="visit_wait_mean",queue="loket-bz",site="huis"} 60
wachtpost_kpi_target{kpi="visit_wait_mean",queue="loket-ocmw",site="huis"} 600
# TYPE wachtpost_last_event_timestamp_seconds gauge
wachtpost_last_event_timestamp_seconds{source="demo"} 1795511548.0
wachtpost_last_event_timestamp_seconds{source="never"} 0
# TYPE wachtpost_look_timestamp_seconds gauge
wachtpost_look_timestamp_seconds{partition="0"} 1795511550.0
# TYPE wachtpost_queue_next_change_timestamp_seconds gauge
wachtpost_queue_next_change_timestamp_seconds{kind="phone",queue="onthaal",site="huis"} 1795530000.0
# TYPE wachtpost_kpi_reading gauge
wachtpost_kpi_reading{queue="onthaal",rule="gemist",severity="warning",site="huis"} 0.125
# TYPE wachtpost_kpi_reading_samples gauge
wachtpost_kpi_reading_samples{queue="onthaal",rule="gemist",severity="warning",site="huis"} 56
# TYPE wachtpost_kpi_reading_part gauge
wachtpost_kpi_reading_part{queue="onthaal",rule="gemist",severity="warning",site="huis"} 7
# TYPE wachtpost_events_read counter
wachtpost_events_read_total{partition="0"} 4321
# TYPE wachtpost_stream_lag_events gauge
wachtpost_stream_lag_events{partition="0"} 3
# TYPE python_info gauge
python_info{version="3"} 1
"""
PAGE += "# TYPE wachtpost_indicator_samples gauge\n" + "".join(
    (
        today("onthaal", 1123, 117),
        today("wonen", 45, 0),
        today("all", 1166, 104),  # a caller of two queues counts once
    )
)

NOW = datetime(2026, 11, 24, 9, 12, 30, tzinfo=UTC)
HUIS = "huis"

DUTCH = """\
Wachtpost · Proefstad                                                   di 24 nov 2026 10:12:30  ×60
gegevens 0:02 oud · 4.321 feiten verwerkt · 3 onderweg · 1.002 geweigerd

                      wachten           wachttijd, 15 min              gemist, 15 min
Telefoon                   nu   langst  doel ≤ 0:45                    doel ≤ 20 %
────────────────────────────────────────────────────────────────────────────────────────────────────
Onthaal                     4     1:12  0:45,001 nog niet te zeggen       13 %  nog niet te zeggen
                                                 0:31–0:59                      7 van 56, 6–24 %
Wonen                       1  1:01:40    te weinig metingen             te weinig metingen
Nachtlijn met een           0        –    geen meting                    geen meting
erg lange naam
Totaal                      5  1:01:40     0:45  binnen doel           20,01 %  boven doel
                                                                                2.000 van 9.995
Vandaag: 1.166 beantwoord, 104 gemist.

                      wachten
Loketten                   nu   langst  met afspraak, vandaag             doel   klaar     weg
──────────────────────────────────────────────────────────────────────────────────────────────
Burgerzaken                 2     0:59     1:36  boven doel             ≤ 1:00   1.234       7
OCMW                        1    10:01    te weinig metingen           ≤ 10:00       0       1
Infobalie                   0        –     0:12  geen doel                   –       0       0
Afspraken             termijn, vandaag      3,4  binnen doel           doel ≤ 5 werkdagen

m:ss. Een wachtrij zonder eigen doel staat tegen het doel van het geheel.
"""

ENGLISH = """\
Wachtpost · Proefstad                                                  Tue 24 Nov 2026 10:12:30  ×60
data 0:02 old · 4,321 facts processed · 3 under way · 1,002 refused

                      waiting           wait, 15 min                   missed, 15 min
Phones                    now  longest  target ≤ 0:45                  target ≤ 20%
────────────────────────────────────────────────────────────────────────────────────────────────────
Onthaal                     4     1:12  0:45.001 not yet to say            13%  not yet to say
                                                 0:31–0:59                      7 of 56, 6–24%
Wonen                       1  1:01:40    too few to judge               too few to judge
Nachtlijn met een           0        –    no reading                     no reading
erg lange naam
Total                       5  1:01:40     0:45  on target              20.01%  above target
                                                                                2,000 of 9,995
Today: 1,166 answered, 104 missed.

                      waiting
Counters                  now  longest  by appointment, today           target  helped    gone
──────────────────────────────────────────────────────────────────────────────────────────────
Burgerzaken                 2     0:59     1:36  above target           ≤ 1:00   1,234       7
OCMW                        1    10:01    too few to judge             ≤ 10:00       0       1
Infobalie                   0        –     0:12  no target                   –       0       0
Appointments          lead time, today      3.4  on target             target ≤ 5 working days

m:ss. A queue without a target of its own is held against the total's.
"""


def shown(snapshot: Snapshot, language: str, city: CityFile = CITY, refused: int = 1002) -> str:
    """The board as text, without the spaces at line ends."""
    output = StringIO()
    context = BoardContext(city, NOW, speed=60, refused=refused)
    Console(file=output, width=WIDE.width).print(board(snapshot, context, translator(language)))
    return "".join(f"{line.rstrip()}\n" for line in output.getvalue().splitlines())


@pytest.mark.parametrize(("language", "text"), [("nl", DUTCH), ("en", ENGLISH)])
def test_the_board_in_both_languages(language: str, text: str) -> None:
    assert shown(read_metrics(PAGE), language) == text


@pytest.mark.parametrize("language", languages())
def test_the_board_fits_on_a_hundred_columns_and_twenty_four_lines(language: str) -> None:
    lines = shown(read_metrics(PAGE), language).splitlines()
    assert max(map(len, lines)) == WIDE.width
    assert len(lines) == len(DUTCH.splitlines()) <= 24  # no head of a column is a line too high
    assert "…" not in "".join(lines)


@pytest.mark.parametrize("language", languages())
def test_eighty_columns_have_room_for_whole_words(language: str) -> None:
    say, page = translator(language), read_metrics(PAGE + STATES)
    texts = []
    for layout in (WIDE, NARROW):
        output = StringIO()
        Console(file=output, width=layout.width).print(
            board(page, BoardContext(CITY, NOW, speed=60), say, layout, brief=True)
        )
        texts.append(output.getvalue())
    wide, narrow = texts
    lines = [line.rstrip() for line in narrow.splitlines()]
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 24
    said = {text for text in map(say.text, STANDS.values()) if text in wide}
    titles = {queue.title for queue in CITY.sites[0].of_kind(QueueKind.PHONE)}
    assert {word for text in said | titles for word in text.split()} <= set(narrow.split())
    assert "…" not in narrow


@pytest.mark.parametrize("language", languages())
def test_how_rules_stand_fits_beside_what_the_notifier_says(language: str) -> None:
    writer = Writer(notifications.city(language), notifications.TEMPLATES)
    known = known_of([notifications.acknowledged()], Snapshot(), writer, notifications.NOW)
    lines = alerts_shown(STATES, known, language).splitlines()
    assert max(map(len, lines)) <= WIDE.width
    assert "…" not in "".join(lines)


def test_before_the_first_scrape_the_board_knows_nothing_rather_than_zero() -> None:
    text = shown(Snapshot(), "nl")
    assert "nog geen gegevens" in text
    assert text.count("geen meting") == 12
    assert "binnen doel" not in text


def test_an_older_page_shows_its_age() -> None:
    page = Snapshot(heard={"demo": NOW.timestamp() - 125})
    assert "gegevens 2:05 oud" in shown(page, "nl")


@pytest.mark.parametrize(("old", "speed", "said"), [(9, 1, False), (11, 1, True), (11, 60, False)])
def test_figures_of_an_evaluator_that_is_away_say_so(old: int, speed: float, said: bool) -> None:
    page = Snapshot(looked_at=NOW.timestamp() - old)
    output = StringIO()
    console = Console(file=output, width=WIDE.width)
    console.print(board(page, BoardContext(CITY, NOW, speed=speed), translator("nl")))
    assert ("cijfers van 10:12:19, niet van nu" in output.getvalue()) is said


def test_a_site_without_counters_has_no_counters_on_its_board() -> None:
    phones = CITY.sites[0].model_copy(update={"queues": CITY.sites[0].of_kind(QueueKind.PHONE)})
    text = shown(Snapshot(), "nl", CITY.model_copy(update={"sites": (phones,)}))
    assert "Telefoon" in text
    assert "Loketten" not in text
    assert "Afspraken" not in text


# --- alerts and messages ---

STATE = 'wachtpost_kpi_state{{measure="x",queue="{}",rule="{}",severity="{}",site="huis",state="{}"}} {}\n'
STANDINGS = [
    ("onthaal", "wachten", "critical", "firing"),
    ("onthaal", "wachten-warning", "warning", "firing"),
    ("wonen", "wachten-warning", "warning", "clearing"),
    ("all", "gemist", "warning", "pending"),
]
WELL = [("nacht", "gemist", "warning", "ok"), ("all", "lang", "warning", "insufficient")]


def states(*rule_states: tuple[str, str, str, str]) -> str:
    """A metrics page on which rules stand so, and not otherwise."""
    return "".join(
        STATE.format(queue, rule, severity, other, int(other == state))
        for queue, rule, severity, state in rule_states
        for other in (*BreachState, "insufficient", "closed")
    )


STATES = states(*STANDINGS, *WELL)


def alerts_shown(page: str, known: Known | None = None, language: str = "nl", city: CityFile = CITY) -> str:
    """The part about alerts as text, without the spaces at line ends."""
    output = StringIO()
    told = alerts(read_metrics(page), city, known or {}, translator(language))
    Console(file=output, width=WIDE.width).print(told)
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines())


def test_what_is_wrong_is_said_in_words_the_worst_first() -> None:
    assert (
        alerts_shown(STATES)
        == """\
Alarmen
overschreden            Onthaal: wachten
herstelt                Wonen: wachten-warning
even afwachten          Totaal: gemist"""
    )  # an early warning says nothing new beside its limit


def test_a_rule_that_is_only_called_a_warning_is_shown_beside_the_one_it_is_called_after() -> None:
    rules = tuple(KpiRule(id=one, kpi=Kpi.CALL_WAIT_MEAN) for one in ("wachten", "wachten-warning"))
    city = CITY.model_copy(update={"rules": rules})
    shown = alerts_shown(STATES, city=city)
    assert "Onthaal: wachten\n" in shown
    assert "Onthaal: wachten-warning\n" in shown


@pytest.mark.parametrize(("taken", "stands"), [
    (False, "overschreden            Onthaal: gemiddeld 1:31 wachten (laatste 15 minuten), doel hoog"),
    (True, "overschreden, opgepakt  Onthaal: gemiddeld 1:31 wachten (laatste 15 minuten), doel hoog"),
])  # fmt: skip
def test_what_the_notifier_knows_is_told_in_its_words(taken: bool, stands: str) -> None:
    writer = Writer(notifications.city(), notifications.TEMPLATES)
    known = known_of(
        [notifications.acknowledged() if taken else notifications.breach()],
        Snapshot(),
        writer,
        notifications.NOW,
    )
    assert stands in alerts_shown(STATES, known)
    assert "Wonen: wachten-warning" in alerts_shown(STATES, known)  # it knows of that one a moment later


def test_all_well_is_said_too_and_too_few_contacts_are_not_well() -> None:
    assert alerts_shown(states(*WELL)) == "Alarmen  geen; regels in orde: 1, nog niet te zeggen: 1"


def test_at_night_rules_are_closed_and_lack_nothing() -> None:
    night = [("wonen", "gemist", "warning", "closed"), *WELL]
    assert alerts_shown(states(*night)) == (
        "Alarmen  geen; regels in orde: 1, nog niet te zeggen: 1, gesloten: 1"
    )
    assert alerts_shown(states(*night), language="en").endswith("not yet to say: 1, closed: 1")


def test_a_very_bad_day_fits_all_the_same() -> None:
    lines = alerts_shown(
        states(*((f"lijn-{n}", "wachten", "critical", "firing") for n in range(9)))
    ).splitlines()
    assert len(lines) == 7
    assert lines[-1] == "en nog 4"


TOLD = WebhookBody.model_validate_json(
    webhook_body(
        Delivery(
            key="k",
            notification=notifications.notification(NotificationKind.FIRING, notifications.breach()),
            channel=0,
            next_try=notifications.NOW,
        ),
        Message("Onthaal: 1:32 wachten", "Onthaal\n\nhttp://127.0.0.1:8003/acknowledge?token=abc\n", ""),
    )
)


def context_of(number: int) -> BoardContext:
    return BoardContext(notifications.city(), NOW, speed=60, messages=(TOLD,) * number)


def test_without_a_terminal_each_message_is_a_line_with_its_link_and_the_last_one_stays_behind() -> None:
    output = StringIO()
    display = display_on(Console(file=output), translator("nl"))
    for number in (0, 1, 1, 2):
        display.show(read_metrics(PAGE + STATES), context_of(number), NOW)
    display.close()
    lines = [line.rstrip() for line in output.getvalue().splitlines()]
    line = "10:16:00  bericht aan Teamleiders: Onthaal: 1:32 wachten"
    assert [n for n, said in enumerate(lines) if said == line] == [1, 3]  # line 0 is the progress
    assert lines[2].strip() == "http://127.0.0.1:8003/acknowledge?token=abc"
    assert lines[-5:] == [
        "── bericht 2 aan Teamleiders, 10:16:00 ".ljust(WIDE.width, "─"),
        "Onderwerp: Onthaal: 1:32 wachten",
        "Onthaal",
        "",
        "http://127.0.0.1:8003/acknowledge?token=abc",
    ]


@pytest.mark.parametrize(("height", "counters"), [(60, True), (24, False)])
def test_in_a_low_terminal_the_message_goes_before_the_counters(height: int, counters: bool) -> None:
    output = StringIO()
    console = Console(file=output, force_terminal=True, width=WIDE.width, height=height, color_system=None)
    display = display_on(console, translator("nl"))
    display.show(read_metrics(PAGE + STATES), context_of(1), NOW)
    live = output.getvalue()
    assert ("Loketten" in live) is counters
    assert "Onderwerp: Onthaal: 1:32 wachten" in live
    display.close()
    assert "Loketten" in output.getvalue()[len(live) :]  # nothing is left out of what stays behind


def test_in_a_narrow_terminal_the_time_is_still_there_and_no_rule_goes_on_in_another_line() -> None:
    output = StringIO()
    console = Console(file=output, force_terminal=True, width=80, height=60, color_system=None)
    display_on(console, translator("nl")).show(read_metrics(PAGE + STATES), context_of(1), NOW)
    lines = output.getvalue().splitlines()
    assert any("Wachtpost ·" in line and line.endswith("×60") for line in lines)
    assert "─" * (WIDE.width - 80) not in lines


def test_several_sites_stand_under_their_names() -> None:
    second = CITY.sites[0].model_copy(update={"id": "dorp", "name": "Dorpsloket"})
    text = shown(read_metrics(PAGE), "nl", CITY.model_copy(update={"sites": (*CITY.sites, second)}))
    assert text.index("\nhuis\n") < text.index("7 van 56") < text.index("\nDorpsloket\n")
    assert text.count("7 van 56") == 1


@pytest.mark.parametrize(("story", "value", "samples", "verdict", "expected"), [
    ("what the evaluator says", 45.0, 10, Verdict.WITHIN, Verdict.WITHIN),
    ("zero is a reading", 0.0, 10, Verdict.UNDECIDED, Verdict.UNDECIDED),
    ("fewer contacts than the city asks for", None, 9, None, Without.TOO_FEW),
    ("no contacts are no reading, not zero", None, 0, None, Without.NO_READING),
    ("nobody promised anything", 45.0, 10, None, Without.NO_TARGET),
])  # fmt: skip
def test_how_figures_stand(
    story: str, value: float | None, samples: int, verdict: Verdict | None, expected: Verdict | Without
) -> None:
    assert stands(value, samples, verdict) is expected, story
    assert stands(value, samples, verdict, shut=True) is (Without.CLOSED if value is None else expected), (
        story
    )


def test_a_shut_queue_is_called_so_and_what_it_did_stays() -> None:
    """A total has figures of both kinds of queues, each with hours of its own."""
    page = "".join(line for line in PAGE.splitlines(keepends=True) if "mean_" not in line)
    queues = [("onthaal", "phone"), ("all", "phone"), ("loket-bz", "counter"), ("all", "counter")]
    page += "".join(
        f'wachtpost_queue_open{{kind="{kind}",queue="{queue}",site="huis"}} {int(kind == "counter")}\n'
        for queue, kind in queues
    )
    text = shown(read_metrics(page), "nl")
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert "gesloten" in lines["Onthaal"]
    assert "gesloten" in lines["Totaal"]
    assert "gesloten" not in lines["Wonen"]
    assert "gesloten" not in lines["Afspraken"]


def test_a_window_of_the_latest_contacts_is_called_so() -> None:
    city = CITY.model_copy(update={"live": LiveConfig.model_validate({"windows": ["last 20", "1h"]})})
    text = shown(read_metrics(PAGE.replace('window="15m"', 'window="last 20"')), "nl", city)
    assert "gemist, laatste 20" in text
    assert "7 van 56, 6–24 %" in text


def test_figures_of_the_page() -> None:
    page = read_metrics(PAGE)
    onthaal = QueueRef(HUIS, "onthaal")
    assert page.values[Kpi.CALL_WAIT_MEAN, onthaal, timedelta(minutes=15)] == 45.001
    missed = (Kpi.MISSED_RATIO, onthaal, timedelta(minutes=15))
    assert (page.parts[missed], page.samples[missed]) == (7, 56)
    assert page.ranges[missed] == Range(0.0619, 0.2364)
    assert page.verdicts[missed] is Verdict.UNDECIDED
    assert page.samples[Kpi.VISIT_WAIT_MEAN, QueueRef(HUIS, "loket-ocmw"), "today"] == 9
    assert calls_today(page, onthaal) == (1123, 117)
    assert calls_today(page, QueueRef(HUIS, "all")) == (1166, 104)
    assert waiting(page, CITY, QueueKind.PHONE) == 5
    assert waiting(page, CITY, QueueKind.COUNTER) == 3
    assert page.last_event == 1795511548.0
    assert page.heard == {"demo": 1795511548.0, "never": 0}
    assert page.looked_at == 1795511550.0
    assert page.next_change == {(onthaal, "phone"): 1795530000.0}
    assert page.readings[MetricRule("gemist", onthaal, "warning")] == ShownReading(0.125, 56, 7)


def test_a_value_that_is_not_a_number_is_no_reading() -> None:
    page = read_metrics('wachtpost_missed_ratio{queue="all",site="huis",window="15m"} NaN\n')
    assert page.values == {}


def test_garbage_is_said_to_be_garbage() -> None:
    with pytest.raises(ValueError, match="<html>"):
        read_metrics("<html>502</html>\n")
