"""Which e-mail address counts, and what makes it count."""

from typing import Any

import pytest

from service.oidc.email import asserted_name, choose_email, needs_userinfo
from service.oidc.errors import OidcError

ADA = "ada@acme.example"

MALFORMED: dict[str, Any] = {
    "C12 array": [ADA],
    "C12 object": {"value": ADA},
    "C12 number": 17,
    "C12 boolean": True,
    "C12 no at sign": "ada.acme.example",
    "C12 two addresses": "ada@acme.example,eve@evil.example",
    "C12 two addresses with a space": "ada@acme.example eve@evil.example",
    "C12 two at signs": "ada@evil.example@acme.example",
    "C12 CRLF": "ada@evil.example\r\n@acme.example",
    "C12 line end after it": "ada@acme.example\n",
    "C12 space before it": " ada@acme.example",
    "C12 NUL": "ada\x00@acme.example",
    "C12 name around it": "Ada <ada@acme.example>",
    "C12 quoted": '"ada@acme.example"@evil.example',
    "C12 255 characters": "a" * 242 + "@acme.example",
    "C12 no local part": "@acme.example",
    "C12 no domain": "ada@",
    "C12 address literal": "ada@[127.0.0.1]",
    "C13 full-width": "\uff41da@acme.example",
    "C13 Cyrillic": "\u0430da@acme.example",
    "C13 zero width": "a\u200bda@acme.example",
    "C13 dotless i": "ad\u0131@acme.example",
    "C13 eszett": "stra\u00dfe@acme.example",
    "C13 lone surrogate in the domain": "ada@\ud800.example",
    "C13 formatting character in the domain": "ada@acme\u202e.example",
    "C13 right-to-left override": "\u202eada@acme.example",
}


@pytest.mark.parametrize("row", MALFORMED)
def test_what_is_not_exactly_one_address_is_refused_and_not_repaired(row: str) -> None:
    with pytest.raises(OidcError) as refused:
        choose_email({"email": MALFORMED[row]}, {"email": ADA}, "ignore")
    assert (refused.value.reason, refused.value.detail) == ("email_missing", "email_malformed")
    assert refused.value.field


@pytest.mark.parametrize("userinfo", [None, {}, {"email": None}, {"email": ""}])
@pytest.mark.parametrize("claims", [{}, {"email": None}])
def test_c12_no_address_anywhere_is_said_as_such(claims: dict[str, Any], userinfo: dict[str, Any] | None) -> None:
    with pytest.raises(OidcError) as refused:
        choose_email(claims, userinfo, "ignore")
    assert (refused.value.reason, refused.value.detail) == ("email_missing", "email_absent")


@pytest.mark.parametrize(
    "address", [ADA, "Ada.Lovelace+sso@ACME.Example", "o'neil@acme.example", "ada@münchen.example"]
)
def test_an_address_is_handed_on_as_it_was_given(address: str) -> None:
    assert choose_email({"email": address}, None, "ignore").address == address


@pytest.mark.parametrize("claim", [False, "false", "true", 0, 1, None, [], {}, "absent"])
def test_c14_only_a_json_true_makes_an_address_verified(claim: Any) -> None:
    claims = {"email": ADA} if claim == "absent" else {"email": ADA, "email_verified": claim}
    with pytest.raises(OidcError) as refused:
        choose_email(claims, None, "require")
    assert refused.value.reason == "email_unverified"
    assert refused.value.detail == ("email_verified_missing" if claim in (None, "absent") else "email_not_verified")
    ignored = choose_email(claims, None, "ignore")
    assert ignored.verified is (False if claim is False else None)


def test_c14_a_json_true_suffices() -> None:
    assert choose_email({"email": ADA, "email_verified": True}, None, "require").verified is True


def test_c14_an_unknown_policy_is_the_strict_one() -> None:
    with pytest.raises(OidcError, match="email_unverified"):
        choose_email({"email": ADA}, None, "")


def test_a_verification_in_userinfo_counts_for_the_same_address_only() -> None:
    verified = {"email": ADA, "email_verified": True}
    assert choose_email({"email": ADA}, verified, "require").address == ADA
    with pytest.raises(OidcError, match="email_verified_missing"):
        choose_email({"email": "ceo@acme.example"}, verified, "require")
    with pytest.raises(OidcError, match="email_not_verified"):
        choose_email({"email": ADA, "email_verified": False}, verified, "require")


@pytest.mark.parametrize(
    ("claims", "policy", "asked"),
    [
        ({"email": ADA}, "ignore", False),
        ({"email": ADA}, "require", True),
        ({"email": ADA, "email_verified": False}, "require", False),
        ({}, "ignore", True),
    ],
)
def test_userinfo_is_asked_only_for_what_the_id_token_leaves_out(
    claims: dict[str, Any], policy: str, asked: bool
) -> None:
    assert needs_userinfo(claims, policy) is asked


@pytest.mark.parametrize(
    ("claims", "userinfo", "name"),
    [
        ({"name": "Ada Lovelace"}, None, "Ada Lovelace"),
        ({"given_name": "Ada", "family_name": "Lovelace"}, None, "Ada Lovelace"),
        ({}, {"name": "Ada"}, "Ada"),
        ({"name": 17}, None, None),
        ({"name": "   "}, {}, None),
        ({"name": "Ada\u202e\r\n\tLovelace\x00"}, None, "Ada Lovelace"),
        ({"name": "A" * 5000}, None, "A" * 200),
        ({"name": "\ud800Ada"}, None, "Ada"),
    ],
    ids=["whole", "parts", "userinfo", "number", "blank", "controls", "long", "surrogate"],
)
def test_c18_a_name_is_plain_text_of_a_sensible_length(
    claims: dict[str, Any], userinfo: dict[str, Any] | None, name: str | None
) -> None:
    assert asserted_name(claims, userinfo) == name
