"""People, workspaces and sessions as the small model knows them: plain values, without a rule."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Account:
    """Somebody's account at a provider, with the address that the provider says it has, and whether it verified it."""

    provider: str
    subject: str
    address: str
    verified: bool = True


@dataclass(eq=False)
class Credentials:
    """What a workspace signs in by. ``works``: the provider takes the secret. ``strict``: verified addresses only."""

    identifier: str
    provider: str
    works: bool = True
    strict: bool = False


@dataclass(eq=False)
class Holder:
    """Whom memberships and sessions belong to. ``mailbox``: the address that they have shown to read, if any."""

    mailbox: str | None = None


@dataclass(eq=False)
class Member:
    """One person's membership of one workspace. ``accounts``: the subject that is linked, by provider."""

    address: str
    role: str
    holder: Holder
    active: bool = True
    accounts: dict[str, str] = field(default_factory=dict)
    succeeded: dict[str, datetime] = field(default_factory=dict)
    bypass_until: datetime | None = None
    codes: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Invitation:
    """The latest invitation of an address. All in this model are by support."""

    address: str
    role: str
    until: datetime
    identifier: str
    standing: str = "open"
    token: str | None = None


@dataclass(eq=False)
class Requirement:
    """SSO is required; ``confirm_by``: until somebody has to have signed in by it."""

    confirm_by: datetime | None
    confirmed: bool = False


@dataclass(eq=False)
class SetupLink:
    """What the customer's administrator sets the connection up by, in the one browser that used it."""

    identifier: str
    path: str
    until: datetime
    used: bool = False
    revoked: bool = False


@dataclass(eq=False)
class Conflict:
    """A sign-in that was refused because the address' member has another account; ``number`` is on the page."""

    number: str
    account: Account


@dataclass(eq=False)
class Place:
    """A workspace. ``domains`` maps each to whether its ownership was shown; ``gone`` holds who was erased."""

    slug: str
    domains: dict[str, bool] = field(default_factory=dict)
    created_as: str | None = "editor"
    active: Credentials | None = None
    staged: Credentials | None = None
    sso: bool = False
    required: Requirement | None = None
    members: list[Member] = field(default_factory=list)
    invitations: dict[str, Invitation] = field(default_factory=dict)
    gone: set[object] = field(default_factory=set)
    setup_links: list[SetupLink] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)

    def addressed(self, address: str) -> Member | None:
        """Return the member with this address."""
        return next((one for one in self.members if one.address == address), None)

    def linked(self, account: Account) -> Member | None:
        """Return the member whose account this is."""
        return next((one for one in self.members if one.accounts.get(account.provider) == account.subject), None)

    def of(self, holder: Holder) -> Member | None:
        """Return the holder's membership."""
        return next((one for one in self.members if one.holder is holder), None)

    def has_owner(self) -> bool:
        """Whether there is an active owner."""
        return any(one.role == "owner" and one.active for one in self.members)

    def allows(self, address: str) -> bool:
        """Whether the address is of exactly an allowed domain."""
        return address.rpartition("@")[2] in self.domains


@dataclass(eq=False)
class Shown:
    """One way in which a session's person has shown who they are. ``sid``: the provider's name for its session."""

    how: str
    at: datetime
    place: Place | None = None
    provider: str | None = None
    address: str | None = None
    member: Member | None = None
    bypasses: dict[str, datetime] = field(default_factory=dict)
    sid: str | None = None


@dataclass(eq=False)
class Session:
    """What a cookie stands for."""

    holder: Holder
    shown: list[Shown]
    ends: datetime
    seen: datetime
