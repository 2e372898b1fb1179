"""Whole logins at a provider that sends forged ID tokens, judged by what the provider sees afterwards: nothing."""

import pytest
from support.forgeries import CLAIMS, TOKENS
from support.oidc import fails, sign_in
from support.provider import FakeProvider

from service.oidc.client import RelyingParty

FORGED = {**TOKENS, **CLAIMS}


@pytest.mark.parametrize("row", FORGED)
async def test_a_forged_id_token_ends_the_login_and_the_provider_hears_no_more(
    relying_party: RelyingParty, provider: FakeProvider, row: str
) -> None:
    """The code went out once, at most one look for newer keys follows, and userinfo is never asked."""
    forged = FORGED[row]
    provider.person["email_verified"] = True
    provider.claim_changes = {"email": None}
    await sign_in(relying_party, provider)
    assert len(provider.requests("userinfo")) == 1, "a right token leads to userinfo"
    provider.received.clear()
    provider.forge = forged.make
    failed = await fails(sign_in(relying_party, provider))
    assert failed.detail == forged.detail_in_login
    assert [request.endpoint for request in provider.received][:2] == ["authorize", "token"]
    after = [request.endpoint for request in provider.received][2:]
    assert after in ([], ["keys"])
    assert bool(after) == (failed.detail in {"kid_unknown", "signature_wrong"})
