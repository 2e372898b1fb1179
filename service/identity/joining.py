"""Writes what an admitting verdict changes about people: memberships, identities, invitations, and their events."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from events.catalogue.event_data import EventData
from events.catalogue.people import IdentityRelinked, MemberJoined
from events.domains import Address
from events.workspace import Workspace
from service.identity.names import display_name
from service.identity.outcome import How
from service.identity.people import KnownInvitation, KnownMember, Person, Role
from service.identity.policy import Admit, Consume, Create, Link
from service.identity.resources import Connection
from service.identity.users import create_user, user_for_proven_mailbox
from service.identity.websites import ALL_WEBSITES, read_websites


@dataclass(frozen=True, slots=True)
class Joined:
    """The member whom a verdict was about, after it was carried out, and the event that tells of it, if there is one.

    The caller appends the event, last in its transaction.
    """

    member_id: UUID
    user_id: UUID
    how: How
    event: EventData | None = None


@dataclass(frozen=True, slots=True)
class Join:
    """Carries out one verdict, under the workspace's lock and in the caller's transaction.

    ``mailbox_proven`` says that a mail to the person's address was answered: only then does the address become the
    one that the user signs in with elsewhere.
    """

    connection: Connection
    workspace: Workspace
    person: Person
    address: Address
    now: datetime
    mailbox_proven: bool = False

    async def carry_out(self, verdict: Admit | Link | Consume | Create) -> Joined:
        """Write the verdict."""
        match verdict:
            case Admit(member):
                await self._follow_address(member)
                return Joined(member.member_id, member.user_id, "known")
            case Link(member, how):
                await self._link(member.member_id)
                await self._follow_address(member)
                return Joined(member.member_id, member.user_id, "linked", self._linked(member, how))
            case Consume(invitation):
                return await self._consume(invitation)
            case Create(role):
                joined = await self._create(role, ALL_WEBSITES, "jit", await self._new_user())
                return replace(joined, event=self._joined(joined.member_id, "jit", role, ALL_WEBSITES))

    async def _consume(self, invitation: KnownInvitation) -> Joined:
        user_id = None
        if self.mailbox_proven:
            user_id = await user_for_proven_mailbox(
                self.connection, self.workspace.slug, self.address, display_name(self.person.name), self.now
            )
        joined = await self._create(
            invitation.role, invitation.websites, "invitation", user_id or await self._new_user()
        )
        await self.connection.execute(
            "update identity.invitations set status = 'accepted', member_id = $2 where invitation_id = $1",
            invitation.invitation_id,
            joined.member_id,
        )
        event = self._joined(
            joined.member_id, "invited", invitation.role, invitation.websites, invitation.invitation_id
        )
        return replace(joined, event=event)

    async def _new_user(self) -> UUID:
        return await create_user(self.connection, display_name(self.person.name), self.now)

    async def _create(self, role: Role, websites: str, how: str, user_id: UUID) -> Joined:
        member_id = uuid.uuid4()
        await self.connection.execute(
            "insert into identity.members (member_id, workspace, user_id, email, email_key, name, role, websites,"
            " joined_at, joined_how) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            member_id,
            self.workspace.slug,
            user_id,
            self.address.display,
            self.address.key,
            display_name(self.person.name) or "",
            role,
            websites,
            self.now,
            how,
        )
        await self._link(member_id)
        return Joined(member_id, user_id, "jit" if how == "jit" else "invited")

    async def _link(self, member_id: UUID) -> None:
        await self.connection.execute(
            "insert into identity.identities"
            " (workspace, issuer, subject_scope, subject, member_id, linked_at, last_sign_in_at)"
            " values ($1, $2, $3, $4, $5, $6, $6)",
            self.workspace.slug,
            self.person.issuer,
            self.person.subject_scope,
            self.person.subject,
            member_id,
            self.now,
        )

    async def _follow_address(self, member: KnownMember) -> None:
        """The membership's address is what its connection says; the user's own sign-in address never is."""
        await self.connection.execute(
            "update identity.members set email = $2, email_key = $3, name = coalesce($4, name) where member_id = $1",
            member.member_id,
            self.address.display,
            self.address.key,
            display_name(self.person.name),
        )
        await self.connection.execute(
            "update identity.identities set last_sign_in_at = $5"
            " where workspace = $1 and issuer = $2 and subject_scope = $3 and subject = $4",
            self.workspace.slug,
            self.person.issuer,
            self.person.subject_scope,
            self.person.subject,
            self.now,
        )

    @property
    def _credentials_id(self) -> str | None:
        return None if self.workspace.credentials is None else self.workspace.credentials.credentials_id

    def _linked(self, member: KnownMember, how: str) -> EventData:
        if not member.linked_before:
            return MemberJoined(
                member_id=str(member.member_id),
                how="linked",
                role=member.role,
                websites=read_websites(member.websites),
                credentials_id=self._credentials_id,
            )
        return IdentityRelinked(
            member_id=str(member.member_id),
            credentials_id=self._credentials_id or "",
            how="email" if how == "email" else "session" if how == "session" else "mailed_link",
        )

    def _joined(
        self, member_id: UUID, how: str, role: Role, websites: str, invitation_id: UUID | None = None
    ) -> EventData:
        return MemberJoined(
            member_id=str(member_id),
            how="jit" if how == "jit" else "invited",
            role=role,
            websites=read_websites(websites),
            invitation_id=None if invitation_id is None else str(invitation_id),
            credentials_id=self._credentials_id,
        )
