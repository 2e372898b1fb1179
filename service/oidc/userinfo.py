"""The userinfo request (OIDC Core 5.3): asked only once the ID token is valid, and believed only about its subject."""

import hmac
from typing import Final

from service.oidc.claims import is_subject
from service.oidc.documents import Document, DocumentMalformed
from service.oidc.errors import OidcError
from service.oidc.http import Fetched, ProviderClient

_OK: Final = 200
_SERVER_ERRORS: Final = 500


async def fetch_userinfo(http: ProviderClient, endpoint: str, access_token: str, subject: str) -> Document:
    """Return what the provider says about the person, who has to be the ID token's ``subject`` (OIDC Core 5.3.4).

    Raises:
        OidcError: ``userinfo_invalid``, or ``provider_unreachable`` when no answer came.
    """
    answer = await http.get_json("userinfo", endpoint, {"Authorization": f"Bearer {access_token}"})
    if answer.status >= _SERVER_ERRORS:
        explanation = f"The provider's userinfo endpoint failed: it answers {answer.status}."
        raise OidcError("provider_unreachable", "userinfo_failed", explanation)
    if answer.status != _OK:
        raise _invalid("userinfo_refused", f"The provider refuses the userinfo request: it answers {answer.status}.")
    document = _document(answer)
    found = document.get("sub")
    if not is_subject(found):
        raise _invalid("userinfo_sub_missing", "Userinfo does not say whom it is about.")
    if not hmac.compare_digest(found, subject):
        raise _invalid("userinfo_sub_mismatch", "Userinfo is about another person than the ID token.")
    return document


def _document(answer: Fetched) -> Document:
    if answer.headers.get("content-type", "").lower().startswith("application/jwt"):
        raise _invalid("userinfo_signed", "Userinfo comes signed or encrypted. The app has to ask for plain JSON.")
    try:
        return answer.document()
    except DocumentMalformed as malformed:
        raise _invalid("userinfo_malformed", f"Userinfo cannot be read: {malformed}.") from None


def _invalid(detail: str, explanation: str) -> OidcError:
    return OidcError("userinfo_invalid", detail, explanation)
