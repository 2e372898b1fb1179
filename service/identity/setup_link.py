"""Set-up links: made for support, exchanged once, and found by a token of which the history knows the hash alone.

A token is the workspace's slug, a point, and 256 random bits.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from events.commands.access import UseSetupLink
from events.envelope import Actor, Context
from events.workspace import Workspace
from service.identity.change import Change, change_workspace
from service.identity.limited_sessions import LimitedSession, begin_limited_session
from service.identity.read_model import UnusableReadModel, read_workspace
from service.identity.resources import Executor, IdentityResources

_SHAPE: Final = re.compile(r"([a-z0-9](?:-?[a-z0-9]){1,62})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A link that can be exchanged."""

    workspace: Workspace
    link_id: UUID
    expires_at: datetime


def new_setup_token(slug: str) -> str:
    """Return a fresh token of a link for this workspace."""
    return f"{slug}.{secrets.token_urlsafe(32)}"


def setup_token_hash(token: str) -> str:
    """Return what the history holds of a token: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


async def find_link(executor: Executor, token: str, now: datetime) -> FoundLink | None:
    """Return what a link says, ``None`` when it is unknown, revoked, used or past its end. Changes nothing."""
    match = _SHAPE.fullmatch(token)
    if match is None:
        return None
    try:
        workspace = await read_workspace(executor, match[1])
    except UnusableReadModel:
        return None
    if workspace is None or workspace.closed:
        return None
    token_hash = setup_token_hash(token)
    for link_id, link in workspace.setup_links.items():
        if link.token_hash == token_hash and not link.used and link.expires_at > now:
            return FoundLink(workspace, UUID(link_id), link.expires_at)
    return None


async def exchange_link(resources: IdentityResources, token: str, request_id: str) -> tuple[LimitedSession, str] | None:
    """Exchange a link for a session until the link's end, and return it with what its cookie carries.

    Raises:
        Refusal: somebody else exchanged it at the same moment.
    """
    found = await find_link(resources.pool, token, resources.clock())
    if found is None:
        return None
    context = Context(Actor("setup", str(found.link_id)), correlation_id=request_id)
    return await change_workspace(resources, found.workspace.slug, context, partial(_exchange, found))


async def _exchange(found: FoundLink, change: Change) -> tuple[LimitedSession, str]:
    await change.decide(UseSetupLink(link_id=str(found.link_id)))
    session = LimitedSession("setup", found.workspace.slug, found.link_id, found.expires_at)
    return session, await begin_limited_session(change.connection, session, change.now)
