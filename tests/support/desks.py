"""A site whose connection is tested, promoted and repaired at a desk, and what people do there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from support.browser import Browser
from support.database import Pool
from support.provider import FakeProvider
from support.site import Site, running_site

from events.commands.access import IssueSetupLink
from events.envelope import Actor
from service.commands.asking import Asker
from service.commands.proposals import Change, Emission, Explanation, read_changes
from service.identity.setup_link import new_setup_token, setup_token_hash
from service.keys import COMMANDS

DESK = "/workspaces/acme/connection"
SUPPORT = Asker(Actor("token", "support"))


class TwoSecrets(FakeProvider):
    """Takes the old client secret and the new one, as an app in Okta does while one is replaced."""

    accepted: frozenset[str] = frozenset()

    def _client_is_authenticated(self, request: Any, form: Any) -> bool:
        kept = self.client_secret
        for secret in (kept, *self.accepted):
            self.client_secret = secret
            right = super()._client_is_authenticated(request, form)
            self.client_secret = kept
            if right:
                return True
        return False


@asynccontextmanager
async def desk_site(pool: Pool) -> AsyncIterator[Site]:
    """Run a site that keeps its own secrets; ``acme`` has the provider's as recorded ones, in use and with SSO on."""
    async with running_site(
        pool, TwoSecrets(client_secret="the-old-secret"), own_secrets=True, app_url="https://app.example/home"
    ) as made:
        await made.connect()
        await record(made, "CredentialsSet", typed(made, made.provider.client_secret))
        yield made


def typed(site: Site, secret: str) -> dict[str, str]:
    """Return credentials at the site's provider, as they are typed in."""
    return {
        "issuer": site.provider.issuer,
        "client_id": site.provider.client_id,
        "client_secret": secret,
        "email_verified": "ignore",
    }


async def record(site: Site, type_: str, data: dict[str, Any] | None = None) -> None:
    """Have support record an event."""
    changes = read_changes([Emission(type=type_, data=data or {})], listed=False)
    assert site.client.app is not None
    await site.client.app[COMMANDS].execute("acme", changes, SUPPORT)


async def owner(site: Site) -> Browser:
    """Return the browser of an owner who has signed in by SSO."""
    browser = site.browser()
    await site.sign_in(browser)
    await site.world.pool.execute("update identity.members set role = 'owner' where email = 'ada@acme.example'")
    return browser


async def tried(site: Site, browser: Browser, base: str, credentials_id: str) -> Any:
    """Test credentials by the page's button. Returns the callback's answer."""
    answer = await browser.submit(f"{base}/test", {"credentials": credentials_id})
    assert answer.status == 303, await answer.text()
    return await browser.get(await site.provider.log_in(answer.headers["Location"]))


async def staged_id(site: Site) -> str:
    """Return which credentials are staged."""
    staged = (await site.world.workspace()).staged
    assert staged is not None
    return staged.credentials_id


async def through(site: Site, browser: Browser, callback: str) -> Any:
    """Open a callback and go where it leads as browsers do, through the provider once more where it says so."""
    answer = await browser.get(callback)
    if answer.headers.get("Location", "").startswith("/api/sso/initiate/"):
        answer = await browser.get(await site.back(browser, answer.headers["Location"]))
    return answer


async def set_up(site: Site, slug: str = "acme") -> tuple[str, str]:
    """Return the address and the id of a fresh set-up link."""
    token, link_id = new_setup_token(slug), str(uuid4())
    command = IssueSetupLink(link_id=link_id, token_hash=setup_token_hash(token))
    assert site.client.app is not None
    await site.client.app[COMMANDS].execute(slug, [Change(command, Explanation())], SUPPORT)
    return f"/setup/{token}", link_id
