"""The composition root: opens every resource, hands it to those who need it, and mounts what the world touches.

Resources open in the order of ``RESOURCES`` and close in the opposite one, so that whatever a part uses outlives it.
"""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Final

import asyncpg
from aiohttp import web

from events.names import Names
from events.sealing import KeyRing
from events.secrets import SecretVault
from events.store import EventStore
from projections.cache import ConnectionCache
from projections.connection import load_connection
from projections.projector import Projector
from projections.timeline import Timeline
from service.api.routes import setup_api
from service.background import WORK, running
from service.checkpoints import open_notary
from service.clock import utc_now
from service.commands.execute import WorkspaceCommands
from service.commands.idempotency import IdempotencyKeys
from service.commands.resources import CommandResources, rules_of
from service.cookiebox import CookieBox
from service.database import MIGRATION_SETS
from service.db import CONNECT_TIMEOUT_S, open_pool
from service.identity.mails import Mails
from service.identity.outbox import OutboxWorker
from service.identity.resources import IdentityResources
from service.identity.session_values import SessionLimits
from service.identity.sign_in_log import SignInLog
from service.identity.tombstones import Tombstones
from service.keys import (
    CLOCK,
    COMMANDS,
    CONNECTIONS,
    COOKIE_BOX,
    GOOGLE,
    IDENTITY,
    KEYRING,
    METRICS,
    NEW_EVENTS,
    NOTARY,
    OUTBOX,
    POOL,
    PROJECTOR,
    READINESS,
    RELYING_PARTY,
    SETTINGS,
    SIGN_IN_LOG,
    STORE,
    VAULT,
    WEBHOOK_SENDER,
    WEBHOOKS,
)
from service.login.google import endpoint_hosts
from service.mail import SmtpMailer
from service.metrics import Metrics
from service.new_events import NewEvents
from service.oidc.client import RelyingParty
from service.oidc.http import ProviderClient
from service.oidc.policy import ProviderPolicy
from service.ops import database_probe, migrations_probe, parked_probe
from service.readiness import Readiness
from service.setback import Setbacks
from service.settings import Settings, SettingsError
from service.web.setup import setup_web
from service.webhooks.registry import Webhooks
from service.webhooks.sender import TIMEOUT_S, WebhookSender

SETBACKS: Final[web.AppKey[Setbacks]] = web.AppKey("setbacks")


def build_app(settings: Settings) -> web.Application:
    """Return the application. Its resources open when it starts.

    Args:
        settings: complete ones: a database URL and secret keys are there.

    Raises:
        SettingsError: a setting that only now turns out to be of no use.
    """
    app = web.Application(client_max_size=128 * 1024)
    app[SETTINGS], app[CLOCK] = settings, utc_now
    app[METRICS], app[READINESS] = Metrics(), Readiness()
    app[COOKIE_BOX] = CookieBox(settings.key_bytes)
    app[KEYRING] = KeyRing(settings.key_bytes)
    app[NEW_EVENTS] = NewEvents()
    app.on_shutdown.append(_end_waiting)
    mailer = _mailer(settings)
    app.cleanup_ctx.extend([*RESOURCES, _outbox(mailer), *map(running, WORK)])
    setup_web(app)
    setup_api(app)
    return app


def _mailer(settings: Settings) -> SmtpMailer | None:
    if settings.smtp_url is None:
        return None
    try:
        return SmtpMailer.from_url(settings.smtp_url)
    except ValueError as error:
        message = f"KEYLEDGER_SMTP_URL cannot be used: {error}."
        raise SettingsError([message]) from None


async def _end_waiting(app: web.Application) -> None:
    app[NEW_EVENTS].close()


async def _database(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    assert settings.database_url is not None  # noqa: S101 - the caller completes the settings
    async with open_pool(settings.database_url, size=settings.database_pool_size) as pool:
        app[POOL], app[STORE] = pool, EventStore(pool)
        app[VAULT] = SecretVault(pool, app[KEYRING])
        app[NOTARY] = open_notary(settings, app[STORE], app[KEYRING])
        app[SIGN_IN_LOG] = SignInLog(pool)
        app[PROJECTOR] = Projector(app[STORE], Timeline())
        app[SETBACKS] = setbacks = Setbacks(pool)
        app[READINESS].probes["database"] = database_probe(pool)
        app[READINESS].probes["migrations"] = migrations_probe(pool, MIGRATION_SETS, lambda: setbacks.count)
        app[READINESS].probes["log"] = setbacks.probe
        app[READINESS].probes["timeline"] = app[PROJECTOR].probe
        app[READINESS].probes["parked"] = parked_probe(pool)
        yield


async def _connections(app: web.Application) -> AsyncIterator[None]:
    pool, url = app[POOL], app[SETTINGS].database_url
    assert url is not None  # noqa: S101 - the caller completes the settings

    async def connect() -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            url.get_secret_value(),
            timeout=CONNECT_TIMEOUT_S,
            server_settings={"application_name": "keyledger listener"},
        )

    def heard() -> None:
        app[PROJECTOR].wake()
        app[NEW_EVENTS].ring()

    cache = ConnectionCache(
        lambda slug: load_connection(pool, slug),
        connect,
        measured=app[METRICS].connection_cache_lag,
        heard=heard,
        went_back=app[SETBACKS].take,
    )

    async def probe() -> dict[str, object]:
        # Reads go to the database while the listener is away: slower, and no reason to turn requests away.
        return {"ok": cache.alive, "optional": True}

    app[READINESS].probes["connection_cache"] = probe
    async with cache.listening():
        app[CONNECTIONS] = cache
        yield


async def _relying_party(app: web.Application) -> AsyncIterator[None]:
    settings, clock = app[SETTINGS], app[CLOCK]
    policy = ProviderPolicy(allow_loopback=settings.loopback_providers, allowed_hosts=settings.provider_hosts)
    async with ProviderClient(policy, clock=clock, fetched=app[METRICS].fetched) as http:
        app[RELYING_PARTY] = RelyingParty(http, clock)
        yield


async def _google(app: web.Application) -> AsyncIterator[None]:
    settings, clock = app[SETTINGS], app[CLOCK]
    if not settings.google:
        yield
        return
    hosts = settings.provider_hosts | endpoint_hosts(settings.google_issuer)
    policy = ProviderPolicy(allow_loopback=settings.loopback_providers, allowed_hosts=hosts)
    async with ProviderClient(policy, clock=clock, fetched=app[METRICS].fetched) as http:
        app[GOOGLE] = RelyingParty(http, clock)
        yield


async def _webhooks(app: web.Application) -> AsyncIterator[None]:
    settings, clock = app[SETTINGS], app[CLOCK]
    policy = ProviderPolicy(allow_loopback=settings.loopback_providers, allowed_hosts=settings.provider_hosts)
    app[WEBHOOKS] = Webhooks(app[POOL], app[STORE], app[COOKIE_BOX], clock, policy)
    async with ProviderClient(policy, clock=clock, timeout_s=TIMEOUT_S, fetched=app[METRICS].fetched) as http:
        app[WEBHOOK_SENDER] = WebhookSender(app[POOL], app[COOKIE_BOX], clock, http, app[NEW_EVENTS])
        yield


async def _people_and_changes(app: web.Application) -> AsyncIterator[None]:
    settings, names = app[SETTINGS], Names(app[POOL], app[KEYRING])
    app[SETBACKS].drops.append(names.drop)
    app[IDENTITY] = identity = IdentityResources(
        pool=app[POOL],
        store=app[STORE],
        clock=app[CLOCK],
        limits=SessionLimits(
            idle=timedelta(minutes=settings.session_idle_minutes),
            absolute=timedelta(hours=settings.session_absolute_hours),
        ),
        box=app[COOKIE_BOX],
        tombstones=Tombstones(app[POOL], app[KEYRING]),
        names=names,
        rules=rules_of(settings),
        public_url=settings.public_url,
    )
    app[COMMANDS] = WorkspaceCommands(
        CommandResources(
            identity=identity,
            vault=app[VAULT],
            relying_party=app[RELYING_PARTY],
            idempotency=IdempotencyKeys(settings.key_bytes),
            metrics=app[METRICS],
        )
    )
    yield


def _outbox(mailer: SmtpMailer | None) -> Callable[[web.Application], AsyncIterator[None]]:
    async def context(app: web.Application) -> AsyncIterator[None]:
        mails = Mails(app[SETTINGS].mail_from, app[CLOCK])
        app[OUTBOX] = OutboxWorker(app[POOL], app[COOKIE_BOX], app[CLOCK], mailer, mails.render)
        yield

    return context


RESOURCES: Final[list[Callable[[web.Application], AsyncIterator[None]]]] = [
    _database,
    _connections,
    _relying_party,
    _google,
    _people_and_changes,
    _webhooks,
]
