"""The monthly mail of the report: when it is due, that it is due once, and what it says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bucket import Bucket
from domain.period_kpis import months_of
from services.reporter import rendering, schedule
from services.reporter.mail import KINDS, MEDIA_TYPES, compose, file_name
from services.reporter.metrics import ReporterMetrics
from services.reporter.rendering import CannotMakeError, mail_of, maker
from services.reporter.report.assemble import Counted, assemble
from services.reporter.report.document import Report
from services.reporter.report.pdf import NoPdfError
from services.reporter.report.render import ReportFormat
from services.reporter.rounds import Reporter
from services.reporter.settings import ReporterSettings
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.contract.report_events import MOST_BYTES, Attachment, Document, ReportReady, encode
from shared.history_file import HistoryFile
from shared.periods import Period
from tests.support.eventually import eventually_async
from tests.support.report_city import DOCUMENT, calls, days

BRUSSELS = ZoneInfo("Europe/Brussels")
HOUR = timedelta(hours=1)
LONG_AGO = date(2020, 1, 2)


def city(
    zone: str = "Europe/Brussels",
    country: str = "BE",
    receivers: tuple[str, ...] = ("hoofd",),
    **report: object,
):
    """A city that mails its report on the third working day at 08:00, unless told otherwise."""
    return CityFile.model_validate(
        {
            "city": {"name": "Proefstad", "time_zone": zone},
            "calendar": {
                "public_holidays": country,
                "closing_days": [{"every_year": "11-02"}, {"on": "2026-08-03", "closes_at": "12:00"}],
            },
            "sites": [{"id": "huis", "queues": [{"id": "onthaal", "kind": "phone"}]}],
            "smtp": {"host": "127.0.0.1", "tls": "none", "sender": "wachtpost@stad.example"},
            "receivers": [{"id": "hoofd", "channels": [{"kind": "email", "to": ["hoofd@stad.example"]}]}],
            "report": {"receivers": receivers, **report},
        }
    )


def local(text: str, zone: ZoneInfo = BRUSSELS) -> datetime:
    """A local time, as an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


# The moment --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("month", "working_day", "at", "moment"),
    [
        ("2026-08", 3, "08:00", "2026-09-03T08:00"),  # 1, 2, 3 September: Tuesday to Thursday
        ("2026-04", 3, "08:00", "2026-05-06T08:00"),  # 1 May is a holiday, then a weekend: 4, 5, 6
        ("2026-12", 1, "08:00", "2027-01-04T08:00"),  # New Year's Day is a Friday
        ("2026-10", 1, "08:00", "2026-11-03T08:00"),  # All Saints' is a Sunday, the city closes on the 2nd
        ("2026-10", 3, "08:00", "2026-11-05T08:00"),
        ("2026-07", 1, "08:00", "2026-08-03T08:00"),  # a half day is a working day
        ("2026-03", 3, "13:30", "2026-04-03T13:30"),  # in summer time
        ("2026-02", 15, "00:00", "2026-03-20T00:00"),  # in winter time
        ("2026-09", 15, "23:59", "2026-10-21T23:59"),
    ],
)
def test_a_report_is_due_on_the_nth_working_day_at_the_citys_time(
    month: str, working_day: int, at: str, moment: str
):
    given = city(working_day=working_day, at=at)
    assert schedule.moment(given, Calendar(given), Period.parse(month)) == local(moment)


@pytest.mark.parametrize(("month", "utc"), [("2026-02", "07:00"), ("2026-03", "06:00"), ("2026-10", "07:00")])
def test_on_both_sides_of_a_clock_change_it_is_eight_on_the_wall(month: str, utc: str):
    given = city()
    moment = schedule.moment(given, Calendar(given), Period.parse(month))
    assert (f"{moment:%H:%M}", moment.astimezone(BRUSSELS).hour) == (utc, 8)


def test_the_first_hours_of_a_month_are_of_that_month_on_the_citys_clock():
    """In UTC it is still the last day of August."""
    given = city(working_day=1, at="00:30")
    now = local("2026-09-01T00:30")
    assert schedule.latest(given, Calendar(given), now) == Period.parse("2026-08")
    assert schedule.upcoming(given, Calendar(given), now) == local("2026-10-01T00:30")


def test_a_month_with_too_few_working_days_has_its_report_on_the_last_of_them():
    closed = [{"on": f"2026-09-{day:02}"} for day in range(4, 31)]
    given = CityFile.model_validate(
        {**city(working_day=9).model_dump(), "calendar": {"closing_days": closed}}
    )
    assert schedule.moment(given, Calendar(given), Period.parse("2026-08")) == local("2026-09-03T08:00")
    closed += [{"on": f"2026-09-{day:02}"} for day in range(1, 4)]
    given = CityFile.model_validate(
        {**city(working_day=9).model_dump(), "calendar": {"closing_days": closed}}
    )
    assert schedule.moment(given, Calendar(given), Period.parse("2026-08")) == local("2026-09-30T08:00")


# Timelines ---------------------------------------------------------------------------------------------


@dataclass
class World:
    """A clock, and where reports are handed over."""

    now: datetime = datetime(2026, 10, 1, tzinfo=UTC)
    first_day: date | None = LONG_AGO
    taken: list[ReportReady] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    broken: str = ""
    """Why no report can be made."""
    pause: asyncio.Event | None = None
    """Making waits for this."""

    async def sent(self) -> frozenset[str]:
        return frozenset(ready.period for ready in self.taken)

    async def hand_over(self, document: Document, ready: ReportReady, *, counts: bool) -> bool:
        assert counts
        assert document.id == ready.id
        if ready.period in await self.sent():
            return False
        self.taken.append(ready)
        return True

    async def counted_since(self) -> date | None:
        return self.first_day

    async def make(self, name: str, period: Period, now: datetime) -> Document:
        assert now == self.now
        self.made.append(period.name)
        if self.pause is not None:
            await self.pause.wait()
        if self.broken:
            raise CannotMakeError(self.broken)
        return Document(id=name, subject="Rapport", text="")

    def reporter(self, given: CityFile) -> tuple[Reporter, ReporterMetrics]:
        metrics = ReporterMetrics()
        return Reporter(given, lambda: self.now, self, self.counted_since, self.make, metrics), metrics


Spell = tuple[str, str]
"""A stretch of local time."""


def mailed(
    given: CityFile, spells: Sequence[Spell], first_day: date | None = LONG_AGO
) -> list[tuple[str, str]]:
    """What a reporter hands over that looks once an hour during each spell, each time a new process."""

    async def live() -> list[tuple[str, str]]:
        world = World(first_day=first_day)
        zone = given.city.zone
        for begins, ends in spells:
            reporter, _ = world.reporter(given)
            world.now = local(begins, zone)
            while world.now < local(ends, zone):
                await reporter.look()
                world.now += HOUR
        return [(f"{ready.at.astimezone(zone):%Y-%m-%d %H:%M}", ready.period) for ready in world.taken]

    return asyncio.run(live())


def test_through_a_year_each_month_is_mailed_once_at_eight_on_its_day():
    story = mailed(city(), [("2026-01-01T00:00", "2027-01-01T00:00")])
    assert [month for _, month in story] == [
        "2025-11",  # nobody had sent it: the latest whose moment had come
        "2025-12",
        *(f"2026-{month:02}" for month in range(1, 12)),
    ]
    assert {moment[-5:] for moment, _ in story[1:]} == {"08:00"}
    assert story[-2:] == [("2026-11-05 08:00", "2026-10"), ("2026-12-03 08:00", "2026-11")]


@pytest.mark.parametrize(
    ("spells", "story"),
    [
        # Down over the moment: late, but it comes.
        (
            [("2026-11-01T00:00", "2026-11-05T07:30"), ("2026-11-20T14:00", "2026-12-01T00:00")],
            [("2026-11-01 00:00", "2026-09"), ("2026-11-20 14:00", "2026-10")],
        ),
        # Down for half a year: the latest month only.
        ([("2026-11-20T14:00", "2026-12-01T00:00")], [("2026-11-20 14:00", "2026-10")]),
        # Down until shortly before the next one: both, each when it can.
        (
            [("2026-12-02T09:00", "2026-12-04T00:00")],
            [("2026-12-02 09:00", "2026-10"), ("2026-12-03 08:00", "2026-11")],
        ),
        # Restarted again and again on the day itself.
        (
            [("2026-11-05T08:00", "2026-11-05T09:00"), ("2026-11-05T08:30", "2026-11-05T12:00")],
            [("2026-11-05 08:00", "2026-10")],
        ),
    ],
    ids=["over the moment", "half a year", "nearly a month", "restarts"],
)
def test_a_reporter_that_was_away_sends_the_latest_month_late_and_nothing_twice(
    spells: list[Spell], story: list[tuple[str, str]]
):
    assert mailed(city(), spells) == story


@pytest.mark.parametrize(
    ("first_day", "story"),
    [
        (date(2026, 10, 15), [("2026-11-05 08:00", "2026-10"), ("2026-12-03 08:00", "2026-11")]),
        (date(2026, 10, 31), [("2026-12-03 08:00", "2026-11")]),
        (date(2026, 11, 16), [("2026-12-03 08:00", "2026-11")]),
        (None, []),
    ],
    ids=["in the middle of a month", "on its last day", "after the moment", "nothing counted yet"],
)
def test_the_first_mail_is_of_a_month_that_ended_after_the_first_counted_day(
    first_day: date | None, story: list[tuple[str, str]]
):
    assert mailed(city(), [("2026-10-15T00:00", "2026-12-31T00:00")], first_day) == story


def test_a_city_that_names_nobody_gets_no_mail():
    assert mailed(city(receivers=()), [("2026-10-01T00:00", "2026-12-31T00:00")]) == []


def test_an_hour_that_comes_twice_brings_one_mail():
    """In Tehran the clock went back at midnight of a Tuesday: half past eleven in the evening came twice."""
    given = city(zone="Asia/Tehran", country="", working_day=15, at="23:30")
    assert schedule.moment(given, Calendar(given), Period.parse("2021-08")) == datetime(
        2021, 9, 21, 19, 0, tzinfo=UTC
    )
    story = mailed(given, [("2021-09-21T00:30", "2021-09-25T00:00")])
    assert story == [("2021-09-21 00:30", "2021-07"), ("2021-09-21 23:30", "2021-08")]


@given(
    awake=st.lists(st.integers(0, 24 * 400), min_size=1, max_size=60),
    working_day=st.integers(1, 15),
    at=st.integers(0, 23),
)
def test_whenever_anybody_looks_a_month_goes_once_and_never_before_its_moment(
    awake: list[int], working_day: int, at: int
):
    given = city(working_day=working_day, at=f"{at:02}:00")
    calendar = Calendar(given)
    sent: list[str] = []
    for hour in sorted(awake):
        now = local("2026-01-01T00:00") + hour * HOUR
        month = schedule.missing(given, calendar, now, sent)
        latest = schedule.latest(given, calendar, now)
        following = Period.month_of(latest.last + timedelta(days=1))
        assert schedule.moment(given, calendar, latest) <= now < schedule.moment(given, calendar, following)
        assert schedule.upcoming(given, calendar, now) == schedule.moment(given, calendar, following)
        assert month in {None, latest}
        assert schedule.missing(given, calendar, now, [*sent, latest.name]) is None
        sent += [month.name] if month is not None else []
    assert sent == sorted(set(sent))


# Two of them, and trouble ------------------------------------------------------------------------------


async def test_of_two_reporters_one_hands_over():
    both_are_at_it = asyncio.Event()
    world = World(now=local("2026-11-05T08:00"), pause=both_are_at_it)
    (one, of_one), (two, of_two) = world.reporter(city()), world.reporter(city())
    both = asyncio.gather(one.look(), two.look())
    await eventually_async(lambda: len(world.made) == 2)
    both_are_at_it.set()
    assert sorted(map(str, await both)) == sorted([str(Period.parse("2026-10")), "None"])
    assert [ready.id for ready in world.taken] == ["report:2026-10"]
    for result in ("handed_over", "taken"):
        counted = [
            metrics.registry.get_sample_value("wachtpost_reports_total", {"result": result})
            for metrics in (of_one, of_two)
        ]
        assert sorted(map(str, counted)) == ["0.0", "1.0"]
    assert await one.look() is None
    assert await two.look() is None
    assert world.made == ["2026-10"] * 2


async def test_a_report_that_cannot_be_made_stays_due_and_is_said():
    world = World(now=local("2026-11-05T09:00"), broken="the sheet is gone")
    reporter, metrics = world.reporter(city())
    overdue = lambda: metrics.registry.get_sample_value("wachtpost_report_overdue")  # noqa: E731
    with pytest.raises(CannotMakeError):
        await reporter.look()
    assert (overdue(), world.taken) == (1, [])
    running = asyncio.create_task(reporter.run())
    await eventually_async(lambda: reporter.check(world.now))
    assert await reporter.check(world.now) == "the report cannot be made: the sheet is gone"
    assert metrics.registry.get_sample_value("wachtpost_reports_total", {"result": "failed"}) == 1
    running.cancel()
    world.broken = ""
    assert await reporter.look() == Period.parse("2026-10")
    assert overdue() == 0


async def test_it_says_when_the_next_one_is_due():
    world = World(now=local("2026-11-05T09:00"))
    reporter, metrics = world.reporter(city())
    await reporter.look()
    said = metrics.registry.get_sample_value("wachtpost_report_next_timestamp_seconds")
    assert said == local("2026-12-03T08:00").timestamp()


# The words ---------------------------------------------------------------------------------------------


def report(
    month: str = "2026-03",
    language: str = "nl",
    now: str = "2026-07-01T08:00",
    history: tuple[HistoryFile, ...] = (),
) -> Report:
    """Of a town hall with two counters and a phone queue; one counter has no target."""
    document = {**DOCUMENT, "city": {"name": "Teststad", "language": language}}
    sites = document["sites"]
    assert isinstance(sites, list)
    given = CityFile.model_validate({**document, "sites": sites[:1]})
    counted = days(
        ("onthaal", "2026-02-03", calls(60, 20, [50] * 60)),
        ("onthaal", "2026-03-03", calls(90, 10, [38] * 90)),
        ("loket-a", "2026-03-03", Bucket(visits=4, visit_wait_ms=4 * 70_000)),
    )
    return assemble(
        given,
        Calendar(given),
        Counted(months_of(counted), counted, date(2026, 1, 5)),
        history,
        Period.parse(month),
        local(now),
    )


def attachment(kind: str = "html", size: int = 3) -> Attachment:
    return Attachment(
        name=f"wachtpost-teststad-2026-03.{kind}", media_type=MEDIA_TYPES[kind], data=b"x" * size
    )


def mail(given: Report, *files: Attachment, not_made: Sequence[str] = ()) -> Document:
    return compose("report:2026-03", given, files, not_made)


def test_the_mail_says_what_it_is_the_main_figures_and_what_is_attached():
    assert mail(report(), attachment(), attachment("csv")).text.splitlines() == [
        "Dit is het beleidsrapport van Teststad over maart 2026.",
        "",
        "In het kort:",
        "- Gemiste oproepen in 2026 tot en met 31 maart: 16,7 % (30 van 180) – nog niet te zeggen (≤ 20 %)",
        "- Gemiddelde wachttijd aan de telefoon in maart 2026: 38,0 s – gehaald (≤ 45 s)",
        "- Wachttijd aan het loket (minuten:seconden), doel niet gehaald: loket-a (1:10, ≤ 1:00)",
        "- Wachttijd aan het loket (minuten:seconden), niet beoordeeld: loket-b (geen gegevens)",
        "",
        "Het volledige rapport zit als bijlage bij deze mail:",
        "- wachtpost-teststad-2026-03.html (om te lezen in een browser en af te drukken op A4)",
        "- wachtpost-teststad-2026-03.csv (de cijfers, voor een rekenblad)",
        "",
        "Deze mail is automatisch gemaakt en verstuurd door Wachtpost.",
    ]
    assert mail(report()).subject == "Beleidsrapport Teststad: maart 2026"


def test_a_year_counts_the_months_and_a_month_that_runs_is_provisional():
    lines = mail(report("2026")).text.splitlines()
    assert lines[0] == "Dit is het beleidsrapport van Teststad over 2026."
    assert "cijfers zijn voorlopig" in lines[1]
    assert lines[4:6] == [
        "- Gemiste oproepen in 2026 tot en met 1 juli: 16,7 % (30 van 180) – nog niet te zeggen (≤ 20 %)",
        "- Gemiddelde wachttijd aan de telefoon in 2026: gehaald in 1 van 2 maanden (≤ 45 s)",
    ]


def test_a_year_that_is_over_is_judged_for_good_and_nothing_counted_is_no_figure():
    lines = mail(report("2026-12", now="2027-01-05T08:00")).text.splitlines()
    assert lines[3:5] == [
        "- Gemiste oproepen in 2026: 16,7 % (30 van 180) – gehaald (≤ 20 %)",
        "- Gemiddelde wachttijd aan de telefoon in december 2026: geen gegevens",
    ]


def test_a_year_that_was_reported_too_is_told_as_it_was_counted():
    figure = {"kpi": "missed_ratio", "period": "2026", "value": 0.4}
    told = mail(
        report(
            "2026-12", now="2027-02-01T08:00", history=(HistoryFile.model_validate({"figures": [figure]}),)
        )
    ).text
    assert "16,7 %" in told
    assert "40,0 %" not in told


def test_in_french_and_german_too():
    french = mail(report(language="fr"), attachment())
    assert french.subject == "Rapport stratégique Teststad\xa0: mars 2026"
    said = french.text.replace("\xa0", " ").splitlines()
    missed = "16,7 % (30 sur 180) – trop tôt pour le dire (≤ 20 %)"
    assert f"- Appels manqués en 2026 jusqu'au 31 mars inclus : {missed}" in said
    german = mail(report(language="de"), attachment())
    assert german.subject == "Strategiebericht Teststad: März 2026"
    said = german.text.replace("\xa0", " ").splitlines()
    missed = "16,7 % (30 von 180) – noch nicht zu sagen (≤ 20 %)"
    assert f"- Verpasste Anrufe 2026 bis einschließlich 31. März: {missed}" in said


def test_in_english_too():
    english = mail(report(language="en"), attachment())
    assert english.subject == "Policy report Teststad: March 2026"
    assert (
        "Missed calls in 2026 up to and including 31 March: 16.7% (30 of 180) – not yet to say (≤ 20%)"
        in english.text
    )
    assert "Wait at the counter (minutes:seconds), target not met: loket-a (1:10, ≤ 1:00)" in english.text


@pytest.mark.parametrize(
    ("files", "attached", "missing"),
    [
        ([("html", 3), ("pdf", MOST_BYTES - 3)], ["html", "pdf"], ""),
        ([("html", 3), ("pdf", MOST_BYTES - 2), ("csv", 3)], ["html"], "(meer dan 8 MB): pdf, csv."),
        ([("pdf", MOST_BYTES + 1)], [], "(meer dan 8 MB): pdf."),
        ([("html", MOST_BYTES + 1), ("csv", 3)], [], "(meer dan 8 MB): html, csv."),
    ],
)
def test_what_no_mail_can_carry_is_left_out_and_said(
    files: list[tuple[str, int]], attached: list[str], missing: str
):
    made = mail(report(), *(attachment(kind, size) for kind, size in files))
    assert [one.name.rpartition(".")[2] for one in made.attachments] == attached
    assert missing in made.text
    assert ("wachtpost report 2026-03" in made.text) is bool(missing)


def test_a_file_that_could_not_be_made_is_said():
    text = mail(report(), attachment(), not_made=["pdf"]).text
    assert "Niet bijgevoegd, want het kon niet worden gemaakt: pdf." in text


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Lier", "wachtpost-lier-2026-10.html"),
        (
            "Sint-Genesius-Rode / Rhode-Saint-Genèse",
            "wachtpost-sint-genesius-rode-rhode-saint-genese-2026-10.html",
        ),
        ("'s-Hertogenbosch\r\nBcc: x", "wachtpost-s-hertogenbosch-bcc-x-2026-10.html"),
        ("東京", "wachtpost-2026-10.html"),
        ("x" * 300, f"wachtpost-{'x' * 60}-2026-10.html"),
    ],
)
def test_a_file_is_named_after_the_city_and_the_period(name: str, file: str):
    assert file_name(name, Period.parse("2026-10"), "html") == file
    assert Attachment(name=file, media_type="text/html", data=b"").name == file


def test_every_kind_of_file_is_said():
    assert set(KINDS) == set(MEDIA_TYPES)


# Making it ---------------------------------------------------------------------------------------------


def kinds_of(document: Document) -> list[str]:
    return [one.name.rpartition(".")[2] for one in document.attachments]


def test_every_kind_of_file_but_pdf_is_rendered_and_carries_the_figures():
    made = mail_of("report:2026-03", report(), ("html", "csv", "json", "md"))
    assert kinds_of(made) == ["html", "csv", "json", "md"]
    assert made.attachments[0].name == "wachtpost-teststad-2026-03.html"
    assert b"16,7" in made.attachments[0].data
    assert all(one.data.decode() for one in made.attachments)


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Files of these sizes are rendered, 10 bytes unless told; 0: there is nothing to make it with."""
    told: dict[str, int] = {}

    def render(_report: Report, kind: ReportFormat, _words: object, _sheet: object, *, excel: bool) -> bytes:
        assert excel, "a mailed table is opened on a double click"
        if told.get(kind.value) == 0:
            raise NoPdfError
        return b"x" * told.get(kind.value, 10)

    monkeypatch.setattr(rendering, "render", render)
    return told


@pytest.mark.parametrize(
    ("wanted", "told", "attached", "said"),
    [
        (("pdf", "csv"), {}, ["pdf", "csv"], ""),
        (("pdf", "csv"), {"pdf": 0}, ["csv"], "want het kon niet worden gemaakt: pdf."),
        (("pdf",), {"pdf": 0}, ["html"], "want het kon niet worden gemaakt: pdf."),
        (
            ("pdf", "csv"),
            {"pdf": MOST_BYTES},
            ["html"],
            "want samen te groot voor een mail (meer dan 8 MB): pdf, csv.",
        ),
        (
            ("html", "csv"),
            {"csv": MOST_BYTES},
            ["html"],
            "want samen te groot voor een mail (meer dan 8 MB): csv.",
        ),
    ],
)
def test_what_cannot_be_attached_is_said_and_the_readable_file_stands_in(
    sizes: dict[str, int], wanted: tuple[str, ...], told: dict[str, int], attached: list[str], said: str
):
    sizes.update(told)
    made = mail_of("report:2026-03", report(), wanted)
    assert kinds_of(made) == attached
    assert said in made.text


@pytest.mark.parametrize(
    ("sheet", "why"),
    [
        (None, "sheet.toml bestaat niet"),
        ('city = "Proefstad"\nmoney = 1', "sheet.toml:2: onbekende sleutel"),
        ("= 1", "sheet.toml:1:1: dit is geen geldige TOML"),
        ('city = "Elders"', 'dit bestand gaat over een andere stad: het stadsbestand is dat van "Proefstad"'),
    ],
)
async def test_a_sheet_that_cannot_be_read_keeps_the_report_from_being_made(
    tmp_path: Path, sheet: str | None, why: str
):
    if sheet is not None:
        (tmp_path / "sheet.toml").write_text(sheet)
    make = maker(ReporterSettings(city_file=tmp_path / "city.toml"), city(sheet="sheet.toml"))
    with pytest.raises(CannotMakeError, match=re.escape(why)):
        await make("report:2026-10", Period.parse("2026-10"), local("2026-11-05T08:00"))


# The contract ------------------------------------------------------------------------------------------


@given(st.binary(max_size=2000))
def test_a_document_survives_being_written_down(data: bytes):
    document = Document(
        id="report:2026-10",
        subject="Rapport",
        text="é",
        attachments=(Attachment(name="a.pdf", media_type="application/pdf", data=data),),
    )
    assert Document.model_validate_json(encode(document)) == document


def test_a_word_carries_no_document():
    ready = ReportReady(
        id="report:2026-10", at=local("2026-11-05T08:00"), period="2026-10", receivers=("hoofd",)
    )
    assert len(encode(ready)) < 200
    assert ReportReady.model_validate_json(encode(ready)) == ready


@pytest.mark.parametrize("name", ["../x.html", "a b.html", "A.html", ".html", "a\r\n.html", "x" * 101])
def test_a_file_name_that_could_be_more_than_a_name_is_refused(name: str):
    with pytest.raises(ValueError, match="name"):
        Attachment(name=name, media_type="text/html", data=b"")


def test_more_than_a_mail_carries_is_refused():
    heavy = Attachment(name="a.html", media_type="text/html", data=b"x" * (MOST_BYTES // 2 + 1))
    with pytest.raises(ValueError, match="together"):
        Document(id="report:2026-10", subject="Rapport", text="", attachments=(heavy, heavy))
