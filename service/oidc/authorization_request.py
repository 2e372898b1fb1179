"""The authorization request (OIDC Core 3.1.2.1): the code flow with PKCE S256, whatever a provider announces."""

from typing import Final
from urllib.parse import quote, urlencode

SCOPES: Final = "openid email profile"
RESPONSE_MODES: Final = ("query", "form_post")
"""How an answer may come back, the preferred way first."""


def authorization_prefix(endpoint: str, client_id: str, redirect_uri: str, response_modes: tuple[str, ...]) -> str:
    """Return what all authorization requests of a connection begin with; state, nonce and challenge are to follow.

    ``response_modes`` are those that the provider announces.
    """
    fixed = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": SCOPES,
        "code_challenge_method": "S256",
    }
    # Nothing announced means the standard's own, which for a code is the query.
    mode = next((one for one in RESPONSE_MODES if one in response_modes), None)
    if mode is not None:
        fixed["response_mode"] = mode
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(fixed, quote_via=quote)}"
