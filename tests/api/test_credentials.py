"""Credentials come in as a person has them, go to the provider for discovery, and their secret is never seen again."""

import json
import logging
from typing import Any

import pytest
import structlog
from support.management import Management
from support.provider import FakeProvider

SECRET = "planted-s3cret/+:%"


@pytest.fixture
async def acme(api: Management) -> Management:
    """A registered workspace with a domain and an owner to tell."""
    await api.register()
    await api.record("acme", "DomainAdded", {"domain": "acme.example"})
    return api


@pytest.fixture
async def provider() -> Any:
    """A provider on this machine."""
    async with FakeProvider(client_secret=SECRET) as made:
        yield made


def data(provider: FakeProvider, **changes: object) -> dict[str, object]:
    """Return credentials at this provider, as they are proposed."""
    given = {"issuer": provider.issuer, "client_id": "0oa17n5acme", "client_secret": SECRET, **changes}
    return {name: value for name, value in given.items() if value is not None}


async def test_credentials_are_recorded_with_what_the_provider_says(acme: Management, provider: FakeProvider) -> None:
    """The issuer is kept verbatim, the way to authenticate comes from discovery, the secret shows as a fingerprint."""
    answer = await acme.record("acme", "CredentialsSet", data(provider))
    (event,) = answer["events"]
    assert event["data"]["issuer"] == provider.issuer
    assert event["data"]["auth_method"] == "client_secret_basic"
    assert event["data"]["email_verified"] == "require"
    shown = (await acme.get("/workspaces/acme"))["credentials"]
    assert shown.pop("id") == event["data"]["credentials_id"]
    assert shown == {
        "provider_kind": "oidc",
        "issuer": provider.issuer,
        "client_id": "0oa17n5acme",
        "client_secret": {"sealed": True, "fingerprint": event["data"]["secret"]["fingerprint"]},
        "auth_method": "client_secret_basic",
        "email_verified": "require",
        "subject_type": "public",
        "proven": False,
    }


async def test_an_okta_app_ignores_email_verified_by_default(acme: Management, provider: FakeProvider) -> None:
    """Okta tells vendors not to rely on the claim; other providers' claim counts."""
    await acme.record("acme", "CredentialsSet", data(provider, provider_kind="okta"))
    shown = (await acme.get("/workspaces/acme"))["credentials"]
    assert (shown["provider_kind"], shown["email_verified"]) == ("okta", "ignore")


async def test_a_provider_without_basic_gets_the_secret_in_the_body(acme: Management, provider: FakeProvider) -> None:
    """client_secret_post where that is all the provider takes; a provider that takes neither is refused."""
    provider.metadata_changes["token_endpoint_auth_methods_supported"] = ["client_secret_post", "private_key_jwt"]
    await acme.record("acme", "CredentialsSet", data(provider))
    assert (await acme.get("/workspaces/acme"))["credentials"]["auth_method"] == "client_secret_post"
    wanted = await acme.record("acme", "CredentialsSet", data(provider, auth_method="client_secret_basic"), 422)
    assert wanted["code"] == "provider_invalid"
    provider.metadata_changes["token_endpoint_auth_methods_supported"] = ["private_key_jwt"]
    assert (await acme.record("acme", "CredentialsSet", data(provider), 422))["code"] == "provider_invalid"


async def test_the_same_credentials_again_change_nothing(acme: Management, provider: FakeProvider) -> None:
    """200 with no events, and no second sealed secret; another secret is a change."""
    await acme.record("acme", "CredentialsSet", data(provider))
    assert (await acme.record("acme", "CredentialsSet", data(provider), 200))["events"] == []
    assert await acme.pool.fetchval("select count(*) from ledger.secrets") == 1
    await acme.record("acme", "CredentialsSet", data(provider, client_secret="another"))
    assert await acme.pool.fetchval("select count(*) from ledger.secrets") == 2


async def test_a_repeated_request_with_a_secret_is_recognised(acme: Management, provider: FakeProvider) -> None:
    """A true retry gets the first answer although it would seal to other bytes; another secret is another request."""
    body = {"type": "CredentialsSet", "data": data(provider)}
    first = await acme.post("/workspaces/acme/events", body, Idempotency_Key="k-1")
    asked = len(provider.requests("discovery"))
    assert await acme.post("/workspaces/acme/events", body, Idempotency_Key="k-1") == first
    assert len(provider.requests("discovery")) == asked
    other = {"type": "CredentialsSet", "data": data(provider, client_secret="another")}
    assert (await acme.post("/workspaces/acme/events", other, 409, Idempotency_Key="k-1"))[
        "code"
    ] == "idempotency_conflict"


async def test_sso_is_enabled_once_nothing_is_missing(acme: Management, provider: FakeProvider) -> None:
    """With plan, domain and credentials SSO goes on; enforcement then lacks the proof."""
    await acme.record("acme", "CredentialsSet", data(provider))
    assert (await acme.get("/workspaces/acme/readiness"))["sso"]["ready"]
    await acme.record("acme", "SsoEnabled")
    problem = await acme.record("acme", "EnforcementEnabled", status=409)
    assert problem["code"] == "not_proven"
    assert "proof" in problem["missing"]


async def test_a_plan_without_sso_is_the_one_thing_missing(acme: Management, provider: FakeProvider) -> None:
    """plan_without_sso when all else is there."""
    await acme.record("acme", "CredentialsSet", data(provider))
    await acme.record("acme", "WorkspacePlanChanged", {"plan": "basic"})
    assert (await acme.record("acme", "SsoEnabled", status=409))["code"] == "plan_without_sso"


async def test_leaving_the_sso_plans_switches_sso_off_in_one_append(acme: Management, provider: FakeProvider) -> None:
    """SsoDisabled with the reason and WorkspacePlanChanged are recorded together."""
    await acme.record("acme", "CredentialsSet", data(provider))
    await acme.record("acme", "SsoEnabled")
    answer = await acme.record("acme", "WorkspacePlanChanged", {"plan": "basic"})
    assert [event["type"] for event in answer["events"]] == ["SsoDisabled", "WorkspacePlanChanged"]
    assert "basic" in answer["events"][0]["data"]["reason"]


async def test_a_candidate_is_staged_beside_the_active_credentials(acme: Management, provider: FakeProvider) -> None:
    """Staged credentials show beside the active ones; unproven they are not promoted; discarded they are gone."""
    await acme.record("acme", "CredentialsSet", data(provider))
    await acme.record("acme", "CredentialsStaged", data(provider, client_secret="new"))
    shown = await acme.get("/workspaces/acme")
    assert shown["staged"]["client_secret"] != shown["credentials"]["client_secret"]
    assert (await acme.record("acme", "CredentialsPromoted", status=409))["code"] == "not_proven"
    await acme.record("acme", "CredentialsDiscarded")
    assert (await acme.get("/workspaces/acme"))["staged"] is None


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"okta_domain": "acme-admin.okta.com", "issuer": None}, "provider_invalid", 422),
        ({"okta_domain": "http://user:pass@acme.okta.com", "issuer": None}, "provider_invalid", 422),
        ({"okta_domain": "10.0.0.1", "issuer": None}, "provider_invalid", 422),
        ({"issuer": "https://169.254.169.254"}, "provider_invalid", 422),
        ({"issuer": "http://127.0.0.1:1"}, "provider_unreachable", 502),
        ({"issuer": None}, "data_invalid", 422),
        ({"okta_domain": "acme.okta.com"}, "data_invalid", 422),
        ({"client_secret": ""}, "data_invalid", 422),
        ({"client_secret": 7}, "data_invalid", 422),
        ({"client_id": ""}, "data_invalid", 422),
        ({"email_verified": "sometimes"}, "data_invalid", 422),
    ],
)
async def test_a_bad_provider_is_refused(
    acme: Management, provider: FakeProvider, changes: dict[str, object], code: str, status: int
) -> None:
    """Each mistake has its code and a sentence; nothing is recorded and nothing sealed."""
    problem = await acme.record("acme", "CredentialsSet", data(provider, **changes), status)
    assert problem["code"] == code
    assert SECRET not in str(problem)
    assert (await acme.get("/workspaces/acme"))["version"] == 2
    assert await acme.pool.fetchval("select count(*) from ledger.secrets") == 0


async def test_an_issuer_that_calls_itself_otherwise_is_refused(acme: Management, provider: FakeProvider) -> None:
    """provider_invalid, naming both issuers."""
    provider.metadata_changes["issuer"] = "https://other.example"
    problem = await acme.record("acme", "CredentialsSet", data(provider), 422)
    assert problem["code"] == "provider_invalid"
    assert provider.issuer in problem["detail"]
    assert "https://other.example" in problem["detail"]


async def test_the_secret_is_nowhere_but_sealed(
    acme: Management, provider: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """No answer, event, log line, mail or table holds the secret: set, refused, repeated and exported alike."""
    caplog.set_level(logging.DEBUG)
    body = {"type": "CredentialsSet", "data": data(provider)}
    with structlog.testing.capture_logs() as lines:
        requests: list[tuple[str, object, dict[str, str]]] = [
            ("/workspaces/acme/events", body, {"Idempotency_Key": "k-1"}),
            ("/workspaces/acme/events", body, {"Idempotency_Key": "k-1"}),
            ("/workspaces/acme/events", body, {"If_Match": '"99"'}),
            ("/workspaces/acme/events", {"type": "CredentialsSet", "data": {"client_secret": SECRET}}, {}),
            ("/workspaces/acme/events", {"type": SECRET, "data": SECRET}, {}),
            ("/workspaces/acme/events", [body, {"type": "SsoEnabled", "data": {"x": SECRET}}], {}),
            ("/workspaces", {"slug": SECRET, "name": "x", "plan": SECRET}, {}),
        ]
        seen = [await (await acme.call("POST", path, sent, **headers)).text() for path, sent, headers in requests]
    for path in ("/workspaces/acme", "/workspaces/acme/events", "/workspaces/acme/diff?from=1", "/events"):
        answers = [await acme.call("GET", path), await acme.call("GET", path, Accept="application/x-ndjson")]
        seen += [await answer.text() for answer in answers]
    tables = "ledger.events ledger.secrets ledger.data_keys projection.connections identity.idempotency identity.outbox"
    for table in tables.split():
        seen += [row[0] for row in await acme.pool.fetch(f"select t::text from {table} t")]
    seen += [str(lines), caplog.text]
    assert len(seen) > len(requests)
    assert [text for text in seen if SECRET in text] == []


async def test_another_issuer_ends_what_the_former_one_opened_and_another_client_does_not(
    acme: Management, provider: FakeProvider
) -> None:
    """It stays ended when the former issuer comes back: people sign in again."""
    user_id = await acme.pool.fetchval(
        "insert into identity.users (user_id, created_at) values (gen_random_uuid(), now()) returning user_id"
    )
    await acme.pool.execute(
        "insert into identity.members (member_id, workspace, user_id, email, email_key, role, joined_at, joined_how)"
        " values (gen_random_uuid(), 'acme', $1, 'ada@acme.example', 'ada@acme.example', 'editor', now(), 'jit')",
        user_id,
    )
    authentication = {"method": "sso", "workspace": "acme", "issuer": provider.issuer, "email": "ada@acme.example"}
    await acme.pool.execute(
        "insert into identity.sessions (session_hash, user_id, data, created_at, last_seen_at, absolute_expires_at)"
        " values ($1, $2, $3, now(), now(), now() + interval '1 day')",
        bytes(32),
        user_id,
        json.dumps({"authentications": [authentication]}),
    )
    async with FakeProvider() as other:
        left = []
        for changes in ({}, {"client_id": "0oa18n5acme"}, {"issuer": other.issuer}, {}):
            await acme.record("acme", "CredentialsSet", data(provider, **changes))
            left.append(await acme.pool.fetchval("select count(*) from identity.sessions"))
    assert left == [1, 1, 0, 0]
