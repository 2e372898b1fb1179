"""Owners and admins are not linked by address alone: a link mailed to them has to be confirmed first.

The mailed address shows a page with a button; its POST, and nothing else, uses the link up. The link holds what was
proven at the sign-in that asked for it, and is judged by the policy of the moment when it is confirmed.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import asyncpg
import structlog

from events.catalogue.event_data import EventData
from events.envelope import NewEvent
from events.name_ids import ids_in, with_names
from events.store import VersionConflict
from events.workspace import Workspace
from service.db import transaction
from service.errors import Busy
from service.identity.joining import Join
from service.identity.known import lock_workspace, read_situation
from service.identity.ledger import append, member_acts
from service.identity.link_request import link_hash
from service.identity.notices import notify_owners
from service.identity.people import Evidence, Known
from service.identity.policy import Admit, Consume, Link, Refuse, judge_sign_in
from service.identity.read_model import UnusableReadModel
from service.identity.relinking import still_connected, unlink
from service.identity.resources import Connection, Executor, IdentityResources
from service.identity.switch import KeptPerson

log = structlog.get_logger("identity")

TRIES: Final = 4
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """What the page shows before the button is pressed."""

    state: Literal["open", "used", "ended"]
    workspace_name: str
    email: str
    name: str | None
    issuer: str
    created_at: datetime
    replaces: bool


@dataclass(frozen=True, slots=True)
class LinkResult:
    """What confirming came to. ``refused`` has a ``reason`` out of the sign-in log's."""

    state: Literal["linked", "unknown", "used", "ended", "refused"]
    workspace: str | None = None
    reason: str | None = None


async def find_link(connection: Executor, token: str, now: datetime) -> LinkRequest | None:
    """Return what a mailed link asks to confirm, ``None`` when there is no such link. Changes nothing."""
    row = await _find(connection, token)
    if row is None:
        return None
    state: Literal["open", "used", "ended"] = "open"
    if row["used_at"] is not None:
        state = "used"
    elif row["expires_at"] <= now:
        state = "ended"
    return LinkRequest(
        state,
        row["workspace_name"],
        row["email"],
        row["name"],
        row["issuer"],
        row["created_at"],
        row["replaces"],
    )


async def _find(connection: Executor, token: str) -> asyncpg.Record | None:
    if not _SHAPE.fullmatch(token):
        return None
    return await connection.fetchrow(
        "select l.*, c.name as workspace_name from identity.link_confirmations l"
        " join projection.connections c on c.slug = l.workspace where token_hash = $1",
        link_hash(token),
    )


async def confirm_link(resources: IdentityResources, token: str, request_id: str) -> LinkResult:
    """Use a mailed link up and link the identity; the person then starts the sign-in again. Works once.

    Raises:
        Busy: others kept changing the workspace; the link is still good.
    """
    row = await _find(resources.pool, token)
    if row is None:
        return LinkResult("unknown")
    for _ in range(TRIES):
        try:
            async with transaction(resources.pool) as connection:
                await lock_workspace(connection, row["workspace"])
                return await _Confirmation(resources, connection, row, request_id, resources.clock()).run()
        except (VersionConflict, asyncpg.UniqueViolationError):
            continue
    raise Busy


@dataclass(frozen=True, slots=True)
class _Confirmation:
    resources: IdentityResources
    connection: Connection
    row: asyncpg.Record = field(repr=False)
    request_id: str
    now: datetime

    async def run(self) -> LinkResult:
        row, slug = self.row, self.row["workspace"]
        if row["expires_at"] <= self.now:
            return LinkResult("ended", slug)
        first = await self.connection.fetchval(
            "update identity.link_confirmations set used_at = $2"
            " where token_hash = $1 and used_at is null returning true",
            row["token_hash"],
            self.now,
        )
        if not first:
            return LinkResult("used", slug)
        refused = await self._link()
        if refused is None:
            return LinkResult("linked", slug)
        log.info("a confirmed link was refused", workspace=slug, reason=refused.reason, detail=refused.detail)
        return LinkResult("refused", slug, refused.reason)

    async def _link(self) -> Refuse | None:
        row = self.row
        person = KeptPerson(
            row["issuer"], row["subject"], row["subject_scope"], row["email"], row["verified"], row["name"]
        )
        try:
            situation = await read_situation(self.resources, self.connection, row["workspace"], person, None, self.now)
        except UnusableReadModel:
            return Refuse("workspace_unavailable", "read_model_unusable")
        if situation is None or not still_connected(situation.workspace, person):
            return Refuse("workspace_unavailable", "connection_changed")
        target_id = row["member_id"] or row["invitation_id"]
        known = replace(self._unlinked(situation.known), evidence=Evidence(target_id, "mailed_link"))
        judgement = judge_sign_in(situation.workspace, person, known)
        verdict = judgement.verdict
        if isinstance(verdict, Refuse):
            return verdict
        if isinstance(verdict, Admit):
            return None
        if not isinstance(verdict, Link | Consume) or judgement.address is None or _target_id(verdict) != target_id:
            return Refuse("invitation_required", "no_longer_meant")
        workspace = situation.workspace
        if row["replaces"] and isinstance(verdict, Link):
            await unlink(self.connection, workspace.slug, verdict.member, person)
        join = Join(self.connection, workspace, person, judgement.address, self.now, mailbox_proven=True)
        joined = await join.carry_out(verdict)
        if joined.event is not None:
            await self._record(workspace, joined.member_id, joined.event)
        return None

    def _unlinked(self, known: Known) -> Known:
        """What is known, without the link that is to be replaced."""
        member = known.by_email
        if not self.row["replaces"] or member is None or member.member_id != self.row["member_id"]:
            return known
        return replace(known, by_email=replace(member, linked_here=False, linked_before=True))

    async def _record(self, workspace: Workspace, member_id: UUID, event: EventData) -> None:
        context = member_acts(member_id, self.request_id)
        if self.row["replaces"]:
            # A phrase in which who asked stands by the ids of names; the owners are to read the names.
            asked_by = self.row["asked_by"]
            names = await self.resources.names.show(ids_in(asked_by), self.connection)
            context = replace(
                context,
                reason=self.row["reason"],
                requested_by=asked_by,
                ticket=self.row["ticket"],
                requested_by_name=with_names(asked_by, names),
            )
            events = [NewEvent.of(event)]
            await notify_owners(self.connection, self.resources.box, workspace, events, context, self.now)
        await append(self.resources, self.connection, workspace, [event], context)


def _target_id(verdict: Link | Consume) -> UUID:
    return verdict.member.member_id if isinstance(verdict, Link) else verdict.invitation.invitation_id
