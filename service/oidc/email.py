"""Which e-mail address the provider asserts, and whether that counts (OIDC Core 5.1, 5.7)."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from service.oidc.documents import Document
from service.oidc.errors import OidcError
from service.oidc.okta import USER_EMAIL

LONGEST_ADDRESS: Final = 254
LONGEST_NAME: Final = 200

EmailVerified = Literal["ignore", "require"]

_UNVERIFIED_AT_OKTA: Final = (
    "Okta calls an address verified only if the person confirmed it there, never if it came from a directory: support "
    "can lift the requirement for this connection."
)

# One address and nothing around it. Whether its domain is one is for whoever compares it with the allowed ones.
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[^\s\x00-\x2c\x2f\x3a-\x40\x5b-\x60\x7b-\x7f@]+")


@dataclass(frozen=True, slots=True)
class AssertedEmail:
    """An address as the provider gave it, and its ``email_verified``: None where that is no JSON boolean."""

    address: str
    verified: bool | None
    source: Literal["id_token", "userinfo"]


def needs_userinfo(claims: Document, policy: str) -> bool:
    """Whether the ID token leaves out what the connection needs: the address, or the word on it that it requires."""
    return claims.get("email") is None or (policy == "require" and claims.get("email_verified") is None)


def choose_email(claims: Document, userinfo: Document | None, policy: str) -> AssertedEmail:
    """Return the address of the ID token, else the one of userinfo.

    With ``policy`` ``require`` only a JSON ``true`` makes it count, and only one that is about this very address. With
    ``ignore`` the claim is not looked at: Okta tells vendors not to judge by it.

    Raises:
        OidcError: ``email_missing`` or ``email_unverified``.
    """
    told = userinfo or {}
    source: Literal["id_token", "userinfo"] = "userinfo" if claims.get("email") is None else "id_token"
    address = _checked(told.get("email") if source == "userinfo" else claims["email"])
    verified = told.get("email_verified") if source == "userinfo" else claims.get("email_verified")
    if verified is None and told.get("email") == address:
        verified = told.get("email_verified")
    if policy != "ignore" and verified is not True:
        detail, what = (
            ("email_verified_missing", "does not say") if verified is None else ("email_not_verified", "denies")
        )
        explanation = f"The provider {what} that the address is verified, and this connection requires it."
        raise OidcError("email_unverified", detail, explanation, field=USER_EMAIL, at_okta=_UNVERIFIED_AT_OKTA)
    return AssertedEmail(address, verified if isinstance(verified, bool) else None, source)


def asserted_name(claims: Document, userinfo: Document | None) -> str | None:
    """Return the person's name for display, cut to 200 characters, without control and formatting characters."""
    for document in (claims, userinfo or {}):
        parts = [document.get("name")]
        if not isinstance(parts[0], str):
            parts = [document.get("given_name"), document.get("family_name")]
        text = " ".join(part for part in parts if isinstance(part, str))
        name = " ".join("".join(c for c in text[: 2 * LONGEST_NAME] if c.isprintable() or c.isspace()).split())
        if name:
            return name[:LONGEST_NAME]
    return None


def _checked(value: object) -> str:
    if value is None or value == "":
        explanation = "The provider gives no e-mail address. The person needs one there, and the app the email scope."
        raise OidcError("email_missing", "email_absent", explanation, field=USER_EMAIL)
    if not isinstance(value, str) or not value.isprintable() or not _is_address(value):
        explanation = "What the provider gives as the e-mail address is not exactly one address."
        raise OidcError("email_missing", "email_malformed", explanation, field=USER_EMAIL)
    return value


def _is_address(value: str) -> bool:
    return len(value) <= LONGEST_ADDRESS and _ADDRESS.fullmatch(value) is not None
