"""The ID token of a sign-in, kept to sign out at the provider with (OpenID Connect RP-Initiated Logout 2).

It names the person to whoever reads it, and so is sealed, within the session's authentication. It is kept only where
the workspace wants its people signed out at the provider.
"""

from typing import Final

import orjson
from pydantic import SecretStr

from service.cookiebox import CookieBox
from service.identity.authentication import Authentication

LONGEST_KEPT: Final = 4096
"""In characters. It travels in an address, which servers and browsers bound; a longer one is not kept."""
_PURPOSE: Final = "logout hint"


def keepable(id_token: SecretStr | None) -> str | None:
    """Return the token's text if it is one that is kept."""
    text = "" if id_token is None else id_token.get_secret_value()
    return text if 0 < len(text) <= LONGEST_KEPT else None


def seal_hint(box: CookieBox, id_token: SecretStr | None, client_id: str, member_id: str) -> str | None:
    """Return what the member's authentication keeps; ``None`` for a token that is not there, or too long."""
    text = keepable(id_token)
    if text is None:
        return None
    return box.seal(_PURPOSE, orjson.dumps((client_id, text)), member_id)


def open_hint(box: CookieBox, authentication: Authentication, client_id: str) -> SecretStr | None:
    """Return the ID token if one is kept that was made for this client."""
    if authentication.hint is None:
        return None
    opened = box.open(_PURPOSE, authentication.hint, authentication.member_id or "")
    if opened is None:
        return None
    made_for, text = orjson.loads(opened)
    return SecretStr(text) if made_for == client_id else None
