"""A customer as browser tests meet it: a workspace, its provider, and what people press and see."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page, expect
from support.node_provider import NodeProvider, Person
from support.service import RunningService


@dataclass(frozen=True)
class Acme:
    """A workspace of this test's own, whose members sign in at the provider."""

    slug: str
    service: RunningService
    provider: NodeProvider

    @property
    def link(self) -> str:
        """The login link."""
        return self.service.initiate_uri(self.slug)

    @property
    def tile(self) -> str:
        """Where the tile on the provider's dashboard leads."""
        return f"{self.link}?iss={self.provider.issuer}"

    @property
    def client_id(self) -> str:
        """The client ID of the workspace's application at the provider."""
        return f"0oa-{self.slug}"


MakeAcme = Callable[..., Awaitable[Acme]]


async def press(page: Page, person: Person) -> None:
    """Press a person's button on the provider's login page."""
    await page.get_by_role("button", name=person.email).click()


async def sign_in(page: Page, acme: Acme, person: Person) -> None:
    """Go from the login link through the provider to wherever that leads."""
    await page.goto(acme.link)
    await press(page, person)


async def expect_signed_in(page: Page, acme: Acme) -> None:
    """See that the account page opens this workspace."""
    await expect(page).to_have_url(f"{acme.service.url}/account")
    await expect(page.locator(".rows")).to_contain_text(acme.slug)


async def expect_notice(page: Page, reason: str) -> None:
    """See that the page explains this reason, with a request number to give to support."""
    await expect(page.locator("article.notice")).to_have_attribute("data-reason", reason)
    await expect(page.locator(".reference")).to_contain_text("req_")
