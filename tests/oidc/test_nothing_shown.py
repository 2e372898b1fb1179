"""What came from a provider does not show when the object that holds it is printed, as in a traceback or a log line."""

import pytest
from support.tokens import rsa_key

from service.oidc.claims import Expected
from service.oidc.http import Fetched
from service.oidc.id_token import Claims
from service.oidc.logout_token import LogoutToken
from service.oidc.signatures import SignatureKey
from service.oidc.tokens import TokenAnswer

TOLD = "told-by-the-provider"

HOLDING: dict[str, object] = {
    "X02 answer": Fetched(200, {"content-type": TOLD}, TOLD.encode()),
    "X02 tokens": TokenAnswer(TOLD, TOLD),
    "X02 claims": Claims(TOLD, "RS256", {"email": TOLD}, {}),
    "X02 what claims are held against": Expected("", "", TOLD, 0.0, 0.0, 0.0, "RS256", TOLD, TOLD),
    "X02 logout token": LogoutToken(TOLD, TOLD, TOLD),
    "X02 key": SignatureKey(TOLD, frozenset({TOLD}), rsa_key("okta-1")),
}


@pytest.mark.parametrize("row", HOLDING)
def test_an_object_does_not_show_what_a_provider_told(row: str) -> None:
    assert TOLD not in f"{HOLDING[row]!r} {HOLDING[row]}"
