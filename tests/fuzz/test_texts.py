"""What people and providers write, of any kind: each is understood in one way, or refused in a sentence."""

import json
import re
from functools import partial
from ipaddress import ip_address
from urllib.parse import urlsplit

from hypothesis import example, given
from hypothesis import strategies as st
from support.fuzzing import JSON, TEXTS, outcome, searching

from events.refusals import Refusal
from service.login.targets import Targets
from service.oidc.addresses import is_public
from service.oidc.authorization_errors import explain_authorization_error
from service.oidc.discovery import parse_metadata
from service.oidc.documents import DocumentMalformed, parse_object
from service.oidc.email import asserted_name, choose_email
from service.oidc.errors import OidcError
from service.oidc.issuer import normalise_issuer, normalise_okta_domain
from service.oidc.policy import ProviderPolicy

ISSUER = "https://acme.okta.com"
TARGETS = Targets("https://id.example", "https://app.example/home", ["https://beta.example:8443"])
ORIGINS = {"https://app.example", "https://beta.example:8443"}

pieces = st.sampled_from(
    [
        *(
            "https:",
            "http:",
            "javascript:",
            "data:",
            "//",
            "/",
            "\\",
            "@",
            ":",
            ":443",
            ":8443",
            "?",
            "#",
            "..",
            "%2e",
            "%5c",
        ),
        *(
            "%00",
            "%0d%0a",
            "\t",
            "\n",
            " ",
            "\u200b",
            "。",
            "．",
            "①②⑦",
            "xn--",
            "acme.okta.com",
            "app.example",
            "beta.example",
        ),
        *(
            "evil.example",
            "127.0.0.1",
            "0x7f000001",
            "[::1]",
            "localhost",
            "acme-admin.okta.com",
            "oauth2/default",
            "id.example",
        ),
    ]
)
addresses = st.lists(pieces, max_size=8).map("".join) | TEXTS


def as_browsers_read(address: str) -> str:
    """Return the origin that browsers find in an address (WHATWG URL): no tabs and line ends, backslashes turned."""
    plain = re.sub(r"[\t\r\n]", "", address.strip("".join(map(chr, range(33))))).replace("\\", "/")
    parts = urlsplit(re.sub(r"^(https?):/*", r"\1://", plain, flags=re.IGNORECASE))
    return f"{parts.scheme}://{parts.netloc.removesuffix(':443')}".lower()


@given(addresses)
@example("https://app.example/inbox?x=1#y")
@searching(250)
def test_a_sign_in_lands_at_a_registered_origin_whatever_was_asked_for(asked: str) -> None:
    landing = TARGETS.landing(TARGETS.admit(asked))
    assert as_browsers_read(landing) in ORIGINS, asked
    assert "\r" not in landing
    assert "\n" not in landing


@given(addresses)
@example("acme.okta.com")
@example("https://acme.okta.com/oauth2/default")
@searching(200)
def test_a_providers_address_is_https_on_a_named_host_or_refused(asked: str) -> None:
    for normalise in (normalise_okta_domain, normalise_issuer):
        issuer = outcome(partial(normalise, asked), Refusal)
        if isinstance(issuer, Refusal):
            assert 10 < len(str(issuer)) < 1000
            continue
        parts = urlsplit(issuer)
        assert parts.scheme == "https"
        assert parts.username is None
        assert (parts.query, parts.fragment) == ("", "")
        host = parts.hostname or ""
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", host), issuer
        assert not host.replace(".", "").isdigit(), issuer
        assert as_browsers_read(issuer) == f"https://{parts.netloc}".lower()


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@searching(200)
def test_a_document_is_what_every_reader_of_json_finds_in_it_or_refused(raw: bytes) -> None:
    document = outcome(lambda: parse_object(raw), DocumentMalformed)
    if isinstance(document, DocumentMalformed):
        assert str(document)
    else:
        assert document == json.loads(raw)


metadata_names = st.sampled_from(
    [
        *(
            "issuer",
            "authorization_endpoint",
            "token_endpoint",
            "jwks_uri",
            "userinfo_endpoint",
            "end_session_endpoint",
        ),
        *("response_types_supported", "id_token_signing_alg_values_supported", "code_challenge_methods_supported"),
        *("token_endpoint_auth_methods_supported", "authorization_response_iss_parameter_supported"),
        *("response_modes_supported", "subject_types_supported", "grant_types_supported"),
    ]
)
RIGHT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/oauth2/v1/authorize",
    "token_endpoint": f"{ISSUER}/oauth2/v1/token",
    "jwks_uri": f"{ISSUER}/oauth2/v1/keys",
    "userinfo_endpoint": f"{ISSUER}/oauth2/v1/userinfo",
    "response_types_supported": ["code"],
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["RS256"],
}


@given(st.dictionaries(metadata_names, JSON | addresses | addresses.map(lambda text: ISSUER + text), max_size=3))
@example({})
@searching(150)
def test_a_discovery_document_leads_nowhere_but_to_its_issuers_host(changes: dict[str, object]) -> None:
    metadata = outcome(lambda: parse_metadata(ISSUER, RIGHT | changes, ProviderPolicy()), OidcError)
    if isinstance(metadata, OidcError):
        assert metadata.reason in {"provider_misconfigured", "issuer_mismatch"}
        return
    assert metadata.issuer == ISSUER
    optional = [one for one in (metadata.userinfo_endpoint, metadata.end_session_endpoint) if one is not None]
    for endpoint in (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri, *optional):
        assert as_browsers_read(endpoint) == ISSUER, endpoint
        assert endpoint.isascii()
        assert endpoint.isprintable()


@given(TEXTS | st.sampled_from(["access_denied", "login_required", "server_error"]), st.text(max_size=600))
@searching(150)
def test_a_providers_error_is_explained_in_words_of_our_own(error: str, description: str) -> None:
    explained = explain_authorization_error(error, description)
    assert explained.reason.startswith("provider_")
    assert re.fullmatch(r"[a-z_]{1,40}", explained.detail)
    if len(description) > 40:
        assert description not in explained.explanation


mailboxes = st.sampled_from(
    ["ada@acme.example", "Ada.L+x@ACME.Example", "ada@acme.example@evil.example", "a b@c.example"]
)


@given(
    st.fixed_dictionaries({}, optional={"email": JSON | mailboxes, "email_verified": JSON, "name": JSON}),
    st.none()
    | st.fixed_dictionaries(
        {"sub": st.just("1")}, optional={"email": JSON | mailboxes, "email_verified": JSON, "name": JSON}
    ),
    st.sampled_from(["ignore", "require"]),
)
@example({"email": "ada@acme.example"}, None, "ignore")
@searching(200)
def test_an_address_is_one_address_or_none(
    claims: dict[str, object], userinfo: dict[str, object] | None, policy: str
) -> None:
    name = asserted_name(claims, userinfo)
    assert name is None or (0 < len(name) < 1000 and "\x00" not in name)
    asserted = outcome(lambda: choose_email(claims, userinfo, policy), OidcError)
    if isinstance(asserted, OidcError):
        assert asserted.reason in {"email_missing", "email_unverified"}
        return
    assert asserted.address.count("@") == 1
    assert len(asserted.address) <= 254
    assert not re.search(r"[\x00-\x20\x7f]", asserted.address)
    if policy == "require":
        assert any((said or {}).get("email_verified") is True for said in (claims, userinfo))


@given(st.ip_addresses().map(str) | addresses)
@searching(200)
def test_an_address_that_is_not_of_the_public_internet_is_never_public(address: str) -> None:
    if is_public(address):
        found = ip_address(address.partition("%")[0])
        assert (getattr(found, "ipv4_mapped", None) or found).is_global, address
