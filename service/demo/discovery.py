"""The discovery document (OIDC Discovery 3) and the key set: Okta's shape, less what this provider cannot do."""

from typing import Any, Final

from aiohttp import web

from service.demo.state import STATE

_CLAIMS: Final = (
    "iss ver sub aud iat exp jti auth_time amr idp nonce name preferred_username given_name zoneinfo locale email "
    "email_verified at_hash groups"
)


def document(issuer: str) -> dict[str, Any]:
    """Return the discovery document. As Okta's, it does not announce RFC 9207."""
    endpoints = f"{issuer}/oauth2/v1"
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{endpoints}/authorize",
        "token_endpoint": f"{endpoints}/token",
        "userinfo_endpoint": f"{endpoints}/userinfo",
        "jwks_uri": f"{endpoints}/keys",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile", "groups"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "claims_supported": _CLAIMS.split(),
        "code_challenge_methods_supported": ["S256"],
        "end_session_endpoint": f"{endpoints}/logout",
        "request_parameter_supported": False,
    }


async def discover(request: web.Request) -> web.Response:
    """``GET /.well-known/openid-configuration``."""
    cached = {"Cache-Control": "max-age=86400, must-revalidate"}
    return web.json_response(document(request.app[STATE].issuer), headers=cached)


async def keys(request: web.Request) -> web.Response:
    """``GET /oauth2/v1/keys``."""
    public = request.app[STATE].key.as_dict(private=False)
    shown = {name: public[name] for name in ("kty", "alg", "kid", "use", "e", "n")}
    return web.json_response({"keys": [shown]}, headers={"Cache-Control": "max-age=3885115, must-revalidate"})


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [web.get("/.well-known/openid-configuration", discover), web.get("/oauth2/v1/keys", keys)]
