"""Accepting an invitation in the browser: by the mailed link alone, or by it and the workspace's provider."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from aiohttp import ClientResponse
from support.browser import Browser, restart_link, shown_reason
from support.identity_mail import KeptMails, deliver
from support.identity_world import STAFF
from support.site import Site

from events.catalogue.access import EnforcementEnabled, SsoDisabled
from events.catalogue.configuration import JitDisabled
from events.envelope import Actor, Context
from service.identity.change import Change, change_workspace
from service.identity.invitations import Invitation, invite, resend_invitation, revoke_invitation

T = TypeVar("T")
ADA, GRACE = "ada@acme.example", "grace@elsewhere.example"
HOME = "https://app.example/home"


async def changed(site: Site, work: Callable[[Change], Awaitable[T]], context: Context = STAFF) -> T:
    return await change_workspace(site.world.resources, "acme", context, work)


async def invited(site: Site, email: str, role: Any = "editor", context: Context = STAFF) -> Invitation:
    invitation, _ = await changed(site, lambda change: invite(change, email, role), context)
    return invitation


async def mailed_link(site: Site) -> str:
    """Return the path of the link in the latest invitation's mail."""
    mails = KeptMails()
    await deliver(site.world, mails)
    invitations = [message for message in mails.kept if "invited" in str(message["Subject"])]
    body = invitations[-1].get_body(("plain",))
    assert body is not None
    found = re.search(r"https://id\.example[^/]*(/invitation/\S+)", body.get_content())
    assert found is not None, body.get_content()
    return found[1]


async def session_of(browser: Browser) -> dict[str, Any]:
    answer = await browser.get("/api/session")
    told: dict[str, Any] = await answer.json()
    return told if answer.status == 200 else {}


async def shown(browser: Browser, link: str) -> str:
    answer = await browser.get(link)
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def refused(site: Site, answer: ClientResponse, reason: str) -> str:
    """Assert that nobody was signed in, with reason and request id on the page. Returns the page."""
    text = await answer.text()
    assert await shown_reason(answer) == reason, text
    assert answer.status >= 400
    assert answer.headers["X-Request-Id"] in text
    assert not any("session" in one for one in answer.headers.getall("Set-Cookie", ()))
    return text


async def members(site: Site) -> list[tuple[str, str, str]]:
    return sorted((row["email"], row["role"], row["status"]) for row in await site.world.rows("members"))


async def test_the_link_shows_who_invites_to_what_and_changes_nothing(site: Site) -> None:
    """GET has no effect, however often a mail scanner opens it; the page names inviter, workspace, role and address."""
    owner = await site.world.member("irene@acme.example", "owner")
    await site.world.pool.execute("update identity.members set name = 'Irene'")
    await invited(site, GRACE, "viewer", Context(Actor("member", str(owner))))
    link = await mailed_link(site)
    before = await site.world.snapshot()
    for text in [await shown(site.browser(), link) for _ in range(3)]:
        assert "Irene invites you to join Acme as viewer." in text
        assert GRACE in text
    assert await site.world.snapshot() == before
    assert await site.sign_ins() == []


async def test_the_link_is_kept_as_its_hash_alone(site: Site) -> None:
    """While the mail waits it is sealed; neither then nor later does the token stand in any table."""
    await invited(site, GRACE)
    before = repr(await site.world.snapshot())
    token = (await mailed_link(site)).rpartition("/")[2]
    assert token not in before + repr(await site.world.snapshot())


async def test_s1_the_click_signs_the_invitee_in_with_the_invitations_role(site: Site) -> None:
    """The click proves the mailbox. The member has role and websites of the invitation, the user the address."""
    invitation = await invited(site, GRACE, "viewer")
    link = await mailed_link(site)
    browser = site.browser()
    answer = await browser.submit(link)
    assert (answer.status, answer.headers["Location"]) == (303, HOME)
    assert await members(site) == [(GRACE, "viewer", "active")]
    told = await session_of(browser)
    assert told["user"]["email"] == GRACE
    assert [(one["slug"], one["role"]) for one in told["workspaces"]] == [("acme", "viewer")]
    (row,) = await site.sign_ins()
    assert (row["reason"], row["method"], row["request_id"]) == ("ok", "magic_link", answer.headers["X-Request-Id"])
    event = (await site.world.resources.store.read_stream("acme"))[-1]
    assert (event.type, event.data["invitation_id"]) == ("MemberJoined", str(invitation.invitation_id))


async def test_the_link_works_once(site: Site) -> None:
    """Used again, in this browser or a stranger's, it opens nothing and says so."""
    await invited(site, GRACE)
    link = await mailed_link(site)
    assert (await site.browser().submit(link)).status == 303
    for again in (await site.browser().submit(link), await site.browser().get(link)):
        text = await refused(site, again, "invitation_required")
        assert "accepted already" in text
        assert restart_link(text) == "/login"
    assert len(await members(site)) == 1


async def test_a_post_from_another_site_accepts_nothing(site: Site) -> None:
    await invited(site, GRACE)
    link = await mailed_link(site)
    answer = await site.browser().send("POST", link, headers={"Sec-Fetch-Site": "cross-site"})
    await refused(site, answer, "foreign_origin")
    assert await members(site) == []


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("ending", ["revoked", "expired"])
async def test_s12_a_revoked_or_expired_invitation_opens_nothing(site: Site, ending: str, method: str) -> None:
    """B27: neither by its link nor by SSO, where just-in-time creation is suspended for that address."""
    invitation = await invited(site, ADA)
    link = await mailed_link(site)
    if ending == "revoked":
        await changed(site, lambda change: revoke_invitation(change, invitation.invitation_id))
    else:
        site.world.clock.turn(days=15)
    browser = site.browser()
    answer = await (browser.get(link) if method == "GET" else browser.submit(link))
    assert "Your invitation has ended" in await refused(site, answer, "invitation_required")
    await refused(site, await site.sign_in(browser), "invitation_required")
    assert await members(site) == []


async def test_an_unknown_link_is_told_from_an_ended_one(site: Site) -> None:
    for token in ("x", "A" * 43, "A" * 500):
        await refused(site, await site.browser().get(f"/invitation/{token}"), "link_invalid")
        await refused(site, await site.browser().submit(f"/invitation/{token}"), "link_invalid")


async def test_sent_again_the_new_link_works_and_the_former_does_not(site: Site) -> None:
    """Also after it had expired: the address has the whole time again."""
    first = await invited(site, GRACE, "viewer")
    old = await mailed_link(site)
    site.world.clock.turn(days=20)
    again = await changed(site, lambda change: resend_invitation(change, first.invitation_id))
    assert (again.role, again.expires_at) == ("viewer", site.world.clock.now + timedelta(days=14))
    new = await mailed_link(site)
    await refused(site, await site.browser().submit(old), "link_invalid")
    assert (await site.browser().submit(new)).status == 303
    assert await members(site) == [(GRACE, "viewer", "active")]


async def test_b27_an_invitee_of_an_sso_domain_goes_on_through_sso_and_gets_the_invitations_role(site: Site) -> None:
    """The click opens nothing itself; the sign-in that follows consumes the invitation, in the address' any case."""
    await site.world.append("acme", [JitDisabled()])
    await invited(site, "Ada@ACME.example", "viewer")
    link = await mailed_link(site)
    browser = site.browser()
    text = await shown(browser, link)
    assert "signs its people in through its own provider" in text
    answer = await browser.submit(link)
    assert (answer.status, answer.headers["Location"]) == (
        303,
        "/api/sso/initiate/acme?login_hint=Ada%40ACME.example",
    )
    assert (await members(site), await session_of(browser)) == ([], {})
    done = await site.sign_in(browser, answer.headers["Location"])
    assert (done.status, done.headers["Location"]) == (303, HOME)
    assert await members(site) == [(ADA, "viewer", "active")]
    await refused(site, await site.browser().submit(link), "invitation_required")


async def test_s2_an_owners_invitation_is_consumed_by_the_click_and_the_sign_in_of_one_browser(site: Site) -> None:
    """The click was mailed to them: no second mail. The same sign-in without the click asks for one."""
    await invited(site, ADA, "owner")
    link = await mailed_link(site)
    stranger = await site.sign_in(site.browser())
    assert await shown_reason(stranger) == "link_unconfirmed"
    assert await members(site) == []
    browser = site.browser()
    done = await site.sign_in(browser, (await browser.submit(link)).headers["Location"])
    assert done.status == 303
    assert await members(site) == [(ADA, "owner", "active")]
    (user,) = await site.world.rows("users")
    assert user["email"] == ADA


async def test_s2_the_click_counts_for_the_invited_address_alone(site: Site) -> None:
    """Whom the provider says to be somebody else is judged as if there had been no click."""
    await invited(site, ADA, "owner")
    await invited(site, "eve@acme.example", "admin")
    mails = KeptMails()
    await deliver(site.world, mails)
    body = next(message for message in mails.kept if message["To"] == ADA).get_body(("plain",))
    assert body is not None
    link = "/invitation/" + body.get_content().partition("/invitation/")[2].split()[0]
    browser = site.browser()
    answer = await browser.submit(link)
    site.provider.person = {"sub": "00u-eve", "name": "Eve", "email": "eve@acme.example"}
    done = await site.sign_in(browser, answer.headers["Location"])
    assert await shown_reason(done) == "link_unconfirmed"
    assert await members(site) == []


async def test_s2_the_click_lasts_half_an_hour(site: Site) -> None:
    await invited(site, ADA, "admin")
    browser = site.browser()
    answer = await browser.submit(await mailed_link(site))
    site.world.clock.turn(minutes=30)
    done = await site.sign_in(browser, answer.headers["Location"])
    assert await shown_reason(done) == "link_unconfirmed"


async def test_b19_while_sso_is_required_the_link_opens_nothing_by_itself(site: Site) -> None:
    """Decided at the click, whatever held when the mail went out; a guest of another domain is told why."""
    await site.world.append("acme", [SsoDisabled()])
    await invited(site, GRACE)
    link = await mailed_link(site)
    await site.world.append("acme", [EnforcementEnabled()])
    for answer in (await site.browser().get(link), await site.browser().submit(link)):
        await refused(site, answer, "domain_not_allowed")
    assert await members(site) == []
    assert await site.reasons() == ["domain_not_allowed"]


async def test_s9_accepting_as_another_person_than_the_sessions_is_asked_first(site: Site) -> None:
    """The page names both; a POST that did not come from that page changes nothing but the log."""
    browser = site.browser()
    await site.sign_in(browser)
    await invited(site, GRACE)
    link = await mailed_link(site)
    before = await site.world.snapshot()
    asked = await browser.submit(link)
    text = await asked.text()
    assert asked.status == 409
    assert f'signed in as <strong class="address" dir="ltr">{ADA}' in text
    assert await site.world.snapshot() == before
    assert (await browser.submit(link, {"instead": "yes"})).status == 303
    assert (await session_of(browser))["user"]["email"] == GRACE


async def test_s13_a_first_owner_invited_by_staff_is_not_made_where_there_is_one_by_now(site: Site) -> None:
    """An invitation that waits does not let staff add an owner."""
    await invited(site, GRACE, "owner")
    link = await mailed_link(site)
    await site.world.member("irene@acme.example", "owner")
    await refused(site, await site.browser().submit(link), "invitation_required")
    assert len(await members(site)) == 1


async def test_b27_the_invited_of_one_workspace_are_nobody_in_another(site: Site) -> None:
    """An invitation for another workspace opens that one alone."""
    await site.connect("globex", domain="globex.example")
    await site.world.append("globex", [JitDisabled()])
    await invited(site, GRACE)
    browser = site.browser()
    await browser.submit(await mailed_link(site))
    assert [one["slug"] for one in (await session_of(browser))["workspaces"]] == ["acme"]


async def test_two_clicks_at_once_make_one_member(site: Site) -> None:
    await invited(site, GRACE)
    link = await mailed_link(site)
    answers = await asyncio.gather(*(site.browser().submit(link) for _ in range(3)))
    assert min(answer.status for answer in answers) == 303
    assert sum(answer.status == 303 for answer in answers) == 1
    assert len(await members(site)) == 1
