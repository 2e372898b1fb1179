"""The OpenID Foundation's relying-party modules, by their names, over the whole service.

They are judged as the suite judges: by what the provider sees. A module that is to succeed ends with the userinfo
request, which the service makes here because the suite's ID token holds no address (an Okta ID token does, and then
userinfo is not asked). A module that is to fail is one after which the provider sees no userinfo request. Beyond that,
nobody is signed in, and the page and the sign-in log say why.
"""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from aiohttp import ClientResponse
from support.browser import shown_reason
from support.database import Pool
from support.forgeries import hs256
from support.provider import FakeProvider
from support.site import Site, running_site
from support.tokens import ec_key, public_jwk, rsa_key, sign

OKTAS_OWN_CLAIMS = ("ver", "jti", "amr", "idp", "auth_time", "at_hash", "email", "name")


class Module(NamedTuple):
    """What the suite's provider does, and the reason and detail for which the login ends; None where it does not.

    ``asks_userinfo`` is for modules that are about userinfo itself.
    """

    prepare: Callable[[FakeProvider], None] = lambda _: None
    reason: str | None = None
    detail: str | None = None
    asks_userinfo: bool = False


def claim(name: str, value: Any) -> Callable[[FakeProvider], None]:
    def prepare(provider: FakeProvider) -> None:
        provider.claim_changes[name] = value

    return prepare


def without_kid(provider: FakeProvider) -> None:
    provider.header_changes = {"kid": None}


def without_kid_among_several(provider: FakeProvider) -> None:
    """None of the published keys is named either."""
    from aiohttp import web

    without_kid(provider)
    keys = [public_jwk(rsa_key(name), kid=None) for name in ("okta-1", "okta-2")]
    provider.hooks["keys"] = lambda _: web.json_response({"keys": keys})


def signed_by_none(provider: FakeProvider) -> None:
    provider.forge = lambda _, claims: sign({"alg": "none"}, claims, None, "none")


def with_a_broken_signature(provider: FakeProvider) -> None:
    provider.token_changes = {"id_token": lambda token: f"{token[:-6]}{'A' * 6}"}


def with_a_broken_elliptic_signature(provider: FakeProvider) -> None:
    provider.signing_key, provider.alg = ec_key(), "ES256"
    with_a_broken_signature(provider)


def with_a_broken_shared_signature(provider: FakeProvider) -> None:
    provider.forge = hs256(b"another secret than the client's")


def with_claims_elsewhere(source: Callable[[FakeProvider], dict[str, str]]) -> Callable[[FakeProvider], None]:
    """Claims that another party makes (OIDC Core 5.6.2): nothing of them is used, and nobody is asked for them."""

    def prepare(provider: FakeProvider) -> None:
        provider.userinfo_changes = {
            "_claim_names": {"role": "src1"},
            "_claim_sources": {"src1": source(provider)},
        }

    return prepare


def with_another_subject_at_userinfo(provider: FakeProvider) -> None:
    provider.userinfo_changes = {"sub": lambda sub: f"{sub}invalid"}


def that_insists_on_basic(provider: FakeProvider) -> None:
    provider.metadata_changes["token_endpoint_auth_methods_supported"] = ["client_secret_basic"]


REFUSED = "id_token_invalid"
BASIC: dict[str, Module] = {
    "oidcc-client-test": Module(),
    "oidcc-client-test-invalid-iss": Module(
        claim("iss", lambda iss: f"{iss}1"), "issuer_mismatch", "id_token_issuer_mismatch"
    ),
    "oidcc-client-test-missing-sub": Module(claim("sub", None), REFUSED, "sub_invalid"),
    "oidcc-client-test-invalid-aud": Module(claim("aud", lambda aud: f"{aud}1"), REFUSED, "aud_mismatch"),
    "oidcc-client-test-missing-iat": Module(claim("iat", None), REFUSED, "iat_missing"),
    "oidcc-client-test-kid-absent-single-jwks": Module(without_kid),
    # The suite lets a client try all keys or refuse; refusing keeps one signature from being tried with many keys.
    "oidcc-client-test-kid-absent-multiple-jwks": Module(without_kid_among_several, REFUSED, "kid_missing"),
    "oidcc-client-test-idtoken-sig-rs256": Module(),
    # The suite calls the module skipped when a client refuses such a token, and passed when it takes one.
    "oidcc-client-test-idtoken-sig-none": Module(signed_by_none, REFUSED, "token_malformed"),
    # The suite would let TLS stand in for the signature; it is always verified here.
    "oidcc-client-test-invalid-sig-rs256": Module(with_a_broken_signature, REFUSED, "signature_wrong"),
    "oidcc-client-test-userinfo-invalid-sub": Module(
        with_another_subject_at_userinfo, "userinfo_invalid", "userinfo_sub_mismatch", asks_userinfo=True
    ),
    "oidcc-client-test-nonce-invalid": Module(claim("nonce", lambda nonce: f"{nonce}1"), REFUSED, "nonce_mismatch"),
    "oidcc-client-test-scope-userinfo-claims": Module(),
    "oidcc-client-test-client-secret-basic": Module(that_insists_on_basic),
    "oidcc-client-test-missing-aud": Module(claim("aud", None), REFUSED, "aud_mismatch"),
    "oidcc-client-test-userinfo-bearer-header": Module(),
    "oidcc-client-test-invalid-sig-es256": Module(with_a_broken_elliptic_signature, REFUSED, "signature_wrong"),
    # A signature by a shared secret is refused, right or wrong.
    "oidcc-client-test-invalid-sig-hs256": Module(with_a_broken_shared_signature, REFUSED, "alg_refused"),
    "oidcc-client-test-nonce-unless-code-flow": Module(),
    "oidcc-client-test-aggregated-claims": Module(with_claims_elsewhere(lambda _: {"JWT": "a.b.c"})),
    "oidcc-client-test-distributed-claims": Module(
        with_claims_elsewhere(lambda provider: {"endpoint": provider.endpoint("logout"), "access_token": "at"})
    ),
}
"""The basic plan, and of the modules beside it those that a static client of Okta's shape can run."""


@asynccontextmanager
async def suite(pool: Pool, *, form_post: bool = False) -> AsyncIterator[tuple[Site, str]]:
    """Run the service, with a workspace of its own whose slug comes along, against a provider like the suite's.

    Its issuer has a slash at the end, its keys are where only discovery tells, and its ID tokens say little.
    """
    provider = FakeProvider(issuer_path="/test/a/keyledger/", keys_name=f"jwks-{secrets.token_hex(4)}")
    provider.person |= {"email_verified": True}
    provider.claim_changes = dict.fromkeys(OKTAS_OWN_CLAIMS) | {"exp": lambda exp: exp - 3300}
    if form_post:
        provider.metadata_changes["response_modes_supported"] = ["form_post"]
    async with running_site(pool, provider, app_url="https://app.example/home") as site:
        slug = f"suite-{secrets.token_hex(4)}"
        await site.connect(slug, provider_kind="oidc", email_verified="require")
        yield site, slug


async def log_in(site: Site, slug: str, *, form_post: bool = False) -> ClientResponse:
    """Go through one login. A posted answer comes from the provider's page, so that no cookie goes along with it."""
    browser = site.browser()
    location = await site.to_provider(browser, f"/api/sso/initiate/{slug}")
    if not form_post:
        return await browser.get(await site.provider.log_in(location))
    action, fields = await site.provider.log_in_to_form(location)
    foreign = {"Origin": site.provider.origin, "Sec-Fetch-Site": "cross-site"}
    posted = await browser.send("POST", action, headers=foreign, cookies=False, data=fields)
    assert posted.status == 303
    return await browser.get(posted.headers["Location"])


async def rows_of(site: Site, slug: str) -> list[dict[str, Any]]:
    """Return the rows of this workspace in the sign-in log."""
    return [row for row in await site.sign_ins() if row["workspace"] == slug]


async def judge(site: Site, slug: str, answer: ClientResponse, module: Module) -> None:
    """Hold what the provider saw, the page, the session and the sign-in log against what the module asks for."""
    (row,) = await rows_of(site, slug)
    userinfo = site.provider.requests("userinfo")
    assert len(site.provider.requests("token")) == 1
    if module.reason is None:
        assert (answer.status, answer.headers["Location"]) == (303, "https://app.example/home")
        assert row["reason"] == "ok"
        assert len(userinfo) == 1
        return
    assert await shown_reason(answer) == module.reason
    assert (row["reason"], row["detail"]) == (module.reason, module.detail)
    assert len(userinfo) == module.asks_userinfo
    assert not any("session" in cookie for cookie in answer.headers.getall("Set-Cookie", ()))


def look(site: Site, name: str) -> None:
    """See what the module is about at the provider."""
    (asked,), (token,) = site.provider.requests("authorize"), site.provider.requests("token")
    if name == "oidcc-client-test-scope-userinfo-claims":
        assert {"openid", "email", "profile"} == set(asked.query["scope"].split())
    if name == "oidcc-client-test-client-secret-basic":
        assert token.headers["Authorization"].startswith("Basic ")
        assert "client_secret" not in token.form
    if name == "oidcc-client-test-nonce-unless-code-flow":
        # The suite lets a client of the code flow leave the nonce out; one is always sent here.
        assert len(asked.query["nonce"]) >= 22
    if name == "oidcc-client-test-distributed-claims":
        assert site.provider.requests("logout") == [], "the address that the claims are said to be at"
    if name == "oidcc-client-test-userinfo-bearer-header":
        assert site.provider.requests("userinfo")[0].headers["Authorization"].startswith("Bearer ")


@pytest.mark.parametrize("module", BASIC)
async def test_basic_plan(shared_pool: Pool, module: str) -> None:
    async with suite(shared_pool) as (site, slug):
        BASIC[module].prepare(site.provider)
        await judge(site, slug, await log_in(site, slug), BASIC[module])
        look(site, module)


@pytest.mark.parametrize("module", BASIC)
async def test_form_post_plan(shared_pool: Pool, module: str) -> None:
    """The same, where the provider offers no other way of answering than a posted form."""
    async with suite(shared_pool, form_post=True) as (site, slug):
        BASIC[module].prepare(site.provider)
        await judge(site, slug, await log_in(site, slug, form_post=True), BASIC[module])
        look(site, module)
        assert site.provider.requests("authorize")[0].query["response_mode"] == "form_post"


@pytest.mark.parametrize("module", ["oidcc-client-test-form-post-error"])
async def test_form_post_plan_for_errors(shared_pool: Pool, module: str) -> None:
    """A posted ``login_required`` is a page that explains it.

    The suite has the client ask with ``prompt=none`` and ``max_age=0``, which the service never does: the error comes
    all the same.
    """
    assert module
    async with suite(shared_pool, form_post=True) as (site, slug):
        site.provider.authorize_error = ("login_required", "prompt=none was asked for")
        answer = await log_in(site, slug, form_post=True)
        assert await shown_reason(answer) == "provider_error"
        assert "asks you to sign in" in await answer.text()
        assert (await rows_of(site, slug))[0]["detail"] == "login_required"
        assert not site.provider.requests("token")


def rotate(site: Site, name: str) -> None:
    site.provider.signing_key = rsa_key(name)


CONFIGURATION = [
    "oidcc-client-test-discovery-openid-config",
    "oidcc-client-test-discovery-jwks-uri-keys",
    "oidcc-client-test-discovery-issuer-mismatch",
    "oidcc-client-test-idtoken-sig-none",
    "oidcc-client-test-signing-key-rotation-just-before-signing",
    "oidcc-client-test-signing-key-rotation",
]


@pytest.mark.parametrize("module", CONFIGURATION)
async def test_configuration_plan(shared_pool: Pool, module: str) -> None:
    async with suite(shared_pool) as (site, slug):
        browser, provider, initiate = site.browser(), site.provider, f"/api/sso/initiate/{slug}"
        if module == "oidcc-client-test-discovery-issuer-mismatch":
            provider.metadata_changes["issuer"] = f"{provider.issuer}INVALID"
            answer = await browser.get(initiate)
            assert await shown_reason(answer) == "issuer_mismatch"
            assert (await rows_of(site, slug))[0]["detail"] == "discovery_issuer_mismatch"
            assert [request.endpoint for request in provider.received] == ["discovery"], "nobody is sent there"
            return
        if module == "oidcc-client-test-idtoken-sig-none":
            signed_by_none(provider)
            await judge(site, slug, await log_in(site, slug), BASIC[module])
            return
        if module == "oidcc-client-test-signing-key-rotation-just-before-signing":
            back = await site.back(browser, initiate)
            rotate(site, "okta-2")
            await judge(site, slug, await browser.get(back), Module())
            assert len(provider.requests("keys")) == 1, "keys are fetched when the first token comes"
            return
        await judge(site, slug, await log_in(site, slug), Module())
        assert len(provider.requests("discovery")) == 1
        assert len(provider.requests("keys")) == 1, "at the address that only discovery tells"
        if module == "oidcc-client-test-signing-key-rotation":
            rotate(site, "okta-2")
            assert (await log_in(site, slug)).status == 303
            assert len(provider.requests("keys")) == 2
            assert len(provider.requests("userinfo")) == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("module", ["oidcc-client-test-3rd-party-init-login"])
async def test_third_party_initiated_login_plan(shared_pool: Pool, module: str, method: str) -> None:
    """The initiate URI is https, and leads the browser to the right authorization endpoint (OIDC Core 4).

    The suite starts by GET alone; the standard has POST too.
    """
    assert module
    async with suite(shared_pool) as (site, slug):
        browser, iss, initiate = site.browser(), site.provider.issuer, f"/api/sso/initiate/{slug}"
        if method == "GET":
            answer = await browser.get(f"{initiate}?iss={quote(iss, safe='')}&unknown=ignored")
        else:
            foreign = {"Origin": site.provider.origin, "Sec-Fetch-Site": "cross-site"}
            answer = await browser.send("POST", initiate, headers=foreign, cookies=False, data={"iss": iss})
        assert answer.headers["Location"].startswith(site.provider.endpoint("authorize") + "?")
        await judge(site, slug, await browser.get(await site.provider.log_in(answer.headers["Location"])), Module())
        (row,) = await rows_of(site, slug)
        assert row["initiated_by"] == "okta"
