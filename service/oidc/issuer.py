"""From what an administrator types to an issuer identifier, the exact string that ``iss`` has to equal.

What comes out is a candidate: discovery must confirm it before it is recorded.
"""

import re
from typing import Final, NoReturn

import idna

from events.refusals import Refusal
from service.oidc.okta import OKTA, OKTA_DOMAIN, is_nobodys, organization_of_admin_host
from service.oidc.policy import ProviderPolicy, UrlRefused

LONGEST_INPUT: Final = 512
WELL_KNOWN: Final = "/.well-known/openid-configuration"

_EXAMPLE: Final = "acme.okta.com"
_SCHEME = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?//+(.*)", re.DOTALL)
_CUSTOM_SERVER = re.compile(r"/oauth2/(?!v1(?:/|$))([A-Za-z0-9_-]{1,64})(?:/.*)?")
_DEFAULT_POLICY: Final = ProviderPolicy()


def normalise_okta_domain(text: str, policy: ProviderPolicy = _DEFAULT_POLICY) -> str:
    """Return the issuer of an Okta org (``https://host``) or of its custom server (``https://host/oauth2/id``).

    Takes the domain as people copy it: with or without scheme, with a path of the console or of an endpoint, in any
    case, as an internationalised name.

    Raises:
        Refusal: ``provider_invalid``, with a sentence that says what to enter instead.
    """
    given = _pasted(text)
    scheme, rest = _scheme(given)
    if policy.allow_loopback and scheme == "http":
        return normalise_issuer(given, policy).rstrip("/")
    if scheme not in {"http", "https"}:
        _refuse("scheme", f"Enter the Okta domain alone, such as {_EXAMPLE}.")
    if any(character in rest for character in "?#@\\%"):
        _refuse(
            "not_a_domain", f"Enter the Okta domain alone, such as {_EXAMPLE}, without anything before or after it."
        )
    host, slash, path = rest.partition("/")
    host = _host(host)
    organization = organization_of_admin_host(host)
    if organization is not None:
        _refuse_admin_host(host, organization)
    if is_nobodys(host):
        _refuse(
            "not_an_organization", f"{host} belongs to Okta itself. Enter your organization's own, such as {_EXAMPLE}."
        )
    custom = _CUSTOM_SERVER.fullmatch(slash + path)
    return f"https://{host}/oauth2/{custom[1]}" if custom else f"https://{host}"


def normalise_issuer(text: str, policy: ProviderPolicy = _DEFAULT_POLICY) -> str:
    """Return the issuer of any OpenID provider, as it was given: a slash at the end or none, case and path are kept.

    Only what discovery appends (``/.well-known/openid-configuration``) is taken off again.

    Raises:
        Refusal: ``provider_invalid``, with a sentence that says what to enter instead.
    """
    given = _pasted(text, "one issuer as the provider shows it, such as https://login.acme.example", "oidc")
    issuer = given.removesuffix(WELL_KNOWN)
    try:
        parts = policy.check(issuer)
    except UrlRefused as refused:
        _refuse(
            "not_an_issuer",
            f"Enter the issuer as the provider shows it, such as https://login.acme.example: {refused}.",
            kind="oidc",
        )
    organization = organization_of_admin_host(parts.host)
    if organization is not None:
        _refuse_admin_host(parts.host, f"https://{organization}", "oidc")
    if parts.query:
        _refuse("not_an_issuer", "An issuer has no query. Enter it without the ? and what follows.", kind="oidc")
    return issuer


def _pasted(text: str, wanted: str = f"one domain, such as {_EXAMPLE}", kind: str = OKTA) -> str:
    given = text.strip()
    if not given or len(given) > LONGEST_INPUT or not given.isprintable() or " " in given:
        _refuse("not_a_domain", f"Enter {wanted}.", kind=kind)
    return given


def _scheme(given: str) -> tuple[str, str]:
    match = _SCHEME.fullmatch(given)
    return ((match[1] or "https").lower(), match[2]) if match else ("https", given)


def _host(text: str) -> str:
    name = text.lower().removesuffix(":443").removesuffix(".")
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True, std3_rules=True).decode("ascii")
        except (UnicodeError, idna.IDNAError):
            _refuse("not_a_domain", f"This is not a domain. Enter one such as {_EXAMPLE}.")
    try:
        parts = _DEFAULT_POLICY.check(f"https://{name}")
    except UrlRefused as refused:
        _refuse("not_a_domain", f"This cannot be an Okta domain: {refused}. Enter one such as {_EXAMPLE}.")
    if parts.path or parts.host.endswith((".localhost", ".local", ".internal", ".invalid", ".home.arpa", ".onion")):
        _refuse("not_a_domain", f"This is no domain of the public internet. Enter one such as {_EXAMPLE}.")
    return parts.host


def _refuse_admin_host(host: str, organization: str, kind: str = OKTA) -> NoReturn:
    sentence = f"{host} is Okta's administration console. Enter {organization}."
    _refuse("admin_host", sentence, kind=kind, suggestion=organization)


def _refuse(detail: str, sentence: str, *, kind: str = OKTA, **more: str) -> NoReturn:
    raise Refusal("provider_invalid", sentence, {"detail": detail, "field": OKTA_DOMAIN.at(kind), **more})
