"""Signing in with Google: through the relying party that every provider meets, with rules of its own for addresses."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from aiohttp import ClientResponse, web
from aioresponses import aioresponses
from pydantic import SecretStr
from support.browser import Browser, hidden_field, shown_reason
from support.database import Pool
from support.identity_mail import KeptMails, deliver, link_in
from support.provider import FakeProvider
from support.service import free_port
from support.site import Site, running_site

from events.catalogue.access import EnforcementEnabled
from service.login.beginning import Begun
from service.login.google import GoogleClient, GoogleRoundTrip, endpoint_hosts
from service.oidc.client import RelyingParty
from service.oidc.http import ProviderClient
from service.oidc.policy import ProviderPolicy
from service.web.flow import FLOW

ADA = "ada@acme.example"
VOUCHED = {"email_verified": True, "hd": "acme.example"}


@pytest.fixture
async def site(pool: Pool) -> AsyncIterator[Site]:
    """A site at which the provider at hand is Google; Ada has an account of Acme's organisation there."""
    google = FakeProvider(port=free_port(), claim_changes=dict(VOUCHED))
    settings: dict[str, Any] = {
        "google_issuer": google.issuer,
        "google_client_id": google.client_id,
        "google_client_secret": google.client_secret,
        "app_url": "https://app.example/home",
    }
    async with running_site(pool, google, **settings) as made:
        await made.connect()
        yield made


async def to_google(browser: Browser, **fields: str) -> str:
    answer = await browser.submit("/login/google", fields)
    assert answer.status == 303, await answer.text()
    return answer.headers["Location"]


async def by_google(site: Site, browser: Browser, **fields: str) -> ClientResponse:
    """Run a whole sign-in with Google."""
    return await browser.get(await site.provider.log_in(await to_google(browser, **fields)))


async def opened(browser: Browser) -> list[str]:
    answer = await browser.get("/api/session")
    if answer.status != 200:
        return []
    return [one["slug"] for one in orjson.loads(await answer.read())["workspaces"]]


async def log(site: Site) -> list[tuple[str, str, str]]:
    return [(row["method"], row["workspace"], row["reason"]) for row in await site.sign_ins()]


def other_account(site: Site, subject: str, **claims: Any) -> None:
    site.provider.person = {"sub": subject, "name": "Ada", "email": ADA}
    site.provider.claim_changes = {**VOUCHED, **claims}


async def confirm_by_mail(site: Site, browser: Browser) -> ClientResponse:
    mails = KeptMails()
    await deliver(site.world, mails)
    assert "is this your Google account" in mails.kept[-1]["Subject"]
    address = f"/login/magic-link/{link_in(mails.kept[-1])}"
    assert "Is this your Google account?" in await (await browser.get(address)).text()
    return await browser.submit(address)


async def test_a_member_whose_organisation_is_at_google_signs_in(site: Site) -> None:
    await site.world.member()
    browser = site.browser()
    answer = await by_google(site, browser)
    assert (answer.status, answer.headers["Location"]) == (303, "https://app.example/home")
    assert await opened(browser) == ["acme"]
    assert await log(site) == [("google", "acme", "ok")]
    assert set(browser.named("last-method").values()) == {"google"}
    assert browser.named("attempt") == {}


async def test_the_request_has_state_nonce_and_pkce(site: Site) -> None:
    asked = parse_qs(urlsplit(await to_google(site.browser(), email=ADA)).query)
    assert asked["redirect_uri"] == ["https://id.example/login/google/callback"]
    assert asked["scope"] == ["openid email profile"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["login_hint"] == [ADA]
    assert len(asked["state"][0]) == 48
    assert len(asked["nonce"][0]) == 44


async def test_where_google_limits_the_page_says_when_to_come_back(site: Site) -> None:
    site.provider.hooks["token"] = lambda _: web.json_response({}, status=429, headers={"Retry-After": "17"})
    answer = await by_google(site, site.browser())
    assert (answer.status, answer.headers.get("Retry-After")) == (503, "17")


async def test_afterwards_the_subject_decides_and_not_the_address(site: Site) -> None:
    """The account keeps its person when its address changes; another account with the address is not them."""
    await site.world.member()
    await by_google(site, site.browser())
    site.provider.person = {"sub": "00u17ada1acme", "name": "Ada", "email": "ada.l@elsewhere.example"}
    browser = site.browser()
    assert (await by_google(site, browser)).status == 303
    assert await opened(browser) == ["acme"]
    (user,) = await site.world.rows("users")
    assert user["email"] == ADA
    other_account(site, "another")
    answer = await by_google(site, site.browser())
    assert "Check your mail" in await answer.text()


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"hd": None}, "email_unverified"),
        ({"hd": "evil.example"}, "email_unverified"),
        ({"hd": "sub.acme.example"}, "email_unverified"),
        ({"hd": 1}, "email_unverified"),
        ({"email_verified": False}, "email_unverified"),
        ({"email_verified": "true"}, "email_unverified"),
        ({"email_verified": None}, "email_unverified"),
        ({"email": None}, "email_missing"),
        ({"nonce": "other"}, "id_token_invalid"),
        ({"aud": "other"}, "id_token_invalid"),
        ({"iss": "https://accounts.google.example"}, "issuer_mismatch"),
    ],
)
async def test_an_address_that_google_does_not_vouch_for_links_nobody(
    site: Site, claims: dict[str, Any], reason: str
) -> None:
    await site.world.member()
    site.provider.claim_changes = {**VOUCHED, **claims}
    if "email" in claims:
        site.provider.person.pop("email")
    browser = site.browser()
    answer = await by_google(site, browser)
    assert await shown_reason(answer) == reason
    text = await answer.text()
    assert 'href="/login"' in text
    assert reason != "email_unverified" or "Google" in text
    assert await opened(browser) == []
    assert await log(site) == [("google", "", reason)]
    assert await site.world.rows("user_identities") == []


async def test_gmail_addresses_are_googles_own(site: Site) -> None:
    await site.world.member("ada@gmail.com")
    site.provider.person = {"sub": "00u17ada1acme", "name": "Ada", "email": "ada@gmail.com"}
    site.provider.claim_changes = {"email_verified": True}
    browser = site.browser()
    assert (await by_google(site, browser)).status == 303
    assert await opened(browser) == ["acme"]


async def test_an_unknown_address_becomes_nobody(site: Site) -> None:
    """Just-in-time creation belongs to a workspace's own provider."""
    answer = await by_google(site, site.browser())
    assert await shown_reason(answer) == "invitation_required"
    assert await site.world.rows("users") == []


async def test_an_owner_answers_a_mail_before_the_google_account_is_theirs(site: Site) -> None:
    await site.world.member(role="owner")
    browser = site.browser()
    answer = await by_google(site, browser)
    assert (answer.status, await shown_reason(answer)) == (200, "link_unconfirmed")
    assert await opened(browser) == []
    assert await site.world.rows("user_identities") == []
    assert (await confirm_by_mail(site, browser)).status == 303
    assert await opened(browser) == ["acme"]
    again = site.browser()
    assert (await by_google(site, again)).status == 303
    assert await opened(again) == ["acme"]


async def test_an_owner_who_is_one_under_another_address_is_asked_too(site: Site) -> None:
    """All that the mailbox's user is counts: an editor here, an owner there."""
    await site.connect("globex", domain="globex.example")
    await site.world.member(proven=True)
    await site.world.member("a.lovelace@globex.example", "owner", slug="globex")
    await site.world.pool.execute(
        "update identity.members set user_id = (select user_id from identity.users where email_key = $1)", ADA
    )
    assert await shown_reason(await by_google(site, site.browser())) == "link_unconfirmed"


async def test_an_invitation_is_accepted_and_an_owners_takes_a_mail(site: Site) -> None:
    await site.world.invitation(role="viewer")
    browser = site.browser()
    assert (await by_google(site, browser)).status == 303
    assert await opened(browser) == ["acme"]
    await site.connect("globex", domain="globex.example")
    await site.world.invitation(role="owner", slug="globex")
    again = site.browser()
    assert (await by_google(site, again)).status == 303
    assert await opened(again) == ["acme"]
    assert [row["status"] for row in await site.world.rows("invitations")].count("open") == 1


async def test_only_a_mail_puts_another_google_account_in_the_place_of_the_first(site: Site) -> None:
    await site.world.member()
    await by_google(site, site.browser())
    other_account(site, "another")
    browser = site.browser()
    assert await shown_reason(await by_google(site, browser)) == "link_unconfirmed"
    assert (await confirm_by_mail(site, browser)).status == 303
    (identity,) = await site.world.rows("user_identities")
    assert identity["subject"] == "another"


async def test_who_answered_a_mail_in_this_browser_is_not_asked_again(site: Site) -> None:
    await site.world.member(role="owner")
    browser = site.browser()
    await browser.submit("/login/magic-link", {"email": ADA})
    mails = KeptMails()
    await deliver(site.world, mails)
    await browser.submit(f"/login/magic-link/{link_in(mails.kept[0])}")
    assert (await by_google(site, browser)).status == 303
    (identity,) = await site.world.rows("user_identities")
    assert identity["subject"] == "00u17ada1acme"


async def test_while_sso_is_required_google_opens_nothing(site: Site) -> None:
    await site.world.member()
    browser = site.browser()
    await by_google(site, browser)
    await site.world.append("acme", [EnforcementEnabled()])
    assert await opened(browser) == []
    answer = await by_google(site, site.browser())
    assert await shown_reason(answer) == "method_not_allowed"
    assert 'href="/api/sso/initiate/acme"' in await answer.text()
    assert (await log(site))[-1] == ("google", "acme", "method_not_allowed")


async def test_a_deactivated_member_stays_out(site: Site) -> None:
    await site.world.member()
    await by_google(site, site.browser())
    await site.world.pool.execute("update identity.members set status = 'deactivated'")
    assert await shown_reason(await by_google(site, site.browser())) == "member_deactivated"


async def test_signing_in_as_somebody_else_is_confirmed_first(site: Site) -> None:
    await site.world.member("grace@acme.example", proven=True)
    await site.world.member()
    browser = site.browser()
    await by_google(site, browser)
    site.provider.person = {"sub": "00u-grace", "name": "Grace", "email": "grace@acme.example"}
    asked = await (await by_google(site, browser)).text()
    assert "Change to another account?" in asked
    ticket = hidden_field(asked, "ticket")
    stranger = await site.browser().submit("/login/google/switch", {"ticket": ticket})
    assert await shown_reason(stranger) == "switch_expired"
    assert (await browser.submit("/login/google/switch", {"ticket": ticket})).status == 303
    answer = await browser.submit("/login/google/switch", {"ticket": ticket})
    assert await shown_reason(answer) == "switch_expired"
    told = orjson.loads(await (await browser.get("/api/session")).read())
    assert told["user"]["email"] == "grace@acme.example"


async def test_an_answer_is_this_browsers_and_used_once(site: Site) -> None:
    await site.world.member()
    browser, stranger = site.browser(), site.browser()
    back = await site.provider.log_in(await to_google(browser))
    assert await shown_reason(await stranger.get(back)) == "attempt_missing"
    kept = dict(browser.cookies)
    assert (await browser.get(back)).status == 303
    # The one who holds the session goes on; whoever holds the cookie alone is told.
    assert (await browser.get(back)).status == 303
    stranger.cookies = kept
    assert await shown_reason(await stranger.get(back)) == "attempt_used"
    assert len(site.provider.requests("token")) == 1


async def test_an_attempt_at_a_workspace_is_none_at_google_and_the_other_way_round(site: Site) -> None:
    browser = site.browser()
    back = await site.provider.log_in(await to_google(browser))
    answer = await browser.get(f"/api/sso/callback/acme?{urlsplit(back).query}")
    assert await shown_reason(answer) == "attempt_foreign"
    other = await site.back(browser)
    answer = await browser.get(f"/login/google/callback?{urlsplit(other).query}")
    assert await shown_reason(answer) == "attempt_foreign"
    assert site.provider.requests("token") == []


async def test_an_attempt_ends_after_half_an_hour(site: Site) -> None:
    browser = site.browser()
    back = await site.provider.log_in(await to_google(browser))
    site.world.clock.turn(minutes=30)
    assert await shown_reason(await browser.get(back)) == "attempt_expired"


async def test_who_stops_at_google_can_start_again(site: Site) -> None:
    site.provider.authorize_error = ("access_denied", "<script>")
    answer = await by_google(site, site.browser())
    text = await answer.text()
    assert await shown_reason(answer) == "provider_denied"
    assert "<script>" not in text
    assert 'href="/login"' in text


async def test_an_answer_of_another_issuer_is_refused(site: Site) -> None:
    browser = site.browser()
    back = await site.provider.log_in(await to_google(browser))
    answer = await browser.get(f"{back}&iss=https://evil.example")
    assert await shown_reason(answer) == "issuer_mismatch"


@pytest.mark.parametrize("query", ["", "?state=x", "?code=a&code=b", "?code=a&error=b", "?error=access_denied"])
async def test_a_callback_that_answers_nothing_is_explained(site: Site, query: str) -> None:
    answer = await site.browser().get(f"/login/google/callback{query}")
    assert answer.status == 400
    assert 'href="/login"' in await answer.text()
    assert [row[:2] for row in await log(site)] == [("google", "")]


GOOGLES_OWN = {
    "issuer": "https://accounts.google.com",
    "authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth",
    "token_endpoint": "https://oauth2.googleapis.com/token",
    "userinfo_endpoint": "https://openidconnect.googleapis.com/v1/userinfo",
    "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs",
    "response_types_supported": ["code"],
    "response_modes_supported": ["query", "fragment", "form_post"],
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["RS256"],
    "scopes_supported": ["openid", "email", "profile"],
    "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    "code_challenge_methods_supported": ["plain", "S256"],
    "grant_types_supported": ["authorization_code"],
}
"""Google's discovery document, as far as it is read: its endpoints are at other hosts than its issuer."""


async def test_googles_own_endpoints_are_spoken_to_and_people_choose_their_account(
    mocked_http: aioresponses, site: Site
) -> None:
    issuer = "https://accounts.google.com"
    mocked_http.get(f"{issuer}/.well-known/openid-configuration", payload=GOOGLES_OWN)
    assert site.client.app is not None
    cookies = site.client.app[FLOW].cookies
    async with ProviderClient(ProviderPolicy(allowed_hosts=endpoint_hosts(issuer)), clock=site.world.clock) as http:
        trip = GoogleRoundTrip(
            client=GoogleClient(issuer, "client", SecretStr("secret")),
            relying_party=RelyingParty(http, site.world.clock),
            pool=site.world.pool,
            box=site.world.resources.box,
            cookies=cookies,
            public_url="https://id.example",
            clock=site.world.clock,
        )
        begun = await trip.begin(login_hint=None, target=None, cookie_header="")
    assert isinstance(begun, Begun), begun
    assert begun.location.startswith("https://accounts.google.com/o/oauth2/v2/auth?")
    assert parse_qs(begun.location)["prompt"] == ["select_account"]
    assert endpoint_hosts("https://acme.okta.example") == frozenset()
