"""What is done in a walk at a workspace's desk: by owners, by whoever used a set-up link, by a recovery code."""

import re
from datetime import timedelta
from typing import Any

from aiohttp import ClientResponse
from support.browser import Browser
from support.walk_cast import PEOPLE, PROVIDERS, Person, Walk, account_of
from support.walk_sso import be_at
from support.who_arrives import by_sso
from support.who_is_who import Credentials, Member, Place, SetupLink

SETUP = "/setup/desk"


def activate(walk: Walk, place: Place, credentials: Credentials | None) -> None:
    """Make credentials the active ones: sessions of another provider end."""
    before, place.active = place.active, credentials
    if credentials is None:
        walk.model.strip(place, lambda _: True)
    elif before is not None and before.provider != credentials.provider:
        walk.model.strip(place, lambda one: one.provider != credentials.provider)


def switch(walk: Walk, place: Place, credentials: Credentials | None) -> None:
    """Make tested credentials the active ones: while SSO is required, an owner has a proven way in through them."""
    activate(walk, place, credentials)
    proved = place.required is None or walk.model.owner_proved(place)
    assert proved, "credentials are in use through which no owner has a proven way in"


def sits_as_owner(walk: Walk, person: Person, place: Place) -> bool:
    """Whether somebody's session opens the workspace, as its owner."""
    session = walk.model.look(person.session)
    member = None if session is None else place.of(session.holder)
    return walk.model.opens(session, place) and member is not None and member.role == "owner"


def sits_by_link(walk: Walk, person: Person) -> bool:
    """Whether the set-up link that a browser has used still holds."""
    link = person.desk
    return link is not None and not link.revoked and walk.model.now < link.until


async def use_setup_link(browser: Browser, link: SetupLink) -> ClientResponse:
    """Press the button of a set-up link."""
    return await browser.submit(link.path)


async def used_setup_link(walk: Walk, person: Person, link: SetupLink, answer: ClientResponse) -> None:
    """Hold the answer to a set-up link to the model: it works once, in one browser, until it ends."""
    good = not link.used and not link.revoked and walk.model.now < link.until
    assert (answer.status == 303 and answer.headers["Location"] == SETUP) == good, (answer.status, good)
    if good:
        link.used, person.desk = True, link
        walk.count("set-up link used")
    else:
        assert answer.status == 410, answer.status


async def _now(walk: Walk, place: Place) -> Any:
    return await walk.api.get(f"/workspaces/{place.slug}")


async def stage(walk: Walk, person: Person, place: Place, base: str, *, may: bool) -> None:
    """Stage credentials of one of the workspace's providers at a desk."""
    name = walk.random.choice(PROVIDERS[place.slug])
    works = walk.random.random() < 0.85
    provider = walk.providers[name]
    secret = provider.client_secret if works else "never-right"
    typed = {"issuer": provider.issuer, "client_id": provider.client_id, "client_secret": secret}
    answer = await person.browser.submit(f"{base}/stage", typed)
    if not may:
        assert answer.status in {401, 404, 410}, answer.status
        return
    assert answer.status in {303, 422}, await answer.text()
    staged = (await _now(walk, place))["staged"]
    if answer.status == 303 and staged is not None and staged["id"] not in walk.known:
        place.staged = walk.known[staged["id"]] = Credentials(staged["id"], name, works, strict=True)
        walk.count("staged at a desk")


async def reach_for_active(walk: Walk, person: Person, place: Place) -> None:
    """Try, by a set-up link, what a set-up link never may: what is in use, and the requirement of SSO."""
    credentials = place.staged or place.active
    fields = {} if credentials is None else {"credentials": credentials.identifier}
    for action in ("promote", "roll-back", "lift"):
        answer = await person.browser.submit(f"{SETUP}/{action}", fields)
        assert answer.status in {404, 410}, (action, answer.status)
    answer = await person.browser.submit(f"/workspaces/{place.slug}/connection/promote", fields)
    if answer.status == 303:
        assert sits_as_owner(walk, person, place), "somebody who is no owner promoted credentials"
        _promoted(walk, place)


async def promote(walk: Walk, person: Person, place: Place) -> None:
    """Promote what is staged at the owner's desk."""
    may = sits_as_owner(walk, person, place)
    if place.staged is None:
        return
    base = f"/workspaces/{place.slug}/connection"
    answer = await person.browser.submit(f"{base}/promote", {"credentials": place.staged.identifier})
    assert answer.status in ({303, 422} if may else {401, 404}), (answer.status, may)
    if answer.status == 303:
        _promoted(walk, place)


def _promoted(walk: Walk, place: Place) -> None:
    switch(walk, place, place.staged)
    place.staged = None
    walk.count("promoted by an owner")


async def test(walk: Walk, person: Person, place: Place, base: str, *, may: bool) -> None:
    """Test credentials at a desk, those that are staged before those in use: it opens nothing new."""
    tested, session = place.staged or place.active, walk.model.look(person.session)
    if tested is None:
        return
    answer = await person.browser.submit(f"{base}/test", {"credentials": tested.identifier})
    assert (answer.status == 303) == may, (answer.status, may, await answer.text())
    if not may:
        return
    account = account_of(PEOPLE[person.name], tested.provider)
    provider = walk.providers[tested.provider]
    be_at(provider, account)
    answer = await person.browser.get(await provider.log_in(answer.headers["Location"]))
    verdict = by_sso(walk.model, place, account, session, None, tested)
    good = tested.works and verdict.kind != "refused"
    assert (answer.status == 303 and answer.headers["Location"] == base) == good, await answer.text()
    walk.count("test worked" if good else "test failed")
    if good and isinstance(verdict.target, Member) and verdict.kind == "in":
        verdict.target.succeeded[tested.provider] = walk.model.now


async def make_codes(walk: Walk, person: Person, place: Place) -> None:
    """Have recovery codes made: for an owner who signed in by SSO within the hour."""
    session = walk.model.look(person.session)
    by, member = walk.model.opened_by(session, place), None if session is None else place.of(session.holder)
    answer = await person.browser.submit(f"/workspaces/{place.slug}/recovery-codes")
    codes = re.findall(r"<code>([A-Z2-9]{4}(?:-[A-Z2-9]{4}){3})</code>", await answer.text())
    owner = by is not None and member is not None and member.role == "owner"
    may = owner and by is not None and by.how == "sso" and walk.model.now - by.at <= timedelta(hours=1)
    assert bool(codes) == may, (may, await answer.text())
    if may and member is not None:
        member.codes = codes
        walk.count("codes made")


async def recover(walk: Walk, person: Person, place: Place, address: str, code: str) -> None:
    """Lift the requirement of SSO by a code and a mailed click."""
    answer = await person.browser.submit("/recovery", {"workspace": place.slug, "email": address, "code": code})
    if answer.status == 429:
        return
    assert answer.status == 200, await answer.text()
    owner = place.addressed(address)
    right = owner is not None and owner.active and owner.role == "owner" and code in owner.codes
    came = await walk.mails("recovery")
    assert [one.address for one in came] == ([address] if right else [])
    if not came or owner is None:
        return
    answer = await person.browser.submit(came[0].path)
    assert answer.headers.get("Location") == "/recovery/desk", await answer.text()
    owner.codes.remove(code)
    late = walk.random.random() < 0.2
    if late:
        await walk.turn(minutes=16)
    answer = await person.browser.submit("/recovery/desk/lift")
    if late:
        assert answer.status == 410, (answer.status, await answer.text())
        return
    assert answer.headers.get("Location") == "/recovery/desk", await answer.text()
    place.required = None
    walk.count("recovered")
