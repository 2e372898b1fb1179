"""Front-channel logout: the provider's frame ends the session that it names, and can be shown by the provider alone."""

from collections.abc import AsyncIterator

import pytest
from support.database import Pool
from support.provider_logout import SID, is_signed_in, signed_in
from support.site import Site, running_site
from support.tokens import Json

FRAME = "/api/sso/frontchannel-logout/acme"


@pytest.fixture
async def site(pool: Pool) -> AsyncIterator[Site]:
    """A site with a workspace ``acme`` that signs in at the provider."""
    async with running_site(pool) as made:
        await made.connect()
        yield made


async def test_the_frame_ends_the_session_that_it_names_and_only_the_provider_may_show_it(site: Site) -> None:
    here, there = await signed_in(site, sid=SID), await signed_in(site, sid="another")
    answer = await site.client.get(FRAME, params={"iss": site.provider.issuer, "sid": SID})
    assert answer.status == 200
    assert [await is_signed_in(one) for one in (here, there)] == [False, True]
    policy = answer.headers["Content-Security-Policy"]
    assert policy == f"default-src 'none'; frame-ancestors {site.provider.origin}"
    assert "X-Frame-Options" not in answer.headers
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("slug", "changes"),
    [
        ("acme", {"iss": "https://globex.okta.com"}),
        ("acme", {"iss": None}),
        ("acme", {"sid": None}),
        ("acme", {"sid": ""}),
        ("acme", {"sid": "s" * 256}),
        ("acme", {"sid": "a\0b"}),
        ("nobody", {}),
        ("No-Slug", {}),
    ],
    ids=["iss-other", "iss-missing", "sid-missing", "sid-empty", "sid-long", "sid-nul", "nobody", "no-slug"],
)
async def test_a_frame_that_names_no_session_of_the_provider_ends_nothing(site: Site, slug: str, changes: Json) -> None:
    browser = await signed_in(site, sid=SID)
    asked = {"iss": site.provider.issuer, "sid": SID, **changes}
    query = {name: value for name, value in asked.items() if value is not None}
    answer = await site.client.get(f"/api/sso/frontchannel-logout/{slug}", params=query)
    assert answer.status == 400
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert await is_signed_in(browser)


async def test_a_frame_about_an_unknown_session_is_answered_like_one_about_a_known_one(site: Site) -> None:
    await signed_in(site, sid=SID)
    known = await site.client.get(FRAME, params={"iss": site.provider.issuer, "sid": SID})
    unknown = await site.client.get(FRAME, params={"iss": site.provider.issuer, "sid": "nobody's"})
    assert (known.status, await known.text()) == (unknown.status, await unknown.text())
