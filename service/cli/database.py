"""How operator's commands reach the database: the one that the settings name, or the running embedded one."""

import asyncio
import dataclasses
import difflib
import getpass
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import asyncpg

from events.catalogue.instants import write_instant
from events.envelope import Context
from events.intake import LogDoesNotHold
from events.migrate import migrate
from events.names import FORGOTTEN, Names
from events.notary import rebuild_tree
from events.progress import Progress, unseen
from events.sealing import KeyRing
from events.secrets import SecretVault
from events.signing import SigningKeys
from events.store import EventStore
from events.upcasting import UnknownSchema
from events.workspace import UnreadableEvent
from projections.parking import StillParked, read_parked, unpark
from projections.rebuild import Rebuilt, rebuild_connections
from projections.rebuild import rebuild as rebuild_projection
from projections.timeline import Timeline
from projections.twin import RebuildRunning
from service import restored, tokens
from service.cli.client import Refused
from service.cli.trouble import TROUBLE, refused_for
from service.clock import Clock, utc_now
from service.commands.resources import rules_of
from service.cookiebox import CookieBox
from service.database import MIGRATION_SETS, open_database
from service.db import CONNECT_TIMEOUT_S, Pool, open_pool
from service.development import with_development_keys
from service.identity.resources import IdentityResources
from service.identity.session_values import SessionLimits
from service.identity.tombstones import Tombstones
from service.logs import configure_logging
from service.settings import Settings, load_settings

T = TypeVar("T")
StaffRole = Literal["support", "auditor", "operator"]

POOL_SIZE = 3


@dataclass(frozen=True)
class Operator:
    """What an operator's command works with."""

    settings: Settings
    pool: Pool
    store: EventStore
    clock: Clock
    names: Names

    @property
    def keyring(self) -> KeyRing:
        """The secret keys of the settings."""
        return KeyRing(self.settings.key_bytes)

    async def context(self, reason: str | None) -> Context:
        """Return who acts: the user of this machine."""
        return Context(await self.names.actor("operator", _user()), reason=reason)


def _user() -> str:
    """Return the name of the user of this machine, or the number of one who has no name, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def on_database(work: Callable[[Operator], Awaitable[T]]) -> T:
    """Run ``work`` on the database.

    Raises:
        Refused: with one sentence when the settings or the database cannot be used.
    """
    try:
        return asyncio.run(_run(work))
    except TROUBLE as error:
        raise refused_for(error) from None


async def _run(work: Callable[[Operator], Awaitable[T]]) -> T:
    given = with_development_keys(load_settings())
    configure_logging(given, sys.stderr.buffer, quiet=True)
    async with open_database(given) as settings:
        assert settings.database_url is not None  # noqa: S101 -- what open_database is for
        async with open_pool(settings.database_url, size=POOL_SIZE) as pool:
            names = Names(pool, KeyRing(settings.key_bytes))
            return await work(Operator(settings, pool, EventStore(pool), utc_now, names))


async def create_token(
    operator: Operator, name: str, role: StaffRole, expires_at: datetime | None, reason: str | None
) -> dict[str, Any]:
    """Make a token and return it with what is known of it."""
    context = await operator.context(reason)
    made = await tokens.create_token(operator.pool, operator.store, operator.names, name, role, context, expires_at)
    ends = None if expires_at is None else write_instant(expires_at)
    return {"token": made.get_secret_value(), "name": name, "role": role, "expires_at": ends}


async def revoke_token(operator: Operator, name: str, reason: str | None) -> bool:
    """Revoke a token. ``False`` when it was revoked already."""
    return await tokens.revoke_token(operator.pool, operator.store, name, await operator.context(reason))


async def list_tokens(operator: Operator) -> list[dict[str, Any]]:
    """Return all tokens, without what they are."""
    now = operator.clock()
    return [
        {
            "name": FORGOTTEN if one.name == one.name_id else one.name,
            "name_id": one.name_id,
            "role": one.role,
            "status": one.status(now),
            "created_at": write_instant(one.created_at),
            "expires_at": None if one.expires_at is None else write_instant(one.expires_at),
            "last_used_at": None if one.last_used_at is None else write_instant(one.last_used_at),
        }
        for one in await tokens.list_tokens(operator.pool)
    ]


async def apply_migrations(operator: Operator, progress: Progress = unseen) -> list[dict[str, Any]]:
    """Bring the database up to date as its owner, and return what was missing."""
    url = operator.settings.owner_database_url or operator.settings.database_url
    assert url is not None  # noqa: S101 -- what open_database is for
    connection = await asyncpg.connect(url.get_secret_value(), timeout=CONNECT_TIMEOUT_S)
    try:
        applied = await migrate(connection, MIGRATION_SETS, progress)
    finally:
        await connection.close()
    return [{"set": one.set_name, "name": f"{one.number:04d}_{one.name}"} for one in applied]


async def rotate_keys(operator: Operator) -> dict[str, Any]:
    """Wrap every data key and signing key with the newest secret key, and return how many were not."""
    keys = operator.keyring
    rewrapped = await SecretVault(operator.pool, keys).rewrap() + await Tombstones(operator.pool, keys).rewrap()
    rewrapped += await operator.names.rewrap() + await SigningKeys(keys).rewrap(operator.pool)
    return {"rewrapped": rewrapped, "key": keys.newest}


async def _rebuild_tree(store: EventStore, progress: Progress) -> Rebuilt:
    try:
        return Rebuilt(await rebuild_tree(store, progress))
    except LogDoesNotHold as refused:
        raise Refused(f"{refused} Nothing was changed. Run: keyledger verify", "log_broken") from None


def identity_of(operator: Operator) -> IdentityResources:
    """Return what changes to workspaces need, as the settings have it."""
    settings = operator.settings
    return IdentityResources(
        pool=operator.pool,
        store=operator.store,
        clock=operator.clock,
        limits=SessionLimits(
            idle=timedelta(minutes=settings.session_idle_minutes),
            absolute=timedelta(hours=settings.session_absolute_hours),
        ),
        box=CookieBox(settings.key_bytes),
        tombstones=Tombstones(operator.pool, operator.keyring),
        names=operator.names,
        rules=rules_of(settings),
        public_url=settings.public_url,
    )


async def begin_after_restore(operator: Operator, reason: str, shredded: Sequence[str] = ()) -> dict[str, Any]:
    """Begin an epoch after a restore, as the owner of the tables, and make void what was handed out before.

    ``shredded`` are ids of names that were forgotten after the backup was made.
    """
    settings = operator.settings
    url = settings.owner_database_url or settings.database_url
    assert url is not None  # noqa: S101 -- what open_database is for
    identity = identity_of(operator)
    context = await operator.context(reason)
    async with open_pool(url, size=1) as owner:
        try:
            begun = await restored.begin_after_restore(owner, operator.store, identity, reason, context, shredded)
        except asyncpg.InsufficientPrivilegeError:
            sentence = "Only the owner of the tables may do this. Name its database in KEYLEDGER_OWNER_DATABASE_URL."
            raise Refused(f"{sentence} Nothing was changed.", "forbidden") from None
    return dataclasses.asdict(begun)


PROJECTIONS: Mapping[str, Callable[[EventStore, Progress], Awaitable[Rebuilt]]] = MappingProxyType(
    {
        "connections": rebuild_connections,
        "timeline": lambda store, progress: rebuild_projection(store, Timeline(), progress),
        "tree": _rebuild_tree,
    }
)


async def unpark_timeline(operator: Operator, slug: str | None) -> list[dict[str, Any]]:
    """Un-park one workspace, or all of them, and return what became of each that was parked."""
    parked = [one.stream_id for one in await read_parked(operator.pool, Timeline.name) if one.parked_at is not None]
    tried: list[dict[str, Any]] = []
    for stream_id in parked if slug is None else [one for one in parked if one == slug]:
        try:
            events = await unpark(operator.store, Timeline(), stream_id)
            tried.append({"workspace": stream_id, "events": events})
        except StillParked as still:
            tried.append({"workspace": stream_id, "problem": str(still)})
    return tried


async def rebuild(operator: Operator, name: str, progress: Progress = unseen) -> dict[str, Any]:
    """Build a read model again from the first event, as the owner of its tables, and swap it in."""
    if name not in PROJECTIONS:
        close = difflib.get_close_matches(name, PROJECTIONS, n=1)
        meant = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(PROJECTIONS)}."
        raise Refused(f"There is no projection of this name. {meant}", "not_found")
    url = operator.settings.owner_database_url or operator.settings.database_url
    assert url is not None  # noqa: S101 -- what open_database is for
    async with open_pool(url, size=POOL_SIZE) as pool:
        try:
            rebuilt = await PROJECTIONS[name](EventStore(pool), progress)
        except RebuildRunning:
            raise Refused(f"Somebody else is rebuilding {name} at this moment.", "busy") from None
        except (UnreadableEvent, UnknownSchema) as unreadable:
            sentence = f"{name} stays as it is. An event cannot be read by this version of Keyledger: {unreadable}."
            raise Refused(sentence, "workspace_parked") from None
    return {"projection": name, "events": rebuilt.events, "differing": list(rebuilt.differing)}
