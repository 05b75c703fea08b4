"""Whether an alarm would reach somebody: rules, routes, the ways to receivers, links in messages, Grafana."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import aiosmtplib
import httpx
from pydantic import HttpUrl

from services.evaluator.alerting.rules import rules_of
from services.notifier import engine
from services.notifier.channels import build_senders
from services.notifier.channels.mail import MailSender
from services.notifier.channels.post import http_client
from services.notifier.channels.sender import SenderLimits
from services.notifier.grafana import client
from services.notifier.grafana.annotations import CityWords
from services.notifier.messages.links import ACKNOWLEDGE_PATH
from services.notifier.model import DeliveryFailed, TransientFailure
from services.notifier.secrets import read_secret
from shared.config.alerting import AppriseChannel, WebhookChannel
from shared.contract.breach_events import Severity
from shared.process.settings import SettingWrongError
from wachtpost.access import Access, lost_because
from wachtpost.doctor.results import CheckResult, CheckStatus
from wachtpost.remarks.limits import queues_of
from wachtpost.routes.command import SEVERITIES
from wachtpost.routes.trial import idle_routes, made_up

PATIENCE: Final = timedelta(seconds=10)
"""How long a mail server may take to let us in."""

MOST_NAMED: Final = 5

BASE_URL_WITHIN_S: Final = 5.0


# Rules and routes --------------------------------------------------------------------------------------


def look_at_rules(given: Access) -> Iterator[CheckResult]:
    """Yield whether there are rules, and whether each is about something."""
    say, city = given.say, given.city
    count = len(city.rules) + len(city.budget_rules) + len(city.no_data_rules)
    if not count:
        none = say.gettext("The city file has no rules ([[rules]]): nothing is judged.")
        yield CheckResult("rules", CheckStatus.WARNING, none, say.gettext("`wachtpost init` writes some."))
        return
    nowhere = [rule.id for rule in city.rules if not queues_of(city, rule)]
    for name in nowhere:
        said = say.gettext("The rule {rule} is about no queue: it is judged nowhere.", rule=name)
        advice = say.gettext(
            "Correct its queue, or the kind of the queue; `wachtpost config check` says more."
        )
        yield CheckResult(f"rule {name}", CheckStatus.WARNING, said, advice)
    if not nowhere:
        good = say.ngettext(
            "{number} rule, which is about something.", "{number} rules, all about something.", count
        )
        yield CheckResult("rules", CheckStatus.OK, good)


def look_at_routes(given: Access) -> Iterator[CheckResult]:
    """Yield whether every rule leads to somebody, every receiver is led to, and every route leads from
    something. What is only for information stands on boards: it need not lead to anybody."""
    say, city = given.say, given.city
    keys = [rule.key for rule in rules_of(city, city.sites)]
    untold = [key for key in keys if not engine.receivers_of(city.routes, made_up(key, given.now()))]
    urgent = [key for key in untold if key.severity is not Severity.INFO]
    names = list(dict.fromkeys(f"{key.rule} ({say.text(SEVERITIES[key.severity])})" for key in urgent))
    named = [*names[:MOST_NAMED], *(["…"] if len(names) > MOST_NAMED else [])]
    see = say.gettext("Add a route ([[routes]]); `wachtpost routes test` says who is told of what.")
    if untold and len(untold) == len(keys):
        nobody = say.gettext("Nobody is told of anything: no route fits any rule.")
        yield CheckResult("routes", CheckStatus.WARNING, nobody, see)
    elif urgent:
        said = say.gettext("Nobody is told of: {rules}.", rules=", ".join(named))
        yield CheckResult("routes", CheckStatus.WARNING, said, see)
    elif keys:
        yield CheckResult(
            "routes",
            CheckStatus.OK,
            say.gettext("Of every rule that is more than information somebody is told."),
        )
    for number in idle_routes(city.routes, keys, given.now()):
        idle = say.gettext("Route {number} is taken by no rule.", number=number)
        advice = say.gettext("Correct what it is limited to, or leave it out.")
        yield CheckResult(f"route {number}", CheckStatus.WARNING, idle, advice)
    led_to = {name for route in city.routes for name in (*route.receivers, *route.escalate_to)}
    for receiver in city.receivers:
        if receiver.id not in led_to and receiver.id not in city.report.receivers:
            alone = say.gettext("To the receiver {receiver} no route leads.", receiver=receiver.id)
            yield CheckResult(f"receiver {receiver.id}", CheckStatus.WARNING, alone, see)


# The ways ----------------------------------------------------------------------------------------------


async def look_at_ways(given: Access) -> list[CheckResult]:
    """Log in to the mail server, and read the secrets that channels need; nothing is sent."""
    say = given.say
    found = list(_secrets(given))
    limits = SenderLimits(mail=PATIENCE)
    async with http_client() as http:
        senders = build_senders(given.city, given.settings, http, given.settings.now, limits=limits)
    mail = next((one for one in senders.values() if isinstance(one, MailSender)), None)
    if mail is None:
        return found
    server = f"{mail.smtp.host}:{mail.smtp.port}"
    try:
        await mail.greet()
    except (DeliveryFailed, aiosmtplib.SMTPException, OSError) as error:
        refused = _refused(given, server, error)
        return [*found, CheckResult("mail", CheckStatus.WRONG, refused, _mail_advice(given))]
    good = say.gettext("The mail server {server} lets us in.", server=server)
    if mail.smtp.user is not None:
        good = say.gettext("The mail server {server} accepts the log-in.", server=server)
    return [*found, CheckResult("mail", CheckStatus.OK, good)]


def _refused(given: Access, server: str, error: Exception) -> str:
    say = given.say
    match error:
        case aiosmtplib.SMTPAuthenticationError():
            return say.gettext(
                "The mail server {server} refuses the log-in of smtp.user (code {code}).",
                server=server,
                code=error.code,
            )
        case TimeoutError():
            within = say.duration(PATIENCE)
            return say.gettext(
                "The mail server {server} does not answer within {duration}.", server=server, duration=within
            )
        case aiosmtplib.SMTPResponseException():
            return say.gettext(
                "The mail server {server} turns us away (code {code}).", server=server, code=error.code
            )
        case OSError():
            why = lost_because(error) or say.gettext("the connection broke off")
            return say.gettext("The mail server {server} cannot be reached: {why}.", server=server, why=why)
        case aiosmtplib.SMTPException():
            return say.gettext(
                "The mail server {server} cannot do what [smtp] asks for: {why}.",
                server=server,
                why=error.message,
            )
    return say.gettext("Mail cannot be sent by {server}: {why}.", server=server, why=error)


def _mail_advice(given: Access) -> str:
    return given.say.gettext(
        "Correct [smtp] in the city file (host, port, tls, user) or its password file; "
        "then: wachtpost notify test."
    )


def _secrets(given: Access) -> Iterator[CheckResult]:
    say = given.say
    for receiver in given.city.receivers:
        about = f"receiver {receiver.id}"
        for channel in receiver.channels:
            if isinstance(channel, AppriseChannel) and find_spec("apprise") is None:
                said = say.gettext(
                    "{receiver} is told by Apprise, which is not installed.", receiver=receiver.id
                )
                yield CheckResult(about, CheckStatus.WRONG, said, "make extras EXTRAS=apprise")
            file = _secret_of(channel)
            if file is not None and (why := _unreadable(file)) is not None:
                said = say.gettext("{receiver} cannot be told: {why}.", receiver=receiver.id, why=why)
                yield CheckResult(
                    about, CheckStatus.WRONG, said, say.gettext("Put the secret into that file.")
                )


def _secret_of(channel: object) -> Path | None:
    match channel:
        case WebhookChannel():
            return channel.secret_file
        case AppriseChannel():
            return channel.url_file
    return None


def _unreadable(file: Path) -> str | None:
    try:
        read_secret(file)
    except TransientFailure as error:
        return str(error)
    return None


# Links and Grafana -------------------------------------------------------------------------------------


async def look_at_links(given: Access) -> list[CheckResult]:
    """Whether messages bring a link to acknowledge, and whether it leads to somewhere."""
    say, base_url = given.say, given.city.notify.base_url
    if base_url is None:
        return [
            CheckResult(
                "links",
                CheckStatus.OK,
                say.gettext("Messages bring no link to take on a breach: notify.base_url is not set."),
            )
        ]
    found = _link_key(given)
    if _is_of_this_machine(base_url):
        said = say.gettext("notify.base_url leads nowhere but on this machine: {url}.", url=base_url)
        advice = say.gettext("Write the address at which people reach the notifier.")
        return [*found, CheckResult("links", CheckStatus.WARNING, said, advice)]
    url = f"{str(base_url).rstrip('/')}{ACKNOWLEDGE_PATH}"
    try:
        async with httpx.AsyncClient(timeout=BASE_URL_WITHIN_S, trust_env=False) as http:
            answer = await http.get(url)
        why = f"HTTP {answer.status_code}" if answer.is_server_error else ""
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        why = type(error).__name__
    if why:
        said = say.gettext("{url} does not answer from here: {why}.", url=url, why=why)
        advice = say.gettext("Does the notifier run, and does notify.base_url lead to it?")
        return [*found, CheckResult("links", CheckStatus.WARNING, said, advice)]
    return found or [
        CheckResult("links", CheckStatus.OK, say.gettext("Links to take on a breach lead to {url}.", url=url))
    ]


def _is_of_this_machine(url: HttpUrl) -> bool:
    host = (url.host or "").strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _link_key(given: Access) -> list[CheckResult]:
    say = given.say
    advice = say.gettext("For instance: openssl rand -hex 32 > FILE, and WACHTPOST_LINK_KEY_FILE=FILE")
    try:
        key = given.settings.link_key()
    except SettingWrongError as error:
        no_use = say.gettext(
            "The key of the links (WACHTPOST_LINK_KEY_FILE) is no use: {file}: {why}.",
            file=error.file,
            why=error.wrong,
        )
        return [CheckResult("links", CheckStatus.WRONG, no_use, advice)]
    if key is None:
        none = say.gettext(
            "notify.base_url is set, but there is no key (WACHTPOST_LINK_KEY_FILE): messages bring no link."
        )
        return [CheckResult("links", CheckStatus.WARNING, none, advice)]
    return []


async def look_at_grafana(given: Access) -> list[CheckResult]:
    """Whether Grafana takes our annotations, where the city file names one."""
    annotations = client.build(given.city.grafana, CityWords.of(given.city))
    if annotations is None:
        return []
    say = given.say
    try:
        await annotations.check()
    except DeliveryFailed as error:
        said = say.gettext("Breaches cannot be written into Grafana: {why}.", why=error)
        advice = say.gettext("Correct [grafana] in the city file; `wachtpost grafana token` makes a token.")
        return [CheckResult("grafana", CheckStatus.WRONG, said, advice)]
    finally:
        annotations.close()
    return [CheckResult("grafana", CheckStatus.OK, say.gettext("Breaches can be written into Grafana."))]


async def look_at_alarms(given: Access) -> Sequence[CheckResult]:
    """All of this, what takes time at once."""
    ways, links, grafana = await asyncio.gather(
        look_at_ways(given), look_at_links(given), look_at_grafana(given)
    )
    return [*look_at_rules(given), *look_at_routes(given), *ways, *links, *grafana]
