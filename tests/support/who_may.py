"""Who may open which workspace, in plain words: a small model, which shares no line with the code that it is held to.

``Model`` knows what was configured, who the members are, and what each session has shown. The rules by which people
come in are in ``who_arrives``.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from support.who_is_who import Holder, Invitation, Member, Place, Session, Shown

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
RECENT = timedelta(days=30)
PRIVILEGED = ("owner", "admin")


@dataclass
class Model:
    """Everything that decides who gets in."""

    now: datetime
    places: dict[str, Place]
    mailboxes: dict[str, Holder] = field(default_factory=dict)
    googles: dict[str, Holder] = field(default_factory=dict)
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
        if shown.place not in {None, place}:
            return False
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

    def privileged(self, address: str) -> bool:
        """Whether the address leads to an owner or admin, wherever they are one, or to an invitation to become one."""
        holder = self.mailboxes.get(address)
        return any(
            any(
                one.active and one.role in PRIVILEGED and (one.address == address or one.holder is holder)
                for one in place.members
            )
            or any(
                one.address == address and one.standing == "open" and one.until > self.now and one.role in PRIVILEGED
                for one in place.invitations.values()
            )
            for place in self.places.values()
        )

    def google_of(self, holder: Holder) -> str | None:
        """Return the subject of the holder's account at Google."""
        return next((subject for subject, one in self.googles.items() if one is holder), None)

    def strip(self, place: Place, ends: Callable[[Shown], bool], holder: Holder | None = None) -> None:
        """End what SSO opened in the workspace, where it meets the condition."""
        holders = {one.holder for one in place.members} if holder is None else {holder}
        for session in [one for one in self.sessions if one.holder in holders]:
            session.shown = [
                one for one in session.shown if not (one.how == "sso" and one.place is place and ends(one))
            ]
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

    def ways_in(self, place: Place, own: Callable[[str, str], Collection[str]]) -> Iterator[tuple[Member, str]]:
        """Every active owner with a way in, and which. ``own``: the subjects that an address' person has there."""
        for owner in [one for one in place.members if one.role == "owner" and one.active]:
            if (place.required is None or self.bypass(owner) is not None) and self._reads(owner, place):
                yield owner, "mail"
            if place.active is not None and place.sso and place.allows(owner.address):
                subjects, linked = own(owner.address, place.active.provider), owner.accounts.get(place.active.provider)
                if place.active.works and (linked is None or linked in subjects):
                    yield owner, "sso"
            if owner.codes:
                yield owner, "recovery"

    def _reads(self, member: Member, place: Place) -> bool:
        """Whether a mail shows that the membership is theirs: what a provider alone has made may be somebody else's."""
        holder = self.mailboxes.get(member.address)
        if holder is not None and member.holder is not holder and place.of(holder) is not None:
            return False
        verified = place.domains.get(member.address.rpartition("@")[2], False)
        return member.holder is holder or not member.accounts or verified or self.bypass(member) is not None
