"""The token and userinfo endpoints (OIDC Core 3.1.3, 5.3), with the errors that Okta sends."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

from aiohttp import web
from joserfc import jws

from service.demo.grants import ACCESS_TOKEN_S, Grant
from service.demo.organisation import Application, known_of, told_in_id_token
from service.demo.state import STATE, State

ID_TOKEN_S: Final = 3600
UNCACHED: Final = {"Cache-Control": "no-cache, no-store", "Pragma": "no-cache"}


async def exchange(request: web.Request) -> web.Response:
    """``POST /oauth2/v1/token``: a code for tokens."""
    state = request.app[STATE]
    form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    application = _authenticated(state, request.headers.get("Authorization", ""), form)
    if application is None:
        return _error(401, "invalid_client", "The client secret supplied for a confidential client is invalid.")
    if form.get("grant_type") != "authorization_code":
        return _error(400, "unsupported_grant_type", "The authorization grant type is not supported by this app.")
    grant = state.codes.spend(form.get("code", ""))
    if grant is None or grant.application is not application:
        return _error(400, "invalid_grant", "The authorization code is invalid or has expired.")
    if form.get("redirect_uri") != grant.redirect_uri:
        return _error(400, "invalid_grant", "The 'redirect_uri' does not match the one of the authorization request.")
    if not hmac.compare_digest(_challenge_of(form.get("code_verifier", "")), grant.challenge):
        return _error(400, "invalid_grant", "PKCE verification failed.")
    return web.json_response(_tokens(state, grant), headers=UNCACHED)


def _authenticated(state: State, authorization: str, form: Mapping[str, str]) -> Application | None:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(value, validate=True).decode("ascii").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    else:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    application = state.applications.get(client_id)
    expected = application.client_secret.get_secret_value() if application else secrets.token_urlsafe()
    return application if hmac.compare_digest(secret.encode(), expected.encode()) else None


def _challenge_of(verifier: str) -> str:
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def _tokens(state: State, grant: Grant) -> dict[str, Any]:
    access_token = state.access_tokens.issue(grant)
    return {
        "token_type": "Bearer",
        "expires_in": ACCESS_TOKEN_S,
        "access_token": access_token,
        "scope": " ".join(sorted(grant.scopes)),
        "id_token": _id_token(state, grant, access_token),
    }


def _id_token(state: State, grant: Grant, access_token: str) -> str:
    now = int(state.now())
    digest = hashlib.sha256(access_token.encode()).digest()
    claims = told_in_id_token(grant.person, grant.scopes) | {
        "ver": 1,
        "iss": state.issuer,
        "aud": grant.application.workspace.client_id,
        "iat": now,
        "exp": now + ID_TOKEN_S,
        "jti": f"ID.{secrets.token_urlsafe(32)}",
        "amr": ["pwd", "mfa", "otp"],
        "idp": "00o1demoorg",
        "auth_time": grant.logged_in_at,
        "at_hash": _base64url(digest[: len(digest) // 2]),
    }
    if grant.nonce is not None:
        claims["nonce"] = grant.nonce
    # Okta's header holds these two members and no "typ".
    header = {"kid": state.key.kid, "alg": "RS256"}
    return jws.serialize_compact(header, json.dumps(claims).encode(), state.key, algorithms=["RS256"])


async def userinfo(request: web.Request) -> web.Response:
    """``GET|POST /oauth2/v1/userinfo``: all that the granted scopes allow to be known."""
    state = request.app[STATE]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    grant = state.access_tokens.look_up(token) if scheme.lower() == "bearer" else None
    if grant is None:
        told = 'Bearer error="invalid_token", error_description="The access token is invalid."'
        return web.Response(status=401, headers={"WWW-Authenticate": told, **UNCACHED})
    return web.json_response(known_of(grant.person, grant.scopes), headers=UNCACHED)


def _error(status: int, error: str, description: str) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=status, headers=UNCACHED)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [
        web.post("/oauth2/v1/token", exchange),
        web.get("/oauth2/v1/userinfo", userinfo),
        web.post("/oauth2/v1/userinfo", userinfo),
    ]
