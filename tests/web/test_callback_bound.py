"""What an attempt is bound to beside its credentials: the address of the service, an open workspace, and a code."""

from urllib.parse import parse_qs, urlencode, urlsplit

from support.browser import shown_reason
from support.desks import DESK, owner, record, staged_id, typed
from support.site import Site

from events.catalogue.configuration import WorkspaceClosed
from service.web.flow import FLOW


async def test_b08_an_attempt_from_before_the_service_moved_is_foreign(site: Site) -> None:
    """Its code was issued for the redirect URI of the old address (RFC 6749 4.1.3)."""
    browser = site.browser()
    back = await site.back(browser)
    assert site.client.app is not None
    site.client.app[FLOW].callback._public_url = "https://moved.example"
    assert await shown_reason(await browser.get(back)) == "attempt_foreign"
    assert site.provider.requests("token") == []


async def test_a05_a_test_does_not_outlive_its_workspace(desk: Site) -> None:
    browser = await owner(desk)
    await record(desk, "CredentialsStaged", typed(desk, "new"))
    begun = await browser.submit(f"{DESK}/test", {"credentials": await staged_id(desk)})
    back = await desk.provider.log_in(begun.headers["Location"])
    await desk.world.append("acme", [WorkspaceClosed()])
    asked = len(desk.provider.requests("token"))
    assert await shown_reason(await browser.get(back)) == "workspace_unavailable"
    assert len(desk.provider.requests("token")) == asked


async def test_b07_a_token_beside_the_code_is_not_looked_at(site: Site) -> None:
    """As a hybrid flow would send it: who it is, the ID token that the code is exchanged for says alone."""
    browser = site.browser()
    answer = parse_qs(urlsplit(await site.back(browser)).query)
    fields = {name: values[0] for name, values in answer.items()}
    site.provider.person = {"sub": "00u18grace", "name": "Grace", "email": "grace@acme.example"}
    fields["id_token"] = site.provider.id_token("", "at")
    landed = await browser.get(f"/api/sso/callback/acme?{urlencode(fields)}")
    assert landed.status == 303
    (row,) = await site.sign_ins()
    assert (row["reason"], row["email"]) == ("ok", "ada@acme.example")


async def test_b04_an_answer_without_a_code_that_can_be_one_uses_nothing_up(site: Site) -> None:
    """Anybody can have a browser open such an address; the provider's own answer still counts afterwards."""
    browser = site.browser()
    back = await site.back(browser)
    state = parse_qs(urlsplit(back).query)["state"][0]
    for code in ("", "a%00b"):
        answer = await browser.get(f"/api/sso/callback/acme?code={code}&state={state}")
        assert answer.status == 400
    assert (await browser.get(back)).status == 303
