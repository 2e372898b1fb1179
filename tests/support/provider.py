"""An OpenID provider of our own on 127.0.0.1. It answers as an Okta org does, and misbehaves on demand.

Within ``async with FakeProvider() as provider`` it listens; ``await provider.log_in(authorization_url)`` does what a
browser with a session at the provider does.
"""

import base64
import hashlib
import html
import inspect
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Final, Self
from urllib.parse import unquote_plus, urlencode

import aiohttp
from aiohttp import web
from joserfc.jwk import Key
from support.okta import (
    CODE_LIFETIME_S,
    WRONG_SECRET,
    changed,
    discovery_document,
    id_token_claims,
    okta_headers,
    self_posting_form,
    token_error,
)
from support.tokens import Forgery, Json, base64url, half_hash, jwk_set, rsa_key, sign

Hook = Callable[[web.Request], web.StreamResponse | Awaitable[web.StreamResponse]]

ORG_SERVER: Final = "/oauth2"


@dataclass(frozen=True)
class Received:
    """One request that the provider got. ``endpoint`` is discovery, keys, authorize, token, userinfo or logout."""

    endpoint: str
    method: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass
class FakeProvider:
    """An OpenID provider that listens while the ``async with`` block runs.

    What a scenario changes:
        person: the claims of whoever is logged in at the provider. The ID token carries the thin set that Okta's org
            server puts there; userinfo carries all.
        hooks: by endpoint name, what answers instead of the provider.
        metadata_changes, claim_changes, header_changes, token_changes, userinfo_changes: members to replace in the
            discovery document, ID token, its header, the token answer, and userinfo. A value of None removes the
            member; a callable gets the right value and returns the one to send.
        logout_changes: likewise, of what the browser brings back from signing out at the provider.
        authorize_error: (error, description) that the authorization endpoint redirects back with.
        forge: makes the ID token instead of the provider, from the right header and the right claims.
        signing_key, alg, published: the key and algorithm that sign, and the keys published if others than that one.
        keys_name: how the address of the key set ends.
        issuer_path: where below the host the issuer lives: "" as an Okta org server, "/oauth2/default" as a custom one.
    """

    person: Json = field(default_factory=lambda: {"sub": "00u17ada1acme", "name": "Ada", "email": "ada@acme.example"})
    client_id: str = "0oa17n5acme"
    client_secret: str = "s3cret/+:% é-of-acme"
    issuer_path: str = ""
    signing_key: Key = field(default_factory=rsa_key)
    alg: str = "RS256"
    published: list[Key] | None = None
    forge: Forgery | None = None
    keys_name: str = "keys"
    now: Callable[[], float] = time.time
    ssl_context: SSLContext | None = None
    hooks: dict[str, Hook] = field(default_factory=dict)
    metadata_changes: Json = field(default_factory=dict)
    claim_changes: Json = field(default_factory=dict)
    header_changes: Json = field(default_factory=dict)
    token_changes: Json = field(default_factory=dict)
    userinfo_changes: Json = field(default_factory=dict)
    logout_changes: Json = field(default_factory=dict)
    authorize_error: tuple[str, str] | None = None
    received: list[Received] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self._codes: dict[str, Json] = {}
        self._access_tokens: dict[str, Json] = {}

    async def __aenter__(self) -> Self:
        app = web.Application()
        base = f"{self.issuer_path.rstrip('/')}" if self.issuer_path.strip("/") else ""
        server = f"{base or ORG_SERVER}/v1"
        for endpoint, method, path in (
            ("discovery", "GET", f"{base}/.well-known/openid-configuration"),
            ("keys", "GET", f"{server}/{self.keys_name}"),
            ("authorize", "GET", f"{server}/authorize"),
            ("token", "POST", f"{server}/token"),
            ("userinfo", "GET", f"{server}/userinfo"),
            ("logout", "GET", f"{server}/logout"),
        ):
            app.router.add_route(method, path, self._answering(endpoint))
        self._server = f"{self.origin}{server}"
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self.ssl_context)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self.ssl_context else 'http'}://127.0.0.1:{self.port}"

    @property
    def issuer(self) -> str:
        """The issuer identifier, exactly as ``iss`` carries it."""
        return self.origin + self.issuer_path

    def endpoint(self, name: str) -> str:
        """Return the address of an endpoint: authorize, token, userinfo, keys, logout."""
        base = self.issuer_path.rstrip("/") or ORG_SERVER
        return f"{self.origin}{base}/v1/{self.keys_name if name == 'keys' else name}"

    def requests(self, endpoint: str) -> list[Received]:
        """Return what an endpoint received so far, oldest first."""
        return [request for request in self.received if request.endpoint == endpoint]

    def metadata(self) -> Json:
        """Return the discovery document as it is published now."""
        return changed(discovery_document(self.issuer, self.endpoint, self.alg), self.metadata_changes)

    def id_token(self, nonce: str, access_token: str, person: Json | None = None) -> str:
        """Return a signed ID token as the token endpoint answers it now."""
        now = int(self.now())
        claims = id_token_claims(person or self.person, now) | {
            "iss": self.issuer,
            "aud": self.client_id,
            "nonce": nonce,
            "at_hash": half_hash(access_token, f"sha{self.alg[2:]}"),
        }
        header = changed({"kid": self.signing_key.kid, "alg": self.alg}, self.header_changes)
        claims = changed(claims, self.claim_changes)
        return self.forge(header, claims) if self.forge else sign(header, claims, self.signing_key, self.alg)

    async def log_in(self, authorization_url: str) -> str:
        """Open the authorization URL as a browser does, and return the address it is redirected to."""
        async with (
            aiohttp.ClientSession() as browser,
            browser.get(authorization_url, allow_redirects=False) as answer,
        ):
            if answer.status != 302:
                message = f"the provider showed its own page: {answer.status} {await answer.text()}"
                raise AssertionError(message)
            return answer.headers["Location"]

    async def log_in_to_form(self, authorization_url: str) -> tuple[str, dict[str, str]]:
        """Open the authorization URL, and return where the page that comes posts the answer to, and the answer."""
        async with aiohttp.ClientSession() as browser, browser.get(authorization_url) as answer:
            page = await answer.text()
        action = re.search(r'action="([^"]*)"', page)
        assert action is not None, f"the provider sent no form: {answer.status} {page}"
        fields = re.findall(r'name="([^"]*)" value="([^"]*)"', page)
        return html.unescape(action[1]), {name: html.unescape(value) for name, value in fields}

    def _answering(self, endpoint: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        own: Hook = getattr(self, f"_{endpoint}")

        async def answer(request: web.Request) -> web.StreamResponse:
            form = dict(await request.post()) if request.method == "POST" else {}
            texts = {name: value for name, value in form.items() if isinstance(value, str)}
            self.received.append(Received(endpoint, request.method, dict(request.query), texts, dict(request.headers)))
            given = self.hooks.get(endpoint, own)(request)
            return await given if inspect.isawaitable(given) else given

        return answer

    def _discovery(self, _: web.Request) -> web.Response:
        return web.json_response(self.metadata(), headers=okta_headers("max-age=86400, must-revalidate"))

    def _keys(self, _: web.Request) -> web.Response:
        keys = [self.signing_key] if self.published is None else self.published
        return web.json_response(jwk_set(*keys), headers=okta_headers("max-age=3885115, must-revalidate"))

    def _authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        wrong = self._wrong_with(asked)
        if wrong:
            return web.Response(status=400, text=f"<h1>400</h1>{wrong}", content_type="text/html")
        if self.authorize_error is None:
            code = secrets.token_urlsafe(24)
            self._codes[code] = {**asked, "person": dict(self.person), "until": self.now() + CODE_LIFETIME_S}
            answer = {"code": code, "state": asked["state"]}
        else:
            error, description = self.authorize_error
            answer = {"state": asked["state"], "error": error, "error_description": description}
        if asked.get("response_mode") == "form_post":
            return web.Response(text=self_posting_form(asked["redirect_uri"], answer), content_type="text/html")
        return web.Response(status=302, headers={"Location": f"{asked['redirect_uri']}?{urlencode(answer)}"})

    def _wrong_with(self, asked: Mapping[str, str]) -> str | None:
        if asked.get("client_id") != self.client_id:
            return "client_id"
        if asked.get("response_type") != "code" or "openid" not in asked.get("scope", "").split():
            return "response_type or scope"
        if asked.get("code_challenge_method") != "S256" or len(asked.get("code_challenge", "")) != 43:
            return "code_challenge"
        missing = [name for name in ("redirect_uri", "state", "nonce") if not asked.get(name)]
        return missing[0] if missing else None

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        if not self._client_is_authenticated(request, form):
            return token_error(401, WRONG_SECRET)
        granted = self._codes.pop(form.get("code", ""), None)
        verifier = form.get("code_verifier", "").encode()
        challenge = base64url(hashlib.sha256(verifier).digest())
        if granted is None or granted["until"] < self.now() or granted["redirect_uri"] != form.get("redirect_uri"):
            description = "The authorization code is invalid or has expired."
            return token_error(400, {"error": "invalid_grant", "error_description": description})
        if granted["code_challenge"] != challenge:
            return token_error(400, {"error": "invalid_grant", "error_description": "PKCE verification failed."})
        access_token = secrets.token_urlsafe(32)
        self._access_tokens[access_token] = granted["person"]
        answer = {
            "token_type": "Bearer",
            "expires_in": 3600,
            "access_token": access_token,
            "scope": "profile email openid",
            "id_token": self.id_token(granted["nonce"], access_token, granted["person"]),
        }
        return web.json_response(changed(answer, self.token_changes), headers=okta_headers("no-cache, no-store"))

    def _client_is_authenticated(self, request: web.Request, form: Mapping[str, str]) -> bool:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            client_id, _, secret = base64.b64decode(value).decode("ascii").partition(":")
            given = (unquote_plus(client_id), unquote_plus(secret))
        else:
            given = (form.get("client_id", ""), form.get("client_secret", ""))
        return given == (self.client_id, self.client_secret)

    def _logout(self, request: web.Request) -> web.Response:
        """End the session here and send the browser back (OpenID Connect RP-Initiated Logout 2 and 3)."""
        back, state = request.query.get("post_logout_redirect_uri"), request.query.get("state")
        if back is None:
            return web.Response(text="<h1>You are signed out.</h1>", content_type="text/html")
        asked = changed({} if state is None else {"state": state}, self.logout_changes)
        return web.Response(status=302, headers={"Location": f"{back}?{urlencode(asked)}" if asked else back})

    def _userinfo(self, request: web.Request) -> web.Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        person = self._access_tokens.get(token)
        if person is None:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return web.json_response(changed(person, self.userinfo_changes), headers=okta_headers("no-cache, no-store"))
