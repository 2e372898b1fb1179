"""The typed keys under which an application and a request carry what handlers need."""

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    import asyncpg

    from events.notary import Notary
    from events.sealing import KeyRing
    from events.secrets import SecretVault
    from events.store import EventStore
    from projections.cache import ConnectionCache
    from projections.projector import Projector
    from service.clock import Clock
    from service.commands.execute import WorkspaceCommands
    from service.cookiebox import CookieBox
    from service.identity.outbox import OutboxWorker
    from service.identity.resources import IdentityResources
    from service.identity.sign_in_log import SignInLog
    from service.metrics import Metrics
    from service.new_events import NewEvents
    from service.oidc.client import RelyingParty
    from service.readiness import Readiness
    from service.settings import Settings
    from service.webhooks.registry import Webhooks
    from service.webhooks.sender import WebhookSender

SETTINGS: web.AppKey["Settings"] = web.AppKey("settings")
CLOCK: web.AppKey["Clock"] = web.AppKey("clock")
POOL: web.AppKey["asyncpg.Pool[asyncpg.Record]"] = web.AppKey("pool")
STORE: web.AppKey["EventStore"] = web.AppKey("store")
KEYRING: web.AppKey["KeyRing"] = web.AppKey("keyring")
NOTARY: web.AppKey["Notary"] = web.AppKey("notary")
VAULT: web.AppKey["SecretVault"] = web.AppKey("vault")
CONNECTIONS: web.AppKey["ConnectionCache"] = web.AppKey("connections")
COMMANDS: web.AppKey["WorkspaceCommands"] = web.AppKey("commands")
IDENTITY: web.AppKey["IdentityResources"] = web.AppKey("identity")
RELYING_PARTY: web.AppKey["RelyingParty"] = web.AppKey("relying_party")
GOOGLE: web.AppKey["RelyingParty"] = web.AppKey("google")
"""Where people sign in with Google. It may speak to the hosts of Google's endpoints, as no workspace's may."""
PROJECTOR: web.AppKey["Projector"] = web.AppKey("projector")
OUTBOX: web.AppKey["OutboxWorker"] = web.AppKey("outbox")
COOKIE_BOX: web.AppKey["CookieBox"] = web.AppKey("cookie_box")
SIGN_IN_LOG: web.AppKey["SignInLog"] = web.AppKey("sign_in_log")
METRICS: web.AppKey["Metrics"] = web.AppKey("metrics")
NEW_EVENTS: web.AppKey["NewEvents"] = web.AppKey("new_events")
WEBHOOKS: web.AppKey["Webhooks"] = web.AppKey("webhooks")
WEBHOOK_SENDER: web.AppKey["WebhookSender"] = web.AppKey("webhook_sender")
READINESS: web.AppKey["Readiness"] = web.AppKey("readiness")

REQUEST_ID = web.RequestKey("request_id", str)
CLIENT_IP = web.RequestKey("client_ip", str)
