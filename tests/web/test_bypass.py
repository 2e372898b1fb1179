"""A bypass by support: one person gets in by a mailed link while SSO is required, until it ends or is revoked."""

from datetime import timedelta
from typing import Any

import pytest
from support.browser import shown_reason
from support.desks import record
from support.identity_mail import KeptMails, deliver
from support.login_links import mailed, session, workspaces
from support.site import Site

from events.catalogue.access import EnforcementEnabled

GRACE = "grace@acme.example"
GRANT: dict[str, Any] = {"email": GRACE, "hours": 2, "reason": "Her phone is lost."}


@pytest.fixture
async def enforced(site: Site) -> Site:
    """``acme`` with an owner, Ada, and the members Grace and Hedy; SSO is required, and nobody has a bypass."""
    await site.world.member("ada@acme.example", "owner")
    for email in (GRACE, "hedy@acme.example"):
        await site.world.member(email)
    await site.world.append("acme", [EnforcementEnabled()])
    return site


async def test_a_bypass_opens_by_mail_and_revoking_it_ends_the_session_at_once(enforced: Site) -> None:
    await record(enforced, "BypassGranted", GRANT)
    browser = enforced.browser()
    assert (await browser.submit(await mailed(enforced, GRACE))).status == 303
    assert await workspaces(browser) == ["acme"]
    await record(enforced, "BypassRevoked", {"email": GRACE})
    assert await workspaces(browser) == []
    row = (await enforced.sign_ins())[-1]
    assert (row["method"], row["reason"]) == ("magic_link", "ok")


async def test_a_session_of_a_revoked_bypass_does_not_come_back_with_a_bypass_that_ends_at_the_same_moment(
    enforced: Site,
) -> None:
    """The phone that was stolen with it stays out: who gets the next exception signs in by a mail of their own."""
    ends = (enforced.world.clock.now + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
    grant = {"email": GRACE, "expires_at": ends.isoformat(), "reason": "Her phone is lost."}
    await record(enforced, "BypassGranted", grant)
    stolen = enforced.browser()
    assert (await stolen.submit(await mailed(enforced, GRACE))).status == 303
    await record(enforced, "BypassRevoked", {"email": GRACE})
    await record(enforced, "BypassGranted", grant)
    assert await workspaces(stolen) == []
    anew = enforced.browser()
    assert (await anew.submit(await mailed(enforced, GRACE))).status == 303
    assert await workspaces(anew) == ["acme"]


async def test_the_owners_are_told_of_a_bypass_and_of_its_end_with_the_reason(enforced: Site) -> None:
    await record(enforced, "BypassGranted", GRANT)
    await record(enforced, "BypassRevoked", {"email": GRACE})
    mails = KeptMails()
    await deliver(enforced.world, mails)
    texts = [str(mail.get_body(("plain",))) for mail in mails.kept]
    assert [mail["To"] for mail in mails.kept] == ["ada@acme.example"] * 2
    assert f"{GRACE} may sign in by a mailed link until" in texts[0]
    assert "Her phone is lost." in texts[0]
    assert f"{GRACE} may no longer sign in beside SSO." in texts[1]


@pytest.mark.parametrize("ended", ["revoked", "by itself", "for the member"])
async def test_a_link_that_was_mailed_under_a_bypass_is_judged_when_it_is_used(enforced: Site, ended: str) -> None:
    await record(enforced, "BypassGranted", GRANT)
    if ended == "by itself":
        enforced.world.clock.turn(minutes=115)
    address = await mailed(enforced, GRACE)
    if ended == "revoked":
        await record(enforced, "BypassRevoked", {"email": GRACE})
    elif ended == "by itself":
        enforced.world.clock.turn(minutes=6)
    else:
        await enforced.world.pool.execute("update identity.members set status = 'deactivated' where email = $1", GRACE)
    browser = enforced.browser()
    answer = await browser.submit(address)
    reason = "member_deactivated" if ended == "for the member" else "method_not_allowed"
    assert (answer.status, await shown_reason(answer)) == (403, reason)
    assert await session(browser) == {"status": 401}
    assert (await enforced.sign_ins())[-1]["reason"] == reason


async def test_a_link_from_before_the_bypass_opens_once_it_is_there(enforced: Site) -> None:
    address = await mailed(enforced, GRACE)
    await record(enforced, "BypassGranted", GRANT)
    browser = enforced.browser()
    assert (await browser.submit(address)).status == 303
    assert await workspaces(browser) == ["acme"]


async def test_a_bypass_is_one_persons_and_one_workspaces(enforced: Site) -> None:
    """Somebody else's link does not open, and the same person's other workspace that requires SSO stays shut."""
    await enforced.connect("globex", domain="globex.example")
    await enforced.world.append("globex", [EnforcementEnabled()])
    user = await enforced.world.pool.fetchval("select user_id from identity.members where email = $1", GRACE)
    there = await enforced.world.member("grace.two@globex.example", slug="globex")
    await enforced.world.pool.execute("update identity.members set user_id = $2 where member_id = $1", there, user)
    await record(enforced, "BypassGranted", GRANT)
    other = await enforced.browser().submit(await mailed(enforced, "hedy@acme.example"))
    assert await shown_reason(other) == "method_not_allowed"
    browser = enforced.browser()
    await browser.submit(await mailed(enforced, GRACE))
    assert await workspaces(browser) == ["acme"]
