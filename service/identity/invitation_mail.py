"""The mail that invites: who invites to what, and a link that accepts. What is kept of the link is its hash."""

import hashlib
import secrets
from typing import TYPE_CHECKING, Final

from service.identity.outbox import Mail, enqueue
from service.identity.resources import Executor

if TYPE_CHECKING:
    from service.identity.change import Change
    from service.identity.invitations import Invitation

PATH: Final = "/invitation/"
STAFF_INVITES: Final = "Support"
"""Who invites where no member does."""


async def mail_invitation(change: "Change", invitation: "Invitation") -> None:
    """Give the invitation a new link and mail it, in the change's transaction. A link mailed before is worth nothing.

    The token itself is in the mail alone, which the outbox keeps sealed until it is out.
    """
    token = secrets.token_urlsafe(32)
    await change.connection.execute(
        "update identity.invitations set link_hash = $2 where invitation_id = $1",
        invitation.invitation_id,
        invitation_link_hash(token),
    )
    actor = change.context.actor
    values = {
        "workspace_name": change.workspace.name,
        "inviter": await inviter_name(change.connection, f"{actor.type}:{actor.id}"),
        "role": invitation.role,
        "link": f"{change.resources.public_url}{PATH}{token}",
        "ends": f"{invitation.expires_at:%d %B %Y}",
    }
    mail = Mail("invitation", invitation.email, values, change.workspace.slug, invitation.expires_at)
    await enqueue(change.connection, change.resources.box, mail, change.now)


def invitation_link_hash(token: str) -> bytes:
    """Return what is stored of a mailed link: 256 random bits, which a plain hash does not give away."""
    return hashlib.sha256(b"invitation " + token.encode()).digest()


async def inviter_name(connection: Executor, invited_by: str) -> str:
    """Return how an inviter is named to the invitee: a member by name or address, anybody else as support."""
    kind, _, identifier = invited_by.partition(":")
    if kind != "member":
        return STAFF_INVITES
    name = await connection.fetchval(
        "select coalesce(nullif(name, ''), email) from identity.members where member_id::text = $1", identifier
    )
    return name or "A former member"
