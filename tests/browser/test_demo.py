"""The demonstration as a person clicks through it."""

import asyncio
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Page, expect
from support.acme import expect_notice
from support.demo import RunningDemo, data_directory, free_ports, running_demo
from support.looking import LookAt

SUBJECT = "Acme: is this your sign-in?"


@pytest.fixture(scope="module")
def demo() -> Iterator[RunningDemo]:
    """A demonstration that was just started for the first time."""
    with data_directory() as data, running_demo(data, free_ports()) as running:
        yield running


async def come_from_the_tile(page: Page, demo: RunningDemo, workspace: str, name: str) -> None:
    """Open the dashboard, click a workspace's tile, and choose a person."""
    await page.goto(demo.issuer)
    await page.locator(".tile", has_text=workspace).click()
    await page.get_by_role("button", name=name).click()


async def test_ada_is_created_just_in_time(demo: RunningDemo, page: Page, look: LookAt) -> None:
    await page.goto(demo.issuer)
    await look(page, "demo_dashboard")
    await page.locator(".tile", has_text="Acme").click()
    await expect(page.get_by_role("heading", name="Sign in to Acme")).to_be_visible()
    await look(page, "demo_choose")
    await page.get_by_role("button", name="Ada").click()
    await expect(page).to_have_url(f"{demo.service}/account")
    await expect(page.locator(".rows")).to_contain_text("Editor")


async def test_grace_uses_up_the_invitation_to_globex(demo: RunningDemo, page: Page) -> None:
    await come_from_the_tile(page, demo, "Globex", "Grace")
    await expect(page).to_have_url(f"{demo.service}/account")
    await expect(page.locator(".rows")).to_contain_text("Viewer")


@pytest.mark.parametrize(
    ("workspace", "name", "reason"),
    [
        ("Acme", "Grace", "domain_not_allowed"),
        ("Acme", "Radia", "member_deactivated"),
        ("Acme", "Edsger", "provider_denied"),
        ("Globex", "Katherine", "invitation_required"),
    ],
)
async def test_whoever_is_refused_reads_why(
    demo: RunningDemo, page: Page, workspace: str, name: str, reason: str
) -> None:
    await come_from_the_tile(page, demo, workspace, name)
    await expect_notice(page, reason)


async def test_barbara_confirms_by_the_mail_that_the_demonstration_caught(
    demo: RunningDemo, page: Page, chromium: Browser, look: LookAt
) -> None:
    await come_from_the_tile(page, demo, "Acme", "Barbara")
    await expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    async with await chromium.new_context() as profile:
        inbox = await profile.new_page()
        async with asyncio.timeout(20):
            await inbox.goto(f"{demo.issuer}/mail")
            while not await inbox.get_by_role("link", name=SUBJECT).count():
                await inbox.get_by_role("link", name="Look again").click()
        await look(inbox, "demo_mails")
        await inbox.get_by_role("link", name=SUBJECT).click()
        await look(inbox, "demo_mail")
        await inbox.get_by_role("link", name="/link/").click()
        await inbox.get_by_role("button", name="Yes, it was me").click()
        await expect(inbox.get_by_role("heading", name="Confirmed")).to_be_visible()
    await page.get_by_role("link", name="I have confirmed; sign in").click()
    await page.get_by_role("button", name="Barbara").click()
    await expect(page.locator(".rows")).to_contain_text("Owner")


async def test_margaret_signs_in_by_a_link_that_the_demonstration_caught(demo: RunningDemo, page: Page) -> None:
    await page.goto(f"{demo.service}/login")
    await page.get_by_label("E-mail address").fill("margaret@globex.example")
    await page.get_by_role("button", name="Continue", exact=True).click()
    await page.get_by_role("button", name="E-mail me a sign-in link").click()
    await expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    async with asyncio.timeout(20):
        await page.goto(f"{demo.issuer}/mail")
        while not await page.get_by_role("link", name="Your sign-in link").count():
            await page.get_by_role("link", name="Look again").click()
    await page.get_by_role("link", name="Your sign-in link").click()
    await page.get_by_role("link", name="/login/magic-link/").click()
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator(".rows")).to_contain_text("Owner")


async def test_an_address_that_is_not_registered_is_explained(demo: RunningDemo, page: Page, look: LookAt) -> None:
    await page.goto(f"{demo.issuer}/oauth2/v1/authorize?client_id=0oa9other")
    await look(page, "demo_problem")
    await page.get_by_role("link", name="To the dashboard").click()
    await expect(page.get_by_role("heading", name="My apps")).to_be_visible()
