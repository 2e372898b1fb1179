"""Another account at the provider for a member: the way out of a refused sign-in, by support or by the member's click.

Who comes with a linked member's address and another subject is refused. Whether that is the same person with a new
account, or somebody else who was given the address, only people can find out; the refused sign-in is kept for a while,
under the request id that its page shows, so that what was found out can be acted on.
"""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import asyncpg

from events.commands.people import RelinkIdentity
from events.refusals import Refusal
from events.workspace import Workspace
from service.errors import invalid
from service.identity.addresses import read_address
from service.identity.change import Change
from service.identity.facts import member_fact
from service.identity.known import read_situation
from service.identity.link_request import PAUSE as LINK_PAUSE
from service.identity.link_request import Replacement, request_link
from service.identity.people import PRIVILEGED, KnownMember, Person
from service.identity.policy import Admit, Refuse, judge_sign_in
from service.identity.resources import Connection, Executor
from service.identity.session_ends import end_member_sessions
from service.identity.switch import KeptPerson

CONFLICT: Final = "linked_to_another_identity"
"""The detail of a refused sign-in that can be linked after all."""

Relinked = Literal["linked", "mailed", "unchanged"]


async def keep_conflict(connection: Executor, workspace: str, person: Person, request_id: str, now: datetime) -> None:
    """Keep who was refused because the address' member is linked to another identity."""
    address = read_address(person.email)
    if address is None:
        return
    await connection.execute(
        "insert into identity.identity_conflicts (workspace, request_id, issuer, subject_scope, subject, email,"
        " email_key, verified, name, at) values ($1, $2, $3, $4, $5, $6, $7, $8, left($9, 200), $10)",
        workspace,
        request_id,
        person.issuer,
        person.subject_scope,
        person.subject,
        person.email,
        address.key,
        person.email_verified_claim is True,
        person.name,
        now,
    )


async def relink_member(change: Change, member_id: UUID, request_id: str) -> Relinked:
    """Link a member to the account of a refused sign-in, in place of the one that is linked; its sessions end.

    An owner or admin is mailed a link to confirm it, and nothing changes before they do.

    Raises:
        Refusal: ``data_invalid`` without a reason, when no such sign-in is kept, when it was with another address, or
            when it would be judged otherwise by now; ``not_ready`` when it was under another connection;
            ``member_unknown``; ``rate_limited`` when a link has just been mailed.
    """
    if not change.context.reason:
        raise invalid("Say why: how it was found out that the account is this member's.", "/reason")
    person = await _refused_person(change, member_id, request_id)
    member = await _still_refused(change, member_id, person)
    if member is None:
        return "unchanged"
    if member.role in PRIVILEGED:
        replacement = Replacement(change.context.reason, _asked_by(change), change.context.ticket)
        mailed = await request_link(
            change.resources, change.connection, change.workspace, person, member, change.now, replacement
        )
        if not mailed:
            seconds = int(LINK_PAUSE.total_seconds())
            raise Refusal("rate_limited", "A link was mailed for this account just now.", retry_after=seconds)
        return "mailed"
    credentials = change.workspace.credentials
    command = RelinkIdentity(
        member_id=str(member_id),
        credentials_id="" if credentials is None else credentials.credentials_id,
        how="support",
    )
    await change.decide(command, await member_fact(change.connection, change.workspace, member_id))
    await unlink(change.connection, change.workspace.slug, member, person)
    await change.connection.execute(
        "insert into identity.identities"
        " (workspace, issuer, subject_scope, subject, member_id, linked_at, last_sign_in_at)"
        " values ($1, $2, $3, $4, $5, $6, $6)",
        change.workspace.slug,
        person.issuer,
        person.subject_scope,
        person.subject,
        member_id,
        change.now,
    )
    return "linked"


async def unlink(connection: Connection, workspace: str, member: KnownMember, person: Person) -> None:
    """Take away the member's identity at the person's issuer, and end what it has open."""
    await connection.execute(
        "delete from identity.identities where member_id = $1 and issuer = $2 and subject_scope = $3",
        member.member_id,
        person.issuer,
        person.subject_scope,
    )
    await end_member_sessions(connection, workspace, member.user_id)


def still_connected(workspace: Workspace, person: Person) -> bool:
    """Whether the workspace signs in by the connection that proved this person."""
    active = workspace.credentials
    return (
        not workspace.closed
        and workspace.sso_enabled
        and active is not None
        and active.issuer == person.issuer
        and active.subject_scope == person.subject_scope
    )


async def _refused_person(change: Change, member_id: UUID, request_id: str) -> KeptPerson:
    row: asyncpg.Record | None = await change.connection.fetchrow(
        "select c.*, m.member_id from identity.identity_conflicts c"
        " left join identity.members m on m.member_id = $3 and m.workspace = c.workspace and m.email_key = c.email_key"
        " where c.workspace = $1 and c.request_id = $2 order by c.conflict_id desc limit 1",
        change.workspace.slug,
        request_id,
        member_id,
    )
    if row is None:
        raise invalid("No sign-in was refused as identity_conflict under this request id lately.", "/request_id")
    if row["member_id"] is None:
        raise invalid("That sign-in came with another address than this member's.", "/request_id")
    return KeptPerson(row["issuer"], row["subject"], row["subject_scope"], row["email"], row["verified"], row["name"])


async def _still_refused(change: Change, member_id: UUID, person: KeptPerson) -> KnownMember | None:
    """Return the member whom the sign-in, judged as things are now, is still refused for; ``None``: it is let in."""
    if not still_connected(change.workspace, person):
        sentence = "The connection changed since that sign-in. Have the person try again, and take the new request id."
        raise Refusal("not_ready", sentence, missing=["credentials"])
    situation = await read_situation(
        change.resources, change.connection, change.workspace.slug, person, None, change.now
    )
    verdict = None if situation is None else judge_sign_in(change.workspace, person, situation.known).verdict
    if isinstance(verdict, Admit) and verdict.member.member_id == member_id:
        return None
    member = None if situation is None else situation.known.by_email
    if not isinstance(verdict, Refuse) or verdict.detail != CONFLICT or member is None:
        raise invalid("Things have changed: that sign-in would not be refused for this reason now.", "/request_id")
    return member


def _asked_by(change: Change) -> str:
    actor = f"{change.context.actor.type} {change.context.actor.id}"
    asked = change.context.requested_by
    return (actor if asked is None else f"{actor} for {asked}")[:200]
