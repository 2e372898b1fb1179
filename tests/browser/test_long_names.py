"""Names as long as they may be, in one word, fit on every page that shows them."""

from playwright.async_api import Page
from support.looking import LookAt
from support.service import RunningService

NAME = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2
SLUG = "a" * 63
DOMAIN = f"{'x' * 60}.{'y' * 60}.example"


async def test_the_longest_names_are_broken_and_push_nothing_out_of_the_page(
    service: RunningService, page: Page, look: LookAt
) -> None:
    """No page has to be scrolled sideways, also not at four times the size."""
    member = f"{'m' * 60}@{DOMAIN}"
    await service.call(
        "POST", "/workspaces", {"slug": SLUG, "name": NAME, "plan": "one", "owner_email": f"{'o' * 60}@{DOMAIN}"}
    )
    await service.call("POST", f"/workspaces/{SLUG}/invitations", {"email": member, "role": "editor"})
    await page.goto(f"{service.url}/login?workspace={SLUG}")
    await look(page, "long_login")
    invited = await service.mail_to(member, "/invitation/")
    await page.goto(next(word for word in invited.split() if "/invitation/" in word))
    await look(page, "long_invitation")
    await page.get_by_role("button", name="Accept and sign in").click()
    await page.get_by_role("heading", name="Workspaces").wait_for()
    await look(page, "long_account")
