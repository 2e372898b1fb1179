"""How far an invitation's link reaches: it is good for weeks, and people forward it to whoever should see it too."""

import re
from datetime import timedelta

import pytest
from support.browser import Browser
from support.database import Pool
from support.identity_mail import KeptMails, deliver
from support.identity_world import STAFF
from support.site import Site, running_site

from events.catalogue.access import SsoDisabled
from service.identity.change import Change, change_workspace
from service.identity.invitations import invite
from service.identity.members import deactivate_member, erase_member, reactivate_member

GRACE = "grace@elsewhere.example"


async def _invite(site: Site, slug: str) -> str:
    await change_workspace(site.world.resources, slug, STAFF, lambda change: invite(change, GRACE, "editor"))
    mails = KeptMails()
    await deliver(site.world, mails)
    body = mails.kept[-1].get_body(("plain",))
    found = None if body is None else re.search(r"https://id\.example[^/]*(/invitation/\S+)", body.get_content())
    assert found is not None
    return found[1]


async def _opened(browser: Browser) -> list[str]:
    answer = await browser.get("/api/session")
    return [one["slug"] for one in (await answer.json())["workspaces"]] if answer.status == 200 else []


async def test_an_invitation_of_one_workspace_opens_no_other_of_the_invitees(pool: Pool) -> None:
    """Whoever holds it, a week later, is let into the workspace that sent it, and is told of no other."""
    async with running_site(pool) as site:
        for slug in ("acme", "globex"):
            await site.connect(slug)
            await site.world.append(slug, [SsoDisabled()])
        assert (await site.browser().submit(await _invite(site, "acme"))).status == 303
        link = await _invite(site, "globex")
        site.world.clock.now += timedelta(days=7)
        stranger = site.browser()
        assert (await stranger.submit(link)).status == 303
        assert await _opened(stranger) == ["globex"]
        assert "Acme" not in await (await stranger.get("/account")).text()


@pytest.mark.parametrize("ended", ["removed", "deactivated"])
async def test_what_a_forwarded_invitation_opened_does_not_come_back_with_the_next_one(pool: Pool, ended: str) -> None:
    """Support finds a stranger in Grace's place, takes the member out, and has Grace herself come in."""
    async with running_site(pool) as site:
        for slug in ("acme", "globex"):
            await site.connect(slug)
            await site.world.append(slug, [SsoDisabled()])
        assert (await site.browser().submit(await _invite(site, "acme"))).status == 303
        stranger, grace = site.browser(), site.browser()
        assert (await stranger.submit(await _invite(site, "globex"))).status == 303
        assert await _opened(stranger) == ["globex"]
        member_id = await pool.fetchval("select member_id from identity.members where workspace = 'globex'")

        async def out(change: Change) -> None:
            await (deactivate_member if ended == "deactivated" else erase_member)(change, member_id)

        await change_workspace(site.world.resources, "globex", STAFF, out)
        held = await pool.fetchval("select count(*) from identity.sessions where data::text like '%globex%'")
        assert held == 0
        if ended == "removed":
            assert (await grace.submit(await _invite(site, "globex"))).status == 303
            assert await _opened(grace) == ["globex"]
        else:
            await change_workspace(site.world.resources, "globex", STAFF, lambda c: reactivate_member(c, member_id))
        assert await _opened(stranger) == []


async def test_signing_out_everywhere_ends_what_an_invitation_opened(pool: Pool) -> None:
    async with running_site(pool) as site:
        await site.connect()
        await site.world.append("acme", [SsoDisabled()])
        browser = site.browser()
        assert (await browser.submit(await _invite(site, "acme"))).status == 303
        copied = site.browser()
        copied.cookies = dict(browser.cookies)
        other = await pool.fetchval("select count(*) from identity.sessions")
        await pool.execute(
            "insert into identity.sessions select sha256(session_hash), user_id, data, created_at, last_seen_at,"
            " absolute_expires_at from identity.sessions"
        )
        assert (await browser.submit("/logout/everywhere")).status == 200
        assert (other, await pool.fetchval("select count(*) from identity.sessions")) == (1, 0)
        assert await _opened(copied) == []
