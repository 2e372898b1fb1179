"""The login page: what it offers depends on the domain that was typed, and on nothing else."""

import re
from collections.abc import AsyncIterator
from typing import Any, Self

import asyncpg
import pytest
from aiohttp import ClientResponse
from support.browser import Browser, hidden_field
from support.database import Pool
from support.site import Site, running_site

from events.catalogue.access import EnforcementEnabled, SsoDisabled
from events.catalogue.configuration import DomainAdded, DomainVerified

METHODS = re.compile(r'data-method="([a-z_]+)"')
GOOGLE: dict[str, Any] = {"google_client_id": "keyledger", "google_client_secret": "secret"}


@pytest.fixture
async def google_site(pool: Pool) -> AsyncIterator[Site]:
    """A site at which Google is set up as well."""
    async with running_site(pool, **GOOGLE) as made:
        await made.connect()
        yield made


async def offered(answer: ClientResponse) -> list[str]:
    """Return the methods on a page, each with the workspace that it leads to."""
    assert answer.status == 200, await answer.text()
    forms = re.findall(r"<form[^>]*data-method=.*?</form>", await answer.text(), re.DOTALL)
    told = []
    for form in forms:
        slug = re.search(r'name="workspace" value="([^"]+)"', form)
        told.append(METHODS.findall(form)[0] + (f" {slug[1]}" if slug else ""))
    return told


async def ask(site: Site, email: str, browser: Browser | None = None) -> list[str]:
    return await offered(await (browser or site.browser()).submit("/login", {"email": email}))


async def test_the_domain_decides_which_methods_are_offered(google_site: Site) -> None:
    assert await ask(google_site, "ada@acme.example") == ["sso acme", "google", "magic_link"]
    assert await ask(google_site, "Ada@ACME.example") == ["sso acme", "google", "magic_link"]
    assert await ask(google_site, "ada@globex.example") == ["google", "magic_link"]
    for near in ("ada@sub.acme.example", "ada@evil-acme.example"):
        assert "sso acme" not in await ask(google_site, near)


async def test_without_google_set_up_it_is_not_offered(site: Site) -> None:
    assert await ask(site, "ada@acme.example") == ["sso acme", "magic_link"]
    answer = await site.browser().submit("/login/google", {})
    assert answer.status == 404


async def test_where_sso_is_required_nothing_else_is_offered(google_site: Site) -> None:
    await google_site.world.append("acme", [EnforcementEnabled()])
    assert await ask(google_site, "ada@acme.example") == ["sso acme"]
    answer = await google_site.browser().get("/login?workspace=acme")
    assert await offered(answer) == ["sso acme"]
    assert await offered(await google_site.browser().get("/login/exception")) == ["google", "magic_link"]


async def test_several_workspaces_of_a_domain_are_all_offered(site: Site) -> None:
    await site.connect("globex")
    await site.world.append("globex", [EnforcementEnabled()])
    assert await ask(site, "ada@acme.example") == ["sso acme", "sso globex", "magic_link"]


async def test_once_a_domain_is_verified_only_who_verified_it_is_offered(site: Site) -> None:
    """Also while the verifying workspace has SSO switched off: nobody else may take its people's sign-ins."""
    await site.connect("globex")
    await site.world.append("globex", [DomainVerified(domain="acme.example", method="support")])
    assert await ask(site, "ada@acme.example") == ["sso globex", "magic_link"]
    await site.world.append("globex", [SsoDisabled()])
    assert await ask(site, "ada@acme.example") == ["magic_link"]


async def test_a_workspace_without_sso_is_not_offered(site: Site) -> None:
    await site.disable()
    assert await ask(site, "ada@acme.example") == ["magic_link"]


async def test_a_link_with_a_workspace_goes_straight_to_its_methods(google_site: Site) -> None:
    answer = await google_site.browser().get("/login?workspace=acme")
    assert "Sign in to Acme" in await answer.text()
    assert await offered(answer) == ["sso acme", "google", "magic_link"]


async def test_a_workspace_that_does_not_exist_looks_like_one_without_sso(site: Site) -> None:
    await site.connect("globex")
    await site.disable("globex")
    pages = []
    for slug in ("globex", "nobody"):
        answer = await site.browser().get(f"/login?workspace={slug}")
        pages.append((answer.status, anonymous(await answer.text(), slug)))
    assert pages[0] == pages[1]


def anonymous(text: str, *echoed: str) -> str:
    """Take the request's id and what was typed out of a page."""
    for one in echoed:
        text = text.replace(one, "ECHO")
    return re.sub(r"req_[0-9a-f]+", "REQ", text)


class Counting:
    """Counts the statements of a pool, those in transactions as well."""

    def __init__(self, pool: Pool) -> None:
        self.statements: list[str] = []
        self._pool = pool

    async def __aenter__(self) -> Self:
        self._connections: list[Any] = []
        while True:
            try:
                connection = await self._pool.acquire(timeout=0.05)
            except TimeoutError:
                break
            self._connections.append(connection)
        for connection in self._connections:
            connection._con.add_query_logger(self._note)
            await self._pool.release(connection)
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in await self._all():
            connection._con.remove_query_logger(self._note)
            await self._pool.release(connection)

    async def _all(self) -> list[Any]:
        return [await self._pool.acquire() for _ in self._connections]

    def _note(self, record: "asyncpg.connection.LoggedQuery") -> None:
        self.statements.append(record.query)


@pytest.mark.parametrize("path", ["/login", "/login/magic-link"])
async def test_nothing_tells_whether_an_address_has_an_account(site: Site, path: str) -> None:
    """Known, invited, deactivated and unknown addresses get the same bytes, after the same statements."""
    people = ["known@acme.example", "asked@acme.example", "ended@acme.example", "other@acme.example"]
    await site.world.member(people[0], "owner", proven=True)
    await site.world.invitation(people[1])
    await site.world.member(people[2])
    await site.world.pool.execute("update identity.members set status = 'deactivated' where email = $1", people[2])
    await site.browser().submit(path, {"email": "warm@acme.example"})
    told = []
    for email in people:
        async with Counting(site.world.pool) as counted:
            answer = await site.browser().submit(path, {"email": email})
        headers = {
            name: value for name, value in answer.headers.items() if name.lower() not in {"x-request-id", "date"}
        }
        told.append((answer.status, headers, anonymous(await answer.text(), email), counted.statements))
    assert told[0][0] == 200
    assert told[0][3]
    for one in told[1:]:
        assert one == told[0]


@pytest.mark.parametrize("email", ["", "ada", "ada@", "a@b@acme.example", "ada@acme", "<b>@acme.example", "x" * 500])
@pytest.mark.parametrize("path", ["/login", "/login/magic-link"])
async def test_what_is_no_address_is_asked_for_again(site: Site, path: str, email: str) -> None:
    answer = await site.browser().submit(path, {"email": email})
    text = await answer.text()
    assert answer.status == 422
    assert "Enter one e-mail address" in text
    assert "<b>@" not in text


async def test_white_space_around_a_pasted_address_is_no_mistake(site: Site) -> None:
    assert await ask(site, "  ada@acme.example\n") == ["sso acme", "magic_link"]


@pytest.mark.parametrize("path", ["/login", "/login/sso", "/login/magic-link", "/login/google", "/login/google/switch"])
async def test_other_sites_cannot_post_to_it(site: Site, path: str) -> None:
    answer = await site.browser().send(
        "POST", path, headers={"Sec-Fetch-Site": "cross-site"}, data={"email": "ada@acme.example"}
    )
    assert answer.status == 403


async def test_sso_goes_on_with_the_address_as_hint_and_is_remembered(site: Site) -> None:
    browser = site.browser()
    answer = await browser.submit("/login/sso", {"workspace": "acme", "email": "ada@acme.example"})
    assert (answer.status, answer.headers["Location"]) == (
        303,
        "/api/sso/initiate/acme?login_hint=ada%40acme.example",
    )
    assert set(browser.named("last-method").values()) == {"sso.acme"}
    page = await (await browser.get("/login")).text()
    assert "Continue with SSO to acme" in page


async def test_the_last_method_comes_first_in_this_browser(google_site: Site) -> None:
    browser = google_site.browser()
    browser.cookies["__Host-keyledger-last-method"] = "google"
    assert await ask(google_site, "ada@acme.example", browser) == ["google", "sso acme", "magic_link"]
    assert "Continue with Google" in await (await browser.get("/login")).text()
    for planted in ("password", "sso.", "sso.<b>", "google.acme", "x" * 4000):
        browser.cookies["__Host-keyledger-last-method"] = planted
        assert await ask(google_site, "ada@acme.example", browser) == ["sso acme", "google", "magic_link"]


async def test_the_target_goes_along_if_it_may_be_one(site: Site) -> None:
    for target, kept in (("https://app.example/inbox", True), ("https://evil.example/", False)):
        browser = site.browser()
        page = await (await browser.get(f"/login?target_link_uri={target}")).text()
        assert (target in page) == kept
        page = await (await browser.submit("/login", {"email": "ada@acme.example", "target_link_uri": target})).text()
        assert (target in page) == kept
        if kept:
            assert hidden_field(page, "target_link_uri") == target


async def test_the_login_page_is_limited_for_each_client_address(pool: Pool) -> None:
    async with running_site(pool, rate_per_minute=5, trusted_proxies=("127.0.0.0/8",)) as site:
        await site.connect()

        async def status(address: str) -> int:
            headers = {"X-Forwarded-For": address, "Sec-Fetch-Site": "same-origin"}
            answer = await site.browser().send("POST", "/login", headers=headers, data={"email": "ada@acme.example"})
            return answer.status

        assert [await status("198.51.100.7") for _ in range(6)] == [200] * 5 + [429]
        assert await status("198.51.100.8") == 200


async def test_a_domain_added_a_moment_ago_is_offered(site: Site) -> None:
    await site.world.append("acme", [DomainAdded(domain="acme-labs.example")])
    assert await ask(site, "ada@acme-labs.example") == ["sso acme", "magic_link"]
