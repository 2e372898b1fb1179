"""Signing in at a certified provider, by every way in which one may be set up."""

import dataclasses
from collections.abc import AsyncIterator

import aiohttp
import pytest
from support.http_sign_in import Landing, come_back, come_back_by_form, connect, signed_in_as, to_provider
from support.node_provider import ADA, GRACE, NodeProvider, Person, node_provider
from support.service import RunningService

pytestmark = pytest.mark.node

STRANGER = Person("Margaret", "margaret@globex.example")


@dataclasses.dataclass(frozen=True)
class Company:
    """A workspace whose people sign in at the provider."""

    provider: NodeProvider
    service: RunningService
    slug: str

    async def open(self, *, method: str = "client_secret_basic", secret: str | None = None) -> "Company":
        """Register the application with this way to authenticate, and connect the workspace."""
        issuer, client_id, right = self.provider.issuer, self.provider.client_id, self.provider.client_secret
        redirect_uris = [self.service.redirect_uri(self.slug)]
        await self.provider.register(redirect_uris, metadata={"token_endpoint_auth_method": method})
        await connect(self.service, self.slug, issuer, client_id, secret or right, auth_method=method)
        return self

    async def answer(self, browser: aiohttp.ClientSession, person: Person = ADA) -> str:
        """Return the address at which the provider answers, once this person has logged in there."""
        return await self.provider.log_in(await to_provider(browser, self.service, self.slug), person, browser)

    async def sign_in(self, browser: aiohttp.ClientSession, person: Person = ADA) -> Landing:
        """Sign somebody in as far as that leads."""
        return await come_back(browser, await self.answer(browser, person))


@pytest.fixture
async def company(service: RunningService) -> AsyncIterator[Company]:
    """A workspace and a provider of this test's own, not connected yet."""
    async with node_provider(people=[ADA, GRACE, STRANGER]) as provider:
        yield Company(provider, service, service.new_slug())


@pytest.mark.parametrize(
    ("alg", "method"),
    [
        ("RS256", "client_secret_basic"),
        ("RS256", "client_secret_post"),
        ("PS256", "client_secret_basic"),
        ("ES256", "client_secret_post"),
    ],
)
async def test_a_whole_sign_in_by_each_way_to_authenticate_and_each_algorithm(
    company: Company, browser: aiohttp.ClientSession, method: str, alg: str
) -> None:
    """With a client secret of all kinds of signs, which client_secret_basic has to encode (RFC 6749 2.3.1)."""
    await company.provider.switch(alg=alg)
    await company.open(method=method)
    assert (await company.sign_in(browser)).status == 303
    assert await signed_in_as(browser, company.service, company.slug) == ADA.email


async def test_an_address_that_only_userinfo_tells_and_an_answer_that_names_its_issuer(
    company: Company, browser: aiohttp.ClientSession
) -> None:
    await company.provider.switch(thin_id_token=True, iss_parameter=True)
    await company.open()
    assert (await company.sign_in(browser)).status == 303
    assert await signed_in_as(browser, company.service, company.slug) == ADA.email


async def test_a06_an_answer_that_does_not_name_the_announced_issuer_is_not_exchanged(
    company: Company, browser: aiohttp.ClientSession
) -> None:
    await company.provider.switch(iss_parameter=True)
    await company.open()
    answer = await company.answer(browser)
    landing = await come_back(browser, answer.partition("&iss=")[0])
    assert (landing.status, landing.reason) == (400, "issuer_mismatch")
    assert await company.provider.requests("/oauth2/v1/token") == []


async def test_an_answer_by_form_post_signs_in_although_the_attempts_cookie_stays_behind_at_first(
    company: Company, browser: aiohttp.ClientSession
) -> None:
    await company.provider.switch(form_post=True, iss_parameter=True)
    await company.open()
    address = await to_provider(browser, company.service, company.slug)
    fields = await company.provider.log_in_to_form(address, ADA, browser)
    landing = await come_back_by_form(browser, company.service.redirect_uri(company.slug), fields)
    assert landing.status == 303
    assert await signed_in_as(browser, company.service, company.slug) == ADA.email


@pytest.mark.parametrize("when", ["between two sign-ins", "just before the token is signed"])
async def test_keys_may_rotate_at_any_moment(company: Company, browser: aiohttp.ClientSession, when: str) -> None:
    await company.open()
    assert (await company.sign_in(browser)).status == 303
    browser.cookie_jar.clear()
    if when == "between two sign-ins":
        await company.provider.rotate_keys(keep=True)
    answer = await company.answer(browser, GRACE)
    if when != "between two sign-ins":
        await company.provider.rotate_keys()
    assert (await come_back(browser, answer)).status == 303
    assert await signed_in_as(browser, company.service, company.slug) == GRACE.email


async def test_whoever_breaks_the_login_off_may_begin_again(company: Company, browser: aiohttp.ClientSession) -> None:
    await company.open()
    address = await to_provider(browser, company.service, company.slug)
    landing = await come_back(browser, await company.provider.cancel(address, browser))
    assert (landing.status, landing.reason) == (403, "provider_denied")
    assert f"/api/sso/initiate/{company.slug}" in landing.text
    assert (await company.sign_in(browser)).status == 303


async def test_whoever_is_not_assigned_is_told_so(company: Company, browser: aiohttp.ClientSession) -> None:
    await company.provider.put(dataclasses.replace(GRACE, assigned=False))
    await company.open()
    landing = await company.sign_in(browser, GRACE)
    assert (landing.status, landing.reason) == (403, "provider_denied")
    assert "assign" in landing.text


async def test_somebody_of_a_foreign_domain_stays_outside(company: Company, browser: aiohttp.ClientSession) -> None:
    await company.open()
    landing = await company.sign_in(browser, STRANGER)
    assert (landing.status, landing.reason) == (403, "domain_not_allowed")
    assert await company.service.members(company.slug) == {}


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_wrong_secret_is_told_to_the_one_who_can_mend_it(
    company: Company, browser: aiohttp.ClientSession, method: str
) -> None:
    await company.open(method=method, secret="another secret than the application's")
    landing = await company.sign_in(browser)
    assert (landing.status, landing.reason) == (400, "provider_misconfigured")
    assert "secret" in landing.text
    assert "another secret" not in landing.text


async def test_an_answer_counts_once_and_in_the_browser_that_asked(
    company: Company, browser: aiohttp.ClientSession
) -> None:
    await company.open()
    answer = await company.answer(browser)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as stranger:
        assert (await come_back(stranger, answer)).reason == "attempt_missing"
    assert (await come_back(browser, answer)).status == 303
    browser.cookie_jar.clear()
    assert (await come_back(browser, answer)).reason == "attempt_used"
    assert len(await company.provider.requests("/oauth2/v1/token")) == 1
