"""What people do in a walk with the links that are mailed to them."""

from aiohttp import ClientResponse
from support.browser import Browser, shown_reason
from support.walk_cast import PEOPLE, SIGN_IN_LINK, Letter, Person, Walk, own_subjects
from support.walk_sso import at_home, sign_in
from support.who_arrives import (
    CLICK_LASTS,
    CONFIRMING_LASTS,
    LINK_LASTS,
    Verdict,
    by_mailbox,
    by_sso,
    claim,
    join,
    let_in,
    start,
)
from support.who_arrives_by_google import link as link_google
from support.who_is_who import Account, Invitation, Member, Place, Session, Shown


async def ask_for_link(walk: Walk, person: Person, address: str) -> None:
    """Ask for a magic link: a mail goes out to those whom it leads anywhere, and to nobody else."""
    since = walk.model.now - LINK_LASTS
    if sum(one.kind == SIGN_IN_LINK and one.address == address and one.at > since for one in walk.letters) >= 3:
        return
    answer = await person.browser.submit("/login/magic-link", {"email": address})
    if answer.status == 429:
        return
    assert answer.status == 200, await answer.text()
    came = await walk.mails(SIGN_IN_LINK)
    assert [one.address for one in came] == ([address] if walk.model.gets_mail(address) else [])


async def press(browser: Browser, letter: Letter) -> ClientResponse:
    """Press the button that a mailed link shows."""
    return await browser.submit(letter.path)


async def use_link(walk: Walk, person: Person, letter: Letter) -> None:
    """Press the button of a magic link, used ones and old ones too."""
    await used_link(walk, person, letter, await press(person.browser, letter))


async def used_link(walk: Walk, person: Person, letter: Letter, answer: ClientResponse) -> None:
    """Hold the answer to a magic link to the model."""
    model, session = walk.model, walk.model.look(person.session)
    if letter.used or model.now - letter.at >= LINK_LASTS:
        assert not at_home(answer)
        assert answer.status in {404, 410}, answer.status
        return
    holder = claim(model, letter.address, session)
    if session is not None and session.holder is not holder:
        walk.tell("  asked to change account")
        assert 'name="switch"' in await answer.text()
        if walk.gives_up():
            return
        answer = await person.browser.submit(letter.path, {"switch": "yes"})
    for one in walk.letters:
        if one.kind == SIGN_IN_LINK and one.address == letter.address:
            one.used = True
    if letter.subject is not None:
        walk.count("google confirmed" if link_google(model, letter.subject, holder) else "google is another's")
    opened = by_mailbox(model, letter.address, holder, session)
    walk.count("mailed link opens" if opened else "mailed link opens nothing")
    # In a race, what it opened may be closed again before it is told; what is recorded is held to the model anyway.
    overtaken = walk.arrived is not None and answer.status == 403
    assert at_home(answer) == (opened is not None) or overtaken, (answer.status, await answer.text())
    assert opened or answer.status == 403, (answer.status, await shown_reason(answer))
    person.session = opened or person.session


async def click(browser: Browser, invitation: Invitation) -> ClientResponse:
    """Press the button of a mailed invitation."""
    assert invitation.token is not None
    return await browser.submit(invitation.token)


async def accept(walk: Walk, person: Person, place: Place, invitation: Invitation) -> None:
    """Press the button of a mailed invitation; where SSO is the way in, mostly go on through the provider."""
    await clicked(walk, person, place, invitation, await click(person.browser, invitation))
    leads_on = person.clicked == (invitation, walk.model.now + CLICK_LASTS)
    if leads_on and walk.random.random() < 0.8:
        await sign_in(walk, person, place)


async def clicked(walk: Walk, person: Person, place: Place, invitation: Invitation, answer: ClientResponse) -> None:
    """Hold the answer to a mailed invitation to the model."""
    model = walk.model
    model.look(person.session)
    newest = place.invitations.get(invitation.address) is invitation
    by_provider = place.required is not None or (place.sso and place.active and place.allows(invitation.address))
    if not newest or not model.is_open(place, invitation) or (by_provider and not place.allows(invitation.address)):
        assert not at_home(answer)
        assert answer.status >= 400, answer.status
        return
    if by_provider:
        assert answer.headers["Location"].startswith(f"/api/sso/initiate/{place.slug}"), answer.headers
        person.clicked = (invitation, model.now + CLICK_LASTS)
        return
    await _accept_by_mail(walk, person, place, invitation, answer)


async def _accept_by_mail(
    walk: Walk, person: Person, place: Place, invitation: Invitation, answer: ClientResponse
) -> None:
    model, session = walk.model, walk.model.live(person.session)
    assert invitation.token is not None
    if session is not None and not _is_theirs(walk, session, invitation.address):
        assert answer.status == 409, await answer.text()
        if walk.gives_up():
            return
        answer = await person.browser.submit(invitation.token, {"instead": "yes"})
    holder = claim(model, invitation.address, session)
    taken = place.of(holder) is not None or place.addressed(invitation.address) is not None
    assert at_home(answer) == (not taken), (answer.status, await answer.text())
    if not taken:
        join(place, invitation, holder)
        walk.count("invitation accepted by mail")
        shown = Shown("magic_link", model.now, place, address=invitation.address)
        person.session = start(model, session, holder, shown)


def _is_theirs(walk: Walk, session: Session, address: str) -> bool:
    own = [member.address for _, member in walk.model.memberships(session.holder)]
    return address in own or session.holder.mailbox == address


async def confirm(walk: Walk, person: Person, letter: Letter) -> None:
    """Confirm by a mailed link that a sign-in was one's own; the account is linked, and nothing opens."""
    await confirmed(walk, letter, await press(person.browser, letter))


async def confirmed(walk: Walk, letter: Letter, answer: ClientResponse) -> None:
    """Hold the answer to a confirming link to the model."""
    assert not at_home(answer)
    fresh, letter.used = not letter.used and walk.model.now - letter.at < CONFIRMING_LASTS, True
    if not fresh or letter.about is None:
        assert answer.status >= 400, answer.status
        return
    about = letter.about
    assert about.place is not None
    assert about.target is not None
    linked = _link(walk, about.place, about.account, about.target, replaces=about.replaces)
    assert (answer.status == 200) == linked, (answer.status, linked, await answer.text())
    walk.count(("relink" if about.replaces else "link") + (" confirmed" if linked else " not confirmed"))


def _link(walk: Walk, place: Place, account: Account, target: Member | Invitation, *, replaces: bool) -> bool:
    connected = place.sso and place.active is not None and place.active.provider == account.provider
    if not connected:
        return False
    held = target.accounts.get(account.provider) if isinstance(target, Member) else None
    if replaces and isinstance(target, Member) and held != account.subject:
        target.accounts.pop(account.provider, None)
    verdict = by_sso(walk.model, place, account, None, target if isinstance(target, Invitation) else None)
    if verdict.kind == "in" and place.linked(account) is not None:
        return True
    if verdict.kind == "refused" or verdict.target is not target:
        if held is not None and isinstance(target, Member):
            target.accounts[account.provider] = held
        return False
    if replaces and isinstance(target, Member):
        walk.model.strip(place, lambda _: True, target.holder)
    member = let_in(walk.model, place, account, Verdict("in", target), mailbox=True)
    member.succeeded[account.provider] = walk.model.now
    return True


def is_own(letter: Letter) -> bool:
    """Whether the account that a link is to confirm is that of the address' own person."""
    subject = letter.subject or ""
    return subject in own_subjects(letter.address, subject.partition("/")[0])


def reader_of(address: str) -> str:
    """Return whose mailbox an address is."""
    return next(name for name, own in PEOPLE.items() if own == address)
