"""The token request (OIDC Core 3.1.3): the code goes out once, with the client's secret and the PKCE verifier."""

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote_plus

from aiohttp import encode_basic_auth
from pydantic import SecretStr

from service.oidc.documents import Document, DocumentMalformed
from service.oidc.errors import OidcError
from service.oidc.http import Fetched, ProviderClient
from service.oidc.token_errors import CLIENT_REFUSED, DPOP_REQUIRED, NOT_DECODED, explain_token_error

LONGEST_ACCESS_TOKEN: Final = 16 * 1024
_OK: Final = 200

AuthMethod = Literal["client_secret_basic", "client_secret_post"]


@dataclass(frozen=True, slots=True, repr=False)
class TokenAnswer:
    """What the code was exchanged for. Not yet believed."""

    id_token: str
    access_token: str


async def exchange_code(
    http: ProviderClient,
    token_endpoint: str,
    *,
    client_id: str,
    client_secret: SecretStr,
    auth_method: str,
    code: str,
    redirect_uri: str,
    verifier: str,
) -> TokenAnswer:
    """Exchange the code for tokens. Whatever happens, it is sent once: it is worth nothing a second time.

    Raises:
        OidcError: the provider refused, in a way that says what to change where it can be told; or did not answer.
    """
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    headers = {}
    if auth_method == "client_secret_post":
        fields |= {"client_id": client_id, "client_secret": client_secret.get_secret_value()}
    else:
        headers["Authorization"] = basic_authorization(client_id, client_secret)
    answer = await http.post_form("token", token_endpoint, fields, headers)
    try:
        return _read(answer)
    except OidcError as error:
        if headers and error.detail in CLIENT_REFUSED and _is_changed_by_encoding(client_id, client_secret):
            error.elsewhere = NOT_DECODED
        raise


def _is_changed_by_encoding(client_id: str, client_secret: SecretStr) -> bool:
    return any(quote_plus(part) != part for part in (client_id, client_secret.get_secret_value()))


def basic_authorization(client_id: str, client_secret: SecretStr) -> str:
    """Return the ``Authorization`` header: both parts form-urlencoded before they are joined (RFC 6749 2.3.1)."""
    return encode_basic_auth(quote_plus(client_id), quote_plus(client_secret.get_secret_value()))


def _read(answer: Fetched) -> TokenAnswer:
    document = _document(answer)
    if answer.status != _OK or document is None or "error" in document:
        raise explain_token_error(answer, document)
    kind = document.get("token_type")
    if isinstance(kind, str) and kind.lower() == "dpop":
        raise DPOP_REQUIRED.again()
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise _malformed("token_type_refused", "The provider does not answer with a bearer token.")
    id_token, access_token = document.get("id_token"), document.get("access_token")
    if not isinstance(id_token, str) or not id_token:
        raise _malformed("id_token_missing", "The provider's token answer holds no ID token.")
    if not _is_access_token(access_token):
        raise _malformed("access_token_missing", "The provider's token answer holds no access token that can be used.")
    return TokenAnswer(id_token, str(access_token))


def _document(answer: Fetched) -> Document | None:
    if not answer.is_json:
        return None
    try:
        return answer.document()
    except DocumentMalformed:
        return None


def _is_access_token(value: object) -> bool:
    # It becomes part of a header (RFC 6750 2.1).
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST_ACCESS_TOKEN
        and value.isascii()
        and value.isprintable()
        and " " not in value
    )


def _malformed(detail: str, explanation: str) -> OidcError:
    return OidcError("provider_error", detail, explanation)
