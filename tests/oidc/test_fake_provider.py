"""The provider that other tests sign in at, itself."""

import base64
import hashlib
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

import aiohttp
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from support.okta import NOT_ASSIGNED
from support.provider import FakeProvider
from support.tokens import base64url, ec_key, rsa_key

REDIRECT_URI = "http://127.0.0.1:8080/api/sso/callback/acme"
VERIFIER = "v" * 43


def authorization_url(provider: FakeProvider) -> str:
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": REDIRECT_URI,
        "scope": "openid email profile",
        "state": "state-1",
        "nonce": "nonce-1",
        "code_challenge": base64url(hashlib.sha256(VERIFIER.encode()).digest()),
        "code_challenge_method": "S256",
    }
    return f"{provider.endpoint('authorize')}?{urlencode(asked)}"


@pytest.mark.parametrize(("alg", "key"), [("RS256", rsa_key()), ("PS256", rsa_key()), ("ES256", ec_key())])
@pytest.mark.parametrize("issuer_path", ["", "/", "/oauth2/default"])
async def test_a_whole_login_yields_a_token_signed_by_a_published_key(alg: str, key: object, issuer_path: str) -> None:
    async with FakeProvider(signing_key=key, alg=alg, issuer_path=issuer_path) as provider:  # type: ignore[arg-type]
        answer = parse_qs(urlsplit(await provider.log_in(authorization_url(provider))).query)
        assert answer["state"] == ["state-1"]
        client = f"{quote_plus(provider.client_id)}:{quote_plus(provider.client_secret)}"
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"][0],
            "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
        }
        headers = {"Authorization": f"Basic {base64.b64encode(client.encode()).decode()}"}
        async with aiohttp.ClientSession() as session:
            token = await (await session.post(provider.endpoint("token"), data=form, headers=headers)).json()
            again = await session.post(provider.endpoint("token"), data=form, headers=headers)
            keys = await (await session.get(provider.endpoint("keys"))).json()
            bearer = {"Authorization": f"Bearer {token['access_token']}"}
            person = await (await session.get(provider.endpoint("userinfo"), headers=bearer)).json()
        claims = jwt.decode(token["id_token"], KeySet.import_key_set(keys), algorithms=[alg]).claims
        assert claims["iss"] == provider.issuer
        assert claims["nonce"] == "nonce-1"
        assert person == provider.person
        assert again.status == 400
        received = [request.endpoint for request in provider.received]
        assert received == ["authorize", "token", "token", "keys", "userinfo"]


async def test_an_unassigned_person_comes_back_with_what_okta_says() -> None:
    async with FakeProvider(authorize_error=NOT_ASSIGNED) as provider:
        answer = parse_qs(urlsplit(await provider.log_in(authorization_url(provider))).query)
    assert answer == {"state": ["state-1"], "error": [NOT_ASSIGNED[0]], "error_description": [NOT_ASSIGNED[1]]}
