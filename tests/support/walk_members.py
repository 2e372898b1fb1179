"""What support changes in a walk about a workspace's people, and what that means in the model."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from support.walk_cast import PEOPLE, SIGN_IN_LINK, Asked, Walk, is_themselves
from support.walk_wish import Choose, Wish, event
from support.who_is_who import Holder, Invitation, Member, Place

ROLES = ("owner", "admin", "editor", "viewer")


def _someone(walk: Walk, place: Place) -> str:
    known = [one.address for one in place.members]
    return walk.random.choice([*PEOPLE.values(), *known, *known, *known, *known])


def grant_bypass(walk: Walk, place: Place) -> Wish:
    """Let one member in by mail for some hours."""
    address, hours = _someone(walk, place), walk.random.choice([1, 24])

    async def means(walk: Walk, there: Place, _told: Any) -> None:
        member = there.addressed(address)
        assert member is not None
        assert member.active
        member.bypass_until = walk.model.now + timedelta(hours=hours)

    return event(place, "BypassGranted", means, email=address, hours=hours)


def revoke_bypass(walk: Walk, place: Place) -> Wish:
    """End a bypass."""
    address = _someone(walk, place)

    async def means(_walk: Walk, there: Place, _told: Any) -> None:
        member = there.addressed(address)
        if member is not None:
            member.bypass_until = None

    return event(place, "BypassRevoked", means, email=address)


def invite(walk: Walk, place: Place) -> Wish:
    """Invite somebody."""
    strangers = [one for one in PEOPLE.values() if place.addressed(one) is None]
    address = walk.random.choice(strangers or list(PEOPLE.values()))
    return invite_as(walk, place, address, walk.random.choice(ROLES))


def invite_as(_walk: Walk, place: Place, address: str, role: str) -> Wish:
    """Invite this address."""

    async def means(walk: Walk, there: Place, told: Any) -> None:
        until = walk.model.now + timedelta(days=14)
        invitation = Invitation(address, role, until, told["invitation"]["id"])
        there.invitations[address] = invitation
        [letter] = await walk.mails("invitation")
        assert letter.address == invitation.address
        invitation.token = letter.path
        walk.invited.append((there, invitation))

    path = f"/workspaces/{place.slug}/invitations"
    return Wish(place.slug, "POST", path, {"email": address, "role": role}, means)


def revoke_invitation(walk: Walk, place: Place) -> Wish | None:
    """Revoke an invitation."""
    invitations = list(place.invitations.values())
    if not invitations:
        return None
    one = walk.random.choice(invitations)
    address = one.address

    async def means(_walk: Walk, there: Place, _told: Any) -> None:
        there.invitations[address].standing = "revoked"

    return Wish(place.slug, "POST", f"/workspaces/{place.slug}/invitations/{one.identifier}/revoke", {}, means)


def _path(place: Place, address: str) -> str:
    return f"/workspaces/{place.slug}/members/{quote(address)}"


def change_role(walk: Walk, place: Place) -> Wish:
    """Give a member another role."""
    address, role = _someone(walk, place), walk.random.choice(ROLES)
    member = place.addressed(address)
    if member is not None and not is_themselves(member):
        role = "viewer"
    return give_role(place, address, role)


def give_role(place: Place, address: str, role: str) -> Wish:
    """Give this member this role."""

    async def means(_walk: Walk, there: Place, _told: Any) -> None:
        member = there.addressed(address)
        assert member is not None
        assert role != "owner" or not there.has_owner(), "support made a second owner"
        member.role = role

    return Wish(place.slug, "PATCH", _path(place, address), {"role": role}, means)


def deactivate(walk: Walk, place: Place) -> Wish:
    """Deactivate a member."""
    return shut_out(place, _someone(walk, place))


def shut_out(place: Place, address: str) -> Wish:
    """Deactivate this member."""

    async def means(walk: Walk, there: Place, _told: Any) -> None:
        member = there.addressed(address)
        assert member is not None
        _out(walk, there, member)
        member.active = False
        if not any(one.active for _, one in walk.model.memberships(member.holder)):
            walk.model.end_all(member.holder)

    return Wish(place.slug, "PATCH", _path(place, address), {"status": "deactivated"}, means)


def _out(walk: Walk, place: Place, member: Member) -> None:
    member.bypass_until, member.codes = None, []
    walk.model.strip(place, lambda _: True, member.holder)


def reactivate(walk: Walk, place: Place) -> Wish:
    """Reactivate a member."""
    gone = [one.address for one in place.members if not one.active]
    return let_back(place, walk.random.choice(gone) if gone else _someone(walk, place))


def let_back(place: Place, address: str) -> Wish:
    """Reactivate this member, who signs in anew."""

    async def means(walk: Walk, there: Place, _told: Any) -> None:
        member = there.addressed(address)
        assert member is not None
        member.active = True
        walk.model.end_all(member.holder)

    return Wish(place.slug, "PATCH", _path(place, address), {"status": "active"}, means)


def erase(walk: Walk, place: Place) -> Wish:
    """Remove a member."""
    return remove(place, _someone(walk, place))


def remove(place: Place, address: str) -> Wish:
    """Remove this member."""

    async def means(walk: Walk, there: Place, _told: Any) -> None:
        member = there.addressed(address)
        assert member is not None
        _out(walk, there, member)
        there.members.remove(member)
        there.invitations.pop(address, None)
        there.gone |= {address, *((name, subject) for name, subject in member.accounts.items())}
        there.conflicts = [one for one in there.conflicts if one.account.address != address]
        if not list(walk.model.memberships(member.holder)):
            _forget(walk, member.holder)
            _spend_links(walk, member.address)
        reader = walk.model.mailboxes.get(address)
        if reader is not None and not list(walk.model.memberships(reader)):
            _forget(walk, reader)

    return Wish(place.slug, "DELETE", _path(place, address), {}, means)


def _forget(walk: Walk, holder: Holder) -> None:
    walk.model.end_all(holder)
    if holder.mailbox is not None:
        walk.model.mailboxes.pop(holder.mailbox, None)
    for subject in [one for one, of in walk.model.googles.items() if of is holder]:
        del walk.model.googles[subject]


def _spend_links(walk: Walk, address: str) -> None:
    for letter in walk.letters:
        if letter.kind == SIGN_IN_LINK and letter.address == address:
            letter.used = True


def relink(walk: Walk, place: Place) -> Wish | None:
    """Link a member to the account of a sign-in that was refused because they have another."""
    if not place.conflicts:
        return None
    conflict = walk.random.choice(place.conflicts[-4:])
    account = conflict.account
    address = account.address if walk.random.random() < 0.75 else _someone(walk, place)

    async def means(walk: Walk, there: Place, told: Any) -> None:
        member = there.addressed(address)
        assert member is not None
        assert address == account.address, "a member was linked to an account with another address"
        if told["outcome"] == "mailed":
            assert member.role in {"owner", "admin"}
            await walk.mails("link", Asked(account, there, member, replaces=True))
            return
        assert member.role not in {"owner", "admin"}, "support linked an owner or admin on its own word"
        walk.model.strip(there, lambda _: True, member.holder)
        member.accounts[account.provider] = account.subject
        member.succeeded[account.provider] = walk.model.now
        walk.count("relinked by support")

    return Wish(place.slug, "POST", f"{_path(place, address)}/relink", {"request_id": conflict.number}, means)


CHANGES: Mapping[Choose, int] = {
    grant_bypass: 4,
    revoke_bypass: 1,
    invite: 6,
    revoke_invitation: 1,
    change_role: 3,
    deactivate: 4,
    reactivate: 4,
    erase: 1,
    relink: 6,
}
"""What support changes about people, and how often."""
