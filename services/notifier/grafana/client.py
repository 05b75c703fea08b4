"""Breaches as annotations in Grafana: the one place that knows the library ``grafana-api``.

The library is synchronous, so a conversation with Grafana runs in a worker thread. Its own calls
for annotations wipe the fields they are not given, so only its plain GET, POST, PATCH and DELETE are used.
It lets many kinds of exception through; all come out of here as ``TransientFailure`` or ``PermanentFailure``.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final, Literal, NoReturn, TypeVar
from urllib.parse import urlencode

import requests
import urllib3
from grafana_api.grafana_api import GrafanaException  # type: ignore[import-untyped]  # it ships no types
from grafana_api.grafana_face import GrafanaFace  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from services.notifier.grafana.annotations import (
    Annotation,
    AnnotationFields,
    CityWords,
    FoundAnnotation,
    annotation_of,
    changes,
    oldest,
)
from services.notifier.model import Breach, PermanentFailure, TransientFailure
from shared.config.alerting import GrafanaConfig
from shared.contract.boards import LIVE, board_uid

THREADS: Final = 2
"""Threads of our own: a Grafana that hangs must not take those in which names are resolved for mail."""

LOOK_UP_LIMIT: Final = 100
"""Annotations of one breach to ask for: one, and doubles if ever there are any."""

FOLDERS_LIMIT: Final = 1000
"""Grafana's most folders per answer."""

LONGEST_RETRY_AFTER: Final = timedelta(hours=1)
"""A proxy that asks for more is not believed."""

EXCERPT: Final = 200
"""Characters of Grafana's own explanation that are repeated."""

NOT_GRAFANA: Final = "the answer is not Grafana's: a proxy's page, or a Grafana that is starting"
GIVEN_UP: Final = "gave up waiting before it was written"
NO_RIGHTS: Final = (
    "the account needs Edit on the folder of the boards (annotations:read, :write, :create, :delete); "
    "where anybody may look without a login, a token that Grafana does not know is told the same"
)

T = TypeVar("T")
Method = Literal["GET", "POST", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class GrafanaLimits:
    """How long Grafana may take."""

    request: timedelta = timedelta(seconds=5)
    """To connect, and between two pieces of an answer."""
    conversation: timedelta = timedelta(seconds=15)
    """For all requests of one write or check together."""


class AnnotationClient:
    """Keeps one annotation per breach in Grafana.

    It remembers nothing: every write looks up what Grafana holds, so that a retry, a restart on either
    side or a second notifier leads to the same one annotation. Writes of different breaches may overlap.
    """

    def __init__(self, config: GrafanaConfig, words: CityWords, limits: GrafanaLimits) -> None:
        self._config = config
        self._board = config.dashboard_uid or board_uid(LIVE, words.say.language)
        self._words = words
        self._limits = limits
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="grafana")

    async def write(self, breach: Breach) -> None:
        """Bring Grafana to what ``breach`` says. Idempotent; old news changes nothing.

        Raises ``TransientFailure`` when it is worth another try (the annotation may or may not be written by
        then), ``PermanentFailure`` when somebody has to mend the city file, the token or Grafana.

        Where Grafana stores an annotation after we gave up waiting for its answer, a double can stay until
        the next write about that breach removes it.
        """
        wanted = annotation_of(breach, self._words)
        await self._converse(lambda grafana: _bring_about(grafana, wanted))

    async def check(self) -> None:
        """Return if Grafana is well, has the board and lets the token write there; else raise like ``write``.

        Nothing is written.
        """
        await self._converse(_AnnotationCalls.check)

    async def ensure_folder(self) -> str:
        """Return the uid of the folder that the city file names, made if need be; raises like ``write``."""
        return await self._converse(_AnnotationCalls.folder)

    def close(self) -> None:
        """Let the threads go. One that waits for Grafana ends with its request's time-out."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _converse(self, talk: Callable[[_AnnotationCalls], T]) -> T:
        given_up = threading.Event()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limits.conversation.total_seconds()):
                return await loop.run_in_executor(self._threads, self._in_thread, talk, given_up)
        except TimeoutError:
            raise TransientFailure(
                f"Grafana took longer than {self._limits.conversation.total_seconds():g} s"
            ) from None
        finally:
            given_up.set()

    def _in_thread(self, talk: Callable[[_AnnotationCalls], T], given_up: threading.Event) -> T:
        # A session per conversation: none is shared between threads, and a new token in the file counts.
        face = _face(self._config, _token(self._config), self._limits.request)
        with face.session:
            return talk(_AnnotationCalls(face, self._config, self._board, given_up))


def build(
    config: GrafanaConfig | None, words: CityWords, limits: GrafanaLimits = GrafanaLimits()
) -> AnnotationClient | None:
    """Return the adapter, or None where the city file has no ``[grafana]``. Does not connect."""
    return None if config is None else AnnotationClient(config, words, limits)


def _bring_about(grafana: _AnnotationCalls, wanted: Annotation) -> None:
    known, doubles = oldest(grafana.find(wanted.breach_tag))
    if known is None:
        grafana.create(wanted)
        # Another notifier may have done the same at the same moment: both look, both keep the older one.
        known, doubles = oldest(grafana.find(wanted.breach_tag))
    if known is not None and (fields := changes(wanted, known)):
        grafana.patch(known.id, fields)
    for double in doubles:
        grafana.delete(double.id)


class _Held(BaseModel):
    """An annotation as Grafana tells it."""

    model_config = ConfigDict(extra="ignore")

    id: int
    time: int
    time_end: Annotated[int, Field(alias="timeEnd")] = 0
    text: str = ""
    tags: tuple[str, ...] | None = None
    board: Annotated[str | None, Field(alias="dashboardUID")] = None


class _Created(BaseModel):
    id: Annotated[int, Field(strict=True, gt=0)]


class _Done(BaseModel):
    """What PATCH and DELETE answer; unlike POST they name no id."""

    message: str


class _Folder(BaseModel):
    uid: str
    title: str


class _Health(BaseModel):
    database: str


class _Missing(PermanentFailure):
    """404: not there."""


class _Taken(PermanentFailure):
    """409 or 412: somebody else was first."""


class _Unusable(PermanentFailure):
    """400: who asks may ask, but not for this."""


class _AnnotationCalls:
    """A few requests in a row, in a worker thread. Whatever goes wrong is Transient or Permanent."""

    def __init__(
        self, face: _GrafanaApi, config: GrafanaConfig, board: str, given_up: threading.Event
    ) -> None:
        self._face = face
        self._board = board
        self._folder = config.folder
        self._given_up = given_up

    def find(self, breach_tag: str) -> list[FoundAnnotation]:
        """Return the annotations with that tag on our board."""
        query = {
            "tags": breach_tag,
            "dashboardUID": self._board,
            "type": "annotation",
            "limit": LOOK_UP_LIMIT,
        }
        held = self._face.ask("GET", f"/annotations?{urlencode(query)}", list[_Held])
        # Looked at again: a Grafana that does not know a filter leaves it out, and those are not ours.
        return [
            FoundAnnotation(one.id, frozenset(one.tags), one.text, one.time, one.time_end)
            for one in held
            if one.tags and breach_tag in one.tags and one.board in {self._board, "", None}
        ]

    def create(self, annotation: Annotation) -> None:
        self._still_wanted()
        self._face.ask(
            "POST",
            "/annotations",
            _Created,
            {
                "dashboardUID": self._board,
                "time": annotation.time_ms,
                "timeEnd": annotation.time_end_ms,
                "tags": list(annotation.tags),
                "text": annotation.text,
            },
        )

    def patch(self, annotation: int, fields: AnnotationFields) -> None:
        self._still_wanted()
        try:
            self._face.ask("PATCH", f"/annotations/{annotation}", _Done, dict(fields))
        except _Missing:
            raise TransientFailure("somebody deleted the annotation meanwhile") from None

    def delete(self, annotation: int) -> None:
        try:
            self._face.ask("DELETE", f"/annotations/{annotation}", _Done)
        except _Missing:
            return  # another notifier was quicker

    def check(self) -> None:
        health = self._face.ask("GET", "/health", _Health)
        if health.database != "ok":
            raise TransientFailure("Grafana has lost its database")
        try:
            self._face.ask("GET", f"/dashboards/uid/{self._board}", dict[str, object])
        except _Missing:
            raise PermanentFailure(
                f"Grafana has no dashboard {self._board} (grafana.dashboard_uid)"
            ) from None
        self._check_rights()

    def _check_rights(self) -> None:
        """Ask for an annotation without a text: Grafana looks at who asks first, and then makes none.

        Reading tells nothing: where anybody may look without a login, Grafana answers whatever the token.
        """
        try:
            made = self._face.ask("POST", "/annotations", _Created, {"dashboardUID": self._board, "text": ""})
        except _Unusable:
            return
        self.delete(made.id)

    def folder(self) -> str:
        uid = self._find_folder()
        if uid is not None:
            return uid
        slug = re.sub(r"[^a-z0-9_-]+", "-", self._folder.lower()).strip("-")[:40]
        body: dict[str, object] = {"title": self._folder, "uid": slug} if slug else {"title": self._folder}
        try:
            return self._face.ask("POST", "/folders", _Folder, body).uid
        except _Taken:
            uid = self._find_folder()
            if uid is None:
                raise
            return uid

    def _find_folder(self) -> str | None:
        folders = self._face.ask("GET", f"/folders?limit={FOLDERS_LIMIT}", list[_Folder])
        return next((folder.uid for folder in folders if folder.title == self._folder), None)

    def _still_wanted(self) -> None:
        """A late thread writes nothing more: its caller was told that it failed, and tries again."""
        if self._given_up.is_set():
            raise TransientFailure(GIVEN_UP)


class _GrafanaApi:
    """The library, with one way out for its exceptions."""

    def __init__(self, api: GrafanaFace, waits: timedelta) -> None:
        self._api = api.api
        self._waits = waits
        self._status = 0
        """Of the last answer; 0: none came."""
        self._retry_after: float | None = None
        self.session: requests.Session = api.api.s
        self.session.hooks["response"].append(self._seen)

    def ask(self, method: Method, path: str, expected: type[T], body: dict[str, object] | None = None) -> T:
        """Return Grafana's answer, if it is of the shape ``expected``."""
        self._status, self._retry_after = 0, None
        try:
            answer: object = getattr(self._api, method)(path, json=body)
        except requests.Timeout:
            raise TransientFailure(f"no answer within {self._waits.total_seconds():g} s") from None
        except requests.exceptions.SSLError:
            raise TransientFailure("no secure connection: look at Grafana's certificate") from None
        except requests.ConnectionError:
            raise TransientFailure("Grafana cannot be reached, or broke off") from None
        except GrafanaException as refusal:
            self._refused(refusal.status_code, _explanation(refusal.response))
        except _LEAKS:
            # Text of these may hold the token (an invalid header) or a whole page: none of it is repeated.
            if self._status >= 400:
                self._refused(self._status, "")
            raise TransientFailure(NOT_GRAFANA) from None
        try:
            return TypeAdapter(expected).validate_python(answer)
        except ValidationError:
            raise TransientFailure(NOT_GRAFANA) from None

    def _seen(self, response: requests.Response, *_: object, **__: object) -> None:
        self._status = response.status_code
        self._retry_after = _seconds(response.headers.get("Retry-After", ""))
        if 300 <= response.status_code < 400:
            # Followed, a POST would become a GET, which answers politely and stores nothing.
            response.close()
            raise PermanentFailure(
                f"Grafana answers with a redirect ({response.status_code}): "
                "put the address where it really is in grafana.url"
            )

    def _refused(self, status: int, explanation: str) -> NoReturn:
        told = f"Grafana answers {status}" + (f": {explanation}" if explanation else "")
        match status:
            case 400:
                raise _Unusable(told) from None
            case 401:
                raise PermanentFailure(
                    "Grafana does not know the token (401): renew grafana.token_file"
                ) from None
            case 403:
                raise PermanentFailure(f"the token may not do this (403): {NO_RIGHTS}") from None
            case 404:
                raise _Missing(f"{told} (is grafana.url right?)") from None
            case 409 | 412:
                raise _Taken(told) from None
            case 408 | 425 | 429:
                raise TransientFailure(told, self._retry_after) from None
            case _ if status >= 500:
                raise TransientFailure(told, self._retry_after) from None
        raise PermanentFailure(told) from None


_LEAKS: Final = (
    urllib3.exceptions.HTTPError,  # what requests forgets to wrap
    OSError,  # whatever else requests has: JSON that is none, a header that is none, no certificates
    ValueError,
    TypeError,  # the library looks for "message" in a null, or takes it from a page
    LookupError,
    RecursionError,  # JSON a thousand levels deep
)


def _face(config: GrafanaConfig, token: str, waits: timedelta) -> _GrafanaApi:
    url = config.url
    prefix = (url.path or "").strip("/")
    return _GrafanaApi(
        GrafanaFace(
            auth=token,
            host=url.host,
            port=url.port,
            url_path_prefix=f"{prefix}/" if prefix else "",
            protocol=url.scheme,
            timeout=waits.total_seconds(),
        ),
        waits,
    )


def _token(config: GrafanaConfig) -> str:
    """Read anew every time, so that a token can be replaced while we run."""
    try:
        token = config.token_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PermanentFailure(f"grafana.token_file cannot be read ({type(error).__name__})") from None
    if not re.fullmatch(r"[!-~]+", token):
        raise PermanentFailure("grafana.token_file must hold one token and nothing else")
    return token


def _explanation(answer: object) -> str:
    """Grafana's own words, where it is Grafana that speaks; pages of proxies are not repeated."""
    try:
        message = _Done.model_validate(answer).message
    except ValidationError:
        return ""
    return " ".join(message.split())[:EXCERPT]


def _seconds(text: str) -> float | None:
    """Return a Retry-After in seconds; one with a date is left to the caller's own patience."""
    if not re.fullmatch(r"[0-9]{1,9}", text.strip(), re.ASCII):
        return None
    return min(float(text), LONGEST_RETRY_AFTER.total_seconds())
