"""A round trip to Google that is under way while single sign-on gets required, in Chromium."""

import re
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Page, expect
from support.acme import Acme, expect_notice, expect_signed_in, press, sign_in
from support.database import EMBEDDED, Clusters
from support.node_provider import ADA, NodeProvider, Person
from support.service import RunningService, running_service

HEDY = Person("Hedy", "hedy@gmail.com", email_verified=True)
SLUG = "acme"


async def with_google(service: RunningService, provider: NodeProvider) -> Acme:
    """Return a workspace whose people sign in at the provider, which is Google too; Ada owns it, Hedy is invited."""
    acme, secret = Acme(SLUG, service, provider), provider.client_secret
    await provider.put(HEDY)
    await provider.register([f"{service.url}/login/google/callback"], client_id="google-client", client_secret=secret)
    await provider.register([service.redirect_uri(SLUG)], client_id=acme.client_id, client_secret=secret)
    await service.connect(SLUG, provider.issuer, acme.client_id, secret)
    for person, role in ((ADA, "owner"), (HEDY, "editor")):
        await service.call("POST", f"/workspaces/{SLUG}/invitations", {"email": person.email, "role": role})
    return acme


async def sign_in_owner(page: Page, acme: Acme) -> None:
    """Sign Ada in by SSO, so that there is an owner with a way in."""
    await sign_in(page, acme, ADA)
    await expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    mail = await acme.service.mail_to(ADA.email, f"{acme.service.url}/link/")
    link = re.search(r"http\S+/link/\S+", mail)
    assert link is not None
    await page.goto(link[0])
    await page.get_by_role("button", name="Yes, it was me").click()
    await expect(page.get_by_role("heading", name="Confirmed")).to_be_visible()
    await page.goto(acme.link)
    await expect_signed_in(page, acme)


async def to_google(page: Page, url: str) -> None:
    """Go as far as Google's own page."""
    await page.goto(f"{url}/login")
    await page.get_by_label("E-mail address").fill(HEDY.email)
    await page.get_by_role("button", name="Continue", exact=True).click()
    await page.get_by_role("button", name="Continue with Google").click()
    await expect(page.get_by_role("button", name=HEDY.email)).to_be_visible()


async def session(context: BrowserContext, url: str) -> int | list[str]:
    """Return which workspaces the browser opens, or the status where nobody is signed in."""
    answer = await context.request.get(f"{url}/api/session")
    return [one["slug"] for one in (await answer.json())["workspaces"]] if answer.status == 200 else answer.status


async def test_a_round_trip_to_google_that_requiring_sso_overtakes_opens_nothing(
    clusters: Clusters, provider: NodeProvider, chromium: Browser, tmp_path: Path
) -> None:
    """Who was at Google then comes back to a page that says so, and who was signed in by it is outside."""
    cluster = clusters.get(EMBEDDED)
    database = cluster.create_database()
    google = {
        "GOOGLE_ISSUER": provider.issuer,
        "GOOGLE_CLIENT_ID": "google-client",
        "GOOGLE_CLIENT_SECRET": provider.client_secret,
    }
    with running_service(database, tmp_path, **google) as service:
        acme = await with_google(service, provider)
        async with (
            await chromium.new_context() as owner,
            await chromium.new_context() as inside,
            await chromium.new_context() as under_way,
        ):
            await sign_in_owner(await owner.new_page(), acme)
            first, second = await inside.new_page(), await under_way.new_page()
            await to_google(first, service.url)
            await press(first, HEDY)
            await expect_signed_in(first, acme)
            await to_google(second, service.url)
            await service.record(SLUG, ("EnforcementEnabled", {}))
            await press(second, HEDY)
            await expect_notice(second, "method_not_allowed")
            assert await session(under_way, service.url) == 401
            assert await session(inside, service.url) == []
            assert await session(owner, service.url) == [SLUG]
    cluster.drop_database(database)
