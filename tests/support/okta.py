"""What an Okta org sends: documents, claims, headers and errors."""

import html
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import web
from multidict import CIMultiDict
from support.tokens import Json

NOT_ASSIGNED: Final = ("access_denied", "User is not assigned to the client application.")
WRONG_SECRET: Final = {
    "error": "invalid_client",
    "error_description": "The client secret supplied for a confidential client is invalid.",
}
CODE_LIFETIME_S: Final = 60
DPOP_REQUIRED: Final = {"error": "invalid_dpop_proof", "error_description": "The DPoP proof JWT header is missing."}
_THIN_CLAIMS: Final = ("sub", "name", "email", "preferred_username")


def discovery_document(issuer: str, endpoint: Callable[[str], str], alg: str) -> Json:
    """Return the discovery document of an Okta org, all members that one publishes."""
    client_authentication = [
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt",
        "private_key_jwt",
        "none",
    ]
    algorithms = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]
    return {
        "issuer": issuer,
        "authorization_endpoint": endpoint("authorize"),
        "token_endpoint": endpoint("token"),
        "userinfo_endpoint": endpoint("userinfo"),
        "registration_endpoint": endpoint("clients"),
        "jwks_uri": endpoint("keys"),
        "response_types_supported": ["code", "id_token", "code id_token", "code token", "id_token token"],
        "response_modes_supported": ["query", "fragment", "form_post", "okta_post_message"],
        "grant_types_supported": ["authorization_code", "implicit", "refresh_token", "password"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [alg],
        "id_token_encryption_alg_values_supported": ["RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512"],
        "id_token_encryption_enc_values_supported": ["A256GCM"],
        "scopes_supported": ["openid", "email", "profile", "address", "phone", "offline_access", "groups"],
        "token_endpoint_auth_methods_supported": client_authentication,
        "claims_supported": ["iss", "ver", "sub", "aud", "iat", "exp", "jti", "auth_time", "amr", "idp", "nonce"],
        "code_challenge_methods_supported": ["S256"],
        "introspection_endpoint": endpoint("introspect"),
        "introspection_endpoint_auth_methods_supported": client_authentication,
        "revocation_endpoint": endpoint("revoke"),
        "revocation_endpoint_auth_methods_supported": client_authentication,
        "end_session_endpoint": endpoint("logout"),
        "request_parameter_supported": True,
        "request_object_signing_alg_values_supported": ["HS256", "HS384", "HS512", *algorithms],
        "device_authorization_endpoint": endpoint("device/authorize"),
        "pushed_authorization_request_endpoint": endpoint("par"),
        "backchannel_token_delivery_modes_supported": ["poll"],
        "dpop_signing_alg_values_supported": algorithms,
    }


def id_token_claims(person: Json, now: int) -> Json:
    """Return the claims that Okta's org server puts into an ID token: a thin set of what it knows of the person."""
    return {name: value for name, value in person.items() if name in _THIN_CLAIMS} | {
        "ver": 1,
        "iat": now,
        "exp": now + 3600,
        "jti": f"ID.{secrets.token_urlsafe(8)}",
        "amr": ["mfa", "otp", "pwd", "okta_verify"],
        "idp": "00o17ln5acme",
        "auth_time": now - 1,
    }


def changed(right: Json, changes: Mapping[str, Any]) -> Json:
    """Return a copy with members replaced; None removes one, and a callable makes the new value from the right one."""
    result = dict(right)
    for name, value in changes.items():
        result[name] = value(right.get(name)) if callable(value) else value
        if result[name] is None:
            del result[name]
    return result


def okta_headers(cache_control: str) -> CIMultiDict[str]:
    """Return the headers with which Okta answers, the cookies among them that nobody but a browser should keep."""
    headers: CIMultiDict[str] = CIMultiDict(
        {
            "Server": "nginx",
            "Cache-Control": cache_control,
            "Content-Security-Policy": "default-src 'self' acme.example; " + "connect-src *.acme.example; " * 40,
            "X-Okta-Request-Id": "a1b2c3d4e5f6",
            "X-Rate-Limit-Limit": "1000",
            "X-Rate-Limit-Remaining": "999",
            "X-Rate-Limit-Reset": str(int(time.time()) + 60),
        }
    )
    for name in ("sid", "autolaunch_triggered", "xids", "activate_ca_modal"):
        headers.add("Set-Cookie", f'{name}=""; Version=1; Path=/; Max-Age=0')
    headers.add("Set-Cookie", "JSESSIONID=0123456789ABCDEF; Path=/; Secure; HttpOnly")
    return headers


def token_error(status: int, body: Mapping[str, str]) -> web.Response:
    """Return an error of the token endpoint as Okta sends it."""
    return web.json_response(body, status=status, headers=okta_headers("no-cache, no-store"))


def self_posting_form(action: str, fields: Mapping[str, str]) -> str:
    """Return a page that posts the answer back (OAuth 2.0 Form Post Response Mode)."""
    inputs = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in fields.items()
    )
    script = "document.forms[0].submit()"
    return f'<form method="post" action="{html.escape(action)}">{inputs}</form><script>{script}</script>'
