"""Reads, in one statement, all that a sign-in is judged on: the configuration, and what is known of the person."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import asyncpg

from events.workspace import Workspace
from service.identity.addresses import read_address
from service.identity.people import PRIVILEGED, Evidence, Known, KnownInvitation, KnownMember, Person
from service.identity.policy import may_open
from service.identity.read_model import UnusableReadModel, read_workspace, workspace_of
from service.identity.resources import Connection, Executor, IdentityResources
from service.identity.session_values import LiveSession

__all__ = ["Situation", "UnusableReadModel", "lock_workspace", "read_situation", "read_workspace"]

_READ = """
    select s.version as stream_version, s.head_hash, c.version, c.position, c.fold_version, c.document,
           i.member_id as i_member, i.user_id as i_user, i.role as i_role, i.status as i_status, i.email as i_email,
           i.websites as i_websites,
           e.member_id as e_member, e.user_id as e_user, e.role as e_role, e.status as e_status, e.email as e_email,
           e.websites as e_websites, e.linked_here, e.linked_before,
           v.invitation_id, v.role as v_role, v.websites as v_websites, v.status as v_status, v.email as v_email,
           v.expires_at, v.outrun as v_outrun
    from ledger.streams s
    left join projection.connections c on c.slug = s.stream_id
    left join lateral (
        select m.member_id, m.user_id, m.role, m.status, m.email, m.websites
        from identity.identities x join identity.members m using (member_id)
        where x.workspace = s.stream_id and x.issuer = $2 and x.subject_scope = $3 and x.subject = $4
    ) i on true
    left join lateral (
        select m.member_id, m.user_id, m.role, m.status, m.email, m.websites,
               coalesce(bool_or(x.issuer = $2 and x.subject_scope = $3), false) as linked_here,
               coalesce(bool_or(x.issuer <> $2 or x.subject_scope <> $3), false) as linked_before
        from identity.members m left join identity.identities x using (member_id)
        where m.workspace = s.stream_id and m.email_key = $5 and m.status <> 'erased'
        group by m.member_id
    ) e on true
    left join lateral (
        select invitation_id, role, websites, status, expires_at, email,
               role = 'owner' and invited_by not like 'member:%' and exists (
                   select from identity.members o
                   where o.workspace = s.stream_id and o.role = 'owner' and o.status = 'active'
               ) as outrun
        from identity.invitations
        where workspace = s.stream_id and email_key = $5 and status <> 'replaced'
          and i.member_id is null and e.member_id is null
        order by created_at desc limit 1
    ) v on true
    where s.stream_id = $1
"""


@dataclass(frozen=True, slots=True)
class Situation:
    """A workspace's committed configuration, and what its tables know of the person, at one moment."""

    workspace: Workspace
    known: Known


async def read_situation(
    resources: IdentityResources,
    connection: Executor,
    slug: str,
    person: Person,
    session: LiveSession | None,
    now: datetime,
) -> Situation | None:
    """Return the situation of a sign-in, ``None`` when there is no such workspace.

    Raises:
        UnusableReadModel: see there.
    """
    address = read_address(person.email)
    key = None if address is None else address.key
    row = await connection.fetchrow(_READ, slug, person.issuer, person.subject_scope, person.subject, key)
    if row is None:
        return None
    workspace = await workspace_of(connection, slug, row)
    workspace.head = workspace.head or row["head_hash"]
    known = Known(
        by_identity=joined_member(row, "i"),
        by_email=joined_member(row, "e", linked_here=row["linked_here"], linked_before=row["linked_before"]),
        invitation=_invitation(row, now),
    )
    if key is not None and known == Known():
        identity = (person.issuer, person.subject_scope, person.subject)
        known = replace(known, erased=await resources.tombstones.find(connection, slug, key, identity))
    return Situation(workspace, replace(known, evidence=_session_evidence(workspace, known, session, now)))


def member_of(row: asyncpg.Record) -> KnownMember:
    """Return the member whom a row of the members is about."""
    return KnownMember(
        member_id=row["member_id"],
        user_id=row["user_id"],
        role=row["role"],
        active=row["status"] == "active",
        email=row["email"],
        websites=row["websites"],
    )


def joined_member(row: asyncpg.Record, prefix: str, **links: Any) -> KnownMember | None:
    """Return the member who is joined to a row under this prefix, if there is one; ``links`` are as they are given."""
    if row[f"{prefix}_member"] is None:
        return None
    return KnownMember(
        member_id=row[f"{prefix}_member"],
        user_id=row[f"{prefix}_user"],
        role=row[f"{prefix}_role"],
        active=row[f"{prefix}_status"] == "active",
        email=row[f"{prefix}_email"],
        websites=row[f"{prefix}_websites"],
        **links,
    )


def _invitation(row: asyncpg.Record, now: datetime) -> KnownInvitation | None:
    # An accepted invitation has done its work: who comes by that address now was not meant by it.
    if row["invitation_id"] is None or row["v_status"] == "accepted":
        return None
    return KnownInvitation(
        invitation_id=row["invitation_id"],
        role=row["v_role"],
        websites=row["v_websites"],
        # Staff give a workspace its first owner; once there is one, only owners add another.
        open=row["v_status"] == "open" and row["expires_at"] > now and not row["v_outrun"],
        email=row["v_email"],
    )


def _session_evidence(
    workspace: Workspace, known: Known, session: LiveSession | None, now: datetime
) -> Evidence | None:
    """A session shows who its person is in this workspace only where it opens this workspace."""
    member = known.by_email
    if member is None or session is None or member.role not in PRIVILEGED or session.user_id != member.user_id:
        return None
    opens = any(may_open(workspace, one, member, now) is None for one in session.authentications)
    return Evidence(member.member_id, "session") if opens else None


async def lock_workspace(connection: Connection, slug: str) -> bool:
    """Lock the workspace's row for a change, first of all locks. ``False`` when there is no such workspace."""
    return await connection.fetchval("select 1 from identity.workspaces where slug = $1 for update", slug) is not None
