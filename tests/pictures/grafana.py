"""What a Grafana has of our boards, and a login to look at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from deploy.grafana.board import BoardName
from shared.contract.annotation_tags import MARK
from shared.contract.boards import board_uid
from shared.translation import languages

PATIENCE_S: Final = 10.0


class NoBoardsError(Exception):
    """There is nothing to take a picture of; the text says whose turn it is and holds no secret."""


@dataclass(frozen=True, order=True)
class FoundBoard:
    language: str
    name: BoardName

    @property
    def path(self) -> str:
        return f"/d/{board_uid(self.name, self.language)}"


@dataclass(frozen=True)
class Visit:
    """A Grafana that lets us look."""

    url: str
    cookies: Mapping[str, str]
    boards: tuple[FoundBoard, ...]

    def missing(self) -> list[FoundBoard]:
        """Return the boards that a language lacks of which there are others."""
        there = dict.fromkeys(board.language for board in self.boards)
        wanted = (FoundBoard(language, name) for language in there for name in BoardName)
        return [board for board in wanted if board not in self.boards]


class _Found(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    uid: str


_FOUND: Final = TypeAdapter(tuple[_Found, ...])


def visit(url: str, user: str, password: str | None) -> Visit:
    """Log in, without a password look as anybody may, and find our boards; raises ``NoBoardsError``."""
    if not url:
        raise NoBoardsError("where is Grafana? Say it so: make pictures GRAFANA=http://127.0.0.1:3000")
    base = url.rstrip("/")
    try:
        with httpx.Client(timeout=PATIENCE_S, trust_env=False) as http:
            if password is not None:
                _log_in(http, base, user, password)
            response = http.get(f"{base}/api/search", params={"tag": MARK, "type": "dash-db"})
            cookies = dict(http.cookies)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoBoardsError(f"no Grafana answers at {base} ({type(error).__name__})") from None
    match response.status_code:
        case 401 | 403 | 302:
            raise NoBoardsError(
                f"Grafana at {base} shows its boards to nobody without a login: --user, --password-file"
            )
        case status if status != httpx.codes.OK:
            raise NoBoardsError(f"{base} answered {status} for a list of boards: is this Grafana's address?")
    try:
        found = {one.uid for one in _FOUND.validate_json(response.content)}
    except ValidationError:
        raise NoBoardsError(f"what answers at {base} is no Grafana: is this its address?") from None
    ours = (FoundBoard(language, name) for language in languages() for name in BoardName)
    boards = tuple(board for board in ours if board_uid(board.name, board.language) in found)
    if not boards:
        raise NoBoardsError(f"Grafana at {base} has none of the boards of Wachtpost, or does not show them")
    return Visit(base, cookies, boards)


def _log_in(http: httpx.Client, base: str, user: str, password: str) -> None:
    response = http.post(f"{base}/login", json={"user": user, "password": password})
    if response.status_code == httpx.codes.UNAUTHORIZED:
        raise NoBoardsError(f"Grafana at {base} does not accept this name and password ({user})")
    if response.status_code != httpx.codes.OK:
        raise NoBoardsError(f"{base} answered {response.status_code} to a login: is this Grafana's address?")
