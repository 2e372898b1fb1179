"""What people do in a walk: sign in by SSO or by mail, accept, confirm, test, recover and sign out."""

import re
from datetime import timedelta

from aiohttp import ClientResponse
from support.browser import hidden_field
from support.walk_site import HOME, PEOPLE, Attempt, Letter, Person, Walk, account_of
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
    proved,
    start,
)
from support.who_may import Account, Invitation, Member, Place, Session, Shown

CODE_LASTS = timedelta(seconds=60)
ATTEMPT_LASTS = timedelta(minutes=30)


def at_home(answer: ClientResponse) -> bool:
    """Whether a sign-in ended at the application."""
    return answer.status == 303 and answer.headers["Location"] == HOME


async def begin(walk: Walk, person: Person, place: Place, account: Account | None = None) -> Attempt | None:
    """Go to the workspace's provider and sign in there, if the workspace signs in by one at all."""
    answer = await person.browser.get(f"/api/sso/initiate/{place.slug}")
    offered = place.sso and place.active is not None
    assert (answer.status == 302) == offered, (answer.status, offered)
    if not offered or place.active is None:
        return None
    own = account or account_of(PEOPLE[person.name], place.active.provider)
    return await _came_back(walk, person, place, own, answer.headers["Location"])


async def _came_back(walk: Walk, person: Person, place: Place, account: Account, location: str) -> Attempt:
    provider = walk.providers[account.provider]
    assert location.startswith(provider.origin), (location, account)
    provider.person = {"sub": account.subject, "name": account.subject[-20:], "email": account.address}
    address = await provider.log_in(location)
    assert place.active is not None
    made = Attempt(person, place, place.active, account, address, walk.model.now)
    walk.attempts.append(made)
    return made


async def finish(walk: Walk, attempt: Attempt) -> None:
    """Bring the provider's answer to the service."""
    person, place = attempt.person, attempt.place
    session, answer = walk.model.look(person.session), await person.browser.get(attempt.address)
    age, active = walk.model.now - attempt.at, place.sso and place.active is attempt.credentials
    if attempt.used:
        walk.tell("  used before")
        return
    attempt.used = active and age < ATTEMPT_LASTS
    if not (active and age <= CODE_LASTS and attempt.credentials.works):
        assert not at_home(answer)
        return
    await _judge(walk, attempt, session, answer)


async def sign_in(walk: Walk, person: Person, place: Place, account: Account | None = None) -> None:
    """Sign in by SSO from beginning to end."""
    attempt = await begin(walk, person, place, account)
    if attempt is not None:
        await finish(walk, attempt)


def _click(walk: Walk, person: Person) -> Invitation | None:
    if person.clicked is None or walk.model.now >= person.clicked[1]:
        return None
    return person.clicked[0]


async def _judge(walk: Walk, attempt: Attempt, session: Session | None, answer: ClientResponse) -> None:
    person, place, account = attempt.person, attempt.place, attempt.account
    clicked = _click(walk, person)
    verdict = by_sso(walk.model, place, account, session, clicked)
    walk.count(f"sso {verdict.kind} {verdict.why}".strip())
    if verdict.kind != "in":
        assert not at_home(answer), (verdict, await answer.text())
        about = (place, account, verdict.target) if verdict.target is not None else None
        await walk.mails(about)
        return
    if session is not None and session.holder is not verdict.holder:
        ticket = hidden_field(await answer.text(), "ticket")
        walk.tell("  asked to change account")
        if walk.random.random() < 0.3:
            return
        answer = await person.browser.submit("/sign-in/switch", {"ticket": ticket})
    assert at_home(answer), (verdict, answer.status, await answer.text())
    shown = clicked is not None and verdict.target is clicked
    member = let_in(walk.model, place, account, verdict, mailbox=shown)
    made = Shown("sso", walk.model.now, place, account.provider, account.address, member)
    person.session = start(walk.model, session, member.holder, made)
    proved(walk.model, place)


async def ask_for_link(walk: Walk, person: Person, address: str) -> None:
    """Ask for a magic link: a mail goes out to those whom it leads anywhere, and to nobody else."""
    since = walk.model.now - LINK_LASTS
    if sum(one.kind == "login/magic-link" and one.address == address and one.at > since for one in walk.letters) >= 3:
        return
    answer = await person.browser.submit("/login/magic-link", {"email": address})
    if answer.status == 429:
        return
    assert answer.status == 200, await answer.text()
    came = [one for one in await walk.mails() if one.kind == "login/magic-link"]
    assert [one.address for one in came] == ([address] if walk.model.gets_mail(address) else [])


async def use_link(walk: Walk, person: Person, letter: Letter) -> None:
    """Press the button of a magic link, used ones and old ones too."""
    model, session = walk.model, walk.model.look(person.session)
    answer = await person.browser.submit(letter.path)
    if letter.used or model.now - letter.at >= LINK_LASTS:
        assert not at_home(answer)
        assert answer.status in {404, 410}, answer.status
        return
    holder = claim(model, letter.address, session)
    if session is not None and session.holder is not holder:
        walk.tell("  asked to change account")
        assert 'name="switch"' in await answer.text()
        if walk.random.random() < 0.3:
            return
        answer = await person.browser.submit(letter.path, {"switch": "yes"})
    for one in walk.letters:
        if one.kind == "login/magic-link" and one.address == letter.address:
            one.used = True
    opened = by_mailbox(model, letter.address, holder, session)
    walk.count("mailed link opens" if opened else "mailed link opens nothing")
    assert at_home(answer) == (opened is not None), (answer.status, await answer.text())
    person.session = opened or person.session


async def accept(walk: Walk, person: Person, place: Place, invitation: Invitation) -> None:
    """Press the button of a mailed invitation; where SSO is the way in, go on through the provider."""
    model = walk.model
    model.look(person.session)
    assert invitation.token is not None
    answer = await person.browser.submit(invitation.token)
    newest = place.invitations.get(invitation.address) is invitation
    by_provider = place.required is not None or (place.sso and place.active and place.allows(invitation.address))
    if not newest or not model.is_open(place, invitation) or (by_provider and not place.allows(invitation.address)):
        assert not at_home(answer)
        assert answer.status >= 400, answer.status
        return
    if by_provider:
        assert answer.headers["Location"].startswith(f"/api/sso/initiate/{place.slug}"), answer.headers
        person.clicked = (invitation, model.now + CLICK_LASTS)
        if walk.random.random() < 0.8:
            await sign_in(walk, person, place)
        return
    await _accept_by_mail(walk, person, place, invitation, answer)


async def _accept_by_mail(
    walk: Walk, person: Person, place: Place, invitation: Invitation, answer: ClientResponse
) -> None:
    model, session = walk.model, walk.model.live(person.session)
    assert invitation.token is not None
    if session is not None and not _is_theirs(walk, session, invitation.address):
        assert answer.status == 409, await answer.text()
        if walk.random.random() < 0.3:
            return
        answer = await person.browser.submit(invitation.token, {"instead": "yes"})
    holder = claim(model, invitation.address, session)
    taken = place.of(holder) is not None or place.addressed(invitation.address) is not None
    assert at_home(answer) == (not taken), (answer.status, await answer.text())
    if not taken:
        join(place, invitation, holder)
        walk.count("invitation accepted by mail")
        person.session = start(model, session, holder, Shown("magic_link", model.now, address=invitation.address))


def _is_theirs(walk: Walk, session: Session, address: str) -> bool:
    own = [member.address for _, member in walk.model.memberships(session.holder)]
    return address in own or session.holder.mailbox == address


async def confirm(walk: Walk, person: Person, letter: Letter) -> None:
    """Confirm by a mailed link that a sign-in was one's own; the account is linked, and nothing opens."""
    answer = await person.browser.submit(letter.path)
    assert not at_home(answer)
    fresh, letter.used = not letter.used and walk.model.now - letter.at < CONFIRMING_LASTS, True
    if not fresh or letter.about is None:
        assert answer.status >= 400, answer.status
        return
    place, account, target = letter.about
    linked = _link(walk, place, account, target)
    assert (answer.status == 200) == linked, (answer.status, linked, await answer.text())
    walk.count("link confirmed" if linked else "link not confirmed")


def _link(walk: Walk, place: Place, account: Account, target: Member | Invitation) -> bool:
    connected = place.sso and place.active is not None and place.active.provider == account.provider
    if not connected:
        return False
    verdict = by_sso(walk.model, place, account, None, target if isinstance(target, Invitation) else None)
    if verdict.kind == "in" and place.linked(account) is not None:
        return True
    if verdict.kind == "refused" or verdict.target is not target:
        return False
    member = let_in(walk.model, place, account, Verdict("in", target), mailbox=True)
    member.succeeded[account.provider] = walk.model.now
    return True


async def sign_out(walk: Walk, person: Person) -> None:
    """Sign out here."""
    answer = await person.browser.submit("/logout")
    assert answer.status in {200, 303}, answer.status
    if person.session in walk.model.sessions:
        walk.model.sessions.remove(person.session)
    person.session = None


async def try_credentials(walk: Walk, person: Person, place: Place) -> None:
    """Test staged credentials at the desk: an owner's session may, and it opens nothing new."""
    staged, session = place.staged, walk.model.look(person.session)
    if staged is None:
        return
    by = walk.model.opened_by(session, place)
    member = None if session is None else place.of(session.holder)
    may = by is not None and member is not None and member.role == "owner"
    base = f"/workspaces/{place.slug}/connection"
    answer = await person.browser.submit(f"{base}/test", {"credentials": staged.identifier})
    assert (answer.status == 303) == may, (answer.status, may, await answer.text())
    if not may:
        return
    account = account_of(PEOPLE[person.name], staged.provider)
    provider = walk.providers[staged.provider]
    provider.person = {"sub": account.subject, "name": account.subject[-20:], "email": account.address}
    answer = await person.browser.get(await provider.log_in(answer.headers["Location"]))
    verdict = by_sso(walk.model, place, account, session, None)
    good = staged.works and verdict.kind != "refused"
    assert (answer.status == 303 and answer.headers["Location"] == base) == good, await answer.text()
    walk.count("test worked" if good else "test failed")
    if good and isinstance(verdict.target, Member) and verdict.kind == "in":
        verdict.target.succeeded[staged.provider] = walk.model.now


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
    came = [one for one in await walk.mails() if one.kind == "recovery"]
    assert [one.address for one in came] == ([address] if right else [])
    if not came or owner is None:
        return
    answer = await person.browser.submit(came[0].path)
    assert answer.headers.get("Location") == "/recovery/desk", await answer.text()
    owner.codes.remove(code)
    answer = await person.browser.submit("/recovery/desk/lift")
    assert answer.headers.get("Location") == "/recovery/desk", await answer.text()
    place.required = None
    walk.count("recovered")
