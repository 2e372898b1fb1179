"""At the desk: other providers than Okta, credentials that were given up while somebody was under way, reloading."""

import pytest
from support.browser import shown_reason
from support.desks import DESK, TwoSecrets, owner, record, staged_id, through, tried, typed
from support.site import Site

NEW = "the-new-secret"


async def staged_and_promoted(desk: Site) -> None:
    """Put a second secret in use, proven by an owner's test."""
    assert isinstance(desk.provider, TwoSecrets)
    desk.provider.accepted = frozenset({NEW})
    browser = await owner(desk)
    await record(desk, "CredentialsStaged", typed(desk, NEW))
    await tried(desk, browser, DESK, await staged_id(desk))
    await record(desk, "CredentialsPromoted")


async def test_a_sign_in_that_a_rollback_overtakes_goes_round_once_more_and_succeeds(desk: Site) -> None:
    """Like one that a promotion overtakes: nobody reads an error for what support does."""
    await staged_and_promoted(desk)
    browser = desk.browser()
    begun = await desk.back(browser)
    await record(desk, "CredentialsRolledBack")
    answer = await through(desk, browser, begun)
    assert answer.headers["Location"] == "https://app.example/home"
    assert "credentials_switched" in {row["detail"] for row in await desk.sign_ins()}


async def test_a_sign_in_under_credentials_that_were_rolled_back_and_then_replaced_is_refused(desk: Site) -> None:
    """What came after the rollback is another connection: the person is told."""
    await staged_and_promoted(desk)
    browser = desk.browser()
    begun = await desk.back(browser)
    await record(desk, "CredentialsRolledBack")
    await record(desk, "CredentialsSet", typed(desk, "another"))
    answer = await browser.get(begun)
    assert await shown_reason(answer) == "attempt_expired"
    assert (await desk.sign_ins())[-1]["detail"] == "credentials_replaced"


@pytest.mark.parametrize("why", ["too_slow", "sso_off"])
async def test_whatever_else_ended_an_attempt_is_told_although_its_credentials_were_switched_too(
    desk: Site, why: str
) -> None:
    """Going round once more would hide it."""
    browser = desk.browser()
    begun = await desk.back(browser)
    await staged_and_promoted(desk)
    if why == "too_slow":
        desk.world.clock.turn(minutes=31)
    else:
        await record(desk, "SsoDisabled")
    answer = await browser.get(begun)
    reason = {"too_slow": "attempt_expired", "sso_off": "workspace_unavailable"}[why]
    assert await shown_reason(answer) == reason
    assert (await desk.sign_ins())[-1]["detail"] == why


@pytest.mark.parametrize("given_up", ["removed", "former"])
async def test_a_test_under_credentials_that_are_given_up_meanwhile_is_refused_unasked(
    desk: Site, given_up: str
) -> None:
    """No code goes to the provider for credentials that are removed, or that a promotion made the former ones."""
    await staged_and_promoted(desk)
    browser = await owner(desk)
    active = (await desk.world.workspace()).credentials
    assert active is not None
    begun = await browser.submit(f"{DESK}/test", {"credentials": active.credentials_id})
    back = await desk.provider.log_in(begun.headers["Location"])
    await record(desk, "CredentialsStaged", typed(desk, NEW))
    if given_up == "removed":
        await record(desk, "SsoDisabled")
        await record(desk, "CredentialsRemoved")
    else:
        await tried(desk, browser, DESK, await staged_id(desk))
        await record(desk, "CredentialsPromoted")
    asked = len(desk.provider.requests("token"))
    answer = await browser.get(back)
    assert await shown_reason(answer) == "attempt_expired"
    assert f'href="{DESK}"' in await answer.text()
    assert len(desk.provider.requests("token")) == asked
    row = (await desk.sign_ins())[-1]
    assert (row["initiated_by"], row["credentials_id"]) == ("test", active.credentials_id)


@pytest.mark.parametrize("secret", [NEW, "never-right"])
async def test_the_outcome_of_a_test_reloaded_leads_back_to_the_desk(desk: Site, secret: str) -> None:
    """Whether it worked or failed: the attempt is used, and the desk shows how it ended."""
    assert isinstance(desk.provider, TwoSecrets)
    desk.provider.accepted = frozenset({NEW})
    browser = await owner(desk)
    await record(desk, "CredentialsStaged", typed(desk, secret))
    begun = await browser.submit(f"{DESK}/test", {"credentials": await staged_id(desk)})
    back = await desk.provider.log_in(begun.headers["Location"])
    await browser.get(back)
    rows = len(await desk.sign_ins())
    again = await browser.get(back)
    assert (again.status, again.headers["Location"]) == (303, DESK)
    assert len(await desk.sign_ins()) == rows


async def test_another_provider_than_okta_is_staged_by_its_issuer_and_named_in_its_words(desk: Site) -> None:
    browser = await owner(desk)
    asks = await (await browser.get(DESK)).text()
    assert 'name="issuer"' in asks
    fields = {"issuer": desk.provider.issuer, "client_id": "0oa1", "client_secret": NEW}
    both = await browser.submit(f"{DESK}/stage", fields | {"okta_domain": "acme.okta.com"})
    neither = await browser.submit(f"{DESK}/stage", fields | {"issuer": ""})
    assert (both.status, neither.status) == (422, 422)
    assert "Not both" in await both.text()
    answer = await browser.submit(f"{DESK}/stage", fields)
    assert (answer.status, answer.headers.get("Location")) == (303, DESK), await answer.text()
    staged = (await desk.world.workspace()).staged
    assert staged is not None
    assert (staged.provider_kind, staged.issuer, staged.email_verified) == ("oidc", desk.provider.issuer, "require")
    await record(desk, "CredentialsDiscarded")


@pytest.mark.parametrize(
    ("kind", "heading"), [("okta", "For the app in Okta"), ("oidc", "For the application at your provider")]
)
async def test_the_headings_follow_the_kind_of_provider(desk: Site, kind: str, heading: str) -> None:
    browser = await owner(desk)
    await record(desk, "CredentialsStaged", typed(desk, NEW) | {"provider_kind": kind})
    assert heading in await (await browser.get(DESK)).text()
