"""Signing in by a mailed link, step by step, and what the session then opens."""

import orjson
from support.browser import Browser
from support.identity_mail import KeptMails, deliver, link_in
from support.site import Site

ADA = "ada@acme.example"


async def mailed(site: Site, email: str = ADA) -> str:
    """Ask for a link on the login page and return its address from the mail."""
    answer = await site.browser().submit("/login/magic-link", {"email": email})
    assert answer.status == 200, await answer.text()
    mails = KeptMails()
    await deliver(site.world, mails)
    # Notices to owners may go out along with it, in any order.
    (mail,) = [one for one in mails.kept if one["To"] == email and one["Subject"].startswith("Your sign-in link")]
    return f"/login/magic-link/{link_in(mail)}"


async def session(browser: Browser) -> dict[str, object]:
    """Return what the session of this browser says."""
    answer = await browser.get("/api/session")
    told: dict[str, object] = orjson.loads(await answer.read())
    return told if answer.status == 200 else {"status": answer.status}


async def workspaces(browser: Browser) -> list[str]:
    """Return the workspaces that the session of this browser opens."""
    told = await session(browser)
    listed = told.get("workspaces", [])
    assert isinstance(listed, list)
    return [one["slug"] for one in listed]
