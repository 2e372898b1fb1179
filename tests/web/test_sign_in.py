"""A whole sign-in, from a workspace's address to the application, and all that may come in between."""

from support.browser import shown_reason
from support.site import Site


async def test_a_member_signs_in_and_lands_in_the_application(site: Site) -> None:
    browser = site.browser()
    answer = await site.sign_in(browser)
    assert (answer.status, answer.headers["Location"]) == (303, "https://app.example/home")
    assert list(browser.cookies) == ["__Host-keyledger-session"]
    session = await (await browser.get("/api/session")).json()
    assert session["user"]["email"] == "ada@acme.example"
    assert session["workspaces"] == [{"slug": "acme", "role": "editor", "websites": "all"}]
    assert [one["method"] for one in session["authentications"]] == ["sso"]
    assert await site.reasons() == ["ok"]


async def test_a_start_from_the_tile_lands_where_the_tile_says(site: Site) -> None:
    browser = site.browser()
    address = (
        f"/api/sso/initiate/acme?iss={site.provider.issuer}&target_link_uri=https://app.example/inbox&login_hint=ada"
    )
    answer = await site.sign_in(browser, address)
    assert answer.headers["Location"] == "https://app.example/inbox"
    (row,) = await site.sign_ins()
    assert row["initiated_by"] == "okta"
    assert site.provider.requests("authorize")[0].query["login_hint"] == "ada"


async def test_nobody_is_signed_in_without_a_session(site: Site) -> None:
    browser = site.browser()
    answer = await browser.get("/api/session")
    assert answer.status == 401
    assert (await answer.json())["code"] == "unauthenticated"
    assert (await browser.get("/account")).headers["Location"] == "/login"


async def test_an_unknown_workspace_gets_the_friendly_page(site: Site) -> None:
    answer = await site.browser().get("/api/sso/initiate/nobody")
    assert answer.status == 404
    assert await shown_reason(answer) == "workspace_unavailable"
