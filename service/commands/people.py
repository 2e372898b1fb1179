"""Changes to a workspace's people, under the same terms as changes to its configuration."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from events.catalogue.event_data import Role
from events.catalogue.instants import write_instant
from events.refusals import Refusal
from service.commands.asking import Asker
from service.commands.proposals import Explanation
from service.commands.terms import Outcome, Terms
from service.identity import invitations, members
from service.identity.change import Change
from service.identity.relinking import relink_member
from service.identity.websites import Websites

if TYPE_CHECKING:
    from service.commands.execute import WorkspaceCommands


@dataclass(frozen=True, slots=True)
class MemberChange:
    """What to change about a member; ``None`` stays as it is."""

    role: Role | None = None
    websites: Websites | None = None
    status: Literal["active", "deactivated"] | None = None


class PeopleCommands:
    """Invites people, revokes invitations, changes members."""

    def __init__(self, commands: "WorkspaceCommands") -> None:
        self._commands = commands

    async def invite(
        self,
        slug: str,
        email: str,
        role: Role,
        websites: Websites,
        explanation: Explanation,
        asker: Asker,
        terms: Terms,
    ) -> Outcome:
        """Invite an address. ``extra`` holds the open invitation.

        Raises:
            Refusal: see ``service.identity.invitations.invite``.
        """

        async def work(change: Change) -> Mapping[str, Any]:
            invitation, _ = await invitations.invite(change, email, role, websites)
            return {"invitation": _shown(invitation, "invitation_id")}

        return await self._commands.change_people(slug, explanation, asker, work, terms)

    async def revoke(
        self, slug: str, invitation_id: str, explanation: Explanation, asker: Asker, terms: Terms
    ) -> Outcome:
        """Revoke an open invitation. ``extra`` holds it.

        Raises:
            Refusal: ``invitation_unknown``.
        """
        identifier = _invitation_id(invitation_id)

        async def work(change: Change) -> Mapping[str, Any]:
            revoked = await invitations.revoke_invitation(change, identifier)
            return {"invitation": _shown(revoked, "invitation_id")}

        return await self._commands.change_people(slug, explanation, asker, work, terms)

    async def resend(
        self, slug: str, invitation_id: str, explanation: Explanation, asker: Asker, terms: Terms
    ) -> Outcome:
        """Invite once more whom an open or expired invitation invites. ``extra`` holds the new one.

        Raises:
            Refusal: see ``service.identity.invitations.resend_invitation``.
        """
        identifier = _invitation_id(invitation_id)

        async def work(change: Change) -> Mapping[str, Any]:
            again = await invitations.resend_invitation(change, identifier)
            return {"invitation": _shown(again, "invitation_id")}

        return await self._commands.change_people(slug, explanation, asker, work, terms)

    async def change(
        self, slug: str, id_or_address: str, wished: MemberChange, explanation: Explanation, asker: Asker, terms: Terms
    ) -> Outcome:
        """Change a member. ``extra`` holds the member after the change.

        Raises:
            Refusal: ``member_unknown``, or what the decisions refuse.
        """

        async def work(change: Change) -> Mapping[str, Any]:
            found = await members.find_member(change.connection, slug, id_or_address)
            # Whoever leaves changes first and leaves then; whoever comes back comes back first.
            if wished.status == "active":
                await members.reactivate_member(change, found.member_id)
            if wished.role is not None or wished.websites is not None:
                await members.change_member(change, found.member_id, role=wished.role, websites=wished.websites)
            if wished.status == "deactivated":
                await members.deactivate_member(change, found.member_id)
            after = await members.find_member(change.connection, slug, str(found.member_id))
            return {"member": _shown(after, "member_id")}

        return await self._commands.change_people(slug, explanation, asker, work, terms)

    async def erase(
        self, slug: str, id_or_address: str, explanation: Explanation, asker: Asker, terms: Terms
    ) -> Outcome:
        """Remove a member: delete what is known of the person. ``extra`` is empty.

        Raises:
            Refusal: ``member_unknown``, ``would_lock_out``.
        """

        async def work(change: Change) -> Mapping[str, Any]:
            found = await members.find_member(change.connection, slug, id_or_address)
            await members.erase_member(change, found.member_id)
            return {}

        return await self._commands.change_people(slug, explanation, asker, work, terms)

    async def relink(
        self, slug: str, id_or_address: str, request_id: str, explanation: Explanation, asker: Asker, terms: Terms
    ) -> Outcome:
        """Link a member to the account of a refused sign-in. ``extra`` holds the member, and ``outcome``.

        Raises:
            Refusal: ``member_unknown``; see ``service.identity.relinking.relink_member``.
        """

        async def work(change: Change) -> Mapping[str, Any]:
            found = await members.find_member(change.connection, slug, id_or_address)
            outcome = await relink_member(change, found.member_id, request_id)
            after = await members.find_member(change.connection, slug, str(found.member_id))
            return {"member": _shown(after, "member_id"), "outcome": outcome}

        return await self._commands.change_people(slug, explanation, asker, work, terms)


def _invitation_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Refusal("invitation_unknown", "There is no such open invitation in this workspace.") from None


def _shown(value: Any, identifier: str) -> dict[str, Any]:
    """Return what is kept of an answer, as JSON values."""
    shown = {name: _json(one) for name, one in asdict(value).items() if name not in {identifier, "joined_how"}}
    return {"id": str(getattr(value, identifier)), **shown}


def _json(value: object) -> object:
    return write_instant(value) if isinstance(value, datetime) else value
