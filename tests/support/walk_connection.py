"""What support changes in a walk about a workspace's connection, and what that means in the model."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from support.walk_cast import DOMAINS, PROVIDERS, Walk
from support.walk_desk import activate, switch
from support.walk_wish import Choose, Wish, event
from support.who_is_who import Credentials, Place, Requirement, SetupLink


def add_domain(walk: Walk, place: Place) -> Wish:
    """Allow a domain."""
    return allow(place, walk.random.choice(DOMAINS))


def allow(place: Place, domain: str) -> Wish:
    """Allow this domain."""

    async def means(_walk: Walk, there: Place, _told: Any) -> None:
        there.domains.setdefault(domain, False)

    return event(place, "DomainAdded", means, domain=domain)


def verify_domain(walk: Walk, place: Place) -> Wish:
    """Vouch for a domain."""
    domain = walk.random.choice(sorted(place.domains) or DOMAINS)

    async def means(_walk: Walk, there: Place, _told: Any) -> None:
        there.domains[domain] = True

    return event(place, "DomainVerified", means, domain=domain, method="support")


def remove_domain(walk: Walk, place: Place) -> Wish:
    """Allow a domain no longer."""
    return forbid(place, walk.random.choice(DOMAINS))


def forbid(place: Place, domain: str) -> Wish:
    """Allow this domain no longer."""

    async def means(walk: Walk, there: Place, _told: Any) -> None:
        del there.domains[domain]
        walk.model.strip(there, lambda one: (one.address or "").endswith(f"@{domain}"))

    return event(place, "DomainRemoved", means, domain=domain)


def just_in_time(walk: Walk, place: Place) -> Wish:
    """Switch just-in-time creation on, with a role, or off."""
    role = walk.random.choice(["editor", "viewer", None])

    async def means(_walk: Walk, there: Place, _told: Any) -> None:
        there.created_as = role

    return event(place, "JitDisabled", means) if role is None else event(place, "JitEnabled", means, role=role)


def set_credentials(walk: Walk, place: Place) -> Wish:
    """Replace the active credentials at once."""
    return some_credentials(walk, place, "CredentialsSet")


def stage_credentials(walk: Walk, place: Place) -> Wish:
    """Stage credentials beside the active ones."""
    return some_credentials(walk, place, "CredentialsStaged")


def some_credentials(walk: Walk, place: Place, kind: str) -> Wish:
    """Set or stage credentials of one of the workspace's providers; staged ones at times do not work."""
    works = kind == "CredentialsSet" or walk.random.random() < 0.85
    return credentials(walk, place, kind, walk.random.choice(PROVIDERS[place.slug]), works=works)


def credentials(walk: Walk, place: Place, kind: str, name: str, *, works: bool = True) -> Wish:
    """Set or stage credentials of this provider."""
    provider, strict = walk.providers[name], walk.random.random() < 0.3
    secret = provider.client_secret if works else "never-right"

    async def means(walk: Walk, there: Place, told: Any) -> None:
        identifier = told["events"][0]["data"]["credentials_id"]
        made = walk.known[identifier] = Credentials(identifier, name, works, strict)
        if kind == "CredentialsSet":
            activate(walk, there, made)
        else:
            there.staged = made

    typed = {"issuer": provider.issuer, "client_id": provider.client_id, "client_secret": secret}
    return event(place, kind, means, **typed, email_verified="require" if strict else "ignore")


def promote_credentials(_walk: Walk, place: Place) -> Wish:
    """Promote what is staged."""

    async def means(walk: Walk, there: Place, told: Any) -> None:
        switch(walk, there, walk.known[told["events"][0]["data"]["credentials_id"]])
        there.staged = None

    return event(place, "CredentialsPromoted", means)


def roll_back_credentials(_walk: Walk, place: Place) -> Wish:
    """Go back to the credentials before the last promotion."""

    async def means(walk: Walk, there: Place, told: Any) -> None:
        switch(walk, there, walk.known[told["events"][0]["data"]["credentials_id"]])

    return event(place, "CredentialsRolledBack", means)


def discard_credentials(_walk: Walk, place: Place) -> Wish:
    """Give up what is staged."""

    async def means(_walk: Walk, there: Place, _told: Any) -> None:
        there.staged = None

    return event(place, "CredentialsDiscarded", means)


def remove_credentials(_walk: Walk, place: Place) -> Wish:
    """Remove the active credentials."""

    async def means(walk: Walk, there: Place, _told: Any) -> None:
        assert there.required is None, "the way in was taken away"
        activate(walk, there, None)

    return event(place, "CredentialsRemoved", means)


def enable_sso(_walk: Walk, place: Place) -> Wish:
    """Switch SSO on."""

    async def means(_walk: Walk, there: Place, _told: Any) -> None:
        there.sso = True

    return event(place, "SsoEnabled", means)


def disable_sso(_walk: Walk, place: Place) -> Wish:
    """Switch SSO off."""

    async def means(walk: Walk, there: Place, _told: Any) -> None:
        assert there.required is None, "the way in was taken away"
        _off(walk, there)

    return event(place, "SsoDisabled", means)


def _off(walk: Walk, place: Place) -> None:
    if place.sso:
        place.sso = False
        walk.model.strip(place, lambda _: True)


def require_sso(walk: Walk, place: Place) -> Wish:
    """Require SSO, at times only if it is confirmed within the hour."""
    minutes = walk.random.choice([None, 60])

    async def means(walk: Walk, there: Place, _told: Any) -> None:
        assert walk.model.owner_proved(there), "SSO is required, and no owner has a proven way in"
        until = None if minutes is None else walk.model.now + timedelta(minutes=minutes)
        there.required = Requirement(until)

    return event(place, "EnforcementEnabled", means, **({} if minutes is None else {"confirm_within": minutes}))


def lift_requirement(_walk: Walk, place: Place) -> Wish:
    """Require SSO no longer."""

    async def means(_walk: Walk, there: Place, _told: Any) -> None:
        there.required = None

    return event(place, "EnforcementDisabled", means)


def change_plan(walk: Walk, place: Place) -> Wish:
    """Leave the plans with SSO, or come back to them; coming back switches nothing on."""
    plan = walk.random.choice(["one", "free"])

    async def means(walk: Walk, there: Place, _told: Any) -> None:
        if plan == "free":
            there.required = None
            _off(walk, there)

    return event(place, "WorkspacePlanChanged", means, plan=plan)


def issue_setup_link(walk: Walk, place: Place) -> Wish:
    """Make a set-up link."""
    hours = walk.random.choice([1, 24])

    async def means(walk: Walk, there: Place, told: Any) -> None:
        until, path = walk.model.now + timedelta(hours=hours), told["url"].removeprefix("https://id.example")
        there.setup_links.append(SetupLink(told["id"], path, until))

    return Wish(place.slug, "POST", f"/workspaces/{place.slug}/setup-links", {"hours": hours}, means)


def revoke_setup_link(walk: Walk, place: Place) -> Wish | None:
    """Take a set-up link back, and with it the session of whoever used it."""
    if not place.setup_links:
        return None
    return take_back(place, walk.random.choice(place.setup_links[-3:]).identifier)


def take_back(place: Place, identifier: str) -> Wish:
    """Take this set-up link back."""

    async def means(_walk: Walk, there: Place, _told: Any) -> None:
        next(one for one in there.setup_links if one.identifier == identifier).revoked = True

    return event(place, "SetupLinkRevoked", means, link_id=identifier)


CHANGES: Mapping[Choose, int] = {
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
    issue_setup_link: 2,
    revoke_setup_link: 1,
}
"""What support changes about a connection, and how often."""
