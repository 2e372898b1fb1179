"""Whole logins, by the names of the OpenID Foundation's relying-party modules where there is one."""

import pytest
from support.oidc import NONCE, TurnedClock, credentials_at, sign_in
from support.provider import FakeProvider
from support.tokens import ec_key, rsa_key

from service.oidc.client import RelyingParty
from service.oidc.errors import OidcError


async def test_a_login_proves_the_person_and_names_every_check(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    """oidcc-client-test: the ID token suffices, and userinfo is not asked for what it says already."""
    person = await sign_in(relying_party, provider)
    assert (person.issuer, person.subject, person.subject_scope) == (provider.issuer, "00u17ada1acme", "")
    assert (person.email, person.name, person.email_verified_claim) == ("ada@acme.example", "Ada", None)
    assert not person.userinfo_used
    assert person.claims_checked == {
        "code_exchange": "passed",
        "signature": "passed",
        "payload": "passed",
        "issuer": "passed",
        "audience": "passed",
        "expiry": "passed",
        "issued_at": "passed",
        "not_before": "absent",
        "nonce": "passed",
        "subject": "passed",
        "access_token_hash": "passed",
        "code_hash": "absent",
        "userinfo": "not_asked",
        "email": "from_id_token",
        "email_verified": "ignored",
    }
    assert [request.endpoint for request in provider.received] == ["discovery", "authorize", "token", "keys"]


@pytest.mark.parametrize("issuer_path", ["", "/", "/oauth2/default", "/test/a/alias/"])
async def test_every_shape_of_issuer_is_kept_to_the_letter(
    relying_party: RelyingParty, clock: TurnedClock, issuer_path: str
) -> None:
    """oidcc-client-test-discovery-openid-config, and issuers with and without a slash at the end."""
    async with FakeProvider(issuer_path=issuer_path, now=lambda: clock().timestamp()) as provider:
        assert (await sign_in(relying_party, provider)).issuer == provider.issuer


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256"])
async def test_every_announced_asymmetric_algorithm_is_taken(
    relying_party: RelyingParty, clock: TurnedClock, alg: str
) -> None:
    """oidcc-client-test-idtoken-sig-rs256, and its likes."""
    key = ec_key() if alg == "ES256" else rsa_key()
    async with FakeProvider(signing_key=key, alg=alg, now=lambda: clock().timestamp()) as provider:
        assert (await sign_in(relying_party, provider)).email == "ada@acme.example"


@pytest.mark.parametrize("auth_method", ["client_secret_basic", "client_secret_post"])
async def test_x04_any_character_of_a_client_secret_survives_either_way_of_sending_it(
    relying_party: RelyingParty, provider: FakeProvider, auth_method: str
) -> None:
    """oidcc-client-test-client-secret-basic."""
    await sign_in(relying_party, provider, credentials=credentials_at(provider, auth_method=auth_method))
    sent = provider.requests("token")[0]
    assert ("Authorization" in sent.headers) == (auth_method == "client_secret_basic")
    assert ("client_secret" in sent.form) == (auth_method == "client_secret_post")


INVALID_ID_TOKENS = {
    "oidcc-client-test-invalid-iss": ("iss", lambda iss: iss + "1", "id_token_issuer_mismatch"),
    "oidcc-client-test-missing-sub": ("sub", None, "sub_invalid"),
    "oidcc-client-test-invalid-aud": ("aud", lambda aud: aud + "1", "aud_mismatch"),
    "oidcc-client-test-missing-aud": ("aud", None, "aud_mismatch"),
    "oidcc-client-test-missing-iat": ("iat", None, "iat_missing"),
    "oidcc-client-test-nonce-invalid": ("nonce", lambda nonce: nonce + "1", "nonce_mismatch"),
}


@pytest.mark.parametrize("module", INVALID_ID_TOKENS)
async def test_userinfo_is_not_asked_before_the_id_token_is_valid(
    relying_party: RelyingParty, provider: FakeProvider, module: str
) -> None:
    claim, value, detail = INVALID_ID_TOKENS[module]
    provider.claim_changes = {claim: value, "email": None}
    with pytest.raises(OidcError) as failed:
        await sign_in(relying_party, provider)
    assert failed.value.detail == detail
    assert not provider.requests("userinfo")
    assert list(failed.value.checks.values())[-1] == "failed"
    assert failed.value.checks["signature"] == "passed"


@pytest.mark.parametrize(
    "breaking",
    [
        pytest.param(lambda token: token[:-6] + "AAAAAA", id="oidcc-client-test-invalid-sig-rs256"),
        pytest.param(lambda token: token.rpartition(".")[0] + ".", id="oidcc-client-test-idtoken-sig-none"),
    ],
)
async def test_a_broken_signature_ends_the_login_before_userinfo(
    relying_party: RelyingParty, provider: FakeProvider, breaking: object
) -> None:
    provider.token_changes = {"id_token": breaking}
    provider.claim_changes = {"email": None}
    with pytest.raises(OidcError, match="id_token_invalid"):
        await sign_in(relying_party, provider)
    assert not provider.requests("userinfo")


async def test_an_address_that_only_userinfo_gives_is_taken_from_there(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    """oidcc-client-test-scope-userinfo-claims: Okta's org server puts few claims into the ID token."""
    provider.claim_changes = {"email": None, "name": None}
    provider.person["email_verified"] = True
    person = await sign_in(relying_party, provider)
    assert (person.email, person.name, person.email_verified_claim) == ("ada@acme.example", "Ada", True)
    assert person.userinfo_used
    assert person.claims_checked["email"] == "from_userinfo"


async def test_a_required_verification_that_only_userinfo_gives_is_taken_from_there(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    provider.person["email_verified"] = True
    credentials = credentials_at(provider, email_verified="require")
    person = await sign_in(relying_party, provider, credentials=credentials)
    assert person.userinfo_used
    assert person.claims_checked["email_verified"] == "passed"


async def test_pairwise_subjects_are_people_of_one_client_only(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    person = await sign_in(relying_party, provider, credentials=credentials_at(provider, subject_type="pairwise"))
    assert person.subject_scope == provider.client_id


async def test_j17_keys_rotated_just_before_signing_cost_one_more_fetch(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    """oidcc-client-test-signing-key-rotation, oidcc-client-test-signing-key-rotation-just-before-signing."""
    await sign_in(relying_party, provider)

    def rotate() -> None:
        provider.signing_key = rsa_key("okta-2")

    await sign_in(relying_party, provider, before_exchange=rotate)
    assert len(provider.requests("keys")) == 2


async def test_j17_a_new_key_under_the_old_name_is_found_too(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    await sign_in(relying_party, provider)
    provider.signing_key = type(rsa_key())(rsa_key("other").raw_value, rsa_key("other").raw_value, {"kid": "okta-1"})
    assert (await sign_in(relying_party, provider)).subject == "00u17ada1acme"


async def test_c08_an_id_token_of_an_earlier_login_is_refused(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    with pytest.raises(OidcError) as failed:
        await sign_in(relying_party, provider, nonce="nonce-of-a-later-login")
    assert failed.value.detail == "nonce_mismatch"


async def test_a07_a_code_of_another_browser_is_refused_by_its_verifier(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    with pytest.raises(OidcError) as failed:
        await sign_in(relying_party, provider, verifier="w" * 43)
    assert (failed.value.reason, failed.value.detail) == ("code_rejected", "pkce_mismatch")


async def test_j23_a_token_of_another_tenants_provider_is_refused(
    relying_party: RelyingParty, provider: FakeProvider, clock: TurnedClock
) -> None:
    """The same client ID at two providers: neither the name nor the keys of one count at the other."""
    async with FakeProvider(signing_key=rsa_key("okta-1-of-b"), now=lambda: clock().timestamp()) as other:
        other.client_id = provider.client_id
        provider.token_changes = {"id_token": other.id_token(NONCE, "at"), "access_token": "at"}
        with pytest.raises(OidcError) as unknown_key:
            await sign_in(relying_party, provider)
        assert unknown_key.value.detail == "kid_unknown"
        provider.published = [rsa_key(), rsa_key("okta-1-of-b")]
        clock.advance(31)
        provider.token_changes["id_token"] = other.id_token(NONCE, "at")
        with pytest.raises(OidcError) as other_issuer:
            await sign_in(relying_party, provider)
        assert other_issuer.value.detail == "id_token_issuer_mismatch"


async def test_x01_x02_no_failure_tells_code_token_or_secret(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    secrets = [provider.client_secret, "v" * 43]

    def keep(token: str) -> str:
        secrets.append(token)
        return token

    provider.token_changes = {"access_token": keep, "id_token": keep}
    for change in ({"nonce": "x"}, {"iss": "https://evil.example"}, {"email": "not an address"}, {"exp": 1}):
        provider.claim_changes = change
        with pytest.raises(OidcError) as failed:
            await sign_in(relying_party, provider)
        told = f"{failed.value!r} {failed.value} {vars(failed.value)} {failed.value.__cause__!r}"
        codes = [request.form["code"] for request in provider.requests("token")]
        assert not [secret for secret in [*secrets, *codes] if secret in told]
    assert provider.client_secret not in repr(credentials_at(provider))
