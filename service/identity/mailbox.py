"""What a proven mailbox leads to: the user whose address it is, their memberships, and invitations still open.

Enforcement is judged per workspace when the link is used, before there is a session: a link that was sent earlier, or a
session that is open already, gets nobody past it. Only a live bypass does.
"""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from events.domains import Address
from events.refusals import Refusal
from service.db import transaction
from service.identity.accepting import Accepting
from service.identity.access import NoAccess, judge_memberships, live_bypasses
from service.identity.authentication import Authentication
from service.identity.change import change_workspace
from service.identity.claiming import claim_memberships
from service.identity.ledger import member_acts
from service.identity.magic_link import read_magic_link
from service.identity.outcome import Outcome
from service.identity.read_model import UnusableReadModel
from service.identity.resources import Connection, IdentityResources, RequestMeta
from service.identity.session_values import LiveSession, open_session
from service.identity.session_writes import write_session
from service.identity.sign_in_log import SignIn, record
from service.identity.spent import spend

log = structlog.get_logger("identity")

NOWHERE: Final = ""
"""The sign-in log's workspace for an address that leads to none."""

_INVITED: Final = """
    select v.invitation_id, v.workspace from identity.invitations v
    where v.email_key = $1 and v.status = 'open' and v.expires_at > $2 order by v.workspace
"""


async def sign_in_by_magic_link(resources: IdentityResources, token: str, meta: RequestMeta) -> Outcome | None:
    """Use a magic link up and sign its person in; ``None`` when the link is not ours, has ended, or was used.

    ``confirm_switch`` leaves the link unused: the same POST with ``switch_confirmed`` signs in.
    """
    link = read_magic_link(resources, token)
    if link is None:
        return None
    now = resources.clock()
    async with transaction(resources.pool) as connection:
        claim = await claim_memberships(connection, link.address, now, meta.session)
    user_id = claim.user_id
    arrival = _Arrival(resources, link.address, replace(meta, session=claim.session), now)
    if arrival.switches(user_id):
        async with transaction(resources.pool) as connection:
            sign_in_id = await arrival.log(connection, NOWHERE, "switch_unconfirmed")
        return Outcome("confirm_switch", "switch_unconfirmed", sign_in_id, email=link.address.display)
    if not await spend(resources.pool, link.digest, link.ends_at):
        return None
    await arrival.accept_invitations(user_id)
    return await arrival.sign_in(user_id)


@dataclass(frozen=True, slots=True)
class _Arrival:
    resources: IdentityResources
    address: Address
    meta: RequestMeta
    now: datetime

    def switches(self, user_id: UUID) -> bool:
        """Whether somebody else is signed in here and nobody has confirmed to be signed out."""
        live = self.meta.session
        return live is not None and live.user_id != user_id and not self.meta.switch_confirmed

    async def accept_invitations(self, user_id: UUID) -> None:
        """Make the user a member where they are invited and SSO is not required."""
        for row in await self.resources.pool.fetch(_INVITED, self.address.key, self.now):
            member_id = uuid.uuid4()
            accepting = Accepting(row["invitation_id"], member_id, user_id, self.address, self.now)
            context = member_acts(member_id, self.meta.request_id)
            try:
                await change_workspace(self.resources, row["workspace"], context, accepting.accept)
            except (Refusal, UnusableReadModel) as reason:
                log.info("an invitation was not accepted", workspace=row["workspace"], why=str(reason))

    async def sign_in(self, user_id: UUID) -> Outcome:
        """Open a session if it opens anything; each workspace of the user gets its row in the log."""
        authentication = Authentication(
            method="magic_link",
            at=self.now.isoformat(),
            email=self.address.display,
            bypasses=await live_bypasses(self.resources.pool, user_id, self.now),
        )
        session = open_session(self.meta.session, user_id, authentication, self.now, self.resources.limits)
        probe = LiveSession(session.session_hash, user_id, (authentication,))
        judged = await judge_memberships(self.resources.pool, probe, self.now)
        async with transaction(self.resources.pool) as connection:
            last = 0
            for slug, found in judged.items():
                last = await self.log(connection, slug, found.reason if isinstance(found, NoAccess) else "ok")
            opened = [found for found in judged.values() if not isinstance(found, NoAccess)]
            if opened:
                await write_session(connection, session)
                email = self.address.display
                return Outcome("signed_in", "ok", last, session=session, member_id=opened[0].member_id, email=email)
            reasons = [found.reason for found in judged.values() if isinstance(found, NoAccess)]
            if not reasons:
                last = await self.log(connection, NOWHERE, "invitation_required")
            reason = reasons[0] if reasons else "invitation_required"
            return Outcome("refused", reason, last, email=self.address.display)

    async def log(self, connection: Connection, slug: str, reason: str) -> int:
        """Write one row of the sign-in log. Returns its id."""
        row = SignIn(self.now, slug, "magic_link", reason, self.meta.request_id, email=self.address.display)
        return await record(connection, row)
