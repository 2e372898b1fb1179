"""How people come in, in plain words: what a sign-in, a mailed link or an invitation comes to in the small model."""

from dataclasses import dataclass
from datetime import timedelta

from support.who_is_who import Account, Credentials, Holder, Invitation, Member, Place, Session, Shown
from support.who_may import LONGEST, PRIVILEGED, Model


@dataclass(frozen=True)
class Verdict:
    """``in`` (as ``target``, or as somebody new), ``mail`` (confirm by mail that it is you), or ``refused``."""

    kind: str
    target: Member | Invitation | None = None
    why: str = ""

    @property
    def holder(self) -> Holder | None:
        """Whom the session would belong to, as far as they are somebody already."""
        return self.target.holder if isinstance(self.target, Member) else None


def by_sso(
    model: Model,
    place: Place,
    account: Account,
    session: Session | None,
    clicked: Invitation | None,
    credentials: Credentials | None = None,
) -> Verdict:
    """Judge whoever comes from the provider with this account, through the active credentials or those of a test."""
    credentials = credentials or place.active
    # What the provider says of its account is looked at before what the workspace says of the address.
    if credentials is not None and credentials.strict and not account.verified:
        return Verdict("refused", why="unverified")
    if not place.allows(account.address):
        return Verdict("refused", why="domain")
    mine, theirs = place.linked(account), place.addressed(account.address)
    if any(one is not None and not one.active for one in (mine, theirs)):
        return Verdict("refused", why="deactivated")
    if mine is not None:
        return Verdict("refused", why="conflict") if theirs not in {None, mine} else Verdict("in", mine)
    if theirs is not None:
        return _as_member(model, place, account, theirs, session)
    return _as_newcomer(model, place, account, clicked)


def _as_member(model: Model, place: Place, account: Account, member: Member, session: Session | None) -> Verdict:
    if account.provider in member.accounts:
        return Verdict("refused", why="conflict")
    own = session is not None and session.holder is member.holder and model.opens(session, place)
    if member.role in PRIVILEGED and not own:
        return Verdict("mail", member)
    return Verdict("in", member)


def _as_newcomer(model: Model, place: Place, account: Account, clicked: Invitation | None) -> Verdict:
    invitation = place.invitations.get(account.address)
    if invitation is not None and invitation.standing != "accepted":
        if not model.is_open(place, invitation):
            return Verdict("refused", why="invitation ended")
        shown = clicked is invitation
        return Verdict("in" if shown or invitation.role not in PRIVILEGED else "mail", invitation)
    if not place.gone.isdisjoint({account.address, (account.provider, account.subject)}):
        return Verdict("refused", why="erased before")
    return Verdict("refused", why="no invitation") if place.created_as is None else Verdict("in")


def let_in(model: Model, place: Place, account: Account, verdict: Verdict, *, mailbox: bool) -> Member:
    """Make the person a member, or link their account. ``mailbox``: they have shown to read the invited mailbox."""
    target = verdict.target
    if not isinstance(target, Member):
        role = place.created_as or "" if target is None else target.role
        holder = _for_mailbox(model, place, account.address) if mailbox and target is not None else Holder()
        member = Member(account.address, role, holder)
        place.members.append(member)
        if target is not None:
            target.standing = "accepted"
        target = member
    target.accounts[account.provider] = account.subject
    target.address = account.address
    target.succeeded[account.provider] = model.now
    return target


def _for_mailbox(model: Model, place: Place, address: str) -> Holder:
    holder = model.mailboxes.get(address)
    if holder is not None and place.of(holder) is not None:
        return Holder()
    return model.mailboxes.setdefault(address, Holder(address))


def proved(model: Model, place: Place) -> None:
    """Confirm the requirement of SSO by a sign-in."""
    required = place.required
    if required is not None and not required.confirmed and model.owner_proved(place):
        required.confirmed = required.confirm_by is None or required.confirm_by > model.now


def start(model: Model, replaced: Session | None, holder: Holder, shown: Shown) -> Session:
    """Open a session in place of the one that the browser came with."""
    kept: list[Shown] = []
    if replaced is not None:
        if replaced.holder is holder:
            kept = [one for one in replaced.shown if model.now - one.at < LONGEST]
        if replaced in model.sessions:
            model.sessions.remove(replaced)
    kept = [one for one in kept if (one.how, one.place) != (shown.how, shown.place)]
    session = Session(holder, [*kept, shown], model.now + LONGEST, model.now)
    model.sessions.append(session)
    return session


def claim(model: Model, address: str, session: Session | None) -> Holder:
    """Give whoever reads the mailbox the memberships under its address that are shown to be theirs."""
    holder = model.mailboxes.setdefault(address, Holder(address))
    for slug in sorted(model.places):
        place = model.places[slug]
        member = place.addressed(address)
        if member is None or member.holder.mailbox is not None or place.of(holder) is not None:
            continue
        by_session = session is not None and session.holder is member.holder and _by_sso(model, session, place)
        if by_session or not member.accounts or model.bypass(member) or place.domains.get(_domain(address)):
            former, member.holder = member.holder, holder
            if by_session and session is not None:
                session.holder = holder
            model.end_all(former)
    return holder


def _by_sso(model: Model, session: Session, place: Place) -> bool:
    alone = Session(session.holder, [one for one in session.shown if one.how == "sso"], session.ends, session.seen)
    model.sessions.append(alone)
    opens = model.opens(alone, place)
    model.sessions.remove(alone)
    return opens


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def by_mailbox(model: Model, address: str, holder: Holder, session: Session | None) -> Session | None:
    """Sign the reader of a mailbox in; ``None`` where that opens no workspace."""
    return arrive(model, "magic_link", address, holder, session)


def arrive(model: Model, how: str, address: str, holder: Holder, session: Session | None) -> Session | None:
    """Sign somebody in whom no workspace's provider has shown; ``None`` where that opens no workspace."""
    for place in model.places.values():
        invitation = place.invitations.get(address)
        if invitation is None or place.of(holder) is not None or place.addressed(address) is not None:
            continue
        answered = how == "magic_link" or invitation.role not in PRIVILEGED
        if model.is_open(place, invitation) and place.required is None and answered:
            join(place, invitation, holder)
    own = [(place, member) for place, member in model.memberships(holder) if member.active]
    free = [place for place, _ in own if place.required is None]
    bypasses = {place.slug: ends for place, member in own if (ends := model.bypass(member)) is not None}
    if how != "magic_link":
        bypasses = {}
    if not free and not bypasses:
        return None
    made = start(model, session, holder, Shown(how, model.now, address=address, bypasses=bypasses))
    if not free and len(made.shown) == 1:
        made.ends = min(made.ends, max(bypasses.values()))
    return made


def join(place: Place, invitation: Invitation, holder: Holder) -> None:
    """Make the reader of an invited mailbox a member."""
    place.members.append(Member(invitation.address, invitation.role, holder))
    invitation.standing = "accepted"


LINK_LASTS = timedelta(minutes=15)
CONFIRMING_LASTS = timedelta(minutes=30)
CLICK_LASTS = timedelta(minutes=30)
