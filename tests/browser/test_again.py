"""What people do that no protocol foresees: back, reload, an old link, another browser, another person."""

import re

from playwright.async_api import Browser, Page, Request, expect
from support.acme import Acme, MakeAcme, expect_notice, expect_signed_in, press, sign_in
from support.looking import LookAt
from support.node_provider import ADA, GRACE, Person

CALLBACK = "/api/sso/callback/"
BARBARA = Person("Barbara", "barbara@acme.example")


async def signed_in_by(page: Page, acme: Acme) -> str:
    """Sign Ada in, and return the address by which the provider sent her back."""
    seen: list[str] = []

    def look(request: Request) -> None:
        if CALLBACK in request.url:
            seen.append(request.url)

    page.on("request", look)
    await sign_in(page, acme, ADA)
    await expect_signed_in(page, acme)
    page.remove_listener("request", look)
    return seen[0]


async def test_the_back_button_and_forward_again_end_where_they_began(acme: Acme, page: Page) -> None:
    await signed_in_by(page, acme)
    await page.go_back()
    await page.go_forward()
    await expect_signed_in(page, acme)


async def test_an_answer_that_is_opened_again_leads_on_and_signs_nobody_in_twice(acme: Acme, page: Page) -> None:
    callback = await signed_in_by(page, acme)
    await page.goto(callback)
    await expect_signed_in(page, acme)
    assert [entry["reason"] for entry in await acme.service.sign_ins(acme.slug)] == ["ok"]


async def test_an_answer_that_is_opened_again_after_signing_out_is_used_up(
    acme: Acme, page: Page, look: LookAt
) -> None:
    callback = await signed_in_by(page, acme)
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await look(page, "signed_out")
    await page.goto(callback)
    await expect_notice(page, "attempt_used")
    await look(page, "attempt_used")


async def test_an_answer_is_of_no_use_in_another_browser_and_not_used_up_by_it(
    acme: Acme, page: Page, chromium: Browser, look: LookAt
) -> None:
    async with page.expect_request(f"{acme.provider.issuer}/oauth2/v1/authorize?**") as sent:
        await page.goto(acme.link)
    callback = await acme.provider.log_in((await sent.value).url, ADA)
    async with await chromium.new_context() as profile:
        other = await profile.new_page()
        await other.goto(callback)
        await expect_notice(other, "attempt_missing")
        await look(other, "attempt_missing")
        await other.get_by_role("link", name="Start again").click()
        await press(other, ADA)
        await expect_signed_in(other, acme)
    await page.goto(callback)
    await expect_signed_in(page, acme)


async def test_an_answer_to_one_workspace_is_refused_by_another(make_acme: MakeAcme, page: Page) -> None:
    acme, globex = await make_acme(), await make_acme()
    callback = await signed_in_by(page, acme)
    await page.goto(callback.replace(acme.slug, globex.slug))
    await expect(page.locator("article.notice")).to_have_attribute("data-turn", "you")
    assert await globex.service.members(globex.slug) == {}


async def test_signing_in_as_somebody_else_is_asked_first(
    acme: Acme, page: Page, chromium: Browser, look: LookAt
) -> None:
    await sign_in(page, acme, ADA)
    await expect_signed_in(page, acme)
    await page.context.clear_cookies(name="_session")
    await page.context.clear_cookies(name="_session.legacy")
    await sign_in(page, acme, GRACE)
    await expect(page.locator("main")).to_contain_text(GRACE.email)
    await look(page, "switch")
    await page.get_by_role("button", name="Change account").click()
    await expect_signed_in(page, acme)
    await expect(page.get_by_role("heading", name="Grace")).to_be_visible()


async def test_an_invited_owner_confirms_the_first_sign_in_by_a_mail(
    acme: Acme, page: Page, chromium: Browser, look: LookAt
) -> None:
    await acme.provider.put(BARBARA)
    invited = {"email": BARBARA.email, "role": "owner"}
    await acme.service.call("POST", f"/workspaces/{acme.slug}/invitations", invited)
    await sign_in(page, acme, BARBARA)
    await expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    await look(page, "check_mail")
    assert await acme.service.members(acme.slug) == {}
    mail = await acme.service.mail_to(BARBARA.email, f"{acme.service.url}/link/")
    link = re.search(r"http\S+/link/\S+", mail)
    assert link is not None
    async with await chromium.new_context() as phone:
        reading = await phone.new_page()
        await reading.goto(link[0])
        await look(reading, "confirm_link")
        await reading.get_by_role("button", name="Yes, it was me").click()
        await expect(reading.get_by_role("heading", name="Confirmed")).to_be_visible()
        await look(reading, "link_confirmed")
        await reading.goto(link[0])
        await expect_notice(reading, "link_used")
    await page.get_by_role("link", name="I have confirmed; sign in").click()
    await expect_signed_in(page, acme)
    assert (await acme.service.members(acme.slug))[BARBARA.email]["role"] == "owner"


async def test_a_session_ends_everywhere_when_it_is_signed_out_everywhere(
    acme: Acme, page: Page, chromium: Browser
) -> None:
    await sign_in(page, acme, ADA)
    await expect_signed_in(page, acme)
    async with await chromium.new_context() as profile:
        other = await profile.new_page()
        await sign_in(other, acme, ADA)
        await expect_signed_in(other, acme)
        await other.get_by_role("button", name="Sign out everywhere").click()
    await page.reload()
    await expect(page.get_by_role("heading", name="Ada")).not_to_be_visible()
