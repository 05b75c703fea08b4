"""What commands share: the services' settings, the city file, and what the notifier keeps in Redis.

A command never writes there itself: it puts its wish on the stream, and waits until the owner has acted.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    RedisError,
    ResponseError,
)

from domain.corrections import MOST_WHY
from services.notifier.channels.sender import why_lost
from services.notifier.messages.message import Writer
from services.notifier.messages.template_files import TemplateFault, load_templates
from services.notifier.settings import NotifierSettings
from services.notifier.state_store import NotifierStore
from shared.config.alerting import Receiver
from shared.config.errors import unreadable
from shared.config.model import CityFile
from shared.personal_data import ROLE, holds_phone_number
from shared.process.settings import ServiceSettings, SettingWrongError
from shared.redis.connection import RedisClient, redis_client
from shared.translation import Translator, translator
from wachtpost.city_file import load_or_explain
from wachtpost.terminal import complain, fail

ACTED_WITHIN: Final = timedelta(seconds=10)
"""How long the owner may take to act on a command: a moment, or a lease when another one takes over."""

LOOK_EVERY: Final = 0.05
"""Seconds between two looks at whether it did."""

BY_HELP: Final = "Who: a receiver's id or a role, such as balie. Never a person's name"

Stores = Mapping[int, NotifierStore]
"""What the notifier keeps, by partition."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Access:
    """Who asks, of which city, in which language."""

    settings: NotifierSettings
    city: CityFile

    @property
    def say(self) -> Translator:
        """Speaks the language of the city file."""
        return translator(self.city.city.language)

    def now(self) -> datetime:
        """By the services' clock."""
        return self.settings.now()

    def writer(self) -> Writer:
        """Return what puts breaches into words, with the city's own templates."""
        try:
            return Writer(self.city, load_templates(self.city.notify.templates, _report))
        except OSError as error:
            folder = self.city.notify.templates or Path()
            fail(unreadable(folder, error, self.city.city.language))

    def local(self, at: datetime) -> str:
        """Return a moment on the city's clock."""
        return f"{at.astimezone(self.city.city.zone):%Y-%m-%d %H:%M:%S}"

    def ask(self, work: Callable[[Stores], Awaitable[Answer]]) -> Answer:
        """Do work on what the notifier keeps; exits like ``reach``."""
        lease = self.city.pipeline.lease
        partitions = range(self.city.pipeline.partitions)
        return self.reach(lambda redis: work({n: NotifierStore(redis, n, "", lease) for n in partitions}))

    def reach(self, work: Callable[[RedisClient], Awaitable[Answer]]) -> Answer:
        """Do work in Redis; exits with status 2 and one sentence when it is away."""
        try:
            return asyncio.run(self._reach(work))
        except (RedisError, OSError) as error:
            fail(redis_trouble(self.say, self.settings, error))
        except SettingWrongError as error:
            fail(setting_wrong(self.say, error))
        except ValueError as error:
            first_line = str(error).partition("\n")[0]
            strange = self.say.gettext(
                "What is in Redis, or how it is reached, is not right: {why}", why=first_line
            )
            fail(strange)

    async def _reach(self, work: Callable[[RedisClient], Awaitable[Answer]]) -> Answer:
        redis = redis_client(self.settings)
        try:
            return await work(redis)
        finally:
            await redis.aclose()


def setting_wrong(say: Translator, error: SettingWrongError) -> str:
    """Return what is wrong with a file that a variable names, in a sentence."""
    match error.__cause__:
        case OSError() | UnicodeDecodeError() as cause:
            return f"{error.variable}: {unreadable(error.file, cause, say.language)}"
    return str(error)


def redis_trouble(say: Translator, settings: ServiceSettings, error: Exception) -> str:
    """Return what is wrong with Redis, in a sentence: where it is, and no user or password."""
    address = settings.redis_address
    if isinstance(error, AuthenticationError):
        return say.gettext(
            "Redis at {address} (WACHTPOST_REDIS_URL) does not know this user with this password.",
            address=address,
        )
    if isinstance(error, NoPermissionError | AuthorizationError):
        return say.gettext(
            "Redis at {address} (WACHTPOST_REDIS_URL) does not let this user do that.", address=address
        )
    if isinstance(error, ResponseError):
        code = str(error).partition(" ")[0]
        return say.gettext(
            "Redis at {address} (WACHTPOST_REDIS_URL) refuses: {why}.", address=address, why=code
        )
    why = lost_because(error) or say.gettext("no answer came in time")
    return say.gettext(
        "Redis at {address} (WACHTPOST_REDIS_URL) does not answer: {why}.", address=address, why=why
    )


def lost_because(error: Exception) -> str:
    """Return why a connection failed, in the system's or OpenSSL's own words; empty where they have none."""
    return why_lost(error).partition(": ")[2]


def a_day(text: str) -> date:
    """Parse an option that names a local day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter('write a day such as "2026-03-12"') from None


def access(city_file: Path | None = None) -> Access:
    """Return the access that the environment gives; exits with status 2 and says what is wrong with it.

    ``city_file``: another than the environment names.
    """
    try:
        settings = NotifierSettings()
    except ValidationError as error:
        mistake = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(str(part) for part in mistake["loc"]).upper()
        fail(f"WACHTPOST_{name}: {mistake['msg']}")
    return Access(settings, settings.reached(load_or_explain(city_file or settings.city_file)))


async def acted(happened: Callable[[], Awaitable[bool]]) -> bool:
    """Wait until the owner has acted; ``False`` when it has not within ``ACTED_WITHIN``."""
    with suppress(TimeoutError):
        async with asyncio.timeout(ACTED_WITHIN.total_seconds()):
            while not await happened():  # noqa: ASYNC110 - it happens in Redis, by another process
                await asyncio.sleep(LOOK_EVERY)
            return True
    return False


def not_acted(given: Access) -> NoReturn:
    """Say that the command waits for an owner, and exit with status 1."""
    seconds = f"{ACTED_WITHIN.total_seconds():g}"
    waits = given.say.gettext(
        "It is on the stream, but no notifier has acted on it within {seconds} s; "
        "it will be done as soon as one runs.",
        seconds=seconds,
    )
    complain(waits)
    raise typer.Exit(1)


def who_is(given: Access, by: str) -> str:
    """Return the receiver's id or the role that ``by`` is; exits with status 2 for what may be a name."""
    called = {receiver.name: receiver.id for receiver in given.city.receivers if receiver.name}
    who = called.get(by, by)
    if not re.fullmatch(ROLE, who) or holds_phone_number(who):
        known = ", ".join(receiver.id for receiver in given.city.receivers) or "–"
        wrong = given.say.gettext(
            "--by {by}: give a receiver's id or a role in small letters, never a person's name. "
            "Receivers: {known}",
            by=by,
            known=known,
        )
        fail(wrong)
    return who


def checked_reason(given: Access, why: str) -> str:
    """Return why; exits with status 2 when it is long, or there may be a phone number in it."""
    if len(why) > MOST_WHY:
        long = given.say.gettext("--why: {length} characters, at most {most}", length=len(why), most=MOST_WHY)
        fail(long)
    if holds_phone_number(why):
        fail(given.say.gettext("--why: there seems to be a phone number in it; that may not stand here."))
    return why.strip()


def meant(name: str, known: Collection[str]) -> list[str]:
    """Return the one that is called so, else those that begin so."""
    return [name] if name in known else [one for one in known if one.startswith(name)]


def the_one_meant(given: Access, name: str, known: Mapping[str, str], missing: str, none: str) -> str:
    """Return the id that ``name`` is or clearly begins; else lists what there is and exits with status 2.

    ``known``: each id, with what it is in a line; ``missing``: says that there is no such id; ``none``: that
    there is none at all.
    """
    found = meant(name, known)
    if len(found) == 1:
        return found[0]
    if found:
        complain(
            given.say.gettext("{name} is the beginning of more than one; give more of the id:", name=name)
        )
    else:
        complain(missing)
        complain(given.say.gettext("There are:") if known else none)
    for one in found or known:
        complain(f"    {one}  {known[one]}")
    raise typer.Exit(2)


def known_receiver(given: Access, name: str) -> Receiver:
    """Return the receiver of that id; exits with status 2 and says which there are otherwise."""
    known = {one.id: one for one in given.city.receivers}
    if not known:
        fail(given.say.gettext("The city file has no receivers ([[receivers]])."))
    if name not in known:
        there_are = ", ".join(known)
        fail(given.say.gettext("There is no receiver {name}. There are: {known}", name=name, known=there_are))
    return known[name]


def _report(fault: TemplateFault) -> None:
    complain(str(fault))
