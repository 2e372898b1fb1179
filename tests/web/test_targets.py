"""Where a sign-in may land: a registered origin of the host application, or the default."""

import pytest

from service.login.targets import Targets

PUBLIC = "https://id.example"
TARGETS = Targets(PUBLIC, "https://app.example/home", ["https://admin.example:8443"])


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://app.example/", "https://app.example/"),
        ("https://app.example", "https://app.example"),
        ("https://app.example/inbox?next=%2Fa&b=c#part", "https://app.example/inbox?next=%2Fa&b=c#part"),
        ("https://admin.example:8443/x", "https://admin.example:8443/x"),
        ("/inbox?x=1", "https://app.example/inbox?x=1"),
    ],
)
def test_a16_an_address_at_a_registered_origin_is_kept(given: str, address: str) -> None:
    assert TARGETS.admit(given) == address
    assert TARGETS.landing(TARGETS.admit(given)) == address


HOSTILE = [
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "\t//evil.example",
    "/\t/evil.example",
    "/%09/evil.example",
    "https://app.example/%0d%0aSet-Cookie:x=1",
    "https://app.example/\r\nx",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://app.example@evil.example/",
    "https://app.example:pass@evil.example/",
    "https://evil.example\\.app.example/",
    "https://app.example.evil.example/",
    "https://evilapp.example/",
    "https://app。example/",
    "https://app.example:444/",
    "http://app.example/",
    "https://APP.example/",
    "https://admin.example/",
    "https://app.example/a/../../b",
    "https://app.example/%2e%2e/b",
    "https://app.example//evil.example",
    "https://app.example/%2f%2fevil.example",
    "https://app.example/%5cevil",
    "https://app.example/\x00",
    "https://app.example/a b",
    "https://app.example/" + "x" * 10_000,
    "",
    "inbox",
    "?x",
    "https://evil.example/https://app.example/",
    "https://id.example/api/sso/initiate/acme",
]


@pytest.mark.parametrize("given", HOSTILE, ids=lambda text: repr(text[:40]))
def test_a16_anything_else_falls_to_the_default(given: str) -> None:
    assert TARGETS.admit(given) is None
    assert TARGETS.landing(TARGETS.admit(given)) == "https://app.example/home"


def test_without_an_application_a_sign_in_lands_on_the_account_page() -> None:
    targets = Targets(PUBLIC, None, [])
    assert targets.admit("https://app.example/") is None
    assert targets.admit("/inbox") is None
    assert targets.landing(None) == "https://id.example/account"


def test_a_target_never_leads_back_into_the_sign_in() -> None:
    targets = Targets(PUBLIC, None, [PUBLIC])
    assert targets.admit(f"{PUBLIC}/api/sso/initiate/acme") is None
    assert targets.admit(f"{PUBLIC}/account") == f"{PUBLIC}/account"
