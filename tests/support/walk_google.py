"""Signing in with Google in a walk."""

from aiohttp import ClientResponse
from support.browser import hidden_field, shown_reason
from support.walk_cast import PEOPLE, SIGN_IN_LINK, Asked, Attempt, Person, Walk, account_of
from support.walk_site import GOOGLE
from support.walk_sso import ATTEMPT_LASTS, CODE_LASTS, at_home, be_at
from support.who_arrives_by_google import by_google, link, whose
from support.who_is_who import Account


async def go_to_google(walk: Walk, person: Person, account: Account | None = None) -> Attempt:
    """Go to Google and sign in there: by their own account, in their organisation, unless another one is named.

    An account whose address is not verified is one that anybody can make, of no organisation.
    """
    own = account or account_of(PEOPLE[person.name], GOOGLE)
    answer = await person.browser.submit("/login/google", {})
    assert answer.status == 303, await answer.text()
    google = walk.providers[GOOGLE]
    domain = own.address.partition("@")[2]
    # Verified, and of the address' own organisation: one without the other counts for nothing.
    showed, vouched = (True, True) if own.verified else walk.random.choice([(True, False), (False, True)])
    be_at(google, own, hd=domain if vouched else None)
    google.person["email_verified"] = showed
    address = await google.log_in(answer.headers["Location"])
    made = Attempt(person, None, None, own, address, walk.model.now)
    walk.attempts.append(made)
    return made


async def come_from_google(walk: Walk, attempt: Attempt) -> None:
    """Come back from Google."""
    await came_from_google(walk, attempt, await attempt.person.browser.get(attempt.address))


async def came_from_google(walk: Walk, attempt: Attempt, answer: ClientResponse) -> None:
    """Hold the answer to Google's answer to the model."""
    person, model = attempt.person, walk.model
    session, age = model.look(person.session), model.now - attempt.at
    if attempt.used:
        return
    attempt.used = age < ATTEMPT_LASTS
    if age > CODE_LASTS:
        assert not at_home(answer)
        return
    known = whose(model, attempt.account, session)
    holder = known.holder
    if holder is None:
        assert not at_home(answer), (known, await answer.text())
        await _waits(walk, attempt, known.why, answer)
        return
    if session is not None and session.holder is not holder:
        ticket = hidden_field(await answer.text(), "ticket")
        walk.tell("  asked to change account")
        if walk.gives_up():
            return
        answer = await person.browser.submit("/login/google/switch", {"ticket": ticket})
        known = whose(model, attempt.account, session)
        assert known.holder is holder
    assert link(model, attempt.account.subject, holder)
    opened = by_google(model, holder, session)
    walk.count("google opens" if opened else "google opens nothing")
    # In a race, what it opened may be closed again before it is told, as with a mailed link.
    overtaken = walk.arrived is not None and answer.status == 403
    assert at_home(answer) == (opened is not None) or overtaken, (answer.status, await answer.text())
    person.session = opened or person.session
    if opened is None:
        reason = await shown_reason(answer)
        assert answer.status == 403 or reason == "link_unconfirmed", (answer.status, reason)
        # All that is open to them may be an invitation that takes an answered mail.
        came = await walk.mails(SIGN_IN_LINK, Asked(attempt.account))
        assert all(one.address == holder.mailbox for one in came), [one.address for one in came]


async def _waits(walk: Walk, attempt: Attempt, why: str, answer: ClientResponse) -> None:
    walk.count(f"google {why}")
    reason = {"unverified": "email_unverified", "unknown": "invitation_required", "mail": "link_unconfirmed"}[why]
    assert await shown_reason(answer) == reason, (why, await answer.text())
    came = await walk.mails(SIGN_IN_LINK, Asked(attempt.account))
    wanted = [attempt.account.address] if why == "mail" else []
    assert [one.address for one in came] in ([], wanted), [one.address for one in came]


async def sign_in_by_google(walk: Walk, person: Person, account: Account | None = None) -> None:
    """Sign in with Google from beginning to end."""
    await come_from_google(walk, await go_to_google(walk, person, account))
