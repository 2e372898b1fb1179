"""Signing in with Google: who somebody is there is their issuer and subject; an address only leads to a first link.

Google itself says when its word on an address counts: it is verified, and the address is its own (gmail.com), or the
account's organisation (``hd``) is the address's domain. Any other address once belonged to whoever made the account,
and may be somebody else's by now. Where it counts, it shows as much as an answered mail does, but for owners and
admins: they answer a mail before the account is theirs.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import orjson

from events.domains import Address
from service.db import transaction
from service.identity.addresses import read_address
from service.identity.arrival import NOWHERE, Arrival
from service.identity.claiming import claim_memberships
from service.identity.known_addresses import is_known_address, leads_to_privileges
from service.identity.magic_link import UserIdentity, request_magic_link
from service.identity.outcome import Outcome, Status
from service.identity.resources import Connection, IdentityResources, RequestMeta
from service.identity.session_values import LiveSession
from service.identity.sign_in_log import SignIn, record
from service.identity.spent import spend
from service.identity.user_identities import find_user, has_other_identity, link_identity, note_sign_in

OWN_DOMAIN: Final = "gmail.com"
SWITCH_LIFETIME: Final = timedelta(minutes=10)
_PURPOSE: Final = "confirm google switch"


class GooglePerson(Protocol):
    """Who the round trip proved somebody to be. See ``service.oidc.client.ProvenPerson``."""

    @property
    def issuer(self) -> str:
        """The issuer, verbatim."""

    @property
    def subject(self) -> str:
        """Google's identifier of the account."""

    @property
    def email(self) -> str:
        """The account's address."""

    @property
    def email_verified_claim(self) -> object:
        """Only JSON ``true`` counts."""

    @property
    def hosted_domain(self) -> str | None:
        """The domain of the organisation that the account belongs to (``hd``), if it belongs to one."""


@dataclass(frozen=True, slots=True)
class KeptGooglePerson:
    """A proven person, as a confirming form holds them."""

    issuer: str
    subject: str
    email: str
    email_verified_claim: bool
    hosted_domain: str | None


async def sign_in_by_google(resources: IdentityResources, person: GooglePerson, meta: RequestMeta) -> Outcome:
    """Sign a proven person in, or say why not. See :class:`Outcome` for how it can end.

    ``confirm_link``: a mail has been sent whose answer makes the account theirs.
    """
    sign_in = _GoogleSignIn(resources, person, meta, resources.clock())
    known = await find_user(resources.pool, sign_in.identity)
    if known is None:
        return await sign_in.first()
    arrival = sign_in.arrival(known["user_id"], read_address(known["email"]), meta)
    if arrival.switches:
        return await arrival.ask_to_switch()
    await note_sign_in(resources.pool, sign_in.identity, sign_in.now)
    outcome = await arrival.sign_in()
    if outcome.status == "confirm_link" and arrival.address is not None:
        # All that is open to them is an invitation that takes an answered mail.
        await request_magic_link(resources, arrival.address, confirms=sign_in.identity)
    return outcome


def vouched_for(person: GooglePerson, address: Address) -> bool:
    """Whether Google's word on the address counts."""
    hosted = None if person.hosted_domain is None else read_address(f"nobody@{person.hosted_domain}")
    own = address.domain == OWN_DOMAIN or (hosted is not None and hosted.domain == address.domain)
    return person.email_verified_claim is True and own


class _LeadsToNobody(Exception):
    """Whoever the address led to was erased since it was looked at: what was claimed is taken back."""


@dataclass(frozen=True, slots=True)
class _GoogleSignIn:
    resources: IdentityResources
    person: GooglePerson
    meta: RequestMeta
    now: datetime

    @property
    def identity(self) -> UserIdentity:
        return UserIdentity(self.person.issuer, self.person.subject)

    def arrival(self, user_id: UUID, address: Address | None, meta: RequestMeta) -> Arrival:
        return Arrival(self.resources, "google", user_id, address, self.person.email, meta, self.now)

    async def first(self) -> Outcome:
        """Link the account to whom its address leads, if that is shown."""
        address = read_address(self.person.email)
        if address is None:
            return await self._end("refused", "email_missing", "address_invalid")
        if not vouched_for(self.person, address):
            verified = self.person.email_verified_claim is True
            return await self._end("refused", "email_unverified", "not_googles" if verified else "not_verified")
        pool = self.resources.pool
        if not await is_known_address(pool, address, self.now):
            return await self._end("refused", "invitation_required", "no_membership")
        if await self._needs_mail(address):
            wait = await request_magic_link(self.resources, address, confirms=self.identity)
            return await self._end("confirm_link", "link_unconfirmed", "mails_enough" if wait else None)
        return await self._link(address)

    async def _needs_mail(self, address: Address) -> bool:
        pool, live = self.resources.pool, self.meta.session
        if live is not None and any(
            one.method == "magic_link" and one.workspace is None for one in live.authentications
        ):
            # They answered a mail in this very browser; for this address, if it is their user's.
            own = await pool.fetchval("select user_id from identity.users where email_key = $1", address.key)
            if own == live.user_id:
                return False
        return await leads_to_privileges(pool, address, self.now) or await has_other_identity(
            pool, self.identity, address.key
        )

    async def _link(self, address: Address) -> Outcome:
        try:
            async with transaction(self.resources.pool) as connection:
                arrival = await self._claim(connection, address)
                linked = arrival.switches or await link_identity(connection, self.identity, arrival.user_id, self.now)
        except _LeadsToNobody:
            return await self._end("refused", "invitation_required", "no_membership")
        if arrival.switches:
            return await arrival.ask_to_switch()
        if not linked:
            return await self._end("refused", "identity_conflict", "linked_to_another_identity")
        return await arrival.sign_in()

    async def _claim(self, connection: Connection, address: Address) -> Arrival:
        claim = await claim_memberships(connection, address, self.now, self.meta.session)
        # Looked at once more: who is erased meanwhile is not to be brought back by the claim.
        if not await is_known_address(connection, address, self.now):
            raise _LeadsToNobody
        return self.arrival(claim.user_id, address, replace(self.meta, session=claim.session))

    async def _end(self, status: Status, reason: str, detail: str | None = None) -> Outcome:
        row = SignIn(
            at=self.now,
            workspace=NOWHERE,
            method="google",
            reason=reason,
            request_id=self.meta.request_id,
            initiated_by="app",
            email=self.person.email,
            detail=detail,
        )
        sign_in_id = await record(self.resources.pool, row)
        return Outcome(status, reason, sign_in_id, detail, email=self.person.email)


def seal_google_switch(
    resources: IdentityResources, session: LiveSession, person: GooglePerson, target: str | None
) -> str:
    """Return the hidden field of the form that confirms to sign in as this person instead of the session's."""
    verified = person.email_verified_claim is True
    kept = (person.issuer, person.subject, person.email, verified, person.hosted_domain)
    content = orjson.dumps((resources.clock().timestamp(), target, kept))
    return resources.box.seal(_PURPOSE, content, session.session_hash.hex())


async def open_google_switch(
    resources: IdentityResources, session: LiveSession | None, field: str
) -> tuple[KeptGooglePerson, str | None] | None:
    """Return the waiting person and target, and use the form up; ``None`` when it is not this session's, old, or used.

    Run :func:`sign_in_by_google` with the result and ``switch_confirmed``.
    """
    content = None if session is None else resources.box.open(_PURPOSE, field, session.session_hash.hex())
    if content is None:
        return None
    sealed_at, target, kept = orjson.loads(content)
    ends_at = datetime.fromtimestamp(sealed_at, resources.clock().tzinfo) + SWITCH_LIFETIME
    if ends_at <= resources.clock():
        return None
    if not await spend(resources.pool, hashlib.sha256(field.encode()).digest(), ends_at):
        return None
    return KeptGooglePerson(*kept), target
