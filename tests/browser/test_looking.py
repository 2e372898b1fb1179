"""The check that every page passes, itself."""

from playwright.async_api import Page
from support.looking import violations


async def test_a_page_that_is_not_accessible_does_not_pass(page: Page) -> None:
    await page.set_content('<html lang="en"><title>x</title><main><h1>x</h1><img src="x"></main></html>')
    assert [line.partition(":")[0] for line in await violations(page)] == ["image-alt"]
