"""Credentials are tested beside those in use, put in use without one sign-in failing, and repaired with a code."""

import asyncio
import re
from uuid import UUID

import orjson
import pytest
from support.browser import Browser, hidden_field, shown_reason
from support.desks import DESK, TwoSecrets, owner, record, set_up, staged_id, through, tried, typed
from support.sessions import open_by, user_of
from support.site import Site

from events.catalogue.access import EnforcementEnabled, SetupLinkRevoked, SsoDisabled
from service.identity.read_model import read_workspace
from service.identity.recovery_request import recovery_of
from service.keys import COOKIE_BOX

SESSION = "__Host-keyledger-session"


async def test_a_staged_secret_is_tested_and_put_in_use_while_sign_ins_run_and_not_one_fails(desk: Site) -> None:
    """Also while SSO is required, and also those that were at the provider when the secret changed."""
    assert isinstance(desk.provider, TwoSecrets)
    browser = await owner(desk)
    await desk.world.append("acme", [EnforcementEnabled()])
    desk.provider.accepted = frozenset({"the-new-secret"})
    done, failed = asyncio.Event(), []
    under_way = desk.browser()
    began_before = await desk.back(under_way)

    async def keep_signing_in() -> int:
        count = 0
        while not done.is_set():
            other = desk.browser()
            answer = await through(desk, other, await desk.back(other))
            if answer.headers.get("Location") != "https://app.example/home":
                failed.append(await answer.text())
            count += 1
        return count

    running = asyncio.create_task(keep_signing_in())
    await record(desk, "CredentialsStaged", typed(desk, "the-new-secret"))
    new = await staged_id(desk)
    assert (await tried(desk, browser, DESK, new)).headers["Location"] == DESK
    answer = await browser.submit(f"{DESK}/promote", {"credentials": new})
    assert answer.headers.get("Location") == DESK, await answer.text()
    late = await through(desk, under_way, began_before)
    assert late.headers["Location"] == "https://app.example/home"
    desk.provider.client_secret, desk.provider.accepted = "the-new-secret", frozenset()
    done.set()
    assert await running > 0
    assert failed == []
    active = (await desk.world.workspace()).credentials
    assert active is not None
    assert (active.credentials_id, active.proven) == (new, True)


async def test_a_test_writes_a_row_and_a_proof_and_nothing_else(desk: Site) -> None:
    browser = await owner(desk)
    await record(desk, "CredentialsStaged", typed(desk, "wrong-for-now"))
    desk.provider.accepted = frozenset({"wrong-for-now"})  # type: ignore[attr-defined]
    desk.provider.person = {"sub": "00u-grace", "name": "Grace", "email": "grace@acme.example"}
    before = await desk.world.pool.fetchval("select count(*) from identity.members")
    sessions = await desk.world.pool.fetchval("select count(*) from identity.sessions")
    await tried(desk, browser, DESK, await staged_id(desk))
    assert await desk.world.pool.fetchval("select count(*) from identity.members") == before
    assert await desk.world.pool.fetchval("select count(*) from identity.sessions") == sessions
    assert (await desk.world.event_types())[-1] == "ConnectionProven"
    last = (await desk.sign_ins())[-1]
    assert (last["reason"], last["initiated_by"], last["email"]) == ("ok", "test", "grace@acme.example")
    assert "It worked" in await (await browser.get(DESK)).text()


async def test_a_failed_test_says_why_and_leads_back(desk: Site) -> None:
    browser = await owner(desk)
    await record(desk, "CredentialsStaged", typed(desk, "never-right"))
    answer = await tried(desk, browser, DESK, await staged_id(desk))
    assert await shown_reason(answer) == "provider_misconfigured"
    assert f'href="{DESK}"' in await answer.text()
    assert (await desk.sign_ins())[-1]["initiated_by"] == "test"
    page = await (await browser.get(DESK)).text()
    assert "It failed" in page
    refused = await browser.submit(f"{DESK}/promote", {"credentials": await staged_id(desk)})
    assert refused.status == 422
    assert "Test them with a sign-in first" in await refused.text()


async def test_an_attempt_under_credentials_that_were_discarded_is_refused(desk: Site) -> None:
    browser = await owner(desk)
    desk.provider.accepted = frozenset({"new"})  # type: ignore[attr-defined]
    await record(desk, "CredentialsStaged", typed(desk, "new"))
    begun = await browser.submit(f"{DESK}/test", {"credentials": await staged_id(desk)})
    back = await desk.provider.log_in(begun.headers["Location"])
    await record(desk, "CredentialsDiscarded")
    asked = len(desk.provider.requests("token"))
    assert await shown_reason(await browser.get(back)) == "attempt_expired"
    assert len(desk.provider.requests("token")) == asked


@pytest.mark.parametrize("role", ["admin", "editor", "viewer", None])
async def test_nobody_but_an_owner_tests_from_a_session(desk: Site, role: str | None) -> None:
    browser = await owner(desk)
    active = (await desk.world.workspace()).credentials
    assert active is not None
    if role is None:
        browser = desk.browser()
    await desk.world.pool.execute("update identity.members set role = $1", role or "owner")
    assert (await browser.get(DESK)).status in {401, 404}
    assert (await browser.submit(f"{DESK}/test", {"credentials": active.credentials_id})).status in {401, 404}


async def test_a_set_up_link_is_exchanged_once_by_its_button_and_stages_and_tests(desk: Site) -> None:
    """Before SSO is on, the active credentials are tested as well."""
    await desk.world.append("acme", [SsoDisabled()])
    address, link_id = await set_up(desk)
    browser, other = desk.browser(), desk.browser()
    for _ in range(2):
        assert (await browser.get(address)).status == 200
    assert (await browser.submit(address)).headers["Location"] == "/setup/desk"
    assert (await other.submit(address)).status == 410
    assert (await other.get("/setup/desk")).status == 410
    page = await (await browser.get("/setup/desk")).text()
    assert "https://id.example/api/sso/callback/acme" in page
    assert "https://id.example/api/sso/initiate/acme" in page
    active = (await desk.world.workspace()).credentials
    assert active is not None
    assert (await tried(desk, browser, "/setup/desk", active.credentials_id)).headers["Location"] == "/setup/desk"
    assert (await desk.world.event_types())[-2:] == ["SetupLinkUsed", "ConnectionProven"]
    assert (await browser.submit("/setup/desk/promote", {"credentials": active.credentials_id})).status == 404
    assert (await browser.submit("/setup/desk/lift")).status == 404
    await desk.world.append("acme", [SetupLinkRevoked(link_id=link_id)])
    assert (await browser.get("/setup/desk")).status == 410


async def test_a_page_of_the_link_before_changes_nothing_of_the_workspace_whose_link_was_opened_since(
    desk: Site,
) -> None:
    """Support sets two customers up in one browser: the secret of the one must not be staged at the other."""
    await desk.connect("globex", domain="globex.example")
    browser = desk.browser()
    await browser.submit((await set_up(desk))[0])
    page = await (await browser.get("/setup/desk")).text()
    form = page.partition('action="/setup/desk/stage">')[2].partition("</form>")[0]
    await browser.submit((await set_up(desk, "globex"))[0])
    fields = typed(desk, "the-secret-of-acme") | {"workspace": hidden_field(form, "workspace")}
    answer = await browser.submit("/setup/desk/stage", fields)
    assert answer.status == 422
    assert "That form was of another workspace" in await answer.text()
    for slug in ("acme", "globex"):
        workspace = await read_workspace(desk.world.pool, slug)
        assert workspace is not None
        assert workspace.staged is None
    assert (await browser.submit("/setup/desk/stage", fields | {"workspace": "globex"})).status == 303


async def codes_of(browser: Browser) -> list[str]:
    answer = await browser.submit("/workspaces/acme/recovery-codes")
    return re.findall(r"<code>([A-Z2-9]{4}(?:-[A-Z2-9]{4}){3})</code>", await answer.text())


async def mailed(site: Site) -> str | None:
    """Return the path of the latest mail's link, if the mail would go out."""
    assert site.client.app is not None
    sealed = await site.world.pool.fetchval(
        "select content from identity.outbox where kind = 'recovery' order by mail_id desc limit 1"
    )
    raw = site.client.app[COOKIE_BOX].open("outbox", sealed)
    assert raw is not None
    values = orjson.loads(raw)["values"]
    found = await recovery_of(site.world.pool, bytes.fromhex(values["request"]), site.world.clock())
    return None if found is None else str(values["link"]).removeprefix("https://id.example")


async def asked(site: Site, browser: Browser, code: str, email: str = "ada@acme.example", slug: str = "acme") -> str:
    answer = await browser.submit("/recovery", {"workspace": slug, "email": email, "code": code})
    assert answer.status == 200, await answer.text()
    return re.sub(r"req_[0-9a-f]+|\S+@\S+", "", await answer.text())


async def test_a_code_and_a_mailed_click_lift_enforcement_when_the_provider_is_gone(desk: Site) -> None:
    codes = await codes_of(await owner(desk))
    assert len(set(codes)) == 10
    await desk.world.append("acme", [EnforcementEnabled()])
    browser = desk.browser()
    await asked(desk, browser, codes[0].lower())
    link = await mailed(desk)
    assert link is not None
    assert (await browser.get(link)).status == 200
    assert (await browser.submit(link)).headers["Location"] == "/recovery/desk"
    assert (await desk.browser().submit(link)).status == 410
    assert [(row["method"], row["reason"], row["workspace"]) for row in (await desk.sign_ins())[-2:]] == [
        ("recovery", "ok", "acme"),
        ("recovery", "attempt_missing", ""),
    ]
    assert "Stop requiring" in await (await browser.get("/recovery/desk")).text()
    assert (await browser.get("/api/session")).status == 401
    assert (await browser.submit("/recovery/desk/lift")).headers["Location"] == "/recovery/desk"
    assert (await desk.world.workspace()).enforcement is None
    assert (await desk.world.event_types())[-2:] == ["RecoveryCodeUsed", "EnforcementDisabled"]
    notices = await desk.world.pool.fetchval("select count(*) from identity.outbox where kind = 'owner_notice'")
    assert notices >= 3
    desk.world.clock.turn(minutes=16)
    assert (await browser.get("/recovery/desk")).status == 410


async def test_whoever_asks_cannot_tell_right_from_wrong_and_only_the_right_one_is_mailed(desk: Site) -> None:
    codes = await codes_of(await owner(desk))
    await desk.world.member("grace@acme.example", "admin")
    right = await asked(desk, desk.browser(), codes[0])
    assert await mailed(desk) is not None
    for code, email, slug in (
        ("AAAA-AAAA-AAAA-AAAA", "ada@acme.example", "acme"),
        (codes[0], "grace@acme.example", "acme"),
        (codes[0], "nobody@acme.example", "acme"),
        (codes[0], "ada@acme.example", "nowhere"),
    ):
        assert await asked(desk, desk.browser(), code, email, slug) == right
        assert await mailed(desk) is None


async def test_codes_are_kept_as_keyed_digests_are_spent_once_and_new_ones_void_the_old(desk: Site) -> None:
    browser = await owner(desk)
    first = await codes_of(browser)
    kept = str(await desk.world.pool.fetch("select canonical from ledger.events"))
    assert not [code for code in first if code in kept or code.replace("-", "") in kept]
    await asked(desk, desk.browser(), first[0])
    link = await mailed(desk)
    assert link is not None
    assert (await desk.browser().submit(link)).status == 303
    await asked(desk, desk.browser(), first[0])
    assert await mailed(desk) is None
    await codes_of(browser)
    await asked(desk, desk.browser(), first[1])
    assert await mailed(desk) is None


async def test_codes_need_an_owner_who_signed_in_by_sso_lately(desk: Site) -> None:
    browser = await owner(desk)
    desk.world.clock.turn(minutes=61)
    assert await codes_of(browser) == []
    by_mail, member_id = desk.browser(), await desk.world.pool.fetchval("select member_id from identity.members")
    by_mail.cookies[SESSION] = (await open_by(desk.world, await user_of(desk.world, UUID(str(member_id))))).token
    assert await codes_of(by_mail) == []
    assert "RecoveryCodesIssued" not in await desk.world.event_types()


async def test_too_many_requests_with_one_code_are_refused(desk: Site) -> None:
    for _ in range(5):
        await asked(desk, desk.browser(), "AAAA-AAAA-AAAA-AAAA")
    fields = {"workspace": "acme", "email": "ada@acme.example", "code": "AAAA-AAAA-AAAA-AAAA"}
    assert (await desk.browser().submit("/recovery", fields)).status == 429


async def test_whoever_knows_an_owners_address_cannot_keep_them_from_recovering(desk: Site) -> None:
    """Codes that somebody makes up use up nothing of the owner's."""
    codes = await codes_of(await owner(desk))
    for number in "ABCDEF":
        await asked(desk, desk.browser(), f"{number * 4}-AAAA-AAAA-AAAA")
    await asked(desk, desk.browser(), codes[0])
    assert await mailed(desk) is not None
