"""Signing in as people do: in Chromium, at the running service, by a certified provider set up like an Okta org."""

import dataclasses
import re

from playwright.async_api import Browser, BrowserContext, Page, expect
from support.acme import Acme, MakeAcme, expect_notice, expect_signed_in, press, sign_in
from support.looking import LookAt
from support.node_provider import ADA, GRACE, Person

STRANGER = Person("Margaret", "margaret@globex.example")


async def test_a_login_link_creates_an_unknown_person_just_in_time_as_an_editor(
    acme: Acme, page: Page, look: LookAt
) -> None:
    await sign_in(page, acme, ADA)
    await expect_signed_in(page, acme)
    await expect(page.get_by_role("heading", name="Ada")).to_be_visible()
    await look(page, "account")
    member = (await acme.service.members(acme.slug))[ADA.email]
    assert (member["role"], member["websites"], member["status"]) == ("editor", "all", "active")


async def test_the_tile_on_the_dashboard_starts_a_sign_in(acme: Acme, page: Page) -> None:
    await page.goto(acme.tile)
    await press(page, ADA)
    await expect_signed_in(page, acme)


async def test_a_tile_of_another_provider_starts_none(acme: Acme, page: Page, look: LookAt) -> None:
    await page.goto(f"{acme.link}?iss=https://globex.okta.com")
    await expect_notice(page, "issuer_mismatch")
    await look(page, "issuer_mismatch")


async def test_the_start_page_leads_to_the_provider_by_keyboard_alone(acme: Acme, page: Page, look: LookAt) -> None:
    await page.goto(acme.service.url)
    await look(page, "start")
    await page.get_by_label("Workspace").focus()
    await page.keyboard.type(acme.slug)
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(re.escape(acme.provider.issuer)))
    await page.get_by_role("button", name=ADA.email).focus()
    await page.keyboard.press("Enter")
    await expect_signed_in(page, acme)


async def test_signing_in_needs_no_script(acme: Acme, chromium: Browser) -> None:
    async with await chromium.new_context(java_script_enabled=False) as profile:
        page = await profile.new_page()
        await sign_in(page, acme, ADA)
        await expect_signed_in(page, acme)


async def test_an_answer_by_form_post_signs_in_too(acme: Acme, page: Page) -> None:
    await acme.provider.switch(form_post=True)
    await sign_in(page, acme, ADA)
    await expect_signed_in(page, acme)


async def test_without_jit_an_unknown_person_is_told_to_ask_for_an_invitation(
    make_acme: MakeAcme, page: Page, look: LookAt
) -> None:
    acme = await make_acme(jit=False)
    await sign_in(page, acme, ADA)
    await expect_notice(page, "invitation_required")
    await look(page, "invitation_required")
    assert await acme.service.members(acme.slug) == {}


async def test_without_jit_an_invited_person_comes_in_with_the_invited_role(make_acme: MakeAcme, page: Page) -> None:
    acme = await make_acme(jit=False)
    await acme.service.call("POST", f"/workspaces/{acme.slug}/invitations", {"email": GRACE.email, "role": "viewer"})
    await sign_in(page, acme, GRACE)
    await expect_signed_in(page, acme)
    assert (await acme.service.members(acme.slug))[GRACE.email]["role"] == "viewer"
    assert (await acme.service.call("GET", f"/workspaces/{acme.slug}/invitations"))["items"] == []


async def test_a_foreign_domain_is_denied_whatever_the_provider_says(acme: Acme, page: Page, look: LookAt) -> None:
    await acme.provider.put(STRANGER)
    await sign_in(page, acme, STRANGER)
    await expect_notice(page, "domain_not_allowed")
    await look(page, "domain_not_allowed")
    assert await acme.service.members(acme.slug) == {}
    assert (await acme.service.sign_ins(acme.slug))[0]["reason"] == "domain_not_allowed"


async def test_with_sso_disabled_the_link_is_answered_like_that_of_no_workspace(
    acme: Acme, page: Page, look: LookAt
) -> None:
    await acme.service.record(acme.slug, ("SsoDisabled", {}))
    disabled = await page.goto(acme.link)
    await expect_notice(page, "workspace_unavailable")
    await look(page, "workspace_unavailable")
    words = await page.locator("article h1").inner_text()
    unknown = await page.goto(acme.service.initiate_uri("nobody"))
    await expect_notice(page, "workspace_unavailable")
    assert await page.locator("article h1").inner_text() == words
    assert disabled is not None
    assert unknown is not None
    assert disabled.status == unknown.status


async def test_a_plan_without_sso_closes_the_link(acme: Acme, page: Page) -> None:
    await acme.service.record(acme.slug, ("WorkspacePlanChanged", {"plan": "free"}))
    await page.goto(acme.link)
    await expect_notice(page, "workspace_unavailable")


async def test_whoever_is_not_assigned_reads_whose_turn_it_is(acme: Acme, page: Page, look: LookAt) -> None:
    await acme.provider.put(dataclasses.replace(GRACE, assigned=False))
    await sign_in(page, acme, GRACE)
    await expect_notice(page, "provider_denied")
    await expect(page.locator("article.notice")).to_have_attribute("data-turn", "administrator")
    await look(page, "provider_denied")


async def test_a_deactivated_member_is_refused_and_jit_revives_nobody(acme: Acme, page: Page, look: LookAt) -> None:
    await sign_in(page, acme, ADA)
    await expect_signed_in(page, acme)
    await acme.service.call("PATCH", f"/workspaces/{acme.slug}/members/{ADA.email}", {"status": "deactivated"})
    await page.goto(acme.link)
    await expect_notice(page, "member_deactivated")
    await look(page, "member_deactivated")
    assert (await acme.service.members(acme.slug))[ADA.email]["status"] == "deactivated"


async def test_two_tabs_side_by_side_both_finish(acme: Acme, context: BrowserContext) -> None:
    first, second = await context.new_page(), await context.new_page()
    await first.goto(acme.link)
    await second.goto(acme.link)
    await press(second, ADA)
    await expect_signed_in(second, acme)
    await press(first, ADA)
    await expect_signed_in(first, acme)
