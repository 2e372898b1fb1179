"""On an owner's desk: whom requiring single sign-on would affect, requiring it, and taking it back."""

import re
from html import unescape
from uuid import UUID

import pytest
from support.browser import Browser, shown_reason
from support.database import Pool
from support.desks import DESK, owner, record, set_up, tried, typed
from support.sessions import open_by, user_of
from support.site import Site, running_site

from events.catalogue.access import EnforcementEnabled
from events.catalogue.configuration import DomainAdded, DomainRemoved
from events.decisions import SENTENCES
from events.envelope import Recorded
from service.web.preflight import SHOWN, WORDS

REQUIRE, LIFT, SWITCH_ON = f"{DESK}/require", f"{DESK}/lift", f"{DESK}/switch-on"
SESSION = "__Host-keyledger-session"
BUTTON = "Require single sign-on</button>"


async def shown(browser: Browser, address: str = DESK) -> str:
    answer = await browser.get(address)
    assert answer.status == 200
    return await answer.text()


def group(page: str, kind: str) -> str | None:
    """Return the text of one kind of people, without its tags."""
    found = re.search(rf'<(div|p)[^>]* data-affected="{kind}">(.*?)</\1>', page, re.DOTALL)
    return None if found is None else " ".join(unescape(re.sub(r"<[^>]+>", " ", found[2])).split())


def missing(page: str) -> list[str]:
    found = re.search(r"<ul[^>]* data-missing>(.*?)</ul>", page, re.DOTALL)
    return [] if found is None else [unescape(one) for one in re.findall(r"<li>(.*?)</li>", found[1])]


async def last_event(site: Site) -> Recorded:
    return (await site.world.resources.store.read_stream("acme"))[-1]


async def by_mail(site: Site, email: str = "ada@acme.example") -> Browser:
    """Return a browser of the same owner, whose session a mailed link has made."""
    browser = site.browser()
    member_id = await site.world.pool.fetchval("select member_id from identity.members where email = $1", email)
    browser.cookies[SESSION] = (await open_by(site.world, await user_of(site.world, UUID(str(member_id))))).token
    return browser


async def test_where_everybody_is_ready_the_page_says_so_and_offers_the_button(desk: Site) -> None:
    page = await shown(await owner(desk))
    assert missing(page) == []
    assert "Nobody: all members" in (group(page, "nobody") or "")
    assert BUTTON in page
    assert 'name="confirm_within" type="number" min="5" max="10080" step="1" value="60"' in page


def test_whatever_can_be_missing_has_words_for_an_owner() -> None:
    assert WORDS.keys() == SENTENCES.keys()


async def test_while_something_is_missing_it_is_listed_and_no_button_is_there(desk: Site) -> None:
    """The refusal of a form that is posted all the same tells the same, and keeps what was typed."""
    browser = await owner(desk)
    await desk.world.pool.execute(
        "update identity.identities set last_sign_in_at = last_sign_in_at - interval '31 days'"
    )
    await record(desk, "CredentialsSet", typed(desk, "another"))
    page = await shown(browser)
    assert missing(page) == [WORDS["proof"], WORDS["owner"]]
    assert BUTTON not in page
    assert 'href="/api/sso/initiate/acme">Sign in with single sign-on' in page
    answer = await browser.submit(REQUIRE, {"reason": "we <move> over", "confirm_within": "45"})
    assert answer.status == 422
    told = await answer.text()
    assert f"{WORDS['proof']} {WORDS['owner']}" in unescape(told)
    assert 'value="we &lt;move&gt; over"' in told
    assert 'value="45"' in told
    assert 'type="submit" disabled>Require' in told
    assert (await desk.world.workspace()).enforcement is None
    assert "EnforcementEnabled" not in await desk.world.event_types()


async def test_whoever_would_be_affected_is_named_once_with_the_reason_and_owners_are_marked(desk: Site) -> None:
    browser = await owner(desk)
    world = desk.world
    outside = await world.member("guest@elsewhere.example", "owner")
    await world.member("grace@acme.example")
    await world.invitation("hedy@acme.example")
    await world.invitation("irene@elsewhere.example")
    await world.pool.execute("update identity.members set name = '<b>Eve</b> & Co' where member_id = $1", outside)
    page = await shown(browser)
    refused = group(page, "refused") or ""
    assert refused.startswith("1 member can’t sign in any more. Single sign-on refuses addresses outside acme.example.")
    assert "<b>Eve</b> & Co Owner guest@elsewhere.example" in refused
    assert "<b>Eve" not in page
    anew = group(page, "anew") or ""
    assert anew.startswith("1 member has never signed in with single sign-on.")
    assert "grace@acme.example" in anew
    assert "irene@elsewhere.example" in (group(page, "invited-refused") or "")
    assert "hedy@acme.example" in (group(page, "invited") or "")
    for address in ("guest@elsewhere.example", "grace@acme.example", "irene@elsewhere.example", "hedy@acme.example"):
        assert page.count(address) == 1
    assert "Google and links by e-mail no longer open Acme" in page
    assert "Sessions that were opened in another way are asked for single sign-on." in page


async def test_who_looks_at_it_and_who_holds_an_exception_are_marked(desk: Site) -> None:
    browser = await owner(desk)
    await desk.world.member("guest@elsewhere.example")
    await record(desk, "BypassGranted", {"email": "guest@elsewhere.example", "hours": 24, "reason": "a test needs it"})
    by_link = await by_mail(desk)
    await desk.world.append("acme", [DomainAdded(domain="other.example"), DomainRemoved(domain="acme.example")])
    assert (await browser.get(DESK)).status == 404
    refused = group(await shown(by_link), "refused") or ""
    assert re.search(r"Owner You ada@acme\.example guest@elsewhere\.example Exception until \d+ \w+ 20\d\d", refused)


async def test_a_long_list_is_bounded_names_owners_first_and_leads_to_all(desk: Site) -> None:
    browser = await owner(desk)
    for number in range(SHOWN + 4):
        await desk.world.member(f"m{number:02}@acme.example")
    await desk.world.member("zoe@acme.example", "owner")
    page = await shown(browser)
    anew = group(page, "anew") or ""
    assert anew.startswith(f"{SHOWN + 5} members have never")
    assert re.findall(r"\S+@acme\.example", anew) == ["zoe@acme.example"] + [
        f"m{number:02}@acme.example" for number in range(SHOWN - 1)
    ]
    assert "and 5 more: show all" in anew
    assert f'href="{DESK}?affected=all#requiring"' in page
    everybody = group(await shown(browser, f"{DESK}?affected=all"), "anew") or ""
    assert len(re.findall(r"\S+@acme\.example", everybody)) == SHOWN + 5
    assert "more" not in everybody


async def test_an_owner_requires_it_with_a_reason_and_the_desk_says_since_when_by_whom_and_for_how_long(
    desk: Site,
) -> None:
    browser = await owner(desk)
    answer = await browser.submit(REQUIRE, {"reason": " we all have <accounts> ", "confirm_within": "30"})
    assert (answer.status, answer.headers["Location"]) == (303, f"{DESK}#requiring")
    event = await last_event(desk)
    member_id = await desk.world.pool.fetchval("select member_id::text from identity.members")
    assert (event.type, event.data["confirm_within"], event.reason) == (
        "EnforcementEnabled",
        30,
        "we all have <accounts>",
    )
    assert (event.actor.type, event.actor.id) == ("member", member_id)
    assert await desk.world.pool.fetchval("select count(*) from identity.outbox where kind = 'owner_notice'") >= 1
    page = await shown(browser)
    assert "Single sign-on is required" in page
    assert f'<time datetime="{event.recorded_at.isoformat()}"' in page
    assert "ada@acme.example (you)" in page
    assert "we all have &lt;accounts&gt;" in page
    enforcement = (await desk.world.workspace()).enforcement
    assert enforcement is not None
    assert enforcement.confirm_by is not None
    assert "Not yet. It is lifted on" in page
    assert f'<time datetime="{enforcement.confirm_by.isoformat()}"' in page
    assert "Who would be affected" not in page
    await desk.sign_in(desk.browser())
    assert "Yes, by a sign-in with it" in await shown(browser)


async def test_requiring_it_a_second_time_changes_nothing(desk: Site) -> None:
    browser = await owner(desk)
    for _ in range(2):
        assert (await browser.submit(REQUIRE, {"confirm_within": ""})).status == 303
    assert (await desk.world.event_types()).count("EnforcementEnabled") == 1
    assert "It stays until it is lifted." in await shown(browser)


async def test_minutes_that_are_none_are_refused_with_a_sentence_and_what_was_typed_stays(desk: Site) -> None:
    browser = await owner(desk)
    for minutes in ("4", "10081", "soon", "1e2", "-30", "6.5", "٣٠", "9" * 400):
        answer = await browser.submit(REQUIRE, {"reason": 'for "us"', "confirm_within": minutes})
        assert answer.status == 422, minutes
        page = await answer.text()
        assert "Enter whole minutes from 5 to 10,080 (seven days)" in page
        assert f'value="{minutes}"' in page
        assert 'value="for &#34;us&#34;"' in page
    assert (await desk.world.workspace()).enforcement is None


async def test_a_reason_that_cannot_be_kept_is_refused_with_a_sentence(desk: Site) -> None:
    browser = await owner(desk)
    for reason, sentence in (("x" * 1001, "at most 1,000 characters"), ("a\0b", "U+0000")):
        answer = await browser.submit(REQUIRE, {"reason": reason, "confirm_within": "60"})
        assert answer.status == 422
        assert sentence in await answer.text()
    assert (await desk.world.workspace()).enforcement is None


async def test_an_owner_lifts_it_with_a_reason_and_the_other_ways_open_again(desk: Site) -> None:
    browser = await owner(desk)
    other = await by_mail(desk)
    await browser.submit(REQUIRE, {"confirm_within": "60"})
    assert (await other.get(DESK)).status == 404
    answer = await browser.submit(LIFT, {"reason": "too early"})
    assert (answer.status, answer.headers["Location"]) == (303, f"{DESK}#requiring")
    event = await last_event(desk)
    assert (event.type, event.reason, event.data["reason"]) == ("EnforcementDisabled", "too early", "too early")
    assert BUTTON in await shown(other)


async def test_what_support_required_is_said_to_be_supports_without_a_name(desk: Site) -> None:
    browser = await owner(desk)
    await desk.world.append("acme", [EnforcementEnabled()])
    page = await shown(browser)
    assert re.search(r"<dt>Required by</dt><dd>Support</dd>", page)
    assert "asked by the customer" in page
    assert re.search(r"\bgrace\b", page) is None


async def test_an_owner_who_is_erased_is_not_named_and_what_they_required_stays(desk: Site) -> None:
    first = await owner(desk)
    await first.submit(REQUIRE, {"confirm_within": ""})
    desk.provider.person = {"sub": "00u-grace", "name": "Grace", "email": "grace@acme.example"}
    second = desk.browser()
    await desk.sign_in(second)
    await desk.world.pool.execute("update identity.members set role = 'owner'")
    await desk.world.pool.execute("delete from identity.members where email = 'ada@acme.example'")
    assert "An owner who has left" in await shown(second)


async def test_an_owner_who_came_another_way_is_told_so_and_is_sent_through_single_sign_on(desk: Site) -> None:
    await owner(desk)
    browser = await by_mail(desk)
    assert "Yours is one of them." in await shown(browser)
    answer = await browser.submit(REQUIRE, {"confirm_within": "60"})
    assert answer.headers["Location"] == "/open/acme"
    following = await browser.get("/open/acme")
    assert following.headers["Location"] == "/api/sso/initiate/acme"
    assert (await desk.sign_in(browser)).status == 303
    assert "Yes, by a sign-in with it" in await shown(browser)


@pytest.mark.parametrize("action", ["require", "lift", "switch-on"])
async def test_nobody_but_an_owner_finds_these_forms_and_no_other_site_posts_them(desk: Site, action: str) -> None:
    browser, address = await owner(desk), f"{DESK}/{action}"
    before = await desk.world.event_types()
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        answer = await browser.send("POST", address, headers=headers, data={"confirm_within": ""})
        assert answer.status == 403
    assert await shown_reason(await desk.browser().submit(address, {"confirm_within": ""})) == "unauthenticated"
    for role in ("admin", "editor", "viewer"):
        await desk.world.pool.execute("update identity.members set role = $1", role)
        assert await shown_reason(await browser.submit(address, {"confirm_within": ""})) == "not_found"
    assert await desk.world.event_types() == before


async def test_whoever_holds_a_set_up_link_reads_how_many_and_never_who_and_has_no_button(desk: Site) -> None:
    await owner(desk)
    guest = await desk.world.member("guest@elsewhere.example")
    await desk.world.pool.execute("update identity.members set name = 'Guest of Honour' where member_id = $1", guest)
    await desk.world.invitation("hedy@acme.example")
    address, _ = await set_up(desk)
    browser = desk.browser()
    await browser.submit(address)
    for page in (await shown(browser, "/setup/desk"), await shown(browser, "/setup/desk?affected=all")):
        assert "1 member can’t sign in any more." in (group(page, "refused") or "")
        assert "1 open invitation is" in (group(page, "invited") or "")
        assert re.search(r"\w@(acme|elsewhere)\.example|Guest of Honour", page) is None
        assert BUTTON not in page
        assert "An owner of Acme requires it, or support." in page
    before = await desk.world.event_types()
    for action in ("require", "lift", "switch-on"):
        assert (await browser.submit(f"/setup/desk/{action}", {"confirm_within": ""})).status == 404
    assert await desk.world.event_types() == before
    await desk.world.append("acme", [EnforcementEnabled()])
    assert "Required by" not in await shown(browser, "/setup/desk")


async def test_whoever_holds_a_set_up_link_reads_how_a_test_ended_and_not_whose_it_was(desk: Site) -> None:
    """An owner's own page names who tested; nobody outside the workspace learns an owner's address from a link."""
    ada = await owner(desk)
    active = (await desk.world.workspace()).credentials
    assert active is not None
    await tried(desk, ada, DESK, active.credentials_id)
    address, _ = await set_up(desk)
    browser = desk.browser()
    await browser.submit(address)
    page = await shown(browser, "/setup/desk")
    assert "It worked" in page
    assert "ada@acme.example" not in page
    assert "for ada@acme.example" in await shown(ada)


async def test_an_owner_switches_single_sign_on_on_once_nothing_is_missing(desk: Site) -> None:
    await owner(desk)
    browser = await by_mail(desk)
    await record(desk, "SsoDisabled")
    await desk.world.append("acme", [DomainRemoved(domain="acme.example")])
    page = await shown(browser)
    assert WORDS["domain"] in unescape(page)
    assert "Switch single sign-on on</button>" not in page
    assert "Who would be affected" not in page
    refused = await browser.submit(SWITCH_ON)
    assert refused.status == 422
    assert WORDS["domain"] in unescape(await refused.text())
    await desk.world.append("acme", [DomainAdded(domain="acme.example")])
    page = await shown(browser)
    assert "people with an address at acme.example may sign in" in page
    assert "becomes one, as editor" in page
    assert (await browser.submit(SWITCH_ON)).headers["Location"] == DESK
    event = await last_event(desk)
    assert (event.type, event.actor.type) == ("SsoEnabled", "member")
    assert "Who would be affected" in await shown(browser)


async def test_desks_are_not_looked_at_without_end(pool: Pool) -> None:
    """A look reads all of a workspace's people, so that whoever holds a link must not ask for it again and again."""
    async with running_site(pool, rate_per_minute=3, trusted_proxies=("127.0.0.0/8",)) as site:
        for number, address in enumerate((DESK, "/setup/desk", "/recovery/desk")):
            headers = {"X-Forwarded-For": f"198.51.100.{number}"}
            asked = [(await site.browser().get(address, headers=headers)).status for _ in range(4)]
            assert asked[:3].count(429) == 0
            assert asked[3] == 429
