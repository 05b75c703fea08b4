"""The notifier, put together. The only module of the room that knows all the others."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from redis.exceptions import RedisError

from services.notifier.api.http import LINKS, PATHS, http_app
from services.notifier.api.pages import Pages
from services.notifier.channels import Senders, build_senders
from services.notifier.channels.post import http_client
from services.notifier.consumer import NotifierConsumer
from services.notifier.dispatcher import Deliver
from services.notifier.grafana import client
from services.notifier.grafana.annotations import CityWords
from services.notifier.messages.links import Signer, links_for
from services.notifier.messages.message import Message, Writer
from services.notifier.messages.rules import is_about_visitors
from services.notifier.messages.template_files import TemplateFault, load_templates
from services.notifier.metrics import NotifierMetrics
from services.notifier.model import (
    Delivery,
    DeliveryFailed,
    NotifierPolicy,
    PermanentFailure,
    TransientFailure,
)
from services.notifier.settings import NotifierSettings
from services.notifier.state_store import NotifierStore
from shared.calendar import Calendar
from shared.config.alerting import EmailChannel
from shared.config.loader import Configuration
from shared.config.model import CityFile
from shared.contract import report_events
from shared.process.application import Application
from shared.process.health import Check, redis_check
from shared.redis import keys
from shared.redis.connection import redis_broker, redis_client
from shared.redis.partition_owner import PartitionOwner
from shared.redis.set_aside import set_aside_check, set_aside_gauge
from shared.redis.went_back import went_back_check, went_back_gauge

log = structlog.stdlib.get_logger(__name__)


def build(settings: NotifierSettings, configuration: Configuration) -> Application:
    """Return the service; nothing is connected before it starts. Raises ``ValueError``, ``OSError``."""
    now = settings.now
    city = settings.reached(configuration.city)
    redis = redis_client(settings)
    broker = redis_broker(settings)
    key = settings.link_key()
    signer = None if key is None else Signer(key)
    templates = load_templates(city.notify.templates, _report)
    http = http_client()
    annotations = client.build(city.grafana, CityWords.of(city))
    metrics = NotifierMetrics(city)
    owner = secrets.token_hex(8)
    lease = city.pipeline.lease
    stores = {n: NotifierStore(redis, n, owner, lease) for n in range(city.pipeline.partitions)}
    senders = build_senders(city, settings, http, now)
    documents = stores[report_events.PARTITION].document
    deliver = deliverer(city, senders, Writer(city, templates), signer, documents)
    rules = policy_of(city)
    annotate = None if annotations is None else annotations.write
    partitions = [
        PartitionOwner(
            NotifierConsumer(n, city, rules, store, now, deliver, annotate, metrics),
            store.lease,
            store.set_aside,
            broker,
            now,
        )
        for n, store in stores.items()
    ]
    set_aside, went_back = set_aside_gauge(metrics.registry), went_back_gauge(metrics.registry)
    for one in partitions:
        set_aside.labels(str(one.number)).set_function(partial(getattr, one, "set_aside_at"))
        went_back.labels(str(one.number)).set_function(partial(getattr, one, "went_back_at"))
    checks: dict[str, Check] = {f"partition_{partition.number}": partition.check for partition in partitions}
    checks["redis"] = redis_check(redis, [keys.notifier(n, "state") for n in stores], makes_room=True)
    checks["state"] = set_aside_check(lambda: [one.set_aside_at for one in partitions])
    checks["history"] = went_back_check(lambda: [one.went_back_at for one in partitions])
    door = http_app(stores, Pages(city, templates), signer, settings.api_keys(), now)
    metrics.partitions += partitions
    metrics.at_work += (one for partition in partitions for one in partition.backoff)

    async def close_annotations() -> None:
        if annotations is not None:
            annotations.close()

    return Application(
        redis=redis,
        broker=broker,
        registry=metrics.registry,
        checks=checks,
        work={f"partition {partition.number}": partition.run for partition in partitions},
        routes=dict.fromkeys(PATHS, door),
        links=LINKS,
        greet=None if annotations is None else partial(_look_at_grafana, annotations),
        closing=[http.aclose, close_annotations],
    )


def policy_of(city: CityFile) -> NotifierPolicy:
    """Return what the policy goes by."""
    return NotifierPolicy(
        receivers=frozenset(receiver.id for receiver in city.receivers),
        routes=city.routes,
        notify=city.notify,
        is_open=Calendar(city).is_open,
        by_mail=frozenset(
            receiver.id
            for receiver in city.receivers
            if any(isinstance(channel, EmailChannel) for channel in receiver.channels)
        ),
        about_visitors=partial(is_about_visitors, city),
    )


Documents = Callable[[str], Awaitable[report_events.Document | None]]
"""Fetches the document of a report; raises ``redis.RedisError``, or ``ValueError`` for what is none."""


def deliverer(
    city: CityFile,
    senders: Senders,
    writer: Writer,
    signer: Signer | None,
    documents: Documents | None = None,
) -> Deliver:
    """Return what puts a delivery into words and hands it over; reports need ``documents``."""

    async def deliver(delivery: Delivery) -> None:
        sender = senders.get((delivery.notification.receiver, delivery.channel))
        if sender is None:
            raise PermanentFailure("the city file has no such receiver or channel any more")
        if delivery.notification.enclosed is not None:
            words = await _enclosed(documents, delivery.notification.enclosed.document)
        else:
            words = writer.write(delivery.notification, links_for(delivery.notification, city.notify, signer))
        await sender.send(delivery, words)

    return deliver


async def _enclosed(documents: Documents | None, name: str) -> Message:
    """The mail of a report, which is in words already."""
    try:
        document = None if documents is None else await documents(name)
    except RedisError as error:
        raise TransientFailure(f"Redis does not give the report ({type(error).__name__})") from None
    except ValueError:
        raise PermanentFailure("what lies in Redis is no report that this version knows") from None
    if document is None:
        raise PermanentFailure("the report is not in Redis any more")
    return Message(document.subject, document.text, html="", attachments=document.attachments)


async def _look_at_grafana(annotations: client.AnnotationClient) -> None:
    """Say early what is wrong; messages go out all the same."""
    try:
        await annotations.check()
    except DeliveryFailed as error:
        log.warning("grafana_unwell", why=str(error))


def _report(fault: TemplateFault) -> None:
    log.error("template_wrong", fault=str(fault))
