"""Accepting an invitation by the mailbox that it was sent to: the invitee becomes a member with what it promises."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from events.commands.people import JoinMember
from events.domains import Address
from service.identity.change import Change
from service.identity.people import Known, KnownInvitation
from service.identity.policy import Consume, may_sign_in
from service.identity.users import keep_user
from service.identity.websites import read_websites


@dataclass(frozen=True, slots=True)
class Accepting:
    """One invitation, accepted by a user who has just shown to read its mailbox. ``member_id`` becomes the member's."""

    invitation_id: UUID
    member_id: UUID
    user_id: UUID
    address: Address
    now: datetime

    async def accept(self, change: Change) -> bool:
        """Accept the invitation if it still is open, the user is no member yet, and SSO is not required."""
        row = await self._read(change)
        # Who was erased elsewhere since they showed to read the mailbox shows it once more.
        if row is None or row["taken"] or not await keep_user(change.connection, self.user_id):
            return False
        invitation = KnownInvitation(
            self.invitation_id, row["role"], row["websites"], open=row["open"], email=self.address.display
        )
        verdict = may_sign_in("magic_link", change.workspace, Known(invitation=invitation), self.now)
        if not isinstance(verdict, Consume):
            return False
        command = JoinMember(
            member_id=str(self.member_id),
            how="invited",
            role=row["role"],
            websites=read_websites(row["websites"]),
            invitation_id=str(self.invitation_id),
        )
        await change.decide(command)
        await change.connection.execute(
            "insert into identity.members (member_id, workspace, user_id, email, email_key, role, websites, joined_at,"
            " joined_how) values ($1, $2, $3, $4, $5, $6, $7, $8, 'invitation')",
            self.member_id,
            change.workspace.slug,
            self.user_id,
            self.address.display,
            self.address.key,
            row["role"],
            row["websites"],
            self.now,
        )
        await change.connection.execute(
            "update identity.invitations set status = 'accepted', member_id = $2 where invitation_id = $1",
            self.invitation_id,
            self.member_id,
        )
        return True

    async def _read(self, change: Change) -> asyncpg.Record | None:
        """Read the invitation again, under the workspace's lock."""
        return await change.connection.fetchrow(
            "select role, websites, status = 'open' and expires_at > $2"
            # Staff give a workspace its first owner; once there is one, only owners add another.
            " and not (role = 'owner' and invited_by not like 'member:%' and exists (select from identity.members o"
            "  where o.workspace = $3 and o.role = 'owner' and o.status = 'active')) as open,"
            " exists (select from identity.members m where m.workspace = $3"
            "  and (m.user_id = $4 or (m.email_key = $5 and m.status <> 'erased'))) as taken"
            " from identity.invitations where invitation_id = $1 and workspace = $3",
            self.invitation_id,
            self.now,
            change.workspace.slug,
            self.user_id,
            self.address.key,
        )
