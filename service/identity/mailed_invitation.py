"""Where a mailed invitation's link leads: the invitation as it stands now, and the way in that its workspace takes."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import asyncpg

from events.domains import Address
from events.workspace import Workspace
from service.identity.addresses import read_address
from service.identity.invitation_mail import invitation_link_hash, inviter_name
from service.identity.people import Role
from service.identity.read_model import read_workspace
from service.identity.resources import Executor
from service.identity.websites import Websites, read_websites

_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_FIND: Final = """
    select invitation_id, workspace, email, role, websites, status, invited_by, expires_at,
           role = 'owner' and invited_by not like 'member:%' and exists (
               select from identity.members o
               where o.workspace = v.workspace and o.role = 'owner' and o.status = 'active'
           ) as outrun
    from identity.invitations v where link_hash = $1 and status <> 'replaced'
"""
Standing = Literal["open", "accepted", "ended"]


@dataclass(frozen=True, slots=True)
class MailedInvitation:
    """An invitation by its link. ``ended``: expired, revoked, or for a first owner where there is one by now."""

    standing: Standing
    invitation_id: UUID
    workspace: Workspace
    inviter: str
    address: Address
    role: Role
    websites: Websites
    expires_at: datetime

    @property
    def by_sso(self) -> bool:
        """Whether the invitee goes on through the provider: SSO is required, or their address is of its domain."""
        state = self.workspace
        if state.enforcement is not None:
            return True
        return state.sso_enabled and state.credentials is not None and state.allows(self.address.domain)

    @property
    def reachable(self) -> bool:
        """Whether the way that the invitee has to take lets their address in at all."""
        return not self.by_sso or self.workspace.allows(self.address.domain)


async def find_mailed_invitation(connection: Executor, token: str, now: datetime) -> MailedInvitation | None:
    """Return what a mailed link leads to, ``None`` when it is not ours or a newer one took its place. Changes nothing.

    Raises:
        UnusableReadModel: see there.
    """
    if not _SHAPE.fullmatch(token):
        return None
    row = await connection.fetchrow(_FIND, invitation_link_hash(token))
    if row is None:
        return None
    workspace, address = await read_workspace(connection, row["workspace"]), read_address(row["email"])
    if workspace is None or address is None:
        return None
    return MailedInvitation(
        standing=_standing(row, workspace, now),
        invitation_id=row["invitation_id"],
        workspace=workspace,
        inviter=await inviter_name(connection, row["invited_by"]),
        address=address,
        role=row["role"],
        websites=read_websites(row["websites"]),
        expires_at=row["expires_at"],
    )


def _standing(row: asyncpg.Record, workspace: Workspace, now: datetime) -> Standing:
    if row["status"] == "accepted":
        return "accepted"
    still = row["status"] == "open" and row["expires_at"] > now and not row["outrun"] and not workspace.closed
    return "open" if still else "ended"
