"""A person has shown who they are without any workspace's connection: which workspaces that opens, and the session.

Enforcement is judged per workspace when the proof comes to its end, before there is a session: a link that was sent
earlier gets nobody past it. Only a live bypass does, and a session that rests on bypasses alone ends with the last.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from events.domains import Address
from events.refusals import Refusal
from events.workspace import Workspace
from service.db import transaction
from service.errors import Busy
from service.identity.accepting import Accepting
from service.identity.authentication import Authentication
from service.identity.change import change_workspace
from service.identity.known import joined_member
from service.identity.ledger import member_acts
from service.identity.outcome import Outcome, Status
from service.identity.people import Known, KnownInvitation, UserMethod
from service.identity.policy import Admit, ConfirmLink, Consume, Refuse, live_bypass, may_sign_in
from service.identity.read_model import UnusableReadModel, workspace_of
from service.identity.resources import Connection, Executor, IdentityResources, RequestMeta
from service.identity.session_values import NewSession, open_session
from service.identity.session_writes import write_session
from service.identity.sign_in_log import SignIn, record

log = structlog.get_logger("identity")

NOWHERE: Final = ""
"""The sign-in log's workspace for a person who leads to none."""
MOST_WORKSPACES: Final = 200

_LOCK: Final = "select 1 from identity.workspaces where slug = any($1) order by slug for share"
_READ: Final = """
    select w.workspace, s.version as stream_version, c.document, c.position, c.version, c.fold_version,
           m.member_id as m_member, m.user_id as m_user, m.role as m_role, m.status as m_status, m.email as m_email,
           m.websites as m_websites,
           e.member_id as e_member, e.user_id as e_user, e.role as e_role, e.status as e_status, e.email as e_email,
           e.websites as e_websites,
           v.invitation_id, v.role as v_role, v.websites as v_websites, v.email as v_email, v.outrun as v_outrun
    from (
        select workspace from identity.members where user_id = $1
        union select workspace from identity.members where email_key = $2 and status <> 'erased'
        union select workspace from identity.invitations where email_key = $2 and status = 'open' and expires_at > $3
    ) w
    join ledger.streams s on s.stream_id = w.workspace
    left join projection.connections c on c.slug = w.workspace
    left join identity.members m on m.workspace = w.workspace and m.user_id = $1
    left join identity.members e on e.workspace = w.workspace and e.email_key = $2 and e.status <> 'erased'
    left join lateral (
        select i.invitation_id, i.role, i.websites, i.email,
               i.role = 'owner' and i.invited_by not like 'member:%' and exists (
                   select from identity.members o
                   where o.workspace = w.workspace and o.role = 'owner' and o.status = 'active'
               ) as outrun
        from identity.invitations i
        where i.workspace = w.workspace and i.email_key = $2 and i.status = 'open' and i.expires_at > $3
    ) v on m.member_id is null and e.member_id is null
    order by w.workspace limit $4
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """One workspace that the person has to do with, and whether they are let in."""

    workspace: Workspace | None
    slug: str
    verdict: Admit | Consume | ConfirmLink | Refuse

    @property
    def reason(self) -> str:
        """What the sign-in log says of it."""
        match self.verdict:
            case Refuse(reason, _):
                return reason
            case ConfirmLink() | Consume():
                return "link_unconfirmed"
            case _:
                return "ok"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A proven user. ``address`` is their own proven one; ``said`` what the log shows as the address they came with."""

    resources: IdentityResources
    method: UserMethod
    user_id: UUID
    address: Address | None
    said: str
    meta: RequestMeta
    now: datetime

    @property
    def switches(self) -> bool:
        """Whether somebody else is signed in here and nobody has confirmed to be signed out."""
        live = self.meta.session
        return live is not None and live.user_id != self.user_id and not self.meta.switch_confirmed

    async def ask_to_switch(self) -> Outcome:
        """End with the question whether to sign in as another person."""
        sign_in_id = await record(self.resources.pool, self._row(NOWHERE, "switch_unconfirmed"))
        return Outcome("confirm_switch", "switch_unconfirmed", sign_in_id, email=self.said)

    async def sign_in(self) -> Outcome:
        """Accept open invitations and open a session, if it opens anything; each workspace gets its row in the log."""
        judged = await self._judge(self.resources.pool)
        if any(isinstance(one.verdict, Consume) for one in judged):
            for one in judged:
                if isinstance(one.verdict, Consume):
                    await self._accept(one.slug, one.verdict.invitation)
            judged = await self._judge(self.resources.pool)
        async with transaction(self.resources.pool) as connection:
            # No session begins on a state that a change has just made untrue, and whose sessions that change has ended.
            await connection.fetch(_LOCK, [one.slug for one in judged])
            return await self._end(connection, await self._judge(connection, {one.slug for one in judged}))

    async def _judge(self, executor: Executor, held: Collection[str] | None = None) -> Sequence[Judged]:
        """Judge each workspace that the person has to do with, or of those the ones that are held."""
        key = None if self.address is None else self.address.key
        rows = await executor.fetch(_READ, self.user_id, key, self.now, MOST_WORKSPACES)
        return [await self._judge_one(executor, row) for row in rows if held is None or row["workspace"] in held]

    async def _judge_one(self, executor: Executor, row: asyncpg.Record) -> Judged:
        slug = row["workspace"]
        try:
            workspace = await workspace_of(executor, slug, row)
        except UnusableReadModel:
            return Judged(None, slug, Refuse("workspace_unavailable", "read_model_unusable"))
        own, other = joined_member(row, "m"), joined_member(row, "e")
        known = Known(by_identity=own, by_email=other if own is None else None, invitation=_invitation(row))
        verdict = may_sign_in(self.method, workspace, known, self.now)
        if isinstance(verdict, Refuse) and verdict.reason == "identity_conflict" and other is not None:
            # Most often their own account, made by SSO, which an address alone does not show to be theirs.
            verdict = Refuse("identity_conflict", "made_by_sso")
        return Judged(workspace, slug, verdict)

    async def _accept(self, slug: str, invitation: KnownInvitation) -> None:
        if self.address is None:
            return
        member_id = uuid.uuid4()
        accepting = Accepting(invitation.invitation_id, member_id, self.user_id, self.address, self.now)
        context = member_acts(member_id, self.meta.request_id)
        try:
            await change_workspace(self.resources, slug, context, accepting.accept)
        except (Refusal, UnusableReadModel, Busy) as reason:
            log.info("an invitation was not accepted", workspace=slug, why=str(reason))

    async def _end(self, connection: Connection, judged: Sequence[Judged]) -> Outcome:
        last = 0
        for one in judged:
            last = await record(connection, self._row(one.slug, one.reason, one))
        opened = [one for one in judged if isinstance(one.verdict, Admit)]
        if not opened:
            return await self._end_without_session(connection, judged, last)
        session = self._open_session(opened)
        await write_session(connection, session)
        return Outcome("signed_in", "ok", last, session=session, member_id=_member_id(opened[0]), email=self.said)

    async def _end_without_session(self, connection: Connection, judged: Sequence[Judged], last: int) -> Outcome:
        if not judged:
            last = await record(connection, self._row(NOWHERE, "invitation_required", detail="no_membership"))
            return Outcome("refused", "invitation_required", last, "no_membership", email=self.said)
        # What the person can do something about is told first: sign in by SSO instead.
        told = min(judged, key=lambda one: one.reason != "method_not_allowed")
        status: Status = "confirm_link" if isinstance(told.verdict, ConfirmLink) else "refused"
        detail = told.verdict.detail if isinstance(told.verdict, Refuse) else None
        return Outcome(status, told.reason, last, detail, email=self.said, workspace=told.slug)

    def _open_session(self, opened: Sequence[Judged]) -> NewSession:
        bypasses = {one.slug: ends for one in opened if (ends := self._bypass(one)) is not None}
        authentication = Authentication(
            method=self.method,
            at=self.now.isoformat(),
            email=None if self.address is None else self.address.display,
            bypasses=bypasses,
        )
        session = open_session(self.meta.session, self.user_id, authentication, self.now, self.resources.limits)
        enforced = [one for one in opened if one.workspace is not None and one.workspace.enforcement is not None]
        if len(enforced) < len(opened) or len(session.authentications) > 1:
            return session
        latest = max(datetime.fromisoformat(bypasses[one.slug]) for one in enforced)
        return replace(session, expires_at=min(session.expires_at, latest))

    def _bypass(self, one: Judged) -> str | None:
        if self.method != "magic_link" or one.workspace is None or not isinstance(one.verdict, Admit):
            return None
        return live_bypass(one.workspace, one.verdict.member, self.now)

    def _row(self, slug: str, reason: str, judged: Judged | None = None, detail: str | None = None) -> SignIn:
        workspace = judged.workspace if judged is not None else None
        if judged is not None and isinstance(judged.verdict, Refuse):
            detail = judged.verdict.detail
        return SignIn(
            at=self.now,
            workspace=slug,
            method=self.method,
            reason=reason,
            request_id=self.meta.request_id,
            initiated_by="app",
            config_version=workspace.version if workspace is not None else None,
            member_id=None if judged is None else _member_id(judged),
            email=self.said,
            detail=detail,
        )


def _member_id(judged: Judged) -> UUID | None:
    return judged.verdict.member.member_id if isinstance(judged.verdict, Admit) else None


def _invitation(row: asyncpg.Record) -> KnownInvitation | None:
    if row["invitation_id"] is None:
        return None
    return KnownInvitation(
        invitation_id=row["invitation_id"],
        role=row["v_role"],
        websites=row["v_websites"],
        open=not row["v_outrun"],
        email=row["v_email"],
    )
