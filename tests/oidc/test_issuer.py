"""What an administrator may type as the Okta domain or as an issuer."""

import pytest

from events.refusals import Refusal
from service.oidc.issuer import normalise_issuer, normalise_okta_domain
from service.oidc.policy import ProviderPolicy

LOOPBACK = ProviderPolicy(allow_loopback=True)

OKTA_DOMAINS = {
    "bare": ("acme.okta.com", "https://acme.okta.com"),
    "B9 with scheme and slash": ("https://acme.okta.com/", "https://acme.okta.com"),
    "B9 http is taken for https": ("http://acme.okta.com", "https://acme.okta.com"),
    "B9 preview": ("acme.oktapreview.com", "https://acme.oktapreview.com"),
    "B9 custom domain": ("login.acme.example", "https://login.acme.example"),
    "B9 custom server": ("https://acme.okta.com/oauth2/default", "https://acme.okta.com/oauth2/default"),
    "B9 custom server with slash": ("acme.okta.com/oauth2/aus1acme/", "https://acme.okta.com/oauth2/aus1acme"),
    "custom server's endpoint": ("acme.okta.com/oauth2/aus1/v1/token", "https://acme.okta.com/oauth2/aus1"),
    "custom server's discovery": (
        "https://acme.okta.com/oauth2/aus1/.well-known/openid-configuration",
        "https://acme.okta.com/oauth2/aus1",
    ),
    "org server's endpoint": ("https://acme.okta.com/oauth2/v1/authorize", "https://acme.okta.com"),
    "org server's discovery": ("acme.okta.com/.well-known/openid-configuration", "https://acme.okta.com"),
    "page of the dashboard": ("https://acme.okta.com/app/UserHome", "https://acme.okta.com"),
    "other case and space around": ("  ACME.Okta.COM \n", "https://acme.okta.com"),
    "H02 trailing dot": ("acme.okta.com.", "https://acme.okta.com"),
    "port 443": ("https://acme.okta.com:443/", "https://acme.okta.com"),
    "H02 path with dots": ("acme.okta.com/../evil", "https://acme.okta.com"),
    "H02 A-label": ("xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example"),
    "internationalised": ("login.münchen.example", "https://login.xn--mnchen-3ya.example"),
    "slashes alone before it": ("//acme.okta.com", "https://acme.okta.com"),
    # Any host may be a custom domain: whether it is the customer's Okta, its discovery document and the exact issuer
    # decide, not its looks.
    "H02 Okta's name in another domain": ("acme.okta.com.evil.example", "https://acme.okta.com.evil.example"),
    "H02 another domain that ends like Okta's": ("xokta.com", "https://xokta.com"),
}


@pytest.mark.parametrize("row", OKTA_DOMAINS)
def test_a_domain_is_understood_as_people_copy_it(row: str) -> None:
    typed, issuer = OKTA_DOMAINS[row]
    assert normalise_okta_domain(typed) == issuer


NO_OKTA_DOMAINS = {
    "H01 loopback": "127.0.0.1",
    "H01 loopback with scheme": "http://127.0.0.1:8080",
    "H01 IPv6 loopback": "https://[::1]/",
    "H01 mapped": "[::ffff:127.0.0.1]",
    "H01 bare IPv6": "::1",
    "H01 metadata": "169.254.169.254",
    "H01 private": "10.0.0.1",
    "H01 shared": "100.64.0.1",
    "H01 zero": "0.0.0.0",  # noqa: S104 - an input, not a binding
    "H01 decimal": "2130706433",
    "H01 hexadecimal": "0x7f000001",
    "H01 octal": "0177.0.0.1",
    "H01 short": "127.1",
    "H01 ends in hexadecimal": "evil.0x7f",
    "H01 full-width": "１２７。０。０。１",
    "H01 circled digits": "①②⑦.⓪.⓪.①",
    "H01 NAT64": "[64:ff9b::7f00:1]",
    "H01 6to4": "[2002:7f00:1::]",
    "H01 localhost": "localhost",
    "H01 below localhost": "okta.localhost",
    "H01 internal": "metadata.google.internal",
    "H01 local": "printer.local",
    "H02 userinfo": "https://a.okta.com@evil.example",
    "H02 escaped at sign": "a.okta.com%40evil.example",
    "H02 backslash": "a.okta.com\\@evil.example",
    "H02 fragment": "a.okta.com#evil.example",
    "H02 query": "a.okta.com?evil.example",
    "H02 NUL": "a.okta.com\x00.evil.example",
    "H02 escaped NUL": "a.okta.com%00.evil.example",
    "H02 tab": "a.okta\t.com",
    "H02 line end": "a.okta.com\n.evil.example",
    "H02 space": "a.okta.com evil.example",
    "H02 port": "acme.okta.com:8443",
    "H02 empty label": "acme..okta.com",
    "other scheme": "ftp://acme.okta.com",
    "script": "javascript:alert(1)",
    "one label": "acme",
    "empty": "",
    "blank": "  \t",
    "too long": "a." * 300 + "example",
    "not IDNA": "a\u200db.example",
    "underscore": "acme_inc.okta.com",
}


@pytest.mark.parametrize("row", NO_OKTA_DOMAINS)
def test_what_cannot_be_an_okta_domain_is_refused_with_what_to_enter(row: str) -> None:
    with pytest.raises(Refusal) as refused:
        normalise_okta_domain(NO_OKTA_DOMAINS[row])
    assert refused.value.code == "provider_invalid"
    assert refused.value.details["field"] == "Okta domain"
    assert refused.value.message.endswith(".")


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("acme-admin.okta.com", "acme.okta.com"),
        ("https://acme-admin.okta.com/admin/apps", "acme.okta.com"),
        ("ACME-admin.oktapreview.com", "acme.oktapreview.com"),
        ("dev-123-admin.okta-emea.com", "dev-123.okta-emea.com"),
    ],
)
def test_h02_the_host_of_the_administration_console_is_answered_with_the_right_one(typed: str, right: str) -> None:
    with pytest.raises(Refusal) as refused:
        normalise_okta_domain(typed)
    assert refused.value.details["detail"] == "admin_host"
    assert refused.value.details["suggestion"] == right
    assert refused.value.message.endswith(f"Enter {right}.")


@pytest.mark.parametrize("typed", ["okta.com", "www.okta.com", "login.okta.com", "https://developer.okta.com/docs"])
def test_oktas_own_hosts_are_no_organization(typed: str) -> None:
    with pytest.raises(Refusal) as refused:
        normalise_okta_domain(typed)
    assert refused.value.details["detail"] == "not_an_organization"


def test_a_provider_on_this_machine_is_an_okta_domain_in_development() -> None:
    assert normalise_okta_domain("http://127.0.0.1:9000/", LOOPBACK) == "http://127.0.0.1:9000"


def test_where_providers_on_this_machine_are_allowed_domains_are_read_all_the_same() -> None:
    assert normalise_okta_domain("acme.okta.com", LOOPBACK) == "https://acme.okta.com"


@pytest.mark.parametrize("nothing", ["", " \t\n"])
def test_who_enters_nothing_is_told_to_enter_something(nothing: str) -> None:
    with pytest.raises(Refusal, match=r"Enter one domain, such as acme\.okta\.com\."):
        normalise_okta_domain(nothing)
    with pytest.raises(Refusal, match="Enter one issuer as the provider shows it"):
        normalise_issuer(nothing)


ISSUERS = {
    "bare": "https://login.acme.example",
    "slash at the end": "https://login.acme.example/",
    "path": "https://login.acme.example/realms/Acme",
    "path with slash": "https://login.acme.example/realms/Acme/",
    "written in another case": "https://Login.Acme.example",
}


@pytest.mark.parametrize("row", ISSUERS)
def test_an_issuer_is_kept_to_the_letter(row: str) -> None:
    assert normalise_issuer(ISSUERS[row]) == ISSUERS[row]
    assert normalise_issuer(f" {ISSUERS[row].rstrip('/')}/.well-known/openid-configuration\n") == ISSUERS[row].rstrip(
        "/"
    )


NO_ISSUERS = {
    "http": "http://login.acme.example",
    "http on the port of https": "http://login.acme.example:443",
    "no scheme": "login.acme.example",
    "port": "https://login.acme.example:8443",
    "query": "https://login.acme.example/?tenant=acme",
    "fragment": "https://login.acme.example/#acme",
    "userinfo": "https://ada:secret@login.acme.example",
    "dot segments": "https://login.acme.example/a/../b",
    "IP address": "https://192.0.2.1",
    "decimal address": "https://3221225985",
    "loopback": "http://127.0.0.1:9000",
    "backslash": "https://login.acme.example\\.evil.example",
    "not ASCII": "https://login.münchen.example",
    "script": "javascript:alert(1)",
    "empty": "",
    "too long": "https://login.acme.example/" + "a" * 600,
}


@pytest.mark.parametrize("row", NO_ISSUERS)
def test_what_cannot_be_an_issuer_is_refused_with_the_reason(row: str) -> None:
    with pytest.raises(Refusal) as refused:
        normalise_issuer(NO_ISSUERS[row])
    assert (refused.value.code, refused.value.details["field"]) == ("provider_invalid", "Issuer")
    assert "secret" not in refused.value.message
    assert "Okta" not in refused.value.message
    assert "okta.com" not in refused.value.message


def test_h02_the_administration_console_is_no_issuer_either() -> None:
    with pytest.raises(Refusal) as refused:
        normalise_issuer("https://acme-admin.okta.com")
    assert refused.value.details["detail"] == "admin_host"
    assert refused.value.message.endswith("Enter https://acme.okta.com.")


def test_another_port_needs_the_operators_leave() -> None:
    policy = ProviderPolicy(allowed_hosts=frozenset({"login.acme.example:8443"}))
    assert normalise_issuer("https://login.acme.example:8443/", policy) == "https://login.acme.example:8443/"
    assert normalise_issuer("http://localhost:9000", LOOPBACK) == "http://localhost:9000"
