"""What support changes in a walk, through the management API, and what that means in the small model."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from support.walk_site import DOMAINS, PEOPLE, PROVIDERS, Walk
from support.who_may import Credentials, Invitation, Member, Place, Requirement, Shown

REASON = "asked by the customer"
Change = Callable[[Walk, Place], Awaitable[bool]]


def _all(_shown: Shown) -> bool:
    return True


async def send(walk: Walk, method: str, path: str, body: Mapping[str, Any]) -> Any:
    """Ask for a change. Returns the answer if something was recorded, ``None`` if nothing was."""
    answer = await walk.api.call(method, path, {**body, "reason": REASON})
    told = await answer.json()
    if answer.status == 201:
        return told
    assert answer.status in {200, 403, 404, 409, 422, 429}, told
    walk.tell(f"  not recorded: {answer.status} {told.get('code', '')} {told.get('errors', '')}")
    return None


async def record(walk: Walk, place: Place, kind: str, **data: Any) -> Any:
    """Ask for one event."""
    path = f"/workspaces/{place.slug}/events"
    answer = await walk.api.call("POST", path, {"type": kind, "data": data, "reason": REASON})
    told = await answer.json()
    if answer.status == 201:
        return told
    assert answer.status in {200, 403, 404, 409, 422}, (kind, data, told)
    walk.tell(f"  not recorded: {answer.status} {told.get('code', '')} {told.get('errors', '')}")
    return None


async def add_domain(walk: Walk, place: Place) -> bool:
    """Allow a domain."""
    domain = walk.random.choice(DOMAINS)
    done = await record(walk, place, "DomainAdded", domain=domain)
    if done:
        place.domains.setdefault(domain, False)
    return bool(done)


async def verify_domain(walk: Walk, place: Place) -> bool:
    """Vouch for a domain."""
    domain = walk.random.choice(sorted(place.domains) or DOMAINS)
    done = await record(walk, place, "DomainVerified", domain=domain, method="support")
    if done:
        place.domains[domain] = True
    return bool(done)


async def remove_domain(walk: Walk, place: Place) -> bool:
    """Allow a domain no longer."""
    domain = walk.random.choice(DOMAINS)
    done = await record(walk, place, "DomainRemoved", domain=domain)
    if done:
        del place.domains[domain]
        walk.model.strip(place, lambda one: (one.address or "").endswith(f"@{domain}"))
    return bool(done)


async def just_in_time(walk: Walk, place: Place) -> bool:
    """Switch just-in-time creation on, with a role, or off."""
    role = walk.random.choice(["editor", "viewer", None])
    asked = record(walk, place, "JitDisabled") if role is None else record(walk, place, "JitEnabled", role=role)
    done = await asked
    if done:
        place.created_as = role
    return bool(done)


async def set_credentials(walk: Walk, place: Place) -> bool:
    """Replace the active credentials at once."""
    return await _credentials(walk, place, "CredentialsSet")


async def stage_credentials(walk: Walk, place: Place) -> bool:
    """Stage credentials beside the active ones."""
    return await _credentials(walk, place, "CredentialsStaged")


async def _credentials(walk: Walk, place: Place, kind: str) -> bool:
    name = walk.random.choice(PROVIDERS[place.slug])
    works = kind == "CredentialsSet" or walk.random.random() < 0.85
    provider = walk.providers[name]
    secret = provider.client_secret if works else "never-right"
    return await set_up_at(walk, place, kind, name, secret)


async def set_up_at(walk: Walk, place: Place, kind: str, name: str, secret: str) -> bool:
    """Set or stage credentials of this provider."""
    provider = walk.providers[name]
    typed = {"issuer": provider.issuer, "client_id": provider.client_id, "client_secret": secret}
    done = await record(walk, place, kind, **typed, email_verified="ignore")
    if done:
        identifier = done["events"][0]["data"]["credentials_id"]
        made = Credentials(identifier, name, works=secret == provider.client_secret)
        if kind == "CredentialsSet":
            await _activate(walk, place, made)
        else:
            place.staged = made
        walk.known[identifier] = made
    return bool(done)


async def _activate(walk: Walk, place: Place, credentials: Credentials | None) -> None:
    before, place.active = place.active, credentials
    if credentials is None:
        walk.model.strip(place, _all)
    elif before is not None and before.provider != credentials.provider:
        walk.model.strip(place, lambda one: one.provider != credentials.provider)


async def promote_credentials(walk: Walk, place: Place) -> bool:
    """Promote what is staged."""
    done = await record(walk, place, "CredentialsPromoted")
    if done:
        await _activate(walk, place, place.staged)
        place.staged = None
    return bool(done)


async def roll_back_credentials(walk: Walk, place: Place) -> bool:
    """Go back to the credentials before the last promotion."""
    done = await record(walk, place, "CredentialsRolledBack")
    if done:
        await _activate(walk, place, walk.known[done["events"][0]["data"]["credentials_id"]])
    return bool(done)


async def discard_credentials(walk: Walk, place: Place) -> bool:
    """Give up what is staged."""
    done = await record(walk, place, "CredentialsDiscarded")
    if done:
        place.staged = None
    return bool(done)


async def remove_credentials(walk: Walk, place: Place) -> bool:
    """Remove the active credentials."""
    done = await record(walk, place, "CredentialsRemoved")
    if done:
        assert place.required is None, "the way in was taken away"
        await _activate(walk, place, None)
    return bool(done)


async def enable_sso(walk: Walk, place: Place) -> bool:
    """Switch SSO on."""
    done = await record(walk, place, "SsoEnabled")
    place.sso = place.sso or bool(done)
    return bool(done)


async def disable_sso(walk: Walk, place: Place) -> bool:
    """Switch SSO off."""
    done = await record(walk, place, "SsoDisabled")
    if done:
        assert place.required is None, "the way in was taken away"
        _off(walk, place)
    return bool(done)


def _off(walk: Walk, place: Place) -> None:
    if place.sso:
        place.sso = False
        walk.model.strip(place, _all)


async def require_sso(walk: Walk, place: Place) -> bool:
    """Require SSO, at times only if it is confirmed within the hour."""
    minutes = walk.random.choice([None, 60])
    more = {} if minutes is None else {"confirm_within": minutes}
    done = await record(walk, place, "EnforcementEnabled", **more)
    if done:
        assert walk.model.owner_proved(place), "SSO is required, and no owner has a proven way in"
        until = None if minutes is None else walk.model.now + timedelta(minutes=minutes)
        place.required = Requirement(until)
    return bool(done)


async def lift_requirement(walk: Walk, place: Place) -> bool:
    """Require SSO no longer."""
    done = await record(walk, place, "EnforcementDisabled")
    if done:
        place.required = None
    return bool(done)


async def change_plan(walk: Walk, place: Place) -> bool:
    """Leave the plans with SSO, or come back to them; coming back switches nothing on."""
    plan = walk.random.choice(["one", "free"])
    done = await record(walk, place, "WorkspacePlanChanged", plan=plan)
    if done and plan == "free":
        place.required = None
        _off(walk, place)
    return bool(done)


def _someone(walk: Walk, place: Place) -> str:
    known = [one.address for one in place.members]
    return walk.random.choice([*PEOPLE.values(), *known, *known, *known, *known])


async def grant_bypass(walk: Walk, place: Place) -> bool:
    """Let one member in by mail for some hours."""
    address, hours = _someone(walk, place), walk.random.choice([1, 24])
    done = await record(walk, place, "BypassGranted", email=address, hours=hours)
    member = place.addressed(address)
    if done:
        assert member is not None
        assert member.active
        member.bypass_until = walk.model.now + timedelta(hours=hours)
    return bool(done)


async def revoke_bypass(walk: Walk, place: Place) -> bool:
    """End a bypass."""
    address = _someone(walk, place)
    done, member = await record(walk, place, "BypassRevoked", email=address), place.addressed(address)
    if done and member is not None:
        member.bypass_until = None
    return bool(done)


async def invite(walk: Walk, place: Place) -> bool:
    """Invite somebody."""
    strangers = [one for one in PEOPLE.values() if place.addressed(one) is None]
    address = walk.random.choice(strangers or list(PEOPLE.values()))
    return await invite_as(walk, place, address, walk.random.choice(["owner", "admin", "editor", "viewer"]))


async def invite_as(walk: Walk, place: Place, address: str, role: str) -> bool:
    """Invite this address."""
    done = await send(walk, "POST", f"/workspaces/{place.slug}/invitations", {"email": address, "role": role})
    if done:
        until = walk.model.now + timedelta(days=14)
        await _invited(walk, place, Invitation(address, role, until, done["invitation"]["id"]))
    return bool(done)


async def _invited(walk: Walk, place: Place, invitation: Invitation) -> None:
    place.invitations[invitation.address] = invitation
    [letter] = [one for one in await walk.mails() if one.kind == "invitation"]
    assert letter.address == invitation.address
    invitation.token = letter.path
    walk.invited.append((place, invitation))


async def revoke_invitation(walk: Walk, place: Place) -> bool:
    """Revoke an invitation."""
    invitations = list(place.invitations.values())
    if not invitations:
        return False
    one = walk.random.choice(invitations)
    done = await send(walk, "POST", f"/workspaces/{place.slug}/invitations/{one.identifier}/revoke", {})
    if done:
        one.standing = "revoked"
    return bool(done)


def _path(place: Place, address: str) -> str:
    return f"/workspaces/{place.slug}/members/{quote(address)}"


async def change_role(walk: Walk, place: Place) -> bool:
    """Give a member another role."""
    address, role = _someone(walk, place), walk.random.choice(["owner", "admin", "editor", "viewer"])
    done, member = await send(walk, "PATCH", _path(place, address), {"role": role}), place.addressed(address)
    if done and member is not None:
        assert role != "owner" or not place.has_owner(), "support made a second owner"
        member.role = role
    return bool(done)


async def deactivate(walk: Walk, place: Place) -> bool:
    """Deactivate a member."""
    address = _someone(walk, place)
    done = await send(walk, "PATCH", _path(place, address), {"status": "deactivated"})
    member = place.addressed(address)
    if done and member is not None:
        _out(walk, place, member)
        member.active = False
        if not any(one.active for _, one in walk.model.memberships(member.holder)):
            walk.model.end_all(member.holder)
    return bool(done)


def _out(walk: Walk, place: Place, member: Member) -> None:
    member.bypass_until, member.codes = None, []
    walk.model.strip(place, _all, member.holder)


async def reactivate(walk: Walk, place: Place) -> bool:
    """Reactivate a member, who signs in anew."""
    gone = [one.address for one in place.members if not one.active]
    address = walk.random.choice(gone) if gone else _someone(walk, place)
    done = await send(walk, "PATCH", _path(place, address), {"status": "active"})
    member = place.addressed(address)
    if done and member is not None:
        member.active = True
        walk.model.end_all(member.holder)
    return bool(done)


async def erase(walk: Walk, place: Place) -> bool:
    """Remove a member."""
    address = _someone(walk, place)
    done, member = await send(walk, "DELETE", _path(place, address), {}), place.addressed(address)
    if done and member is not None:
        _out(walk, place, member)
        place.members.remove(member)
        place.invitations.pop(address, None)
        place.gone |= {address, *((name, subject) for name, subject in member.accounts.items())}
        if not list(walk.model.memberships(member.holder)):
            _forget(walk, member)
    return bool(done)


def _forget(walk: Walk, member: Member) -> None:
    walk.model.end_all(member.holder)
    if member.holder.mailbox is not None:
        walk.model.mailboxes.pop(member.holder.mailbox, None)
    for letter in walk.letters:
        if letter.kind == "login/magic-link" and letter.address == member.address:
            letter.used = True


CHANGES: Mapping[Change, int] = {
    add_domain: 1,
    verify_domain: 1,
    remove_domain: 1,
    just_in_time: 2,
    set_credentials: 1,
    stage_credentials: 3,
    promote_credentials: 3,
    roll_back_credentials: 1,
    discard_credentials: 1,
    remove_credentials: 1,
    enable_sso: 3,
    disable_sso: 1,
    require_sso: 6,
    lift_requirement: 2,
    change_plan: 1,
    grant_bypass: 4,
    revoke_bypass: 1,
    invite: 6,
    revoke_invitation: 1,
    change_role: 3,
    deactivate: 4,
    reactivate: 4,
    erase: 1,
}
"""What support does, and how often."""
