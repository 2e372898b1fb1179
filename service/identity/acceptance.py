"""Accepting an invitation by its mailed link: the click shows that whoever clicks reads the invited mailbox.

Where the invitee signs in by SSO the click opens nothing: the sign-in that follows consumes the invitation, if the
provider says the invited address. Elsewhere the click signs in to the workspace that invites, and to no other: unlike a
magic link, it may be weeks old.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import structlog

from events.refusals import Refusal
from service.db import transaction
from service.identity.accepting import Accepting
from service.identity.access import NoAccess, open_workspace
from service.identity.authentication import Authentication
from service.identity.change import change_workspace
from service.identity.claiming import claim_memberships
from service.identity.ledger import member_acts
from service.identity.mailed_invitation import MailedInvitation, find_mailed_invitation
from service.identity.read_model import UnusableReadModel
from service.identity.resources import Executor, IdentityResources, RequestMeta
from service.identity.session_values import LiveSession, NewSession, open_session
from service.identity.session_writes import write_session
from service.identity.sign_in_log import SignIn, record

log = structlog.get_logger("identity")


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What a click came to.

    ``unknown``: the link is none. ``by_sso``: go on to the workspace's provider. ``confirm_switch``: somebody else is
    signed in here, and has to agree first. ``refused`` has a ``reason``, and perhaps a ``detail``, of the sign-in log.
    """

    status: Literal["signed_in", "by_sso", "confirm_switch", "refused", "unknown"]
    invitation: MailedInvitation | None = None
    reason: str = "ok"
    detail: str | None = None
    session: NewSession | None = None


async def accept_invitation(resources: IdentityResources, token: str, meta: RequestMeta) -> Acceptance:
    """Carry a click on a mailed invitation out. Every end but ``unknown`` and ``by_sso`` has its row in the log.

    Raises:
        Busy: others kept changing the workspace; nothing was written.
    """
    now = resources.clock()
    try:
        invitation = await find_mailed_invitation(resources.pool, token, now)
    except UnusableReadModel:
        return Acceptance("refused", None, "workspace_unavailable", "read_model_unusable")
    if invitation is None:
        return Acceptance("unknown")
    return await _Click(resources, invitation, meta, now).run()


async def is_somebody_else(connection: Executor, session: LiveSession | None, invitation: MailedInvitation) -> bool:
    """Whether the browser is signed in as somebody who, as far as is known, is not the invitee."""
    if session is None:
        return False
    # Whose session it is by now: a click made a moment ago may have made it the mailbox's user's, or ended it.
    return bool(
        await connection.fetchval(
            "select true from identity.sessions s where session_hash = $1"
            " and not exists (select from identity.users u where u.user_id = s.user_id and u.email_key = $2)"
            " and not exists (select from identity.members m where m.user_id = s.user_id and m.email_key = $2)",
            session.session_hash,
            invitation.address.key,
        )
    )


@dataclass(frozen=True, slots=True)
class _Click:
    resources: IdentityResources
    invitation: MailedInvitation
    meta: RequestMeta
    now: datetime

    async def run(self) -> Acceptance:
        pool, invitation = self.resources.pool, self.invitation
        if invitation.standing != "open":
            return await self._end("refused", "invitation_required", f"invitation_{invitation.standing}")
        if not invitation.reachable:
            return await self._end("refused", "domain_not_allowed", "invited_outside_domains")
        if invitation.by_sso:
            return Acceptance("by_sso", invitation)
        # Looked at before anything is claimed, so that a page that asks first has changed nothing.
        if not self.meta.switch_confirmed and await is_somebody_else(pool, self.meta.session, invitation):
            return await self._end("confirm_switch", "switch_unconfirmed")
        async with transaction(pool) as connection:
            claim = await claim_memberships(connection, invitation.address, self.now, self.meta.session)
        if not await self._join(claim.user_id):
            # Accepted, revoked or closed to mailboxes between the look and the lock.
            return await self._end("refused", "invitation_required", "invitation_overtaken")
        return await self._sign_in(claim.user_id, claim.session)

    async def _join(self, user_id: UUID) -> bool:
        member_id, slug = uuid.uuid4(), self.invitation.workspace.slug
        accepting = Accepting(self.invitation.invitation_id, member_id, user_id, self.invitation.address, self.now)
        context = member_acts(member_id, self.meta.request_id)
        try:
            return await change_workspace(self.resources, slug, context, accepting.accept)
        except (Refusal, UnusableReadModel) as reason:
            log.info("an invitation was not accepted", workspace=slug, why=str(reason))
            return False

    async def _sign_in(self, user_id: UUID, replaced: LiveSession | None) -> Acceptance:
        pool, slug = self.resources.pool, self.invitation.workspace.slug
        # The link is good for weeks and gets forwarded: it opens what it invites to, and nothing else of the person's.
        authentication = Authentication(
            method="magic_link", at=self.now.isoformat(), workspace=slug, email=self.invitation.address.display
        )
        session = open_session(replaced, user_id, authentication, self.now, self.resources.limits)
        probe = LiveSession(session.session_hash, user_id, (authentication,))
        async with transaction(pool) as connection:
            # Whoever was deactivated in this moment has had their sessions ended; this one must not come after that.
            await connection.fetch("select 1 from identity.workspaces where slug = $1 for share", slug)
            found = await open_workspace(connection, probe, slug, self.now)
            if not isinstance(found, NoAccess):
                await write_session(connection, session)
                await self._log(connection, "ok", "invited", found.member_id)
        if isinstance(found, NoAccess):
            return await self._end("refused", found.reason)
        return Acceptance("signed_in", self.invitation, session=session)

    async def _end(
        self, status: Literal["confirm_switch", "refused"], reason: str, detail: str | None = None
    ) -> Acceptance:
        await self._log(self.resources.pool, reason, detail)
        return Acceptance(status, self.invitation, reason, detail)

    async def _log(self, connection: Executor, reason: str, detail: str | None, member_id: UUID | None = None) -> None:
        row = SignIn(
            at=self.now,
            workspace=self.invitation.workspace.slug,
            method="magic_link",
            reason=reason,
            request_id=self.meta.request_id,
            config_version=self.invitation.workspace.version,
            member_id=member_id,
            email=self.invitation.address.display,
            detail=detail,
        )
        await record(connection, row)
