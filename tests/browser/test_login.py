"""The login page in Chromium: each method signs in, by keyboard and without script too."""

import re
from pathlib import Path

from playwright.async_api import Browser, Page, expect
from support.acme import Acme, MakeAcme, expect_notice, expect_signed_in, press
from support.database import EMBEDDED, Clusters
from support.looking import LookAt
from support.node_provider import ADA, NodeProvider, Person
from support.service import running_service

LINK = re.compile(r"http\S+/login/magic-link/\S+")
GMAIL = Person("Hedy", "hedy@gmail.com", email_verified=True)


async def enter(page: Page, url: str, email: str) -> None:
    """Enter an address on the login page."""
    await page.goto(f"{url}/login")
    await page.get_by_label("E-mail address").fill(email)
    await page.get_by_role("button", name="Continue", exact=True).click()


async def mailed_link(acme: Acme, email: str) -> str:
    """Return the address of the newest link that was mailed there."""
    found = LINK.search(await acme.service.mail_to(email, "/login/magic-link/"))
    assert found is not None
    return found[0]


async def invite(acme: Acme, email: str) -> None:
    await acme.service.call("POST", f"/workspaces/{acme.slug}/invitations", {"email": email, "role": "editor"})


async def test_by_sso_from_the_address_by_keyboard_alone(make_acme: MakeAcme, page: Page, look: LookAt) -> None:
    acme = await make_acme(domains=("acme-sso.example",))
    person = Person("Hedy", "hedy@acme-sso.example")
    await acme.provider.put(person)
    await page.goto(f"{acme.service.url}/login")
    await look(page, "login")
    await page.get_by_label("E-mail address").focus()
    await page.keyboard.type(person.email)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Continue to Acme with SSO")).to_be_visible()
    await look(page, "login_methods")
    await page.get_by_role("button", name="Continue to Acme with SSO").focus()
    await page.keyboard.press("Enter")
    await press(page, person)
    await expect_signed_in(page, acme)
    await page.goto(f"{acme.service.url}/login")
    await expect(page.get_by_role("button", name=f"Continue with SSO to {acme.slug}")).to_be_visible()
    await look(page, "login_again")


async def test_by_a_mailed_link_in_another_browser(acme: Acme, page: Page, chromium: Browser, look: LookAt) -> None:
    email = f"grace@{acme.slug}.example"
    await invite(acme, email)
    await enter(page, acme.service.url, email)
    await page.get_by_role("button", name="E-mail me a sign-in link").click()
    await expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    await look(page, "login_mail")
    link = await mailed_link(acme, email)
    async with await chromium.new_context(java_script_enabled=False) as profile:
        other = await profile.new_page()
        await other.goto(link)
        await expect(other.locator("main")).to_contain_text(email)
        await other.get_by_role("button", name="Sign in").click()
        await expect_signed_in(other, acme)
    await page.goto(link)
    await expect_notice(page, "link_used")
    await look(page, "login_link_used")


async def test_a_link_for_somebody_else_asks_before_it_signs_them_in(acme: Acme, page: Page, look: LookAt) -> None:
    await page.goto(acme.link)
    await press(page, ADA)
    await expect_signed_in(page, acme)
    email = f"margaret@{acme.slug}.example"
    await invite(acme, email)
    await enter(page, acme.service.url, email)
    await page.get_by_role("button", name="E-mail me a sign-in link").click()
    await page.goto(await mailed_link(acme, email))
    await look(page, "login_link")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Change to another account?")).to_be_visible()
    await look(page, "login_switch")
    await page.get_by_role("button", name="Change account").click()
    await expect(page.locator("main")).to_contain_text(email)


async def test_what_is_no_address_is_told_at_the_field(acme: Acme, page: Page, look: LookAt) -> None:
    # The browser takes it for an address; the service wants a domain with two parts.
    await enter(page, acme.service.url, "ada@acme")
    await expect(page.get_by_role("alert")).to_contain_text("Enter one e-mail address")
    await look(page, "login_problem")


async def test_who_has_an_exception_finds_the_other_ways(acme: Acme, page: Page, look: LookAt) -> None:
    await page.goto(f"{acme.service.url}/login/exception")
    await look(page, "login_exception")
    await page.get_by_label("E-mail address").fill("nobody@acme.example")
    await page.get_by_role("button", name="E-mail me a sign-in link").click()
    await expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()


async def test_by_google_at_a_certified_provider(
    clusters: Clusters, provider: NodeProvider, chromium: Browser, tmp_path: Path, look: LookAt
) -> None:
    database = clusters.get(EMBEDDED).create_database()
    google = {
        "GOOGLE_ISSUER": provider.issuer,
        "GOOGLE_CLIENT_ID": "google-client",
        "GOOGLE_CLIENT_SECRET": provider.client_secret,
    }
    with running_service(database, tmp_path, **google) as service:
        callback = [f"{service.url}/login/google/callback"]
        await provider.put(GMAIL)
        await provider.register(callback, client_id="google-client", client_secret=provider.client_secret)
        await service.call("POST", "/workspaces", {"slug": "acme", "name": "Acme", "plan": "one"})
        await service.call("POST", "/workspaces/acme/invitations", {"email": GMAIL.email, "role": "viewer"})
        async with await chromium.new_context() as profile:
            page = await profile.new_page()
            await enter(page, service.url, GMAIL.email)
            await look(page, "login_google")
            await page.get_by_role("button", name="Continue with Google").click()
            await press(page, GMAIL)
            await expect(page).to_have_url(f"{service.url}/account")
            await expect(page.locator(".rows")).to_contain_text("Google")
            await expect(page.locator(".rows")).to_contain_text("Viewer")
