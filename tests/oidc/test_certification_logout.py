"""The OpenID Foundation's modules for relying parties that log out, judged from the provider's side.

Each begins with a sign-in and a sign-out here that leads to the provider. Then the provider posts its logout token, and
sends the browser back. What the provider sees has to be right.
"""

from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.util import urlsafe_b64decode
from support.browser import Browser
from support.database import Pool
from support.provider_logout import (
    SID,
    is_signed_in,
    logout_claims,
    logout_token,
    post_token,
    sign_out_at_provider,
    signed_in,
)
from support.site import BASE, Site, running_site
from support.tokens import ec_key, sign

from events.catalogue.configuration import ProviderLogoutEnabled
from service.oidc.documents import parse_object

SIGNED_OUT = f"{BASE}/api/sso/signed-out/acme"


@pytest.fixture
async def site(pool: Pool) -> AsyncIterator[Site]:
    """A site whose workspace wants people signed out at the provider too."""
    async with running_site(pool) as made:
        made.provider.metadata_changes = {"id_token_signing_alg_values_supported": ["none", "RS256", "ES256"]}
        made.provider.published = [made.provider.signing_key, ec_key()]
        await made.connect()
        await made.world.append("acme", [ProviderLogoutEnabled()])
        yield made


async def leave(site: Site, browser: Browser, address: str = "/logout") -> str:
    """Sign out here; the provider's address that this leads to."""
    answer = await browser.submit(address)
    assert answer.status == 303, await answer.text()
    location = answer.headers["Location"]
    assert location.startswith(site.provider.endpoint("logout"))
    return location


def unsigned(site: Site) -> str:
    return sign({"alg": "none"}, logout_claims(site.provider), None, "none")


BACK_CHANNEL: dict[str, Callable[[Site], str]] = {
    "rpinitlogout": lambda site: logout_token(site.provider),
    "rpinitlogout-alg-none": unsigned,
    "rpinitlogout-no-event": lambda site: logout_token(site.provider, events=None),
    "rpinitlogout-with-nonce": lambda site: logout_token(site.provider, nonce="of-a-login"),
    "rpinitlogout-wrong-alg": lambda site: logout_token(site.provider, key=ec_key(), alg="ES256"),
    "rpinitlogout-wrong-aud": lambda site: logout_token(site.provider, aud=f"{site.provider.client_id}1"),
    "rpinitlogout-wrong-event": lambda site: logout_token(site.provider, events={"http://other.example/event": {}}),
    "rpinitlogout-wrong-iss": lambda site: logout_token(site.provider, iss=f"{site.provider.issuer}1"),
}


@pytest.mark.parametrize(
    "module", BACK_CHANNEL, ids=[f"oidcc-client-test-rp-backchannel-{name}" for name in BACK_CHANNEL]
)
async def test_back_channel(site: Site, module: str) -> None:
    here, there = await signed_in(site), await signed_in(site)
    location = await leave(site, here)
    answer = await post_token(site, BACK_CHANNEL[module](site))
    right = module == "rpinitlogout"
    assert answer.status == (200 if right else 400)
    assert "no-store" in answer.headers["Cache-Control"]
    if not right:
        assert (await answer.json())["error"] == "invalid_request"
    assert await is_signed_in(there) is not right
    assert (await here.get(await sign_out_at_provider(location))).status == 200


@pytest.mark.parametrize(
    "began",
    ["here", "there"],
    ids=["oidcc-client-test-rp-frontchannel-rpinitlogout", "oidcc-client-test-rp-frontchannel-opinitlogout"],
)
async def test_front_channel(site: Site, began: str) -> None:
    """The provider's frame, which brings no cookie, ends the session that the provider names, and no other one.

    Where the sign-out began here, that session has ended before, and the frame is answered all the same.
    """
    browser, other = await signed_in(site, sid=SID), await signed_in(site, sid="another")
    location = await leave(site, browser) if began == "here" else None
    assert await is_signed_in(browser) is (began == "there")
    query = {"iss": site.provider.issuer, "sid": SID}
    framed = await site.client.get("/api/sso/frontchannel-logout/acme", params=query)
    assert framed.status == 200
    assert "no-store" in framed.headers["Cache-Control"]
    assert not await is_signed_in(browser)
    assert await is_signed_in(other)
    assert location is None or (await browser.get(await sign_out_at_provider(location))).status == 200


@pytest.mark.parametrize("address", ["/logout"], ids=["oidcc-client-test-rp-init-logout"])
async def test_rp_initiated(site: Site, address: str) -> None:
    """The provider sees whom to sign out, where to send the browser, and gets its state back."""
    browser = await signed_in(site)
    location = await leave(site, browser, address)
    assert not await is_signed_in(browser)
    back = await sign_out_at_provider(location)
    (seen,) = site.provider.requests("logout")
    claims = parse_object(_payload(seen.query["id_token_hint"]))
    assert (claims["iss"], claims["aud"], claims["sub"]) == (
        site.provider.issuer,
        site.provider.client_id,
        site.provider.person["sub"],
    )
    assert seen.query["post_logout_redirect_uri"] == SIGNED_OUT
    assert parse_qs(urlsplit(back).query)["state"] == [seen.query["state"]]
    assert len(seen.query["state"]) >= 22
    page = await browser.get(back)
    assert page.status == 200
    assert "was asked to end the one there" in await page.text()
    assert browser.named("signing-out") == {}


@pytest.mark.parametrize(
    "state",
    ["of-nobody", None],
    ids=["oidcc-client-test-rp-init-logout-other-state", "oidcc-client-test-rp-init-logout-no-state"],
)
async def test_rp_initiated_with(site: Site, state: str | None) -> None:
    """A state that is not ours is believed nothing, and the person still lands on the page."""
    browser = await signed_in(site)
    location = await leave(site, browser)
    site.provider.logout_changes = {"state": state}
    page = await browser.get(await sign_out_at_provider(location))
    assert page.status == 200
    text = await page.text()
    assert "You’re signed out" in text
    assert "was asked to end the one there" not in text


def _payload(token: str) -> bytes:
    return urlsafe_b64decode(token.split(".")[1].encode())
