"""Why a sign-in went as it did is answered from the ledger alone, however the workspace was changed since."""

from typing import Any

import pytest
from support.identity_values import Proven
from support.identity_world import World
from support.management import Management

from events.catalogue.access import SsoDisabled
from events.catalogue.configuration import DomainAdded, DomainRemoved, JitDisabled
from service.api.check_sentences import OUTCOMES, tell_remedy
from service.identity.sign_in_log import SignIn, record


@pytest.fixture
async def world(api: Management) -> World:
    """A workspace with SSO, in the database of the API under test."""
    world = World(api.pool, api.clock)
    await world.register()
    return world


def check(answer: Any, name: str) -> Any:
    """Return one check of an explanation."""
    return next(one for one in answer["checks"] if one["check"] == name)


async def test_a_refusal_is_explained_by_the_version_it_was_judged_under_and_who_made_it_so(
    api: Management, world: World
) -> None:
    """The domain had been taken off by somebody, for a reason; that it is back since does not blur the answer."""
    await world.append("acme", [DomainAdded(domain="b.example"), DomainRemoved(domain="acme.example")])
    refused = await world.sign_in()
    assert refused.reason == "domain_not_allowed"
    await world.append("acme", [DomainAdded(domain="acme.example")])
    answer = await api.get(f"/workspaces/acme/sign-ins/{refused.sign_in_id}")
    assert answer["configuration"]["version"] == answer["sign_in"]["config_version"] == 6
    assert [one["domain"] for one in answer["configuration"]["domains"]] == ["b.example"]
    domain = check(answer, "domain")
    assert domain["sentence"] == "The domain acme.example was not allowed; exactly these were: b.example."
    (cause,) = domain["events"]
    assert (cause["version"], cause["type"], cause["reason"]) == (6, "DomainRemoved", "asked by the customer")
    assert cause["actor"] == {"type": "staff", "id": "grace", "name": "grace"}
    assert answer["remedy"] == tell_remedy("domain_not_allowed", None)


async def test_a_domain_that_nobody_ever_allowed_is_explained_by_the_registration(
    api: Management, world: World
) -> None:
    refused = await world.sign_in(Proven(email="ada@foreign.example"))
    answer = await api.get(f"/workspaces/acme/sign-ins/{refused.sign_in_id}")
    assert [one["type"] for one in check(answer, "domain")["events"]] == ["WorkspaceRegistered"]


async def test_what_created_somebody_is_explained_as_well(api: Management, world: World) -> None:
    """A sign-in that went well has no remedy; just-in-time creation was on since the registration."""
    await world.sign_in()
    await world.append("acme", [JitDisabled()])
    answer = await api.get("/workspaces/acme/sign-ins/r-1")
    assert (answer["outcome"], answer["remedy"]) == ("Let in.", None)
    assert answer["configuration"]["jit"] == {"enabled": True, "role": "editor"}
    assert check(answer, "just_in_time")["sentence"] == "Just-in-time creation was on, as editor."


async def test_an_outcome_without_a_version_is_explained_by_its_moment(api: Management, world: World) -> None:
    """What ended before it was judged is told by the configuration of that moment, and by what switched SSO off."""
    await world.append("acme", [SsoDisabled(reason="maintenance")])
    at = (await api.get("/workspaces/acme/events"))["items"][-1]["recorded_at"]
    moment = await api.pool.fetchval("select recorded_at from ledger.events where stream_id='acme' and version = 5")
    await world.append("acme", [DomainAdded(domain="later.example")])
    row = SignIn(at=moment, workspace="acme", method="sso", reason="workspace_unavailable", request_id="req-x")
    await record(api.pool, row)
    answer = await api.get("/workspaces/acme/sign-ins/req-x")
    assert (answer["configuration_as_of"], answer["configuration"]["version"]) == ("moment", 5)
    assert [one["type"] for one in answer["events"]] == ["CredentialsSet", "SsoDisabled"]
    assert answer["events"][-1]["recorded_at"] == at


@pytest.mark.parametrize("reference", ["999999", "req-none", "9" * 40])
async def test_a_sign_in_that_the_log_does_not_have_is_not_found(api: Management, world: World, reference: str) -> None:
    await world.register("globex", domain="globex.example")
    await world.sign_in()
    assert (await api.get(f"/workspaces/acme/sign-ins/{reference}", 404))["code"] == "not_found"
    # Nor is one of another workspace.
    assert (await api.get("/workspaces/globex/sign-ins/r-1", 404))["code"] == "not_found"


@pytest.mark.parametrize("reason", sorted(set(OUTCOMES) - {"ok"}))
def test_every_refusal_has_a_sentence_and_what_would_help(reason: str) -> None:
    assert OUTCOMES[reason].endswith(".")
    assert (tell_remedy(reason, None) or "").endswith(".")


def test_every_reason_of_the_log_is_told() -> None:
    """The reasons are those that the pages have a notice for."""
    from service.web.notices import SIGN_IN_REASONS

    assert set(OUTCOMES) == SIGN_IN_REASONS | {"ok"}
