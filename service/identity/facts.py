"""What the tables know of a workspace's people, as the decisions take it; read under the workspace's lock."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from events.decisions import InvitationFact, MemberFact, SsoLink
from events.domains import domain_of_address
from events.workspace import Workspace
from service.identity.resources import Connection
from service.identity.websites import read_websites

_MEMBERS: Final = """
    select m.member_id, m.role, m.status, m.email_key, m.websites,
           array_agg(i.issuer order by i.linked_at) filter (where i.issuer is not null) as issuers,
           array_agg(i.subject_scope order by i.linked_at) filter (where i.issuer is not null) as scopes,
           array_agg(i.last_sign_in_at order by i.linked_at) filter (where i.issuer is not null) as times
    from identity.members m left join identity.identities i using (member_id)
    where m.workspace = $1 and m.status <> 'erased' and (%s)
    group by m.member_id
    order by m.joined_at, m.member_id
"""


async def owner_facts(connection: Connection, workspace: Workspace) -> tuple[MemberFact, ...]:
    """Return the active owners, with their successes by SSO: sign-ins, and tests of credentials."""
    rows = await connection.fetch(_MEMBERS % "m.role = 'owner' and m.status = 'active'", workspace.slug)
    return await _facts(connection, workspace, rows)


async def member_facts(connection: Connection, workspace: Workspace) -> tuple[MemberFact, ...]:
    """Return all active members."""
    rows = await connection.fetch(_MEMBERS % "m.status = 'active'", workspace.slug)
    return await _facts(connection, workspace, rows)


async def member_fact(connection: Connection, workspace: Workspace, member_id: UUID) -> MemberFact | None:
    """Return one member, active or not."""
    rows = await connection.fetch(_MEMBERS % "m.member_id = $2", workspace.slug, member_id)
    found = await _facts(connection, workspace, rows)
    return found[0] if found else None


async def member_fact_by_address(connection: Connection, workspace: Workspace, email_key: str) -> MemberFact | None:
    """Return the member with this address in its comparing form, active or not."""
    rows = await connection.fetch(_MEMBERS % "m.email_key = $2", workspace.slug, email_key)
    found = await _facts(connection, workspace, rows)
    return found[0] if found else None


async def invitation_facts(connection: Connection, workspace: Workspace, now: datetime) -> tuple[InvitationFact, ...]:
    """Return the open invitations."""
    rows = await connection.fetch(
        "select invitation_id, role, email_key from identity.invitations"
        " where workspace = $1 and status = 'open' and expires_at > $2 order by created_at",
        workspace.slug,
        now,
    )
    domains = [domain_of_address(row["email_key"]) or "" for row in rows]
    return tuple(
        InvitationFact(str(row["invitation_id"]), row["role"], domain)
        for row, domain in zip(rows, domains, strict=True)
    )


async def _facts(
    connection: Connection, workspace: Workspace, rows: Sequence[asyncpg.Record]
) -> tuple[MemberFact, ...]:
    tests = await _tests(connection, workspace, [row["member_id"] for row in rows])
    return tuple(
        MemberFact(
            member_id=str(row["member_id"]),
            role=row["role"],
            domain=domain_of_address(row["email_key"]) or "",
            active=row["status"] == "active",
            websites=read_websites(row["websites"]),
            links=(*_links(row), *tests.get(row["member_id"], ())),
        )
        for row in rows
    )


def _links(row: asyncpg.Record) -> Iterable[SsoLink]:
    columns = (row["issuers"] or (), row["scopes"] or (), row["times"] or ())
    return (SsoLink(issuer, scope, at) for issuer, scope, at in zip(*columns, strict=True))


async def _tests(connection: Connection, workspace: Workspace, member_ids: Sequence[UUID]) -> dict[UUID, list[SsoLink]]:
    """A test links nothing; its row in the log, or what is left of it, shows that the member has a way in."""
    tested = {
        one.credentials_id: one
        for one in (workspace.credentials, workspace.staged, workspace.former)
        if one is not None
    }
    rows = await connection.fetch(
        "select member_id, credentials_id, max(at) as at from ("
        " select member_id, credentials_id, at from identity.sign_ins"
        " where workspace = $1 and initiated_by = 'test' and reason = 'ok' and credentials_id = any($2)"
        " union all select member_id, credentials_id, at from identity.removed_tests"
        " where workspace = $1 and reason = 'ok' and credentials_id = any($2)"
        ") tests where member_id = any($3) group by member_id, credentials_id",
        workspace.slug,
        list(tested),
        list(member_ids),
    )
    found: dict[UUID, list[SsoLink]] = {}
    for row in rows:
        credentials = tested[row["credentials_id"]]
        link = SsoLink(credentials.issuer, credentials.subject_scope, row["at"])
        found.setdefault(row["member_id"], []).append(link)
    return found
