"""Signing out, here and at the provider, in Chromium and at a certified provider."""

import re

from playwright.async_api import Browser, Page, expect
from support.acme import Acme, MakeAcme, expect_signed_in, press, sign_in
from support.looking import LookAt
from support.node_provider import ADA


async def leaving(make_acme: MakeAcme) -> Acme:
    """A workspace whose application at the provider knows where a sign-out goes, and whose people it signs out too."""
    acme = await make_acme()
    told = await acme.service.call("GET", f"/workspaces/{acme.slug}")
    logout = {
        "post_logout_redirect_uris": [told["sign_out_redirect_uri"]],
        "backchannel_logout_uri": told["backchannel_logout_uri"],
        "backchannel_logout_session_required": True,
    }
    await acme.provider.register(
        [told["redirect_uri"]], client_id=acme.client_id, client_secret=acme.provider.client_secret, metadata=logout
    )
    await acme.service.record(acme.slug, ("ProviderLogoutEnabled", {}))
    return acme


async def sign_out(page: Page, acme: Acme) -> None:
    """Sign out on the account page and confirm at the provider."""
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await expect(page).to_have_url(re.compile(re.escape(acme.provider.issuer)))
    await page.get_by_role("button", name="Sign out").click()


async def test_signing_out_goes_to_the_provider_and_back_and_the_next_sign_in_asks_who_one_is(
    make_acme: MakeAcme, page: Page, look: LookAt
) -> None:
    acme = await leaving(make_acme)
    await sign_in(page, acme, ADA)
    await expect_signed_in(page, acme)
    await sign_out(page, acme)
    await expect(page.get_by_role("heading", name="You’re signed out")).to_be_visible()
    await expect(page).to_have_url(re.compile(re.escape(f"/api/sso/signed-out/{acme.slug}?state=")))
    await expect(page.locator("main")).to_contain_text("was asked to end the one there")
    await look(page, "signed_out_at_provider")
    await page.goto(acme.link)
    await press(page, ADA)
    await expect_signed_in(page, acme)


async def test_a_sign_out_at_the_provider_in_another_browser_ends_the_session_here(
    make_acme: MakeAcme, page: Page, chromium: Browser, look: LookAt
) -> None:
    """The other browser holds the provider's session and nothing of ours: the logout token alone can have ended it."""
    acme = await leaving(make_acme)
    await sign_in(page, acme, ADA)
    await expect_signed_in(page, acme)
    theirs = [one for one in await page.context.cookies() if "keyledger" not in one.get("name", "")]
    async with await chromium.new_context() as other:
        await other.add_cookies([{**one} for one in theirs])  # type: ignore[typeddict-item]
        elsewhere = await other.new_page()
        await elsewhere.goto(f"{acme.provider.issuer}/oauth2/v1/logout")
        await elsewhere.get_by_role("button", name="Sign out").click()
        await expect(elsewhere.locator("main")).to_contain_text("signed out of the organisation")
    await page.goto(f"{acme.service.url}/account")
    await expect(page).to_have_url(f"{acme.service.url}/login")
    await page.goto(f"{acme.service.url}/api/sso/signed-out/{acme.slug}")
    await expect(page.locator("main")).to_contain_text("Nobody is signed in here in this browser")
    await look(page, "signed_out_elsewhere")


async def test_whoever_is_sent_to_the_page_while_signed_in_stays_so(acme: Acme, page: Page, look: LookAt) -> None:
    await sign_in(page, acme, ADA)
    await expect_signed_in(page, acme)
    await page.goto(f"{acme.service.url}/api/sso/signed-out/{acme.slug}?state=of-nobody")
    await expect(page.get_by_role("heading", name="You’re still signed in here")).to_be_visible()
    await look(page, "still_signed_in")
