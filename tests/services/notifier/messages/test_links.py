"""The links of a message, and the pages behind the acknowledge link."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from services.notifier.api.pages import STATUS, PageCase, Pages, case_of
from services.notifier.messages.links import (
    ACKNOWLEDGE_PATH,
    LONGEST_URL,
    LinkClaim,
    LinkRefusal,
    Links,
    Signer,
    links_for,
)
from services.notifier.model import Breach, NotificationKind
from shared.config.alerting import NotifyConfig
from shared.contract.kpis import Measure
from shared.translation import languages
from tests.support.html import read
from tests.support.notifications import (
    NOW,
    OPENED,
    TEMPLATES,
    acknowledged,
    breach,
    city,
    ended,
    notification,
)

KEY = b"a key of the tests, 32 bytes.  ."
SIGNER = Signer(KEY)
UNTIL = NOW + timedelta(hours=24)
CLAIM = LinkClaim(("wachten:limit:huis:onthaal:1795511040000",), "teamleiders")
NOTIFY = NotifyConfig.model_validate(
    {
        "base_url": "https://wachtpost.stad.example/melder/",
        "board_url": "https://bord.stad.example/d/wachtpost-live/nu?orgId=1&from=now-6h&to=now&var-site=huis#p2",
    }
)


# --- Tokens -------------------------------------------------------------------------------------------


@given(
    breaches=st.lists(st.text(min_size=1, max_size=80), max_size=8).map(tuple),
    receiver=st.text(max_size=64),
)
def test_a_token_says_what_was_signed(breaches: tuple[str, ...], receiver: str) -> None:
    token = SIGNER.sign(LinkClaim(breaches, receiver), UNTIL)
    assert SIGNER.verify(token, NOW) == LinkClaim(breaches, receiver)
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", token)  # nothing in it needs escaping in an address


def test_the_same_claim_has_the_same_token() -> None:
    assert SIGNER.sign(CLAIM, UNTIL) == Signer(KEY).sign(CLAIM, UNTIL)


@pytest.mark.parametrize(
    ("after", "claim"),
    [
        (timedelta(0), CLAIM),
        (timedelta(hours=23, minutes=59, seconds=59), CLAIM),
        (timedelta(hours=24), LinkRefusal.EXPIRED),
        (timedelta(days=400), LinkRefusal.EXPIRED),
    ],
)
def test_a_token_expires(after: timedelta, claim: LinkClaim | LinkRefusal) -> None:
    assert SIGNER.verify(SIGNER.sign(CLAIM, UNTIL), NOW + after) == claim


@given(at=st.integers(0, 400), sign=st.characters())
def test_a_token_with_one_sign_changed_is_forged(at: int, sign: str) -> None:
    token = SIGNER.sign(CLAIM, UNTIL)
    changed = token[: at % len(token)] + sign + token[at % len(token) + 1 :]
    assume(changed != token)
    # The last sign of base64 carries bits that mean nothing.
    assume(at % len(token) != len(token) - 1)
    assert SIGNER.verify(changed, NOW) is LinkRefusal.FORGED


def foreign(payload: object, salt: bytes = b"wachtpost acknowledge 1", key: bytes = KEY) -> str:
    serializer = URLSafeSerializer(
        key, salt=salt, signer_kwargs={"digest_method": sha256, "key_derivation": "hmac"}
    )
    return str(serializer.dumps(payload))


VALID = [int(UNTIL.timestamp()), "teamleiders", ["x"]]


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "x" * 100_000,
        "é.ü",
        "\ud800",
        SIGNER.sign(CLAIM, UNTIL)[:-10],  # cut off on the way
        foreign(VALID, key=b"another key, just as long as ours"),
        foreign(VALID, salt=b"something else that we sign"),
        foreign({"breaches": "x"}),
        foreign([1, 2]),
        foreign(None),
    ],
)
def test_a_token_that_is_not_ours_is_forged(token: str) -> None:
    assert SIGNER.verify(token, NOW) is LinkRefusal.FORGED


def test_a_token_made_by_hand_in_the_same_way_is_ours() -> None:
    """The control: what the forged ones above lack is the key, the salt or the form."""
    assert SIGNER.verify(foreign(VALID), NOW) == LinkClaim(("x",), "teamleiders")


def test_a_key_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Signer(b"secret")


# --- Links --------------------------------------------------------------------------------------------


def fields(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)


def test_the_acknowledge_link_carries_what_is_open_and_for_whom() -> None:
    told = notification(
        NotificationKind.FIRING, breach(), acknowledged(Measure.MISSED_RATIO), ended(Measure.NO_DATA)
    )
    url = links_for(told, NOTIFY, SIGNER).acknowledge
    assert url is not None
    assert url.startswith(f"https://wachtpost.stad.example/melder{ACKNOWLEDGE_PATH}?")
    assert SIGNER.verify(fields(url)["token"][0], NOW) == LinkClaim((breach().id,), "teamleiders")


def test_the_acknowledge_link_is_valid_for_as_long_as_the_city_file_says() -> None:
    notify = NOTIFY.model_copy(update={"link_valid": timedelta(minutes=5)})
    url = links_for(notification(NotificationKind.FIRING, breach()), notify, SIGNER).acknowledge
    assert url is not None
    token = fields(url)["token"][0]
    assert isinstance(SIGNER.verify(token, NOW + timedelta(minutes=4)), LinkClaim)
    assert SIGNER.verify(token, NOW + timedelta(minutes=5)) is LinkRefusal.EXPIRED


@pytest.mark.parametrize(
    ("kind", "breaches"),
    [
        (NotificationKind.RESOLVED, (ended(),)),
        (NotificationKind.DIGEST, (ended(), acknowledged())),
        (NotificationKind.TEST, ()),
        (NotificationKind.TEST, (breach(),)),
    ],
)
def test_what_nobody_can_take_on_has_no_link(kind: NotificationKind, breaches: tuple[Breach, ...]) -> None:
    assert links_for(notification(kind, *breaches), NOTIFY, SIGNER).acknowledge is None


def test_without_addresses_or_key_there_are_no_links() -> None:
    told = notification(NotificationKind.FIRING, breach())
    assert links_for(told, NotifyConfig(), SIGNER) == Links()
    assert links_for(told, NOTIFY, None).acknowledge is None


@pytest.mark.parametrize(("count", "has_link"), [(1, True), (30, True), (2000, False)])
def test_an_address_stays_short_enough_for_mail_programs(count: int, has_link: bool) -> None:
    told = notification(
        NotificationKind.FIRING, *(breach(id=f"wachten:limit:huis:rij-{n}:{n}") for n in range(count))
    )
    url = links_for(told, NOTIFY, SIGNER).acknowledge
    assert (url is not None) is has_link
    assert len(url or "") <= LONGEST_URL


def test_the_board_is_shown_around_the_breach_with_its_own_settings_kept() -> None:
    earlier = breach(Measure.NO_DATA, opened_at=OPENED - timedelta(hours=1))
    url = links_for(notification(NotificationKind.FIRING, breach(), earlier), NOTIFY, None).board
    assert url is not None
    ten = timedelta(minutes=10)
    assert fields(url) == {
        "orgId": ["1"],
        "var-site": ["huis"],
        "from": [str(int((OPENED - timedelta(hours=1) - ten).timestamp() * 1000))],
        "to": [str(int((NOW + ten).timestamp() * 1000))],
    }
    assert url.startswith("https://bord.stad.example/d/wachtpost-live/nu?")
    assert url.endswith("#p2")


# --- Pages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "breaches", "case"),
    [
        (CLAIM, (breach(),), PageCase.ASK),
        (CLAIM, (ended(), acknowledged(), breach()), PageCase.ASK),
        (CLAIM, (acknowledged(),), PageCase.ALREADY),
        (CLAIM, (ended(), acknowledged()), PageCase.ALREADY),
        (CLAIM, (ended(),), PageCase.OVER),
        (CLAIM, (), PageCase.OVER),  # so long ago that nobody knows it any more
        (LinkRefusal.EXPIRED, (), PageCase.EXPIRED),
        (LinkRefusal.FORGED, (), PageCase.FORGED),
    ],
)
def test_which_page_is_shown(
    claim: LinkClaim | LinkRefusal, breaches: tuple[Breach, ...], case: PageCase
) -> None:
    assert case_of(claim, breaches) is case


ABOUT = {
    PageCase.ASK: (breach(), acknowledged(Measure.MISSED_RATIO)),
    PageCase.DONE: (acknowledged(),),
    PageCase.ALREADY: (acknowledged(),),
    PageCase.OVER: (ended(),),
    PageCase.EXPIRED: (),
    PageCase.FORGED: (),
}

EVERY_PAGE = [(case, language) for case in PageCase for language in languages()]


@pytest.mark.parametrize(("case", "language"), EVERY_PAGE)
def test_only_the_question_has_a_button_and_it_posts(case: PageCase, language: str) -> None:
    page = Pages(city(language), TEMPLATES).show(case, ABOUT[case], NOW, "the.token")
    if case is not PageCase.ASK:
        assert not list(read(page.html).all("form"))
        assert "the.token" not in page.html
        return
    assert [one.attributes for one in read(page.html).all("form", "input", "button")] == [
        {"method": "post"},  # to the same address
        {"type": "hidden", "name": "token", "value": "the.token"},
        {"type": "submit"},
    ]


@pytest.mark.parametrize(("case", "language"), EVERY_PAGE)
def test_a_page_loads_nothing_and_runs_nothing(case: PageCase, language: str) -> None:
    page = Pages(city(language), TEMPLATES).show(case, ABOUT[case], NOW, "the.token")
    root = read(page.html)
    assert not list(root.all("script", "img", "link", "iframe", "object"))
    for one in root.all():
        assert not {"style", "src", "href"} & one.attributes.keys()
        assert not any(name.startswith("on") for name in one.attributes)
    assert [one.attributes for one in root.all("html")] == [{"lang": language}]
    assert len(list(root.all("h1"))) == 1


def test_the_headers_allow_the_pages_own_style_only_and_tell_nobody_the_address() -> None:
    page = Pages(city(), TEMPLATES).show(PageCase.ASK, [breach()], NOW, "the.token")
    style = re.findall(r"<style>(.*?)</style>", page.html, re.DOTALL)
    assert len(style) == 1
    digest = b64encode(sha256(style[0].encode()).digest()).decode()
    policy = page.headers["Content-Security-Policy"]
    assert f"style-src 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("case", PageCase)
def test_every_case_has_a_status(case: PageCase) -> None:
    page = Pages(city(), TEMPLATES).show(case, ABOUT[case], NOW)
    assert page.status == STATUS[case]
    assert (page.status >= 400) is (case in {PageCase.EXPIRED, PageCase.FORGED})


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("nl", ["Onthaal: gemiddeld 1:31 wachten", "Sinds 10:04", "opgepakt: Teamleiders, 10:09"]),
        ("en", ["Onthaal: average wait 1:31", "Since 10:04", "taken on: Teamleiders, 10:09"]),
        (
            "fr",
            ["Onthaal\u00a0: attente moyenne de 1:31", "Depuis 10:04", "charge\u00a0: Teamleiders, 10:09"],
        ),
        ("de", ["Onthaal: durchschnittlich 1:31 Wartezeit", "Seit 10:04", "übernommen: Teamleiders, 10:09"]),
    ],
)
def test_a_page_says_what_it_is_about(language: str, says: list[str]) -> None:
    page = Pages(city(language), TEMPLATES).show(PageCase.ASK, ABOUT[PageCase.ASK], NOW, "x")
    for words in says:
        assert words in page.html


def test_a_page_escapes_what_it_is_given() -> None:
    named = breach(queue="onthaal", rule="wachten")
    evil = city().model_copy(update={"city": city().city.model_copy(update={"name": "<script>&"})})
    page = Pages(evil, TEMPLATES).show(PageCase.ASK, [named], NOW, '"><script>')
    assert "<script>" not in page.html
    assert "&lt;script&gt;&amp;" in page.html
