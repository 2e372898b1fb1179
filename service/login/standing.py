"""What a session opens now: judged on committed state each time, because anything may have changed since the sign-in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from events.workspace import FOLD_VERSION, Workspace
from service.identity.authentication import Authentication
from service.identity.people import KnownMember
from service.identity.policy import may_open
from service.identity.session_values import LiveSession

_READ: Final = """
    select u.name as user_name, u.email as user_email,
           m.member_id, m.workspace, m.email, m.name, m.role, m.websites, m.status,
           c.document, c.position
    from identity.users u
    left join identity.members m on m.user_id = u.user_id and m.status <> 'erased'
    left join ledger.streams s on s.stream_id = m.workspace
    left join projection.connections c
        on c.slug = m.workspace and c.version = s.version and c.fold_version = $2
    where u.user_id = $1
    order by m.workspace
"""


@dataclass(frozen=True, slots=True)
class OpenWorkspace:
    """A workspace that the session opens, for this member, by this authentication. ``websites`` are ids, or "all"."""

    slug: str
    name: str
    role: str
    websites: Any
    member_id: UUID
    authentication: Authentication


@dataclass(frozen=True, slots=True)
class Standing:
    """A signed-in person, and what their session opens now."""

    user_id: UUID
    email: str | None
    name: str
    authentications: tuple[Authentication, ...]
    workspaces: tuple[OpenWorkspace, ...]


async def read_standing(
    pool: "asyncpg.Pool[asyncpg.Record]", live: LiveSession, now: datetime
) -> Standing | None:
    """Return the person's standing, ``None`` when the user does not exist any more.

    A workspace whose read model is not at its stream's version, or was made by another fold, is not opened.
    """
    rows = await pool.fetch(_READ, live.user_id, FOLD_VERSION)
    if not rows:
        return None
    opened = tuple(found for row in rows if (found := _opened(row, live, now)) is not None)
    latest = next((one.email for one in reversed(live.authentications) if one.email), None)
    names = [rows[0]["user_name"], *(row["name"] for row in rows)]
    return Standing(
        user_id=live.user_id,
        email=rows[0]["user_email"] or latest,
        name=next((name for name in names if name), ""),
        authentications=live.authentications,
        workspaces=opened,
    )


def _opened(row: "asyncpg.Record", live: LiveSession, now: datetime) -> OpenWorkspace | None:
    if row["document"] is None:
        return None
    connection = Workspace.from_document(orjson.loads(row["document"]), row["position"])
    member = KnownMember(
        member_id=row["member_id"],
        user_id=live.user_id,
        role=row["role"],
        active=row["status"] == "active",
        email=row["email"],
    )
    for authentication in reversed(live.authentications):
        if may_open(connection, authentication, member, now) is None:
            return OpenWorkspace(
                slug=connection.slug,
                name=connection.name,
                role=row["role"],
                websites=orjson.loads(row["websites"]),
                member_id=member.member_id,
                authentication=authentication,
            )
    return None
