"""The logout token, held against OpenID Connect Back-Channel Logout 2.4 and 2.6."""

import pytest
from support.oidc import fails
from support.provider import FakeProvider
from support.provider_logout import logout_token
from support.tokens import ec_key
from support.wrong_logouts import ANNOUNCED, WRONG_TOKENS

from service.oidc.client import RelyingParty
from service.oidc.logout_token import LogoutToken


async def read(relying_party: RelyingParty, provider: FakeProvider, token: str) -> LogoutToken:
    return await relying_party.read_logout_token(provider.issuer, provider.client_id, token, None)


@pytest.mark.parametrize("row", WRONG_TOKENS)
async def test_a_wrong_token_is_refused_for_what_is_wrong_with_it(
    relying_party: RelyingParty, provider: FakeProvider, row: str
) -> None:
    provider.published = [provider.signing_key, ec_key()]
    provider.metadata_changes = ANNOUNCED
    make, detail = WRONG_TOKENS[row]
    error = await fails(read(relying_party, provider, make(provider)))
    assert error.detail == detail


@pytest.mark.parametrize("typ", ["logout+jwt", "application/logout+jwt", "JWT", None])
async def test_l01_a_right_token_of_any_type_that_providers_give_is_read(
    relying_party: RelyingParty, provider: FakeProvider, typ: str | None
) -> None:
    token = await read(relying_party, provider, logout_token(provider, header={"typ": typ}, sid="one", jti="j"))
    assert token == LogoutToken("00u17ada1acme", "one", "j")


@pytest.mark.parametrize(("sub", "sid"), [("00u17ada1acme", None), (None, "one")])
async def test_l01_a_token_names_a_person_or_a_session_or_both(
    relying_party: RelyingParty, provider: FakeProvider, sub: str | None, sid: str | None
) -> None:
    token = await read(relying_party, provider, logout_token(provider, jti="j", sub=sub, sid=sid))
    assert token == LogoutToken(sub, sid, "j")
