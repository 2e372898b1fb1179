"""Signing in by a mailed link, as a browser does it, with a real SMTP server in between."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from pydantic import SecretStr
from support.browser import shown_reason
from support.database import Pool
from support.identity_mail import KeptMails, deliver, link_in
from support.identity_values import Proven
from support.login_links import mailed, session, workspaces
from support.service import PostOffice, free_port
from support.site import Site, running_site

from events.catalogue.access import BypassGranted, EnforcementEnabled
from events.catalogue.instants import write_instant
from service.identity.magic_link import MOST_AT_ONCE
from service.mail import SmtpMailer

ADA = "ada@acme.example"


@pytest.fixture
def post(tmp_path: Path) -> Iterator[PostOffice]:
    """An SMTP server that keeps what it is given."""
    office = PostOffice(tmp_path / "mail")
    catcher = Controller(office, hostname="127.0.0.1", port=free_port())
    catcher.start()
    office.url = f"smtp://127.0.0.1:{catcher.port}"
    yield office
    catcher.stop()


async def test_a_member_signs_in_by_a_mail_from_a_real_server(site: Site, post: PostOffice) -> None:
    await site.world.member()
    browser = site.browser()
    page = await (await browser.submit("/login/magic-link", {"email": ADA})).text()
    assert "Check your mail" in page
    await deliver(site.world, SmtpMailer.from_url(SecretStr(post.url)))
    (mail,) = post.mails()
    assert (mail.message["To"], mail.message["Subject"]) == (ADA, "Your sign-in link for id.example")
    assert "The link works once, for 15 minutes" in mail.text
    assert "Sign in" in mail.html
    address = f"/login/magic-link/{link_in(mail.message)}"
    assert address in mail.html
    assert "One click to go" in await (await browser.get(address)).text()
    answer = await browser.submit(address)
    assert (answer.status, answer.headers["Location"]) == (303, "https://app.example/home")
    assert await workspaces(browser) == ["acme"]
    assert set(browser.named("last-method").values()) == {"magic_link"}
    assert [(row["method"], row["workspace"], row["reason"]) for row in await site.sign_ins()] == [
        ("magic_link", "acme", "ok")
    ]


async def test_a_mail_scanner_that_opens_the_link_spends_nothing(site: Site) -> None:
    await site.world.member()
    address = await mailed(site)
    for method in ("GET", "HEAD", "GET"):
        answer = await site.browser().send(method, address, headers={})
        assert answer.status == 200
        assert "keyledger-session" not in str(answer.headers.getall("Set-Cookie", []))
    scanner = await site.browser().send("POST", address, headers={})
    assert scanner.status == 403
    assert (await site.browser().submit(address)).status == 303


async def test_a_link_works_once_and_not_for_ever_and_each_page_says_so(site: Site) -> None:
    await site.world.member()
    used, late = await mailed(site), await mailed(site)
    assert (await site.browser().submit(used)).status == 303
    third = await mailed(site)
    for address, reason in (
        (used, "link_used"),
        (late, "link_used"),
        ("/login/magic-link/" + "A" * 43, "link_invalid"),
    ):
        for answer in (await site.browser().get(address), await site.browser().submit(address)):
            assert (answer.status, await shown_reason(answer)) == (410, reason)
    site.world.clock.now += timedelta(minutes=15)
    answer = await site.browser().submit(third)
    assert (answer.status, await shown_reason(answer)) == (410, "link_invalid")
    assert (await site.reasons())[1:] == ["attempt_used", "attempt_used", "attempt_missing", "attempt_expired"]


async def test_the_link_leads_to_where_the_person_wanted_to_go(site: Site) -> None:
    await site.world.member()
    target = "https://app.example/inbox"
    await site.browser().submit("/login/magic-link", {"email": ADA, "target_link_uri": target})
    mails = KeptMails()
    await deliver(site.world, mails)
    answer = await site.browser().submit(f"/login/magic-link/{link_in(mails.kept[0])}")
    assert answer.headers["Location"] == target


async def test_signing_in_as_somebody_else_is_confirmed_first(site: Site) -> None:
    await site.world.member()
    browser = site.browser()
    await site.sign_in(browser)
    before = await session(browser)
    await site.world.member("grace@acme.example", proven=True)
    address = await mailed(site, "grace@acme.example")
    asked = await browser.submit(address)
    text = await asked.text()
    assert "Change to another account?" in text
    assert "grace@acme.example" in text
    assert await session(browser) == before
    foreign = await browser.send("POST", address, headers={"Sec-Fetch-Site": "cross-site"}, data={"switch": "yes"})
    assert foreign.status == 403
    assert (await browser.submit(address, {"switch": "yes"})).status == 303
    assert (await session(browser))["user"] != before["user"]


async def test_while_sso_is_required_the_link_leads_to_sso(site: Site) -> None:
    await site.world.member()
    address = await mailed(site)
    await site.world.append("acme", [EnforcementEnabled()])
    browser = site.browser()
    answer = await browser.submit(address)
    assert (answer.status, await shown_reason(answer)) == (403, "method_not_allowed")
    assert 'href="/api/sso/initiate/acme"' in await answer.text()
    assert await session(browser) == {"status": 401}
    assert (await site.sign_ins())[-1]["workspace"] == "acme"


async def grant(site: Site, member_id: UUID, hours: int) -> None:
    ends = write_instant(site.world.clock.now + timedelta(hours=hours))
    granted = BypassGranted(member_id=str(member_id), expires_at=ends, reason="phone lost")
    await site.world.append("acme", [EnforcementEnabled(), granted])


async def test_a_bypass_lets_its_person_in_by_mail_and_its_end_ends_the_session(site: Site) -> None:
    member_id = await site.world.member()
    await site.world.member("grace@acme.example")
    await grant(site, member_id, 2)
    browser = site.browser()
    assert (await browser.submit(await mailed(site))).status == 303
    assert await workspaces(browser) == ["acme"]
    other = await site.browser().submit(await mailed(site, "grace@acme.example"))
    assert await shown_reason(other) == "method_not_allowed"
    site.world.clock.turn(hours=2)
    assert await session(browser) == {"status": 401}


async def test_an_address_that_no_workspace_knows_is_told_so_only_after_the_mail(site: Site) -> None:
    """An invitation that was there when the link was sent and was withdrawn meanwhile."""
    await site.world.invitation()
    address = await mailed(site)
    await site.world.pool.execute("update identity.invitations set status = 'revoked'")
    answer = await site.browser().submit(address)
    assert (answer.status, await shown_reason(answer)) == (403, "invitation_required")
    assert "No workspace has this address" in await answer.text()


async def test_who_has_only_ever_come_by_sso_is_led_there(site: Site) -> None:
    await site.sign_in(site.browser())
    answer = await site.browser().submit(await mailed(site))
    assert await shown_reason(answer) == "identity_conflict"
    assert 'href="/api/sso/initiate/acme"' in await answer.text()


@pytest.mark.parametrize("email", [ADA, "nobody@acme.example"])
async def test_an_address_is_not_flooded_and_the_page_says_how_long_to_wait(site: Site, email: str) -> None:
    await site.world.member()
    statuses = [
        (await site.browser().submit("/login/magic-link", {"email": email})).status for _ in range(MOST_AT_ONCE)
    ]
    assert statuses == [200] * MOST_AT_ONCE
    answer = await site.browser().submit("/login/magic-link", {"email": email.upper()})
    assert (answer.status, answer.headers["Retry-After"]) == (429, "900")
    assert "newest one" in await answer.text()


@pytest.fixture
async def behind_a_proxy(pool: Pool) -> AsyncIterator[Site]:
    """A site whose callers have addresses of their own."""
    async with running_site(pool, trusted_proxies=("127.0.0.0/8",)) as made:
        await made.connect()
        yield made


async def test_one_caller_cannot_have_mails_sent_to_everybody(behind_a_proxy: Site) -> None:
    async def status(number: int, caller: str) -> int:
        headers = {"X-Forwarded-For": caller, "Sec-Fetch-Site": "same-origin"}
        data = {"email": f"ada{number}@acme.example"}
        browser = behind_a_proxy.browser()
        return (await browser.send("POST", "/login/magic-link", headers=headers, data=data)).status

    assert [await status(number, "198.51.100.7") for number in range(21)] == [200] * 20 + [429]
    assert await status(30, "198.51.100.8") == 200


async def test_a_session_by_sso_gains_the_link_without_being_asked(site: Site) -> None:
    """The same person in the same browser: the account that SSO made is theirs from then on."""
    browser = site.browser()
    await site.sign_in(browser)
    answer = await browser.submit(await mailed(site, Proven().email))
    assert answer.status == 303
    told = await session(browser)
    made = told["authentications"]
    assert isinstance(made, list)
    assert [one["method"] for one in made] == ["sso", "magic_link"]
