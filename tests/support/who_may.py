"""Who may open which workspace, in plain words: a small model, which shares no line with the code that it is held to.

``Model`` knows what was configured, who the members are, and what each session has shown. The rules by which people
come in are in ``who_arrives``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
RECENT = timedelta(days=30)
PRIVILEGED = ("owner", "admin")


@dataclass(frozen=True)
class Account:
    """Somebody's account at a provider, with the address that the provider says it has."""

    provider: str
    subject: str
    address: str


@dataclass(eq=False)
class Credentials:
    """What a workspace signs in by. ``works``: the provider takes the secret."""

    identifier: str
    provider: str
    works: bool = True


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
    """One way in which a session's person has shown who they are."""

    how: str
    at: datetime
    place: Place | None = None
    provider: str | None = None
    address: str | None = None
    member: Member | None = None
    bypasses: dict[str, datetime] = field(default_factory=dict)


@dataclass(eq=False)
class Session:
    """What a cookie stands for."""

    holder: Holder
    shown: list[Shown]
    ends: datetime
    seen: datetime


@dataclass
class Model:
    """Everything that decides who gets in."""

    now: datetime
    places: dict[str, Place]
    mailboxes: dict[str, Holder] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)

    def live(self, session: Session | None) -> Session | None:
        """Return the session if it has not ended by now."""
        if session is None or session not in self.sessions:
            return None
        return session if self.now < session.ends and self.now - session.seen < IDLE else None

    def look(self, session: Session | None) -> Session | None:
        """Return the session if it is live, after a request that came with it."""
        session = self.live(session)
        if session is not None and self.now - session.seen >= timedelta(minutes=1):
            session.seen = self.now
        return session

    def opens(self, session: Session | None, place: Place) -> bool:
        """Whether the session opens the workspace now."""
        return self.opened_by(session, place) is not None

    def opened_by(self, session: Session | None, place: Place) -> Shown | None:
        """Return by what the session opens the workspace: the latest that does."""
        session = self.live(session)
        member = None if session is None else place.of(session.holder)
        if session is None or member is None or not member.active:
            return None
        fits = [one for one in session.shown if self.now - one.at < LONGEST and self._fits(one, place, member)]
        return fits[-1] if fits else None

    def _fits(self, shown: Shown, place: Place, member: Member) -> bool:
        if shown.how == "sso":
            own = shown.place is place and shown.member is member
            connected = place.sso and place.active is not None and place.active.provider == shown.provider
            return own and connected and place.allows(shown.address or "")
        if place.required is None:
            return True
        bypass = self.bypass(member)
        return bypass is not None and shown.bypasses.get(place.slug) == bypass

    def bypass(self, member: Member) -> datetime | None:
        """Return when the member's bypass ends, if it has not."""
        ends = member.bypass_until
        return ends if member.active and ends is not None and ends > self.now else None

    def memberships(self, holder: Holder) -> Iterator[tuple[Place, Member]]:
        """Every membership of a holder, by workspace."""
        for slug in sorted(self.places):
            member = self.places[slug].of(holder)
            if member is not None:
                yield self.places[slug], member

    def is_open(self, place: Place, invitation: Invitation) -> bool:
        """Whether the invitation may be accepted; support makes the first owner, and no second one."""
        outrun = invitation.role == "owner" and place.has_owner()
        return invitation.standing == "open" and invitation.until > self.now and not outrun

    def gets_mail(self, address: str) -> bool:
        """Whether a sign-in mail goes out to the address: it is an active member's, or invited."""
        holder = self.mailboxes.get(address)
        return any(
            any(one.active and (one.address == address or one.holder is holder) for one in place.members)
            or any(
                one.address == address and one.standing == "open" and one.until > self.now
                for one in place.invitations.values()
            )
            for place in self.places.values()
        )

    def strip(self, place: Place, ends: Callable[[Shown], bool], holder: Holder | None = None) -> None:
        """End what SSO opened in the workspace, where it meets the condition."""
        holders = {one.holder for one in place.members} if holder is None else {holder}
        for session in [one for one in self.sessions if one.holder in holders]:
            session.shown = [one for one in session.shown if not (one.place is place and ends(one))]
            if not session.shown:
                self.sessions.remove(session)

    def end_all(self, holder: Holder) -> None:
        """End all sessions of a holder."""
        self.sessions = [one for one in self.sessions if one.holder is not holder]

    def owner_proved(self, place: Place) -> bool:
        """Whether an active owner of an allowed domain lately succeeded at the active provider."""
        return place.active is not None and any(
            one.role == "owner"
            and one.active
            and place.allows(one.address)
            and place.active.provider in one.succeeded
            and self.now - one.succeeded[place.active.provider] <= RECENT
            for one in place.members
        )

    def ways_in(self, place: Place, accounts: Callable[[str, str], Account]) -> Iterator[tuple[Member, str]]:
        """Every active owner with a way in, and which. ``accounts``: whose address has which account at a provider."""
        for owner in [one for one in place.members if one.role == "owner" and one.active]:
            if place.required is None or self.bypass(owner) is not None:
                yield owner, "mail"
            if place.active is not None and place.sso and place.allows(owner.address):
                own = accounts(owner.address, place.active.provider).subject
                if place.active.works and owner.accounts.get(place.active.provider, own) == own:
                    yield owner, "sso"
            if owner.codes:
                yield owner, "recovery"
