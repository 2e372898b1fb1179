"""Workspaces are registered once, read now and then, listed, and compared."""

import pytest
from support.management import Management


async def test_registering_creates_the_stream_and_answers_its_event(api: Management) -> None:
    """POST /workspaces answers 201 with WorkspaceRegistered, whose actor is the token, never the body."""
    answer = await api.call(
        "POST", "/workspaces", {"slug": "acme", "name": "Acme", "plan": "one", "reason": "contract"}
    )
    body = await answer.json()
    assert (answer.status, answer.headers["ETag"], answer.headers["Location"]) == (
        201,
        '"1"',
        "/api/v1/workspaces/acme",
    )
    (event,) = body["events"]
    assert event["type"] == "WorkspaceRegistered"
    assert event["data"] == {"slug": "acme", "name": "Acme", "plan": "one"}
    id_ = await api.names.find("ada-support")
    assert event["actor"] == {"type": "token", "id": id_, "name": "ada-support"}
    assert event["reason"] == "contract"


async def test_a_workspace_reads_as_the_contract_says(api: Management) -> None:
    """Reading a workspace answers exactly these members, with the two URIs that go into Okta."""
    await api.register()
    assert await api.get("/workspaces/acme") == {
        "slug": "acme",
        "name": "Acme",
        "plan": "one",
        "version": 1,
        "position": 2,
        "closed": False,
        "initiate_uri": "https://id.example.com/api/sso/initiate/acme",
        "redirect_uri": "https://id.example.com/api/sso/callback/acme",
        "sign_out_redirect_uri": "https://id.example.com/api/sso/signed-out/acme",
        "backchannel_logout_uri": "https://id.example.com/api/sso/backchannel-logout/acme",
        "frontchannel_logout_uri": "https://id.example.com/api/sso/frontchannel-logout/acme",
        "domains": [],
        "jit": {"enabled": True, "role": "editor"},
        "credentials": None,
        "staged": None,
        "sso": {"enabled": False},
        "provider_logout": {"enabled": False},
        "enforcement": {"enabled": False, "confirmed": False, "confirm_by": None},
        "bypasses": [],
    }


async def test_a_slug_is_never_given_twice(api: Management) -> None:
    """A taken slug answers 409 slug_taken, a closed workspace's slug too."""
    await api.register()
    await api.record("acme", "WorkspaceClosed")
    problem = await api.post("/workspaces", {"slug": "acme", "name": "Other", "plan": "one"}, 409)
    assert problem["code"] == "slug_taken"


async def test_the_owner_is_invited_with_the_registration(api: Management) -> None:
    """owner_email invites the first owner in the same append; the mail waits in the outbox."""
    answer = await api.register(owner_email="ada@acme.example", websites=["shop", "blog"])
    assert [event["type"] for event in answer["events"]] == ["WorkspaceRegistered", "MemberInvited"]
    assert "ada@acme.example" not in str(answer)
    (invitation,) = (await api.get("/workspaces/acme/invitations"))["items"]
    assert (invitation["email"], invitation["role"]) == ("ada@acme.example", "owner")
    assert await api.pool.fetchval("select count(*) from identity.outbox where kind = 'invitation'") == 1
    assert await api.pool.fetchval("select count(*) from identity.websites where workspace = 'acme'") == 2


async def test_a_bad_owner_address_registers_nothing(api: Management) -> None:
    """All or nothing: with an address that is none there is no workspace either."""
    body = {"slug": "acme", "name": "Acme", "plan": "one", "owner_email": "ada@@acme"}
    assert (await api.post("/workspaces", body, 422))["code"] == "data_invalid"
    assert (await api.get("/workspaces/acme", 404))["code"] == "workspace_unknown"


@pytest.mark.parametrize("slug", ["A", "a", "-acme", "acme-", "ac--me", "a" * 64, "$system", "ac me", ""])
async def test_a_slug_has_one_form(api: Management, slug: str) -> None:
    """What is no slug is refused with its place."""
    problem = await api.post("/workspaces", {"slug": slug, "name": "Acme", "plan": "one"}, 422)
    assert problem["errors"][0]["pointer"] == "/slug"


async def test_workspaces_are_listed_in_pages(api: Management) -> None:
    """The list goes by slug, and the cursor leads through all of it once."""
    for slug in ("carrot", "acme", "beta"):
        await api.register(slug)
    first = await api.get("/workspaces?limit=2")
    second = await api.get(f"/workspaces?limit=2&cursor={first['next']}")
    assert [one["slug"] for one in first["items"] + second["items"]] == ["acme", "beta", "carrot"]
    assert second["next"] is None


async def test_every_past_version_and_moment_can_be_read(api: Management) -> None:
    """?version and ?at answer the configuration as it was then; before the registration there was none."""
    first = await api.register()
    await api.record("acme", "DomainAdded", {"domain": "acme.example"})
    await api.record("acme", "JitDisabled")
    then = await api.get("/workspaces/acme?version=2")
    assert ([one["domain"] for one in then["domains"]], then["jit"]["enabled"], then["version"]) == (
        ["acme.example"],
        True,
        2,
    )
    recorded_at = first["events"][0]["recorded_at"]
    assert (await api.get(f"/workspaces/acme?at={recorded_at}"))["version"] == 1
    problem = await api.get("/workspaces/acme?at=2020-01-01T00:00:00Z", 404)
    assert problem["code"] == "workspace_unknown"
    assert "did not exist yet" in problem["detail"]


@pytest.mark.parametrize(
    "query",
    [
        "at=2026-11-25",
        "at=now",
        "version=0",
        "version=99",
        "version=x",
        "version=1&at=2026-11-25T00:00:00Z",
        "vversion=1",
        "version=1&version=2",
    ],
)
async def test_a_moment_that_is_none_is_refused(api: Management, query: str) -> None:
    """A typo or an impossible value never answers the present instead."""
    await api.register()
    problem = await api.get(f"/workspaces/acme?{query}", 422)
    assert problem["code"] == "data_invalid"
    assert problem["errors"][0]["in"] == "query"


async def test_two_versions_are_compared_place_by_place(api: Management) -> None:
    """The difference names each place with its value before and after."""
    await api.register()
    await api.record("acme", "DomainAdded", {"domain": "acme.example"})
    await api.record("acme", "JitDisabled")
    answer = await api.get("/workspaces/acme/diff?from=1&to=3")
    places = [{name: one[name] for name in ("path", "before", "after")} for one in answer["changes"]]
    assert places == [
        {"path": "/domains/acme.example", "before": None, "after": {"domain": "acme.example", "verified": None}},
        {"path": "/jit/enabled", "before": True, "after": False},
    ]
    assert (answer["from"]["version"], answer["to"]["version"]) == (1, 3)
    assert (await api.get("/workspaces/acme/diff?from=3"))["changes"] == []


async def test_each_difference_names_the_events_between_that_made_it(api: Management) -> None:
    """Who, when and why; in either direction; what was changed before or after the two points is not named."""
    await api.register()
    await api.record("acme", "JitDisabled")
    off = {"type": "DomainAdded", "data": {"domain": "acme.example"}, "reason": "their own", "ticket": "T-1"}
    await api.post("/workspaces/acme/events", off)
    await api.record("acme", "DomainVerified", {"domain": "acme.example"})
    await api.record("acme", "JitEnabled", {"role": "viewer"})
    for points in ("from=2&to=4", "from=4&to=2"):
        (change,) = (await api.get(f"/workspaces/acme/diff?{points}"))["changes"]
        assert [(one["version"], one["type"]) for one in change["events"]] == [
            (3, "DomainAdded"),
            (4, "DomainVerified"),
        ]
        assert (change["events"][0]["reason"], change["events"][0]["ticket"]) == ("their own", "T-1")
        assert change["events"][0]["actor"]["type"] == "token"
        assert change["events"][0]["summary"] == "Allowed the domain acme.example."


async def test_readiness_lists_all_that_is_missing(api: Management) -> None:
    """A fresh workspace off the SSO plans misses plan, domain and credentials, each with a sentence."""
    await api.register(plan="basic")
    answer = await api.get("/workspaces/acme/readiness")
    assert [one["item"] for one in answer["sso"]["missing"]] == ["plan", "domain", "credentials"]
    assert not answer["sso"]["ready"]
    assert all(one["sentence"].endswith(".") for one in answer["enforcement"]["missing"])
