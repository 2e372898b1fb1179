"""Desks in Chromium: setting up by a link, replacing credentials under way, and the day when the provider is gone."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import pytest
from playwright.async_api import Browser, Page, expect
from support.acme import Acme, expect_notice, expect_signed_in, press, sign_in
from support.looking import LookAt
from support.node_provider import GRACE, NodeProvider, Person, node_provider
from support.service import RunningService

NEW_SECRET = "the-new-secret"


@dataclass
class Mortal:
    """A workspace whose provider can be stopped for good; ``owner`` is its only owner."""

    acme: Acme
    owner: Person
    running: AsyncExitStack

    async def stop_provider(self) -> None:
        """End the provider's process: from now on nobody listens there."""
        await self.running.aclose()


@pytest.fixture
async def mortal(service: RunningService) -> AsyncIterator[Mortal]:
    """A workspace of this test's own with an invited owner, at a provider of its own."""
    async with AsyncExitStack() as running:
        provider: NodeProvider = await running.enter_async_context(node_provider())
        slug = service.new_slug()
        owner = Person("Ada", f"ada@{slug}.example", sub=f"00u-ada-{slug}")
        await provider.put(owner)
        acme = Acme(slug, service, provider)
        uris = [service.redirect_uri(slug)]
        await provider.register(uris, client_id=acme.client_id, client_secret=provider.client_secret)
        domains = ("acme.example", f"{slug}.example")
        await service.connect(slug, provider.issuer, acme.client_id, provider.client_secret, domains=domains)
        await service.call("POST", f"/workspaces/{slug}/invitations", {"email": owner.email, "role": "owner"})
        yield Mortal(acme, owner, running)


async def mailed(acme: Acme, email: str, path: str) -> str:
    """Return the address of the newest mail's link that begins with this path."""
    text = await acme.service.mail_to(email, f"{acme.service.url}{path}")
    found = re.search(rf"http\S+{re.escape(path)}\S+", text)
    assert found is not None
    return found[0]


async def sign_in_owner(page: Page, world: Mortal) -> None:
    """Sign the owner in for the first time: by the provider, a mailed click, and the provider again."""
    await sign_in(page, world.acme, world.owner)
    await expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    await page.goto(await mailed(world.acme, world.owner.email, "/link/"))
    await page.get_by_role("button", name="Yes, it was me").click()
    await page.goto(world.acme.link)
    await expect_signed_in(page, world.acme)


async def test_staged_credentials_are_put_in_use_while_people_are_at_the_provider(
    mortal: Mortal, page: Page, chromium: Browser, look: LookAt
) -> None:
    """Also while SSO is required: nobody under way fails, and the former app can go afterwards."""
    acme = mortal.acme
    await sign_in_owner(page, mortal)
    await look(page, "account_owner")
    await acme.service.record(acme.slug, ("EnforcementEnabled", {}))
    new = f"{acme.client_id}-new"
    await acme.provider.register([acme.service.redirect_uri(acme.slug)], client_id=new, client_secret=NEW_SECRET)
    staged = {"issuer": acme.provider.issuer, "client_id": new, "client_secret": NEW_SECRET}
    await acme.service.record(acme.slug, ("CredentialsStaged", staged | {"email_verified": "ignore"}))
    async with AsyncExitStack() as profiles:
        others = [await profiles.enter_async_context(await chromium.new_context()) for _ in range(2)]
        before, during = [await other.new_page() for other in others]
        await before.goto(acme.link)
        await page.get_by_role("link", name="Single sign-on").click()
        await page.locator("[data-credentials=staged]").get_by_role("button", name="Test sign-in").click()
        await expect(page.locator("[data-credentials=staged]")).to_contain_text("It worked")
        await sign_in(during, acme, GRACE)
        await expect_signed_in(during, acme)
        await look(page, "desk_owner")
        await page.get_by_role("button", name="Put in use").click()
        await expect(page.locator("[data-credentials=active]")).to_contain_text(new)
        await press(before, GRACE)
        await expect_signed_in(before, acme)
    told = await acme.service.sign_ins(acme.slug)
    assert {entry["reason"] for entry in told if entry["email"] == GRACE.email} == {"ok"}


async def test_with_the_provider_gone_an_owner_lifts_the_requirement_by_a_code_and_a_mail(
    mortal: Mortal, page: Page, chromium: Browser, look: LookAt
) -> None:
    acme, owner = mortal.acme, mortal.owner
    await sign_in_owner(page, mortal)
    await page.get_by_role("link", name="Recovery codes").click()
    await page.get_by_role("button", name="Make new codes").click()
    await look(page, "recovery_codes")
    code = await page.locator(".rows code").first.inner_text()
    await acme.service.record(acme.slug, ("EnforcementEnabled", {}))
    await mortal.stop_provider()
    async with await chromium.new_context(java_script_enabled=False) as profile:
        fresh = await profile.new_page()
        await fresh.goto(f"{acme.service.url}/recovery")
        await fresh.get_by_label("Workspace").fill(acme.slug)
        await fresh.get_by_label("E-mail address").fill(owner.email)
        await fresh.get_by_label("Recovery code").fill(code)
        await fresh.get_by_role("button", name="Go on").click()
        await expect(fresh.get_by_role("heading", name="Check your mail")).to_be_visible()
    link = await mailed(acme, owner.email, "/recovery/")
    async with await chromium.new_context() as profile:
        rescue = await profile.new_page()
        await rescue.goto(f"{acme.service.url}/recovery")
        await look(rescue, "recovery")
        await rescue.goto(link)
        await look(rescue, "recovery_link")
        await rescue.get_by_role("button", name="Use the code").click()
        await look(rescue, "desk_recovery")
        await rescue.locator("[data-credentials=active]").get_by_role("button", name="Test sign-in").click()
        await expect(rescue.locator("body")).to_contain_text(
            re.compile("can.t be reached|not reach|did not|gone", re.IGNORECASE)
        )
        await rescue.goto(f"{acme.service.url}/recovery/desk")
        await rescue.get_by_role("button", name="Stop requiring it").click()
        await expect(rescue.get_by_role("button", name="Stop requiring it")).not_to_be_visible()
        shown = await acme.service.call("GET", f"/workspaces/{acme.slug}")
        assert shown["enforcement"]["enabled"] is False
        await enter_by_mail(rescue, acme, owner.email)
        await expect_signed_in(rescue, acme)


async def test_the_page_after_a_recovery_request_fits_every_screen(
    page: Page, service: RunningService, look: LookAt
) -> None:
    await page.goto(f"{service.url}/recovery")
    for label, text in (("Workspace", "acme"), ("E-mail address", "ada@acme.example"), ("Recovery code", "AAAA")):
        await page.get_by_label(label).fill(text)
    await page.get_by_role("button", name="Go on").click()
    await look(page, "recovery_mail")


async def enter_by_mail(page: Page, acme: Acme, email: str) -> None:
    """Ask for a link in this browser, and use it there."""
    await page.goto(f"{acme.service.url}/login/exception")
    await page.get_by_label("E-mail address").fill(email)
    await page.get_by_role("button", name="E-mail me a sign-in link").click()
    await page.goto(await mailed(acme, email, "/login/magic-link/"))
    await page.get_by_role("button", name="Sign in").click()


async def test_with_the_provider_gone_a_member_with_a_bypass_gets_in_by_a_mailed_link(
    mortal: Mortal, page: Page, chromium: Browser, look: LookAt
) -> None:
    """And only that member: whoever has none is told that SSO is required."""
    acme = mortal.acme
    members = [
        Person(name, f"{name.lower()}@{acme.slug}.example", sub=f"00u-{name}-{acme.slug}") for name in ("Grace", "Hedy")
    ]
    await sign_in_owner(page, mortal)
    for member in members:
        await acme.provider.put(member)
        async with await chromium.new_context() as profile:
            there = await profile.new_page()
            await sign_in(there, acme, member)
            await expect_signed_in(there, acme)
    await acme.service.record(acme.slug, ("EnforcementEnabled", {}))
    await mortal.stop_provider()
    granted = {"email": members[0].email, "hours": 1}
    await acme.service.record(acme.slug, ("BypassGranted", granted))
    async with await chromium.new_context() as profile:
        there = await profile.new_page()
        await enter_by_mail(there, acme, members[0].email)
        await expect_signed_in(there, acme)
        await acme.service.record(acme.slug, ("BypassRevoked", {"email": members[0].email}))
        await there.reload()
        await expect(there.locator("main")).not_to_contain_text("Signed in with")
    async with await chromium.new_context() as profile:
        there = await profile.new_page()
        await enter_by_mail(there, acme, members[1].email)
        await expect(there.locator("article.notice")).to_be_visible()
        await look(there, "bypass_none")


async def test_requiring_sso_stops_a_link_in_the_mail_and_a_session_that_is_open_elsewhere(
    mortal: Mortal, page: Page, chromium: Browser, look: LookAt
) -> None:
    """Decided when the link is used and at each request; by SSO the same person gets in again."""
    acme, url = mortal.acme, mortal.acme.service.url
    await sign_in_owner(page, mortal)
    hedy = Person("Hedy", f"hedy@{acme.slug}.example", sub=f"00u-hedy-{acme.slug}")
    await acme.provider.put(hedy)
    await acme.service.call("POST", f"/workspaces/{acme.slug}/invitations", {"email": hedy.email, "role": "editor"})
    async with AsyncExitStack() as profiles:
        contexts = [await profiles.enter_async_context(await chromium.new_context()) for _ in range(2)]
        inside, waiting = [await context.new_page() for context in contexts]
        await enter_by_mail(inside, acme, hedy.email)
        await expect_signed_in(inside, acme)
        used = await mailed(acme, hedy.email, "/login/magic-link/")
        await waiting.goto(f"{url}/login/exception")
        await waiting.get_by_label("E-mail address").fill(hedy.email)
        await waiting.get_by_role("button", name="E-mail me a sign-in link").click()
        async with asyncio.timeout(10):
            while (link := await mailed(acme, hedy.email, "/login/magic-link/")) == used:  # noqa: ASYNC110 - sent elsewhere
                await asyncio.sleep(0.1)
        await acme.service.record(acme.slug, ("EnforcementEnabled", {}))
        shown = await (await inside.request.get(f"{url}/api/session")).json()
        assert shown["workspaces"] == []
        await waiting.goto(link)
        await waiting.get_by_role("button", name="Sign in").click()
        await expect_notice(waiting, "method_not_allowed")
        assert (await waiting.request.get(f"{url}/api/session")).status == 401
        await inside.goto(f"{url}/account")
        await look(inside, "account_sso_required")
        await inside.goto(f"{url}/open/{acme.slug}")
        await press(inside, hedy)
        await expect_signed_in(inside, acme)


async def test_an_owner_sees_who_is_affected_requires_sso_by_a_click_and_others_are_asked_for_it(
    mortal: Mortal, page: Page, chromium: Browser, look: LookAt
) -> None:
    """Without JavaScript; confirmed by the owner's next sign-in, and lifted by another click."""
    acme, url = mortal.acme, mortal.acme.service.url
    hedy = Person("Hedy", f"hedy@{acme.slug}.example", sub=f"00u-hedy-{acme.slug}")
    guest = f"guest@elsewhere-{acme.slug}.example"
    await acme.provider.put(hedy)
    for email in (hedy.email, guest, f"irene@{acme.slug}.example"):
        await acme.service.call("POST", f"/workspaces/{acme.slug}/invitations", {"email": email, "role": "editor"})
    async with AsyncExitStack() as profiles:
        contexts = [
            await profiles.enter_async_context(await chromium.new_context(java_script_enabled=scripts))
            for scripts in (True, False, False)
        ]
        other, outside, desk = [await context.new_page() for context in contexts]
        await enter_by_mail(other, acme, hedy.email)
        await expect_signed_in(other, acme)
        await enter_by_mail(outside, acme, guest)
        await sign_in_owner(desk, mortal)
        await desk.get_by_role("link", name="Single sign-on").click()
        await expect(desk.locator("[data-affected=refused]")).to_contain_text(guest)
        await expect(desk.locator("[data-affected=anew]")).to_contain_text(hedy.email)
        await expect(desk.locator("[data-affected=invited]")).to_contain_text("irene@")
        await page.context.add_cookies([dict(one) for one in await contexts[2].cookies()])  # type: ignore[misc]
        await page.goto(desk.url)
        await look(page, "desk_preflight")
        await desk.get_by_label("Reason").fill("all have accounts now")
        await desk.get_by_role("button", name="Require single sign-on").click()
        await expect(desk.locator("[data-confirmed=no]")).to_contain_text("It is lifted on")
        await page.goto(desk.url)
        await look(page, "desk_required")
        shown = await (await other.request.get(f"{url}/api/session")).json()
        assert shown["workspaces"] == []
        await other.goto(f"{url}/open/{acme.slug}")
        await press(other, hedy)
        await expect_signed_in(other, acme)
        await desk.reload()
        await expect(desk.locator("[data-confirmed=yes]")).to_be_visible()
        await expect(desk.locator("main")).to_contain_text("all have accounts now")
        await desk.get_by_label("Reason").fill("one day more")
        await desk.get_by_role("button", name="Stop requiring it").click()
        await expect(desk.get_by_role("button", name="Require single sign-on")).to_be_visible()
        assert (await acme.service.call("GET", f"/workspaces/{acme.slug}"))["enforcement"]["enabled"] is False


async def test_a_set_up_link_is_exchanged_in_one_browser_which_stages_and_tests(
    service: RunningService, provider: NodeProvider, page: Page, chromium: Browser, look: LookAt
) -> None:
    """The second browser, where the link was sent: the first one that opened it has only looked."""
    slug = service.new_slug()
    client_id, person = f"0oa-{slug}", replace(GRACE, email_verified=True)
    await provider.put(person)
    await provider.register([service.redirect_uri(slug)], client_id=client_id, client_secret=provider.client_secret)
    await service.call("POST", "/workspaces", {"slug": slug, "name": "Acme", "plan": "one"})
    await service.record(slug, ("DomainAdded", {"domain": "acme.example"}))
    link = (await service.call("POST", f"/workspaces/{slug}/setup-links", {"hours": 2}))["url"]
    await page.goto(link)
    await look(page, "setup_link")
    async with await chromium.new_context() as profile:
        there = await profile.new_page()
        await there.goto(link)
        await there.get_by_role("button", name="Begin in this browser").click()
        await look(there, "desk_setup")
        await stage(there, provider.issuer, client_id, "not-this-one")
        await there.get_by_role("button", name="Test sign-in").click()
        await press(there, person)
        await expect_notice(there, "provider_misconfigured")
        await there.reload()
        await expect(there.locator("[data-credentials=staged]")).to_contain_text("It failed")
        await look(there, "desk_failed")
        await stage(there, provider.issuer, client_id, provider.client_secret)
        await there.get_by_role("button", name="Test sign-in").click()
        await expect(there.locator("[data-credentials=staged]")).to_contain_text("It worked")
        # Whoever holds a link may be nobody of the workspace, and reads of nobody whose account a test was.
        await expect(there.locator("[data-credentials=staged]")).not_to_contain_text(person.email)
        await look(there, "desk_tested")
    await page.get_by_role("button", name="Begin in this browser").click()
    await expect_notice(page, "link_invalid")
    assert await service.members(slug) == {}


async def stage(page: Page, issuer: str, client_id: str, secret: str) -> None:
    """Fill in credentials of another provider than Okta, and keep them for testing."""
    other = page.get_by_text("Another OpenID provider than Okta")
    if await other.count():
        await other.click()
    await page.get_by_label("Issuer").fill(issuer)
    await page.get_by_label("Client ID").fill(client_id)
    await page.get_by_label("Client secret").fill(secret)
    await page.get_by_role("button", name="Keep for testing").click()
    await expect(page.locator("[data-credentials=staged]")).to_contain_text("None yet")
