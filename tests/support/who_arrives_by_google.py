"""How people come in by Google, in plain words: whose account it is, and what its word on an address is worth."""

from dataclasses import dataclass

from support.who_arrives import arrive, claim
from support.who_is_who import Account, Holder, Session
from support.who_may import Model


@dataclass(frozen=True)
class Known:
    """Whose account it is; ``why`` says so where it is nobody's yet: ``unverified``, ``unknown``, or ``mail``."""

    holder: Holder | None
    why: str = ""


def whose(model: Model, account: Account, session: Session | None) -> Known:
    """Tell whose account this is. ``account.verified``: Google has verified the address, of its own organisation."""
    holder = model.googles.get(account.subject)
    if holder is not None:
        return Known(holder)
    if not account.verified:
        return Known(None, "unverified")
    if not model.gets_mail(account.address):
        return Known(None, "unknown")
    if _takes_mail(model, account, session):
        return Known(None, "mail")
    return Known(claim(model, account.address, session))


def _takes_mail(model: Model, account: Account, session: Session | None) -> bool:
    reader = model.mailboxes.get(account.address)
    answered = session is not None and any(one.how == "magic_link" and one.place is None for one in session.shown)
    if answered and session is not None and session.holder is reader:
        return False
    other = None if reader is None else model.google_of(reader)
    return model.privileged(account.address) or other not in {None, account.subject}


def link(model: Model, subject: str, holder: Holder) -> bool:
    """Make the account the holder's own, in place of another; not if it is somebody else's."""
    if model.googles.get(subject, holder) is not holder:
        return False
    former = model.google_of(holder)
    if former is not None:
        del model.googles[former]
    model.googles[subject] = holder
    return True


def by_google(model: Model, holder: Holder, session: Session | None) -> Session | None:
    """Sign the holder in; ``None`` where that opens no workspace."""
    return arrive(model, "google", holder.mailbox or "", holder, session)
