"""People who come back changed: a new address, a new account, an address that was somebody else's, or after removal.

Each over HTTP, from the initiate address through the provider to the page or the session.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest
from aiohttp import ClientResponse
from support.browser import Browser, shown_reason
from support.identity_mail import KeptMails, deliver
from support.identity_world import credentials_data
from support.site import Site

from events.catalogue.configuration import DomainAdded, DomainRemoved, JitDisabled
from events.catalogue.credentials import CredentialsSet
from events.envelope import Actor, Context
from events.refusals import Refusal
from events.verify import verify_log
from service.identity.change import Change, change_workspace
from service.identity.housekeeping import Housekeeping
from service.identity.invitations import invite
from service.identity.members import deactivate_member, erase_member, reactivate_member
from service.identity.relinking import relink_member

T = TypeVar("T")
SUPPORT = Context(Actor("token", "ada-support"), reason="new Okta account, called back", requested_by="Irene")
ADA = {"sub": "00u17ada1acme", "name": "Ada", "email": "ada@acme.example"}
NEW_ACCOUNT = {**ADA, "sub": "00u99ada2acme"}


async def changed(site: Site, work: Callable[[Change], Awaitable[T]], context: Context = SUPPORT) -> T:
    return await change_workspace(site.world.resources, "acme", context, work)


async def comes(site: Site, person: dict[str, Any] | None = None, browser: Browser | None = None) -> ClientResponse:
    """Sign somebody in. Returns the callback's answer."""
    site.provider.person = dict(person or ADA)
    return await site.sign_in(browser or site.browser())


async def let_in(site: Site, person: dict[str, Any] | None = None, browser: Browser | None = None) -> None:
    answer = await comes(site, person, browser)
    assert answer.status == 303, await answer.text()


async def turned_away(site: Site, person: dict[str, Any] | None, reason: str) -> str:
    """Assert that the person is refused for this reason and nothing changes. Returns the request id on the page."""
    before = await site.world.snapshot()
    answer = await comes(site, person)
    text = await answer.text()
    assert await shown_reason(answer) == reason, text
    assert await site.world.snapshot() == before
    request_id = answer.headers["X-Request-Id"]
    assert request_id in text
    assert (await site.sign_ins())[-1]["request_id"] == request_id
    return request_id


async def member_id(site: Site, email: str = ADA["email"]) -> UUID:
    found = await site.world.pool.fetchval("select member_id from identity.members where email_key = $1", email)
    assert isinstance(found, UUID)
    return found


async def opens(browser: Browser) -> list[str]:
    """Return the workspaces that the browser's session opens now."""
    answer = await browser.get("/api/session")
    return [one["slug"] for one in (await answer.json())["workspaces"]] if answer.status == 200 else []


async def mailed(site: Site, to: str) -> list[str]:
    """Send what waits, and return the texts that went to this address."""
    mails = KeptMails()
    await deliver(site.world, mails)
    bodies = [message.get_body(("plain",)) for message in mails.kept if message["To"] == to]
    return [body.get_content() for body in bodies if body is not None]


@pytest.mark.parametrize("at_once", [2, 5])
async def test_b12_callbacks_of_one_new_person_at_once_make_one_member_and_let_both_in(
    site: Site, at_once: int
) -> None:
    """The first sign-in in several tabs or devices at once: one user, member and event; every browser has a session."""
    browsers = [site.browser() for _ in range(at_once)]
    returns = [await site.back(browser) for browser in browsers]
    answers = await asyncio.gather(*(browser.get(back) for browser, back in zip(browsers, returns, strict=True)))
    assert [answer.status for answer in answers] == [303] * at_once
    assert [await opens(browser) for browser in browsers] == [["acme"]] * at_once
    assert [len(await site.world.rows(table)) for table in ("users", "members", "identities")] == [1, 1, 1]
    assert (await site.world.event_types()).count("MemberJoined") == 1


async def test_b27_an_invitation_is_consumed_once_by_callbacks_at_once(site: Site) -> None:
    """The role is the invitation's, and both get in."""
    await changed(site, lambda change: invite(change, ADA["email"], "viewer"))
    browsers = [site.browser() for _ in range(2)]
    returns = [await site.back(browser) for browser in browsers]
    answers = await asyncio.gather(*(one.get(back) for one, back in zip(browsers, returns, strict=True)))
    assert [answer.status for answer in answers] == [303, 303]
    (member,) = await site.world.rows("members")
    assert member["role"] == "viewer"


async def test_b1_one_person_in_any_case_is_one_member(site: Site) -> None:
    """Compared folded, shown as given: no second user, also for a member who was there before their first sign-in."""
    before = await site.world.member("Ada@acme.example")
    for email in ("ADA@ACME.Example", "ada@acme.example", "Ada@Acme.example"):
        await let_in(site, {**ADA, "email": email})
    assert await member_id(site) == before
    assert [row["email"] for row in await site.world.rows("members")] == ["Ada@Acme.example"]
    assert len(await site.world.rows("users")) == 1


async def test_b8_a_changed_address_follows_the_identity_within_the_allowed_domains(site: Site) -> None:
    """Same subject, new address: the same member, shown by the new address; no second account."""
    await let_in(site)
    before = await member_id(site)
    browser = site.browser()
    await let_in(site, {**ADA, "email": "Ada.King@acme.example"}, browser)
    assert await member_id(site, "ada.king@acme.example") == before
    assert len(await site.world.rows("members")) == 1
    assert "Ada.King@acme.example" in await (await browser.get("/account")).text()


async def test_b8_a_changed_address_outside_the_allowed_domains_is_refused(site: Site) -> None:
    await let_in(site)
    await turned_away(site, {**ADA, "email": "ada@elsewhere.example"}, "domain_not_allowed")


async def test_b8_a_changed_address_that_is_another_members_is_refused(site: Site) -> None:
    """Two memberships never become one by what a provider says."""
    await let_in(site)
    await let_in(site, {"sub": "00u-grace", "name": "Grace", "email": "grace@acme.example"})
    await turned_away(site, {**ADA, "email": "grace@acme.example"}, "identity_conflict")


async def test_b8_a_new_account_with_a_linked_members_address_is_refused(site: Site) -> None:
    """Neither let in nor linked nor made a second member; the page says that it is support's turn."""
    await let_in(site)
    await turned_away(site, NEW_ACCOUNT, "identity_conflict")
    await let_in(site)


async def test_b8_support_links_the_new_account_as_an_audited_act(site: Site) -> None:
    """By the request id on the page: the same member, the former account's sessions end, the event names no address."""
    old = site.browser()
    await let_in(site, ADA, old)
    ada = await member_id(site)
    owner = await site.world.member("irene@acme.example", "owner")
    request_id = await turned_away(site, NEW_ACCOUNT, "identity_conflict")
    assert await changed(site, lambda change: relink_member(change, ada, request_id)) == "linked"
    assert await opens(old) == []
    event = (await site.world.resources.store.read_stream("acme"))[-1]
    assert (event.type, event.data["member_id"], event.data["how"]) == ("IdentityRelinked", str(ada), "support")
    assert (event.actor.id, event.reason, event.requested_by) == ("ada-support", SUPPORT.reason, "Irene")
    assert "ada@" not in repr(event)
    (told,) = await mailed(site, "irene@acme.example")
    assert "ada@acme.example signs in by another account at the provider now." in told
    assert SUPPORT.reason is not None
    assert SUPPORT.reason in told
    await let_in(site, NEW_ACCOUNT)
    assert await member_id(site) == ada
    assert owner != ada
    await turned_away(site, ADA, "identity_conflict")
    assert await changed(site, lambda change: relink_member(change, ada, request_id)) == "unchanged"


@pytest.mark.parametrize("role", ["owner", "admin"])
async def test_s2_support_cannot_link_an_owner_or_admin_without_their_own_click(site: Site, role: str) -> None:
    """Nothing changes before the mailed click; then the new account signs in, and the old one's sessions end."""
    old = site.browser()
    await let_in(site, ADA, old)
    ada = await member_id(site)
    await site.world.pool.execute("update identity.members set role = $1", role)
    request_id = await turned_away(site, NEW_ACCOUNT, "identity_conflict")
    assert await changed(site, lambda change: relink_member(change, ada, request_id)) == "mailed"
    assert await opens(old) == ["acme"]
    await turned_away(site, NEW_ACCOUNT, "identity_conflict")
    (text,) = await mailed(site, ADA["email"])
    found = re.search(r"https://id\.example[^/]*(/link/\S+)", text)
    assert found is not None, text
    browser = site.browser()
    assert "in place of the one that did before" in await (await browser.get(found[1])).text()
    assert (await browser.submit(found[1])).status == 200
    event = (await site.world.resources.store.read_stream("acme"))[-1]
    assert (event.type, event.data["how"], event.actor.id) == ("IdentityRelinked", "mailed_link", str(ada))
    assert (event.reason, event.requested_by) == (SUPPORT.reason, "token ada-support for Irene")
    assert await opens(old) == []
    await let_in(site, NEW_ACCOUNT)
    await turned_away(site, ADA, "identity_conflict")


async def test_who_asked_for_a_mailed_link_is_an_id_in_the_event_and_a_name_in_the_owners_mail(site: Site) -> None:
    """Also across the click: what waits for it holds ids, and the notice is made when it comes."""
    await let_in(site)
    ada = await member_id(site)
    await site.world.pool.execute("update identity.members set role = 'owner'")
    await site.world.member("irene@acme.example", "owner")
    names = site.world.resources.names
    support, irene = await names.actor("token", "ada-support"), await names.resolve("Irene")
    request_id = await turned_away(site, NEW_ACCOUNT, "identity_conflict")
    context = replace(SUPPORT, actor=support, requested_by=irene)
    assert await changed(site, lambda change: relink_member(change, ada, request_id), context) == "mailed"
    (text,) = await mailed(site, ADA["email"])
    found = re.search(r"https://id\.example[^/]*(/link/\S+)", text)
    assert found is not None, text
    assert (await site.browser().submit(found[1])).status == 200
    event = (await site.world.resources.store.read_stream("acme"))[-1]
    assert event.requested_by == f"token {support.id} for {irene}"
    (told,) = await mailed(site, "irene@acme.example")
    assert "Asked by: token ada-support for Irene" in told


async def refused_relink(
    site: Site, ada: UUID, request_id: str, code: str = "data_invalid", context: Context = SUPPORT
) -> None:
    before, events = await site.world.snapshot(), await site.world.event_types()
    with pytest.raises(Refusal) as caught:
        await changed(site, lambda change: relink_member(change, ada, request_id), context)
    assert caught.value.code == code
    assert (await site.world.snapshot(), await site.world.event_types()) == (before, events)


async def test_linking_another_account_needs_a_reason_and_a_sign_in_refused_for_just_that(site: Site) -> None:
    """Neither an unknown request id, nor another member's, nor a reason left out."""
    await let_in(site)
    grace = {"sub": "00u-grace", "name": "Grace", "email": "grace@acme.example"}
    await let_in(site, grace)
    ada = await member_id(site)
    conflict = await turned_away(site, NEW_ACCOUNT, "identity_conflict")
    elsewhere = await turned_away(site, {**ADA, "email": "ada@elsewhere.example"}, "domain_not_allowed")
    for request_id in ("req_unknown", elsewhere):
        await refused_relink(site, ada, request_id)
    await refused_relink(site, await member_id(site, grace["email"]), conflict)
    await refused_relink(site, ada, conflict, context=Context(Actor("token", "ada-support")))
    await changed(site, lambda change: deactivate_member(change, ada))
    await refused_relink(site, ada, conflict)


async def test_linking_another_account_is_judged_as_things_are_then(site: Site) -> None:
    """A sign-in under a connection that was replaced since is not acted on."""
    await let_in(site)
    ada = await member_id(site)
    conflict = await turned_away(site, NEW_ACCOUNT, "identity_conflict")
    other = credentials_data(CredentialsSet, credentials_id="c-2", issuer="https://login.acme.example")
    await site.world.append("acme", [other])
    await refused_relink(site, ada, conflict, "not_ready")


async def test_an_account_is_not_linked_that_would_by_now_be_refused_for_something_else(site: Site) -> None:
    """Its address is of no allowed domain any more, or it has become another member's account meanwhile."""
    await let_in(site)
    ada = await member_id(site)
    conflict = await turned_away(site, NEW_ACCOUNT, "identity_conflict")
    await site.world.append("acme", [DomainRemoved(domain="acme.example")])
    await refused_relink(site, ada, conflict)
    await site.world.append("acme", [DomainAdded(domain="acme.example")])
    await let_in(site, {**NEW_ACCOUNT, "email": "grace@acme.example"})
    await refused_relink(site, ada, conflict)


async def test_b8_an_address_given_to_a_new_person_lets_them_into_nothing_of_its_former_owner(site: Site) -> None:
    """Linked: a conflict. Deactivated: refused. Erased: by invitation only, as somebody new."""
    newcomer = {"sub": "00u-newhire", "name": "Eve", "email": ADA["email"]}
    await let_in(site)
    ada = await member_id(site)
    await turned_away(site, newcomer, "identity_conflict")
    await changed(site, lambda change: deactivate_member(change, ada))
    await turned_away(site, newcomer, "member_deactivated")
    await changed(site, lambda change: erase_member(change, ada))
    await turned_away(site, newcomer, "invitation_required")
    await changed(site, lambda change: invite(change, ADA["email"], "viewer"))
    browser = site.browser()
    await let_in(site, newcomer, browser)
    assert await member_id(site) != ada
    told = await (await browser.get("/api/session")).json()
    assert [(one["slug"], one["role"]) for one in told["workspaces"]] == [("acme", "viewer")]


async def test_b8_the_same_subject_of_another_issuer_is_another_account(site: Site) -> None:
    """Under a new issuer the member links anew by address, once; another account of that address is then refused."""
    await let_in(site)
    ada = await member_id(site)
    await site.world.pool.execute("update identity.identities set issuer = 'https://former.example'")
    await let_in(site, NEW_ACCOUNT)
    assert await member_id(site) == ada
    await turned_away(site, ADA, "identity_conflict")


async def test_b28_a_deactivated_member_stays_out_whatever_comes_back(site: Site) -> None:
    """Sessions end at once; neither the identity nor the address gets in, also by a new account; no row is written."""
    browser = site.browser()
    await let_in(site, ADA, browser)
    ada = await member_id(site)
    await changed(site, lambda change: deactivate_member(change, ada))
    assert await opens(browser) == []
    for person in (ADA, NEW_ACCOUNT, {**ADA, "email": "ada.king@acme.example"}):
        await turned_away(site, person, "member_deactivated")
    await changed(site, lambda change: reactivate_member(change, ada))
    assert await opens(browser) == []
    await let_in(site)
    assert await member_id(site) == ada


async def test_s5_a_session_of_before_a_deactivation_opens_nothing_after_it(site: Site) -> None:
    """Also one by a mailed link that other workspaces keep alive: while deactivated it opens those, then nothing."""
    await site.connect("globex", domain="globex.example")
    browser = site.browser()

    async def invite_eve(change: Change) -> object:
        return await invite(change, "eve@elsewhere.example")

    for slug in ("acme", "globex"):
        await change_workspace(site.world.resources, slug, SUPPORT, invite_eve)
        (text,) = await mailed(site, "eve@elsewhere.example")
        assert (await browser.submit("/invitation/" + text.partition("/invitation/")[2].split()[0])).status == 303
    assert await opens(browser) == ["acme", "globex"]
    eve = await site.world.pool.fetchval("select member_id from identity.members where workspace = 'acme'")
    await changed(site, lambda change: deactivate_member(change, eve))
    assert await opens(browser) == ["globex"]
    await changed(site, lambda change: reactivate_member(change, eve))
    assert await opens(browser) == []


async def test_s12_who_was_erased_comes_back_by_invitation_alone(site: Site) -> None:
    """The session ends, the log forgets the address and still verifies; then address and account are both held back."""
    browser = site.browser()
    await let_in(site, ADA, browser)
    ada = await member_id(site)
    await changed(site, lambda change: erase_member(change, ada))
    assert await opens(browser) == []
    assert [row["email"] for row in await site.sign_ins()] == [None]
    assert (await verify_log(site.world.resources.store)).fault is None
    await turned_away(site, ADA, "invitation_required")
    await turned_away(site, {**ADA, "email": "ada.king@acme.example"}, "invitation_required")
    await changed(site, lambda change: invite(change, "ada.king@acme.example"))
    await let_in(site, {**ADA, "email": "ada.king@acme.example"})


async def test_s12_what_is_kept_of_a_refused_account_goes_with_the_person_and_with_time(site: Site) -> None:
    """A kept conflict is personal as well: erasing deletes it, and a month does."""
    await let_in(site)
    await turned_away(site, NEW_ACCOUNT, "identity_conflict")
    ada = await member_id(site)
    await changed(site, lambda change: erase_member(change, ada))
    assert await site.world.rows("identity_conflicts") == []
    await let_in(site, {"sub": "00u-1", "email": "grace@acme.example"})
    await turned_away(site, {"sub": "00u-2", "email": "grace@acme.example"}, "identity_conflict")
    site.world.clock.turn(days=31)
    await Housekeeping(site.world.pool, site.world.clock, timedelta(days=400)).tidy_up()
    assert await site.world.rows("identity_conflicts") == []


@pytest.mark.parametrize("alias", ["ada+x@acme.example", "a.da@acme.example"])
async def test_b27_an_invitation_counts_for_its_very_address(site: Site, alias: str) -> None:
    """Compared without case; nothing is stripped, so that an alias is another address."""
    await site.world.append("acme", [JitDisabled()])
    await changed(site, lambda change: invite(change, "ADA@acme.example", "viewer"))
    await turned_away(site, {**ADA, "email": alias}, "invitation_required")
    await let_in(site, {**ADA, "email": "Ada@ACME.example"})


async def test_b7_what_one_workspaces_provider_says_opens_no_membership_of_another(site: Site) -> None:
    """Two workspaces allow the domain: globex' provider says acme's owner's address, and makes somebody new there."""
    await site.world.member("irene@acme.example", "owner", proven=True)
    await site.connect("globex", domain="acme.example")
    browser = site.browser()
    site.provider.person = {"sub": "00u-evil", "name": "Eve", "email": "irene@acme.example"}
    answer = await site.sign_in(browser, "/api/sso/initiate/globex")
    assert answer.status == 303
    told = await (await browser.get("/api/session")).json()
    assert [(one["slug"], one["role"]) for one in told["workspaces"]] == [("globex", "editor")]
