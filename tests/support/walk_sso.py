"""Signing in by SSO in a walk, step by step, and signing out, here or at the provider."""

from datetime import timedelta

from aiohttp import ClientResponse
from support.browser import Browser, hidden_field, shown_reason
from support.provider import FakeProvider
from support.provider_logout import logout_token
from support.walk_cast import HOME, PEOPLE, SECOND, Asked, Attempt, Person, Walk, account_of
from support.who_arrives import Verdict, by_sso, let_in, proved, start
from support.who_is_who import Account, Conflict, Credentials, Invitation, Place, Session, Shown

CODE_LASTS = timedelta(seconds=60)
ATTEMPT_LASTS = timedelta(minutes=30)
REASONS = {
    "domain": "domain_not_allowed",
    "unverified": "email_unverified",
    "deactivated": "member_deactivated",
    "conflict": "identity_conflict",
    "invitation ended": "invitation_required",
    "erased before": "invitation_required",
    "no invitation": "invitation_required",
}


def at_home(answer: ClientResponse) -> bool:
    """Whether a sign-in ended at the application."""
    return answer.status == 303 and answer.headers["Location"] == HOME


def be_at(provider: FakeProvider, account: Account, **claims: str | None) -> None:
    """Let this account be the one that is signed in at the provider. ``claims``: what more its ID token says."""
    person = {"sub": account.subject, "name": account.subject[-20:], "email": account.address}
    provider.person = {**person, "email_verified": account.verified, **claims}


def usual_account(person: Person, place: Place, credentials: Credentials) -> Account:
    """Return the account by which somebody comes: the one that is linked, if one of theirs is."""
    address, provider = PEOPLE[person.name], credentials.provider
    second, member = account_of(address, provider, SECOND), place.addressed(address)
    linked = None if member is None else member.accounts.get(provider)
    return second if linked == second.subject else account_of(address, provider)


async def begin(walk: Walk, person: Person, place: Place, account: Account | None = None) -> Attempt | None:
    """Go to the workspace's provider and sign in there, if the workspace signs in by one at all."""
    answer = await person.browser.get(f"/api/sso/initiate/{place.slug}")
    offered = place.sso and place.active is not None
    assert (answer.status == 302) == offered, (answer.status, offered)
    if not offered or place.active is None:
        return None
    own, location = account or usual_account(person, place, place.active), answer.headers["Location"]
    provider = walk.providers[own.provider]
    assert location.startswith(provider.origin), (location, own)
    sid = walk.random.choice([None, f"session {len(walk.attempts)}"])
    be_at(provider, own, sid=sid)
    address = await provider.log_in(location)
    made = Attempt(person, place, place.active, own, address, walk.model.now, sid)
    walk.attempts.append(made)
    return made


async def bring(browser: Browser, attempt: Attempt) -> ClientResponse:
    """Bring the provider's answer to the service."""
    return await browser.get(attempt.address)


async def finish(walk: Walk, attempt: Attempt) -> None:
    """Come back from the provider."""
    await brought(walk, attempt, await bring(attempt.person.browser, attempt))


async def brought(walk: Walk, attempt: Attempt, answer: ClientResponse) -> None:
    """Hold the answer to a provider's answer to the model."""
    place, credentials = attempt.place, attempt.credentials
    session = walk.model.look(attempt.person.session)
    if attempt.used:
        walk.tell("  used before")
        return
    assert place is not None
    assert credentials is not None
    age, active = walk.model.now - attempt.at, place.sso and place.active is credentials
    attempt.used = active and age < ATTEMPT_LASTS
    if not (active and age <= CODE_LASTS and credentials.works):
        assert not at_home(answer)
        return
    await _judge(walk, attempt, place, session, answer)


async def sign_in(walk: Walk, person: Person, place: Place, account: Account | None = None) -> None:
    """Sign in by SSO from beginning to end."""
    attempt = await begin(walk, person, place, account)
    if attempt is not None:
        await finish(walk, attempt)


def _click(walk: Walk, person: Person) -> Invitation | None:
    if person.clicked is None or walk.model.now >= person.clicked[1]:
        return None
    return person.clicked[0]


async def _judge(walk: Walk, attempt: Attempt, place: Place, session: Session | None, answer: ClientResponse) -> None:
    person, account = attempt.person, attempt.account
    clicked = _click(walk, person)
    verdict = by_sso(walk.model, place, account, session, clicked)
    walk.count(f"sso {verdict.kind} {verdict.why}".strip())
    if verdict.kind != "in":
        await _kept_out(walk, place, account, verdict, answer)
        return
    if session is not None and session.holder is not verdict.holder:
        ticket = hidden_field(await answer.text(), "ticket")
        walk.tell("  asked to change account")
        if walk.gives_up():
            return
        answer = await person.browser.submit("/sign-in/switch", {"ticket": ticket})
    assert at_home(answer), (verdict, answer.status, await answer.text())
    shown = clicked is not None and verdict.target is clicked
    member = let_in(walk.model, place, account, verdict, mailbox=shown)
    made = Shown("sso", walk.model.now, place, account.provider, account.address, member, sid=attempt.sid)
    person.session = start(walk.model, session, member.holder, made)
    proved(walk.model, place)


async def _kept_out(walk: Walk, place: Place, account: Account, verdict: Verdict, answer: ClientResponse) -> None:
    reason = await shown_reason(answer)
    assert not at_home(answer), (verdict, await answer.text())
    assert reason == REASONS.get(verdict.why, "link_unconfirmed"), (verdict, reason, answer.status)
    if verdict.target is not None:
        await walk.mails("link", Asked(account, place, verdict.target))
    if verdict.why == "conflict" and place.linked(account) is None:
        place.conflicts.append(Conflict(answer.headers["X-Request-Id"], account))


async def sign_out(walk: Walk, person: Person) -> None:
    """Sign out here."""
    answer = await person.browser.submit("/logout")
    assert answer.status in {200, 303}, answer.status
    if person.session in walk.model.sessions:
        walk.model.sessions.remove(person.session)
    person.session = None


def logout_of(walk: Walk, account: Account, sid: str | None) -> str:
    """Return the logout token by which the provider tells that this account's session there has ended."""
    provider = walk.providers[account.provider]
    be_at(provider, account)
    return logout_token(provider, sub=account.subject, sid=sid)


async def tell_of_logout(walk: Walk, place: Place, token: str) -> ClientResponse:
    """Post a logout token as a provider does."""
    return await walk.site.client.post(f"/api/sso/backchannel-logout/{place.slug}", data={"logout_token": token})


async def told_of_logout(walk: Walk, place: Place, account: Account, sid: str | None, answer: ClientResponse) -> None:
    """Hold the answer to a logout token that was never used before to the model."""
    believed = place.active is not None and place.active.provider == account.provider
    assert (answer.status == 200) == believed, (answer.status, await answer.text())
    member = place.linked(account)
    if not believed or member is None:
        return
    before = len(walk.model.sessions)
    walk.model.strip(
        place,
        lambda one: (
            one.provider == account.provider
            and one.member is member
            and (sid is None or one.sid is None or one.sid == sid)
        ),
        member.holder,
    )
    walk.count("signed out at the provider" if len(walk.model.sessions) < before else "logout that ends nothing")
