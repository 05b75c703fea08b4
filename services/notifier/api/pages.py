"""The pages behind the acknowledge link. Pure.

GET shows a page and changes nothing, so that a mail scanner that follows links acknowledges nothing; its
button POSTs the same token. The pages need no JavaScript and load nothing from anywhere.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from http import HTTPStatus
from typing import Final

from services.notifier.messages.links import LinkClaim, LinkRefusal, open_breaches
from services.notifier.messages.message import Writer
from services.notifier.messages.template_files import Templates
from services.notifier.messages.view import Viewer
from services.notifier.model import Breach
from shared.config.model import CityFile
from shared.translation import translator

_STYLE: Final = re.compile(r"<style>(.*?)</style>", re.DOTALL)


class PageCase(StrEnum):
    """What there is to say to somebody who followed an acknowledge link."""

    ASK = "ask"
    """Here is what it is about: will you take it on?"""
    DONE = "done"
    """You just did."""
    ALREADY = "already"
    """Somebody did before."""
    OVER = "over"
    """It is over: there is nothing to take on."""
    EXPIRED = "expired"
    FORGED = "forged"


STATUS: Final[Mapping[PageCase, HTTPStatus]] = {
    PageCase.ASK: HTTPStatus.OK,
    PageCase.DONE: HTTPStatus.OK,
    PageCase.ALREADY: HTTPStatus.OK,
    PageCase.OVER: HTTPStatus.OK,
    PageCase.EXPIRED: HTTPStatus.GONE,
    PageCase.FORGED: HTTPStatus.FORBIDDEN,
}


@dataclass(frozen=True)
class Page:
    """What the HTTP shell answers with."""

    status: int
    headers: Mapping[str, str]
    html: str


@dataclass(frozen=True)
class Item:
    """One breach on a page."""

    headline: str
    since: str
    until: str
    """When it was over; empty while it lasts."""
    by: str
    """Who took it on; empty: nobody."""
    at: str


def case_of(claim: LinkClaim | LinkRefusal, breaches: Sequence[Breach]) -> PageCase:
    """Return what to show for a token and those of its breaches that are still known."""
    if isinstance(claim, LinkRefusal):
        return PageCase(claim)
    if open_breaches(tuple(breaches)):
        return PageCase.ASK
    return PageCase.ALREADY if any(breach.closed_at is None for breach in breaches) else PageCase.OVER


class Pages:
    """Makes the pages of a city, in its language."""

    def __init__(self, city: CityFile, templates: Templates) -> None:
        self._city = city
        self._templates = templates
        self._writer = Writer(city, templates)
        self._viewer = Viewer(city)

    def show(self, case: PageCase, breaches: Sequence[Breach], now: datetime, token: str = "") -> Page:
        """Return the page of a case; ``token`` is what its button sends back, as the form field ``token``."""
        html = self._templates.fill(
            "acknowledge.html",
            translator(self._city.city.language),
            case=case,
            items=[self._item(breach, now) for breach in breaches],
            token=token,
            city=self._city.city.name,
        )
        return Page(STATUS[case], _headers(html), html + "\n")

    def _item(self, breach: Breach, now: datetime) -> Item:
        view = self._viewer.view(breach, now)
        taken = view.taken
        return Item(
            headline=self._writer.headline(breach, now),
            since=view.since,
            until=view.until if view.over else "",
            by="" if taken is None else taken.by,
            at="" if taken is None else taken.at,
        )


def _headers(html: str) -> dict[str, str]:
    """Return headers that let a page do nothing but show its own style and send its own form.

    Nothing on the way may keep it either, and the address, which holds the token, is told to no one.
    """
    styles = " ".join(f"'sha256-{_hash(style)}'" for style in _STYLE.findall(html)) or "'none'"
    return {
        "Content-Security-Policy": f"default-src 'none'; style-src {styles}; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Content-Type": "text/html; charset=utf-8",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
    }


def _hash(style: str) -> str:
    return b64encode(sha256(style.encode()).digest()).decode("ascii")
