"""Accepting an invitation as people do: they open the mail's link in Chromium and press the button."""

import re

from playwright.async_api import Browser, Page, expect
from support.acme import Acme, expect_notice, expect_signed_in, press, sign_in
from support.looking import LookAt
from support.node_provider import ADA, GRACE


def guest(acme: Acme) -> str:
    """Return an address of this test's own, of a domain that the workspace's provider does not vouch for."""
    return f"guest@{acme.slug}.example"


async def invited(acme: Acme, email: str, role: str = "editor") -> tuple[str, str]:
    """Invite somebody. Returns the link in the mail, and the invitation's id."""
    answer = await acme.service.call("POST", f"/workspaces/{acme.slug}/invitations", {"email": email, "role": role})
    mail = await acme.service.mail_to(email, f"{acme.service.url}/invitation/")
    link = re.search(r"http\S+/invitation/\S+", mail)
    assert link is not None, mail
    return link[0], answer["invitation"]["id"]


async def test_a_guest_accepts_by_keyboard_and_without_script(acme: Acme, chromium: Browser) -> None:
    """The click alone signs them in; the link is used up."""
    link, _ = await invited(acme, guest(acme), "viewer")
    async with await chromium.new_context(java_script_enabled=False) as profile:
        page = await profile.new_page()
        await page.goto(link)
        await page.get_by_role("button", name="Accept and sign in").focus()
        await page.keyboard.press("Enter")
        await expect_signed_in(page, acme)
        await page.goto(link)
        await expect_notice(page, "invitation_required")
    assert (await acme.service.members(acme.slug))[guest(acme)]["role"] == "viewer"


async def test_a_guest_sees_who_invites_and_is_asked_before_another_account_is_left(
    acme: Acme, page: Page, look: LookAt
) -> None:
    link, _ = await invited(acme, guest(acme))
    await page.goto(link)
    await expect(page.get_by_role("heading")).to_contain_text("Join")
    await look(page, "invitation")
    await sign_in(page, acme, ADA)
    await expect_signed_in(page, acme)
    await page.goto(link)
    await expect(page.locator("main")).to_contain_text(f"signed in as {ADA.email}")
    await look(page, "invitation_other_account")
    await page.get_by_role("button", name="Change account and accept").click()
    await expect_signed_in(page, acme)
    await page.goto(link)
    await expect_notice(page, "invitation_required")
    await look(page, "invitation_accepted")


async def test_an_admin_of_an_sso_domain_accepts_through_the_provider_without_a_second_mail(
    acme: Acme, page: Page, look: LookAt
) -> None:
    link, _ = await invited(acme, GRACE.email, "admin")
    await page.goto(link)
    await look(page, "invitation_sso")
    await page.get_by_role("button", name="Accept and go on").click()
    await press(page, GRACE)
    await expect_signed_in(page, acme)
    assert (await acme.service.members(acme.slug))[GRACE.email]["role"] == "admin"


async def test_an_invitation_that_was_withdrawn_says_so(acme: Acme, page: Page, look: LookAt) -> None:
    link, identifier = await invited(acme, guest(acme))
    await acme.service.call("POST", f"/workspaces/{acme.slug}/invitations/{identifier}/revoke", {})
    await page.goto(link)
    await expect_notice(page, "invitation_required")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Your invitation has ended")
    await look(page, "invitation_ended")
    await page.goto(f"{acme.service.url}/invitation/{'A' * 43}")
    await expect_notice(page, "link_invalid")
    await look(page, "invitation_invalid")
