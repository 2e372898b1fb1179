"""Signing in at Glewlwyd, a provider that is not Okta and written by others."""

from collections.abc import Iterator

import aiohttp
import pytest
from support.glewlwyd import SECRET, Glewlwyd, glewlwyd
from support.http_sign_in import Landing, come_back, connect, signed_in_as, to_provider
from support.node_provider import ADA, GRACE, Person
from support.service import RunningService

UNUSUAL = "s3cret/+:% of acme"
STRANGER = Person("Margaret", "margaret@globex.example")
PEOPLE = {"ada": ADA, "grace": GRACE, "margaret": STRANGER}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Glewlwyd]:
    """A Glewlwyd in which nobody is yet."""
    with glewlwyd(tmp_path_factory.mktemp("glewlwyd")) as running:
        yield running


class Company:
    """A workspace whose people sign in at an issuer of its own."""

    def __init__(self, provider: Glewlwyd, service: RunningService, slug: str) -> None:
        self.provider, self.service, self.slug = provider, service, slug

    async def open(
        self,
        *,
        alg: str = "RS256",
        secret: str = SECRET,
        method: str = "client_secret_basic",
        **application: object,
    ) -> "Company":
        """Set everything up, at the provider and here."""
        issuer = await self.provider.add_issuer(self.slug, alg)
        await self.provider.register(self.slug, self.service.redirect_uri(self.slug), **application)
        for name, person in PEOPLE.items():
            await self.provider.put(person, username=self.username(name))
        await connect(self.service, self.slug, issuer, self.slug, secret, auth_method=method)
        return self

    def username(self, name: str) -> str:
        """Return what somebody is called at the provider, where people are common to all tests."""
        return f"{name}-{self.slug}"

    async def answer(self, browser: aiohttp.ClientSession, name: str = "ada") -> str | None:
        """Return the address at which the provider answers, once this person has logged in there."""
        address = await to_provider(browser, self.service, self.slug)
        return await self.provider.log_in(browser, address, self.username(name))

    async def sign_in(self, browser: aiohttp.ClientSession, name: str = "ada") -> Landing:
        """Sign somebody in as far as that leads."""
        return await come_back(browser, await self.answer(browser, name))


@pytest.fixture
def company(provider: Glewlwyd, service: RunningService) -> Company:
    """A workspace of this test's own, not set up yet."""
    return Company(provider, service, service.new_slug())


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256"])
async def test_a_whole_sign_in_by_each_algorithm(company: Company, browser: aiohttp.ClientSession, alg: str) -> None:
    """``bearer`` in lower case, ``azp``, both hashes, and ``iss`` that was not announced are all right."""
    await company.open(alg=alg)
    answer = await company.answer(browser)
    assert answer is not None
    assert "iss=" in answer
    assert (await come_back(browser, answer)).status == 303
    assert await signed_in_as(browser, company.service, company.slug) == ADA.email


async def test_a_hash_by_another_algorithm_than_the_signatures_is_refused(
    company: Company, browser: aiohttp.ClientSession
) -> None:
    """Glewlwyd makes ``at_hash`` by SHA-256 for Ed25519, which goes by SHA-512 (OIDC Core 3.1.3.6, RFC 8032 5.1)."""
    await company.open(alg="EdDSA")
    assert (await company.sign_in(browser)).reason == "id_token_invalid"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_the_application_authenticates_as_the_connection_says(
    company: Company, browser: aiohttp.ClientSession, method: str
) -> None:
    await company.open()
    credentials = {"issuer": company.provider.issuer(company.slug), "client_id": company.slug, "client_secret": SECRET}
    chosen = {"auth_method": method, "email_verified": "ignore"}
    await company.service.record(company.slug, ("CredentialsSet", credentials | chosen))
    assert (await company.sign_in(browser)).status == 303


async def test_a_wrong_secret_is_told_to_the_one_who_can_mend_it(
    company: Company, browser: aiohttp.ClientSession
) -> None:
    await company.open(secret="another secret than the application's")
    landing = await company.sign_in(browser)
    assert (landing.status, landing.reason) == (400, "provider_misconfigured")
    assert await signed_in_as(browser, company.service, company.slug) is None


async def test_x04_a_secret_that_glewlwyd_does_not_decode_is_pointed_out(
    company: Company, browser: aiohttp.ClientSession
) -> None:
    """It takes ``client_secret_basic`` as it stands, where RFC 6749 2.3.1 has it form-encoded first."""
    await company.open(secret=UNUSUAL, client_secret=UNUSUAL)
    landing = await company.sign_in(browser)
    assert landing.reason == "provider_misconfigured"
    assert "client_secret_post" in landing.text
    assert UNUSUAL not in landing.text


async def test_x04_a_secret_of_unusual_signs_works_by_post(company: Company, browser: aiohttp.ClientSession) -> None:
    await company.open(secret=UNUSUAL, method="client_secret_post", client_secret=UNUSUAL)
    assert (await company.sign_in(browser)).status == 303


async def test_an_application_without_the_code_grant_is_told_to_the_one_who_can_mend_it(
    company: Company, browser: aiohttp.ClientSession
) -> None:
    await company.open(authorization_type=[])
    address = await to_provider(browser, company.service, company.slug)
    async with browser.get(address, allow_redirects=False) as answer:
        landing = await come_back(browser, answer.headers["Location"])
    assert landing.reason == "provider_misconfigured"


async def test_somebody_of_a_foreign_domain_stays_outside(company: Company, browser: aiohttp.ClientSession) -> None:
    await company.open()
    landing = await company.sign_in(browser, "margaret")
    assert (landing.status, landing.reason) == (403, "domain_not_allowed")
    assert STRANGER.email not in await company.service.members(company.slug)


async def test_whom_the_provider_deactivated_does_not_come_back(
    company: Company, browser: aiohttp.ClientSession
) -> None:
    await company.open()
    await company.provider.deactivate(GRACE, username=company.username("grace"))
    assert await company.answer(browser, "grace") is None


async def test_an_answer_counts_once(company: Company, browser: aiohttp.ClientSession) -> None:
    await company.open()
    answer = await company.answer(browser)
    assert (await come_back(browser, answer)).status == 303
    browser.cookie_jar.clear()
    assert (await come_back(browser, answer)).reason == "attempt_used"


async def test_keys_may_rotate_between_two_sign_ins(company: Company, browser: aiohttp.ClientSession) -> None:
    await company.open()
    assert (await company.sign_in(browser)).status == 303
    await company.provider.rotate_keys(company.slug)
    browser.cookie_jar.clear()
    assert (await company.sign_in(browser, "grace")).status == 303


async def test_another_issuer_of_the_same_server_is_another_provider(
    company: Company, browser: aiohttp.ClientSession
) -> None:
    """The mix-up attack (RFC 9700 4.4): an answer of one issuer, given to an attempt at another."""
    await company.open()
    answer = await company.answer(browser)
    assert answer is not None
    named = company.provider.issuer(company.slug).replace(":", "%3A").replace("/", "%2F")
    assert named in answer
    landing = await come_back(browser, answer.replace(named, f"{named}-other"))
    assert landing.reason == "issuer_mismatch"
