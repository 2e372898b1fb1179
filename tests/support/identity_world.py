"""A database with a workspace in it, and everything that identity needs, for tests."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

from support.database import Pool
from support.identity_values import ISSUER, NOW, Proven

from events.catalogue.access import SsoEnabled
from events.catalogue.configuration import DomainAdded, JitDisabled, WorkspaceRegistered
from events.catalogue.credentials import CredentialsSet, CredentialsStaged, SealedSecret
from events.catalogue.event_data import EventData
from events.decisions import Rules
from events.envelope import Actor, Context, NewEvent
from events.names import Names
from events.sealing import KeyRing
from events.store import EventStore
from events.workspace import Workspace
from service.cookiebox import CookieBox
from service.identity.admission import admit
from service.identity.known import read_workspace
from service.identity.outcome import Outcome
from service.identity.people import Role
from service.identity.resources import IdentityResources, RequestMeta
from service.identity.session_values import LiveSession, NewSession, SessionLimits
from service.identity.tombstones import Tombstones

KEY = bytes(range(32))
LIMITS = SessionLimits(idle=timedelta(hours=12), absolute=timedelta(days=7))
STAFF = Context(Actor("staff", "grace"), reason="asked by the customer")


@dataclass
class TurnedClock:
    """A clock that stands still until it is turned."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        """Return the time it shows."""
        return self.now

    def turn(self, **by: int) -> None:
        """Turn it by hours, minutes or days."""
        self.now += timedelta(**by)


@dataclass(frozen=True)
class Begun:
    """A login attempt, as far as admission looks at it."""

    credentials_id: str = "c-1"
    kind: Literal["app", "okta"] = "app"


def credentials_data(kind: type[CredentialsSet] | type[CredentialsStaged], **changes: Any) -> EventData:
    """Return the event data of credentials of acme at its Okta."""
    values: dict[str, Any] = {
        "credentials_id": "c-1",
        "provider_kind": "okta",
        "issuer": ISSUER,
        "client_id": "0oa1",
        "secret": SealedSecret(id="s-1", digest="0" * 64, fingerprint="abcd"),
        "auth_method": "client_secret_basic",
        "email_verified": "ignore",
        "subject_type": "public",
        **changes,
    }
    return kind(**values)


@dataclass
class World:
    """A workspace ``acme`` with SSO, and ways to look at what a sign-in has written."""

    pool: Pool
    clock: TurnedClock = field(default_factory=TurnedClock)

    def __post_init__(self) -> None:
        self.resources = IdentityResources(
            pool=self.pool,
            store=EventStore(self.pool),
            clock=self.clock,
            limits=LIMITS,
            box=CookieBox([KEY]),
            tombstones=Tombstones(self.pool, KeyRing([KEY])),
            names=Names(self.pool, KeyRing([KEY])),
            rules=Rules(),
            public_url="https://id.example.com",
        )

    async def register(self, slug: str = "acme", *, jit: bool = True, domain: str = "acme.example") -> None:
        """Make a workspace with a domain, credentials and SSO."""
        await self.pool.execute("insert into identity.workspaces (slug) values ($1)", slug)
        data: list[EventData] = [
            WorkspaceRegistered(slug=slug, name=slug.title(), plan="one"),
            DomainAdded(domain=domain),
            credentials_data(CredentialsSet),
            SsoEnabled(),
        ]
        if not jit:
            data.append(JitDisabled())
        await self.append(slug, data, Workspace(slug))

    async def append(self, slug: str, data: Sequence[EventData], state: Workspace | None = None) -> None:
        """Append events to a workspace's stream as they are, without a decision."""
        before = state or await self.workspace(slug)
        prepared = self.resources.store.prepare([NewEvent.of(one) for one in data], STAFF)
        document = before.after(prepared).to_document()
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("select 1 from identity.workspaces where slug = $1 for update", slug)
            await self.resources.store.append(slug, before.version, prepared, document, conn=connection)

    async def workspace(self, slug: str = "acme") -> Workspace:
        """Return the committed state."""
        state = await read_workspace(self.pool, slug)
        assert state is not None
        return state

    async def member(
        self, email: str = "ada@acme.example", role: Role = "editor", *, slug: str = "acme", proven: bool = False
    ) -> UUID:
        """Make a member who has not signed in by SSO yet. Returns the member's id."""
        user_id, member_id = uuid4(), uuid4()
        await self.pool.execute(
            "insert into identity.users (user_id, email, email_key, created_at) values ($1, $2, $3, $4)",
            user_id,
            email if proven else None,
            email.lower() if proven else None,
            self.clock.now,
        )
        await self.pool.execute(
            "insert into identity.members"
            " (member_id, workspace, user_id, email, email_key, role, joined_at, joined_how)"
            " values ($1, $2, $3, $4, $5, $6, $7, 'invitation')",
            member_id,
            slug,
            user_id,
            email,
            email.lower(),
            role,
            self.clock.now,
        )
        return member_id

    async def invitation(
        self, email: str = "ada@acme.example", role: Role = "viewer", *, status: str = "open", slug: str = "acme"
    ) -> UUID:
        """Make an invitation. Returns its id."""
        invitation_id = uuid4()
        await self.pool.execute(
            "insert into identity.invitations (invitation_id, workspace, email, email_key, role, websites, status,"
            " invited_by, created_at, expires_at) values ($1, $2, $3, $4, $5, '[\"w-1\"]', $6, 'staff', $7, $8)",
            invitation_id,
            slug,
            email,
            email.lower(),
            role,
            status,
            self.clock.now,
            self.clock.now + timedelta(days=7),
        )
        return invitation_id

    async def sign_in(
        self,
        person: Proven | None = None,
        *,
        slug: str = "acme",
        begun: Begun | None = None,
        session: LiveSession | None = None,
        **meta: Any,
    ) -> Outcome:
        """Run one admission."""
        request = RequestMeta(request_id="r-1", session=session, **meta)
        return await admit(self.resources, slug, begun or Begun(), person or Proven(), request)

    async def rows(self, table: str) -> list[dict[str, Any]]:
        """Return all rows of a table of the identity schema."""
        return [dict(row) for row in await self.pool.fetch(f"select * from identity.{table}")]

    async def event_types(self, slug: str = "acme") -> list[str]:
        """Return the types of a stream's events, oldest first."""
        return [event.type for event in await self.resources.store.read_stream(slug)]

    async def snapshot(self) -> dict[str, list[dict[str, Any]]]:
        """Return all that a sign-in could change but the log."""
        tables = ("users", "members", "identities", "invitations", "sessions", "link_confirmations", "outbox")
        return {table: await self.rows(table) for table in tables}


def live(session: NewSession | None) -> LiveSession:
    """Return what a request that carries this session comes with."""
    assert session is not None
    return LiveSession(session.session_hash, session.user_id, session.authentications)


def other(person: Proven | None = None, **changes: Any) -> Proven:
    """Return a person who differs in something."""
    return replace(person or Proven(), **changes)
