"""Signing in at LemonLDAP::NG, a provider that is not Okta and written by others."""

from collections.abc import Iterator

import aiohttp
import pytest
from support.http_sign_in import Landing, come_back, connect, signed_in_as, to_provider
from support.lemonldap import SECRET, App, Lemonldap, lemonldap
from support.node_provider import ADA, GRACE, Person
from support.service import RunningService

STRANGER = Person("Margaret", "margaret@globex.example")

UNUSUAL = "s3cret/+:% of acme"
APPS: dict[str, dict[str, object]] = {
    "plain": {},
    "post": {},
    "wrong-secret": {},
    "unusual": {"ClientSecret": UNUSUAL},
    "sent": {"ClientSecret": UNUSUAL},
    "strangers": {},
    "once": {},
    "rotating": {},
    "asking": {"BypassConsent": 0},
    "assigned": {"Rule": '$uid eq "ada"'},
    "rs512": {"IDTokenSignAlg": "RS512"},
    "hs256": {"IDTokenSignAlg": "HS256"},
    "unsigned": {"IDTokenSignAlg": "none"},
}
"""The application of each test, by its workspace, and what is set otherwise there."""


@pytest.fixture(scope="module")
def provider(service: RunningService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lemonldap]:
    """A LemonLDAP::NG that knows all the applications."""
    apps = {name: App(service.redirect_uri(slug_of(name)), options) for name, options in APPS.items()}
    with lemonldap(tmp_path_factory.mktemp("lemonldap"), apps, [ADA, GRACE, STRANGER]) as running:
        yield running


def slug_of(name: str) -> str:
    return f"lemonldap-{name}"


async def set_up(service: RunningService, provider: Lemonldap, name: str, **credentials: object) -> None:
    given = {"client_secret": SECRET, **credentials}
    await connect(service, slug_of(name), provider.issuer, name, str(given.pop("client_secret")), **given)


async def answer_to(
    browser: aiohttp.ClientSession, service: RunningService, provider: Lemonldap, name: str, username: str = "ada"
) -> str | None:
    return await provider.log_in(browser, await to_provider(browser, service, slug_of(name)), username)


async def sign_in(
    browser: aiohttp.ClientSession, service: RunningService, provider: Lemonldap, name: str, username: str = "ada"
) -> Landing:
    return await come_back(browser, await answer_to(browser, service, provider, name, username))


async def test_a_whole_sign_in(service: RunningService, provider: Lemonldap, browser: aiohttp.ClientSession) -> None:
    """An issuer that ends in a slash, a list of one audience, and an address that only userinfo tells are all right."""
    assert provider.issuer.endswith("/")
    await set_up(service, provider, "plain")
    assert (await sign_in(browser, service, provider, "plain")).status == 303
    assert await signed_in_as(browser, service, slug_of("plain")) == ADA.email
    assert (await service.sign_ins(slug_of("plain")))[0]["reason"] == "ok"


@pytest.mark.parametrize("name", ["post", "rs512"])
async def test_other_ways_to_authenticate_and_to_sign(
    service: RunningService, provider: Lemonldap, browser: aiohttp.ClientSession, name: str
) -> None:
    await set_up(service, provider, name, **({"auth_method": "client_secret_post"} if name == "post" else {}))
    assert (await sign_in(browser, service, provider, name)).status == 303


@pytest.mark.parametrize("name", ["hs256", "unsigned"])
async def test_j01_j03_what_is_not_signed_by_a_published_key_proves_nobody(
    service: RunningService, provider: Lemonldap, browser: aiohttp.ClientSession, name: str
) -> None:
    """Although the provider announces HS256 and none among its algorithms, and the client secret is the right one."""
    await set_up(service, provider, name)
    landing = await sign_in(browser, service, provider, name)
    assert (landing.status, landing.reason) == (400, "id_token_invalid")
    assert await signed_in_as(browser, service, slug_of(name)) is None


async def test_a_wrong_secret_is_told_to_the_one_who_can_mend_it(
    service: RunningService, provider: Lemonldap, browser: aiohttp.ClientSession
) -> None:
    await set_up(service, provider, "wrong-secret", client_secret="another secret than the application's")
    assert (await sign_in(browser, service, provider, "wrong-secret")).reason == "provider_misconfigured"


@pytest.mark.parametrize(("name", "method"), [("unusual", "client_secret_basic"), ("sent", "client_secret_post")])
async def test_x04_a_secret_of_unusual_signs_works_by_post_and_is_pointed_out_otherwise(
    service: RunningService, provider: Lemonldap, browser: aiohttp.ClientSession, name: str, method: str
) -> None:
    """LemonLDAP::NG takes ``client_secret_basic`` as it stands, where RFC 6749 2.3.1 has it form-encoded first."""
    await set_up(service, provider, name, client_secret=UNUSUAL, auth_method=method)
    landing = await sign_in(browser, service, provider, name)
    if method == "client_secret_post":
        assert landing.status == 303
        return
    assert landing.reason == "provider_misconfigured"
    assert "client_secret_post" in landing.text
    assert UNUSUAL not in landing.text


async def test_whoever_does_not_agree_comes_back_unsigned(
    service: RunningService, provider: Lemonldap, browser: aiohttp.ClientSession
) -> None:
    await set_up(service, provider, "asking")
    address = await to_provider(browser, service, slug_of("asking"))
    landing = await come_back(browser, await provider.log_in(browser, address, "ada", agrees=False))
    assert (landing.status, landing.reason) == (400, "provider_error")
    browser.cookie_jar.clear()
    assert (await sign_in(browser, service, provider, "asking")).status == 303


async def test_whoever_is_not_assigned_stays_at_the_provider(
    service: RunningService, provider: Lemonldap, browser: aiohttp.ClientSession
) -> None:
    await set_up(service, provider, "assigned")
    assert await answer_to(browser, service, provider, "assigned", "grace") is None
    browser.cookie_jar.clear()
    assert (await sign_in(browser, service, provider, "assigned", "ada")).status == 303


async def test_somebody_of_a_foreign_domain_stays_outside(
    service: RunningService, provider: Lemonldap, browser: aiohttp.ClientSession
) -> None:
    await set_up(service, provider, "strangers")
    landing = await sign_in(browser, service, provider, "strangers", "margaret")
    assert (landing.status, landing.reason) == (403, "domain_not_allowed")


async def test_an_answer_counts_once(
    service: RunningService, provider: Lemonldap, browser: aiohttp.ClientSession
) -> None:
    await set_up(service, provider, "once")
    answer = await answer_to(browser, service, provider, "once")
    assert (await come_back(browser, answer)).status == 303
    browser.cookie_jar.clear()
    assert (await come_back(browser, answer)).reason == "attempt_used"


async def test_keys_may_rotate_between_two_sign_ins(
    service: RunningService, provider: Lemonldap, browser: aiohttp.ClientSession
) -> None:
    await set_up(service, provider, "rotating")
    assert (await sign_in(browser, service, provider, "rotating")).status == 303
    await provider.rotate_keys()
    browser.cookie_jar.clear()
    assert (await sign_in(browser, service, provider, "rotating", "grace")).status == 303


async def test_b09_an_issuer_without_its_slash_is_another_one(service: RunningService, provider: Lemonldap) -> None:
    """The set-up is refused, and the sentence has both, so that the right one can be copied."""
    with pytest.raises(AssertionError) as refused:
        await connect(service, slug_of("no-slash"), provider.issuer.rstrip("/"), "no-slash", SECRET)
    assert provider.issuer in str(refused.value)
    assert "issuer" in str(refused.value)
